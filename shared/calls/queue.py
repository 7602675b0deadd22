"""The calls queue: calls that have ended, and wake-ups for what is due."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shared.chains.queue import Releases


class CallWakeUps(Releases):
    """Tells the calls function what is due; each is a due row as well, so none need arrive."""

    def waiting(self) -> int:
        """About how many messages are on the queue, as of a minute ago or less."""
        return self._waiting()

    def put(self, event: Mapping[str, Any]) -> None:
        """Sends a call that has ended, in the form of `event`; from then on it is durable."""
        self._send(event)

    def wake(self, key: str, after: timedelta = timedelta()) -> None:
        """A call is due, or will be after a while."""
        self._nudge({"type": "wake-up", "key": key}, after)

    def route(self, account_id: str) -> None:
        """Lines of an account were entered, or calls that wait for them are due."""
        self._nudge({"type": "route", "account_id": account_id})

    def look(self, location_id: int, key: str, after: timedelta = timedelta()) -> None:
        """Calls of a location, from one on, are to be looked for in the platform's list."""
        self._nudge({"type": "look", "location_id": location_id, "key": key}, after)
