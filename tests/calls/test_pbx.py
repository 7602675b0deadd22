"""PBXes in their own formats: records as they send them, through the door, to the platform."""

import base64
import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.simulator import Owner
from local.simulator.telephony import SavedCall
from shared.calls import pbx
from shared.calls.event import BadEvent
from shared.calls.pop_up import as_event
from tests.calls.recorded import (
    ASTERISK,
    CALLER,
    FORM,
    FREESWITCH,
    LINE,
    LIVE,
    RECORDED,
    STARTED,
    UUID,
    fences,
    fields,
    form,
    record,
)
from tests.deployment import Deployment

OTHER = Owner(id=7002, name="Ivo", phone="49301234567", email="ivo@example.com")


@pytest.fixture
def key(deployment: Deployment) -> str:
    # The records were made at this hour.
    deployment.clock.at = STARTED + timedelta(minutes=5)
    return deployment.connect(4564).pbx_key


class Switch:
    """A PBX that reports to the door as its recipe says."""

    def __init__(self, deployment: Deployment, key: str) -> None:
        self.deployment = deployment
        self._basic = "Basic " + base64.b64encode(f"pbx:{key}".encode()).decode()

    def post(self, path: str, body: bytes, content_type: str, query: str = "") -> Any:
        status, answer = self.deployment.call(
            body, path=path, content_type=content_type, query=query, authorization=self._basic
        )
        assert (status, answer["success"]) == (202, True)
        return answer

    def freeswitch(self, body: bytes, content_type: str = "application/json") -> Any:
        return self.post("/calls/freeswitch", body, content_type, f"uuid={UUID}")

    def asterisk(self, body: bytes) -> Any:
        return self.post("/calls/asterisk", body, FORM)

    def history(self) -> list[SavedCall]:
        """What the platform has, when all has settled."""
        self.deployment.drain_calls()
        for _ in range(3):
            self.deployment.clock.advance(seconds=11)
            self.deployment.drain_calls()
        return self.deployment.simulator.saved_calls()


@pytest.fixture
def switch(deployment: Deployment, key: str) -> Switch:
    return Switch(deployment, key)


# What comes in goes out right


def test_every_record_is_expected() -> None:
    legs = {"leg-lost", "leg-answered", "internal"}
    recorded = {path.stem for path in (RECORDED / "freeswitch").iterdir()}
    assert recorded == {*FREESWITCH, *LIVE, *legs}
    rings = {"ringing", "ringing-hidden", "internal"}
    assert {path.stem for path in (RECORDED / "asterisk").iterdir()} == {*ASTERISK, *rings}


@pytest.mark.parametrize(("name", "expected"), FREESWITCH.items())
def test_a_call_of_freeswitch_stands_in_the_history(
    switch: Switch, name: str, expected: dict[str, Any]
) -> None:
    switch.freeswitch(record(name))
    [saved] = switch.history()
    assert (saved.call_id, saved.line, saved.date) == (UUID, LINE, STARTED)
    assert fields(saved, expected) == expected


@pytest.mark.parametrize(("name", "expected"), LIVE.items())
def test_what_a_live_freeswitch_posted_stands_in_the_history(
    deployment: Deployment, switch: Switch, name: str, expected: dict[str, Any]
) -> None:
    posted = json.loads(record(name))
    deployment.clock.at = expected["date"] + timedelta(minutes=1)
    path, _, query = posted["request"].removeprefix("POST ").partition("?")
    content_type = dict(posted["headers"])["Content-Type"]
    assert content_type == FORM
    switch.post(path, posted["body"].encode(), content_type, query)
    [saved] = switch.history()
    assert fields(saved, expected) == expected
    assert saved.call_id == query.removeprefix("uuid=")
    # Whoever took it, or would have: its telephone rang.
    assert (saved.line, saved.direction, saved.user) == (LINE, "incoming", "101")


