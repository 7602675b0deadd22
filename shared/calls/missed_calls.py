"""The missed callers of a location, as its owner and the portal see them, and who is done with one.

Read with one query of the location's own calls, and nothing is kept beside these: the press stands
in the call's row, and goes when that goes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from shared.aws.dynamodb import StaleWrite
from shared.calls import missed as rules
from shared.calls.call import Call
from shared.calls.missed import Missed
from shared.calls.table import Calls
from shared.clock import Clock, zone_named
from shared.connections.connection import Connection
from shared.connections.table import Connections
from shared.telemetry import logger

# Of one location: more than a busy one has in a fortnight, and two or three pages of the index.
MOST_READ = 2000
_TRIES = 5


class Closed(StrEnum):
    """What became of a press."""

    DONE = "done"
    NO_NAME = f"a name is needed, of at most {rules.LONGEST_NAME} characters"
    NOBODY = "nobody with this number was missed until then"
    # Reports of the call come in again and again.
    BUSY = "the call is being changed: press again"


@dataclass(frozen=True, slots=True)
class Found:
    """What was read.

    Attributes:
        missed: Of the location's calls.
        since: The first of these began then or later.
        is_cut: There are more than were read, all of them older.
        zone: Of the location's clock.
    """

    missed: Missed
    since: datetime
    is_cut: bool
    zone: ZoneInfo


class MissedCalls:
    """The use case of the list of missed callers."""

    def __init__(
        self,
        *,
        calls: Calls,
        connections: Connections,
        clock: Clock,
        zone: ZoneInfo,
        days: int,
    ) -> None:
        """Of calls that are kept for so many days; `zone` is of who tells none of his own."""
        self._calls = calls
        self._connections = connections
        self._clock = clock
        self._zone = zone
        self._kept = timedelta(days=days)

    def location(self, account_id: str, location_id: int) -> Connection | None:
        """A location that is connected and the account's; None if it is not."""
        found = self._connections.get(location_id)
        return found if found and found.live and found.account_id == account_id else None

    def of(
        self,
        connection: Connection,
        *,
        newer: Sequence[Call] = (),
        since: datetime | None = None,
    ) -> Found:
        """Who was missed at a location since it is the account's; eventually consistent.

        Args:
            connection: whose calls.
            newer: rows that were written just now, and that the index may not have yet.
            since: of calls that began then or later; None is of all that are kept.
        """
        now = self._clock()
        since = since or now - self._kept
        rows = self._calls.latest(connection.location_id, MOST_READ + 1, since)
        if len(rows) > MOST_READ:
            # Of those that began at that moment, some may be among the others.
            since = rules.began(rows[-1])
            rows = [it for it in rows if rules.began(it) > since]
            is_cut = True
        else:
            is_cut = False
        known = {it.key: it for it in (*rows, *newer)}
        # The location may have been another account's before.
        own = [it for it in known.values() if it.account_id == connection.account_id]
        zone = zone_named(connection.zone) or self._zone
        return Found(rules.missed(own, now), since, is_cut, zone)

    def close(
        self, connection: Connection, phone: str, until: datetime, by: str
    ) -> tuple[Closed, Found]:
        """Somebody is done with a caller, as far as he has seen; returns what is so now.

        Args:
            connection: of the location.
            phone: the caller's number, as the list has it.
            until: when he was missed for the last time, as the list had it.
            by: the name of who presses.
        """
        name = rules.name_of(by)
        for _ in range(_TRIES):
            found = self.of(connection)
            if not name:
                return Closed.NO_NAME, found
            episodes = (*found.missed.open, *found.missed.ended)
            seen = [
                (episode.end is not None, miss)
                for episode in episodes
                for miss in episode.misses
                if episode.phone == phone and rules.began(miss) <= until
            ]
            if not seen:
                return Closed.NOBODY, found
            is_ended, listed = max(seen, key=lambda it: (rules.began(it[1]), it[1].key))
            call = None if is_ended else self._calls.get(listed.key)
            if call is None or call.done_at is not None:
                # It has ended already, or was deleted at this moment, or the index is behind.
                return Closed.DONE, self.of(connection, newer=[call]) if call else found
            try:
                stored = self._calls.save(rules.pressed(call, name, self._clock()))
            except StaleWrite:
                continue
            logger.info("missed caller closed", extra=stored.names)
            return Closed.DONE, self.of(connection, newer=[stored])
        return Closed.BUSY, self.of(connection)
