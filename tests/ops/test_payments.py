"""The list of what needs attention, through the command line."""

import pytest

from ops.trouble import Grade
from tests.deployment import Deployment, payment, refund
from tests.ops.operator import Operator
from tests.ops.states import reject, small_pages

pytestmark = pytest.mark.usefixtures("anna")


def test_the_list_has_what_is_not_settled_the_worst_first(
    connected: Deployment, operator: Operator
) -> None:
    assert "nothing is NEEDS_HUMAN or REJECTED" in operator("payment")
    assert operator.code == 0
    connected.bill(payment("inv-4", 4232))
    reject(connected, "inv-1", "Too early for 2026-11-01.")
    shown = operator("payment")
    rows = [" ".join(line.split()) for line in shown.splitlines()[3:]]
    assert rows[0].startswith("payment#inv-1 REJECTED 4564 2 min - 990.99 EUR Too early for 2026")
    assert rows[1].startswith("payment#inv-4 HELD 4232 2 min in ")
    # Something needs a person.
    assert operator.code == Grade.BROKEN
    assert shown.endswith("\n\n    type: .venv/bin/python -m ops payment payment#inv-1\n")


def test_a_state_lists_its_entries(connected: Deployment, operator: Operator) -> None:
    reject(connected)
    connected.bill(payment("inv-2", 4232))
    text = operator("payment", "--state", "HELD")
    assert "payment#inv-2" in text
    assert "payment#inv-1" not in text
    assert operator.code == Grade.ATTENTION
    [found] = operator.json("payment", "--state", "REJECTED")
    assert (found["key"], found["cause"]) == ("payment#inv-1", "Too early.")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(119, "119 s"), (120, "2 min"), (7169, "119 min"), (7199, "2 h"), (172799, "2 d")],
)
def test_an_age_is_rounded_so_that_a_second_makes_no_other_of_it(
    connected: Deployment, operator: Operator, seconds: int, told: str
) -> None:
    connected.bill(payment("inv-4", 4232))
    connected.clock.advance(seconds=seconds)
    assert f"payment#inv-4 HELD 4232 {told} " in " ".join(operator("payment").split())


def test_one_entry_is_told_with_what_to_type_next(
    connected: Deployment, operator: Operator
) -> None:
    reject(connected)
    assert "type: " not in operator("payment", "known")
    assert operator.code == Grade.FINE
    shown = operator("payment", "inv-1")
    assert "\n    type: .venv/bin/python -m ops payment payment#inv-1 --send\n" in shown
    assert operator.code == Grade.BROKEN
    told = operator.json("payment", "inv-1")
    assert (told["key"], told["platform"]["word"]) == ("payment#inv-1", "not taken")
    assert told["next"] == "payment payment#inv-1 --send"


def test_what_another_payment_covers_is_not_offered_to_be_sent(
    connected: Deployment, operator: Operator
) -> None:
    connected.bill(payment("other", amount="2.00"))
    reject(connected)
    shown = " ".join(operator("payment", "inv-1").split())
    assert "paid already its period, by payment#other (SENT); if it is sent as well" in shown
    assert operator.json("payment", "inv-1")["platform"]["paid"] == "payment#other (SENT)"
    assert operator.json("payment", "inv-1")["next"] == "payment payment#inv-1 --close REASON"
    assert "paid already" in operator("payment", "inv-1", "--send")
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment("taken", amount="3.00"))
    assert "by payment#other (SENT); Altegio has both" in " ".join(
        operator("payment", "taken").split()
    )
    connected.let_time_pass(20)
    connected.bill(refund(of="taken"))
    # Neither by what is given back, nor by what was not taken.
    connected.bill(refund("ref-2", of="other"))
    assert operator.json("payment", "inv-1")["next"] == "payment payment#inv-1 --send"
    reject(connected, "inv-2")
    assert "paid already" not in operator("payment", "inv-1")


def test_what_has_no_location_and_no_due_time_is_listed(
    connected: Deployment, operator: Operator
) -> None:
    connected.bill(refund(of="never-billed"))
    connected.let_time_pass(5 * 24 * 60, step=300)
    [found] = operator.json("payment")
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
            assert len(operator.json("payment")) == 5
