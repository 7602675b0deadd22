"""The delays and limits of each part, as template.yaml gives them: data that all functions load."""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

# What the limit leaves unused, as calls do not arrive exactly as evenly as they begin.
_MARGIN = 1.04
# In a minute, where one in a second would fit: a jump meets those that wait, and whichever of them
# arrives late makes one too many of it, for which all would have to pause.
_JUMPS = 48


@dataclass(frozen=True, slots=True)
class LifecycleRules:
    """The delays of connections, in seconds; the defaults stand in template.yaml."""

    grant_window_s: float
    lease_s: float
    retry_base_s: float
    held_recheck_s: float
    hint_rechecks_s: tuple[float, ...]
    erase_after_s: float


@dataclass(frozen=True, slots=True)
class LedgerRules:
    """The delays of payments and refunds, in seconds; the defaults stand in template.yaml."""

    lease_s: float
    absence_delay_s: float
    retry_base_s: float
    held_recheck_s: float
    refund_wait_s: float

    def waited_long(self, since: datetime, now: datetime) -> bool:
        """Whether it is time to ask a person about what does not come by itself."""
        return now - since > timedelta(seconds=self.refund_wait_s)


@dataclass(frozen=True, slots=True)
class PaceRules:
    """The platform's limit, and the seconds without calls after it was met without a word."""

    pace_per_s: float
    pace_per_min: float
    retry_base_s: float

    def share(self, part: float) -> "PaceRules":
        """The same for a kind of call that may use no more than a part of it."""
        return replace(
            self, pace_per_s=part * self.pace_per_s, pace_per_min=part * self.pace_per_min
        )

    @property
    def jump(self) -> "PaceRules | None":
        """How often a call may go before all that wait; None if never.

        Those that wait go evenly, and this is what the limit of a second leaves beside them.
        """
        if not self.interval:
            return None
        left = math.floor(self.pace_per_s) - math.ceil(timedelta(seconds=1) / self.interval)
        return replace(self, pace_per_s=left, pace_per_min=_JUMPS * left) if left > 0 else None

    @property
    def interval(self) -> timedelta:
        """From one call to the next, in whole milliseconds."""
        seconds = max(1 / self.pace_per_s, 60 / self.pace_per_min) * _MARGIN
        return timedelta(milliseconds=round(1000 * seconds))


@dataclass(frozen=True, slots=True)
class Patience:
    """How a kind of caller stands in the common queue of turns; in seconds.

    Attributes:
        reach_s: how far ahead it may reserve a place, beside the interval before it.
        stays_s: how long it waits for a place to come within its reach.
        ahead_s: by how much it goes before its turn, as a person waits; part of the reach.
    """

    reach_s: float
    stays_s: float = 0.0
    ahead_s: float = 0.0


# The order of all who call the platform, and there is no other. Behind any crowd of those below
# there is a place within the reach of those above, so nobody holds up who comes before him. The
# reach of payments leaves a place to each of their workers; that of the others is so short that a
# payment waits less than a second for all of them together, and half a second for pop-ups.
# Who stays gets the first place that comes within his reach, before those who reach less far.
PAYMENTS = Patience(3.0)
PAGES = Patience(0.35, stays_s=2.0, ahead_s=0.25)
QUESTIONS = Patience(0.3, stays_s=3.0)
POP_UPS = Patience(0.2)
HISTORY = Patience(0.1, stays_s=2.0)
CENSUS = Patience(0.0, stays_s=3.0)
ORDER = (PAYMENTS, PAGES, QUESTIONS, POP_UPS, HISTORY, CENSUS)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What each of a kind of callers may use: a part of the pace, and so many calls at once."""

    kind: str
    part: float
    burst: int


# Of one account, on however many telephones: whoever uses its key, or a copy of it, shares it.
POP_UPS_OF_ACCOUNT = Allowance("pop-up", part=0.5, burst=3)
# Of one Altegio user, in however many tabs.
PAGES_OF_USER = Allowance("page", part=0.5, burst=20)
# Calls that go into the history at once, of one account and of all. The other half of the pace is
# reconcile's, which takes the rest in turn by account: together no more than can be sent, so that
# the queue stays short, and nobody's call stands behind another's thousands.
HISTORY_OF_ACCOUNT = Allowance("history", part=0.25, burst=20)
HISTORY_OF_ALL = Allowance("history-of-all", part=0.5, burst=40)


@dataclass(frozen=True, slots=True)
class CallRules:
    """The delays of calls, in seconds; the defaults stand in template.yaml."""

    lease_s: float
    retry_base_s: float
    pop_up_budget_s: float
    call_settle_s: float
    call_checks_s: tuple[float, ...]
    call_backfill_s: float


@dataclass(frozen=True, slots=True)
class CensusRules:
    """Of the census: seconds between two, 0 for none; what it may use and change at the most."""

    census_every_s: float
    census_share: float
    census_fuse_percent: float


@dataclass(frozen=True, slots=True)
class CoverRules:
    """The settings of the switch-off clock (`cover`); the defaults stand in template.yaml.

    `trial_days` is -1 for a free application, which is never switched off.
    """

    trial_days: int
    switch_off_warning_s: float
    lease_s: float
    report_again_after_reconnect: bool

    @property
    def free(self) -> bool:
        """Whether the platform never switches a location off."""
        return self.trial_days < 0
