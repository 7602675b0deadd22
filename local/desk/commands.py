"""The command lines of the desk."""

# ruff: noqa: PLC0415  # a command imports what it needs, so that `--help` answers at once

import argparse
import os
import re
import sys
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local import ANNOUNCEMENT
from shared.payment import EntryState

if TYPE_CHECKING:
    from local.desk.desk import Desk

_ID_LENGTH = 18
_UNITS = {"min": "minutes", "h": "hours", "d": "days"}


def add_to(commands: "argparse._SubParsersAction[Any]") -> None:
    """Adds the operator's commands to those of `python -m local`."""
    stack = _stack()
    changes = argparse.ArgumentParser(add_help=False)
    changes.add_argument("--do", action="store_true", help="do it; otherwise it is only shown")
    forced = argparse.ArgumentParser(add_help=False)
    forced.add_argument("--force", action="store_true", help="in spite of what speaks against it")
    listed = argparse.ArgumentParser(add_help=False)
    listed.add_argument("--json", action="store_true", help="for machines")
    located = argparse.ArgumentParser(add_help=False)
    located.add_argument("location", type=_id, metavar="LOCATION")

    command = commands.add_parser(
        "payments", parents=[stack, listed], help="what needs attention, by state and cause"
    )
    command.add_argument("--state", choices=[*map(str, EntryState)], help="with the entries in it")
    command.add_argument("--location", type=_id, metavar="N", help="with its entries")
    command.set_defaults(command=_at_desk("overview", "payments"))

    command = commands.add_parser(
        "payment", parents=[stack], help="all about one, and what the platform's list says of it"
    )
    _add_key(command)
    command.set_defaults(command=_at_desk("exits", "payment_shown"))

    command = commands.add_parser(
        "look", parents=[stack, changes], help="look a payment up again that NEEDS_HUMAN"
    )
    _add_key(command)
    command.set_defaults(command=_at_desk("exits", "look"), force=False)

    command = commands.add_parser(
        "adopt", parents=[stack, changes, forced], help="the platform took it, under this id"
    )
    _add_key(command)
    command.add_argument("id", type=_id, metavar="ID", help="the platform's")
    command.set_defaults(command=_at_desk("exits", "adopt"))

    command = commands.add_parser(
        "send", parents=[stack, changes, forced], help="the platform did not take it: send it"
    )
    _add_key(command)
    command.set_defaults(command=_at_desk("exits", "send"))

    command = commands.add_parser(
        "close", parents=[stack, changes, forced], help="give it up for good"
    )
    _add_key(command)
    command.add_argument("--reason", required=True, metavar="TEXT", help="kept with it")
    command.set_defaults(command=_at_desk("exits", "close"))

    command = commands.add_parser(
        "deadlines", parents=[stack, listed], help="which locations are switched off next, and why"
    )
    which = command.add_mutually_exclusive_group()
    which.add_argument("--within", type=_span, metavar="48h", help="whose cover ends in that time")
    which.add_argument("--location", type=_id, metavar="N", help="only it; asks the platform")
    command.set_defaults(command=_at_desk("deadlines", "deadlines"))

    command = commands.add_parser(
        "timeline",
        parents=[stack, located, listed],
        help="what happened to a location, here and there",
    )
    command.set_defaults(command=_at_desk("timeline", "timeline"))

    command = commands.add_parser(
        "uninstall",
        parents=[stack, located, changes],
        help="end the application in a location, from here",
    )
    command.set_defaults(command=_at_desk("uninstall", "uninstall"))

    command = commands.add_parser(
        "if-refunded", parents=[stack, listed], help="what a refund would do; reads only"
    )
    _add_key(command)
    command.set_defaults(command=_at_desk("refunds", "if_refunded"))

    command = commands.add_parser(
        "letters", parents=[stack, listed], help="the dead letters, and whether a replay is safe"
    )
    command.set_defaults(command=_at_desk("letters", "letters"))

    command = commands.add_parser(
        "replay", parents=[stack, changes, forced], help="bring dead letters to the queue again"
    )
    command.add_argument("id", metavar="ID", help="of a letter, or how it begins; or `all`")
    command.set_defaults(command=_at_desk("letters", "replay"))

    command = commands.add_parser(
        "probe",
        parents=[stack, located, listed],
        help="which assumptions hold in a location; reads only",
    )
    command.set_defaults(command=_at_desk("probe", "probe"))


def _stack() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    stack = parser.add_argument_group("which stack", "the local one, unless another is named")
    stack.add_argument("--stack-name", metavar="NAME", help="a deployed one, of CloudFormation")
    stack.add_argument("--profile", help="of the AWS CLI's configuration")
    stack.add_argument("--region", help="if the profile's is not the stack's")
    stack.add_argument(
        "--announced",
        type=Path,
        default=ANNOUNCEMENT,
        metavar="FILE",
        help="a local one that was started with `up --announce FILE`",
    )
    return parser


def _add_key(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "key", metavar="KEY", help="such as payment#inv-1001, or only the event's id, inv-1001"
    )


def _id(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > _ID_LENGTH:
        message = f"{text!r} is no id"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _span(text: str) -> timedelta:
    found = re.fullmatch("([0-9]{1,5})(min|h|d)", text)
    if found is None:
        message = f"{text!r} is no time such as 90min, 48h or 3d"
        raise argparse.ArgumentTypeError(message)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _at_desk(module: str, name: str) -> Callable[[argparse.Namespace], int]:
    """A command of this package, which is loaded when it is run."""

    def command(options: argparse.Namespace) -> int:
        # The functions' logger writes to the terminal, too; what it says, the screen says.
        os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")
        from botocore.exceptions import BotoCoreError, ClientError

        from local.desk import desk, screen
        from local.desk.evidence import NoSuchEntry

        run: Callable[[Desk, argparse.Namespace], int] = getattr(
            import_module(f"local.desk.{module}"), name
        )
        try:
            return run(desk.opened(desk.find(options)), options)
        except (desk.NoSite, NoSuchEntry) as error:
            print(screen.wrapped(str(error)), file=sys.stderr)
        except (BotoCoreError, ClientError) as error:
            print(screen.wrapped(f"AWS: {error}"), file=sys.stderr)
        return 2

    return command
