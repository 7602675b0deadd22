"""The registration redirect: no owner without the platform's signature."""

import base64
import hashlib
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.altegio import redirect
from shared.altegio.redirect import BadRedirect, BadSignature
from tests.altegio.redirects import (
    TOKEN,
    TOKENS,
    VECTOR_DATA,
    VECTOR_JSON,
    VECTOR_SIGN,
    sign,
    with_locations,
)

# The signature


def test_signing_the_base64_text_instead_of_the_json_is_refused() -> None:
    for data in (VECTOR_DATA, VECTOR_DATA.rstrip("="), VECTOR_DATA.translate({45: 43, 95: 47})):
        with pytest.raises(BadSignature):
            redirect.verified(data, sign(data.encode()), TOKENS)
    assert redirect.verified(VECTOR_DATA, VECTOR_SIGN, TOKENS) == VECTOR_JSON.encode()


def test_a_signature_in_capitals_is_the_same() -> None:
    assert redirect.verified(VECTOR_DATA, VECTOR_SIGN.upper(), TOKENS) == VECTOR_JSON.encode()


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "0" * 64,
        VECTOR_SIGN[:-1],
        VECTOR_SIGN + "0",
        VECTOR_SIGN + "\n",
        f" {VECTOR_SIGN}",
        f"sha256={VECTOR_SIGN}",
        "é" * 64,
        "０" * 64,  # noqa: RUF001 - fullwidth digits
        base64.b64encode(bytes.fromhex(VECTOR_SIGN)).decode(),
        hashlib.sha256(VECTOR_JSON.encode()).hexdigest(),
        sign(VECTOR_JSON.encode(), ""),
        sign(VECTOR_JSON.encode(), TOKEN + "\n"),
    ],
    ids=lambda wrong: repr(wrong)[:30],
)
def test_another_signature_is_refused(wrong: str) -> None:
    with pytest.raises(BadSignature):
        redirect.verified(VECTOR_DATA, wrong, TOKENS)
    with pytest.raises(BadSignature):
        redirect.parse(
            urlencode({"salon_id": 1, "user_data": VECTOR_DATA, "user_data_sign": wrong}), TOKENS
        )


@given(st.data())
def test_one_changed_byte_of_the_data_is_refused(data: st.DataObject) -> None:
    genuine = VECTOR_JSON.encode()
    at = data.draw(st.integers(0, len(genuine) - 1))
    flip = data.draw(st.integers(1, 255))
    forged = genuine[:at] + bytes([genuine[at] ^ flip]) + genuine[at + 1 :]
    with pytest.raises(BadSignature):
        redirect.verified(base64.b64encode(forged).decode(), VECTOR_SIGN, TOKENS)


@given(st.data())
def test_one_changed_character_of_user_data_never_yields_other_bytes(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(VECTOR_DATA) - 1))
    char = data.draw(st.characters())
    changed = VECTOR_DATA[:at] + char + VECTOR_DATA[at + 1 :]
    try:
        decoded = redirect.verified(changed, VECTOR_SIGN, TOKENS)
    except BadSignature:
        return
    assert decoded == VECTOR_JSON.encode()


@given(at=st.integers(0, 63), digit=st.sampled_from("0123456789abcdef"))
def test_one_changed_digit_of_the_signature_is_refused(at: int, digit: str) -> None:
    forged = VECTOR_SIGN[:at] + digit + VECTOR_SIGN[at + 1 :]
    if digit == VECTOR_SIGN[at]:
        assert redirect.verified(VECTOR_DATA, forged, TOKENS)
        return
    with pytest.raises(BadSignature):
        redirect.verified(VECTOR_DATA, forged, TOKENS)


@given(st.text(max_size=40).filter(lambda text: text.isprintable() and text != TOKEN))
def test_another_partner_token_is_refused(token: str) -> None:
    with pytest.raises(BadSignature):
        redirect.verified(VECTOR_DATA, VECTOR_SIGN, (token,))


@pytest.mark.parametrize("tokens", [("new", TOKEN), (TOKEN, "new"), ("a", TOKEN, "b")])
def test_any_accepted_token_proves(tokens: tuple[str, ...]) -> None:
    assert redirect.verified(VECTOR_DATA, VECTOR_SIGN, tokens) == VECTOR_JSON.encode()


@pytest.mark.parametrize(
    "query",
    [
        f"salon_id=1&user_data={VECTOR_DATA}",
        f"salon_id=1&user_data_sign={VECTOR_SIGN}",
        f"salon_id=1&user_data=&user_data_sign={VECTOR_SIGN}",
        f"salon_id=1&user_data={VECTOR_DATA}&user_data_sign=",
        "salon_id=1&user_data=&user_data_sign=",
        f"salon_id=1&user_data[]={VECTOR_DATA}&user_data_sign={VECTOR_SIGN}",
    ],
)
def test_an_unsigned_owner_is_never_believed(query: str) -> None:
    with pytest.raises(BadRedirect):
        redirect.parse(query, TOKENS)


@pytest.mark.parametrize("data", ["", "&user_data=&user_data_sign="])
def test_without_personal_data_the_reason_can_be_told(data: str) -> None:
    query = f"salon_id=4564{data}"
    with pytest.raises(BadRedirect, match=r"^user_data is missing$") as caught:
        redirect.parse(query, TOKENS)
    assert not isinstance(caught.value, BadSignature)


@pytest.mark.parametrize("name", ["user_data", "user_data_sign", "crm_token"])
def test_a_field_given_twice_cannot_override_what_was_signed(name: str) -> None:
    genuine = with_locations("salon_id=1&crm_token=abc&salon_group_id=5")
    assert redirect.parse(f"{genuine}&{genuine}", TOKENS).crm_token == "abc"
    for query in (f"{genuine}&{name}=9", f"{name}=9&{genuine}"):
        with pytest.raises(BadRedirect, match=f"^{name} is given more than once"):
            redirect.parse(query, TOKENS)
