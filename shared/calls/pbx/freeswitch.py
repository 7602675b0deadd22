"""What FreeSWITCH reports of calls, as events; docs/pbx.md has its configuration.

It is told the location by a variable of the call. A call without that variable is none of a
salon's, and no event. What a menu or a voice mail took is a missed call: an answered one was taken
by somebody.
"""

import base64
from collections.abc import Mapping
from typing import Any

from shared.calls.event import BadEvent
from shared.calls.pbx.fields import (
    form_of,
    moment,
    object_of,
    objects_of,
    record_of,
    text_of,
    whole,
)

_WHAT = "a record of mod_json_cdr"


def read(body: bytes, content_type: str, query: Mapping[str, str]) -> dict[str, Any] | None:
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
            "location_id": whole("altegio_location_id", query["altegio_location_id"]),
            "phone": query.get("caller_id_number", ""),
            "line": query.get("destination_number", ""),
            "extension": query.get("altegio_extension", ""),
            "at": moment("created", query.get("created", "")),
        }
    record = _record(body, content_type)
    variables = object_of(record, "variables")
    if "altegio_location_id" not in variables:
        return None
    profiles = [object_of(each, "caller_profile") for each in objects_of(record, "callflow")]
    if not profiles:
        raise BadEvent("callflow: no caller profile")
    # The latest profile comes first; a transfer makes a new one.
    latest, first = profiles[0], profiles[-1]
    # Only a channel that another one has made knows its originator.
    origin = objects_of(object_of(latest, "originator"), "originator_caller_profiles")
    taken = objects_of(object_of(latest, "originatee"), "originatee_caller_profiles")
    caller = origin[0] if origin else first
    outgoing = text_of(variables, "altegio_direction") == "outgoing"
    who, whom = text_of(caller, "caller_id_number"), text_of(caller, "destination_number")
    own_line = text_of(variables, "altegio_line")
    return {
        "type": "finished",
        "call_id": text_of(caller, "uuid"),
        "location_id": whole("altegio_location_id", text_of(variables, "altegio_location_id")),
        "direction": text_of(variables, "altegio_direction") or "incoming",
        "phone": whom if outgoing else who,
        "line": own_line or (who if outgoing else whom),
        "extension": text_of(variables, "altegio_extension")
        or (text_of(caller, "username") or who if outgoing else _taker(variables, taken)),
        "started_at": moment("start_epoch", text_of(variables, "start_epoch")),
        **_talked(variables, bridged=bool(taken) or "bridge_uuid" in variables, leg=bool(origin)),
        "recording_url": text_of(variables, "altegio_recording_url"),
        "leg": bool(origin),
    }


def _taker(variables: Mapping[str, Any], taken: list[Mapping[str, Any]]) -> str:
    """Who took an incoming call: of a leg its own user, else whoever the caller was bridged to."""
    bridged = text_of(taken[0], "destination_number") if taken else ""
    return text_of(variables, "dialed_user") or bridged


def _talked(variables: Mapping[str, Any], *, bridged: bool, leg: bool) -> dict[str, Any]:
    answered = whole("answer_epoch", text_of(variables, "answer_epoch") or "0")
    joined = whole("bridge_epoch", text_of(variables, "bridge_epoch") or "0")
    ended = whole("end_epoch", text_of(variables, "end_epoch") or "0")
    if not answered or not (leg or bridged or joined):
        return {"answered": False, "duration_s": 0}
    # A menu may have answered long before.
    return {"answered": True, "duration_s": max(0, ended - max(answered, joined))}


def _record(body: bytes, content_type: str) -> Mapping[str, Any]:
    kind = content_type.partition(";")[0].strip().lower()
    if body.lstrip().startswith(b"{"):
        # Whatever was said: with disable-100-continue the module forgets to name its type.
        kind = "application/json"
    if kind == "application/x-www-form-urlencoded":
        return record_of(form_of(body).get("cdr", ""), _WHAT)
    if kind == "application/x-www-form-base64-encoded":
        try:
            body = base64.b64decode(body.removeprefix(b"cdr="), validate=True)
        except ValueError:
            raise BadEvent(f"not {_WHAT}") from None
    return record_of(body, _WHAT)
