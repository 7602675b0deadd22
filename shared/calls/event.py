"""What a PBX, or whoever fills the calls queue, tells of a call.

    {"type":"ringing","call_id":"c-1","location_id":4564,"phone":"+13155550175",
     "line":"+13155550176","extension":"101","at":"2026-11-01T10:10:00+00:00"}
    {"type":"finished","call_id":"c-1","location_id":4564,"direction":"incoming",
     "phone":"+13155550175","line":"+13155550176","extension":"101",
     "started_at":"2026-11-01T10:10:00+00:00","duration_s":90,"answered":true,
     "recording_url":"https://…"}
    {"type":"wake-up","key":"…"}, {"type":"look","location_id":4564},
    {"type":"release","location_id":4564}, {"type":"route","account_id":"…"}  (our own)

`phone` is always the outside party, empty if it hides; `line` is the number of the location's own
through which the call came or went. Without `location_id` the line says which location it is, and
without a line the extension (see `lines`): one of the two has to be there. `recording_url` and
`leg` may be left out: with `"leg": true` the event is of one leg, and the call may go on elsewhere.
A PBX counts its calls for its account, so `call_id` need be unique there only. Fields that are not
known are ignored, as no call moves money.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from shared import fields
from shared.clock import stamp
from shared.fields import Fields, Wrong
from shared.one_line import one_line

_DIGITS = re.compile(r"[0-9]{1,15}")
_MOST_DIGITS = 100
_BACKSLASH = re.compile(r'\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})?')
_LONGEST_TEXT = 200
_NUMBERS = ("phone", "extension")
# A call longer than a week is a clock that was wrong.
_LONGEST_S = timedelta(days=7).total_seconds()
_LONGEST_KEY = 300
_DIRECTION = fields.one_of("incoming", "outgoing", "internal")
# As dialplans and scripts write them.
_BOOLEANS = {
    **dict.fromkeys((False, 0, "0", "off", "f", "false", "n", "no"), False),
    **dict.fromkeys((True, 1, "1", "on", "t", "true", "y", "yes"), True),
}


class BadEvent(Exception):
    """Not an event of a call; the text says which field and why, never its value."""


def _location_id(value: Any) -> int:
    # What a dialplan or a script in Lua knows is a string or a float.
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return fields.location_id(value)


def _may_be_named(value: Any) -> int | None:
    # A variable that a switch has not set is empty.
    return None if value in ("", None) else _location_id(value)


def _seconds(value: Any) -> float:
    is_text = isinstance(value, str) and value.isascii()
    if not is_text and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise ValueError("must be a number")
    try:
        seconds = float(value)
    except (OverflowError, ValueError):
        raise ValueError("must be a number") from None
    if not 0 <= seconds <= _LONGEST_S:
        raise ValueError(f"must be between 0 and {_LONGEST_S:.0f}")
    return seconds


def _boolean(value: Any) -> bool:
    told = value.lower() if isinstance(value, str) else value
    if not isinstance(told, (str, int, float)) or told not in _BOOLEANS:
        raise ValueError("must be true or false")
    return _BOOLEANS[told]


def _one_line(value: Any) -> Any:
    # Some PBX sends numbers as numbers, and what is missing as null.
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20:
        value = str(value)
    if isinstance(value, str):
        return one_line(value)
    return value


def _read(value: Any) -> str | None:
    """The text of what may be a number of any form; None of what can be none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        return str(value)
    return value if isinstance(value, str) else None if value is not None else ""


def _cut(value: Any) -> str:
    # No number is so long, and what is none costs no call.
    return one_line(_read(value) or "")[:_LONGEST_TEXT]


