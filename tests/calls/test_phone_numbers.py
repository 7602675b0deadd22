"""Numbers as PBXes write them, and as the platform takes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calls.phone_numbers import country_of, masked, normal


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("+13155550175", "", "+13155550175"),
        ("13155550175", "", "+13155550175"),
        ("(315) 555-0175", "US", "+13155550175"),
        ("+49 (0)30 12345-67", "", "+49301234567"),
        ("030 1234567", "DE", "+49301234567"),
        ("0049301234567", "DE", "+49301234567"),
        ("8 (912) 345-67-89", "RU", "+79123456789"),
        ("+7 912 345 67 89", "DE", "+79123456789"),
        ("sip:+13155550175@198.51.100.20;user=phone", "", "+13155550175"),
        ("tel:+1-315-555-0175", "", "+13155550175"),
        ('"Zoë, 24 h" <sip:+13155550175@host>', "", "+13155550175"),
        ("\u202a+13155550175\u202c", "", "+13155550175"),
        ("\u0661\u0663\u0661\u0665\u0665\u0665\u0665\u0660\u0661\u0667\u0665", "", "+13155550175"),
        ("\uff0b13155550175", "", "+13155550175"),
        # Internal numbers stay.
        ("101", "DE", "101"),
        ("sip:101@pbx.example", "DE", "101"),
        # What no country knows, as its digits.
        ("0315 555 0175 99 88 77 66", "US", "0315555017599887766"),
        # Who hides.
        *((text, "US", "") for text in ("", "anonymous", "Anonymous", "Restricted", "unknown")),
        ("sip:anonymous@anonymous.invalid", "US", ""),
        ('"Anonymous" <sip:anonymous@anonymous.invalid>', "US", ""),
        ("+266696687", "US", ""),
        ("---", "US", ""),
    ],
)
def test_the_normal_form(text: str, country: str, expected: str) -> None:
    assert normal(text, country) == expected


def test_the_country_of_an_account_is_its_phones() -> None:
    assert country_of("4915112345678") == "DE"
    assert country_of("15551230000") == "US"
    assert country_of("79123456789") == "RU"
    assert country_of("") == ""
    assert country_of("000") == ""


def test_of_a_number_the_last_two_digits_may_be_shown() -> None:
    assert masked("+13155550175") == "…75"
    assert masked("") == "hidden"


@given(st.text(max_size=300), st.sampled_from(["", "US", "DE", "RU", "XX"]))
def test_anything_is_a_number_or_hidden(text: str, country: str) -> None:
    number = normal(text, country)
    assert len(number) <= 33
    assert number.removeprefix("+").isdecimal() or number == ""
    assert number.isascii()
    # What is normal stays so.
    assert normal(number, country) in (number, normal(number, ""))


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True))
def test_a_number_with_its_country_needs_no_default(digits: str) -> None:
    assert normal(f"+{digits}", "DE") == normal(f"+{digits}", "US")
