"""What the translations of PBXes' formats share: fields read out of forms and of records.

A caller chooses his own name, and a switch passes it on in whatever bytes it came. So what cannot
be read as text becomes U+FFFD, and never costs the call: most of it is in fields that nothing
here reads. Nothing is checked but what has to be read to translate: `call_event.checked` does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from shared.calls.event import LONGEST, BadEvent, values
from shared.clock import YEARS

_FIRST, _LAST = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (YEARS[0], YEARS[-1]))
# A whole number, as PBXes write them.
DIGITS = re.compile(r"[0-9]{1,12}")
_WITH_FRACTION = re.compile(r"([0-9]{1,12})(?:\.[0-9]{1,9})?")
_MOST_FIELDS = 200
_MOST_S = LONGEST.total_seconds()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a PBX that asked something is answered: no call has happened.

    Attributes:
        values: the JSON object, in the PBX's own words.
    """

    values: Mapping[str, Any]


def form_of(body: bytes) -> dict[str, str]:
    """The fields of a form, the last of each name.

    Raises:
        BadEvent: it has more fields than any PBX's.
    """
    text = body.decode(errors="replace")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise BadEvent("not a form") from None


def record_of(body: bytes | str, what: str) -> dict[str, Any]:
    """A JSON object.

    Args:
        body: what came.
        what: its name in the refusal.

    Raises:
        BadEvent: it is none.
    """
    try:
        return values(body)
    except BadEvent:
        raise BadEvent(f"not {what}") from None


def object_of(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object in a record; empty if it is not there, or null.

    Raises:
        BadEvent: it is something else.
    """
    found = {} if record.get(name) is None else record[name]
    if not isinstance(found, dict):
        raise BadEvent(f"{name}: must be an object")
    return found


def objects_of(record: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """A list of objects in a record; empty if it is not there, or null.

    Raises:
        BadEvent: it is something else.
    """
    found = [] if record.get(name) is None else record[name]
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise BadEvent(f"{name}: must be a list of objects")
    return found


def text_of(record: Mapping[str, Any], name: str) -> str:
    """A variable, whose value the module has encoded as a URL's if it was not told otherwise."""
    found = record.get(name)
    if found is None:
        return ""
    return unquote(found) if isinstance(found, str) else str(found)


def whole(name: str, text: str) -> int:
    """A whole number.

    Raises:
        BadEvent: it is none.
    """
    if not DIGITS.fullmatch(text):
        raise BadEvent(f"{name}: must be a whole number")
    return int(text)


def talked(text: str) -> int:
    """Seconds of a talk, cut to whole ones; 0 if nobody can have talked so, or it is no number.

    No PBX reads that its duration was refused: the call would be lost for it.
    """
    found = _WITH_FRACTION.fullmatch(text.strip())
    return possible(int(found[1])) if found else 0


def possible(seconds: int) -> int:
    """The same of a number: 0 if a clock was set meanwhile."""
    return seconds if 0 <= seconds <= _MOST_S else 0


def location(name: str, text: str) -> dict[str, int]:
    """The location of an event, if its PBX tells one; else the line says which it is.

    Raises:
        BadEvent: it is no number.
    """
    return {"location_id": whole(name, text.strip())} if text.strip() else {}


def moment(name: str, text: str) -> str:
    """An ISO 8601 time, of whole seconds since 1970 in UTC.

    Raises:
        BadEvent: it is none, or of a year that nobody means.
    """
    found = _WITH_FRACTION.fullmatch(text)
    if not found or not _FIRST <= int(found[1]) <= _LAST:
        raise BadEvent(f"{name}: must be seconds since 1970")
    return datetime.fromtimestamp(int(found[1]), UTC).isoformat()
