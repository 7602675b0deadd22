"""Asterisk: what real switches and older recipes send, through the door, to the platform."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.simulator.telephony import SavedCall
from shared.calls.pbx import asterisk
from tests.calls.pbx.recipes import Switch
from tests.calls.recorded import ASTERISK, FORM, LINE, STARTED, by_line, fields, form, translated
from tests.deployment import Deployment
from tests.docs import pages
from tests.live import captures
from tests.live.calls import CALLS, NOT_TRIED
from tests.live.judge import wrong

PAGE = "docs/pbx/asterisk.md"
CAPTURED = sorted(captures.FOLDER.glob("asterisk-*.txt"))


# What real switches have sent


def test_two_versions_were_captured() -> None:
    names = [each.stem for each in CAPTURED]
    assert [re.sub(r"\.[0-9.]+$", "", name) for name in names] == ["asterisk-16", "asterisk-22"]
    # The page says which.
    assert all(f"| {name.removeprefix('asterisk-')} |" in pages.text(PAGE) for name in names[1:])


@pytest.mark.parametrize("written", [bytes, by_line], ids=["by location", "by line"])
@pytest.mark.parametrize("file", CAPTURED, ids=lambda file: file.stem)
def test_what_a_switch_has_sent_stands_in_the_history(
    deployment: Deployment, file: Path, written: Callable[[bytes], bytes]
) -> None:
    calls = captures.read(file)
    began = {each.name: float(rang(each.forms[0])) for each in calls}
    deployment.clock.at = STARTED.fromtimestamp(min(began.values()), STARTED.tzinfo)
    switch = Switch(deployment, deployment.connect(4564).pbx_key)
    shown = {}
    entries: dict[str, list[SavedCall]] = {}
    for each in sorted(calls, key=lambda call: began[call.name]):
        deployment.clock.at = STARTED.fromtimestamp(began[each.name], STARTED.tzinfo)
        before = len(deployment.simulator.pop_ups())
        for told in each.forms:
            switch.asterisk(written(told.encode()))
        shown[each.name] = deployment.simulator.pop_ups()[before:]
    for saved in switch.history():
        entries.setdefault(saved.call_id, []).append(saved)
    assert len(entries) == len(calls)
    found = {}
    for each in calls:
        [linked] = parse_qs(each.forms[-1])["linkedid"]
        own = entries[linked.replace(" ", "%20")]
        found[each.name] = wrong(each.right, each.caller, began[each.name], own, shown[each.name])
    assert found == dict.fromkeys(began, "")
    assert len(calls) > 35


def test_the_page_has_each_call_that_is_tried_and_what_is_not() -> None:
    rows = {cells[0]: cells[1:] for cells in pages.rows(PAGE, "## What was tried")}
    assert {each.name for each in CALLS} <= set(rows)
    assert {cell for cells in rows.values() for cell in cells} == {"right"}
    tried = pages.section(PAGE, "## What was tried")
    assert re.findall(r"^- (.*)$", tried, re.MULTILINE) == list(NOT_TRIED)


def rang(told: str) -> str:
    [second] = parse_qs(told)["rang"]
    return second


def recipe() -> str:
    [text] = [block for language, block in pages.blocks(PAGE) if "[altegio]" in block]
    return text


def told_by_the_recipe(variable: str) -> list[str]:
    found = re.search(rf"Set\({variable}=(.*)\)$", recipe(), re.MULTILINE)
    assert found
    names = re.findall(r"(?:^|[&,])([a-z_]+)=", found[1])
    return names + (told_by_the_recipe("ALTEGIO_CALL") if "${ALTEGIO_CALL}" in found[1] else [])


@pytest.mark.parametrize("file", CAPTURED, ids=lambda file: file.stem)
def test_the_recipe_is_the_one_that_was_captured(file: Path) -> None:
    """Whoever changes it lets the switches call again: `make live LIVE=--keep`."""
    expected = {
        "ringing": told_by_the_recipe("ALTEGIO_TOLD"),
        "hangup": told_by_the_recipe("ALTEGIO_END"),
    }
    for each in captures.read(file):
        for told in each.forms:
            names = [name for name, _ in parse_qsl(told, keep_blank_values=True)]
            assert names == expected[dict(parse_qsl(told))["event"]], each.name


def test_the_recipe_shows_its_key_to_nobody() -> None:
    # As a function's argument it is no application's, which a switch would log.
    [line] = [each for each in recipe().splitlines() if "KEY)" in each]
    assert "${LEN(${SET(CURLOPT(userpwd)=pbx:KEY)})}" in line
    assert recipe().count("KEY") == 2  # the other is in the variable's name
    assert "CURLOPT(ssl_verifypeer)=1" in recipe()
    assert set(re.findall(r"CURL\(([^,]*),", recipe())) == {"https://api.example/calls/asterisk"}


# What the translation makes of it

TALK = {
    "one": ("+100:PJSIP/101-01|-105:PJSIP/101-01|", 5, "101"),
    "the caller hangs up": ("+100:PJSIP/101-01|", 20, "101"),
    "blind transfer": ("+100:PJSIP/101-01|-103:PJSIP/101-01|+110:PJSIP/102-02|", 13, "102"),
    "goes on elsewhere": ("+100:PJSIP/101-01|-103:PJSIP/101-01|", 3, "101"),
    "a Local channel that leaves": (
        "+100:Local/102@agents-0;1|+100:PJSIP/102-01|-104:PJSIP/102-01|",
        4,
        "102",
    ),
    "only a Local channel": ("+100:Local/102@agents-0;1|", 20, "102"),
    "two at once": (
        "+100:PJSIP/101-01|+102:PJSIP/102-02|-105:PJSIP/101-01|-109:PJSIP/102-02|",
        9,
        "102",
    ),
    "handed over": ("+100:PJSIP/101-01|-104:PJSIP/101-01|-110:PJSIP/102-02|", 10, "102"),
    "to a mobile": ("+100:PJSIP/101-01|-103:PJSIP/101-01|+110:PJSIP/trunk-02|", 13, "101"),
    "a name that is no number": ("+100:PJSIP/anna-01|-105:PJSIP/anna-01|", 5, ""),
    "chan_sip": ("+100:SIP/101-0000001a|-105:SIP/101-0000001a|", 5, "101"),
    "a clock that was set meanwhile": ("+100:PJSIP/101-01|-1793527800:PJSIP/101-01|", 0, "101"),
    "a clock that went back": ("+100:PJSIP/101-01|-90:PJSIP/101-01|", 0, "101"),
    "somebody nobody knows first": (
        "-90:PJSIP/103-01|+100:PJSIP/101-01|-105:PJSIP/101-01|",
        5,
        "101",
    ),
}


def ended(**told: str) -> dict[str, Any]:
    call = {"location_id": "4564", "event": "hangup", "linkedid": "1793527800.41", "line": LINE}
    event = asterisk.read(urlencode({**call, **told}).encode(), FORM, {})
    assert event is not None
    return event


def test_a_space_costs_no_call() -> None:
    assert ended(location_id=" 4564 ")["location_id"] == 4564


@pytest.mark.parametrize("name", TALK)
def test_talk_is_when_people_talked(name: str) -> None:
    talk, seconds, extension = TALK[name]
    event = ended(talk=talk, ended="120", dialstatus="NOANSWER")
    assert (event["answered"], event["duration_s"]) == (True, seconds)
    assert event["extension"] == extension


@pytest.mark.parametrize(
    ("told", "seconds", "extension"),
    [
        ({"connectedline": "102"}, 20, "102"),
        ({"connectedline": "102", "dialstatus": "ANSWER"}, 20, "102"),
        ({"connectedline": "+13155550199"}, 20, "101"),
        # What it is not: nobody else, another Dial(), a blind transfer, the end.
        ({"connectedline": "101"}, 4, "101"),
        ({"connectedline": ""}, 4, "101"),
        ({"connectedline": "103", "dialstatus": "NOANSWER"}, 4, "101"),
        ({"connectedline": "103", "blindtransfer": "PJSIP/101-01"}, 4, "101"),
        ({"connectedline": "102", "ended": "105"}, 4, "101"),
    ],
)
def test_a_caller_who_was_handed_over_talks_on(
    told: dict[str, str], seconds: int, extension: str
) -> None:
    talk = "+100:PJSIP/101-01|-104:PJSIP/101-01|"
    event = ended(**{"talk": talk, "ended": "120", **told})
    assert (event["duration_s"], event["extension"]) == (seconds, extension)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"dialstatus": "ANSWER", "answeredtime": "7", "billsec": "12"}, (True, 7)),
        ({"dialstatus": "ANSWER", "billsec": "12"}, (True, 12)),
        ({"dialstatus": "ANSWER", "billsec": "-1"}, (True, 0)),
        ({"dialstatus": "ANSWER", "answeredtime": "", "billsec": ""}, (True, 0)),
        ({"dialstatus": "NOANSWER", "billsec": "12"}, (False, 0)),
        ({"talk": "nothing", "dialstatus": "ANSWER", "answeredtime": "7"}, (True, 7)),
        # Of a call that was picked up only its end is told.
        ({"talk": "-1:PJSIP/102-01|", "dialstatus": "ANSWER", "answeredtime": "7"}, (True, 7)),
        ({"talk": "-100:PJSIP/101-01|", "ended": "120"}, (False, 0)),
    ],
)
def test_without_the_subroutine_asterisk_tells_what_it_knows(
    told: dict[str, str], expected: tuple[bool, int]
) -> None:
    event = ended(**told)
    assert (event["answered"], event["duration_s"]) == expected


@pytest.mark.parametrize(
    ("told", "extension"),
    [
        ({"dialedpeernumber": "101"}, "101"),
        ({"dialedpeernumber": "PJSIP/101"}, "101"),
        ({"dialedpeernumber": "101/sip:101@192.0.2.1:5060"}, "101"),
        ({"dialedpeernumber": "102@agents"}, "102"),
        ({"dialedpeernumber": "trunk/sip:+13155550199@192.0.2.1"}, ""),
        ({"memberinterface": "PJSIP/102", "dialedpeernumber": "anna@agents"}, "102"),
        ({"memberinterface": "Local/102@agents/n"}, "102"),
        ({"blindtransfer": "PJSIP/101-0000003f"}, "101"),
        ({"dialedpeernumber": "101", "connectedline": "102", "dialstatus": "ANSWER"}, "102"),
        ({"dialedpeernumber": "101", "connectedline": "103", "dialstatus": "NOANSWER"}, "101"),
    ],
)
def test_whose_telephone_it_was(told: dict[str, str], extension: str) -> None:
    assert ended(**told)["extension"] == extension


@pytest.mark.parametrize(
    ("told", "at"),
    [
        ({"rang": "1793527800", "start": "1793527804.4"}, "10:10:00"),
        # A Dial() that failed, and a transfer, begin another record.
        ({"linkedid": "1793527800.41", "start": "1793527804.4"}, "10:10:00"),
        ({"linkedid": "Main office-1793527800.41", "start": ""}, "10:10:00"),
        ({"linkedid": "of-somebody-else", "start": "1793527804.4"}, "10:10:04"),
    ],
)
def test_a_call_is_dated_when_it_rang(told: dict[str, str], at: str) -> None:
    assert ended(**told)["started_at"] == f"2026-11-01T{at}+00:00"


@pytest.mark.parametrize(
    ("told", "phone"),
    [
        ({}, "+13155550175"),
        ({"pres": "allowed_not_screened", "privacy": "none"}, "+13155550175"),
        ({"pres": "prohib_passed_screen"}, ""),
        ({"pres": "prohib"}, ""),
        ({"pres": "allowed_not_screened", "privacy": "id"}, ""),
        ({"privacy": "user; ID"}, ""),
    ],
)
def test_whoever_hides_is_not_shown(told: dict[str, str], phone: str) -> None:
    assert ended(callerid="+13155550175", **told)["phone"] == phone
    # His own extension's presentation hides nobody whom he calls.
    outgoing = ended(callerid="101", direction="outgoing", exten="+13155550199", **told)
    assert (outgoing["phone"], outgoing["extension"]) == ("+13155550199", "101")


# What an older recipe sent, or one of somebody's own


@pytest.mark.parametrize(("name", "expected"), ASTERISK.items())
def test_a_call_of_asterisk_stands_in_the_history(
    switch: Switch, name: str, expected: dict[str, Any]
) -> None:
    switch.asterisk(form(name))
    [saved] = switch.history()
    assert (saved.call_id, saved.line, saved.date) == ("1793527800.41", LINE, STARTED)
    assert fields(saved, expected) == expected


@pytest.mark.parametrize(
    ("name", "outcome"), [("ringing", "sent"), ("ringing-hidden", "the caller hides")]
)
def test_a_ringing_call_of_an_older_recipe_is_shown(
    deployment: Deployment, switch: Switch, name: str, outcome: str
) -> None:
    now = b"epoch=%d" % deployment.clock().timestamp()
    answer = switch.asterisk(re.sub(rb"epoch=[0-9]+", now, form(name)))
    assert answer["pop_up"] == outcome


# What it is not


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"&".join(b"a=1" for _ in range(201)), "not a form"),
        (b"location_id=4564", "event"),
        (b"line=1", "event"),
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


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "event",
                "location_id",
                "start",
                "rang",
                "ended",
                "talk",
                "answeredtime",
                "billsec",
                "epoch",
                "line",
                "linkedid",
            ]
        ),
        st.text()
        | st.sampled_from(["hangup", "ringing", "4564", "1793527800", "+9:PJSIP/1-1|-8:a|"]),
    )
)
def test_any_form_is_an_event_or_refused(told: dict[str, str]) -> None:
    text = "&".join(f"{name}={quote(value)}" for name, value in told.items())
    translated(asterisk.read, text.encode())
