"""The key with which an account's PBX reports its calls: shown once, kept only as a hash.

It names its account and holds 256 random bits, so one read finds the account, and a plain hash is
enough: there is nothing to guess.
"""

import hashlib
import hmac
import re
import secrets

_FORM = re.compile(r"pbx_([0-9a-f\-]{36})_([A-Za-z0-9_\-]{43})")


def made(account_id: str) -> str:
    """A new key of an account, which is a UUID."""
    return f"pbx_{account_id}_{secrets.token_urlsafe(32)}"


def account_of(key: str) -> str | None:
    """The account that a key names, which proves nothing yet; None if it is no key."""
    form = _FORM.fullmatch(key)
    return form[1] if form else None


def digest(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def fits(key: str, kept: str) -> bool:
    """Whether `kept` is of this key; compared in constant time."""
    return hmac.compare_digest(digest(key), kept)
