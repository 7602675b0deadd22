"""Pop-ups: who rings is shown once, in time, and to nobody else."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.altegio.rate_limit import First
from shared.calls.table import Calls
from tests.calls.telling import end, prove, ring, settle
from tests.deployment import Deployment

# Pop-ups


def test_who_rings_is_shown(deployment: Deployment, key: str) -> None:
    assert ring(deployment, key, phone="+1 (315) 555-0175") == "sent"
    [shown] = deployment.simulator.pop_ups()
    assert (shown.phone, shown.line, shown.user) == ("+13155550175", "+13155550176", "101")


def test_a_call_is_shown_once(deployment: Deployment, key: str) -> None:
    """Through a ring group, transfers and repeats."""
    outcomes = [ring(deployment, key, extension=str(101 + n)) for n in range(4)]
    assert outcomes == ["sent"] + 3 * ["shown before, or the call is over"]
    assert len(deployment.simulator.pop_ups()) == 1


def test_a_call_that_is_over_is_not_shown(deployment: Deployment, key: str) -> None:
    end(deployment, key)
    deployment.drain_calls()
    assert ring(deployment, key) == "shown before, or the call is over"
    assert deployment.simulator.pop_ups() == []


def test_a_late_pop_up_is_dropped_and_logged(
    deployment: Deployment, key: str, logged: Callable[[], str]
) -> None:
    logged()
    assert ring(deployment, key, ago_s=21) == "too late"
    assert '"outcome":"too late"' in logged()
    assert ring(deployment, key, ago_s=19) == "sent"


def test_one_that_was_held_up_takes_another_turn(
    deployment: Deployment, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a database that was slow for once, or a machine that stood still."""
    pop, taken = Calls.pop, []

    def slow(calls: Calls, *args: Any) -> bool:
        is_ours = pop(calls, *args)
        deployment.clock.advance(seconds=0.7)
        return is_ours

    monkeypatch.setattr(Calls, "pop", slow)
    monkeypatch.setattr(First, "wait", lambda _pace: taken.append(deployment.clock()))
    assert ring(deployment, key) == "sent"
    assert taken == [deployment.clock()]


def test_who_hides_is_not_shown(deployment: Deployment, key: str) -> None:
    assert ring(deployment, key, phone="anonymous") == "the caller hides"


def test_a_frozen_location_takes_no_calls_and_thawed_it_takes_all(
    deployment: Deployment, key: str, logged: Callable[[], str]
) -> None:
    prove(deployment, key)
    deployment.simulator.expire(4564)
    deployment.webhook(deployment.event(4564, "freeze"))
    deployment.let_time_pass(1)
    logged()
    assert ring(deployment, key) == "the location takes no calls"
    end(deployment, key)
    settle(deployment)
    log = logged()
    assert '"outcome":"the location takes no calls"' in log
    assert '"state":"held"' in log
    assert len(deployment.simulator.saved_calls(4564)) == 1
    deployment.webhook(deployment.hosted(4564))
    deployment.let_time_pass(3)
    assert [call.call_id for call in deployment.simulator.saved_calls(4564)] == ["first", "c-1"]
    assert ring(deployment, key, call_id="c-2") == "sent"


def test_a_pop_up_that_the_platform_does_not_take_is_no_error(
    deployment: Deployment, key: str
) -> None:
    deployment.simulator.fault("event", "status", status=500)
    assert ring(deployment, key) == "the platform did not take it"


def test_while_the_platform_has_turned_us_away_nobody_is_called_a_crowd(
    deployment: Deployment, key: str, logged: Callable[[], str]
) -> None:
    deployment.simulator.fault("event", "status", status=429, retry_after=30)
    assert ring(deployment, key) == "the platform did not take it"
    logged()
    assert ring(deployment, key, call_id="c-2") == "the platform did not take it"
    assert ", as it refused some" in logged()
    assert len(deployment.simulator.calls("event")) == 1
