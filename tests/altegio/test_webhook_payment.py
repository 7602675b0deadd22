"""The webhook of a payment on the platform's own page: believed only if it is signed."""

import hashlib
import hmac
import json
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.altegio import webhook
from shared.altegio.webhook import Forged, HostedPayment, LifecycleEvent, Malformed

TOKEN = "owned-partner-token"

TOKENS = (TOKEN,)

GENUINE: dict[str, Any] = {
    "salon_id": 4564,
    "application_id": 101,
    "event": "uninstall",
    "partner_token": TOKEN,
}


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[set[bytes]]:
    """What was compared in constant time."""
    pairs: list[set[bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        pairs.append({one, other})
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    return pairs


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)

# The payment that the owner made on the platform's own page


PAID: dict[str, Any] = {
    **GENUINE,
    "event": "payment",
    "salon_id": 55,
    "payment_id": 9,
    "amount": 990.99,
    "currency_iso": "EUR",
    "discount": 15.5,
    "period_from": "2026-11-01 00:00:00",
    "period_to": "2026-11-30 23:59:59",
    "payment_date": "2026-11-01 10:10:00",
    "tariff_option_id": None,
    "sign": "c9607400d065caca8ddfcde9c76117c13c360eefb77057911d5b92dfaf891894",
}

HOSTED = HostedPayment(
    platform_id=9,
    amount=Decimal("990.99"),
    currency="EUR",
    paid_at="2026-11-01 10:10:00",
    period_from="2026-11-01 00:00:00",
    period_to="2026-11-30 23:59:59",
)


def paid(**changes: Any) -> bytes:
    """The documented body of a payment with some fields changed; `...` takes a field away."""
    values = {**PAID, **changes}
    return json.dumps({key: value for key, value in values.items() if value is not ...}).encode()


def sign(message: str, token: str = TOKEN) -> str:
    return hmac.new(token.encode(), message.encode(), hashlib.sha256).hexdigest()


def test_a_payment_is_read() -> None:
    assert webhook.read(paid(), TOKENS) == LifecycleEvent(55, 101, "payment", HOSTED)


@pytest.mark.parametrize(
    ("changes", "genuine"),
    [
        (
            {"amount": 100, "discount": 5},
            "35d3e8d3afb94abaadc84b2261f992a01a7e7b84504ea2df4985afa8e85c6a1a",
        ),
        (
            {"amount": 100, "discount": None},
            "bc03fc8e96a8e321f9467e0341e242c9a0ef0cea6632a37bf5cf29efe0ae98a1",
        ),
    ],
)
def test_the_public_vectors_fit(changes: dict[str, Any], genuine: str) -> None:
    for amount in (100, 100.0):
        event = webhook.read(paid(**{**changes, "amount": amount, "sign": genuine}), TOKENS)
        assert event.hosted == replace(HOSTED, amount=Decimal(100))


def test_a_discount_of_zero_is_signed_and_none_is_not() -> None:
    bare, zero = sign("salon_id=55&amount=1"), sign("salon_id=55&amount=1&discount=0")
    for discount, genuine, wrong in (
        (None, bare, zero),
        (..., bare, zero),
        (0, zero, bare),
        (0.0, zero, bare),
        (-0.0, zero, bare),
    ):
        assert webhook.read(paid(amount=1, discount=discount, sign=genuine), TOKENS).hosted
        with pytest.raises(Forged):
            webhook.read(paid(amount=1, discount=discount, sign=wrong), TOKENS)


@pytest.mark.parametrize(
    ("written", "signed"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("0.0", "0"),
        ("100", "100"),
        ("100.0", "100"),
        ("100.00", "100"),
        ("1e2", "100"),
        ("990.99", "990.99"),
        ("990.990", "990.99"),
        ("990.9900000000000000001", "990.99"),
        ("15.5", "15.5"),
        ("0.1", "0.1"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("0.000001", "0.000001"),
        ("0.0000012", "0.0000012"),
        ("0.0000001", "1e-7"),
        ("0.00000015", "1.5e-7"),
        ("5e-324", "5e-324"),
        ("1e-400", "0"),
        ("9007199254740993", "9007199254740992"),
        ("12345678901234567890", "12345678901234567000"),
        ("100000000000000000000", "100000000000000000000"),
        ("123456789012345680000", "123456789012345680000"),
        ("999999999999999900000", "999999999999999900000"),
        ("1000000000000000000000", "1e+21"),
        ("1500000000000000000000.0", "1.5e+21"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
    ],
)
def test_a_sum_is_signed_in_javascripts_shortest_form(written: str, signed: str) -> None:
    """Each as `String(JSON.parse(written))` of Node gives it, which knows no -0 either."""
    text = paid(amount="@", discount="@", sign="#").decode().replace('"@"', written)
    genuine = sign(f"salon_id=55&amount={signed}&discount={signed}")
    event = webhook.read(text.replace("#", genuine).encode(), TOKENS)
    assert event.hosted
    assert event.hosted.amount == Decimal(signed)


@given(st.floats(min_value=0, allow_infinity=False) | st.integers(0, 10**25))
def test_no_number_has_a_shorter_form_or_another_value(value: float) -> None:
    text = webhook.number(value)
    assert float(text) == float(value)
    assert re.fullmatch(r"(0|[1-9][0-9]*)(\.[0-9]*[1-9])?(e[+-][1-9][0-9]*)?", text)
    assert ("e" in text) == (value != 0 and not 1e-6 <= value < 1e21)
    digits = re.sub(r"e.*|\.", "", text).strip("0")
    assert len(digits) <= len(re.sub(r"e.*|\.", "", repr(float(value))).strip("0")) <= 17


@pytest.mark.parametrize("field", ["amount", "discount"])
@pytest.mark.parametrize(
    "written",
    [
        "-1",
        "-0.01",
        "1e999",
        "9" * 400,
        "NaN",
        "Infinity",
        "-Infinity",
        "true",
        "false",
        '"100"',
        '""',
        "[100]",
        "{}",
    ],
    ids=lambda written: written[:10],
)
def test_a_number_that_is_none_is_malformed(field: str, written: str) -> None:
    text = paid(**{field: "@"}).decode().replace('"@"', written)
    with pytest.raises(Malformed):
        webhook.read(text.encode(), TOKENS)


@pytest.mark.parametrize("amount", [..., None])
def test_without_an_amount_it_is_malformed(amount: Any) -> None:
    with pytest.raises(Malformed):
        webhook.read(paid(amount=amount), TOKENS)


ids = st.integers(1, 10**15)

sums = st.integers(0, 10**15).map(lambda cents: cents / 100)


@given(
    location_id=ids,
    amount=sums,
    discount=st.none() | sums,
    changes=st.fixed_dictionaries(
        {}, optional={"salon_id": ids, "amount": sums, "discount": st.none() | sums}
    ),
)
def test_what_is_signed_cannot_be_changed(
    location_id: int, amount: float, discount: float | None, changes: dict[str, Any]
) -> None:
    message = f"salon_id={location_id}&amount={webhook.number(amount)}"
    if discount is not None:
        message += f"&discount={webhook.number(discount)}"
    genuine = {"salon_id": location_id, "amount": amount, "discount": discount}
    sent = paid(**{**genuine, **changes, "sign": sign(message)})
    if genuine == {**genuine, **changes}:
        event = webhook.read(sent, TOKENS)
        assert event.location_id == location_id
        assert event.hosted
        assert float(event.hosted.amount) == amount
        return
    with pytest.raises(Forged):
        webhook.read(sent, TOKENS)


def test_what_is_not_signed_is_a_claim() -> None:
    """The token is all that proves it, as it proves an uninstall."""
    event = webhook.read(paid(payment_id=10, currency_iso="USD", application_id=102), TOKENS)
    assert event.application_id == 102
    assert event.hosted == replace(HOSTED, platform_id=10, currency="USD")


@pytest.mark.parametrize(
    "wrong",
    [
        ...,
        None,
        "",
        0,
        True,
        [],
        "0" * 64,
        PAID["sign"][:-1],
        PAID["sign"] + "\n",
        f"sha256={PAID['sign']}",
        "é" * 64,
        "\ud800",
        "x" * 60_000,
        sign("salon_id=55&amount=990.99&discount=15.5", ""),
        sign("salon_id=55&amount=990.99&discount=15.5", "other"),
        sign("salon_id=55&discount=15.5&amount=990.99"),
        sign("salon_id=55&amount=990.99&discount=15.5&payment_id=9"),
        hashlib.sha256(b"salon_id=55&amount=990.99&discount=15.5").hexdigest(),
    ],
    ids=lambda wrong: ascii(wrong)[:20],
)
def test_a_payment_without_its_sign_is_forged(wrong: Any) -> None:
    with pytest.raises(Forged):
        webhook.read(paid(sign=wrong), TOKENS)


def test_a_sign_without_the_token_is_forged() -> None:
    for token in (..., "", "other"):
        with pytest.raises(Forged):
            webhook.read(paid(partner_token=token), TOKENS)


def test_the_sign_is_compared_in_constant_time_with_each(compared: list[set[bytes]]) -> None:
    webhook.read(paid(), (TOKEN, "other"))
    message = "salon_id=55&amount=990.99&discount=15.5"
    genuine = PAID["sign"].encode()
    assert compared[2:] == [{genuine}, {genuine, sign(message, "other").encode()}]


@pytest.mark.parametrize("token", ["old", "new"])
@pytest.mark.parametrize("key", ["old", "new"])
def test_token_and_key_may_be_different_accepted_ones(token: str, key: str) -> None:
    message = "salon_id=55&amount=990.99&discount=15.5"
    sent = paid(partner_token=token, sign=sign(message, key))
    assert webhook.read(sent, ("new", "old")).hosted == HOSTED
    for missing in (("new",), ("old",)):
        if {token, key} != set(missing):
            with pytest.raises(Forged):
                webhook.read(sent, missing)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("payment_id", value) for value in (..., None, True, 0, -1, 1.5, "", "x", 10**18, [9])),
        *(
            ("currency_iso", value)
            for value in (..., None, 978, "", "eur", "EURO", "EU", "\u0415UR")
        ),
    ],
    ids=ascii,
)
def test_a_payment_of_another_form_is_malformed(field: str, value: Any) -> None:
    with pytest.raises(Malformed):
        webhook.read(paid(**{field: value}), TOKENS)


