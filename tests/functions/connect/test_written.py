"""Sums, times and numbers are written as CLDR has them, in each language of the page."""

# ruff: noqa: RUF001  # letters and spaces of many languages

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_currency
from hypothesis import given
from hypothesis import strategies as st

from functions.connect.cldr import FORMS
from functions.connect.page import LANGUAGES
from functions.connect.written import counted, moment, total
from local import languages
from shared.payments import currencies
from shared.payments.facts import NO_CURRENCY
from tests.connect.test_one_time_code import ANNA, act, asked
from tests.deployment import Deployment, payment

TAGS = [words.language for words in LANGUAGES]
CODES = [code for codes in currencies._CODES.values() for code in codes.split()]
SUMS = [Decimal(text) for text in ("0.5", "12", "1234.5", "990.99", "1234567.891", "0.0001")]


def test_the_table_is_what_the_script_writes() -> None:
    assert languages.TABLE.read_text("utf-8") == languages.table()
    assert list(FORMS) == TAGS


def test_as_people_write_it() -> None:
    amount, at = Decimal("1234.5"), datetime(2026, 5, 3, 14, 7, tzinfo=UTC)
    assert [total(it, amount, "EUR") for it in ("en", "es", "de", "ru")] == [
        "€1,234.50",
        "1.234,50\xa0€",
        "1.234,50\xa0€",
        "1\xa0234,50\xa0€",
    ]
    assert [total(it, amount, "KZT") for it in ("en", "ru")] == [
        "KZT\xa01,234.50",
        "1\xa0234,50\xa0KZT",
    ]
    assert [moment(it, at) for it in ("en", "es", "de", "ru")] == [
        "May 3, 2026, 2:07\u202fPM UTC",
        "3 may 2026, 14:07 UTC",
        "03.05.2026, 14:07 UTC",
        "3 мая 2026\u202fг., 14:07 UTC",
    ]


@pytest.mark.parametrize("language", TAGS)
def test_every_currency_is_written_as_cldr_has_it(language: str) -> None:
    for code in CODES:
        for amount in SUMS:
            places = max(currencies.decimals(code) or 0, -int(amount.as_tuple().exponent))
            pattern = Locale.parse(language).currency_formats["standard"].pattern
            pattern = pattern.replace("0.00", "0." + "0" * places if places else "0")
            expected = format_currency(
                amount, code, pattern, locale=language, currency_digits=False
            )
            symbol = FORMS[language].symbols.get(code, code)
            if expected.startswith(symbol) and symbol[-1].isalpha():
                # Which Babel leaves out, and browsers do not: a space after letters.
                expected = expected.replace(symbol, f"{symbol}\xa0")
            assert total(language, amount, code) == expected


@pytest.mark.parametrize("language", TAGS)
@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)))  # noqa: DTZ001 - given its zone below
def test_every_time_is_written_as_cldr_has_it(language: str, naive: datetime) -> None:
    at = naive.replace(tzinfo=UTC)
    day, time = format_date(at, "medium", language), format_time(at, "short", locale=language)
    assert moment(language, at) == f"{day}, {time} UTC"
    assert moment(language, at.astimezone()) == moment(language, at)


@pytest.mark.parametrize("language", TAGS)
def test_every_number_has_its_category(language: str) -> None:
    rule = Locale.parse(language).plural_form
    texts = {it: it + " {number}" for it in ("zero", "one", "two", "few", "many", "other")}
    for number in range(5000):
        assert counted(language, texts, number) == f"{rule(number)} {number}"


@pytest.mark.parametrize("language", TAGS)
def test_the_page_writes_so(deployment: Deployment, language: str) -> None:
    deployment.accept_language = language
    deployment.restart(MAIL_FROM="codes@provider.example")
    deployment.connect(4564, owner=ANNA)
    deployment.bill(payment(amount="1234.5"))
    deployment.clock.at += timedelta(hours=1)
    page = act(deployment, asked(deployment), "prove", code=deployment.code())
    assert total(language, Decimal("1234.5"), "EUR") in page.text
    [entry] = deployment.ledger.entries_of(4564)
    assert f">{moment(language, entry.received_at)}</time>" in page.text


def test_a_sum_of_which_nobody_told_the_currency_has_none(deployment: Deployment) -> None:
    """The platform's list, from which the census has it, tells none."""
    deployment.restart(MAIL_FROM="codes@provider.example", CENSUS_EVERY_S="86400")
    deployment.connect(4564, owner=ANNA)
    deployment.simulator.pay_hosted(4564, Decimal("29.90"), webhook="never")
    deployment.let_time_pass(26 * 60, step=30)
    [entry] = deployment.ledger.entries_of(4564)
    assert (entry.state, entry.payment.currency) == ("SENT", NO_CURRENCY)
    page = act(deployment, asked(deployment), "prove", code=deployment.code())
    assert "29.9" in page.text
    assert NO_CURRENCY not in page.text
