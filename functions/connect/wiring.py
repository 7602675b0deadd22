"""The settings of the function, and what it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared import clock
from shared.altegio import order
from shared.altegio.client import Client
from shared.altegio.marketplace import Marketplace
from shared.altegio.rate_limit import bounds_of, pace_of
from shared.altegio.settings import PlatformSettings
from shared.altegio.tokens import PartnerToken
from shared.aws.keys import Keys
from shared.aws.ses import Mail
from shared.aws.session import Aws
from shared.aws.sightings import Sightings
from shared.calls.letter_wishes import LetterWishes
from shared.calls.line_entry import EnterLines
from shared.calls.missed_calls import MissedCalls
from shared.calls.queue import CallWakeUps
from shared.calls.refused_keys import RefusedKeys
from shared.calls.table import Calls
from shared.chains.settings import ChainsSettings
from shared.chains.switching import switching_of
from shared.connect.account_summary import AccountSummary
from shared.connect.first_ring import FirstRings
from shared.connect.flow import ConnectFlow
from shared.connect.locations import Locations
from shared.connect.missed_callers import MissedCallers
from shared.connect.one_time_code import OneTimeCode
from shared.connect.portal import Portal
from shared.connect.tickets import Tickets
from shared.connections.accounts import Accounts
from shared.connections.settings import ConnectionsSettings, LifecyclePolicy
from shared.connections.settle import Settle
from shared.connections.table import connections_of
from shared.payments.ledger import Ledger
from shared.settings import read


@dataclass(frozen=True, slots=True)
class Settings:
    """Of the connect function. Seconds for times."""

    platform: PlatformSettings
    connections: ConnectionsSettings
    chains: ChainsSettings
    accounts_table: str
    tickets_table: str
    calls_table: str
    call_days: int
    default_country: str
    payments_table: str
    lifecycle: LifecyclePolicy
    frame_ancestors: str
    provider_name: str
    terms_url: str
    contact_url: str
    help_url: str
    logo_url: str
    brand_color: str
    mail_from: str
    portal_url: str
    portal_key_parameter: str
    connect_budget_s: float = 20.0
    """For which POST /connect works before it leaves the rest to reconcile; the route has 30."""
    ticket_ttl_s: int = 86400
    """For which the connect page can be submitted."""


@dataclass(frozen=True, slots=True)
class Connect:
    """What the function is made of."""

    settings: Settings
    connecting: ConnectFlow
    proving: OneTimeCode
    missed: MissedCallers
    portal: Portal
    waiting: FirstRings
    sightings: Sightings


def build(environ: Mapping[str, str]) -> Connect:
    """The use cases of the connect function, and the settings that its page shows."""
    settings = read(Settings, environ)
    aws = Aws()
    token = PartnerToken(aws.ssm, settings.platform.partner_token_parameter)
    pace = pace_of(aws.dynamodb, settings.platform, order.PAGES)
    client = Client(settings.platform, token, pace)
    platform = Marketplace(client)
    sightings = Sightings(aws.dynamodb, settings.platform.pace_table, clock.now)
    connections = connections_of(aws.dynamodb, settings.connections)
    accounts = Accounts(aws.dynamodb, settings.accounts_table)
    tickets = Tickets(aws.dynamodb, settings.tickets_table, settings.ticket_ttl_s)
    calls = Calls(aws.dynamodb, settings.calls_table, settings.call_days)
    refused_keys = RefusedKeys(aws.dynamodb, settings.calls_table)
    lines = EnterLines(
        accounts=accounts,
        connections=connections,
        calls=calls,
        wake_ups=CallWakeUps(aws.sqs, settings.chains.calls_queue_url),
        default_country=settings.default_country,
        clock=clock.now,
    )
    zone = settings.platform.platform_timezone
    missed = MissedCalls(
        calls=calls,
        connections=connections,
        clock=clock.now,
        zone=zone,
        days=settings.call_days,
    )
    wishes = LetterWishes(aws.dynamodb, settings.calls_table, clock=clock.now, zone=zone)
    mail = Mail(lambda: aws.ses, settings.mail_from, sightings)
    switching = switching_of(
        aws.dynamodb,
        aws.sqs,
        settings.chains,
        connections=connections,
        client=client,
        rules=settings.lifecycle,
    )
    connecting = ConnectFlow(
        token=token,
        connections=connections,
        accounts=accounts,
        tickets=tickets,
        locations=Locations(
            platform=platform,
            connections=connections,
            tickets=tickets,
            settling=Settle(
                platform=platform,
                connections=connections,
                sightings=sightings,
                clock=clock.now,
                rules=settings.lifecycle,
            ),
            switching=switching,
            pages=bounds_of(aws.dynamodb, settings.platform, order.PAGES_OF_USER),
            clock=clock.now,
            rules=settings.lifecycle,
        ),
        inventory=AccountSummary(
            connections=connections,
            calls=calls,
            ledger=Ledger(
                aws.dynamodb, settings.payments_table, settings.connections.connections_table
            ),
            lines=lines,
            missed=missed,
            switching=switching,
            sightings=sightings,
            refused_keys=refused_keys,
            clock=clock.now,
        ),
        clock=clock.now,
        budget_s=settings.connect_budget_s,
        proves=bool(settings.mail_from),
    )
    proving = OneTimeCode(
        connecting=connecting,
        token=token,
        accounts=accounts,
        connections=connections,
        tickets=tickets,
        lines=lines,
        mail=mail,
        clock=clock.now,
    )
    return Connect(
        settings,
        connecting,
        proving,
        MissedCallers(
            connecting=connecting,
            proving=proving,
            accounts=accounts,
            connections=connections,
            missed=missed,
            wishes=wishes,
        ),
        Portal(
            connecting=connecting,
            accounts=accounts,
            tickets=tickets,
            lines=lines,
            missed=missed,
            key=Keys(aws.ssm, settings.portal_key_parameter),
            key_parameter=settings.portal_key_parameter,
            sightings=sightings,
            clock=clock.now,
        ),
        FirstRings(
            accounts=accounts,
            connections=connections,
            calls=calls,
            tickets=tickets,
            sightings=sightings,
            refused_keys=refused_keys,
            clock=clock.now,
        ),
        sightings,
    )
