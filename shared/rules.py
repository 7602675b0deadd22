"""The delays and limits of each part, as template.yaml gives them: data that all functions load."""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

# What the limit leaves unused, as calls do not arrive exactly as evenly as they begin.
_MARGIN = 1.04


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
        return replace(self, pace_per_s=left, pace_per_min=60 * left) if left > 0 else None

    @property
    def interval(self) -> timedelta:
        """From one call to the next, in whole milliseconds."""
        seconds = max(1 / self.pace_per_s, 60 / self.pace_per_min) * _MARGIN
        return timedelta(milliseconds=round(1000 * seconds))


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
