"""Who called and was missed, and who called back: pure rules of (calls of a location, now).

A call was missed if somebody called from outside, the call is over, and nobody has answered any leg
of it. All misses of one number are one *episode* until it ends: by the first answered call of that
number that began after the first of them, in whichever direction, or by a press with a name. The
press stands in the row of the caller's last miss that whoever pressed has seen, and covers what
began no later. So a miss that is told late, and began later, is open again; and whatever comes in
whichever order, what is known of the calls alone decides, and nothing is kept beside them.

Callers without a number cannot be called back: they are counted apart.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.calls.call import LONGEST_CALL, Call
from shared.one_line import one_line

# Of the name of who presses.
LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class CalledBack:
    """A call ended it: ours to him, or he called again and was answered.

    Attributes:
        at: when it began.
        extension: who was at our end, as the PBX tells it; may be empty.
        rang_again: whether it was he who called.
    """

    at: datetime
    extension: str
    rang_again: bool


@dataclass(frozen=True, slots=True)
class Pressed:
    """Somebody said that there is nothing left to do, and under which name."""

    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Episode:
    """One caller who was missed, once or more often.

    Attributes:
        phone: E.164 with its plus.
        misses: the calls, the oldest first; there is one at least.
        end: None while it is open.
    """

    phone: str
    misses: tuple[Call, ...]
    end: CalledBack | Pressed | None

    @property
    def since(self) -> datetime:
        """When he was missed for the first time."""
        return began(self.misses[0])

    @property
    def last(self) -> datetime:
        """When he was missed for the last time."""
        return began(self.misses[-1])

    @property
    def lines(self) -> tuple[str, ...]:
        """Which lines he called, in this order; each once."""
        return tuple(dict.fromkeys(line_of(call) for call in self.misses if line_of(call)))


@dataclass(frozen=True, slots=True)
class Missed:
    """What is to be known of the callers of a location who were missed.

    Attributes:
        open: whom nobody has called back, the last one to call first.
        ended: the others, in the same order.
        hidden: misses without a number, the newest first.
    """

    open: tuple[Episode, ...]
    ended: tuple[Episode, ...]
    hidden: tuple[Call, ...]


def missed(calls: Iterable[Call], now: datetime) -> Missed:
    """Who of the callers of a location was missed, and what became of it.

    Args:
        calls: of one location, in any order.
        now: the present moment.
    """
    of_number: dict[str, list[Call]] = {}
    for call in sorted(calls, key=lambda it: (began(it), it.key)):
        of_number.setdefault(number_of(call), []).append(call)
    hidden = [call for call in of_number.pop("", []) if is_missed(call, now)]
    found = [
        episode for phone, known in of_number.items() for episode in _episodes(phone, known, now)
    ]
    found.sort(key=lambda it: (it.last, it.phone), reverse=True)
    return Missed(
        tuple(it for it in found if it.end is None),
        tuple(it for it in found if it.end is not None),
        tuple(reversed(hidden)),
    )


def known_since(episodes: Iterable[Episode], since: datetime) -> tuple[Episode, ...]:
    """Those with a miss that became known at a moment or later, each with such misses alone.

    However long before it began: a telephone system that had no connection tells it afterwards.
    """
    of_all = ((it, tuple(miss for miss in it.misses if _known(miss) >= since)) for it in episodes)
    return tuple(replace(it, misses=misses) for it, misses in of_all if misses)


def is_missed(call: Call, now: datetime) -> bool:
    """Whether it is over, as was told or as no call lasts longer, and nobody has answered."""
    is_over = call.ended or now - call.received_at >= LONGEST_CALL
    return call.leg is not None and call.leg.is_missed and is_over


def _known(miss: Call) -> datetime:
    """Since when it counts as missed."""
    return miss.received_at if miss.ended else miss.received_at + LONGEST_CALL


def began(call: Call) -> datetime:
    """When, as far as it was told."""
    return call.started_at or call.received_at


def line_of(call: Call) -> str:
    """The line that it came by, as the platform is told of it; may be empty."""
    return call.leg.line if call.leg else ""


def number_of(call: Call) -> str:
    """The number of the outside party; empty if it is none that can be called.

    A leg may show a colleague's number instead, as after a transfer.
    """
    leg = call.leg.phone if call.leg else ""
    return next((it for it in (call.caller or "", leg) if it.startswith("+")), "")


def pressed(call: Call, by: str, now: datetime) -> Call:
    """The last miss of a caller, once somebody is done with him; a second press changes nothing."""
    return call if call.done_at else replace(call, done_by=by, done_at=now)


def name_of(text: str) -> str:
    """The name of who presses, as it is kept; empty if there is none, or it is too long."""
    name = one_line(text)
    return name if len(name) <= LONGEST_NAME else ""


def _episodes(phone: str, calls: Sequence[Call], now: datetime) -> Iterable[Episode]:
    """Of one number, whose calls are in order."""
    answered = [call for call in calls if _is_answered(call)]
    presses = [call for call in calls if call.done_at is not None]
    misses = [call for call in calls if is_missed(call, now)]
    while misses:
        end, until, is_covered = _end(misses[0], answered, presses)
        reached = sum(began(it) < until or (is_covered and began(it) == until) for it in misses)
        # Its first miss is its own, whatever ends it: so this ends, too.
        count = max(1, reached)
        # What an answered call ends began before it; what a press covers, no later than its row.
        yield Episode(phone, tuple(misses[:count]), end)
        misses = misses[count:]


def _end(
    first: Call, answered: Sequence[Call], presses: Sequence[Call]
) -> tuple[CalledBack | Pressed | None, datetime, bool]:
    """What ends an episode, up to which moment it reaches, and whether that belongs to it."""
    call = next((it for it in answered if began(it) > began(first)), None)
    covering = [(it.done_at, began(it), it) for it in presses if began(it) >= began(first)]
    press = min(((at, to, it.done_by) for at, to, it in covering if at), default=None)
    if press and (call is None or press[0] < began(call)):
        return Pressed(press[0], press[2]), press[1], True
    if call and call.leg:
        rang_again = call.leg.direction == "incoming"
        return CalledBack(began(call), call.leg.extension, rang_again), began(call), False
    return None, datetime.max.replace(tzinfo=first.received_at.tzinfo), True


def _is_answered(call: Call) -> bool:
    """Whether somebody of ours has talked with the outside party."""
    return call.leg is not None and call.leg.answered and call.leg.direction != "internal"
