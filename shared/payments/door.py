"""Takes events of billing that come by HTTP: each is a row before it is answered.

    put PENDING, due when the lease has passed        wake-up on the billing queue
     ──────────┬─────────────────────────────────────────────┬──────────────────────▶ answered: 202
               │ crash, or no answer: it comes again,        │ lost: the row is due anyway
               │ and finds itself there

What an event that is known already says is compared with the row as it stands, so that "other
facts" is true at that moment. Whoever sends the same by the queue finds the row as well.
"""

from datetime import timedelta

from botocore.exceptions import BotoCoreError, ClientError

from shared import fields
from shared.aws.dynamodb import StaleWrite
from shared.aws.keys import Keys
from shared.aws.sightings import BILLING, BILLING_REFUSED, Sightings
from shared.clock import Clock
from shared.payments import entry as payment
from shared.payments.billing_event import Payment, Refund
from shared.payments.entry import Entry
from shared.payments.ledger import Ledger
from shared.payments.queue import WakeUps
from shared.payments.settings import LedgerPolicy
from shared.telemetry import count, logger


class OtherFacts(Exception):
    """An event of this id was received before, and said something else; nothing was changed."""


class NotItsPayment(Exception):
    """A refund of something else than its whole payment; the text says why. Nothing was stored."""


class NotStored(Exception):
    """It could not be stored, or nobody knows: send it again."""


class BillingDoor:
    """The use case of `/billing`."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        wake_ups: WakeUps,
        key: Keys,
        key_parameter: str,
        sightings: Sightings,
        clock: Clock,
        rules: LedgerPolicy,
    ) -> None:
        self._ledger = ledger
        self._wake_ups = wake_ups
        self._key = key
        self._key_parameter = key_parameter
        self._sightings = sightings
        self._clock = clock
        self._rules = rules

    def admits(self, key: str) -> bool:
        """Whether it is the company's own billing system that asks."""
        is_right = self._key.fits(key)
        if is_right or self._key.is_set():
            self._sightings.note(BILLING if is_right else BILLING_REFUSED, self._key_parameter)
        # Who comes without any is a passer-by.
        if key and not is_right:
            count("BillingRefused")
        return is_right

    def take(self, event: Payment | Refund) -> Entry:
        """Stores the event, or finds it there; returns its entry as it stands.

        Raises:
            OtherFacts, NotItsPayment: it is not taken, and will not be if it comes again.
            NotStored: it is to come again.
        """
        try:
            return self._taken(event)
        except (BotoCoreError, ClientError, StaleWrite) as error:
            told = {**event.entry(self._clock()).names, "error": type(error).__name__}
            logger.error("not stored", extra=told)
            raise NotStored from error

    def entries(self, event_id: str) -> list[Entry]:
        """The payment and the refund that billing calls so; none for what cannot be an id."""
        try:
            known = fields.one_id(event_id)
        except ValueError:
            return []
        found = (self._ledger.get(f"{kind}#{known}") for kind in ("payment", "refund"))
        return [entry for entry in found if entry is not None]

    def _taken(self, event: Payment | Refund) -> Entry:
        now = self._clock()
        entry = payment.woken(event.entry(now), now, self._rules, timedelta())
        if entry.is_refund:
            known = self._ledger.get(entry.key)
            if known is not None:
                return _same(known, entry)
            self._look_at_its_payment(entry)
        try:
            self._ledger.move(None, entry)
        except StaleWrite:
            known = self._ledger.get(entry.key)
            if known is None:
                raise
            return _same(known, entry)
        logger.info("received", extra=entry.names)
        self._wake_ups.nudge(entry)
        return entry

    def _look_at_its_payment(self, refund: Entry) -> None:
        paid = self._ledger.given_back(refund)
        if unlike := payment.refund_unlike(refund, paid):
            raise NotItsPayment(unlike)
        if paid is not None and refund.location_id not in (None, paid.location_id):
            raise NotItsPayment("location_id: its payment is of another location")


def _same(known: Entry, entry: Entry) -> Entry:
    if known.digest != entry.digest:
        raise OtherFacts(known.key)
    return known
