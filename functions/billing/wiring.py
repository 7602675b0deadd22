"""The settings of the function, and what it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared import clock
from shared.altegio.rate_limit import Bounds
from shared.aws.dead_letters import DeadLetters
from shared.aws.keys import Keys, Secrets
from shared.aws.session import Aws
from shared.aws.sightings import Sightings
from shared.connections.settings import ConnectionsSettings
from shared.payments.door import OF_BILLING, PACE_OF_BILLING, BillingDoor
from shared.payments.ledger import Ledger
from shared.payments.queue import WakeUps
from shared.payments.settings import LedgerPolicy
from shared.payments.stripe_door import StripeDoor
from shared.settings import read


@dataclass(frozen=True, slots=True)
class Settings:
    """Of the billing function."""

    connections: ConnectionsSettings
    payments_table: str
    billing_queue_url: str
    billing_dead_letters_url: str
    billing_key_parameter: str
    stripe_secret_parameter: str
    pace_table: str
    ledger: LedgerPolicy


@dataclass(frozen=True, slots=True)
class Billing:
    """What the function is made of."""

    door: BillingDoor
    stripe: StripeDoor
    sightings: Sightings


def build(environ: Mapping[str, str]) -> Billing:
    """The use cases of the billing function."""
    settings = read(Settings, environ)
    aws = Aws()
    sightings = Sightings(aws.dynamodb, settings.pace_table, clock.now)
    door = BillingDoor(
        ledger=Ledger(
            aws.dynamodb, settings.payments_table, settings.connections.connections_table
        ),
        wake_ups=WakeUps(aws.sqs, settings.billing_queue_url),
        key=Keys(aws.ssm, settings.billing_key_parameter),
        key_parameter=settings.billing_key_parameter,
        sightings=sightings,
        requests=Bounds(
            aws.dynamodb,
            settings.pace_table,
            clock=clock.now,
            rules=PACE_OF_BILLING,
            allowance=OF_BILLING,
        ),
        clock=clock.now,
        rules=settings.ledger,
    )
    return Billing(
        door,
        StripeDoor(
            door=door,
            secrets=Secrets(aws.ssm, settings.stripe_secret_parameter),
            secret_parameter=settings.stripe_secret_parameter,
            dead_letters=DeadLetters(aws.sqs, settings.billing_dead_letters_url),
            sightings=sightings,
            clock=clock.now,
        ),
        sightings,
    )
