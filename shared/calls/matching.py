"""Our calls and the platform's list of them, which does not name them as we do: pure rules.

The list lacks our `call_id`, so a call is known by who called, when, how long and with what result;
of several that look alike, as many are there as there are rows.

Source: https://developer.alteg.io/_bundle/en/developers/openapi.yaml (GET /voip/integration/calls).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from shared.altegio.history import HistoryEntry, ListedCall, UnreadCall

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
    free = [
        (at, row, _digits(row.phone)) for row in rows if row.id not in owned for at in row.moments
    ]
    free.sort(key=lambda it: it[0])
    times = [at for at, _row, _phone in free]
    fitting: dict[str, list[int]] = {}
    for key, entry in entries.items():
        first = bisect_left(times, entry.started_at - _APART)
        after = bisect_right(times, entry.started_at + _APART)
        phone = _digits(entry.phone)
        near = [
            row
            for _at, row, listed in free[first:after]
            if _may_be(entry, row) and _same_number(phone, listed)
        ]
        near.sort(key=lambda row: (*_misfit(entry, row), row.id))
        fitting[key] = [row.id for row in near]
    # Whoever has the fewest choices chooses first.
    order = sorted(entries, key=lambda key: (len(fitting[key]), key))
    holders: dict[int, str] = {}
    hopeless: set[int] = set()
    for key in order:
        _seat(key, fitting, holders, hopeless)
    return {key: row_id for row_id, key in holders.items()}


def is_hidden(entry: HistoryEntry, unread: Collection[UnreadCall]) -> bool:
    """Whether a row that cannot be read may be the entry, as far as its time can be."""
    return any(
        not row.moments or any(abs(entry.started_at - at) <= _APART for at in row.moments)
        for row in unread
    )


def _seat(
    key: str, fitting: Mapping[str, Sequence[int]], holders: dict[int, str], hopeless: set[int]
) -> None:
    """Finds a row for one more, moving others if nothing is free (an augmenting path).

    Rows that were looked at in vain stay so for all who come after: else a thousand calls of one
    caller and minute would take longer than the function has.
    """
    if (row_id := _free(key, fitting, holders)) is not None:
        holders[row_id] = key
        return
    seen: set[int] = set()
    paths = [(key, iter(fitting[key]))]
    taken: list[tuple[int, str]] = []
    while paths:
        asking, choices = paths[-1]
        row_id = next((it for it in choices if it not in seen and it not in hopeless), None)
        if row_id is None:
            paths.pop()
            if taken:
                taken.pop()
            continue
        seen.add(row_id)
        taken.append((row_id, asking))
        holder = holders[row_id]
        if (free := _free(holder, fitting, holders)) is not None:
            holders.update([*taken, (free, holder)])
            return
        paths.append((holder, iter(fitting[holder])))
    hopeless |= seen


def _free(key: str, fitting: Mapping[str, Sequence[int]], holders: Collection[int]) -> int | None:
    """The best of its rows that nobody holds."""
    return next((it for it in fitting[key] if it not in holders), None)


def _may_be(entry: HistoryEntry, row: ListedCall) -> bool:
    return (
        entry.direction == row.direction
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
