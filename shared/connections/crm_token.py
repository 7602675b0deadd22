"""The CRM token of a location: how sure it is that it is its own, and the key of its chain."""

import hashlib
from enum import StrEnum


class CrmTokenState(StrEnum):
    """Of a location: whether it has a CRM token, and whether that is known to be its own."""

    NONE = "none"
    UNPROVEN = "unproven"
    UNCHECKED = "unchecked"
    PROVEN = "proven"
    STOPPED = "stopped"


def key(crm_token: str) -> str:
    """The key of a token's row, which may stand in a log."""
    return hashlib.sha256(crm_token.encode()).hexdigest()[:32]
