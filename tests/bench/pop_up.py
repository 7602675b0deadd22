"""How soon a pop-up is shown beyond the platform's own time, and what is dropped at the limit."""

import statistics
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from local.simulator import Simulator
from local.simulator.server import Exchange
from local.stack.stack import Stack
from tests.bench.webhook import connected

LOCATION = 4564
# The platform's limit, which the simulator enforces then.
PER_S, PER_MIN = 5, 200
LIFTED = {"PACE_PER_S": "100000", "PACE_PER_MIN": "6000000"}
AT_ONCE = 48


@dataclass(frozen=True, slots=True)
class Shown:
    """Milliseconds from sending a ringing call to its answer, without the platform's own."""

    calls: int
    median: float
    p99: float
    longest: float
    platform: float


@dataclass(frozen=True, slots=True)
class AtTheLimit:
    """What became of calls that ring all at once, beyond what the platform allows."""

    seconds: float
    outcomes: Counter[str]
    too_many_requests: int


class Timed:
    """The simulator's exchange, with the time that each takes."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.stopped = exchange.stopped
        self.ms: list[float] = []

    def __call__(self, *arguments: Any) -> None:
        """As the exchange."""
        began = time.perf_counter()
        self._exchange(*arguments)
        self.ms.append(1000 * (time.perf_counter() - began))


@contextmanager
def _world(per_s: int, per_min: int, settings: dict[str, str]) -> Iterator[tuple[Stack, Simulator]]:
    simulator = Simulator(per_s=per_s, per_min=per_min)
    simulator.exchange = Timed(simulator.exchange)  # type: ignore[assignment]  # the same, timed
    # Nothing else calls meanwhile.
    still = {**settings, "RECONCILE_EVERY_S": "0"}
    with simulator, Stack(platform_url=simulator.url, settings=still) as stack:
        yield stack, simulator


def shown(calls: int) -> Shown:
    """Rings one call after the other, with no limit.

    Raises:
        RuntimeError: a call was not shown.
    """
    with _world(0, 0, LIFTED) as (stack, simulator), _pbx(stack, simulator) as pbx:
        platform: Any = simulator.exchange
        for number in range(20):
            _ring(pbx, f"warm-{number}")
        platform.ms.clear()
        ours = []
        for number in range(calls):
            began = time.perf_counter()
            outcome = _ring(pbx, f"c-{number}")
            took = 1000 * (time.perf_counter() - began)
            if outcome != "sent":
                message = f"call {number}: {outcome}"
                raise RuntimeError(message)
            ours.append(took - platform.ms[-1])
        own = statistics.median(platform.ms)
    p99 = sorted(ours)[len(ours) * 99 // 100]
    return Shown(calls, statistics.median(ours), p99, max(ours), own)


def at_the_limit(calls: int) -> AtTheLimit:
    """Rings all calls as fast as it can, a few at a time."""
    with _world(PER_S, PER_MIN, {}) as (stack, simulator), _pbx(stack, simulator) as pbx:
        time.sleep(1)
        began = time.perf_counter()
        with ThreadPoolExecutor(AT_ONCE) as threads:
            rung = threads.map(lambda number: _ring(pbx, f"c-{number}"), range(calls))
            outcomes = Counter(rung)
        seconds = time.perf_counter() - began
        refused = sum(call.status == httpx.codes.TOO_MANY_REQUESTS for call in simulator.journal)
    return AtTheLimit(seconds, outcomes, refused)


@contextmanager
def _pbx(stack: Stack, simulator: Simulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.api, timeout=60, trust_env=False) as http:
        key = connected(http, stack, simulator, LOCATION)
        http.headers["Authorization"] = f"Bearer {key}"
        yield http


def _ring(pbx: httpx.Client, call_id: str) -> str:
    event = {
        "type": "ringing",
        "call_id": call_id,
        "location_id": LOCATION,
        "phone": "+13155550175",
        "line": "+13155550176",
        "extension": "101",
        "at": datetime.now(UTC).isoformat(),
    }
    return str(pbx.post("/calls", json=event).raise_for_status().json()["pop_up"])
