"""What the calls queue is told of chains."""

from shared.aws.sqs import Queue


class Releases(Queue):
    """Tells the calls function that a location takes calls again; each held call is due anyway."""

    def release(self, location_id: int) -> None:
        """What was held of a location may go."""
        self._nudge({"type": "release", "location_id": location_id})
