"""What an owner, or somebody for him, enters into his directory of lines, and what it shows.

Whatever is entered has the calls that wait sent on (`routing`). Whoever gets no answer may enter it
again: that changes nothing, but sends on what was not.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from enum import StrEnum

from shared.calls import lines
from shared.calls.directory import LineDirectory
from shared.calls.lines import Directory, Listed
from shared.calls.queue import CallWakeUps
from shared.calls.table import Calls
from shared.clock import Clock
from shared.connections.accounts import Account, Accounts
from shared.connections.connection import State
from shared.connections.table import Connections
from shared.telemetry import logger

_TRIES = 5
_SHOWN = 5  # Of a file's lines, so many are named in the journal of a location.


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
        clock: Clock,
    ) -> None:
        super().__init__(connections=connections, default_country=default_country)
        self._accounts = accounts
        self._calls = calls
        self._wake_ups = wake_ups
        self._clock = clock

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

    def enter(self, account_id: str, entries: Mapping[str, int], by: str = "its owner") -> Entered:
        """Enters lines; what was entered of them before is replaced."""
        for location_id in {*entries.values()}:
            connection = self._own(account_id, location_id)
            if connection is None or connection.state is State.DISABLED:
                return Entered.NOT_ITS_LOCATION
        return self._change(account_id, entries, (), by)

    def remove(self, account_id: str, keys: Collection[str], by: str = "its owner") -> Entered:
        """Removes lines; calls that have their location keep it."""
        return self._change(account_id, {}, keys, by)

    def _change(
        self, account_id: str, entries: Mapping[str, int], gone: Collection[str], by: str
    ) -> Entered:
        for _ in range(_TRIES):
            account = self._accounts.of_id(account_id)
            if account is None:
                break
            kept = {key: it for key, it in account.lines.items() if key not in gone}
            after = {**kept, **entries}
            if len(after) > lines.MOST:
                return Entered.TOO_MANY
            words = {it: f"{told}, by {by}" for it, told in _told(account.lines, after).items()}
            beside = self._connections.noted_each(words, self._clock())
            if self._accounts.set_lines(account, after, beside):
                told = {"account_id": account_id, "entered": len(entries), "removed": len(gone)}
                logger.info("lines changed", extra=told)
                if entries:
                    self._wake_ups.route(account_id)
                return Entered.DONE
        return Entered.GONE


def _told(before: Mapping[str, int], after: Mapping[str, int]) -> dict[int, str]:
    """What a change of lines is for the journal of each location that it concerns."""
    # The page loads the numbers of all countries only for who enters one.
    from shared.calls.phone_numbers import masked  # noqa: PLC0415

    told = defaultdict[int, list[str]](list)
    for key in sorted({*before, *after}):
        was, now = before.get(key), after.get(key)
        line = f"line {masked(key)}"
        if now != was and now is not None:
            told[now].append(f"{line} entered" + (f", which was of location {was}" if was else ""))
        if now != was and was is not None:
            told[was].append(f"{line} {f'given to location {now}' if now else 'removed'}")
    return {
        location_id: "; ".join(each[:_SHOWN])
        + (f" and {len(each) - _SHOWN} more" if len(each) > _SHOWN else "")
        for location_id, each in sorted(told.items())
    }
