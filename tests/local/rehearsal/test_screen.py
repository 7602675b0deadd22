"""Checks that are played at once read as if they were played one after the other."""

import io
import re

import pytest

from local.rehearsal.screen import Screen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def seen(self) -> list[str]:
        """What is left of each line, once what was written over is gone."""
        return [line.split("\r\x1b[2K")[-1] for line in self.getvalue().split("\n")]


def test_a_check_has_to_wait_for_those_before_it() -> None:
    out = io.StringIO()
    screen = Screen(out, str.upper)
    first, second, third = (screen.check(number, f"Check {number}") for number in (1, 2, 3))
    assert out.getvalue().split("\n") == ["", "1  Check 1", ""]
    second.playing("two")
    second.played("two", ("this", "that"))
    second.end()
    third.playing("three")
    assert "Check 2" not in out.getvalue()
    first.playing("one")
    first.played("one", None)
    first.end()
    third.played("three", None)
    third.end()
    told = re.sub(r" +\d\.\d s", "", out.getvalue())
    assert told.splitlines() == [
        *("", "1  Check 1", "   ok      one"),
        *("", "2  Check 2", "   FAILED  two"),
        *("           expected  THIS", "           recorded  THAT"),
        *("", "3  Check 3", "   ok      three"),
    ]


def test_a_terminal_shows_what_the_check_plays_whose_turn_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    screen = Screen(out, str)
    first, second = (screen.check(number, f"Check {number}") for number in (1, 2))
    first.playing("one")
    second.playing("two")
    assert out.seen() == ["", "1  Check 1", "   ...     one"]
    first.end()
    assert out.seen() == ["", "1  Check 1", "", "2  Check 2", "   ...     two"]
    second.end()
    assert out.seen()[-1] == ""
