"""Where and when a world plays: a seed tells the platform's zone, and the moment of its beginning.

Half of the seeds play in UTC. The others go through the zones, and most of those begin within two
hours before clocks are changed there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from tests.deployment import Clock

# A prime of seconds for each seed, so that schedules begin at all times of the day.
_APART = timedelta(seconds=7919)
_STEP = timedelta(minutes=30)
_BEFORE_A_CHANGE = timedelta(hours=2)
# Nights on which clocks go back are where times of day are there twice: most zones are for those.
_OTHERS = (
    ("Europe/Kyiv", "back"),
    ("Asia/Dubai", ""),
    ("Australia/Lord_Howe", "back"),
    ("Europe/Kyiv", "forward"),
    ("America/New_York", "back"),
    ("Asia/Kathmandu", ""),
    ("Europe/Kyiv", "back"),
    ("Australia/Lord_Howe", "forward"),
    ("America/New_York", ""),
    ("Australia/Lord_Howe", "back"),
    ("America/New_York", "forward"),
)
PAID_AT = ("2026-11-01T10:00:00+00:00", "2026-11-01T10:00:00+00:00", "2026-11-02T10:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when.

    Attributes:
        zone: of the platform's dates.
        at: when it begins.
        paid_at: when a payment may have been made; where clocks go back, the platform's form of two
            of them is the same.
    """

    zone: ZoneInfo
    at: datetime
    paid_at: tuple[str, ...] = PAID_AT

    def __str__(self) -> str:
        return f"{self.zone}, {self.at:%Y-%m-%d %H:%M}Z"


def place(seed: int) -> Place:
    """Of a schedule or a life."""
    name, turn = _OTHERS[seed // 2 % len(_OTHERS)] if seed % 2 else ("UTC", "")
    zone, apart = ZoneInfo(name), seed % 10_000 * _APART
    if not turn:
        return Place(zone, Clock.BEGINS + apart)
    at, by = next(it for it in _changes(zone) if (it[1] < timedelta()) == (turn == "back"))
    paid_at = (at - abs(by) / 2, at + abs(by) / 2, at + timedelta(1))
    return Place(zone, at - apart % _BEFORE_A_CHANGE, tuple(it.isoformat() for it in paid_at))


@cache
def _changes(zone: ZoneInfo) -> tuple[tuple[datetime, timedelta], ...]:
    """When clocks are changed in the year after the present one, and by how much."""
    return tuple(_found(zone, datetime(Clock.BEGINS.year + 1, 1, 1, tzinfo=UTC)))


def _found(zone: ZoneInfo, since: datetime) -> Iterator[tuple[datetime, timedelta]]:
    for step in range(366 * 48):
        at = since + step * _STEP
        by = _offset(at, zone) - _offset(at - _STEP, zone)
        if by:
            yield at, by


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()
