"""The lifecycle webhook's body: proven by the partner token in it, and by nothing else.

Uninstall and freeze carry no signature, no id and no time, so all that a genuine event can do is to
make us ask the platform. Source: https://developer.alteg.io/en/marketplace/marketplace_webhook.md
"""

import hmac
import json
import re
from dataclasses import dataclass

_LONGEST_BODY = 64 * 1024

# Each is a reason to ask for the status: `payment` may have thawed a frozen location.
HINTS = ("uninstall", "freeze", "payment")


class Malformed(Exception):
    """Not a lifecycle event."""


class Forged(Exception):
    """The partner token is missing or wrong."""


@dataclass(frozen=True, slots=True)
class LifecycleEvent:
    """A genuine event; `event` may be a word that is not known yet."""

    location_id: int
    application_id: int
    event: str


def read(body: bytes, partner_token: str) -> LifecycleEvent:
    """The event in the body of `POST /webhooks/altegio`.

    Raises:
        Malformed: it is not JSON, or not of the documented form.
        Forged: the token is not ours; compared in constant time.
    """
    if len(body) > _LONGEST_BODY:
        raise Malformed
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed from None
    if not isinstance(values, dict):
        raise Malformed
    token = values.get("partner_token")
    if not isinstance(token, str) or not hmac.compare_digest(
        token.encode("utf-8", "replace"), partner_token.encode()
    ):
        raise Forged
    event = values.get("event")
    if not isinstance(event, str):
        raise Malformed
    return LifecycleEvent(
        location_id=_id(values.get("salon_id")),
        application_id=_id(values.get("application_id")),
        event=event,
    )


def _id(value: object) -> int:
    # YCLIENTS writes some ids as strings.
    if isinstance(value, str) and re.fullmatch("[0-9]{1,18}", value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 10**18:
        raise Malformed
    return value
