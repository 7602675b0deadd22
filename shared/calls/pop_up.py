"""What an account's PBX tells at the door: who rings is shown at once, what has ended is a row.

A ringing call goes out within the request: first in the pace, and not at all when it is too late to
be of use, or the account has used up its allowance.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from shared import fields
from shared.altegio.outcome import Sent
from shared.altegio.rate_limit import Bounds, Busy, First, Paused
from shared.altegio.telephony import Telephony
from shared.aws.dynamodb import StaleWrite
from shared.aws.sightings import (
    KEY_REFUSED,
    KEY_REPLACED,
    OTHER_LOCATION,
    PBX_AHEAD,
    POP_UP,
    POP_UP_DROPPED,
    POP_UP_LATE,
    Sightings,
)
from shared.calls import admission, dialled, identity, phone_numbers, shown
from shared.calls import call as rules_of
from shared.calls import event as call_event
from shared.calls.call import Call, CallState
from shared.calls.directory import LineDirectory, NotTheAccounts, Place
from shared.calls.event import BadEvent, Finished, Ringing
from shared.calls.hearing import Hearing, is_nobodys, line_of
from shared.calls.identity import Report
from shared.calls.phone_numbers import Kind
from shared.calls.queue import CallWakeUps
from shared.calls.refused_keys import RefusedKeys
from shared.calls.settings import CallPolicy
from shared.calls.shown import PopUp
from shared.calls.table import Calls
from shared.clock import Clock, stamp
from shared.connections import pbx_key
from shared.connections.accounts import Account, Accounts
from shared.connections.connection import Connection
from shared.telemetry import count, logger

# After so long a turn has passed; whatever can be dropped then is.
_MISSED = timedelta(milliseconds=300)
# By so much a PBX's clock may be ahead, as nobody sees it in the history.
_AHEAD_S = 60


class CallDoor:
    """The use case of `POST /calls`."""

    def __init__(
        self,
        *,
        calls: Calls,
        accounts: Accounts,
        voip: Telephony,
        pace: First,
        pop_ups: Bounds,
        directory: LineDirectory,
        hearing: Hearing,
        wake_ups: CallWakeUps,
        refused_keys: RefusedKeys,
        sightings: Sightings,
        clock: Clock,
        rules: CallPolicy,
    ) -> None:
        self._calls = calls
        self._accounts = accounts
        self._voip = voip
        self._pace = pace
        self._pop_ups = pop_ups
        self._directory = directory
        self._hearing = hearing
        self._wake_ups = wake_ups
        self._refused_keys = refused_keys
        self._sightings = sightings
        self._clock = clock
        self._rules = rules

    def now(self) -> datetime:
        """The present moment, of what a PBX tells without a time."""
        return self._clock()

    def account(self, key: str) -> Account | None:
        """Whose key it is; None if it is nobody's, or void."""
        account_id = pbx_key.account_of(key)
        account = self._accounts.of_id(account_id) if account_id else None
        # Whatever is logged of this event, by whomever.
        logger.append_keys(account_id=account and account.account_id)
        if account is None or pbx_key.fits(key, account.pbx_key_digest):
            return account
        now = self._clock()
        until = pbx_key.good_until(key, account.replaced_pbx_keys)
        if until is None or until <= now:
            count("PbxKeyRefused")
            self._refused_keys.note(account.account_id, now)
            self._sightings.note(KEY_REFUSED, account.account_id, stamp(until) if until else "")
            return None
        self._sightings.note(KEY_REPLACED, account.account_id, stamp(until))
        return account

    def ring(self, account: Account, event: Ringing) -> PopUp:
        """Shows who calls, while it rings.

        Raises:
            NotTheAccounts: nothing was shown.
        """
        logger.append_keys(call_id=event.call_id)
        place, connection = self._found(account, event)
        outcome, why = PopUp.UNKNOWN_LINE, ""
        if connection is not None:
            outcome, why = self._pop_up(account, connection, event, place)
        age = self._clock() - event.at
        is_late = outcome is PopUp.LATE and not why
        if is_late:
            why = f"told {age.total_seconds():.0f} s after it rang"
        age_ms = round(age / timedelta(milliseconds=1))
        told = {"location_id": place.location_id, "outcome": outcome, "why": why, "age_ms": age_ms}
        logger.info("pop-up", extra=told)
        whose = str(place.location_id or account.account_id)
        self._note_ahead(whose, event.at)
        # Other telephones of a group ask for the same one.
        if outcome is not PopUp.REPEATED:
            facts = shown.facts(
                caller=event.phone,
                line=event.line,
                extension=event.extension,
                late_s=age.total_seconds(),
            )
            self._sightings.count(POP_UP, whose, outcome, facts)
            if outcome is not PopUp.SENT:
                self._sightings.note(POP_UP_DROPPED, whose, f"{outcome}{why and f': {why}'}")
            if is_late:
                self._sightings.count(POP_UP_LATE, whose, shown.delay(age))
        return outcome

    def end(self, account: Account, event: Finished) -> list[str]:
        """Stores a call that has ended; returns what of it will be left out, and why.

        Raises:
            NotTheAccounts, TooManyWaiting: nothing was done.
        """
        logger.append_keys(call_id=event.call_id)
        place, _connection = self._found(account, event)
        ended_at = event.started_at + timedelta(seconds=event.duration_s)
        self._note_ahead(str(place.location_id or account.account_id), ended_at)
        country = self._directory.country(account)
        try:
            return self._hearing.hear(event, account.account_id, place, country)
        except StaleWrite:
            # So many legs at once: the queue has the time to hear them one after the other.
            told = event.model_dump(mode="json")
            self._wake_ups.put({**told, "account_id": account.account_id})
            return []

    def _note_ahead(self, whose: str, at: datetime) -> None:
        by_s = (at - self._clock()).total_seconds()
        if by_s > _AHEAD_S:
            self._sightings.note(PBX_AHEAD, whose, f"{by_s:.0f}")

    def _found(
        self, account: Account, event: Ringing | Finished
    ) -> tuple[Place, Connection | None]:
        try:
            return self._directory.find(account, event)
        except NotTheAccounts:
            self._sightings.note(OTHER_LOCATION, account.account_id, str(event.location_id))
            raise

    def _pop_up(
        self, account: Account, connection: Connection, event: Ringing, place: Place
    ) -> tuple[PopUp, str]:
        closed = admission.closed(connection, account.account_id)
        if closed or connection.crm_token is None:
            return PopUp.CLOSED, closed
        country = self._directory.country(account)
        caller, line = phone_numbers.read(event.phone, country), line_of(event.line, country)
        if caller.kind is Kind.HIDDEN:
            return PopUp.HIDDEN, ""
        if is_nobodys(caller, "incoming"):
            return PopUp.UNUSABLE, ""
        latest = event.at + timedelta(seconds=self._rules.pop_up_budget_s)
        if self._clock() > latest:
            return PopUp.LATE, ""
        report = Report(
            event.call_id,
            caller.text,
            line or None,
            event.at,
            digits=dialled.digits_of(event.phone),
            written_line=event.line,
        )
        if why := self._not_ours(account, event, connection.location_id, report):
            return why
        if self._clock() > latest:
            return PopUp.LATE, "after waiting for its turn"
        outcome = self._voip.pop_up(
            connection.crm_token,
            phone=caller.text,
            line=line or place.line(event.extension),
            user=event.extension,
        )
        return (PopUp.SENT, "") if isinstance(outcome, Sent) else (PopUp.FAILED, outcome.why)

    def _not_ours(
        self, account: Account, event: Ringing, location_id: int, report: Report
    ) -> tuple[PopUp, str] | None:
        """Why the pop-up is not ours to show; None if it is, in our turn."""
        ringing = self._unseen(account, event, location_id, report)
        if ringing is None:
            # All telephones of a group ring for one call: that uses up nobody's allowance.
            return PopUp.REPEATED, ""
        used_up = shown.OWN_SHARE
        try:
            self._pop_ups.take(account.account_id)
            used_up = shown.OF_ALL
            while ringing and not self._taken(ringing):
                # Its key was taken by the same call, or by another of its id.
                ringing = self._unseen(account, event, location_id, report)
        except (Paused, Busy) as error:
            ringing = self._unseen(account, event, location_id, report)
            if ringing is not None:
                braked = isinstance(error, Paused) and error.braked
                return (PopUp.FAILED, str(error)) if braked else (PopUp.CROWDED, used_up)
        if ringing is None:
            # Another of them has asked at the same moment, and was faster.
            self._pop_ups.give_back(account.account_id, taken=used_up is shown.OF_ALL)
            return PopUp.REPEATED, ""
        return None

    def _unseen(
        self, account: Account, event: Ringing, location_id: int, report: Report
    ) -> Call | None:
        """The call, if it was not shown yet and is not over."""
        key, known = self._calls.place(account.account_id, report)
        if known and (known.state is not CallState.RINGING or known.popped_at is not None):
            return None
        ringing = rules_of.ringing(
            key, account.account_id, event.call_id, location_id, self._clock()
        )
        return identity.joined(ringing, report)

    def _taken(self, ringing: Call) -> bool:
        """Whether the pop-up is ours to show, in our turn.

        Raises:
            Busy, Paused: our turn does not come soon.
        """
        self._voip.prepare()
        began = self._clock()
        try:
            taken = self._calls.pop(ringing, began, self._pace.at_once())
        except Busy:
            self._pace.wait()
            began = self._clock()
            taken = self._calls.pop(ringing, began, self._pace.in_turn())
        if taken and self._clock() - began > _MISSED:
            # It was held up, and would call at once with those who come after it: another turn.
            self._pace.wait()
        return taken


def as_event(values: Mapping[str, Any]) -> Ringing | Finished:
    """The event in what a PBX has sent, or its translation.

    Raises:
        BadEvent: it is none that comes through the door.
    """
    # Also if it is refused.
    logger.append_keys(**fields.names(dict(values)))
    # The key says whose it is: what a PBX calls so is something else.
    event = call_event.checked({**values, "account_id": ""})
    if not isinstance(event, (Ringing, Finished)):
        raise BadEvent("type: must be ringing or finished")
    return event
