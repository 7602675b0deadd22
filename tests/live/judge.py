"""Whether the platform has what it has to have of a call, by its own records."""

from collections.abc import Sequence
from dataclasses import dataclass

from local.simulator.telephony import PopUp, SavedCall

LOCATION = 4564
LINE = "+13155550176"
# A switch counts whole seconds, and its telephones need a moment each.
TALK_WITHIN_S = 2
DATE_WITHIN_S = 2


@dataclass(frozen=True)
class Right:
    """What the platform has to have of a call in the end.

    Attributes:
        talk_s: how long people talked; 0 for a call that nobody took.
        user: the extension of whoever talked last.
        phone: the other side; empty for the caller's number, or as the platform shows it.
        pop_up: whether the caller was shown while it rang.
    """

    talk_s: float = 0
    user: str = ""
    phone: str = ""
    direction: str = "incoming"
    pop_up: bool = True


def wrong(
    right: Right, caller: str, began: float, saved: Sequence[SavedCall], shown: Sequence[PopUp]
) -> str:
    """What is wrong of a call; empty if nothing is.

    Args:
        right: what has to be there.
        caller: the number that called, or was called.
        began: when, in seconds since 1970.
        saved: the entries of this call.
        shown: the pop-ups of this call.
    """
    if len(saved) != 1:
        return f"{len(saved)} entries"
    [entry] = saved
    expected = {
        "direction": right.direction,
        "status": "success" if right.talk_s else "missed",
        "phone": right.phone or caller,
        "line": LINE,
        "user": right.user,
    }
    found = [
        f"{name} is {getattr(entry, name)!r}, not {value!r}"
        for name, value in expected.items()
        if getattr(entry, name) != value
    ]
    if abs(entry.duration - right.talk_s) > TALK_WITHIN_S or (entry.duration > 0) != bool(
        right.talk_s
    ):
        found.append(f"{entry.duration} s of talk, not {right.talk_s:.0f}")
    if entry.date is None or abs(entry.date.timestamp() - began) > DATE_WITHIN_S:
        found.append(f"dated {entry.date}, not {began:.0f}")
    pop_ups = [(each.phone, each.line) for each in shown]
    if pop_ups != ([(caller, LINE)] if right.pop_up else []):
        found.append(f"{len(pop_ups)} pop-ups")
    return "; ".join(found)
