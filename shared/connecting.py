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
from enum import StrEnum

from shared import lifecycle, pbx_key, redirect
from shared.accounts import Account, Accounts
from shared.altegio import Altegio, Refused, Unreachable
from shared.chain import Telephony
from shared.clock import Clock
from shared.connections import Connections, Overtaken
from shared.lifecycle import Connection, Installed, State, Status
from shared.partner_token import PartnerToken
from shared.redirect import BadSignature, Owner, Redirect
from shared.rules import LifecycleRules
from shared.settling import Settling
from shared.switching import ANOTHER_TOKEN, Switching
from shared.telemetry import count, logger
from shared.tickets import Tickets


class Standing(StrEnum):
    """What the owner has to know about one location."""

    READY = "ready"
    CONNECTED = "connected"
    FROZEN = "frozen"
    IN_PROGRESS = "in progress"
    FAILED = "failed"
    EXPIRED = "expired"
    NOT_GRANTED = "not granted"
    TAKEN = "taken"


class TelephonyStanding(StrEnum):
    """What the owner has to know about the telephony of a connected location."""

    ON = "on"
    STARTING = "starting"
    STOPPED = "stopped"
    NONE = "none"
    # Of the redirect: the token in use stays until the next grant.
    OTHER_TOKEN = "other token"  # noqa: S105 - a word
    # Taken over with this grant.
    NEW_TOKEN = "new token"  # noqa: S105 - a word


_LONGEST_FIELD = 200
# Enough to catch a slip of the hand; whether it is the owner's, only a letter would tell.
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"[0-9+() \-.]{0,40}")

_INSTALLED = (Installed.ACTIVE, Installed.FREEZED)

# A webhook, and whoever follows it, may write the row while the owner presses the button.
_READINGS = 4

# What the button on the page can bring forward.
OPEN = (Standing.READY, Standing.IN_PROGRESS, Standing.FAILED)


@dataclass(frozen=True, slots=True)
class LocationStanding:
    """One location of the redirect and how it stands."""

    location_id: int
    standing: Standing
    telephony: TelephonyStanding | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """What the page shows; `ticket` is None when there is nothing left to press."""

    owner: Owner
    account: Account | None
    locations: tuple[LocationStanding, ...]
    ticket: str | None
    # Of a form that cannot be taken yet: the fields to correct.
    wrong: frozenset[str]
    # The key of the account's PBX, the one time that it is shown.
    pbx_key: str | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """What the owner filled in; ignored for an owner who is already registered."""

    ticket: str
    name: str
    email: str
    phone: str


class UnknownTicket(Exception):
    """The page is too old, or its ticket was never issued."""


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
        clock: Clock,
        rules: LifecycleRules,
        budget_s: float,
    ) -> None:
        self._platform = platform
        self._token = token
        self._connections = connections
        self._accounts = accounts
        self._tickets = tickets
        self._settling = settling
        self._switching = switching
        self._clock = clock
        self._rules = rules
        self._budget_s = budget_s

    def visit(self, raw_query: str) -> Visit:
        """The owner arrives: shows how every location stands; stores nothing but a ticket.

        Raises:
            BadRedirect: see `redirect.parse`; nothing was stored.
        """
        arrived = self._verified(raw_query)
        until = time.monotonic() + self._budget_s
        account = self._accounts.of_user(arrived.owner.altegio_user_id)
        locations = tuple(
            self._look(arrived, location_id, account, until) for location_id in arrived.location_ids
        )
        ticket = None
        if any(location.standing in OPEN for location in locations):
            ticket = self._tickets.issue(arrived, self._clock())
        return Visit(arrived.owner, account, locations, ticket, wrong=frozenset())

    def confirm(self, form: Form) -> Visit:
        """The owner presses the button: registers if need be and connects every location.

        Pressing again, with the same ticket, shows the result and goes on where it stopped.

        Raises:
            UnknownTicket: there is no such ticket any more.
        """
        until = time.monotonic() + self._budget_s
        arrived = self._tickets.open(form.ticket, self._clock())
        if arrived is None:
            raise UnknownTicket
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
            account = self._accounts.register(
                arrived.owner.altegio_user_id,
                name=form.name,
                email=form.email,
                phone=form.phone,
                now=self._clock(),
            )
            count("AccountRegistered")
            logger.info("account registered", extra={"account_id": account.account_id})
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
        unfinished = any(location.standing in OPEN for location in locations)
        return Visit(
            arrived.owner,
            account,
            locations,
            form.ticket if unfinished else None,
            wrong=frozenset(),
            pbx_key=self._first_key(account) if arrived.crm_token else None,
        )

    def _first_key(self, account: Account) -> str | None:
        """The key of the account's PBX, if it had none until now."""
        if account.pbx_key_digest:
            return None
        key = pbx_key.made(account.account_id)
        given = self._accounts.give_key(account.account_id, pbx_key.digest(key))
        return key if given else None

    def _verified(self, raw_query: str) -> Redirect:
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
        return LocationStanding(location_id, stands, self._telephony(connection))

    def _telephony(self, connection: Connection) -> TelephonyStanding:
        if connection.crm_token is None:
            return TelephonyStanding.NONE
        if connection.telephony is Telephony.STOPPED:
            return TelephonyStanding.STOPPED
        if connection.line is None or not self._switching.is_on(connection.line):
            return TelephonyStanding.STARTING
        is_new = connection.verdict == ANOTHER_TOKEN
        return TelephonyStanding.NEW_TOKEN if is_new else TelephonyStanding.ON

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
        "email": _EMAIL.fullmatch(form.email) and len(form.email) <= _LONGEST_FIELD,
        "phone": _PHONE.fullmatch(form.phone),
    }
    return frozenset(field for field, fits in right.items() if not fits)
