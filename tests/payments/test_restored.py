"""Tables that were restored to an hour ago: nothing is paid twice, and nothing is lost."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.aws.dynamodb import StaleWrite
from shared.payments import restored
from shared.payments.entry import EntryState
from shared.payments.restored import Mark, Marks
from shared.payments.settings import LedgerPolicy
from tests.deployment import Deployment, payment, refund
from tests.payments import messages
from tests.snapshots import put_back, taken

RULES = LedgerPolicy(absence_delay_s=900)
NOW = messages.NOW
MARK = Mark(NOW - timedelta(hours=1), NOW)
ENTRY = messages.entry(messages.PAYMENT)


def marks(deployment: Deployment) -> Marks:
    return Marks(deployment._dynamodb, deployment.environments["payments"]["PACE_TABLE"])


def mark(deployment: Deployment) -> Mark:
    """As the operator does, once the functions stand still."""
    now = deployment.clock()
    after = Mark(now - timedelta(hours=1), now)
    marks(deployment).put(marks(deployment).get(), after)
    # A stack that is pointed to another table has new environments.
    deployment.restart()
    return after


def release(deployment: Deployment) -> None:
    before = marks(deployment).get()
    assert before is not None
    marks(deployment).put(before, replace(before, released_at=deployment.clock()))


@contextmanager
def forgotten(deployment: Deployment) -> Iterator[None]:
    """What the tables are told within is lost again, and the operator says so."""
    before = taken(deployment._dynamodb, deployment.environments["payments"])
    yield
    deployment.clock.advance(minutes=5)
    put_back(deployment._dynamodb, before)
    mark(deployment)


@pytest.fixture
def echoed(connected: Deployment) -> Deployment:
    """With a payment that shows how the list reads back."""
    connected.bill(payment("known", amount="1.00"))
    # Connected since the moment of the restore, the list might have begun anew.
    connected.let_time_pass(120, step=60)
    return connected


def listed(deployment: Deployment) -> list[str]:
    return [str(it.payment_sum) for it in deployment.simulator.payments(4564)]


# The rule


@pytest.mark.parametrize(
    ("absent_min", "received_min", "doubted"),
    [
        (None, 0, True),
        (None, 59, True),
        (None, 61, False),  # it came after the release, for the first time
        (14, 0, True),
        (15, 0, False),
        (15, 61, False),
    ],
)
def test_what_is_doubted(
    absent_min: int | None,
    received_min: int,
    doubted: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    seen = None if absent_min is None else NOW + timedelta(minutes=absent_min)
    received = NOW + timedelta(minutes=received_min)
    entry = replace(ENTRY, received_at=received, absent_since=seen)
    released = replace(MARK, released_at=NOW + timedelta(hours=1))
    assert released.doubts(entry, RULES) is doubted
    assert MARK.doubts(entry, RULES) is (absent_min != 15)


@pytest.mark.parametrize("mark", [MARK, replace(MARK, released_at=NOW + timedelta(days=1)), None])
def test_a_mark_reads_back(mark: Mark | None) -> None:
    row = {} if mark is None else {"key": "platform", "free_at": 1, "restored": str(mark)}
    assert restored.mark_in(row) == mark


def test_a_mark_is_written_only_over_the_one_that_was_seen(connected: Deployment) -> None:
    marks(connected).put(None, MARK)
    marks(connected).put(None, MARK)  # the same again: an answer was lost
    released = replace(MARK, released_at=NOW)
    with pytest.raises(StaleWrite):
        marks(connected).put(None, released)
    marks(connected).put(MARK, released)
    assert marks(connected).get() == released


# Through the handlers


def test_a_payment_whose_row_is_lost_is_adopted(echoed: Deployment) -> None:
    with forgotten(echoed):
        echoed.bill(payment())
    assert echoed.ledger.get("payment#inv-1") is None
    echoed.bill(payment())
    doubted = echoed.entry("payment#inv-1")
    assert (doubted.state, doubted.attempt) == (EntryState.UNKNOWN, 1)
    echoed.let_time_pass(20)
    [_, paid] = echoed.simulator.payments(4564)
    entry = echoed.entry("payment#inv-1")
    assert (entry.state, entry.platform_id) == (EntryState.SENT, paid.id)
    assert len(echoed.simulator.calls("payment")) == 2


def test_a_payment_by_http_whose_row_is_lost_is_adopted(echoed: Deployment) -> None:
    key = "billing-key-of-more-than-32-characters"
    echoed.set_billing_key(key)
    with forgotten(echoed):
        assert echoed.post_billing(payment(), key=key)[1]["state"] == "PENDING"
        echoed.drain()
        assert listed(echoed) == ["1", "990.99"]
    assert echoed.look_up("inv-1", key=key)[0] == 404
    assert echoed.post_billing(payment(), key=key)[1]["state"] == "PENDING"
    echoed.drain()
    assert echoed.post_billing(payment(), key=key)[1]["state"] == "UNKNOWN"
    echoed.let_time_pass(20)
    assert echoed.post_billing(payment(), key=key)[1]["state"] == "SENT"
    assert listed(echoed) == ["1", "990.99"]


def test_a_payment_whose_row_is_set_back_is_adopted(echoed: Deployment) -> None:
    echoed.simulator.fault("payment", "status", status=429, retry_after=60)
    echoed.bill(payment())
    with forgotten(echoed):
        echoed.let_time_pass(3)
        assert listed(echoed) == ["1", "990.99"]
    assert echoed.entry("payment#inv-1").state is EntryState.PENDING
    echoed.let_time_pass(30)
    assert echoed.entry("payment#inv-1").state is EntryState.SENT
    assert listed(echoed) == ["1", "990.99"]


def test_an_absence_from_before_the_restore_proves_nothing(echoed: Deployment) -> None:
    """It was seen absent once, then restored; the second time, and the sending, were forgotten."""
    echoed.simulator.fault("payment", "drop_request")
    echoed.bill(payment())
    while echoed.entry("payment#inv-1").absences == 0:
        echoed.let_time_pass(1)
    with forgotten(echoed):
        echoed.let_time_pass(3)
        assert listed(echoed) == ["1", "990.99"]
    # A list may lag for as long as the rules wait.
    paid = echoed.simulator.platform.payments(4564)[-1]
    with _lagging(echoed, paid.id):
        echoed.let_time_pass(10)
    echoed.let_time_pass(30)
    assert listed(echoed) == ["1", "990.99"]
    assert echoed.entry("payment#inv-1").platform_id == paid.id


@contextmanager
def _lagging(deployment: Deployment, payment_id: int) -> Iterator[None]:
    """The list lacks a payment meanwhile."""
    kept = deployment.simulator.platform._payments.pop(payment_id)
    yield
    deployment.simulator.platform._payments[payment_id] = kept


def test_a_new_payment_is_sent_once_the_list_has_surely_lacked_it(echoed: Deployment) -> None:
    with forgotten(echoed):
        pass
    echoed.bill(payment())
    doubted = echoed.entry("payment#inv-1")
    assert doubted.why == "restored: it may have been sent before"
    assert doubted.due_at == echoed.clock() + timedelta(minutes=15)
    echoed.let_time_pass(14)
    assert listed(echoed) == ["1"]
    echoed.let_time_pass(6)
    entry = echoed.entry("payment#inv-1")
    assert (entry.state, entry.attempt) == (EntryState.SENT, 2)
    assert listed(echoed) == ["1", "990.99"]


def test_what_was_refused_under_a_mark_is_looked_for_no_more(echoed: Deployment) -> None:
    with forgotten(echoed):
        pass
    echoed.bill(payment())
    echoed.simulator.fault("payment", "status", status=429, retry_after=120)
    echoed.let_time_pass(17)
    refused = echoed.entry("payment#inv-1")
    assert (refused.state, refused.attempt) == (EntryState.PENDING, 2)
    echoed.let_time_pass(5)
    assert echoed.entry("payment#inv-1").attempt == 3
    assert listed(echoed) == ["1", "990.99"]


def test_equal_payments_are_counted_together(echoed: Deployment) -> None:
    """One was sent and one was not: it does not matter which."""
    with forgotten(echoed):
        echoed.bill(payment("inv-1"))
    echoed.bill(payment("inv-1"))
    echoed.bill(payment("inv-2"))
    echoed.let_time_pass(40)
    assert listed(echoed) == ["1", "990.99", "990.99"]
    states = {echoed.entry(f"payment#inv-{number}").state for number in (1, 2)}
    assert states == {EntryState.SENT}


@pytest.fixture
def unclear(echoed: Deployment) -> Deployment:
    """With a payment that was taken and not answered, and a forgotten one that looks like it."""
    echoed.simulator.fault("payment", "drop_answer")
    echoed.bill(payment("inv-1"))
    with forgotten(echoed):
        echoed.bill(payment("inv-2"))
    return echoed


def test_a_forgotten_payment_is_none_too_many(
    unclear: Deployment, logged: Callable[[], str]
) -> None:
    """The unclear one is looked for before billing has told of the other again."""
    unclear.let_time_pass(20)
    assert unclear.entry("payment#inv-1").state is EntryState.SENT
    unclear.bill(payment("inv-2"))
    release(unclear)
    unclear.let_time_pass(40)
    assert unclear.entry("payment#inv-2").state is EntryState.SENT
    assert listed(unclear) == ["1", "990.99", "990.99"]
    assert "more payments than were billed" not in logged()


@pytest.mark.parametrize("doubled", [False, True])
def test_a_forgotten_payment_that_waits_for_its_turn_is_none_too_many(
    unclear: Deployment,
    logged: Callable[[], str],
    doubled: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    key = "billing-key-of-more-than-32-characters"
    unclear.set_billing_key(key)
    assert unclear.post_billing(payment("inv-2"), key=key)[1]["state"] == "PENDING"
    release(unclear)
    if doubled:
        platform = unclear.simulator.platform
        last = platform.payments(4564)[-1]
        platform._payments[last.id + 1] = replace(last, id=last.id + 1)
    unclear.clock.advance(minutes=20)
    unclear.invoke("reconcile", {})
    assert unclear.entry("payment#inv-1").state is EntryState.SENT
    assert ("more payments than were billed" in logged()) is doubled
    unclear.let_time_pass(40)
    assert unclear.entry("payment#inv-2").state is EntryState.SENT
    assert ("more payments than were billed" in logged()) is doubled


def test_of_equal_payments_one_of_which_was_given_back_nobody_can_tell_which(
    echoed: Deployment,
) -> None:
    """The refund comes again, and would be of the other one."""
    with forgotten(echoed):
        echoed.bill(payment("inv-1"))
        echoed.bill(payment("inv-2"))
        echoed.bill(refund(of="inv-2"))
    for event in (payment("inv-1"), payment("inv-2"), refund(of="inv-2")):
        echoed.bill(event)
    echoed.let_time_pass(60)
    unsure = [echoed.entry(f"payment#inv-{number}") for number in (1, 2)]
    assert {(it.state, it.why) for it in unsure} == {
        (EntryState.NEEDS_HUMAN, "one of several equal payments was given back")
    }
    assert listed(echoed) == ["1", "990.99", "990.99"]
    assert len(echoed.simulator.calls("refund")) == 1


def test_equal_payments_that_were_all_given_back_are_adopted(echoed: Deployment) -> None:
    with forgotten(echoed):
        for number in (1, 2):
            echoed.bill(payment(f"inv-{number}"))
            echoed.bill(refund(f"ref-{number}", of=f"inv-{number}"))
    for number in (1, 2):
        echoed.bill(payment(f"inv-{number}"))
        echoed.bill(refund(f"ref-{number}", of=f"inv-{number}"))
    echoed.let_time_pass(120)
    states = {row["state"] for row in echoed.rows("PAYMENTS_TABLE") if "state" in row}
    assert states == {EntryState.SENT}
    assert len(echoed.simulator.calls("refund")) == 2


def test_what_the_list_cannot_tell_is_for_a_person(echoed: Deployment) -> None:
    """A payment of that sum is nobody's: of other dates, or its event does not come again."""
    with forgotten(echoed):
        echoed.bill(payment("inv-1", paid_at="2026-11-01T09:00:00+00:00"))
    echoed.bill(payment("inv-2"))
    echoed.let_time_pass(40)
    unsure = echoed.entry("payment#inv-2")
    assert (unsure.state, unsure.why) == (
        EntryState.NEEDS_HUMAN,
        "a payment of that sum has other dates",
    )
    # And then the other one comes.
    echoed.bill(payment("inv-1", paid_at="2026-11-01T09:00:00+00:00"))
    echoed.let_time_pass(40)
    assert echoed.entry("payment#inv-1").state is EntryState.SENT
    assert listed(echoed) == ["1", "990.99"]


