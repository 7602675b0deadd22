"""Sums, times and numbers as the reader's language writes them, by the tables of `cldr`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from functions.connect.cldr import FORMS
from shared.payments.currencies import decimals
from shared.payments.facts import NO_CURRENCY

_NOON = 12
_HUNDRED, _TOLD = 100, 200


def total(language: str, amount: Decimal, currency: str) -> str:
    """A sum with its currency; it has the decimals of that, or more if it says more.

    Of a payment of Altegio's own page, nobody may have told the currency: then it has none.
    """
    forms = FORMS[language]
    exponent = amount.as_tuple().exponent
    digits = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    plain = f"{amount:,.{max(digits, decimals(currency) or 0)}f}"
    marks = str.maketrans({",": forms.group, ".": forms.decimal})
    if currency == NO_CURRENCY:
        return plain.translate(marks)
    symbol = forms.symbols.get(currency, currency)
    if forms.total.startswith("{symbol}{number}") and symbol[-1].isalpha():
        # https://www.unicode.org/reports/tr35/tr35-numbers.html#Currencies (currencySpacing)
        symbol += "\xa0"
    return forms.total.format(number=plain.translate(marks), symbol=symbol)


def moment(language: str, at: datetime) -> str:
    """A time, in UTC, which it names; a script tells it in the reader's own zone."""
    forms, at = FORMS[language], at.astimezone(UTC)
    told = forms.moment.format(
        y=at.year,
        m=at.month,
        month=forms.months[at.month - 1],
        d=at.day,
        h=at.hour,
        h12=at.hour % _NOON or _NOON,
        minute=at.minute,
        half=forms.halves[at.hour >= _NOON],
    )
    return f"{told} UTC"


def counted(language: str, texts: Mapping[str, str], number: int) -> str:
    """The text for so many; `other` where its own form is not among the texts."""
    forms = FORMS[language]
    place = number if number < _TOLD else _HUNDRED + number % _HUNDRED
    category = forms.categories[int(forms.plurals[place])]
    return texts.get(category, texts["other"]).format(number=number)
