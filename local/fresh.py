"""Makes an example of `events/` valid: as if it happened now, with the keys of the stack it is for.

The files hold what a trigger sends, byte by byte, so their times are of one day in November 2026
and their keys open nothing. An old call pops up nowhere, and what Stripe has signed is good for
five minutes: https://docs.stripe.com/webhooks/signature
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

HAPPENED: Final = datetime(2026, 11, 1, 10, 10, tzinfo=UTC)
"""When what the events tell of happened; what they tell of later or earlier lies around it."""
WRITTEN: Final = datetime(2026, 11, 23, 10, tzinfo=UTC)
"""When AWS sent them."""
TALKED: Final = timedelta(minutes=2)
"""A call that has ended began so long ago."""

_ISO: Final = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)|\b\d{8}T\d{6}Z"
)
# Stripe's are seconds, of the days around.
_EPOCH: Final = re.compile(r"\b179\d{7}\b")
_OVER: Final = ("duration", '"finished"', "cmd=history", "call_type")
_NO_KEY: Final = ("a key that opens nothing", "a-key-that-opens-nothing")


@dataclass(frozen=True, slots=True)
class Keys:
    """What opens a stack; an empty one leaves what the file has."""

    pbx: str = ""
    billing: str = ""
    stripe: str = ""


def freshened(event: Any, now: datetime, keys: Keys) -> Any:
    """The event as its trigger would send it now.

    Args:
        event: as a file of `events/` has it, or of any other form; is not changed.
        now: aware.
        keys: of the stack that it is for.
    """
    if not isinstance(event, dict):
        return event
    if event.get("detail-type") == "Scheduled Event":
        return event | {"time": now.strftime("%Y-%m-%dT%H:%M:%SZ")}
    if isinstance(event.get("Records"), list):
        return event | {"Records": [_record(each, now) for each in event["Records"]]}
    if isinstance(event.get("requestContext"), dict):
        return _request(event, now, keys)
    return event


def _record(record: Any, now: datetime) -> Any:
    if not isinstance(record, dict) or not isinstance(record.get("body"), str):
        moved = _moved(json.dumps(record), now.replace(microsecond=0) - WRITTEN)
        return json.loads(moved)
    body = _told(record["body"], now)
    sent = record.get("attributes", {}) | {
        "SentTimestamp": _milliseconds(now),
        "ApproximateFirstReceiveTimestamp": _milliseconds(now),
    }
    # SQS's own checksum: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Message.html
    digest = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
    return record | {"body": body, "md5OfBody": digest, "attributes": sent}


def _request(event: Mapping[str, Any], now: datetime, keys: Keys) -> dict[str, Any]:
    fresh = dict(event)
    fresh["requestContext"] = event["requestContext"] | {
        "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now.timestamp() * 1000),
    }
    path = str(event.get("rawPath", ""))
    # What Altegio has signed, and tickets, are left: both are of their own time. Some carriers'
    # PBXes post to the root.
    is_call, is_bill = path == "/" or path.startswith("/calls"), path.startswith("/billing")
    if not is_call and not is_bill:
        return fresh

    def made(text: str) -> str:
        for nothing in _NO_KEY:
            text = text.replace(nothing, keys.pbx or nothing)
        return _told(text, now)

    fresh["rawQueryString"] = made(str(event.get("rawQueryString", "")))
    body = _body(event, made)
    fresh |= body
    headers = dict(event.get("headers", {}))
    if "authorization" in headers and is_call and keys.pbx:
        headers["authorization"] = _basic("pbx", keys.pbx)
    if "authorization" in headers and is_bill and keys.billing:
        headers["authorization"] = _basic("billing", keys.billing)
    # One that is forged stays forged.
    if "stripe-signature" in headers and not re.search("v1=0+$", headers["stripe-signature"]):
        body_sent = str(fresh.get("body", "")).encode()
        headers["stripe-signature"] = stripe_signature(keys.stripe, body_sent, now)
    fresh["headers"] = headers
    return fresh


def _body(event: Mapping[str, Any], made: Callable[[str], str]) -> dict[str, Any]:
    body = event.get("body")
    if not isinstance(body, str):
        return {}
    if not event.get("isBase64Encoded"):
        return {"body": made(body)}
    try:
        text = base64.b64decode(body, validate=True).decode()
    except ValueError:  # as somebody has made it on purpose
        return {}
    return {"body": base64.b64encode(made(text).encode()).decode()}


def _told(text: str, now: datetime) -> str:
    """What tells of something, as if that happened now, or has just ended."""
    by = now.replace(microsecond=0) - HAPPENED
    return _moved(text, by - TALKED if any(word in text for word in _OVER) else by)


def _moved(text: str, by: timedelta) -> str:
    """All times of a text, moved together."""
    text = _ISO.sub(lambda found: _iso(found[0], by), text)
    return _EPOCH.sub(lambda found: str(int(found[0]) + int(by.total_seconds())), text)


def _iso(written: str, by: timedelta) -> str:
    try:
        moved = datetime.fromisoformat(written) + by
    except (ValueError, OverflowError):  # a time that is none, on purpose
        return written
    if "-" not in written:
        return moved.strftime("%Y%m%dT%H%M%SZ")
    text = moved.isoformat(
        sep=written[10], timespec="microseconds" if "." in written else "seconds"
    )
    return text.replace("+00:00", "Z") if written.endswith("Z") else text


def stripe_signature(secret: str, body: bytes, now: datetime) -> str:
    """The header `Stripe-Signature` of a body that is sent now."""
    at = int(now.timestamp())
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def _basic(user: str, key: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{key}'.encode()).decode()}"


def _milliseconds(now: datetime) -> str:
    return str(int(now.timestamp() * 1000))
