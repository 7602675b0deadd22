"""TODO."""

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


class CallWakeUps:
    """Tells the calls function what is due; each is a due row as well, so none need arrive."""

    def __init__(self, sqs: "SQSClient", queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def waiting(self) -> int:
        """As `WakeUps.waiting`."""
        answer = self._sqs.get_queue_attributes(
            QueueUrl=self._queue_url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def put(self, event: Mapping[str, Any]) -> None:
        """Sends a call that has ended, in the form of `call_event`; from then on it is durable."""
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(event))

    def wake(self, key: str, after: timedelta = timedelta()) -> None:
        """A call is due, or will be after a while."""
        self._wake({"type": "wake-up", "key": key}, after)

    def look(self, location_id: int, after: timedelta = timedelta()) -> None:
        """Calls of a location are to be looked for in the platform's list."""
        self._wake({"type": "look", "location_id": location_id}, after)

    def release(self, location_id: int) -> None:
        """What was held of a location may go."""
        self._wake({"type": "release", "location_id": location_id}, timedelta())

    def _wake(self, event: Mapping[str, Any], after: timedelta) -> None:
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
        delay_s = min(math.ceil(after.total_seconds()), _LONGEST_DELAY_S)
        try:
            self._sqs.send_message(
                QueueUrl=self._queue_url, MessageBody=json.dumps(event), DelaySeconds=delay_s
            )
        except (BotoCoreError, ClientError):
            logger.warning("nobody woken", extra={"about": event["type"]})
