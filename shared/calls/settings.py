"""The delays of calls."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """The delays of calls, in seconds; the defaults stand in template.yaml."""

    lease_s: float
    retry_base_s: float
    pop_up_budget_s: float
    call_settle_s: float
    call_checks_s: tuple[float, ...]
    call_backfill_s: float
