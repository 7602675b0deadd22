"""Records of FreeSWITCH that are not as the live ones were: what can be told from them is told."""

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calls.event import BadEvent
from shared.calls.pbx import freeswitch
from tests.calls.pbx.captured import captured
from tests.calls.recorded import FORM, translated

type Record = dict[str, Any]
CALL = "+13155550607"


def live(name: str) -> Record:
    """The caller's own channel."""
    record = json.loads(captured(name)[1]["body"])
    assert isinstance(record, dict)
    return record


def told(record: Record) -> dict[str, Any]:
    event = freeswitch.read(json.dumps(record).encode(), "application/json", {})
    assert event is not None
    return event


def without_callflow(record: Record) -> None:
    del record["callflow"]


def without_times(record: Record) -> None:
    for each in record["callflow"]:
        del each["times"]


def without_start(record: Record) -> None:
    del record["variables"]["start_epoch"]


def in_microseconds(record: Record) -> None:
    variables = record["variables"]
    for name in ("start", "answer", "bridge", "end"):
        variables[f"{name}_epoch"] = variables[f"{name}_uepoch"]


def as_numbers(record: Record) -> None:
    for each in record["callflow"]:
        each["times"] = {name: int(value) for name, value in each["times"].items()}
    for name in ("start_epoch", "answer_epoch", "bridge_epoch", "end_epoch", "uuid"):
        value = record["variables"][name]
        record["variables"][name] = int(value) if value.isdecimal() else value


