"""Calls without a location id: their line says where they belong, and what waits goes out later."""

from typing import Any

from shared.calls.directory import Entered
from tests.calls.telling import end, prove, ring, settle
from tests.deployment import Deployment

LINE, OTHER = "+13155550176", "+13155550199"
UNKNOWN = "nobody has entered which location this line is of"


def told(**changes: Any) -> dict[str, Any]:
    """Without a location id."""
    return {"location_id": None, **changes}


def account_of(deployment: Deployment, location_id: int = 4564) -> str:
    found = deployment.connection(location_id).account_id
    assert found
    return found


def enter(deployment: Deployment, entries: dict[str, int]) -> Entered:
    return deployment.lines.enter(account_of(deployment), entries)


def saved(deployment: Deployment) -> list[str]:
    return [call.call_id for call in deployment.simulator.saved_calls()]


def states(deployment: Deployment) -> dict[str, str]:
    return {row["call_id"]: row["state"] for row in deployment.rows("CALLS_TABLE")}


def test_a_line_says_which_location(deployment: Deployment, key: str) -> None:
    assert enter(deployment, {LINE: 4232}) is Entered.DONE
    prove(deployment, key)
    assert ring(deployment, key, **told(call_id="r")) == "sent"
    end(deployment, key, **told(call_id="r"))
    settle(deployment)
    [row] = [row for row in deployment.rows("CALLS_TABLE") if row["call_id"] == "r"]
    assert row["location_id"] == 4232
    assert "r" in saved(deployment)


def test_an_unknown_line_waits_and_goes_out_once_it_is_entered(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    shown = len(deployment.simulator.calls("event"))
    assert ring(deployment, key, **told(call_id="u")) == UNKNOWN
    [why] = end(deployment, key, **told(call_id="u"))["left_out"]
    assert why.startswith("line: nobody has entered it")
    settle(deployment)
    assert (saved(deployment), states(deployment)["u"]) == (["first"], "unrouted")
    assert enter(deployment, {LINE: 4564}) is Entered.DONE
    settle(deployment)
    assert saved(deployment) == ["first", "u"]
    assert len(deployment.simulator.calls("event")) == shown
