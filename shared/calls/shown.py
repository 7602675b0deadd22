"""What became of a pop-up, and what is kept of it for whoever sets up the telephone system.

No number of a caller is among it, but its last digits.
"""

import math
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from shared.aws.sightings import TOO_LATE

# Why there were too many, as the door notes it: of one account, or of all together.
OWN_SHARE = "the account's share of our calls to Altegio was used up"
OF_ALL = "our calls to Altegio were used up by all"

# So many digits of a caller tell his own telephone to whoever tries it, and no stranger's to him.
_LAST_DIGITS = 3
# Of a delay below so many seconds, so many make no difference.
_STEPS = ((120, 10), (7200, 60), (math.inf, 3600))
# So many delays tell something; and by so much, in seconds or parts, alike ones differ.
_A_FEW = 3
_ALIKE_S = 20
_ALIKE = 0.25


class PopUp(StrEnum):
    """What became of a pop-up; all but the first are never made good."""

    SENT = "sent"
    REPEATED = "shown before, or the call is over"
    HIDDEN = "the caller hides"
    UNUSABLE = "no country's number"
    UNKNOWN_LINE = "nobody has entered which location this line is of"
    LATE = TOO_LATE
    CROWDED = "too many calls at once"
    CLOSED = "the location takes no calls"
    FAILED = "the platform did not take it"


def facts(*, caller: str, line: str, extension: str, late_s: float) -> dict[str, str]:
    """What is kept of a pop-up; what is not known is left out.

    Args:
        caller: the number, however it is written.
        line: through which he called.
        extension: that rang.
        late_s: seconds between the ring and our hearing of it.
    """
    digits = "".join(filter(str.isdecimal, caller))[-_LAST_DIGITS:]
    told = {"caller": digits, "line": line[:64], "extension": extension[:64]}
    return {name: it for name, it in told.items() if it} | {"late_s": f"{max(0, late_s):.0f}"}


def delay(late: timedelta) -> str:
    """About how late a PBX has told, in seconds, so that delays that are alike are counted as one.

    A clock that is wrong makes all alike; a PBX that is slow does not.
    """
    seconds = max(0.0, late.total_seconds())
    step = _step(seconds)
    return f"{seconds // step * step:.0f}"


def span(counted: Mapping[str, int]) -> tuple[timedelta, timedelta]:
    """From which to which delay those are that were counted as `delay` calls them."""
    seconds = [int(it) for it in counted]
    most = max(seconds)
    return timedelta(seconds=min(seconds)), timedelta(seconds=most + _step(most))


def is_slow(counted: Mapping[str, int]) -> bool | None:
    """Whether a PBX tells late whatever its clock, by its delays; None if they are too few.

    A clock that is behind makes all alike.
    """
    seconds = [int(it) for it in counted]
    if max(seconds) - min(seconds) > max(_ALIKE_S, max(seconds) * _ALIKE):
        return True
    return None if sum(counted.values()) < _A_FEW else False


def _step(seconds: float) -> float:
    return next(step for below, step in _STEPS if seconds < below)
