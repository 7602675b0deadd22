"""The census of the operator: shown, ordered and followed, repaired."""

import json
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest

from shared import clock
from shared.connections.connection import State
from shared.payments.entry import EntryState
from shared.reconcile.census.table import Stage
from tests.deployment import Deployment, payment
from tests.ops.operator import Operator, told
from tests.reconcile.census.looking import connect, head, roll

pytestmark = pytest.mark.usefixtures("anna")


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    deployment.reconcile()
    return deployment


@pytest.fixture
def minutes(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """While the command waits, reconcile runs; each wait is noted."""
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        if not seconds:
            # Somebody's turn has come.
            return
        waits.append(seconds)
        # Elsewhere, it says what it counts.
        with redirect_stdout(StringIO()):
            deployment.let_time_pass(1)

    monkeypatch.setattr(clock, "sleep", sleep)
    monkeypatch.setattr(clock, "now", deployment.clock)
    return waits


@pytest.fixture
def missed(deployment: Deployment) -> Deployment:
    """Of seven locations two left and four froze, and nobody told."""
    connect(deployment, *range(1, 8))
    for location_id in (1, 2):
        deployment.simulator.disconnect(location_id, webhook="never")
    for location_id in (3, 4, 5, 6):
        deployment.simulator.expire(location_id, webhook="never")
    return deployment


def states(deployment: Deployment) -> str:
    return " ".join(deployment.connection(it).state for it in range(1, 8))


ACTIVE = " ".join(["active"] * 7)


def test_before_the_first_one_there_is_nothing_to_show(operator: Operator) -> None:
    assert operator("census") == "test stack: no census was taken yet. Add --new to take one.\n"


def test_a_new_one_is_a_dry_run_that_is_followed(
    missed: Deployment, operator: Operator, minutes: list[float]
) -> None:
    lines = operator("census", "--new").splitlines()
    assert len(minutes) >= 1
    assert states(missed) == ACTIVE
    assert [line.split(maxsplit=1) for line in lines[1:5]] == [
        ["state", "done, a dry run"],
        ["locations", "7, looked at 7"],
        ["differences", "connected here, not installed there: 2; active here, frozen there: 4"],
        ["repairs", "6 possible, 0 done by now, 0 under way"],
    ]
    rows = [
        line.split()[0] for line in lines if line.startswith("  ") and line.split()[0].isdigit()
    ]
    assert rows == ["1", "2", "3", "4", "5", "6"]
    assert lines[-2:] == [
        "    type: .venv/bin/python -m ops census --do --fuse 6",
        "Waiting for reconcile, which runs each minute and does a part each time.",
    ]
    assert operator("census").splitlines() == lines[:-1]


def test_the_fuse_has_to_be_raised_by_hand(
    missed: Deployment, operator: Operator, minutes: list[float]
) -> None:
    operator("census", "--new")
    text = operator("census", "--do")
    assert (operator.code, text) == (
        1,
        "Nothing was changed: 6 changes, and the fuse allows 5; --fuse 6 allows them.\n",
    )
    assert states(missed) == ACTIVE
    minutes.clear()
    text = operator("census", "--do", "--fuse", "6")
    assert operator.code == 0
    assert "6 possible, 6 done by now" in text
    assert "6 of locations among them; the fuse allows 6" in text
    missed.let_time_pass(2)
    assert states(missed) == "disabled disabled frozen frozen frozen frozen active"
    assert "there is nothing to repair" in operator("census", "--do")
    shown = " ".join(operator("census").split())
    assert shown.count("; now disabled") == 2
    assert shown.count("; now frozen") == 4
    assert "type:" not in shown


@pytest.mark.usefixtures("minutes")
@pytest.mark.parametrize("is_ordered", [True, False])
def test_what_was_repaired_later_is_told_as_done(
    deployment: Deployment, operator: Operator, *, is_ordered: bool
) -> None:
    """By reconcile, which had no answer when the repair was ordered; or by a webhook that came."""
    connect(deployment, 1, 2)
    deployment.simulator.disconnect(1, webhook="never")
    shown = operator("census", "--new")
    assert "1 possible, 0 done by now" in shown
    assert "ops census --do\n" in shown
    if is_ordered:
        deployment.simulator.fault("status", "status", status=500, times=3)
        assert "1 possible, 0 done by now" in operator("census", "--do")
        assert deployment.connection(1).state == "active"
        deployment.let_time_pass(60, step=5)
    else:
        deployment.webhook(deployment.event(1))
        deployment.let_time_pass(5)
    assert deployment.connection(1).state == "disabled"
    shown = operator("census")
    assert "1 possible, 1 done by now, 0 under way" in shown
    told = operator.json("census")
    assert (told["done"], [it["open"] for it in told["findings"]]) == (1, [False])
    assert "; now disabled" in " ".join(shown.split())
    assert "type:" not in shown
    assert "there is nothing to repair" in operator("census", "--do")


@pytest.mark.usefixtures("minutes")
def test_what_nobody_has_connected_is_told_as_it_is_now(
    deployment: Deployment, operator: Operator
) -> None:
    connect(deployment, 1)
    deployment.simulator.grant(2, private=True)
    roll(deployment).order(clock.now(), repairs=True)
    deployment.let_time_pass(3)
    lines = operator("census").splitlines()
    assert [line.split(maxsplit=1) for line in lines[1:5]] == [
        ["state", "done"],
        ["locations", "2, looked at 2"],
        ["differences", "installed there, connected by nobody here: 1"],
        ["repairs", "0 possible, 0 done by now, 0 under way"],
    ]
    ways = "Of location 2: its owner presses Disconnect and then Connect in Altegio. If"
    assert ways in " ".join(lines)
    assert lines[-3].endswith("ops take 2 ACCOUNT --reason TEXT")
    operator("take", "2", "1", "--reason", "seen", "--do")
    shown = operator("census")
    assert "; now active" in " ".join(shown.split())
    assert "take" not in shown
    assert "Disconnect" not in shown
    assert "there is nothing to repair" in operator("census", "--do")


@pytest.mark.usefixtures("minutes")
def test_what_was_written_by_hand_is_told_by_its_location_and_mended_by_what_that_says(
    deployment: Deployment, operator: Operator
) -> None:
    connect(deployment, 4564)
    row = deployment.connection(4564)
    deployment.connections.save(replace(row, state=State.DISABLED))
    deployment.bill(payment())
    [apart, held] = told(operator, "location", "4564")
    assert "HELD (990.99 EUR), the location is not connected" in held
    assert "is disabled here, but active in Altegio. What comes for it is held until" in apart
    assert ": a census does that, and its owner has nothing to do > census --new" in apart
    found = operator(*apart.partition(" > ")[2].split())
    assert "closed here, and never ended there: 1" in found
    assert "census --do" in found
    operator("census", "--do")
    deployment.let_time_pass(2)
    assert deployment.connection(4564).state is State.ACTIVE
    assert deployment.entry("payment#inv-1").state is EntryState.SENT
    assert told(operator, "location", "4564") == []


def test_what_was_closed_too_lately_for_a_census_is_taken(
    deployment: Deployment, operator: Operator
) -> None:
    connect(deployment, 4564)
    row, now = deployment.connection(4564), deployment.clock()
    erase_at = now + timedelta(days=30)
    deployment.connections.save(replace(row, state=State.DISABLED, erase_at=erase_at))
    [line] = told(operator, "location", "4564")
    assert ": by a census, once it is closed for an hour; or at once, if you give it to" in line
    command = line.partition(" > ")[2]
    assert command == f"take 4564 {row.account_id} --reason TEXT"
    assert "disabled, generation 1 -> active, generation 2" in operator(*command.split())


@pytest.mark.usefixtures("minutes")
def test_findings_of_another_day_are_not_repaired(missed: Deployment, operator: Operator) -> None:
    operator("census", "--new")
    missed.clock.advance(hours=25)
    assert "older than a day" in operator("census", "--do", "--fuse", "6")
    assert states(missed) == ACTIVE


@pytest.mark.usefixtures("minutes")
def test_what_is_under_way_is_followed_and_not_begun_again(
    missed: Deployment, operator: Operator
) -> None:
    roll(missed).order(clock.now())
    missed.simulator.fault("salons", "html")
    missed.reconcile()
    began_at = head(missed).began_at
    assert head(missed).stage is Stage.LISTING
    assert "under way: listing" in operator("census")
    assert "is still listing" in operator("census", "--do")
    assert "done, a dry run" in operator("census", "--new")
    assert head(missed).began_at == began_at


def test_a_stack_that_does_not_move_is_said(
    missed: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", missed.clock)
    monkeypatch.setattr(clock, "sleep", lambda seconds: missed.clock.advance(seconds=60 * seconds))
    assert "does reconcile run?" in operator("census", "--new")
    assert operator.code == 1


def test_machines_get_all_of_it(missed: Deployment, operator: Operator) -> None:
    roll(missed).order(clock.now())
    missed.reconcile()
    told: dict[str, Any] = json.loads(operator("census", "--json"))
    assert (told["locations"], told["repairable"], told["repaired"]) == (7, 6, 0)
    first = told["findings"][0]
    assert (first["location_id"], first["repairable"], first["generation"]) == (1, True, 1)
    assert all(it["open"] for it in told["findings"])
    assert first["words"].startswith("here active: status active")
