"""Of money, `status` names what is not settled, and what is typed settles it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ops.screen import moment
from shared.clock import instant
from tests.deployment import Deployment, payment, refund
from tests.ops.operator import Operator, told, type_what_it_says
from tests.ops.states import bought, need_human, reject

pytestmark = pytest.mark.usefixtures("logged")


def test_a_rejected_payment_is_sent_again_as_it_says(
    connected: Deployment, operator: Operator
) -> None:
    reject(connected, "inv-1", "Period is closed.")
    [line] = told(operator)
    assert line == (
        "broken payment#inv-1 of location 4564: REJECTED (990.99 EUR), Period is closed."
        " > payment payment#inv-1"
    )
    assert operator.code == 2
    type_what_it_says(operator, line)
    operator(*operator.json("payment", "inv-1")["next"].split(), "--do")
    connected.let_time_pass(2)
    assert told(operator) == []


def test_what_needs_a_person_is_looked_for_again_as_it_says(
    connected: Deployment, operator: Operator
) -> None:
    need_human(connected)
    line = told(operator)[0]
    assert line.startswith("broken payment#inv-1 of location 4564: NEEDS_HUMAN")
    type_what_it_says(operator, line)
    operator(*operator.json("payment", "inv-1")["next"].split(), "--do")
    connected.let_time_pass(30, step=5)
    assert told(operator) == []


def test_a_payment_of_a_location_that_nobody_connected_is_attention_only(
    connected: Deployment, operator: Operator
) -> None:
    connected.bill(payment("inv-1", 4232))
    connected.bill(payment("inv-2", 4232))
    [line] = told(operator)
    assert line == (
        "attention payment#inv-1, payment#inv-2 of location 4232: HELD (990.99 EUR), the location"
        " is not connected, nor ever was: see whether billing names the right one > payment"
        " payment#inv-1"
    )
    assert operator.code == 1
    shown = " ".join(operator("payment", "inv-1").split())
    assert "No location 4232 was ever connected here. See with billing whether it names" in shown
    assert shown.endswith(
        "payment payment#inv-1 --close REASON # REASON: why, in quotes; it is kept"
    )
    for key in ("inv-1", "inv-2"):
        operator("payment", key, "--close", "cancelled", "--do")
    assert told(operator) == []


def test_a_payment_of_a_location_that_has_left_says_since_when_and_whom_to_ask(
    connected: Deployment, operator: Operator
) -> None:
    connected.simulator.disconnect(4564)
    connected.webhook(connected.event(4564))
    connected.let_time_pass(5)
    at = moment(connected.connection(4564).settled_at or connected.clock())
    connected.bill(payment())
    connected.bill(payment("inv-2", 4232))
    line, other = told(operator)
    assert line == (
        "attention payment#inv-1 of location 4564: HELD (990.99 EUR), the location is not"
        f" connected: 4564 was uninstalled in Altegio, and it was closed here at {at}. Ask its"
        " owner whether he has left. If not, he presses Connect in Altegio; if so, cancel it in"
        " billing"
        " > payment payment#inv-1"
    )
    assert "nor ever was" in other
    assert (
        f"4564 was uninstalled in Altegio, and it was closed here at {at}. It goes out by itself"
        in (operator.json("payment", "inv-1")["says"])
    )


def test_a_location_that_altegio_does_not_know_any_more_is_to_be_asked_of_altegio(
    connected: Deployment, operator: Operator
) -> None:
    """Deleted or merged there: nobody can press Connect, and no webhook comes."""
    connected.simulator.fault(
        "any", "status", status=404, message="Salon not found.", location_id=4564, times=999
    )
    connected.bill(payment())
    # Before reconcile has seen it twice, nothing says that it is connected.
    [held, leaving] = told(operator)
    assert held.startswith("attention payment#inv-1 of location 4564: HELD (990.99 EUR), the")
    assert "by now" not in held + " ".join(operator("payment", "inv-1").split())
    assert "is active here, and not installed in Altegio, as was seen once" in leaving
    connected.let_time_pass(3)
    at = moment(connected.connection(4564).settled_at or connected.clock())
    gone = (
        f"Altegio does not know 4564 any more (404 Salon not found), and it was closed here at {at}"
    )
    held, echo = told(operator)
    assert held.startswith("attention payment#inv-1 of location 4564: HELD (990.99 EUR), the")
    assert f"{gone}. That is of it alone: it may be deleted or merged there, so ask Alteg" in held
    assert f"likely {gone}; of such a one it tells none > location 4564 --all" in echo
    says = operator.json("payment", "inv-1")["says"]
    assert says.startswith(f"{gone}. That is of it alone")
    assert "If it was merged, have billing send the payment of the one that there is now" in says
    assert "presses Connect" not in says
    assert gone in operator.json("location", "4564")["troubles"][1]["what"]
    # It was restored there: what `payment` leads to tells how it comes back, at once.
    connected.simulator.clear_faults()
    assert operator.json("payment", "inv-1")["next"] == "location 4564"
    [held, apart] = told(operator, "location", "4564")
    assert "take 4564 " in apart
    # So does `status`, and neither has its owner asked what he cannot know.
    assert told(operator)[:2] == [held, apart]
    assert "Ask its owner" not in held + apart
    command = apart.partition(" > ")[2].replace("TEXT", "restored")
    assert "Done." in operator(*command.split(), "--do")
    connected.let_time_pass(2)
    # What is mended does not look new.
    [echo] = told(operator)
    assert echo.startswith("attention location 4564: Altegio ended or froze it, and its webhook")
    assert "likely over, as it is connected here again since > location 4564 --all" in echo
    assert ("nothing is wrong any more" in operator("status"), operator.code) == (True, 0)


def test_a_location_that_altegio_has_again_is_told_without_a_payment_that_waits(
    connected: Deployment, operator: Operator
) -> None:
    connected.simulator.fault(
        "any", "status", status=404, message="Salon not found.", location_id=4564, times=999
    )
    row = connected.connection(4564)
    connected.connections.save(replace(row, due_at=connected.clock()))
    connected.let_time_pass(3)
    assert [it for it in told(operator) if "What comes for it is held" in it] == []
    connected.simulator.clear_faults()
    [line, _echo] = told(operator)
    assert line.startswith("attention location 4564: is disabled here, but active in Altegio. What")
    assert line.partition(" > ")[2].startswith("take 4564 ")


def test_what_is_held_is_as_old_on_one_screen_as_on_another(
    connected: Deployment, operator: Operator
) -> None:
    """Each look at it writes the row."""
    connected.bill(payment("inv-1", 4232))
    connected.let_time_pass(40, step=10)
    for shown in (operator("status"), operator("location", "4232")):
        assert "payment#inv-1 of location 4232, for 40 min: HELD" in shown
    assert "HELD for 40 min" in operator("payment", "inv-1")


def test_who_has_left_is_no_trouble_once_what_came_for_him_was_given_up(
    connected: Deployment, operator: Operator
) -> None:
    connected.simulator.disconnect(4564)
    connected.webhook(connected.event(4564))
    connected.let_time_pass(5)
    for command in ("status", "location 4564"):
        # Nothing comes for him, so both say that all is well.
        operator(*command.split())
        assert operator.code == 0
    connected.bill(payment())
    assert "attention  location 4564" in operator("location", "4564")
    assert operator.code == 1
    operator("payment", "inv-1", "--close", "left", "--do")
    shown = operator("location", "4564")
    # It is told still why there are no pop-ups.
    assert ("fine  location 4564" in shown, operator.code) == (True, 0)
    assert "uninstalled in Altegio, and it was closed here at" in " ".join(shown.split())


def test_a_location_that_is_switched_off_soon_is_named_with_what_waits_for_it(
    trial: Deployment, operator: Operator
) -> None:
    trial.clock.advance(days=6.5)
    trial.reconcile()
    [line] = told(operator)
    assert line == (
        "attention location 4564: cover ends in 12 h; nothing is queued: if the customer goes on,"
        " have billing send the next period > location 4564"
    )
    trial.simulator.fault("payment", "status", status=422, message="The sum is odd.", times=2)
    trial.bill(bought(trial, "inv-1", 0, 30))
    trial.let_time_pass(2)
    lines = told(operator)
    assert "payment#inv-1 is REJECTED: The sum is odd. > payment payment#inv-1" in lines[1]
    operator("payment", "inv-1", "--send", "--do")
    trial.let_time_pass(2)
    assert told(operator) == []


def test_who_is_frozen_though_he_paid_is_named(trial: Deployment, operator: Operator) -> None:
    trial.bill(bought(trial, "inv-1", 0, 30))
    trial.simulator.expire(4564)
    trial.webhook(trial.event(4564, "freeze"))
    trial.reconcile()
    [line] = told(operator)
    assert line.startswith("broken location 4564: Altegio has frozen it, though it is paid until ")
    assert line.endswith("> location 4564 --all")


def test_who_is_frozen_as_he_paid_for_a_period_long_ago_is_told_with_the_payment(
    trial: Deployment, operator: Operator
) -> None:
    trial.bill(bought(trial, "inv-1", -365, -335))
    ended = moment(trial.clock() - timedelta(days=335))
    late = f"paid for a period that ended {ended}, 335 d before it came, so it keeps nothing on"
    mend = "Have billing refund it, and send the right period under a new event id"
    trial.clock.advance(days=6.5)
    trial.reconcile()
    [line] = told(operator)
    assert f"cover ends in 12 h; payment#inv-1 is {late}. {mend}" in line
    trial.clock.advance(days=1)
    trial.simulator.expire(4564)
    trial.webhook(trial.event(4564, "freeze"))
    trial.reconcile()
    expected = f"broken location 4564: is frozen; payment#inv-1 is {late}. {mend}"
    [line] = told(operator)
    assert line == f"{expected} > payment payment#inv-1"
    first, second = operator.json("location", "4564")["troubles"]
    assert first["what"] in line
    assert "a payment for a period that runs now brings it back" in second["what"]
    text = " ".join(type_what_it_says(operator, line).split())
    assert f"too late {late}" in text
    assert f"{mend}." in text
    trial.bill(refund())
    trial.bill(bought(trial, "inv-2", 0, 30))
    trial.let_time_pass(30)
    assert told(operator) == []
    assert "too late" not in operator("payment", "inv-1")


def test_who_is_dark_as_billing_gave_back_the_wrong_month_is_told_with_the_refund(
    trial: Deployment, operator: Operator
) -> None:
    """He has paid on, so he has not left."""
    trial.bill(bought(trial, "inv-1", 0, 30))
    trial.bill(bought(trial, "inv-2", 30, 60))
    trial.clock.advance(days=8)
    trial.reconcile()
    assert told(operator) == []
    trial.bill(refund("ref-1", of="inv-1"))
    trial.webhook(trial.event(4564, "freeze"))
    trial.let_time_pass(5)
    [line] = told(operator)
    assert "is frozen, as refund#ref-1 has given back payment#inv-1, whose period runs" in line
    assert "; payment#inv-2 is for 20" in line
    assert "have billing send the period that runs now anew, under a new event id" in line
    shown = operator.json("location", "4564")["troubles"][0]["what"]
    assert shown in line
    trial.bill(bought(trial, "inv-3", 0, 20))
    trial.let_time_pass(30)
    assert told(operator) == []


def test_who_has_not_paid_on_may_have_left_which_is_not_wrong(
    trial: Deployment, operator: Operator
) -> None:
    trial.bill(bought(trial, "inv-1", 0, 30))
    trial.clock.advance(days=8)
    trial.reconcile()
    trial.bill(refund("ref-1", of="inv-1"))
    trial.webhook(trial.event(4564, "freeze"))
    trial.let_time_pass(5)
    assert told(operator) == []
    shown = operator.json("location", "4564")["troubles"][0]["what"]
    assert shown.startswith("is frozen, as refund#ref-1 has given back payment#inv-1")


def test_a_month_that_altegio_has_twice_is_told_of_its_location(
    trial: Deployment, operator: Operator
) -> None:
    trial.bill(bought(trial, "inv-1", 0, 30))
    # Nobody bills twice within a second.
    trial.clock.advance(hours=3)
    trial.bill(bought(trial, "inv-1-b", 0, 30))
    trial.bill(bought(trial, "inv-2", 30, 60))
    [line] = [it for it in told(operator, "location", "4564") if "pays for, too" in it]
    assert line.startswith(
        "attention payment#inv-1 of location 4564: is paid for a period that payment#inv-1-b pays"
    )
    assert "If not both are owed, have billing give one back" in line
    trial.bill(refund("ref-1", of="inv-1-b"))
    trial.let_time_pass(2)
    assert "pays for, too" not in operator("location", "4564")


def test_a_rejection_for_its_currency_says_in_which_the_last_was_taken(
    trial: Deployment, operator: Operator
) -> None:
    trial.bill(bought(trial, "inv-1", 0, 30))
    trial.simulator.fault("payment", "status", status=422, message="Not its currency.", times=4)
    trial.bill(bought(trial, "inv-2", 30, 60, currency="USD"))
    trial.bill(bought(trial, "inv-3", 60, 90, currency="USD"))
    trial.let_time_pass(5)
    [line] = told(operator)
    assert line == (
        "broken payment#inv-2, payment#inv-3 of location 4564: REJECTED (990.99 USD), Not its"
        " currency.; what was taken before was in EUR > payment payment#inv-2"
    )
    assert told(operator, "location", "4564")[0] == line
    text = " ".join(operator("payment", "inv-2").split())
    assert "What Altegio took of this location before was in EUR." in text
    assert operator.json("payment", "inv-2")["next"] == "payment payment#inv-2 --close REASON"


def test_a_rejection_is_as_old_as_the_answer(connected: Deployment, operator: Operator) -> None:
    connected.bill(payment("inv-1", 4232))
    connected.clock.advance(hours=2)
    connected.simulator.fault("payment", "status", status=422, message="Too early.", times=2)
    connected.connect(4232)
    connected.let_time_pass(3)
    [it] = [it for it in operator.json("status")["troubles"] if "REJECTED" in it["what"]]
    assert connected.clock() - instant(it["since"]) < timedelta(minutes=4)