def test_a_payment_id_as_a_string_is_read() -> None:
    assert webhook.read(paid(payment_id="9"), TOKENS).hosted == HOSTED


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("2026-11-01T10:10:00+03:00", "2026-11-01T10:10:00+03:00"),
        ("no date", "no date"),
        (..., None),
        (None, None),
        (1793527800, None),
        ({"date": "2026-11-01 10:10:00"}, None),
    ],
)
def test_a_date_of_any_form_loses_nothing(value: Any, kept: str | None) -> None:
    dates = dict.fromkeys(("payment_date", "period_from", "period_to"), value)
    hosted = webhook.read(paid(**dates), TOKENS).hosted
    assert hosted == replace(HOSTED, paid_at=kept, period_from=kept, period_to=kept)


def test_no_date_is_taken_for_another() -> None:
    sent = paid(payment_date="paid", period_from="from", period_to="to")
    hosted = webhook.read(sent, TOKENS).hosted
    assert hosted == replace(HOSTED, paid_at="paid", period_from="from", period_to="to")


@given(st.dictionaries(st.sampled_from(sorted(PAID)), json_values))
def test_no_json_of_a_payment_raises_anything_but_a_refusal(changes: dict[str, Any]) -> None:
    try:
        read = webhook.read(paid(**changes), TOKENS)
    except (Malformed, Forged):
        return
    if read.event == "payment":
        assert "sign" not in changes
        assert read.hosted
        assert read.hosted.amount == HOSTED.amount
