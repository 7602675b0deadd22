"""What the page of missed callers shows beside the list: a plot of the week, and a file."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from functions.connect.cldr import FORMS
from functions.connect.words import Words
from shared.calls import call_backs
from shared.calls.call_backs import Numbers
from shared.calls.letter_wishes import HOUR
from shared.calls.missed import CalledBack, Episode
from shared.clock import wire
from shared.connect.missed_callers import Shown

# Of the plot, in its own units; 24 squares and the names of the days are as wide as a phone.
WIDE, TALL, GAP, LEFT, TOP = 11, 15, 1, 30, 15
WIDTH, HEIGHT = LEFT + 24 * (WIDE + GAP), TOP + 7 * (TALL + GAP)
_FAINTEST = 0.35
# What a program for tables takes for a sum to work out, at the beginning of a cell.
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Square:
    """One hour of the week in which somebody was missed.

    Attributes:
        x, y: its upper left corner.
        strength: how many were missed, of the most in any hour; up to 1.
        height: of the part that were called back within an hour.
        says: the same in words.
    """

    x: int
    y: int
    strength: float
    height: float
    says: str


@dataclass(frozen=True, slots=True)
class View:
    """Of one location."""

    shown: Shown
    numbers: Numbers
    squares: tuple[Square, ...]
    zone: str
    days: int
    width: int = WIDTH
    height: int = HEIGHT
    wide: int = WIDE
    tall: int = TALL
    columns: tuple[int, ...] = tuple(LEFT + hour * (WIDE + GAP) for hour in range(24))
    rows: tuple[int, ...] = tuple(TOP + day * (TALL + GAP) for day in range(7))
    # As many as one looks through.
    most: int = 100
    most_ended: int = 10
    letter_hour: int = HOUR


def view(shown: Shown, words: Words, now: datetime, days: int) -> View:
    """What is shown of a location whose calls are kept for so many days."""
    found = shown.found
    numbers = call_backs.numbers(found.missed, now, found.zone)
    return View(shown, numbers, tuple(_squares(numbers, words)), found.zone.key, days)


def _squares(numbers: Numbers, words: Words) -> Iterator[Square]:
    most = max((it.hour.began for it in numbers.hours.values()), default=1)
    for (day, hour), shares in numbers.hours.items():
        share = shares.hour
        says = words.missed.cell.format(
            day=words.missed.days[day], hour=hour, called_back=share.called_back, missed=share.began
        )
        yield Square(
            x=LEFT + hour * (WIDE + GAP),
            y=TOP + day * (TALL + GAP),
            strength=round(_FAINTEST + (1 - _FAINTEST) * share.began / most, 2),
            height=round(TALL * share.called_back / share.began, 2),
            says=says,
        )


def table(shown: Shown, words: Words) -> str:
    """The callers as a file for a program for tables, whose language is the reader's.

    Where a comma is in the numbers, such programs part cells by a semicolon.
    """
    text = io.StringIO()
    apart = ";" if FORMS[words.language].decimal == "," else ","
    rows = csv.writer(text, delimiter=apart, lineterminator="\r\n")
    rows.writerow(words.missed.csv[1:])
    found = shown.found
    for episode in (*found.missed.open, *found.missed.ended):
        rows.writerow(map(_safe, _row(episode, words, found.zone)))
    # Without the mark, Excel takes it for another encoding.
    return "\ufeff" + text.getvalue()


def _row(episode: Episode, words: Words, zone: ZoneInfo) -> tuple[str, ...]:
    end, by = episode.end, words.missed.by
    told = ("", "", "")
    if isinstance(end, CalledBack):
        way = "his call" if end.rang_again else "our call"
        told = (by[way], wire(end.at, zone), end.extension)
    elif end is not None:
        told = (words.missed.done[1], wire(end.at, zone), end.by)
    return (
        episode.phone,
        str(len(episode.misses)),
        wire(episode.since, zone),
        wire(episode.last, zone),
        " ".join(episode.lines),
        *told,
    )


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULAS) else cell
