"""Schedules, not examples: the money's protocol under everything that can go wrong at once.

`make chaos` runs as many as one likes; here are a few, always the same.
"""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.chaos import by_http, campaigns, restores
from tests.chaos.__main__ import FEW_CALLS
from tests.chaos.by_http_mutants import MUTANTS as BY_HTTP_MUTANTS
from tests.chaos.call_mutants import MUTANTS as CALL_MUTANTS
from tests.chaos.judge import entries, judge
from tests.chaos.mutants import FIRST, MUTANTS
from tests.chaos.places import PAID_AT
from tests.chaos.runs import first_wrong, run
from tests.chaos.schedule import AMOUNTS, SETTINGS, Schedule, settle
from tests.chaos.tasks import Task
from tests.chaos.world import LOCATIONS, Fault, World
from tests.deployment import payment, refund

SCHEDULES = 30
# Within which every broken rule is noticed.
ENOUGH = 120


def test_every_schedule_ends_well() -> None:
    states: Counter[str] = Counter()
    for seed in range(SCHEDULES):
        told = run(seed)
        assert not told.wrong, f"python -m tests.chaos --only {seed}: {told.wrong}"
        states += told.states
    # They would be of no use if nothing were ever sent, held, or left to a person.
    assert {"SENT", "HELD", "NEEDS_HUMAN"} <= set(states)
    assert states["SENT"] > 3 * SCHEDULES


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_broken_rule_is_noticed(mutant: Callable[[], Any]) -> None:
    """The test of the test."""
    first = FIRST.get(mutant, 0)
    told = first_wrong(range(first, first + ENOUGH), mutant)
    assert told is not None
    assert run(told.seed).wrong == ""


def test_what_was_posted_and_accepted_ends_well() -> None:
    states: Counter[str] = Counter()
    for seed in range(SCHEDULES):
        told = by_http.run(seed)
        assert not told.wrong, f"python -m tests.chaos --only-by-http {seed}: {told.wrong}"
        states += told.states
    assert {"SENT", "HELD", "NEEDS_HUMAN"} <= set(states)
    assert states["SENT"] > 2.5 * SCHEDULES


