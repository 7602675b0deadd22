"""What the operator does after a restore of the tables, from the mark to its release."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.clock import stamp
from shared.connections.connection import State
from shared.payments.entry import EntryState
from shared.payments.restored import Mark, Marks
from shared.reconcile.census.table import CensusTable, Stage
from tests.deployment import Deployment, payment, refund
from tests.ops.operator import Operator
from tests.snapshots import put_back, taken


@pytest.fixture
def marks(deployment: Deployment) -> Marks:
    return Marks(deployment._dynamodb, deployment.environments["payments"]["PACE_TABLE"])


@pytest.fixture
def roll(deployment: Deployment) -> CensusTable:
    return CensusTable(deployment._dynamodb, deployment.environments["reconcile"]["CENSUS_TABLE"])


def hour_ago(deployment: Deployment) -> str:
    return stamp(deployment.clock() - timedelta(hours=1))


def test_nothing_is_marked_before_it_is_shown(
    connected: Deployment, operator: Operator, marks: Marks, roll: CensusTable
) -> None:
    told = operator("restored", "--since", hour_ago(connected))
    assert operator.code == 0
    assert "mark           none yet" in told
    assert "Nothing was changed yet." in told
    assert marks.get() is None
    assert roll.head() is None


def test_a_mark_is_set_with_a_census_that_repairs(
    connected: Deployment, operator: Operator, marks: Marks, roll: CensusTable
) -> None:
    since = connected.clock() - timedelta(hours=1)
    assert "Done." in operator("restored", "--since", stamp(since), "--do")
    assert marks.get() == Mark(since, connected.clock())
    head = roll.head()
    assert head is not None
    assert (head.stage, head.repairs) == (Stage.LISTING, True)


def test_of_a_census_that_is_under_way_it_is_told(
    connected: Deployment, operator: Operator, roll: CensusTable
) -> None:
    operator("restored", "--do")
    head = roll.head()
    assert head is not None
    roll.save(replace(head, stage=Stage.LOOKING), connected.clock())
    said = " ".join(operator("restored", "--do").split())
    assert "A census is under way already" in said


def test_without_a_time_it_is_the_longest_that_aws_goes_back(
    connected: Deployment, operator: Operator, marks: Marks
) -> None:
    operator("restored", "--do")
    mark = marks.get()
    assert mark is not None
    assert mark.restored_to == connected.clock() - timedelta(days=35)


def test_a_second_restore_keeps_the_earlier_moment(
    connected: Deployment, operator: Operator, marks: Marks
) -> None:
    first = connected.clock() - timedelta(hours=5)
    operator("restored", "--since", stamp(first), "--do")
    connected.clock.advance(hours=1)
    operator("restored", "--since", hour_ago(connected), "--do")
    assert marks.get() == Mark(first, connected.clock())
    # Unless everything of the first one has come again.
    operator("restored", "--release", "--do")
    connected.clock.advance(hours=1)
    second = connected.clock() - timedelta(hours=1)
    operator("restored", "--since", stamp(second), "--do")
    assert marks.get() == Mark(second, connected.clock())


def test_rows_that_changed_since_make_one_wonder(connected: Deployment, operator: Operator) -> None:
    connected.bill(payment("inv-1", 9999))
    told = operator("restored", "--since", hour_ago(connected))
    assert "unfinished     1 HELD" in told
    assert "payment#inv-1: is this the restored table" in told
    connected.clock.advance(hours=2)
    assert "none of these, as it should be" in operator("restored", "--since", hour_ago(connected))


@pytest.mark.parametrize("since", ["2999-01-01T00:00Z", "1999-01-01T00:00Z"])
def test_a_time_that_nobody_means_is_refused(
    connected: Deployment, operator: Operator, marks: Marks, since: str
) -> None:
    assert "is not in the past" in operator("restored", "--since", since, "--do")
    assert operator.code == 1
    assert marks.get() is None
    assert connected.simulator.payments(4564) != []


@pytest.mark.parametrize("since", ["yesterday", "2026-11-28", "2026-11-28T02:00", ""])
def test_a_time_without_an_offset_is_none(operator: Operator, since: str) -> None:
    with pytest.raises(SystemExit) as ended:
        operator("restored", "--since", since)
    assert ended.value.code == 2


def test_a_mark_is_released_once(connected: Deployment, operator: Operator, marks: Marks) -> None:
    assert "no mark stands" in operator("restored", "--release", "--do")
    assert operator.code == 1
    operator("restored", "--do")
    before = marks.get()
    assert before is not None
    connected.clock.advance(hours=3)
    assert "Nothing was changed yet." in operator("restored", "--release")
    assert marks.get() == before
    assert operator("restored", "--release", "--do").endswith("Done.\n")
    assert marks.get() == replace(before, released_at=connected.clock())
    assert "no mark stands" in operator("restored", "--release", "--do")
    assert "one that was released" in operator("restored")


def test_what_came_before_the_release_is_looked_for_whatever_the_operators_clock_says(
    connected: Deployment, operator: Operator, marks: Marks
) -> None:
    operator("restored", "--do")
    connected.bill(payment("inv-1", 9999))
    assert connected.entry("payment#inv-1").state is EntryState.HELD
    received_at = connected.entry("payment#inv-1").received_at
    connected.clock.advance(minutes=-4)
    assert operator("restored", "--release", "--do").endswith("Done.\n")
    mark = marks.get()
    assert mark is not None
    assert mark.released_at == received_at


def test_what_our_rows_say_was_never_sent_is_not_believed_after_a_restore(
    connected: Deployment, operator: Operator
) -> None:
    connected.bill(payment("inv-1", 9999))
    told = operator("payment", "inv-1", "--send")
    assert "it was never sent" in told
    operator("restored", "--do")
    told = operator("payment", "inv-1", "--send", "--do")
    assert operator.code == 1
    assert "it could be taken twice" in told


def test_what_a_person_sends_too_early_is_looked_for_nevertheless(
    connected: Deployment, operator: Operator
) -> None:
    operator("restored", "--do")
    connected.bill(payment("inv-1", 9999))
    connected.connect(9999)
    operator("payment", "inv-1", "--send", "--do", "--force")
    connected.let_time_pass(3)
    assert connected.entry("payment#inv-1").state is EntryState.UNKNOWN


def test_what_a_person_sends_later_is_sent(connected: Deployment, operator: Operator) -> None:
    operator("restored", "--do")
    connected.simulator.fault("status", "status", status=404, times=1)
    connected.bill(payment("inv-2"))
    connected.let_time_pass(16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.payments.lookup.reads_back", lambda *_: False)
        connected.let_time_pass(6)
    assert connected.entry("payment#inv-2").state is EntryState.NEEDS_HUMAN
    operator("payment", "inv-2", "--send", "--do", "--force")
    connected.let_time_pass(3)
    assert connected.entry("payment#inv-2").state is EntryState.SENT


# All at once


def test_after_a_restore_billing_sends_everything_again(  # noqa: PLR0915 - one long story
    deployment: Deployment, operator: Operator
) -> None:
    deployment.connect(4564)
    deployment.reconcile()
    deployment.clock.advance(minutes=2)
    deployment.bill(payment("known", amount="1.00"))
    deployment.let_time_pass(120, step=60)
    deployment.connect(4232, 5001)
    deployment.let_time_pass(3)
    billed: list[dict[str, Any]] = []

    def bill(event: dict[str, Any]) -> None:
        billed.append(event)
        deployment.bill(event)
        deployment.clock.advance(seconds=20)

    for number in range(4):
        bill(payment(f"inv-{number}", amount=f"{number + 10}"))
    bill(refund("ref-0", of="inv-0"))
    deployment.simulator.fault("payment", "status", status=429, retry_after=60)
    bill(payment("inv-4", amount="14"))
    bill(payment("inv-5", 5002, amount="15"))
    since = deployment.clock()
    before = taken(deployment._dynamodb, deployment.environments["payments"])
    deployment.let_time_pass(5)
    for number in range(6, 10):
        bill(payment(f"inv-{number}", 4232, amount=f"{number + 10}"))
    bill(payment("inv-10", 4232, amount="19"))  # equal to the one before, and another one
    bill(refund("ref-1", of="inv-1"))
    bill(refund("ref-6", of="inv-6"))
    deployment.simulator.fault("payment", "drop_answer")
    bill(payment("inv-11", 5001, amount="21"))
    deployment.connect(5002)
    account_id = deployment.connection(5002).account_id
    assert account_id is not None
    deployment.let_time_pass(3)
    deployment.simulator.disconnect(5001, webhook="never")
    deployment.webhook(deployment.event(5001))
    deployment.let_time_pass(25)

    put_back(deployment._dynamodb, before)
    assert "Done." in operator("restored", "--since", since.isoformat(), "--do")
    deployment.restart(CENSUS_EVERY_S="86400")
    for event in (*billed, payment("inv-12", 4232, amount="22"), payment("inv-13", amount="23")):
        deployment.bill(event)
        deployment.clock.advance(seconds=5)
    deployment.let_time_pass(30, step=2)
    # Whom a location belongs to that we do not know any more, only a person can tell.
    assert "installed there, connected by nobody here" in operator("census")
    operator("take", "5002", account_id, "--reason", "it was connected before", "--do")
    deployment.let_time_pass(150, step=2)

    billed_sums = Counter(it["amount"] for it in billed if it["type"] == "payment")
    billed_sums += Counter(["1", "22", "23"])
    taken_sums = Counter(
        str(it.payment_sum)
        for location_id in (4564, 4232, 5001, 5002)
        for it in deployment.simulator.payments(location_id)
    )
    assert {Decimal(it): number for it, number in taken_sums.items()} == {
        Decimal(it): number for it, number in billed_sums.items()
    }
    given_back = [it.is_refunded for it in deployment.simulator.payments(4564)]
    assert sum(given_back) == 2
    assert sum(it.is_refunded for it in deployment.simulator.payments(4232)) == 1
    assert len(deployment.simulator.calls("refund")) == 3
    # What was connected and disconnected since is known again, by the census.
    assert deployment.connection(5002).state is State.ACTIVE
    assert deployment.connection(5001).state is State.DISABLED
    # Of the location that has left, nothing is listed.
    assert deployment.entry("payment#inv-11").state is EntryState.UNKNOWN
    # Closed is what the census took for a payment of the platform's page, before it came again.
    states = Counter(row["state"] for row in deployment.rows("PAYMENTS_TABLE") if "state" in row)
    assert states == {EntryState.SENT: 17, EntryState.UNKNOWN: 1, EntryState.CLOSED: 1}