@pytest.mark.parametrize("content_type", [FORM, "", "text/plain", "application/json"])
@pytest.mark.parametrize("before", [b"", b"\r\n\t "])
def test_json_is_json_whatever_the_type_says(
    switch: Switch, before: bytes, content_type: str
) -> None:
    switch.freeswitch(before + record("answered"), content_type)
    [saved] = switch.history()
    assert fields(saved, FREESWITCH["answered"]) == FREESWITCH["answered"]


@pytest.mark.parametrize(("name", "expected"), ASTERISK.items())
def test_a_call_of_asterisk_stands_in_the_history(
    switch: Switch, name: str, expected: dict[str, Any]
) -> None:
    switch.asterisk(form(name))
    [saved] = switch.history()
    assert (saved.call_id, saved.line, saved.date) == ("1793527800.41", LINE, STARTED)
    assert fields(saved, expected) == expected


@pytest.mark.parametrize(
    ("legs", "user"),
    [
        (["leg-lost", "leg-answered", "answered"], "101"),
        (["answered", "leg-answered", "leg-lost"], "101"),
        (["leg-lost", "missed", "leg-lost"], "102"),
    ],
)
def test_the_legs_of_a_ring_group_make_one_entry(
    switch: Switch, legs: list[str], user: str
) -> None:
    for leg in legs:
        switch.freeswitch(record(leg))
    [saved] = switch.history()
    assert (saved.call_id, saved.phone, saved.line) == (UUID, CALLER, LINE)
    assert saved.user == user
    assert saved.status == ("success" if "answered" in legs else "missed")


@pytest.mark.parametrize("name", ["answered", "outgoing", "menu"])
@pytest.mark.parametrize("encoding", ["form", "base64", "plain values", "repeated"])
def test_whatever_mod_json_cdr_is_told_about_encoding(
    deployment: Deployment, switch: Switch, name: str, encoding: str
) -> None:
    body = record(name)
    if encoding == "form":
        switch.freeswitch(b"cdr=" + quote(body, safe="").encode(), FORM)
    elif encoding == "base64":
        encoded = base64.b64encode(body)
        switch.freeswitch(b"cdr=" + encoded, "application/x-www-form-base64-encoded")
    elif encoding == "plain values":
        values = json.loads(body)
        values["variables"] = {each: unquote(value) for each, value in values["variables"].items()}
        switch.freeswitch(json.dumps(values).encode())
    else:
        switch.freeswitch(body)
        switch.freeswitch(body)
    [saved] = switch.history()
    assert fields(saved, FREESWITCH[name]) == FREESWITCH[name]
    assert len(deployment.simulator.calls("history")) == 1


def test_a_channel_of_no_location_is_none_of_ours(switch: Switch) -> None:
    assert "ignored" in switch.freeswitch(record("internal"))
    assert "ignored" in switch.asterisk(form("internal"))
    assert switch.history() == []


# Ringing, as the recipes say it


# Who may, and what else comes


@pytest.mark.parametrize("path", ["/calls", "/calls/freeswitch", "/calls/asterisk"])
@pytest.mark.parametrize("wrong", [None, "", "guess", "of another account", "one letter off"])
def test_a_wrong_key_opens_no_door(
    deployment: Deployment, key: str, path: str, wrong: str | None
) -> None:
    other = deployment.press(deployment.visit(deployment.simulator.grant(4777, owner=OTHER)))
    guesses = {
        "of another account": other.pbx_key,
        "one letter off": key[:-1] + ("A" if key[-1] != "A" else "B"),
    }
    body = {
        "/calls/freeswitch": record("answered"),
        "/calls/asterisk": form("answered"),
    }.get(path, json.dumps(json.loads(fences("json")[1])).encode())
    answer = deployment.call(body, guesses.get(wrong or "", wrong), path=path)
    assert answer[0] == (403 if wrong == "of another account" else 401)
    deployment.drain_calls()
    assert deployment.rows("CALLS_TABLE") == []


def damaged(name: str, place: list[Any], value: Any) -> bytes:
    values = json.loads(record(name))
    inside = values
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = value
    return json.dumps(values).encode()


