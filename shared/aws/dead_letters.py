"""What we put on queues: wake-ups for payments and for reconcile, repeated events, dead letters."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


class DeadLetters:
    """Keeps what cannot become a row, as it came, with the reason beside it."""

    def __init__(self, sqs: "SQSClient", queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

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
