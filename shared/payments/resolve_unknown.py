"""Resolves UNKNOWN payments and refunds by looking, once they are old enough for that to prove it.

A payment that the platform took is adopted with its id. One that it surely never saw, seen so
twice, goes back to PENDING. Whatever cannot be told is for a person.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.altegio.client import Refused, Unreachable
from shared.altegio.marketplace import Marketplace
from shared.altegio.status import Installed, ListedPayment, Status
from shared.clock import SKEW, Clock
from shared.payments import entry as payment
from shared.payments import lookup
from shared.payments.entry import Entry, EntryState
from shared.payments.ledger import IdTaken, Ledger
from shared.payments.restored import Marks
from shared.payments.settings import LedgerPolicy
from shared.telemetry import count, logger

# Between two questions about one entry to a platform that does not answer.
_LONGEST_WAIT_S = 900
_UNSETTLED = (EntryState.SENDING, EntryState.UNKNOWN)


class ResolveUnknown:
    """The use case of overdue UNKNOWN entries."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        marks: Marks,
        platform: Marketplace,
        clock: Clock,
        rules: LedgerPolicy,
    ) -> None:
        self._ledger = ledger
        self._marks = marks
        self._platform = platform
        self._clock = clock
        self._rules = rules

    def look(self, entry: Entry) -> None:
        """Looks an UNKNOWN entry up, and with it all that the platform cannot tell from it.

        Raises:
            StaleWrite: somebody else changed one of them; what is left is due again.
        """
        try:
            status = self._platform.status(entry.location_id or 0)
        except (Refused, Unreachable) as error:
            # The longer it lasts, the seldomer.
            age = (self._clock() - entry.received_at).total_seconds()
            wait = max(self._rules.retry_base_s, min(age / 8, _LONGEST_WAIT_S))
            self._later(entry, f"status: {error}", wait)
            return
        if entry.is_refund:
            self._look_at_refund(entry, status)
        elif not status.live:
            self._wait_for_the_list(entry, "not installed, so not listed")
        else:
            self._look_at_payment(entry, status)

    def _wait_for_the_list(self, entry: Entry, why: str) -> None:
        """It is not shown while the application is not installed."""
        if self._rules.waited_long(entry.received_at, self._clock()):
            self._ask_a_person(entry, why)
        else:
            self._later(entry, why, self._rules.held_recheck_s)

    def _look_at_refund(self, entry: Entry, status: Status) -> None:
        paid = self._ledger.given_back(entry)
        platform_id = paid.platform_id if paid is not None else None
        if platform_id is not None and platform_id in status.refunded:
            self._adopt(entry, platform_id)
        elif any(row.id == platform_id for row in status.payments):
            self._absent(entry)
        else:
            self._wait_for_the_list(entry, "its payment is not listed")

    def _look_at_payment(self, entry: Entry, status: Status) -> None:
        entries = self._ledger.entries_of(entry.location_id or 0)
        if entry not in entries:
            self._later(entry, "the ledger's index lags behind", self._rules.lease_s)
            return
        group = lookup.group_of(entry, entries, self._platform.zone)
        now = self._clock()
        if any(it.state is EntryState.SENDING for it in group):
            self._later(entry, "an equal payment is being sent", self._rules.lease_s)
            return
        young = [
            it.due_at
            for it in group
            if it.state is EntryState.UNKNOWN and it.due_at is not None and it.due_at > now
        ]
        if young:
            wait = (max(young) - now).total_seconds()
            self._later(entry, "an equal payment is too young to tell", wait)
            return
        findings = self.findings(group, entries, status)
        for taken, platform_id in findings.taken:
            self._adopt(taken, platform_id)
        for missing in findings.absent:
            self._absent(missing)
        for waiting in findings.later:
            self._later(waiting, findings.why, self._rules.lease_s)
        for unsure in findings.unsure:
            if unsure.why == findings.why:
                self._ask_a_person(unsure, findings.why)
            else:
                # Lists lag: a person is asked only when it was seen twice.
                self._later(unsure, findings.why, self._rules.lease_s)
        if surplus := self._surplus(findings.surplus, group):
            count("Doubled")
            told = {**entry.names, "platform_ids": list(surplus)}
            logger.error("more payments than were billed", extra=told)

    def _surplus(self, ids: Sequence[int], group: Sequence[Entry]) -> Sequence[int]:
        """Of rows that no entry explains, those that are of none that a restore made us forget."""
        mark = self._marks.get() if ids else None
        if mark is None:
            return ids
        if mark.released_at is None:
            # Billing has yet to tell us again of what we forgot.
            return ()
        return ids[len(mark.waiting(group, self._rules)) :]

    def findings(
        self, group: Sequence[Entry], entries: Sequence[Entry], status: Status
    ) -> lookup.Findings:
        """What the list proves about the UNKNOWN ones of `group`, which are of `entries`."""
        return lookup.find(
            group,
            status.payments,
            self.owned(entries, status.payments),
            self._platform.zone,
            others=[it for it in entries if it.state in _UNSETTLED and not it.is_refund],
            echoed=self._echoed(group, entries, status),
        )

    def owned(self, entries: Sequence[Entry], listed: Sequence[ListedPayment]) -> set[int]:
        """Ids on the list that somebody owns; most owners are entries of this location."""
        owned = {entry.platform_id for entry in entries if entry.state is EntryState.SENT}
        return {row.id for row in listed if row.id in owned or self._ledger.is_owned(row.id)}

    def _echoed(
        self, group: Sequence[Entry], entries: Sequence[Entry], status: Status
    ) -> bool | None:
        """Whether the list gives back what was sent: here, or else where we last sent anything."""
        # What was sent a moment ago may be younger than the list.
        before = self._clock() - timedelta(seconds=self._rules.lease_s)
        reconnected = _reconnected_since(group, status)
        if reconnected is not None:
            # Nobody says that the list goes on then: only what is as old can show it.
            before = min(before, reconnected)
        here = self._echoes([it for it in entries if _changed_before(it, before)], status.payments)
        if here is not None or reconnected is not None:
            return here
        known = self._ledger.echo()
        if known is None:
            return None
        try:
            elsewhere = self._platform.status(known.location_id or 0)
        except (Refused, Unreachable) as error:
            logger.warning("no echo", extra={**known.names, "why": str(error)})
            return None
        if elsewhere.installed is Installed.NO:
            # Its list went with it.
            return None
        return self._echoes([known], elsewhere.payments)

    def _echoes(self, entries: Sequence[Entry], listed: Sequence[ListedPayment]) -> bool | None:
        rows = {row.id: row for row in listed}
        known = [it for it in entries if it.state is EntryState.SENT and not it.is_refund]
        if all(it.is_hosted for it in known):
            # What the list itself told reads back in any case.
            return None
        # A list that lacks one that we know may lack the one that we look for.
        return all(
            it.platform_id in rows
            and lookup.reads_back(it, rows[it.platform_id], self._platform.zone)
            for it in known
        )

    def _ask_a_person(self, entry: Entry, why: str) -> None:
        self._ledger.move(entry, payment.needs_human(entry, why, self._clock()))
        count("PaymentNeedsHuman")
        logger.error("needs a person", extra={**entry.names, "why": why})

    def _adopt(self, entry: Entry, platform_id: int) -> None:
        try:
            self._ledger.finish(entry, payment.sent(entry, platform_id, self._clock()))
        except IdTaken:
            self._later(entry, f"id {platform_id} was taken meanwhile", self._rules.lease_s)
            return
        logger.info("adopted", extra={**entry.names, "platform_id": platform_id})

    def _absent(self, entry: Entry) -> None:
        # Seen once, it proves nothing yet.
        lacks = "the platform's list lacks it, as was seen"
        why = f"surely not taken: {lacks} twice" if entry.absences else f"{lacks} once"
        after = payment.absent(entry, why, self._clock(), self._rules)
        self._ledger.move(entry, after)
        logger.info("absent", extra={**entry.names, "state": after.state})

    def _later(self, entry: Entry, why: str, seconds: float) -> None:
        self._ledger.move(
            entry, payment.looked_at(entry, why, self._clock(), seconds=max(seconds, 1))
        )


def _reconnected_since(group: Sequence[Entry], status: Status) -> datetime | None:
    """When the location was connected again after an UNKNOWN one was sent; None if it was not."""
    # Nothing was sent before the first, whichever hour that was.
    is_first = status.activation == status.first_activation
    latest = status.activation if is_first else status.activation_at_latest
    sent = [
        it.perhaps_since or it.claimed_at or it.received_at
        for it in group
        if it.state is EntryState.UNKNOWN
    ]
    if latest is None or min(sent, default=latest) >= latest - SKEW:
        return None
    return status.activation


def _changed_before(entry: Entry, instant: datetime) -> bool:
    return entry.changed_at is not None and entry.changed_at < instant
