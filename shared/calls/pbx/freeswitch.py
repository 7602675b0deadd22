"""What FreeSWITCH reports of calls, as events; docs/pbx/freeswitch.md has its configuration.

The recipe sets the line of a call, or its direction, and may set its location. A call with none of
these variables is none of a salon's, and no event. What a menu or a voice mail took is a missed
call: an answered one was taken by somebody.

A record has the channel's variables and its `callflow`: one entry for each place where the call
was, as a transfer, a pick-up or a parking makes a new one. Each has the times of its own bridge:
https://github.com/signalwire/freeswitch/blob/v1.10.12/src/switch_ivr.c (generate_json_cdr)
"""

import base64
import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from shared.calls.event import BadEvent
from shared.calls.pbx.fields import (
    form_of,
    location,
    moment,
    object_of,
    objects_of,
    possible,
    record_of,
    text_of,
)

_WHAT = "a record of mod_json_cdr"
_LOCATION = "altegio_location_id"
_OF_A_SALON = (_LOCATION, "altegio_line", "altegio_direction")
# Of RFC 3323, RFC 3325 and Remote-Party-ID, and what FreeSWITCH makes of them.
_HIDES = {"id", "user", "header", "full", "uri", "yes", "number", "hide_number", "true"}
_PRIVACY = (
    "altegio_privacy",
    "sip_Privacy",
    "sip_h_Privacy",
    "sip_i_privacy",
    "privacy_hide_number",
    "origination_privacy",
    "sip_from_uri",
)
# What a dialplan does with a caller when whoever talked to him has gone first; and no `playback`,
# which may as well be a tone in the middle of a talk.
_AFTERWARDS = {"bridge", "voicemail", "ivr", "answer", "sleep", "conference"}
_NUMBER = re.compile(r"\+?[0-9*#]+")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MICROSECONDS, _MILLISECONDS = 10**14, 10**11


def read(body: bytes, content_type: str, query: Mapping[str, str]) -> dict[str, Any] | None:
    """A ringing call by mod_curl, whose fields are the query; an ended one by mod_json_cdr.

    https://developer.signalwire.com/freeswitch/FreeSWITCH-Explained/Modules/mod_json_cdr_6587490

    Args:
        body: a channel's record: JSON, or a form whose `cdr` is JSON, plain or in base64.
        content_type: which of them it is, unless the body is JSON to see.
        query: of a ringing call its fields; else `uuid`, which the module puts there itself.

    Returns:
        The event, to be checked; None for a channel of no salon's, or inside the switch.

    Raises:
        BadEvent: neither.
    """
    if "caller_id_number" in query:
        return {
            "type": "ringing",
            "call_id": query.get("uuid", ""),
            **location(_LOCATION, query.get(_LOCATION, "")),
            "phone": "" if _hides(query) else query.get("caller_id_number", ""),
            "line": query.get("destination_number", ""),
            "extension": query.get("altegio_extension", ""),
            "at": moment("created", _in_seconds(query.get("created", ""))),
        }
    record = _record(body, content_type)
    variables = _Variables(object_of(record, "variables"))
    if not any(variables[name] for name in _OF_A_SALON):
        return None
    channel = _Channel(record, variables, query.get("uuid", ""))
    return None if channel.is_inside else channel.event()


