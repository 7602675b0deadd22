"""What PBXes report of calls in their own formats, as events; docs/pbx.md has their configuration.

Each PBX is told the location by a variable of the call, and reports its own words for the rest. A
call without that variable is none of a salon's, and no event. What a menu or a voice mail took is a
missed call: an answered one was taken by somebody.

Nothing is checked here but what has to be read to translate: `call_event.checked` does.
"""

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from shared.calls.event import BadEvent
from shared.clock import YEARS

_FIRST, _LAST = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (YEARS[0], YEARS[-1]))
_DIGITS = re.compile(r"[0-9]{1,12}")
_WITH_FRACTION = re.compile(r"([0-9]{1,12})(?:\.[0-9]{1,9})?")
_MOST_FIELDS = 50


def freeswitch(body: bytes, content_type: str, query: Mapping[str, str]) -> dict[str, Any] | None:
    """A ringing call by mod_curl, whose fields are the query; an ended one by mod_json_cdr.

    https://developer.signalwire.com/freeswitch/FreeSWITCH-Explained/Modules/mod_json_cdr_6587490

    Args:
        body: a channel's record: JSON, or a form whose `cdr` is JSON, plain or in base64.
        content_type: which of them it is, unless the body is JSON to see.
        query: of a ringing call its fields; else `uuid`, which the module puts there itself.

    Returns:
        The event, to be checked; None for a channel of no location.

    Raises:
        BadEvent: neither.
    """
    if "altegio_location_id" in query:
        return {
            "type": "ringing",
            "call_id": query.get("uuid", ""),
            "location_id": _whole("altegio_location_id", query["altegio_location_id"]),
            "phone": query.get("caller_id_number", ""),
            "line": query.get("destination_number", ""),
            "extension": query.get("altegio_extension", ""),
            "at": _moment("created", query.get("created", "")),
        }
    record = _record(body, content_type)
    variables = _object(record, "variables")
    if "altegio_location_id" not in variables:
        return None
    profiles = [_object(each, "caller_profile") for each in _objects(record, "callflow")]
    if not profiles:
        raise BadEvent("callflow: no caller profile")
    # The latest profile comes first; a transfer makes a new one.
    latest, first = profiles[0], profiles[-1]
    # Only a channel that another one has made knows its originator.
    origin = _objects(_object(latest, "originator"), "originator_caller_profiles")
    taken = _objects(_object(latest, "originatee"), "originatee_caller_profiles")
    caller = origin[0] if origin else first
    outgoing = _text(variables, "altegio_direction") == "outgoing"
    who, whom = _text(caller, "caller_id_number"), _text(caller, "destination_number")
    own_line = _text(variables, "altegio_line")
    return {
        "type": "finished",
        "call_id": _text(caller, "uuid"),
        "location_id": _whole("altegio_location_id", _text(variables, "altegio_location_id")),
        "direction": _text(variables, "altegio_direction") or "incoming",
        "phone": whom if outgoing else who,
        "line": own_line or (who if outgoing else whom),
        "extension": _text(variables, "altegio_extension")
        or (_text(caller, "username") or who if outgoing else _taker(variables, taken)),
        "started_at": _moment("start_epoch", _text(variables, "start_epoch")),
        **_talked(variables, bridged=bool(taken) or "bridge_uuid" in variables, leg=bool(origin)),
        "recording_url": _link(_text(variables, "altegio_recording_url")),
        "leg": bool(origin),
    }


def _taker(variables: Mapping[str, Any], taken: list[Mapping[str, Any]]) -> str:
    """Who took an incoming call: of a leg its own user, else whoever the caller was bridged to."""
    bridged = _text(taken[0], "destination_number") if taken else ""
    return _text(variables, "dialed_user") or bridged


def _talked(variables: Mapping[str, Any], *, bridged: bool, leg: bool) -> dict[str, Any]:
    answered = _whole("answer_epoch", _text(variables, "answer_epoch") or "0")
    joined = _whole("bridge_epoch", _text(variables, "bridge_epoch") or "0")
    ended = _whole("end_epoch", _text(variables, "end_epoch") or "0")
    if not answered or not (leg or bridged or joined):
        return {"answered": False, "duration_s": 0}
    # A menu may have answered long before.
    return {"answered": True, "duration_s": max(0, ended - max(answered, joined))}


