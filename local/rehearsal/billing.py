"""The telephony company's billing system: puts events on the billing queue, and nothing else."""

import json
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from local.simulator import Payment

ZONE = timezone(timedelta(hours=2))
"""Of its own times: another one than the wire's, so that a lost offset shows."""
PERIOD = timedelta(days=30)

type Terms = tuple[Decimal, str, str, str, str, bool]
"""Sum, currency, payment date, period from and to as on the wire; and whether it was refunded."""


@dataclass(frozen=True, slots=True)
class Bill:
    """A customer's payment for a period, known by its event id."""

    event_id: str
    location_id: int
    amount: str
    currency: str
    paid_at: datetime
    is_refunded: bool = False

    @property
    def period(self) -> tuple[datetime, datetime]:
        """First and last second, from the midnight before the payment."""
        start = self.paid_at.replace(hour=0, minute=0, second=0)
        return start, start + PERIOD - timedelta(seconds=1)

    @property
    def event(self) -> dict[str, Any]:
        """The message of the billing queue."""
        period_from, period_to = self.period
        return {
            "type": "payment",
            "event_id": self.event_id,
            "location_id": self.location_id,
            "amount": self.amount,
            "currency": self.currency,
            "paid_at": self.paid_at.isoformat(),
            "period_from": period_from.isoformat(),
            "period_to": period_to.isoformat(),
        }

    def terms(self, zone: ZoneInfo) -> Terms:
        """As the platform must have it, its times in the platform's zone."""
        moments = (self.paid_at, *self.period)
        paid_at, period_from, period_to = (f"{each.astimezone(zone):%F %T}" for each in moments)
        amount = Decimal(self.amount)
        return amount, self.currency, paid_at, period_from, period_to, self.is_refunded


def terms(payment: Payment) -> Terms:
    """A payment of the platform's list, to be compared with a bill's terms."""
    return (
        payment.payment_sum,
        payment.currency_iso,
        payment.payment_date,
        payment.period_from,
        payment.period_to,
        payment.is_refunded,
    )


def written(each: Terms) -> str:
    """Terms in words."""
    amount, currency, paid_at, period_from, period_to, is_refunded = each
    text = f"{amount} {currency} paid {paid_at} for {period_from} to {period_to}"
    return f"{text}, refunded" if is_refunded else text


class Billing:
    """Sends events, keeps its books, and sees whether the events were taken.

    Args:
        sqs: A boto3 client.
        queue_url: Of the billing queue.
    """

    def __init__(self, sqs: Any, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._books: list[Bill] = []

    def bills(self, location_id: int) -> list[Bill]:
        """What the platform has to know about a location, oldest first."""
        return [bill for bill in self._books if bill.location_id == location_id]

    def bill(self, location_id: int, amount: str, currency: str = "EUR", *, times: int = 1) -> None:
        """A customer has paid just now; the event is delivered `times` times, as SQS may."""
        now = datetime.now(ZONE).replace(microsecond=0)
        bill = Bill(f"inv-{1001 + len(self._books)}", location_id, amount, currency, now)
        self._books.append(bill)
        self._send(bill.event, times)

    def refund(self, location_id: int, *, times: int = 1) -> None:
        """A location's oldest payment is given back."""
        bill = self.bills(location_id)[0]
        self._books[self._books.index(bill)] = replace(bill, is_refunded=True)
        event = {
            "type": "refund",
            "event_id": bill.event_id.replace("inv", "ref"),
            "payment_event_id": bill.event_id,
            "location_id": location_id,
        }
        self._send(event, times)

    def wait_until_taken(self, patience_s: float) -> None:
        """Wait until the queue is empty, also of messages that are being worked on.

        Raises:
            TimeoutError: Not within `patience_s` seconds.
        """
        late = time.monotonic() + patience_s
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        while True:
            attributes = self._sqs.get_queue_attributes(
                QueueUrl=self._queue_url, AttributeNames=names
            )["Attributes"]
            if not any(int(attributes[name]) for name in names):
                return
            if time.monotonic() >= late:
                raise TimeoutError("nobody takes the messages of the billing queue")
            time.sleep(0.02)

    def _send(self, event: dict[str, Any], times: int) -> None:
        for _ in range(times):
            self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(event))
