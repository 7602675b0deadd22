"""How many of those who were missed were called back: pure rules of (episodes, now, zone).

Each share says of the episodes that began at least so long ago how many were called back within
that time. The time runs from the first miss of an episode to the beginning of the call that ended
it, ours or one of his own that was answered. A press is no call: what it has ended is told apart.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from shared.calls.missed import CalledBack, Episode, Missed, Pressed, line_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Share:
    """Of the episodes that began at least so long ago.

    Attributes:
        began: so many there were.
        called_back: so many of them were called back within that time.
        pressed: so many of them were ended within that time by a press.
    """

    began: int = 0
    called_back: int = 0
    pressed: int = 0


@dataclass(frozen=True, slots=True)
class Shares:
    """Within an hour, and within a day."""

    hour: Share
    day: Share

    @property
    def words(self) -> str:
        """Both, for the operator."""
        told = (f"{it.called_back} of {it.began}" for it in (self.hour, self.day))
        return " within an hour, ".join(told) + " within a day"


@dataclass(frozen=True, slots=True)
class Numbers:
    """Of one location.

    Attributes:
        all: of all episodes.
        lines: by the line of the first miss; empty where none was told.
        hours: by when the first miss began there: the day of the week, Monday is 0, and the hour.
        extensions: how many were called back within an hour, and within a day, by whose extension;
            empty where the PBX told none.
    """

    all: Shares
    lines: dict[str, Shares]
    hours: dict[tuple[int, int], Shares]
    extensions: dict[str, tuple[int, int]]


def numbers(found: Missed, now: datetime, zone: ZoneInfo) -> Numbers:
    """Counts them.

    Args:
        found: the episodes.
        now: the present moment.
        zone: of the location's clock.
    """
    episodes = (*found.open, *found.ended)

    def hour_of(episode: Episode) -> tuple[int, int]:
        there = episode.since.astimezone(zone)
        return there.weekday(), there.hour

    return Numbers(
        of_all(found, now),
        _grouped(episodes, lambda it: line_of(it.misses[0]), now),
        _grouped(episodes, hour_of, now),
        _by_extension(episodes),
    )


def of_all(found: Missed, now: datetime) -> Shares:
    """The shares of all episodes."""
    return _shares((*found.open, *found.ended), now)


def _grouped[Key: (str, tuple[int, int])](
    episodes: Iterable[Episode], key: Callable[[Episode], Key], now: datetime
) -> dict[Key, Shares]:
    groups: dict[Key, list[Episode]] = defaultdict(list)
    for episode in episodes:
        groups[key(episode)].append(episode)
    shares = {each: _shares(groups[each], now) for each in sorted(groups)}
    return {each: it for each, it in shares.items() if it.hour.began}


def _shares(episodes: Iterable[Episode], now: datetime) -> Shares:
    listed = list(episodes)
    return Shares(_share(listed, HOUR, now), _share(listed, DAY, now))


def _share(episodes: Iterable[Episode], within: timedelta, now: datetime) -> Share:
    old = [it for it in episodes if now - it.since >= within]
    ended = [it.end for it in old if it.end and it.end.at - it.since <= within]
    called = sum(isinstance(end, CalledBack) for end in ended)
    return Share(len(old), called, sum(isinstance(end, Pressed) for end in ended))


def _by_extension(episodes: Iterable[Episode]) -> dict[str, tuple[int, int]]:
    found: dict[str, list[timedelta]] = defaultdict(list)
    for episode in episodes:
        if isinstance(episode.end, CalledBack):
            found[episode.end.extension].append(episode.end.at - episode.since)
    return {
        each: (sum(it <= HOUR for it in took), sum(it <= DAY for it in took))
        for each, took in sorted(found.items())
    }
