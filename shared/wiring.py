"""The composition root: the one place that knows the real adapters of each function.

Each builder runs once per cold start; AWS clients share one session, which costs a third of what
two would. Imports are inside the builders, so that no function loads what only another needs.
"""

import gc
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from shared import clock
from shared import settings as config
from shared.altegio import order
from shared.altegio.settings import PlatformSettings
from shared.altegio.tokens import PartnerToken
from shared.chains.settings import ChainsSettings
from shared.connections.journal import Journal
from shared.connections.settings import ConnectionsSettings
from shared.connections.table import Connections

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_sqs.client import SQSClient

    from shared.altegio.client import Altegio
    from shared.altegio.rate_limit import Bounds, Pace
    from shared.altegio.settings import PaceRules
    from shared.calls.history import Saving
    from shared.calls.pop_up import Calling
    from shared.chains.switching import Switching
    from shared.connect.flow import Connecting
    from shared.connect.one_time_code import Proving
    from shared.connect.portal import Portal
    from shared.connections.settings import LifecycleRules
    from shared.payments.report import Paying
    from shared.reconcile.schedule import Reconciling
    from shared.reconcile.webhook import Disabling

# Within a function's 30 s there is time for a few quick tries, not for boto3's default minute.
_AWS = Config(
    connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
)


def once[T](build: Callable[[Mapping[str, str]], T]) -> Callable[[], T]:
    """What `build` makes of the environment, made once.

    In Lambda at once: initialisation runs on a full processor, an invocation on its memory's share.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
    """

    @cache
    def built() -> T:
        return build(os.environ)

    if "AWS_LAMBDA_RUNTIME_API" in os.environ:
        built()
        # What was made until now stays: it need not be looked through for garbage ever again.
        gc.freeze()
        gc.enable()
    return built


@dataclass(frozen=True, slots=True)
class Connect:
    """What the connect function is made of."""

    settings: config.ConnectSettings
    connecting: "Connecting"
    proving: "Proving"
    portal: "Portal"


def connecting(environ: Mapping[str, str]) -> Connect:
    """The use cases of the connect function, and the settings that its page shows."""
    from shared.altegio.client import Altegio
    from shared.aws.ses import Mail
    from shared.calls.table import Calls
    from shared.connect.account_summary import Inventory
    from shared.connect.flow import Connecting
    from shared.connect.one_time_code import Proving
    from shared.connect.portal import Portal
    from shared.connect.portal_key import PortalKey
    from shared.connect.tickets import Tickets
    from shared.connections.accounts import Accounts
    from shared.connections.settle import Settling
    from shared.payments.ledger import Ledger

    settings = config.read(config.ConnectSettings, environ)
    session = boto3.Session()
    dynamodb, ssm = session.client("dynamodb", config=_AWS), session.client("ssm", config=_AWS)
    token = PartnerToken(ssm, settings.platform.partner_token_parameter)
    pace = _pace(dynamodb, settings.platform, order.PAGES)
    platform = Altegio(settings.platform, token, pace)
    connections = _connections(dynamodb, settings.connections)
    accounts = Accounts(dynamodb, settings.accounts_table)
    tickets = Tickets(dynamodb, settings.tickets_table, settings.ticket_ttl_s)
    mail = Mail(lambda: session.client("sesv2", config=_AWS), settings.mail_from)
    switching = _switching(
        dynamodb,
        session.client("sqs", config=_AWS),
        settings.chains,
        connections=connections,
        platform=platform,
        rules=settings.lifecycle,
    )
    connecting = Connecting(
        platform=platform,
        token=token,
        connections=connections,
        accounts=accounts,
        tickets=tickets,
        settling=Settling(
            platform=platform, connections=connections, clock=clock.now, rules=settings.lifecycle
        ),
        switching=switching,
        inventory=Inventory(
            connections=connections,
            calls=Calls(dynamodb, settings.calls_table, settings.call_days),
            ledger=Ledger(
                dynamodb, settings.payments_table, settings.connections.connections_table
            ),
            switching=switching,
        ),
        pages=_bounds(dynamodb, settings.platform, order.PAGES_OF_USER),
        clock=clock.now,
        rules=settings.lifecycle,
        budget_s=settings.connect_budget_s,
        proves=bool(settings.mail_from),
    )
    return Connect(
        settings,
        connecting,
        Proving(
            connecting=connecting,
            token=token,
            accounts=accounts,
            tickets=tickets,
            mail=mail,
            clock=clock.now,
        ),
        Portal(
            connecting=connecting,
            accounts=accounts,
            tickets=tickets,
            key=PortalKey(ssm, settings.portal_key_parameter),
            clock=clock.now,
        ),
    )


