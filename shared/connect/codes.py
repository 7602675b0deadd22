"""One-time codes: worked out anew each time from the partner token, so that none is kept.

A code is its account's, for a half hour, and not the page's that asks for it: whoever asks, the
letter is of use to the owner. Asking again brings the same code; only its use brings another.

Altegio never signs such a text (see `redirect` and `webhook`), so no signature is a code.
"""

import hmac
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import batched

from shared.clock import stamp

DIGITS = 12
# A code is good for the rest of the half hour in which it was sent, and for the next one.
WINDOW = timedelta(minutes=30)

# Whoever sent a code may have begun the next half hour: AWS takes a clock that is so far ahead.
_MOST_AHEAD = timedelta(minutes=5)
_PURPOSE = "one-time code of an account"
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


def windows(now: datetime) -> tuple[datetime, datetime]:
    """When the half hours began whose codes are good now, the present one first."""
    present = now - (now - _BEGINNING) % WINDOW
    return present, present - WINDOW


def taken(now: datetime) -> Iterable[datetime]:
    """The same, and the next one where another clock may have sent a code of it already."""
    return dict.fromkeys((*windows(now), *windows(now + _MOST_AHEAD)))


def code(token: str, account_id: str, window: datetime, serial: int) -> str:
    """The code of an account; `serial` is how many of this half hour were used before."""
    text = f"{_PURPOSE}\n{account_id}\n{stamp(window)}\n{serial}"
    made = hmac.digest(token.encode(), text.encode(), "sha256")
    return f"{int.from_bytes(made) % 10**DIGITS:0{DIGITS}}"


def fits(given: str, tokens: Iterable[str], account_id: str, window: datetime, serial: int) -> bool:
    """Whether it is the code by one of the tokens, in constant time; without a token, none is."""
    said = given.encode(errors="replace")
    right = [code(token, account_id, window, serial).encode() for token in tokens]
    # A list, as `any` would stop at the first that fits.
    compared = [hmac.compare_digest(said, each) for each in right]
    return any(compared)


def spaced(code: str) -> str:
    """As one reads it: `1234 5678 9012`."""
    return " ".join("".join(group) for group in batched(code, 4, strict=False))
