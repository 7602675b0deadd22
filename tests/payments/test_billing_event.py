"""The billing queue: what is an event, and what is refused."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.payments import billing_event
from shared.payments.billing_event import BadEvent, Payment, Refund, WakeUp
from shared.payments.entry import Entry, EntryState
from shared.payments.facts import PaymentFacts, RefundFacts
from tests.payments.messages import NOW, PAYMENT, REFUND, entry, payment, payment_of, refund

# The documented messages


def test_the_documented_payment() -> None:
    event = billing_event.read(PAYMENT)
    assert event == Payment(
        type="payment",
        event_id="inv-1001",
        location_id=4564,
        amount=Decimal("990.99"),
        currency="EUR",
        paid_at="2026-11-01T10:10:00+00:00",  # type: ignore[arg-type]  # as on the queue
        period_from="2026-11-01T00:00:00+00:00",  # type: ignore[arg-type]  # pydantic reads it
        period_to="2026-11-30T23:59:59+00:00",  # type: ignore[arg-type]  # pydantic reads it
    )
    assert entry(PAYMENT) == Entry(
        key="payment#inv-1001",
        location_id=4564,
        # Stands in every deployed ledger: another one would refuse a payment that comes again.
        digest="7d7976fab8f1d09beb6efe5dabb37b76eb652a6ede423e04798acad206788155",
        facts=PaymentFacts(
            amount=Decimal("990.99"),
            currency="EUR",
            paid_at=datetime(2026, 11, 1, 10, 10, tzinfo=UTC),
            period_from=datetime(2026, 11, 1, tzinfo=UTC),
            period_to=datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC),
        ),
        state=EntryState.PENDING,
        received_at=NOW,
        due_at=NOW,
    )


def test_the_documented_refund() -> None:
    event = billing_event.read(REFUND)
    assert event == Refund(
        type="refund", event_id="ref-1001", payment_event_id="inv-1001", location_id=4564
    )
    taken = entry(REFUND)
    assert taken == Entry(
        key="refund#ref-1001",
        location_id=4564,
        digest="83612aeea63c86765259d623e2ac5eaa08651a99848aa7fb5046be59eb50aca6",
        facts=RefundFacts("inv-1001"),
        state=EntryState.PENDING,
        received_at=NOW,
        due_at=NOW,
    )
    assert taken.is_refund
    assert taken.payment_key == "payment#inv-1001"


def test_a_refund_may_leave_out_the_location() -> None:
    assert entry(refund(location_id=...)).location_id is None
    assert entry(refund(location_id=None)).digest == entry(refund(location_id=...)).digest
    assert entry(refund(location_id=...)).digest != entry(REFUND).digest


def test_a_payment_and_a_refund_of_the_same_id_do_not_meet() -> None:
    keys = {entry(payment(event_id="x-1")).key, entry(refund(event_id="x-1")).key}
    assert keys == {"payment#x-1", "refund#x-1"}


def test_reconcile_s_own_wake_up() -> None:
    body = '{"type":"wake-up","key":"payment#inv-1001","due_at":"2026-11-01T10:10:00.000000Z"}'
    assert billing_event.read(body) == WakeUp(
        type="wake-up", key="payment#inv-1001", due_at="2026-11-01T10:10:00.000000Z"
    )


@pytest.mark.parametrize(
    "key", ["inv-1001", "platform#1", "payment#", "payment#\n", " refund#a", "refund#\ud800"]
)
def test_a_wake_up_reaches_entries_only(key: str) -> None:
    with pytest.raises(BadEvent, match=r"^key: "):
        billing_event.read(json.dumps({"type": "wake-up", "key": key, "due_at": "x"}))


# What is not an event


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((field, ...) for field in json.loads(PAYMENT) if field != "type"),
        *((field, None) for field in json.loads(PAYMENT) if field != "type"),
        ("event_id", ""),
        ("event_id", 1001),
        ("event_id", " inv-1001"),
        ("event_id", "inv-1001\n"),
        ("event_id", "inv-\x00"),
        ("event_id", "inv-\ud800"),
        ("event_id", "x" * 201),
        ("location_id", 0),
        ("location_id", -4564),
        ("location_id", "4564"),
        ("location_id", 4564.5),
        ("location_id", 4564.0),
        ("location_id", True),
        ("location_id", [4564]),
        ("location_id", 10**15),
        ("location_id", 10**40),
        ("amount", "-0.01"),
        ("amount", "990.9999"),
        ("amount", "0.0001"),
        ("amount", "1e-999999999"),
        ("amount", "1000000000000"),
        ("amount", "1e999999"),
        ("amount", "1e99999999999999999999"),
        ("amount", 10**12),
        ("amount", 10**300),
        ("amount", "NaN"),
        ("amount", "sNaN"),
        ("amount", "-Infinity"),
        ("amount", "990.999"),
        ("amount", "990,99"),
        ("amount", "1_000"),
        ("amount", "1 000.00"),
        ("amount", "٩٩٠"),
        ("amount", "0x10"),
        ("amount", "1e+"),
        ("amount", "."),
        ("amount", "990.99 EUR"),
        ("amount", ""),
        ("amount", True),
        ("amount", ["990.99"]),
        ("amount", {"sum": "990.99"}),
        ("currency", "eur"),
        ("currency", "XXX"),
        ("currency", "XTS"),
        ("currency", "XAU"),
        ("currency", "XDR"),
        ("currency", "DEM"),
        ("currency", "LTL"),
        ("currency", "EEK"),
        ("currency", "RUR"),
        ("currency", "ABC"),
        ("currency", "R U"),
        ("currency", "EURO"),
        ("currency", "EU"),
        ("currency", "EUR\n"),
        ("currency", "ЕUR"),  # noqa: RUF001 - the first letter is Cyrillic
        ("currency", 978),
        ("paid_at", "2026-11-01T10:10:00"),
        ("paid_at", "2026-11-01"),
        ("paid_at", "2026-02-30T00:00:00+00:00"),
        ("paid_at", "01.11.2026 10:10:00+00:00"),
        ("paid_at", "2026-11-01T25:10:00+00:00"),
        ("paid_at", "1793527800"),
        ("paid_at", "1793527800.5"),
        ("paid_at", 1793527800),
        ("paid_at", ""),
        ("paid_at", "now"),
        ("period_from", "1999-12-31T23:59:59+00:00"),
        ("period_from", "0001-01-01T00:00:00+14:00"),
        ("status", None),
        ("status", "pending"),
        ("status", "refunded"),
        ("status", "failed"),
        ("metadata", ["a"]),
        ("metadata", False),
        ("period_to", "2100-01-01T00:00:00+00:00"),
        ("period_to", "9999-12-31T23:59:59-14:00"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_bad_field_of_a_payment_is_named(field: str, value: Any) -> None:
    with pytest.raises(BadEvent, match=f"^{field}: "):
        billing_event.read(payment(**{field: value}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", None),
        ("amount", "-10.00"),
        ("amount", "10,00"),
        ("amount", "10.00001"),
        ("amount", "1_0"),
        ("amount", "٣"),
        ("amount", True),
        ("amount", ["10.00"]),
        ("currency", None),
        ("currency", "eur"),
        ("currency", ""),
        ("status", None),
        ("status", "pending"),
        ("status", "Succeeded"),
        ("status", "paid"),
        ("status", ""),
        ("status", True),
        ("metadata", ["a"]),
        ("metadata", "a"),
        ("event_id", ...),
        ("event_id", ""),
        ("payment_event_id", ...),
        ("payment_event_id", None),
        ("payment_event_id", "a\tb"),
        ("payment_event_id", "x" * 201),
        ("location_id", 0),
        ("location_id", "4564"),
        ("location_id", True),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_bad_field_of_a_refund_is_named(field: str, value: Any) -> None:
    with pytest.raises(BadEvent, match=f"^{field}: "):
        billing_event.read(refund(**{field: value}))


NOT_KNOWN = [
    "dry_run", "test", "partial", "Amount", "sum", "amount_refunded", "reason", "note", "due_at",
    "key", "line_1", "payment.event_id",
]  # fmt: skip


@pytest.mark.parametrize("body", [PAYMENT, REFUND], ids=["payment", "refund"])
@pytest.mark.parametrize("name", NOT_KNOWN)
@pytest.mark.parametrize("value", [True, None, "", "SECRET"])
def test_a_field_that_is_not_known_is_refused_by_its_name(body: str, name: str, value: Any) -> None:
    with pytest.raises(BadEvent) as caught:
        billing_event.read(json.dumps({**json.loads(body), name: value}))
    # In `Amount` of a refund, the other one is meant.
    assert str(caught.value).removesuffix(", perhaps amount") == f"{name}: no such field"


@pytest.mark.parametrize(
    ("without", "extra", "reason"),
    [
        (
            ("period_from",),
            ("period_form",),
            "period_from: is missing; period_form: no such field, perhaps period_from",
        ),
        (
            ("amount", "currency"),
            ("amuont",),
            "currency: is missing; amount: is missing; amuont: no such field, perhaps amount",
        ),
        # What is there is not meant, nor what is like no other.
        ((), ("period_form",), "period_form: no such field"),
        (("paid_at",), ("when",), "paid_at: is missing; when: no such field"),
        (
            (),
            ("n1", "n2", "n3", "n4", "n5", "n6", "n7"),
            "; ".join(f"n{it}: no such field" for it in range(1, 6)) + "; and 2 more",
        ),
    ],
)
def test_all_that_is_wrong_is_told_and_what_a_name_is_likely_to_mean(
    without: tuple[str, ...], extra: tuple[str, ...], reason: str
) -> None:
    values = {name: it for name, it in json.loads(PAYMENT).items() if name not in without}
    with pytest.raises(BadEvent) as caught:
        billing_event.read(json.dumps({**values, **dict.fromkeys(extra, "SECRET")}))
    assert str(caught.value) == reason


@pytest.mark.parametrize("name", ["", "<b>", "+13155550175", "13155550175", "a" * 41, "сумма"])
def test_a_name_that_no_log_should_hold_is_not_repeated(name: str) -> None:
    with pytest.raises(BadEvent, match=r"^a field: no such field$"):
        billing_event.read(refund(**{name: True}))


@given(
    st.sampled_from([PAYMENT, REFUND]),
    st.text(st.characters(), max_size=50) | st.sampled_from(NOT_KNOWN),
    st.none() | st.booleans() | st.text(max_size=5),
)
def test_no_field_is_passed_over_but_metadata(body: str, name: str, value: Any) -> None:
    assume(name not in (*Payment.model_fields, *Refund.model_fields))
    with pytest.raises(BadEvent) as caught:
        billing_event.read(json.dumps({**json.loads(body), name: value}))
    assert str(caught.value).isascii()


@pytest.mark.parametrize("name", ["amount", "currency", "event_id", "note"])
def test_a_field_that_is_there_twice_may_mean_either(name: str) -> None:
    twice = f'{{"{name}":"10.00","{name}":"990.99",{REFUND[1:]}'
    with pytest.raises(BadEvent, match=f"^{name}: is there twice$"):
        billing_event.read(twice)


@pytest.mark.parametrize(
    "value",
    [..., None, "", "Payment", "payments", "uninstall", "\ud800", 1, True, [], ["payment"], {}],
    ids=repr,
)
def test_a_type_that_is_not_known_is_named(value: Any) -> None:
    with pytest.raises(BadEvent, match=r"^type: "):
        billing_event.read(payment(type=value))


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(BadEvent, match="period_from is after period_to"):
        billing_event.read(payment(period_to="2026-10-31T23:59:59+00:00"))
    one_moment = payment(period_to="2026-11-01T01:00:00+01:00")
    assert entry(one_moment).payment.period_to == entry(one_moment).payment.period_from


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "payment",
        "null",
        "[]",
        f"[{PAYMENT}]",
        '"payment"',
        "1",
        PAYMENT[:-1],
        PAYMENT + "}",
        PAYMENT.replace('"', "'"),
        "\ufeff" + PAYMENT,
        "\ud800",
        "\x00",
        payment_of("NaN"),
        payment_of("Infinity"),
        payment_of("-Infinity"),
        payment_of("1" * 5000),
        "[" * 100_000,
        '{"type":' * 100_000,
    ],
    ids=lambda body: ascii(body[:20]),
)
def test_a_body_that_is_no_json_object_is_refused(body: str) -> None:
    with pytest.raises(BadEvent, match=r"^not "):
        billing_event.read(body)


@pytest.mark.parametrize("number", ["1e99999999999999999999", "-1e-99999999999999999999"])
@pytest.mark.parametrize("body", [payment_of("@"), PAYMENT[:-1] + ',"note":@}', "@"])
def test_a_number_beyond_decimal_is_a_bad_event_like_any_other(body: str, number: str) -> None:
    with pytest.raises(BadEvent):
        billing_event.read(body.replace("@", number))


@given(
    st.sampled_from(sorted(json.loads(PAYMENT))),
    st.from_regex(r"SECRET[a-z0-9]{1,10}", fullmatch=True),
)
def test_a_refusal_never_repeats_the_value(field: str, value: str) -> None:
    body = payment(**{field: f"{value} \n"})
    with pytest.raises(BadEvent, match=f"^{field}: ") as caught:
        billing_event.read(body)
    assert "SECRET" not in str(caught.value)
    assert str(caught.value).isprintable()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.text(st.characters()) | json_values.map(json.dumps))
def test_no_text_raises_anything_but_bad_event(body: str) -> None:
    with pytest.raises(BadEvent):
        billing_event.read(body)


@given(
    st.sampled_from([PAYMENT, REFUND]),
    st.dictionaries(st.sampled_from(sorted(json.loads(PAYMENT))), json_values, max_size=3),
)
def test_no_field_raises_anything_but_bad_event(body: str, changes: dict[str, Any]) -> None:
    try:
        event = billing_event.read(json.dumps({**json.loads(body), **changes}))
    except BadEvent:
        return
    assert isinstance(event, (Payment, Refund))


@given(st.text(st.sampled_from("0123456789eE+-._ \t∞٣"), min_size=1, max_size=25))
def test_no_amount_raises_anything_but_bad_event(amount: str) -> None:
    for body in (payment(amount=amount), payment_of(amount)):
        try:
            event = billing_event.read(body)
        except BadEvent:
            continue
        assert isinstance(event, Payment)
        assert 0 <= event.amount < 10**12
