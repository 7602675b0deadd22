"""UNKNOWN payments are resolved by the platform's own list, and never by hope."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import cast
from zoneinfo import ZoneInfo

import pytest

from local.simulator.state import Payment, Standing
from shared.altegio.status import ListedPayment
from shared.payments import entry as rules
from shared.payments import lookup
from shared.payments.entry import EntryState
from tests.deployment import Deployment, payment, refund


@pytest.fixture
def connected(deployment: Deployment) -> Deployment:
    """With a payment whose id is known, so that the list can show how it reads back."""
    deployment.connect(4564)
    deployment.bill(payment("known", amount="1.00"))
    deployment.reconcile()
    return deployment


def paid(deployment: Deployment, amount: str = "990.99") -> int:
    rows = deployment.simulator.payments(4564)
    return sum(row.payment_sum == Decimal(amount) for row in rows)


def state(deployment: Deployment, event_id: str = "inv-1") -> EntryState:
    return deployment.entry(f"payment#{event_id}").state


def test_a_payment_that_was_taken_is_adopted_with_its_id(connected: Deployment) -> None:
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment())
    connected.let_time_pass(14)
    assert state(connected) is EntryState.UNKNOWN
    connected.let_time_pass(2)
    entry = connected.entry("payment#inv-1")
    assert (entry.state, entry.platform_id) == (
        EntryState.SENT,
        connected.simulator.payments(4564)[1].id,
    )
    assert paid(connected) == 1
    connected.bill(refund())
    assert connected.simulator.payments(4564)[1].is_refunded


def test_a_payment_that_never_arrived_is_sent_again_after_two_looks(
    connected: Deployment,
) -> None:
    connected.simulator.fault("payment", "drop_request")
    connected.bill(payment())
    connected.let_time_pass(15)
    assert (state(connected), connected.entry("payment#inv-1").absences) == (
        EntryState.UNKNOWN,
        1,
    )
    connected.let_time_pass(4)
    assert state(connected) is EntryState.SENT
    assert connected.entry("payment#inv-1").attempt == 2
    assert paid(connected) == 1


def test_a_payment_that_shows_late_is_not_sent_again(connected: Deployment) -> None:
    """It is missing at the first look, and there at the second."""
    connected.simulator.fault("payment", "drop_request")
    connected.bill(payment())
    connected.let_time_pass(15)
    body = connected.simulator.calls("payment")[1].body
    wire = {name: body[name] for name in ("payment_date", "period_from", "period_to")}
    connected.simulator.platform.pay(
        4564, payment_sum=Decimal("990.99"), currency_iso="EUR", **wire
    )
    connected.let_time_pass(10)
    assert state(connected) is EntryState.SENT
    assert (paid(connected), len(connected.simulator.calls("payment"))) == (1, 2)


@pytest.mark.parametrize("taken", [0, 1, 2, 3])
def test_equal_payments_are_counted_together(connected: Deployment, taken: int) -> None:
    """Three events of the same sum, date and period, none answered, some taken."""
    for number in range(3):
        connected.simulator.fault("payment", "drop_answer" if number < taken else "drop_request")
        connected.bill(payment(f"inv-{number}"))
    connected.let_time_pass(25)
    assert [state(connected, f"inv-{number}") for number in range(3)] == [EntryState.SENT] * 3
    assert paid(connected) == 3
    ids = {connected.entry(f"payment#inv-{number}").platform_id for number in range(3)}
    assert len(ids) == 3


def test_of_the_hour_that_is_there_twice_equal_times_are_counted_together(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    connected.simulator.platform.zone = ZoneInfo("Europe/Kyiv")
    connected.restart(PLATFORM_TIMEZONE="Europe/Kyiv")
    connected.bill(payment("here", amount="2.00"))
    connected.simulator.fault("payment", "drop_answer", times=2)
    for hour in (0, 1):
        connected.bill(payment(f"inv-{hour}", paid_at=f"2026-10-25T0{hour}:30:00+00:00"))
    connected.let_time_pass(20)
    assert [state(connected, f"inv-{hour}") for hour in (0, 1)] == [EntryState.SENT] * 2
    assert paid(connected) == 2
    assert "more payments than were billed" not in logged()


def test_a_list_that_cannot_be_compared_is_for_a_person(deployment: Deployment) -> None:
    """Nothing was ever sent successfully, so nothing shows how the platform reads dates back."""
    deployment.connect(4564)
    deployment.simulator.fault("payment", "drop_request")
    deployment.bill(payment())
    deployment.let_time_pass(20)
    entry = deployment.entry("payment#inv-1")
    assert entry.state is EntryState.NEEDS_HUMAN
    assert entry.why == "no known payment shows how dates read back"
    assert paid(deployment) == 0


def test_the_echo_of_another_location_serves(connected: Deployment) -> None:
    connected.connect(4232)
    connected.simulator.fault("payment", "drop_request")
    connected.bill(payment(location_id=4232))
    connected.let_time_pass(25)
    assert state(connected) is EntryState.SENT
    assert len(connected.simulator.payments(4232)) == 1


def test_a_list_that_reads_back_altered_is_for_a_person(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform shows its dates in another zone than it takes them in."""
    original = connected.simulator.platform.payments

    def shifted(location_id: int) -> list[object]:
        return [
            replace(row, payment_date=row.payment_date.replace("10:10", "12:10"))
            for row in original(location_id)
        ]

    monkeypatch.setattr(connected.simulator.platform, "payments", shifted)
    connected.simulator.fault("payment", "drop_request")
    connected.bill(payment())
    connected.let_time_pass(20)
    entry = connected.entry("payment#inv-1")
    assert (entry.state, entry.why) == (
        EntryState.NEEDS_HUMAN,
        "known payments are missing or altered",
    )


