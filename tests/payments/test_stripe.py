"""What Stripe's events mean: each case of an invoice and of a credit note, in both its forms."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.payments import stripe
from shared.payments.billing_event import Payment, Refund
from tests.payments.stripes import (
    END,
    START,
    credit,
    credit_note,
    event,
    given_back,
    invoice,
    line,
    paid,
)


def means(told: Any) -> list[Payment | Refund]:
    return stripe.events(stripe.read(json.dumps(told).encode()))


def unclear(told: Any) -> str:
    with pytest.raises(stripe.Unclear) as why:
        means(told)
    return str(why.value)


def ignored(told: Any) -> str:
    with pytest.raises(stripe.Ignored) as why:
        means(told)
    return str(why.value)


# A paid invoice


@pytest.mark.parametrize("old", [False, True])
def test_a_line_with_a_location_is_a_payment(*, old: bool) -> None:
    [made] = means(event("invoice.paid", invoice(old=old)))
    assert isinstance(made, Payment)
    assert (made.event_id, made.location_id) == ("in_1Abc#il_1Paid", 4564)
    assert (made.amount, made.currency) == (Decimal("990.99"), "EUR")
    assert made.paid_at.timestamp() == START + 600
    assert (made.period_from.timestamp(), made.period_to.timestamp()) == (START, END)


def test_each_location_has_its_own() -> None:
    made = means(paid(line("4564", 1000, "il_1"), line("4232", 2000, "il_2")))
    assert [(it.event_id, it.location_id) for it in made] == [
        ("in_1Abc#il_1", 4564),
        ("in_1Abc#il_2", 4232),
    ]


@pytest.mark.parametrize("old", [False, True])
def test_the_location_may_stand_at_the_subscription_or_at_the_invoice(*, old: bool) -> None:
    bare = line(None, old=old)
    details = {"metadata": {"altegio_location_id": " 4232 "}}
    place = {"subscription_details": details}
    of = invoice(bare, old=old, **(place if old else {"parent": place}))
    assert means(event("invoice.paid", of))[0].location_id == 4232
    of = invoice(bare, old=old, metadata={"altegio_location_id": "4777"})
    assert means(event("invoice.paid", of))[0].location_id == 4777
    # What is nearer goes first.
    of = invoice(line(old=old), old=old, metadata={"altegio_location_id": "4777"})
    assert means(event("invoice.paid", of))[0].location_id == 4564


def test_what_is_known_to_be_of_no_location_is_passed_over() -> None:
    [made] = means(paid(line("4564", 1000, "il_1"), line("none", 500, "il_2")))
    assert made.event_id == "in_1Abc#il_1"
    assert "says none" in ignored(paid(line("none")))
    assert "says none" in ignored(paid(line(None), metadata={"altegio_location_id": "none"}))


def test_a_line_that_costs_nothing_is_nothing() -> None:
    made = means(paid(line("4564", 1000, "il_1"), line(None, 0, "il_2")))
    assert [it.event_id for it in made] == ["in_1Abc#il_1"]
    assert "cost nothing" in ignored(paid(line("4564", 0)))
    # By a coupon of all of it.
    assert "cost nothing" in ignored(paid(line(amount=100), amount_paid=0, total=0))


@pytest.mark.parametrize(
    "invoice_is",
    [
        paid(amount_paid=0),
        # A plan that was changed for a cheaper one.
        paid(line(), line(None, -150000, "il_2", proration=True), amount_paid=0),
        paid(amount_paid=0, total=None),
    ],
)
def test_what_was_paid_from_a_balance_or_elsewhere_is_for_a_person(invoice_is: Any) -> None:
    assert unclear(invoice_is)


@pytest.mark.parametrize("off", [-400, -1000])
def test_what_a_line_of_no_location_takes_off_is_for_a_person(off: int) -> None:
    told = unclear(paid(line("4564", 1000, "il_1"), line("none", off, "il_2")))
    assert "may take off what others cost" in told
    # All of it is of no location.
    assert "says none" in ignored(paid(line("none", 1000, "il_1"), line("none", off, "il_2")))


def test_an_invoice_without_lines_cost_nothing() -> None:
    empty = {"data": [], "has_more": False}
    assert "cost nothing" in ignored(paid(lines=empty, amount_paid=0, total=0))


def test_what_is_of_no_location_may_be_paid_from_a_balance() -> None:
    assert "says none" in ignored(paid(line("none"), amount_paid=0))


def test_before_2019_12_03_the_lines_own_id_stood_elsewhere() -> None:
    [made] = means(paid(line(line_id="sub_1Abc", old=True, unique_id="il_1Paid")))
    assert made.event_id == "in_1Abc#il_1Paid"
    assert "id is not as Stripe's" in unclear(paid(line(line_id="sub_1Abc")))


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (paid(line(None)), "il_1Paid: altegio_location_id is not in metadata"),
        (paid(line(" ")), "il_1Paid: altegio_location_id is not in metadata"),
        (paid(line("salon")), "il_1Paid: altegio_location_id is no number"),
        (paid(line("0")), "il_1Paid: altegio_location_id is no number"),
        (paid(line("४५६४")), "il_1Paid: altegio_location_id is no number"),
        (paid(line("4564"), line(None, 1, "il_2")), "il_2: altegio_location_id is not in metadata"),
        (paid(amount_paid=90000), "in_1Abc: its lines do not add up"),
        (paid(amount_paid=-1), "in_1Abc: its lines do not add up"),
        (
            paid(line("none", 500), line("4564", 1, "il_2"), amount_paid=1),
            "its lines do not add up",
        ),
        (paid(line("4564", 0), amount_paid=5), "in_1Abc: its lines do not add up"),
        (paid(lines={"data": [line()], "has_more": True}), "in_1Abc: it has more lines"),
        (paid(lines={"data": [line("none")], "has_more": True}), "in_1Abc: it has more lines"),
        (paid(lines={"data": [line()]}), "in_1Abc: it has more lines"),
        (paid(lines={"data": [], "has_more": False}), "in_1Abc: it has no lines"),
        (paid(lines={"data": [1], "has_more": False}), "in_1Abc: it has no lines"),
        (paid(lines=None), "in_1Abc: it has no lines"),
        (paid(status="open"), "in_1Abc: its status is not paid"),
        (paid(line(proration=True)), "il_1Paid: a proration"),
        (
            paid(line(parent={"subscription_item_details": {"proration": True}})),
            "il_1Paid: a proration",
        ),
        (paid(line(parent={"invoice_item_details": {"proration": True}})), "il_1Paid: a proration"),
        (paid(line(discount_amounts=[{"amount": 5}])), "il_1Paid: a discount"),
        (paid(line(pretax_credit_amounts=[{"amount": 5}])), "il_1Paid: a discount"),
        (paid(line(taxes=[{"amount": 5, "tax_behavior": "exclusive"}])), "il_1Paid: a tax"),
        (paid(line(tax_amounts=[{"amount": 5, "inclusive": False}])), "il_1Paid: a tax"),
        (paid(line(period={"start": START, "end": START})), "il_1Paid: it is for no period"),
        (paid(line(period={"start": END, "end": START})), "il_1Paid: it is for no period"),
        (paid(line(period=None)), "start is not as Stripe's pages have it"),
        (paid(line(period={"start": "1", "end": 2})), "start is not as Stripe's pages have it"),
        (paid(line(period={"start": 1, "end": 10**30})), "end is not as Stripe's pages have it"),
        (paid(line(period={"start": 1, "end": END})), "in_1Abc#il_1Paid: period_from: must lie"),
        (paid(status_transitions={"paid_at": None}), "paid_at is not as Stripe's pages have it"),
        (paid(line(amount=True)), "amount is not as Stripe's pages have it"),
        (paid(amount_paid=99099.0), "amount_paid is not as Stripe's pages have it"),
        (paid(amount_paid=None), "amount_paid is not as Stripe's pages have it"),
        (paid(line("4564", -5), line("4564", 10, "il_2")), "in_1Abc#il_1Paid: amount"),
        (paid(line(line_id="")), "id is not as Stripe's pages have it"),
        (paid(id="in_1<script>"), "id is not as Stripe's pages have it"),
        (paid(line(amount=10**17)), "in_1Abc#il_1Paid: amount: must be below"),
    ],
)
def test_what_is_not_clear_is_told_with_its_reason(told: Any, why: str) -> None:
    assert why in unclear(told)


@pytest.mark.parametrize(
    "changes",
    [
        {"taxes": [{"amount": 5, "tax_behavior": "inclusive"}]},
        {"tax_amounts": [{"amount": 5, "inclusive": True}]},
        {"taxes": [{"amount": 0, "tax_behavior": "exclusive"}]},
        {"discount_amounts": [{"amount": 0}]},
        {"taxes": None, "discount_amounts": None},
    ],
)
def test_what_leaves_nothing_over_is_a_payment(changes: dict[str, Any]) -> None:
    assert len(means(paid(line(**changes)))) == 1


# Its unit: https://docs.stripe.com/currencies


@pytest.mark.parametrize(
    ("currency", "amount", "is_"),
    [
        ("eur", 99099, "990.99"),
        ("kzt", 1500000, "15000"),
        ("jpy", 8000, "8000"),
        ("krw", 8000, "8000"),
        ("mga", 8000, "8000"),
        ("xof", 8000, "8000"),
        ("kwd", 5120, "5.12"),
        ("bhd", 5120, "5.12"),
        ("isk", 500, "5"),
        ("huf", 1045, "10.45"),
        ("twd", 80045, "800.45"),
    ],
)
def test_a_sum_is_read_in_the_unit_of_its_currency(currency: str, amount: int, is_: str) -> None:
    [made] = means(paid(line(amount=amount), currency=currency))
    assert made.amount == Decimal(is_)
    [made] = means(given_back(credit(amount), currency=currency))
    assert made.amount == Decimal(is_)


@pytest.mark.parametrize("currency", ["ugx", "clf", "iqd", "lyd", "xxx", "euro", "", None, 5])
def test_a_currency_whose_unit_is_not_told_is_for_a_person(currency: Any) -> None:
    assert "its currency is not told" in unclear(paid(currency=currency))


def test_a_fraction_of_a_krona_is_for_a_person() -> None:
    assert "decimals" in unclear(paid(line(amount=550), currency="isk"))


# A credit note


def test_a_credit_note_gives_its_lines_payments_back() -> None:
    [made] = means(given_back())
    assert isinstance(made, Refund)
    assert (made.event_id, made.payment_event_id) == ("cn_1Abc#il_1Paid", "in_1Abc#il_1Paid")
    assert (made.amount, made.currency) == (Decimal("990.99"), "EUR")


def test_a_line_that_is_credited_in_two_parts_is_one() -> None:
    made = means(given_back(credit(50000), credit(49099), credit(10, "il_2"), credit(0, None)))
    assert [(it.event_id, str(it.amount)) for it in made] == [
        ("cn_1Abc#il_1Paid", "990.99"),
        ("cn_1Abc#il_2", "0.10"),
    ]


def test_the_invoice_may_be_there_as_a_whole() -> None:
    assert len(means(given_back(invoice={"id": "in_1Abc", "object": "invoice"}))) == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"type": "pre_payment"}, "cn_1Abc: it lowered what was to be paid"),
        ({"type": "mixed"}, "cn_1Abc: it lowered what was to be paid"),
        ({"type": None}, "cn_1Abc: it lowered what was to be paid"),
        ({"pre_payment_amount": 5}, "cn_1Abc: it lowered what was to be paid"),
        ({"customer_balance_transaction": "cbtxn_1"}, "cn_1Abc: it is credited to the customer's"),
        ({"invoice": None}, "cn_1Abc: it names no invoice"),
        ({"lines": {"data": [credit()], "has_more": True}}, "cn_1Abc: it has more lines"),
        ({"lines": {"data": [credit(of=None)], "has_more": False}}, "cn_1Abc: it credits a sum"),
        ({"total": 5}, "cn_1Abc: its lines do not add up"),
        ({"total": None}, "total is not as Stripe's pages have it"),
    ],
)
def test_a_credit_note_that_is_not_clear_is_told(changes: dict[str, Any], why: str) -> None:
    assert why in unclear(event("credit_note.created", credit_note(**changes)))


def test_a_credit_note_may_be_passed_over() -> None:
    assert "void" in ignored(given_back(status="void"))
    assert "none" in ignored(given_back(metadata={"altegio_location_id": "none "}))


# Other events


@pytest.mark.parametrize(
    "kind", ["invoice.payment_succeeded", "charge.refunded", "refund.created", "customer.created"]
)
def test_other_events_are_nothing_to_us(kind: str) -> None:
    assert "only invoice.paid and credit_note.created" in ignored(event(kind, invoice()))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff", b"5", b"[" * 100_000, b'{"id":"evt_1"}', b'"id"',
     json.dumps({**paid(), "data": None}).encode(), json.dumps({**paid(), "id": 5}).encode(),
     json.dumps({**paid(), "type": None}).encode(), json.dumps(event("a", [])).encode()],
)  # fmt: skip
def test_what_is_no_event_is_told(body: bytes) -> None:
    with pytest.raises(stripe.NotStripes):
        stripe.read(body)


def test_a_letter_has_what_finds_it_and_nothing_of_the_customer() -> None:
    letter = stripe.read(json.dumps(given_back()).encode()).letter
    assert json.loads(letter) == {
        "event_id": "evt_1Abc",
        "type": "credit_note.created",
        "livemode": True,
        "object": "cn_1Abc",
        "invoice": "in_1Abc",
    }
    told = event("invoice.\u202epaid", invoice(id="in_<b>"))
    letter = stripe.read(json.dumps(told).encode()).letter
    assert json.loads(letter) == {"event_id": "evt_1Abc", "type": "?", "livemode": True}


# Whatever comes

_NAMES: Any = st.sampled_from(
    [*invoice(), *line(), *credit_note(), *credit(), "data", "has_more", "start", "end", "metadata"]
)
_JSON: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["paid", "none", "post_payment", "4564", "eur", "il_1", "in_1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=8,
)


@given(
    st.sampled_from(["invoice.paid", "credit_note.created"]),
    st.dictionaries(_NAMES, _JSON, max_size=5),
    st.dictionaries(_NAMES, _JSON, max_size=3),
    st.lists(_JSON, max_size=2),
)
def test_nothing_that_stripe_may_say_is_an_error(
    kind: str, changes: dict[str, Any], inner: dict[str, Any], lines: list[Any]
) -> None:
    of = {"data": [{**line(), **credit(), **inner}, *lines], "has_more": False}
    about = {**invoice(), **credit_note(), "lines": of, **changes}
    told = stripe.read(json.dumps(event(kind, about)).encode())
    try:
        assert stripe.events(told)
    except (stripe.Ignored, stripe.Unclear) as error:
        why = str(error)
    else:
        why = told.letter
    assert why.isprintable()


@given(st.lists(st.tuples(st.integers(-5, 300), st.sampled_from(["4564", "none"])), min_size=1))
def test_what_is_told_never_adds_up_to_more_than_was_paid(lines: list[tuple[int, str]]) -> None:
    of = [line(place, amount, f"il_{number}") for number, (amount, place) in enumerate(lines)]
    try:
        made = means(paid(*of))
    except (stripe.Ignored, stripe.Unclear):
        return
    ours = sum(amount for amount, place in lines if place == "4564")
    assert sum(it.amount or 0 for it in made) == Decimal(ours) / 100
    assert ours <= sum(amount for amount, _place in lines)
