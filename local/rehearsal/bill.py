"""A bill, as the telephony company has it in its books and the platform in its list."""

from dataclasses import dataclass
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
    # As sums are written, but never rounded.
    written_sum = f"{amount:.2f}" if amount == round(amount, 2) else f"{amount}"
    text = f"{written_sum} {currency} paid {paid_at}, period {period_from} to {period_to}"
    return f"{text}, refunded" if is_refunded else text
