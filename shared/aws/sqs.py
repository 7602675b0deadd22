"""What all queues have in common."""

import json
import math
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

_LONGEST_DELAY_S = 900


class Queue:
    """One queue; each room says in its own words what may be put on it."""

    def __init__(self, sqs: "SQSClient", queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def _send(self, event: Mapping[str, Any]) -> None:
        """Stores a message, or raises."""
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(event))

    def _nudge(self, event: Any, after: timedelta = timedelta()) -> None:
        """Sends what only saves time: what it is about is due anyway, so failing is no error.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
        """
        delay_s = max(0, min(math.ceil(after.total_seconds()), _LONGEST_DELAY_S))
        try:
            self._sqs.send_message(
                QueueUrl=self._queue_url, MessageBody=json.dumps(event), DelaySeconds=delay_s
            )
        except (BotoCoreError, ClientError):
            logger.warning("nobody woken", extra={"about": event, **_names(event)})

    def _waiting(self) -> int:
        """About how many messages are on the queue, as of a minute ago or less.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
        """
        answer = self._sqs.get_queue_attributes(
            QueueUrl=self._queue_url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def _names(event: Any) -> dict[str, Any]:
    """What is woken, as lines of the log say it."""
    told = event if isinstance(event, Mapping) else {"location_id": event}
    key = str(told.get("key", ""))
    names = {name: told[name] for name in ("location_id", "account_id") if name in told}
    return {**names, **({"entry": key} if key.startswith(("payment#", "refund#")) else {})}
