"""Switches the telephony of chains on and off, as their locations come and go.

Who belongs to a chain is written with the location's row; what the platform has to be told then is
a due row, so that a page that is closed, or a platform that fails, leaves nothing undone.
"""

import math
from contextlib import suppress
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from shared import clock
from shared.altegio.client import Client
from shared.altegio.outcome import Blocked, Rejected, Sent, Unclear
from shared.altegio.telephony import Telephony
from shared.aws.dynamodb import StaleWrite
from shared.chains import chain as rules_of
from shared.chains.chain import Chain, ChainState
from shared.chains.queue import Releases
from shared.chains.settings import ChainsSettings
from shared.chains.table import Chains
from shared.clock import Clock
from shared.connections import lifecycle
from shared.connections.connection import Connection, State
from shared.connections.crm_token import CrmTokenState
from shared.connections.settings import LifecyclePolicy
from shared.connections.table import Connections
from shared.telemetry import count, logger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_sqs.client import SQSClient


class TelephonyStanding(StrEnum):
    """What the owner has to know about the telephony of a connected location."""

    ON = "on"
    STARTING = "starting"
    # It has been tried several times, and Altegio does not take it.
    LATE = "late"
    STOPPED = "stopped"
    # The location is frozen: calls are refused until it is paid for.
    PAUSED = "paused"
    NONE = "none"
    # Of the redirect: the token in use stays until the next grant.
    OTHER_TOKEN = "other token"  # noqa: S105 - a word
    # Taken over with this grant.
    NEW_TOKEN = "new token"  # noqa: S105 - a word


# The verdict of a location that came with another token than its chain had.
ANOTHER_TOKEN = "telephony: the chain has another CRM token now"  # noqa: S105 - a sentence

# More than the first minutes have.
_TRIES_BEFORE_LATE = 4

# Somebody else may write the same chain at the same moment.
_TRIES = 3


