"""What goes wrong, planted by hand: a page of forms, no script, beside the first one.

The buttons are plain form posts, so curl can press them, too:

    curl URL/faults/order -d route=payment -d kind=status -d status=422 -d times=2
    curl URL/faults/order -d route=any -d kind=delay -d seconds=30 -d times=1000
    curl -X POST URL/faults/clear
    curl -X POST URL/faults/mend
    curl URL/faults/set   -d clock=7200
    curl URL/faults/json

`order` takes what `faults.Fault` explains. `set` takes one or more of `clock` (seconds by which the
platform's is ahead), `zone` (of all times on the wire), `calls` (`shown` or `refused`: the list of
calls), `token` (the partner token from now on) and `webhooks` (`now`, `late`, `never` or `twice`).
`mend` forgets all faults and sets all of these back, but the zone and the token. A button answers
303 and says what it did; 400 says why it did nothing.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from local.simulator import broken, pressed, records
from local.simulator.faults import NOTHING_DONE, ROUTES, WORK_DONE
from local.simulator.page import framed
from local.simulator.webhooks import MODES
from local.simulator.wire import Answer, Request

if TYPE_CHECKING:
    from local.simulator.simulator import Simulator

_READS: Final[Mapping[str, Callable[[str], Any]]] = {
    "route": str,
    "kind": str,
    "times": int,
    "location_id": int,
    "seconds": float,
    "status": int,
    "message": str,
    "retry_after": int,
    "crm_token": str,
}
_SHOWN: Final = {"shown": True, "refused": False}
_LONGEST_S: Final = 400 * 86400.0


def answer(request: Request, simulator: "Simulator") -> Answer | None:
    """The page, or what a button does; None for a request that is for neither."""
    path = urlsplit(request.target).path
    if path == "/faults/json" and request.method == "GET":
        body = json.dumps(_now(simulator)).encode()
        return Answer(HTTPStatus.OK, body, content_type="application/json")
    if path == "/faults" and request.method in {"GET", "HEAD"}:
        return _page(simulator)
    if not path.startswith("/faults/") or request.method != "POST":
        return None
    fields = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    try:
        said = _press(path.removeprefix("/faults/"), fields, simulator)
    except (ValueError, OverflowError) as refusal:
        return pressed.refused(request, str(refusal), partial(_page, simulator))
    return pressed.done(said, leads="/faults")


def _press(button: str, fields: Mapping[str, str], simulator: "Simulator") -> str:
    """What it did."""
    match button:
        case "order":
            _known(fields, _READS)
            read = {name: _read(name, value) for name, value in fields.items()}
            if not {"route", "kind"} <= read.keys():
                raise ValueError("A fault has a route and a kind.")
            return broken.fault(simulator.fault(**read))
        case "clear":
            simulator.clear_faults()
            return "All faults of requests are forgotten."
        case "mend":
            simulator.clear_faults()
            simulator.clock_ahead = timedelta()
            simulator.may_list_calls = True
            simulator.webhook_mode = "now"
            return "Nothing is broken any more."
        case "set":
            _known(fields, _SETS)
            # All are read before any is set.
            for change in [_SETS[name][0](simulator, value) for name, value in fields.items()]:
                change()
            return " ".join(_SETS[name][1](simulator) for name in fields) or "Nothing was set."
    raise ValueError("There is no such button.")


def _known(fields: Iterable[str], names: Iterable[str]) -> None:
    if unknown := {*fields} - {*names}:
        message = f"Unknown: {', '.join(sorted(unknown))}; known: {', '.join(names)}."
        raise ValueError(message)


def _read(name: str, text: str) -> Any:
    try:
        return _READS[name](text)
    except ValueError:
        raise ValueError(f"{name} is a number, not {text!r}.") from None


def _clock(simulator: "Simulator", text: str) -> Callable[[], None]:
    try:
        seconds = float(text)
    except ValueError:
        raise ValueError(f"clock is a number of seconds, not {text!r}.") from None
    if not abs(seconds) <= _LONGEST_S:
        raise ValueError("A clock is ahead by a year at most.")
    return partial(setattr, simulator, "clock_ahead", timedelta(seconds=seconds))


def _zone(simulator: "Simulator", text: str) -> Callable[[], None]:
    try:
        return partial(setattr, simulator.platform, "zone", ZoneInfo(text))
    except (ZoneInfoNotFoundError, OSError, ValueError):
        raise ValueError(f"There is no zone {text!r}.") from None


def _calls(simulator: "Simulator", text: str) -> Callable[[], None]:
    if text not in _SHOWN:
        raise ValueError("The list of calls is shown or refused.")
    return partial(setattr, simulator, "may_list_calls", _SHOWN[text])


def _token(simulator: "Simulator", text: str) -> Callable[[], None]:
    return partial(setattr, simulator, "partner_token", text)


def _webhooks(simulator: "Simulator", text: str) -> Callable[[], None]:
    if text not in MODES:
        raise ValueError(f"Webhooks are sent {', '.join(sorted(MODES))}.")
    return partial(setattr, simulator, "webhook_mode", text)


type _Says = Callable[[Simulator], str]
# What each sets, and in which words that is told.
_SETS: Final[Mapping[str, tuple[Callable[["Simulator", str], Callable[[], None]], _Says]]] = {
    "clock": (_clock, broken.clock),
    "zone": (_zone, broken.zone),
    "calls": (_calls, broken.calls),
    "token": (_token, broken.token),
    "webhooks": (_webhooks, broken.webhooks),
}


def _now(simulator: "Simulator") -> dict[str, Any]:
    """What is planted; the token is not told."""
    return {
        "faults": [asdict(it) for it in simulator.faults()],
        "clock": simulator.clock_ahead.total_seconds(),
        "zone": str(simulator.platform.zone),
        "calls": "shown" if simulator.may_list_calls else "refused",
        "webhooks": simulator.webhook_mode,
    }


def _page(simulator: "Simulator", notice: str = "") -> Answer:
    now = _now(simulator)
    rows = [
        (it["route"], it["kind"], it["times"], it["location_id"] or "all", _detail(it))
        for it in now["faults"]
    ]
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>What goes wrong</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="/page.css">'
        '<main><h1>What goes wrong</h1><p><a href="/">Back to the first page</a></p>'
        + (f'<p class="notice" role="alert">{escape(notice)}</p>' if notice else "")
        + "<h2>Faults of requests</h2>"
        "<p class=soft>The next so many requests of a route get this fault, instead of or on top of"
        " their answer. Of a payment, for example:</p>"
        f"<dl>{''.join(f'<dt>{it}</dt><dd>{what}</dd>' for it, what in broken.examples().items())}"
        "</dl>"
        "<form method=post action=/faults/order class=fields>"
        + _choice("route", ["any", *sorted(ROUTES - {"any"})])
        + _choice("kind", ["status", *sorted((NOTHING_DONE | WORK_DONE) - {"status"})])
        + _entry("status", "500")
        + _entry("times", "1")
        + _entry("seconds", "0")
        + "<button>Order</button></form><form method=post action=/faults/clear>"
        "<button>Forget all</button></form>"
        + records.table(("route", "kind", "times", "location", "detail"), rows)
        + "<h2>The platform itself</h2><p class=soft>By how many seconds its clock is ahead, the"
        " zone of its times, whether it shows the list of calls, and what becomes of its"
        " webhooks.</p>"
        "<form method=post action=/faults/set class=fields>"
        + _entry("clock", f"{now['clock']:g}")
        + _entry("zone", now["zone"])
        + _choice("calls", [now["calls"], *(_SHOWN.keys() - {now["calls"]})])
        + _choice("webhooks", [now["webhooks"], *sorted({*MODES} - {now["webhooks"]})])
        + "<button>Set</button></form></main>"
    )
    return framed(text, HTTPStatus.BAD_REQUEST if notice else HTTPStatus.OK)


def _detail(fault: Mapping[str, Any]) -> str:
    match fault["kind"]:
        case "status":
            return f"{fault['status']} {fault['message']}".strip()
        case "delay" | "late_answer" | "trickle":
            return f"{fault['seconds']:g} s"
    return ""


def _choice(name: str, values: Sequence[str]) -> str:
    options = "".join(f"<option>{escape(each)}" for each in values)
    return f"<label>{name} <select name={name}>{options}</select></label>"


def _entry(name: str, value: str) -> str:
    return f'<label>{name} <input name={name} size=12 value="{escape(value)}"></label>'
