"""Stripe's signature: what its own library signs is taken, and nothing that differs from it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe import SignatureVerificationError, WebhookSignature

from shared.payments.stripe_signature import Secret, secret_of, signed_with

OWNED = Secret("whsec_owned")
AT = datetime.fromtimestamp(1_790_847_297, UTC)
BODY = b'{"id":"evt_1","type":"invoice.paid"}'
HMAC = "19f97002878289e1f1be1bae71e5c7f2888b4bc3aa129f28c8e3e591286cd76c"
HEADER = f"t=1790847297,v1={HMAC}"
OTHER = "0" * 64


def is_signed(
    header: str = HEADER, body: bytes = BODY, now: datetime = AT, *secrets: Secret
) -> bool:
    return signed_with(secrets or (OWNED,), header, body, now) is not None


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        f"t=1790847297,v1={OTHER},v1={HMAC}",
        f"t=1790847297,v1={HMAC},v1={OTHER}",
        f"t=1790847297,v0={OTHER},v1={HMAC}",
        f"v1={HMAC},t=1790847297",
        f"t=1790847297, v1={HMAC}",
    ],
)
def test_the_vector_is_taken(header: str) -> None:
    assert is_signed(header)


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_it_holds_for_five_minutes_both_ways(seconds: int) -> None:
    assert is_signed(now=AT + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-86400, -301, 301, 86400])
def test_and_no_longer(seconds: int) -> None:
    assert not is_signed(now=AT + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1790847297",
        f"v1={HMAC}",
        f"t=1790847298,v1={HMAC}",
        f"t=1790847297,v1={OTHER}",
        f"t=1790847297,v0={HMAC}",
        f"t=1790847297,v1={HMAC[:-1]}",
        f"t=1790847297,v1={HMAC.upper()}",
        f"t=1790847297,V1={HMAC}",
        f"t=1790847297,t=1790847297,v1={HMAC}",
        f"t=01790847297,v1={HMAC}",
        f"t=1790847297.0,v1={HMAC}",
        f"t=+1790847297,v1={HMAC}",
        f"t=-1,v1={HMAC}",
        f"t={'9' * 500},v1={HMAC}",
        f"t=1790847297;v1={HMAC}",
        f"t=१७९०८४७२९७,v1={HMAC}",
        "t=,v1=",
        "===,,,===",
    ],
)
def test_no_other_header_is(header: str) -> None:
    assert not is_signed(header)


def test_neither_another_body_nor_another_secret_is() -> None:
    assert not is_signed(HEADER, BODY + b" ")
    assert not is_signed(HEADER, BODY.replace(b"evt_1", b"evt_2"))
    assert not is_signed(HEADER, b"")
    assert not is_signed(HEADER, BODY, AT, Secret("whsec_other"))
    assert signed_with((), HEADER, BODY, AT) is None


def test_while_a_secret_is_rolled_either_will_do_and_it_is_told_which() -> None:
    new = Secret("whsec_new", is_test=True)
    assert signed_with((new, OWNED), HEADER, BODY, AT) == OWNED
    header = WebhookSignature.generate_signature_header(BODY.decode(), new.text, 1_790_847_297)
    assert signed_with((OWNED, new), header, BODY, AT) == new


def test_a_line_of_the_parameter_may_say_that_it_is_of_the_test_mode() -> None:
    assert secret_of("whsec_a") == Secret("whsec_a")
    assert secret_of("test whsec_a") == Secret("whsec_a", is_test=True)
    assert secret_of("test   whsec_a") == Secret("whsec_a", is_test=True)
    assert secret_of("testwhsec_a") == Secret("testwhsec_a")


@given(st.text(max_size=300), st.text(min_size=1, max_size=60), st.integers(0, 4_000_000_000))
def test_whatever_stripes_library_signs_is_taken(body: str, secret: str, seconds: int) -> None:
    body = body.encode(errors="replace").decode()
    secret = secret.encode(errors="replace").decode()
    header = WebhookSignature.generate_signature_header(body, secret, seconds)
    at = datetime.fromtimestamp(seconds, UTC)
    assert is_signed(header, body.encode(), at, Secret(secret))
    assert not is_signed(header, body.encode() + b"x", at, Secret(secret))
    assert not is_signed(header, body.encode(), at, Secret(secret + "x"))


@given(
    st.text(max_size=200) | st.from_regex(r"(t=[0-9]{1,12}|v1=[0-9a-f]{64}|,| ){0,6}"), st.binary()
)
def test_whatever_it_takes_stripes_library_would_take(header: str, body: bytes) -> None:
    taken = is_signed(header, body)
    try:
        official: Any = WebhookSignature.verify_header(body, header, OWNED.text)
    except (SignatureVerificationError, ValueError):
        official = False
    assert not taken or official
