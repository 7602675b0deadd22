"""Takes lifecycle events: stores each as a hint, answers, decides nothing.

The platform may send an event late, twice or never, so what it says is settled by reconcile, which
is woken for it and asks for the status. What was paid on the platform's own page is noted in the
ledger, once, to be looked for on its list. Unknown locations and other applications of the same
partner are a quiet success: every application of a partner calls the same address.

While no token was ever read, nothing can be proven, and yet no event may be lost: what it claims of
a live location makes us ask as well, and nothing else is done for it.
"""

from zoneinfo import ZoneInfo

from shared.altegio import webhook
from shared.altegio.tokens import PartnerToken
from shared.altegio.webhook import LifecycleEvent
from shared.aws import sightings
from shared.aws.parameters import ParameterUnreadable
from shared.aws.sightings import Sightings
from shared.clock import Clock
from shared.connections.connection import TOLD, Hint
from shared.connections.table import Connections
from shared.payments import hosted
from shared.payments.ledger import Ledger
from shared.reconcile.hint_queue import Hints
from shared.telemetry import count, logger


class Unproven(Exception):
    """There is no token to prove it with, and nothing to be asked about all the same."""


class ReceiveWebhook:
    """The use case of the webhook."""

    def __init__(
        self,
        *,
        token: PartnerToken,
        application_id: int,
        connections: Connections,
        ledger: Ledger,
        hints: Hints,
        clock: Clock,
        zone: ZoneInfo,
        lease_s: float,
        sightings: Sightings,
    ) -> None:
        self._sightings = sightings
        self._token = token
        self._application_id = application_id
        self._connections = connections
        self._ledger = ledger
        self._hints = hints
        self._clock = clock
        self._zone = zone
        self._lease_s = lease_s

    def take(self, body: bytes) -> None:
        """Takes one event; when this returns, it is stored or is not for us.

        Raises:
            Malformed: see `webhook.read`.
            Forged: see `webhook.read`.
            Unproven: nobody can tell whether it is for us, as the token cannot be read.
        """
        try:
            event = self._genuine(body)
        except ParameterUnreadable:
            self._rumour(webhook.claimed(body))
            return
        except webhook.Forged:
            count("WebhookRefused")
            self._sightings.note(sightings.WEBHOOK_REFUSED)
            raise
        self._sightings.note(sightings.WEBHOOK)
        told = {"location_id": event.location_id, "lifecycle_event": event.event[:50]}
        if event.application_id != self._application_id:
            self._sightings.note(sightings.OTHER_APPLICATION, str(event.application_id))
            logger.info("event of another application", extra=told)
            return
        if event.event not in TOLD:
            count("LifecycleEventUnknown")
            logger.error("unknown lifecycle event", extra=told)
            return
        known = self._connections.hint(event.location_id, Hint(event.event), self._clock())
        if known:
            self._note_payment(event)
            self._hints.wake(event.location_id)
        logger.info("hint stored" if known else "unknown location", extra=told)

    def _rumour(self, event: LifecycleEvent) -> None:
        """Anybody may have sent it: it makes us ask once, where asking may tell something."""
        count("TokenUnreadable")
        if event.application_id != self._application_id or event.event not in TOLD:
            raise Unproven
        kept = self._connections.rumour(event.location_id, Hint(event.event), self._clock())
        if kept:
            self._hints.wake(event.location_id)
        told = {"location_id": event.location_id, "lifecycle_event": event.event}
        logger.error("not to be proven", extra={**told, "kept": kept})

    def _note_payment(self, event: LifecycleEvent) -> None:
        if event.hosted is None:
            return
        entry = hosted.told(
            event.location_id,
            event.hosted,
            self._clock(),
            zone=self._zone,
            lease_s=self._lease_s,
        )
        if entry is None:
            # The census finds it on the list.
            count("LifecycleEventUnknown")
            logger.error("dates not known", extra={"location_id": event.location_id})
        elif self._ledger.tell(entry):
            logger.info("payment told", extra=entry.names)

    def _genuine(self, body: bytes) -> LifecycleEvent:
        tokens = self._token.accepted()
        try:
            return webhook.read(body, tokens)
        except webhook.Forged as forged:
            try:
                return webhook.read(body, self._token.doubted())
            except webhook.Forged:
                if isinstance(forged, webhook.BadSign):
                    _diagnose(body, tokens)
                raise


def _diagnose(body: bytes, tokens: tuple[str, ...]) -> None:
    from shared.altegio import signature_doctor  # noqa: PLC0415 - no cold start pays for what is refused

    diagnosis = signature_doctor.of_payment_event(body, tokens)
    logger.warning("signature mismatch", extra={"diagnosis": diagnosis.fields()})
