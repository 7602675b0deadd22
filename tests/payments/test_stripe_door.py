"""Stripe's webhook, through the handler: what is signed with our secret is money, and only that."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from shared.payments.entry import EntryState
from tests.deployment import Deployment, http_event, payment, refund
from tests.memory import Memory, refusal
from tests.payments.stripes import SECRET, credit, event, given_back, invoice, line, paid, signed

NEW = SECRET.replace("0001", "0002")


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    deployment.set_stripe_secret(SECRET)
    deployment.connect(4564)
    return deployment


def tell(deployment: Deployment, told: Any, *secrets: str, ago_s: float = 0) -> tuple[int, Any]:
    body, header = signed(told, deployment.clock() - timedelta(seconds=ago_s), *secrets)
    return deployment.post_stripe(body, header)


def states(deployment: Deployment) -> dict[str, str]:
    return {row["key"]: row["state"] for row in deployment.rows("PAYMENTS_TABLE") if "state" in row}


def test_a_paid_invoice_is_reported_once_however_often_it_is_told(deployment: Deployment) -> None:
    for number in range(3):
        # Stripe may make another event of the same news.
        told = {**paid(), "id": f"evt_{number}"}
        assert tell(deployment, told) == (200, {"stored": ["in_1Abc#il_1Paid"]})
        deployment.drain()
    assert states(deployment) == {"payment#in_1Abc#il_1Paid": "SENT"}
    [listed] = deployment.simulator.payments(4564)
    assert (str(listed.payment_sum), listed.currency_iso) == ("990.99", "EUR")
    assert deployment.dead_letters() == []


@pytest.mark.parametrize("order", [*permutations(["paid", "refund", "paid again", "refund again"])])
def test_in_any_order_it_comes_to_the_same(deployment: Deployment, order: tuple[str, ...]) -> None:
    for what in order:
        told = paid() if what.startswith("paid") else given_back()
        assert tell(deployment, told)[0] == 200
        deployment.drain()
    deployment.let_time_pass(30)
    assert states(deployment) == {
        "payment#in_1Abc#il_1Paid": "SENT",
        "refund#cn_1Abc#il_1Paid": "SENT",
    }
    assert [it.is_refunded for it in deployment.simulator.payments(4564)] == [True]
    assert len(deployment.simulator.calls("refund")) == 1
    assert deployment.dead_letters() == []


def test_two_locations_of_one_invoice(deployment: Deployment) -> None:
    deployment.connect(4232)
    told = paid(line("4564", 1000, "il_1"), line("4232", 2000, "il_2", old=True))
    assert tell(deployment, told)[1]["stored"] == ["in_1Abc#il_1", "in_1Abc#il_2"]
    assert tell(deployment, given_back(credit(2000, "il_2")))[0] == 200
    deployment.drain()
    deployment.let_time_pass(10)
    assert [it.is_refunded for it in deployment.simulator.payments(4564)] == [False]
    assert [it.is_refunded for it in deployment.simulator.payments(4232)] == [True]


def test_two_endpoints_of_different_years_tell_of_one_payment(deployment: Deployment) -> None:
    for told in (paid(line(line_id="sub_1Abc", old=True, unique_id="il_1Paid"), old=True), paid()):
        assert tell(deployment, told)[1]["stored"] == ["in_1Abc#il_1Paid"]
        deployment.drain()
    assert len(deployment.simulator.payments(4564)) == 1


def test_what_was_paid_from_a_balance_is_not_passed_over(deployment: Deployment) -> None:
    assert "do not add up" in tell(deployment, paid(amount_paid=0))[1]["letter"]
    assert len(deployment.dead_letters()) == 1


# What is not signed


def test_without_its_secret_nothing_is_stored(deployment: Deployment) -> None:
    body, header = signed(paid(), deployment.clock())
    assert deployment.post_stripe(body, "")[0] == 401
    assert deployment.post_stripe(body.replace("4564", "4232"), header)[0] == 401
    assert deployment.post_stripe(body + " ", header)[0] == 401
    assert tell(deployment, paid(), NEW)[0] == 401
    assert tell(deployment, "{", NEW)[0] == 401
    for seconds in (301, -301):
        assert tell(deployment, paid(), ago_s=seconds)[0] == 401
    assert states(deployment) == {}
    assert deployment.dead_letters() == []


def test_what_is_replayed_within_its_time_changes_nothing(deployment: Deployment) -> None:
    body, header = signed(paid(), deployment.clock())
    assert deployment.post_stripe(body, header)[0] == 200
    deployment.drain()
    deployment.clock.advance(seconds=299)
    assert deployment.post_stripe(body, header)[0] == 200
    deployment.drain()
    assert len(deployment.simulator.payments(4564)) == 1
    deployment.clock.advance(seconds=2)
    assert deployment.post_stripe(body, header)[0] == 401


def test_while_the_secret_is_rolled_both_hold(deployment: Deployment) -> None:
    deployment.set_stripe_secret(NEW, SECRET)
    deployment.restart()
    assert tell(deployment, paid(), NEW)[0] == 200
    assert tell(deployment, paid(), SECRET)[0] == 200
    deployment.set_stripe_secret(NEW)
    deployment.restart()
    # As Stripe does for a day: once with each.
    assert tell(deployment, paid(), SECRET, NEW)[0] == 200
    assert tell(deployment, paid(), SECRET)[0] == 401


@pytest.mark.parametrize("parameter", ["short", "whsec_", "test whsec_", "\n"])
def test_a_secret_that_could_be_guessed_is_none(deployment: Deployment, parameter: str) -> None:
    deployment.set_stripe_secret(parameter)
    deployment.restart()
    for secret in (parameter, parameter.strip(), parameter.removeprefix("test ")):
        assert tell(deployment, paid(), secret)[0] == 401


def test_a_body_may_come_encoded(deployment: Deployment) -> None:
    body, header = signed(paid(), deployment.clock())
    event = http_event("POST", "/billing/stripe", body=base64.b64encode(body.encode()).decode())
    event["headers"] = {"stripe-signature": header}
    event["isBase64Encoded"] = True
    assert deployment.invoke("billing", event)["statusCode"] == 200
    event["body"] = base64.b64encode(body.replace("4564", "4232").encode()).decode()
    assert deployment.invoke("billing", event)["statusCode"] == 401
    assert states(deployment) == {"payment#in_1Abc#il_1Paid": "PENDING"}


# Stripe's test mode


def test_a_test_is_no_money(deployment: Deployment) -> None:
    told = {**paid(), "livemode": False}
    status, answer = tell(deployment, told)
    assert (status, list(answer)) == (200, ["ignored"])
    assert "test mode" in answer["ignored"]
    assert states(deployment) == {}


def test_where_tests_are_wanted_a_test_is_and_nothing_else(deployment: Deployment) -> None:
    deployment.set_stripe_secret(f"test {SECRET}")
    deployment.restart()
    assert "live" in tell(deployment, paid())[1]["ignored"]
    assert tell(deployment, {**paid(), "livemode": False})[1]["stored"]
    # A live endpoint and a test one beside each other.
    deployment.set_stripe_secret(f"test {SECRET}", NEW)
    deployment.restart()
    assert tell(deployment, paid(), NEW)[1]["stored"]
    assert "test mode" in tell(deployment, {**paid(), "livemode": False}, NEW)[1]["ignored"]


# What is not clear


def test_what_is_not_clear_is_a_letter_with_its_reason(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    status, answer = tell(deployment, paid(amount_paid=90000))
    assert (status, list(answer)) == (200, ["letter"])
    [(body, reason)] = deployment.dead_letters()
    assert reason == f"stripe: {answer['letter']}"
    assert json.loads(body)["object"] == "in_1Abc"
    assert states(deployment) == {}
    for text in (body, reason, logged()):
        assert "anna@salon.example" not in text


@pytest.mark.parametrize("told", [paid(), given_back()])
def test_what_a_connected_account_was_paid_is_not_ours(deployment: Deployment, told: Any) -> None:
    # Whoever has such an account writes the metadata, and may call an invoice paid.
    status, answer = tell(deployment, {**told, "account": "acct_1Other"})
    assert (status, list(answer)) == (200, ["letter"])
    assert "connected account" in answer["letter"]
    assert states(deployment) == {}
    other = event("customer.created", {"id": "cus_1"}, account="acct_1Other")
    assert list(tell(deployment, other)[1]) == ["ignored"]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_part_that_is_given_back_is_a_letter(deployment: Deployment, *, is_known: bool) -> None:
    part = given_back(credit(5000))
    if is_known:
        tell(deployment, paid())
        deployment.drain()
    tell(deployment, part)
    deployment.drain()
    if not is_known:
        tell(deployment, paid())
        deployment.drain()
        deployment.let_time_pass(10)
    [(_, reason)] = deployment.dead_letters()
    assert "only a whole payment can be given back" in reason
    assert [it.is_refunded for it in deployment.simulator.payments(4564)] == [False]
    # The rest of it as well.
    tell(deployment, {**given_back(credit(94099), id="cn_2"), "id": "evt_2"})
    deployment.drain()
    assert len(deployment.dead_letters()) == 1
    assert len(deployment.simulator.calls("refund")) == 0


def test_a_payment_is_given_back_once(deployment: Deployment) -> None:
    tell(deployment, paid())
    deployment.drain()
    tell(deployment, given_back())
    tell(deployment, given_back(id="cn_2"))
    deployment.drain()
    deployment.let_time_pass(10)
    assert [it.is_refunded for it in deployment.simulator.payments(4564)] == [True]
    assert sum(it.recorded for it in deployment.simulator.calls("refund")) == 1


def test_an_invoice_that_says_something_else_by_now_is_a_letter(deployment: Deployment) -> None:
    tell(deployment, paid())
    assert tell(deployment, paid(line("4232")))[1] == {
        "letter": "payment#in_1Abc#il_1Paid was received before with other facts"
    }
    told = paid(line("4232"), line(line_id="il_2"))
    assert tell(deployment, told)[1]["stored"] == ["in_1Abc#il_2"]
    assert len(deployment.dead_letters()) == 2


def test_the_queue_and_stripe_know_each_others_events(deployment: Deployment) -> None:
    tell(deployment, paid())
    deployment.drain()
    deployment.bill(refund(of="in_1Abc#il_1Paid"))
    deployment.bill(payment("in_1Abc#il_1Paid"))
    assert deployment.entry("refund#ref-1").state is EntryState.SENT
    [(_, reason)] = deployment.dead_letters()
    assert "other facts" in reason


@pytest.mark.parametrize("told", ["", "{", "[]", '{"id":5}', "[" * 50_000])
def test_what_is_signed_and_no_event_is_refused(deployment: Deployment, told: str) -> None:
    assert tell(deployment, told)[0] == 400
    assert states(deployment) == {}


def test_events_of_other_kinds_are_passed_over(deployment: Deployment) -> None:
    status, answer = tell(deployment, event("customer.subscription.updated", invoice()))
    assert (status, list(answer)) == (200, ["ignored"])
    assert deployment.dead_letters() == []


@pytest.mark.parametrize("operation", ["PutItem", "SendMessage"])
def test_what_cannot_be_stored_comes_again(
    deployment: Deployment, memory: Memory, operation: str
) -> None:
    deployment.connect(4232)
    told = paid(line("4564", 1000, "il_1"), line("4232", 2000, "il_2"))
    if operation == "SendMessage":
        told = paid(amount_paid=5)
    puts = 0

    def unwilling(asked: str, _given: Any) -> None:
        nonlocal puts
        if asked == operation:
            puts += 1
            if puts == (2 if operation == "PutItem" else 1):
                raise refusal(operation, "InternalServerError", "not now")

    memory.before = unwilling
    assert tell(deployment, told)[0] == 503
    assert tell(deployment, told)[0] == 200
    memory.before = None
    deployment.drain()
    if operation == "PutItem":
        assert set(states(deployment).values()) == {"SENT"}
        assert len(states(deployment)) == 2
    else:
        assert len(deployment.dead_letters()) == 1
