"""TODO."""

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from shared.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


class Hints:
    """Tells reconcile that a webhook has left a hint, so that it need not wait for its minute."""

    def __init__(self, sqs: "SQSClient", queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def wake(self, location_id: int) -> None:
        """Wakes reconcile for one location. The row is due anyway, so failing is no error."""
        try:
            self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=str(location_id))
        except (BotoCoreError, ClientError):
            logger.warning("nobody woken", extra={"location_id": location_id})
