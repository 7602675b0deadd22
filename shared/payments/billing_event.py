"""The billing queue: what the telephony company's billing system may put there.

    {"type":"payment","event_id":"inv-1001","location_id":4564,"amount":"990.99","currency":"EUR",
     "paid_at":"2026-11-01T10:10:00+00:00","period_from":"…","period_to":"…"}
    {"type":"refund","event_id":"ref-1001","payment_event_id":"inv-1001","location_id":4564}
    {"type":"wake-up","key":"payment#inv-1001","due_at":"…"}       (reconcile's own)

An event is known by its own id: the same id may come any number of times with the same facts, and
with other facts never.

A payment and a refund move money, so nothing in them is passed over but `metadata`, an object of
the billing system's own: a field that is not known here may change what they mean, and is refused
by its name. Both may say their `status`, in a word that is final. A refund may say its `amount` and
its `currency`, which have to be its payment's: the platform gives back whole payments only.
"""

import json
import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from shared.clock import YEARS, stamp
from shared.payments.entry import HOSTED, Entry

# What of a field's name may stand in a reason: neither a page's code nor a phone number.
_NAME = re.compile(r"[A-Za-z_](?:[A-Za-z_.-]|[0-9]{1,4}(?![0-9])){0,39}")
_ISO_8601 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]")
_SMALLEST = Decimal("0.001")


class BadEvent(Exception):
    """The message is not a billing event; the text says which field and why, never its value."""


def _exact(value: Any) -> Any:
    """A sum comes as a decimal string, or as a JSON number whose digits `read` has kept."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise ValueError("must be a decimal string")
    return value


def _fifteen_digits(amount: Decimal) -> Decimal:
    """A currency has at most three decimals; 15 digits survive the wire (see `wire_number`)."""
    if amount >= 10**12 or amount.quantize(_SMALLEST) != amount:
        raise ValueError("must have at most three decimals and be below 10^12")
    return abs(amount.quantize(_SMALLEST))


def _text_with_offset(value: Any) -> Any:
    # Else a number in a string would pass as seconds since 1970.
    if not isinstance(value, str) or not _ISO_8601.match(value):
        raise ValueError("must be an ISO 8601 time with an offset")
    return value


def _in_wire_years(value: datetime) -> datetime:
    if value.year not in YEARS:
        raise ValueError("must lie between the years 2000 and 2099")
    return value.replace(microsecond=0)


def _stated(value: Any) -> Any:
    # Whoever does not know the sum of a refund must not be understood as giving back the whole.
    if value is None:
        raise ValueError("must be left out if it is not stated")
    return value


def _passed_over(value: Any) -> None:
    if not isinstance(value, dict | None):
        raise ValueError("must be an object")


EventId = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")]
LocationId = Annotated[int, Field(strict=True, gt=0, lt=10**15)]
Amount = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0), AfterValidator(_fifteen_digits)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Metadata = Annotated[None, BeforeValidator(_passed_over)]
Time = Annotated[AwareDatetime, BeforeValidator(_text_with_offset), AfterValidator(_in_wire_years)]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Payment(_Message):
    """A customer of a location has paid for a period."""

    type: Literal["payment"]
    event_id: EventId
    location_id: LocationId
    amount: Amount
    currency: Currency
    paid_at: Time
    period_from: Time
    period_to: Time
    status: Annotated[
        Literal["succeeded", "completed", "paid"] | None, BeforeValidator(_stated)
    ] = None
    metadata: Metadata = None

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
        facts = {
            "amount": _digits(self.amount),
            "currency": self.currency,
            "paid_at": stamp(self.paid_at),
            "period_from": stamp(self.period_from),
            "period_to": stamp(self.period_to),
        }
        return Entry.new(f"payment#{self.event_id}", self.location_id, facts, now)


class Refund(_Message):
    """A payment was given back, as a whole: the platform knows no other refund."""

    type: Literal["refund"]
    event_id: EventId
    payment_event_id: EventId
    location_id: LocationId | None = None
    amount: Annotated[Amount | None, BeforeValidator(_stated)] = None
    currency: Annotated[Currency | None, BeforeValidator(_stated)] = None
    status: Annotated[
        Literal["succeeded", "completed", "refunded"] | None, BeforeValidator(_stated)
    ] = None
    metadata: Metadata = None

    def entry(self, now: datetime) -> Entry:
        """The ledger entry of this event, not yet written."""
        facts = {"payment_event_id": self.payment_event_id}
        if self.amount is not None:
            facts["amount"] = _digits(self.amount)
        if self.currency is not None:
            facts["currency"] = self.currency
        return Entry.new(f"refund#{self.event_id}", self.location_id, facts, now)


class WakeUp(_Message):
    """Reconcile's word that a row is due: only the one that the row was last given counts."""

    # Our own: one of an earlier version may say more, and a void one does no harm.
    model_config = ConfigDict(extra="ignore")

    type: Literal["wake-up"]
    key: Annotated[str, Field(pattern=r"^(payment|refund)#[!-~]+$", max_length=210)]
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
    try:
        return _events.validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        if first["type"].startswith("union_tag"):
            raise BadEvent("type: must be payment or refund") from None
        if first["type"] == "extra_forbidden":
            raise BadEvent(f"{_name(str(first['loc'][-1]))}: is not known") from None
        where = ".".join(str(part) for part in first["loc"][1:]) or "event"
        raise BadEvent(f"{where}: {first['msg'].removeprefix('Value error, ')}") from None


def again(refund: Entry) -> str:
    """A refund of the ledger as a message: the same event, without what is no fact of it."""
    event = {
        "type": "refund",
        "event_id": refund.key.removeprefix("refund#"),
        **refund.facts,
        "location_id": refund.location_id,
    }
    return json.dumps({name: value for name, value in event.items() if value is not None})


def _digits(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


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
