"""Reports payments and refunds to the platform, each at most once.

Whatever returns here has made the event durable: the message may be acknowledged. What is not
finished then is a row with a due time, and `reconcile.schedule` sees to it.
"""

import time
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.altegio.client import Refused, Unreachable
from shared.altegio.marketplace import Marketplace
from shared.altegio.outcome import Blocked, NotTaken, Outcome, Rejected, Sent, Unclear
from shared.altegio.rate_limit import Busy, Pace, Paused
from shared.aws.dead_letters import DeadLetters
from shared.aws.dynamodb import StaleWrite
from shared.aws.sightings import PLATFORM_REFUSED, Sightings
from shared.clock import Clock, stamp
from shared.connections.connection import State
from shared.connections.table import Connections
from shared.payments import billing_event, restored
from shared.payments import entry as payment
from shared.payments.entry import Entry, EntryState
from shared.payments.ledger import GivenBack, IdTaken, Ledger
from shared.payments.restored import Mark
from shared.payments.settings import LedgerPolicy
from shared.telemetry import count, logger

_ECHO_EVERY = timedelta(hours=1)
_NOT_CONNECTED = "the location is not connected"
_BESIDE = "another refund of its payment was on its way at the last try"
_NOT_SENT = (EntryState.REJECTED, EntryState.CLOSED)
# Of the function's 30 s; what is not answered by then must not look like an answer that was lost.
_TIME_S = 26.0


class Unlike(Exception):
    """A refund of something else than its whole payment; the text says why. Nothing was sent."""


