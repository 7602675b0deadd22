"""What a message of the billing queue does if it comes once more: pure rules, no I/O.

They follow how `report` takes a message. A person asks before a dead letter is put back.
"""

from collections.abc import Callable
from datetime import datetime

from shared.payments import billing_event
from shared.payments.entry import Entry, refund_unlike
from shared.payments.facts import to_texts

_FIRST = ("payment_event_id", "amount", "currency")


def judged(body: str, known: Callable[[str], Entry | None], now: datetime) -> tuple[bool, str]:
    """Whether a message is taken, and why, or why it is refused again.

    Args:
        body: the message.
        known: reads the entry under a key.
        now: the present moment.
    """
    try:
        event = billing_event.read(body)
    except billing_event.BadEvent as error:
        return False, f"invalid: {error}"
    if isinstance(event, billing_event.WakeUp):
        return True, "a wake-up, void unless it is the latest"
    entry = event.entry(now)
    before = known(entry.key)
    if before is not None and before.digest == entry.digest:
        return True, f"known with the same facts ({before.state}), no effect"
    if before is not None:
        return False, f"contradicts what was received ({_difference(before, entry)})"
    if entry.is_refund and (unlike := refund_unlike(entry, known(entry.payment_key))):
        return False, f"invalid: {unlike}"
    return True, "not known yet, taken as any new event"


def _difference(before: Entry, entry: Entry) -> str:
    """What tells most is first: whose money it is, and how much."""
    old, new = to_texts(before.facts), to_texts(entry.facts)
    pairs: list[tuple[str, str | None, str | None]] = []
    # The location of a refund may have been found since.
    if None not in (before.location_id, entry.location_id):
        pairs.append(("location_id", str(before.location_id), str(entry.location_id)))
    names = [*dict.fromkeys((*_FIRST, *old, *new))]
    pairs += [(name, old.get(name), new.get(name)) for name in names]
    told = [f"{name} was {was}, is {now}" for name, was, now in pairs if was != now]
    return ", ".join(told) or "location_id"
