"""The billing queue: what the telephony company's billing system may put there.

    {"type":"payment","event_id":"inv-1001","location_id":4564,"amount":"990.99","currency":"EUR",
     "paid_at":"2026-11-01T10:10:00+00:00","period_from":"…","period_to":"…"}
    {"type":"refund","event_id":"ref-1001","payment_event_id":"inv-1001","location_id":4564}
    {"type":"wake-up","key":"payment#inv-1001","due_at":"…"}       (reconcile's own)

An event is known by its own id, whatever its billing system calls it: the same id may come any
number of times with the same facts, and with other facts never.

A payment and a refund move money, so nothing in them is passed over but `metadata`, an object of
the billing system's own: a field that is not known here may change what they mean, and is refused
by its name. Both may say their `status`, in a word that is final. A refund may say its `amount` and
its `currency`, which have to be its payment's: the platform gives back whole payments only.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from shared import fields
from shared.fields import Fields, Wrong
from shared.payments.currencies import MOST_DECIMALS, decimals
from shared.payments.entry import HOSTED, Entry
from shared.payments.facts import PaymentFacts, RefundFacts, to_texts

# What of a field's name may stand in a reason: neither a page's code nor a phone number.
_NAME = re.compile(r"[A-Za-z_](?:[A-Za-z_.-]|[0-9]{1,4}(?![0-9])){0,39}")
_SUM = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
# So many digits a double gives back unchanged (see `wire_number`).
_DIGITS = 15
_LARGEST = 12


class BadEvent(Exception):
    """The message is not a billing event; the text says which field and why, never its value."""


def _exact(value: Any) -> Decimal:
    """A sum comes as a decimal string, or as a JSON number whose digits `read` has kept."""
    if isinstance(value, str) and _SUM.fullmatch(value):
        return Decimal(value)
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise ValueError("must be a decimal string, such as 990.99")
    return Decimal(value)


def _in_coins(amount: Decimal, currency: str | None) -> Decimal:
    """The same, if its currency has such a sum; of one that is not said, if any has."""
    if amount < 0:
        raise ValueError("must not be negative")
    places = MOST_DECIMALS if currency is None else decimals(currency) or 0
    largest = min(_LARGEST, _DIGITS - places)
    coin = Decimal(1).scaleb(-places)
    if amount >= 10**largest:
        raise ValueError(f"must be below 10^{largest}")
    if amount.quantize(coin) != amount:
        has = f", as {currency} has" if currency else ""
        raise ValueError(f"must have at most {places} decimals{has}")
    return abs(amount.quantize(coin))


def _currency(code: Any) -> str:
    if not isinstance(code, str) or decimals(code) is None:
        raise ValueError("must be a code of ISO 4217, in use or withdrawn since 2016, such as EUR")
    return code


def _stated[Read](read: Callable[[Any], Read]) -> Callable[[Any], Read]:
    """Reads what may be left out, but not said to be nothing."""

    def stated(value: Any) -> Read:
        # Whoever does not know the sum of a refund must not be understood as giving back the whole.
        if value is None:
            raise ValueError("must be left out if it is not stated")
        return read(value)

    return stated


def _key(value: Any) -> str:
    kind, _, event_id = fields.text(value).partition("#")
    if kind not in ("payment", "refund"):
        raise ValueError("must be an entry's")
    return f"{kind}#{fields.one_id(event_id)}"


def _passed_over(value: Any) -> None:
    if not isinstance(value, dict | None):
        raise ValueError("must be an object")


def _second(value: Any) -> datetime:
    # The wire has whole seconds.
    return fields.time(value).replace(microsecond=0)


def _amount(currency: str | None) -> Callable[[Any], Decimal]:
    return lambda value: _in_coins(_exact(value), currency)


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A customer of a location has paid for a period."""

    type: Literal["payment"] = "payment"
    event_id: str
    location_id: int
    currency: str
    amount: Decimal
    paid_at: datetime
    period_from: datetime
    period_to: datetime

    @classmethod
    def of(cls, it: Fields) -> "Payment":
        """Of what was told.

        Raises:
            Wrong: it is no payment.
        """
        event_id = it.need("event_id", fields.one_id)
        location_id = it.need("location_id", fields.location_id)
        currency = it.need("currency", _currency)
        found = cls(
            event_id=event_id,
            location_id=location_id,
            currency=currency,
            amount=it.need("amount", _amount(currency)),
            paid_at=it.need("paid_at", _second),
            period_from=it.need("period_from", _second),
            period_to=it.need("period_to", _second),
        )
        _end(it, "succeeded", "completed", "paid")
        if f"payment#{event_id}".startswith(HOSTED):
            raise Wrong("event", "event_id must not begin with hosted-")
        if found.period_from > found.period_to:
            raise Wrong("event", "period_from is after period_to")
        return found

    def entry(self, now: datetime) -> Entry:
        """The ledger entry of this event, not yet written."""
        facts = PaymentFacts(
            self.amount, self.currency, self.paid_at, self.period_from, self.period_to
        )
        return Entry.new(f"payment#{self.event_id}", self.location_id, facts, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """A payment was given back, as a whole: the platform knows no other refund."""

    type: Literal["refund"] = "refund"
    event_id: str
    payment_event_id: str
    location_id: int | None = None
    currency: str | None = None
    amount: Decimal | None = None

    @classmethod
    def of(cls, it: Fields) -> "Refund":
        """Of what was told.

        Raises:
            Wrong: it is no refund.
        """
        event_id = it.need("event_id", fields.one_id)
        payment_event_id = it.need("payment_event_id", fields.one_id)
        location_id = it.may("location_id", _location_or_none, None)
        currency = it.may("currency", _stated(_currency), None)
        amount = it.may("amount", _stated(_amount(currency)), None)
        _end(it, "succeeded", "completed", "refunded")
        return cls(
            event_id=event_id,
            payment_event_id=payment_event_id,
            location_id=location_id,
            currency=currency,
            amount=amount,
        )

    def entry(self, now: datetime) -> Entry:
        """The ledger entry of this event, not yet written."""
        facts = RefundFacts(self.payment_event_id, self.amount, self.currency)
        return Entry.new(f"refund#{self.event_id}", self.location_id, facts, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeUp:
    """Reconcile's word that a row is due: only the one that the row was last given counts.

    It is our own: one of an earlier version may say more, and a void one does no harm.
    """

    type: Literal["wake-up"] = "wake-up"
    key: str
    due_at: str

    @classmethod
    def of(cls, it: Fields) -> "WakeUp":
        """Of what was told.

        Raises:
            Wrong: it is no wake-up.
        """
        return cls(key=it.need("key", _key), due_at=it.need("due_at", _word))


_KINDS: Mapping[str, Callable[[Fields], Payment | Refund | WakeUp]] = {
    "payment": Payment.of,
    "refund": Refund.of,
    "wake-up": WakeUp.of,
}


def _end(it: Fields, *final: str) -> None:
    """What is the same of both ends the event."""
    it.may("status", _stated(fields.one_of(*final)), None)
    it.may("metadata", _passed_over, None)
    it.end()


def read(body: str) -> Payment | Refund | WakeUp:
    """The event in a message of the billing queue.

    Raises:
        BadEvent: with the reason, in a form fit for a log and for the dead-letter queue.
    """
    try:
        values = json.loads(
            body,
            parse_float=Decimal,
            parse_constant=_no_number,
            object_pairs_hook=_each_once,
        )
    except (ValueError, ArithmeticError, RecursionError):
        raise BadEvent("not JSON") from None
    if not isinstance(values, dict):
        raise BadEvent("not a JSON object")
    try:
        return fields.by_type(values, _KINDS, "payment or refund")
    except Wrong as wrong:
        raise BadEvent(f"{_name(wrong.field)}: {wrong.why}") from None


def again(refund: Entry) -> str:
    """A refund of the ledger as a message: the same event, without what is no fact of it."""
    event = {
        "type": "refund",
        "event_id": refund.key.removeprefix("refund#"),
        **to_texts(refund.facts),
        "location_id": refund.location_id,
    }
    return json.dumps({name: value for name, value in event.items() if value is not None})


def _location_or_none(value: Any) -> int | None:
    return None if value is None else fields.location_id(value)


def _name(field: str) -> str:
    return field if _NAME.fullmatch(field) else "a field"


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; one that says the same field twice may mean either."""
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise BadEvent(f"{_name(name)}: is there twice")
        values[name] = value
    return values


def _no_number(_constant: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")
