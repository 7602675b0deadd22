"""One payment: shown, looked up again, adopted, sent, closed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from ops import evidence
from ops.screen import moment
from shared.connections.connection import State
from shared.payments import entry as rules
from shared.payments.entry import EntryState
from tests.deployment import Deployment, payment, refund
from tests.ops.operator import Operator
from tests.ops.states import need_human, paid, reject, state

pytestmark = pytest.mark.usefixtures("anna")


# One payment


def test_one_payment_is_told_with_what_the_list_says(
    connected: Deployment, operator: Operator
) -> None:
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment())
    text = operator("payment", "inv-1")
    [id_] = paid(connected)
    assert f"taken: no entry has {id_}, which reads back exactly" in text
    assert f"{id_}  990.99  2026-11-01 10:10:00" in text
    assert "4564 (Ателье «Zoë»?>), active" in text
    connected.let_time_pass(20)
    assert f"taken: its id {id_} is listed and reads back exactly" in operator("payment", "inv-1")


def test_absence_proves_nothing_before_its_time(connected: Deployment, operator: Operator) -> None:
    connected.simulator.fault("payment", "drop_request")
    connected.bill(payment())
    assert "unsure: the list lacks it, but it is too early" in operator("payment", "inv-1")


def test_a_platform_that_does_not_tell_leaves_it_unsure(
    connected: Deployment, operator: Operator
) -> None:
    reject(connected)
    connected.simulator.fault("status", "status", status=500, times=10)
    assert "unsure: the platform does not tell: status answered 500" in operator("payment", "inv-1")
    connected.simulator.clear_faults()
    connected.simulator.disconnect(4564)
    assert "unsure: the application is not installed there" in operator("payment", "inv-1")


def test_an_event_id_of_two_entries_asks_which(connected: Deployment, operator: Operator) -> None:
    connected.bill(payment("both"))
    connected.bill(refund("both", of="both"))
    assert "payment#both and refund#both: which?" in operator("payment", "both")
    assert operator.code == 2
    assert "its payment is marked as refunded" in operator("payment", "refund#both")
    assert "no payment or refund is known as nothing" in operator("payment", "nothing")


# Nothing is changed by showing it


@pytest.mark.parametrize("words", [("--look",), ("--send",), ("--close", "gone")])
def test_a_dry_run_changes_nothing(
    connected: Deployment, operator: Operator, words: tuple[str, ...]
) -> None:
    need_human(connected)
    before = connected.entry("payment#inv-1")
    calls = len(connected.simulator.calls("payment"))
    assert "Nothing was changed yet. Add --do to do it." in operator("payment", "inv-1", *words)
    assert operator.code == 0
    assert connected.entry("payment#inv-1") == before
    assert len(connected.simulator.calls("payment")) == calls
    assert "Done." in operator("payment", "inv-1", *words, "--do")
    assert connected.entry("payment#inv-1") != before


@pytest.mark.parametrize("words", [("--look",), ("--send",), ("--close", "gone")])
@pytest.mark.parametrize("fault", ["drop_answer", "drop_request"])
def test_what_may_be_on_its_way_is_nobodys_business(
    connected: Deployment, operator: Operator, words: tuple[str, ...], fault: str
) -> None:
    connected.simulator.fault("payment", fault)
    connected.bill(payment())
    text = operator("payment", "inv-1", *words, "--do")
    assert "looked up by itself, in 15 min" in " ".join(text.split())
    assert (operator.code, state(connected)) == (1, "UNKNOWN")
    sending = replace(connected.entry("payment#inv-1"), state=EntryState.SENDING)
    connected.ledger.move(connected.entry("payment#inv-1"), sending)
    assert "Nothing was changed: it is being sent" in operator("payment", "inv-1", *words, "--do")
    assert (operator.code, state(connected)) == (1, "SENDING")


@pytest.mark.parametrize(
    ("fault", "then"),
    [
        ("drop_answer", "; if the list still says so, it is SENT then, under that id."),
        ("drop_request", "."),
    ],
)
def test_of_what_is_looked_up_by_itself_it_says_when_so_that_nobody_acts(
    connected: Deployment, operator: Operator, fault: str, then: str
) -> None:
    connected.simulator.fault("payment", fault)
    connected.bill(payment())
    says = "Nothing is to be done now: it may have been taken; it is looked up by itself, "
    assert operator.json("payment", "inv-1")["says"] == f"{says}in 15 min{then}"
    assert f"{says}in 15 min{then}" in " ".join(operator("payment", "inv-1").split())
    assert "type:" not in operator("payment", "inv-1")
    assert "; it is looked up by itself in 15 min" in " ".join(operator("status").split())
    # Long after, when reconcile did not run: no time that has passed.
    connected.clock.advance(hours=1)
    assert operator.json("payment", "inv-1")["says"] == f"{says}within some minutes{then}"
    connected.reconcile()
    connected.let_time_pass(5)
    assert state(connected) == "SENT"


def test_of_a_refund_whose_payment_never_came_it_says_who_has_to_send_what_until_when(
    connected: Deployment, operator: Operator
) -> None:
    connected.bill(refund(of="inv-2026-10-4564", location_id=4564))
    connected.let_time_pass(20)
    until = moment(connected.entry("refund#ref-1").received_at + timedelta(days=3))
    said = " ".join(operator("payment", "ref-1").split())
    assert "state PENDING for 20 min" in said
    assert "Have billing send payment#inv-2026-10-4564, then both go out." in said
    assert f"Else it is NEEDS_HUMAN at {until}." in said
    # To give it up would be the end of it, though all that lacks is its payment.
    assert "Only if it means another payment, have it send a refund of that, with an id of" in said
    assert operator.json("payment", "ref-1")["next"] == ""
    assert "type:" not in operator("payment", "ref-1")
    told = " ".join(operator("status").split())
    assert "PENDING, its payment was not sent by billing: payment#inv-2026-10-4564" in told
    connected.bill(payment("inv-2026-10-4564"))
    connected.let_time_pass(30)
    assert connected.entry("refund#ref-1").state is EntryState.SENT


def test_a_row_that_changes_while_it_is_looked_at_is_left_alone(
    connected: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_human(connected)

    def slow(*_arguments: object) -> str:
        entry = connected.entry("payment#inv-1")
        looking = rules.looked_for_again(entry, "by another", connected.clock())
        connected.ledger.move(entry, looking)
        return ""

    monkeypatch.setattr(evidence, "shown", slow)
    assert "has changed since it was shown" in operator("payment", "inv-1", "--send", "--do")
    assert (operator.code, state(connected)) == (1, "UNKNOWN")


# Look


def test_a_look_settles_what_could_not_be_told_before(
    deployment: Deployment, operator: Operator
) -> None:
    need_human(deployment)
    deployment.bill(payment("known", amount="1.00"))
    operator("payment", "inv-1", "--look", "--do")
    entry = deployment.entry("payment#inv-1")
    assert (entry.state, entry.why.split(":")[0]) == (
        EntryState.UNKNOWN,
        "looked up by anna; was NEEDS_HUMAN",
    )
    deployment.reconcile()
    assert (state(deployment), deployment.entry("payment#inv-1").absences) == ("UNKNOWN", 1)
    deployment.let_time_pass(3)
    assert (state(deployment), len(paid(deployment))) == ("SENT", 1)


def test_what_was_never_sent_is_not_looked_for(connected: Deployment, operator: Operator) -> None:
    connected.bill(refund(of="never-billed"))
    connected.let_time_pass(5 * 24 * 60, step=300)
    assert "it was never sent, so there is nothing to look for" in operator(
        "payment", "ref-1", "--look", "--do"
    )
    assert operator.code == 1


# Adopt


def test_an_id_that_was_found_is_adopted(connected: Deployment, operator: Operator) -> None:
    need_human(connected, "drop_answer")
    [id_] = paid(connected)
    assert f"NEEDS_HUMAN -> SENT with id {id_}" in operator(
        "payment", "inv-1", "--adopt", str(id_), "--do"
    )
    entry = connected.entry("payment#inv-1")
    assert (entry.state, entry.platform_id, entry.due_at) == (EntryState.SENT, id_, None)
    assert entry.why.startswith("adopted by anna; was NEEDS_HUMAN: ")
    assert connected.ledger.owner(id_) == "payment#inv-1"
    connected.bill(refund())
    assert connected.simulator.payments(4564)[1].is_refunded


def test_an_id_of_another_is_never_adopted(connected: Deployment, operator: Operator) -> None:
    need_human(connected)
    known = connected.entry("payment#known").platform_id
    text = operator("payment", "inv-1", "--adopt", str(known), "--force", "--do")
    assert f"Nothing was changed: {known} belongs to payment#known." in text
    assert (operator.code, state(connected)) == (1, "NEEDS_HUMAN")


def test_an_id_that_somebody_takes_meanwhile_stays_his(
    connected: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_human(connected, "drop_answer")
    [id_] = paid(connected)
    shown = evidence.shown

    def slow(*arguments: Any) -> str:
        # Between the look at the owner and the write.
        monkeypatch.setattr(rules, "adopted", after_taking(rules.adopted, connected, id_))
        return shown(*arguments)

    monkeypatch.setattr(evidence, "shown", slow)
    assert "another entry has got that id" in operator(
        "payment", "inv-1", "--adopt", str(id_), "--do"
    )
    assert (operator.code, state(connected)) == (1, "NEEDS_HUMAN")


def after_taking(
    adopted: Callable[..., Any], deployment: Deployment, id_: int
) -> Callable[..., Any]:
    def taken(*arguments: Any) -> Any:
        deployment.ledger.own(id_, "payment#other")
        return adopted(*arguments)

    return taken


def test_an_id_that_the_list_does_not_confirm_needs_force(
    connected: Deployment, operator: Operator
) -> None:
    need_human(connected)
    assert "77 is not on the list" in operator("payment", "inv-1", "--adopt", "77", "--do")
    stranger = connected.simulator.platform.pay(
        4564,
        payment_sum=Decimal("990.99"),
        currency_iso="EUR",
        payment_date="2026-11-02 10:10:00",
        period_from="2026-11-01 00:00:00",
        period_to="2026-11-30 23:59:59",
    )
    assert f"{stranger} does not read back as this entry" in operator(
        "payment", "inv-1", "--adopt", str(stranger), "--do"
    )
    connected.simulator.fault("status", "status", status=500)
    assert "the platform does not tell" in operator(
        "payment", "inv-1", "--adopt", str(stranger), "--do"
    )
    assert (operator.code, state(connected)) == (1, "NEEDS_HUMAN")
    assert "in spite of" in operator(
        "payment", "inv-1", "--adopt", str(stranger), "--do", "--force"
    )
    assert (operator.code, state(connected)) == (0, "SENT")


def test_a_refund_is_adopted_by_the_id_of_its_payment(
    connected: Deployment, operator: Operator
) -> None:
    known = connected.entry("payment#known").platform_id
    connected.simulator.fault("refund", "drop_answer")
    connected.bill(refund(of="known"))
    assert state(connected, "refund#ref-1") == "UNKNOWN"
    assert "77 is not the id of payment#known" in operator(
        "payment", "ref-1", "--adopt", "77", "--force"
    )
    operator("payment", "ref-1", "--adopt", str(known), "--do")
    assert (operator.code, state(connected, "refund#ref-1")) == (0, "SENT")


def test_a_payment_whose_refund_was_adopted_is_given_back_by_no_other(
    connected: Deployment, operator: Operator
) -> None:
    """The first was never sent: it waited for its payment, and Altegio gave that back by hand."""
    connected.bill(refund("ref-1"))
    connected.bill(payment())
    [id_] = paid(connected)
    connected.simulator.platform.refund(id_)
    assert "Done." in operator("payment", "ref-1", "--adopt", str(id_), "--do")
    connected.bill(refund("ref-2"))
    second = connected.entry("refund#ref-2")
    why = "its payment was given back by refund#ref-1"
    assert (second.state, second.why) == (EntryState.REJECTED, why)
    assert connected.simulator.calls("refund") == []
    assert "refund#ref-1 has given payment#inv-1 back" in operator(
        "payment", "ref-2", "--adopt", str(id_), "--do"
    )
    assert (operator.code, state(connected, "refund#ref-2")) == (1, "REJECTED")


def test_an_id_that_arrives_after_all_counts_though_somebody_closed_it(
    connected: Deployment, operator: Operator
) -> None:
    need_human(connected)
    entry = connected.entry("payment#inv-1")
    operator("payment", "inv-1", "--close", "gone", "--do")
    asleep = replace(entry, state=EntryState.SENDING)
    connected.ledger.finish(asleep, rules.sent(asleep, 77, connected.clock()))
    assert state(connected) == "SENT"


# Send


def test_a_rejected_payment_is_sent_once_its_cause_is_gone(
    connected: Deployment, operator: Operator
) -> None:
    reject(connected)
    assert "not taken: no row without an entry has its sum" in operator(
        "payment", "inv-1", "--send", "--do"
    )
    entry = connected.entry("payment#inv-1")
    assert (entry.state, entry.due_at) == (EntryState.PENDING, connected.clock())
    assert entry.why == "sent again by anna; was REJECTED: Too early."
    connected.reconcile()
    assert (state(connected), len(paid(connected))) == ("SENT", 1)


def test_what_the_list_has_is_not_sent(connected: Deployment, operator: Operator) -> None:
    need_human(connected, "drop_answer")
    [id_] = paid(connected)
    text = operator("payment", "inv-1", "--send", "--do")
    assert f"it could be taken twice: no entry has {id_}" in text
    assert (operator.code, state(connected)) == (1, "NEEDS_HUMAN")


def test_what_cannot_be_told_is_sent_only_by_force(
    deployment: Deployment, operator: Operator
) -> None:
    need_human(deployment)
    text = " ".join(operator("payment", "inv-1", "--send", "--do").split())
    assert (
        "could be taken twice: no known payment shows how dates read back (add --force to" in text
    )
    assert (operator.code, state(deployment)) == (1, "NEEDS_HUMAN")
    operator("payment", "inv-1", "--send", "--do", "--force")
    deployment.reconcile()
    assert (state(deployment), len(paid(deployment))) == ("SENT", 1)


def test_what_is_held_is_surely_not_taken(connected: Deployment, operator: Operator) -> None:
    # Nobody tells, so it is sent, and refused.
    connected.simulator.disconnect(4564, webhook="never")
    connected.bill(payment())
    assert state(connected) == "HELD"
    assert connected.entry("payment#inv-1").attempt == 1
    assert "what is HELD was surely not taken" in operator("payment", "inv-1", "--send")
    operator("payment", "inv-1", "--send", "--do")
    connected.connect(4564)
    connected.reconcile()
    assert (state(connected), len(paid(connected))) == ("SENT", 1)


@pytest.mark.parametrize("is_there", [True, False])
def test_of_what_is_held_it_says_first_what_brings_it_out(
    connected: Deployment, operator: Operator, *, is_there: bool
) -> None:
    if is_there:
        row = connected.connection(4564)
        connected.connections.save(replace(row, state=State.DISABLED))
    else:
        connected.simulator.disconnect(4564)
        connected.webhook(connected.event(4564))
        connected.reconcile()
    connected.bill(payment())
    text = " ".join(operator("payment", "inv-1").split())
    here = "why the location is not connected here, but Altegio has it active"
    assert (here in text) is is_there
    assert ("as it is active there: its owner has nothing to do" in text) is is_there
    assert ("once its owner presses Connect in Altegio" in text) is not is_there
    way, last = text.index("It goes out by itself once"), text.index("--close REASON")
    assert way < text.index("Only if the customer has left for good") < last
    # What is nowhere connected has nothing to show: only giving it up is a command.
    there, gone = "location 4564", "payment payment#inv-1 --close REASON"
    assert operator.json("payment", "inv-1")["next"] == (there if is_there else gone)


# Close


def test_what_is_closed_stays_so_until_a_person_sends_it(
    connected: Deployment, operator: Operator
) -> None:
    reject(connected)
    operator("payment", "inv-1", "--close", "cancelled, ticket 7", "--do")
    entry = connected.entry("payment#inv-1")
    assert (entry.state, entry.due_at) == (EntryState.CLOSED, None)
    assert entry.why == "closed by anna; cancelled, ticket 7; was REJECTED: Too early."
    connected.bill(payment())
    connected.let_time_pass(60, step=20)
    assert (state(connected), paid(connected)) == ("CLOSED", [])
    assert operator.json("payment") == []
    [found] = operator.json("payment", "--state", "CLOSED")
    assert found["key"] == "payment#inv-1"
    operator("payment", "inv-1", "--send", "--do")
    connected.reconcile()
    assert (state(connected), len(paid(connected))) == ("SENT", 1)


def test_a_refund_of_what_is_closed_is_rejected(connected: Deployment, operator: Operator) -> None:
    reject(connected)
    operator("payment", "inv-1", "--close", "gone", "--do")
    connected.bill(refund())
    entry = connected.entry("refund#ref-1")
    assert (entry.state, entry.why) == (EntryState.REJECTED, "its payment was closed")


def test_what_the_list_has_is_not_closed(connected: Deployment, operator: Operator) -> None:
    need_human(connected, "drop_answer")
    text = operator("payment", "inv-1", "--close", "gone", "--do")
    assert "the platform took it" in text
    assert (operator.code, state(connected)) == (1, "NEEDS_HUMAN")


def test_a_reason_must_be_given(operator: Operator) -> None:
    with pytest.raises(SystemExit):
        operator("payment", "inv-1", "--close")


def test_what_was_held_before_its_location_came_back_says_so(
    connected: Deployment, operator: Operator
) -> None:
    connected.bill(payment("inv-1", 4232))
    connected.connect(4232)
    shown = " ".join(operator("payment", "inv-1").split())
    assert (
        "when it came, or was looked at last, the location is not connected; by now it is" in shown
    )
    assert "location 4232 (Ателье «Zoë»?>), active" in shown
    assert "It goes out by itself, in " in shown
    operator(*operator.json("payment", "inv-1")["next"].split(), "--do")
    connected.let_time_pass(2)
    assert state(connected) == "SENT"


def test_what_may_have_been_taken_is_closed_only_where_nothing_is_listed_any_more(
    connected: Deployment, operator: Operator, logged: Callable[[], str]
) -> None:
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment())
    assert state(connected) == "UNKNOWN"
    assert "looked up by itself" in operator("payment", "inv-1", "--close", "gone", "--do")
    assert (operator.code, state(connected)) == (1, "UNKNOWN")
    assert operator.json("payment", "inv-1")["next"] == ""
    connected.simulator.disconnect(4564)
    connected.let_time_pass(120, step=30)
    logged()
    connected.reconcile()
    # The alarm counts it for as long as it is so.
    assert '"PaymentUnknown"' in logged()
    shown = " ".join(operator("payment", "inv-1").split())
    assert "Nothing is listed while the location is not connected" in shown
    command = operator.json("payment", "inv-1")["next"]
    assert command == "payment payment#inv-1 --close REASON"
    operator(*command.split())
    assert state(connected) == "UNKNOWN"
    operator(*command.split(), "--do")
    assert state(connected) == "CLOSED"
    logged()
    connected.reconcile()
    assert '"PaymentUnknown"' not in logged()


def told_and_never_listed(deployment: Deployment) -> str:
    """Altegio tells of a payment of its own page, under an id that its list does not show."""
    event = deployment.hosted(4564)
    assert deployment.webhook({**event, "payment_id": event["payment_id"] + 1}) == 200
    deployment.let_time_pass(4 * 24 * 60, step=240)
    key = f"payment#hosted-{event['payment_id'] + 1}"
    assert deployment.entry(key).state is EntryState.NEEDS_HUMAN
    return key


@pytest.mark.parametrize("forced", [(), ("--force",)])
def test_what_the_owner_paid_on_altegios_own_page_is_not_sent(
    connected: Deployment, operator: Operator, forced: tuple[str, ...]
) -> None:
    key = told_and_never_listed(connected)
    before = len(connected.simulator.calls("payment"))
    told = operator.json("payment", key)
    assert told["says"].startswith("Its owner paid it on Altegio's own page")
    assert told["next"] == f"payment {key} --close REASON"
    assert "so it is not ours to send" in operator("payment", key, "--send", "--do", *forced)
    assert "adopt or close it" in operator("payment", key, "--look", "--do", *forced)
    operator("payment", key, "--close", "not in Altegio", "--do")
    assert "so it is not ours to send" in operator("payment", key, "--send", "--do", *forced)
    connected.let_time_pass(5)
    assert len(connected.simulator.calls("payment")) == before
    assert state(connected, key) == "CLOSED"


def test_what_the_list_shows_of_altegios_own_page_is_adopted(
    connected: Deployment, operator: Operator
) -> None:
    need_human(connected)
    event = connected.hosted(4564)
    assert connected.webhook(event) == 200
    # It might be the other one, which nobody settles.
    connected.let_time_pass(4 * 24 * 60, step=240)
    id_, key = event["payment_id"], f"payment#hosted-{event['payment_id']}"
    assert state(connected, key) == "NEEDS_HUMAN"
    typed = operator.json("payment", key)["next"]
    assert typed == f"payment {key} --adopt {id_}"
    assert "Done." in operator(*typed.split(), "--do")
    assert (state(connected, key), connected.ledger.owner(id_)) == ("SENT", key)