def test_a_list_that_forgets_is_for_a_person(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connected.simulator.platform, "payments", lambda _location_id: [])
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment())
    connected.let_time_pass(20)
    assert state(connected) is EntryState.NEEDS_HUMAN
    assert len(connected.simulator.calls("payment")) == 2


def test_a_row_of_that_sum_with_other_dates_is_for_a_person(connected: Deployment) -> None:
    connected.simulator.platform.pay(
        4564,
        payment_sum=Decimal("990.99"),
        currency_iso="EUR",
        payment_date="2026-11-02 10:10:00",
        period_from="2026-11-01 00:00:00",
        period_to="2026-11-30 23:59:59",
    )
    connected.simulator.fault("payment", "drop_request")
    connected.bill(payment())
    connected.let_time_pass(20)
    entry = connected.entry("payment#inv-1")
    assert (entry.state, entry.why) == (
        EntryState.NEEDS_HUMAN,
        "a payment of that sum has other dates",
    )


@pytest.mark.parametrize("listed", ["990.9900001", "991", "990.9"])
def test_a_row_of_about_that_sum_is_for_a_person(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch, listed: str
) -> None:
    """The platform rounds, or counts in floats, which a known payment of 1.00 does not show."""
    lists(connected, monkeypatch, lambda row: [replace(row, payment_sum=Decimal(listed))])
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment())
    connected.let_time_pass(30)
    entry = connected.entry("payment#inv-1")
    assert (entry.state, entry.why) == (
        EntryState.NEEDS_HUMAN,
        "a payment of that sum is rounded, or another one",
    )
    assert paid(connected) == 1


@pytest.mark.parametrize("listed", [None, "", "p-1", 0, -1, 1.5, 10**18])
def test_a_row_without_an_id_is_for_a_person(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch, listed: object
) -> None:
    lists(connected, monkeypatch, lambda row: [replace(row, id=cast("int", listed))])
    for number in range(2):
        connected.simulator.fault("payment", "drop_answer")
        connected.bill(payment(f"inv-{number}"))
    connected.let_time_pass(30)
    for number in range(2):
        entry = connected.entry(f"payment#inv-{number}")
        assert (entry.state, entry.why) == (
            EntryState.NEEDS_HUMAN,
            "a payment on the list cannot be read",
        )
    assert len(connected.simulator.calls("payment")) == 3


def test_a_row_that_is_there_twice_is_one_payment(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]
) -> None:
    lists(connected, monkeypatch, lambda row: [row, row])
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment())
    connected.let_time_pass(30)
    assert state(connected) is EntryState.SENT
    assert "more payments than were billed" not in logged()


def lists(
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    shown: Callable[[Payment], list[Payment]],
) -> None:
    """The platform's list shows each but the payment that is known otherwise."""
    platform = deployment.simulator.platform
    standing = platform.standing

    def altered(location_id: int) -> Standing:
        told = standing(location_id)
        known, *rest = told.payments
        return replace(told, payments=[known, *(it for row in rest for it in shown(row))])

    monkeypatch.setattr(platform, "standing", altered)


def test_more_payments_than_were_billed_raise_the_alarm(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment())
    body = connected.simulator.calls("payment")[1].body
    wire = {name: body[name] for name in ("payment_date", "period_from", "period_to")}
    connected.simulator.platform.pay(
        4564, payment_sum=Decimal("990.99"), currency_iso="EUR", **wire
    )
    connected.let_time_pass(20)
    assert state(connected) is EntryState.SENT
    assert '"Doubled":[1.0]' in logged()


def test_what_a_person_has_yet_to_settle_is_no_payment_too_many(
    connected: Deployment, logged: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment("inv-0"))
    with monkeypatch.context() as altered:
        altered.setattr(lookup, "reads_back", lambda *_: False)
        connected.let_time_pass(20)
    assert state(connected, "inv-0") is EntryState.NEEDS_HUMAN
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment())
    connected.let_time_pass(20)
    assert state(connected) is EntryState.SENT
    assert paid(connected) == 2
    assert "more payments than were billed" not in logged()


def test_an_id_that_arrives_late_finishes_its_own_attempt(connected: Deployment) -> None:
    """A worker slept through its lease and wakes up with the answer in its hand."""
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment())
    unknown = connected.entry("payment#inv-1")
    platform_id = connected.simulator.payments(4564)[1].id
    asleep = replace(unknown, state=EntryState.SENDING)
    connected.ledger.finish(asleep, rules.sent(asleep, platform_id, connected.clock()))
    assert state(connected) is EntryState.SENT
    connected.let_time_pass(25)
    assert paid(connected) == 1


