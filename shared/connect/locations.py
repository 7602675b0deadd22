"""The locations of a link: what the platform says of each, and the owner's consent.

All limits come before the work, and nothing is written for a location that was not granted.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from shared.altegio.client import Refused, Unreachable
from shared.altegio.marketplace import Marketplace
from shared.altegio.rate_limit import Bounds, Paused
from shared.altegio.redirect import Redirect
from shared.altegio.status import Installed, Status
from shared.aws.dynamodb import StaleWrite
from shared.chains.switching import Switching, TelephonyStanding
from shared.clock import Clock
from shared.connect.standing import is_of, standing
from shared.connect.tickets import Tickets
from shared.connect.view import DENIED, LocationStanding, Standing, covered_until
from shared.connections import lifecycle
from shared.connections.accounts import Account
from shared.connections.connection import Connection, State
from shared.connections.settings import LifecyclePolicy
from shared.connections.settle import Settle
from shared.connections.table import Connections
from shared.telemetry import logger

# A webhook, and whoever follows it, may write the row while the owner presses the button.
_READINGS = 4

# Answers about locations that are not the visitor's, in an hour: nobody else needs so many. They
# are taken so many at a time before the platform is asked; what was not used is given back.
MOST_DENIED = 120
_AT_ONCE = 20


class TooMany(Exception):
    """Somebody asks about one location after the other, none of which is his."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One location as the platform has it at this moment, beside our row of it."""

    location_id: int
    connection: Connection | None
    status: Status
    standing: Standing


class Locations:
    """Those of a link, asked about and connected one after the other."""

    def __init__(
        self,
        *,
        platform: Marketplace,
        connections: Connections,
        tickets: Tickets,
        settling: Settle,
        switching: Switching,
        pages: Bounds,
        clock: Clock,
        rules: LifecyclePolicy,
    ) -> None:
        self._platform = platform
        self._connections = connections
        self._tickets = tickets
        self._settling = settling
        self._switching = switching
        self._pages = pages
        self._clock = clock
        self._rules = rules

    def asked(
        self,
        arrived: Redirect,
        account: Account | None,
        until: float,
        asker: str,
        *,
        presses: bool = False,
    ) -> Iterator[Asked]:
        """The locations in turn, until `until`, or until the platform does not answer.

        Those that are connected to him come last: of a long chain, no request has the time for all.
        For those that are not the owner's, the allowance of `asker` is taken before it is asked.
        Only whoever presses gets the last of it, so that he can connect what he has found.

        Raises:
            TooMany: nothing is left of it.
        """
        what, left = f"denied#{asker}", 0
        most = MOST_DENIED if presses else MOST_DENIED - _AT_ONCE
        connected = self._connected(arrived, account)
        for location_id in sorted(arrived.location_ids, key=connected.__contains__):
            if time.monotonic() >= until:
                break
            connection = self._connections.get(location_id)
            is_own = is_of(connection, account)
            if not is_own and not left:
                left = self._tickets.allowance(what, _AT_ONCE, most, self._clock())
                if not left:
                    logger.warning("too many locations of others")
                    raise TooMany
            left -= not is_own
            try:
                self._pages.take(asker)
                status = self._platform.status(location_id, until)
            except (Paused, Refused, Unreachable) as error:
                # It would say the same of the others; the owner can press once more.
                extra = {"location_id": location_id, "why": str(error)}
                logger.warning("status not known", extra=extra)
                break
            stands = self._standing(connection, status, account)
            left += not is_own and stands not in DENIED
            yield Asked(location_id, connection, status, stands)
        if left:
            self._tickets.tally(what, -left, self._clock())

    def unasked(self, arrived: Redirect, account: Account | None) -> dict[int, LocationStanding]:
        """Those that are connected to the owner, as our own table has them."""
        return {
            location_id: self.shown(
                arrived,
                row,
                location_id,
                Standing.FROZEN if row.state is State.FROZEN else Standing.CONNECTED,
            )
            for location_id, row in self._connected(arrived, account).items()
        }

    def _connected(self, arrived: Redirect, account: Account | None) -> dict[int, Connection]:
        if account is None or len(arrived.location_ids) == 1:
            return {}
        ids = self._connections.of_account(account.account_id) & {*arrived.location_ids}
        rows = {location_id: self._connections.get(location_id) for location_id in ids}
        return {it: row for it, row in rows.items() if row and row.live and is_of(row, account)}

    def settled(self, asked: Asked, account: Account | None, until: float) -> Asked:
        """The same, once our row has taken in what the platform says, where it may."""
        current, status = asked.connection, asked.status
        if current is None or not self._is_told(current, asked.standing, account, status):
            return asked
        current, told = self._settling.settle(current, until, rounds=_READINGS, known=status)
        status = told or status
        stands = self._standing(current, status, account)
        current = self._followed(current, account, until)
        return Asked(asked.location_id, current, status, stands)

    def consent(
        self, arrived: Redirect, asked: Asked, account: Account, beside: Sequence[Any] = ()
    ) -> Connection | None:
        """Makes the owner's consent to a grant durable; None if somebody else is at it.

        What is `beside` it in the transaction is written too, or neither is.
        """
        location_id, status = asked.location_id, asked.status
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
            opened = replace(opened, name=arrived.location_name or opened.name)
            with suppress(StaleWrite):
                return self._connections.save(opened, noted_at, beside)
        return None

    def finished(
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
        settled = self._followed(settled, account, until)
        if stands in (Standing.READY, Standing.NOT_ASKED):
            stands = Standing.FAILED
        return self.shown(arrived, settled, location_id, stands)

    def shown(
        self,
        arrived: Redirect,
        connection: Connection | None,
        location_id: int,
        stands: Standing,
    ) -> LocationStanding:
        """How a location stands, and its telephony."""
        if connection is None or stands not in (Standing.CONNECTED, Standing.FROZEN):
            return LocationStanding(location_id, stands)
        if stands is Standing.FROZEN:
            # Which our row may not know yet.
            connection = replace(connection, state=State.FROZEN)
        telephony = self._switching.standing(connection)
        if telephony is TelephonyStanding.PAUSED and stands is Standing.CONNECTED:
            # Altegio has it active again, which our row does not know yet.
            telephony = TelephonyStanding.STARTING
        if (
            arrived.crm_token
            and connection.crm_token not in (None, arrived.crm_token)
            and telephony not in (TelephonyStanding.PAUSED, TelephonyStanding.STOPPED)
        ):
            # It changes with the owner's next grant only: anybody could have written this link.
            logger.warning("another CRM token in a link", extra={"location_id": location_id})
            telephony = TelephonyStanding.OTHER_TOKEN
        until = covered_until(connection, self._clock())
        return LocationStanding(location_id, stands, telephony, until, connection.name)

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

    def _followed(self, current: Connection, account: Account | None, until: float) -> Connection:
        if account is not None and current.account_id == account.account_id and current.live:
            # What is not done by then, or overtaken, is due.
            with suppress(StaleWrite):
                current = self._switching.follow(current, until)
        return current

    def _standing(
        self, connection: Connection | None, status: Status, account: Account | None
    ) -> Standing:
        return standing(connection, status, account, self._clock(), self._rules)

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
