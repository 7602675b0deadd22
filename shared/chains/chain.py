"""The telephony of a chain, and what is proven of it: pure rules of (chain, event, now).

A chain is those live locations that brought the same CRM token: the platform's telephony knows
nothing but the token, and the chain's number in the redirect is nobody's word but the link's. It is
enabled when the first of them joins, and disabled when the last one leaves.

                joined, thawed            told: enable
  ────────────────────────────▶ DUE ─────────────────────────▶ ON
                                ▲ │ told: disable, none is left │
                                │ ╰───────────────────▶ OFF     │
                                ╰───────────────────────────────╯ joined, thawed, left

No token is signed, so each location has to prove its own: the first call that is saved has to turn
up in that location's list of calls. A stranger's token would carry the callers to him.

  UNPROVEN ── the call is in the list ──▶ PROVEN       UNPROVEN ── it is not ──▶ STOPPED
      ╰────── we may not read the list ─▶ UNCHECKED ── once it can be read, as UNPROVEN

Source: "Connecting an IP telephony integration via the Marketplace",
https://alteg.io/en/support/knowledge-base/11125420000669
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared import backoff
from shared.connections.crm_token import key
from shared.connections.settings import LifecyclePolicy


class ChainState(StrEnum):
    """Of a chain; only DUE is unfinished."""

    DUE = "due"
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Chain:
    """The live locations that share a CRM token."""

    key: str
    # Empty once the chain is off.
    crm_token: str
    locations: tuple[int, ...]
    state: ChainState
    # What the platform took last. Before that, no call of the chain is saved.
    enabled: bool = False
    told_at: datetime | None = None
    # Whether something may still be on its way that says the opposite.
    unsure: bool = False
    lease_until: datetime | None = None
    tries: int = 0
    verdict: str = ""
    due_at: datetime | None = None
    # Counts the writes; a writer that did not see the last one loses.
    version: int = 0

    @property
    def wanted(self) -> bool:
        """Whether telephony is to be on."""
        return bool(self.locations)


def joined(before: Chain | None, crm_token: str, location_id: int, now: datetime) -> Chain:
    """With one location more, or one that was frozen: nobody says what a freeze does to it."""
    if before is None:
        before = Chain(key(crm_token), crm_token, (), ChainState.OFF)
    locations = tuple(sorted({*before.locations, location_id}))
    is_on = before.state is ChainState.ON and before.enabled
    if is_on and location_id not in before.locations:
        return replace(before, locations=locations)
    return replace(
        before,
        crm_token=crm_token,
        locations=locations,
        state=ChainState.DUE,
        due_at=now,
        tries=0,
    )


def left(chain: Chain, location_id: int, now: datetime, rules: LifecyclePolicy) -> Chain:
    """Without a location. The others are enabled anew: nobody says what an uninstall does to them.

    That waits a little, as many may leave at once.
    """
    locations = tuple(each for each in chain.locations if each != location_id)
    wait = timedelta(seconds=rules.hint_rechecks_s[0]) if locations else timedelta()
    due_at = now + wait
    if chain.state is ChainState.DUE and chain.due_at is not None and locations:
        due_at = min(due_at, chain.due_at)
    return replace(chain, locations=locations, state=ChainState.DUE, due_at=due_at, tries=0)


def leased(chain: Chain, now: datetime, rules: LifecyclePolicy) -> Chain:
    """Held by one worker, so that no command overtakes another."""
    until = now + timedelta(seconds=rules.lease_s)
    # Whoever held it before did not come back, and nobody knows what he sent.
    unsure = chain.unsure or chain.lease_until is not None
    return replace(chain, lease_until=until, due_at=until, unsure=unsure)


def told(chain: Chain, now: datetime, rules: LifecyclePolicy) -> Chain:
    """The platform took what was wanted; said once more if an earlier command may come after it."""
    enabled = chain.wanted
    if chain.unsure:
        due_at = now + timedelta(seconds=rules.retry_base_s)
        return replace(
            chain,
            enabled=enabled,
            unsure=False,
            lease_until=None,
            due_at=due_at,
            verdict="repeated",
        )
    state = ChainState.ON if enabled else ChainState.OFF
    verdict = "enabled" if enabled else "disabled"
    return replace(
        chain,
        # Whoever comes back brings it again.
        crm_token=chain.crm_token if enabled else "",
        state=state,
        enabled=enabled,
        told_at=now,
        lease_until=None,
        tries=0,
        verdict=verdict,
        due_at=None,
    )


def not_told(
    chain: Chain, why: str, now: datetime, rules: LifecyclePolicy, *, unclear: bool
) -> Chain:
    """To be told again after a growing wait."""
    return replace(
        chain,
        unsure=chain.unsure or unclear,
        lease_until=None,
        tries=chain.tries + 1,
        verdict=why,
        due_at=now + backoff.delay(chain.tries, rules.retry_base_s),
    )