def test_a_platform_that_does_not_answer_leaves_it_unknown(connected: Deployment) -> None:
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment())
    connected.simulator.fault("status", "status", status=500, times=1000)
    connected.let_time_pass(60, step=5)
    assert state(connected) is EntryState.UNKNOWN
    connected.simulator.clear_faults()
    connected.let_time_pass(5)
    assert state(connected) is EntryState.SENT
    assert paid(connected) == 1


def test_a_location_that_left_is_looked_up_when_it_is_back(connected: Deployment) -> None:
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment())
    connected.simulator.disconnect(4564)
    connected.let_time_pass(60, step=5)
    assert state(connected) is EntryState.UNKNOWN
    connected.connect(4564)
    connected.let_time_pass(15)
    assert state(connected) is EntryState.SENT
    assert paid(connected) == 1


def test_absence_after_a_reconnect_proves_nothing(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list may have begun anew with the install, and a payment from before is not on it."""
    listed, forgotten = connected.simulator.platform.payments, set[int]()
    monkeypatch.setattr(
        connected.simulator.platform,
        "payments",
        lambda location_id: [row for row in listed(location_id) if row.id not in forgotten],
    )
    connected.connect(4232)
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment(location_id=4232))
    connected.clock.advance(minutes=1)
    connected.simulator.disconnect(4232)
    forgotten.update(row.id for row in listed(4232))
    connected.webhook(connected.event(4232))
    connected.reconcile()
    connected.connect(4232)
    connected.reconcile()
    connected.bill(payment("inv-2", 4232, amount="2.00"))
    connected.let_time_pass(30)
    assert state(connected, "inv-2") is EntryState.SENT
    assert state(connected) is EntryState.NEEDS_HUMAN
    assert len(listed(4232)) == 2


def test_a_first_connect_in_the_hour_that_is_there_twice_is_no_reconnect(
    deployment: Deployment,
) -> None:
    deployment.simulator.platform.zone = ZoneInfo("Europe/Kyiv")
    deployment.restart(PLATFORM_TIMEZONE="Europe/Kyiv")
    deployment.clock.at = datetime(2026, 10, 24, 23, 20, tzinfo=UTC)
    deployment.connect(4232)
    deployment.bill(payment("elsewhere", 4232, amount="2.00"))
    deployment.clock.advance(hours=1)
    deployment.connect(4564)
    deployment.simulator.fault("payment", "drop_request")
    deployment.bill(payment())
    deployment.let_time_pass(30)
    assert state(deployment) is EntryState.SENT
    assert paid(deployment) == 1


def test_absence_after_a_reconnect_counts_on_a_list_that_goes_on(connected: Deployment) -> None:
    connected.simulator.fault("payment", "drop_request")
    connected.clock.advance(minutes=1)
    connected.bill(payment())
    connected.clock.advance(minutes=1)
    connected.simulator.disconnect(4564)
    connected.webhook(connected.event(4564))
    connected.reconcile()
    connected.connect(4564)
    connected.let_time_pass(30)
    assert state(connected) is EntryState.SENT
    assert paid(connected) == 1


def test_the_list_of_a_new_grant_proves_nothing_yet(connected: Deployment) -> None:
    connected.simulator.fault("payment", "drop_request")
    connected.bill(payment())
    connected.simulator.disconnect(4564)
    connected.simulator.grant(4564)
    connected.let_time_pass(30)
    assert state(connected) is EntryState.UNKNOWN


def test_a_refund_that_never_arrived_is_sent_again(connected: Deployment) -> None:
    connected.bill(payment())
    connected.simulator.fault("refund", "drop_request")
    connected.bill(refund())
    connected.let_time_pass(25)
    assert connected.entry("refund#ref-1").state is EntryState.SENT
    assert [call.status for call in connected.simulator.calls("refund")] == [None, 200]


def test_a_row_that_cannot_be_read_may_be_the_one(connected: Deployment) -> None:
    connected.simulator.fault("payment", "drop_request")
    connected.bill(payment())
    unknown = connected.entry("payment#inv-1")
    row = ListedPayment(7, None, "", "", "", is_refunded=False)
    findings = lookup.find([unknown], [row], owned=[], zone=ZoneInfo("UTC"), others=[], echoed=True)
    assert (findings.absent, findings.unsure) == ((), (unknown,))
    assert lookup.find(
        [unknown], [row], owned=[7], zone=ZoneInfo("UTC"), others=[], echoed=True
    ).absent


def test_a_young_payment_of_that_sum_is_waited_for(connected: Deployment) -> None:
    """Its row has other dates than the one that was lost, but they are its own."""
    connected.simulator.fault("payment", "drop_request")
    connected.bill(payment("inv-1"))
    connected.let_time_pass(10)
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment("inv-2", paid_at="2026-11-02T10:10:00+00:00"))
    connected.let_time_pass(40)
    for key in ("payment#inv-1", "payment#inv-2"):
        assert connected.entry(key).state is EntryState.SENT
    assert len(connected.simulator.payments(4564)) == 3
