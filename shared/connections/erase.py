"""Forgets a customer who has left, after a grace period that a reconnect cancels.

What is erased: name, e-mail, phone and Altegio user id of the account, once no location of it is
left, its lines, and the chain with its CRM token. What stays: location ids, states and the payment
ledger, which accounting needs. The receipt is one line in the log.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.connections import lifecycle
from shared.connections.accounts import Accounts
from shared.connections.connection import Connection
from shared.connections.settings import LifecyclePolicy
from shared.connections.table import Connections
from shared.telemetry import logger


class Erase:
    """The use case of closed connections whose grace period is over."""

    def __init__(
        self,
        *,
        connections: Connections,
        accounts: Accounts,
        clock: Clock,
        rules: LifecyclePolicy,
    ) -> None:
        self._connections = connections
        self._accounts = accounts
        self._clock = clock
        self._rules = rules

    def erase(self, connection: Connection) -> None:
        """Erases the connection's personal data, and the account's with the last of its locations.

        Of an account that stays, the lines of the location. The account first: a crash in between
        is made good by the next run. An owner who comes back at this very moment keeps his account
        (see `Accounts.seen`), or is new.

        Raises:
            StaleWrite: the location was connected again meanwhile.
        """
        account_id = connection.account_id
        is_last = account_id is not None and self._is_last(account_id, connection.location_id)
        if account_id is not None and is_last:
            later = self._seen_until(account_id)
            if later is not None:
                self._connections.save(replace(connection, erase_at=later, due_at=later))
                return
        if account_id is not None and not is_last:
            self._accounts.forget_lines(account_id, connection.location_id)
        self._connections.save(lifecycle.erased(connection), self._clock())
        logger.info(
            "erased",
            extra={
                "location_id": connection.location_id,
                "generation": connection.generation,
                "account_id": account_id,
                "account_erased": is_last,
            },
        )

    def forget(self, connection: Connection) -> Connection:
        """Erases the accounts that had the location before, once their grace period is over.

        Raises:
            StaleWrite: somebody else wrote the row meanwhile; it is still due.
        """
        now = self._clock()
        if connection.forget_at is None or connection.forget_at > now:
            return connection
        kept: dict[str, datetime] = {}
        for account_id in connection.former:
            if account_id == connection.account_id:
                continue
            # With other locations, the last of them sees to it.
            later = self._seen_until(account_id) if self._is_last(account_id) else None
            if later is not None:
                kept[account_id] = later
        logger.info("forgotten", extra={**connection.names, "kept": len(kept)})
        forgotten = replace(
            connection, former=tuple(kept), forget_at=min(kept.values(), default=None)
        )
        return self._connections.save(forgotten)

    def _is_last(self, account_id: str, *but: int) -> bool:
        # The index may still have those that were erased a moment ago, as all of a chain may be.
        others = self._connections.of_account(account_id) - {*but}
        return not any(self._connections.owner(it) == account_id for it in others)

    def _seen_until(self, account_id: str) -> datetime | None:
        """Erases an account; until when it is kept instead, if its owner was here since."""
        grace = timedelta(seconds=self._rules.erase_after_s)
        seen_at = self._accounts.erase(account_id, unless_seen_since=self._clock() - grace)
        return None if seen_at is None else seen_at + grace
