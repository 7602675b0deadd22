"""The connect flow: from Altegio's redirect to connected locations.

The redirect proves who the owner is, and nothing else in it is signed. So nothing is written, no
account either, before the platform's status of this very request shows a grant that waits. Then the
owner's consent to that grant is made durable, for one location after the other; what the page's
time does not suffice for is finished by reconcile.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from shared import countries
from shared.altegio import redirect
from shared.altegio.redirect import BadSignature, Redirect
from shared.altegio.status import Status
from shared.altegio.tokens import PartnerToken
from shared.clock import Clock
from shared.connect import form as form_rules
from shared.connect.account_summary import AccountSummary, Belongings
from shared.connect.form import Form
from shared.connect.locations import Asked, Locations, TooMany
from shared.connect.tickets import Ticket, Tickets
from shared.connect.view import LocationStanding, Proof, Standing, Visit
from shared.connections import pbx_key
from shared.connections.accounts import Account, Accounts, made
from shared.connections.connection import Connection
from shared.connections.table import Connections
from shared.telemetry import logger


class UnknownTicket(Exception):
    """The page is too old, or its ticket was never issued."""


@dataclass(frozen=True, slots=True)
class Owned:
    """How the owner's account is found; and how one is made, which stores nothing yet."""

    finds: Callable[[], Account | None]
    makes: Callable[[], Account]


