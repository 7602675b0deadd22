"""The settings of the function, and what it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared import clock
from shared.altegio import order
from shared.altegio.client import Client
from shared.altegio.marketplace import Marketplace
from shared.altegio.rate_limit import pace_of
from shared.altegio.settings import PlatformSettings
from shared.altegio.tokens import PartnerToken
from shared.aws.dead_letters import DeadLetters
from shared.aws.session import Aws
from shared.aws.sightings import Sightings
from shared.connections.settings import ConnectionsSettings
from shared.connections.table import connections_of
from shared.payments.ledger import Ledger
from shared.payments.report import ReportPayments
from shared.payments.settings import LedgerPolicy
from shared.settings import read


@dataclass(frozen=True, slots=True)
class Settings:
    """Of the payments function. Seconds for times."""

    platform: PlatformSettings
    connections: ConnectionsSettings
    payments_table: str
    billing_dead_letters_url: str
    ledger: LedgerPolicy


def build(environ: Mapping[str, str]) -> ReportPayments:
    """The use case of the payments function."""
    settings = read(Settings, environ)
    aws = Aws()
    token = PartnerToken(aws.ssm, settings.platform.partner_token_parameter)
    pace = pace_of(aws.dynamodb, settings.platform, order.PAYMENTS)
    return ReportPayments(
        ledger=Ledger(
            aws.dynamodb, settings.payments_table, settings.connections.connections_table
        ),
        connections=connections_of(aws.dynamodb, settings.connections),
        platform=Marketplace(Client(settings.platform, token, pace)),
        pace=pace,
        dead_letters=DeadLetters(aws.sqs, settings.billing_dead_letters_url),
        sightings=Sightings(aws.dynamodb, settings.platform.pace_table, clock.now),
        clock=clock.now,
        rules=settings.ledger,
    )
