"""The telephony company's billing system: tells what was paid and given back, and nothing else.

It may tell it in three ways: on the billing queue, by `/billing`, or through Stripe.
"""

import json
import threading
import time
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import httpx

from local.fresh import stripe_signature
from local.rehearsal import stripe
from local.rehearsal.bill import ZONE, Bill
from local.rehearsal.browser import PATIENCE_S
from shared import clock

type Way = Literal["queue", "http", "stripe"]


@dataclass(frozen=True, slots=True)
class Doors:
    """Where billing events are taken, and what opens it.

    `key` is the billing system's, `stripe_secret` what Stripe signs with.
    """

    queue_url: str
    api: str
    key: str
    stripe_secret: str


class Billing:
    """Sends events, keeps its books, and sees whether the events were taken.

    Args:
        sqs: A boto3 client.
        doors: Where its events go.
    """

    def __init__(self, sqs: Any, doors: Doors) -> None:
        self._sqs = sqs
        self._doors = doors
        self._books: list[Bill] = []
        self._keeping = threading.Lock()  # several checks are played at once
        self._http = httpx.Client(timeout=PATIENCE_S, trust_env=False)

    def bills(self, location_id: int) -> list[Bill]:
        """What the platform has to know about a location, oldest first."""
        return [bill for bill in self._books if bill.location_id == location_id]

    def bill(
        self,
        location_id: int,
        amount: str,
        currency: str = "EUR",
        *,
        times: int = 1,
        by: Way = "queue",
    ) -> None:
        """A customer has paid just now; the event is delivered `times` times, as SQS may."""
        now = datetime.now(ZONE).replace(microsecond=0)
        with self._keeping:
            number = 1001 + len(self._books)
            event_id = f"in_{number}#il_{number}" if by == "stripe" else f"inv-{number}"
            bill = Bill(event_id, location_id, amount, currency, now)
            self._books.append(bill)
        for _ in range(times):
            if by == "stripe":
                self._tell_as_stripe(stripe.paid(bill))
            else:
                self._tell(bill.event, by)

    def refund(self, location_id: int, *, times: int = 1, by: Way = "queue") -> None:
        """A location's oldest payment is given back."""
        bill = self.bills(location_id)[0]
        with self._keeping:
            self._books[self._books.index(bill)] = replace(bill, is_refunded=True)
        event = {
            "type": "refund",
            "event_id": bill.event_id.replace("inv", "ref"),
            "payment_event_id": bill.event_id,
            "location_id": location_id,
        }
        for _ in range(times):
            if by == "stripe":
                self._tell_as_stripe(stripe.given_back(bill))
            else:
                self._tell(event, by)

    def wait_until_taken(self, patience_s: float) -> None:
        """Wait until the queue is empty, also of messages that are being worked on.

        Raises:
            TimeoutError: Not within `patience_s` seconds.
        """
        late = time.monotonic() + patience_s
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        while True:
            attributes = self._sqs.get_queue_attributes(
                QueueUrl=self._doors.queue_url, AttributeNames=names
            )["Attributes"]
            if not any(int(attributes[name]) for name in names):
                return
            if time.monotonic() >= late:
                raise TimeoutError("nobody takes the messages of the billing queue")
            time.sleep(0.1)

    def _tell(self, event: dict[str, Any], by: Way) -> None:
        if by == "queue":
            self._sqs.send_message(QueueUrl=self._doors.queue_url, MessageBody=json.dumps(event))
            return
        answer = self._http.post(
            f"{self._doors.api}/billing",
            json=event,
            headers={"authorization": f"Bearer {self._doors.key}"},
        )
        answer.raise_for_status()

    def _tell_as_stripe(self, body: bytes) -> None:
        headers = {
            "content-type": "application/json; charset=utf-8",
            "stripe-signature": stripe_signature(self._doors.stripe_secret, body, clock.now()),
        }
        url = f"{self._doors.api}/billing/stripe"
        answer = self._http.post(url, content=body, headers=headers)
        if "stored" not in answer.raise_for_status().json():
            raise ValueError(f"Stripe was answered {answer.text}")
