"""Our calls and the platform's list of them, which does not name them as we do: pure rules.

The list lacks our `call_id`, so a call is known by who called, when, how long and with what result;
of several that look alike, as many are there as there are rows.

Source: https://developer.alteg.io/_bundle/en/developers/openapi.yaml (GET /voip/integration/calls).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from shared.altegio.history import HistoryEntry, ListedCall

# By how much the list's time of a call may differ from the one that was sent.
_APART = timedelta(minutes=1)
# Numbers may lack their country or their plus, but not more.
_FEWEST_DIGITS = 7


def found(
    entries: Mapping[str, HistoryEntry], rows: Sequence[ListedCall], owned: Collection[int]
) -> dict[str, int]:
    """Which of the entries are in the list, each in a row of its own: as many as there can be.

    None may be thought missing because its row was given to another that has one beside it: it
    would be saved again. So a row is passed on as long as that finds place for one more.

    Args:
        entries: by their keys.
        rows: the list.
        owned: ids of rows that are other calls' already.

    Returns:
        The row's id by the entry's key.
    """
    free = [(at, row) for row in rows if row.id not in owned for at in row.moments]
    free.sort(key=lambda it: it[0])
    times = [at for at, _row in free]
    fitting: dict[str, list[int]] = {}
    for key, entry in entries.items():
        first = bisect_left(times, entry.started_at - _APART)
        after = bisect_right(times, entry.started_at + _APART)
        near = [row for _at, row in free[first:after] if _may_be(entry, row)]
        near.sort(key=lambda row: (*_misfit(entry, row), row.id))
        fitting[key] = [row.id for row in near]
    # Whoever has the fewest choices chooses first.
    order = sorted(entries, key=lambda key: (len(fitting[key]), key))
    holders: dict[int, str] = {}
    for key in order:
        _seated(key, fitting, holders)
    return {key: row_id for row_id, key in holders.items()}


def _seated(key: str, fitting: Mapping[str, Sequence[int]], holders: dict[int, str]) -> bool:
    """Whether a row is found for one more, moving others if that helps (an augmenting path)."""
    paths, seen = [(key, iter(fitting[key]))], set()
    taken: list[tuple[int, str]] = []
    while paths:
        asking, choices = paths[-1]
        for row_id in choices:
            if row_id in seen:
                continue
            seen.add(row_id)
            taken.append((row_id, asking))
            if row_id not in holders:
                holders.update(taken)
                return True
            paths.append((holders[row_id], iter(fitting[holders[row_id]])))
            break
        else:
            paths.pop()
            if taken:
                taken.pop()
    return False


def _may_be(entry: HistoryEntry, row: ListedCall) -> bool:
    return (
        entry.direction == row.direction
        and _same_number(_digits(entry.phone), _digits(row.phone))
        # A call that was told as missed first may be there twice: each row for what it tells.
        and entry.answered == row.answered
    )


def _misfit(entry: HistoryEntry, row: ListedCall) -> tuple[int, timedelta]:
    apart = min(abs(entry.started_at - at) for at in row.moments)
    return abs(entry.duration_s - row.duration_s), apart


def _digits(number: str) -> str:
    return "".join(char for char in number if char.isdecimal())


def _same_number(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) < _FEWEST_DIGITS:
        return shorter == longer
    return longer.endswith(shorter)
