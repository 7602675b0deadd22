"""The commands of the operator: `python -m ops --help`."""

# ruff: noqa: PLC0415  # a command imports what it needs, so that `--help` answers at once

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops import ANNOUNCEMENT
from ops.screen import ID_LENGTH
from ops.terminal import until_closed
from shared import iso_8601
from shared.payments.entry import EntryState

if TYPE_CHECKING:
    from ops.site import Site


def main(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code."""
    if arguments[:1] == ["deploy"]:  # it has a command line of its own, as it makes the stack
        from ops.deploy import command

        return until_closed(lambda: command.main(arguments[1:]))
    return until_closed(lambda: _run(_parser().parse_args(arguments)))


def _id(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > ID_LENGTH:
        message = f"{text!r} is no id"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _moment(text: str) -> datetime:
    try:
        return iso_8601.read(text)
    except ValueError as error:
        message = f"{text!r}: {error}; such as 2026-11-28T02:00Z"
        raise argparse.ArgumentTypeError(message) from None


type _Argument = tuple[str, dict[str, Any]]


def _flag(name: str, words: str) -> _Argument:
    return name, {"action": "store_true", "help": words}


def _one(name: str, metavar: str, words: str, type_: Any = str, **more: Any) -> _Argument:
    return name, {"metavar": metavar, "help": words, "type": type_, **more}


_LOCATION = _one("location", "LOCATION", "the id of the location", _id)
_ACCOUNT = _one("account", "ACCOUNT", "its id, its id in your portal, or a location of it")
_OF_LOCATION = _one("--location", "N", "of one location", _id)
_FORCE = _flag("--force", "do it although something speaks against it")
_STATES = [str(it) for it in EntryState if it is not EntryState.SENT]

# Of each command, which is a function of its name, what it does, its arguments, and its ways, of
# which one can be gone at once. With ways, or if it is in `_CHANGES`, it has a `--do`.
_COMMANDS: dict[str, tuple[str, list[_Argument], list[_Argument]]] = {
    "status": ("what is wrong right now, and what to type next", [], []),
    "location": (
        "everything about one location",
        [_LOCATION, _flag("--all", "all that has happened to it")],
        [
            _flag("--resume", "let a call prove the CRM token again, for all of its stopped chain"),
            _flag("--trust", "accept that the CRM token is the location's own"),
            _flag("--send-refused", "send the calls again that Altegio refused, as read now"),
            _flag("--drop-refused", "give the calls up that Altegio refused"),
        ],
    ),
    "call": (
        "everything about one call, by its id",
        [_LOCATION, _one("call", "CALL_ID", "as the PBX told it")],
        [_flag("--drop", "give it up: it waits, or Altegio refused it")],
    ),
    "account": (
        "an account: whose it is, its locations, its key, its country",
        [_ACCOUNT, _flag("--void", "with --new-key: the keys before it are void at once")],
        [
            _flag("--new-key", "make a new key for its PBX; the one before is good for a day"),
            _one("--country", "COUNTRY", "of its numbers, as ISO 3166 has it", str.upper),
            _one("--hand-over", "ACCOUNT_ID", "give it to a customer of your portal, by its id"),
        ],
    ),
    "payment": (
        "the payments and refunds that are not settled; or all about one, and the ways out",
        [_one("key", "KEY", "such as payment#inv-1001, or the event's id", nargs="?"), _FORCE],
        [
            _one("--state", "STATE", f"list each of {', '.join(_STATES)}", choices=_STATES),
            _flag("--if-refunded", "tell what its refund would do to the location"),
            _flag("--look", "let reconcile look for it again if it NEEDS_HUMAN"),
            _one("--adopt", "ID", "the platform took it, under this id of its own", _id),
            _flag("--send", "the platform did not take it: send it again"),
            _one("--close", "REASON", "give it up for good; the reason is kept"),
        ],
    ),
    "letters": (
        "the dead letters, masked, and which are safe to replay",
        [
            _one("id", "ID", "the beginning of a letter's id, or `all`", nargs="*"),
            ("--queue", {"choices": ["billing", "calls", "events"], "help": "of one queue only"}),
            _OF_LOCATION,
            _one("--event", "EVENT_ID", "those of an event, or of a call"),
            _FORCE,
        ],
        [
            _flag("--replay", "put them back on their queue"),
            _flag("--drop", "delete them for good"),
        ],
    ),
    "restored": (
        "after a restore of the tables: look for each payment before it is sent",
        [],
        [
            _one("--since", "TIME", "to which the tables were restored, or 35 days ago", _moment),
            _flag("--release", "billing has sent again whatever may be lost"),
        ],
    ),
    "uninstall": ("uninstall the application from a location", [_LOCATION], []),
    "take": (
        "give a location that was installed by another way to an account",
        [
            _LOCATION,
            _ACCOUNT,
            _one("--reason", "TEXT", "how you know whose it is; in the journal", required=True),
        ],
        [],
    ),
    "lines": (
        "show, enter or remove the lines of a location's account",
        [_LOCATION],
        [
            _one("--enter", "LINE", "its calls are of LOCATION; an extension if there is none"),
            _one("--remove", "LINE", "nobody knows any more whose it is"),
            _one("--drop", "LINE", "give the calls up that wait for it, such as another's"),
            _one("--import", "FILE", "a CSV file of line and location_id", Path, dest="file"),
        ],
    ),
    "person": (
        "export or erase what is stored of an account or a location",
        [
            ("action", {"choices": ["export", "erase"]}),
            _one("account", "ACCOUNT", "its id, or its id in your portal", nargs="?"),
            _OF_LOCATION,
            _one("--reason", "TEXT", "of an erasure: who asked, without a name, as it is kept"),
        ],
        [],
    ),
    "census": (
        "show where our tables and the platform differ",
        [
            _flag("--new", "take a census now, as a dry run"),
            _one("--fuse", "N", "allow N repairs; only together with --do", _id),
        ],
        [],
    ),
    "publication": (
        "print what the Developer Cabinet needs, and check whether the stack is ready for it",
        [_one("--location", "N", "check instead what is assumed of the platform, there", _id)],
        [],
    ),
    "doctor": (
        "tell why a signature does not fit",
        [
            _one("what", "WHAT", "a redirect's address, an event's body, a file or -", nargs="?"),
            _flag("--ask", "ask for another token, and try it too"),
        ],
        [],
    ),
}
# Of whose module the name is another.
_MODULES = {"account": "accounts", "letters": "dead_letters"}
_CHANGES = {"uninstall", "take", "person", "census"}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ops",
        description="Operate the backend, on this machine or deployed. A command that changes"
        " something first shows what it would do, and does it only with --do.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON")
    stack = common.add_argument_group("which stack", "the local one, unless another is named")
    for argument, more in (
        _one("--stack-name", "NAME", "a deployed stack of CloudFormation"),
        _one("--profile", "PROFILE", "a profile of the AWS CLI"),
        _one("--region", "REGION", "the region of the stack, if the profile has another"),
        _one("--announced", "FILE", "a local `up --announce FILE`", Path, default=ANNOUNCEMENT),
    ):
        stack.add_argument(argument, **more)
    for name, (words, arguments, ways) in _COMMANDS.items():
        command = commands.add_parser(name, parents=[common], help=words, description=words)
        command.set_defaults(command=name)
        for argument, more in arguments:
            command.add_argument(argument, **more)
        # Not an empty group, which argparse cannot show.
        which = command.add_mutually_exclusive_group() if ways else command
        for argument, more in ways:
            which.add_argument(argument, **more)
        if ways or name in _CHANGES:
            command.add_argument("--do", **_flag("", "do it; otherwise it is only shown")[1])
    words = "deploy an environment: ask, show the change set, execute it, check the result"
    commands.add_parser("deploy", add_help=False, help=words)
    return parser


def _run(options: argparse.Namespace) -> int:
    """Run the command at the stack that it names; 2 with a sentence if that cannot be done."""
    # The functions' logger writes to the terminal, too; what it says, the screen says.
    os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")
    from botocore.exceptions import BotoCoreError, ClientError

    from ops import rows, screen, site
    from shared.aws.dynamodb import UnreadableRow

    module = import_module(f"ops.{_MODULES.get(options.command, options.command)}")
    command: Callable[[Site, argparse.Namespace], int] = getattr(module, options.command)
    try:
        here = site.Site(site.find(options))
        ended = command(here, options)
    except screen.NotChanged as error:
        return screen.not_changed(options, error)
    except screen.Wrong as error:
        why = str(error)
    except (BotoCoreError, ClientError) as error:
        why = f"AWS: {error}"
    except UnreadableRow as error:
        here.unreadable[error.key] = error
        why = " ".join(f"{it.whom}: {it.what}." for it in rows.of_unreadable(here))
        why += " Nothing was done." * getattr(options, "do", False)
    except BrokenPipeError:
        raise
    except OSError as error:
        why = f"{error.filename}: {error.strerror}. Nothing was done."
    else:
        for key, unread in here.unreadable.items():
            print(screen.wrapped(f"{key}: {unread}; `status` says more."), file=sys.stderr)
        return ended
    print(screen.wrapped(why), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
