"""Once a minute: takes what is overdue and puts it on its way again.

Doing so twice is harmless, as every write is conditional and a wake-up counts only while it is the
latest. One row that fails does not stop the others, but the run ends in an error.

Rows of all kinds are taken in turn, so that a crowd of one kind holds up no other: first what only
our own tables are needed for, then what asks the platform. Calls are taken in turn by account.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import islice, takewhile, zip_longest
from typing import Any

from shared import doors
from shared.altegio.settings import PacePolicy
from shared.aws.dynamodb import StaleWrite
from shared.aws.sightings import Sightings
from shared.calls import call
from shared.calls.call import CallState
from shared.calls.queue import CallWakeUps
from shared.calls.table import Calls
from shared.chains.switching import Switching
from shared.chains.table import Chains
from shared.clock import Clock
from shared.connections import lifecycle
from shared.connections.connection import Connection, Hint, State
from shared.connections.erase import Erase
from shared.connections.hint import perhaps_paid
from shared.connections.settings import LifecyclePolicy
from shared.connections.settle import Settle
from shared.connections.table import Connections
from shared.payments import entry as payment
from shared.payments.entry import Entry, EntryState
from shared.payments.ledger import Ledger
from shared.payments.queue import WakeUps
from shared.payments.record_hosted import RecordHosted
from shared.payments.resolve_unknown import ResolveUnknown
from shared.payments.settings import LedgerPolicy
from shared.payments.watch_coverage import WatchCoverage
from shared.reconcile.census.run import RunCensus
from shared.reconcile.missed_letters import MissedLetters
from shared.telemetry import count, logger

# Rows of one kind in one run, where each may take a call to the platform.
_MOST = 100
# The same where only our own tables are needed.
_MOST_REMINDED = 500
# Keys of due calls that are read, of which a few are taken: those of an account may be thousands.
_MOST_CALLS = 10_000
# Letters in one run: some seconds, 3,600 an hour, and SES takes more from whoever left its sandbox.
_MOST_LETTERS = 60
# The part of the pace that calls are woken for by this; the door wakes the other.
_CALLS = 0.5
_RUN_EVERY_S = 60
_EVER = timedelta(days=3650)
_WAITING = (EntryState.PENDING, EntryState.HELD, EntryState.UNKNOWN)

type Job = tuple[Callable[[Any], None], Any]


class ReconcileFailed(Exception):
    """Some rows could not be taken care of; each was logged, all others were done."""


class Schedule:
    """The use case of the schedule."""

    def __init__(
        self,
        *,
        connections: Connections,
        ledger: Ledger,
        settling: Settle,
        watching: WatchCoverage,
        erasing: Erase,
        looking: ResolveUnknown,
        recording: RecordHosted,
        surveying: RunCensus,
        letters: MissedLetters,
        chains: Chains,
        switching: Switching,
        calls: Calls,
        call_wake_ups: CallWakeUps,
        wake_ups: WakeUps,
        sightings: Sightings,
        clock: Clock,
        lifecycle_rules: LifecyclePolicy,
        ledger_rules: LedgerPolicy,
        pace_rules: PacePolicy,
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
        self._letters = letters
        self._chains = chains
        self._switching = switching
        self._calls = calls
        self._call_wake_ups = call_wake_ups
        self._wake_ups = wake_ups
        self._sightings = sightings
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
        failed = self._take_own((time.monotonic() + until) / 2)
        failed += self._guarded(lambda _what: self._wake_calls(), "calls", until)
        failed += self._take_asking(until)
        letters = islice(_in_turn(*self._letters.due()), _MOST_LETTERS)
        failed += self._take(until, _each(self._letters.send, letters))
        # Its steps make one call each, after two turns, so the last may begin a call's time later.
        later = until + self._call_s
        failed += self._guarded(self._surveying.go_on, later, later)
        # For as long as there is one: the alarm falls when the last is settled.
        if self._ledger.due(EntryState.UNKNOWN, self._clock() + _EVER, 1):
            count("PaymentUnknown")
        count("ReconcileRun")
        # Their alarms want three within an hour, and CloudWatch looks back for longer where data
        # are missing: of zeros, none are.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
        count("BillingRefused", 0)
        count("PbxKeyRefused", 0)
        count("PortalRefused", 0)
        count("RedirectRefused", 0)
        count("WebhookRefused", 0)
        if failed:
            raise ReconcileFailed(f"{failed} rows")

    def wake(self, location_id: int, until: float) -> None:
        """Looks at once at a location of which a webhook has said something.

        Raises:
            ReconcileFailed: it could not be taken care of; it is still due.
        """
        if self._guarded(self._connection, location_id, until):
            raise ReconcileFailed("1 row")

    def _take_own(self, until: float) -> int:
        """What needs our own tables only."""
        self._queued = self._interval * self._wake_ups.waiting()
        now = self._clock()
        states = (EntryState.SENDING, EntryState.PENDING, EntryState.HELD)
        return self._take(
            until,
            *(_each(self._entry, self._ledger.due(it, now, self._most_sent)) for it in states),
            _each(self._remind, self._connections.due(State.ACTIVE, now, _MOST_REMINDED)),
        )

    def _take_asking(self, until: float) -> int:
        """What asks the platform."""
        now = self._clock()
        return self._take(
            until,
            _each(self._switching.step, self._chains.due(now, _MOST)),
            *(_each(self._connection, self._connections.hinted(it, now, _MOST)) for it in Hint),
            *(_each(self._connection, self._connections.due(it, now, _MOST)) for it in State),
            _each(self._entry, self._ledger.due(EntryState.UNKNOWN, now, _MOST)),
            _each(self._entry, self._ledger.due(EntryState.REPORTED_BY_PLATFORM, now, _MOST)),
        )

    def _take(self, until: float, *kinds: Iterable[Job]) -> int:
        """One row of each kind, and again; returns how many failed."""
        jobs = takewhile(lambda _job: time.monotonic() < until, _in_turn(*kinds))
        return sum(self._guarded(step, key, until) for step, key in jobs)

    def _wake_calls(self) -> None:
        """Has the calls function see to what is due: in turn by account, calls and looks for them.

        They come evenly until the next run, so that whoever ends a call meanwhile finds a short
        queue. Of one location all calls are looked for at once.
        """
        most = max(1, round(_CALLS * self._most_sent))
        room = max(0, most - self._call_wake_ups.waiting())
        wakes = (
            partial(self._call_wake_ups.wake, key) for key, _it in self._due_calls(call.TO_BE_SENT)
        )
        looks = _in_turn(*map(self._looks, call.LOOKED_FOR))
        due = _in_turn(wakes, looks)
        for place, wake in enumerate(islice(due, room)):
            wake(timedelta(seconds=_RUN_EVERY_S * place // most))
        if next(due, None) is not None:
            count("CallsBehind")
        if room:
            # Needs our own tables only, and an account's all at once.
            for account_id in self._calls.waited_for(self._clock(), _MOST_CALLS)[:_MOST]:
                self._call_wake_ups.route(account_id)

    def _looks(self, state: CallState) -> Iterator[partial[None]]:
        """One for each location, from its call on that has been due for the longest."""
        first: dict[int, str] = {}
        for key, location_id in self._due_calls((state,)):
            first.setdefault(location_id, key)
        return (partial(self._call_wake_ups.look, *each) for each in first.items())

    def _due_calls(self, states: Iterable[CallState]) -> Iterator[tuple[str, int]]:
        """Keys and locations of what is due, one of each account, and again."""
        of_accounts: dict[str, list[tuple[str, int]]] = {}
        for state in states:
            for key, location_id in self._calls.due(state, self._clock(), _MOST_CALLS):
                of_accounts.setdefault(call.account_of(key), []).append((key, location_id))
        return _in_turn(*of_accounts.values())

    def _guarded[Key](self, step: Callable[[Key], None], key: Key, until: float) -> int:
        if time.monotonic() >= until:
            return 0
        try:
            step(key)
        except StaleWrite:
            logger.info("overtaken", extra=_names(key))
        except Exception as error:  # noqa: BLE001 - logged, counted, and the run ends in an error
            # A row that nobody can read must not hold up everything that is due after it.
            logger.error("row failed", extra={**_names(key), **doors.of(error)})
            if not doors.is_aws(error):
                # It fails again at each run, and nothing else would ring.
                count("HandlerFailed")
                told = doors.of(error)
                why = getattr(error, "why", told["error"])
                self._sightings.failed("ReconcileFunction", told.get("row", ""), why)
            return 1
        return 0

    def _entry(self, key: str) -> None:
        """Decides from the row itself, as the index may be behind."""
        entry, now = self._ledger.get(key), self._clock()
        if entry is None or entry.due_at is None or entry.due_at > now:
            return
        entry = self._told_if_late(entry)
        match entry.state:
            case EntryState.SENDING:
                self._lease_passed(entry)
            case EntryState.PENDING:
                self._wake(entry)
            case EntryState.HELD:
                self._look_at_held(entry)
            case EntryState.UNKNOWN:
                self._looking.look(entry)
            case EntryState.REPORTED_BY_PLATFORM:
                self._recording.record(entry)

    def _told_if_late(self, entry: Entry) -> Entry:
        """Counts each that waits for too long, once: whatever becomes of it now is written."""
        now = self._clock()
        is_late = entry.state in _WAITING and now - entry.received_at > self._late_after
        if not is_late or entry.late_at is not None:
            return entry
        count("PaymentLate")
        told = {"state": entry.state, "why": entry.why}
        logger.error("late", extra={**entry.names, **told})
        return replace(entry, late_at=now)

    def _lease_passed(self, entry: Entry) -> None:
        why = "whoever was sending it did not come back"
        unknown = payment.unknown(entry, why, self._clock(), self._ledger_rules)
        # Counted first: an alarm too many is better than one that a lost answer swallows.
        count("PaymentUnknown")
        logger.error("lease passed", extra={**entry.names, "attempt": entry.attempt})
        self._ledger.move(entry, unknown)
        connection = self._connections.get(entry.location_id or 0)
        if connection is None or connection.state is not State.FROZEN or entry.is_refund:
            return
        # It is looked at every few hours, and may be paid by now.
        self._connections.save(perhaps_paid(connection, self._clock()))

    def _wake(self, entry: Entry) -> None:
        woken = payment.woken(entry, self._clock(), self._ledger_rules, self._queued)
        self._ledger.move(entry, woken)
        self._queued += self._interval
        if woken.due_at is not None:
            self._wake_ups.send(woken.key, woken.due_at)
        logger.info("woken", extra={**entry.names, "was": entry.state, "why": entry.why})

    def _look_at_held(self, entry: Entry) -> None:
        connection = self._connections.get(entry.location_id or 0)
        if connection is not None and connection.live:
            self._wake(entry)
        else:
            self._ledger.move(
                entry, payment.held(entry, entry.why, self._clock(), self._ledger_rules)
            )

    def _overdue(self, location_id: int) -> Connection | None:
        """The connection, if the row itself is due."""
        connection = self._connections.get(location_id)
        if connection is None or connection.due_at is None or connection.due_at > self._clock():
            return None
        return connection

    def _remind(self, location_id: int) -> None:
        """Warns by our own tables; if the platform has to be asked, that has its own turn."""
        connection = self._overdue(location_id)
        if connection is not None:
            self._watching.remind(connection)

    def _connection(self, location_id: int) -> None:
        connection, now = self._overdue(location_id), self._clock()
        if connection is None:
            return
        connection = self._erasing.forget(connection)
        if connection.erase_at is not None and connection.erase_at <= now:
            self._erasing.erase(connection)
            return
        if connection.lease_until is not None and connection.lease_until > now:
            # A webhook made it due, but somebody is at it.
            self._connections.save(replace(connection, due_at=connection.lease_until))
            return
        if self._watching.remind(connection):
            return
        if connection.state is State.DISABLED and connection.chain_key is not None:
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


def _names(key: object) -> dict[str, object]:
    """What a line of the log calls a row by, before it is read."""
    if isinstance(key, int):
        return {"location_id": key}
    is_entry = str(key).startswith(("payment#", "refund#"))
    return {"entry" if is_entry else "row": key}


def _each(step: Callable[[Any], None], keys: Iterable[Any]) -> Iterator[Job]:
    return ((step, key) for key in keys)


def _in_turn[Row](*kinds: Iterable[Row]) -> Iterator[Row]:
    """The first of each kind, then the second of each, and so on."""
    for rows in zip_longest(*kinds):
        yield from (row for row in rows if row is not None)
