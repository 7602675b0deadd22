"""The local stack and the platform that it talks to, opened and closed together."""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.examples.mailbox import SENDER
from local.simulator import Simulator
from local.simulator.neighbours import Neighbours
from local.stack.stack import Stack


@dataclass(frozen=True, slots=True)
class World:
    """A stack that serves; `simulator` is None if it talks to another platform."""

    stack: Stack
    simulator: Simulator | None


@contextmanager
def opened(options: argparse.Namespace, *, port: int, logs: Path | None = None) -> Iterator[World]:
    """The stack in front of the given platform, or of a simulator of its own.

    Raises:
        SystemExit: it cannot start; why is said in one line.
    """
    account: dict[str, Any] = {
        "partner_token": options.partner_token,
        "user_token": options.user_token,
        "application_id": options.application_id,
    }
    settings = {"MAIL_FROM": SENDER, **dict(options.set)}
    given = options.platform_url
    with ExitStack() as opening:
        simulator = None if given else opening.enter_context(Simulator(**account))
        url = simulator.url if simulator else given.rstrip("/")
        try:
            stack = opening.enter_context(
                Stack(platform_url=url, port=port, settings=settings, logs=logs, **account)
            )
            if simulator:
                _introduce(simulator, stack)
        except (
            *(OSError, OverflowError, RuntimeError, ValueError),
            *(BotoCoreError, ClientError, subprocess.CalledProcessError),
        ) as error:
            why = " ".join(str(error).split())
            print(f"The local stack cannot start: {why}", file=sys.stderr)
            raise SystemExit(2) from None
        yield World(stack, simulator)


def _introduce(simulator: Simulator, stack: Stack) -> None:
    """Altegio learns what the Cabinet would tell it of the application, and who else is there.

    Raises:
        ValueError: TrialDays is no number.
    """
    simulator.redirect_url = f"{stack.api}/connect"
    simulator.callback_url = f"{stack.api}/webhooks/altegio"
    simulator.set_trial(_days(stack.functions["ReconcileFunction"].environment["TRIAL_DAYS"]))
    simulator.neighbours = Neighbours(
        api=stack.api,
        billing_key=stack.billing_key,
        billing_queue=stack.billing_queue_url,
        run_schedules=lambda: ", ".join(stack.run_schedules()),
    )


def _days(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        message = f"TrialDays is a number of days, not {text!r}."
        raise ValueError(message) from None
