"""One function, one event, on a stack of its own: `python -m local invoke`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NoReturn

import httpx

from local import PROJECT
from local.fresh import Keys, freshened
from local.rehearsal.browser import Browser
from local.world import World, opened
from shared import clock

LOCATIONS = (4564, 4232)
"""Those that the events name."""
FUNCTIONS = sorted(app.parent.name for app in (PROJECT / "functions").glob("*/app.py"))

_WRONG, _INTERRUPTED = 2, 130
# Connecting takes most of what Altegio allows in a second; a call right after it would wait.
_PACE = [("PACE_PER_S", "50"), ("PACE_PER_MIN", "2000")]


class _NotInvoked(Exception):
    """Nothing was invoked; the message is one line for whoever typed the command."""


def main(options: argparse.Namespace) -> int:
    """Run the command; 1 is a function's error, 2 a wrong argument, 130 Ctrl-C."""
    try:
        return _invoked(options)
    except _NotInvoked as error:
        print(error, file=sys.stderr)
        return _WRONG
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return _INTERRUPTED


def _invoked(options: argparse.Namespace) -> int:
    # Before anything starts, as that takes some seconds.
    function, event = _known(options.function), _read(options.event)
    # Beside one that serves, whose logs the operator's commands read.
    logs = PROJECT / "build" / "local" / "invoked"
    if options.platform_url is None:
        options.set = [*_PACE, *options.set]
    with opened(options, port=0, logs=logs) as world:
        key = _connected(world, function)
        keys = Keys(key, world.stack.billing_key, world.stack.stripe_secret)
        result = world.stack.invoke(function, freshened(event, clock.now(), keys))
    sys.stderr.write(result.log)
    start = "cold start" if result.cold else "warm start"
    print(f"REPORT {result.request_id}  {result.duration_ms:.0f} ms, {start}", file=sys.stderr)
    print(json.dumps(result.payload if result.error is None else result.error, ensure_ascii=False))
    return 0 if result.error is None else 1


def _known(name: str) -> str:
    known = name.lower().removesuffix("function")
    if known not in FUNCTIONS:
        raise _NotInvoked(f"There is no function {name!r}; there are {', '.join(FUNCTIONS)}.")
    return known


def _read(name: str) -> Any:
    try:
        file = sys.stdin.buffer if name == "-" else None
        text = (file.read() if file else Path(name).read_bytes()).decode()
        return json.loads(text, parse_constant=_no_constant)
    except OSError as error:
        raise _NotInvoked(f"The event {name} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise _NotInvoked(f"The event {name} is no JSON: it is not UTF-8.") from None
    except RecursionError:
        raise _NotInvoked(f"The event {name} is no JSON that can be read: too deep.") from None
    except ValueError as error:
        raise _NotInvoked(f"The event {name} is no JSON: {error}.") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _connected(world: World, function: str) -> str:
    """The owner connects what the events name, as far as they need it; the key of his PBX."""
    if world.simulator is None:
        return ""
    address = world.simulator.grant(*LOCATIONS)
    if function == "connect":  # it is for these that have only granted access
        return ""
    try:
        with Browser() as browser:
            page = browser.open(address)
            if page.form is None:
                log = world.stack.logs / "ConnectFunction.log"
                raise _NotInvoked(
                    "The locations could not be connected, as their page failed: a setting may be"
                    f" wrong. {log} says which."
                )
            return browser.press(page).pbx_key
    except (httpx.HTTPError, ValueError) as error:
        raise _NotInvoked(f"The locations could not be connected: {error}") from None
