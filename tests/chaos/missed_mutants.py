"""Missed callers with one of their rules broken: days that do not notice would prove nothing."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from shared.calls import missed
from shared.calls.call import Call
from shared.calls.missed import CalledBack, Pressed

type Mutant = Callable[[], Any]
type End = tuple[CalledBack | Pressed | None, datetime, bool]

_end, _is_answered = missed._end, missed._is_answered


def an_internal_call_calls_back() -> Any:
    """Whoever of ours talks with anybody has talked with him."""
    return patch.object(missed, "_is_answered", lambda it: it.leg is not None and it.leg.answered)


def whoever_is_dialled_was_reached() -> Any:
    """A call of ours that he did not answer ends it."""

    def reached(it: Call) -> bool:
        return it.leg is not None and (it.leg.direction == "outgoing" or _is_answered(it))

    return patch.object(missed, "_is_answered", reached)


def an_earlier_call_calls_back() -> Any:
    """Whoever was talked with just before was called back."""

    def end(first: Call, answered: Sequence[Call], presses: Sequence[Call]) -> End:
        earlier = replace(first, started_at=missed.began(first) - timedelta(minutes=2))
        return _end(earlier, answered, presses)

    return patch.object(missed, "_end", end)


def a_press_covers_what_comes() -> Any:
    """Whoever is missed after a press was covered by it."""

    def end(first: Call, answered: Sequence[Call], presses: Sequence[Call]) -> End:
        found, until, is_covered = _end(first, answered, presses)
        return found, found.at if isinstance(found, Pressed) else until, is_covered

    return patch.object(missed, "_end", end)


def a_press_goes_before_a_call() -> Any:
    """Whoever has pressed after he was called back has ended it."""

    def end(first: Call, answered: Sequence[Call], presses: Sequence[Call]) -> End:
        by_press = _end(first, (), presses)
        return by_press if by_press[0] else _end(first, answered, presses)

    return patch.object(missed, "_end", end)


def a_press_has_no_name() -> Any:
    """Somebody was done with him."""
    return patch.object(
        missed, "pressed", lambda it, _by, now: replace(it, done_by="", done_at=now)
    )


def a_leg_is_a_miss() -> Any:
    """Whoever rings at a telephone that nobody takes is missed, though another may be taken."""
    return patch.object(
        missed, "is_missed", lambda it, _now: it.leg is not None and it.leg.is_missed
    )


def each_miss_is_an_episode() -> Any:
    """Whoever rings twice is two."""

    def end(first: Call, answered: Sequence[Call], presses: Sequence[Call]) -> End:
        found, _until, _is_covered = _end(first, answered, presses)
        return found, missed.began(first), False

    return patch.object(missed, "_end", end)


MUTANTS: tuple[Mutant, ...] = (
    an_internal_call_calls_back,
    whoever_is_dialled_was_reached,
    an_earlier_call_calls_back,
    a_press_covers_what_comes,
    a_press_goes_before_a_call,
    a_press_has_no_name,
    a_leg_is_a_miss,
    each_miss_is_an_episode,
)
