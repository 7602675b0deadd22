"""The commands that run the backend on this machine: `python -m local --help`."""

# ruff: noqa: PLC0415  # a command imports what it needs, so that `--help` answers at once

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ops import ANNOUNCEMENT
from ops.terminal import until_closed
from shared import clock

if TYPE_CHECKING:
    from local.stack.alarms import Alarm, State
    from local.stack.stack import Stack

_WELCOME = """\
The local stack serves; Ctrl-C ends it.

  HTTP API        {api}
  platform        {platform}
  AWS emulator    {aws_endpoint_url}  (region {region}, credentials test/test)
  billing queue   {billing_queue_url}
  letters         {letters}
  events out      {events}
  alarms          {alarms}
  logs            {logs}

{owner}The billing system reports a payment:
  curl -u billing:{billing_key} {api}/billing -d '{payment}'
Or puts it on the queue:
  curl {billing_queue_url} -d Action=SendMessage --data-urlencode MessageBody='{payment}'
Somebody calls, and his card pops up (the page that says that you are connected shows KEY, once):
  curl -u pbx:KEY {api}/calls -d '{ringing}'
The platform asks whether the webhook is there:
  curl --head {api}/webhooks/altegio
"""
_OWNER = """\
You are the owner of a few locations: connect one, in a browser.
  open {url}
"""
_PAYMENT = {
    "type": "payment",
    "event_id": "inv-1001",
    "location_id": 4564,
    "amount": "990.99",
    "currency": "EUR",
}

_RINGING = {
    "type": "ringing",
    "call_id": "c-1001",
    "location_id": 4564,
    "phone": "+13155550175",
    "line": "+13155550176",
}


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
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    from local.examples.mailbox import Mailbox
    from local.examples.webhook import Webhook

    options.announce.unlink(missing_ok=True)  # an old one names what is gone
    announced = ""
    try:
        with (
            _stack(options, port=options.port) as stack,
            Mailbox(stack.aws_endpoint_url) as post,
            Webhook(stack.client("events"), stack.outputs["EventBusName"]) as hook,
            stack.watched(_say) as watch,
        ):
            is_simulated = options.platform_url is None
            pages = {"letters": post.url, "events": hook.url, "alarms": watch.url}
            print(_welcome(stack, pages, is_simulated=is_simulated), flush=True)
            announced = _announcement(stack)
            _announce(announced, options.announce)
            threading.Event().wait()
    except _Ended:
        pass
    finally:
        _withdraw(announced, options.announce)
    return 0


def invoke(options: argparse.Namespace) -> int:
    """Run one function once, on a stack of its own; 1 is a function's error, 2 a wrong argument."""
    try:
        text = sys.stdin.read() if options.event == "-" else Path(options.event).read_text("utf-8")
        event = json.loads(text)
    except OSError as error:
        print(f"The event {options.event} cannot be read: {error.strerror}.", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"The event {options.event} is no JSON: {error}.", file=sys.stderr)
        return 2
    from local import PROJECT

    # Beside one that serves, whose logs the operator's commands read.
    logs = PROJECT / "build" / "local" / "invoked"
    with _stack(options, port=0, granted=(4564, 4232), logs=logs) as stack:
        try:
            result = stack.invoke(options.function, event)
        except KeyError as error:
            print(error.args[0], file=sys.stderr)
            return 2
    sys.stderr.write(result.log)
    start = "cold start" if result.cold else "warm start"
    print(f"REPORT {result.request_id}  {result.duration_ms:.0f} ms, {start}", file=sys.stderr)
    print(json.dumps(result.payload if result.error is None else result.error, ensure_ascii=False))
    return 0 if result.error is None else 1


def build(options: argparse.Namespace) -> int:
    """Make the artifact; the Makefile's `build-…`, which `sam build` calls, is this."""
    from local.build import build as make

    make(options.folder, platform=options.platform)
    return 0


def deploy(_options: argparse.Namespace) -> int:
    """Deploy the template into an emulator, and compare."""
    from local import PROJECT, deploy_check

    return deploy_check.main(PROJECT / "build" / "deployed")


@contextmanager
def _stack(
    options: argparse.Namespace,
    *,
    port: int,
    granted: Sequence[int] = (),
    logs: Path | None = None,
) -> "Iterator[Stack]":
    """The stack, in front of the given platform or of a simulator of its own.

    There, the owner has granted access to the locations `granted`, which the events name.
    """
    from local.examples.mailbox import SENDER
    from local.simulator import Simulator
    from local.stack.stack import Stack

    account: dict[str, Any] = {
        "partner_token": options.partner_token,
        "user_token": options.user_token,
        "application_id": options.application_id,
    }
    settings = {"MAIL_FROM": SENDER, **dict(options.set)}
    given = options.platform_url
    with ExitStack() as opened:
        simulator = None if given else opened.enter_context(Simulator(**account))
        url = simulator.url if simulator else given.rstrip("/")
        try:
            stack = opened.enter_context(
                Stack(platform_url=url, port=port, settings=settings, logs=logs, **account)
            )
        except (OSError, RuntimeError, ValueError, subprocess.CalledProcessError) as error:
            print(f"The local stack cannot start: {error}", file=sys.stderr)
            raise SystemExit(2) from None
        if simulator:
            simulator.redirect_url = f"{stack.api}/connect"
            simulator.callback_url = f"{stack.api}/webhooks/altegio"
            if granted:
                simulator.grant(*granted)
        yield stack


def _end(_number: int, _frame: object) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # once is enough; let it close everything
    raise _Ended


def _announcement(stack: "Stack") -> str:
    from local.stack.emulator import CREDENTIALS

    names = (
        "api aws_endpoint_url region billing_queue_url calls_queue_url platform_url tables outputs"
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
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as draft:
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


def _welcome(stack: "Stack", pages: Mapping[str, str], *, is_simulated: bool) -> str:
    return _WELCOME.format(
        api=stack.api,
        platform=stack.platform_url + ("  (a simulator)" if is_simulated else ""),
        owner=_OWNER.format(url=stack.platform_url) if is_simulated else "",
        aws_endpoint_url=stack.aws_endpoint_url,
        region=stack.region,
        billing_queue_url=stack.billing_queue_url,
        billing_key=stack.billing_key,
        logs=stack.logs,
        **pages,
        payment=json.dumps(_PAYMENT | _month(clock.now()), separators=(",", ":")),
        # The time is the shell's to fill in.
        ringing=json.dumps(_RINGING, separators=(",", ":"))[:-1]
        + ""","at":"'$(date -u +%FT%T+00:00)'"}""",
    )


def _month(now: datetime) -> dict[str, str]:
    """Paid just now, for thirty days: a period that is over already would keep nobody connected."""
    dates = {"paid_at": now, "period_from": now, "period_to": now + timedelta(days=30)}
    return {name: date.isoformat(timespec="seconds") for name, date in dates.items()}


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        message = f"{text!r} is not NAME=VALUE"
        raise argparse.ArgumentTypeError(message)
    return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local", description="Run the backend on this machine."
    )
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


def _stack_options() -> argparse.ArgumentParser:
    stack = argparse.ArgumentParser(add_help=False)
    stack.add_argument(
        "--platform-url",
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