def paying(environ: Mapping[str, str]) -> "Paying":
    """The use case of the payments function."""
    from shared.altegio.client import Altegio
    from shared.aws.dead_letters import DeadLetters
    from shared.payments.ledger import Ledger
    from shared.payments.report import Paying

    settings = config.read(config.PaymentsSettings, environ)
    session = boto3.Session()
    token = PartnerToken(
        session.client("ssm", config=_AWS), settings.platform.partner_token_parameter
    )
    dynamodb = session.client("dynamodb", config=_AWS)
    pace = _pace(dynamodb, settings.platform, order.PAYMENTS)
    return Paying(
        ledger=Ledger(dynamodb, settings.payments_table, settings.connections.connections_table),
        connections=_connections(dynamodb, settings.connections),
        platform=Altegio(settings.platform, token, pace),
        pace=pace,
        dead_letters=DeadLetters(
            session.client("sqs", config=_AWS), settings.billing_dead_letters_url
        ),
        clock=clock.now,
        rules=settings.ledger,
    )


def calling(environ: Mapping[str, str]) -> "tuple[Calling, Saving]":
    """The use cases of the calls function: of its door, and of its queue."""
    from shared.altegio.client import Altegio
    from shared.altegio.rate_limit import First
    from shared.altegio.telephony import Voip
    from shared.altegio.tokens import UserToken
    from shared.aws.dead_letters import DeadLetters
    from shared.calls.confirm import Checking
    from shared.calls.hearing import Hearing
    from shared.calls.history import Saving
    from shared.calls.pop_up import Calling
    from shared.calls.queue import CallWakeUps
    from shared.calls.table import Calls
    from shared.chains.table import Chains
    from shared.connections.accounts import Accounts

    settings = config.read(config.CallsSettings, environ)
    session = boto3.Session()
    dynamodb = session.client("dynamodb", config=_AWS)
    sqs, ssm = session.client("sqs", config=_AWS), session.client("ssm", config=_AWS)
    pop_ups = _pace(dynamodb, settings.platform, order.POP_UPS)
    pace = _pace(dynamodb, settings.platform, order.HISTORY)
    jump = settings.platform.pace.jump
    jumps = (
        _pace(dynamodb, settings.platform, order.POP_UPS, kind="pop-up", limit=jump)
        if jump
        else None
    )
    token = PartnerToken(ssm, settings.platform.partner_token_parameter)
    hosts = frozenset(settings.recording_hosts.lower().split())
    calls = Calls(dynamodb, settings.calls_table, settings.call_days)
    connections = _connections(dynamodb, settings.connections)
    accounts = Accounts(dynamodb, settings.accounts_table)
    chains = Chains(dynamodb, settings.chains.chains_table)
    voip = Voip(Altegio(settings.platform, token, pace), settings.chains.platform_api_url)
    wake_ups = CallWakeUps(sqs, settings.chains.calls_queue_url)
    hearing = Hearing(
        calls=calls,
        wake_ups=wake_ups,
        of_account=_bounds(dynamodb, settings.platform, order.HISTORY_OF_ACCOUNT),
        of_all=_bounds(dynamodb, settings.platform, order.HISTORY_OF_ALL),
        clock=clock.now,
        rules=settings.calls,
        recording_hosts=hosts,
    )
    return Calling(
        calls=calls,
        connections=connections,
        accounts=accounts,
        voip=voip,
        pace=First(jumps, pop_ups),
        pop_ups=_bounds(dynamodb, settings.platform, order.POP_UPS_OF_ACCOUNT),
        hearing=hearing,
        wake_ups=wake_ups,
        clock=clock.now,
        rules=settings.calls,
        default_country=settings.default_country,
        recording_hosts=hosts,
    ), Saving(
        calls=calls,
        hearing=hearing,
        connections=connections,
        accounts=accounts,
        chains=chains,
        voip=voip,
        checking=Checking(
            calls=calls,
            connections=connections,
            chains=chains,
            voip=voip,
            user_token=UserToken(ssm, settings.user_token_parameter),
            wake_ups=wake_ups,
            clock=clock.now,
            rules=settings.calls,
        ),
        pace=pace,
        wake_ups=wake_ups,
        dead_letters=DeadLetters(sqs, settings.calls_dead_letters_url),
        clock=clock.now,
        rules=settings.calls,
        late_after_s=settings.late_after_s,
        default_country=settings.default_country,
    )


