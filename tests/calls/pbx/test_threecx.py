"""3CX: what our template makes it post, through the door, to the platform."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calls.pbx import threecx
from tests.calls.pbx.recipes import Switch
from tests.calls.recorded import CALLER, FORM, LINE, RECORDED, STARTED, fields, form, translated
from tests.calls.telling import calls_in
from tests.deployment import Deployment

ADDRESS = "/calls/3cx"
SENT = {path.stem: path.read_bytes() for path in (RECORDED / "3cx").iterdir()}

MISSED = {
    "direction": "incoming",
    "phone": CALLER,
    "line": LINE,
    "status": "missed",
    "duration": 0,
    "user": "",
    "date": STARTED,
}
OUT = {**MISSED, "direction": "outgoing", "phone": "+13155550199", "user": "101"}
# What the platform has in the end.
SAVED: dict[str, dict[str, Any]] = {
    "inbound": {**MISSED, "status": "success", "duration": 90, "user": "101"},
    "missed": MISSED,
    "hidden": {**MISSED, "phone": "anonymous"},
    "outbound": {**OUT, "status": "success", "duration": 40},
    "notanswered": OUT,
}
RINGS = {"look-up", "look-up-unknown-variable"}


def told(name: str, **changes: Any) -> bytes:
    return json.dumps({**json.loads(SENT[name]), **changes}).encode()


def event_of(name: str, **changes: Any) -> Any:
    return threecx.read(told(name, **changes), "application/json", {})


def post(deployment: Deployment, key: str | None, body: bytes) -> tuple[int, Any]:
    return deployment.call(body, key, path=ADDRESS)


def test_every_record_is_expected() -> None:
    assert set(SENT) == {*SAVED, *RINGS, "look-up-outbound", "no-line"}


@pytest.mark.parametrize(("name", "expected"), SAVED.items())
def test_a_call_that_has_ended_stands_in_the_history(
    deployment: Deployment, key: str, switch: Switch, name: str, expected: dict[str, Any]
) -> None:
    # It comes again, and is the same call.
    for _ in range(2):
        assert post(deployment, key, SENT[name])[0] == 200
    [saved] = switch.history()
    assert fields(saved, expected) == expected


@pytest.mark.parametrize("name", sorted(RINGS))
def test_a_look_up_shows_who_rings_once(deployment: Deployment, key: str, name: str) -> None:
    assert post(deployment, key, SENT[name]) == (200, {"success": True, "pop_up": "sent"})
    # Each telephone of a group looks the caller up.
    for _ in range(3):
        _status, answer = post(deployment, key, SENT[name])
        assert answer["pop_up"] == "shown before, or the call is over"
    [shown] = deployment.simulator.pop_ups()
    assert (shown.phone, shown.line) == (CALLER, LINE)
    # Whoever calls again a minute later is shown again.
    deployment.clock.advance(seconds=60)
    assert post(deployment, key, SENT[name])[1]["pop_up"] == "sent"


def test_a_look_up_of_whom_one_calls_shows_nobody(deployment: Deployment, key: str) -> None:
    status, answer = post(deployment, key, SENT["look-up-outbound"])
    assert (status, "ignored" in answer) == (200, True)
    assert deployment.simulator.pop_ups() == []


@pytest.mark.parametrize("name", sorted(SENT))
def test_no_answer_has_a_contact(deployment: Deployment, key: str, name: str) -> None:
    """3CX would keep it, and never look the number up again."""
    assert "contacts" not in post(deployment, key, SENT[name])[1]


def test_a_group_that_reports_each_telephone_makes_one_entry(
    deployment: Deployment, key: str, switch: Switch
) -> None:
    for agent in ("101", "102"):
        post(deployment, key, told("missed", agent=agent, number=CALLER))
    post(deployment, key, told("inbound", agent="103"))
    [saved] = switch.history()
    assert (saved.status, saved.user) == ("success", "103")


def test_calls_of_one_number_a_second_apart_are_two(
    deployment: Deployment, key: str, switch: Switch
) -> None:
    post(deployment, key, SENT["missed"])
    post(deployment, key, told("missed", started_at_utc="2026-11-01T10:10:01Z"))
    assert len(switch.history()) == 2


def test_without_a_line_the_telephone_says_where_it_rang() -> None:
    assert (event_of("no-line")["line"], event_of("no-line")["extension"]) == ("", "101")
    assert event_of("missed")["extension"] == ""


def test_several_salons_are_told_apart_by_their_extensions(
    deployment: Deployment, key: str, switch: Switch
) -> None:
    deployment.connect(4232)
    account_id = deployment.connection(4564).account_id or ""
    entries = {LINE: 4564, "101": 4564, "+13155550177": 4232, "201": 4232}
    assert deployment.lines.enter(account_id, entries) == "done"
    for agent in ("101", "201"):
        assert post(deployment, key, told("no-line", agent=agent, number=f"+131555504{agent[:2]}"))
    assert {call.line for call in switch.history()} == {LINE, "+13155550177"}
    # A look-up has no extension, so nobody can be shown.
    status, answer = post(deployment, key, told("look-up", line=""))
    assert (status, answer["pop_up"]) == (
        200,
        "nobody has entered which location this line is of",
    )


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        ("00:00:00", 0),
        ("00:01:30", 90),
        ("01:02:03", 3723),
        ("1:02:03", 3723),
        ("25:00:00", 90000),
        ("1.01:00:00", 90000),
        ("00:00:12.3456789", 12),
        # No call is lost for what is none.
        ("-00:00:01", 0),
        ("8.00:00:00", 0),
        ("90", 90),
        ("soon", 0),
        ("[Duration]", 0),
        ("", 0),
    ],
)
def test_durations_are_hours_minutes_and_seconds(duration: str, seconds: int) -> None:
    assert event_of("inbound", duration=duration)["duration_s"] == seconds


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+13155550175", CALLER),
        ("0013155550175", CALLER),
        (" 0013155550175", CALLER),
        ("3155550175", "3155550175"),
        (None, ""),
        (13155550175, "13155550175"),
    ],
)
def test_numbers_have_a_plus_or_zeros(written: Any, number: str) -> None:
    assert event_of("missed", number=written)["phone"] == number


@pytest.mark.parametrize("written", ["2026-11-01T10.10.00Z", "2026-11-01T10:10:00Z"])
def test_a_server_s_language_may_write_times_with_points(written: str) -> None:
    """.NET puts the separator of its culture where a format has a colon."""
    assert event_of("missed", started_at_utc=written)["started_at"] == "2026-11-01T10:10:00Z"


@pytest.mark.parametrize("kind", ["Notanswered", "NotAnswered", "Unanswered", "NOTANSWERED"])
def test_what_nobody_took_has_more_than_one_name(kind: str) -> None:
    event = event_of("notanswered", call_type=kind)
    assert (event["direction"], event["answered"], event["duration_s"]) == ("outgoing", False, 0)


@pytest.mark.parametrize(
    ("name", "changes", "field"),
    [
        ("inbound", {"call_type": "Sideways"}, "call_type"),
        ("inbound", {"call_type": None}, "call_type"),
        ("inbound", {"started_at_utc": "11/1/2026 10:10:00 AM"}, "started_at_utc"),
        ("inbound", {"started_at_utc": "2026-11-01T10:10:00"}, "started_at_utc"),
        ("inbound", {"started_at_utc": ""}, "started_at_utc"),
    ],
)
def test_what_is_wrong_is_named(
    deployment: Deployment, key: str, name: str, changes: dict[str, Any], field: str
) -> None:
    status, answer = post(deployment, key, told(name, **changes))
    assert (status, answer["success"]) == (400, False)
    assert answer["error"].startswith(field)
    assert calls_in(deployment) == []


@pytest.mark.parametrize("wrong", [None, "", "guess", "one letter off"])
def test_a_wrong_key_stores_nothing(
    deployment: Deployment, key: str, logged: Callable[[], str], wrong: str | None
) -> None:
    guess = key[:-1] + ("A" if key[-1] != "A" else "B") if wrong == "one letter off" else wrong
    for name in SENT:
        assert post(deployment, guess, SENT[name])[0] == 401, name
    assert calls_in(deployment) == []
    assert deployment.simulator.pop_ups() == []
    assert key not in logged()


def test_a_form_of_another_family_is_told_its_own_address(deployment: Deployment, key: str) -> None:
    status, answer = deployment.call(form("answered"), key, path=ADDRESS, content_type=FORM)
    assert status == 400
    assert answer["error"].endswith("its address is /calls/asterisk")


def test_a_body_longer_than_any_is_refused(deployment: Deployment, key: str) -> None:
    assert post(deployment, key, told("inbound", entity="x" * 6 * 1024 * 1024))[0] == 413


@given(
    st.dictionaries(
        st.sampled_from([*json.loads(SENT["inbound"]), "call_direction"]),
        st.text() | st.none() | st.integers() | st.sampled_from(["Inbound", "00:00:01", "Missed"]),
    )
)
def test_any_record_is_an_event_or_refused(values: dict[str, Any]) -> None:
    translated(threecx.read, json.dumps(values).encode())


@given(st.binary())
def test_any_bytes_are_an_event_or_refused(body: bytes) -> None:
    translated(threecx.read, body)


@given(st.integers(0, 7 * 24 * 3600 - 1))
def test_a_duration_is_what_was_told(seconds: int) -> None:
    minutes, rest = divmod(seconds, 60)
    days, hours = divmod(minutes // 60, 24)
    text = f"{days}.{hours:02}:{minutes % 60:02}:{rest:02}"
    assert event_of("inbound", duration=text)["duration_s"] == seconds
