"""The signature doctor: it names the mistake, lets nobody in, and gives nothing away."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.altegio import redirect, signature_doctor
from shared.altegio.redirect import BadSignature
from shared.altegio.signature_doctor import Diagnosis, fingerprint
from tests.deployment import Deployment, Page, secrets_in

TOKEN, NEXT = "owned-partner-token", "next-partner-token"
KEY = fingerprint(TOKEN)
# The public vector: its base64 needs `_` and `-`; it holds letters that JSON may escape.
OWNER_JSON = (
    '{"id":7,"name":"Zoë ÿÿ","phone":"15551230000","email":"z@example.com",'
    '"is_approved":true,"avatar":"","salon_name":"Тест?>~"}'
)
OWNER_DATA = (
    "eyJpZCI6NywibmFtZSI6Ilpvw6sgw7_DvyIsInBob25lIjoiMTU1NTEyMzAwMDAiLCJlbWFpbCI6InpAZXhhbXBsZS5j"
    "b20iLCJpc19hcHByb3ZlZCI6dHJ1ZSwiYXZhdGFyIjoiIiwic2Fsb25fbmFtZSI6ItCi0LXRgdGCPz5-In0="
)
OWNER_SIGN = "96edc690fbfd0ee427555979a05829459c146c0befac4abf27ea3d4a6f33bc46"
# Its base64 ends without padding, and has a slash.
SLASHED = '{"id":7,"avatar":"https://x.example/a?b","name":"ÿ?"}'

EVENT = {"salon_id": 55, "amount": 990.5, "discount": 15, "event": "payment", "partner_token": "t"}


def mac(message: str | bytes, key: str = TOKEN, algorithm: str = "sha256") -> bytes:
    text = message.encode() if isinstance(message, str) else message
    return hmac.new(key.encode(), text, algorithm).digest()


def query(sign: str, data: str = OWNER_DATA) -> str:
    return f"salon_id=4564&user_data={data}&user_data_sign={quote(sign)}"


def of_redirect(sign: str, data: str = OWNER_DATA, keys: tuple[str, ...] = (TOKEN,)) -> Diagnosis:
    return signature_doctor.of_redirect(query(sign, data), keys)


def event(sign: str, **changes: Any) -> bytes:
    return json.dumps({**EVENT, **changes, "sign": sign}).encode()


# The right signatures


def test_the_documented_redirect_is_right() -> None:
    found = of_redirect(OWNER_SIGN)
    assert found.wrong == []
    assert found.fields() == {
        "wrong": [],
        "text": "the decoded JSON",
        "key": KEY,
        "around_key": "",
        "algorithm": "sha256",
        "encoding": "lower-case hex",
        "keys": (KEY,),
        "tried": 21,
        "query": "280 characters; salon_id, user_data, user_data_sign",
        "user_data": "176 characters, URL-safe alphabet, padded",
        "json": "an object with id, name, phone, email, is_approved, avatar, salon_name",
        "user_data_sign": "64 characters, lower-case hex of 256 bits",
    }


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
        ('"amount":100', "bc03fc8e96a8e321f9467e0341e242c9a0ef0cea6632a37bf5cf29efe0ae98a1"),
        (
            '"amount":990.990,"discount":15.50',
            "c9607400d065caca8ddfcde9c76117c13c360eefb77057911d5b92dfaf891894",
        ),
    ],
)
def test_the_documented_payment_events_are_right(values: str, sign: str) -> None:
    body = f'{{"salon_id":55,{values},"sign":"{sign}"}}'.encode()
    found = signature_doctor.of_payment_event(body, (TOKEN,))
    assert found.wrong == []


def test_a_zero_discount_is_signed_and_a_null_one_is_not() -> None:
    zero = mac("salon_id=55&amount=990.5&discount=0").hex()
    assert signature_doctor.of_payment_event(event(zero, discount=0), (TOKEN,)).wrong == []
    [wrong] = signature_doctor.of_payment_event(event(zero, discount=None), (TOKEN,)).wrong
    assert wrong.startswith("signed is the same, discount=0, instead of")


# Each mistake has a name


def standard(data: str) -> str:
    return data.replace("-", "+").replace("_", "/")


def rewritten(**how: Any) -> str:
    return json.dumps(json.loads(OWNER_JSON), **how)


@pytest.mark.parametrize(
    ("signed", "name"),
    [
        (OWNER_DATA, "the base64 text"),
        (quote(OWNER_DATA), "the base64 text, percent-encoded"),
        (f"{OWNER_DATA}\n", "the base64 text and a newline"),
        (standard(OWNER_DATA), "the base64 text in the standard alphabet"),
        (
            standard(OWNER_DATA).rstrip("="),
            "the base64 text in the standard alphabet, unpadded",
        ),
        (
            quote(standard(OWNER_DATA), safe=""),
            "the base64 text in the standard alphabet, percent-encoded",
        ),
        (
            standard(OWNER_DATA).replace("+", " "),
            "the base64 text in the standard alphabet, each + turned into a space",
        ),
        (OWNER_DATA.rstrip("="), "the base64 text in the URL-safe alphabet, unpadded"),
        (f"{OWNER_JSON}\n", "the decoded JSON and a newline"),
        (
            rewritten(separators=(",", ":")),
            "the JSON, written again compact, \\u escapes",
        ),
        (
            rewritten(),
            "the JSON, written again as Python does (\\u escapes, spaces)",
        ),
        (rewritten(ensure_ascii=False), "the JSON, written again with spaces"),
        (
            f"salon_id=4564&user_data={OWNER_DATA}",
            "the query without user_data_sign",
        ),
    ],
)
def test_what_was_signed_instead_of_the_json_is_named(signed: str, name: str) -> None:
    found = of_redirect(mac(signed).hex())
    assert found.wrong == [f"signed is {name}, instead of the decoded JSON"]


@pytest.mark.parametrize(
    ("sent", "signed", "name"),
    [
        # A standard base64 that went through the query as it was: its plus reads as a space.
        (standard(OWNER_DATA), standard(OWNER_DATA), "the base64 text"),
        (
            standard(OWNER_DATA),
            standard(OWNER_DATA).replace("+", " "),
            "the base64 text, each + turned into a space",
        ),
        (
            quote(standard(OWNER_DATA)).replace("%2B", "%2b"),
            quote(standard(OWNER_DATA)).replace("%2B", "%2b"),
            "the base64 text, as in the query",
        ),
        (standard(OWNER_DATA), OWNER_DATA, "the base64 text in the URL-safe alphabet"),
        (
            base64.b64encode(SLASHED.encode()).decode(),
            SLASHED.replace("/", "\\/"),
            "the JSON, written again compact, slashes escaped",
        ),
        (
            base64.b64encode(SLASHED.encode()).decode(),
            SLASHED.replace("/", "\\/").replace("ÿ", "\\u00ff"),
            "the JSON, written again as PHP does (\\u escapes, slashes escaped)",
        ),
        (
            base64.b64encode(b'{ "id": 7 }').decode(),
            '{"id":7}',
            "the JSON, written again compact",
        ),
        (
            base64.b64encode(b'{"id":7}\n').decode(),
            '{"id":7}',
            "the decoded JSON without the whitespace around it",
        ),
    ],
)
def test_what_was_signed_of_other_spellings_is_named(sent: str, signed: str, name: str) -> None:
    found = of_redirect(mac(signed).hex(), sent)
    assert found.wrong == [f"signed is {name}, instead of the decoded JSON"]


def test_json_that_was_not_put_into_base64_is_seen() -> None:
    found = of_redirect(mac(OWNER_JSON).hex(), quote(OWNER_JSON))
    assert found.wrong == ["signed is user_data as it is, instead of the decoded JSON"]
    assert found.facts["user_data"].endswith("characters, JSON without base64")


@pytest.mark.parametrize(
    ("signed", "name"),
    [
        ("salon_id=55&amount=990.50&discount=15.00", "the same, sums with two decimals"),
        ("salon_id=55&amount=990.5", "the same without discount"),
        ("salon_id=55&amount=990.5&discount=", "the same, discount= left empty"),
        ("salon_id=55&amount=990.5&discount=null", "the same, discount=null"),
        ("salon_id=55&amount=990.5&discount=0", "the same, discount=0"),
        (
            "amount=990.5&discount=15&salon_id=55",
            "the same, in the order amount, discount, salon_id",
        ),
        (
            "salon_id=55&discount=15&amount=990.5",
            "the same, in the order salon_id, discount, amount",
        ),
        (
            "salon_id=55&amount=990.5&discount=15&event=payment&partner_token=t",
            "all fields but sign, as a query",
        ),
        (
            json.dumps(EVENT, separators=(",", ":")),
            "the body without sign, written again compact",
        ),
    ],
)
def test_what_was_signed_of_a_payment_event_is_named(signed: str, name: str) -> None:
    found = signature_doctor.of_payment_event(event(mac(signed).hex()), (TOKEN,))
    right = "salon_id, amount, discount; shortest numbers"
    assert found.wrong == [f"signed is {name}, instead of {right}"]


@pytest.mark.parametrize(
    ("amount", "signed"),
    [("100.00", "100"), ("0.000001", "0.000001"), ("0.0000001", "1e-7"), ("1E21", "1e+21")],
)
def test_a_sum_is_signed_as_javascript_writes_it(amount: str, signed: str) -> None:
    sign = mac(f"salon_id=55&amount={signed}").hex()
    body = f'{{"salon_id":55,"amount":{amount},"sign":"{sign}"}}'.encode()
    assert signature_doctor.of_payment_event(body, (TOKEN,)).wrong == []


def test_numbers_as_they_stand_in_the_body_are_named() -> None:
    sign = mac("salon_id=55&amount=100.0&discount=5.50").hex()
    body = f'{{"salon_id":55,"amount":100.0,"discount":5.50,"sign":"{sign}"}}'.encode()
    [wrong] = signature_doctor.of_payment_event(body, (TOKEN,)).wrong
    assert wrong.startswith("signed is the same, numbers as they stand in the body, instead of")


@pytest.mark.parametrize(
    ("sign", "wrong"),
    [
        (OWNER_SIGN.upper(), []),
        (mac(OWNER_JSON, algorithm="sha1").hex(), ["it is an HMAC of sha1, instead of sha256"]),
        (mac(OWNER_JSON, algorithm="md5").hex(), ["it is an HMAC of md5, instead of sha256"]),
        (mac(OWNER_JSON, algorithm="sha512").hex(), ["it is an HMAC of sha512, instead of sha256"]),
        (
            base64.b64encode(mac(SLASHED * 2)).decode(),
            ["nothing that was tried gives this signature"],
        ),
        (
            base64.b64encode(mac(OWNER_JSON)).decode(),
            ["it is written as base64, instead of hex"],
        ),
        (
            base64.b64encode(OWNER_SIGN.encode()).decode(),
            ["it is written as base64 of the hex, instead of hex"],
        ),
        (
            f"sha256={OWNER_SIGN}\n",
            ["it is written as lower-case hex with something around it, instead of hex"],
        ),
        (OWNER_SIGN[:-1], ["nothing that was tried gives this signature"]),
        ("", ["nothing that was tried gives this signature"]),
    ],
)
def test_how_the_signature_is_written_is_named(sign: str, wrong: list[str]) -> None:
    assert of_redirect(sign).wrong == wrong


def test_base64url_is_told_from_base64() -> None:
    signs = {base64.urlsafe_b64encode(mac(OWNER_JSON, f"key {n}")).decode(): n for n in range(20)}
    url_safe = next(sign for sign in signs if set(sign) & set("-_"))
    found = of_redirect(url_safe, keys=(f"key {signs[url_safe]}",))
    assert found.wrong == ["it is written as base64url, instead of hex"]


@pytest.mark.parametrize(
    ("key", "around"),
    [
        (f"{TOKEN}\n", "with a newline after it"),
        (f"{TOKEN}\r\n", "with a Windows line end after it"),
        (f"{TOKEN} ", "with a space after it"),
        (f" {TOKEN}", "with a space before it"),
        (f'"{TOKEN}"', "in quotes"),
    ],
)
def test_what_stands_around_the_key_is_named(key: str, around: str) -> None:
    found = of_redirect(mac(OWNER_JSON, key).hex())
    assert found.wrong == [f"the key {KEY} is taken {around}"]
    assert found.match is not None
    assert found.match.key == KEY


def test_whitespace_around_our_own_key_is_named() -> None:
    found = of_redirect(OWNER_SIGN, keys=(f"{TOKEN}\t",))
    assert found.wrong == [
        f"the key {fingerprint(TOKEN + chr(9))} is taken without the whitespace around it"
    ]


def test_an_empty_key_is_named() -> None:
    assert of_redirect(mac(OWNER_JSON, "").hex()).wrong == ["the key is empty"]


def test_of_two_tokens_either_is_right_and_the_one_is_named() -> None:
    for key in (TOKEN, NEXT):
        found = of_redirect(mac(OWNER_JSON, key).hex(), keys=(TOKEN, NEXT, TOKEN))
        assert found.wrong == []
        assert found.fields()["key"] == fingerprint(key)
        assert found.keys == (KEY, fingerprint(NEXT))


def test_two_mistakes_at_once_are_both_named() -> None:
    sign = base64.b64encode(mac(OWNER_DATA, f"{TOKEN}\n", "sha1")).decode()
    assert of_redirect(sign).wrong == [
        "signed is the base64 text, instead of the decoded JSON",
        f"the key {KEY} is taken with a newline after it",
        "it is an HMAC of sha1, instead of sha256",
        "it is written as base64, instead of hex",
    ]


def test_a_fingerprint_is_the_beginning_of_the_sha256() -> None:
    assert fingerprint(TOKEN) == hashlib.sha256(TOKEN.encode()).hexdigest()[:8]


# When nothing fits, what came is described


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (
            "",
            {
                "query": "0 characters; nothing",
                "user_data": "missing",
                "json": "missing",
                "user_data_sign": "missing",
            },
        ),
        (
            f"from=altegio&salon_ids[0]=1&salon_ids%5B1%5D=2&crm_token=x&user_data={OWNER_DATA[:-1]}",
            {
                "query": "244 characters; salon_ids, crm_token, user_data, 1 unknown",
                "user_data": "175 characters, URL-safe alphabet, padding left out",
            },
        ),
        (
            f"user_data={standard(OWNER_DATA)}&user_data=x&user_data_sign={OWNER_SIGN[1:]}",
            {
                "user_data": "176 characters, standard alphabet, padded, with spaces, "
                "given 2 times",
                "user_data_sign": "63 characters, neither hex nor base64 of a digest",
            },
        ),
        (
            "user_data=%21%21&user_data_sign=ab",
            {
                "user_data": "2 characters, not base64",
                "json": "missing",
                "user_data_sign": "2 characters, neither hex nor base64 of a digest",
            },
        ),
        (
            f"user_data={base64.b64encode(b'[7]').decode()}",
            {
                "user_data": "4 characters, either alphabet, needs no padding",
                "json": "not a JSON object",
            },
        ),
        (
            f"user_data={base64.b64encode(b'{"id":7,"salon":1}').decode()}",
            {"json": "an object with id, 1 unknown"},
        ),
    ],
)
def test_a_redirect_is_described(text: str, facts: dict[str, str]) -> None:
    found = signature_doctor.of_redirect(text, (TOKEN,))
    assert found.match is None
    assert dict(found.facts) | facts == found.facts


@pytest.mark.parametrize(
    ("body", "facts"),
    [
        (b"{", {"body": "1 bytes, not a JSON object"}),
        (b"[1]", {"body": "3 bytes, not a JSON object"}),
        (b'{"amount":' + b"9" * 5000 + b"}", {"body": "5011 bytes, not a JSON object"}),
        (
            b'{"salon_id":"55","amount":100.50,"discount":null,"partner_token":"t","colour":1}',
            {
                "body": "80 bytes; salon_id, amount, discount, partner_token, 1 unknown",
                "salon_id": "a text",
                "amount": "a number, decimals: 2",
                "discount": "null",
                "partner_token": fingerprint("t"),
                "sign": "missing",
            },
        ),
        (b'{"amount":[1]}', {"amount": "neither number nor text", "discount": "missing"}),
    ],
)
def test_a_payment_event_is_described(body: bytes, facts: dict[str, str]) -> None:
    found = signature_doctor.of_payment_event(body, (TOKEN,))
    assert found.match is None
    assert dict(found.facts) | facts == found.facts


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


@given(st.lists(pieces, max_size=8).map("".join), st.text(st.characters(), max_size=9))
@settings(max_examples=300)
def test_no_query_breaks_it_and_it_is_right_when_the_signature_is(text: str, key: str) -> None:
    found = signature_doctor.of_redirect(text, (TOKEN, key))
    fields = dict(reversed(parse_qsl(text, keep_blank_values=True, errors="replace")))
    try:
        redirect.verified(fields.get("user_data", ""), fields.get("user_data_sign", ""), (TOKEN,))
    except BadSignature:
        assert found.wrong or found.fields()["key"] == fingerprint(key) != KEY
    else:
        assert found.wrong == []
    assert TOKEN not in json.dumps(found.fields())


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
@settings(max_examples=300)
def test_no_body_breaks_it(body: bytes) -> None:
    found = signature_doctor.of_payment_event(body, (TOKEN,))
    assert found.wrong
    assert TOKEN not in json.dumps(found.fields())


@given(
    name=st.text("abcdefghij", min_size=12, max_size=30),
    phone=st.text("0123456789", min_size=10, max_size=15),
    sign=st.sampled_from(["", "0" * 64, OWNER_SIGN, "x" * 30]),
    spelling=st.sampled_from([base64.b64encode, base64.urlsafe_b64encode, bytes]),
)
@settings(max_examples=100)
def test_no_value_is_repeated(
    name: str, phone: str, sign: str, spelling: Callable[[bytes], bytes]
) -> None:
    data = spelling(json.dumps({"id": 7, "name": name, "phone": phone, phone: name}).encode())
    text = urlencode({"user_data": data, "user_data_sign": sign, name: phone, "crm_token": name})
    body = json.dumps({"salon_id": name, "amount": phone, "sign": sign, name: phone}).encode()
    for found in (
        signature_doctor.of_redirect(text, (TOKEN,)),
        signature_doctor.of_payment_event(body, (TOKEN,)),
    ):
        told = json.dumps([found.fields(), dict(found.tried)])
        values = (name, phone, data.decode(), sign, TOKEN)
        assert [value for value in values if value and value in told] == []


@pytest.mark.parametrize("length", [17_000, 1_000_000])
def test_what_is_longer_than_any_request_is_not_tried(length: int) -> None:
    for found in (
        signature_doctor.of_redirect(query(OWNER_SIGN, "A" * length), (TOKEN,)),
        signature_doctor.of_payment_event(event(OWNER_SIGN, amount="9" * length), (TOKEN,)),
    ):
        assert (found.match, found.tried) == (None, {})
        assert "too long" in str(found.facts)


def test_the_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[int] = []
    digest = hmac.digest

    def counted(key: bytes, text: bytes, algorithm: str) -> bytes:
        hashed.append(len(text))
        return digest(key, text, algorithm)

    monkeypatch.setattr("hmac.digest", counted)
    owner = json.dumps({"id": 7, "name": "ÿ/" * 1000}, ensure_ascii=False).encode()
    of_redirect("0" * 64, base64.b64encode(owner).decode(), (TOKEN, NEXT))
    assert 150 < len(hashed) < 400
    assert sum(hashed) < 3_000_000


# Through the door


def visit(deployment: Deployment, **changes: str) -> Page:
    fields = dict(parse_qsl(urlsplit(deployment.simulator.grant(4564)).query))
    return deployment.visit(f"https://x/connect?{urlencode({**fields, **changes})}")


def lines(log: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


def test_a_refused_redirect_logs_its_diagnosis(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    fields = dict(parse_qsl(urlsplit(deployment.simulator.grant(4564)).query))
    token = deployment.simulator.partner_token
    page = visit(deployment, user_data_sign=mac(fields["user_data"], token).hex())
    assert page.status == 403
    log = logged()
    [line] = [line for line in lines(log) if line.get("message") == "signature mismatch"]
    assert line["level"] == "WARNING"
    assert line["diagnosis"]["wrong"] == ["signed is the base64 text, instead of the decoded JSON"]
    assert line["diagnosis"]["key"] == fingerprint(token)
    assert secrets_in(log, deployment.simulator) == []
    owner = json.loads(redirect.decoded(fields["user_data"]))
    personal = [owner[name] for name in ("name", "email", "phone")] + [fields["user_data"]]
    assert all(personal)
    assert [value for value in personal if value in log] == []


def test_only_a_mismatch_is_diagnosed(deployment: Deployment, logged: Callable[[], str]) -> None:
    assert visit(deployment).status == 200
    assert visit(deployment, salon_ids="x", salon_id="x").status == 400
    assert "signature mismatch" not in logged()


def test_a_diagnosis_lets_nobody_in(deployment: Deployment, logged: Callable[[], str]) -> None:
    """However well the mistake is understood."""
    fields = dict(parse_qsl(urlsplit(deployment.simulator.grant(4564)).query))
    token = deployment.simulator.partner_token
    data = redirect.decoded(fields["user_data"])
    for sign in (
        base64.b64encode(mac(data, token)).decode(),
        mac(data, f"{token}\n").hex(),
        mac(data, token, "sha1").hex(),
        mac(data, "").hex(),
    ):
        assert visit(deployment, user_data_sign=sign).status == 403
    assert len([line for line in lines(logged()) if line.get("diagnosis", {}).get("text")]) == 4
    assert deployment.rows("TICKETS_TABLE") == []
