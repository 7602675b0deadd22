"""FreeSWITCH: records as it sends them, and its recipe, through the door, to the platform."""

import base64
import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calls.pbx import freeswitch
from tests.calls.pbx.recipes import Switch, encoded, expanded
from tests.calls.recorded import (
    CALLER,
    FORM,
    FREESWITCH,
    LINE,
    LIVE,
    STARTED,
    UUID,
    damaged,
    fences,
    fields,
    record,
    translated,
)
from tests.deployment import Deployment


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


def parsed(xml: str) -> ET.Element:
    return ET.fromstring(xml)  # noqa: S314 - of our own


@pytest.fixture
def freeswitch_ringing() -> tuple[str, str]:
    """The path and the query of the recipe's request, and its key's place."""
    [xml] = [each for each in fences("xml") if "altegio-incoming" in each]
    actions = [
        (each.attrib["application"], each.attrib["data"]) for each in parsed(xml).iter("action")
    ]
    # As an application the module takes its time-outs from these only, and not from its words.
    *before, (last, told) = actions
    assert last == "curl"
    assert before[-2:] == [("set", "curl_connect_timeout=1"), ("set", "curl_timeout=3")]
    url, *rest = told.split(" ")
    # Without the first it checks no certificate; what follows the last would be the body.
    assert rest == ["secure", "post"]
    parts = urlsplit(url)
    assert (parts.scheme, parts.username, parts.password) == ("https", "pbx", "KEY")
    return parts.path, parts.query


@pytest.mark.parametrize(
    ("caller", "outcome"), [(CALLER, "sent"), ("anonymous", "the caller hides")]
)
def test_the_recipe_of_freeswitch_shows_who_rings(
    deployment: Deployment,
    switch: Switch,
    freeswitch_ringing: tuple[str, str],
    caller: str,
    outcome: str,
) -> None:
    path, query = freeswitch_ringing
    now = str(int(deployment.clock().timestamp()))
    call = {"uuid": UUID, "caller_id_number": caller}
    functions = {"url_encode": encoded, "strepoch": lambda _now: now}
    answer = switch.post(path, b"", FORM, expanded(query, call, functions))
    assert answer["pop_up"] == outcome
    shown = [(each.phone, each.line) for each in deployment.simulator.pop_ups()]
    assert shown == ([(CALLER, LINE)] if outcome == "sent" else [])


def test_the_recipe_of_freeswitch_sets_what_its_records_carry() -> None:
    incoming, outgoing = (
        {
            name: value
            for action in parsed(xml).iter("action")
            if action.attrib["application"] in ("set", "export")
            for name, _, value in [action.attrib["data"].partition("=")]
            if name.startswith("altegio_")
        }
        for xml in fences("xml")
        if "<extension" in xml
    )
    for name, recipe in (("answered", incoming), ("outgoing", outgoing)):
        variables = json.loads(record(name))["variables"]
        assert {each: unquote(variables[each]) for each in recipe} == recipe
    exported = unquote(json.loads(record("answered"))["variables"]["export_vars"])
    assert exported == ",".join(incoming)


def test_the_module_of_freeswitch_posts_as_the_door_takes_it() -> None:
    [xml] = [each for each in fences("xml") if "json_cdr.conf" in each]
    params = {each.attrib["name"]: each.attrib["value"] for each in parsed(xml)[0]}
    assert urlsplit(params["url"]).path == "/calls/freeswitch"
    assert (params["auth-scheme"], params["cred"]) == ("basic", "pbx:KEY")
    # The module names the record's type by this, and with the other forgets it again.
    assert params["encode"] == "false"
    assert "disable-100-continue" not in params
    assert params["enable-cacert-check"] == params["enable-ssl-verifyhost"] == "true"


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


@given(place=_places, value=_json)
def test_a_record_with_anything_anywhere_is_an_event_or_refused(
    place: list[Any], value: Any
) -> None:
    translated(freeswitch.read, damaged("answered", place, value))
