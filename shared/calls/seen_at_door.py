"""What the door tells the operator: whose key was refused, and which pop-up was dropped."""

import time

from shared.aws.sightings import KEY_REFUSED, POP_UP_DROPPED, Sightings
from shared.calls.pop_up import PopUp
from shared.connections import pbx_key
from shared.connections.accounts import Accounts

# Whoever guesses accounts costs a read no more often.
_EVERY_S = 1.0


class SeenAtDoor:
    """The notes of `POST /calls`."""

    def __init__(self, sightings: Sightings, accounts: Accounts) -> None:
        self._sightings = sightings
        self._accounts = accounts
        self._checked_at = float("-inf")

    def refused(self, key: str) -> None:
        """Notes a key that is none any more, of an account that there is: an old one, mostly."""
        account_id, now = pbx_key.account_of(key), time.monotonic()
        if account_id is None or now - self._checked_at < _EVERY_S:
            return
        self._checked_at = now
        if self._accounts.of_id(account_id) is not None:
            self._sightings.note(KEY_REFUSED, account_id)

    def rang(self, location_id: int | None, shown: PopUp) -> None:
        """Notes a pop-up that nobody saw; other telephones of a group ask for the same one."""
        if shown not in (PopUp.SENT, PopUp.REPEATED):
            self._sightings.note(POP_UP_DROPPED, str(location_id or ""), shown)
