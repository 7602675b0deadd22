"""The connect flow: from Altegio's redirect to connected locations.

The redirect proves who the owner is, and nothing else in it is signed. So nothing is written, no
account either, before the platform's status of this very request shows a grant that waits. Then the
owner's consent to that grant is made durable, for one location after the other; what the page's
time does not suffice for is finished by reconcile.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from shared.altegio import redirect
from shared.altegio.client import Altegio, Refused, Unreachable
from shared.altegio.rate_limit import Bounds, Paused
from shared.altegio.redirect import BadSignature, Redirect
from shared.altegio.status import Installed, Status
from shared.altegio.tokens import PartnerToken
from shared.aws.dynamodb import StaleWrite
from shared.chains.switching import Switching, TelephonyStanding
from shared.clock import Clock
from shared.connect.account_summary import AccountSummary, Belongings
from shared.connect.tickets import Ticket, Tickets
from shared.connect.view import DENIED, LocationStanding, Proof, Standing, Visit
from shared.connections import lifecycle, pbx_key
from shared.connections.accounts import Account, Accounts
from shared.connections.connection import Connection, State
from shared.connections.settings import LifecyclePolicy
from shared.connections.settle import Settle
from shared.connections.table import Connections
from shared.telemetry import count, logger

_LONGEST_FIELD = 200
_PHONE = re.compile(r"[0-9+() \-.]{0,40}")

# A webhook, and whoever follows it, may write the row while the owner presses the button.
_READINGS = 4

# Answers about locations that are not the visitor's, in an hour: nobody else needs so many. They
# are taken so many at a time before the platform is asked; what was not used is given back.
MOST_DENIED = 120
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Form:
    """What the owner filled in; ignored for an owner who is already registered."""

    ticket: str
    name: str
    email: str
    phone: str


class UnknownTicket(Exception):
    """The page is too old, or its ticket was never issued."""


class TooMany(Exception):
    """Somebody asks about one location after the other, none of which is his."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One location as the platform has it at this moment, beside our row of it."""

    location_id: int
    connection: Connection | None
    status: Status
    standing: Standing