@pytest.mark.parametrize("mutant", BY_HTTP_MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_broken_rule_of_the_door_is_noticed(mutant: Callable[[], Any]) -> None:
    told = by_http.first_wrong(range(SCHEDULES), mutant)
    assert told is not None
    assert by_http.run(told.seed).wrong == ""


def test_a_payment_that_goes_well_is_two_writes_no_read_and_one_call() -> None:
    """With the environment's first payment, the token is read and the echo noted besides."""
    with World() as world:
        Schedule(world, Random(0)).begin()  # noqa: S311 - nothing is drawn here
        asked: list[str] = []
        for number in range(3):
            world.advance(1)
            world.bill(payment(f"inv-{number}", LOCATIONS[0]))
            task = world.deliver()
            assert task is not None
            asked.clear()
            while not task.done:
                world.advance(max(0.0, _sleep_s(world, task)))
                world.step(task)
                asked.append(task.at)
        ours = [at for at in asked if at.startswith(("POST", "GET", "Put", "Get", "Trans", "Up"))]
        pay = "POST /marketplace/partner/payment"
        assert ours == ["TransactWriteItems", pay, "TransactWriteItems"]
        assert len(world.platform.payments(LOCATIONS[0])) == 3


def _sleep_s(world: World, task: Task) -> float:
    return (task.wake_at - world.clock()).total_seconds() if task.wake_at is not None else 0.0


def test_a_ledger_that_is_restored_pays_nothing_twice_and_loses_nothing() -> None:
    states: Counter[str] = Counter()
    # In the last two an equal payment is looked for before it was told again, or its owner leaves.
    for seed in (*range(8), 555, 2136):
        told = restores.run(seed)
        assert not told.wrong, f"tests.chaos.restores.run({seed}): {told.wrong}"
        states += told.states
    assert states["SENT"] > 50


@pytest.mark.parametrize("mutant", restores.MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_broken_rule_of_the_restore_pays_twice(mutant: Callable[[], Any]) -> None:
    # Of four hundred schedules two show the rarer one; the first that does is enough.
    first = restores.FIRST.get(mutant, 100)
    told = (restores.run(seed, mutant) for seed in range(first, first + 300))
    assert any("the platform has" in it.wrong for it in told)


def test_a_day_without_the_platform_loses_nothing() -> None:
    told = campaigns.outage(20, lambda _done, _of: None)
    assert (told.dead_letters, told.doubled) == (0, 0)
    assert told.states == Counter(SENT=20)


def test_a_day_without_the_platform_loses_no_call_and_shows_none_late() -> None:
    told = campaigns.calls_outage(30, lambda _done, _of: None)
    assert (told.saved, told.wrong) == (30, 0)
    assert set(told.states) == {"confirmed"}
    # Those that rang before the outage, and after it.
    assert (told.pop_ups, told.stale_pop_ups) == (6, 0)
    # Every fourth of the thirty, and one of the six beside them.
    assert told.missed == 8 + 1


def few_calls() -> campaigns.CallsTold:
    """Of a shorter day: `make chaos` has the mutants live through a whole one."""
    return campaigns.calls_outage(FEW_CALLS, lambda _done, _of: None, timedelta(hours=4))


def test_with_unbroken_rules_few_calls_are_right() -> None:
    assert few_calls().wrong == 0


@pytest.mark.parametrize("mutant", CALL_MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_broken_rule_of_calls_is_noticed(mutant: Callable[[], Any]) -> None:
    with mutant():
        assert few_calls().wrong > 0


def test_a_backlog_goes_out_at_the_platforms_limit() -> None:
    told = campaigns.backlog(250, lambda _done, _of: None)
    assert (told.too_many_requests, told.doubled) == (0, 0)
    assert told.states == Counter(SENT=250)
    assert told.share >= 0.9


def test_dead_letters_are_counted_however_often_one_looks() -> None:
    with World() as world:
        Schedule(world, Random(0)).begin()  # noqa: S311 - nothing is drawn here
        world.bill({"type": "payment", "event_id": "inv-1"})
        task = world.deliver()
        assert task is not None
        world.finish(task)
        assert [len(world.dead_letters()) for _ in range(2)] == [1, 1]


class Machine(RuleBasedStateMachine):
    """The same world, moved by hypothesis, which makes what it finds as short as it can."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(settings=SETTINGS)
        self.world.__enter__()
        self.payments = 0
        self.refunds = 0

    def teardown(self) -> None:
        try:
            settle(self.world)
            judge(self.world)
        finally:
            self.world.__exit__()

    @initialize()
    def begin(self) -> None:
        Schedule(self.world, Random(0)).begin()  # noqa: S311 - nothing is drawn here

    @rule(
        location_id=st.sampled_from(LOCATIONS[:2]),
        amount=st.sampled_from(AMOUNTS),
        paid_at=st.sampled_from(PAID_AT),
    )
    def bill(self, location_id: int, amount: str, paid_at: str) -> None:
        self.payments += 1
        event = payment(f"inv-{self.payments}", location_id, amount=amount, paid_at=paid_at)
        self.world.bill(event)

    @precondition(lambda self: self.world.billed)
    @rule(data=st.data())
    def bill_again(self, data: st.DataObject) -> None:
        self.world.bill(data.draw(st.sampled_from(self.world.billed)).event)

    @precondition(lambda self: self.payments)
    @rule(data=st.data())
    def refund(self, data: st.DataObject) -> None:
        self.refunds += 1
        of = f"inv-{data.draw(st.integers(1, self.payments))}"
        self.world.bill(refund(f"ref-{self.refunds}", of=of))

    @precondition(lambda self: self.world.queued())
    @rule()
    def deliver(self) -> None:
        self.world.deliver()

    @rule()
    def reconcile(self) -> None:
        self.world.start("reconcile", {})

    @precondition(lambda self: self.world.runnable())
    @rule(data=st.data(), calls=st.integers(1, 15))
    def work(self, data: st.DataObject, calls: int) -> None:
        task = data.draw(st.sampled_from(range(len(self.world.runnable()))))
        for _ in range(calls):
            runnable = self.world.runnable()
            if task < len(runnable):
                self.world.step(runnable[task])

    @precondition(lambda self: self.world.runnable())
    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        runnable = self.world.runnable()
        self.world.kill(runnable[data.draw(st.sampled_from(range(len(runnable))))])

    @rule(seconds=st.sampled_from((0.5, 5, 61, 901, 3700)))
    def wait(self, seconds: float) -> None:
        self.world.advance(seconds)

    @rule(
        route=st.sampled_from(("payment", "refund", "status")),
        kind=st.sampled_from([kind for kind in World.KINDS if kind not in ("stale", "422")]),
        seconds=st.integers(1, 800),
    )
    def disturb(self, route: str, kind: str, seconds: int) -> None:
        late = {"late": seconds, "slow": min(seconds, 9)}.get(kind, 0)
        self.world.faults.append(Fault(route, kind, late))

    @rule(location_id=st.sampled_from(LOCATIONS))
    def disconnect(self, location_id: int) -> None:
        self.world.simulator.disconnect(location_id)

    @rule(location_id=st.sampled_from(LOCATIONS))
    def connect(self, location_id: int) -> None:
        self.world.connect(location_id)

    @invariant()
    def no_more_payments_than_were_billed(self) -> None:
        """At any moment, not only when the dust has settled."""
        listed = sum(len(self.world.platform.payments(it)) for it in LOCATIONS)
        sendable = [row for row in entries(self.world) if row["key"].startswith("payment#")]
        assert listed - len(self.world.hosted) <= len(sendable)


def test_a_machine_that_looks_for_trouble_finds_none() -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=40,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
