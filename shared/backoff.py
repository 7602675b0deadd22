"""How long to wait before trying again what surely was not done."""

import random
from datetime import timedelta

LONGEST_S = 3600.0


def delay(tries: int, base_s: float, *, at_least_s: float = 0.0) -> timedelta:
    """Exponential with full jitter's upper half: between half and all of `base_s * 2**tries`.

    Args:
        tries: how often it was tried already, from 0.
        base_s: seconds of the first wait.
        at_least_s: seconds that the other side asked for (`Retry-After`).
    """
    longest = min(LONGEST_S, base_s * 2.0 ** min(tries, 20))
    # Spreads retries; nothing secret depends on it.
    wait = random.uniform(longest / 2, longest)  # noqa: S311
    return timedelta(seconds=max(wait, at_least_s))
