"""How to reach the platform, and how often it may be asked."""

import math
from dataclasses import dataclass, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from shared.delays import RETRY_BASE_S

# What the limit leaves unused, as calls do not arrive exactly as evenly as they begin.
_MARGIN = 1.04
# In a minute, where one in a second would fit: a jump meets those that wait, and whichever of them
# arrives late makes one too many of it, for which all would have to pause.
_JUMPS = 48


@dataclass(frozen=True, slots=True)
class PacePolicy:
    """The platform's limit, and the seconds without calls after it was met without a word."""

    pace_per_s: float
    pace_per_min: float
    retry_base_s: float = RETRY_BASE_S

    def share(self, part: float) -> "PacePolicy":
        """The same for a kind of call that may use no more than a part of it."""
        return replace(
            self, pace_per_s=part * self.pace_per_s, pace_per_min=part * self.pace_per_min
        )

    @property
    def jump(self) -> "PacePolicy | None":
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
class PlatformSettings:
    """How to reach the platform. Seconds for times."""

    application_id: int
    partner_token_parameter: str
    platform_app_url: str
    platform_accept: str
    platform_timezone: ZoneInfo
    pace_table: str
    pace: PacePolicy
    http_total_s: float = 10.0
    """One exchange in all; three of them fit into the last part of reconcile's run."""
