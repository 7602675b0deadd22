"""What an owner, or somebody for him, enters into his directory of lines, and what it shows.

Whatever is entered has the calls that wait sent on (`routing`). Whoever gets no answer may enter it
again: that changes nothing, but sends on what was not.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum

from shared.calls import lines
from shared.calls.directory import LineDirectory
from shared.calls.lines import Directory, Listed
from shared.calls.queue import CallWakeUps
from shared.calls.table import Calls
from shared.connections.accounts import Account, Accounts
from shared.connections.connection import State
from shared.connections.table import Connections
from shared.telemetry import logger

_TRIES = 5


class Entered(StrEnum):
    """What became of an entry."""

    DONE = "done"
    NO_LINE = "no line"
    NOT_ITS_LOCATION = "not a location of this account"
    TOO_MANY = f"more than {lines.MOST} lines"
    # It was erased, or is changed by others again and again.
    GONE = "the account is being changed: enter it again"


class EnterLines(LineDirectory):
    """The use case of lines and extensions."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        connections: Connections,
        calls: Calls,
        wake_ups: CallWakeUps,
        default_country: str,
    ) -> None:
        super().__init__(connections=connections, default_country=default_country)
        self._accounts = accounts
        self._calls = calls
        self._wake_ups = wake_ups

    def of(self, account: Account) -> Directory:
        """All that is to be seen of an account's lines."""
        own = self._connections.of_account(account.account_id) if account.lines else set()
        waiting = self._calls.waiting(account.account_id)
        return Directory(
            tuple(
                Listed(key, location_id, is_dead=location_id not in own)
                for key, location_id in sorted(account.lines.items())
            ),
            lines.unknown((each.line_key, each.started_at) for each in waiting),
        )

    def enter(self, account_id: str, entries: Mapping[str, int]) -> Entered:
        """Enters lines; what was entered of them before is replaced."""
        for location_id in {*entries.values()}:
            connection = self._own(account_id, location_id)
            if connection is None or connection.state is State.DISABLED:
                return Entered.NOT_ITS_LOCATION
        return self._change(account_id, entries, ())

    def remove(self, account_id: str, keys: Collection[str]) -> Entered:
        """Removes lines; calls that have their location keep it."""
        return self._change(account_id, {}, keys)

    def _change(
        self, account_id: str, entries: Mapping[str, int], gone: Collection[str]
    ) -> Entered:
        for _ in range(_TRIES):
            account = self._accounts.of_id(account_id)
            if account is None:
                break
            kept = {key: it for key, it in account.lines.items() if key not in gone}
            after = {**kept, **entries}
            if len(after) > lines.MOST:
                return Entered.TOO_MANY
            if self._accounts.set_lines(account, after):
                told = {"account_id": account_id, "entered": len(entries), "removed": len(gone)}
                logger.info("lines changed", extra=told)
                if entries:
                    self._wake_ups.route(account_id)
                return Entered.DONE
        return Entered.GONE
