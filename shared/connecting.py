"""The connect flow: from Altegio's redirect to connected locations.

The redirect proves who the owner is, the platform's status proves what was granted. The owner's
consent is made durable first, for all locations; then each is connected while the page's time
lasts, and reconcile finishes what is left.
"""

import re
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from shared import lifecycle, pbx_key, redirect
from shared.accounts import Account, Accounts
from shared.altegio import Altegio, Refused, Unreachable
from shared.belongings import Belongings, Inventory
from shared.clock import Clock
from shared.connections import Connections, Overtaken
from shared.lifecycle import Connection, Installed, State, Status
from shared.partner_token import PartnerToken
from shared.redirect import BadSignature, Owner, Redirect
from shared.rules import LifecycleRules
from shared.settling import Settling
from shared.switching import Switching, TelephonyStanding
from shared.telemetry import count, logger
from shared.tickets import Ticket, Tickets
from shared.visit import DENIED, LocationStanding, Proof, Standing, Visit

_LONGEST_FIELD = 200
_PHONE = re.compile(r"[0-9+() \-.]{0,40}")

_INSTALLED = (Installed.ACTIVE, Installed.FREEZED)

# A webhook, and whoever follows it, may write the row while the owner presses the button.
_READINGS = 4

# Answers about locations that are not the visitor's, in an hour: nobody else needs so many.
MOST_DENIED = 120


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


