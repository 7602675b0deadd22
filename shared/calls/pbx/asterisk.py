"""What Asterisk reports of calls, as events; docs/pbx/asterisk.md has its configuration.

The recipe says the direction and the line, and may say the location. A call of which none of them
is told is none of a salon's, and no event. What a menu or a voice mail took is a missed call: an
answered one was taken by somebody.
"""

import re
from collections.abc import Mapping
from string import punctuation
from typing import Any
from urllib.parse import quote

from shared.calls.event import BadEvent
from shared.calls.pbx.fields import form_of, location, moment, possible

_OF_A_SALON = ("location_id", "line", "direction")
# A channel's name is its technology, what was dialled there, and a number of its own.
_CHANNEL = re.compile(r"(?:PJSIP|SIP|IAX2|SCCP|Local)/([0-9]{1,8})(?:@.*)?-[^-]*")
_LOCAL = "Local/"
_EXTENSION = re.compile(r"[0-9]{1,8}")
_SECONDS = re.compile(r"[0-9]{1,10}")
_TALK = re.compile(r"([+-])([0-9]{1,12}):(.*)", re.DOTALL)
# Of one call, more than any has; each is compared with those who talk.
_MOST_TALK = 1000
# A channel's id is the second in which it was made, a counter, and perhaps the switch's name.
_MADE = re.compile(r"(?:.*-)?([0-9]{9,12})\.[0-9]+", re.DOTALL)


def read(body: bytes, _content_type: str, _query: Mapping[str, str]) -> dict[str, Any] | None:
    """A ringing or an ended call by the dialplan's CURL(), under Asterisk's names of its variables.

    https://docs.asterisk.org/Latest_API/API_Documentation/Dialplan_Functions/CURL/

    Args:
        body: a form.

    Returns:
        The event, to be checked; None for a channel of no salon's.

    Raises:
        BadEvent: neither.
    """
    form = form_of(body)
    if not any(form.get(name) for name in _OF_A_SALON):
        return None
    outgoing = form.get("direction") == "outgoing"
    dialled = form.get("exten", "")
    told = {
        "call_id": _call_id(form.get("linkedid", "")),
        **location("location_id", form.get("location_id", "")),
        "phone": dialled if outgoing else _caller(form),
        "line": form.get("line", "") or ("" if outgoing else dialled),
    }
    if form.get("event") == "ringing":
        at = _moment(form, "rang", "epoch")
        return {**told, "type": "ringing", "extension": form.get("extension", ""), "at": at}
    if form.get("event") != "hangup":
        raise BadEvent("event: must be ringing or hangup")
    talk = _steps(form.get("talk", ""))
    is_told = any(sign == "+" for sign, _at, _channel in talk)
    answered, talked_s, taker = _talk(form, talk) if is_told else _dialled(form)
    if outgoing:
        taker = _of_channel(form.get("channel", "")) or form.get("callerid", "")
    return {
        **told,
        "type": "finished",
        "direction": form.get("direction") or "incoming",
        "extension": form.get("extension") or taker,
        "started_at": _moment(form, "rang", "linkedid", "start"),
        "answered": answered,
        "duration_s": possible(talked_s),
        "recording_url": form.get("recording", ""),
    }


def _call_id(linked: str) -> str:
    # The switch's name, which may have spaces, stands before it.
    return quote(linked, safe=punctuation)


def _caller(form: Mapping[str, str]) -> str:
    """Who calls; empty if he hides, which the network says beside his number.

    https://docs.asterisk.org/Latest_API/API_Documentation/Dialplan_Functions/CALLERID/, RFC 3323
    """
    # From a trunk that is not trusted Asterisk takes no word but the number.
    asked = {each.strip() for each in form.get("privacy", "").lower().split(";")}
    hides = form.get("pres", "").startswith("prohib") or asked & {"id", "user", "header"}
    return "" if hides else form.get("callerid", "")


