"""The settings of the function, and what it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared import clock
from shared.altegio import order
from shared.altegio.client import Client
from shared.altegio.marketplace import Marketplace
from shared.altegio.rate_limit import Share, pace_of
from shared.altegio.settings import PlatformSettings
from shared.altegio.tokens import PartnerToken
from shared.aws.ses import Mail
from shared.aws.session import Aws
from shared.aws.sightings import Sightings
from shared.calls.letter_wishes import LetterWishes
from shared.calls.missed_calls import MissedCalls
from shared.calls.queue import CallWakeUps
from shared.calls.table import Calls
from shared.chains.settings import ChainsSettings
from shared.chains.switching import switching_of
from shared.chains.table import Chains
from shared.connections.accounts import Accounts
from shared.connections.erase import Erase
from shared.connections.settings import ConnectionsSettings, LifecyclePolicy
from shared.connections.settle import Settle
from shared.connections.table import connections_of
from shared.delays import LATE_AFTER_S
from shared.payments.ledger import Ledger
from shared.payments.queue import WakeUps
from shared.payments.record_hosted import RecordHosted
from shared.payments.resolve_unknown import ResolveUnknown
from shared.payments.restored import Marks
from shared.payments.settings import CoverPolicy, LedgerPolicy
from shared.payments.watch_coverage import WatchCoverage
from shared.reconcile.census.run import RunCensus
from shared.reconcile.census.settings import CensusPolicy
from shared.reconcile.census.table import CensusTable
from shared.reconcile.missed_letters import MissedLetters
from shared.reconcile.schedule import Schedule
from shared.settings import read


@dataclass(frozen=True, slots=True)
class Settings:
    """Of the reconcile function. Seconds for times."""

    platform: PlatformSettings
    connections: ConnectionsSettings
    chains: ChainsSettings
    accounts_table: str
    calls_table: str
    payments_table: str
    billing_queue_url: str
    ledger: LedgerPolicy
    lifecycle: LifecyclePolicy
    cover: CoverPolicy
    census_table: str
    census: CensusPolicy
    mail_from: str
    late_after_s: float = LATE_AFTER_S


def build(environ: Mapping[str, str]) -> Schedule:
    """The use case of the reconcile function."""
    settings = read(Settings, environ)
    aws = Aws()
    token = PartnerToken(aws.ssm, settings.platform.partner_token_parameter)
    connections = connections_of(aws.dynamodb, settings.connections)
    ledger = Ledger(aws.dynamodb, settings.payments_table, settings.connections.connections_table)
    client = Client(
        settings.platform, token, pace_of(aws.dynamodb, settings.platform, order.QUESTIONS)
    )
    platform = Marketplace(client)
    # The census, which takes its time, has a share of the pace.
    share = settings.platform.pace.share(settings.census.census_share)
    own = pace_of(aws.dynamodb, settings.platform, order.CENSUS, kind="census", limit=share)
    both = Share(own, pace_of(aws.dynamodb, settings.platform, order.CENSUS))
    surveyed = Marketplace(Client(settings.platform, token, both))
    sightings = Sightings(aws.dynamodb, settings.platform.pace_table, clock.now)
    accounts = Accounts(aws.dynamodb, settings.accounts_table)
    calls = Calls(aws.dynamodb, settings.calls_table, days=0)  # it writes none
    marks = Marks(aws.dynamodb, settings.platform.pace_table)
    looking = ResolveUnknown(
        ledger=ledger, marks=marks, platform=platform, clock=clock.now, rules=settings.ledger
    )
    return Schedule(
        connections=connections,
        ledger=ledger,
        looking=looking,
        recording=RecordHosted(
            ledger=ledger,
            marks=marks,
            platform=platform,
            clock=clock.now,
            zone=platform.zone,
            rules=settings.ledger,
        ),
        settling=Settle(
            platform=platform,
            connections=connections,
            sightings=sightings,
            clock=clock.now,
            rules=settings.lifecycle,
        ),
        watching=WatchCoverage(
            connections=connections,
            ledger=ledger,
            clock=clock.now,
            zone=platform.zone,
            rules=settings.cover,
        ),
        erasing=Erase(
            connections=connections,
            accounts=accounts,
            clock=clock.now,
            rules=settings.lifecycle,
        ),
        pace_rules=settings.platform.pace,
        surveying=RunCensus(
            roll=CensusTable(aws.dynamodb, settings.census_table),
            platform=surveyed,
            connections=connections,
            ledger=ledger,
            marks=marks,
            looking=looking,
            settling=Settle(
                platform=surveyed,
                connections=connections,
                sightings=sightings,
                clock=clock.now,
                rules=settings.lifecycle,
            ),
            sightings=sightings,
            clock=clock.now,
            lifecycle_rules=settings.lifecycle,
            lease_s=settings.ledger.lease_s,
            rules=settings.census,
        ),
        switching=switching_of(
            aws.dynamodb,
            aws.sqs,
            settings.chains,
            connections=connections,
            client=client,
            rules=settings.lifecycle,
        ),
        chains=Chains(aws.dynamodb, settings.chains.chains_table),
        letters=MissedLetters(
            wishes=LetterWishes(
                aws.dynamodb, settings.calls_table, clock=clock.now, zone=platform.zone
            ),
            connections=connections,
            accounts=accounts,
            # It says itself since when.
            missed=MissedCalls(
                calls=calls,
                connections=connections,
                clock=clock.now,
                zone=platform.zone,
                days=0,
            ),
            mail=Mail(lambda: aws.ses_once, settings.mail_from, sightings)
            if settings.mail_from
            else None,
            clock=clock.now,
        ),
        calls=calls,
        call_wake_ups=CallWakeUps(aws.sqs, settings.chains.calls_queue_url),
        wake_ups=WakeUps(aws.sqs, settings.billing_queue_url),
        sightings=sightings,
        clock=clock.now,
        call_s=settings.platform.http_total_s,
        lifecycle_rules=settings.lifecycle,
        ledger_rules=settings.ledger,
        late_after_s=settings.late_after_s,
    )
