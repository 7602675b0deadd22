"""Watches how long live locations are still covered, and says so well before one goes dark.

Costs the payment path nothing: a payment that was reported meanwhile is seen by the look that was
due anyway, which finds the location covered and comes back when that ends.
"""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from shared.altegio.status import Status
from shared.clock import Clock, stamp
from shared.connections.connection import Connection
from shared.connections.table import Connections
from shared.payments import coverage
from shared.payments.entry import Entry
from shared.payments.ledger import Ledger
from shared.payments.settings import CoverPolicy
from shared.telemetry import count, logger


class WatchCoverage:
    """The use case of live connections that were just settled."""

    def __init__(
        self,
        *,
        connections: Connections,
        ledger: Ledger,
        clock: Clock,
        zone: ZoneInfo,
        rules: CoverPolicy,
    ) -> None:
        self._connections = connections
        self._ledger = ledger
        self._clock = clock
        self._zone = zone
        self._rules = rules

    def watch(self, connection: Connection, status: Status | None) -> None:
        """Notes the cover that `status` shows, warns if it ends soon, and sets the next look.

        Without a status, it warns by what was noted before.

        Raises:
            StaleWrite: somebody else wrote the row, or a payment of it, meanwhile; it is still due.
        """
        if not connection.live:
            return
        now = self._clock()
        entries = self._ledger.entries_of(connection.location_id)
        if status is None:
            self._warn_if_near(connection, entries, now)
            return
        if not status.live:
            # It lags behind the connection, and proves nothing.
            return
        missing = coverage.unlisted(entries, status.payments, now)
        watched = coverage.watched(
            connection, status, missing, now, zone=self._zone, rules=self._rules
        )
        for paid in missing:
            if paid.key not in connection.unlisted:
                count("ReportedButNotListed")
                told = {**connection.names, **paid.names}
                logger.error("reported, but not listed", extra=told)
        self._warn_if_near(watched, entries, now)
        self._connections.save(watched)

    def remind(self, connection: Connection) -> bool:
        """Warns once more by our own tables, if that is all that is due; False if it is not.

        Raises:
            StaleWrite: as `watch`.
        """
        now = self._clock()
        reminded = coverage.reminded(connection, now, self._rules)
        if reminded is None:
            return False
        entries = self._ledger.entries_of(connection.location_id)
        if not self._warn_if_near(connection, entries, now):
            # Something was reported meanwhile: the platform's list has it.
            return False
        self._connections.save(reminded)
        return True

    def _warn_if_near(
        self, connection: Connection, entries: Sequence[Entry], now: datetime
    ) -> bool:
        work = coverage.work(connection, entries, now)
        if work is None or not coverage.is_near(work, now, self._rules):
            return False
        count("SwitchOffNear")
        logger.error(
            "switch-off near",
            extra={
                **connection.names,
                "hours_left": work.hours_left,
                "covered_until": stamp(work.covered_until),
                "queued_until": stamp(work.queued_until),
                "queued": [f"{it.key} {it.state} {it.why}".rstrip() for it in work.queued],
                "unlisted": list(work.unlisted),
            },
        )
        return True
