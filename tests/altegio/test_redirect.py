"""The registration redirect: what Altegio may send, and what nobody else may."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.altegio import redirect
from shared.altegio.redirect import BadRedirect, Owner
from tests.altegio.redirects import (
    OWNER,
    TOKENS,
    VECTOR_DATA,
    VECTOR_JSON,
    VECTOR_SIGN,
    owner_query,
    sign,
    signed,
    with_locations,
)

# Locations: every one that was chosen must be connected, in whatever spelling it comes


@pytest.mark.parametrize(
    ("spelling", "location_ids"),
    [
        ("salon_id=4564", (4564,)),
        ("salon_ids[]=4564&salon_ids[]=4232", (4564, 4232)),
        ("salon_ids%5B%5D=4564&salon_ids%5B%5D=4232", (4564, 4232)),
        ("salon_ids%5b%5d=4564", (4564,)),
        ("salon_ids=4564,4232", (4564, 4232)),
        ("salon_ids=4564%2C4232", (4564, 4232)),
        ("salon_ids=4564,+4232", (4564, 4232)),
        ("salon_ids=4564%1C,%1F4232", (4564, 4232)),
        ("salon_ids=4564&salon_ids=4232", (4564, 4232)),
        ("salon_ids[0]=4564&salon_ids[1]=4232", (4564, 4232)),
        ("salon_ids%5B0%5D=4564&salon_ids%5B1%5D=4232", (4564, 4232)),
        ("salon_ids[1]=4232&salon_ids[0]=4564", (4232, 4564)),
        ("salon_id=4564&salon_ids[]=4232&salon_ids=1,2&salon_ids[7]=3", (4564, 4232, 1, 2, 3)),
        ("salon_ids[]=4564&salon_ids[]=4232&salon_ids[]=4564", (4564, 4232)),
        ("salon_id=4564&salon_ids[]=4564", (4564,)),
        ("salon_id=999999999999999999", (999999999999999999,)),
        ("salon_id=&salon_ids[]=4564&salon_ids[]=4232", (4564, 4232)),
        ("salon_ids[]=4564&salon_ids[]=4232&salon_id=", (4564, 4232)),
        ("salon_id&salon_ids[]=4564", (4564,)),
        ("salon_id=0&salon_ids[]=4564", (4564,)),
        ("salon_id=null&salon_ids=4564", (4564,)),
        ("salon_id=undefined&salon_ids[0]=4564", (4564,)),
        ("salon_id=4564&salon_ids=", (4564,)),
        ("salon_id=4564&salon_ids[]=", (4564,)),
        ("salon_id=4564&salon_ids[]=null", (4564,)),
        ("salon_ids=4564,", (4564,)),
        ("salon_ids=,4564,,4232", (4564, 4232)),
    ],
)
def test_no_location_of_the_redirect_is_lost(spelling: str, location_ids: tuple[int, ...]) -> None:
    assert redirect.parse(with_locations(spelling), TOKENS).location_ids == location_ids


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=200, unique=True))
def test_any_number_of_locations_comes_out_in_the_order_of_the_query(ids: list[int]) -> None:
    spelling = "&".join(f"salon_ids[]={location_id}" for location_id in ids)
    assert redirect.parse(with_locations(spelling), TOKENS).location_ids == tuple(ids)


@pytest.mark.parametrize(
    "spelling",
    [
        "",
        "company_id=4564",
        "salon_id=",
        "salon_id=0",
        "salon_id=null",
        "salon_id=&salon_ids[]=&salon_ids=0",
        "salon_id=-1",
        "salon_id=00",
        "salon_id=04564",
        "salon_id=4564.0",
        "salon_id=4e3",
        "salon_id=%2B4564",
        "salon_id=4564%00",
        "salon_id=4564%0A4232",
        "salon_id=%EF%BC%94%EF%BC%95",  # fullwidth digits
        "salon_id=%D9%A4",  # an Arabic digit
        "salon_id=1000000000000000000",
        "salon_ids=,",
        "salon_ids=4564,4232;1",
        "salon_ids[a]=4564",
        "salon_ids[]=4564&salon_ids[]=nonsense",
        "salon_ids[][]=4564",
    ],
)
def test_a_location_that_is_no_id_is_refused_rather_than_left_out(spelling: str) -> None:
    with pytest.raises(BadRedirect):
        redirect.parse(with_locations(spelling), TOKENS)


# The owner


def test_the_documented_vector_is_understood() -> None:
    assert base64.urlsafe_b64decode(VECTOR_DATA) == VECTOR_JSON.encode()
    parsed = redirect.parse(with_locations("salon_id=4564"), TOKENS)
    assert parsed.owner == OWNER
    assert (parsed.chain_id, parsed.crm_token) == (None, None)


def test_the_telephony_example_is_understood() -> None:
    example = "salon_group_id=123&crm_token=asdasd-asda-asdd-asdd&salon_ids[]=4564&salon_ids[]=4232"
    parsed = redirect.parse(with_locations(example), TOKENS)
    assert parsed == redirect.Redirect(
        location_ids=(4564, 4232),
        owner=OWNER,
        chain_id=123,
        crm_token="asdasd-asda-asdd-asdd",
    )


# As PHP, a form and a careless proxy may write the same bytes.
SPELLINGS: dict[str, Callable[[bytes], str]] = {
    "url-safe, padded": lambda data: base64.urlsafe_b64encode(data).decode(),
    "url-safe, not padded": lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
    "standard, padded": lambda data: base64.b64encode(data).decode(),
    "standard, not padded": lambda data: base64.b64encode(data).decode().rstrip("="),
    "standard, plus became a space": lambda data: base64.b64encode(data).decode().replace("+", " "),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("escape", [quote, quote_plus, str])
def test_both_alphabets_padded_or_not_and_with_a_lost_plus(
    spelling: str, escape: Callable[[str], str]
) -> None:
    data = SPELLINGS[spelling](VECTOR_JSON.encode())
    query = f"salon_id=1&user_data={escape(data)}&user_data_sign={VECTOR_SIGN}"
    assert redirect.parse(query, TOKENS).owner == OWNER


names = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=50)


@given(
    user_id=st.integers(1, 10**18 - 1),
    name=names,
    email=names,
    phone=st.text("0123456789", max_size=20),
    token=st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()),
    spelling=st.sampled_from(sorted(SPELLINGS)),
    ascii_only=st.booleans(),
)
def test_any_owner_signed_with_the_right_key_is_let_in(
    *, user_id: int, name: str, email: str, phone: str, token: str, spelling: str, ascii_only: bool
) -> None:
    values = {"id": user_id, "name": name, "phone": phone, "email": email, "is_approved": True}
    data = json.dumps(values, ensure_ascii=ascii_only).encode()
    query = f"salon_id=1&user_data={SPELLINGS[spelling](data)}&user_data_sign={sign(data, token)}"
    assert redirect.parse(query, (token,)).owner == Owner(user_id, name, email, phone)


@pytest.mark.parametrize(
    ("values", "user_id"),
    [
        ({"id": 7}, 7),
        ({"user_id": 7}, 7),
        ({"id": 7, "user_id": 8}, 7),
        ({"id": "7"}, 7),
        ({"user_id": "7"}, 7),
        ({"id": None, "user_id": 7}, 7),
        ({"id": 0, "user_id": 7}, 7),
        ({"id": "", "user_id": 7}, 7),
    ],
)
def test_the_user_id_comes_under_either_name(values: dict[str, Any], user_id: int) -> None:
    assert redirect.parse(owner_query(values), TOKENS).owner.altegio_user_id == user_id


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"id": None},
        {"id": 0},
        {"id": -7},
        {"id": True},
        {"id": 7.0},
        {"id": 7.5},
        {"id": float("nan")},
        {"id": float("inf")},
        {"id": [7]},
        {"id": {"id": 7}},
        {"id": ""},
        {"id": "0"},
        {"id": "7 "},
        {"id": "７"},  # noqa: RUF001 - a digit to Unicode, not to us
        {"id": 10**18},
        {"id": "1" * 19},
        [],
        [7],
        "7",
        7,
        None,
    ],
    ids=repr,
)
def test_an_owner_without_a_sound_id_is_refused(values: Any) -> None:
    with pytest.raises(BadRedirect):
        redirect.parse(owner_query(values), TOKENS)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\xff\xfe",
        b'{"id":7',
        b'{"id":7}}',
        b'{"id":07}',
        b'{"id":' + b"9" * 5000 + b"}",
        b'{"id":7,"x":' + b"[" * 100_000,
        b'{"id":7,"x":' + b'{"a":' * 50_000,
        b"[" * 100_000 + b"]" * 100_000,
        "\N{ZERO WIDTH NO-BREAK SPACE}{}".encode(),
    ],
    ids=lambda data: repr(data[:20]),
)
def test_signed_json_that_cannot_be_read_is_refused(data: bytes) -> None:
    with pytest.raises(BadRedirect):
        redirect.parse(signed(data), TOKENS)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"name": None, "email": None, "phone": None}, ("", "", "")),
        ({"name": ["x"], "email": {"x": 1}, "phone": True}, ("", "", "")),
        ({"phone": 15551230000}, ("", "", "15551230000")),
        ({"phone": 10**30, "name": 1.5}, ("", "", "")),
        ({"phone": 0, "email": "", "name": None}, ("", "", "")),
        ({"name": " Zoë\r\nSet-Cookie: x\x00\x1b "}, ("Zoë Set-Cookie: x", "", "")),
        ({"name": "Anna\u00a0Schmidt"}, ("Anna Schmidt", "", "")),
        ({"name": "Anna\u3000\tSchmidt\u2028"}, ("Anna Schmidt", "", "")),
        ({"name": "می\u200cخواهم"}, ("می\u200cخواهم", "", "")),  # noqa: RUF001 - Persian
        ({"name": "Salon 👩\u200d🦰"}, ("Salon 👩\u200d🦰", "", "")),
        ({"name": "a\u202eb\ud800c"}, ("abc", "", "")),
        ({"name": "x" * 5000}, ("x" * 200, "", "")),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_text_of_the_owner_is_one_printable_line(
    sent: dict[str, Any], kept: tuple[str, str, str]
) -> None:
    owner = redirect.parse(owner_query({"id": 7, **sent}), TOKENS).owner
    assert (owner.name, owner.email, owner.phone) == kept


# Chain and CRM token


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("crm_token", "a\n"),
        ("crm_token", "a\r\nX-Header: 1"),
        ("crm_token", "<script>"),
        ("crm_token", '"'),
        ("crm_token", "é"),
        ("crm_token", "x" * 513),
    ],
)
def test_a_crm_token_of_another_form_is_refused(field: str, value: str) -> None:
    with pytest.raises(BadRedirect, match=f"^{field}"):
        redirect.parse(owner_query({"id": 7}, **{field: value}), TOKENS)


@pytest.mark.parametrize("value", ["-5", "1e3", "\u0665", "1" * 19, "5 6", "abc", "12,13", "12.0"])
def test_a_chain_that_cannot_be_read_keeps_nobody_out(value: str) -> None:
    fields = {"crm_token": "a-b", "salon_group_id": value}
    parsed = redirect.parse(owner_query({"id": 7}, **fields), TOKENS)
    assert (parsed.chain_id, parsed.crm_token) == (None, "a-b")


def test_two_chains_are_none() -> None:
    twice = with_locations("salon_id=1&salon_group_id=12&salon_group_id=13")
    assert redirect.parse(twice, TOKENS).chain_id is None


@pytest.mark.parametrize(
    "nothing",
    [
        *("", "0", "null", "NULL", "None", "undefined", " ", "nil"),
        *("00", "-1", "false", "NaN", "n/a", "(null)", "[]", "{}", "[object Object]"),
    ],
)
@pytest.mark.parametrize("beside", [{}, {"crm_token": "a-b"}, {"salon_group_id": "123"}])
def test_what_says_nothing_is_as_good_as_left_out(nothing: str, beside: dict[str, str]) -> None:
    fields = {"salon_group_id": nothing, "crm_token": nothing, **beside}
    parsed = redirect.parse(owner_query({"id": 7}, **fields), TOKENS)
    assert parsed.crm_token == beside.get("crm_token")
    assert parsed.chain_id == (123 if "salon_group_id" in beside else None)


def test_nothing_beside_a_value_contradicts_nothing() -> None:
    twice = "salon_id=1&crm_token=&crm_token=a.b&salon_group_id=0&salon_group_id=5"
    parsed = redirect.parse(with_locations(twice), TOKENS)
    assert (parsed.chain_id, parsed.crm_token) == (5, "a.b")


@pytest.mark.parametrize(
    "token",
    [
        "2f181e2a-5c22-4ae7-9d9b-07104f312c28",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "YWJjZA==",
        "a/b+c==",
        "12|XyZ~.:",
        "{2f181e2a}",
        "x" * 512,
    ],
)
def test_a_crm_token_of_any_usual_form_is_read(token: str) -> None:
    query = f"salon_id=1&crm_token={quote(token)}"
    assert redirect.parse(with_locations(query), TOKENS).crm_token == token
    # As it comes if nobody has escaped it.
    bare = f"salon_id=1&crm_token={token}"
    assert redirect.parse(with_locations(bare), TOKENS).crm_token == token


# Whatever a stranger types


@pytest.mark.parametrize(
    "query",
    [
        "",
        "&",
        "=",
        "&=&=&",
        "salon_id",
        "%",
        "%zz=%1",
        "salon_id=%FF",
        "user_data=%C3",
        "\x00=\x00",
        "salon_id=\ud800",
        "user_data=\udfff&user_data_sign=" + "0" * 64 + "&salon_id=1",
        "salon_ids[" + "9" * 5000 + "]=1",
        "salon_id=" + "9" * 5000,
        "salon_id=1&" * 20_000,
        "&" * 100_000,
        "user_data=" + "A" * 1_000_000 + "&user_data_sign=" + "0" * 64 + "&salon_id=1",
        "salon_ids=" + "1," * 100_000,
    ],
    ids=lambda query: ascii(query[:30]),
)
def test_a_hostile_query_is_refused_and_nothing_worse(query: str) -> None:
    with pytest.raises(BadRedirect):
        redirect.parse(query, TOKENS)


pieces = st.one_of(
    st.text(max_size=30),
    st.binary(max_size=30).map(lambda raw: raw.decode("latin-1")),
    st.binary(max_size=30).map(quote),
    st.characters(categories=["Nd", "Cs", "Cc"]),
    st.sampled_from(
        ["salon_id=", "salon_ids[]=", "salon_ids[0]=", "user_data=", "user_data_sign=", "&", "=",
         "crm_token=", "salon_group_id=", "1", VECTOR_DATA, VECTOR_SIGN, "%00", "+", ";", ","]
    ),
)  # fmt: skip


def test_no_query_raises_anything_but_bad_redirect() -> None:
    read = 0

    @given(st.sampled_from(["", with_locations("salon_id=1&")]), st.lists(pieces, max_size=20))
    def each(start: str, rest: list[str]) -> None:
        nonlocal read
        try:
            parsed = redirect.parse(start + "".join(rest), TOKENS)
        except BadRedirect:
            return
        assert parsed.owner == OWNER  # the one owner that anything here was signed for
        read += 1

    each()
    assert read > 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


def test_no_signed_json_raises_anything_but_bad_redirect() -> None:
    read = 0
    of_owner = dict.fromkeys(["name", "email", "phone"], st.text(max_size=300) | json_values)

    @given(
        st.fixed_dictionaries({"id": st.integers(-1, 10**19)}, optional=of_owner)
        | st.dictionaries(st.sampled_from(["id", "user_id", *of_owner]), json_values)
        | json_values
    )
    def each(values: Any) -> None:
        nonlocal read
        try:
            owner = redirect.parse(owner_query(values), TOKENS).owner
        except BadRedirect:
            return
        assert 0 < owner.altegio_user_id < 10**18
        for text in (owner.name, owner.email, owner.phone):
            assert text == text.strip()
            assert not text or text.isprintable()
            assert len(text) <= 200
        read += 1

    each()
    assert read > 0


@given(st.binary(max_size=200))
def test_no_signed_bytes_raise_anything_but_bad_redirect(data: bytes) -> None:
    with pytest.raises(BadRedirect):
        redirect.parse(signed(data), TOKENS)


def test_a_refusal_never_repeats_what_came() -> None:
    secret = "do-not-log-me"
    for query in (
        with_locations(f"salon_id={secret}"),
        with_locations(f"salon_id=1&crm_token={secret}<"),
        f"salon_id=1&user_data={secret}&user_data_sign={secret}",
        with_locations(f"salon_id=1&user_data={secret}"),
        owner_query({"id": secret}),
    ):
        with pytest.raises(BadRedirect) as caught:
            redirect.parse(query, TOKENS)
        assert secret not in str(caught.value)
