"""Whether anybody can hold up somebody else, on the local stack and at the platform's limit.

Each scenario is a function that makes a stack of its own and says what became of those who did
nothing wrong, while somebody hammers.
"""

import json
import multiprocessing
import re
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx

from local.simulator import Owner, Simulator
from local.stack.stack import Stack
from tests.bench.webhook import LOCATION, connected

# The platform's limit, which the simulator enforces.
PER_S, PER_MIN = 5, 200
SECOND, OTHERS = 4232, 4777
SQUATTER = Owner(id=7666, name="Mallory", phone="15551230002", email="mallory@example.com")
OTHER = Owner(id=7777, name="Other", phone="15551230001", email="other@example.com")
# After an answer, until whoever hammers does so again. All this shares a few processors: with no
# rest the simulator itself would be too slow to tell when a call came.
AGAIN_S = 1.0
# Of what is waited for; then it counts as never.
PATIENCE_S = 120


@dataclass(frozen=True, slots=True)
class Billed:
    """Payments, and the seconds from billed to the platform's record of those that went out."""

    billed: int
    sent: int
    median_s: float
    longest_s: float
    rung: int
    shown: int
    too_many_requests: int


@dataclass(frozen=True, slots=True)
class Ended:
    """Calls that one account has told of, and the seconds until another's was saved."""

    calls: int
    told_in_s: float
    saved_before: int
    saved_after_s: float
    too_many_requests: int


@dataclass(frozen=True, slots=True)
class Squatted:
    """What became of a new owner while somebody presses for hundreds of locations of others."""

    named: int
    pages: dict[int, int]
    asked: int
    connected_after_s: float


def payments_beside_pop_ups(payments: int = 55, at_once: int = 15, seconds: float = 90) -> Billed:
    """Many calls of one account ring at once, all the time, while payments are billed."""
    with _world() as (stack, simulator), _client() as http:
        key = connected(http, stack, simulator, LOCATION)
        connected(http, stack, simulator, SECOND)
        _warm(http, stack.api, key, at_once)
        billed: dict[Decimal, datetime] = {}
        with _hammering(_hammer, stack.api, key, at_once) as rung:
            began = time.monotonic()
            for number in range(payments):
                time.sleep(max(0.0, began + number * seconds / payments - time.monotonic()))
                amount = Decimal(number + 1) + Decimal("0.50")
                billed[amount] = datetime.now(UTC)
                _bill(stack, number, amount)
        _wait(lambda: len(_recorded(simulator)) >= payments)
        delays = [(at - billed[amount]).total_seconds() for amount, at in _recorded(simulator)]
        return Billed(
            payments,
            len(delays),
            statistics.median(delays),
            max(delays),
            len(rung),
            rung.count("sent"),
            _refused(simulator),
        )


def a_call_behind_thousands(calls: int = 3000, at_once: int = 8) -> Ended:
    """One account tells of thousands of calls as fast as it can, and then another of one."""
    with _world() as (stack, simulator), _client() as http:
        key = connected(http, stack, simulator, LOCATION)
        others = connected(http, stack, simulator, OTHERS, OTHER)
        # A first call proves the CRM token: from then on all may be on their way at once.
        _end(http, stack, key, LOCATION, "first")
        _wait(lambda: bool(simulator.calls("calls")))
        began = time.monotonic()
        with ThreadPoolExecutor(at_once) as threads:
            told = threads.map(
                lambda number: _end(http, stack, key, LOCATION, f"c-{number}"), range(calls)
            )
            list(told)
        told_in_s = time.monotonic() - began
        _end(http, stack, others, OTHERS, "other")
        ended = time.monotonic()
        _wait(lambda: bool(_saved(simulator, "other")))
        saved_after_s = time.monotonic() - ended
        return Ended(
            calls,
            told_in_s,
            len(_saved(simulator, "c-")),
            saved_after_s,
            _refused(simulator),
        )


def a_new_owner_beside_a_squatter(named: int, at_once: int = 8) -> Squatted:
    """A genuine link names many locations and is pressed again and again; a new owner connects.

    The platform fails the first callback for him, so it is reconcile that has to look at his row.
    """
    with _world() as (stack, simulator), _client() as http:
        link = simulator.redirect(*range(1000, 1000 + named), owner=SQUATTER).partition("?")[2]
        simulator.fault("callback", "status", status=503, location_id=OTHERS)
        address = simulator.grant(OTHERS, owner=OTHER).partition("?")[2]
        with _hammering(_press_all, stack.api, link, at_once) as pages:
            time.sleep(5)
            began = time.monotonic()
            while simulator.state(OTHERS) != "active" and time.monotonic() - began < PATIENCE_S:
                if not simulator.calls("callback"):
                    _press(http, stack.api, address)
                time.sleep(1)
            took = time.monotonic() - began
        seen = {status: pages.count(status) for status in sorted(set(pages))}
        asked = sum(call.location_id != OTHERS for call in simulator.calls("status"))
        return Squatted(named, seen, asked, took)


def _press_all(api: str, link: str, at_once: int, over: Any, outcomes: Any) -> None:
    def press(_: int) -> list[int]:
        seen: list[int] = []
        while not over.wait(AGAIN_S):
            seen += _press(http, api, link)
        return seen

    with _client() as http, ThreadPoolExecutor(at_once) as threads:
        outcomes.put([status for seen in threads.map(press, range(at_once)) for status in seen])


