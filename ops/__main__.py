"""The commands of the operator: `python -m ops --help`."""

# ruff: noqa: PLC0415  # a command imports what it needs, so that `--help` answers at once

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ops import ANNOUNCEMENT
from ops.screen import ID_LENGTH
from ops.terminal import until_closed
from shared.payments.entry import EntryState

if TYPE_CHECKING:
    from ops.site import Site


type _Command = argparse.ArgumentParser


def main(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code."""
    if arguments[:1] == ["deploy"]:  # it has a command line of its own, as it makes the stack
        from ops.deploy import command

        return until_closed(lambda: command.main(arguments[1:]))
    return until_closed(lambda: _run(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ops",
        description="Operate the backend, on this machine or deployed. A command that changes"
        " something first shows what it would do, and does it only with --do.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    stack = _stack()

    def add(name: str, function: str, words: str) -> _Command:
        command = commands.add_parser(name, parents=[stack], help=words, description=words)
        command.set_defaults(function=function)
        return command

    _add_looks(add)
    _add_payment(add)
    _add_letters(add)
    _add_restored(add)
    _add_locations(add)
    _add_person(add)
    _add_platform(add)
    words = "deploy an environment: ask, show the change set, execute it, check the result"
    commands.add_parser("deploy", add_help=False, help=words)
    return parser


def _add_looks(add: Callable[[str, str, str], _Command]) -> None:
    _lists(add("status", "status.status", "what is wrong right now, and what to type next"))

    command = add("location", "location.location", "everything about one location")
    command.add_argument("location", type=_id, metavar="LOCATION", help="the id of the location")
    command.add_argument("--all", action="store_true", help="all that has happened to it")
    which = command.add_mutually_exclusive_group()
    which.add_argument(
        "--resume",
        action="store_true",
        help="let a call prove the CRM token again, for all of its chain that is stopped",
    )
    which.add_argument(
        "--trust", action="store_true", help="accept that the CRM token is the location's own"
    )
    which.add_argument(
        "--send-refused", action="store_true", help="send the calls again that Altegio refused"
    )
    _changes(command)
    _lists(command)

    command = add("call", "call.call", "everything about one call, by its id")
    command.add_argument("location", type=_id, metavar="LOCATION", help="the id of its location")
    command.add_argument("call", metavar="CALL_ID", help="as the PBX told it")
    _lists(command)

    command = add("account", "accounts.account", "an account: whose it is, its key, its country")
    command.add_argument(
        "account",
        metavar="ACCOUNT",
        help="its id, its id in your portal, or that of one of its locations",
    )
    which = command.add_mutually_exclusive_group()
    which.add_argument("--new-key", action="store_true", help="make a new key for its PBX")
    which.add_argument(
        "--country",
        metavar="COUNTRY",
        type=str.upper,
        help="in which its numbers are read: the two letters of ISO 3166, such as DE",
    )
    which.add_argument(
        "--hand-over", metavar="ACCOUNT_ID", help="give it to a customer of your portal, by its id"
    )
    _changes(command)
    _lists(command)


def _add_payment(add: Callable[[str, str, str], _Command]) -> None:
    words = "the payments and refunds that are not settled; or all about one, and the ways out"
    command = add("payment", "payment.payment", words)
    command.add_argument(
        "key",
        nargs="?",
        metavar="KEY",
        help="such as payment#inv-1001, or only the event's id, inv-1001",
    )
    which = command.add_mutually_exclusive_group()
    which.add_argument(
        "--state",
        choices=[str(it) for it in EntryState if it is not EntryState.SENT],
        help="list each entry in this state",
    )
    which.add_argument(
        "--if-refunded", action="store_true", help="tell what its refund would do to the location"
    )
    which.add_argument(
        "--look", action="store_true", help="let reconcile look for it again if it NEEDS_HUMAN"
    )
    which.add_argument(
        "--adopt", type=_id, metavar="ID", help="the platform took it, under this id of its own"
    )
    which.add_argument(
        "--send", action="store_true", help="the platform did not take it: send it again"
    )
    which.add_argument("--close", metavar="REASON", help="give it up for good; the reason is kept")
    _changes(command, force=True)
    _lists(command)


def _add_letters(add: Callable[[str, str, str], _Command]) -> None:
    words = "the dead letters, masked, and which are safe to replay"
    command = add("letters", "dead_letters.letters", words)
    command.add_argument(
        "id", nargs="*", metavar="ID", help="the beginning of a letter's id, or `all`"
    )
    command.add_argument("--queue", choices=["billing", "calls"], help="of one queue only")
    command.add_argument("--location", type=_id, metavar="N", help="those that name it")
    command.add_argument("--event", metavar="EVENT_ID", help="those of an event, or of a call")
    which = command.add_mutually_exclusive_group()
    which.add_argument("--replay", action="store_true", help="put them on their queue again")
    which.add_argument("--drop", action="store_true", help="delete them for good")
    _changes(command, force=True)
    _lists(command)


def _add_restored(add: Callable[[str, str, str], _Command]) -> None:
    words = "after a restore of the tables: look for each payment before it is sent"
    command = add("restored", "restored.restored", words)
    which = command.add_mutually_exclusive_group()
    which.add_argument(
        "--since",
        type=_moment,
        metavar="TIME",
        help="to which the tables were restored, such as 2026-11-28T02:00Z; the longest that AWS"
        " goes back if left out",
    )
    which.add_argument(
        "--release", action="store_true", help="billing has sent again whatever may be lost"
    )
    _changes(command)


def _add_locations(add: Callable[[str, str, str], _Command]) -> None:
    command = add("uninstall", "uninstall.uninstall", "uninstall the application from a location")
    _takes_location(command)
    _changes(command)

    command = add(
        "take", "take.take", "give a location that was installed by another way to an account"
    )
    _takes_location(command)
    command.add_argument("account", metavar="ACCOUNT", help="its id, or its id in your portal")
    command.add_argument(
        "--reason", required=True, metavar="TEXT", help="how you know whose it is; in the journal"
    )
    _changes(command)

    command = add("lines", "lines.lines", "show, enter or remove the lines of a location's account")
    _takes_location(command)
    which = command.add_mutually_exclusive_group()
    which.add_argument(
        "--enter", metavar="LINE", help="its calls are of LOCATION; an extension if there is none"
    )
    which.add_argument("--remove", metavar="LINE", help="nobody knows any more whose it is")
    which.add_argument(
        "--import",
        dest="file",
        type=Path,
        metavar="FILE",
        help="enter what a CSV file has, with the columns line and location_id",
    )
    _changes(command)
    _lists(command)


def _add_person(add: Callable[[str, str, str], _Command]) -> None:
    command = add(
        "person", "person.person", "export or erase what is stored of an account or a location"
    )
    command.add_argument("action", choices=["export", "erase"])
    command.add_argument(
        "account", nargs="?", metavar="ACCOUNT", help="its id, or its id in your portal"
    )
    command.add_argument(
        "--location", type=_id, metavar="N", help="one location instead of an account"
    )
    command.add_argument(
        "--to", type=Path, metavar="FILE", help="a new file for the data, or for the receipt"
    )
    command.add_argument(
        "--reason", metavar="TEXT", help="of an erasure: who asked, without a name, as it is kept"
    )
    _changes(command)


def _add_platform(add: Callable[[str, str, str], _Command]) -> None:
    command = add("census", "census.census", "show where our tables and the platform differ")
    command.add_argument("--new", action="store_true", help="take a census now, as a dry run")
    command.add_argument(
        "--fuse", type=_id, metavar="N", help="allow N repairs; only together with --do"
    )
    _changes(command)
    _lists(command)

    command = add(
        "publication",
        "publication.publication",
        "print what the Developer Cabinet needs, and check whether the stack is ready",
    )
    command.add_argument(
        "--location",
        type=_id,
        metavar="N",
        help="check instead which assumptions about the platform hold in this location",
    )
    _lists(command)

    command = add("doctor", "doctor.doctor", "tell why a signature does not fit")
    command.add_argument(
        "what",
        nargs="?",
        default="-",
        metavar="WHAT",
        help="the address of a redirect in quotes, the JSON body of a payment event, or a file with"
        " one of them; standard input if left out",
    )
    command.add_argument("--ask", action="store_true", help="ask for another token, and try it too")


def _stack() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    stack = parser.add_argument_group("which stack", "the local one, unless another is named")
    stack.add_argument("--stack-name", metavar="NAME", help="a deployed stack of CloudFormation")
    stack.add_argument("--profile", help="a profile of the AWS CLI")
    stack.add_argument("--region", help="the region of the stack, if the profile has another")
    stack.add_argument(
        "--announced",
        type=Path,
        default=ANNOUNCEMENT,
        metavar="FILE",
        help="a local stack that was started with `up --announce FILE`",
    )
    return parser


def _takes_location(command: _Command) -> None:
    command.add_argument("location", type=_id, metavar="LOCATION", help="the id of the location")


def _lists(command: _Command) -> None:
    command.add_argument("--json", action="store_true", help="print JSON")


def _changes(command: _Command, *, force: bool = False) -> None:
    command.add_argument("--do", action="store_true", help="do it; otherwise it is only shown")
    if force:
        command.add_argument(
            "--force", action="store_true", help="do it although something speaks against it"
        )


def _id(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > ID_LENGTH:
        message = f"{text!r} is no id"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        message = f"{text!r} is no time with its offset, such as 2026-11-28T02:00Z"
        raise argparse.ArgumentTypeError(message)
    return moment


def _run(options: argparse.Namespace) -> int:
    """Run the command at the stack that it names; 2 with a sentence if that cannot be done."""
    # The functions' logger writes to the terminal, too; what it says, the screen says.
    os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")
    from botocore.exceptions import BotoCoreError, ClientError

    from ops import screen, site
    from ops.evidence import NoSuchEntry

    module, _dot, name = options.function.partition(".")
    command: Callable[[Site, argparse.Namespace], int]
    command = getattr(import_module(f"ops.{module}"), name)
    try:
        return command(site.opened(site.find(options)), options)
    except (site.NoStack, NoSuchEntry) as error:
        print(screen.wrapped(str(error)), file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(screen.wrapped(f"AWS: {error}"), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
