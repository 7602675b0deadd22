"""Brings one connection and the platform to agree: asks, finishes an open generation, writes.

Used by the page while the owner waits and by reconcile for all that was left unfinished.
"""

import math
from dataclasses import replace
from datetime import datetime, timedelta

from shared.altegio.client import Refused, Unreachable
from shared.altegio.marketplace import Marketplace
from shared.altegio.status import Status
from shared.aws.dynamodb import StaleWrite
from shared.aws.sightings import (
    ANSWERS_AHEAD,
    CLOCK_AHEAD,
    CLOCK_OFF,
    CLOCK_RIGHT,
    LOST_WEBHOOK,
    PLATFORM_REFUSED,
    Sightings,
)
from shared.clock import Clock
from shared.connections import lifecycle
from shared.connections.connection import Connection, Hint, State
from shared.connections.settings import LifecyclePolicy
from shared.connections.table import Connections
from shared.telemetry import count, logger

# A webhook takes seconds; what it should have told long before is told by nobody any more.
_WEBHOOK_TAKES = timedelta(minutes=5)


class Settle:
    """The use case behind every change of a connection but its opening."""

    def __init__(
        self,
        *,
        platform: Marketplace,
        connections: Connections,
        sightings: Sightings,
        clock: Clock,
        rules: LifecyclePolicy,
    ) -> None:
        self._platform = platform
        self._connections = connections
        self._sightings = sightings
        self._clock = clock
        self._rules = rules

    def settle(
        self,
        connection: Connection,
        until: float = math.inf,
        *,
        rounds: int = 1,
        known: Status | None = None,
    ) -> tuple[Connection, Status | None]:
        """Asks for the status, sends the callback if that is what is missing, and decides.

        The answer to the callback is never believed, only the status after it: it may be lost, or
        say 403 because the application is active already. The platform is asked no longer than
        `until` of `time.monotonic`; all of it anew, up to so many rounds, when somebody else has
        written the same generation meanwhile, as a webhook does. `known` is a status of this very
        moment, which need not be asked for again.

        Returns:
            The connection as it stands in the table, whoever wrote it last; and the status that it
            was decided from, None if there was none to be had.

        Raises:
            StaleWrite: somebody else settles the same connection again and again.
        """
        while True:
            refusal = ""
            try:
                status = known or self._platform.status(connection.location_id, until)
                known = None
                window_s = self._rules.grant_window_s
                if lifecycle.awaits_callback(connection, status, self._clock(), window_s):
                    refusal = self._confirm(connection, until)
                    status = self._platform.status(connection.location_id, until)
            except (Refused, Unreachable) as error:
                return self._put_off(connection, error), None
            decided = lifecycle.settled(connection, status, self._clock(), self._rules)
            if status.ahead_of(self._clock()):
                count("PlatformClockAhead")
                # Its newest entry is told for as long as it is to come: when it came, is noted, and
                # whether the platform's answers had that clock, too.
                if status.mark > connection.mark:
                    whose = str(connection.location_id)
                    by = self._platform.ahead(self._clock())
                    why = ANSWERS_AHEAD if by and by > CLOCK_OFF else ""
                    self._sightings.note(CLOCK_AHEAD, whose, why)
                told = {**connection.names, "proof": status.proof()}
                logger.error("the platform's clock is ahead", extra=told)
            elif _is_just_written(connection, status, self._clock()):
                self._sightings.note(CLOCK_RIGHT)
            if decided.state is State.PENDING and refusal:
                decided = replace(decided, verdict=f"callback: {refusal}")
            lost = _webhook_lost(connection, decided, status, self._clock())
            settled, is_ours = self._save(connection, decided, lost=lost)
            rounds -= 1
            if is_ours or not rounds or settled.generation != connection.generation:
                return settled, status
            connection = settled

    def _put_off(self, connection: Connection, error: Refused | Unreachable) -> Connection:
        if isinstance(error, Refused):
            count("PlatformBlocked")
            whose = str(connection.location_id)
            self._sightings.note(PLATFORM_REFUSED, whose, str(error))
        logger.warning("status not known", extra={**connection.names, "why": str(error)})
        put_off = lifecycle.put_off(connection, f"status: {error}", self._clock(), self._rules)
        return self._save(connection, put_off, lost=False)[0]

    def _confirm(self, connection: Connection, until: float) -> str:
        """Sends the callback; returns why it may have failed, empty if it seems not to have."""
        try:
            self._platform.confirm(connection.location_id, until)
        except (Refused, Unreachable) as error:
            told = {**connection.names, "why": str(error)}
            logger.warning("callback not confirmed", extra=told)
            return str(error)
        return ""

    def _save(
        self, before: Connection, decided: Connection, *, lost: bool
    ) -> tuple[Connection, bool]:
        """Returns what the table holds now, and whether it is what was decided."""
        news = _told(before) != _told(decided)
        try:
            saved = self._connections.save(decided, self._clock() if news else None)
        except StaleWrite:
            # Whoever was faster has decided from the same platform, and hints come back by
            # themselves: their row keeps its due time.
            current = self._connections.get(decided.location_id)
            if current is None:
                raise
            return current, False
        if lost:
            count("LostWebhook")
            self._sightings.note(LOST_WEBHOOK, str(saved.location_id))
            logger.error("webhook lost", extra=saved.names)
        told = {"generation": saved.generation, "state": saved.state, "verdict": saved.verdict}
        logger.info("settled", extra={**saved.names, **told})
        return saved, True


def _told(connection: Connection) -> tuple[str, int, str]:
    return connection.state, connection.generation, connection.verdict


def _is_just_written(before: Connection, status: Status, now: datetime) -> bool:
    """Whether the log has grown by what happens now, and by its time as well.

    So it is if the owner pressed the button, or the webhook came, a moment ago.
    """
    since = now - _WEBHOOK_TAKES
    happened_at = before.hint_at if before.hint else before.opened_at
    is_new = status.mark > before.mark and happened_at is not None and happened_at > since
    return is_new and since < status.log[-1].latest


def _webhook_lost(before: Connection, after: Connection, status: Status, now: datetime) -> bool:
    """Whether the platform ended or froze what was live, and did not tell us when it did.

    Args:
        before: the connection as it was.
        after: the same, as settled by `status`.
        status: the platform's word, now.
        now: the present moment.
    """
    froze = before.state is State.ACTIVE and after.state is State.FROZEN
    anew = after.generation > before.generation
    if not before.live or not (froze or anew or after.state is State.DISABLED):
        return False
    if before.hint not in (None, Hint.GONE):
        return False
    return not status.log or now - status.log[-1].latest > _WEBHOOK_TAKES
