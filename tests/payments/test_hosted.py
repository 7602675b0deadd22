"""What the owner pays on the platform's own page: told, and recorded once its list shows it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from shared.altegio.status import ListedPayment
from shared.altegio.webhook import HostedPayment
from shared.payments import hosted
from shared.payments.entry import Entry, EntryState
from shared.payments.facts import to_texts
from tests.deployment import Deployment, payment, refund

NOW = datetime(2026, 11, 1, 10, 10, tzinfo=UTC)
KIEV = ZoneInfo("Europe/Kyiv")


def pays(deployment: Deployment, **changes: object) -> int:
    """The owner pays, and the platform tells; returns the payment's id."""
    number = deployment.simulator.pay_hosted(4564, Decimal("29.90"), webhook="never")
    body = deployment.simulator.payment_event(4564, number)
    assert deployment.webhook({**body, **changes}) == 200
    return number


def told(deployment: Deployment, number: int) -> Entry:
    return deployment.entry(f"payment#hosted-{number}")


def test_a_payment_of_the_platforms_page_is_recorded_once_it_is_listed(
    connected: Deployment,
) -> None:
    number = pays(connected)
    assert told(connected, number).state is EntryState.REPORTED_BY_PLATFORM
    connected.let_time_pass(3)
    recorded = told(connected, number)
    [listed] = connected.simulator.payments(4564)
    assert (recorded.state, recorded.platform_id) == (EntryState.SENT, listed.id)
    assert recorded.payment.amount == Decimal("29.90")
    assert connected.ledger.owner(number) == recorded.key
    assert connected.simulator.calls("payment") == []


def test_it_thaws_a_frozen_location_within_the_minute(connected: Deployment) -> None:
    connected.simulator.expire(4564)
    connected.webhook(connected.event(4564, "freeze"))
    connected.reconcile()
    assert connected.connection(4564).state == "frozen"
    pays(connected)
    connected.let_time_pass(1)
    assert connected.connection(4564).state == "active"
    assert connected.connection(4564).generation == 1


def test_told_twice_it_is_one(connected: Deployment) -> None:
    number = pays(connected)
    connected.let_time_pass(3)
    before = told(connected, number)
    assert connected.webhook(connected.simulator.payment_event(4564, number)) == 200
    connected.let_time_pass(3)
    assert told(connected, number) == before
    assert len(connected.rows("PAYMENTS_TABLE")) == 2  # the entry, and whose the id is


def test_no_id_is_taken_while_a_payment_of_ours_is_unsettled(connected: Deployment) -> None:
    """Whether the platform tells of our own reports, too, is documented nowhere."""
    connected.bill(payment("inv-0", amount="1"))
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment())
    ours = connected.simulator.payments(4564)[-1].id
    assert connected.entry("payment#inv-1").state is EntryState.UNKNOWN
    assert connected.webhook(connected.simulator.payment_event(4564, ours)) == 200
    connected.let_time_pass(10)
    assert told(connected, ours).state is EntryState.REPORTED_BY_PLATFORM
    assert connected.ledger.owner(ours) is None
    connected.let_time_pass(60, step=5)
    assert connected.entry("payment#inv-1").platform_id == ours
    connected.let_time_pass(12 * 60, step=60)
    closed = told(connected, ours)
    assert (closed.state, closed.why) == (EntryState.CLOSED, "it is payment#inv-1")
    assert len(connected.simulator.payments(4564)) == 2


