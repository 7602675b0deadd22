"""What a billing system calls its invoices goes through all that an event goes through."""

import json

import pytest

from shared.payments.entry import EntryState
from tests.deployment import Deployment, payment, refund
from tests.test_fields import IDS


@pytest.mark.parametrize("id_", IDS, ids=ascii)
def test_any_id_is_paid_given_back_and_contradicted_under_its_own_name(
    deployment: Deployment, id_: str
) -> None:
    deployment.connect(4564)
    for _ in range(2):
        deployment.bill(payment(id_))
        deployment.bill(refund(id_, of=id_))
    assert deployment.entry(f"payment#{id_}").state is EntryState.SENT
    assert deployment.entry(f"refund#{id_}").state is EntryState.SENT
    assert len(deployment.simulator.calls("payment")) == 1
    assert len(deployment.simulator.calls("refund")) == 1
    contradiction = payment(id_, amount="1.00")
    deployment.bill(contradiction)
    why = f"payment#{id_} was received before with other facts"
    assert deployment.dead_letters() == [(json.dumps(contradiction), why)]


@pytest.mark.parametrize("id_", IDS, ids=ascii)
def test_any_id_that_has_to_wait_is_woken(deployment: Deployment, id_: str) -> None:
    deployment.bill(payment(id_))
    assert deployment.entry(f"payment#{id_}").state is EntryState.HELD
    deployment.connect(4564)
    deployment.let_time_pass(3)
    assert deployment.entry(f"payment#{id_}").state is EntryState.SENT
    assert deployment.dead_letters() == []


def test_two_ids_that_only_look_alike_are_two_payments(deployment: Deployment) -> None:
    deployment.connect(4564)
    deployment.bill(payment("Счёт-12"))
    deployment.bill(payment("Сче\u0308т-12"))
    assert len(deployment.simulator.calls("payment")) == 2
    assert deployment.dead_letters() == []


@pytest.mark.parametrize("id_", ["inv\x00", "inv\n1", "\ud800", " inv-1", "x" * 201], ids=ascii)
def test_what_is_no_id_goes_to_a_person_with_a_sentence(deployment: Deployment, id_: str) -> None:
    deployment.connect(4564)
    assert deployment.bill(payment(id_)) == []
    [(body, why)] = deployment.dead_letters()
    assert json.loads(body)["event_id"] == id_
    assert why.startswith("invalid: event_id: must ")
    assert deployment.simulator.calls("payment") == []
