"""The billing queue, as we use it ourselves: wake-ups, and events that are billed anew."""

from datetime import datetime

from shared.aws.sqs import Queue
from shared.clock import stamp
from shared.payments.entry import Entry


class WakeUps(Queue):
    """Tells the payments function that an entry is due."""

    def waiting(self) -> int:
        """About how many messages are on the queue, as of a minute ago or less."""
        return self._waiting()

    def send(self, key: str, due_at: datetime) -> None:
        """Wakes the entry; if another wake-up follows, this one is void (see `billing_event`)."""
        self._send(_wake_up(key, due_at))

    def nudge(self, entry: Entry) -> None:
        """Wakes an entry that is due anyway: failing is no error."""
        if entry.due_at is not None:
            self._nudge(_wake_up(entry.key, entry.due_at))


def _wake_up(key: str, due_at: datetime) -> dict[str, str]:
    return {"type": "wake-up", "key": key, "due_at": stamp(due_at)}
