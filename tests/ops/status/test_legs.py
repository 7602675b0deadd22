"""Of a PBX that tells of legs only, `status` says why its calls wait, and what it has to send."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.connections.connection import State
from tests.calls import telling
from tests.deployment import Deployment
from tests.ops.operator import Operator, told

pytestmark = pytest.mark.usefixtures("logged")
SCREENS = (("status",), ("location", "4564"))


def end_leg(deployment: Deployment, key: str, call_id: str, **changes: Any) -> None:
    telling.end(deployment, key, call_id=call_id, duration_s=30, leg=True, **changes)


def test_a_pbx_that_never_tells_the_end_of_a_call_is_told_until_it_does(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4564).pbx_key
    telling.prove(deployment, key)
    since = deployment.clock()
    for number in range(5):
        end_leg(deployment, key, f"y-{number}")
        deployment.let_time_pass(1)
    # Each may be a call that goes on, as after a transfer.
    assert told(operator) == []
    deployment.let_time_pass(10)
    [line] = told(operator)
    goes_out = f"{since + timedelta(hours=4):%Y-%m-%d %H:%M:%S}Z"
    assert line.startswith(
        "attention location 4564: 5 calls wait for the end of the whole call: of the last 5, since"
        f" {since:%Y-%m-%d %H:%M:%S}Z, the PBX told legs only (`finished` with `leg`). They go out"
        f" by themselves 4 h after their first leg, the next in 4 h, at {goes_out}. Have"
    )
    assert "whoever runs the PBX send `finished` without `leg`, too, when a call is over" in line
    assert line.endswith(" > location 4564")
    assert told(operator, "location", "4564") == [line]
    # It is sent for two of them after all, and these go out.
    for number in range(2):
        ago_s = 90 + (deployment.clock() - since).total_seconds() - 60 * number
        telling.end(deployment, key, ago_s=ago_s, call_id=f"y-{number}", duration_s=30)
    deployment.let_time_pass(2)
    assert [telling.state(deployment, f"y-{number}") for number in (0, 1)] == ["confirmed"] * 2
    [line] = told(operator)
    assert "location 4564: 3 calls wait for the end of the whole call: of the last 3, since" in line
    # The next call comes with its end.
    telling.end(deployment, key, call_id="x-1")
    for screen in SCREENS:
        assert told(operator, *screen) == []
    assert telling.state(deployment, "y-2") == "waiting"


def test_what_went_out_by_itself_tells_of_the_next_that_waits(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4564).pbx_key
    telling.prove(deployment, key)
    for number in range(3):
        end_leg(deployment, key, f"y-{number}")
        deployment.let_time_pass(90, step=10)
    assert telling.state(deployment, "y-0") == "confirmed"
    for screen in SCREENS:
        [line] = told(operator, *screen)
        assert "location 4564: 2 calls wait for the end of the whole call: of the last 3" in line
    deployment.let_time_pass(240, step=10)
    end_leg(deployment, key, "y-3")
    for screen in SCREENS:
        assert told(operator, *screen) == []
    deployment.let_time_pass(10)
    for screen in SCREENS:
        [line] = told(operator, *screen)
        assert "location 4564: 1 call waits for the end of the whole call: of the last 4" in line


def test_long_calls_of_several_legs_are_not_told(
    deployment: Deployment, operator: Operator
) -> None:
    """The other telephones of a group report when one takes the call."""
    key = deployment.connect(4564).pbx_key
    telling.prove(deployment, key)
    for call_id in ("long-1", "long-2", "long-3"):
        end_leg(deployment, key, call_id, answered=False)
    deployment.let_time_pass(5)
    telling.end(deployment, key, call_id="short")
    deployment.let_time_pass(45)
    for screen in SCREENS:
        assert told(operator, *screen) == []
    for call_id in ("long-4", "long-5"):
        end_leg(deployment, key, call_id)
    deployment.let_time_pass(30)
    for screen in SCREENS:
        assert told(operator, *screen) == []
    end_leg(deployment, key, "long-6")
    deployment.let_time_pass(9)
    assert told(operator) == []
    deployment.let_time_pass(1)
    assert "of the last 3" in " ".join(told(operator))


def test_of_a_location_that_has_left_or_has_another_owner_nothing_is_told(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4564).pbx_key
    for number in range(3):
        end_leg(deployment, key, f"y-{number}")
    deployment.let_time_pass(11)
    row = deployment.connection(4564)
    for changes in ({"state": State.DISABLED}, {"account_id": "another"}):
        assert "PBX told legs only" in " ".join(told(operator))
        stored = deployment.connections.save(replace(row, **changes), deployment.clock())
        assert "PBX told legs only" not in " ".join(told(operator))
        assert "PBX told legs only" not in " ".join(told(operator, "location", "4564"))
        row = deployment.connections.save(replace(row, version=stored.version), deployment.clock())


def test_calls_that_are_just_sent_hide_none_that_waits_for_its_end(
    deployment: Deployment, operator: Operator
) -> None:
    ids = range(5001, 5031)
    key = deployment.connect(4564, *ids).pbx_key
    for number in range(3):
        end_leg(deployment, key, f"y-{number}")
    deployment.clock.advance(minutes=11)
    for it in ids:
        telling.end(deployment, key, call_id=f"c-{it}", location_id=it)
    [line] = [it for it in told(operator) if "the whole call" in it]
    assert line.startswith("attention location 4564: 3 calls wait")


def test_one_call_says_that_it_waits_for_its_end(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4564).pbx_key
    end_leg(deployment, key, "y-0")
    goes_out = deployment.clock() + timedelta(hours=4)
    why = "a leg of it was told, and not the end of the whole call"
    deployment.let_time_pass(1)
    shown = " ".join(operator("call", "4564", "y-0").split())
    at = f"{goes_out:%Y-%m-%d %H:%M:%S}Z"
    assert f"next waits, as {why}; goes out by itself in 4 h, at {at}" in shown
    [row] = operator.json("location", "4564")["calls"]
    assert (row["state"], row["why"]) == ("waiting", why)
    telling.end(deployment, key, ago_s=150, call_id="y-0")
    shown = " ".join(operator("call", "4564", "y-0").split())
    assert why not in shown
    assert "next in 5 s" in shown
    # What waits for something else since, such as the platform, says that.
    end_leg(deployment, key, "y-1")
    deployment.simulator.fault("history", "status", status=429, times=99)
    deployment.let_time_pass(243, step=3)
    shown = " ".join(operator("call", "4564", "y-1").split())
    assert "state waiting: 429" in shown
    assert why not in shown
