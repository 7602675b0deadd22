"""What an owner sees of callers who were missed at one of his locations, once he has proven it."""

from dataclasses import dataclass, replace
from datetime import datetime

from shared.calls.letter_wishes import LetterWishes
from shared.calls.lines import location_of
from shared.calls.missed_calls import Closed, Found, MissedCalls
from shared.connect.flow import ConnectFlow
from shared.connect.one_time_code import OneTimeCode
from shared.connect.view import Visit
from shared.connections.accounts import Accounts
from shared.connections.connection import Connection
from shared.connections.table import Connections
from shared.telemetry import logger


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
        letter: Whether he gets a letter of them each morning; None where none is sent.
    """

    ticket: str
    location_id: int
    name: str
    found: Found
    closed: Closed | None = None
    typed: str = ""
    letter: bool | None = None


class MissedCallers:
    """The use case of the page of missed callers."""

    def __init__(
        self,
        *,
        connecting: ConnectFlow,
        proving: OneTimeCode,
        accounts: Accounts,
        connections: Connections,
        missed: MissedCalls,
        wishes: LetterWishes,
    ) -> None:
        self._connecting = connecting
        self._proving = proving
        self._accounts = accounts
        self._connections = connections
        self._missed = missed
        self._wishes = wishes

    def show(self, ticket: str, location: str) -> Shown | Visit:
        """Who was missed at a location; the settings, if the visitor may not see it.

        Raises:
            UnknownTicket: see `ConnectFlow`.
        """
        connection = self._own(ticket, location)
        if connection is None:
            return self._proving.look(ticket)
        return self._shown(ticket, connection, self._missed.of(connection))

    def close(
        self, ticket: str, location: str, phone: str, until: datetime, by: str
    ) -> Shown | Visit:
        """Somebody is done with a caller; see `MissedCalls.close`.

        Raises:
            UnknownTicket: see `ConnectFlow`.
        """
        connection = self._own(ticket, location)
        if connection is None:
            return self._proving.look(ticket)
        closed, found = self._missed.close(connection, phone, until, by)
        return replace(self._shown(ticket, connection, found), closed=closed, typed=by)

    def want_letter(self, ticket: str, location: str, language: str, page: str) -> Shown | Visit:
        """Has a letter sent each morning, in a language; it is stopped at the address `page`.

        Raises:
            UnknownTicket: see `ConnectFlow`.
        """
        connection = self._own(ticket, location)
        if connection is None or not self._connecting.proves:
            return self._proving.look(ticket)
        self._wishes.want(connection, language, page)
        logger.info("letter wanted", extra=connection.names)
        return self._shown(ticket, connection, self._missed.of(connection))

    def stop_letter(self, ticket: str, location: str) -> Shown | Visit:
        """Has no more of them sent.

        Raises:
            UnknownTicket: see `ConnectFlow`.
        """
        connection = self._own(ticket, location)
        if connection is None:
            return self._proving.look(ticket)
        self._wishes.stop(connection)
        logger.info("letter stopped", extra=connection.names)
        return self._shown(ticket, connection, self._missed.of(connection))

    def stop_by(self, location_id: int, secret: str) -> bool:
        """The same for whoever has a letter, by what it says; False if others were faster."""
        connection = self._connections.get(location_id)
        return connection is None or self._wishes.stop_by(connection, secret)

    def _shown(self, ticket: str, connection: Connection, found: Found) -> Shown:
        letter = self._wishes.is_wanted(connection) if self._connecting.proves else None
        location_id, name = connection.location_id, connection.name
        return Shown(ticket, location_id, name, found, letter=letter)

    def _own(self, ticket: str, location: str) -> Connection | None:
        opened = self._connecting.opened(ticket)
        account = self._accounts.of_user(opened.redirect.owner.altegio_user_id)
        location_id = location_of(location)
        if account is None or opened.proven != account.account_id or location_id is None:
            return None
        return self._missed.location(account.account_id, location_id)
