"""Keeps what cannot become a row, as it came, with the reason beside it."""

from typing import Any

from botocore.exceptions import ClientError

from shared.aws.sqs import Queue
from shared.telemetry import count


class DeadLetters(Queue):
    """The dead-letter queue of one queue, for what the function itself refuses."""

    def put(self, body: str, why: str, message_id: str) -> None:
        """Stores `body` unchanged; the attributes `reason` and `message_id` explain it.

        The longest messages have no room for them, as they count as well; the log has both.
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
        """
        letter: Any = {"QueueUrl": self._queue_url, "MessageBody": body}
        explained: Any = {
            "reason": {"DataType": "String", "StringValue": why},
            "message_id": {"DataType": "String", "StringValue": message_id},
        }
        try:
            self._sqs.send_message(**letter, MessageAttributes=explained)
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidParameterValue":
                raise
            self._sqs.send_message(**letter)
        count("DeadLetter")
