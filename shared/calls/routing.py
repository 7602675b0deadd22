"""Sends on what has waited for its line, as soon as somebody has entered it.

A call that comes at the moment of the entry may have missed it: each is due a minute later, and
then the seldomer the longer it waits. Whoever dies in the middle leaves the rest due.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache, partial

from shared.aws.dynamodb import StaleWrite
from shared.calls import call as rules_of
from shared.calls import hearing
from shared.calls.call import Call, CallState
from shared.calls.directory import LineDirectory, Place
from shared.calls.hearing import Hearing
from shared.calls.queue import CallWakeUps
from shared.calls.settings import CallPolicy
from shared.calls.table import Calls
from shared.clock import Clock
from shared.connections.accounts import Account, Accounts
from shared.telemetry import logger

# Of the function's 30 s.
_TIME_S = 15.0
# An account's only location takes what came a moment ago, when the index was behind. What has
# waited longer may be of a location that has left.
_MOMENT = timedelta(minutes=5)


class RouteWaiting:
    """The use case of calls whose lines nobody had entered."""

    def __init__(
        self,
        *,
        calls: Calls,
        accounts: Accounts,
        directory: LineDirectory,
        hearing: Hearing,
        wake_ups: CallWakeUps,
        clock: Clock,
        rules: CallPolicy,
    ) -> None:
        self._calls = calls
        self._accounts = accounts
        self._directory = directory
        self._hearing = hearing
        self._wake_ups = wake_ups
        self._clock = clock
        self._rules = rules

    def route(self, account_id: str) -> None:
        """Gives an account's waiting calls their locations, the oldest first, while time lasts."""
        account = self._accounts.of_id(account_id)
        until = time.monotonic() + _TIME_S
        place_of = cache(partial(self._place, account))
        for each in self._calls.waiting(account_id):
            if time.monotonic() >= until:
                self._wake_ups.route(account_id)
                return
            is_known = place_of(each.line_key).location_id is not None
            if account is None or is_known or each.due_at <= self._clock():
                # Whoever was faster has seen to it.
                with suppress(StaleWrite):
                    self._decide(each.key, account, place_of)

    def _place(self, account: Account | None, key: str) -> Place:
        if account is None:
            return Place(None)
        connection = self._directory.location_of(account, key)
        entered = self._directory.key_of(account, key)
        return Place(connection.location_id if connection else None, entered, account.lines)

    def _decide(self, key: str, account: Account | None, place_of: Callable[[str], Place]) -> None:
        """Decides from the row itself, as the index may be behind."""
        call, now = self._calls.get(key), self._clock()
        if call is None or call.state is not CallState.UNROUTED or call.leg is None:
            return
        if account is None:
            self._calls.save(rules_of.expired(call, "the account was erased"))
            return
        leg = call.leg
        place = place_of(
            self._directory.key_of_call(account, call.line_key or "", leg.extension, leg.direction)
        )
        if place.location_id is not None and self._is_sure(call, place, now):
            read = hearing.read_anew(call, self._directory.country(account))
            self._routed(read, place, place.location_id)
        elif call.due_at is not None and call.due_at <= now:
            self._calls.save(rules_of.unrouted(call, now))

    def _is_sure(self, call: Call, place: Place, now: datetime) -> bool:
        return place.key in place.entries or now - call.received_at < _MOMENT

    def _routed(self, call: Call, place: Place, location_id: int) -> None:
        line = place.line(call.leg.extension if call.leg else "")
        routed = rules_of.routed(call, location_id, line, self._clock(), self._rules)
        self._hearing.wake(self._calls.save(routed))
        logger.info("routed", extra={**call.names, "location_id": location_id})
