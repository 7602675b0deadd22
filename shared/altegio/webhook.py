"""The lifecycle webhook's body: proven by the partner token in it, a payment by its `sign` too.

Uninstall and freeze carry no signature, no id and no time, so all that a genuine event can do is to
make us ask the platform. A payment that the owner made on the platform's own page carries both.

Sources: https://developer.alteg.io/en/marketplace/marketplace_webhook.md, and for the payment
https://github.com/altegio/altegio-integrations-hub-mcp (docs/webhooks.md, src/tools.ts).
"""

import hmac
import json
import math
import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from shared.altegio import signature

PAYMENT = "payment"
_LONGEST_BODY = 64 * 1024


class Malformed(Exception):
    """Not a lifecycle event."""


class Forged(Exception):
    """The partner token is missing or wrong, or the sign of a payment is."""


class BadSign(Forged):
    """The partner token is right, and the sign of a payment is not."""


@dataclass(frozen=True, slots=True)
class HostedPayment:
    """A payment that the owner made on the platform's own page.

    Of all this only `amount` is signed. The form of the three dates is documented nowhere, so they
    are as the platform wrote them: None for what is no text.
    """

    platform_id: int
    amount: Decimal
    currency: str
    paid_at: str | None
    period_from: str | None
    period_to: str | None


@dataclass(frozen=True, slots=True)
class LifecycleEvent:
    """A genuine event; `event` may be a word that is not known, `hosted` is a payment's."""

    location_id: int
    application_id: int
    event: str
    hosted: HostedPayment | None


def read(body: bytes, tokens: tuple[str, ...]) -> LifecycleEvent:
    """The event in the body of `POST /webhooks/altegio`, proven by any of the tokens.

    A payment's sign may be by another of them than the one in its body.

    Raises:
        Malformed: it is not JSON, or not of the documented form.
        Forged: no token of ours is in it, or none signed it; compared in constant time.
    """
    values = _values(body)
    if not _is_known(values.get("partner_token"), tokens):
        raise Forged
    event = _event(values)
    if event.event == PAYMENT:
        return replace(event, hosted=_hosted(event.location_id, values, tokens))
    return event


def claimed(body: bytes) -> LifecycleEvent:
    """What a body says that nobody can prove now: never a payment.

    Raises:
        Malformed: see `read`.
    """
    return _event(_values(body))


def _values(body: bytes) -> dict[str, Any]:
    if len(body) > _LONGEST_BODY:
        raise Malformed
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed from None
    if not isinstance(values, dict):
        raise Malformed
    return values


def _event(values: dict[str, Any]) -> LifecycleEvent:
    event = values.get("event")
    # It is logged.
    if not isinstance(event, str) or not event.isprintable():
        raise Malformed
    location_id, application_id = _id(values.get("salon_id")), _id(values.get("application_id"))
    return LifecycleEvent(location_id, application_id, event, hosted=None)


def _is_known(token: object, tokens: tuple[str, ...]) -> bool:
    if not isinstance(token, str):
        return False
    sent = token.encode("utf-8", "replace")
    compared = [hmac.compare_digest(sent, known.encode()) for known in tokens]
    return any(compared)


def _hosted(location_id: int, values: dict[str, Any], tokens: tuple[str, ...]) -> HostedPayment:
    amount, discount = number(values.get("amount")), values.get("discount")
    message = f"salon_id={location_id}&amount={amount}"
    # A discount of nothing is signed, too.
    if discount is not None:
        message += f"&discount={number(discount)}"
    sign = values.get("sign")
    if not isinstance(sign, str) or not signature.fits(message.encode(), sign, tokens):
        raise BadSign
    currency = values.get("currency_iso")
    if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
        raise Malformed
    return HostedPayment(
        platform_id=_id(values.get("payment_id")),
        amount=Decimal(amount),
        currency=currency,
        paid_at=_text(values.get("payment_date")),
        period_from=_text(values.get("period_from")),
        period_to=_text(values.get("period_to")),
    )


def number(value: object) -> str:
    """A sum as the platform signs it: the shortest form that JavaScript's `String` gives a number.

    Examples: `100` for 100.0, `990.99`, `0.000001`, `1e-7`, `100000000000000000000`, `1e+21`.
    https://tc39.es/ecma262/#sec-numeric-types-number-tostring

    Raises:
        Malformed: it is not a JSON number, is negative, or is more than a double can hold.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Malformed
    try:
        double = float(value)
    except OverflowError:
        raise Malformed from None
    if not math.isfinite(double) or double < 0:
        raise Malformed
    # The digits of repr are as few as JavaScript's; only where it puts the point differs.
    shortest = Decimal(repr(abs(double))).normalize()
    return format(shortest, "f" if -7 < shortest.adjusted() < 21 else "e")  # noqa: PLR2004


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _id(value: object) -> int:
    # YCLIENTS writes some ids as strings.
    if isinstance(value, str) and re.fullmatch("[0-9]{1,18}", value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 10**18:
        raise Malformed
    return value
