"""The commands that run the backend on this machine: `python -m local --help`."""

# ruff: noqa: PLC0415  # a command imports what it needs, so that `--help` answers at once

import argparse
import json
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ops import ANNOUNCEMENT
from ops.terminal import until_closed
from shared import clock

if TYPE_CHECKING:
    from local.stack.alarms import Alarm, State
    from local.stack.stack import Stack


class _Ended(BaseException):
    """Somebody wants us to end. No `except Exception` may stand in the way."""


def main(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code."""
    if arguments[:1] == ["rehearse"]:  # it has a command line of its own
        from local import rehearsal

        return until_closed(lambda: rehearsal.main(list(arguments[1:])))
    return until_closed(lambda: _run(arguments))


def _run(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    return command(options)


def up(options: argparse.Namespace) -> int:
    """Run the stack until SIGTERM or Ctrl-C; both are its regular end, at any time."""
    asked: list[int] = []

    def end(number: int, _frame: object) -> NoReturn:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)  # once is enough; let it close everything
        asked.append(number)  # an exception within a finaliser is heard by nobody
        raise _Ended

    try:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, end)
        _serve(options, asked)
    except _Ended:
        pass
    except OSError as error:
        print(f"The local stack cannot say where it is: {error}", file=sys.stderr)
        return 2
    return 0


def _serve(options: argparse.Namespace, asked: Sequence[int]) -> None:
    from local import welcome
    from local.examples.mailbox import Mailbox
    from local.examples.webhook import Webhook
    from local.world import opened

    names = options.announce.with_suffix(".env")
    options.announce.parent.mkdir(parents=True, exist_ok=True)
    for file in (options.announce, names):
        file.unlink(missing_ok=True)  # an old one names what is gone
    told: dict[Path, str] = {}
    try:
        with (
            opened(options, port=options.port) as world,
            Mailbox(world.stack.aws_endpoint_url) as post,
            Webhook(world.stack.client("events"), world.stack.outputs["EventBusName"]) as hook,
            world.stack.watched(_say) as watch,
        ):
            stack, is_simulated = world.stack, world.simulator is not None
            pages = {"letters": post.url, "events": hook.url, "alarms": watch.url}
            if world.simulator and world.simulator.neighbours:
                world.simulator.neighbours.pages = {
                    "letters that it sent to owners": post.url,
                    "events that it told your other systems": hook.url,
                    "its alarms": watch.url,
                }
            print(welcome.text(stack, pages, names, clock.now(), is_simulated=is_simulated))
            sys.stdout.flush()
            told = {names: welcome.exports(stack), options.announce: _announcement(stack)}
            for file, text in told.items():
                _announce(text, file)
            while not asked:
                time.sleep(1)
    finally:
        for file, text in told.items():
            _withdraw(text, file)


def invoke(options: argparse.Namespace) -> int:
    """Run one function once, on a stack of its own; 1 is a function's error, 2 a wrong argument."""
    from local import invoke

    return invoke.main(options)


def build(options: argparse.Namespace) -> int:
    """Make the artifact; the Makefile's `build-…`, which `sam build` calls, is this."""
    from local.build import build as make

    make(options.folder, platform=options.platform)
    return 0


def deploy(_options: argparse.Namespace) -> int:
    """Deploy the template into an emulator, and compare."""
    from local import PROJECT, deploy_check

    return deploy_check.main(PROJECT / "build" / "deployed")


def _announcement(stack: "Stack") -> str:
    from local.stack.emulator import CREDENTIALS

    names = (
        "api aws_endpoint_url region billing_queue_url calls_queue_url platform_url tables outputs"
        " alarms"
    )
    found = {name: getattr(stack, name) for name in names.split()}
    environments = {name: it.environment for name, it in stack.functions.items()}
    functions = {name: it.name for name, it in stack.functions.items()}
    told = {
        **found,
        "environments": environments,
        "functions": functions,
        "credentials": CREDENTIALS,
        "logs": str(stack.logs),
    }
    return json.dumps(told, indent=2)


def _announce(announcement: str, file: Path) -> None:
    """Write where everything is, in one step: who sees the file sees all of it."""
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as draft:
        draft.write(announcement)
    Path(draft.name).replace(file)


def _withdraw(announcement: str, file: Path) -> None:
    """Remove what was announced, unless another stack has announced itself there since."""
    with suppress(FileNotFoundError):
        if file.read_text("utf-8") == announcement:
            file.unlink()


def _say(alarm: "Alarm", state: "State") -> None:
    """A line when an alarm begins to ring, and when it is over."""
    rings = f"rings: {alarm.words}" if state is state.ALARM else "is over"
    print(f"{clock.now():%H:%M:%S} {alarm.name} {rings}", flush=True)


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        message = f"{text!r} is not NAME=VALUE"
        raise argparse.ArgumentTypeError(message)
    return name, value


def _address(text: str) -> str:
    if re.fullmatch(r"https?://[^/\s]+\S*", text) is None:
        message = f"{text!r} is no address, such as https://api.alteg.io"
        raise argparse.ArgumentTypeError(message)
    return text


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say in one line what is wrong; the whole usage is what --help is for."""
        self.exit(2, f"{self.prog}: {message}; --help tells more\n")


def _parser() -> _Parser:
    parser = _Parser(prog="python -m local", description="Run the backend on this machine.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    stack = _stack_options()

    words = "run the whole stack until Ctrl-C or SIGTERM"
    command = commands.add_parser("up", parents=[stack], help=words)
    command.add_argument(
        "--port", default=0, type=int, help="the port of the HTTP API; 0 takes a free one"
    )
    command.add_argument(
        "--announce",
        default=ANNOUNCEMENT,
        type=Path,
        metavar="FILE",
        help="once everything serves, write to this file where everything is (JSON), for"
        " `python -m ops`, which reads build/local/stack.json unless --announced names another",
    )
    command.set_defaults(command=up)

    words = "run one function once, with one event"
    command = commands.add_parser("invoke", parents=[stack], help=words)
    command.add_argument("function", metavar="FUNCTION", help="such as connect or ConnectFunction")
    command.add_argument("event", metavar="EVENT.json", help="a file, or - for standard input")
    command.set_defaults(command=invoke)

    command = commands.add_parser("build", help="build the artifact of all functions")
    command.add_argument("folder", metavar="DIR", type=Path, help="the artifact replaces it")
    command.add_argument(
        "--platform", help="build for another machine, such as aarch64-manylinux_2_28"
    )
    command.set_defaults(command=build)

    words = "run sam build and sam deploy into an emulator, and compare"
    command = commands.add_parser("deploy", help=words)
    command.set_defaults(command=deploy)

    words = "play Altegio's moderation checks, and write a report"
    commands.add_parser("rehearse", add_help=False, help=words)
    return parser


def _stack_options() -> _Parser:
    stack = _Parser(add_help=False)
    stack.add_argument(
        "--platform-url",
        type=_address,
        metavar="URL",
        help="use this platform, for both of its hosts, instead of a simulator",
    )
    stack.add_argument("--partner-token", default="local-partner-token", metavar="TOKEN")
    stack.add_argument("--user-token", default="local-user-token", metavar="TOKEN")
    stack.add_argument("--application-id", default=101, type=int, metavar="ID")
    stack.add_argument(
        "--set",
        action="append",
        default=[],
        type=_setting,
        metavar="NAME=VALUE",
        help="set an environment variable or a template parameter; may be given several times",
    )
    return stack


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
