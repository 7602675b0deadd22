"""The judge of the live calls sees what is wrong, and a machine that cannot have them says so."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from local.simulator.telephony import PopUp, SavedCall
from tests.live import __main__ as live
from tests.live.judge import LINE, Right, wrong

BEGAN = datetime(2026, 11, 1, 10, 10, tzinfo=UTC)
CALLER = "+13155551000"
SAVED = SavedCall(
    1, "token", BEGAN, "incoming", CALLER, LINE, "101", 5, "", "c-1", "success", BEGAN
)
SHOWN = PopUp(BEGAN, CALLER, LINE, "")
RIGHT = Right(4, "101")


def judged(right: Right, saved: list[SavedCall], shown: list[PopUp]) -> str:
    return wrong(right, CALLER, BEGAN.timestamp(), saved, shown)


def test_what_is_right_is_right() -> None:
    assert judged(RIGHT, [SAVED], [SHOWN]) == ""
    missed = replace(SAVED, status="missed", duration=0, user="", phone="anonymous")
    assert judged(Right(phone="anonymous", pop_up=False), [missed], []) == ""


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"direction": "outgoing"}, "direction"),
        ({"status": "missed"}, "status"),
        ({"phone": "+13155550000"}, "phone"),
        ({"line": "+13155550000"}, "line"),
        ({"user": "102"}, "user"),
        ({"duration": 7}, "7 s of talk"),
        ({"duration": 0}, "0 s of talk"),
        ({"date": BEGAN + timedelta(seconds=4)}, "dated"),
        ({"date": None}, "dated"),
    ],
)
def test_an_entry_that_is_wrong_is_named(change: dict[str, object], word: str) -> None:
    assert word in judged(RIGHT, [replace(SAVED, **change)], [SHOWN])  # type: ignore[arg-type]  # any field


def test_entries_and_pop_ups_are_counted() -> None:
    assert judged(RIGHT, [], [SHOWN]) == "0 entries"
    assert judged(RIGHT, [SAVED, SAVED], [SHOWN]) == "2 entries"
    assert judged(RIGHT, [SAVED], []) == "0 pop-ups"
    assert judged(RIGHT, [SAVED], [SHOWN, SHOWN]) == "2 pop-ups"
    assert judged(Right(4, "101", pop_up=False), [SAVED], [SHOWN]) == "1 pop-ups"


def test_who_is_not_root_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert live.main([]) == live.CANNOT == 77
    assert capsys.readouterr().err.startswith("No switch was tried: ")
