"""The signature doctor: it names the mistake, lets nobody in, and gives nothing away."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.altegio import redirect, signature_doctor
from shared.altegio.redirect import BadSignature
from shared.altegio.signature_doctor import Diagnosis, fingerprint
from tests.deployment import Deployment, Page, secrets_in

TOKEN, NEXT = "owned-partner-token", "next-partner-token"
KEY = fingerprint(TOKEN)
# The public vector: its base64 needs `_` and `-`.
OWNER_JSON = (
    '{"id":7,"name":"Zoë ÿÿ","phone":"15551230000","email":"z@example.com",'
    '"is_approved":true,"avatar":"","salon_name":"Тест?>~"}'
)
OWNER_DATA = (
    "eyJpZCI6NywibmFtZSI6Ilpvw6sgw7_DvyIsInBob25lIjoiMTU1NTEyMzAwMDAiLCJlbWFpbCI6InpAZXhhbXBsZS5j"
    "b20iLCJpc19hcHByb3ZlZCI6dHJ1ZSwiYXZhdGFyIjoiIiwic2Fsb25fbmFtZSI6ItCi0LXRgdGCPz5-In0="
)
OWNER_SIGN = "96edc690fbfd0ee427555979a05829459c146c0befac4abf27ea3d4a6f33bc46"

BASE64 = "the signature is over the base64 text of user_data"
SUMS = "the signature is over sums as they stand in the body, or with two decimals"
OTHER = "no token that was tried gives this signature"
EVENT = {"salon_id": 55, "amount": 990.5, "discount": 15, "event": "payment", "partner_token": "t"}


def mac(message: str | bytes, key: str = TOKEN) -> str:
    text = message.encode() if isinstance(message, str) else message
    return hmac.new(key.encode(), text, hashlib.sha256).hexdigest()


def of_redirect(sign: str, data: str = OWNER_DATA, keys: tuple[str, ...] = (TOKEN,)) -> Diagnosis:
    query = f"salon_id=4564&user_data={data}&user_data_sign={quote(sign)}"
    return signature_doctor.of_redirect(query, keys)


def of_event(sign: str, **changes: Any) -> Diagnosis:
    body = json.dumps({**EVENT, **changes, "sign": sign}).encode()
    return signature_doctor.of_payment_event(body, (TOKEN,))


# The right signatures


def test_the_documented_redirect_is_right() -> None:
    assert of_redirect(OWNER_SIGN).fields() == {"wrong": "", "key": KEY, "keys": (KEY,)}


@pytest.mark.parametrize(
    ("values", "sign"),
    [
        (
            '"amount":100,"discount":5',
            "35d3e8d3afb94abaadc84b2261f992a01a7e7b84504ea2df4985afa8e85c6a1a",
        ),
        (
            '"discount":5.0,"amount":100.00',
            "35d3e8d3afb94abaadc84b2261f992a01a7e7b84504ea2df4985afa8e85c6a1a",
        ),
        (
            '"amount":1e2,"discount":null',
            "bc03fc8e96a8e321f9467e0341e242c9a0ef0cea6632a37bf5cf29efe0ae98a1",
        ),
        (
            '"amount":990.990,"discount":15.50',
            "c9607400d065caca8ddfcde9c76117c13c360eefb77057911d5b92dfaf891894",
        ),
    ],
)
def test_the_documented_payment_events_are_right(values: str, sign: str) -> None:
    body = f'{{"salon_id":55,{values},"sign":"{sign}"}}'.encode()
    assert signature_doctor.of_payment_event(body, (TOKEN,)).wrong == ""


def test_of_two_tokens_either_is_right_and_the_one_is_named() -> None:
    for key in (TOKEN, NEXT):
        found = of_redirect(mac(OWNER_JSON, key), keys=(TOKEN, NEXT, TOKEN))
        assert (found.wrong, found.key) == ("", fingerprint(key))
        assert found.keys == (KEY, fingerprint(NEXT))


# Each mistake has a sentence


def standard(data: str) -> str:
    return data.replace("-", "+").replace("_", "/")


@pytest.mark.parametrize(
    ("sent", "signed"),
    [
        (OWNER_DATA, OWNER_DATA),
        (OWNER_DATA, standard(OWNER_DATA)),
        (quote(OWNER_DATA), quote(OWNER_DATA)),
        # A standard base64 that went through the query as it was: its plus reads as a space.
        (standard(OWNER_DATA), standard(OWNER_DATA)),
        (standard(OWNER_DATA), standard(OWNER_DATA).replace("+", " ")),
        (standard(OWNER_DATA), OWNER_DATA),
    ],
)
def test_a_signature_over_the_base64_text_is_named(sent: str, signed: str) -> None:
    found = of_redirect(mac(signed), sent)
    assert found.wrong.startswith(BASE64)
    assert found.key == KEY


@pytest.mark.parametrize(
    "signed", ["amount=990.50&discount=15.00", "amount=990.50&discount=15", "amount=990.5"]
)
def test_a_signature_over_other_sums_is_named(signed: str) -> None:
    sign = mac(f"salon_id=55&{signed}")
    body = f'{{"salon_id":55,"amount":990.50,"discount":15,"sign":"{sign}"}}'.encode()
    found = signature_doctor.of_payment_event(body, (TOKEN,))
    assert found.wrong.startswith(SUMS if "discount" in signed else OTHER)


def test_a_signature_by_another_token_is_named() -> None:
    for found in (
        of_redirect(mac(OWNER_JSON, "the old token")),
        of_redirect(OWNER_SIGN[:-1]),
        of_redirect(""),
        of_event(mac("salon_id=55&amount=990.5&discount=15", "the old token")),
    ):
        assert found.wrong.startswith(OTHER)
        assert found.key == ""


def test_a_fingerprint_is_the_beginning_of_the_sha256() -> None:
    assert fingerprint(TOKEN) == hashlib.sha256(TOKEN.encode()).hexdigest()[:8]


# Whatever comes: it never fails, agrees with who decides, gives nothing away, and takes no time


pieces = st.one_of(
    st.text(max_size=30),
    st.binary(max_size=30).map(quote),
    st.binary(max_size=30).map(lambda raw: base64.b64encode(raw).decode()),
    st.sampled_from(
        ["user_data=", "user_data_sign=", "salon_id=1", "&", "=", "%", "+", OWNER_DATA, OWNER_SIGN,
         OWNER_SIGN.upper(), f"user_data={OWNER_DATA}&", f"user_data_sign={OWNER_SIGN}",
         "\ud800", "[" * 9000, base64.b64encode(b"[" * 9000).decode()]
    ),
)  # fmt: skip


def test_no_query_breaks_it_and_it_is_right_when_the_signature_is() -> None:
    right = 0

    @given(
        st.sampled_from(["", f"user_data={quote(OWNER_DATA)}&user_data_sign={OWNER_SIGN}&"]),
        st.lists(pieces, max_size=8),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
    )
    def each(start: str, rest: list[str], key: str) -> None:
        nonlocal right
        text = start + "".join(rest)
        found = signature_doctor.of_redirect(text, (TOKEN, key))
        fields = dict(reversed(parse_qsl(text, keep_blank_values=True, errors="replace")))
        data, sign = fields.get("user_data", ""), fields.get("user_data_sign", "")
        try:
            redirect.verified(data, sign, (TOKEN,))
        except BadSignature:
            assert found.wrong or found.key == fingerprint(key) != KEY
        else:
            # What is longer is not looked at, nor let through by the HTTP API.
            assert found.wrong == "" or len(text) > 16 * 1024
            right += 1
        assert TOKEN not in json.dumps(found.fields())

    each()
    assert right > 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
fields = st.sampled_from(["salon_id", "amount", "discount", "sign", "partner_token", "event"])


@given(
    st.dictionaries(fields | st.text(max_size=5), json_values | st.just(OWNER_SIGN)).map(
        lambda values: json.dumps(values).encode()
    )
    | st.binary(max_size=60)
    | st.sampled_from([b"[" * 9000, b'{"sign":"' + b"0" * 64 + b'","amount":1e999999999}'])
)
def test_no_body_breaks_it_and_no_value_is_repeated(body: bytes) -> None:
    found = signature_doctor.of_payment_event(body, (TOKEN,))
    assert found.fields() == {"wrong": found.wrong, "key": "", "keys": (KEY,)}
    assert found.wrong.startswith(OTHER)


@pytest.mark.parametrize("length", [17_000, 1_000_000])
def test_what_is_longer_than_any_request_is_not_tried(length: int) -> None:
    data = base64.b64encode(b"A" * length).decode()
    assert of_redirect(mac("A" * length), data).wrong.startswith(OTHER)
    sign = mac("salon_id=55&amount=990.5&discount=15")
    assert of_event(sign).wrong == ""
    assert of_event(sign, event="A" * length).wrong.startswith(OTHER)


# Through the door


def visit(deployment: Deployment, **changes: str) -> Page:
    fields = dict(parse_qsl(urlsplit(deployment.simulator.grant(4564)).query))
    return deployment.visit(f"https://x/connect?{urlencode({**fields, **changes})}")


def test_a_refused_redirect_logs_its_diagnosis_and_lets_nobody_in(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    fields = dict(parse_qsl(urlsplit(deployment.simulator.grant(4564)).query))
    token = deployment.simulator.partner_token
    page = visit(deployment, user_data_sign=mac(fields["user_data"], token))
    assert page.status == 403
    log = logged()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    [line] = [line for line in lines if line.get("message") == "signature mismatch"]
    assert line["level"] == "WARNING"
    assert line["diagnosis"]["wrong"].startswith(BASE64)
    assert line["diagnosis"]["key"] == fingerprint(token)
    assert secrets_in(log, deployment.simulator) == []
    owner = json.loads(redirect.decoded(fields["user_data"]))
    personal = [owner[name] for name in ("name", "email", "phone")] + [fields["user_data"]]
    assert all(personal)
    assert [value for value in personal if value in log] == []
    assert deployment.rows("TICKETS_TABLE") == []


def test_only_a_mismatch_is_diagnosed(deployment: Deployment, logged: Callable[[], str]) -> None:
    assert visit(deployment).status == 200
    assert visit(deployment, salon_ids="x", salon_id="x").status == 400
    assert "signature mismatch" not in logged()
