"""The platform is called evenly, by all functions together, and not at all while it says so."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random

import pytest
from botocore.exceptions import ClientError

from local.simulator import Owner, Simulator
from shared.altegio.rate_limit import Busy, First, Pace, Paused
from shared.altegio.settings import PacePolicy
from shared.clock import stamp
from shared.connections.connection import State
from shared.payments import billing_event
from shared.payments.entry import Entry, EntryState
from tests.calls.telling import end, ring, settle
from tests.deployment import Clock, Deployment, payment, refund

LIMIT = {"PACE_PER_S": "5", "PACE_PER_MIN": "200"}


@pytest.fixture
def slept(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of each wait, in which time has passed."""
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock.advance(seconds=seconds)

    monkeypatch.setattr("shared.clock.sleep", sleep)
    return waits


@pytest.fixture
def paced(deployment: Deployment, slept: list[float]) -> Deployment:
    deployment.connect(4564)
    deployment.reconcile()
    deployment.restart(**LIMIT)
    slept.clear()
    return deployment


def pace(deployment: Deployment, **changes: float) -> Pace:
    return Pace(
        deployment._dynamodb,
        deployment.environments["payments"]["PACE_TABLE"],
        clock=deployment.clock,
        sleep=lambda seconds: deployment.clock.advance(seconds=seconds),
        rules=PacePolicy(5, 200, 30),
        ahead_s=changes.get("ahead_s", 0),
        patience_s=changes.get("patience_s", 3),
    )


@pytest.mark.parametrize(
    ("per_s", "per_min", "milliseconds"),
    [(5, 200, 312), (2, 200, 520), (50, 2000, 31), (0.5, 200, 2080), (5, 6, 10400)],
)
def test_both_limits_are_kept(per_s: float, per_min: float, milliseconds: int) -> None:
    assert PacePolicy(per_s, per_min, 30).interval == timedelta(milliseconds=milliseconds)


def test_the_limit_of_the_template_is_the_platforms() -> None:
    """No 61 seconds hold more than 200 calls, and no second more than 5."""
    interval = PacePolicy(5, 200, 30).interval
    assert timedelta(seconds=60) / interval + 1 <= 200
    assert timedelta(seconds=1) / interval + 1 <= 5
    assert timedelta(seconds=60) / interval >= 0.9 * 200


def test_payments_are_sent_evenly(paced: Deployment, slept: list[float]) -> None:
    began = paced.clock.at
    for number in range(20):
        paced.bill(payment(f"inv-{number}"))
    assert len(paced.simulator.payments(4564)) == 20
    assert slept == [pytest.approx(0.312)] * 19
    assert (paced.clock.at - began).total_seconds() == pytest.approx(19 * 0.312)


def test_what_comes_after_a_pause_need_not_wait(paced: Deployment, slept: list[float]) -> None:
    paced.bill(payment("inv-1"))
    paced.clock.advance(seconds=1)
    paced.bill(payment("inv-2"))
    assert slept == []


def test_questions_take_turns_with_payments(paced: Deployment, slept: list[float]) -> None:
    paced.bill(payment("inv-1"))
    paced.webhook(paced.event(4564))
    paced.invoke("reconcile", {})
    assert [round(seconds, 3) for seconds in slept] == [0.312]


def test_whoever_waits_for_a_page_goes_first(paced: Deployment, slept: list[float]) -> None:
    """By a quarter of a second, which is what the limit of five a second leaves."""
    paced.bill(payment("inv-1"))
    paced.visit(paced.simulator.redirect(4564))
    assert [round(seconds, 3) for seconds in slept] == [0.062]


