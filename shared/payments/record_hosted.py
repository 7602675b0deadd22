"""Records what the owner paid on the platform's own page, once its list shows it (see `hosted`)."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from shared.altegio.client import Refused, Unreachable
from shared.altegio.marketplace import Marketplace
from shared.clock import Clock
from shared.payments import entry as payment
from shared.payments import hosted
from shared.payments.entry import Entry
from shared.payments.facts import PaymentFacts
from shared.payments.ledger import IdTaken, Ledger
from shared.payments.restored import Marks
from shared.payments.settings import LedgerPolicy
from shared.telemetry import count, logger


class RecordHosted:
    """The use case of overdue REPORTED_BY_PLATFORM entries."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        marks: Marks,
        platform: Marketplace,
        clock: Clock,
        zone: ZoneInfo,
        rules: LedgerPolicy,
    ) -> None:
        self._ledger = ledger
        self._marks = marks
        self._platform = platform
        self._clock = clock
        self._zone = zone
        self._rules = rules

    def record(self, entry: Entry) -> None:
        """Takes an entry as far as it goes now; never an id that may be one of our own.

        Raises:
            StaleWrite: somebody else changed it; what is left is due again.
        """
        try:
            status = self._platform.status(entry.location_id or 0)
        except (Refused, Unreachable) as error:
            self._later(entry, f"status: {error}")
            return
        # After the list: what was ours when it was written is in the ledger by now.
        owner = self._ledger.owner(entry.platform_id or 0)
        if owner is not None:
            self._ledger.move(entry, payment.known_already(entry, owner, self._clock()))
            return
        facts = hosted.as_listed(entry, status.payments, self._zone)
        entries = self._ledger.entries_of(entry.location_id or 0)
        if not status.live:
            self._later(entry, "not installed, so not listed")
        elif facts is None:
            self._later(entry, "not on the list, or not to be read there")
        elif hosted.unsettled(entries):
            self._later(entry, "a payment of this location is not settled")
        elif self._may_be_forgotten(entries):
            self._later(entry, "restored: it may be one of ours")
        else:
            self._finish(entry, facts)

    def _may_be_forgotten(self, entries: Sequence[Entry]) -> bool:
        """Whether nobody has told us yet of each of our own, or one that was told waits here."""
        mark = self._marks.get()
        return mark is not None and (
            mark.released_at is None or bool(mark.waiting(entries, self._rules))
        )

    def _finish(self, entry: Entry, facts: PaymentFacts) -> None:
        try:
            self._ledger.finish(entry, payment.recorded(entry, facts, self._clock()))
        except IdTaken:
            self._later(entry, "its id was taken meanwhile")
            return
        logger.info("recorded", extra=entry.names)

    def _later(self, entry: Entry, why: str) -> None:
        after = payment.still_told(entry, why, self._clock(), self._rules)
        self._ledger.move(entry, after)
        if after.state is not entry.state:
            count("PaymentNeedsHuman")
            logger.error("needs a person", extra={**entry.names, "why": after.why})
