"""What the company's own billing system asks, in JSON.

`POST /billing` takes one event, or a list of them, each of which has an answer of its own;
`GET /billing/EVENT_ID` says how one stands.
"""

import json
import time
from collections.abc import Iterator
from http import HTTPStatus
from itertools import islice
from typing import Any

from shared.aws import http
from shared.payments import billing_event
from shared.payments.billing_event import BadEvent, Payment, Refund
from shared.payments.door import (
    REQUESTS_PER_S,
    BillingDoor,
    NotItsPayment,
    NotStored,
    OtherFacts,
    TooOften,
)
from shared.payments.meanings import told
from shared.telemetry import logger

MOST_EVENTS = 100
LONGEST_BODY = 256 * 1024
# Of the route's 30 s: one event may still take the 24 s after which AWS's client gives up.
_TIME_S = 6.0

EXAMPLES = {
    "payment": {
        "type": "payment",
        "event_id": "inv-1001",
        "location_id": 4564,
        "amount": "990.99",
        "currency": "EUR",
        "paid_at": "2026-11-01T10:10:00+00:00",
        "period_from": "2026-11-01T00:00:00+00:00",
        "period_to": "2026-11-30T23:59:59+00:00",
    },
    "refund": {
        "type": "refund",
        "event_id": "ref-1001",
        "payment_event_id": "inv-1001",
        "location_id": 4564,
    },
}

# Only what is between events is read so; each is read by its own rules.
_SPACES = " \t\r\n"
_LOGGED = ("status", "field", "error")
_plainly = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


def answer(door: BillingDoor, request: http.Request) -> dict[str, Any]:
    """Answers a request of billing.

    Returns:
        Of a list, the worst status of its events. 202 stored, 400 for what cannot be read, 401
        without the key, 404 for an unknown event, 409 for other facts under a known id, 413 for too
        much at once, 429 for too many requests, 503 where it helps to send it again.
    """
    if not door.admits(request.key):
        refusal = refused(401, "the key of this billing system is needed, as bearer or password")
        refusal["headers"]["www-authenticate"] = 'Basic realm="billing"'
        return refusal
    try:
        door.take_turn()
    except TooOften:
        why = f"more than {REQUESTS_PER_S} requests came in a second: send it again"
        refusal = refused(429, why)
        refusal["headers"]["retry-after"] = "1"
        return refusal
    except NotStored:
        return later("nothing can be counted now: send it again")
    if request.method == "GET":
        return _standing(door, request)
    if len(request.body) > LONGEST_BODY:
        return refused(413, f"the body has more than {LONGEST_BODY} bytes: send fewer events")
    try:
        texts, is_list = _events(request.body)
    except ValueError as error:
        return refused(400, str(error), example=EXAMPLES["payment"])
    if len(texts) > MOST_EVENTS:
        return refused(413, f"there are more than {MOST_EVENTS} events: send fewer at once")
    results = [*_results(door, texts)]
    for text, result in zip(texts, results, strict=True):
        if result["status"] != HTTPStatus.ACCEPTED:
            told_of = {name: result[name] for name in _LOGGED if name in result}
            logger.warning("billing event refused", extra={**billing_event.names(text), **told_of})
    return _answered(results, is_list=is_list)


def refused(status: int, why: str, **more: Any) -> dict[str, Any]:
    """An answer to what is not taken; `why` goes into the log as well, and quotes nothing."""
    logger.warning("billing request refused", extra={"status": status, "why": why})
    return http.json_answer(status, {"error": why, **more})


def later(why: str) -> dict[str, Any]:
    """An answer to what is to be sent again."""
    answer = refused(503, why)
    answer["headers"]["retry-after"] = http.RETRY_AFTER
    return answer


def _standing(door: BillingDoor, request: http.Request) -> dict[str, Any]:
    """In the path as API Gateway hands it on, decoded; in the query for ids with a question mark.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    _, _, event_id = request.path.removeprefix("/billing").partition("/")
    event_id = event_id or request.query().get("event_id", "")
    entries = door.entries(event_id)
    if not entries:
        return refused(404, "no event of this id was received")
    kinds = {entry.key.partition("#")[0]: told(entry) for entry in entries}
    return http.json_answer(200, {"event_id": event_id, **kinds})


def _events(body: bytes) -> tuple[list[str], bool]:
    """The text of each event, whatever is in it; and whether they came as a list.

    Raises:
        ValueError: the body is no JSON, or nothing that could be an event; the text says so.
    """
    try:
        text = body.decode("utf-8-sig").strip(_SPACES)
    except UnicodeDecodeError:
        raise ValueError("the body is not UTF-8") from None
    if not text.startswith("["):
        return [text], False
    try:
        # Whoever sends too many has the rest not even looked at.
        texts = [*islice(_elements(text), MOST_EVENTS + 1)]
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON") from None
    if not texts:
        raise ValueError("the list is empty")
    return texts, True


def _elements(text: str) -> Iterator[str]:
    """The elements of a JSON array, each as it is written.

    Raises:
        ValueError, RecursionError: it is none.
    """
    last = len(text) - 1
    at = _after_spaces(text, 1)
    while at != last or text[at] != "]":
        _, end = _plainly.raw_decode(text, at)
        yield text[at:end]
        at = _after_spaces(text, end)
        if at == last and text[at] == "]":
            return
        if not text.startswith(",", at):
            raise ValueError
        at = _after_spaces(text, at + 1)
        if at >= last:
            raise ValueError


def _after_spaces(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACES:
        at += 1
    return at


def _results(door: BillingDoor, texts: list[str]) -> Iterator[dict[str, Any]]:
    until = time.monotonic() + _TIME_S
    for text in texts:
        if time.monotonic() > until:
            yield {"status": 503, "error": "there was no time for it: send it again"}
        else:
            yield _result(door, text)


def _result(door: BillingDoor, text: str) -> dict[str, Any]:
    try:
        event = billing_event.read(text)
        if not isinstance(event, Payment | Refund):
            raise BadEvent("type: must be payment or refund")  # noqa: TRY301 - as of any other type
    except BadEvent as error:
        return _wrong(str(error), text)
    named = {"event_id": event.event_id, "type": event.type}
    try:
        entry = door.take(event)
    except NotItsPayment as error:
        return {**named, **_wrong(str(error), text)}
    except OtherFacts:
        return {"status": 409, **named, "error": "it was received before with other facts"}
    except NotStored:
        return {"status": 503, **named, "error": "it could not be stored: send it again"}
    return {"status": 202, **named, "state": str(entry.state)}


def _wrong(told_of: str, text: str) -> dict[str, Any]:
    """What is wrong with an event, and one that would be right."""
    field, colon, why = told_of.partition(": ")
    what = {"field": field, "error": why} if colon else {"error": told_of}
    kind = "refund" if '"refund"' in text else "payment"
    return {"status": 400, **what, "example": EXAMPLES[kind]}


def _answered(results: list[dict[str, Any]], *, is_list: bool) -> dict[str, Any]:
    status = max(result["status"] for result in results)
    values = {"status": status, "results": results} if is_list else dict(results[0])
    answer = http.json_answer(status, values)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer["headers"]["retry-after"] = http.RETRY_AFTER
    return answer
