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

from shared import clock, config, rules
from shared.connections import Connections
from shared.journal import Journal
from shared.partner_token import PartnerToken

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_sqs.client import SQSClient

    from shared.altegio import Altegio
    from shared.calling import Calling
    from shared.connecting import Connecting
    from shared.disabling import Disabling
    from shared.pace import Bounds, Pace
    from shared.paying import Paying
    from shared.portal import Portal
    from shared.proving import Proving
    from shared.reconciling import Reconciling
    from shared.rules import LifecycleRules, PaceRules
    from shared.saving import Saving
    from shared.switching import Switching

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
    from shared.accounts import Accounts
    from shared.altegio import Altegio
    from shared.belongings import Inventory
    from shared.calls import Calls
    from shared.connecting import Connecting
    from shared.ledger import Ledger
    from shared.mail import Mail
    from shared.portal import Portal
    from shared.portal_key import PortalKey
    from shared.proving import Proving
    from shared.settling import Settling
    from shared.tickets import Tickets

    settings = config.read(config.ConnectSettings, environ)
    session = boto3.Session()
    dynamodb, ssm = session.client("dynamodb", config=_AWS), session.client("ssm", config=_AWS)
    token = PartnerToken(ssm, settings.platform.partner_token_parameter)
    pace = _pace(dynamodb, settings.platform, rules.PAGES)
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
        pages=_bounds(dynamodb, settings.platform, rules.PAGES_OF_USER),
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
    from shared.altegio import Altegio
    from shared.ledger import Ledger
    from shared.paying import Paying
    from shared.queues import DeadLetters

    settings = config.read(config.PaymentsSettings, environ)
    session = boto3.Session()
    token = PartnerToken(
        session.client("ssm", config=_AWS), settings.platform.partner_token_parameter
    )
    dynamodb = session.client("dynamodb", config=_AWS)
    pace = _pace(dynamodb, settings.platform, rules.PAYMENTS)
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
    from shared.accounts import Accounts
    from shared.altegio import Altegio
    from shared.calling import Calling
    from shared.calls import Calls
    from shared.chains import Chains
    from shared.checking import Checking
    from shared.hearing import Hearing
    from shared.pace import First
    from shared.queues import CallWakeUps, DeadLetters
    from shared.saving import Saving
    from shared.user_token import UserToken
    from shared.voip import Voip

    settings = config.read(config.CallsSettings, environ)
    session = boto3.Session()
    dynamodb = session.client("dynamodb", config=_AWS)
    sqs, ssm = session.client("sqs", config=_AWS), session.client("ssm", config=_AWS)
    pop_ups = _pace(dynamodb, settings.platform, rules.POP_UPS)
    pace = _pace(dynamodb, settings.platform, rules.HISTORY)
    jump = settings.platform.pace.jump
    jumps = (
        _pace(dynamodb, settings.platform, rules.POP_UPS, kind="pop-up", limit=jump)
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
        of_account=_bounds(dynamodb, settings.platform, rules.HISTORY_OF_ACCOUNT),
        of_all=_bounds(dynamodb, settings.platform, rules.HISTORY_OF_ALL),
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
        pop_ups=_bounds(dynamodb, settings.platform, rules.POP_UPS_OF_ACCOUNT),
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
    from shared.disabling import Disabling
    from shared.ledger import Ledger
    from shared.queues import Hints

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
    from shared.accounts import Accounts
    from shared.altegio import Altegio
    from shared.calls import Calls
    from shared.chains import Chains
    from shared.erasing import Erasing
    from shared.ledger import Ledger
    from shared.looking import Looking
    from shared.pace import Share
    from shared.queues import BillingEvents, CallWakeUps, WakeUps
    from shared.reconciling import Reconciling
    from shared.recording import Recording
    from shared.roll import Roll
    from shared.settling import Settling
    from shared.surveying import Surveying
    from shared.watching import Watching

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
        settings.platform, token, _pace(dynamodb, settings.platform, rules.QUESTIONS)
    )
    # The census, which takes its time, has a share of the pace.
    share = settings.platform.pace.share(settings.census.census_share)
    own = _pace(dynamodb, settings.platform, rules.CENSUS, kind="census", limit=share)
    surveyed = Altegio(
        settings.platform, token, Share(own, _pace(dynamodb, settings.platform, rules.CENSUS))
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


def _connections(dynamodb: "DynamoDBClient", settings: "config.ConnectionsSettings") -> Connections:
    journal = Journal(dynamodb, settings.journal_table, settings.journal_days)
    return Connections(dynamodb, settings.connections_table, journal)


def _switching(
    dynamodb: "DynamoDBClient",
    sqs: "SQSClient",
    settings: "config.ChainsSettings",
    *,
    connections: Connections,
    platform: "Altegio",
    rules: "LifecycleRules",
) -> "Switching":
    from shared.chains import Chains
    from shared.queues import CallWakeUps
    from shared.switching import Switching
    from shared.voip import Voip

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
    settings: "config.PlatformSettings",
    patience: rules.Patience,
    *,
    kind: str = "platform",
    limit: "PaceRules | None" = None,
) -> "Pace":
    from shared.pace import Pace

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
    dynamodb: "DynamoDBClient", settings: "config.PlatformSettings", allowance: rules.Allowance
) -> "Bounds":
    from shared.pace import Bounds

    return Bounds(
        dynamodb, settings.pace_table, clock=clock.now, rules=settings.pace, allowance=allowance
    )
