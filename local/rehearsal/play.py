"""Plays the checks, several at once, on a platform and a stack of their own.

Most of a check is waiting, and each has an owner and locations of its own. On a busy machine they
are played one by one: there, those beside a check would make it fail by slowness.
"""

import os
import re
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from local.examples.mailbox import Mailbox
from local.examples.portal import Portal
from local.rehearsal.album import Album
from local.rehearsal.billing import Billing, Doors
from local.rehearsal.browser import Browser
from local.rehearsal.checks import CHECKS, Check, Step
from local.rehearsal.screen import CheckLines, Screen
from local.rehearsal.settings import Settings
from local.rehearsal.stage import Evidence, NotAsExpectedError, OverError, Stage
from local.simulator import Call, Delivery, LogEntry, Owner, Payment, Simulator
from local.stack.stack import Stack
from shared.reconcile.census.table import CensusTable

_AT_ONCE = 4  # with more, two processors would have more to start than to do
_BUSY = 2.0  # the load of a processor
_NOTICED_AFTER_S = 0.5  # at the latest, Ctrl-C
PATIENCE_S = 40.0
"""Seconds that anything expected may take, on a machine that is busy with other things."""
# Made up, as everybody here is. Each check has an owner of its own, and so begins with a user who
# is not registered. The name of the fifth makes a link with each character that base64 may have.
PEOPLE = (
    ("Zoë Müller", "Salon Zoë"),
    ("Anna Schmidt", "Studio Nord"),
    ("Jonas Weber", "Barbershop Weber"),
    ("María López", "Clínica López"),
    ("Полина Попова", "Салон «Полина»"),
    ("Liam O'Neil", "O'Neil & Sons"),
    ("Chiara Rossi", "Estetica Rossi"),
)
_PORTAL_KEY = "rehearsal-portal-key-for-nothing-real"
_BILLING_KEY = "rehearsal-billing-key-for-nothing-real"
_STRIPE_SECRET = "whsec_rehearsal-secret-for-nothing-real"  # noqa: S105  # opens nothing


class Failure(NamedTuple):
    """Why a step failed."""

    expected: str
    recorded: str


