"""The delays of calls."""

from dataclasses import dataclass

from shared.delays import LEASE_S, RETRY_BASE_S


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """The delays of calls, in seconds."""

    lease_s: float = LEASE_S
    retry_base_s: float = RETRY_BASE_S
    pop_up_budget_s: float = 20.0
    """After which a call that rings is not shown any more."""
    call_settle_s: float = 5.0
    """After a call's end, in which other legs of it may report."""
    call_checks_s: tuple[float, ...] = (10.0, 60.0, 300.0)
    """After which a saved call is looked for in the platform's list, until it is there."""
    call_backfill_s: float = 3 * 86400.0
    """For which a call waits to be saved, through an outage, a freeze or a disconnect; well below
    the least of CallDays."""