def test_while_the_list_cannot_be_read_nothing_is_sent(echoed: Deployment) -> None:
    with forgotten(echoed):
        pass
    echoed.simulator.fault("status", "status", status=500, times=1000)
    echoed.bill(payment())
    echoed.let_time_pass(120, step=5)
    assert echoed.entry("payment#inv-1").state is EntryState.UNKNOWN
    assert listed(echoed) == ["1"]


def test_a_location_that_was_connected_again_meanwhile_proves_no_absence(
    echoed: Deployment,
) -> None:
    """When the lost one was sent is not known: its list may have begun anew since."""
    with forgotten(echoed):
        echoed.bill(payment())
        echoed.clock.advance(minutes=1)
        echoed.simulator.disconnect(4564)
        echoed.webhook(echoed.event(4564))
        echoed.let_time_pass(3)
        echoed.connect(4564)
        echoed.let_time_pass(3)
        echoed.simulator.platform._payments.clear()
    echoed.let_time_pass(3)
    echoed.bill(payment())
    echoed.let_time_pass(60)
    assert echoed.entry("payment#inv-1").state is EntryState.NEEDS_HUMAN
    assert len(echoed.simulator.calls("payment")) == 2


def test_a_refund_that_was_sent_is_adopted(echoed: Deployment) -> None:
    echoed.bill(payment())
    with forgotten(echoed):
        echoed.bill(refund())
        assert len(echoed.simulator.calls("refund")) == 1
    echoed.bill(refund())
    assert echoed.entry("refund#ref-1").state is EntryState.UNKNOWN
    echoed.let_time_pass(20)
    assert echoed.entry("refund#ref-1").state is EntryState.SENT
    assert len(echoed.simulator.calls("refund")) == 1


