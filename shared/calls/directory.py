"""An account's directory of lines: where a call belongs, and what its owner enters.

A call that names its location is checked as ever. One that does not costs no read if its line is
entered, and else one: an account with a single location needs no entry. Whatever is entered has the
calls that wait sent on (`routing`); whoever has no answer to an entry may enter it again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from shared.calls import lines
from shared.calls.call import Call, CallState
from shared.calls.lines import Directory, Listed
from shared.calls.queue import CallWakeUps
from shared.calls.table import Calls
from shared.connections.accounts import Account, Accounts
from shared.connections.connection import Connection, State
from shared.connections.table import Connections
from shared.telemetry import logger

if TYPE_CHECKING:
    # The page has no use for what reads events.
    from shared.calls.event import Finished, Ringing

_TRIES = 5


class NotTheAccounts(Exception):
    """The location does not belong to the account of the key."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call belongs, as one report of it tells.

    Attributes:
        location_id: None while nobody has entered its line.
        key: under what it is entered; empty if the report names its location.
        entries: the account's.
    """

    location_id: int | None
    key: str = ""
    entries: Mapping[str, int] = field(default_factory=dict)

    def beside(self, known: Call | None) -> "Place":
        """The same, where the call has its place already: an entry that changes moves none."""
        is_placed = known is not None and known.state is not CallState.RINGING
        if known is None or not is_placed or not self.key or known.location_id is None:
            return self
        return replace(self, location_id=known.location_id)

    def line(self, extension: str) -> str:
        """What stands for a line that was not told."""
        if self.location_id is None:
            return ""
        return lines.line_for(self.entries, self.location_id, extension)


class Entered(StrEnum):
    """What became of an entry."""

    DONE = "done"
    NO_LINE = "no line"
    NOT_ITS_LOCATION = "not a location of this account"
    TOO_MANY = f"more than {lines.MOST} lines"
    # It was erased, or is changed by others again and again.
    GONE = "the account is being changed: enter it again"


class LineDirectory:
    """The use case of lines and extensions."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        connections: Connections,
        calls: Calls,
        wake_ups: CallWakeUps,
        default_country: str,
    ) -> None:
        self._accounts = accounts
        self._connections = connections
        self._calls = calls
        self._wake_ups = wake_ups
        self._default_country = default_country

    def country(self, account: Account) -> str:
        """In which an account's numbers are read that name none; may be empty."""
        return account.country or self._default_country

    def key_of(self, account: Account, line: str, extension: str = "") -> str:
        """Under what a line of an account is entered; empty if it is none.

        What was entered as it stands here counts so, in whatever country the account was then.
        """
        written = line or extension
        if written in account.lines:
            return written
        return lines.key_of(line, extension, self.country(account))

    def find(
        self, account: Account, event: "Ringing | Finished"
    ) -> tuple[Place, Connection | None]:
        """Where a report belongs, and the connection there.

        Raises:
            NotTheAccounts: it names a location that is not the account's.
        """
        if event.location_id is not None:
            connection = self._own(account.account_id, event.location_id)
            if connection is None:
                raise NotTheAccounts
            return Place(event.location_id, "", account.lines), connection
        key = self.key_of(account, event.line, event.extension)
        connection = self.location_of(account, key)
        location_id = connection.location_id if connection else None
        return Place(location_id, key, account.lines), connection

    def location_of(self, account: Account, key: str) -> Connection | None:
        """The connection of a line; None if nobody has entered it, or its location has left.

        An entry whose location has left counts: its calls may not go to whatever is left.
        """
        location_id = account.lines.get(self.key_of(account, key))
        if location_id is None:
            found = self._connections.of_account(account.account_id)
            location_id = found.pop() if len(found) == 1 else None
        return None if location_id is None else self._own(account.account_id, location_id)

    def of(self, account: Account) -> Directory:
        """All that is to be seen of an account's lines."""
        own = self._connections.of_account(account.account_id) if account.lines else set()
        waiting = self._calls.waiting(account.account_id)
        return Directory(
            tuple(
                Listed(key, location_id, is_dead=location_id not in own)
                for key, location_id in sorted(account.lines.items())
            ),
            lines.unknown((each.line_key, each.started_at) for each in waiting),
        )

    def enter(self, account_id: str, entries: Mapping[str, int]) -> Entered:
        """Enters lines; what was entered of them before is replaced."""
        for location_id in {*entries.values()}:
            connection = self._own(account_id, location_id)
            if connection is None or connection.state is State.DISABLED:
                return Entered.NOT_ITS_LOCATION
        return self._change(account_id, entries, ())

    def remove(self, account_id: str, keys: Collection[str]) -> Entered:
        """Removes lines; calls that have their location keep it."""
        return self._change(account_id, {}, keys)

    def _change(
        self, account_id: str, entries: Mapping[str, int], gone: Collection[str]
    ) -> Entered:
        for _ in range(_TRIES):
            account = self._accounts.of_id(account_id)
            if account is None:
                break
            kept = {key: it for key, it in account.lines.items() if key not in gone}
            after = {**kept, **entries}
            if len(after) > lines.MOST:
                return Entered.TOO_MANY
            if self._accounts.set_lines(account, after):
                told = {"account_id": account_id, "entered": len(entries), "removed": len(gone)}
                logger.info("lines changed", extra=told)
                if entries:
                    self._wake_ups.route(account_id)
                return Entered.DONE
        return Entered.GONE

    def _own(self, account_id: str, location_id: int) -> Connection | None:
        connection = self._connections.get(location_id)
        if connection is None or connection.account_id != account_id:
            return None
        return connection