class ReportPayments:
    """The use case of the billing queue."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        connections: Connections,
        platform: Marketplace,
        pace: Pace,
        dead_letters: DeadLetters,
        sightings: Sightings,
        clock: Clock,
        rules: LedgerPolicy,
    ) -> None:
        self._ledger = ledger
        self._connections = connections
        self._platform = platform
        self._pace = pace
        self._dead_letters = dead_letters
        self.sightings = sightings
        self._clock = clock
        self._rules = rules
        self._echo_at: datetime | None = None
        # As it was when the last claim was refused for it: nobody reads it before.
        self._mark: Mark | None = None

    def take(self, body: str, message_id: str) -> None:
        """Takes one message of the billing queue as far as it goes now."""
        try:
            event = billing_event.read(body)
        except billing_event.BadEvent as error:
            self._refuse(body, f"invalid: {error}", message_id)
            return
        if isinstance(event, billing_event.WakeUp):
            logger.append_keys(entry=event.key)
            self._wake(event, message_id)
            return
        entry = event.entry(self._clock())
        # Whatever is logged of this event, by whomever; a batch is one.
        logger.append_keys(**entry.names)
        try:
            self._attempt(None, entry)
        except StaleWrite:
            self._again(entry, body, message_id)
        except Unlike as unlike:
            if self._ledger.get(entry.key) is None:
                self._refuse(body, f"invalid: {unlike}", message_id)
            else:
                # It came before its payment, and its row waits, or was refused already.
                self._again(entry, body, message_id)

    def _again(self, entry: Entry, body: str, message_id: str) -> None:
        """The event was here before: it must say the same, and then there is nothing to do."""
        known = self._ledger.get(entry.key)
        if known is not None and known.digest != entry.digest:
            self._refuse(body, f"{entry.key} was received before with other facts", message_id)
            return
        logger.info("received again", extra=entry.names)

    def _refuse(self, body: str, why: str, message_id: str) -> None:
        self._dead_letters.put(body, why, message_id)
        told = {**billing_event.names(body), "why": why, "message_id": message_id}
        logger.error("billing event refused", extra=told)

    def _wake(self, wake_up: billing_event.WakeUp, message_id: str) -> None:
        entry = self._ledger.get(wake_up.key)
        if (
            entry is None
            or entry.state is not EntryState.PENDING
            or entry.due_at is None
            or stamp(entry.due_at) != wake_up.due_at
        ):
            return
        try:
            try:
                self._attempt(entry, entry)
            except Unlike as unlike:
                # Before the row, which would not come here again: a letter may not get lost.
                self._refuse(billing_event.again(entry), f"invalid: {unlike}", message_id)
                self._store(entry, payment.rejected(entry, str(unlike), self._clock()))
        except StaleWrite:
            logger.info("overtaken", extra=entry.names)

    def _attempt(self, before: Entry | None, entry: Entry) -> None:
        """Claims the entry and sends it, or stores it where it has to wait.

        For a new payment that is two write requests, no read and one call to the platform.

        Raises:
            StaleWrite: the row is not `before` any more, and nothing was sent.
            Unlike: it is a refund of something else than its whole payment.
        """
        until = time.monotonic() + _TIME_S
        paid = giver = None
        if entry.is_refund:
            paid, giver, parked = self._looked_up(entry)
            if parked is not None:
                self._store(before, parked)
                return
        location_id = paid.location_id if paid else entry.location_id
        located = replace(entry, location_id=location_id)
        if paid is not None:
            # Before the claim: from there on nothing but the refund itself may come between.
            self._connections.note_refund(location_id or 0, self._clock())
        try:
            claimed, state = self._claimed(before, located, giver)
        except GivenBack:
            self._store(before, payment.waiting(entry, _BESIDE, self._clock(), self._rules))
            return
        except Paused as paused:
            self._store(before, payment.put_off(entry, str(paused), paused.until, self._clock()))
            return
        now = self._clock()
        if claimed is not None and claimed.state is EntryState.UNKNOWN:
            _log("stored", claimed)
        elif claimed is not None:
            perhaps_taken = self._send(claimed, paid.platform_id if paid else None, until)
            if state is State.FROZEN and perhaps_taken and not entry.is_refund:
                self._connections.thaws(location_id or 0, self._clock())
        elif entry.is_refund:
            self._store(before, payment.waiting(entry, "its payment changed", now, self._rules))
        else:
            self._store(before, payment.held(entry, _NOT_CONNECTED, now, self._rules))

    def _looked_up(self, refund: Entry) -> tuple[Entry | None, Entry | None, Entry | None]:
        """Its payment, who gives that back, and what becomes of the refund if it is not sent now.

        Two refunds of one payment may say the same, or one of them is meant for another payment.

        Raises:
            Unlike: it is of something else than its whole payment.
        """
        paid, now = self._ledger.given_back(refund), self._clock()
        if unlike := payment.refund_unlike(refund, paid):
            raise Unlike(unlike)
        parked = payment.refund_parked(refund, paid, now, self._rules)
        if parked is not None:
            return paid, None, parked
        giver = self._ledger.giver(refund.payment_key)
        if giver is None or giver.key == refund.key or giver.state in _NOT_SENT:
            return paid, giver, None
        if giver.state is EntryState.SENT:
            why = f"its payment was given back by {giver.key}"
            return paid, giver, payment.rejected(refund, why, now)
        return paid, giver, payment.waiting(refund, _BESIDE, now, self._rules)

    def _claimed(
        self, before: Entry | None, entry: Entry, giver: Entry | None
    ) -> tuple[Entry | None, State]:
        """The entry, claimed when it is our turn to call, or None; and the state of its location.

        A frozen location is paid in order to thaw it, but most are active. After a restore, what
        may have been sent before becomes UNKNOWN instead, for which nobody needs a turn.

        Raises:
            StaleWrite: the row is not `before` any more.
            Paused: our turn does not come soon.
        """
        self._platform.prepare()
        turn = self._pace.at_once()
        states = [State.ACTIVE] if entry.is_refund else [State.ACTIVE, State.FROZEN]
        while states:
            claimed, part = self._next(entry, turn)
            try:
                if self._ledger.claim(before, claimed, part, states[0], giver):
                    return claimed, states[0]
                del states[0]
                if states:
                    # Before the claim: whoever dies after it may have paid it.
                    looked_at = self._clock() + timedelta(seconds=self._rules.lease_s)
                    self._connections.note_payment(entry.location_id or 0, looked_at)
            except Busy as busy:
                mark = restored.mark_in(busy.row)
                if mark == self._mark:
                    self._pace.wait()
                    turn = self._pace.in_turn()
                self._mark = mark
        return None, State.DISABLED

    def _next(self, entry: Entry, turn: Any) -> tuple[Entry, Any]:
        """What a claim makes of the entry, and the part of its transaction for the pace's row."""
        mark, now = self._mark, self._clock()
        if mark is None or not mark.doubts(entry, self._rules):
            return payment.claimed(entry, now, self._rules), restored.turn_under(mark, turn)
        looked_from = mark.looked_from(self._rules)
        doubted = payment.doubted(entry, mark.restored_to, looked_from, now)
        return doubted, restored.only_under(mark, turn)

    def _send(self, claimed: Entry, platform_id: int | None, until: float) -> bool:
        """Whether the platform may have taken it."""
        if platform_id is not None:
            outcome: Outcome | None = self._platform.refund(platform_id)
        else:
            said = asdict(claimed.payment)
            outcome = self._platform.report_payment(claimed.location_id or 0, said)
        if isinstance(outcome, (Blocked, Rejected)):
            outcome = self._looked_into(claimed, outcome, platform_id, until)
        if isinstance(outcome, Sent):
            self._finish(claimed, outcome)
        else:
            self._move(claimed, self._after(claimed, outcome))
        return isinstance(outcome, (Sent, Unclear))

    def _looked_into(
        self,
        claimed: Entry,
        outcome: Blocked | Rejected,
        platform_id: int | None,
        until: float,
    ) -> Outcome | None:
        """What a refusal means, asked of the status; None if the location is not connected."""
        if isinstance(outcome, Blocked) and not self._is_of_one(until):
            return outcome
        try:
            status = self._platform.status(claimed.location_id or 0, until)
        except (Refused, Unreachable) as error:
            blocked = isinstance(outcome, Blocked)
            return outcome if blocked else NotTaken(f"{outcome.why}; then status: {error}")
        if platform_id is not None and platform_id in status.refunded:
            return Sent(platform_id)
        if not status.live:
            # We took it for connected: whatever ended that was never told.
            why = f"refused as not installed: {outcome.why}"
            self._connections.suspect(claimed.location_id or 0, why, self._clock())
            return None
        if isinstance(outcome, Rejected) and claimed.why != outcome.why:
            # Status lags: the owner may have left, or come back, or the refund be done already.
            # What the platform says twice in a row is believed.
            return NotTaken(outcome.why, self._rules.lease_s)
        return outcome

    def _is_of_one(self, until: float) -> bool:
        """Whether the platform takes token, address and application, which it did not of one."""
        try:
            self._platform.locations(1, until)
        except Refused as error:
            # Not this payment's fault: the others would fare no better.
            self._pace.brake(0, str(error))
            return False
        except Unreachable:
            return False
        return True

    def _after(
        self, claimed: Entry, outcome: NotTaken | Blocked | Rejected | Unclear | None
    ) -> Entry:
        now = self._clock()
        match outcome:
            case None:
                return payment.held(claimed, _NOT_CONNECTED, now, self._rules)
            case NotTaken(why, retry_after_s):
                return payment.released(claimed, why, now, self._rules, retry_after_s=retry_after_s)
            case Blocked():
                count("PlatformBlocked")
                whose = str(claimed.location_id or claimed.key)
                self.sightings.note(PLATFORM_REFUSED, whose, outcome.why)
                return payment.released(claimed, outcome.why, now, self._rules)
            case Rejected(why):
                return payment.rejected(claimed, why, now)
            case Unclear(why):
                return payment.unknown(claimed, why, now, self._rules)

    def _finish(self, claimed: Entry, outcome: Sent) -> None:
        sent = payment.sent(claimed, outcome.platform_id, self._clock())
        try:
            self._ledger.finish(claimed, sent)
        except IdTaken:
            why = f"the platform answered id {outcome.platform_id}, which is another entry's"
            self._move(claimed, payment.unknown(claimed, why, self._clock(), self._rules))
        except StaleWrite:
            # Another attempt was made after ours: both may have been taken.
            if not sent.is_refund:
                self._ledger.own(outcome.platform_id, sent.key)
            count("Doubled")
            told = {**claimed.names, "platform_id": outcome.platform_id}
            logger.error("sent, but overtaken", extra=told)
        except (BotoCoreError, ClientError):
            # The row becomes UNKNOWN and is looked up; meanwhile the id stands at least here.
            told = {**claimed.names, "platform_id": outcome.platform_id}
            logger.error("sent, but not written", extra=told)
            raise
        else:
            _log("sent", sent)
            self._note_echo(sent)

    def _note_echo(self, sent: Entry) -> None:
        """Once an hour is enough to know how the platform reads payments back."""
        now = self._clock()
        if sent.is_refund or (self._echo_at is not None and now - self._echo_at < _ECHO_EVERY):
            return
        self._ledger.note_echo(sent)
        self._echo_at = now

    def _store(self, before: Entry | None, after: Entry) -> None:
        self._ledger.move(before, after)
        _log("stored", after)

    def _move(self, claimed: Entry, after: Entry) -> None:
        try:
            self._store(claimed, after)
        except StaleWrite:
            # The lease has passed: the row is UNKNOWN by now, which is never wrong.
            logger.warning("too late", extra={**after.names, "wanted": after.state})


def _log(what: str, entry: Entry) -> None:
    if entry.state in _METRICS:
        count(_METRICS[entry.state])
    told = {"state": entry.state, "attempt": entry.attempt, "why": entry.why}
    logger.info(what, extra={**entry.names, **told})


_METRICS = {
    EntryState.UNKNOWN: "PaymentUnknown",
    EntryState.REJECTED: "PaymentRejected",
    EntryState.NEEDS_HUMAN: "PaymentNeedsHuman",
}
