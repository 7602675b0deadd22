"""Keeps what cannot become a row, as it came, with the reason beside it."""

from shared.aws.sqs import Queue
from shared.telemetry import count


class DeadLetters(Queue):
    """The dead-letter queue of one queue, for what the function itself refuses."""

    def put(self, body: str, why: str, message_id: str) -> None:
        """Stores `body` unchanged; the attributes `reason` and `message_id` explain it."""
        self._sqs.send_message(
            QueueUrl=self._queue_url,
            MessageBody=body,
            MessageAttributes={
                "reason": {"DataType": "String", "StringValue": why},
                "message_id": {"DataType": "String", "StringValue": message_id},
            },
        )
        count("DeadLetter")