def test_a_crowd_on_the_page_holds_up_no_payment(
    paced: Deployment, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its links can be opened as often as anybody likes, and name as many locations."""
    with monkeypatch.context() as crowd:
        # As if they all came at once: nobody's wait lets time pass for another.
        crowd.setattr("shared.clock.sleep", slept.append)
        paced.restart(**LIMIT)
        paced.visit(paced.simulator.grant(*range(1, 61)))
    paced.restart(**LIMIT)
    paced.bill(payment())
    assert paced.entry("payment#inv-1").state is EntryState.SENT


@pytest.mark.parametrize("seed", range(4))
def test_pop_ups_that_jump_the_queue_stay_within_the_limits(
    deployment: Deployment, seed: int
) -> None:
    """A backlog at the even pace, and calls that ring at random beside it."""
    waits: list[datetime] = []
    turns: list[datetime] = []
    random, jumped = Random(seed), 0  # noqa: S311 - a schedule, no secret

    def takes(rules: PacePolicy, key: str) -> Pace:
        return Pace(
            deployment._dynamodb,
            deployment.environments["calls"]["PACE_TABLE"],
            clock=deployment.clock,
            # Whoever waits does so beside the others.
            sleep=lambda seconds: waits.append(deployment.clock() + timedelta(seconds=seconds)),
            rules=rules,
            ahead_s=0,
            patience_s=3,
            key=key,
        )

    rules = PacePolicy(5, 200, 30)
    jump = rules.jump
    assert jump is not None
    all_calls = takes(rules, "platform")
    first = First(takes(jump, "pop-up"), all_calls)
    for _ in range(600):
        waits.clear()
        rings = random.random() < 0.4
        with suppress(Paused):
            (first if rings else all_calls).wait()
            # Of a jump, only its own place counts.
            turns.append(waits[-1])
            jumped += rings and waits[-1] == deployment.clock()
        deployment.clock.advance(seconds=random.uniform(0, 0.4))
    turns.sort()
    assert jumped > 20
    for seconds, most in ((1, 5), (60, 200)):
        for number, at in enumerate(turns):
            within = [
                it
                for it in turns[number : number + most + 1]
                if it - at < timedelta(seconds=seconds)
            ]
            assert len(within) <= most


def test_nobody_waits_longer_than_he_can(deployment: Deployment) -> None:
    first = pace(deployment)
    for _ in range(20):
        pace(deployment, ahead_s=60).take(60)
    with pytest.raises(Paused) as paused:
        first.wait()
    assert paused.value.until == deployment.clock.at + timedelta(seconds=20 * 0.312)


def test_a_place_too_far_off_is_not_taken(paced: Deployment) -> None:
    """The payment waits as a row, and goes out when the crowd has passed."""
    for _ in range(20):
        pace(paced, ahead_s=60).take(60)
    paced.bill(payment())
    entry = paced.entry("payment#inv-1")
    assert (entry.state, entry.attempt) == (EntryState.PENDING, 0)
    assert entry.due_at == paced.clock.at + timedelta(seconds=20 * 0.312)
    paced.let_time_pass(1)
    assert paced.entry("payment#inv-1").state is EntryState.SENT


@pytest.mark.parametrize("minutes", [300, 4])
def test_a_clock_that_was_ahead_stops_nobody(paced: Deployment, minutes: float) -> None:
    """AWS refuses what is signed by one that is wrong by more than five minutes."""
    paced.clock.advance(minutes=minutes)
    pace(paced).take(1)
    paced.clock.advance(minutes=-minutes)
    paced.bill(payment())
    assert paced.entry("payment#inv-1").state is EntryState.SENT
    pace(paced).take(1)


def test_a_brake_by_a_clock_that_was_hours_ahead_stops_nobody(deployment: Deployment) -> None:
    """Such as that of an operator's machine: the platform asks for an hour at most."""
    deployment.clock.advance(hours=5)
    pace(deployment).brake(30, "429")
    deployment.clock.advance(hours=-5)
    pace(deployment).take(0)
    pace(deployment).brake(30, "429")
    with pytest.raises(Paused) as paused:
        pace(deployment).wait()
    assert paused.value.until == deployment.clock.at + timedelta(seconds=30)


# The brake


def test_a_brake_during_the_wait_is_obeyed(deployment: Deployment) -> None:
    mine = pace(deployment)
    mine.take(0)
    mine.wait()
    check = [mine.in_turn()]
    deployment._dynamodb.transact_write_items(TransactItems=check)
    pace(deployment).brake(7, "429")
    with pytest.raises(ClientError, match="TransactionCanceledException"):
        deployment._dynamodb.transact_write_items(TransactItems=check)
    with pytest.raises(Paused) as paused:
        mine.wait()
    assert paused.value.until == deployment.clock.at + timedelta(seconds=7)


def test_the_longest_brake_holds(deployment: Deployment) -> None:
    for seconds in (5, 20, 10):
        pace(deployment).brake(seconds, "429")
    with pytest.raises(Paused) as paused:
        pace(deployment).wait()
    assert paused.value.until == deployment.clock.at + timedelta(seconds=20)


def test_retry_after_is_obeyed_by_all(paced: Deployment, simulator: Simulator) -> None:
    """A payment, a refund, a webhook's question and the owner's page: not one call."""
    paced.connect(77)
    paced.reconcile()
    paced.bill(payment("inv-0"))
    simulator.fault("payment", "status", status=429, retry_after=300)
    paced.bill(payment("inv-1"))
    assert paced.entry("payment#inv-1").state is EntryState.PENDING
    calls = len(simulator.journal)
    paced.bill(payment("inv-2"))
    paced.bill(refund("ref-1", of="inv-0"))
    paced.webhook(paced.event(77))
    page = paced.visit(simulator.grant(4232))
    paced.press(page)
    for _ in range(4):
        paced.clock.advance(minutes=1)
        paced.reconcile()
    assert len(simulator.journal) == calls
    # Nobody knows what was granted there, so nothing was stored.
    assert paced.connections.get(4232) is None
    paced.let_time_pass(6)
    paced.press(page)
    for key in ("payment#inv-1", "payment#inv-2", "refund#ref-1"):
        assert paced.entry(key).state is EntryState.SENT
    assert paced.connection(4232).state == "active"
    assert len(simulator.payments(4564)) == 3


@pytest.mark.parametrize("status", [401, 404, 406])
def test_a_wrong_token_or_address_stops_everybody_and_rejects_nothing(
    paced: Deployment, simulator: Simulator, logged: Callable[[], str], status: int
) -> None:
    """One call in half a minute tries whether it is mended; then the backlog goes out."""
    simulator.fault("any", "status", status=status, times=1000)
    for number in range(5):
        paced.bill(payment(f"inv-{number}"))
    assert len(simulator.calls("payment")) == 1
    assert "PlatformBlocked" in logged()
    paced.let_time_pass(10)
    assert 5 <= len(simulator.calls("payment")) <= 11
    assert paced.dead_letters() == []
    simulator.clear_faults()
    paced.let_time_pass(20, step=5)
    assert len(simulator.payments(4564)) == 5
    states = {row["state"] for row in paced.rows("PAYMENTS_TABLE") if "state" in row}
    assert states == {"SENT"}


@pytest.mark.parametrize("route", ["enable", "event", "history", "calls"])
def test_a_401_that_may_be_of_another_token_stops_nobody_else(
    paced: Deployment, simulator: Simulator, route: str
) -> None:
    """A chain's token is whatever a link has brought; the user token is the list's alone."""
    simulator.add_chain(6666, 666)
    if route == "enable":
        simulator.fault(route, "status", status=401)
    key = paced.connect(666, owner=Owner(9999, "Ivo", "13155559999", "ivo@example.com")).pbx_key
    if route != "enable":
        simulator.fault(route, "status", status=401)
    ring(paced, key, location_id=666)
    end(paced, key, location_id=666)
    settle(paced)
    paced.clock.advance(seconds=11)
    paced.drain_calls()
    assert 401 in [it.status for it in simulator.calls(route)]
    paced.bill(payment("inv-1"))
    assert paced.entry("payment#inv-1").state is EntryState.SENT


def test_a_status_that_is_refused_stops_everybody(paced: Deployment, simulator: Simulator) -> None:
    simulator.fault("any", "status", status=403, times=1000)
    paced.bill(payment("inv-1"))
    paced.bill(payment("inv-2"))
    assert len(simulator.calls("payment")) == 1


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("route", ["payment", "any"])
def test_one_location_that_is_refused_stops_no_other(
    paced: Deployment, simulator: Simulator, route: str, status: int
) -> None:
    """Also one that the platform has deleted, so that it knows nothing of it, whatever is asked."""
    paced.connect(77)
    paced.reconcile()
    simulator.fault(
        route, "status", times=1000, location_id=4564, status=status, message="Salon not found."
    )
    paced.bill(payment("inv-1"))
    paced.bill(payment("inv-2", location_id=77))
    assert paced.entry("payment#inv-1").state in (EntryState.PENDING, EntryState.HELD)
    assert paced.entry("payment#inv-2").state is EntryState.SENT
    assert len(simulator.payments(77)) == 1


# Wake-ups


def test_a_backlog_is_woken_as_fast_as_it_may_be_sent(
    paced: Deployment, simulator: Simulator
) -> None:
    """Wake-ups that wait behind others stay valid until their turn comes."""
    paced.restart(PACE_PER_S="1", PACE_PER_MIN="20")
    simulator.fault("payment", "status", status=429, retry_after=3600)
    for number in range(30):
        paced.bill(payment(f"inv-{number}"))
    paced.clock.advance(seconds=3600)
    now = stamp(paced.clock.at)
    paced.invoke("reconcile", {})
    dues = {row["due_at"] for row in paced.rows("PAYMENTS_TABLE") if row.get("due_at", "") > now}
    assert len(dues) == 20
    began = paced.clock.at
    paced.drain()
    assert len(simulator.payments(4564)) == 20
    assert 59 <= (paced.clock.at - began).total_seconds() <= 63
    paced.let_time_pass(2)
    assert len(simulator.payments(4564)) == 30


def test_a_transaction_says_whose_fault_it_is(paced: Deployment) -> None:
    """A location that is not connected is not a matter of the pace, and the other way round."""
    taken = pace(paced)
    taken.take(0)
    turn = taken.at_once()
    entry = paced_entry(paced, 4564)
    with pytest.raises(Busy):
        paced.ledger.claim(None, entry, turn, State.ACTIVE)
    assert paced.ledger.claim(None, paced_entry(paced, 9), turn, State.ACTIVE) is False


def paced_entry(deployment: Deployment, location_id: int) -> Entry:
    event = billing_event.read(json.dumps(payment(f"inv-{location_id}", location_id=location_id)))
    assert isinstance(event, billing_event.Payment)
    return event.entry(deployment.clock())
