"""What is the same of an event whatever queue it is on: its id, its location and its time."""

import json
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import fields
from shared.calls import event as call_event
from shared.payments import billing_event
from tests.deployment import ringing
from tests.payments.messages import payment

IDS = [
    "inv-1001",
    "inv 1001",
    "Main office-1793.12",
    "Счёт-12/2026",
    "Сче\u0308т-12/2026",
    "№ 12\u00a0от 01.11",  # noqa: RUF001 - Russian
    "请求书#7",
    "حساب-7",
    "می\u200cخواهم",  # noqa: RUF001 - Arabic
    "INV/2026/0001#2?a=b&c=%20",
    "'; DROP TABLE payments; --",
    '"$(id)"`',
    "🧾-1",
    "👩\u200d🔧-1",
    "\U0001fae9",
    "x" * fields.LONGEST_ID,
    "\U0001f9fe" * fields.LONGEST_ID,
]
NO_CONTROL = "must hold no control character and no half of a surrogate pair"
LENGTH = "must have 1 to 200 characters"
SPACE = "must neither begin nor end with a space"
INVISIBLE = "must hold no invisible character but joiners inside"


CONTROL = "\x00\t\n\r\x1b\x7f\x85\x9f\u2028\u2029\u202a\u202e\u2066\u2069\ud800\udfff\ufffe\uffff"


def why(read: Callable[[Any], object], value: Any) -> str:
    with pytest.raises(ValueError, match=r"^must ") as caught:
        read(value)
    return str(caught.value)


@pytest.mark.parametrize("id_", IDS)
def test_an_id_is_what_the_other_system_calls_it_to_the_byte(id_: str) -> None:
    assert fields.one_id(id_) == id_


def test_two_ids_that_only_look_alike_are_two() -> None:
    """Unicode says that both are one text; their own system keeps them apart, or writes one."""
    composed, decomposed = "Счёт-12", "Сче\u0308т-12"
    assert unicodedata.normalize("NFC", decomposed) == composed
    assert fields.one_id(composed) != fields.one_id(decomposed)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("", LENGTH),
        ("x" * 201, LENGTH),
        *((f"inv{char}1", NO_CONTROL) for char in CONTROL),
        ("inv-1\n", NO_CONTROL),
        (" inv-1", SPACE),
        ("inv-1 ", SPACE),
        (" ", SPACE),
        ("\u3000inv-1", SPACE),
        ("inv-1\u00a0", SPACE),
        # A twin of inv-1 on every screen.
        *((f"inv{char}-1", INVISIBLE) for char in "\u200b\u200e\u200f\u00ad\u061c\ufeff\u2060"),
        ("inv-1\U000e0041", INVISIBLE),
        ("\u200cinv-1", INVISIBLE),
        ("inv-1\u200d", INVISIBLE),
        (None, "must be a string"),
        (1001, "must be a string"),
        (True, "must be a string"),
        (["inv-1"], "must be a string"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_what_cannot_be_an_id_is_told_in_a_sentence(value: Any, told: str) -> None:
    assert why(fields.one_id, value) == told


@given(st.text(st.characters(), max_size=210))
def test_any_id_is_taken_as_it_is_or_refused(id_: str) -> None:
    try:
        assert fields.one_id(id_) == id_
    except ValueError:
        return
    assert len(id_.encode()) <= 4 * fields.LONGEST_ID


@pytest.mark.parametrize("value", [1, 4564, 10**15 - 1])
def test_a_location_is_a_whole_number(value: int) -> None:
    assert fields.location_id(value) == value


@pytest.mark.parametrize("value", [0, -1, 10**15, 4564.5, True, None, "4564", "a", [4564]])
def test_what_is_no_location_is_refused(value: Any) -> None:
    assert "4564" not in why(fields.location_id, value)


@pytest.mark.parametrize(
    "value",
    ["2026-11-01T10:10:00", "2026-11-01", "", "now", 1793527800, 1793527800.5, True, None, []],
)
def test_a_time_without_an_offset_is_refused_with_an_example(value: Any) -> None:
    told = "must be an ISO 8601 time with an offset, such as 2026-11-01T10:10:00+03:00"
    assert why(fields.time, value) == told


@pytest.mark.parametrize("value", ["1999-12-31T23:59:59Z", "2100-01-01T00:00:00Z"])
def test_a_year_that_nobody_means_is_refused(value: str) -> None:
    assert why(fields.time, value) == "must lie between the years 2000 and 2099"


def _billed(field: str, value: Any) -> str:
    with pytest.raises(billing_event.BadEvent) as caught:
        billing_event.read(payment(**{field: value}))
    return str(caught.value)


def _called(field: str, value: Any) -> str:
    event = {**ringing(), "at": "2026-11-01T10:10:00Z", field: value}
    with pytest.raises(call_event.BadEvent) as caught:
        call_event.read(json.dumps(event))
    return str(caught.value)


@pytest.mark.parametrize(
    ("told", "id_", "at", "types"),
    [
        (_billed, "event_id", "paid_at", "payment or refund"),
        (_called, "call_id", "at", "ringing or finished"),
    ],
    ids=["billing", "calls"],
)
def test_both_queues_tell_what_is_wrong_in_the_same_words(
    told: Callable[[str, Any], str], id_: str, at: str, types: str
) -> None:
    assert told(id_, "x" * 201) == f"{id_}: {LENGTH}"
    assert told(at, "2026-11-01 10:10").startswith(f"{at}: must be an ISO 8601 time with an offset")
    assert told("location_id", -1).startswith("location_id: ")
    assert told("type", "dial") == f"type: must be {types}"
