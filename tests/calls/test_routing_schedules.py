"""Random schedules of lines that are entered while calls come, and the same with a rule broken."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from shared.calls import call as rules_of
from shared.calls.directory import Place
from shared.calls.routing import RouteWaiting
from tests.chaos.line_schedules import played

_SCHEDULES = 12
_UNTIL_FOUND = 60


@pytest.mark.parametrize("seed", range(_SCHEDULES))
def test_nothing_is_lost_nor_told_twice(seed: int) -> None:
    told = played(seed)
    assert told.wrong == [], "\n".join(told.story)
    assert told.answered > 0


def a_repeated_report_is_of_the_latest_entry() -> Any:
    """A call that has its location is moved when its line is entered anew."""
    return patch.object(Place, "beside", lambda place, _known, **_kind: place)


def a_route_is_decided_from_the_index() -> Any:
    """A call that was sent on already is sent on again, as if it waited still."""

    def decide(
        router: RouteWaiting, key: str, _account: Any, place_of: Callable[[str], Place]
    ) -> None:
        call = router._calls.get(key)
        if call is None or call.leg is None:
            return
        place = place_of(call.leg.line)
        if place.location_id is not None:
            waits = replace(call, state=rules_of.CallState.UNROUTED)
            router._routed(waits, place, place.location_id)

    return patch.object(RouteWaiting, "_decide", decide)


@pytest.mark.parametrize(
    ("broken", "first"),
    # From which schedule on it is looked for: the rarer one is caught by one in thirty.
    [(a_repeated_report_is_of_the_latest_entry, 0), (a_route_is_decided_from_the_index, 40)],
)
def test_a_broken_rule_is_found(broken: Callable[[], Any], first: int) -> None:
    with broken():
        assert any(played(seed).wrong for seed in range(first, first + _UNTIL_FOUND))
