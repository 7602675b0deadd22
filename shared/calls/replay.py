"""What a message of the calls queue does if it comes once more: pure rules, no I/O.

They follow how `history` takes a message; whatever of it was taken is not doubled. A person asks
before a dead letter is put back.
"""

from collections.abc import Callable

from shared.calls import event as call_event
from shared.connections.connection import Connection


def judged(body: str, known: Callable[[int], Connection | None]) -> tuple[bool, str]:
    """Whether a message is taken, and why, or why it is refused again.

    Args:
        body: the message.
        known: reads the connection of a location.
    """
    try:
        event = call_event.read(body)
    except call_event.BadEvent as error:
        return False, f"invalid: {error}"
    if isinstance(event, call_event.Ringing):
        return False, "only the door takes it"
    if not isinstance(event, call_event.Finished):
        return True, "a wake-up of our own"
    if event.location_id is None and event.account_id:
        return True, "by its line, however often it is told"
    if event.location_id is None:
        return False, "it names neither a location nor an account"
    connection = known(event.location_id)
    owner = connection.account_id if connection else None
    if owner is not None and event.account_id in ("", owner):
        return True, "one entry, however often it is told"
    return False, f"location {event.location_id} is not of this account"