class ConnectFlow:
    """The use case of both routes of the connect page."""

    def __init__(
        self,
        *,
        token: PartnerToken,
        accounts: Accounts,
        connections: Connections,
        tickets: Tickets,
        locations: Locations,
        inventory: AccountSummary,
        clock: Clock,
        budget_s: float,
        proves: bool,
    ) -> None:
        """Of one deployment; `proves` says whether an owner can prove more than his link does."""
        self._token = token
        self._accounts = accounts
        self._connections = connections
        self._tickets = tickets
        self._locations = locations
        self._inventory = inventory
        self._clock = clock
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
        can_prove = self.proves and bool(account or self._accounts.of_email(arrived.owner.email))
        try:
            visit = self.look(arrived, account)
        except TooMany:
            # Whoever has asked, the owner can prove that it was not he.
            if not can_prove:
                raise
            visit = self.unasked(arrived, account)
        if can_prove:
            visit = replace(visit, proof=Proof.OFFERED)
        if visit.can_connect or can_prove:
            first = replace(arrived, location_ids=visit.promising)
            visit = replace(visit, ticket=self._tickets.issue(first, self._clock()))
        return visit

    def look(
        self,
        arrived: Redirect,
        account: Account | None,
        *,
        is_proven: bool = False,
        asker: str = "",
    ) -> Visit:
        """How every location stands, and what else the account has, if there is one.

        Args:
            arrived: the locations, and whose link it is.
            account: the owner's; None if he has none.
            is_proven: whether the visitor has proven more than his link does.
            asker: whose questions are counted, if it is neither the link nor what was proven.

        Raises:
            TooMany: see `visit`; nothing was found that can be connected.
        """
        until = time.monotonic() + self._budget_s
        standings: dict[int, LocationStanding] = {}
        asker = asker or _asker(arrived, account, is_proven=is_proven)
        try:
            for asked in self._locations.asked(arrived, account, until, asker):
                standings[asked.location_id] = self._locations.shown(
                    arrived, asked.connection, asked.location_id, asked.standing
                )
        except TooMany:
            if not any(it.standing is Standing.READY for it in standings.values()):
                raise
        return self._looked(arrived, account, standings, is_proven=is_proven)

    def unasked(
        self, arrived: Redirect, account: Account | None, *, is_proven: bool = False
    ) -> Visit:
        """The same as our own tables have it, as there were too many questions."""
        visit = self._looked(arrived, account, {}, is_proven=is_proven)
        return replace(visit, has_asked_too_many=True)

    def _looked(
        self,
        arrived: Redirect,
        account: Account | None,
        standings: dict[int, LocationStanding],
        *,
        is_proven: bool,
    ) -> Visit:
        return Visit(
            arrived.owner,
            account,
            self._listed(arrived, account, standings),
            ticket=None,
            belongings=self._belongings(arrived, account, is_proven=is_proven) if account else None,
            country=account.country if account else countries.of_phone(arrived.owner.phone),
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
            wrong = form_rules.wrong(form)
            if wrong:
                shown = Visit(typed, None, _in_order(arrived, {}), form.ticket, wrong)
                return replace(shown, country=form.country)
            typed = replace(typed, phone=form_rules.phone_of(form) or "")

        user_id = arrived.owner.altegio_user_id
        owned = Owned(
            finds=lambda: self._accounts.of_user(user_id),
            makes=lambda: made(
                user_id,
                name=typed.name,
                email=typed.email,
                phone=typed.phone,
                country=form.country,
                now=self._clock(),
            ),
        )
        is_proven = account is not None and ticket.proven == account.account_id
        visit = self.connect(arrived, account, owned, is_proven=is_proven)
        self.keep_order(form.ticket, arrived, visit)
        country = visit.account.country if visit.account else form.country
        visit = replace(visit, owner=typed, country=country)
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

    def keep_order(self, ticket: str, arrived: Redirect, visit: Visit) -> None:
        """The next request with a ticket asks first about what was not denied to this one.

        No request has the time for all of a long link, nor the allowance.
        """
        if visit.promising != arrived.location_ids:
            self._tickets.keep_order(ticket, visit.promising)

    def connect(
        self,
        arrived: Redirect,
        account: Account | None,
        owned: Owned,
        *,
        is_proven: bool = False,
        asker: str = "",
        gives_key: bool = False,
    ) -> Visit:
        """Connects every location of a redirect to an account, as far as the time lasts.

        Args:
            arrived: what was confirmed.
            account: the owner's; None if he has none yet.
            owned: makes it, once the platform shows that there is something to connect.
            is_proven: whether the visitor has proven more than his link does.
            asker: see `look`.
            gives_key: whether an account without a PBX key gets its first one; otherwise only the
                request that registers it shows one, as no grant proves whose the account is.

        Raises:
            TooMany: see `visit`; nothing was connected.
        """
        until = time.monotonic() + self._budget_s
        standings: dict[int, LocationStanding] = {}
        consented: list[tuple[Connection, Status]] = []
        asker = asker or _asker(arrived, account, is_proven=is_proven)
        is_seen = is_new = False
        # All consents first, as reconcile can finish what is open.
        try:
            for asked in self._locations.asked(arrived, account, until, asker, presses=True):
                now = self._locations.settled(asked, account, until)
                stands = now.standing
                if stands is Standing.READY:
                    opened, account, is_first = self._consented(
                        arrived, now, account, owned, is_seen=is_seen
                    )
                    is_seen, is_new = account is not None, is_new or is_first
                    if opened is not None:
                        consented.append((opened, now.status))
                    stands = Standing.IN_PROGRESS
                standings[now.location_id] = self._locations.shown(
                    arrived, now.connection, now.location_id, stands
                )
        except TooMany:
            # What was consented to is shown, as the key of a new account is at no other time.
            if not is_seen:
                raise
        for connection, status in consented:
            standings[connection.location_id] = self._locations.finished(
                arrived, connection, status, account, until
            )
        visit = Visit(
            arrived.owner,
            account,
            # While Altegio says nothing, nobody can say that what he pressed is done.
            self._listed(arrived, account, standings) if standings else _in_order(arrived, {}),
            ticket=None,
            belongings=self._belongings(arrived, account, is_proven=is_proven) if account else None,
        )
        shows_key = gives_key or (is_new and arrived.crm_token is not None)
        if account is None or not shows_key or account.pbx_key_digest:
            return visit
        # Whoever sees the key could tell by its calls as well. A portal has pages of its own.
        watch = None if gives_key else self._tickets.watch(account.account_id, self._clock())
        # The key last: it is shown this once, so nothing may fail between it and the page.
        key = self._first_key(account)
        return replace(visit, pbx_key=key, watch=watch if key else None)

    def _listed(
        self,
        arrived: Redirect,
        account: Account | None,
        standings: dict[int, LocationStanding],
    ) -> tuple[LocationStanding, ...]:
        """All of the link; what there was no time to ask about is as our own table has it."""
        if len(standings) < len(arrived.location_ids):
            standings = {**self._locations.unasked(arrived, account), **standings}
        return _in_order(arrived, standings)

    def _consented(
        self,
        arrived: Redirect,
        asked: Asked,
        account: Account | None,
        owned: Owned,
        *,
        is_seen: bool,
    ) -> tuple[Connection | None, Account | None, bool]:
        """The owner's consent, for his account or for a new one, which is stored with it.

        Returns:
            What was opened, None if somebody else is at it; the account, None if there is still
            none; and whether it is new.
        """
        for _ in range(2):
            if account is not None and (is_seen or self._accounts.seen(account, self._clock())):
                return self._locations.consent(arrived, asked, account), account, False
            new = owned.makes()
            opened = self._locations.consent(arrived, asked, new, self._accounts.registration(new))
            if opened is not None:
                logger.info("account registered", extra={"account_id": new.account_id})
                return opened, new, True
            # Another request of his may have been faster.
            account, is_seen = owned.finds(), False
        return None, account, False

    def _belongings(self, arrived: Redirect, account: Account, *, is_proven: bool) -> Belongings:
        shown = frozenset(arrived.location_ids)
        return self._inventory.of(account, shown, is_proven=is_proven)

    def renewed_key(self, account: Account, *, voids: bool) -> str | None:
        """Another key for the account's PBX; None if it has another since, or is gone.

        `voids` says whether those before are void at once, instead of after `pbx_key.GRACE`.
        """
        key, now = pbx_key.made(account.account_id), self._clock()
        words = pbx_key.noted("its owner", voids=voids)
        lines_of = self._connections.noted(account.account_id, words, now)
        digest = pbx_key.digest(key)
        if not self._accounts.give_key(account, digest, now, lines_of, voids=voids):
            return None
        told = {"account_id": account.account_id, "voids": voids}
        logger.info("PBX key rotated", extra=told)
        return key

    def _first_key(self, account: Account) -> str | None:
        """The first key of the account's PBX; None if it has one by now."""
        key = pbx_key.made(account.account_id)
        given = self._accounts.give_key(account, pbx_key.digest(key), self._clock())
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


def _in_order(
    arrived: Redirect, standings: dict[int, LocationStanding]
) -> tuple[LocationStanding, ...]:
    """All of the link, also those that the platform was not asked about."""
    listed = [
        standings.get(location_id, LocationStanding(location_id, Standing.NOT_ASKED))
        for location_id in arrived.location_ids
    ]
    return tuple(replace(each, name=arrived.location_name or each.name) for each in listed)


def _asker(arrived: Redirect, account: Account | None, *, is_proven: bool) -> str:
    """Whose questions are counted: nobody who only has the link uses up those of its owner."""
    if account is not None and is_proven:
        return account.account_id
    return str(arrived.owner.altegio_user_id)


def _diagnose(raw_query: str, tokens: tuple[str, ...]) -> None:
    from shared.altegio import signature_doctor  # noqa: PLC0415 - no cold start pays for what is refused

    diagnosis = signature_doctor.of_redirect(raw_query, tokens)
    logger.warning("signature mismatch", extra={"diagnosis": diagnosis.fields()})