def _trimmed(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _call_id(value: Any) -> str:
    return fields.one_id(_one_line(value))


def _unread(it: Fields) -> Iterator[str]:
    for name in _NUMBERS:
        if _read(it.values.get(name)) is None:
            yield f"{name}: not a text or a whole number"
    if not isinstance(it.values.get("recording_url"), str | None):
        yield "recording_url: not a text"


def _word(value: Any) -> str:
    value = _one_line(value)
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


def _key(value: Any) -> str:
    if not 0 < len(fields.text(value)) <= _LONGEST_KEY:
        raise ValueError(f"must have 1 to {_LONGEST_KEY} characters")
    return str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfACall:
    """What the two events of a call have in common.

    `line` may be left out where the extension is there, `location_id` always.
    """

    call_id: str
    location_id: int | None = None
    phone: str
    extension: str = ""
    line: str = ""


def _of_a_call(it: Fields) -> dict[str, Any]:
    call_id = it.need("call_id", _call_id)
    location_id = it.may("location_id", _may_be_named, None)
    phone = it.need("phone", _cut)
    extension = it.may("extension", _cut, "")
    line = it.may("line", _cut, "")
    if not line and not extension:
        raise Wrong("line", "needed, or an extension")
    return {
        "call_id": call_id,
        "location_id": location_id,
        "phone": phone,
        "extension": extension,
        "line": line,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Ringing(_OfACall):
    """A call comes in and rings at somebody's phone."""

    type: Literal["ringing"] = "ringing"
    at: datetime

    @classmethod
    def of(cls, it: Fields) -> "Ringing":
        """Of what was told.

        Raises:
            Wrong: it is no such event.
        """
        return cls(**_of_a_call(it), at=it.need("at", fields.time))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished(_OfACall):
    """A call has ended, answered or not; with `leg`, one of its legs has.

    Attributes:
        direction: incoming, outgoing or internal.
        started_at: when it began.
        duration_s: how long it took.
        answered: whether anybody answered.
        recording_url: where it can be heard, or nothing. Whether that may be passed on is another
            question: `recording_links`.
        leg: whether the call may go on elsewhere.
        account_id: whose PBX told it, when it came through our door.
        unread: what could not be read and is left out, which costs no call; never told by others.
    """

    type: Literal["finished"] = "finished"
    direction: str
    started_at: datetime
    duration_s: float
    answered: bool
    recording_url: str = ""
    leg: bool = False
    account_id: str = ""
    unread: tuple[str, ...] = ()

    @classmethod
    def of(cls, it: Fields) -> "Finished":
        """Of what was told.

        Raises:
            Wrong: it is no such event.
        """
        return cls(
            **_of_a_call(it),
            direction=it.need("direction", _DIRECTION),
            started_at=it.need("started_at", fields.time),
            duration_s=it.need("duration_s", _seconds),
            answered=it.need("answered", _boolean),
            recording_url=it.may("recording_url", _trimmed, ""),
            leg=it.may("leg", _boolean, absent=False),
            account_id=it.may("account_id", _word, ""),
            unread=tuple(_unread(it)),
        )

    def message(self, account_id: str) -> dict[str, Any]:
        """As a message of the calls queue, once it is known whose it is."""
        told = {**asdict(self), "started_at": stamp(self.started_at), "account_id": account_id}
        del told["unread"]
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeUp:
    """Our own word that a call is due; its row tells whether it is."""

    type: Literal["wake-up"] = "wake-up"
    key: str

    @classmethod
    def of(cls, it: Fields) -> "WakeUp":
        """Of what was told.

        Raises:
            Wrong: it is no such event.
        """
        return cls(key=it.need("key", _key))


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Our own word that calls of a location are to be looked for in the platform's list."""

    type: Literal["look"] = "look"
    location_id: int

    @classmethod
    def of(cls, it: Fields) -> "Look":
        """As of `WakeUp`."""
        return cls(location_id=it.need("location_id", _location_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Our own word that what was held of a location may go."""

    type: Literal["release"] = "release"
    location_id: int

    @classmethod
    def of(cls, it: Fields) -> "Release":
        """As of `WakeUp`."""
        return cls(location_id=it.need("location_id", _location_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Our own word that calls of an account wait for lines that may have been entered."""

    type: Literal["route"] = "route"
    account_id: str

    @classmethod
    def of(cls, it: Fields) -> "Route":
        """As of `WakeUp`."""
        return cls(account_id=it.need("account_id", _call_id))


type Event = Ringing | Finished | WakeUp | Look | Release | Route

_KINDS: Mapping[str, Callable[[Fields], Event]] = {
    "ringing": Ringing.of,
    "finished": Finished.of,
    "wake-up": WakeUp.of,
    "look": Look.of,
    "release": Release.of,
    "route": Route.of,
}


def read(body: bytes | str) -> Event:
    """The event in a request or in a message of the calls queue.

    Raises:
        BadEvent: with the reason, in a form fit for an answer and for a log.
    """
    return checked(values(body))


def values(body: bytes | str) -> dict[str, Any]:
    """The same before it is checked.

    A byte that is no UTF-8, a raw control character, an escape that is none, a number as long as a
    page: each may stand in a field that nothing here reads, and none costs the call.

    Raises:
        BadEvent: it is not a JSON object.
    """
    text = body if isinstance(body, str) else body.decode(json.detect_encoding(body), "replace")
    try:
        try:
            found = _parsed(text)
        except ValueError:
            found = _parsed(_BACKSLASH.sub(_escaped, text))
    except (ValueError, RecursionError):
        raise BadEvent("not JSON") from None
    if not isinstance(found, dict):
        raise BadEvent("not a JSON object")
    return found


def checked(values: Mapping[str, Any]) -> Event:
    """The event in values that were read elsewhere.

    Raises:
        BadEvent: see `read`.
    """
    try:
        return fields.by_type(values, _KINDS, "ringing or finished")
    except Wrong as wrong:
        raise BadEvent(str(wrong)) from None


def _parsed(text: str) -> Any:
    return json.loads(text, strict=False, parse_int=_number, parse_constant=_no_number)


def _escaped(backslash: re.Match[str]) -> str:
    # One that escapes nothing was meant as itself, by whoever puts JSON together by hand.
    return backslash[0] if len(backslash[0]) > 1 else r"\\"


def _number(digits: str) -> int | None:
    # Of more digits Python makes no number.
    return int(digits) if len(digits) <= _MOST_DIGITS else None


def _no_number(_name: str) -> None:
    """What NaN and Infinity are: refused where a number is asked for, and nowhere else."""
