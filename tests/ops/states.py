"""Payments and calls in the states that concern an operator."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.aws.dead_letters import DeadLetters
from shared.clock import stamp
from shared.payments.entry import EntryState
from tests.deployment import Deployment, finished, payment
from tests.ops.operator import stack_of

# A payment for less than the others are for.
KNOWN: dict[str, Any] = {
    "event_id": "known",
    "amount": "1.00",
    "period_from": "2026-11-02T00:00:00+00:00",
}


@contextmanager
def small_pages(deployment: Deployment) -> Iterator[None]:
    """Every query is answered in pages of two, of which there are several."""
    asked: list[Any] = []

    def limit(params: Any, **_: Any) -> Any:
        asked.append(params)
        return {**params, "Limit": 2}

    events = stack_of(deployment).client("dynamodb").meta.events
    events.register("provide-client-params.dynamodb.Query", limit)
    try:
        yield
    finally:
        events.unregister("provide-client-params.dynamodb.Query", limit)
    assert any("ExclusiveStartKey" in each for each in asked)


def reject(deployment: Deployment, event_id: str = "inv-1", message: str = "Too early.") -> None:
    # Believed the second time.
    deployment.simulator.fault("payment", "status", status=422, message=message, times=2)
    deployment.bill(payment(event_id))
    deployment.let_time_pass(2)


def need_human(deployment: Deployment, fault: str = "drop_request") -> None:
    """A payment that the list cannot settle, as nothing shows how dates read back."""
    if 4564 not in deployment.simulator.platform.installed():
        deployment.connect(4564)
    deployment.simulator.fault("payment", fault)
    deployment.bill(payment())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.payments.lookup.reads_back", lambda *_arguments: False)
        deployment.let_time_pass(20, step=5)
    assert deployment.entry("payment#inv-1").state is EntryState.NEEDS_HUMAN


def state(deployment: Deployment, key: str = "payment#inv-1") -> str:
    return str(deployment.entry(key).state)


def paid(deployment: Deployment) -> list[int]:
    """The ids of the payments of that sum, as the platform has them."""
    rows = deployment.simulator.payments(4564)
    return [row.id for row in rows if row.payment_sum == Decimal("990.99")]


def bought(deployment: Deployment, event_id: str, start: float, end: float, **more: Any) -> Any:
    """A payment for a period, in days from now."""
    now = deployment.clock()
    return payment(
        event_id,
        paid_at=stamp(now),
        period_from=stamp(now + timedelta(days=start)),
        period_to=stamp(now + timedelta(days=end)),
        **more,
    )


def put(deployment: Deployment, body: str) -> None:
    url = deployment.queues["BillingDeadLetters"]
    DeadLetters(deployment.sqs, url).put(body, "as it was told", "m-1")


def end(
    deployment: Deployment, key: str, call_id: str, location_id: int = 4232, status: int = 202
) -> None:
    """A PBX tells of a call that has ended."""
    began = (deployment.clock() - timedelta(seconds=90)).isoformat()
    event = {**finished(call_id, location_id), "started_at": began}
    assert deployment.call(event, key)[0] == status