class _Variables:
    """A channel's variables as they are set: the module encodes them, unless it is told not to."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        self._found = found
        # Each place of a call asks for the same ones, and a record may have thousands of places.
        self._read: dict[str, str] = {}
        # This one is in every record, and has a space and colons.
        self._plain = ":" in str(found.get("start_stamp", ""))

    def __getitem__(self, name: str) -> str:
        if name not in self._read:
            self._read[name] = self._text(name)
        return self._read[name]

    def _text(self, name: str) -> str:
        found = self._found.get(name)
        if found is None:
            return ""
        return found if self._plain and isinstance(found, str) else text_of(self._found, name)

    def get(self, name: str, _default: str = "") -> str:
        return self[name]


@dataclass(frozen=True, slots=True)
class _Talk:
    """Of the caller with one person, in seconds since 1970."""

    start: float
    end: float
    who: str


class _Channel:
    """One channel: the call's own, or a leg to somebody's telephone."""

    def __init__(self, record: Mapping[str, Any], variables: _Variables, uuid: str) -> None:
        self._variables = variables
        self._uuid = uuid
        # The latest comes first.
        self._flow = sorted(objects_of(record, "callflow"), key=_made, reverse=True)
        profiles = [object_of(each, "caller_profile") for each in self._flow]
        self._first = profiles[-1] if profiles else {}
        origin = next(filter(None, map(_origin, profiles)), {})
        inbound = text_of(object_of(record, "channel_data"), "direction") == "inbound"
        # Whoever picks up a call becomes the originator of its channel, which came in all the same.
        self._origin = {} if inbound else origin
        self._picked_up = inbound and bool(origin)
        self._applications = objects_of(object_of(record, "app_log"), "applications")

    @property
    def is_inside(self) -> bool:
        """Whether a loopback is its end or its maker: the caller's own channel tells all."""
        return any(
            text_of(profile, "chan_name").startswith("loopback/")
            for profile in (self._first, self._origin)
        )

    def event(self) -> dict[str, Any]:
        variables = self._variables
        caller = self._origin or self._first
        outgoing = variables["altegio_direction"] == "outgoing"
        # With a pick-up the switch turns who called and who was called around.
        number = "ani" if self._picked_up else "caller_id_number"
        who = text_of(caller, number) or variables["sip_from_user"]
        whom = text_of(caller, "destination_number") or variables["sip_to_user"]
        talks = list(self._talks(who))
        if talks and variables["bridge_hangup_cause"] == "ORIGINATOR_CANCEL":
            # Behind a menu, a telephone was bridged for the tone it played, and never answered.
            talks.pop()
        extension = text_of(caller, "username") or who if outgoing else self._taker(talks)
        # Whose telephone shows itself as 101 tells no line at all.
        line = whom if not outgoing else who if who != extension else ""
        started_at = variables["start_epoch"] or text_of(self._times(-1), "created_time")
        return {
            "type": "finished",
            "call_id": text_of(caller, "uuid") or variables["uuid"] or self._uuid,
            **location(_LOCATION, variables[_LOCATION]),
            "direction": variables["altegio_direction"] or "incoming",
            "phone": whom if outgoing else "" if _hides(variables) else who,
            "line": variables["altegio_line"] or line,
            "extension": variables["altegio_extension"] or extension,
            "started_at": moment("start_epoch", _in_seconds(started_at)),
            "answered": bool(talks),
            "duration_s": possible(_span(talks)),
            "recording_url": variables["altegio_recording_url"],
            "leg": bool(self._origin),
        }

    def _taker(self, talks: list[_Talk]) -> str:
        """Who talked last; if nobody did, whose telephone rang."""
        return talks[-1].who if talks else self._variables["dialed_user"]

    def _talks(self, caller: str) -> Iterator[_Talk]:
        """Each talk, the earliest first.

        One place keeps the time of its last bridge only. With early media a bridge is made before
        anybody answers; behind a menu the call is answered before it is bridged.
        """
        over = _seconds("end_epoch", self._variables["end_epoch"])
        for place in range(len(self._flow) - 1, -1, -1):
            times, profile = self._times(place), object_of(self._flow[place], "caller_profile")
            answered = _seconds("answered_time", text_of(times, "answered_time"))
            bridged = _seconds("bridged_time", text_of(times, "bridged_time"))
            left = (
                _seconds("transfer_time", text_of(times, "transfer_time"))
                or _seconds("hangup_time", text_of(times, "hangup_time"))
                or (_made(self._flow[place - 1])[0] if place else over)
            )
            met = self._conference(_made(self._flow[place])[0], left)
            if answered and bridged:
                start = max(answered, bridged)
                yield _Talk(start, self._until(start, left), self._with(profile, caller))
            elif answered and met:
                yield _Talk(max(answered, met), left, "")
        answered = _seconds("answer_epoch", self._variables["answer_epoch"])
        bridged = _seconds("bridge_epoch", self._variables["bridge_epoch"])
        if not any(map(self._times, range(len(self._flow)))) and answered and bridged:
            profile = object_of(self._flow[0], "caller_profile") if self._flow else {}
            yield _Talk(max(answered, bridged), over, self._with(profile, caller))

    def _times(self, place: int) -> Mapping[str, Any]:
        return object_of(self._flow[place], "times") if self._flow else {}

    def _until(self, start: float, left: float) -> float:
        """When a talk ended: at the next step of the dialplan, if the caller went on to one."""
        place = bisect_right(self._afterwards, start)
        return min([left, *self._afterwards[place : place + 1]])

    def _conference(self, since: float, left: float) -> float:
        """When the caller came into a conference, between two moments; 0 if he did not."""
        if not self._variables["conference_member_id"]:
            return 0.0
        place = bisect_left(self._conferences, since)
        came = self._conferences[place : place + 1]
        return came[0] if came and came[0] <= left else 0.0

    @cached_property
    def _afterwards(self) -> list[float]:
        return self._stamps(_AFTERWARDS)

    @cached_property
    def _conferences(self) -> list[float]:
        return self._stamps({"conference"})

    def _stamps(self, names: Collection[str]) -> list[float]:
        """When applications of these names began, in order."""
        return sorted(
            _seconds("app_stamp", text_of(each, "app_stamp"))
            for each in self._applications
            if text_of(each, "app_name") in names
        )

    @cached_property
    def _rang(self) -> frozenset[str]:
        return frozenset(_UUID.findall(self._variables["originated_legs"]))

    def _with(self, profile: Mapping[str, Any], caller: str) -> str:
        """With whom the caller talked: whoever was called for him, or took the call himself."""
        if self._origin:
            return self._variables["dialed_user"] or text_of(profile, "destination_number")
        taken = objects_of(object_of(profile, "originatee"), "originatee_caller_profiles")
        other = taken[0] if taken else _origin(profile)
        own = text_of(other, "username")
        # A telephone that took the call has dialled a code for that, under its own name.
        if own and own != caller and _user(text_of(other, "chan_name")) == own:
            return own
        dialled = text_of(other, "destination_number")
        # What a web phone registers under is no extension; of several it is not told who it was.
        if _NUMBER.fullmatch(dialled) or len(self._rang) > 1:
            return dialled
        return self._variables["dialed_user"] or dialled


