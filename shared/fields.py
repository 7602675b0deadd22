"""The fields of events that other systems send, each with one rule whatever queue it is on.

A wrong value is told by its field and a sentence that never repeats it, as it may be a phone.
"""

import re
import unicodedata
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from shared import iso_8601
from shared.clock import YEARS
from shared.one_line import JOINERS

LONGEST_ID = 200

# What cannot be seen in a log or typed into a command: control characters, line and paragraph
# separators, and those that turn the direction of what follows. Beside them halves of surrogate
# pairs and U+FFFE and U+FFFF, which are no text, and which SQS does not carry:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
_NOT_IN_AN_ID = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
# Beside them of an id what has no shape at all, as it makes twins that nobody can tell apart:
# https://www.unicode.org/reports/tr44/#General_Category_Values (Cf). Inside, joiners have a task.
_FORMAT = "Cf"


def text(value: Any) -> str:
    """A string that can be logged, typed and sent on.

    Raises:
        ValueError: it is none, or holds a character that cannot.
    """
    if not isinstance(value, str):
        raise ValueError("must be a string")
    if _NOT_IN_AN_ID.search(value):
        raise ValueError("must hold no control character and no half of a surrogate pair")
    return value


def one_id(value: Any) -> str:
    """What another system calls something of its own; compared as it came, to the byte.

    That system knows what it calls the same: two forms of one letter may be two names there, and a
    payment under the second would be taken for the first with other facts.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, str) and not 0 < len(value) <= LONGEST_ID:
        raise ValueError(f"must have 1 to {LONGEST_ID} characters")
    if text(value) != value.strip():
        raise ValueError("must neither begin nor end with a space")
    unseen = (char for char in value if unicodedata.category(char) == _FORMAT)
    if value != value.strip(JOINERS) or any(char not in JOINERS for char in unseen):
        raise ValueError("must hold no invisible character but joiners inside")
    return str(value)


def _instant(value: Any) -> datetime:
    # A number would be seconds or milliseconds since 1970, and a time without an offset anything.
    try:
        return iso_8601.read(value)
    except (TypeError, ValueError):
        raise ValueError(
            f"must be an ISO 8601 time with an offset, such as {iso_8601.EXAMPLE}"
        ) from None


def _in_years(value: datetime) -> datetime:
    if value.year not in YEARS:
        raise ValueError("must lie between the years 2000 and 2099")
    return value


_ABOVE_LOCATIONS = 10**15

Id = Annotated[str, BeforeValidator(one_id)]
LocationId = Annotated[int, Field(strict=True, gt=0, lt=_ABOVE_LOCATIONS)]
Time = Annotated[datetime, BeforeValidator(_instant), AfterValidator(_in_years)]


def wrong(error: ValidationError, types: str) -> list[tuple[str, str]]:
    """Each field that is wrong, `event` if none by itself is, and what it must be.

    Args:
        error: of a union of events that are told apart by their `type`.
        types: which of them may come from elsewhere, in words.
    """
    found = []
    for each in error.errors(include_url=False, include_input=False, include_context=False):
        where = ".".join(str(part) for part in each["loc"][1:]) or "event"
        if each["type"].startswith("union_tag"):
            found.append(("type", f"must be {types}"))
        elif each["type"] == "extra_forbidden":
            found.append((str(each["loc"][-1]), "no such field"))
        elif each["type"] == "missing":
            found.append((where, "is missing"))
        else:
            found.append((where, each["msg"].removeprefix("Value error, ")))
    return found


def names(values: Any) -> dict[str, str | int]:
    """The ids in an event that is refused, as far as it has such: of what a line of the log is."""
    found: dict[str, str | int] = {}
    told = values if isinstance(values, dict) else {}
    for name in ("event_id", "call_id"):
        with suppress(ValueError):
            found[name] = one_id(told.get(name))
    location_id = told.get("location_id")
    if type(location_id) is int and 0 < location_id < _ABOVE_LOCATIONS:
        found["location_id"] = location_id
    return found
