"""The key with which an account's PBX reports its calls: shown once, kept only as a hash.

It names its account and holds 256 random bits, so one read finds the account, and a plain hash is
enough: there is nothing to guess. A key that is replaced stays good for a day, unless it is voided:
whoever sets up the PBX may not be there at that moment, and each call in between would be lost.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.clock import instant, stamp

GRACE = timedelta(days=1)
"""How long a replaced key is good: until the next working day of whoever sets up the PBX. Longer
would leave the door open to whoever has found an old one."""

MOST_REPLACED = 3
"""So many replaced keys of an account are known; of more, the first end. Each call reads
them with the account, so however often somebody asks for a key, the row stays as small."""

NEW = "new PBX key"
"""What a journal's line of one begins with; it ends with who made it."""

_FORM = re.compile(r"pbx_([0-9a-f\-]{36})_([A-Za-z0-9_\-]{43})")


def made(account_id: str) -> str:
    """A new key of an account, which is a UUID."""
    return f"pbx_{account_id}_{secrets.token_urlsafe(32)}"


def account_of(key: str) -> str | None:
    """The account that a key names, which proves nothing yet; None if it is no key."""
    form = _FORM.fullmatch(key)
    return form[1] if form else None


def noted(by: str, *, voids: bool) -> str:
    """What the journal has of a new one."""
    return f"{NEW}, the one before is {'void at once' if voids else 'good for a day'}, by {by}"


def digest(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def fits(key: str, kept: str) -> bool:
    """Whether `kept` is of this key; compared in constant time."""
    return hmac.compare_digest(digest(key), kept)


def replaced(
    kept: str, before: Mapping[str, str], now: datetime, *, voids: bool = False
) -> dict[str, str]:
    """The last replaced keys, once another takes the place of the one that is `kept`.

    Args:
        kept: the digest of the one that is replaced; empty if there was none.
        before: digests of those that were replaced before, and until when each is good, or was.
        now: the present moment.
        voids: whether all are void from then on; their digests tell who still comes with one.
    """
    ends = stamp(now if voids else now + GRACE)
    known = {it: min(until, ends) for it, until in {**before, kept: ends}.items() if it}
    return dict(sorted(known.items(), key=lambda it: it[1])[-MOST_REPLACED:])


def good_until(key: str, before: Mapping[str, str]) -> datetime | None:
    """Until when a key that was replaced is good, or was; None if it is none of these."""
    untils = [until for it, until in before.items() if fits(key, it)]
    return instant(untils[0]) if untils else None