def _made(entry: Mapping[str, Any]) -> tuple[float, float]:
    made = text_of(object_of(entry, "times"), "profile_created_time")
    index = text_of(entry, "profile_index")
    return _seconds("profile_created_time", made), _seconds("profile_index", index)


def _origin(profile: Mapping[str, Any]) -> Mapping[str, Any]:
    """The channel that made this one, or took it."""
    found = objects_of(object_of(profile, "originator"), "originator_caller_profiles")
    return found[0] if found else {}


def _user(channel: str) -> str:
    """102 of `sofia/internal/102@192.0.2.1:5060`."""
    return channel.rpartition("/")[2].partition("@")[0]


def _span(talks: list[_Talk]) -> int:
    """From when somebody first took the call until the last who talked had gone, in seconds.

    What the caller waited in between, while he was passed on, counts; what he waited afterwards in
    vain does not.
    """
    if not talks:
        return 0
    first, last = min(each.start for each in talks), max(each.end for each in talks)
    return max(0, round(last - first))


def _hides(told: Mapping[str, str] | _Variables) -> bool:
    """Whether the caller asked that his number be shown to nobody.

    The network's own word of it, P-Asserted-Identity, is for the switch alone (RFC 3325, 9.3).
    """
    words = {
        word for name in _PRIVACY for word in re.split(r"[;,:\s]+", str(told.get(name, "")).lower())
    }
    shown = re.search(r"privacy=\"?(\w+)", str(told.get("sip_Remote-Party-ID", "")).lower())
    nobody = any(
        word.startswith("anonymous@") or word.endswith("@anonymous.invalid") for word in words
    )
    return nobody or bool(_HIDES & words) or bool(shown and shown[1] in _HIDES)


def _seconds(name: str, text: str) -> float:
    """A moment in seconds, that may be told in micro- or milliseconds; 0 if there was none.

    Raises:
        BadEvent: it is no number.
    """
    if not re.fullmatch(r"(?:-?[0-9]{1,18}(?:\.[0-9]{1,9})?)?", text):
        raise BadEvent(f"{name}: must be a number")
    found = float(text or 0)
    scale = 1e6 if found >= _MICROSECONDS else 1e3 if found >= _MILLISECONDS else 1.0
    return max(0.0, found / scale)


def _in_seconds(text: str) -> str:
    """The same moment in whole seconds."""
    long = text.isdecimal() and text.isascii()
    if long and len(text) in (13, 16):
        return text[:10]
    return text


def _record(body: bytes, content_type: str) -> Mapping[str, Any]:
    kind = content_type.partition(";")[0].strip().lower()
    if body.lstrip().startswith(b"{"):
        # Whatever was said: with disable-100-continue the module forgets to name its type.
        kind = "application/json"
    if kind == "application/x-www-form-urlencoded":
        return _form_record(form_of(body).get("cdr", ""))
    if kind == "application/x-www-form-base64-encoded":
        try:
            body = base64.b64decode(body.removeprefix(b"cdr="), validate=True)
        except ValueError:
            raise BadEvent(f"not {_WHAT}") from None
    return record_of(body, _WHAT)


def _form_record(text: str) -> Mapping[str, Any]:
    """What the module sends with encode=true.

    It encodes the record's text, and leaves what is encoded in it as it is: so a quote in a
    variable ends up as one of the text's own, and the text is no JSON. But what follows the
    variables has its quotes escaped, and of the variables only plain ones are needed. One that
    stands there twice has been put there by the caller, in his name; and as it is not known who put
    one there that stands there once, none says the location.
    https://github.com/signalwire/freeswitch/blob/v1.10.12/src/switch_utils.c (url_encode_opt)

    Raises:
        BadEvent: it is none.
    """
    try:
        return record_of(text, _WHAT)
    except BadEvent:
        inside, comma, flow = text.rpartition(',"callflow":')
        before, log, steps = inside.rpartition('},"app_log":')
        told, start, variables = (before if log else inside).partition('"variables":{')
        if not (start and comma):
            raise
    rest = f'"app_log":{steps if log else "{}"},"callflow":{flow}'
    found: dict[str, str] = {}
    for name, value in re.findall(r'(?:^|,)"([\w.-]+)":"([^"\\]*)"(?=,|\}|$)', variables):
        if found.setdefault(name, value) != value:
            raise BadEvent(f"not {_WHAT}: use encode=false")
    found.pop(_LOCATION, None)
    direction = re.search(r'"direction":"(\w*)"', told)
    return {
        **record_of("{" + rest, _WHAT),
        "channel_data": {"direction": direction[1] if direction else ""},
        # They have been decoded with the text.
        "variables": found,
    }