def test_a_payment_that_was_told_and_never_listed_is_for_a_person(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    number = pays(connected, payment_id=999)
    assert number != 999
    connected.let_time_pass(4 * 24 * 60, step=240)
    assert told(connected, 999).state is EntryState.NEEDS_HUMAN
    assert '"PaymentNeedsHuman":[1.0]' in logged()


def test_what_the_list_says_counts_and_not_the_event(connected: Deployment) -> None:
    """Nobody says whether the sum of an event is before or after its discount."""
    number = connected.simulator.pay_hosted(4564, Decimal(30), webhook="never")
    body = connected.simulator.payment_event(4564, number)
    paid_at = str(body["payment_date"])
    entry = hosted.told(
        4564,
        HostedPayment(number, Decimal(29), "EUR", paid_at, paid_at, paid_at),
        connected.clock(),
        zone=ZoneInfo("UTC"),
        lease_s=60,
    )
    assert entry is not None
    assert connected.ledger.tell(entry)
    connected.let_time_pass(10)
    recorded = told(connected, number)
    assert (recorded.state, recorded.payment.amount) == (EntryState.SENT, Decimal(30))


def test_dates_that_nobody_can_read_lose_no_thaw(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    connected.simulator.expire(4564, webhook="never")
    number = pays(connected, payment_date=1764000000)
    assert connected.ledger.get(f"payment#hosted-{number}") is None
    assert "dates not known" in logged()
    connected.let_time_pass(1)
    assert connected.connection(4564).state == "active"


@pytest.mark.parametrize(
    "date", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00", "0001-01-01 00:00:00"]
)
def test_a_date_at_the_end_of_the_calendar_is_answered_and_goes_to_no_table(
    connected: Deployment, date: str
) -> None:
    number = pays(connected, period_to=date)
    assert connected.ledger.get(f"payment#hosted-{number}") is None
    assert connected.connection(4564).hint == "payment"


def test_it_can_be_given_back_by_its_own_id(connected: Deployment) -> None:
    number = pays(connected)
    connected.let_time_pass(3)
    connected.bill(refund("ref-1", of=f"hosted-{number}"))
    [listed] = connected.simulator.payments(4564)
    assert listed.is_refunded
    assert connected.entry("refund#ref-1").state is EntryState.SENT


def test_no_billing_event_may_take_such_a_key(connected: Deployment) -> None:
    connected.bill(payment("hosted-1"))
    [(_body, why)] = connected.dead_letters()
    assert why == "invalid: event: event_id must not begin with hosted-"
    assert connected.simulator.calls("payment") == []


def test_an_equal_payment_of_the_platforms_page_leaves_it_to_a_person(
    connected: Deployment,
) -> None:
    """Which of the two the list shows cannot be told, so neither is sent again."""
    connected.bill(payment("inv-0", amount="1"))
    number = pays(connected)
    connected.let_time_pass(3)
    equal = told(connected, number)
    connected.simulator.fault("payment", "drop_request")
    connected.bill({**payment("inv-1"), **to_texts(equal.facts)})
    connected.let_time_pass(60)
    after = connected.entry("payment#inv-1")
    assert (after.state, after.why) == (
        EntryState.NEEDS_HUMAN,
        "an equal payment was made on Altegio's page",
    )


def test_it_shows_nothing_of_how_our_own_payments_read_back(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its facts are the list's own: believed as the echo, it would have ours sent twice."""
    number = pays(connected)
    connected.let_time_pass(3)
    assert told(connected, number).state is EntryState.SENT
    platform = connected.simulator.platform
    original = platform.payments
    monkeypatch.setattr(
        platform,
        "payments",
        lambda location_id: [it for it in original(location_id) if it.id == number],
    )
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment())
    connected.let_time_pass(30)
    after = connected.entry("payment#inv-1")
    assert (after.state, after.why) == (
        EntryState.NEEDS_HUMAN,
        "no known payment shows how dates read back",
    )
    assert len(connected.simulator.calls("payment")) == 1


def test_it_is_not_ours_to_report_when_a_reconnect_forgets_it(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = pays(connected)
    connected.let_time_pass(3)
    connected.simulator.disconnect(4564)
    connected.webhook(connected.event(4564))
    connected.let_time_pass(3)
    monkeypatch.setattr(connected.simulator.platform, "payments", lambda _location_id: [])
    connected.connect(4564)
    connected.let_time_pass(10)
    assert (connected.dead_letters(), connected.simulator.calls("payment")) == ([], [])
    assert told(connected, number).state is EntryState.SENT


def test_an_unknown_location_is_a_quiet_success(deployment: Deployment) -> None:
    deployment.simulator.grant(4564, private=True)
    pays(deployment)
    assert deployment.rows("PAYMENTS_TABLE") == []


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-01 12:10:00", NOW),
        ("2026-11-01T12:10:00", NOW),
        ("2026-11-01T10:10:00Z", NOW),
        ("2026-11-01T10:10:00+00:00", NOW),
        ("2026-11-01", NOW - timedelta(hours=12, minutes=10)),
    ],
)
def test_dates_are_the_wires_or_iso_8601(text: str, at: datetime) -> None:
    told = HostedPayment(7, Decimal("29.900"), "EUR", text, text, text)
    entry = hosted.told(1, told, NOW, zone=KIEV, lease_s=60)
    assert entry is not None
    assert (entry.payment.paid_at, entry.payment.sum) == (at, "29.90 EUR")
    assert (entry.due_at, entry.platform_id) == (NOW + timedelta(seconds=60), 7)


@pytest.mark.parametrize("text", [None, "", "yesterday", "1764000000", "99999-01-01"])
def test_other_dates_are_not_guessed(text: str | None) -> None:
    told = HostedPayment(7, Decimal(1), "EUR", text, "2026-11-01", "2026-11-30")
    assert hosted.told(1, told, NOW, zone=KIEV, lease_s=60) is None


def test_a_row_of_the_list_has_no_currency() -> None:
    at = "2026-11-01 12:10:00"
    row = ListedPayment(7, Decimal("1.50"), at, at, at, is_refunded=False)
    entry = hosted.listed(1, row, NOW, zone=KIEV, lease_s=60)
    assert entry is not None
    assert entry.payment.currency == "XXX"
    unreadable = replace(row, amount=None)
    assert hosted.listed(1, unreadable, NOW, zone=KIEV, lease_s=60) is None
