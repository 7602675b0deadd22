"""The list of what needs attention, through the command line."""

import pytest

from tests.deployment import Deployment, payment, refund
from tests.ops.operator import Operator
from tests.ops.states import reject, small_pages

pytestmark = pytest.mark.usefixtures("anna")


def test_the_list_groups_by_state_and_cause(connected: Deployment, operator: Operator) -> None:
    reject(connected, "inv-1", "Too early for 2026-11-01.")
    connected.clock.advance(hours=3)
    reject(connected, "inv-2", "Too early for 2026-11-02.")
    reject(connected, "inv-3", "Not installed.")
    connected.bill(payment("inv-4", 4232))
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment("inv-5", amount="5"))
    rows = [line.split(maxsplit=5) for line in operator("payments").splitlines()[3:7]]
    assert sorted(map(tuple, rows)) == [
        ("HELD", "1", "0", "s", "in", "10 min  the location is not connected"),
        ("REJECTED", "1", "2", "min", "-", "Not installed."),
        ("REJECTED", "2", "3", "h", "-", "Too early for …."),
        ("UNKNOWN", "1", "0", "s", "in", "15 min  RemoteProtocolError"),
    ]
    assert operator.code == 0


def test_a_state_or_a_location_lists_its_entries(connected: Deployment, operator: Operator) -> None:
    reject(connected)
    connected.bill(payment("inv-2", 4232))
    text = operator("payments", "--state", "HELD")
    assert "payment#inv-2" in text
    assert "payment#inv-1" not in text
    assert "payment#inv-1" in operator("payments", "--location", "4564")
    [found] = operator.json("payments", "--location", "4564")
    assert (found["key"], found["state"], found["cause"]) == (
        "payment#inv-1",
        "REJECTED",
        "Too early.",
    )
    assert operator.json("payments", "--location", "9") == []


@pytest.mark.usefixtures("connected")
def test_what_is_settled_needs_no_attention_but_can_be_found(operator: Operator) -> None:
    assert "nothing is NEEDS_HUMAN, REJECTED, UNKNOWN, HELD, PENDING or SENDING" in operator(
        "payments"
    )
    [found] = operator.json("payments", "--state", "SENT", "--location", "4564")
    assert found["key"] == "payment#known"
    told = operator("payments", "--state", "SENT")
    assert told == "SENT entries are listed by location only: add --location N\n"
    assert operator.code == 2


def test_what_has_no_location_and_no_due_time_is_listed(
    connected: Deployment, operator: Operator
) -> None:
    connected.bill(refund(of="never-billed"))
    connected.let_time_pass(5 * 24 * 60, step=300)
    [found] = operator.json("payments")
    assert (found["key"], found["state"], found["location_id"]) == (
        "refund#ref-1",
        "NEEDS_HUMAN",
        None,
    )


class TestOnMoto:
    """Pages are botocore's."""

    @pytest.fixture
    def deployment(self, on_moto: Deployment) -> Deployment:
        return on_moto

    def test_a_list_of_many_pages_is_whole(self, connected: Deployment, operator: Operator) -> None:
        for number in range(5):
            reject(connected, f"inv-{number}")
        with small_pages(connected):
            assert len(operator.json("payments")) == 5
