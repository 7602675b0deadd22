"""Of the census, `status` says what waits for a person."""

from dataclasses import replace
from datetime import timedelta

import pytest

from local.simulator import Owner
from shared.aws.sightings import CENSUS_FOUND, Sightings
from shared.reconcile.census.table import CensusTable, Head, Stage
from tests.deployment import Deployment
from tests.ops.operator import Operator, facts, told
from tests.ops.states import end, reject

pytestmark = pytest.mark.usefixtures("logged")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (
            {"found": {"active here, frozen there": 3}, "repairs": False},
            "attention location 4232: the census found what is not repaired: active here, frozen ",
        ),
        ({"found": {"active here, frozen there": 3}, "blown": True}, "broken census: found 3"),
        ({"stage": Stage.LOOKING}, "attention census: stands still while looking"),
    ],
)
def test_a_census_that_waits_for_a_person_is_told(
    connected: Deployment, operator: Operator, head: dict[str, object], expected: str
) -> None:
    table = CensusTable(connected._dynamodb, connected.environments["reconcile"]["CENSUS_TABLE"])
    began = connected.clock() - timedelta(hours=1)
    whole = {"stage": Stage.DONE, "parts": 1, "repairs": True, **head}
    table.save(Head(began_at=began, **whole), began)  # type: ignore[arg-type]
    pace = connected.environments["reconcile"]["PACE_TABLE"]
    seen = Sightings(connected._dynamodb, pace, connected.clock)
    seen.note(CENSUS_FOUND, "4232", "active here, frozen there")
    [line] = told(operator)
    assert line.startswith(expected)
    assert line.endswith("> census")


@pytest.mark.parametrize(
    ("every", "why", "command"),
    [
        ("0", "0, and 86400 by template.yaml: deploy that, if it is not", "make deploy ENV=NAME"),
        ("86400", "86400, so its log says why", "less ReconcileFunction.log"),
    ],
)
def test_that_no_census_is_taken_is_told_with_what_keeps_it(
    connected: Deployment, operator: Operator, every: str, why: str, command: str
) -> None:
    connected.environments["reconcile"]["CENSUS_EVERY_S"] = every
    table = CensusTable(connected._dynamodb, connected.environments["reconcile"]["CENSUS_TABLE"])
    began = connected.clock() - timedelta(days=3)
    table.save(Head(began_at=began, repairs=True, stage=Stage.DONE, parts=1), began)
    [line] = told(operator)
    set_to = "CENSUS_EVERY_S of ReconcileFunction is"
    assert line.startswith(f"attention census: none was taken for 3 d: {set_to} {why}")
    assert line.endswith(f" > {command}")
    # Which stays, once one was ordered.
    seen = table.head()
    assert seen is not None
    table.save(replace(seen, began_at=connected.clock()), connected.clock())
    assert told(operator) == []
    assert ("so the next is one that is ordered" in facts(operator)["census"]) is (every == "0")


# Whom it concerns


def test_customers_and_locations_are_called_by_their_names_too(
    deployment: Deployment, operator: Operator
) -> None:
    anna = Owner(id=7, name="Anna Schmidt", email="anna@salon.example", salon_name="Haar & Mehr")
    old = deployment.connect(4564, owner=anna).pbx_key
    reject(deployment)
    deployment.restart()
    operator("account", "4564", "--new-key", "--void", "--do")
    end(deployment, old, "c-1", location_id=4564, status=401)
    account_id = str(deployment.connection(4564).account_id)
    for words in (("status",), ("location", "4564")):
        shown = " ".join(operator(*words).split())
        assert "payment#inv-1 of location 4564 (Haar & Mehr)" in shown
        assert f"account {account_id} (Anna Schmidt) of location 4564 (Haar & Mehr)" in shown
        # A machine reads ids.
        assert "Haar" not in str([it["whom"] for it in operator.json(*words)["troubles"]])
    for screen in (
        ("account", "4564"),
        ("payment", "inv-1"),
        ("uninstall", "4564"),
        ("location", "4564"),
    ):
        assert "Haar & Mehr" in operator(*screen)
    operator("lines", "4564", "--enter", "+13155550199", "--do")
    assert "4564 (Haar & Mehr)" in operator("lines", "4564")
