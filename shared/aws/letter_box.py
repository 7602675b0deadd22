"""Reads a dead-letter queue, for a person: no function looks into one.

Whoever looks holds the letters for a moment, and gives them back at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

AT_ONCE = 10
"""Of letters that one request brings at most.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

# Long enough to read them all; given back earlier.
_HOLD_S = 60
# Asks all of the queue's servers, not some: an empty answer then means an empty queue.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
_WAIT_S = 1


@dataclass(frozen=True, slots=True)
class Message:
    """One dead letter as it came; `handle` is good for as long as it is held."""

    id: str
    body: str
    reason: str  # As `DeadLetters` has put it.
    sent_at: datetime
    handle: str


class LetterBox:
    """One dead-letter queue."""

    def __init__(self, sqs: "SQSClient", queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._held: list[Message] = []

    @contextmanager
    def held(self, most: int = 10_000) -> Iterator[list[Message]]:
        """All letters, oldest first; those that are not deleted are visible again at once."""
        try:
            while len(self._held) < most and (
                messages := self._sqs.receive_message(
                    QueueUrl=self._queue_url,
                    MaxNumberOfMessages=AT_ONCE,
                    VisibilityTimeout=_HOLD_S,
                    WaitTimeSeconds=_WAIT_S,
                    MessageAttributeNames=["reason"],
                    MessageSystemAttributeNames=["SentTimestamp"],
                ).get("Messages")
            ):
                self._held += map(_read, messages)
            yield sorted(self._held, key=lambda letter: letter.sent_at)
        finally:
            for letter in self._held:
                # One that is not given back is visible anyway, within a minute.
                with suppress(ClientError):
                    self._sqs.change_message_visibility(
                        QueueUrl=self._queue_url, ReceiptHandle=letter.handle, VisibilityTimeout=0
                    )
            self._held = []

    def delete(self, letter: Message) -> None:
        """Deletes one that is held, for good."""
        self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=letter.handle)
        self._held = [it for it in self._held if it.handle != letter.handle]


def _read(message: Any) -> Message:
    reason = message.get("MessageAttributes", {}).get("reason", {}).get("StringValue")
    return Message(
        id=message["MessageId"],
        body=message["Body"],
        # SQS itself gives none.
        reason=reason or "could not be stored, again and again",
        sent_at=datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC),
        handle=message["ReceiptHandle"],
    )
