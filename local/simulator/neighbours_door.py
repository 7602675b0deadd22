"""The buttons of the billing system, of the PBX and of the schedules.

They are plain form posts, so curl can press them, too, if only with less to see than by asking the
stack itself, whose commands the page shows:

    curl URL/billing/bill   -d location=4564 -d amount=29.90 -d currency=EUR -d way=queue
    curl URL/billing/refund -d location=4564 -d event_id=inv-1 -d way=http
    curl URL/pbx/ring       -d location=4564 -d phone=+13155550175 -d line=+13155550176 -d key=KEY
    curl -X POST URL/pbx/take
    curl -X POST URL/pbx/hang-up
    curl -X POST URL/time/schedules

A button answers 303 and says what it did; 400 says why it did nothing, 404 that there is no stack
beside the platform.
"""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from local.simulator import page, pressed
from local.simulator.neighbours import Doing, Neighbours
from local.simulator.wire import Answer, Request

if TYPE_CHECKING:
    from local.simulator.simulator import Simulator


def answer(request: Request, simulator: "Simulator") -> Answer | None:
    """What a button does; None for a request that is for none of them."""
    path = urlsplit(request.target).path
    neighbours = simulator.neighbours
    if request.method != "POST" or neighbours is None:
        return None
    if path.split("/")[1] not in {"billing", "pbx", "time"}:
        return None
    fields = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    try:
        said = _press(path, fields, neighbours)
    except ValueError as refusal:
        return pressed.refused(request, str(refusal), partial(page.shown, simulator))
    return pressed.done(said, leads="/")


def _press(path: str, fields: Mapping[str, str], neighbours: Neighbours) -> str:
    """What it did."""
    read = {name: value.strip() for name, value in fields.items()}
    by_queue = read.get("way") == "queue"
    match path:
        case "/billing/bill":
            amount, currency = read.get("amount", ""), read.get("currency", "")
            return _answered(
                neighbours.bill(
                    _location(read), amount=amount, currency=currency, by_queue=by_queue
                )
            )
        case "/billing/refund":
            event_id = read.get("event_id", "")
            return _answered(neighbours.refund(event_id, _location(read), by_queue=by_queue))
        case "/pbx/ring":
            phone, line = read.get("phone", ""), read.get("line", "")
            key = read.get("key", "")
            return _answered(neighbours.ring(_location(read), phone=phone, line=line, key=key))
        case "/pbx/take":
            neighbours.take()
            return "The reception has taken the call. The PBX tells that when the call is over."
        case "/pbx/hang-up":
            return _answered(neighbours.hang_up())
        case "/time/schedules":
            return neighbours.run_schedules().words
    raise ValueError("There is no such button.")


def _answered(done: Doing) -> str:
    """What was done, and what your backend said to it."""
    status = "" if done.status is None else f"{done.status} "
    return f"{done.words} Your backend: {status}{done.answer}"


def _location(fields: Mapping[str, str]) -> int:
    text = fields.get("location", "")
    if not text.isascii() or not text.isdecimal():
        raise ValueError("Choose a location first.")
    return int(text)
