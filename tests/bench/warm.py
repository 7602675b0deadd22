"""How long functions take that run already, over TLS, and how much memory they ever had.

A run is asked for at the moment that its place in an even row says, however long those before it
take: so who waits for a free environment is measured, too. What API Gateway and the queues take is
not in it. Everything shares one machine: the functions, the emulator, the platform, and the servers
for TLS before both.
"""

import operator
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx

from local.stack.environment import InvokeResult
from local.stack.functions import Functions
from local.stack.stack import Stack
from tests.bench.events import (
    CONNECTED,
    VISITED,
    billed,
    event_of,
    finished,
    is_done,
    is_shown,
    payments,
    ringing,
    status,
    uninstall,
)
from tests.bench.pop_up import LIFTED
from tests.bench.webhook import connected
from tests.bench.world import AS_SHIPPED, FOLDER, peak_mb, spoken_to_over_tls, variant

POP_UPS_PER_S = 20.0
_AT_ONCE = 40
_WARMED = 20


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of run.

    Attributes:
        title: for the table.
        function: what runs.
        event: makes an event, another one each time.
        answers: whether it must answer so.
        runs: how many.
        per_s: so many a second; 0 is one after the other.
        is_own: whether the platform's time is left out.
    """

    title: str
    function: str
    event: Callable[[], Any]
    answers: Callable[[Any], bool]
    runs: int = 300
    per_s: float = 0.0
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class Took:
    """Milliseconds of one kind of run, from when it was due to its answer.

    `others` have answered otherwise: a pop-up that comes late is dropped.
    """

    title: str
    runs: int
    others: int
    median: float
    p99: float
    longest: float


@dataclass(frozen=True, slots=True)
class Warm:
    """What was measured; `peaks` has the MB of a function at its peak, and those of its setting."""

    took: list[Took]
    peaks: dict[str, tuple[float, int]]


def measured(seconds: float, tell: Callable[[str], None]) -> Warm:
    """Lets calls ring for so long, and then whatever else happens happen.

    Raises:
        RuntimeError: a function failed.
    """
    with spoken_to_over_tls(LIFTED) as world, variant(world, AS_SHIPPED) as artifact:
        logs = FOLDER / "warm"
        logs.mkdir(exist_ok=True)
        functions = Functions(
            world.functions, artifact=artifact, logs=logs, variables=world.variables
        )
        try:
            with httpx.Client(timeout=60, trust_env=False) as http:
                key = connected(http, world.stack, world.simulator, CONNECTED)
            world.simulator.grant(VISITED)

            def took(kind: Kind) -> Took:
                tell(f"warm: {kind.title}, {kind.runs} times")
                others: list[InvokeResult] = []
                run = _run(functions, kind, others)
                _all(run, min(_WARMED, kind.runs), kind.per_s)
                others.clear()
                world.platform_ms.clear()
                ms = _all(run, kind.runs, kind.per_s)
                if kind.is_own:
                    # One after the other, and each of them makes one call.
                    ms = list(map(operator.sub, ms, world.platform_ms))
                return _took(kind, ms, len(others))

            found = list(map(took, _kinds(world.stack, key, round(seconds * POP_UPS_PER_S))))
            peaks = {
                name: (
                    max(peak_mb(it._process.pid) for it in functions.environments(name)),
                    function.memory_mb,
                )
                for name, function in world.functions.items()
                if functions.environments(name)
            }
        finally:
            functions.close()
    return Warm(found, peaks)


def _kinds(stack: Stack, key: str, pop_ups: int) -> list[Kind]:
    """Payments before what leaves calls to the platform behind."""
    reconcile, rung = event_of("reconcile-every-minute"), POP_UPS_PER_S
    title = f"a pop-up, {rung:.0f} a second"
    return [
        Kind(title, "Calls", ringing(key), is_shown, runs=pop_ups, per_s=rung),
        Kind("a payment, its own time", "Payments", payments(), is_done, is_own=True),
        Kind("a payment is posted", "Billing", billed(stack), status(202), runs=50),
        Kind("a call has ended", "Calls", finished(key), status(202)),
        Kind("the page", "Connect", event_of("connect-redirect"), status(200), runs=10),
        Kind("a webhook", "Disable", uninstall, status(200)),
        Kind("an event out", "Events", event_of("events-payment-sent"), is_done),
        Kind("reconcile", "Reconcile", reconcile, lambda it: it is None, runs=20),
    ]


def _run(functions: Functions, kind: Kind, others: list[InvokeResult]) -> Callable[[float], float]:
    def run(due: float) -> float:
        time.sleep(max(0.0, due - time.perf_counter()))
        began = due or time.perf_counter()
        result = functions.invoke(f"{kind.function}Function", kind.event())
        if result.error:
            message = f"{kind.title}: {result.error}; it said: {result.log}"
            raise RuntimeError(message)
        if not kind.answers(result.payload):
            others.append(result)
        return 1000 * (time.perf_counter() - began)

    return run


def _all(run: Callable[[float], float], runs: int, per_s: float) -> list[float]:
    """So many a second, or one after the other if it is 0."""
    if not per_s:
        return [run(0.0) for _ in range(runs)]
    began = time.perf_counter() + 0.1
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(run, [began + place / per_s for place in range(runs)]))


def _took(kind: Kind, ms: Sequence[float], others: int) -> Took:
    p99 = sorted(ms)[len(ms) * 99 // 100]
    return Took(kind.title, len(ms), others, statistics.median(ms), p99, max(ms))


def print_tables(warm: Warm) -> None:
    print("\nWarm, over TLS: ms from when it was due to its answer\n")
    print(f"{'':30}{'runs':>8}{'p50':>8}{'p99':>8}{'longest':>10}")
    for it in warm.took:
        print(f"{it.title:30}{it.runs:8}{it.median:8.0f}{it.p99:8.0f}{it.longest:10.0f}")
    for it in warm.took:
        if it.others:
            print(f"{it.others} of {it.runs} answered otherwise: {it.title}")
    print("\nMemory at its peak, of what template.yaml gives it\n")
    print(f"{'':30}{'MB':>8}{'of':>8}")
    for name, (peak, setting) in warm.peaks.items():
        print(f"{name.removesuffix('Function').lower():30}{peak:8.0f}{setting:8}")
