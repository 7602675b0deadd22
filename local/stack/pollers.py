"""AWS Lambda's event source mapping for SQS queues.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.stack.environment import InvokeResult
from local.stack.wiring import Queue, QueueMapping

LONG_POLL_S = 20
MOST_MESSAGES = 10
"""Messages one ReceiveMessage or DeleteMessageBatch can carry."""
RETRY_S = 0.5
"""Seconds before asking again after the emulator did not answer."""


class Poller:
    """Feeds one function from one queue. Starts when made."""

    def __init__(
        self,
        mapping: QueueMapping,
        queue: Queue,
        sqs: Any,
        invoke: Callable[[str, Any], InvokeResult],
        *,
        region: str,
    ) -> None:
        self._mapping = mapping
        self._queue = queue
        self._sqs = sqs
        self._invoke = invoke
        self._region = region
        self._is_stopped = threading.Event()
        self._free = threading.Semaphore(mapping.concurrency)
        self._poller = threading.Thread(target=self._poll, daemon=True)
        self._poller.start()

    def stop(self) -> None:
        """Take no more messages. A poll that waits ends with the emulator."""
        self._is_stopped.set()
        self._free.release()

    def join(self) -> None:
        """Wait until nothing runs any more; call it when emulator and functions are closed."""
        self._poller.join()
        for _ in range(self._mapping.concurrency):
            self._free.acquire()

    def _poll(self) -> None:
        while True:
            self._free.acquire()  # a message is only taken when somebody can work on it
            if self._is_stopped.is_set():
                return
            messages = self._gather()
            if messages:
                threading.Thread(target=self._work, args=(messages,), daemon=True).start()
            else:
                self._free.release()

    def _gather(self) -> list[Mapping[str, Any]]:
        """A batch: the size of the mapping, or what came within its window."""
        messages: list[Mapping[str, Any]] = []
        ends_at = time.monotonic() + self._mapping.window_s
        while len(messages) < self._mapping.batch_size and not self._is_stopped.is_set():
            left_s = ends_at - time.monotonic()
            if messages and left_s <= 0:
                break
            try:
                found = self._sqs.receive_message(
                    QueueUrl=self._queue.url,
                    MaxNumberOfMessages=min(
                        MOST_MESSAGES, self._mapping.batch_size - len(messages)
                    ),
                    WaitTimeSeconds=int(left_s) if messages else LONG_POLL_S,
                    MessageSystemAttributeNames=["All"],
                    MessageAttributeNames=["All"],
                ).get("Messages", [])
            except (BotoCoreError, ClientError):
                # As on AWS, the mapping outlives trouble with its queue.
                self._is_stopped.wait(RETRY_S)
                break
            if not found:
                break
            messages += found
        return messages

    def _work(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Invoke the function with a batch and delete what it is done with."""
        try:
            records = [as_record(message, self._queue.arn, self._region) for message in messages]
            result = self._invoke(self._mapping.function, {"Records": records})
            failed = failures(
                result,
                [record["messageId"] for record in records],
                reports_failures=self._mapping.reports_failures,
            )
            done = [message for message in messages if message["MessageId"] not in failed]
            for start in range(0, len(done), MOST_MESSAGES):
                self._sqs.delete_message_batch(
                    QueueUrl=self._queue.url,
                    Entries=[
                        {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                        for number, message in enumerate(done[start : start + MOST_MESSAGES])
                    ],
                )
        except (BotoCoreError, ClientError, RuntimeError):
            # Not deleted, so delivered again, as on AWS; or the stack is closing.
            if not self._is_stopped.is_set():
                raise
        finally:
            self._free.release()


def as_record(message: Mapping[str, Any], queue_arn: str, region: str) -> dict[str, Any]:
    """A message of ReceiveMessage as a record of the event."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {
            name: {
                "stringValue": value.get("StringValue"),
                "binaryValue": value.get("BinaryValue"),
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value["DataType"],
            }
            for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": region,
    }


def failures(
    result: InvokeResult, message_ids: Sequence[str], *, reports_failures: bool
) -> frozenset[str]:
    """The messages of a batch that stay in the queue.

    An error keeps all. Without ReportBatchItemFailures every answer means success. With it, no
    answer, an empty one or an empty list mean success too; a list names what failed; an answer
    that is malformed or names a message that is not in the batch keeps all.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
    """
    everything, nothing = frozenset(message_ids), frozenset[str]()
    if result.error is not None:
        return everything
    if not reports_failures or not result.payload:
        return nothing
    if not isinstance(result.payload, dict):
        return everything
    items = result.payload.get("batchItemFailures")
    if items is None:
        return nothing
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return everything
    named = {item.get("itemIdentifier") for item in items}
    return frozenset(named) if named <= everything else everything
