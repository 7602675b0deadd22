"""The delays of payments, and of the platform's switch-off."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.delays import HELD_RECHECK_S, LEASE_S, RETRY_BASE_S


@dataclass(frozen=True, slots=True)
class LedgerPolicy:
    """The delays of payments and refunds, in seconds."""

    lease_s: float = LEASE_S
    absence_delay_s: float = 900.0
    """Before an unclear payment may be looked up: the platform may still be at work on it."""
    retry_base_s: float = RETRY_BASE_S
    held_recheck_s: float = HELD_RECHECK_S
    refund_wait_s: float = 3 * 86400.0
    """For which a refund waits for its payment before a person is asked."""

    def __post_init__(self) -> None:
        """Whoever works under a lease may be sending still: who looks earlier would send again.

        Raises:
            ValueError: a payment may be looked up while its lease lasts.
        """
        if self.absence_delay_s <= self.lease_s:
            raise ValueError("ABSENCE_DELAY_S has to be longer than LEASE_S")

    def waited_long(self, since: datetime, now: datetime) -> bool:
        """Whether it is time to ask a person about what does not come by itself."""
        return now - since > timedelta(seconds=self.refund_wait_s)


@dataclass(frozen=True, slots=True)
class CoverPolicy:
    """The settings of the switch-off clock (`coverage`).

    `trial_days` is -1 for a free application, which is never switched off.
    """

    trial_days: int
    switch_off_warning_s: float
    lease_s: float = LEASE_S

    @property
    def free(self) -> bool:
        """Whether the platform never switches a location off."""
        return self.trial_days < 0