def disabling(environ: Mapping[str, str]) -> "Disabling":
    """The use case of the disable function."""
    from shared.payments.ledger import Ledger
    from shared.reconcile.hint_queue import Hints
    from shared.reconcile.webhook import Disabling

    settings = config.read(config.DisableSettings, environ)
    session = boto3.Session()
    dynamodb = session.client("dynamodb", config=_AWS)
    return Disabling(
        token=PartnerToken(session.client("ssm", config=_AWS), settings.partner_token_parameter),
        application_id=settings.application_id,
        connections=_connections(dynamodb, settings.connections),
        ledger=Ledger(dynamodb, settings.payments_table, settings.connections.connections_table),
        hints=Hints(session.client("sqs", config=_AWS), settings.hints_queue_url),
        clock=clock.now,
        zone=settings.platform_timezone,
        lease_s=settings.lease_s,
    )


def reconciling(environ: Mapping[str, str]) -> "Reconciling":
    """The use case of the reconcile function."""
    from shared.altegio.client import Altegio
    from shared.altegio.rate_limit import Share
    from shared.calls.queue import CallWakeUps
    from shared.calls.table import Calls
    from shared.chains.table import Chains
    from shared.connections.accounts import Accounts
    from shared.connections.erase import Erasing
    from shared.connections.settle import Settling
    from shared.payments.ledger import Ledger
    from shared.payments.queue import BillingEvents, WakeUps
    from shared.payments.record_hosted import Recording
    from shared.payments.resolve_unknown import Looking
    from shared.payments.watch_coverage import Watching
    from shared.reconcile.census.run import Surveying
    from shared.reconcile.census.table import Roll
    from shared.reconcile.schedule import Reconciling

    settings = config.read(config.ReconcileSettings, environ)
    session = boto3.Session()
    dynamodb = session.client("dynamodb", config=_AWS)
    sqs = session.client("sqs", config=_AWS)
    token = PartnerToken(
        session.client("ssm", config=_AWS), settings.platform.partner_token_parameter
    )
    connections = _connections(dynamodb, settings.connections)
    ledger = Ledger(dynamodb, settings.payments_table, settings.connections.connections_table)
    platform = Altegio(
        settings.platform, token, _pace(dynamodb, settings.platform, order.QUESTIONS)
    )
    # The census, which takes its time, has a share of the pace.
    share = settings.platform.pace.share(settings.census.census_share)
    own = _pace(dynamodb, settings.platform, order.CENSUS, kind="census", limit=share)
    surveyed = Altegio(
        settings.platform, token, Share(own, _pace(dynamodb, settings.platform, order.CENSUS))
    )
    looking = Looking(ledger=ledger, platform=platform, clock=clock.now, rules=settings.ledger)
    return Reconciling(
        connections=connections,
        ledger=ledger,
        looking=looking,
        recording=Recording(
            ledger=ledger,
            platform=platform,
            clock=clock.now,
            zone=platform.zone,
            rules=settings.ledger,
        ),
        settling=Settling(
            platform=platform,
            connections=connections,
            clock=clock.now,
            rules=settings.lifecycle,
        ),
        watching=Watching(
            connections=connections,
            ledger=ledger,
            billing_events=BillingEvents(sqs, settings.billing_queue_url),
            clock=clock.now,
            zone=platform.zone,
            rules=settings.cover,
        ),
        erasing=Erasing(
            connections=connections,
            accounts=Accounts(dynamodb, settings.accounts_table),
            clock=clock.now,
            rules=settings.lifecycle,
        ),
        pace_rules=settings.platform.pace,
        surveying=Surveying(
            roll=Roll(dynamodb, settings.census_table),
            platform=surveyed,
            connections=connections,
            ledger=ledger,
            looking=looking,
            settling=Settling(
                platform=surveyed,
                connections=connections,
                clock=clock.now,
                rules=settings.lifecycle,
            ),
            clock=clock.now,
            lifecycle_rules=settings.lifecycle,
            lease_s=settings.ledger.lease_s,
            rules=settings.census,
        ),
        switching=_switching(
            dynamodb,
            sqs,
            settings.chains,
            connections=connections,
            platform=platform,
            rules=settings.lifecycle,
        ),
        chains=Chains(dynamodb, settings.chains.chains_table),
        calls=Calls(dynamodb, settings.calls_table, days=0),  # it writes none
        call_wake_ups=CallWakeUps(sqs, settings.chains.calls_queue_url),
        wake_ups=WakeUps(sqs, settings.billing_queue_url),
        clock=clock.now,
        call_s=settings.platform.http_total_s,
        lifecycle_rules=settings.lifecycle,
        ledger_rules=settings.ledger,
        late_after_s=settings.late_after_s,
    )