class ConnectFlow:
    """The use case of both routes of the connect page."""

    def __init__(
        self,
        *,
        platform: Altegio,
        token: PartnerToken,
        connections: Connections,
        accounts: Accounts,
        tickets: Tickets,
        settling: Settle,
        switching: Switching,
        inventory: AccountSummary,
        pages: Bounds,
        clock: Clock,
        rules: LifecyclePolicy,
        budget_s: float,
        proves: bool,
    ) -> None:
        """Of one deployment; `proves` says whether an owner can prove more than his link does."""
        self._platform = platform
        self._token = token
        self._connections = connections
        self._accounts = accounts
        self._tickets = tickets
        self._settling = settling
        self._switching = switching
        self._inventory = inventory
        self._pages = pages
        self._clock = clock
        self._rules = rules
        self._budget_s = budget_s
        self.proves = proves

    def visit(self, raw_query: str) -> Visit:
        """The owner arrives: shows how every location stands; stores nothing but a ticket.

        Raises:
            BadRedirect: see `redirect.parse`; nothing was stored.
            TooMany: he has asked about too many locations of others.
        """
        arrived = self.verified(raw_query)
        account = self._accounts.of_user(arrived.owner.altegio_user_id)
        visit = self.look(arrived, account)
        if self.proves and (account or self._accounts.of_email(arrived.owner.email)):
            visit = replace(visit, proof=Proof.OFFERED)
        if visit.can_connect or visit.proof is not Proof.IMPOSSIBLE:
            visit = replace(visit, ticket=self._tickets.issue(arrived, self._clock()))
        return visit

    def look(self, arrived: Redirect, account: Account | None, *, is_proven: bool = False) -> Visit:
        """How every location stands, and what else the account has, if there is one.

        Raises:
            TooMany: see `visit`.
        """
        until = time.monotonic() + self._budget_s
        standings = {
            asked.location_id: self._with_telephony(
                arrived, asked.connection, asked.location_id, asked.standing
            )
            for asked in self._asked(arrived, account, until)
        }
        return Visit(
            arrived.owner,
            account,
            _in_order(arrived, standings),
            ticket=None,
            belongings=self._belongings(arrived, account, is_proven=is_proven) if account else None,
        )

    def confirm(self, form: Form) -> Visit:
        """The owner presses the button: registers if need be and connects every location.

        Pressing again, with the same ticket, shows the result and goes on where it stopped.

        Raises:
            UnknownTicket: there is no such ticket any more.
            TooMany: see `visit`.
        """
        ticket = self.opened(form.ticket)
        arrived = ticket.redirect
        account = self._accounts.of_user(arrived.owner.altegio_user_id)
        typed = arrived.owner
        if account is None:
            typed = replace(typed, name=form.name, email=form.email, phone=form.phone)
            wrong = _wrong(form)
            if wrong:
                return Visit(typed, None, _in_order(arrived, {}), form.ticket, wrong)

        def registers() -> Account:
            return self.register(arrived, name=typed.name, email=typed.email, phone=typed.phone)

        is_proven = account is not None and ticket.proven == account.account_id
        visit = self.connect(arrived, account, registers, is_proven=is_proven)
        visit = replace(visit, owner=typed)
        if not self.proves or visit.account is None:
            return replace(visit, ticket=form.ticket if visit.can_connect else None)
        proof = Proof.GIVEN if is_proven else Proof.OFFERED
        return replace(visit, ticket=form.ticket, proof=proof)

    def opened(self, ticket: str) -> Ticket:
        """What a ticket opens.

        Raises:
            UnknownTicket: nothing, or nothing any more.
        """
        opened = self._tickets.open(ticket, self._clock())
        if opened is None:
            raise UnknownTicket
        return opened

    def register(
        self, arrived: Redirect, *, name: str, email: str, phone: str, portal_account_id: str = ""
    ) -> Account:
        """A new account, or the one that somebody else has made at this very moment."""
        account = self._accounts.register(
            arrived.owner.altegio_user_id,
            name=name,
            email=email,
            phone=phone,
            now=self._clock(),
            portal_account_id=portal_account_id,
        )
        count("AccountRegistered")
        logger.info("account registered", extra={"account_id": account.account_id})
        return account

    def connect(
        self,
        arrived: Redirect,
        account: Account | None,
        registers: Callable[[], Account],
        *,
        is_proven: bool = False,
        gives_key: bool = False,
    ) -> Visit:
        """Connects every location of a redirect to an account, as far as the time lasts.

        Args:
            arrived: what was confirmed.
            account: the owner's; None if he has none yet.
            registers: makes it, once the platform shows that there is something to connect.
            is_proven: whether the visitor has proven more than his link does.
            gives_key: whether an account without a PBX key gets its first one; otherwise only the
                request that registers it shows one, as no grant proves whose the account is.

        Raises:
            TooMany: see `visit`.
        """
        until = time.monotonic() + self._budget_s
        standings: dict[int, LocationStanding] = {}
        consented: list[tuple[Connection, Status]] = []
        entitled: Account | None = None
        is_new = False
        # All consents first, as reconcile can finish what is open.
        for asked in self._asked(arrived, account, until):
            location_id, status = asked.location_id, asked.status
            current, stands = asked.connection, asked.standing
            if current is not None and self._is_told(current, stands, account, status):
                current, told = self._settling.settle(
                    current, until, rounds=_READINGS, known=status
                )
                status = told or status
                stands = self._standing(current, status, account)
                current, stands = self._followed(current, stands, account, until)
            if stands is Standing.READY:
                if entitled is None:
                    entitled, is_new = self._entitled(account, registers)
                    account = entitled
                opened = self._open(arrived, location_id, status, entitled)
                if opened is not None:
                    consented.append((opened, status))
                stands = Standing.IN_PROGRESS
            standings[location_id] = self._with_telephony(arrived, current, location_id, stands)
        for connection, status in consented:
            location_id = connection.location_id
            standings[location_id] = self._finished(arrived, connection, status, account, until)
        shows_key = gives_key or (is_new and arrived.crm_token is not None)
        return Visit(
            arrived.owner,
            account,
            _in_order(arrived, standings),
            ticket=None,
            pbx_key=self._first_key(account) if account and shows_key else None,
            belongings=self._belongings(arrived, account, is_proven=is_proven) if account else None,
        )

    def _entitled(
        self, account: Account | None, registers: Callable[[], Account]
    ) -> tuple[Account, bool]:
        """The account that a grant is for, and whether it was made for it."""
        if account is not None and self._accounts.seen(account, self._clock()):
            return account, False
        return registers(), True

    def _is_told(
        self, current: Connection, stands: Standing, account: Account | None, status: Status
    ) -> bool:
        """Whether a row is settled by this status: the owner's own, or one that a grant ends."""
        is_own = account is not None and current.account_id == account.account_id
        if current.state is State.DISABLED:
            return False
        if current.live:
            return is_own or (stands is Standing.READY and status.grant > current.grant)
        return is_own and status.installed is not Installed.PENDING

    def _followed(
        self, current: Connection, stands: Standing, account: Account | None, until: float
    ) -> tuple[Connection, Standing]:
        if account is not None and current.account_id == account.account_id and current.live:
            # What is not done by then, or overtaken, is due.
            with suppress(StaleWrite):
                current = self._switching.follow(current, until)
        return current, stands

    def _asked(self, arrived: Redirect, account: Account | None, until: float) -> Iterator[_Asked]:
        """The locations in turn, until `until`, or until the platform does not answer.

        For those that are not the owner's, the allowance is taken before it is asked.

        Raises:
            TooMany: nothing is left of it.
        """
        what = f"denied#{arrived.owner.altegio_user_id}"
        left = 0
        for location_id in arrived.location_ids:
            if time.monotonic() >= until:
                break
            connection = self._connections.get(location_id)
            is_own = _is_of(connection, account)
            if not is_own and not left:
                left = self._tickets.allowance(what, _AT_ONCE, MOST_DENIED, self._clock())
                if not left:
                    count("ConnectTooMany")
                    logger.warning("too many locations of others")
                    raise TooMany
            left -= not is_own
            try:
                self._pages.take(str(arrived.owner.altegio_user_id))
                status = self._platform.status(location_id, until)
            except (Paused, Refused, Unreachable) as error:
                # It would say the same of the others; the owner can press once more.
                extra = {"location_id": location_id, "why": str(error)}
                logger.warning("status not known", extra=extra)
                break
            stands = self._standing(connection, status, account)
            left += not is_own and stands not in DENIED
            yield _Asked(location_id, connection, status, stands)
        if left:
            self._tickets.tally(what, -left, self._clock())

    def _standing(
        self, connection: Connection | None, status: Status, account: Account | None
    ) -> Standing:
        return standing(connection, status, account, self._clock(), self._rules)

    def _belongings(self, arrived: Redirect, account: Account, *, is_proven: bool) -> Belongings:
        shown = frozenset(arrived.location_ids)
        return self._inventory.of(account, shown, is_proven=is_proven)

    def renewed_key(self, account: Account) -> str | None:
        """Another key for the account's PBX, at once; None if the account is gone."""
        key = pbx_key.made(account.account_id)
        if not self._accounts.give_key(account.account_id, pbx_key.digest(key), instead=True):
            return None
        count("PbxKeyRotated")
        logger.info("PBX key rotated", extra={"account_id": account.account_id})
        return key

    def _first_key(self, account: Account) -> str | None:
        """The key of the account's PBX, if it had none until now."""
        if account.pbx_key_digest:
            return None
        key = pbx_key.made(account.account_id)
        given = self._accounts.give_key(account.account_id, pbx_key.digest(key))
        return key if given else None

    def verified(self, raw_query: str) -> Redirect:
        """What a redirect says, once it is proven to be Altegio's.

        Raises:
            BadRedirect: see `redirect.parse`.
        """
        tokens = self._token.accepted()
        try:
            return redirect.parse(raw_query, tokens)
        except BadSignature:
            try:
                return redirect.parse(raw_query, self._token.doubted())
            except BadSignature:
                _diagnose(raw_query, tokens)
                raise

    def _with_telephony(
        self,
        arrived: Redirect,
        connection: Connection | None,
        location_id: int,
        stands: Standing,
    ) -> LocationStanding:
        if connection is None or stands not in (Standing.CONNECTED, Standing.FROZEN):
            return LocationStanding(location_id, stands)
        if arrived.crm_token and connection.crm_token not in (None, arrived.crm_token):
            # It changes with the owner's next grant only: anybody could have written this link.
            count("CrmTokenOther")
            logger.warning("another CRM token in a link", extra={"location_id": location_id})
            return LocationStanding(location_id, stands, TelephonyStanding.OTHER_TOKEN)
        return LocationStanding(location_id, stands, self._switching.standing(connection))

    def _open(
        self, arrived: Redirect, location_id: int, status: Status, account: Account
    ) -> Connection | None:
        """Makes the owner's consent to a grant durable; None if somebody else is at it."""
        for _ in range(_READINGS):
            now, before = self._clock(), self._connections.get(location_id)
            if self._standing(before, status, account) is not Standing.READY:
                return None
            if before is not None and before.live:
                return None
            renews = (
                before is not None
                and before.state is State.PENDING
                and (before.account_id == account.account_id and before.grant == status.grant)
            )
            if before is not None and renews:
                # His latest link counts: the token may have been made anew meanwhile.
                renewed = lifecycle.with_link(before, arrived.chain_id, arrived.crm_token)
                opened, noted_at = lifecycle.leased(renewed, now, self._rules), None
            else:
                opened, noted_at = self._opened(arrived, before, location_id, status, account), now
            with suppress(StaleWrite):
                return self._connections.save(opened, noted_at)
        return None

    def _opened(
        self,
        arrived: Redirect,
        before: Connection | None,
        location_id: int,
        status: Status,
        account: Account,
    ) -> Connection:
        return lifecycle.opened(
            before,
            location_id,
            status,
            account_id=account.account_id,
            chain_id=arrived.chain_id,
            crm_token=arrived.crm_token,
            now=self._clock(),
            rules=self._rules,
        )

    def _finished(
        self,
        arrived: Redirect,
        connection: Connection,
        status: Status,
        account: Account | None,
        until: float,
    ) -> LocationStanding:
        """Has the platform confirm what was consented to, if there is time; else reconcile does."""
        location_id = connection.location_id
        if time.monotonic() >= until:
            return LocationStanding(location_id, Standing.IN_PROGRESS)
        settled, told = self._settling.settle(connection, until, rounds=_READINGS, known=status)
        if told is None:
            return LocationStanding(location_id, Standing.FAILED)
        stands = self._standing(settled, told, account)
        settled, stands = self._followed(settled, stands, account, until)
        if stands in (Standing.READY, Standing.NOT_ASKED):
            stands = Standing.FAILED
        return self._with_telephony(arrived, settled, location_id, stands)


