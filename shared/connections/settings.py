"""The settings of connections."""

from dataclasses import dataclass

from shared.delays import HELD_RECHECK_S, LEASE_S, RETRY_BASE_S


@dataclass(frozen=True, slots=True)
class LifecyclePolicy:
    """The delays of connections, in seconds."""

    erase_after_s: float
    grant_window_s: float = 12 * 3600.0
    """For which the platform accepts a callback after the owner's grant."""
    lease_s: float = LEASE_S
    retry_base_s: float = RETRY_BASE_S
    held_recheck_s: float = HELD_RECHECK_S
    hint_rechecks_s: tuple[float, ...] = (60.0, 300.0, 1800.0)
    """After which the status, which may be a minute old, is asked again while a webhook differs."""


@dataclass(frozen=True, slots=True)
class ConnectionsSettings:
    """Where connections and their journal are, and for how long a line of that is kept."""

    connections_table: str
    journal_table: str
    journal_days: int
