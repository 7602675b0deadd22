"""The commands of the operator: `python -m ops --help`."""

# ruff: noqa: PLC0415  # a command imports what it needs, so that `--help` answers at once

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops import ANNOUNCEMENT
from shared.payments.entry import EntryState

if TYPE_CHECKING:
    from ops.site import Site

_ID_LENGTH = 18
_UNITS = {"min": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class _Options:
    """The options that several commands share, as parents of their parsers."""

    stack: argparse.ArgumentParser
    changes: argparse.ArgumentParser
    forced: argparse.ArgumentParser
    listed: argparse.ArgumentParser


def main(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    return command(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ops", description="Operate the backend, here or deployed."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shared = _Options(
        stack=_stack(),
        changes=_flag("--do", "do it; otherwise it is only shown"),
        forced=_flag("--force", "in spite of what speaks against it"),
        listed=_flag("--json", "for machines"),
    )
    _add_payments(commands, shared)
    _add_locations(commands, shared)
    return parser


def _add_payments(commands: "argparse._SubParsersAction[Any]", shared: _Options) -> None:
    """What becomes of payments and refunds."""
    command = commands.add_parser(
        "payments",
        parents=[shared.stack, shared.listed],
        help="what needs attention, by state and cause",
    )
    command.add_argument("--state", choices=[*map(str, EntryState)], help="with the entries in it")
    command.add_argument("--location", type=_id, metavar="N", help="with its entries")
    command.set_defaults(command=_at_site("payments", "payments"))

    command = commands.add_parser(
        "payment",
        parents=[shared.stack],
        help="all about one, and what the platform's list says of it",
    )
    _add_key(command)
    command.set_defaults(command=_at_site("payment", "payment_shown"))

    command = commands.add_parser(
        "look",
        parents=[shared.stack, shared.changes],
        help="look a payment up again that NEEDS_HUMAN",
    )
    _add_key(command)
    command.set_defaults(command=_at_site("payment", "look"), force=False)

    command = commands.add_parser(
        "adopt",
        parents=[shared.stack, shared.changes, shared.forced],
        help="the platform took it, under this id",
    )
    _add_key(command)
    command.add_argument("id", type=_id, metavar="ID", help="the platform's")
    command.set_defaults(command=_at_site("payment", "adopt"))

    command = commands.add_parser(
        "send",
        parents=[shared.stack, shared.changes, shared.forced],
        help="the platform did not take it: send it",
    )
    _add_key(command)
    command.set_defaults(command=_at_site("payment", "send"))

    command = commands.add_parser(
        "close", parents=[shared.stack, shared.changes, shared.forced], help="give it up for good"
    )
    _add_key(command)
    command.add_argument("--reason", required=True, metavar="TEXT", help="kept with it")
    command.set_defaults(command=_at_site("payment", "close"))

    command = commands.add_parser(
        "if-refunded",
        parents=[shared.stack, shared.listed],
        help="what a refund would do; reads only",
    )
    _add_key(command)
    command.set_defaults(command=_at_site("refunds", "if_refunded"))

    queue = argparse.ArgumentParser(add_help=False)
    queue.add_argument(
        "--queue", choices=["billing", "calls"], default="billing", help="whose (billing)"
    )

    command = commands.add_parser(
        "letters",
        parents=[shared.stack, queue, shared.listed],
        help="the dead letters, and whether a replay is safe",
    )
    command.set_defaults(command=_at_site("dead_letters", "letters"))

    command = commands.add_parser(
        "replay",
        parents=[shared.stack, queue, shared.changes, shared.forced],
        help="bring dead letters to the queue again",
    )
    command.add_argument("id", metavar="ID", help="of a letter, or how it begins; or `all`")
    command.set_defaults(command=_at_site("dead_letters", "replay"))


def _add_locations(commands: "argparse._SubParsersAction[Any]", shared: _Options) -> None:
    """How locations stand."""
    located = argparse.ArgumentParser(add_help=False)
    located.add_argument("location", type=_id, metavar="LOCATION")

    command = commands.add_parser(
        "deadlines",
        parents=[shared.stack, shared.listed],
        help="which locations are switched off next, and why",
    )
    which = command.add_mutually_exclusive_group()
    which.add_argument("--within", type=_span, metavar="48h", help="whose cover ends in that time")
    which.add_argument("--location", type=_id, metavar="N", help="only it; asks the platform")
    command.set_defaults(command=_at_site("deadlines", "deadlines"))

    command = commands.add_parser(
        "timeline",
        parents=[shared.stack, located, shared.listed],
        help="what happened to a location, here and there",
    )
    command.set_defaults(command=_at_site("timeline", "timeline"))

    command = commands.add_parser(
        "uninstall",
        parents=[shared.stack, located, shared.changes],
        help="end the application in a location, from here",
    )
    command.set_defaults(command=_at_site("uninstall", "uninstall"))

    command = commands.add_parser(
        "telephony",
        parents=[shared.stack, located, shared.changes, shared.listed],
        help="a location's chain, CRM token and last calls",
    )
    which = command.add_mutually_exclusive_group()
    which.add_argument("--resume", action="store_true", help="let a call prove the CRM token anew")
    which.add_argument("--trust", action="store_true", help="the CRM token is the location's own")
    command.set_defaults(command=_at_site("telephony", "telephony"))

    command = commands.add_parser(
        "pbx-key",
        parents=[shared.stack, located, shared.changes],
        help="another key for the PBX of a location's account",
    )
    command.set_defaults(command=_at_site("accounts", "key"))

    command = commands.add_parser(
        "hand-over",
        parents=[shared.stack, located, shared.changes],
        help="the account of a location becomes one of a customer of your portal",
    )
    command.add_argument("customer", metavar="ACCOUNT_ID", help="what your portal calls him")
    command.set_defaults(command=_at_site("accounts", "hand_over"))

    command = commands.add_parser(
        "census",
        parents=[shared.stack, shared.changes, shared.listed],
        help="in what we and the platform differ",
    )
    command.add_argument("--new", action="store_true", help="take one now, as a dry run")
    command.add_argument(
        "--fuse", type=_id, metavar="N", help="with --do: so many repairs are allowed"
    )
    command.set_defaults(command=_at_site("census", "census"))

    command = commands.add_parser(
        "probe",
        parents=[shared.stack, located, shared.listed],
        help="which assumptions hold in a location; reads only",
    )
    command.set_defaults(command=_at_site("probe", "probe"))

    command = commands.add_parser(
        "publication",
        parents=[shared.stack, shared.listed],
        help="what goes into the Developer Cabinet, and whether all is ready; changes nothing",
    )
    command.set_defaults(command=_at_site("publication", "publication"))

    command = commands.add_parser(
        "doctor",
        parents=[shared.stack],
        help="by which construction a signature was made; reads only",
    )
    command.add_argument(
        "what",
        nargs="?",
        default="-",
        metavar="WHAT",
        help="the address of a redirect in quotes, the JSON body of a payment event, or a file with"
        " either; standard input if left out",
    )
    command.add_argument(
        "--ask",
        action="store_true",
        help="for another key to try, unless it is in the environment variable OTHER_KEY; with"
        " one, no stack is needed",
    )
    command.set_defaults(command=_told(_doctor))


def _flag(name: str, words: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(name, action="store_true", help=words)
    return parser


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


def _at_site(module: str, name: str) -> Callable[[argparse.Namespace], int]:
    """A command of this package that works at the site of a stack."""

    def command(options: argparse.Namespace) -> int:
        from ops import site

        run: Callable[[Site, argparse.Namespace], int] = _loaded(module, name)
        return run(site.opened(site.find(options)), options)

    return _told(command)


def _doctor(options: argparse.Namespace) -> int:
    run: Callable[[argparse.Namespace], int] = _loaded("doctor", "doctor")
    return run(options)


def _loaded(module: str, name: str) -> Any:
    """A function of this package, which is loaded when it is run."""
    return getattr(import_module(f"ops.{module}"), name)


def _told(command: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """The command; what stands in its way is told in a sentence, and 2 returned."""

    def told(options: argparse.Namespace) -> int:
        # The functions' logger writes to the terminal, too; what it says, the screen says.
        os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")
        from botocore.exceptions import BotoCoreError, ClientError

        from ops import screen, site
        from ops.evidence import NoSuchEntry

        try:
            return command(options)
        except (site.NoStack, NoSuchEntry) as error:
            print(screen.wrapped(str(error)), file=sys.stderr)
        except (BotoCoreError, ClientError) as error:
            print(screen.wrapped(f"AWS: {error}"), file=sys.stderr)
        return 2

    return told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
