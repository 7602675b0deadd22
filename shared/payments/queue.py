"""TODO."""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.clock import stamp

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


class WakeUps:
    """Tells the payments function that an entry is due."""

    def __init__(self, sqs: "SQSClient", queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def waiting(self) -> int:
        """About how many messages are on the queue, as of a minute ago or less.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
        """
        answer = self._sqs.get_queue_attributes(
            QueueUrl=self._queue_url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def send(self, key: str, due_at: datetime) -> None:
        """Wakes the entry; if another wake-up follows, this one is void (see `billing`)."""
        body = json.dumps({"type": "wake-up", "key": key, "due_at": stamp(due_at)})
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=body)


class BillingEvents:
    """Bills what has to be billed anew, as the billing system would."""

    def __init__(self, sqs: "SQSClient", queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def put(self, event: dict[str, Any]) -> None:
        """Sends one event in the form of `billing`; its id makes repeats harmless."""
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(event))
