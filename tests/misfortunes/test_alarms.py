"""What was silent once and rings now, and what rang for ever and rings once."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared import doors
from shared.connections import pbx_key
from tests.calls.telling import end, prove
from tests.deployment import Deployment, counted, http_event, payment
from tests.payments import stripes


def test_a_webhook_with_another_token_is_counted(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    assert connected.webhook(connected.event(4564, partner_token="another")) == 403
    assert "WebhookRefused" in counted(logged())
    assert connected.webhook("[]") == 400
    assert counted(logged()) == set()


def test_a_link_that_another_token_signed_is_counted(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    url = deployment.simulator.grant(4564)
    deployment.set_token("another")
    deployment.restart()
    deployment.visit(url)
    assert "RedirectRefused" in counted(logged())


def test_an_old_key_of_a_pbx_is_counted_and_one_that_never_was_is_not(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    deployment.connect(4564)
    account_id = deployment.connection(4564).account_id
    assert account_id is not None
    logged()
    event = http_event("POST", "/calls", body="{}")
    for given, is_counted in (
        (pbx_key.made(account_id), True),
        (pbx_key.made("0" * 8 + account_id[8:]), False),
    ):
        event["headers"]["authorization"] = f"Bearer {given}"
        assert deployment.invoke("calls", event)["statusCode"] == 401
        assert ("PbxKeyRefused" in counted(logged())) is is_counted


def test_a_billing_system_with_another_key_is_counted_and_a_passer_by_is_not(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    deployment.set_billing_key("k" * 32)
    deployment.set_stripe_secret(stripes.SECRET)
    _, header = stripes.signed(stripes.paid(), deployment.clock())
    asked: tuple[tuple[Callable[[], object], bool], ...] = (
        (lambda: deployment.post_billing(payment(), key="another"), True),
        (lambda: deployment.post_billing(payment()), False),
        (lambda: deployment.post_billing(payment(), key="k" * 32), False),
        (lambda: deployment.post_stripe("{}", header), True),
        (lambda: deployment.post_stripe("{}", ""), False),
    )
    for ask, is_counted in asked:
        ask()
        assert ("BillingRefused" in counted(logged())) is is_counted


def test_a_portal_with_another_key_is_counted_and_a_passer_by_is_not(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    deployment.set_portal_key("k" * 32)
    deployment.restart(PORTAL_URL="https://my.provider.example")
    for key, is_counted in (("another", True), ("", False), ("k" * 32, False)):
        deployment.ask("GET", "/connections", query="ticket=t&account_id=a", key=key)
        assert ("PortalRefused" in counted(logged())) is is_counted


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ({"kind": "status", "status": 429}, "PlatformThrottled"),
        ({"kind": "status", "status": 503}, "PlatformFailing"),
        ({"kind": "drop_answer"}, "PlatformFailing"),
    ],
)
def test_what_the_platform_cannot_do_is_counted(
    connected: Deployment, logged: Callable[[], str], fault: dict[str, Any], name: str
) -> None:
    connected.simulator.fault("payment", fault.pop("kind"), **fault)
    connected.bill(payment())
    assert name in counted(logged())


def test_a_token_that_was_changed_rings_where_nothing_happens_but_the_census(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    connected.set_token("another")
    connected.restart(CENSUS_EVERY_S="3600")
    logged()
    connected.let_time_pass(70, step=5)
    assert "PlatformBlocked" in counted(logged())


def test_a_platform_that_answers_as_it_should_is_not_counted(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    connected.bill(payment())
    connected.let_time_pass(5)
    zeros = {"BillingRefused", "PbxKeyRefused", "PortalRefused"}
    zeros |= {"RedirectRefused", "WebhookRefused"}
    assert counted(logged()) <= {"ReconcileRun", *zeros}


def test_a_token_that_cannot_be_read_is_counted_by_whoever_would_call(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    connected.restart(PARTNER_TOKEN_PARAMETER="/altegio/none")
    connected.bill(payment())
    assert "TokenUnreadable" in counted(logged())


def test_what_cannot_be_stored_is_counted_and_as_a_letter_the_last_time(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    connected.restart(PAYMENTS_TABLE="gone")
    record = {"messageId": "m", "body": json.dumps(payment()), "attributes": {}}
    for received, names in (
        (1, {"NotDurable"}),
        (doors._LAST - 1, {"NotDurable"}),
        (doors._LAST, {"NotDurable", "DeadLetter"}),
    ):
        record["attributes"] = {"ApproximateReceiveCount": str(received)}
        answer = connected.invoke("payments", {"Records": [record]})
        assert answer == {"batchItemFailures": [{"itemIdentifier": "m"}]}
        assert counted(logged()) == names


def test_each_letter_is_counted(connected: Deployment, logged: Callable[[], str]) -> None:
    for _ in range(2):
        connected.bill("no event")
        assert "DeadLetter" in counted(logged())
    connected.take_call("no event")
    assert "DeadLetter" in counted(logged())
    assert len(connected.dead_letters()) == 2


def test_a_payment_of_a_location_that_nobody_connected_rings_once(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    deployment.bill(payment())
    rang = []
    for hour in range(24 * 5):
        deployment.let_time_pass(60, step=20)
        if "PaymentLate" in counted(logged()):
            rang.append(hour)
    assert len(rang) == 1
    assert deployment.entry("payment#inv-1").late_at is not None


def test_more_calls_than_the_pace_lets_go_are_counted_until_they_are_gone(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    key = deployment.connect(4564).pbx_key
    prove(deployment, key)
    deployment.restart(PACE_PER_S="0.2", PACE_PER_MIN="10")
    for number in range(9):
        end(deployment, key, call_id=f"c-{number}", phone=f"+131555501{number:02}")
    deployment.clock.advance(minutes=1)
    deployment.invoke("reconcile", {})
    assert "CallsBehind" in counted(logged())
    deployment.restart(PACE_PER_S="100", PACE_PER_MIN="6000")
    deployment.let_time_pass(10)
    logged()
    deployment.let_time_pass(5)
    assert "CallsBehind" not in counted(logged())