def standing(
    connection: Connection | None,
    status: Status,
    account: Account | None,
    now: datetime,
    rules: LifecyclePolicy,
) -> Standing:
    """How a location stands for an owner: our row and the platform's word taken together."""
    is_own, is_live = _is_of(connection, account), connection is not None and connection.live
    if status.installed is Installed.NO:
        return Standing.NOT_GRANTED
    if status.installed is Installed.PENDING:
        return _of_a_grant(connection, status, now, rules, is_own=is_own)
    if connection is None or connection.state is State.DISABLED:
        return Standing.INSTALLED
    if not is_own:
        return Standing.TAKEN
    if not is_live:
        return Standing.IN_PROGRESS
    return Standing.FROZEN if status.installed is Installed.FREEZED else Standing.CONNECTED


def _of_a_grant(
    connection: Connection | None,
    status: Status,
    now: datetime,
    rules: LifecyclePolicy,
    *,
    is_own: bool,
) -> Standing:
    if connection is not None and connection.live:
        decided = lifecycle.settled(connection, status, now, rules)
        if decided.live:
            # An old status, of before the grant was confirmed.
            return Standing.IN_PROGRESS if is_own else Standing.TAKEN
        connection = decided
    if lifecycle.grant_expired(status, now, rules.grant_window_s):
        return Standing.EXPIRED
    leased = connection.lease_until if connection is not None else None
    if leased is not None and leased > now:
        return Standing.IN_PROGRESS
    opens = lifecycle.may_be_opened(connection, status, now, rules)
    return Standing.READY if opens else Standing.NOT_ASKED


