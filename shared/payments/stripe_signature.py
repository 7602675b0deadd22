"""Whether Stripe has sent what says so: pure rules, no I/O.

    Stripe-Signature: t=1790847297,v1=19f9…,v1=04ab…,v0=…

Each `v1` is HMAC-SHA256 of `t`, a dot and the body as it came, with the endpoint's secret; there
are several while a secret is rolled. Whoever repeats an old one is too late after five minutes.

Sources: https://docs.stripe.com/webhooks/signature and
https://docs.stripe.com/webhooks#roll-endpoint-secrets
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

TOLERANCE = timedelta(minutes=5)

# Before the secret of an endpoint of Stripe's test mode, in its line of the parameter.
_TEST = "test"
_SECONDS = re.compile(r"[0-9]{1,11}")
_HMAC = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Secret:
    """What one endpoint signs with, and whether it is one of Stripe's test mode."""

    text: str
    is_test: bool = False


def secret_of(line: str) -> Secret:
    """The secret in a line of the parameter: `whsec_…`, or `test whsec_…`."""
    first, _, rest = line.partition(" ")
    return Secret(rest.strip(), is_test=True) if first == _TEST else Secret(line)


def signed_with(
    secrets: Iterable[Secret], header: str, body: bytes, now: datetime
) -> Secret | None:
    """The secret that a request was signed with; None if it was with none, or at another time.

    Args:
        secrets: all that may be.
        header: `Stripe-Signature` as it came.
        body: as it came.
        now: the present moment.
    """
    pairs = [item.strip().partition("=") for item in header.split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    given = [value for name, _, value in pairs if name == "v1" and _HMAC.fullmatch(value)]
    if len(times) != 1 or not _SECONDS.fullmatch(times[0]) or not given:
        return None
    at = datetime.fromtimestamp(int(times[0]), UTC)
    if abs(now - at) > TOLERANCE:
        return None
    signed = times[0].encode() + b"." + body
    fitting = None
    for secret in secrets:
        wanted = hmac.new(secret.text.encode(), signed, hashlib.sha256).hexdigest()
        # All are compared, so that the time tells nothing.
        if any([hmac.compare_digest(wanted, each) for each in given]):  # noqa: C419 - see above
            fitting = fitting or secret
    return fitting
