"""Events for the functions, another one each time, and what a right answer to each is."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from local import PROJECT
from local.stack.stack import Stack

VISITED, CONNECTED = 4564, 4565
"""The location of the page, and that of all else."""


def status(wanted: int) -> Callable[[Any], bool]:
    return lambda answer: isinstance(answer, dict) and answer.get("statusCode") == wanted


def is_done(answer: Any) -> bool:
    return bool(answer == {"batchItemFailures": []})


def is_shown(answer: Any) -> bool:
    return status(202)(answer) and json.loads(answer["body"])["pop_up"] == "sent"


def event_of(name: str) -> Callable[[], Any]:
    text = (PROJECT / "events" / f"{name}.json").read_text("utf-8")
    return lambda: json.loads(text)


def uninstall() -> Any:
    event = event_of("disable-uninstall")()
    told = {**json.loads(event["body"]), "salon_id": CONNECTED}
    return {**event, "body": json.dumps(told)}


def payments() -> Callable[[], Any]:
    event, bodies = event_of("payments-payment"), _bills("queue")

    def made() -> Any:
        record = {**event()["Records"][0], "body": json.dumps(bodies())}
        return {"Records": [record]}

    return made


def billed(stack: Stack) -> Callable[[], Any]:
    event, bodies = event_of("billing-payment"), _bills("door")

    def made() -> Any:
        found = event()
        headers = {**found["headers"], "authorization": f"Bearer {stack.billing_key}"}
        return {**found, "headers": headers, "body": json.dumps(bodies())}

    return made


def _bills(source: str) -> Callable[[], Any]:
    """Payments of one location, each of a period of its own."""
    numbers, now = count(1), datetime.now(UTC).replace(microsecond=0)

    def bill() -> Any:
        number = next(numbers)
        return {
            "type": "payment",
            "event_id": f"{source}-{number}",
            "location_id": CONNECTED,
            "amount": f"{number}.50" if source == "queue" else f"{number}.75",
            "currency": "EUR",
            "paid_at": now.isoformat(),
            "period_from": now.isoformat(),
            "period_to": (now + timedelta(days=30)).isoformat(),
        }

    return bill


def ringing(key: str) -> Callable[[], Any]:
    return _calls(key, "calls-ringing", "at")


def finished(key: str) -> Callable[[], Any]:
    return _calls(key, "calls-finished", "started_at")


def _calls(key: str, name: str, when: str) -> Callable[[], Any]:
    event, numbers = event_of(name), count(1)

    def made() -> Any:
        found = event()
        told = {
            **json.loads(found["body"]),
            "call_id": f"c-{next(numbers)}",
            "location_id": CONNECTED,
            when: datetime.now(UTC).isoformat(),
        }
        headers = {**found["headers"], "authorization": f"Bearer {key}"}
        return {**found, "headers": headers, "body": json.dumps(told)}

    return made
