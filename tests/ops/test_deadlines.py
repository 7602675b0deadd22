"""Which locations are switched off next."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.clock import stamp
from tests.deployment import Deployment, refund
from tests.ops.operator import Operator
from tests.ops.states import bought, small_pages

pytestmark = pytest.mark.usefixtures("anna")


def test_a_location_is_told_before_it_is_switched_off(
    trial: Deployment, operator: Operator
) -> None:
    assert operator("deadlines").splitlines() == [
        "test stack: 0 of 1 live location to look at",
        "",
        "The rest: 1 active and covered for longer.",
    ]
    trial.clock.advance(days=6.5)
    trial.reconcile()
    trial.clock.advance(minutes=30)
    asked = len(trial.simulator.calls("status"))
    lines = operator("deadlines").splitlines()
    assert len(trial.simulator.calls("status")) == asked
    ends = trial.connection(4564).covered_until
    assert ends is not None
    assert lines[0] == "test stack: 1 of 1 live location to look at"
    assert lines[3] == (
        f"  4564      active  {ends:%Y-%m-%d %H:%M:%S}Z  in 11 h  -             30 min ago"
    )
    assert "Nothing is queued." in lines
    trial.bill(bought(trial, "inv-1", 0, 30))
    assert operator.json("deadlines") == {
        "locations": [],
        "rest": {"covered": 1},
    }
    assert operator.code == 0


def test_what_is_queued_is_told_with_its_state_and_its_reason(
    trial: Deployment, operator: Operator
) -> None:
    trial.clock.advance(days=6.5)
    trial.simulator.fault("payment", "status", status=422, message="The sum is odd.", times=2)
    trial.bill(bought(trial, "refused", 0, 30))
    trial.let_time_pass(2)
    trial.simulator.fault("payment", "drop_request")
    trial.bill(bought(trial, "lost", 0, 60))
    trial.bill(bought(trial, "gone", 0, 90, amount="1.00"))
    [told] = operator.json("deadlines", "--within", "365d")["locations"]
    assert told["covered_until"] == stamp(trial.clock() + timedelta(days=90))
    trial.bill(refund(of="gone"))
    [told] = operator.json("deadlines", "--within", "365d")["locations"]
    assert told["queued_until"] == stamp(trial.clock() + timedelta(days=60))
    assert [(it["key"], it["state"], it["why"]) for it in told["queued"]] == [
        ("payment#lost", "UNKNOWN", "RemoteProtocolError")
    ]
    assert [(it["key"], it["why"]) for it in told["rejected"]] == [
        ("payment#refused", "The sum is odd.")
    ]
    lines = [line.split(maxsplit=2) for line in operator("deadlines").splitlines()]
    assert ["4564", "payment#refused", "REJECTED  -          The sum is odd."] in lines
    assert ["4564", "payment#lost", "UNKNOWN   in 15 min  RemoteProtocolError"] in lines


def test_the_first_to_go_comes_first_and_a_limit_says_how_far_to_look(
    trial: Deployment, operator: Operator
) -> None:
    trial.clock.advance(minutes=1)
    trial.bill(bought(trial, "inv-1", 0, 10))
    trial.connect(4232)
    trial.reconcile()

    def told(*words: str) -> list[int]:
        return [it["location_id"] for it in operator.json("deadlines", *words)["locations"]]

    assert told() == told("--within", "167h") == []
    assert told("--within", "7d") == [4232]
    assert told("--within", "240h") == [4232, 4564]
    with pytest.raises(SystemExit):
        operator("deadlines", "--within", "soon")


def test_a_frozen_location_is_told_if_something_would_bring_it_back(
    trial: Deployment, operator: Operator
) -> None:
    trial.clock.advance(days=8)
    trial.simulator.expire(4564)
    trial.webhook(trial.event(4564, "freeze"))
    trial.reconcile()
    assert "1 frozen with nothing that would bring them back" in operator("deadlines")
    trial.simulator.fault("payment", "status", status=429)
    trial.bill(bought(trial, "inv-1", 0, 30))
    text = operator("deadlines")
    told = " ".join(text.split())
    assert "4564 the location frozen - freeze confirmed: status freezed, log ends" in told
    assert "4564 payment#inv-1 PENDING" in told
    trial.let_time_pass(60)
    assert operator.json("deadlines")["locations"] == []
    assert trial.connection(4564).state == "active"


def test_a_location_that_is_frozen_though_it_is_paid_is_told(
    trial: Deployment, operator: Operator
) -> None:
    trial.bill(bought(trial, "inv-1", 0, 30))
    trial.simulator.expire(4564)
    trial.webhook(trial.event(4564, "freeze"))
    trial.reconcile()
    [told] = operator.json("deadlines")["locations"]
    assert (told["state"], told["hours_left"], told["queued"]) == ("frozen", 720, [])


def test_what_reconcile_has_not_looked_at_is_counted(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.connect(4564)
    assert operator.json("deadlines") == {"locations": [], "rest": {"not_looked_at": 1}}


def test_a_free_application_has_no_deadlines(trial: Deployment, operator: Operator) -> None:
    trial.environments["reconcile"]["TRIAL_DAYS"] = "-1"
    assert "the application is free" in operator("deadlines")
    assert operator.json("deadlines") == {"locations": [], "rest": {}}


class TestOnMoto:
    """Pages are botocore's."""

    @pytest.fixture
    def deployment(self, on_moto: Deployment) -> Deployment:
        return on_moto

    def test_a_fleet_of_many_pages_is_whole(self, trial: Deployment, operator: Operator) -> None:
        row = trial.connection(4564)
        for location_id in range(1, 8):
            trial.connections.save(replace(row, location_id=location_id, version=0))
        late = row.covered_until and row.covered_until - timedelta(days=6)
        trial.connections.save(replace(row, location_id=8, covered_until=late, version=0))
        with small_pages(trial):
            found = operator.json("deadlines")
        assert [it["location_id"] for it in found["locations"]] == [8]
        assert found["rest"] == {"covered": 8}
