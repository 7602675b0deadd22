"""What a PBX, or whoever fills the calls queue, tells of a call.

    {"type":"ringing","call_id":"c-1","location_id":4564,"phone":"+13155550175",
     "line":"+13155550176","extension":"101","at":"2026-11-01T10:10:00+00:00"}
    {"type":"finished","call_id":"c-1","location_id":4564,"direction":"incoming",
     "phone":"+13155550175","line":"+13155550176","extension":"101",
     "started_at":"2026-11-01T10:10:00+00:00","duration_s":90,"answered":true,
     "recording_url":"https://…"}
    {"type":"wake-up","key":"…"}, {"type":"look","location_id":4564,"key":"…"},
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
import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from shared import fields
from shared.calls import recording_links
from shared.one_line import one_line

_DIGITS = re.compile(r"[0-9]{1,15}")
_MOST_DIGITS = 100
_BACKSLASH = re.compile(r'\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})?')
_LONGEST_TEXT = 200
_NUMBERS = ("phone", "extension")
# A call that is longer is a clock that was wrong.
LONGEST = timedelta(days=7)


class BadEvent(Exception):
    """Not an event of a call; the text says which field and why, never its value."""


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic takes no other
    return value


def _whole(value: Any) -> Any:
    # What a dialplan or a script in Lua knows is a string or a float.
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _or_none(value: Any) -> Any:
    # A variable that a switch has not set is empty.
    return None if value == "" else value


def _or_no(value: Any) -> Any:
    return False if value in (None, "") else value


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
    text = one_line(_read(value) or "")[:_LONGEST_TEXT]
    # What is no number is sent on as well, and nobody says that the platform reads other digits.
    return "".join(str(unicodedata.decimal(it)) if it.isdecimal() else it for it in text)


def _or_an_extension(line: str, info: ValidationInfo) -> str:
    if not line and not info.data.get("extension"):
        raise ValueError("needed, or an extension")
    return line


def _trimmed(value: Any) -> str:
    # Of one that is too long only so much is needed: it is left out.
    return value.strip()[: recording_links.LONGEST + 1] if isinstance(value, str) else ""


CallId = Annotated[fields.Id, BeforeValidator(_one_line)]
LocationId = Annotated[fields.LocationId, BeforeValidator(_whole)]
MayBeNamed = Annotated[LocationId | None, BeforeValidator(_or_none)]
Text = Annotated[str, BeforeValidator(_cut)]
Seconds = Annotated[float, BeforeValidator(_no_bool), Field(ge=0, le=LONGEST.total_seconds())]


class _Event(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


class _OfACall(_Event):
    """What the two events of a call have in common.

    `line` may be left out where the extension is there, `location_id` always.
    """

    call_id: CallId
    location_id: MayBeNamed = None
    phone: Text
    extension: Text = ""
    line: Annotated[Text, AfterValidator(_or_an_extension)] = Field("", validate_default=True)


class Ringing(_OfACall):
    """A call comes in and rings at somebody's phone."""

    type: Literal["ringing"]
    at: fields.Time


class Finished(_OfACall):
    """A call has ended, answered or not; with `leg`, one of its legs has."""

    type: Literal["finished"]
    direction: Literal["incoming", "outgoing", "internal"]
    started_at: fields.Time
    duration_s: Seconds
    answered: bool
    # Whether it may be passed on is another question: `recording_links`.
    recording_url: Annotated[str, BeforeValidator(_trimmed)] = ""
    leg: Annotated[bool, BeforeValidator(_or_no)] = False
    # Whose PBX told it, when it came through our door.
    account_id: Annotated[str, BeforeValidator(_one_line)] = ""
    # What could not be read and is left out, which costs no call; never told by others.
    unread: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _with_unread(cls, values: Any) -> Any:
        names = (name for name in _NUMBERS if _read(values.get(name)) is None)
        unread = [f"{name}: not a text or a whole number" for name in names]
        if not isinstance(values.get("recording_url"), str | None):
            unread.append("recording_url: not a text")
        return {**values, "unread": unread}


class WakeUp(_Event):
    """Our own word that a call is due; its row tells whether it is."""

    type: Literal["wake-up"]
    key: Annotated[str, BeforeValidator(fields.text), Field(min_length=1, max_length=300)]


class Look(_Event):
    """Our own word that calls of a location are to be looked for in the platform's list.

    Attributes:
        key: one of them; the others that are due began about then, or later.
    """

    type: Literal["look"]
    location_id: LocationId
    key: Annotated[str, BeforeValidator(fields.text), Field(max_length=300)] = ""


class Release(_Event):
    """Our own word that what was held of a location may go."""

    type: Literal["release"]
    location_id: LocationId


class Route(_Event):
    """Our own word that calls of an account wait for lines that may have been entered."""

    type: Literal["route"]
    account_id: CallId


type Event = Ringing | Finished | WakeUp | Look | Release | Route

_events: TypeAdapter[Event] = TypeAdapter(
    Annotated[Ringing | Finished | WakeUp | Look | Release | Route, Field(discriminator="type")],
    config=ConfigDict(defer_build=True),
)


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


def names(body: str) -> dict[str, str | int]:
    """What a message that is refused is about, as lines of the log say it; empty if unreadable."""
    try:
        return fields.names(values(body))
    except BadEvent:
        return {}


def checked(values: Mapping[str, Any]) -> Event:
    """The event in values that were read elsewhere.

    Raises:
        BadEvent: see `read`.
    """
    try:
        return _events.validate_python(dict(values))
    except ValidationError as error:
        where, why = fields.wrong(error, types="ringing or finished")[0]
        raise BadEvent(f"{where}: {why}") from None


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
