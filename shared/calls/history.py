"""Brings calls that have ended into the client's history: surely, and once.

What a direct producer puts on the calls queue becomes a row at once (see `hearing`); a row is sent
when its legs have reported, and `calls.confirm` looks for it in the platform's own list.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from shared.altegio.outcome import Blocked, NotTaken, Outcome, Rejected, Sent, Unclear
from shared.altegio.rate_limit import Busy, Pace, Paused
from shared.altegio.telephony import Telephony
from shared.aws.dead_letters import DeadLetters
from shared.aws.dynamodb import StaleWrite
from shared.aws.sightings import CALL_REFUSED, Sightings
from shared.calls import admission, search
from shared.calls import call as rules_of
from shared.calls import event as call_event
from shared.calls.call import Call, CallState
from shared.calls.confirm import ConfirmCalls
from shared.calls.directory import LineDirectory, NotTheAccounts
from shared.calls.event import BadEvent, Finished, Look, Release, Ringing, Route, WakeUp
from shared.calls.hearing import Hearing, TooManyWaiting, read_anew
from shared.calls.queue import CallWakeUps
from shared.calls.routing import RouteWaiting
from shared.calls.settings import CallPolicy
from shared.calls.table import Calls
from shared.chains.table import Chains
from shared.clock import Clock
from shared.connections.accounts import Accounts
from shared.connections.connection import Connection
from shared.connections.crm_token import CrmTokenState
from shared.connections.table import Connections
from shared.telemetry import count, logger

_TRIES = 5
# Of the function's 30 s, so that the last call's answer is still heard.
_TIME_S = 15.0


class SaveHistory:
    """The use case of the calls queue."""

    def __init__(
        self,
        *,
        calls: Calls,
        hearing: Hearing,
        directory: LineDirectory,
        routing: RouteWaiting,
        connections: Connections,
        accounts: Accounts,
        chains: Chains,
        voip: Telephony,
        checking: ConfirmCalls,
        pace: Pace,
        wake_ups: CallWakeUps,
        dead_letters: DeadLetters,
        sightings: Sightings,
        clock: Clock,
        rules: CallPolicy,
        late_after_s: float,
    ) -> None:
        self._calls = calls
        self._hearing = hearing
        self._directory = directory
        self._routing = routing
        self._connections = connections
        self._accounts = accounts
        self._chains = chains
        self._voip = voip
        self._checking = checking
        self._pace = pace
        self._wake_ups = wake_ups
        self._dead_letters = dead_letters
        self._sightings = sightings
        self._clock = clock
        self._rules = rules
        self._late_after = timedelta(seconds=late_after_s)

    def take(self, body: str, message_id: str) -> None:
        """Takes one message of the calls queue as far as it goes now.

        Raises:
            StaleWrite: the row is written by others again and again; nothing was lost.
        """
        try:
            event = call_event.read(body)
        except BadEvent as error:
            self._refuse(body, f"invalid: {error}", message_id)
            return
        match event:
            case Ringing():
                # It would be shown too late.
                self._refuse(body, "invalid: ringing is for POST /calls", message_id)
            case Finished():
                self._hear(event, body, message_id)
            case WakeUp():
                # Whoever was faster leaves it due, or done.
                with suppress(StaleWrite):
                    self._wake(event.key)
            case Look():
                self._checking.look(event.location_id, event.key)
            case Release():
                self._release(event.location_id)
            case Route():
                self._routing.route(event.account_id)

    def _hear(self, event: Finished, body: str, message_id: str) -> None:
        # Whatever is logged of this event, by whomever; a batch is one.
        logger.append_keys(call_id=event.call_id, location_id=event.location_id)
        account_id: str | None = event.account_id
        if not account_id and event.location_id is not None:
            connection = self._connections.get(event.location_id)
            account_id = connection.account_id if connection else None
        # Read each time, as its owner may choose another country, and enter lines.
        account = self._accounts.of_id(account_id) if account_id else None
        logger.append_keys(account_id=account_id or None)
        not_its = "invalid: location_id: not of this account"
        if account is None:
            needed = "invalid: account_id: needed, and one that is there, without location_id"
            self._refuse(body, not_its if event.location_id else needed, message_id)
            return
        try:
            place, _connection = self._directory.find(account, event)
            country = self._directory.country(account)
            self._hearing.hear(event, account.account_id, place, country)
        except NotTheAccounts:
            self._refuse(body, not_its, message_id)
        except TooManyWaiting:
            self._refuse(body, "line: too many calls wait for lines to be entered", message_id)

    def _wake(self, key: str) -> None:
        call, now = self._calls.get(key), self._clock()
        if call is None or call.state not in rules_of.TO_BE_SENT:
            return
        if call.due_at is None or call.due_at > now:
            return
        if call.state is CallState.SENDING:
            why = "whoever was sending it did not come back"
            self._store(search.unknown(call, why, now, self._rules))
        else:
            self._attempt(call)

    def _attempt(self, call: Call) -> Call:
        """Sends a call, or stores why not; returns it as stored.

        Raises:
            StaleWrite: the row was written meanwhile, and nothing was sent.
        """
        now = self._clock()
        if rules_of.too_old(call, now, self._rules):
            return self._store(rules_of.expired(call, f"too old: {call.why}"))
        connection = self._connections.get(call.location_id or 0)
        why = admission.closed(connection, call.account_id)
        if connection is None or connection.crm_token is None or why:
            return self._store(rules_of.held(call, why, now, self._rules))
        why = self._kept_back(connection, call)
        if why:
            return self._store(rules_of.held(call, why, now, self._rules))
        if call.state is CallState.HELD and not call.attempt:
            # While it waited, its account may have chosen another country.
            account = self._accounts.of_id(call.account_id)
            call = read_anew(call, self._directory.country(account)) if account else call
        try:
            claimed = self._claimed(call, connection.chain_key)
        except Paused as paused:
            return self._store(rules_of.put_off(call, str(paused), paused.until, now))
        answer = self._voip.save(connection.crm_token, claimed.entry)
        stored = self._finish(claimed, answer)
        if stored.state is CallState.SENT and connection.telephony is not CrmTokenState.PROVEN:
            after = timedelta(seconds=self._rules.call_checks_s[0])
            self._wake_ups.look(connection.location_id, stored.key, after)
        return stored

    def _kept_back(self, connection: Connection, call: Call) -> str:
        chain = self._chains.get(connection.chain_key) if connection.chain_key else None
        others: Sequence[Call] = ()
        if connection.telephony is CrmTokenState.UNPROVEN:
            others = self._checking.beside(call, connection.location_id)
        return admission.kept_back(connection, chain, call, others)

    def _claimed(self, call: Call, chain_key: str | None) -> Call:
        """The call, claimed when it is our turn.

        Raises:
            StaleWrite: the row was written meanwhile.
            Paused: our turn does not come soon.
        """
        self._voip.prepare()
        try:
            claimed = rules_of.claimed(call, chain_key, self._clock(), self._rules)
            return self._calls.claim(claimed, self._pace.at_once())
        except Busy:
            self._pace.wait()
        try:
            claimed = rules_of.claimed(call, chain_key, self._clock(), self._rules)
            return self._calls.claim(claimed, self._pace.in_turn())
        except Busy:
            # Somebody braked while we waited.
            raise Paused(self._clock()) from None

    def _finish(self, claimed: Call, outcome: Outcome) -> Call:
        """Notes what became of an attempt, also beside legs that were reported meanwhile."""
        call: Call | None = claimed
        for _ in range(_TRIES):
            if call is None or call.attempt != claimed.attempt:
                break
            if call.state is not CallState.SENDING:
                break
            try:
                return self._store(self._after(call, outcome))
            except StaleWrite:
                call = self._calls.get(claimed.key)
        logger.warning("too late", extra={**claimed.names, "outcome": type(outcome).__name__})
        return claimed

    def _after(self, call: Call, outcome: Outcome) -> Call:
        now = self._clock()
        match outcome:
            case Sent():
                return search.sent(call, now, self._rules)
            case Unclear(why, failed):
                return search.unknown(call, why, now, self._rules, failed=failed)
            case NotTaken(why, at_least_s):
                return rules_of.not_saved(call, why, now, self._rules, at_least_s=at_least_s)
            case Rejected(why, doubtful):
                return rules_of.refused(call, why, now, self._rules, doubtful=doubtful)
            case Blocked(why=why):
                return rules_of.not_saved(call, why, now, self._rules)

    def _store(self, after: Call) -> Call:
        stored = self._calls.save(after)
        waits = stored.state in (CallState.WAITING, CallState.UNKNOWN)
        if waits and self._clock() - stored.received_at > self._late_after:
            count("CallLate")
        if stored.state is CallState.REFUSED:
            count("CallRefused")
            self._sightings.note(CALL_REFUSED, str(stored.location_id), stored.why)
        told = {"state": stored.state, "attempt": stored.attempt, "why": stored.why}
        logger.info("call", extra={**stored.names, **told})
        return stored

    def _release(self, location_id: int) -> None:
        """Sends what was held of a location, in order, as long as it may go and time lasts."""
        until = time.monotonic() + _TIME_S
        for listed in self._checking.recent(location_id):
            if listed.state is not CallState.HELD:
                continue
            if time.monotonic() >= until:
                self._wake_ups.release(location_id)
                return
            try:
                call = self._calls.get(listed.key)
                if call is None or call.state is not CallState.HELD:
                    continue
                if self._attempt(call).state is CallState.HELD:
                    return
            except StaleWrite:
                continue

    def _refuse(self, body: str, why: str, message_id: str) -> None:
        self._dead_letters.put(body, why, message_id)
        told = {**call_event.names(body), "why": why, "message_id": message_id}
        logger.error("call event refused", extra=told)