def _record(body: bytes, content_type: str) -> Mapping[str, Any]:
    kind = content_type.partition(";")[0].strip().lower()
    if body.lstrip().startswith(b"{"):
        # Whatever was said: with disable-100-continue the module forgets to name its type.
        kind = "application/json"
    try:
        if kind == "application/x-www-form-urlencoded":
            body = _form(body).get("cdr", "").encode()
        elif kind == "application/x-www-form-base64-encoded":
            body = base64.b64decode(body.removeprefix(b"cdr="), validate=True)
        record = json.loads(body)
    except (ValueError, RecursionError):
        raise BadEvent("not a record of mod_json_cdr") from None
    if not isinstance(record, dict):
        raise BadEvent("not a record of mod_json_cdr")
    return record


def asterisk(body: bytes, _content_type: str, _query: Mapping[str, str]) -> dict[str, Any] | None:
    """A ringing or an ended call by the dialplan's CURL(), under Asterisk's names of its variables.

    https://docs.asterisk.org/Latest_API/API_Documentation/Dialplan_Functions/CURL/

    Args:
        body: a form.

    Returns:
        The event, to be checked; None for a channel of no location.

    Raises:
        BadEvent: neither.
    """
    try:
        form = _form(body)
    except ValueError:
        raise BadEvent("not a form") from None
    if not form.get("location_id"):
        return None
    outgoing = form.get("direction") == "outgoing"
    number, dialled = form.get("callerid", ""), form.get("exten", "")
    told = {
        "call_id": form.get("linkedid", ""),
        "location_id": _whole("location_id", form["location_id"]),
        "phone": dialled if outgoing else number,
        "line": form.get("line", "") or ("" if outgoing else dialled),
    }
    if form.get("event") == "ringing":
        at = _moment("epoch", form.get("epoch", ""))
        return {**told, "type": "ringing", "extension": form.get("extension", ""), "at": at}
    if form.get("event") != "hangup":
        raise BadEvent("event: must be ringing or hangup")
    talked_s = _whole("answeredtime", form.get("answeredtime") or "0")
    # A call that was passed on had been taken, whatever became of it afterwards.
    passed_on = bool(form.get("blindtransfer"))
    answered = form.get("dialstatus") == "ANSWER" or talked_s > 0 or passed_on
    return {
        **told,
        "type": "finished",
        "direction": form.get("direction") or "incoming",
        "extension": form.get("extension")
        or (number if outgoing else _peer(form.get("dialedpeernumber", ""))),
        "started_at": _moment("start", form.get("start", "")),
        "answered": answered,
        "duration_s": (talked_s or _whole("billsec", form.get("billsec") or "0")) * answered,
        "recording_url": form.get("recording", ""),
    }


def _peer(dialled: str) -> str:
    """101 of `101`, `PJSIP/101` and `101/sip:101@192.0.2.1:5060`."""
    numbers = [part for part in dialled.split("/") if _DIGITS.fullmatch(part)]
    return numbers[0] if numbers else ""


def _form(body: bytes) -> dict[str, str]:
    return dict(
        parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    )


def _object(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = values.get(name, {})
    if not isinstance(found, dict):
        raise BadEvent(f"{name}: must be an object")
    return found


def _objects(values: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = values.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise BadEvent(f"{name}: must be a list of objects")
    return found


def _text(values: Mapping[str, Any], name: str) -> str:
    """A variable, whose value the module has encoded as a URL's if it was not told otherwise."""
    found = values.get(name, "")
    return unquote(found) if isinstance(found, str) else str(found)


def _link(text: str) -> str:
    # What was encoded in the link itself has been decoded with it.
    return quote(text, safe=":/?#[]@!$&'()*+,;=%-._~", errors="ignore")


def _whole(name: str, text: str) -> int:
    if not _DIGITS.fullmatch(text):
        raise BadEvent(f"{name}: must be a whole number")
    return int(text)


def _moment(name: str, text: str) -> str:
    found = _WITH_FRACTION.fullmatch(text)
    if not found or not _FIRST <= int(found[1]) <= _LAST:
        raise BadEvent(f"{name}: must be seconds since 1970")
    return datetime.fromtimestamp(int(found[1]), UTC).isoformat()
