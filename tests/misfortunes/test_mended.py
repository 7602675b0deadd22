"""Schedules that once lost money, a location or an alarm, found by reading; each stays mended."""

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from shared.calls.table import Calls
from shared.connections import lifecycle
from shared.connections.settings import LifecyclePolicy
from shared.payments.entry import EntryState
from shared.reconcile.schedule import ReconcileFailed
from tests.deployment import Deployment, counted, payment, refund
from tests.memory import Memory


def test_a_wrong_token_raises_the_alarm(connected: Deployment, logged: Callable[[], str]) -> None:
    connected.set_token("wrong")
    connected.restart()
    connected.bill(payment())
    assert "PlatformBlocked" in counted(logged())


def test_a_token_with_a_newline_works_and_no_error_quotes_it(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    connected.set_token(f"{connected.simulator.partner_token}\n")
    connected.restart()
    connected.bill(payment())
    assert connected.entry("payment#inv-1").state is EntryState.SENT
    for event_id, token in (("inv-2", "to\tken"), ("inv-3", "tökén")):
        connected.set_token(token)
        connected.restart()
        assert connected.bill(payment(event_id)) == []
        assert connected.entry(f"payment#{event_id}").state is EntryState.PENDING
    log = logged()
    assert [part for part in ("to\\tken", "tökén", "t\\u00f6k") if part in log] == []


def test_a_connection_that_takes_too_long_is_no_unknown(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several dead addresses, each with its own time-out, outlast the whole deadline."""

    def slow(*_address: Any, **_options: Any) -> None:
        time.sleep(1.3)
        raise TimeoutError

    with monkeypatch.context() as patch:
        patch.setattr(socket, "create_connection", slow)
        connected.bill(payment())
    assert connected.entry("payment#inv-1").state is EntryState.PENDING


def test_an_address_that_is_none_sends_nothing(connected: Deployment) -> None:
    connected.restart(PLATFORM_APP_URL="app.alteg.io")
    connected.bill(payment())
    assert connected.entry("payment#inv-1").state is EntryState.PENDING


def test_money_that_waits_too_long_raises_the_alarm(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    connected.simulator.fault("payment", "status", status=429, times=999)
    connected.bill(payment())
    connected.let_time_pass(170, step=10)
    assert "PaymentLate" not in counted(logged())
    connected.let_time_pass(130, step=10)
    assert "PaymentLate" in counted(logged())


def test_a_payment_for_a_location_that_waits_for_its_callback_is_held(
    connected: Deployment,
) -> None:
    connected.simulator.disconnect(4564)
    url = connected.simulator.grant(4564)
    connected.bill(payment())
    assert connected.entry("payment#inv-1").state is EntryState.HELD
    connected.press(connected.visit(url))
    connected.reconcile()
    assert connected.entry("payment#inv-1").state is EntryState.SENT


def test_an_uninstall_that_was_never_told_is_settled_by_the_payment_that_meets_it(
    connected: Deployment,
) -> None:
    connected.simulator.disconnect(4564)
    connected.bill(payment())
    connected.let_time_pass(30)
    assert connected.connection(4564).state == "disabled"
    assert len(connected.simulator.calls("payment")) == 1


def test_one_404_does_not_close_a_live_location(connected: Deployment) -> None:
    connected.simulator.fault("status", "status", status=404)
    assert connected.webhook(connected.hosted(4564)) == 200
    connected.reconcile()
    connected.bill(payment())
    assert connected.entry("payment#inv-1").state is EntryState.SENT
    connected.let_time_pass(60, step=5)
    assert connected.connection(4564).state == "active"


@pytest.fixture
def answers_lost(memory: Memory) -> Iterator[Callable[[], None]]:
    """From when it is called, each row of the ledger is written, and botocore writes it again."""
    written: list[str] = []
    is_first = False

    def twice(operation: str, asked: Any) -> None:
        nonlocal is_first
        if operation == "PutItem" and "Payments" in asked["TableName"] and not is_first:
            is_first = True
            try:
                memory.client("dynamodb").put_item(**asked)
            finally:
                is_first = False
            written.append(operation)

    yield lambda: setattr(memory, "before", twice)
    assert written


def test_a_lost_answer_leaves_no_payment_to_a_person_in_silence(
    deployment: Deployment, answers_lost: Callable[[], None], logged: Callable[[], str]
) -> None:
    deployment.connect(4564)
    deployment.simulator.fault("payment", "drop_request")
    deployment.bill(payment())
    answers_lost()
    deployment.let_time_pass(20)
    assert deployment.entry("payment#inv-1").state is EntryState.NEEDS_HUMAN
    assert "PaymentNeedsHuman" in counted(logged())


def test_a_lost_answer_rejects_no_refund_in_silence(
    connected: Deployment, answers_lost: Callable[[], None], logged: Callable[[], str]
) -> None:
    connected.bill(payment())
    answers_lost()
    connected.bill(refund(location_id=77))
    assert connected.entry("refund#ref-1").state is EntryState.REJECTED
    assert "PaymentRejected" in counted(logged())


@pytest.mark.parametrize("status", [403, 500])
def test_a_payment_that_nobody_can_look_up_raises_the_alarm(
    connected: Deployment, logged: Callable[[], str], status: int
) -> None:
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment())
    connected.simulator.fault("status", "status", status=status, times=999)
    connected.let_time_pass(170, step=10)
    assert "PaymentLate" not in counted(logged())
    connected.let_time_pass(30, step=10)
    assert connected.entry("payment#inv-1").state is EntryState.UNKNOWN
    assert "PaymentLate" in counted(logged())


def test_frozen_locations_keep_nobody_from_being_forgotten(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is asked about every ten minutes, for as long as its owner does not pay."""
    deployment.restart(ERASE_AFTER_S="60")
    deployment.connect(4564, *range(1, 16))
    deployment.clock.advance(minutes=2)
    deployment.simulator.disconnect(4564)
    deployment.webhook(deployment.event(4564))
    for location_id in range(1, 16):
        deployment.simulator.expire(location_id)
        deployment.webhook(deployment.event(location_id, "freeze"))
    deployment.reconcile()
    assert deployment.connection(4564).state == "disabled"
    deployment.clock.advance(minutes=11)
    # Every answer takes a second.
    clock = SimpleNamespace(monotonic=lambda: len(deployment.simulator.calls("status")))
    for module in ("shared.reconcile.schedule", "functions.reconcile.app"):
        monkeypatch.setattr(f"{module}.time", clock)
    deployment.reconcile()
    assert deployment.connection(4564).account_id is None


def test_a_frozen_location_is_asked_about_every_ten_minutes(connected: Deployment) -> None:
    connected.simulator.expire(4564)
    connected.webhook(connected.event(4564, "freeze"))
    connected.let_time_pass(11)
    asked = len(connected.simulator.calls("status"))
    connected.let_time_pass(20)
    assert len(connected.simulator.calls("status")) - asked == 2


def test_a_webhook_does_not_break_a_lease(deployment: Deployment) -> None:
    page = deployment.visit(deployment.simulator.grant(4564))
    deployment.simulator.fault("callback", "status", status=500, times=9)
    deployment.press(page)
    row = deployment.connection(4564)
    rules = LifecyclePolicy(erase_after_s=2_592_000)
    deployment.connections.save(lifecycle.leased(row, deployment.clock(), rules))
    called = len(deployment.simulator.calls("callback"))
    assert deployment.webhook(deployment.event(4564, "freeze")) == 200
    deployment.clock.advance(seconds=5)
    deployment.reconcile()
    assert len(deployment.simulator.calls("callback")) == called
    assert deployment.connection(4564).due_at == deployment.connection(4564).lease_until


def test_one_row_that_nobody_can_read_holds_up_no_other(connected: Deployment) -> None:
    connected.connect(4232)
    connected.clock.advance(minutes=2)
    for location_id in (4564, 4232):
        connected.simulator.disconnect(location_id)
        connected.webhook(connected.event(location_id))
    broken = replace(connected.connection(4564), state="lost")  # type: ignore[arg-type]  # that is the point
    connected.connections.save(replace(broken, due_at=connected.clock()))
    # The others are taken care of, and the run ends in an error, which is an alarm.
    with pytest.raises(ReconcileFailed):
        connected.reconcile()
    assert connected.connection(4232).state == "disabled"


def test_calls_that_nobody_can_wake_hold_up_no_payment(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS throttles their table, or their queue is gone."""
    connected.simulator.fault("payment", "drop_answer")
    connected.bill(payment())
    throttled = ClientError({"Error": {"Code": "ThrottlingException"}}, "Query")
    monkeypatch.setattr(Calls, "due", Mock(side_effect=throttled))
    connected.clock.advance(minutes=16)
    with pytest.raises(ReconcileFailed):
        connected.reconcile()
    assert connected.entry("payment#inv-1").state is EntryState.SENT
