"""Of a PBX that rings again and again, `status` tells culprit from victim, and when it is over."""

import pytest

from local.simulator import Owner
from shared.connections.connection import State
from tests.deployment import Deployment, ringing
from tests.ops.operator import Operator, told

pytestmark = pytest.mark.usefixtures("logged")

NEIGHBOUR = Owner(id=7777, email="neighbour@example.com")


def ring(deployment: Deployment, key: str, call_id: str, location_id: int) -> str:
    event = {**ringing(call_id, location_id), "at": deployment.clock().isoformat()}
    return str(deployment.call(event, key)[1]["pop_up"])


def busy(deployment: Deployment) -> None:
    """The turns of the next seconds are taken."""
    ms = round(deployment.clock().timestamp() * 1000) + 5_000
    for key in ("platform", "pop-up"):
        deployment._dynamodb.update_item(
            TableName=deployment.environments["calls"]["PACE_TABLE"],
            Key={"key": {"S": key}},
            UpdateExpression="SET free_at = :at",
            ExpressionAttributeValues={":at": {"N": str(ms)}},
        )


@pytest.fixture
def flooded(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> str:
    """The PBX of 4777 rings five times a second, and one ring of 4564 is dropped for it."""
    monkeypatch.setattr("shared.aws.sightings._EVERY_S", 0)
    mine = deployment.connect(4564).pbx_key
    theirs = deployment.connect(4777, owner=NEIGHBOUR).pbx_key
    deployment.reconcile()
    deployment.restart(PACE_PER_S="5", PACE_PER_MIN="200")
    for number in range(60):
        ring(deployment, theirs, f"f-{number}", 4777)
        deployment.clock.advance(seconds=0.2)
    busy(deployment)
    assert ring(deployment, mine, "c-1", 4564) == "too many calls at once"
    deployment.clock.advance(seconds=6)
    for number in range(4):
        assert ring(deployment, mine, f"d-{number}", 4564) == "sent"
        deployment.clock.advance(seconds=3)
    return theirs


@pytest.mark.usefixtures("flooded")
def test_the_location_that_rings_most_is_named_as_the_cause_and_the_others_as_harmed(
    operator: Operator,
) -> None:
    [line] = told(operator)
    assert line.startswith("attention location 4777: its PBX told 60 rings or more since ")
    assert "It is the cause, and harms others: location 4564 (1 not shown); last at " in line
    assert line.endswith(" > account 4777 --new-key --void")
    assert told(operator, "location", "4777") == [line]
    assert "stops working at once" in operator("account", "4777", "--new-key", "--void")


@pytest.mark.usefixtures("flooded")
def test_the_location_of_a_victim_says_that_it_is_not_its_own_fault(
    operator: Operator,
) -> None:
    [line] = told(operator, "location", "4564")
    assert line.startswith("attention location 4564: 1 pop-up was not shown, last at ")
    assert "which is not its own fault: the PBX of location 4777 rings so often that our" in line
    assert line.endswith(" > location 4777")
    shown = operator("location", "4564")
    assert "too many calls at once: our calls to Altegio were used up by all" in " ".join(
        shown.split()
    )


def test_between_two_bursts_it_is_not_over(
    deployment: Deployment, operator: Operator, flooded: str
) -> None:
    """Although one is shown: a PBX in a loop may rest."""
    assert ring(deployment, flooded, "g-1", 4777) == "sent"
    assert "1 thing is wrong" in operator("status")
    deployment.let_time_pass(9)
    assert "1 thing is wrong" in operator("status")
    deployment.let_time_pass(3)
    [it] = operator.json("status")["troubles"]
    assert "Mended, as it seems: the last was dropped 12 min ago; this is told until " in it["what"]
    assert "nothing is wrong any more" in operator("status")


def test_a_busy_moment_is_nobodys_flood(deployment: Deployment, operator: Operator) -> None:
    key = deployment.connect(4564).pbx_key
    busy(deployment)
    assert ring(deployment, key, "c-1", 4564) == "too many calls at once"
    [line] = told(operator)
    assert "more pop-ups were dropped than shown: 1 not shown, as too many calls came at" in line
    assert "and no one location rings most. If that lasts, ask Altegio for more calls" in line
    assert line.endswith(" > grep Pace docs/configuration.md")


def test_what_was_shown_last_is_one_time_on_the_screen(
    deployment: Deployment, operator: Operator
) -> None:
    """Also of one that only rang, of which no call is kept."""
    key = deployment.connect(4564).pbx_key
    assert ring(deployment, key, "c-1", 4564) == "sent"
    deployment.clock.advance(seconds=7)
    assert operator.json("location", "4564")["facts"]["last pop-up"] == "sent 7 s ago"


def test_pop_ups_that_were_dropped_before_it_was_connected_again_are_an_echo(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4564).pbx_key
    connection = deployment.connection(4564)
    table = deployment.environments["connect"]["CONNECTIONS_TABLE"]

    def be(state: State) -> None:
        deployment._dynamodb.update_item(
            TableName=table,
            Key={"location_id": {"N": "4564"}},
            UpdateExpression="SET #state = :state",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={":state": {"S": state}},
        )

    be(State.DISABLED)
    ring(deployment, key, "c-1", 4564)
    assert [it for it in told(operator) if "the location is not connected >" in it]
    be(connection.state)
    deployment.clock.advance(minutes=2)
    [it] = operator.json("status")["troubles"]
    assert it["what"].startswith("more pop-ups were dropped than shown: 1 not shown, as the")
    assert "Mended, as it seems: it takes calls again; this is told until " in it["what"]
    assert ("nothing is wrong any more" in operator("status"), operator.code) == (True, 0)
