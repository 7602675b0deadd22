"""Takes what Stripe's webhook tells: what is clear goes the way of every event of billing.

What is not clear is a dead letter with its reason, and Stripe is answered that we have it: it would
not become clearer by being sent again. What could not be stored comes again, for three days.

Source: https://docs.stripe.com/webhooks#retries
"""

from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError

from shared.aws.dead_letters import DeadLetters
from shared.aws.keys import Secrets
from shared.aws.sightings import BILLING, BILLING_REFUSED, Sightings
from shared.clock import Clock
from shared.payments import stripe
from shared.payments.door import BillingDoor, NotItsPayment, NotStored, OtherFacts
from shared.payments.stripe_signature import secret_of, signed_with
from shared.telemetry import count, logger


class Forged(Exception):
    """It was not signed with our secret, or not now."""


@dataclass(frozen=True, slots=True)
class Received:
    """What became of one event of Stripe's."""

    stored: list[str] = field(default_factory=list)
    letter: str = ""
    ignored: str = ""


class StripeDoor:
    """The use case of Stripe's webhook."""

    def __init__(
        self,
        *,
        door: BillingDoor,
        secrets: Secrets,
        secret_parameter: str,
        dead_letters: DeadLetters,
        sightings: Sightings,
        clock: Clock,
    ) -> None:
        self._door = door
        self._secrets = secrets
        self._secret_parameter = secret_parameter
        self._dead_letters = dead_letters
        self._sightings = sightings
        self._clock = clock

    def take(self, header: str, body: bytes) -> Received:
        """Takes one event.

        Args:
            header: `Stripe-Signature` as it came.
            body: as it came.

        Raises:
            Forged: nothing was stored.
            stripe.NotStripes: it was signed, and cannot be read.
            NotStored: it is to come again.
            ParameterUnreadable: the secret could never be read.
        """
        secrets = [secret_of(line) for line in self._secrets.known()]
        secret = signed_with(secrets, header, body, self._clock())
        if secrets:
            self._sightings.note(BILLING if secret else BILLING_REFUSED, self._secret_parameter)
        if secret is None:
            if header:
                count("BillingRefused")
            raise Forged
        event = stripe.read(body)
        if event.is_live is secret.is_test:
            return _passed_over(event, _OTHER_MODE[event.is_live])
        try:
            told = stripe.events(event)
        except stripe.Ignored as why:
            return _passed_over(event, str(why))
        except stripe.Unclear as why:
            return Received(letter=self._left(event, str(why)))
        stored, refused = [], []
        for each in told:
            try:
                self._door.take(each)
                stored.append(each.event_id)
            except OtherFacts as known:
                refused.append(f"{known} was received before with other facts")
            except NotItsPayment as unlike:
                refused.append(f"{each.event_id}: {unlike}")
        return Received(stored, self._left(event, "; ".join(refused)) if refused else "")

    def _left(self, event: stripe.Event, why: str) -> str:
        try:
            self._dead_letters.put(event.letter, f"stripe: {why}", event.id)
        except (BotoCoreError, ClientError) as error:
            told = {"event": event.id, "error": type(error).__name__}
            logger.error("not stored", extra=told)
            raise NotStored from error
        logger.error("stripe's event is not clear", extra={"event": event.id, "why": why})
        return why


def _passed_over(event: stripe.Event, why: str) -> Received:
    logger.info("passed over", extra={"event": event.id, "why": why})
    return Received(ignored=why)


_OTHER_MODE = {
    False: "an event of Stripe's test mode, and its secret is not marked as one of it",
    True: "a live event, and its secret is marked as one of Stripe's test mode",
}