class Switching:
    """The use case of enable and disable."""

    def __init__(
        self,
        *,
        chains: Chains,
        connections: Connections,
        voip: Telephony,
        releases: Releases,
        clock: Clock,
        rules: LifecyclePolicy,
    ) -> None:
        self._chains = chains
        self._connections = connections
        self._voip = voip
        self._releases = releases
        self._clock = clock
        self._rules = rules

    def follow(self, connection: Connection, until: float = math.inf) -> Connection:
        """Has a location join the chain of its token, or leave it, and tells the platform.

        The platform is asked no longer than `until` of `time.monotonic`; the rest is due.

        Raises:
            StaleWrite: somebody else wrote the location's row; it is still due.
        """
        wanted = lifecycle.chain_key(connection)
        if wanted == connection.chain_key and not connection.thawed:
            return connection
        before = connection.chain_key
        if before is not None and before != wanted:
            connection = self._leave(connection, before)
            self.step(before, until)
        if wanted is not None:
            connection = self._join(connection, wanted)
            self.step(wanted, until)
            self._releases.release(connection.location_id)
        return connection

    def standing(self, connection: Connection) -> TelephonyStanding:
        """How the telephony of a connected location stands."""
        if connection.crm_token is None:
            return TelephonyStanding.NONE
        if connection.telephony is CrmTokenState.STOPPED:
            return TelephonyStanding.STOPPED
        if connection.state is State.FROZEN:
            return TelephonyStanding.PAUSED
        chain = self._chains.get(connection.chain_key) if connection.chain_key else None
        if chain is None or not chain.enabled:
            is_late = chain is not None and chain.tries >= _TRIES_BEFORE_LATE
            return TelephonyStanding.LATE if is_late else TelephonyStanding.STARTING
        is_new = connection.verdict == ANOTHER_TOKEN
        return TelephonyStanding.NEW_TOKEN if is_new else TelephonyStanding.ON

    def step(self, key: str, until: float = math.inf) -> None:
        """Tells the platform what a chain's telephony has to be, if that is due."""
        for _ in range(_TRIES):
            chain, now = self._chains.get(key), self._clock()
            if chain is None or chain.state is not ChainState.DUE:
                return
            leased = chain.lease_until is not None and chain.lease_until > now
            if leased or chain.due_at is None or chain.due_at > now:
                return
            try:
                claimed = self._chains.save(rules_of.leased(chain, now, self._rules))
            except StaleWrite:
                continue
            self._tell(claimed, until)

    def _tell(self, claimed: Chain, until: float) -> None:
        outcome = self._voip.switch(claimed.crm_token, on=claimed.wanted, until=until)
        now, why = self._clock(), "" if isinstance(outcome, Sent) else outcome.why
        is_refused = isinstance(outcome, (Rejected, Blocked))
        # What the platform does not know needs no disabling. Refused once, it may be at fault.
        if isinstance(outcome, Sent) or (is_refused and not claimed.wanted and claimed.tries):
            after = rules_of.told(claimed, now, self._rules)
        else:
            unclear = isinstance(outcome, Unclear)
            after = rules_of.not_told(claimed, why, now, self._rules, unclear=unclear)
            if is_refused and claimed.wanted:
                count("TelephonyRefused")
        for location_id in claimed.locations or (None,):
            told = {"location_id": location_id, "chain": claimed.key, "why": why}
            logger.info("telephony on" if claimed.wanted else "telephony off", extra=told)
        self._finish(claimed, after)
        if after.enabled and not claimed.enabled:
            for location_id in after.locations:
                self._releases.release(location_id)

    def _finish(self, claimed: Chain, after: Chain) -> None:
        try:
            self._chains.save(after)
        except StaleWrite:
            # Somebody joined or left meanwhile and made it due: the platform is told again.
            current = self._chains.get(claimed.key)
            if current is not None and current.lease_until == claimed.lease_until:
                with suppress(StaleWrite):
                    self._chains.save(replace(current, lease_until=None, unsure=after.unsure))

    def _join(self, connection: Connection, key: str) -> Connection:
        token, chain_id = connection.crm_token or "", connection.chain_id
        whose = connection.account_id or ""
        named = self._chains.named(whose, chain_id) if chain_id else None
        changed = named is not None and named != key
        verdict = ANOTHER_TOKEN if changed else connection.verdict
        joined = replace(connection, chain_key=key, thawed=False, verdict=verdict)
        for _ in range(_TRIES):
            chain, now = self._chains.get(key), self._clock()
            beside = [
                self._chains.part(rules_of.joined(chain, token, connection.location_id, now)),
                *([self._chains.naming(whose, chain_id, key)] if chain_id and named != key else []),
            ]
            try:
                saved = self._connections.save(joined, now if changed else None, beside)
            except StaleWrite:
                continue
            if changed:
                logger.warning("another CRM token", extra={**saved.names, "chain": key})
            return saved
        raise StaleWrite(f"location {connection.location_id}")

    def _leave(self, connection: Connection, key: str) -> Connection:
        gone = lifecycle.left_chain(connection)
        for _ in range(_TRIES):
            chain, now = self._chains.get(key), self._clock()
            beside = []
            if chain is not None:
                left = rules_of.left(chain, connection.location_id, now, self._rules)
                beside = [self._chains.part(left)]
            try:
                return self._connections.save(gone, None, beside)
            except StaleWrite:
                continue
        raise StaleWrite(f"location {connection.location_id}")


def switching_of(
    dynamodb: "DynamoDBClient",
    sqs: "SQSClient",
    settings: "ChainsSettings",
    *,
    connections: Connections,
    client: Client,
    rules: LifecyclePolicy,
) -> Switching:
    """The use case, with its collaborators."""
    return Switching(
        chains=Chains(dynamodb, settings.chains_table),
        connections=connections,
        voip=Telephony(client, settings.platform_api_url),
        releases=Releases(sqs, settings.calls_queue_url),
        clock=clock.now,
        rules=rules,
    )