def test_a_refund_that_comes_before_its_payment_is_known_again(echoed: Deployment) -> None:
    with forgotten(echoed):
        echoed.bill(payment())
        echoed.bill(refund())
    echoed.bill(refund())
    echoed.bill(payment())
    echoed.let_time_pass(120)
    assert echoed.entry("payment#inv-1").state is EntryState.SENT
    assert echoed.entry("refund#ref-1").state is EntryState.SENT
    assert len(echoed.simulator.calls("refund")) == 1
    assert listed(echoed) == ["1", "990.99"]


def test_a_refund_that_was_never_sent_is_sent_once(echoed: Deployment) -> None:
    echoed.bill(payment())
    with forgotten(echoed):
        pass
    echoed.bill(refund())
    echoed.let_time_pass(20)
    assert echoed.entry("refund#ref-1").state is EntryState.SENT
    assert len(echoed.simulator.calls("refund")) == 1


def test_a_location_that_left_is_held_and_looked_for_when_it_is_back(echoed: Deployment) -> None:
    """Though the mark was released meanwhile: its event has come before."""
    with forgotten(echoed):
        echoed.bill(payment())
    echoed.simulator.disconnect(4564)
    echoed.webhook(echoed.event(4564))
    echoed.let_time_pass(3)
    echoed.bill(payment())
    assert echoed.entry("payment#inv-1").state is EntryState.HELD
    echoed.clock.advance(minutes=1)
    release(echoed)
    echoed.clock.advance(minutes=1)
    echoed.connect(4564)
    echoed.let_time_pass(90)
    assert listed(echoed) == ["1", "990.99"]
    assert len(echoed.simulator.calls("payment")) == 2


