"""What one field of a request must be, taken strictly.

A check returns what the value should be, or "" if it is that. Every rule is the documented one, or
stricter where the platform's own laxness is unknown.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from local.simulator.state import WIRE_TIME

type Check = Callable[[Any], str]

LARGEST_PAGE: Final = 1000
LARGEST_SUM: Final = Decimal("1e13")
#: Who hides the own number is called so: https://www.rfc-editor.org/rfc/rfc3323
HIDDEN: Final = "anonymous"

# Years that every zone can show.
_DAY: Final = "[12][0-9]{3}-[0-9]{2}-[0-9]{2}"


def identifier(value: Any) -> str:
    """A number that names something."""
    good = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return "" if good else "a positive JSON integer"


def amount(value: Any) -> str:
    """A sum of money."""
    # Answers carry the sum as a float: the bound keeps it exact to the hundredth.
    good = (
        isinstance(value, int | Decimal)
        and not isinstance(value, bool)
        and 0 <= value < LARGEST_SUM
    )
    return "" if good else "a JSON number, not negative"


def currency(value: Any) -> str:
    """A currency's three letters."""
    good = isinstance(value, str) and re.fullmatch("[A-Z]{3}", value)
    return "" if good else "three capitals"


def time(value: Any) -> str:
    """A time as the marketplace writes it."""
    problem = "a real time, YYYY-MM-DD HH:MM:SS"
    shape = "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"
    if not isinstance(value, str) or not re.fullmatch(shape, value):
        return problem
    try:
        datetime.strptime(value, WIRE_TIME)  # noqa: DTZ007 - the wire's times have no zone
    except ValueError:
        return problem
    return ""


def text(value: Any) -> str:
    """Anything legible."""
    return "" if isinstance(value, str) and value else "a text"


def page(value: str) -> str:
    """A page's number in a query."""
    return "" if re.fullmatch("[1-9][0-9]{0,8}", value) else "a number from 1"


def count(value: str) -> str:
    """The length of a page in a query."""
    good = not page(value) and int(value) <= LARGEST_PAGE
    return "" if good else f"a number from 1 to {LARGEST_PAGE}"


# Telephony


def one_of(*words: str) -> Check:
    """The check for a field that takes one of few words."""
    return lambda value: "" if value in words else f"one of {', '.join(words)}"


def some_of(*words: str) -> Check:
    """The check for a field that takes a list of few words."""

    def check(value: Any) -> str:
        # What an empty list asks for, all or nothing, nobody says.
        good = isinstance(value, list) and value and all(each in words for each in value)
        return "" if good else f"a list of {', '.join(words)}"

    return check


def line(value: Any) -> str:
    """A number of one's own."""
    # No country has numbers of less than seven digits, its code included.
    good = isinstance(value, str) and re.fullmatch(r"\+[1-9][0-9]{6,14}|[0-9]{2,6}", value)
    return "" if good else "a number like +13155550175, or an internal one of 2 to 6 digits"


def phone(value: Any) -> str:
    """The number of whoever is on the other side."""
    return "" if value == HIDDEN or not line(value) else f"{line(value)}, or {HIDDEN}"


def duration(value: Any) -> str:
    """Whole seconds."""
    good = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return "" if good else "a JSON integer, not negative"


def link(value: Any) -> str:
    """Where a recording is."""
    good = isinstance(value, str) and re.fullmatch(r"https://[^\s/?#]+([/?#]\S*)?", value)
    return "" if good else "an https address"


def moment(value: Any) -> str:
    """A time with its offset."""
    problem = "a real time with its offset, like 2026-09-01T14:40:28-05:00"
    # Neither "Z" nor parts of a second are in any example.
    clock = "[0-9]{2}:[0-9]{2}:[0-9]{2}[+-](0[0-9]|1[0-4]):[0-5][0-9]"
    if not isinstance(value, str) or not re.fullmatch(f"{_DAY}T{clock}", value):
        return problem
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return problem
    return ""


def day(value: Any) -> str:
    """A day of the calendar."""
    problem = "a real day, YYYY-MM-DD"
    if not isinstance(value, str) or not re.fullmatch(_DAY, value):
        return problem
    try:
        date.fromisoformat(value)
    except ValueError:
        return problem
    return ""


def limit(value: Any) -> str:
    """The length of a page of calls."""
    good = not identifier(value) and value <= LARGEST_PAGE
    return "" if good else f"a JSON integer from 1 to {LARGEST_PAGE}"
