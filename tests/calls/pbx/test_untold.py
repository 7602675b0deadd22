"""What stands in the place of what a PBX does not tell: an id, and when it rang."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.calls import lines
from shared.calls.pbx.untold import completed

NOW = datetime(2026, 11, 1, 10, 10, 5, tzinfo=UTC)
RINGS = {"type": "ringing", "phone": "+13155550175", "line": "+13155550176", "extension": ""}
ENDED = {
    **RINGS,
    "type": "finished",
    "direction": "incoming",
    "extension": "101",
    "started_at": "2026-11-01T10:10:00Z",
}


def call_id(event: dict[str, Any], after_s: float = 0, **changes: str) -> str:
    return str(completed({**event, **changes}, NOW + timedelta(seconds=after_s))["call_id"])


def test_what_was_told_is_left_as_it_is() -> None:
    told = {**RINGS, "call_id": "c-1", "at": "2026-11-01T10:00:00Z"}
    assert completed(told, NOW) == told
    assert completed({**ENDED, "call_id": "c-1"}, NOW) == {**ENDED, "call_id": "c-1"}
    # An empty one is a fault of its PBX's, which has ids.
    assert completed({**ENDED, "call_id": ""}, NOW)["call_id"] == ""


def test_a_call_rings_when_it_is_told() -> None:
    assert completed(RINGS, NOW)["at"] == NOW.isoformat()
    assert "at" not in completed(ENDED, NOW)


def test_a_call_without_line_and_extension_is_one_of_no_line() -> None:
    nowhere = {**RINGS, "line": ""}
    assert completed(nowhere, NOW)["line"] == lines.UNTOLD
    # It is another's fault, who can tell of the line as well.
    assert completed({**nowhere, "location_id": 4564}, NOW)["line"] == ""
    assert completed({**ENDED, "line": ""}, NOW)["line"] == ""
    # The id is that of what was told.
    assert call_id(nowhere) == call_id(RINGS, line="")


def test_a_report_that_comes_again_is_of_the_same_call() -> None:
    assert call_id(ENDED) == call_id(ENDED, 3600)
    # One number calls once in a second, however many telephones report it.
    assert call_id(ENDED) == call_id(ENDED, extension="102")
    assert call_id(RINGS) == call_id(RINGS, 20)


def test_other_calls_have_other_ids() -> None:
    others = [
        call_id(ENDED),
        call_id(RINGS),
        call_id(RINGS, 30),
        call_id(RINGS, phone="+13155550199"),
        call_id(ENDED, started_at="2026-11-01T10:10:01Z"),
        call_id(ENDED, phone="+13155550199"),
        call_id(ENDED, direction="outgoing"),
        call_id(ENDED, line="+13155550177"),
        # Of callers who hide there may be two at once.
        call_id(ENDED, phone=""),
        call_id(ENDED, phone="", extension="102"),
    ]
    assert len(set(others)) == len(others)


@given(st.text(), st.text(), st.text(), st.text(), st.datetimes(NOW.replace(tzinfo=None)))
def test_an_id_is_short_and_the_same_for_the_same(
    phone: str, line: str, extension: str, started_at: str, at: datetime
) -> None:
    changes = {"phone": phone, "line": line, "extension": extension, "started_at": started_at}
    event = {**ENDED, **changes}
    made = completed(event, at.replace(tzinfo=UTC))["call_id"]
    assert made == completed(event, NOW)["call_id"]
    assert len(made) == 32
