"""The table of currencies, and that a sum has no more decimals than its currency."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local import currencies as generator
from shared.altegio import marketplace
from shared.payments import billing_event
from shared.payments.billing_event import BadEvent, Payment
from shared.payments.currencies import MOST_DECIMALS, decimals
from shared.payments.facts import to_texts
from tests.payments.messages import entry, payment, payment_of, refund

LISTED = generator.listed()


def test_the_table_is_iso_4217_s_own() -> None:
    assert generator.TABLE.read_text("utf-8") == generator.table()
    assert {code: decimals(code) for code in LISTED} == LISTED
    assert max(LISTED.values()) == MOST_DECIMALS


def test_what_was_withdrawn_lately_is_still_billed_and_given_back() -> None:
    """What was paid in 2025 in Bulgaria may be reported, or given back, when its lev is gone."""
    late = payment(amount="990.99", currency="BGN", paid_at="2025-12-31T10:00:00Z")
    assert isinstance(billing_event.read(late), Payment)
    assert entry(refund(amount="990.99", currency="BGN")).refund.currency == "BGN"
    withdrawn = generator.WITHDRAWN
    assert {code: decimals(code) for code in withdrawn} == withdrawn
    assert not withdrawn.keys() & LISTED.keys()


@pytest.mark.parametrize(
    ("code", "places"),
    [
        ("EUR", 2),
        ("RUB", 2),
        ("JPY", 0),
        ("VND", 0),
        ("KWD", 3),
        ("TND", 3),
        ("CLF", 4),
        ("CLP", 0),
    ],
)
def test_some_that_everybody_knows(code: str, places: int) -> None:
    assert decimals(code) == places


@pytest.mark.parametrize(
    "code",
    [
        *("", "E", "EU", "EURO", "eur", "EUR ", "R E", "XXX", "XTS", "XAU"),
        *("DEM", "EEK", "LTL", "RUR", "ZMK"),
    ],
)
def test_what_is_no_currency_of_these_years_has_none(code: str) -> None:
    assert decimals(code) is None


currencies = st.sampled_from(sorted(LISTED))


@given(currencies, st.integers(1, 9))
def test_the_smallest_coin_is_taken_and_a_tenth_of_it_is_not(code: str, count: int) -> None:
    coin = Decimal(count).scaleb(-LISTED[code])
    event = billing_event.read(payment(amount=f"{coin:f}", currency=code))
    assert isinstance(event, Payment)
    assert Decimal(json.dumps(marketplace.wire_number(event.amount))) == coin
    with pytest.raises(BadEvent) as caught:
        billing_event.read(payment(amount=f"{coin / 10:f}", currency=code))
    places = LISTED[code]
    assert str(caught.value) == f"amount: must have at most {places} decimals, as {code} has"


@given(currencies)
def test_the_largest_sum_survives_the_wire_and_no_larger_is_taken(code: str) -> None:
    limit = 10 ** min(12, 15 - LISTED[code])
    largest = limit - Decimal(1).scaleb(-LISTED[code])
    event = billing_event.read(payment(amount=f"{largest:f}", currency=code))
    assert isinstance(event, Payment)
    assert Decimal(json.dumps(marketplace.wire_number(event.amount))) == largest
    with pytest.raises(BadEvent, match=r"^amount: must be below 10\^1[12]$"):
        billing_event.read(payment(amount=str(limit), currency=code))


@pytest.mark.parametrize("same", ['"100"', '"100.00"', "100", "100.0", '"1e2"', "1E+2", "1e2"])
def test_a_whole_sum_may_have_the_noughts_that_its_currency_has_not(same: str) -> None:
    yen = entry(payment_of(same).replace("EUR", "JPY"))
    assert to_texts(yen.facts)["amount"] == "100"
    assert yen.digest == entry(payment(amount="100", currency="JPY")).digest


@pytest.mark.parametrize("amount", ["0.1", "100.50", "0.01"])
def test_there_is_no_part_of_a_yen(amount: str) -> None:
    with pytest.raises(BadEvent, match=r"^amount: must have at most 0 decimals, as JPY has$"):
        billing_event.read(payment(amount=amount, currency="JPY"))


def test_a_sum_that_no_float_holds_is_no_sum() -> None:
    with pytest.raises(BadEvent, match=r"^amount: must have at most 2 decimals"):
        billing_event.read(payment_of(repr(0.1 + 0.2)))


def test_a_refund_s_sum_is_of_its_currency_or_of_any() -> None:
    assert entry(refund(amount="0.0001")).refund.amount == Decimal("0.0001")
    assert entry(refund(amount="0.0001", currency="CLF")).refund.currency == "CLF"
    with pytest.raises(BadEvent, match=r"^amount: must have at most 4 decimals$"):
        billing_event.read(refund(amount="0.00001"))
    with pytest.raises(BadEvent, match=r"^amount: must have at most 2 decimals, as EUR has$"):
        billing_event.read(refund(amount="0.001", currency="EUR"))
    with pytest.raises(BadEvent, match=r"^currency: must be a code of ISO 4217"):
        billing_event.read(refund(amount="10.00", currency="XTS"))
