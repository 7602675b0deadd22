"""What ITooLabs Centrex tells of calls: the hosted PBX of mobile carriers; docs/pbx/itoolabs.md.

MegaFon, Gravitel, Kcell, Moldcell and others sell it under names of their own. It posts forms to
one address, with the key that its owner typed into its cabinet as the field `crm_token`. It names
no location: that is found by the line, which it calls `diversion`.

Source: "REST API" of that PBX, https://ru.scribd.com/document/534022584/Crm-Rest-API, and what
others who take it have published. Nothing here was tried on a live one.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from shared.calls.event import BadEvent
from shared.calls.pbx.fields import Reply, form_of, talked

# A key is short, and so is each form of this PBX. Whoever has none is not read any further.
_LONGEST_BEFORE_THE_KEY = 64 * 1024
_DIRECTIONS = {"in": "incoming", "out": "outgoing"}
# It writes one of them in small letters here and there; Kcell's list has another word for Missed.
_NOT_ANSWERED = frozenset(
    ("missed", "cancel", "busy", "notavailable", "notallowed", "notfound", "noanswer")
)
_ANSWERED = "success"
# Python would take times with fewer digits as well.
_START = re.compile(r"[0-9]{8}T[0-9]{6}Z")
# A department is `g_` and a UUID, an employee his login, both at the customer's own host.
_GROUP = re.compile(r"g_[0-9a-f\-]{8,}(?:@.*)?", re.IGNORECASE)
# Digits without a plus, but with the country's code; an 8 is what Russians and Kazakhs dial first.
_WITH_COUNTRY = re.compile(r"[1-79][0-9]{10,14}")

# The answer to `contact`: whom a telephone shall show, and who shall be rung. Both names are as
# https://github.com/brandup-online/megafon-ats has them. What is not known is left out, and we know
# nothing: clients' names are Altegio's, and asking there would keep a telephone from ringing.
# Untried: whether a PBX takes an empty object for "unknown", as its users say.
CONTACT: dict[str, str] = {}  # {"contact_name": "…", "responsible": "login"}


def keys(headers: Mapping[str, str], body: bytes, query: bytes) -> tuple[str, ...]:
    """Where the key may stand, none of it checked: a field of the form, or Kcell's header.

    Args:
        headers: their names in lower case.
        body: a form, as it came.
        query: another.
    """
    found = [headers.get("x-api-key", "")]
    for form in (query, body):
        with suppress(BadEvent):
            found.insert(0, form_of(form[:_LONGEST_BEFORE_THE_KEY]).get("crm_token", ""))
    return tuple(each.strip() for each in found if each)


def read(
    body: bytes, _content_type: str, query: Mapping[str, str]
) -> dict[str, Any] | Reply | None:
    """A ringing or an ended call, or a question.

    Only `INCOMING` shows something: how a call ended is told by `history`. In particular
    `CANCELLED` is no missed call, as it also says that a colleague of the group was faster.

    Args:
        body: a form.
        query: the same, of a request without a body.

    Returns:
        The event, without a location and, if it rings, without a time; an answer to a question;
        None for what tells nothing new.

    Raises:
        BadEvent: none of them.
    """
    form = form_of(body)
    form = form if "cmd" in form else {**query, **form}
    command = form.get("cmd", "").lower()
    if command == "history":
        return _ended(form)
    if command == "event":
        return _rings(form)
    if command == "contact":
        return Reply(CONTACT)
    if command == "rating":
        # What a caller thought of the talk, by a digit; Altegio has no field for it.
        return None
    raise BadEvent("cmd: must be event, history, contact or rating")


def _rings(form: Mapping[str, str]) -> dict[str, Any] | None:
    kind = form.get("type", "").upper()
    if not kind:
        raise BadEvent("type: must be INCOMING or another of the PBX's events")
    # Of a call by a click the employee's own telephone rings first.
    if kind != "INCOMING" or form.get("direction", "").lower() == "out":
        return None
    return {"type": "ringing", **_told(form), "extension": _extension(form)}


def _ended(form: Mapping[str, str]) -> dict[str, Any]:
    direction = _DIRECTIONS.get(form.get("type", "").lower())
    if direction is None:
        raise BadEvent("type: must be in or out")
    status = form.get("status", "").lower()
    if status != _ANSWERED and status not in _NOT_ANSWERED:
        raise BadEvent("status: must be Success, or one of the PBX's words for no answer")
    answered = status == _ANSWERED
    told = _told(form)
    # A user or a department stands there also of a call that nobody took. Without a line, it says
    # at least where it rang.
    took_part = answered or direction == "outgoing" or not told["line"]
    return {
        "type": "finished",
        **told,
        "direction": direction,
        "extension": _extension(form) if took_part else "",
        "started_at": _start(form.get("start", "")),
        "answered": answered,
        # Of the whole call, ringing included: it tells no other.
        "duration_s": talked(form.get("duration", "")) if answered else 0,
        "recording_url": form.get("link", ""),
    }


def _told(form: Mapping[str, str]) -> dict[str, str]:
    """What both have. All calls that belong together have one `callid`; it may be left out."""
    call_id = form.get("callid", "").strip()
    line = form.get("diversion", "")
    if not line and not _extension(form):
        # The employee's own number says at least whose call it was.
        line = form.get("telnum", "")
    return {
        **({"call_id": call_id} if call_id else {}),
        "phone": _number(form.get("phone", "")),
        "line": _number(line),
    }


def _extension(form: Mapping[str, str]) -> str:
    user = form.get("user", "").strip()
    return form.get("ext", "").strip() or ("" if _GROUP.fullmatch(user) else user)


def _number(text: str) -> str:
    # A plus that is not escaped is a space in a form.
    had_plus = text.startswith(" ") and text.strip()[:1].isdecimal()
    text = text.strip()
    return f"+{text}" if had_plus or _WITH_COUNTRY.fullmatch(text) else text


def _start(text: str) -> str:
    wrong = BadEvent("start: must be a time such as 20261101T101000Z")
    if not _START.fullmatch(text):
        raise wrong
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).isoformat()
    except ValueError:
        raise wrong from None
