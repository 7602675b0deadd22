"""What becomes of a hint that the status does not settle, and our own: pure rules, no I/O."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.altegio.status import Status
from shared.connections.connection import Connection, Hint, State
from shared.connections.settings import LifecyclePolicy

# An uninstall that came true ends the connection before it comes here.
_CAME_TRUE = ((Hint.FREEZE, State.FROZEN), (Hint.PAYMENT, State.ACTIVE))


def hint_looked_at(
    connection: Connection, status: Status, now: datetime, rules: LifecyclePolicy
) -> Connection:
    """The hint says one thing and the status another: status may lag, so look again a few times."""
    came_true = (connection.hint, connection.state) in _CAME_TRUE
    if came_true or connection.hint_looks >= len(rules.hint_rechecks_s):
        word = "confirmed" if came_true else "stale, changes nothing"
        return replace(
            connection,
            hint=None,
            hint_at=None,
            hint_looks=0,
            verdict=f"{connection.hint} {word}: {status.proof()}",
            due_at=now,
        )
    wait = rules.hint_rechecks_s[connection.hint_looks]
    return replace(
        connection,
        hint_looks=connection.hint_looks + 1,
        verdict=f"{connection.hint} not seen yet: {status.proof()}",
        due_at=now + timedelta(seconds=wait),
    )


def perhaps_paid(connection: Connection, now: datetime) -> Connection:
    """A frozen one, asked about at once: whoever was paying it did not come back to tell."""
    hint, hint_at = connection.hint or Hint.PAYMENT, connection.hint_at or now
    return replace(connection, hint=hint, hint_at=hint_at, due_at=now)