class Connecting:
    """The use case of both routes of the connect page."""

    def __init__(
        self,
        *,
        platform: Altegio,
        token: PartnerToken,
        connections: Connections,
        accounts: Accounts,
        tickets: Tickets,
        settling: Settling,
        switching: Switching,
        inventory: Inventory,
        clock: Clock,
        rules: LifecycleRules,
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
        locations = tuple(
            self._look(arrived, location_id, account, until) for location_id in arrived.location_ids
        )
        self._watch(arrived.owner, locations)
        return Visit(
            arrived.owner,
            account,
            locations,
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
        if account is None or not self._accounts.seen(account, self._clock()):
            wrong = _wrong(form)
            if wrong:
                corrected = replace(
                    arrived.owner, name=form.name, email=form.email, phone=form.phone
                )
                ready = tuple(
                    LocationStanding(location_id, Standing.READY)
                    for location_id in arrived.location_ids
                )
                return Visit(corrected, None, ready, form.ticket, wrong)
            account = self.register(arrived, name=form.name, email=form.email, phone=form.phone)
        is_proven = ticket.proven == account.account_id
        visit = self.connect(arrived, account, is_proven=is_proven)
        if not self.proves:
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

    def connect(self, arrived: Redirect, account: Account, *, is_proven: bool = False) -> Visit:
        """Connects every location of a redirect to an account, as far as the time lasts.

        Raises:
            TooMany: see `visit`.
        """
        until = time.monotonic() + self._budget_s
        # All consents first, as reconcile can finish what is open; hundreds take their time too.
        opened = {
            location_id: self._open(arrived, location_id, account)
            for location_id in arrived.location_ids
            if time.monotonic() < until
        }
        locations = tuple(
            self._connect(arrived, location_id, opened[location_id], account, until)
            if location_id in opened
            else LocationStanding(location_id, Standing.READY)
            for location_id in arrived.location_ids
        )
        self._watch(arrived.owner, locations)
        return Visit(
            arrived.owner,
            account,
            locations,
            ticket=None,
            pbx_key=self._first_key(account) if arrived.crm_token else None,
            belongings=self._belongings(arrived, account, is_proven=is_proven),
        )

    def _belongings(self, arrived: Redirect, account: Account, *, is_proven: bool) -> Belongings:
        shown = frozenset(arrived.location_ids)
        return self._inventory.of(account, shown, is_proven=is_proven)

    def _watch(self, owner: Owner, locations: tuple[LocationStanding, ...]) -> None:
        """Counts what an owner is told about locations that are not his.

        Only `user_data` is signed, so whoever holds one pair may ask about any location.
        """
        denied = sum(location.standing in DENIED for location in locations)
        if not denied:
            return
        told = self._tickets.tally(f"denied#{owner.altegio_user_id}", denied, self._clock())
        if told > MOST_DENIED:
            count("ConnectTooMany")
            logger.warning("too many locations of others", extra={"told": told})
            raise TooMany

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

    def _look(
        self, arrived: Redirect, location_id: int, account: Account | None, until: float
    ) -> LocationStanding:
        if time.monotonic() >= until:
            return LocationStanding(location_id, Standing.READY)
        connection = self._connections.get(location_id)
        try:
            status = self._platform.status(location_id, until)
        except (Refused, Unreachable) as error:
            # The owner can press the button all the same: it asks again.
            logger.warning(
                "status not known", extra={"location_id": location_id, "why": str(error)}
            )
            return LocationStanding(location_id, Standing.READY)
        stands = standing(connection, status, account, self._clock(), self._rules)
        return self._with_telephony(arrived, connection, location_id, stands)

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

    def _open(self, arrived: Redirect, location_id: int, account: Account) -> Connection | None:
        """Makes the owner's consent durable; returns what this attempt may work on.

        None if somebody else is at it. A live connection is returned as it is: whether it still
        holds, the platform must say first.
        """
        for _ in range(_READINGS):
            with suppress(Overtaken):
                return self._reopen(arrived, location_id, account)
        return None

    def _reopen(self, arrived: Redirect, location_id: int, account: Account) -> Connection | None:
        now = self._clock()
        before = self._connections.get(location_id)
        if before is not None and before.live:
            return before
        if before is not None and before.state is State.PENDING:
            if before.lease_until is not None and before.lease_until > now:
                return None
            if before.account_id == account.account_id:
                # His latest link counts: the token may have been made anew meanwhile.
                renewed = lifecycle.told(before, arrived.chain_id, arrived.crm_token)
                return self._connections.save(lifecycle.leased(renewed, now, self._rules))
        opened = lifecycle.opened(
            before,
            location_id,
            account_id=account.account_id,
            chain_id=arrived.chain_id,
            crm_token=arrived.crm_token,
            now=now,
            rules=self._rules,
        )
        return self._connections.save(opened, now)

    def _connect(
        self,
        arrived: Redirect,
        location_id: int,
        connection: Connection | None,
        account: Account,
        until: float,
    ) -> LocationStanding:
        in_progress = LocationStanding(location_id, Standing.IN_PROGRESS)
        if connection is None:
            return in_progress
        if time.monotonic() >= until:
            if connection.state is State.PENDING:
                # Reconcile need not wait for the lease to pass.
                with suppress(Overtaken):
                    given_back = replace(connection, lease_until=None, due_at=self._clock())
                    self._connections.save(given_back)
            return in_progress
        settled, status = self._settling.settle(connection, until, rounds=_READINGS)
        if connection.live and _granted_anew(settled, status):
            opened = self._open(arrived, location_id, account)
            if opened is None:
                return in_progress
            settled, status = self._settling.settle(opened, until, rounds=_READINGS)
        if status is None:
            return LocationStanding(location_id, Standing.FAILED)
        if settled.state is State.PENDING and status.installed in _INSTALLED:
            # Perhaps of before: reconcile asks again.
            return in_progress
        reached = standing(settled, status, account, self._clock(), self._rules)
        if reached is Standing.READY:
            return LocationStanding(location_id, Standing.FAILED)
        if settled.account_id == account.account_id:
            # What is not done by then, or overtaken, is due.
            with suppress(Overtaken):
                settled = self._switching.follow(settled, until)
        return self._with_telephony(arrived, settled, location_id, reached)


def standing(
    connection: Connection | None,
    status: Status,
    account: Account | None,
    now: datetime,
    rules: LifecycleRules,
) -> Standing:
    """How a location stands for an owner: our row and the platform's word taken together."""
    if status.installed is Installed.NO:
        return Standing.NOT_GRANTED
    if status.installed is Installed.PENDING:
        if lifecycle.grant_expired(status, now, rules.grant_window_s):
            return Standing.EXPIRED
        leased = connection.lease_until if connection is not None else None
        return Standing.IN_PROGRESS if leased is not None and leased > now else Standing.READY
    if connection is None or not connection.live:
        return Standing.READY
    if account is None or connection.account_id != account.account_id:
        return Standing.TAKEN
    return Standing.FROZEN if status.installed is Installed.FREEZED else Standing.CONNECTED


def _diagnose(raw_query: str, tokens: tuple[str, ...]) -> None:
    from shared import doctor  # noqa: PLC0415 - no cold start pays for what is refused

    diagnosis = doctor.of_redirect(raw_query, tokens)
    logger.warning("signature mismatch", extra={"diagnosis": diagnosis.fields()})


def _granted_anew(settled: Connection, status: Status | None) -> bool:
    """Whether the generation that the table knew has ended and the owner's new grant waits."""
    return (
        settled.state is State.DISABLED
        and status is not None
        and status.installed is not Installed.NO
    )


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
