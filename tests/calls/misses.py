"""What really happened at the telephone of a location, and who was missed by that: a diary.

It turns the pages of the day, minute by minute, as somebody at the reception would who knew all of
it at once: he writes down who was missed, and crosses him out when somebody talks with him, or says
that he is done with him. It knows no rows, no order in which anything was told, and looks neither
back nor ahead.
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


def expected(calls: Sequence[Real], presses: Sequence[Press]) -> dict[str, list[Told]]:
    """The episodes of each number, the oldest first."""
    found: dict[str, list[Told]] = {}
    for phone in {it.phone for it in calls} - {""}:
        waiting: list[Real] = []
        crossed_out: list[Told] = []
        own = [it for it in calls if it.phone == phone and it.direction != "internal"]
        for moment in sorted({it.at for it in own} | {it.at for it in presses}):
            now = sorted((it for it in own if it.at == moment), key=lambda it: it.call_id)
            # Who talks with him does so because of what was before, not of what begins just now.
            for talk in [it for it in now if it.answered][:1]:
                if waiting:
                    way = "our call" if talk.direction == "outgoing" else "his call"
                    crossed_out.append((_ids(waiting), (way, moment, talk.extension)))
                    waiting = []
            # A press is for what was seen by whoever pressed, and leaves the rest.
            for press in [it for it in presses if (it.phone, it.at) == (phone, moment)]:
                seen = [it for it in waiting if it.at <= press.until]
                if seen:
                    crossed_out.append((_ids(seen), ("press", moment, press.by)))
                    waiting = [it for it in waiting if it.at > press.until]
            waiting += [it for it in now if it.direction == "incoming" and not it.answered]
        told = [*crossed_out, *([(_ids(waiting), None)] if waiting else [])]
        if told:
            began = {it.call_id: it.at for it in own}
            found[phone] = sorted(told, key=lambda it: (began[it[0][0]], it[0]))
    return found


def _ids(misses: Iterable[Real]) -> tuple[str, ...]:
    return tuple(it.call_id for it in misses)


def minutes(number: float) -> datetime:
    """So long after the beginning."""
    return BEGAN + timedelta(minutes=number)
