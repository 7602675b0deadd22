"""Which location a line is of, as an account's owner has said it: pure rules of (entries, event).

An account has one directory: a location for each of its lines, and for extensions, which count
where a PBX tells no line. Numbers are compared as they are read everywhere; what is none,
such as the name of a trunk, without regard to case and to spaces around it.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.clock import stamp
from shared.one_line import one_line

# Of one account; all of them are in its row, which is read for each call anyway.
MOST = 500
# So many finished calls of one account wait for their lines to be entered: see `is_full`.
MOST_WAITING = 500

# Under what calls are entered whose PBX told neither a line nor an extension.
UNTOLD = "no line"

_LONGEST = 64
# What a list shows is entered as it is shown: a key is read as itself.
_READINGS = 4
# A key that is a number; of what is none, the first letter may be a plus as well.
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
# As `fields.LocationId`.
_LOCATION = re.compile(r"[1-9][0-9]{0,14}")


class BadEntry(Exception):
    """Not an entry of a directory; the text says why, never what it holds."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A line, or an extension, of which nobody has said the location.

    Attributes:
        key: see `key_of`.
        calls: so many wait for it.
        first_at: when the first of them began.
        last_at: when the last of them began.
    """

    key: str
    calls: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry; it is dead if its location has left the account."""

    key: str
    location_id: int
    is_dead: bool


@dataclass(frozen=True, slots=True)
class Directory:
    """All that is to be seen of an account's lines.

    Attributes:
        entries: by their keys.
        unknown: the last one to call first.
    """

    entries: tuple[Listed, ...]
    unknown: tuple[Unknown, ...]

    @property
    def plain(self) -> dict[str, Any]:
        """For a machine."""
        return {
            "lines": [
                {"line": it.key, "location_id": it.location_id, "dead": it.is_dead}
                for it in self.entries
            ],
            "unknown": [
                {
                    "line": it.key,
                    "calls": it.calls,
                    "first_at": stamp(it.first_at),
                    "last_at": stamp(it.last_at),
                }
                for it in self.unknown
            ],
        }


def key_of(line: str, extension: str, country: str) -> str:
    """Under what a line is entered; without a line, its extension.

    Args:
        line: as a PBX, or a person, has written it; may be empty.
        extension: the same, of where the line is missing.
        country: of numbers that name none.

    Returns:
        E.164 with its plus, or a plain text; empty if there is neither.
    """
    key = line.strip() or extension.strip()
    for _ in range(_READINGS):
        key, before = _read(key, country), key
        if key == before:
            break
    return key


def is_number(key: str) -> bool:
    """Whether a key is a number, and no extension or name of a trunk."""
    return _E164.fullmatch(key) is not None


def line_for(entries: Mapping[str, int], location_id: int, extension: str) -> str:
    """What the platform is told where no line was: the location's only number, or the extension.

    Without an extension any of its numbers is right, as the platform finds the location by it.
    """
    own = [key for key, it in entries.items() if it == location_id and is_number(key)]
    return min(own) if own and (len(own) == 1 or not extension) else extension


def unknown(waiting: Iterable[tuple[str, datetime]]) -> tuple[Unknown, ...]:
    """The lines that calls wait for.

    Args:
        waiting: key and beginning of each call.
    """
    began: dict[str, list[datetime]] = {}
    for key, at in waiting:
        began.setdefault(key, []).append(at)
    found = (Unknown(key, len(times), min(times), max(times)) for key, times in began.items())
    return tuple(sorted(found, key=lambda it: (it.last_at, it.key), reverse=True))


def is_full(waiting: Sequence[str], key: str) -> bool:
    """Whether no more calls of an account may wait for this line.

    A line has at most as much room as it leaves, so that one which nobody will ever enter does not
    take it all.

    Args:
        waiting: the key of each call.
        key: of the line.
    """
    return waiting.count(key) >= MOST_WAITING - len(waiting)


def imported(text: str, country: str) -> dict[str, int]:
    """The entries in a CSV file with the columns `line` and `location_id`.

    Raises:
        BadEntry: there is none, or one that cannot be read, with the number of its row.
    """
    try:
        return _imported(csv.DictReader(text.removeprefix("\ufeff").splitlines()), country)
    except csv.Error:
        raise BadEntry("not CSV") from None


def _imported(rows: "csv.DictReader[str]", country: str) -> dict[str, int]:
    entries: dict[str, int] = {}
    names = {name.strip().lower() for name in rows.fieldnames or () if name}
    if not names >= {"line", "location_id"}:
        raise BadEntry("the first row has to name line and location_id")
    for number, row in enumerate(rows, 2):
        told = {name.strip().lower(): value or "" for name, value in row.items() if name}
        key, location_id = key_of(told["line"], "", country), location_of(told["location_id"])
        if not key or location_id is None:
            raise BadEntry(f"row {number}: a line and a location id are needed")
        if entries.setdefault(key, location_id) != location_id:
            raise BadEntry(f"row {number}: the line stands above with another location")
    if not entries:
        raise BadEntry("it has no entry")
    return entries


def location_of(text: str) -> int | None:
    """The id of a location as people and programs write it; None if it is none."""
    text = text.strip()
    return int(text) if _LOCATION.fullmatch(text) else None


def _read(line: str, country: str) -> str:
    # The page loads the numbers of all countries only for who enters one.
    from shared.calls.phone_numbers import Kind, read  # noqa: PLC0415

    number = read(line, country)
    return number.text if number.kind is Kind.E164 else _plain(number.text or line)


def _plain(text: str) -> str:
    return " ".join(one_line(unicodedata.normalize("NFKC", text)).casefold().split())[:_LONGEST]