def _connections(dynamodb: "DynamoDBClient", settings: "ConnectionsSettings") -> Connections:
    journal = Journal(dynamodb, settings.journal_table, settings.journal_days)
    return Connections(dynamodb, settings.connections_table, journal)


def _switching(
    dynamodb: "DynamoDBClient",
    sqs: "SQSClient",
    settings: "ChainsSettings",
    *,
    connections: Connections,
    platform: "Altegio",
    rules: "LifecycleRules",
) -> "Switching":
    from shared.altegio.telephony import Voip
    from shared.calls.queue import CallWakeUps
    from shared.chains.switching import Switching
    from shared.chains.table import Chains

    return Switching(
        chains=Chains(dynamodb, settings.chains_table),
        connections=connections,
        voip=Voip(platform, settings.platform_api_url),
        wake_ups=CallWakeUps(sqs, settings.calls_queue_url),
        clock=clock.now,
        rules=rules,
    )


def _pace(
    dynamodb: "DynamoDBClient",
    settings: "PlatformSettings",
    patience: order.Patience,
    *,
    kind: str = "platform",
    limit: "PaceRules | None" = None,
) -> "Pace":
    from shared.altegio.rate_limit import Pace

    return Pace(
        dynamodb,
        settings.pace_table,
        clock=clock.now,
        sleep=clock.sleep,
        rules=limit or settings.pace,
        ahead_s=patience.ahead_s,
        patience_s=patience.reach_s - patience.ahead_s,
        stays_s=patience.stays_s,
        key=kind,
    )


def _bounds(
    dynamodb: "DynamoDBClient", settings: "PlatformSettings", allowance: order.Allowance
) -> "Bounds":
    from shared.altegio.rate_limit import Bounds

    return Bounds(
        dynamodb, settings.pace_table, clock=clock.now, rules=settings.pace, allowance=allowance
    )
