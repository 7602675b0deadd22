"""An account's directory of lines: where a call belongs.

A call that names its location is checked as ever. One that does not costs no read if its line is
entered, and else one: an account with a single location needs no entry.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from shared.calls import lines
from shared.calls.call import Call
from shared.connections.accounts import Account
from shared.connections.connection import Connection
from shared.connections.table import Connections

if TYPE_CHECKING:
    # The page has no use for what reads events.
    from shared.calls.event import Finished, Ringing


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

    def beside(self, known: Call | None, *, leg: bool) -> "Place":
        """The same, where the call has its place already: an entry that changes moves none.

        Where it rang, or a leg of it was, is its place as well, unless its end tells another before
        the platform was told.
        """
        if known is None or not self.key or known.location_id is None:
            return self
        is_open = not (leg or known.ended or known.attempt)
        if is_open and self.location_id is not None:
            return self
        return replace(self, location_id=known.location_id)

    def line(self, extension: str) -> str:
        """What stands for a line that was not told."""
        if self.location_id is None:
            return ""
        return lines.line_for(self.entries, self.location_id, extension)


class LineDirectory:
    """Finds the location of a call."""

    def __init__(self, *, connections: Connections, default_country: str) -> None:
        self._connections = connections
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

    def key_of_call(self, account: Account, line: str, extension: str, direction: str) -> str:
        """The same of a call: of one that goes out an extension that is entered says more.

        Several locations may call through one number.
        """
        caller = self.key_of(account, extension) if direction == "outgoing" else ""
        return caller if caller in account.lines else self.key_of(account, line, extension)

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
        direction = event.direction if event.type == "finished" else "incoming"
        key = self.key_of_call(account, event.line, event.extension, direction)
        connection = self.location_of(account, key)
        location_id = connection.location_id if connection else None
        return Place(location_id, key, account.lines), connection

    def location_of(self, account: Account, key: str) -> Connection | None:
        """The connection of a line; None if nobody has entered it, or its location has left.

        An entry whose location has left counts: its calls may not go to whatever is left. Where no
        line was told, the location needs a number: the platform takes no call without one.
        """
        location_id = account.lines.get(self.key_of(account, key))
        if location_id is None:
            found = self._connections.of_account(account.account_id)
            location_id = found.pop() if len(found) == 1 else None
        if location_id is None:
            return None
        if key == lines.UNTOLD and not lines.line_for(account.lines, location_id, ""):
            return None
        return self._own(account.account_id, location_id)

    def _own(self, account_id: str, location_id: int) -> Connection | None:
        connection = self._connections.get(location_id)
        if connection is None or connection.account_id != account_id:
            return None
        return connection
