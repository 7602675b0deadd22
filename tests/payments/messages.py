"""Messages of the billing queue that are sound, to be changed by a test."""

import json
from datetime import UTC, datetime
from typing import Any

from shared.payments import billing_event
from shared.payments.billing_event import WakeUp
from shared.payments.entry import Entry

NOW = datetime(2026, 11, 1, 10, 10, tzinfo=UTC)

PAYMENT = (
    '{"type":"payment","event_id":"inv-1001","location_id":4564,"amount":"990.99","currency":"EUR",'
    '"paid_at":"2026-11-01T10:10:00+00:00","period_from":"2026-11-01T00:00:00+00:00",'
    '"period_to":"2026-11-30T23:59:59+00:00"}'
)

REFUND = '{"type":"refund","event_id":"ref-1001","payment_event_id":"inv-1001","location_id":4564}'


def payment(**changes: Any) -> str:
    """The documented payment with some fields changed; `...` takes a field away."""
    values = {**json.loads(PAYMENT), **changes}
    return json.dumps({name: value for name, value in values.items() if value is not ...})


def payment_of(amount: str) -> str:
    """The documented payment with `amount` as it stands in the JSON text."""
    return PAYMENT.replace('"990.99"', amount)


def refund(**changes: Any) -> str:
    values = {**json.loads(REFUND), **changes}
    return json.dumps({name: value for name, value in values.items() if value is not ...})


def entry(body: str, now: datetime = NOW) -> Entry:
    event = billing_event.read(body)
    assert not isinstance(event, WakeUp)
    return event.entry(now)
