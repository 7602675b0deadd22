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
    "en": Forms(
        decimal=".",
        group=",",
        total="{symbol}{number}",
        symbols={
            "AUD": "A$",
            "BRL": "R$",
            "CAD": "CA$",
            "CNY": "CN¥",
            "EUR": "€",
            "GBP": "£",
            "HKD": "HK$",
            "ILS": "₪",
            "INR": "₹",
            "JPY": "¥",
            "KRW": "₩",
            "MXN": "MX$",
            "NZD": "NZ$",
            "PHP": "₱",
            "TWD": "NT$",
            "USD": "$",
            "VND": "₫",
            "XAF": "FCFA",
            "XCD": "EC$",
            "XCG": "Cg.",
            "XOF": "F\u202fCFA",
            "XPF": "CFPF",
        },
        moment="{month} {d}, {y}, {h12}:{minute:02}\u202f{half}",
        months=("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
        halves=("AM", "PM"),
        categories=("one", "other"),
        plurals=(
            "10111111111111111111111111111111111111111111111111111111111111111111111111111111"
            "11111111111111111111111111111111111111111111111111111111111111111111111111111111"
            "1111111111111111111111111111111111111111"
        ),
    ),
    "es": Forms(
        decimal=",",
        group=".",
        total="{number}\xa0{symbol}",
        symbols={"EUR": "€", "THB": "฿", "USD": "US$", "VND": "₫", "XCG": "Cg.", "XPF": "CFPF"},
        moment="{d} {month} {y}, {h}:{minute:02}",
        months=(
            "ene",
            "feb",
            "mar",
            "abr",
            "may",
            "jun",
            "jul",
            "ago",
            "sept",
            "oct",
            "nov",
            "dic",
        ),
        halves=("a.\u202fm.", "p.\u202fm."),
        categories=("one", "other"),
        plurals=(
            "10111111111111111111111111111111111111111111111111111111111111111111111111111111"
            "11111111111111111111111111111111111111111111111111111111111111111111111111111111"
            "1111111111111111111111111111111111111111"
        ),
    ),
    "de": Forms(
        decimal=",",
        group=".",
        total="{number}\xa0{symbol}",
        symbols={
            "AUD": "AU$",
            "BRL": "R$",
            "CAD": "CA$",
            "CNY": "CN¥",
            "EUR": "€",
            "GBP": "£",
            "HKD": "HK$",
            "ILS": "₪",
            "INR": "₹",
            "JPY": "¥",
            "KRW": "₩",
            "MXN": "MX$",
            "NZD": "NZ$",
            "THB": "฿",
            "TWD": "NT$",
            "USD": "$",
            "VND": "₫",
            "XAF": "FCFA",
            "XCD": "EC$",
            "XCG": "Cg.",
            "XOF": "F\u202fCFA",
            "XPF": "CFPF",
        },
        moment="{d:02}.{m:02}.{y}, {h:02}:{minute:02}",
        months=(
            "Jan.",
            "Feb.",
            "März",
            "Apr.",
            "Mai",
            "Juni",
            "Juli",
            "Aug.",
            "Sept.",
            "Okt.",
            "Nov.",
            "Dez.",
        ),
        halves=("AM", "PM"),
        categories=("one", "other"),
        plurals=(
            "10111111111111111111111111111111111111111111111111111111111111111111111111111111"
            "11111111111111111111111111111111111111111111111111111111111111111111111111111111"
            "1111111111111111111111111111111111111111"
        ),
    ),
    "ru": Forms(
        decimal=",",
        group="\xa0",
        total="{number}\xa0{symbol}",
        symbols={
            "AUD": "A$",
            "BRL": "R$",
            "CAD": "CA$",
            "CNY": "CN¥",
            "EUR": "€",
            "GBP": "£",
            "HKD": "HK$",
            "ILS": "₪",
            "INR": "₹",
            "JPY": "¥",
            "KRW": "₩",
            "MXN": "MX$",
            "NZD": "NZ$",
            "RUB": "₽",
            "THB": "฿",
            "TMT": "ТМТ",
            "TWD": "NT$",
            "UAH": "₴",
            "USD": "$",
            "VND": "₫",
            "XAF": "FCFA",
            "XCD": "EC$",
            "XCG": "Cg",
            "XOF": "F\u202fCFA",
            "XPF": "CFPF",
        },
        moment="{d} {month} {y}\u202f\u0433., {h:02}:{minute:02}",
        months=(
            "янв.",
            "февр.",
            "мар.",
            "апр.",
            "мая",
            "июн.",
            "июл.",
            "авг.",
            "сент.",
            "окт.",
            "нояб.",
            "дек.",
        ),
        halves=("AM", "PM"),
        categories=("few", "many", "one"),
        plurals=(
            "12000111111111111111120001111112000111111200011111120001111112000111111200011111"
            "12000111111200011111120001111111111111111200011111120001111112000111111200011111"
            "1200011111120001111112000111111200011111"
        ),
    ),
}
