"""The settings of the function, and what it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from shared import clock
from shared.altegio.tokens import PartnerToken
from shared.aws.session import Aws
from shared.aws.sightings import Sightings
from shared.connections.settings import ConnectionsSettings
from shared.connections.table import connections_of
from shared.delays import LEASE_S
from shared.payments.ledger import Ledger
from shared.reconcile.hint_queue import Hints
from shared.reconcile.webhook import ReceiveWebhook
from shared.settings import read


@dataclass(frozen=True, slots=True)
class Settings:
    """Of the disable function."""

    application_id: int
    partner_token_parameter: str
    connections: ConnectionsSettings
    payments_table: str
    pace_table: str
    hints_queue_url: str
    platform_timezone: ZoneInfo
    lease_s: float = LEASE_S


def build(environ: Mapping[str, str]) -> ReceiveWebhook:
    """The use case of the disable function."""
    settings = read(Settings, environ)
    aws = Aws()
    return ReceiveWebhook(
        token=PartnerToken(aws.ssm, settings.partner_token_parameter),
        application_id=settings.application_id,
        connections=connections_of(aws.dynamodb, settings.connections),
        ledger=Ledger(
            aws.dynamodb, settings.payments_table, settings.connections.connections_table
        ),
        hints=Hints(aws.sqs, settings.hints_queue_url),
        clock=clock.now,
        zone=settings.platform_timezone,
        lease_s=settings.lease_s,
        sightings=Sightings(aws.dynamodb, settings.pace_table, clock.now),
    )
