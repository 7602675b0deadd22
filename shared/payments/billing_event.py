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
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from shared import fields
from shared.payments.currencies import MOST_DECIMALS, decimals
from shared.payments.entry import HOSTED, Entry
from shared.payments.facts import PaymentFacts, RefundFacts, to_texts

# What of a field's name may stand in a reason: neither a page's code nor a phone number.
_NAME = re.compile(r"[A-Za-z_](?:[A-Za-z_.-]|[0-9]{1,4}(?![0-9])){0,39}")
_SUM = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
# So many digits a double gives back unchanged (see `wire_number`).
_DIGITS = 15
_LARGEST = 12
# No event has nearly as many: to say of each what it may mean takes seconds.
_MOST_FIELDS = 100
# So many of what is wrong are told.
_MOST_WRONG = 5
# A name that is none has at least this part of its letters in common with the one that is meant.
_ALIKE = 0.75


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
    places = MOST_DECIMALS if currency is None else decimals(currency) or 0
    largest = min(_LARGEST, _DIGITS - places)
    coin = Decimal(1).scaleb(-places)
    if amount >= 10**largest:
        raise ValueError(f"must be below 10^{largest}")
    if amount.quantize(coin) != amount:
        has = f", as {currency} has" if currency else ""
        raise ValueError(f"must have at most {places} decimals{has}")
    return abs(amount.quantize(coin))


def _in_use(code: str) -> str:
    if decimals(code) is None:
        raise ValueError("must be a code of ISO 4217, in use or withdrawn since 2016, such as EUR")
    return code


def _stated(value: Any) -> Any:
    # Whoever does not know the sum of a refund must not be understood as giving back the whole.
    if value is None:
        raise ValueError("must be left out if it is not stated")
    return value


def _key(value: Any) -> str:
    kind, _, event_id = fields.text(value).partition("#")
    if kind not in ("payment", "refund"):
        raise ValueError("must be an entry's")
    return f"{kind}#{fields.one_id(event_id)}"


def _passed_over(value: Any) -> None:
    if not isinstance(value, dict | None):
        raise ValueError("must be an object")


Amount = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0)]
Currency = Annotated[str, Field(strict=True), AfterValidator(_in_use)]
Metadata = Annotated[None, BeforeValidator(_passed_over)]
# The wire has whole seconds.
Second = Annotated[fields.Time, AfterValidator(lambda value: value.replace(microsecond=0))]


def _of_its_currency(amount: Decimal | None, info: ValidationInfo) -> Decimal | None:
    # The currency stands before it, and is absent if it is wrong, which is told first.
    return None if amount is None else _in_coins(amount, info.data.get("currency"))


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Payment(_Message):
    """A customer of a location has paid for a period."""

    type: Literal["payment"]
    event_id: fields.Id
    location_id: fields.LocationId
    currency: Currency
    amount: Amount
    paid_at: Second
    period_from: Second
    period_to: Second
    status: Annotated[
        Literal["succeeded", "completed", "paid"] | None, BeforeValidator(_stated)
    ] = None
    metadata: Metadata = None

    _fits = field_validator("amount")(_of_its_currency)

    @model_validator(mode="after")
    def _key_is_not_the_platforms(self) -> Self:
        if f"payment#{self.event_id}".startswith(HOSTED):
            raise ValueError("event_id must not begin with hosted-")
        return self

    @model_validator(mode="after")
    def _period_in_order(self) -> Self:
        if self.period_from > self.period_to:
            raise ValueError("period_from is after period_to")
        return self

    def entry(self, now: datetime) -> Entry:
        """The ledger entry of this event, not yet written."""
        facts = PaymentFacts(
            self.amount, self.currency, self.paid_at, self.period_from, self.period_to
        )
        return Entry.new(f"payment#{self.event_id}", self.location_id, facts, now)


class Refund(_Message):
    """A payment was given back, as a whole: the platform knows no other refund."""

    type: Literal["refund"]
    event_id: fields.Id
    payment_event_id: fields.Id
    location_id: fields.LocationId | None = None
    currency: Annotated[Currency | None, BeforeValidator(_stated)] = None
    amount: Annotated[Amount | None, BeforeValidator(_stated)] = None
    status: Annotated[
        Literal["succeeded", "completed", "refunded"] | None, BeforeValidator(_stated)
    ] = None
    metadata: Metadata = None

    _fits = field_validator("amount")(_of_its_currency)

    def entry(self, now: datetime) -> Entry:
        """The ledger entry of this event, not yet written."""
        facts = RefundFacts(self.payment_event_id, self.amount, self.currency)
        return Entry.new(f"refund#{self.event_id}", self.location_id, facts, now)


class WakeUp(_Message):
    """Reconcile's word that a row is due: only the one that the row was last given counts."""

    # Our own: one of an earlier version may say more, and a void one does no harm.
    model_config = ConfigDict(extra="ignore")

    type: Literal["wake-up"]
    key: Annotated[str, BeforeValidator(_key)]
    due_at: str


_events: TypeAdapter[Payment | Refund | WakeUp] = TypeAdapter(
    Annotated[Payment | Refund | WakeUp, Field(discriminator="type")],
    config=ConfigDict(defer_build=True),
)


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
    if len(values) > _MOST_FIELDS:
        raise BadEvent(f"more than {_MOST_FIELDS} fields")
    try:
        return _events.validate_python(values)
    except ValidationError as error:
        wrong, meant = fields.wrong(error, types="payment or refund"), likely(values)
        told = [
            f"{_name(where)}: {why}{f', perhaps {meant[where]}' if meant.get(where) else ''}"
            for where, why in wrong[:_MOST_WRONG]
        ]
        more = len(wrong) - len(told)
        raise BadEvent("; ".join(told) + (f"; and {more} more" if more else "")) from None


def likely(values: Mapping[str, Any]) -> dict[str, str]:
    """Fields of a payment or a refund that are none: each with the one meant, empty if unclear.

    The one meant is missing, and is written with almost the same letters.
    """
    match values.get("type"):
        case "payment":
            known = Payment.model_fields.keys()
        case "refund":
            known = Refund.model_fields.keys()
        case _:
            return {}
    found = dict.fromkeys(values.keys() - known, "")
    for name in found if len(values) <= _MOST_FIELDS else ():
        alike = {it: _alike(name, it) for it in known - values.keys() if _NAME.fullmatch(name)}
        best = max(alike, key=alike.__getitem__, default="")
        found[name] = best if alike.get(best, 0) >= _ALIKE else ""
    return found


def _alike(one: str, other: str) -> float:
    """Which part of their letters two names have in common."""
    common = Counter(one.lower()) & Counter(other.lower())
    return 2 * common.total() / (len(one) + len(other))


def names(body: str) -> dict[str, str | int]:
    """What a message that is refused is about, as lines of the log say it; empty if unreadable."""
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    found = fields.names(values)
    if (event_id := found.pop("event_id", None)) is not None:
        kind = "refund" if values.get("type") == "refund" else "payment"
        found["entry"] = f"{kind}#{event_id}"
    return found


def again(refund: Entry) -> str:
    """A refund of the ledger as a message: the same event, without what is no fact of it."""
    event = {
        "type": "refund",
        "event_id": refund.key.removeprefix("refund#"),
        **to_texts(refund.facts),
        "location_id": refund.location_id,
    }
    return json.dumps({name: value for name, value in event.items() if value is not None})


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