def _is_of(connection: Connection | None, account: Account | None) -> bool:
    return (
        connection is not None
        and account is not None
        and connection.account_id == account.account_id
    )


def _in_order(
    arrived: Redirect, standings: dict[int, LocationStanding]
) -> tuple[LocationStanding, ...]:
    """All of the link, also those that the platform was not asked about."""
    return tuple(
        standings.get(location_id, LocationStanding(location_id, Standing.NOT_ASKED))
        for location_id in arrived.location_ids
    )


def _diagnose(raw_query: str, tokens: tuple[str, ...]) -> None:
    from shared.altegio import signature_doctor  # noqa: PLC0415 - no cold start pays for what is refused

    diagnosis = signature_doctor.of_redirect(raw_query, tokens)
    logger.warning("signature mismatch", extra={"diagnosis": diagnosis.fields()})


def _wrong(form: Form) -> frozenset[str]:
    right = {
        "name": 1 <= len(form.name) <= _LONGEST_FIELD,
        "email": _is_email(form.email) and len(form.email) <= _LONGEST_FIELD,
        "phone": _PHONE.fullmatch(form.phone),
    }
    return frozenset(field for field, fits in right.items() if not fits)


def _is_email(text: str) -> bool:
    """Whether it may be an address; whether it is the owner's, only a letter would tell."""
    from email_validator import (  # noqa: PLC0415 - only who fills in the form pays for it
        EmailNotValidError,
        validate_email,
    )

    try:
        validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True
