"""PBXes in their own formats: what holds for all of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.simulator import Owner
from shared.calls.pbx import asterisk, fields, freeswitch
from tests.calls.pbx.recipes import Switch
from tests.calls.recorded import (
    ASTERISK,
    FORM,
    FREESWITCH,
    LIVE,
    RECORDED,
    fences,
    form,
    record,
    translated,
)
from tests.calls.telling import calls_in
from tests.deployment import Deployment

OTHER = Owner(id=7002, name="Ivo", phone="49301234567", email="ivo@example.com")


def test_every_record_is_expected() -> None:
    legs = {"leg-lost", "leg-answered", "internal"}
    recorded = {path.stem for path in (RECORDED / "freeswitch").iterdir()}
    assert recorded == {*FREESWITCH, *LIVE, *legs}
    rings = {"ringing", "ringing-hidden", "internal"}
    assert {path.stem for path in (RECORDED / "asterisk").iterdir()} == {*ASTERISK, *rings}


def test_a_channel_of_no_location_is_none_of_ours(switch: Switch) -> None:
    assert "ignored" in switch.freeswitch(record("internal"))
    assert "ignored" in switch.asterisk(form("internal"))
    assert switch.history() == []


# The others name no location, so that of another account is none of theirs.
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
    assert calls_in(deployment) == []


def test_the_json_of_the_recipes_is_taken(deployment: Deployment, key: str) -> None:
    posted = [json.loads(each) for each in fences("json")]
    assert [each["type"] for each in posted] == ["ringing", "finished"]
    for each in posted:
        assert deployment.call(each, key)[0] == 202


@given(body=st.binary(), kind=st.sampled_from(["", FORM, "application/x-www-form-base64-encoded"]))
def test_any_bytes_are_an_event_or_refused(body: bytes, kind: str) -> None:
    translated(freeswitch.read, body, kind)
    translated(asterisk.read, body, kind)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"a=Zo%EB&b=1", "Zo\N{REPLACEMENT CHARACTER}"),
        (b"a=Zo\xeb&b=1", "Zo\N{REPLACEMENT CHARACTER}"),
        (b"a=Zo%C3%AB&b=1", "Zoë"),
        (b"a=%00%1b&b=1", "\x00\x1b"),
        (b"a=1%2B1+%2525&b=1", "1+1 %25"),
        (b"b=1&a=%", "%"),
    ],
)
def test_one_field_of_a_form_costs_no_other(body: bytes, name: str) -> None:
    assert fields.form_of(body) == {"a": name, "b": "1"}


@pytest.mark.parametrize("name", ["channel_data", "app_log", "callflow"])
def test_null_is_as_good_as_missing(name: str) -> None:
    told = json.loads(record("missed"))
    without = {each: value for each, value in told.items() if each != name}
    read = [
        freeswitch.read(json.dumps(each).encode(), "application/json", {})
        for each in ({**told, name: None}, without)
    ]
    assert read[0] == read[1]
    assert read[0] is not None
