"""Writes `functions/connect/cldr.py` from Unicode's CLDR, by Babel; `make locks` runs it.

The page loads no library for how a language writes sums, times and numbers, and a change is seen in
a diff. It is made for each language that the page speaks.
"""

import re
import subprocess
import sys
from pathlib import Path

from babel import Locale

from functions.connect.page import LANGUAGES
from local.currencies import WITHDRAWN, listed

TABLE = Path(__file__).parents[1] / "functions" / "connect" / "cldr.py"

_HEAD = '''\
"""How languages write sums, times and numbers. Made by `make locks`; change nothing here.

Source: Unicode's CLDR, https://cldr.unicode.org
"""

# ruff: noqa: RUF001  # letters and spaces of many languages

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Forms:
    """Of one language.

    Attributes:
        decimal: Between a whole number and its fraction; `group` between thousands.
        total: A sum, of `{number}` and `{symbol}`.
        symbols: Of currencies, by their codes; those without one are written by their codes.
        moment: A time, of `{y}`, `{m}`, `{month}`, `{d}`, `{h}`, `{h12}`, `{minute}` and `{half}`.
        months: What stands for `{month}`, from January on; `halves` for `{half}`, of a day.
        categories: Of numbers, by which the form of a noun is chosen.
        plurals: Of each number below 200 the place of its category; of those above, the last two
            digits tell.
    """

    decimal: str
    group: str
    total: str
    symbols: Mapping[str, str]
    moment: str
    months: tuple[str, ...]
    halves: tuple[str, str]
    categories: tuple[str, ...]
    plurals: str


FORMS = {
'''
_PARTS = {
    "y": "{y}",
    "M": "{m}",
    "MM": "{m:02}",
    "MMM": "{month}",
    "d": "{d}",
    "dd": "{d:02}",
    "H": "{h}",
    "HH": "{h:02}",
    "h": "{h12}",
    "mm": "{minute:02}",
    "a": "{half}",
}
# Below it CLDR's rules may ask for the number itself, above it for its last two digits only: but
# for whole millions, which the page never counts.
_ASKED = 200


def table() -> str:
    """The module's text."""
    rows = "".join(f"{words.language!r}: {_forms(words.language)},\n" for words in LANGUAGES)
    formatted = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(TABLE), "-"],
        input=f"{_HEAD}{rows}}}\n",
        capture_output=True,
        text=True,
        check=True,
    )
    return formatted.stdout


def _forms(language: str) -> str:
    locale = Locale.parse(language)
    numbers = locale.number_symbols["latn"]
    total = locale.currency_formats["standard"].pattern
    when = str(locale.datetime_formats["medium"]).format(
        locale.time_formats["short"].pattern, locale.date_formats["medium"].pattern
    )
    codes = sorted(listed() | WITHDRAWN)
    symbols = {code: locale.currency_symbols.get(code, code) for code in codes}
    told = [locale.plural_form(number) for number in range(_ASKED)]
    categories = sorted(set(told))
    months = locale.months["format"]["abbreviated"]
    halves = locale.day_periods["format"]["abbreviated"]
    values = {
        "decimal": numbers["decimal"],
        "group": numbers["group"],
        "total": re.sub("[#0,.]+", "{number}", total).replace("¤", "{symbol}"),
        "symbols": {code: it for code, it in symbols.items() if it != code},
        "moment": re.sub(r"'([^']*)'|([A-Za-z]+)", _part, when),
        "months": tuple(months[number] for number in range(1, 13)),
        "halves": (halves["am"], halves["pm"]),
        "categories": tuple(categories),
        "plurals": "".join(str(categories.index(it)) for it in told),
    }
    return f"Forms({', '.join(f'{name}={_literal(it)}' for name, it in values.items())})"


def _literal(value: object) -> str:
    if isinstance(value, str) and len(value) == _ASKED:
        return "(" + " ".join(repr(value[at : at + 80]) for at in range(0, _ASKED, 80)) + ")"
    return ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)


def _part(found: re.Match[str]) -> str:
    return found[1] if found[1] is not None else _PARTS[found[2]]


if __name__ == "__main__":
    TABLE.write_text(table(), "utf-8")
