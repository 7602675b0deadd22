"""The verdicts of the checklist, also of a check that did not end well.

The sentences of what passed are read in tests/local/test_rehearsal.py, after a real rehearsal.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from local.rehearsal.checklist import FAILED, NOT_PLAYED, PASSED, Point, points
from local.rehearsal.checks import CHECKS
from local.rehearsal.play import Failure, Outcome, Played
from local.rehearsal.stage import Stage
from local.simulator import Owner, Simulator

NOW = datetime(2026, 1, 2, tzinfo=UTC)
WHY = Failure("one payment", "two payments")


def outcome(number: int, *steps: Failure | None) -> Outcome:
    """A check of which some steps were played."""
    check, none = CHECKS[number - 1], cast("Any", None)
    stage = Stage(Simulator(), none, none, Owner(), take_census=none, patience_s=0, portal=none)
    named = zip(check.steps, steps, strict=False)
    played = [Played(step, NOW, failure=failure) for step, failure in named]
    return Outcome(check, stage, played)


@pytest.mark.parametrize("number", range(1, 6))
def test_a_check_that_failed_says_what_was_expected_and_recorded(number: int) -> None:
    assert points(outcome(number, None, WHY)) == [
        Point(
            CHECKS[number - 1].title,
            FAILED,
            f"At “{CHECKS[number - 1].steps[1].name}”\nexpected: one payment\nfound: two payments",
        )
    ]


@pytest.mark.parametrize("number", range(1, 7))
def test_what_was_not_played_has_not_passed(number: int) -> None:
    assert {each.verdict for each in points(outcome(number))} == {NOT_PLAYED}


@pytest.mark.parametrize(
    ("steps", "verdicts"),
    [
        ((WHY,), (FAILED, NOT_PLAYED, NOT_PLAYED, NOT_PLAYED)),
        ((None, WHY), (PASSED, NOT_PLAYED, FAILED, NOT_PLAYED)),
        ((None, None, None, WHY), (PASSED, NOT_PLAYED, PASSED, FAILED)),
        ((None,) * 4 + (WHY,), (PASSED, FAILED, PASSED, PASSED)),
        ((None,) * 5 + (WHY,), (PASSED, FAILED, PASSED, PASSED)),
        ((None,) * 6, (PASSED,) * 4),
    ],
)
def test_each_method_of_the_telephony_has_a_verdict_of_its_own(
    steps: Sequence[Failure | None], verdicts: tuple[str, ...]
) -> None:
    found = points(outcome(6, *steps))
    assert [each.name for each in found] == [
        "Enable",
        "Disable",
        "Call notification",
        "Call history",
    ]
    assert tuple(each.verdict for each in found) == verdicts


def test_what_is_found_when_all_is_over_fails_the_check() -> None:
    over = outcome(2, *[None] * 5)
    over.afterthought = WHY
    [point] = points(over)
    words = "When all steps were over\nexpected: one payment\nfound: two payments"
    assert (point.verdict, point.evidence) == (FAILED, words)
