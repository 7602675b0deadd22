"""Once a minute: takes what is overdue and puts it on its way again.

Doing so twice is harmless, as every write is conditional and a wake-up counts only while it is the
latest. One row that fails does not stop the others, but the run ends in an error.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from shared import call, lifecycle, payment
from shared.calls import Calls
from shared.chains import Chains
from shared.clock import Clock
from shared.connections import Connections
from shared.connections import Overtaken as ConnectionOvertaken
from shared.erasing import Erasing
from shared.ledger import Ledger, Overtaken
from shared.lifecycle import Connection, State
from shared.looking import Looking
from shared.payment import Entry, EntryState
from shared.queues import CallWakeUps, WakeUps
from shared.recording import Recording
from shared.roll import Overtaken as RollOvertaken
from shared.rules import LedgerRules, LifecycleRules, PaceRules
from shared.settling import Settling
from shared.surveying import Surveying
from shared.switching import Switching
from shared.telemetry import count, logger
from shared.watching import Watching

# Rows of one kind in one run, where each may take a call to the platform.
_MOST = 100
# Calls to be looked for, in one run; there are many of a location.
_MOST_LOOKED_FOR = 500
_WAITING = (EntryState.PENDING, EntryState.HELD, EntryState.UNKNOWN)


class ReconcileFailed(Exception):
    """Some rows could not be taken care of; each was logged, all others were done."""


class Reconciling:
    """The use case of the schedule."""

    def __init__(
        self,
        *,
        connections: Connections,
        ledger: Ledger,
        settling: Settling,
        watching: Watching,
        erasing: Erasing,
        looking: Looking,
        recording: Recording,
        surveying: Surveying,
        chains: Chains,
        switching: Switching,
        calls: Calls,
        call_wake_ups: CallWakeUps,
        wake_ups: WakeUps,
        clock: Clock,
        lifecycle_rules: LifecycleRules,
        ledger_rules: LedgerRules,
        pace_rules: PaceRules,
        late_after_s: float,
        call_s: float,
    ) -> None:
        self._connections = connections
        self._ledger = ledger
        self._settling = settling
        self._watching = watching
        self._erasing = erasing
        self._looking = looking
        self._recording = recording
        self._surveying = surveying
        self._chains = chains
        self._switching = switching
        self._calls = calls
        self._call_wake_ups = call_wake_ups
        self._wake_ups = wake_ups
        self._clock = clock
        self._lifecycle_rules = lifecycle_rules
        self._ledger_rules = ledger_rules
        self._most_sent = round(pace_rules.pace_per_min)
        self._interval = pace_rules.interval
        self._queued = timedelta()
        self._call_s = call_s
        self._late_after = timedelta(seconds=late_after_s)

    def run(self, until: float) -> None:
        """Takes overdue rows until `until` (of `time.monotonic`); the rest is due next time.

        Raises:
            ReconcileFailed: at least one row could not be taken care of.
        """
        # What calls nobody; then, as each kind could use up the time, half of it for either.
        failed = self._entries(EntryState.SENDING, self._most_sent, until)
        self._queued = self._interval * self._wake_ups.waiting()
        failed += self._entries(EntryState.PENDING, self._most_sent, until)
        failed += self._entries(EntryState.HELD, self._most_sent, until)
        self._wake_calls()
        for key in self._chains.due(self._clock(), _MOST):
            failed += self._guarded(self._switching.step, key, until)
        half = (time.monotonic() + until) / 2
        # Frozen ones last: they are asked about for ever, and there may be more than there is time.
        for state in (State.PENDING, State.ACTIVE, State.DISABLED, State.FROZEN):
            for location_id in self._connections.due(state, self._clock(), _MOST):
                failed += self._guarded(self._connection, location_id, half)
        failed += self._entries(EntryState.UNKNOWN, _MOST, until)
        failed += self._entries(EntryState.TOLD, _MOST, until)
        # Its steps make one call each, after two turns, so the last may begin a call's time later.
        later = until + self._call_s
        failed += self._guarded(self._surveying.go_on, later, later)
        count("ReconcileRun")
        if failed:
            raise ReconcileFailed(f"{failed} rows")

    def wake(self, location_id: int, until: float) -> None:
        """Looks at once at a location of which a webhook has said something.

        Raises:
            ReconcileFailed: it could not be taken care of; it is still due.
        """
        if self._guarded(self._connection, location_id, until):
            raise ReconcileFailed("1 row")

    def _wake_calls(self) -> None:
        """Has the calls function see to what is due; of one location all at once, if looked for."""
        now, room = self._clock(), self._most_sent - self._call_wake_ups.waiting()
        for state in call.TO_BE_SENT:
            for key, _location_id in self._calls.due(state, now, max(room, 0)) if room > 0 else ():
                self._call_wake_ups.wake(key)
                room -= 1
        looked_for = (self._calls.due(state, now, _MOST_LOOKED_FOR) for state in call.LOOKED_FOR)
        for location_id in dict.fromkeys(it for due in looked_for for _key, it in due):
            self._call_wake_ups.look(location_id)

    def _entries(self, state: EntryState, most: int, until: float) -> int:
        keys = self._ledger.due(state, self._clock(), most)
        return sum(self._guarded(self._entry, key, until) for key in keys)

    def _guarded[Key](self, step: Callable[[Key], None], key: Key, until: float) -> int:
        if time.monotonic() >= until:
            return 0
        try:
            step(key)
        except (Overtaken, ConnectionOvertaken, RollOvertaken):
            logger.info("overtaken", extra={"row": key})
        except Exception:  # noqa: BLE001 - logged, counted, and the run ends in an error
            # A row that nobody can read must not hold up everything that is due after it.
            logger.exception("row failed", extra={"row": key})
            return 1
        return 0

    def _entry(self, key: str) -> None:
        """Decides from the row itself, as the index may be behind."""
        entry, now = self._ledger.get(key), self._clock()
        if entry is None or entry.due_at is None or entry.due_at > now:
            return
        if entry.state in _WAITING and now - entry.received_at > self._late_after:
            count("PaymentLate")
            logger.error("late", extra={"entry": key, "state": entry.state, "why": entry.why})
        match entry.state:
            case EntryState.SENDING:
                self._lease_passed(entry)
            case EntryState.PENDING:
                self._wake(entry)
            case EntryState.HELD:
                self._look_at_held(entry)
            case EntryState.UNKNOWN:
                self._looking.look(entry)
            case EntryState.TOLD:
                self._recording.record(entry)

    def _lease_passed(self, entry: Entry) -> None:
        why = "whoever was sending it did not come back"
        unknown = payment.unknown(entry, why, self._clock(), self._ledger_rules)
        # Counted first: an alarm too many is better than one that a lost answer swallows.
        count("PaymentUnknown")
        logger.error("lease passed", extra={"entry": entry.key, "attempt": entry.attempt})
        self._ledger.move(entry, unknown)

    def _wake(self, entry: Entry) -> None:
        woken = payment.woken(entry, self._clock(), self._ledger_rules, self._queued)
        self._ledger.move(entry, woken)
        self._queued += self._interval
        if woken.due_at is not None:
            self._wake_ups.send(woken.key, woken.due_at)
        logger.info("woken", extra={"entry": entry.key, "was": entry.state, "why": entry.why})

    def _look_at_held(self, entry: Entry) -> None:
        connection = self._connections.get(entry.location_id or 0)
        if connection is not None and connection.live:
            self._wake(entry)
        else:
            self._ledger.move(
                entry, payment.held(entry, entry.why, self._clock(), self._ledger_rules)
            )

    def _connection(self, location_id: int) -> None:
        connection = self._connections.get(location_id)
        now = self._clock()
        if connection is None or connection.due_at is None or connection.due_at > now:
            return
        if connection.erase_at is not None and connection.erase_at <= now:
            self._erasing.erase(connection)
            return
        if connection.lease_until is not None and connection.lease_until > now:
            # A webhook made it due, but somebody is at it.
            self._connections.save(replace(connection, due_at=connection.lease_until))
            return
        if self._watching.remind(connection):
            return
        if connection.state is State.DISABLED and connection.line is not None:
            self._switching.follow(connection)
            return
        settled, status = self._settling.settle(self._leased(connection))
        if settled.live:
            self._release_held(location_id)
        settled = self._switching.follow(settled)
        self._watching.watch(settled, status)

    def _leased(self, connection: Connection) -> Connection:
        """An open generation is worked on by one at a time: its callback is not for two."""
        if connection.state is not State.PENDING:
            return connection
        return self._connections.save(
            lifecycle.leased(connection, self._clock(), self._lifecycle_rules)
        )

    def _release_held(self, location_id: int) -> None:
        for key in self._ledger.held(location_id, _MOST):
            entry = self._ledger.get(key)
            if entry is not None and entry.state is EntryState.HELD:
                self._wake(entry)
