"""What really happened at the telephone of a location, and who was missed by that: a naive model.

It goes from miss to miss and asks of each whether anything that came later ends it; it knows no
rows, and no order in which anything was told.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

BEGAN = datetime(2026, 11, 2, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Real:
    """A call: of whom (empty if he hides), which way, whether somebody answered, and when."""

    call_id: str
    phone: str
    direction: str
    answered: bool
    at: datetime
    line: str = "+13155550176"
    extension: str = "101"


@dataclass(frozen=True, slots=True)
class Press:
    """Somebody was done with a caller whom he saw missed until then, and when he said so."""

    phone: str
    until: datetime
    by: str
    at: datetime


# An episode: the misses' ids; and by what it ended, when, and who: the extension, or the name.
type Told = tuple[tuple[str, ...], tuple[str, datetime, str] | None]


def expected(calls: Sequence[Real], presses: Iterable[Press]) -> dict[str, list[Told]]:
    """The episodes of each number, the oldest first."""
    found: dict[str, list[Told]] = {}
    pressed = [*presses]
    for miss in sorted(calls, key=lambda it: (it.at, it.call_id)):
        if not miss.phone or miss.direction != "incoming" or miss.answered:
            continue
        listed = found.setdefault(miss.phone, [])
        if listed and _belongs(miss, calls, pressed, listed[-1]):
            ids, end = listed[-1]
            listed[-1] = ((*ids, miss.call_id), end)
        else:
            listed.append(((miss.call_id,), _ends(miss, calls, pressed)))
    return found


def _ends(
    miss: Real, calls: Sequence[Real], presses: Sequence[Press]
) -> tuple[str, datetime, str] | None:
    ways: list[tuple[datetime, int, str, str, str]] = []
    for call in calls:
        is_talk = call.answered and call.direction in ("incoming", "outgoing")
        if is_talk and call.phone == miss.phone and call.at > miss.at:
            way = "our call" if call.direction == "outgoing" else "his call"
            ways.append((call.at, 0, call.call_id, way, call.extension))
    ways += [
        (it.at, 1, "", "press", it.by)
        for it in presses
        if it.phone == miss.phone and it.until >= miss.at
    ]
    if not ways:
        return None
    at, _, _, way, who = min(ways)
    return way, at, who


def _belongs(miss: Real, calls: Sequence[Real], presses: Sequence[Press], last: Told) -> bool:
    ids, end = last
    if end is None:
        return True
    way, at, who = end
    if way != "press":
        return miss.at < at
    [first] = [it for it in calls if it.call_id == ids[0]]
    reach = [
        it.until
        for it in presses
        if (it.phone, it.at, it.by) == (miss.phone, at, who) and it.until >= first.at
    ]
    return miss.at <= min(reach)


def minutes(number: float) -> datetime:
    """So long after the beginning."""
    return BEGAN + timedelta(minutes=number)
