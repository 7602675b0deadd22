"""What 3CX tells of calls, by the CRM template that we make for it; docs/pbx/3cx.md.

3CX knows no webhook. It runs a template, an XML file: when a call rings it looks the caller up, and
when it has ended it reports the call. Our template (`threecx_template`) makes both post what is
read here. Neither brings an id or the number that was called: the line is a parameter of the
template, and the id is made of what there is (`untold`).

Source: https://www.3cx.com/docs/server-side-crm-template-xml-description/. Nothing here was tried
on a live one.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.calls.event import BadEvent
from shared.calls.pbx.fields import possible, record_of, talked, text_of

# As 3CX calls them; of the last there are two spellings about.
_TYPES = {
    "inbound": ("incoming", True),
    "outbound": ("outgoing", True),
    "missed": ("incoming", False),
    "notanswered": ("outgoing", False),
    "unanswered": ("outgoing", False),
}
# Of a day and more, .NET writes the days before a point; and parts of a second after another.
_DURATION = re.compile(
    r"(?:([0-9]{1,2})\.)?([0-9]{1,3}):([0-5]?[0-9]):([0-5]?[0-9])(?:\.[0-9]{1,9})?"
)
# Where a format of .NET has a colon, it writes what its server's language has between hours and
# minutes: https://learn.microsoft.com/en-us/dotnet/standard/base-types/custom-date-and-time-format-strings
_WITH_POINTS = re.compile(r"(?<=T)([0-9]{2})\.([0-9]{2})\.(?=[0-9]{2})")
_EXTENSION = re.compile(r"[0-9]{1,8}")
_WHAT = "what our template sends"


def read(body: bytes, _content_type: str, _query: Mapping[str, str]) -> dict[str, Any] | None:
    """A ringing call, which is a look-up of the caller; or an ended one, which is a ReportCall.

    The look-up's answer has no contact in it, as we know none: the telephone shows the number.

    Args:
        body: JSON, as the template makes it.

    Returns:
        The event, without a location, an id or the time when it rang; None for a look-up of a call
        that goes out.

    Raises:
        BadEvent: neither.
    """
    record = record_of(body, _WHAT)
    told = {"phone": _number(text_of(record, "number")), "line": text_of(record, "line").strip()}
    if "call_type" not in record:
        if "call_direction" not in record:
            raise BadEvent(f"not {_WHAT}")
        # Where 3CX does not know the word, it leaves it as it stands in the template.
        if text_of(record, "call_direction").lower().startswith("out"):
            return None
        return {"type": "ringing", **told, "extension": _agent(record)}
    kind = text_of(record, "call_type").strip().lower()
    if kind not in _TYPES:
        raise BadEvent("call_type: must be Inbound, Outbound, Missed or Notanswered")
    direction, answered = _TYPES[kind]
    # Of a call that nobody took it is where it rang, which counts only where no line is told.
    took_part = answered or direction == "outgoing" or not told["line"]
    return {
        "type": "finished",
        **told,
        "direction": direction,
        "extension": _agent(record) if took_part else "",
        "started_at": _start(text_of(record, "started_at_utc")),
        "answered": answered,
        "duration_s": _seconds(text_of(record, "duration")) if answered else 0,
    }


def _agent(record: Mapping[str, Any]) -> str:
    agent = text_of(record, "agent").strip()
    return agent if _EXTENSION.fullmatch(agent) else ""


def _number(text: str) -> str:
    # The template asks for a plus; one of somebody's own may ask for the zeros, in any country.
    text = text.strip()
    return f"+{text[2:]}" if text.startswith("00") else text


def _start(text: str) -> str:
    wrong = BadEvent("started_at_utc: must be a time such as 2026-11-01T10:10:00Z")
    text = _WITH_POINTS.sub(r"\1:\2:", text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise wrong from None
    if found.tzinfo is None:
        raise wrong
    return text


def _seconds(text: str) -> int:
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        return talked(text)
    days, hours, minutes, seconds = (int(each or 0) for each in found.groups())
    return possible(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
