"""What is wrong right now: `status` alone names the cause and whom it concerns, and what it prints
to type mends it."""

from datetime import timedelta

import pytest

from ops import trouble
from ops.trouble import Grade, Trouble
from tests.deployment import Deployment
from tests.ops.operator import Operator, facts, told
from tests.ops.states import reject

pytestmark = pytest.mark.usefixtures("logged")


def test_a_healthy_stack_is_fine(connected: Deployment, operator: Operator) -> None:
    assert told(operator) == []
    assert operator.code == 0
    assert "nothing is wrong" in operator("status")
    assert facts(operator) == {
        "webhook": "none within a week",
        "platform": "takes our token, and no brake is on",
        "alarms": "none rings",
        "reconcile": "ran at about 10:10Z",
        "queues": "billing 0, calls 0",
        "money": "all is settled",
        "cover": "0 end soon, 0 frozen, of those that are looked at next",
        "census": "none was taken yet",
        "pop-ups": f"none, since {connected.clock() - timedelta(hours=1):%Y-%m-%d %H}:00:00Z",
    }


def test_the_worst_comes_first_and_of_equals_the_oldest(deployment: Deployment) -> None:
    now = deployment.clock()

    def one(grade: Grade, hours: float | None) -> Trouble:
        since = None if hours is None else now - timedelta(hours=hours)
        return Trouble("", str(hours), "", since, grade=grade)

    order = [
        one(Grade.BROKEN, 5),
        one(Grade.BROKEN, 1),
        one(Grade.BROKEN, None),
        one(Grade.ATTENTION, 9),
        one(Grade.ATTENTION, None),
    ]
    assert trouble.worst_first(reversed(order)) == order


def test_a_command_is_printed_as_it_is_pasted(connected: Deployment, operator: Operator) -> None:
    reject(connected)
    assert "\n    type: .venv/bin/python -m ops payment payment#inv-1\n" in operator("status")
    whole = operator("status", "--stack-name", "mine", "--region", "eu-west-1")
    assert "ops payment payment#inv-1 --stack-name mine --region eu-west-1\n" in whole
    elsewhere = operator("status", "--announced", "other.json")
    assert "ops payment payment#inv-1 --announced other.json\n" in elsewhere
