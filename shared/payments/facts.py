"""What a payment or a refund says: typed inside, and one map of texts in the table and the digest.

That map stands in every deployed ledger. Written in another way, an event that comes again would be
refused as one with other facts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.clock import instant, stamp
from shared.payments.currencies import decimals

NO_CURRENCY = "XXX"
"""Of a payment that only the platform's list tells of: as ISO 4217 has it."""


@dataclass(frozen=True, slots=True)
class PaymentFacts:
    """What was paid, which is what the platform is told."""

    amount: Decimal
    currency: str
    paid_at: datetime
    period_from: datetime
    period_to: datetime

    @property
    def sum(self) -> str:
        """For a person: `990.90 EUR`."""
        return written(self.amount, self.currency)

    @property
    def dates(self) -> tuple[datetime, datetime, datetime]:
        """When it was paid, and from when to when it counts."""
        return self.paid_at, self.period_from, self.period_to


@dataclass(frozen=True, slots=True)
class RefundFacts:
    """Which payment is given back; its sum and its currency only if they were said."""

    payment_event_id: str
    amount: Decimal | None = None
    currency: str | None = None


type Facts = PaymentFacts | RefundFacts

# Where nobody has told the currency.
_DECIMALS = 2
_READ: Mapping[str, Any] = {
    "amount": Decimal,
    "paid_at": instant,
    "period_from": instant,
    "period_to": instant,
}


def to_texts(facts: Facts) -> dict[str, str]:
    """The map, without what was not said."""
    # Not by `asdict`, which would first copy each value.
    values = ((each.name, getattr(facts, each.name)) for each in fields(facts))
    return {name: _text(value) for name, value in values if value is not None}


def from_texts(texts: Mapping[str, str]) -> Facts:
    """What `to_texts` was given."""
    values: dict[str, Any] = {name: _READ.get(name, str)(text) for name, text in texts.items()}
    return RefundFacts(**values) if "payment_event_id" in values else PaymentFacts(**values)


def digits(amount: Decimal) -> str:
    """A sum in the one form that it has: no exponent, and no zero that says nothing."""
    return f"{amount.normalize():f}"


def written(amount: Decimal | None, currency: str = NO_CURRENCY) -> str:
    """A sum for a person: it has the decimals of its currency, or more if it says more."""
    if amount is None:
        return "an unreadable sum"
    places = decimals(currency)
    text = f"{amount:.{_DECIMALS if places is None else places}f}"
    plain = text if Decimal(text) == amount else digits(amount)
    return plain if currency == NO_CURRENCY else f"{plain} {currency}"


def _text(value: Decimal | datetime | str) -> str:
    if isinstance(value, Decimal):
        return digits(value)
    return stamp(value) if isinstance(value, datetime) else value
