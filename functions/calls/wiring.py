"""The settings of the function, and what it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared import clock
from shared.altegio import order
from shared.altegio.client import Client
from shared.altegio.rate_limit import First, bounds_of, pace_of
from shared.altegio.settings import PlatformSettings
from shared.altegio.telephony import Telephony
from shared.altegio.tokens import PartnerToken, UserToken
from shared.aws.dead_letters import DeadLetters
from shared.aws.session import Aws
from shared.aws.sightings import Sightings
from shared.calls.confirm import ConfirmCalls
from shared.calls.directory import LineDirectory
from shared.calls.hearing import Hearing
from shared.calls.history import SaveHistory
from shared.calls.pop_up import CallDoor
from shared.calls.queue import CallWakeUps
from shared.calls.refused_keys import RefusedKeys
from shared.calls.routing import RouteWaiting
from shared.calls.settings import CallPolicy
from shared.calls.table import Calls
from shared.chains.settings import ChainsSettings
from shared.chains.table import Chains
from shared.connections.accounts import Accounts
from shared.connections.settings import ConnectionsSettings
from shared.connections.table import connections_of
from shared.delays import LATE_AFTER_S
from shared.settings import read


@dataclass(frozen=True, slots=True)
class Settings:
    """Of the calls function. Seconds for times, days for `call_days`."""

    platform: PlatformSettings
    connections: ConnectionsSettings
    chains: ChainsSettings
    accounts_table: str
    calls_table: str
    calls_dead_letters_url: str
    user_token_parameter: str
    default_country: str
    recording_hosts: str
    call_days: int
    calls: CallPolicy
    late_after_s: float = LATE_AFTER_S


def build(environ: Mapping[str, str]) -> tuple[CallDoor, SaveHistory, Sightings]:
    """The use cases of the calls function: of its door, and of its queue."""
    settings = read(Settings, environ)
    aws = Aws()
    pop_ups = pace_of(aws.dynamodb, settings.platform, order.POP_UPS)
    pace = pace_of(aws.dynamodb, settings.platform, order.HISTORY)
    jump = settings.platform.pace.jump
    jumps = (
        pace_of(aws.dynamodb, settings.platform, order.POP_UPS, kind="pop-up", limit=jump)
        if jump
        else None
    )
    token = PartnerToken(aws.ssm, settings.platform.partner_token_parameter)
    hosts = frozenset(settings.recording_hosts.lower().split())
    calls = Calls(aws.dynamodb, settings.calls_table, settings.call_days)
    connections = connections_of(aws.dynamodb, settings.connections)
    accounts = Accounts(aws.dynamodb, settings.accounts_table)
    chains = Chains(aws.dynamodb, settings.chains.chains_table)
    voip = Telephony(Client(settings.platform, token, pace), settings.chains.platform_api_url)
    wake_ups = CallWakeUps(aws.sqs, settings.chains.calls_queue_url)
    directory = LineDirectory(connections=connections, default_country=settings.default_country)
    sightings = Sightings(aws.dynamodb, settings.platform.pace_table, clock.now)
    hearing = Hearing(
        calls=calls,
        wake_ups=wake_ups,
        of_account=bounds_of(aws.dynamodb, settings.platform, order.HISTORY_OF_ACCOUNT),
        of_all=bounds_of(aws.dynamodb, settings.platform, order.HISTORY_OF_ALL),
        clock=clock.now,
        rules=settings.calls,
        recording_hosts=hosts,
        sightings=sightings,
    )
    return (
        CallDoor(
            calls=calls,
            accounts=accounts,
            voip=voip,
            pace=First(jumps, pop_ups),
            pop_ups=bounds_of(aws.dynamodb, settings.platform, order.POP_UPS_OF_ACCOUNT),
            directory=directory,
            hearing=hearing,
            wake_ups=wake_ups,
            refused_keys=RefusedKeys(aws.dynamodb, settings.calls_table),
            sightings=sightings,
            clock=clock.now,
            rules=settings.calls,
        ),
        SaveHistory(
            calls=calls,
            hearing=hearing,
            directory=directory,
            routing=RouteWaiting(
                calls=calls,
                accounts=accounts,
                directory=directory,
                hearing=hearing,
                wake_ups=wake_ups,
                clock=clock.now,
                rules=settings.calls,
            ),
            connections=connections,
            accounts=accounts,
            chains=chains,
            voip=voip,
            checking=ConfirmCalls(
                calls=calls,
                connections=connections,
                chains=chains,
                voip=voip,
                user_token=UserToken(aws.ssm, settings.user_token_parameter),
                wake_ups=wake_ups,
                sightings=sightings,
                clock=clock.now,
                rules=settings.calls,
            ),
            pace=pace,
            wake_ups=wake_ups,
            dead_letters=DeadLetters(aws.sqs, settings.calls_dead_letters_url),
            sightings=sightings,
            clock=clock.now,
            rules=settings.calls,
            late_after_s=settings.late_after_s,
        ),
        sightings,
    )
