"""What is typed inside is the map of texts that stands in every deployed ledger."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from shared.payments.entry import Entry
from shared.payments.facts import (
    NO_CURRENCY,
    Facts,
    PaymentFacts,
    RefundFacts,
    from_texts,
    to_texts,
)

NOON = datetime(2026, 11, 1, 12, 0, 0, 250_000, tzinfo=timezone(timedelta(hours=2)))
PAID = PaymentFacts(Decimal("990.90"), "EUR", NOON, NOON, NOON + timedelta(days=30))
PAID_TEXTS = {
    "amount": "990.9",
    "currency": "EUR",
    "paid_at": "2026-11-01T10:00:00.250000Z",
    "period_from": "2026-11-01T10:00:00.250000Z",
    "period_to": "2026-12-01T10:00:00.250000Z",
}


@pytest.mark.parametrize(
    ("facts", "texts"),
    [
        (PAID, PAID_TEXTS),
        (RefundFacts("inv-1"), {"payment_event_id": "inv-1"}),
        (
            RefundFacts("inv-1", Decimal("1E+2"), "JPY"),
            {"payment_event_id": "inv-1", "amount": "100", "currency": "JPY"},
        ),
        (RefundFacts("inv-1", Decimal("0.00")), {"payment_event_id": "inv-1", "amount": "0"}),
    ],
)
def test_facts_and_their_texts_are_the_same(facts: Facts, texts: dict[str, str]) -> None:
    assert to_texts(facts) == texts
    assert from_texts(texts) == facts
    assert to_texts(from_texts(texts)) == texts


def test_a_payment_says_its_sum_and_dates() -> None:
    assert (PAID.sum, PAID.dates) == ("990.90 EUR", (NOON, NOON, NOON + timedelta(days=30)))


@pytest.mark.parametrize(
    ("amount", "currency", "told"),
    [
        ("29.9", "EUR", "29.90 EUR"),
        ("3000", "JPY", "3000 JPY"),
        ("1.5", "KWD", "1.500 KWD"),
        ("29.995", "EUR", "29.995 EUR"),
        # Of Altegio's own page, nobody may have told the currency.
        ("29.9", NO_CURRENCY, "29.90"),
    ],
)
def test_a_sum_is_written_with_the_decimals_of_its_currency(
    amount: str, currency: str, told: str
) -> None:
    assert replace(PAID, amount=Decimal(amount), currency=currency).sum == told


def test_a_refund_is_never_taken_for_a_payment_nor_the_reverse() -> None:
    now = datetime(2026, 11, 1, tzinfo=UTC)
    paid = Entry.new("payment#inv-1", 4564, PAID, now)
    refund = Entry.new("refund#ref-1", 4564, RefundFacts("inv-1"), now)
    assert (paid.payment, refund.refund) == (PAID, RefundFacts("inv-1"))
    with pytest.raises(TypeError, match="refund#ref-1 is no payment"):
        _ = refund.payment
    with pytest.raises(TypeError, match="payment#inv-1 is no refund"):
        _ = paid.refund
