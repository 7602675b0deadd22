"""When two events say the same, and that a sum survives the wire to the last digit."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.altegio import marketplace
from shared.payments import billing_event
from shared.payments.billing_event import Payment
from shared.payments.facts import to_texts
from tests.payments.messages import NOW, PAYMENT, REFUND, entry, payment, payment_of, refund

# One set of facts, one digest


def amounts() -> st.SearchStrategy[Decimal]:
    """Every sum that may be billed in dinars: three decimals, below 10^12."""
    return st.integers(0, 10**15 - 1).map(lambda fils: Decimal(fils).scaleb(-3))


def billed(amount: object) -> str:
    """The documented payment in dinars of Kuwait."""
    return payment(amount=str(amount), currency="KWD")


@pytest.mark.parametrize(
    "same",
    [
        '"990.90"', '"990.9"', '"990.900"', '"0990.9"', '"+990.9"', '"9.909e2"', '"9909E-1"',
        "990.90", "990.9", "990.900", "990.90000000000000000000", "9.909e2", "9909E-1",
    ],
)  # fmt: skip
def test_one_sum_in_other_digits_is_the_same_event(same: str) -> None:
    assert entry(payment_of(same)).digest == entry(payment_of('"990.9"')).digest


@pytest.mark.parametrize("same", ['"-0"', '"0.00"', '"0e9"', "0", "-0", "0.0", "-0.0", "0e-9"])
def test_nothing_is_the_same_sum_with_either_sign(same: str) -> None:
    zero = entry(payment_of(same))
    assert to_texts(zero.facts)["amount"] == "0"
    assert zero.digest == entry(payment_of('"0"')).digest


@given(amounts(), st.integers(0, 6))
def test_any_sum_in_other_digits_is_the_same_event(amount: Decimal, zeros: int) -> None:
    plain = f"{amount:f}"
    padded = plain + "0" * zeros
    forms = (f'"{plain}"', plain, f'"{padded}"', padded, f"{amount.normalize():e}")
    bodies = (payment_of(form).replace("EUR", "KWD") for form in forms)
    assert len({entry(body).digest for body in bodies}) == 1


moments = st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30)).map(  # noqa: DTZ001 - zoned below
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)

offsets = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))


@given(moments, offsets, st.sampled_from(["T", " "]), st.integers(0, 999_999))
def test_one_instant_in_another_offset_is_the_same_event(
    moment: datetime, offset: timezone, separator: str, microseconds: int
) -> None:
    elsewhere = moment.replace(microsecond=microseconds).astimezone(offset).isoformat(separator)
    in_utc = moment.isoformat().replace("+00:00", "Z")
    assert entry(payment(paid_at=elsewhere)).digest == entry(payment(paid_at=in_utc)).digest


def test_order_metadata_and_a_final_status_make_no_difference() -> None:
    values = json.loads(PAYMENT)
    backwards = json.dumps(dict(reversed(values.items())))
    assert entry(backwards).digest == entry(PAYMENT).digest
    ignored: dict[str, Any] = {"note": "again", "attempt": 2, "amount": None, "": {"a": [1]}}
    for metadata in (ignored, {}, None):
        assert entry(payment(metadata=metadata)).digest == entry(PAYMENT).digest
        assert entry(refund(metadata=metadata)) == entry(REFUND)
    for status in ("succeeded", "completed", "paid"):
        assert entry(payment(status=status)).digest == entry(PAYMENT).digest
    for status in ("succeeded", "completed", "refunded"):
        assert entry(refund(status=status)).digest == entry(REFUND).digest


def test_when_it_came_makes_no_difference() -> None:
    assert entry(PAYMENT, NOW + timedelta(days=3)).digest == entry(PAYMENT).digest


facts = st.fixed_dictionaries(
    {
        "event_id": st.sampled_from(["a", "b", "payment#a"]),
        "location_id": st.sampled_from([1, 11, 10**15 - 1]),
        "amount": st.sampled_from(["0", "1", "10", "10.01", "10.001", "100.1"]),
        "currency": st.sampled_from(["KWD", "TND"]),
        "paid_at": st.sampled_from(["2026-11-01T10:10:00Z", "2026-11-01T10:10:01Z"]),
        "period_from": st.sampled_from(["2026-11-01T00:00:00Z", "2026-11-01T00:00:00+01:00"]),
        "period_to": st.sampled_from(["2026-11-30T23:59:59Z", "2026-11-30T23:59:59-01:00"]),
    }
)


@given(facts, facts)
def test_different_facts_have_different_digests(one: Any, other: Any) -> None:
    assert (entry(payment(**one)).digest == entry(payment(**other)).digest) == (one == other)


@given(amounts(), amounts())
def test_different_sums_have_different_digests(one: Decimal, other: Decimal) -> None:
    assume(one != other)
    digests = {entry(billed(amount)).digest for amount in (one, other)}
    assert len(digests) == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event_id", "ref-2"),
        ("payment_event_id", "inv-2"),
        ("location_id", 4565),
        ("amount", "990.99"),
        ("currency", "EUR"),
    ],
)
def test_a_refund_of_something_else_has_another_digest(field: str, value: Any) -> None:
    assert entry(refund(**{field: value})).digest != entry(REFUND).digest


@pytest.mark.parametrize(
    "stated",
    [{}, {"location_id": ...}, {"amount": "990.990"}, {"amount": "1e2", "currency": "EUR"}],
    ids=str,
)
def test_a_refund_of_the_ledger_reads_as_the_event_that_it_was(stated: dict[str, Any]) -> None:
    taken = entry(refund(**stated, status="refunded", metadata={"a": 1}))
    assert entry(billing_event.again(taken)) == taken


# The wire: JSON numbers, exact to the last digit


@given(amounts())
def test_any_sum_that_is_accepted_survives_the_wire(amount: Decimal) -> None:
    event = billing_event.read(billed(amount))
    assert isinstance(event, Payment)
    on_the_wire = json.dumps(marketplace.wire_number(event.entry(NOW).payment.amount))
    assert Decimal(on_the_wire) == amount


@pytest.mark.parametrize(
    ("amount", "on_the_wire"),
    [
        ("990.99", "990.99"),
        ("990.90", "990.9"),
        ("990.00", "990"),
        ("0", "0"),
        ("-0", "0"),
        ("0.001", "0.001"),
        ("0.1", "0.1"),
        ("999999999999.999", "999999999999.999"),
        ("999999999999", "999999999999"),
        ("1e11", "100000000000"),
    ],
)
def test_a_sum_on_the_wire_is_a_plain_number(amount: str, on_the_wire: str) -> None:
    event = billing_event.read(billed(amount))
    assert isinstance(event, Payment)
    assert json.dumps(marketplace.wire_number(event.amount)) == on_the_wire
