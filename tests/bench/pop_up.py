"""What becomes of pop-ups at the platform's limit."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from local.simulator import Simulator
from local.stack.stack import Stack
from tests.bench.webhook import connected

LOCATION = 4564
# The platform's limit, which the simulator enforces then.
PER_S, PER_MIN = 5, 200
LIFTED = {"PACE_PER_S": "100000", "PACE_PER_MIN": "6000000"}
AT_ONCE = 48


@dataclass(frozen=True, slots=True)
class AtTheLimit:
    """What became of calls that ring all at once, beyond what the platform allows."""

    seconds: float
    outcomes: Counter[str]
    too_many_requests: int


def at_the_limit(calls: int) -> AtTheLimit:
    """Rings all calls as fast as it can, a few at a time."""
    # Nothing else calls meanwhile.
    still = {"RECONCILE_EVERY_S": "0"}
    with (
        Simulator(per_s=PER_S, per_min=PER_MIN) as simulator,
        Stack(platform_url=simulator.url, settings=still) as stack,
        _pbx(stack, simulator) as pbx,
    ):
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
