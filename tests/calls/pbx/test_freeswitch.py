"""FreeSWITCH: records as it sends them, and its recipe, through the door, to the platform."""

import base64
import json
import re
import shlex
from datetime import timedelta
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest

from tests.calls.pbx.captured import captured
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
    fields,
    record,
)
from tests.deployment import Deployment
from tests.docs import pages

PAGE = "docs/pbx/freeswitch.md"


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


def url_encoded(text: str) -> str:
    """What the switch's own function makes of a text: what looks encoded, it leaves as it is.

    https://github.com/signalwire/freeswitch/blob/v1.10.12/src/switch_utils.c (url_encode_opt)
    """
    unsafe = re.compile(r"%(?![0-9A-F]{2})|[^ -~]|[ #&+:;<=>?@\[\\\]^`{|}\"]")
    return unsafe.sub(lambda found: quote(found[0], safe=""), text)


@pytest.mark.parametrize("name", ["answered", "outgoing", "menu"])
@pytest.mark.parametrize("encoding", ["form", "base64", "plain values", "repeated"])
def test_whatever_mod_json_cdr_is_told_about_encoding(
    deployment: Deployment, switch: Switch, name: str, encoding: str
) -> None:
    body = record(name)
    text = json.dumps(json.loads(body), separators=(",", ":"))
    if encoding == "form":
        switch.freeswitch(f"cdr={url_encoded(text)}".encode(), FORM)
    elif encoding == "base64":
        encoded = base64.b64encode(text.encode())
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


def parsed(part: str) -> ET.Element:
    """The recipe's one document with these words in it."""
    [xml] = [xml for language, xml in pages.blocks(PAGE) if language == "xml" and part in xml]
    return ET.fromstring(xml)  # noqa: S314 - of our own


def key_name() -> str:
    """The variable of the whole switch that has the key."""
    preprocessed = parsed("X-PRE-PROCESS").attrib
    name, _, value = preprocessed["data"].partition("=")
    assert (preprocessed["cmd"], value) == ("set", "KEY")
    return name


def actions(name: str) -> list[tuple[str, str]]:
    return [
        (each.attrib["application"], each.attrib["data"]) for each in parsed(name).iter("action")
    ]


def assigned(steps: list[tuple[str, str]], *applications: str) -> dict[str, str]:
    return {
        name: value
        for application, data in steps
        if application in applications
        for name, _, value in [data.partition("=")]
    }


@pytest.mark.parametrize(
    ("call", "outcome"),
    [
        ({}, "sent"),
        ({"sip_Privacy": "none"}, "sent"),
        ({"caller_id_number": "anonymous"}, "the caller hides"),
        ({"sip_Privacy": "id"}, "the caller hides"),
        ({"sip_Privacy": "user;id"}, "the caller hides"),
        ({"sip_Privacy": "header"}, "the caller hides"),
        ({"privacy_hide_number": "true"}, "the caller hides"),
        ({"sip_from_uri": "anonymous@anonymous.invalid"}, "the caller hides"),
    ],
)
def test_the_recipe_of_freeswitch_shows_who_rings(
    deployment: Deployment, key: str, call: dict[str, str], outcome: str
) -> None:
    now = str(int(deployment.clock().timestamp()))
    values = {
        "uuid": UUID,
        "caller_id_number": CALLER,
        "sip_Privacy": "",
        "privacy_hide_number": "false",
        "sip_from_uri": f"{CALLER}@trunk.example",
        **call,
    }
    steps = actions("altegio-incoming")
    privacy = assigned(steps, "export")["altegio_privacy"]
    values["altegio_privacy"] = expanded(privacy, values, {})
    sent: list[str] = []

    def requested(words: str) -> str:
        sent.append(words)
        return '{"success": true}'

    functions = {
        "url_encode": encoded,
        "strepoch": lambda _now: now,
        "global_getvar": {key_name(): key}.__getitem__,
        "curl": requested,
    }
    expanded(assigned(steps, "set")["altegio_told"], values, functions)
    url, *rest = shlex.split(sent[0])
    # As a function the module takes these words; without `secure` it checks no certificate.
    assert rest == [
        *("append_headers", f"Authorization: Bearer {key}"),
        *("secure", "connect-timeout", "1", "timeout", "3", "post"),
    ]
    # It takes ten words at most.
    assert len(rest) < 10
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc) == ("https", "api.example")
    answer = deployment.call(b"", key, path=parts.path, content_type=FORM, query=parts.query)
    assert (answer[0], answer[1]["pop_up"]) == (202, outcome)
    shown = [(each.phone, each.line) for each in deployment.simulator.pop_ups()]
    assert shown == ([(CALLER, LINE)] if outcome == "sent" else [])


def test_the_recipe_of_freeswitch_is_what_the_live_switch_was_told() -> None:
    told = {"incoming": captured("group")[1], "outgoing": captured("outgoing")[0]}
    exported = assigned(actions("altegio-incoming"), "export")
    for direction, posted in told.items():
        steps = actions(f"altegio-{direction}")
        ran = [
            each["app_name"]
            for each in json.loads(posted["body"])["app_log"]["applications"]
            if not each["app_data"].startswith("altegio_location_id=")
        ]
        extension = [
            (each["app_name"], each["app_data"])
            for entry in json.loads(posted["body"])["callflow"]
            for each in entry["extension"]["applications"]
            if not each["app_data"].startswith("altegio_location_id=")
        ]
        assert ran[: len(steps)] == [name for name, _ in steps]
        for (name, data), (live_name, live) in zip(steps, extension, strict=False):
            assert name == live_name
            tried = live.replace("http://127.0.0.1:18080", "https://api.example")
            tried = tried.replace("altegio_location_id=4564&", "")
            assert tried.replace("13155550177", "13155550176") == data
    variables = json.loads(told["incoming"]["body"])["variables"]
    # There each call named its location besides.
    assert unquote(variables["export_vars"]).split(",") == ["altegio_location_id", *exported]


def test_the_module_of_freeswitch_posts_as_the_door_takes_it() -> None:
    params = {each.attrib["name"]: each.attrib["value"] for each in parsed("json_cdr.conf")[0]}
    assert urlsplit(params["url"]).path == "/calls/freeswitch"
    assert (params["auth-scheme"], params["cred"]) == ("basic", f"pbx:$${{{key_name()}}}")
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
