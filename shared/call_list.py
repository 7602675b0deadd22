"""Our calls and the platform's list of them, which does not name them as we do: pure rules.

The list lacks our `call_id`, so a call is known by who called, when, how long and with what result;
of several that look alike, as many are there as there are rows.

Source: https://developer.alteg.io/_bundle/en/developers/openapi.yaml (GET /voip/integration/calls).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

# By how much the list's time of a call may differ from the one that was sent.
_APART = timedelta(minutes=1)
# Numbers may lack their country or their plus, but not more.
_FEWEST_DIGITS = 7


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A call as the platform is to save it; `phone` and `line` in their normal form."""

    call_id: str
    direction: str
    phone: str
    line: str
    user: str | None
    duration_s: int
    link: str | None
    answered: bool
    started_at: datetime


@dataclass(frozen=True, slots=True)
class ListedCall:
    """A call as the platform lists it."""

    id: int
    direction: str
    phone: str
    duration_s: int
    answered: bool
    at: datetime


def found(
    entries: Mapping[str, HistoryEntry], rows: Sequence[ListedCall], owned: Collection[int]
) -> dict[str, int]:
    """Which of the entries are in the list, each in a row of its own; the best fits first.

    Args:
        entries: by their keys.
        rows: the list.
        owned: ids of rows that are other calls' already.

    Returns:
        The row's id by the entry's key.
    """
    free = [row for row in rows if row.id not in owned]
    fits = sorted(
        (*_misfit(entry, row), key, row.id)
        for key, entry in entries.items()
        for row in free
        if _may_be(entry, row)
    )
    taken: dict[str, int] = {}
    for *_, key, row_id in fits:
        if key not in taken and row_id not in taken.values():
            taken[key] = row_id
    return taken


def _may_be(entry: HistoryEntry, row: ListedCall) -> bool:
    return (
        entry.direction == row.direction
        and abs(entry.started_at - row.at) <= _APART
        and _same_number(_digits(entry.phone), _digits(row.phone))
        # A call that was told as missed first may be there twice: each row for what it tells.
        and entry.answered == row.answered
    )


def _misfit(entry: HistoryEntry, row: ListedCall) -> tuple[int, timedelta]:
    return abs(entry.duration_s - row.duration_s), abs(entry.started_at - row.at)


def _digits(number: str) -> str:
    return "".join(char for char in number if char.isdecimal())


def _same_number(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) < _FEWEST_DIGITS:
        return shorter == longer
    return longer.endswith(shorter)
