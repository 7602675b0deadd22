"""Instants: timezone-aware inside, one sortable text form in the tables, zoneless on the wire."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

type Clock = Callable[[], datetime]

# The platform's date format, which carries no zone (the guide of "Payment notice").
WIRE = "%Y-%m-%d %H:%M:%S"

# Any other is a slip of somebody's, and might not survive a change of zone.
YEARS = range(2000, 2100)
# In some zone the first hours of `YEARS` are in the year before, and the last in the year after.
_YEARS_THERE = range(YEARS.start - 1, YEARS.stop + 1)

# By how much the platform's clock may differ from ours.
SKEW = timedelta(seconds=5)


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def sleep(seconds: float) -> None:
    """Lets time pass."""
    time.sleep(seconds)


def stamp(instant: datetime) -> str:
    """An instant as fixed-width ISO 8601 in UTC, so that text order is time order.

    Example: `2026-11-01T10:10:00.000000Z`.
    """
    return f"{instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def instant(text: str) -> datetime:
    """The instant that `stamp` wrote.

    Raises:
        ValueError: the text is no ISO 8601 date.
    """
    return datetime.fromisoformat(text)


def zone_named(name: str) -> ZoneInfo | None:
    """The zone of an IANA name, whoever wrote it; None if there is none of this name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # A folder of zones is an OSError.
        return None


def wire(instant: datetime, zone: ZoneInfo) -> str:
    """An instant as the platform wants it: `YYYY-MM-DD HH:MM:SS` in `zone`, whole seconds."""
    return instant.astimezone(zone).strftime(WIRE)


def from_wire(text: str, zone: ZoneInfo, *, fold: int = 0) -> datetime:
    """The instant that the platform wrote in `zone`.

    Of a time that is there twice, when clocks go back, the first, and with `fold=1` the second:
    https://docs.python.org/3/library/datetime.html#datetime.datetime.fold

    Raises:
        ValueError: the text has another form, or a year that no zone has in `YEARS`.
    """
    local = datetime.strptime(text, WIRE).replace(tzinfo=zone, fold=fold)
    if local.year not in _YEARS_THERE:
        raise ValueError("a year that nobody means")
    return local.astimezone(UTC)
