"""A telephony company with its own sign-up and login: its portal says whose the locations are.

The owner's browser brings it a ticket. Its server, which knows who is logged in, shows him what is
to be connected, asks him, and then uses the ticket for his account, once. Nothing else can use it.
"""

import re
from datetime import datetime

from shared import countries
from shared.aws.keys import Keys
from shared.aws.sightings import PORTAL, PORTAL_REFUSED, Sightings
from shared.calls.line_entry import Entered, EnterLines
from shared.calls.lines import Directory
from shared.calls.missed_calls import Closed, Found, MissedCalls
from shared.clock import Clock
from shared.connect.flow import ConnectFlow, Owned
from shared.connect.tickets import Tickets
from shared.connect.view import Visit
from shared.connections.accounts import Accounts, made
from shared.connections.connection import Connection
from shared.telemetry import count

_BY = "the portal"  # Who enters a line, as the journal has it.
_ACCOUNT_ID = re.compile(r"[A-Za-z0-9_.@\-]{1,64}")


class BadAccount(Exception):
    """What the portal gives is no id of an account."""


class AccountBusy(Exception):
    """Somebody else was at the account at the same moment: try again."""


class NotItsLocation(Exception):
    """The location is none of the account's that is connected."""


class UsedElsewhere(Exception):
    """The ticket was used for another account: somebody else's, perhaps."""


class Portal:
    """The use case of the company's server."""

    def __init__(
        self,
        *,
        connecting: ConnectFlow,
        accounts: Accounts,
        tickets: Tickets,
        lines: EnterLines,
        missed: MissedCalls,
        key: Keys,
        key_parameter: str,
        sightings: Sightings,
        clock: Clock,
    ) -> None:
        self._key = key
        self._key_parameter = key_parameter
        self._sightings = sightings
        self._connecting = connecting
        self._accounts = accounts
        self._tickets = tickets
        self._lines = lines
        self._missed = missed
        self._clock = clock

    def admits(self, key: str) -> bool:
        """Whether it is the company's own server that asks."""
        is_right = self._key.fits(key)
        if is_right or self._key.is_set():
            self._sightings.note(PORTAL if is_right else PORTAL_REFUSED, self._key_parameter)
        # Who comes without any is a passer-by.
        if key and not is_right:
            count("PortalRefused")
        return is_right

    def arrive(self, raw_query: str) -> str:
        """The owner arrives from Altegio; returns the ticket with which he goes on to the portal.

        Raises:
            BadRedirect: see `redirect.parse`; nothing was stored.
        """
        return self._tickets.issue(self._connecting.verified(raw_query), self._clock())

    def look(self, ticket: str, portal_account_id: str) -> Visit:
        """What is to be connected, for the portal to show and to ask; changes nothing.

        Raises:
            BadAccount: the id is none.
            UnknownTicket, TooMany: see `ConnectFlow`.
        """
        customer = checked(portal_account_id)
        account = self._accounts.of_portal(customer)
        arrived = self._connecting.opened(ticket).redirect
        visit = self._connecting.look(arrived, account, asker=_asker(customer))
        self._connecting.keep_order(ticket, arrived, visit)
        return visit

    def connect(self, ticket: str, portal_account_id: str) -> Visit:
        """Connects every location to the portal's account; again, it goes on where it stopped.

        Raises:
            BadAccount: the id is none.
            UsedElsewhere: the ticket is another account's; nothing was changed.
            UnknownTicket, TooMany: see `ConnectFlow`.
        """
        customer = checked(portal_account_id)
        arrived = self._connecting.opened(ticket).redirect
        if not self._tickets.claim(ticket, customer):
            raise UsedElsewhere
        account, owner = self._accounts.of_portal(customer), arrived.owner
        owned = Owned(
            finds=lambda: self._accounts.of_portal(customer),
            makes=lambda: made(
                owner.altegio_user_id,
                name=owner.name,
                email=owner.email,
                phone=owner.phone,
                country=countries.of_phone(owner.phone),
                now=self._clock(),
                portal_account_id=customer,
            ),
        )
        # Its customer is logged in there: that is the second proof.
        visit = self._connecting.connect(
            arrived, account, owned, asker=_asker(customer), gives_key=True
        )
        self._connecting.keep_order(ticket, arrived, visit)
        return visit

    def rotate(self, portal_account_id: str, *, voids: bool) -> str | None:
        """Another key for the PBX of an account; None if there is no such account.

        Raises:
            BadAccount: the id is none.
            AccountBusy: the account got another key at this very moment.
        """
        account = self._accounts.of_portal(checked(portal_account_id))
        if account is None:
            return None
        key = self._connecting.renewed_key(account, voids=voids)
        if key is None:
            raise AccountBusy(account.account_id)
        return key

    def lines(self, portal_account_id: str) -> Directory | None:
        """The lines of an account; None if there is no such account.

        Raises:
            BadAccount: the id is none.
        """
        account = self._accounts.of_portal(checked(portal_account_id))
        return self._lines.of(account) if account else None

    def enter_line(
        self, portal_account_id: str, line: str, location_id: int | None
    ) -> Entered | None:
        """Enters a line, or removes it; None if there is no such account.

        Raises:
            BadAccount: the id is none.
        """
        account = self._accounts.of_portal(checked(portal_account_id))
        if account is None:
            return None
        key = self._lines.key_of(account, line)
        if not key:
            return Entered.NO_LINE
        if location_id is None:
            return self._lines.remove(account.account_id, [key], _BY)
        return self._lines.enter(account.account_id, {key: location_id}, _BY)

    def missed(self, portal_account_id: str, location_id: int) -> Found | None:
        """Who was missed at a location; None if there is no such account.

        Raises:
            BadAccount: the id is none.
            NotItsLocation: it is another's, or not connected.
        """
        connection = self._location(portal_account_id, location_id)
        return self._missed.of(connection) if connection else None

    def close_missed(
        self, portal_account_id: str, location_id: int, phone: str, until: datetime, by: str
    ) -> Closed | None:
        """Somebody is done with a missed caller; None if there is no such account.

        Raises:
            BadAccount, NotItsLocation: see `missed`.
        """
        connection = self._location(portal_account_id, location_id)
        return self._missed.close(connection, phone, until, by)[0] if connection else None

    def _location(self, portal_account_id: str, location_id: int) -> Connection | None:
        account = self._accounts.of_portal(checked(portal_account_id))
        if account is None:
            return None
        connection = self._missed.location(account.account_id, location_id)
        if connection is None:
            raise NotItsLocation
        return connection


def _asker(customer: str) -> str:
    """Whose questions are counted: the portal knows who is logged in, whosever link he has."""
    return f"portal#{customer}"


def checked(portal_account_id: str) -> str:
    """What a portal calls one of its customers.

    Raises:
        BadAccount: it cannot be.
    """
    if not _ACCOUNT_ID.fullmatch(portal_account_id):
        raise BadAccount
    return portal_account_id
