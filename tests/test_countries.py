"""The countries of telephones, as the library has them."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from shared import countries

KINDS = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE)


def test_each_country_has_its_code() -> None:
    assert {
        country: phonenumbers.country_code_for_region(country)
        for country in phonenumbers.SUPPORTED_REGIONS
    } == countries.CODES


def test_a_number_is_of_its_country_or_of_the_main_one_with_its_code() -> None:
    of_the_main_one = set()
    for country in countries.CODES:
        for kind in KINDS:
            number = phonenumbers.example_number_for_type(country, kind)
            if number is None:
                continue
            e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            found = countries.of_phone(e164)
            if found != country:
                assert found == phonenumbers.region_code_for_country_code(countries.CODES[country])
                of_the_main_one.add(country)
    # Islands and territories with no area of their own, and the Vatican.
    assert of_the_main_one == {
        "AX", "BL", "BQ", "CC", "CX", "EH", "GG", "IM", "JE", "MF", "SJ", "TA", "VA", "YT",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("phone", "country"),
    [
        ("4915112345678", "DE"),
        ("15551230000", "US"),
        ("+1 416 555 0175", "CA"),
        ("18095550175", "DO"),
        ("79123456789", "RU"),
        ("77011234567", "KZ"),
        ("380441234567", "UA"),
        ("", ""),
        ("000", ""),
        ("phone", ""),
    ],
)
def test_the_country_of_a_phone_as_the_platform_gives_it(phone: str, country: str) -> None:
    assert countries.of_phone(phone) == country


@given(st.text())
def test_any_text_has_a_country_or_none(phone: str) -> None:
    assert countries.of_phone(phone) in {"", *countries.CODES}
