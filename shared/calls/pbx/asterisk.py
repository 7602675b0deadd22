"""What Asterisk reports of calls, as events; docs/pbx.md has its configuration.

It is told the location by an argument of the recipe. A call without it is none of a salon's, and no
event. What a menu or a voice mail took is a missed call: an answered one was taken by somebody.
"""

from collections.abc import Mapping
from typing import Any

from shared.calls.event import BadEvent
from shared.calls.pbx.fields import DIGITS, form_of, moment, whole


def read(body: bytes, _content_type: str, _query: Mapping[str, str]) -> dict[str, Any] | None:
    """A ringing or an ended call by the dialplan's CURL(), under Asterisk's names of its variables.

    https://docs.asterisk.org/Latest_API/API_Documentation/Dialplan_Functions/CURL/

    Args:
        body: a form.

    Returns:
        The event, to be checked; None for a channel of no location.

    Raises:
        BadEvent: neither.
    """
    form = form_of(body)
    if not form.get("location_id"):
        return None
    outgoing = form.get("direction") == "outgoing"
    number, dialled = form.get("callerid", ""), form.get("exten", "")
    told = {
        "call_id": form.get("linkedid", ""),
        "location_id": whole("location_id", form["location_id"]),
        "phone": dialled if outgoing else number,
        "line": form.get("line", "") or ("" if outgoing else dialled),
    }
    if form.get("event") == "ringing":
        at = moment("epoch", form.get("epoch", ""))
        return {**told, "type": "ringing", "extension": form.get("extension", ""), "at": at}
    if form.get("event") != "hangup":
        raise BadEvent("event: must be ringing or hangup")
    talked_s = whole("answeredtime", form.get("answeredtime") or "0")
    # A call that was passed on had been taken, whatever became of it afterwards.
    passed_on = bool(form.get("blindtransfer"))
    answered = form.get("dialstatus") == "ANSWER" or talked_s > 0 or passed_on
    return {
        **told,
        "type": "finished",
        "direction": form.get("direction") or "incoming",
        "extension": form.get("extension")
        or (number if outgoing else _peer(form.get("dialedpeernumber", ""))),
        "started_at": moment("start", form.get("start", "")),
        "answered": answered,
        "duration_s": (talked_s or whole("billsec", form.get("billsec") or "0")) * answered,
        "recording_url": form.get("recording", ""),
    }


def _peer(dialled: str) -> str:
    """101 of `101`, `PJSIP/101` and `101/sip:101@192.0.2.1:5060`."""
    numbers = [part for part in dialled.split("/") if DIGITS.fullmatch(part)]
    return numbers[0] if numbers else ""