def test_what_comes_after_the_release_is_sent_at_once(echoed: Deployment) -> None:
    with forgotten(echoed):
        pass
    echoed.bill(payment("inv-1"))
    assert echoed.entry("payment#inv-1").state is EntryState.UNKNOWN
    release(echoed)
    echoed.clock.advance(seconds=1)
    echoed.bill(payment("inv-2", amount="2.00"))
    entry = echoed.entry("payment#inv-2")
    assert (entry.state, entry.attempt) == (EntryState.SENT, 1)


def test_a_payment_of_the_platforms_page_is_not_told_from_ours_before_the_release(
    echoed: Deployment,
) -> None:
    """The census finds what we have forgotten, and would take it for the owner's."""
    with forgotten(echoed):
        echoed.bill(payment())
    [_, ours] = echoed.simulator.payments(4564)
    assert echoed.webhook(echoed.simulator.payment_event(4564, ours.id)) == 200
    echoed.let_time_pass(10)
    told = echoed.entry(f"payment#hosted-{ours.id}")
    assert (told.state, told.why) == (
        EntryState.REPORTED_BY_PLATFORM,
        "restored: it may be one of ours",
    )
    echoed.bill(payment())
    echoed.let_time_pass(24 * 60, step=30)
    assert echoed.entry("payment#inv-1").platform_id == ours.id
    assert echoed.entry(told.key).state is EntryState.CLOSED


