"""The delays of payments, and of the platform's switch-off."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class LedgerPolicy:
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
class CoverPolicy:
    """The settings of the switch-off clock (`coverage`); the defaults stand in template.yaml.

    `trial_days` is -1 for a free application, which is never switched off.
    """

    trial_days: int
    switch_off_warning_s: float
    lease_s: float

    @property
    def free(self) -> bool:
        """Whether the platform never switches a location off."""
        return self.trial_days < 0
