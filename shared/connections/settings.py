"""The settings of connections."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LifecyclePolicy:
    """The delays of connections, in seconds; the defaults stand in template.yaml."""

    grant_window_s: float
    lease_s: float
    retry_base_s: float
    held_recheck_s: float
    hint_rechecks_s: tuple[float, ...]
    erase_after_s: float


@dataclass(frozen=True, slots=True)
class ConnectionsSettings:
    """Where connections and their journal are, and for how long a line of that is kept."""

    connections_table: str
    journal_table: str
    journal_days: int