def _press(http: httpx.Client, api: str, query: str) -> list[int]:
    """Opens a link, and presses its button if there is one; the statuses of the pages."""
    page = http.get(f"{api}/connect?{query}")
    ticket = re.search('name="ticket" value="([^"]+)"', page.text)
    if ticket is None:
        return [page.status_code]
    typed = {"name": "A", "email": "a@example.com", "country": "US"}
    fields = {"ticket": ticket[1], "action": "connect", **typed}
    return [page.status_code, http.post(f"{api}/connect", data=fields).status_code]


@contextmanager
def _world() -> Iterator[tuple[Stack, Simulator]]:
    simulator = Simulator(per_s=PER_S, per_min=PER_MIN)
    with simulator, Stack(platform_url=simulator.url) as stack:
        yield stack, simulator


def _client() -> httpx.Client:
    return httpx.Client(timeout=60, trust_env=False)


@contextmanager
def _hammering(
    hammers: Callable[..., None], api: str, what: str, at_once: int
) -> Iterator[list[Any]]:
    """So many do the same all the time; what became of each try is in the list at the end.

    In a process of their own, as they would keep the simulator from telling when a call came.
    """
    processes = multiprocessing.get_context("spawn")
    over, outcomes = processes.Event(), processes.Queue()
    hammer = processes.Process(target=hammers, args=(api, what, at_once, over, outcomes))
    rung: list[Any] = []
    hammer.start()
    try:
        yield rung
    finally:
        over.set()
        rung += outcomes.get(timeout=PATIENCE_S)
        hammer.join()


def _hammer(api: str, key: str, at_once: int, over: Any, outcomes: Any) -> None:
    def ring(telephone: int) -> list[str]:
        rung: list[str] = []
        while not over.wait(AGAIN_S):
            rung.append(_ring(http, api, key, f"{telephone}-{len(rung)}"))
        return rung

    with _client() as http, ThreadPoolExecutor(at_once) as threads:
        outcomes.put([outcome for rung in threads.map(ring, range(at_once)) for outcome in rung])


def _wait(done: Callable[[], bool]) -> None:
    late = time.monotonic() + PATIENCE_S
    while not done() and time.monotonic() < late:
        time.sleep(0.05)


def _bill(stack: Stack, number: int, amount: Decimal) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    event = {
        "type": "payment",
        "event_id": f"inv-{number}",
        "location_id": (LOCATION, SECOND)[number % 2],
        "amount": str(amount),
        "currency": "EUR",
        "paid_at": now.isoformat(),
        "period_from": now.isoformat(),
        "period_to": (now + timedelta(days=30)).isoformat(),
    }
    stack.client("sqs").send_message(
        QueueUrl=stack.billing_queue_url, MessageBody=json.dumps(event)
    )


def _warm(http: httpx.Client, api: str, key: str, at_once: int) -> None:
    """So many functions as are needed, by callers who hide, of whom nobody is told.

    Else they would all start on these few processors while a turn of theirs goes by.
    """
    with ThreadPoolExecutor(at_once) as threads:
        list(
            threads.map(
                lambda number: _ring(http, api, key, f"warm-{number}", "anonymous"),
                range(10 * at_once),
            )
        )


def _ring(http: httpx.Client, api: str, key: str, call_id: str, phone: str = "+13155550175") -> str:
    now = datetime.now(UTC).isoformat()
    event = {"type": "ringing", **_call(call_id, LOCATION), "at": now, "phone": phone}
    answer = _tell(http, api, key, event)
    # Who hammers may be told that there are no functions left for him.
    return str(answer.json()["pop_up"]) if answer.is_success else str(answer.status_code)


def _end(http: httpx.Client, stack: Stack, key: str, location_id: int, call_id: str) -> None:
    began = datetime.now(UTC) - timedelta(seconds=90)
    event = {
        "type": "finished",
        **_call(call_id, location_id),
        "direction": "incoming",
        "started_at": began.isoformat(),
        "duration_s": 60,
        "answered": True,
    }
    _tell(http, stack.api, key, event).raise_for_status()


def _call(call_id: str, location_id: int) -> dict[str, Any]:
    return {
        "call_id": call_id,
        "location_id": location_id,
        "phone": "+13155550175",
        "line": "+13155550176",
        "extension": "101",
    }


def _tell(http: httpx.Client, api: str, key: str, event: dict[str, Any]) -> httpx.Response:
    bearer = {"Authorization": f"Bearer {key}"}
    return http.post(f"{api}/calls", json=event, headers=bearer)


def _recorded(simulator: Simulator) -> list[tuple[Decimal, datetime]]:
    """What the platform has taken, and when it came."""
    calls = [call for call in simulator.calls("payment") if call.recorded]
    return [(Decimal(str(call.body["payment_sum"])), call.at) for call in calls]


def _saved(simulator: Simulator, begins: str) -> list[str]:
    return [it.call_id for it in simulator.saved_calls() if it.call_id.startswith(begins)]


def _refused(simulator: Simulator) -> int:
    return sum(call.status == httpx.codes.TOO_MANY_REQUESTS for call in simulator.journal)
