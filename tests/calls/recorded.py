"""What FreeSWITCH 1.10 and Asterisk 20 send of one salon's call, with invented numbers.

The records themselves are in `tests/pbx/`.
"""

import base64
import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from local.simulator.telephony import SavedCall
from shared.calls.event import BadEvent
from shared.calls.pop_up import as_event

RECIPES = (Path(__file__).parents[2] / "docs" / "pbx.md").read_text("utf-8")
RECORDED = Path(__file__).parents[1] / "pbx"

CALLER, LINE = "+13155550175", "+13155550176"

STARTED = datetime.fromisoformat("2026-11-01T10:10:00+00:00")

# How a record begins that mod_json_cdr has put into base64; its first letter is a brace.
_PACKED, _OPENED = b"cdr=", b"ey"

UUID = "7c1f0c3a-2f0e-4b57-9d3f-0a4f8e6b1d21"

LINK = "https://records.example/c-1.mp3"

FORM = "application/x-www-form-urlencoded"

ANSWERED = {"phone": CALLER, "direction": "incoming", "status": "success", "duration": 90}

MISSED = {"phone": CALLER, "direction": "incoming", "status": "missed", "duration": 0}

OUTGOING = {
    "phone": "+13155550199",
    "direction": "outgoing",
    "status": "success",
    "duration": 40,
    "user": "101",
}

# What the platform has in the end, of each record that is a salon's call.
FREESWITCH: dict[str, dict[str, Any]] = {
    "answered": {**ANSWERED, "user": "101", "link": LINK},
    "missed": {**MISSED, "user": "", "link": ""},
    "voice-mail": {**MISSED, "user": ""},
    "menu": {**ANSWERED, "duration": 60, "user": "101"},
    "transferred": {**ANSWERED, "user": "102"},
    "outgoing": OUTGOING,
    "hidden": {**MISSED, "phone": "anonymous"},
}

ASTERISK: dict[str, dict[str, Any]] = {
    "answered": {**ANSWERED, "user": "101", "link": LINK},
    "missed": {**MISSED, "user": "", "link": ""},
    "busy": MISSED,
    "menu-only": MISSED,
    "menu-then-answered": {**ANSWERED, "duration": 60, "user": "101"},
    "queue": {**ANSWERED, "duration": 45, "user": ""},
    "transferred": {**ANSWERED, "duration": 55, "user": "101"},
    "outgoing": OUTGOING,
    "hidden": {**MISSED, "phone": "anonymous"},
}

# What a live FreeSWITCH 1.10.12 posted with disable-100-continue, which takes its type from it: 101
# answered after two seconds; the caller gave up; 101 was busy; nobody answered.
LIVE: dict[str, dict[str, Any]] = {
    "live-answered": {
        "phone": "+13155550401",
        "status": "success",
        "duration": 5,
        "date": datetime.fromisoformat("2026-11-27T11:42:04+00:00"),
    },
    "live-cancelled": {
        "phone": "+13155550402",
        "status": "missed",
        "duration": 0,
        "date": datetime.fromisoformat("2026-11-27T11:42:12+00:00"),
    },
    "live-busy": {
        "phone": "+13155550403",
        "status": "missed",
        "duration": 0,
        "date": datetime.fromisoformat("2026-11-27T11:42:17+00:00"),
    },
    "live-no-answer": {
        "phone": "+13155550404",
        "status": "missed",
        "duration": 0,
        "date": datetime.fromisoformat("2026-11-27T11:42:18+00:00"),
    },
}


def record(name: str) -> bytes:
    return (RECORDED / "freeswitch" / f"{name}.json").read_bytes()


def form(name: str) -> bytes:
    return (RECORDED / "asterisk" / f"{name}.txt").read_bytes()


def itoolabs_form(name: str, key: str = "KEY") -> bytes:
    text = (RECORDED / "itoolabs" / f"{name}.txt").read_text("utf-8")
    return text.replace("crm_token=KEY", f"crm_token={key}").encode()


def threecx_record(name: str) -> bytes:
    return (RECORDED / "3cx" / f"{name}.json").read_bytes()


def by_line(told: bytes) -> bytes:
    """The same report of a recipe that names no location: what said it is another's variable."""
    if told.startswith(_PACKED + _OPENED):
        packed = told.removeprefix(_PACKED)
        return _PACKED + base64.b64encode(by_line(base64.b64decode(packed)))
    left = re.sub(rb"altegio_location_id", b"somebodys_variable", told)
    # Of a form: Asterisk's.
    return re.sub(rb"(^|&)location_id=[0-9]+", rb"\1location_id=", left)


def fields(call: SavedCall, names: Mapping[str, Any]) -> dict[str, Any]:
    return {name: getattr(call, name) for name in names}


def fences(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", RECIPES, re.DOTALL)


def damaged(name: str, place: list[Any], value: Any) -> bytes:
    values = json.loads(record(name))
    inside = values
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = value
    return json.dumps(values).encode()


def translated(translate: Any, body: bytes, content_type: str = "application/json") -> None:
    """An event, or the one refusal that the door knows."""
    try:
        event = translate(body, content_type, {})
        if event is not None:
            as_event(event)
    except BadEvent as error:
        if not str(error):
            raise
