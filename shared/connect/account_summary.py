"""What an account has: its locations, and, for whoever has proven that it is his, what happened.

Read from our own tables alone: no page of this costs a call to the platform.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.aws.sightings import KEY_REPLACED, POP_UP, POP_UP_DROPPED, Sightings
from shared.calls import call_backs
from shared.calls.call import Call
from shared.calls.call_backs import Shares
from shared.calls.line_entry import EnterLines
from shared.calls.lines import Directory
from shared.calls.missed_calls import MissedCalls
from shared.calls.refused_keys import RefusedKeys
from shared.calls.table import Calls
from shared.chains.switching import Switching, TelephonyStanding
from shared.clock import Clock
from shared.connect.pbx_notes import Noted, noted
from shared.connections.accounts import Account
from shared.connections.connection import Connection
from shared.connections.table import Connections
from shared.payments.entry import Entry
from shared.payments.ledger import Ledger

# As many as one looks at.
MOST_LISTED = 20
MOST_HAPPENED = 10
# Of so many locations all calls are read that are kept.
_MOST_COUNTED = 5
# So many rows are read for everybody; for whoever may enter lines, as he chooses among all.
_MOST_READ = 60
_MOST_PROVEN = 300


@dataclass(frozen=True, slots=True)
class Happened:
    """The last calls and payments since the locations are the account's, the newest first."""

    calls: tuple[Call, ...]
    payments: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many callers of a location nobody has called back, and how many were called back."""

    location_id: int
    open: int
    shares: Shares


@dataclass(frozen=True, slots=True)
class Belongings:
    """Of one account.

    Attributes:
        locations: Its connections beside those of the link, by location id.
        more: So many locations are not listed.
        happened: None without a proof.
        lines: the same; `choices` are the locations that may be entered.
        missed: of its locations, the first of them; None without a proof.
        pbx: What is to be known of its telephone system; None without a proof.
        names: What locations of the account are called, as far as that is known, by their ids.
    """

    locations: tuple[tuple[Connection, TelephonyStanding], ...]
    more: int
    happened: Happened | None
    lines: Directory | None = None
    choices: tuple[int, ...] = ()
    names: Mapping[int, str] = field(default_factory=dict)
    pbx: tuple[Noted, ...] | None = None
    missed: tuple[Waiting, ...] | None = None


class AccountSummary:
    """Reads what an account has."""

    def __init__(
        self,
        *,
        connections: Connections,
        calls: Calls,
        ledger: Ledger,
        lines: EnterLines,
        missed: MissedCalls,
        switching: Switching,
        sightings: Sightings,
        refused_keys: RefusedKeys,
        clock: Clock,
    ) -> None:
        self._connections = connections
        self._calls = calls
        self._ledger = ledger
        self._lines = lines
        self._missed = missed
        self._switching = switching
        self._sightings = sightings
        self._refused_keys = refused_keys
        self._clock = clock

    def of(self, account: Account, but: frozenset[int], *, is_proven: bool) -> Belongings:
        """What an account has.

        Args:
            account: Whose.
            but: Locations that are shown already.
            is_proven: Whether calls and payments may be disclosed.
        """
        # Those of the link first, as the page is about them.
        ids = sorted(
            self._connections.of_account(account.account_id), key=lambda it: (it not in but, it)
        )
        most = _MOST_PROVEN if is_proven else _MOST_READ
        rows = {location_id: self._connections.get(location_id) for location_id in ids[:most]}
        live = [
            row
            for row in rows.values()
            if row is not None and row.live and row.account_id == account.account_id
        ]
        happened = self._happened(live[:_MOST_READ]) if is_proven else None
        others = [row for row in live if row.location_id not in but]
        return Belongings(
            tuple((row, self._switching.standing(row)) for row in others[:MOST_LISTED]),
            more=len(others[MOST_LISTED:]) + len({*ids[most:]} - but),
            happened=happened,
            pbx=self._pbx(account, live[:_MOST_READ], happened) if happened else None,
            lines=self._lines.of(account) if is_proven else None,
            missed=tuple(map(self._waiting, live[:_MOST_COUNTED])) if is_proven else None,
            choices=tuple(row.location_id for row in live),
            names={row.location_id: row.name for row in live if row.name},
        )

    def _waiting(self, connection: Connection) -> Waiting:
        found, now = self._missed.of(connection).missed, self._clock()
        return Waiting(connection.location_id, len(found.open), call_backs.of_all(found, now))

    def _pbx(
        self, account: Account, connections: list[Connection], happened: Happened
    ) -> tuple[Noted, ...]:
        last = self._sightings.last
        locations = [str(row.location_id) for row in connections]
        dropped = (last(POP_UP_DROPPED, each) for each in locations)
        has_called = bool(happened.calls)
        return noted(
            has_key=bool(account.pbx_key_digest),
            last_call_at=happened.calls[0].entry.started_at if has_called else None,
            rang=has_called or any(self._sightings.counts(POP_UP, each) for each in locations),
            refused=self._refused_keys.last(account.account_id, self._clock()),
            replaced=last(KEY_REPLACED, account.account_id),
            dropped=max((it for it in dropped if it), key=lambda it: it.at, default=None),
            now=self._clock(),
        )

    def _happened(self, connections: list[Connection]) -> Happened:
        calls = [
            call
            for connection in connections
            for call in self._calls.latest(connection.location_id, MOST_HAPPENED)
            # The location may have been another account's before.
            if call.account_id == connection.account_id
        ]
        payments = [
            entry
            # Each of them is a read.
            for connection in connections[:MOST_LISTED]
            for entry in self._ledger.entries_of(connection.location_id)
            # What is older may be of whoever had the location before, whatever has moved it since.
            if entry.received_at >= (connection.held_since or connection.opened_at)
        ]
        calls.sort(key=lambda call: call.entry.started_at, reverse=True)
        payments.sort(key=lambda entry: entry.received_at, reverse=True)
        return Happened(tuple(calls[:MOST_HAPPENED]), tuple(payments[:MOST_HAPPENED]))