def _moment(form: Mapping[str, str], *names: str) -> str:
    """The first of some fields that is one: CDR(start) is late after a transfer or second Dial."""
    for name in names[:-1]:
        text = form.get(name, "")
        made = _MADE.fullmatch(text) if name == "linkedid" else None
        try:
            return moment(name, made[1] if made else text)
        except BadEvent:
            continue
    return moment(names[-1], form.get(names[-1], ""))


def _steps(text: str) -> list[tuple[str, str, str]]:
    """Sign, second and channel of each telephone that answered or hung up."""
    found = map(_TALK.search, text.split("|", _MOST_TALK)[:-1])
    return [(it[1], it[2], it[3]) for it in found if it]


def _talk(form: Mapping[str, str], talk: list[tuple[str, str, str]]) -> tuple[bool, int, str]:
    """Whether somebody took it, for how many seconds people talked, and who was the last of them.

    `+1795778268:PJSIP/101-0000003f|` is a telephone that answered, and the same with a minus one
    that hung up. Ringing, menus and what came before do not count: nobody was there.
    """
    talking: set[str] = set()
    # `since` is when the stretch of talk began that goes on, or when the last one ended.
    seconds, since, taker = 0, 0, ""
    for sign, at, channel in talk:
        now = int(at)
        is_known = sign == "+" or channel in talking
        if sign == "+":
            since = since if talking else now
            talking.add(channel)
        elif is_known:
            # A Local channel leaves as soon as the telephone behind it has taken its place.
            talking = {each for each in talking - {channel} if not each.startswith(_LOCAL)}
        if sign == "-" and not talking and since:
            # Also of one who answered another call, and to whom this one was handed over then.
            seconds, since = seconds + max(0, now - since), now
        if sign == "+" or not is_known:
            taker = _of_channel(channel) or taker
    rest = max(0, _seconds(form.get("ended", "")) - since)
    if talking:
        seconds += rest
    elif rest > 1 and _handed_over(form, taker):
        seconds += rest
        taker = _extension(form["connectedline"]) or taker
    return True, seconds, taker or _member(form)


def _handed_over(form: Mapping[str, str], taker: str) -> bool:
    """Whether the caller talks on with somebody whom the taker had asked first.

    That one answered another call, and hangs up too late to be heard of if the caller does first.
    But the caller is shown another number then, without another Dial() or a blind transfer.
    """
    is_first_dial = form.get("dialstatus", "") in ("ANSWER", "") and not form.get("blindtransfer")
    return is_first_dial and taker != "" and form.get("connectedline", "") not in ("", taker)


def _dialled(form: Mapping[str, str]) -> tuple[bool, int, str]:
    """The same of a Dial() or a Queue() without the recipe's subroutine, as well as it knows."""
    talked_s = _seconds(form.get("answeredtime", ""))
    # A call that was passed on had been taken, whatever became of it afterwards.
    passed_on = bool(form.get("blindtransfer"))
    dialled = form.get("dialstatus") == "ANSWER"
    answered = dialled or talked_s > 0 or passed_on
    seconds = (talked_s or _seconds(form.get("billsec", ""))) * answered
    # Whoever picked it up is not whom it rang at.
    taker = _extension(form.get("connectedline", "")) if dialled else ""
    return answered, seconds, taker or _member(form)


def _member(form: Mapping[str, str]) -> str:
    """Of `101`, `PJSIP/101`, `101/sip:101@192.0.2.1:5060` and `Local/101@agents`: 101."""
    for name in ("memberinterface", "dialedpeernumber"):
        for part in form.get(name, "").split("/"):
            if found := _extension(part.partition("@")[0]):
                return found
    return _of_channel(form.get("blindtransfer", ""))


def _of_channel(name: str) -> str:
    found = _CHANNEL.fullmatch(name)
    return found[1] if found else ""


def _extension(text: str) -> str:
    return text if _EXTENSION.fullmatch(text) else ""


def _seconds(text: str) -> int:
    """A time as a whole number; 0 if it is none, as of a call whose record was never written."""
    return int(text) if _SECONDS.fullmatch(text) else 0
