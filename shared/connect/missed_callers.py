"""What an owner sees of callers who were missed at one of his locations, once he has proven it."""

from dataclasses import dataclass
from datetime import datetime

from shared.calls.lines import location_of
from shared.calls.missed_calls import Closed, Found, MissedCalls
from shared.connect.flow import ConnectFlow
from shared.connect.one_time_code import OneTimeCode
from shared.connect.view import Visit
from shared.connections.accounts import Accounts
from shared.connections.connection import Connection


@dataclass(frozen=True, slots=True)
class Shown:
    """The missed callers of one location.

    Attributes:
        ticket: The visitor's.
        location_id: Where they called.
        name: What its owner calls it; may be empty.
        found: Who they are.
        closed: What became of a press just now; None if there was none.
        typed: The name of who pressed.
    """

    ticket: str
    location_id: int
    name: str
    found: Found
    closed: Closed | None = None
    typed: str = ""


class MissedCallers:
    """The use case of the page of missed callers."""

    def __init__(
        self,
        *,
        connecting: ConnectFlow,
        proving: OneTimeCode,
        accounts: Accounts,
        missed: MissedCalls,
    ) -> None:
        self._connecting = connecting
        self._proving = proving
        self._accounts = accounts
        self._missed = missed

    def show(self, ticket: str, location: str) -> Shown | Visit:
        """Who was missed at a location; the settings, if the visitor may not see it.

        Raises:
            UnknownTicket, TooMany: see `ConnectFlow`.
        """
        connection = self._own(ticket, location)
        if connection is None:
            return self._proving.look(ticket)
        found = self._missed.of(connection)
        return Shown(ticket, connection.location_id, connection.name, found)

    def close(
        self, ticket: str, location: str, phone: str, until: datetime, by: str
    ) -> Shown | Visit:
        """Somebody is done with a caller; see `MissedCalls.close`.

        Raises:
            UnknownTicket, TooMany: see `ConnectFlow`.
        """
        connection = self._own(ticket, location)
        if connection is None:
            return self._proving.look(ticket)
        closed, found = self._missed.close(connection, phone, until, by)
        return Shown(ticket, connection.location_id, connection.name, found, closed, by)

    def _own(self, ticket: str, location: str) -> Connection | None:
        opened = self._connecting.opened(ticket)
        account = self._accounts.of_user(opened.redirect.owner.altegio_user_id)
        location_id = location_of(location)
        if account is None or opened.proven != account.account_id or location_id is None:
            return None
        return self._missed.location(account.account_id, location_id)