def test_nor_is_it_while_ours_waits_for_its_turn(echoed: Deployment) -> None:
    """It was billed again before the release, and its turn has not come."""
    with forgotten(echoed):
        echoed.bill(payment())
    [_, ours] = echoed.simulator.payments(4564)
    echoed.webhook(echoed.simulator.payment_event(4564, ours.id))
    key = "billing-key-of-more-than-32-characters"
    echoed.set_billing_key(key)
    assert echoed.post_billing(payment(), key=key)[1]["state"] == "PENDING"
    release(echoed)
    echoed.clock.advance(minutes=2)
    echoed.invoke("reconcile", {})
    assert echoed.entry(f"payment#hosted-{ours.id}").state is EntryState.REPORTED_BY_PLATFORM
    echoed.let_time_pass(24 * 60, step=30)
    assert echoed.entry("payment#inv-1").platform_id == ours.id


@pytest.mark.parametrize("aws", ["deployment", "on_moto"])
def test_an_environment_learns_of_a_mark_and_of_its_release_from_a_refused_claim(
    aws: str, request: pytest.FixtureRequest
) -> None:
    """Nobody restarts it."""
    echoed: Deployment = request.getfixturevalue(aws)
    echoed.connect(4564)
    echoed.reconcile()
    now = echoed.clock()
    set_ = Mark(now - timedelta(hours=1), now)
    marks(echoed).put(None, set_)
    echoed.bill(payment("inv-1"))
    assert echoed.entry("payment#inv-1").state is EntryState.UNKNOWN
    released = replace(set_, released_at=now)
    marks(echoed).put(set_, released)
    echoed.clock.advance(seconds=1)
    echoed.bill(payment("inv-2", amount="2.00"))
    assert echoed.entry("payment#inv-2").state is EntryState.SENT
    marks(echoed).put(released, Mark(now, echoed.clock()))
    echoed.bill(payment("inv-3", amount="3.00"))
    assert echoed.entry("payment#inv-3").state is EntryState.UNKNOWN
