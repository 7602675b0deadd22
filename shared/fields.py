"""The fields of events that other systems send, each with one rule whatever queue it is on.

A wrong value is told by its field and a sentence that never repeats it, as it may be a phone.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from shared import iso_8601
from shared.clock import YEARS
from shared.one_line import JOINERS

LONGEST_ID = 200
_LOCATIONS = 10**15

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


def location_id(value: Any) -> int:
    """Altegio's number of a location.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < _LOCATIONS:
        raise ValueError("must be a whole number from 1 on, of 15 digits at most")
    return value


def time(value: Any) -> datetime:
    """A moment that a text names with its offset.

    Raises:
        ValueError: it is none, or not of our years.
    """
    # A number would be seconds or milliseconds since 1970, and a time without an offset anything.
    try:
        instant = iso_8601.read(value)
    except (TypeError, ValueError):
        raise ValueError(
            f"must be an ISO 8601 time with an offset, such as {iso_8601.EXAMPLE}"
        ) from None
    if instant.year not in YEARS:
        raise ValueError("must lie between the years 2000 and 2099")
    return instant


def one_of(*words: str) -> Callable[[Any], str]:
    """Reads one of a few words, written as they are here."""
    *others, last = map(repr, words)

    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(f"must be {', '.join(others)} or {last}")
        return str(value)

    return read


class Wrong(Exception):
    """The first field that is wrong, `event` if none by itself is, and what it must be."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field, self.why = field, why


class Fields:
    """The values of an event, of which each is read by its own rule, a ValueError of which tells.

    The first that is wrong is told, in the order in which they are asked for.

    Attributes:
        values: as they came.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self._asked = {"type"}

    def need[Read](self, name: str, read: Callable[[Any], Read]) -> Read:
        """What has to be there.

        Raises:
            Wrong: it is missing, or cannot be read.
        """
        if name not in self.values:
            raise Wrong(name, "Field required")
        self._asked.add(name)
        try:
            return read(self.values[name])
        except ValueError as error:
            raise Wrong(name, str(error)) from None

    def may[Read, Absent](
        self, name: str, read: Callable[[Any], Read], absent: Absent
    ) -> Read | Absent:
        """What may be left out.

        Raises:
            Wrong: it is there and cannot be read.
        """
        return self.need(name, read) if name in self.values else absent

    def end(self) -> None:
        """There is nothing else.

        Raises:
            Wrong: there is.
        """
        for name in self.values:
            if name not in self._asked:
                raise Wrong(name, "is not known")


def by_type[Event](
    values: Mapping[str, Any], kinds: Mapping[str, Callable[[Fields], Event]], types: str
) -> Event:
    """The event of the type that the values say.

    Args:
        values: what came.
        kinds: how each type is read.
        types: which of them may come from elsewhere, in words.

    Raises:
        Wrong: it is none of them, or not as it must be.
    """
    kind = values.get("type")
    if not isinstance(kind, str) or kind not in kinds:
        raise Wrong("type", f"must be {types}")
    return kinds[kind](Fields(values))
