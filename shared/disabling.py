"""Takes lifecycle events: stores each as a hint, answers, concludes nothing.

The platform may send an event late, twice or never, so what it says is settled by reconcile, which
is woken for it and asks for the status. Unknown locations and other applications of the same
partner are a quiet success: every application of a partner calls the same address.
"""

from shared import webhook
from shared.clock import Clock
from shared.connections import Connections
from shared.partner_token import PartnerToken
from shared.queues import Hints
from shared.telemetry import count, logger
from shared.webhook import LifecycleEvent


class Disabling:
    """The use case of the webhook."""

    def __init__(
        self,
        *,
        token: PartnerToken,
        application_id: int,
        connections: Connections,
        hints: Hints,
        clock: Clock,
    ) -> None:
        self._token = token
        self._application_id = application_id
        self._connections = connections
        self._hints = hints
        self._clock = clock

    def take(self, body: bytes) -> None:
        """Takes one event; when this returns, it is stored or is not for us.

        Raises:
            Malformed: see `webhook.read`.
            Forged: see `webhook.read`.
        """
        event = self._genuine(body)
        told = {"location_id": event.location_id, "lifecycle_event": event.event[:50]}
        if event.application_id != self._application_id:
            logger.info("event of another application", extra=told)
            return
        if event.event not in webhook.HINTS:
            count("LifecycleEventUnknown")
            logger.error("unknown lifecycle event", extra=told)
            return
        known = self._connections.hint(event.location_id, event.event, self._clock())
        if known:
            self._hints.wake(event.location_id)
        count("LifecycleEvent")
        logger.info("hint stored" if known else "unknown location", extra=told)

    def _genuine(self, body: bytes) -> LifecycleEvent:
        try:
            return webhook.read(body, self._token.accepted())
        except webhook.Forged:
            return webhook.read(body, self._token.doubted())
