"""The buttons of the billing system, of the PBX and of the schedules.

They are plain form posts, so curl can press them, too, if only with less to see than by asking the
stack itself, whose commands the page shows:

    curl URL/billing/bill   -d location=4564 -d amount=29.90 -d currency=EUR -d way=queue
    curl URL/billing/refund -d location=4564 -d event_id=inv-1 -d way=http
    curl URL/pbx/ring       -d location=4564 -d phone=+13155550175 -d line=+13155550176 -d key=KEY
    curl -X POST URL/pbx/take
    curl -X POST URL/pbx/hang-up
    curl -X POST URL/time/schedules

A button answers 303; 400 says why it was refused, 404 that there is no stack beside the platform.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from local.simulator import page
from local.simulator.neighbours import Neighbours
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
        _press(path, fields, neighbours)
    except ValueError as refusal:
        return page.shown(simulator, notice=str(refusal))
    return Answer(HTTPStatus.SEE_OTHER, b"", headers=(("Location", "/"),))


def _press(path: str, fields: Mapping[str, str], neighbours: Neighbours) -> None:
    read = {name: value.strip() for name, value in fields.items()}
    by_queue = read.get("way") == "queue"
    match path:
        case "/billing/bill":
            amount, currency = read.get("amount", ""), read.get("currency", "")
            neighbours.bill(_location(read), amount=amount, currency=currency, by_queue=by_queue)
        case "/billing/refund":
            neighbours.refund(read.get("event_id", ""), _location(read), by_queue=by_queue)
        case "/pbx/ring":
            phone, line = read.get("phone", ""), read.get("line", "")
            neighbours.ring(_location(read), phone=phone, line=line, key=read.get("key", ""))
        case "/pbx/take":
            neighbours.take()
        case "/pbx/hang-up":
            neighbours.hang_up()
        case "/time/schedules":
            neighbours.run_schedules()
        case _:
            raise ValueError("There is no such button.")


def _location(fields: Mapping[str, str]) -> int:
    text = fields.get("location", "")
    if not text.isascii() or not text.isdecimal():
        raise ValueError("Choose a location first.")
    return int(text)