@pytest.mark.parametrize(
    ("body", "content_type", "field"),
    [
        (b"", "application/json", "not a record"),
        (b"[]", "application/json", "not a record"),
        (b"[" * 200_000, "application/json", "not a record"),
        (b"cdr=%ff", FORM, "not a record"),
        (b"cdr={", FORM, "not a record"),
        (b"cdr=!", "application/x-www-form-base64-encoded", "not a record"),
        (b'{"variables":[]}', "application/json", "variables"),
        (damaged("answered", ["callflow"], []), "application/json", "callflow"),
        (damaged("answered", ["callflow"], {}), "application/json", "callflow"),
        (damaged("answered", ["callflow", 0], 1), "application/json", "callflow"),
        (
            damaged("answered", ["callflow", 0, "caller_profile"], ""),
            "application/json",
            "caller_profile",
        ),
        (
            damaged("answered", ["variables", "altegio_location_id"], "x' OR 1"),
            "application/json",
            "altegio_location_id",
        ),
        (
            damaged("answered", ["variables", "start_epoch"], "9" * 12),
            "application/json",
            "start_epoch",
        ),
        (
            damaged("answered", ["variables", "altegio_direction"], "up"),
            "application/json",
            "direction",
        ),
    ],
)
def test_a_bad_record_of_freeswitch_is_named(
    deployment: Deployment, key: str, body: bytes, content_type: str, field: str
) -> None:
    status, answer = deployment.call(
        body, key, path="/calls/freeswitch", content_type=content_type, query=f"uuid={UUID}"
    )
    assert status == 400
    assert answer["error"].startswith(field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"\xff=", "not a form"),
        (b"&".join(b"a=1" for _ in range(51)), "not a form"),
        (b"location_id=4564", "event"),
        (b"location_id=4564&event=dance", "event"),
        (b"location_id=four&event=hangup", "location_id"),
        (b"location_id=4564&event=ringing&linkedid=1.2&line=1&epoch=now", "epoch"),
        (b"location_id=4564&event=hangup&linkedid=1.2&line=1&start=1", "start"),
        (b"location_id=4564&event=hangup&line=1&start=1793527800", "call_id"),
    ],
)
def test_a_bad_form_of_asterisk_is_named(
    deployment: Deployment, key: str, body: bytes, field: str
) -> None:
    status, answer = deployment.call(body, key, path="/calls/asterisk", content_type=FORM)
    assert status == 400
    assert answer["error"].startswith(field)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)

_places = st.sampled_from(
    [
        ["variables"],
        ["callflow"],
        ["callflow", 0, "caller_profile"],
        ["callflow", 0, "caller_profile", "originatee"],
        ["callflow", 0, "caller_profile", "uuid"],
        *(
            ["variables", name]
            for name in (
                "altegio_location_id",
                "altegio_line",
                "altegio_recording_url",
                "start_epoch",
                "answer_epoch",
                "end_epoch",
                "dialed_user",
            )
        ),
    ]
)


def translated(translate: Any, body: bytes, content_type: str = "application/json") -> None:
    """An event, or the one refusal that the door knows."""
    try:
        event = translate(body, content_type, {})
        if event is not None:
            as_event(event)
    except BadEvent as error:
        if not str(error):
            raise


@given(place=_places, value=_json)
def test_a_record_with_anything_anywhere_is_an_event_or_refused(
    place: list[Any], value: Any
) -> None:
    translated(pbx.freeswitch, damaged("answered", place, value))


@given(body=st.binary(), kind=st.sampled_from(["", FORM, "application/x-www-form-base64-encoded"]))
def test_any_bytes_are_an_event_or_refused(body: bytes, kind: str) -> None:
    translated(pbx.freeswitch, body, kind)
    translated(pbx.asterisk, body, kind)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "event",
                "location_id",
                "start",
                "answeredtime",
                "billsec",
                "epoch",
                "line",
                "linkedid",
            ]
        ),
        st.text() | st.sampled_from(["hangup", "ringing", "4564", "1793527800"]),
    )
)
def test_any_form_is_an_event_or_refused(told: dict[str, str]) -> None:
    text = "&".join(f"{name}={quote(value)}" for name, value in told.items())
    translated(pbx.asterisk, text.encode())
