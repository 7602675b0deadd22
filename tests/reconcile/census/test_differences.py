"""The census: what it finds, and what it leaves alone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.connections.connection import State
from shared.payments import entry as payment_rules
from shared.payments.entry import EntryState
from shared.payments.restored import Mark, Marks
from shared.reconcile.census.differences import Difference
from shared.reconcile.census.table import Stage
from tests import snapshots
from tests.deployment import Deployment, payment, refund
from tests.reconcile.census.looking import DAY_MIN, connect, counted, found, head, kinds, taken

MINUTE = timedelta(minutes=1)

# Nothing to find


def test_nothing_is_found_where_all_agree(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    connect(deployment, 1, 2, 3)
    deployment.simulator.expire(2)
    deployment.webhook(deployment.event(2, "freeze"))
    deployment.reconcile()
    deployment.bill(payment("inv-1", 1))
    assert taken(deployment) == []
    assert (head(deployment).locations, head(deployment).looked) == (3, 3)
    assert "LostWebhook" not in logged()


def test_the_first_census_is_a_day_after_the_deployment(deployment: Deployment) -> None:
    assert (head(deployment).stage, head(deployment).parts) == (Stage.DONE, 0)
    deployment.clock.advance(hours=23)
    deployment.reconcile()
    assert deployment.simulator.calls("salons") == []
    deployment.clock.advance(hours=1)
    deployment.reconcile()
    assert len(deployment.simulator.calls("salons")) == 1


def test_without_an_interval_there_is_none(deployment: Deployment) -> None:
    deployment.restart(CENSUS_EVERY_S="0")
    deployment.clock.advance(days=9)
    deployment.reconcile()
    assert deployment.simulator.calls("salons") == []


# What was missed


def test_a_missed_uninstall_a_missed_freeze_and_a_missed_thaw_are_repaired(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    connect(deployment, 1, 2, 3, 4)
    deployment.simulator.expire(3)
    deployment.webhook(deployment.event(3, "freeze"))
    deployment.reconcile()
    logged()
    deployment.clock.advance(days=1)
    deployment.simulator.disconnect(1, webhook="never")
    deployment.simulator.expire(2, webhook="never")
    deployment.simulator.pay_hosted(3, Decimal(5), webhook="never")
    deployment.clock.advance(minutes=9)
    row = deployment.connection(3)
    # Nothing else looks at it meanwhile.
    deployment.connections.save(replace(row, due_at=deployment.clock() + DAY_MIN * 9 * MINUTE))
    deployment.reconcile()
    assert kinds(found(deployment))[:3] == [
        (1, "UNINSTALLED"),
        (2, "FROZEN"),
        (3, "THAWED"),
    ]
    deployment.let_time_pass(3)
    states = [deployment.connection(it).state for it in (1, 2, 3, 4)]
    assert states == ["disabled", "frozen", "active", "active"]
    # Nobody tells of a thaw.
    assert counted(logged(), "LostWebhook") == 2


@pytest.mark.parametrize("days", [30, None])
def test_a_connection_that_was_closed_by_mistake_goes_on(
    deployment: Deployment, days: int | None
) -> None:
    """By a bug; or by hand, and then nobody has written when it is to be erased."""
    connect(deployment, 1)
    row = deployment.connection(1)
    erase_at = deployment.clock() + days * DAY_MIN * MINUTE if days else None
    deployment.connections.save(
        replace(row, state=State.DISABLED, erase_at=erase_at, due_at=erase_at)
    )
    [it] = taken(deployment)
    assert it.finding.difference is Difference.CLOSED
    row = deployment.connection(1)
    assert (row.state, row.generation, row.erase_at) == ("active", 1, None)
    assert row.due_at is not None
    assert row.verdict.startswith("was closed by mistake: status active")


def test_a_ghost_is_told_and_left_alone(deployment: Deployment, logged: Callable[[], str]) -> None:
    """Nobody here has consented for it: not even a payment would be ours to send."""
    deployment.simulator.grant(7, private=True)
    [it] = taken(deployment)
    assert (it.finding.location_id, it.finding.difference) == (7, Difference.GHOST)
    assert it.result == ""
    assert deployment.connections.get(7) is None
    assert counted(logged(), "CensusDifference") == 1


def test_a_payment_of_the_platforms_page_that_was_never_told_is_recorded(
    deployment: Deployment,
) -> None:
    connect(deployment, 4564)
    number = deployment.simulator.pay_hosted(4564, Decimal("29.90"), webhook="never")
    [it] = taken(deployment)
    assert (it.finding.difference, it.result) == (Difference.UNRECORDED, "noted")
    entry = deployment.entry(f"payment#hosted-{number}")
    assert (entry.state, entry.payment.currency) == (EntryState.SENT, "XXX")
    assert taken(deployment) == []


def test_a_payment_whose_dates_cannot_be_read_is_for_a_person_and_burns_no_fuse(
    deployment: Deployment,
) -> None:
    connect(deployment, 4564)
    number = deployment.simulator.pay_hosted(4564, Decimal("29.90"), webhook="never")
    payments = deployment.simulator.platform._payments
    payments[number] = replace(payments[number], period_to="9999-12-31 23:59:59")
    assert kinds(taken(deployment)) == [(4564, "UNREADABLE")]
    assert head(deployment).repairable == 0


def test_a_payment_that_a_person_has_closed_is_not_found_again(deployment: Deployment) -> None:
    connect(deployment, 4564)
    number = deployment.simulator.pay_hosted(4564, Decimal("29.90"), webhook="never")
    deployment.webhook(deployment.simulator.payment_event(4564, number))
    told = deployment.entry(f"payment#hosted-{number}")
    now = deployment.clock()
    unsure = payment_rules.needs_human(told, "waited long enough", now)
    deployment.ledger.move(told, payment_rules.closed(unsure, "a test of Altegio's", now))
    assert taken(deployment) == []


def test_refunds_that_only_one_side_has_are_told(deployment: Deployment) -> None:
    connect(deployment, 4564)
    deployment.bill(payment("inv-1"))
    deployment.bill(payment("inv-2", amount="5"))
    deployment.bill(payment("inv-3", amount="6"))
    first, second, _third = (row.id for row in deployment.simulator.payments(4564))
    deployment.bill(refund("ref-2", of="inv-2"))
    platform = deployment.simulator.platform
    platform._payments[second] = replace(platform._payments[second], is_refunded=False)
    platform.refund(first)
    deployment.let_time_pass(70, step=10)
    assert sorted(kinds(taken(deployment))) == [
        (4564, "NOT_REFUNDED"),
        (4564, "REFUNDED_THERE"),
    ]


def test_a_payment_of_ours_that_the_list_lacks_and_one_that_it_has_twice_are_told(
    deployment: Deployment,
) -> None:
    connect(deployment, 4564)
    deployment.bill(payment("inv-1"))
    deployment.bill(payment("inv-2", amount="5"))
    platform = deployment.simulator.platform
    first, second = platform.payments(4564)
    del platform._payments[second.id]
    platform._payments[first.id + 1] = replace(first, id=first.id + 1)
    assert sorted(kinds(taken(deployment))) == [(4564, "NOT_LISTED"), (4564, "SURPLUS")]
    assert len(deployment.rows("PAYMENTS_TABLE")) == 5  # two entries, two owners, one echo


def test_what_a_restore_made_us_forget_is_no_difference_before_the_release(
    deployment: Deployment,
) -> None:
    connect(deployment, 4564)
    deployment.bill(payment("inv-1"))
    deployment.bill(payment("inv-2", amount="5"))
    environment = deployment.environments["payments"]
    before = snapshots.taken(deployment._dynamodb, environment)
    deployment.bill(payment("inv-3"))
    deployment.bill(refund("ref-1", of="inv-2"))
    snapshots.put_back(deployment._dynamodb, before)
    now = deployment.clock()
    mark = Mark(now - timedelta(hours=1), now)
    marks = Marks(deployment._dynamodb, environment["PACE_TABLE"])
    marks.put(None, mark)
    assert kinds(taken(deployment)) == []
    marks.put(mark, replace(mark, released_at=deployment.clock()))
    assert sorted(kinds(taken(deployment))) == [(4564, "REFUNDED_THERE"), (4564, "SURPLUS")]


def test_nothing_is_said_of_payments_while_one_is_unsettled(deployment: Deployment) -> None:
    connect(deployment, 4564)
    deployment.restart(CENSUS_EVERY_S="86400", ABSENCE_DELAY_S="900000")
    deployment.simulator.fault("payment", "drop_answer")
    deployment.bill(payment("inv-1"))
    deployment.simulator.pay_hosted(4564, Decimal(3), webhook="never")
    assert taken(deployment) == []