@dataclass(slots=True)
class Played:
    """A step as it went.

    Attributes:
        step: The step.
        began_at: When (UTC).
        seconds: How long.
        evidence: What was found, in order.
        failure: Why it failed; None if it passed.
    """

    step: Step
    began_at: datetime
    seconds: float = 0
    evidence: list[Evidence] = field(default_factory=list)
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What the platform has on record about a location in the end."""

    location_id: int
    state: str
    log: list[LogEntry]
    payments: list[Payment]


@dataclass(slots=True)
class Outcome:
    """A check as it went.

    Attributes:
        check: The check.
        stage: What it was played on: its owner, locations, pages.
        steps: The steps that were played; none after one that failed.
        calls: What the application sent to the platform.
        webhooks: What the platform sent to the application.
        records: What the platform has on record in the end.
        afterthought: What was found wrong when all was over; None if nothing.
    """

    check: Check
    stage: Stage
    steps: list[Played] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    webhooks: list[Delivery] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    afterthought: Failure | None = None

    @property
    def failure(self) -> Failure | None:
        """Why the check failed; None if it passed."""
        return next((each.failure for each in self.steps if each.failure), self.afterthought)

    @property
    def has_passed(self) -> bool:
        """Whether every step was played and found as expected."""
        return self.failure is None and len(self.steps) == len(self.check.steps)

    @property
    def verdict(self) -> str:
        """In one word."""
        return "passed" if self.has_passed else "failed"

    @property
    def seconds(self) -> float:
        """How long its steps took."""
        return sum(each.seconds for each in self.steps)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """All that happened, and where.

    Attributes:
        began_at: When (UTC).
        seconds: How long, with starting and ending everything.
        outcomes: One per check.
        platform: Its records; it serves no more.
        settings: Of the stack and the platform.
        logs: Folder of the functions' logs.
        at_once: How many checks were played at once, at the most.
    """

    began_at: datetime
    seconds: float
    outcomes: Sequence[Outcome]
    platform: Simulator
    settings: Settings
    logs: Path
    at_once: int = 1

    @property
    def has_passed(self) -> bool:
        """Whether every check has."""
        return all(outcome.has_passed for outcome in self.outcomes)


def play(
    screen: Screen,
    *,
    settings: Settings,
    album: Album,
    logs: Path,
    artifact: Path | None = None,
    numbers: Collection[int] = (),
) -> Rehearsal:
    """Start everything, play the checks, end everything.

    Args:
        screen: Shows how it goes.
        settings: Of the stack, and of the platform as far as they agree.
        album: Gets the pages that the owners see.
        logs: Folder of the functions' logs.
        artifact: A built artifact; None builds the project's if it is stale.
        numbers: The checks to play; empty plays all.

    Raises:
        OSError, RuntimeError, ValueError, subprocess.CalledProcessError: As `Stack.__enter__`.
    """
    began_at, started = datetime.now(UTC), time.monotonic()
    platform = Simulator(
        application_id=settings.application_id,
        trial_days=int(settings["TRIAL_DAYS"]),
        zone=settings["PLATFORM_TIMEZONE"],
    )
    outcomes: list[Outcome] = []
    started_stack = _started(screen, platform, settings, logs, artifact)
    with started_stack as stack, ExitStack() as opened:
        doors = Doors(stack.billing_queue_url, stack.api, _BILLING_KEY, _STRIPE_SECRET)
        billing = Billing(stack.client("sqs"), doors)
        roll = CensusTable(stack.client("dynamodb"), stack.tables["CensusTable"])
        mailbox, over = Mailbox(stack.aws_endpoint_url), threading.Event()
        for check in CHECKS:
            if numbers and check.number not in numbers:
                continue
            owner = _owner(check)
            stage = Stage(
                platform,
                billing,
                opened.enter_context(Browser()),
                owner,
                chain=2000 + 101 * check.number,
                take_census=lambda: roll.order(datetime.now(UTC), repairs=True),
                patience_s=PATIENCE_S,
                api=stack.api,
                code=partial(_code, mailbox, owner),
                portal=partial(_portal, platform, settings, logs / "portal", stack.artifact),
                over=over,
            )
            outcomes.append(Outcome(check, stage))
        at_once = _at_once()
        _play_all(screen, outcomes, album, over, at_once)
        _look_back(platform, outcomes)
    seconds = time.monotonic() - started
    return Rehearsal(began_at, seconds, outcomes, platform, settings, stack.logs, at_once)


def _at_once() -> int:
    """How many checks are played at once."""
    load, _, _ = os.getloadavg()
    return _AT_ONCE if load < _BUSY * (os.process_cpu_count() or 1) else 1


def _play_all(
    screen: Screen,
    outcomes: Sequence[Outcome],
    album: Album,
    over: threading.Event,
    at_once: int,
) -> None:
    """Play all checks; after Ctrl-C each ends where it next looks at something."""
    with ThreadPoolExecutor(at_once) as pool:
        lines = [screen.check(each.check.number, each.check.title) for each in outcomes]
        try:
            played = zip(outcomes, lines, strict=True)
            playing = [pool.submit(_perform, album, *each) for each in played]
            for each in playing:
                # Ctrl-C wakes nobody who is only about to wait, so no wait is a long one.
                while wait([each], timeout=_NOTICED_AFTER_S).not_done:
                    pass
                each.result()
        except BaseException:
            over.set()
            raise


def _perform(album: Album, outcome: Outcome, lines: CheckLines) -> None:
    stage = outcome.stage
    with suppress(OverError):
        outcome.steps.extend(_steps(lines, outcome.check, stage))
        lines.end()
        album.add(outcome.check.number, stage.owner.name, stage.sights)


def _code(mailbox: Mailbox, owner: Owner) -> str:
    """In the last letter to an owner.

    Raises:
        ValueError: There is none.
    """
    letters = [it["text"] for it in mailbox.letters() if owner.email in it["to"]]
    found = re.search(r"\d{4} \d{4} \d{4}", next(iter(letters), ""))
    if found is None:
        raise ValueError("no letter has a code")
    return found[0]


def _owner(check: Check) -> Owner:
    number = check.number
    name, business = PEOPLE[number - 1]
    return Owner(
        id=7000 + 10 * number,
        name=name,
        phone=f"1555123000{number}",
        email=f"owner{number}@example.com",
        salon_name=business,
    )


@contextmanager
def _started(
    screen: Screen, platform: Simulator, settings: Settings, logs: Path, artifact: Path | None
) -> Iterator[Stack]:
    screen.starting()
    with (
        platform,
        Stack(
            platform_url=platform.url,
            partner_token=platform.partner_token,
            user_token=platform.user_token,
            billing_key=_BILLING_KEY,
            stripe_secret=_STRIPE_SECRET,
            application_id=platform.application_id,
            settings=settings.variables(),
            artifact=artifact,
            logs=logs,
        ) as stack,
    ):
        platform.redirect_url = f"{stack.api}/connect"
        platform.callback_url = f"{stack.api}/webhooks/altegio"
        screen.started()
        yield stack


@contextmanager
def _portal(platform: Simulator, settings: Settings, logs: Path, artifact: Path) -> Iterator[str]:
    """A second stack, whose owners go on to the portal of their telephony company; its page."""
    with Portal(_PORTAL_KEY) as portal:
        stack = Stack(
            platform_url=platform.url,
            partner_token=platform.partner_token,
            user_token=platform.user_token,
            portal_key=portal.key,
            application_id=platform.application_id,
            settings={**settings.variables(), "PORTAL_URL": portal.url},
            artifact=artifact,
            logs=logs,
        )
        with stack:
            portal.api = stack.api
            yield f"{stack.api}/connect"


def _steps(lines: CheckLines, check: Check, stage: Stage) -> Iterator[Played]:
    """Play a check's steps until one fails."""
    for step in check.steps:
        played = Played(step, datetime.now(UTC))
        started = time.monotonic()
        lines.playing(step.name)
        try:
            played.evidence.extend(step.play(stage))
        except NotAsExpectedError as error:
            played.failure = Failure(error.expected, error.recorded)
        except (BotoCoreError, ClientError, httpx.HTTPError, TimeoutError, ValueError) as error:
            played.failure = Failure("the step to be playable", f"{type(error).__name__}: {error}")
        played.seconds = time.monotonic() - started
        lines.played(step.name, played.failure)
        yield played
        if played.failure:
            return


def _look_back(platform: Simulator, outcomes: Sequence[Outcome]) -> None:
    """Take the platform's records when all is over, and judge what came after each check."""
    for call in platform.journal:
        # One that is about none of them is in the first.
        concerned = next((it for it in outcomes if it.stage.concerns(call)), outcomes[0])
        concerned.calls.append(call)
    for outcome in outcomes:
        locations = outcome.stage.locations
        outcome.webhooks = [each for each in platform.webhooks() if each.location_id in locations]
        outcome.records = [
            Record(each, platform.state(each), platform.log(each), platform.payments(each))
            for each in locations
        ]
        outcome.afterthought = _afterthought(outcome)


def _afterthought(outcome: Outcome) -> Failure | None:
    for call in outcome.calls:
        if call.violation:
            recorded = f"{call.method} {call.path} refused: {call.violation}"
            return Failure("every call as the platform documents it", recorded)
    try:
        for location_id in outcome.stage.locations:
            outcome.stage.expect(
                "what was billed, also in the end", outcome.stage.paid(location_id)
            )
    except NotAsExpectedError as error:
        return Failure(error.expected, error.recorded)
    return None