def in_seconds(record: Record) -> None:
    for each in record["callflow"]:
        each["times"] = {name: str(int(value) // 10**6) for name, value in each["times"].items()}


def with_nonsense_that_nobody_reads(record: Record) -> None:
    record["variables"] |= {"billsec": "-1", "hangup_cause": "LOSE_RACE", "duration": ""}
    del record["app_log"], record["callStats"], record["core-uuid"]


def with_nulls(record: Record) -> None:
    record["variables"] |= {"altegio_extension": None, "altegio_recording_url": None}


@pytest.mark.parametrize(
    "change",
    [
        without_callflow,
        without_times,
        without_start,
        in_microseconds,
        as_numbers,
        in_seconds,
        with_nonsense_that_nobody_reads,
        with_nulls,
    ],
)
def test_a_call_is_told_from_what_is_left_of_its_record(change: Callable[[Record], None]) -> None:
    record = live("privacy-id")
    before = told(record)
    assert before["answered"]
    change(record)
    after = told(record)
    # Whole seconds of two moments may lie one further apart than the moments.
    assert abs(before.pop("duration_s") - after.pop("duration_s")) <= 1
    assert after == before


@pytest.mark.parametrize("name", ["attended", "blind-answered", "blind-unanswered", "pickup"])
def test_the_order_of_a_calls_places_does_not_matter(name: str) -> None:
    record = live(name)
    before = told(record)
    assert len(record["callflow"]) == 2
    record["callflow"].reverse()
    assert told(record) == before
    for each in record["callflow"]:
        del each["times"]["profile_created_time"]
    assert told(record)["extension"] == before["extension"]


@pytest.mark.parametrize(
    ("name", "value", "hides"),
    [
        ("sip_Privacy", "id", True),
        ("sip_Privacy", "user;id", True),
        ("sip_Privacy", "ID; critical", True),
        ("sip_Privacy", "user", True),
        ("sip_Privacy", "header", True),
        ("sip_Privacy", "full", True),
        ("sip_Privacy", "none", False),
        ("sip_Privacy", "critical", False),
        ("sip_h_Privacy", "id", True),
        ("sip_i_privacy", "id", True),
        ("privacy_hide_number", "true", True),
        ("privacy_hide_number", "false", False),
        ("origination_privacy", "hide_name:hide_number", True),
        ("origination_privacy", "hide_name", False),
        ("sip_from_uri", "anonymous@anonymous.invalid", True),
        ("sip_from_uri", "Anonymous@trunk.example", True),
        ("sip_from_uri", "user@trunk.example", False),
        ("sip_Remote-Party-ID", "<sip:1@trunk.example>;party=calling;privacy=full", True),
        ("sip_Remote-Party-ID", "<sip:1@trunk.example>;party=calling;privacy=off", False),
        ("altegio_privacy", ";false;+13155550175@trunk.example", False),
    ],
)
@pytest.mark.parametrize("encode", [str, partial(quote, safe="")])
def test_a_caller_who_hides_is_hidden(
    name: str, value: str, encode: Callable[[str], str], *, hides: bool
) -> None:
    record = live("group")
    record["variables"][name] = encode(value)
    assert told(record)["phone"] == ("" if hides else CALL)
    # That the salon hides its own number hides nobody from it.
    record["variables"]["altegio_direction"] = "outgoing"
    assert told(record)["phone"] == "+13155550177"


def test_a_phone_that_only_plays_a_tone_has_not_answered() -> None:
    record = live("group")
    record["callflow"][0]["times"]["answered_time"] = "0"
    event = told(record)
    assert (event["answered"], event["duration_s"]) == (False, 0)


@pytest.mark.parametrize(("step", "seconds"), [("voicemail", 1), ("playback", 2), ("set", 2)])
def test_a_talk_ends_where_the_dialplan_goes_on(step: str, seconds: int) -> None:
    record = live("group")
    began = int(record["callflow"][0]["times"]["bridged_time"])
    then = {"app_name": step, "app_data": "", "app_stamp": str(began + 10**6)}
    record["app_log"]["applications"].append(then)
    assert told(record)["duration_s"] == seconds


def test_what_a_web_phone_registers_under_is_no_extension() -> None:
    record = live("menu")
    both = record["callflow"][0]["caller_profile"]["originatee"]["originatee_caller_profiles"]
    for taken in both:
        taken |= {"destination_number": "kfj2k3j8", "chan_name": "sofia/internal/kfj2k3j8@x"}
    assert told(record)["extension"] == "101"


@pytest.mark.parametrize("created", ["1793527800", "1793527800123", "1793527800123456"])
def test_a_moment_may_be_told_in_any_unit(created: str) -> None:
    query = {"caller_id_number": "1", "uuid": "c-1", "created": created}
    event = freeswitch.read(b"", FORM, query)
    assert event is not None
    assert event["at"] == "2026-11-01T10:10:00+00:00"


def named(name: str) -> bytes:
    """A call under encode=true, whose caller goes by this name."""
    [_, posted] = captured("encode-true")
    before = "caller_id%22%3A%22"
    assert posted["body"].count(before) == 1
    return str(posted["body"]).replace(before, f"{before}{quote(name)}").encode()


@pytest.mark.parametrize("other", ["4777", "4777%22,%22y%22:%22", "%2B1"])
def test_a_callers_name_moves_no_call_to_another_location(other: str) -> None:
    with pytest.raises(BadEvent, match="use encode=false"):
        freeswitch.read(named(f'x","altegio_location_id":"{other}","z":"'), FORM, {})


def test_a_callers_name_names_no_location_that_the_recipe_leaves_out() -> None:
    told = named('x","altegio_location_id":"4777","z":"').decode()
    left_out, count = re.subn(r"%22altegio_location_id%22%3A%224564%22,", "", told)
    assert count == 1
    event = freeswitch.read(left_out.encode(), FORM, {})
    assert event is not None
    assert (event.get("location_id"), event["line"]) == (None, "+13155550176")


@pytest.mark.parametrize(
    "name", ['x"},"variables":{"y":"z', 'x"},"callflow":[],"y":{"z":"', 'x"},"app_log":{},"y":"']
)
def test_a_callers_name_is_no_part_of_the_record(name: str) -> None:
    event = freeswitch.read(named(name), FORM, {})
    assert event is not None
    assert (event["line"], event["phone"]) == ("+13155550176", "+13155550796")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def places(inside: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where anything stands in a record, at any depth."""
    steps = inside if isinstance(inside, dict) else range(len(inside))
    found = [(*before, step) for step in steps]
    for step in steps:
        if isinstance(inside[step], (dict, list)):
            found += places(inside[step], (*before, step))
    return found


RECORDS = {name: live(name) for name in ("attended", "pickup", "conference", "legs-group")}
PLACES = [
    (name, place)
    for name, record in RECORDS.items()
    for place in places(record)
    if place[0] not in ("callStats", "core-uuid") and "rtp_" not in str(place[-1])
]


@given(at=st.sampled_from(PLACES), value=_json)
def test_a_record_with_anything_anywhere_is_an_event_or_refused(
    at: tuple[str, tuple[Any, ...]], value: Any
) -> None:
    name, place = at
    record = json.loads(json.dumps(RECORDS[name]))
    inside = record
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = value
    body = json.dumps(record).encode()
    translated(freeswitch.read, body)
    translated(freeswitch.read, b"cdr=" + quote(body, safe="").encode(), FORM)


@given(body=st.binary(), kind=st.sampled_from([FORM, "application/x-www-form-base64-encoded", ""]))
def test_any_bytes_are_an_event_or_refused(body: bytes, kind: str) -> None:
    translated(freeswitch.read, body, kind)
    translated(freeswitch.read, b"cdr=" + body, kind)
    translated(freeswitch.read, b'{"variables":{"altegio_location_id":"1","x":"' + body, kind)
