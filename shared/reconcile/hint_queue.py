"""Tells reconcile that a webhook has left a hint, so that it need not wait for its minute."""

from shared.aws.sqs import Queue


class Hints(Queue):
    """Wakes reconcile."""

    def wake(self, location_id: int) -> None:
        """For one location, whose row is due anyway."""
        self._nudge(location_id)
