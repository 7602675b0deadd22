"""SQS's standard queues in memory: at least once, with visibility by the clock.

Messages come in the order in which they were sent, which a standard queue may do, and nobody waits
for one. Checksums are left out: nobody reads them.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from tests.memory.calls import Asked, Calls, Client, Refused, operation

_ADDRESS = "https://sqs.us-east-1.amazonaws.com/000000000000/"
_ARN = "arn:aws:sqs:us-east-1:000000000000:"
_LONGEST_MESSAGE = 1024 * 1024
_MOST_MESSAGES = 10
_LONGEST_DELAY_S = 900
_DEFAULTS = {"MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600"}
_SETTABLE = {*_DEFAULTS, "DelaySeconds", "RedrivePolicy"}
_NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"


@dataclass(slots=True)
class Message:
    """A message and where it is: `visible_at` is when it can be received next."""

    message_id: str
    body: str
    attributes: Mapping[str, Any]
    sent_at: datetime
    visible_at: datetime
    receipt: str = ""
    receives: int = 0
    first_received_at: datetime | None = None
    came_from: str = ""


@dataclass(slots=True)
class Queue:
    """A queue, as its attributes describe it."""

    name: str
    visibility_s: int
    delay_s: int
    attributes: dict[str, str]
    created_at: datetime
    modified_at: datetime
    # Receives after which a message goes to the dead letters, and where those are.
    most_receives: int | None = None
    dead_letters: str = ""
    messages: dict[str, Message] = field(default_factory=dict)
    # Deleted or not: whether a receipt handle was ever given out.
    receipts: dict[str, str] = field(default_factory=dict)


class Queues(Client):
    """The client for "sqs"."""

    def __init__(self, calls: Calls) -> None:
        super().__init__(calls)
        self._queues: dict[str, Queue] = {}
        self._numbers = count(1)

    @operation("CreateQueue", "QueueName", "Attributes")
    def create_queue(self, asked: Asked) -> Any:
        name, attributes = asked["QueueName"], asked.get("Attributes", {})
        now = self._calls.now()
        if attributes.get("FifoQueue"):
            raise NotImplementedError("a FIFO queue")
        queue = self._queues.setdefault(
            _ADDRESS + name,
            Queue(
                name,
                visibility_s=int(attributes.get("VisibilityTimeout", 30)),
                delay_s=int(attributes.get("DelaySeconds", 0)),
                attributes={**_DEFAULTS, **attributes},
                created_at=now,
                modified_at=now,
            ),
        )
        _redrive(queue)
        return {"QueueUrl": _ADDRESS + name}

    @operation("SendMessage", "QueueUrl", "MessageBody", "MessageAttributes", "DelaySeconds")
    def send_message(self, asked: Asked) -> Any:
        queue, now = self._queue(asked), self._calls.now()
        if _size(asked) > _LONGEST_MESSAGE:
            raise Refused(
                "InvalidParameterValue",
                "One or more parameters are invalid. Reason: Message must be shorter than"
                f" {_LONGEST_MESSAGE} bytes.",
            )
        delay_s = asked.get("DelaySeconds", queue.delay_s)
        if not 0 <= delay_s <= _LONGEST_DELAY_S:
            raise Refused(
                "InvalidParameterValue",
                f"Value {delay_s} for parameter DelaySeconds is invalid. Reason: DelaySeconds must"
                f" be >= 0 and <= {_LONGEST_DELAY_S}.",
            )
        number = f"m-{next(self._numbers)}"
        queue.messages[number] = Message(
            number,
            asked["MessageBody"],
            {name: dict(value) for name, value in asked.get("MessageAttributes", {}).items()},
            sent_at=now,
            visible_at=now + timedelta(seconds=delay_s),
        )
        return {"MessageId": number}

    @operation(
        "ReceiveMessage",
        "QueueUrl",
        "MaxNumberOfMessages",
        "VisibilityTimeout",
        "WaitTimeSeconds",
        "MessageAttributeNames",
        "MessageSystemAttributeNames",
    )
    def receive_message(self, asked: Asked) -> Any:
        queue, now = self._queue(asked), self._calls.now()
        most = asked.get("MaxNumberOfMessages", 1)
        if not 1 <= most <= _MOST_MESSAGES:
            raise Refused(
                "InvalidParameterValue",
                f"Value {most} for parameter MaxNumberOfMessages is invalid.",
            )
        visible_at = now + timedelta(seconds=asked.get("VisibilityTimeout", queue.visibility_s))
        received: list[dict[str, Any]] = []
        for message in [one for one in queue.messages.values() if one.visible_at <= now]:
            if len(received) == most:
                break
            if queue.most_receives is not None and message.receives >= queue.most_receives:
                self._bury(queue, message)
                continue
            message.receives += 1
            message.first_received_at = message.first_received_at or now
            message.visible_at = visible_at
            message.receipt = f"{message.message_id}-{message.receives}"
            queue.receipts[message.receipt] = message.message_id
            received.append(_shown(message, asked))
        return {"Messages": received} if received else {}

    @operation("DeleteMessage", "QueueUrl", "ReceiptHandle")
    def delete_message(self, asked: Asked) -> Any:
        self._delete(self._queue(asked), asked["ReceiptHandle"])
        return {}

    @operation("DeleteMessageBatch", "QueueUrl", "Entries")
    def delete_message_batch(self, asked: Asked) -> Any:
        queue = self._queue(asked)
        done, failed = [], []
        for entry in asked["Entries"]:
            try:
                self._delete(queue, entry["ReceiptHandle"])
                done.append({"Id": entry["Id"]})
            except Refused as refused:
                failed.append(
                    {
                        "Id": entry["Id"],
                        "SenderFault": True,
                        "Code": refused.code,
                        "Message": str(refused),
                    }
                )
        return {"Successful": done, "Failed": failed}

    @operation("ChangeMessageVisibility", "QueueUrl", "ReceiptHandle", "VisibilityTimeout")
    def change_message_visibility(self, asked: Asked) -> Any:
        queue, now = self._queue(asked), self._calls.now()
        message = self._held(queue, asked["ReceiptHandle"])
        if message is None or message.visible_at <= now:
            raise Refused("MessageNotInflight", "The message referred to is not in flight.")
        message.visible_at = now + timedelta(seconds=asked["VisibilityTimeout"])
        return {}

    @operation("GetQueueAttributes", "QueueUrl", "AttributeNames")
    def get_queue_attributes(self, asked: Asked) -> Any:
        queue, now = self._queue(asked), self._calls.now()
        waiting = [message for message in queue.messages.values() if message.visible_at > now]
        in_flight = sum(bool(message.receives) for message in waiting)
        known = {
            "ApproximateNumberOfMessages": str(len(queue.messages) - len(waiting)),
            "ApproximateNumberOfMessagesNotVisible": str(in_flight),
            "ApproximateNumberOfMessagesDelayed": str(len(waiting) - in_flight),
            "QueueArn": _ARN + queue.name,
            "VisibilityTimeout": str(queue.visibility_s),
            "DelaySeconds": str(queue.delay_s),
            "CreatedTimestamp": str(int(queue.created_at.timestamp())),
            "LastModifiedTimestamp": str(int(queue.modified_at.timestamp())),
            **{name: queue.attributes[name] for name in _DEFAULTS},
        }
        if "RedrivePolicy" in queue.attributes:
            known["RedrivePolicy"] = queue.attributes["RedrivePolicy"]
        names = asked["AttributeNames"]
        if unknown := {*names} - known.keys() - {"All", "RedrivePolicy"}:
            raise NotImplementedError(f"queue attributes {sorted(unknown)}")
        return {"Attributes": _wanted(known, names)}

    @operation("SetQueueAttributes", "QueueUrl", "Attributes")
    def set_queue_attributes(self, asked: Asked) -> Any:
        queue, attributes = self._queue(asked), asked["Attributes"]
        if unknown := attributes.keys() - _SETTABLE:
            raise NotImplementedError(f"queue attributes {sorted(unknown)}")
        queue.attributes |= attributes
        queue.modified_at = self._calls.now()
        queue.delay_s = int(attributes.get("DelaySeconds", queue.delay_s))
        _redrive(queue)
        return {}

    @operation("PurgeQueue", "QueueUrl")
    def purge_queue(self, asked: Asked) -> Any:
        self._queue(asked).messages.clear()
        return {}

    def _queue(self, asked: Asked) -> Queue:
        queue = self._queues.get(asked["QueueUrl"])
        if queue is None:
            raise Refused(_NO_QUEUE, "The specified queue does not exist.")
        return queue

    def _bury(self, queue: Queue, message: Message) -> None:
        del queue.messages[message.message_id]
        message.came_from = _ARN + queue.name
        message.receives, message.first_received_at = 0, None
        self._queues[queue.dead_letters].messages[message.message_id] = message

    def _delete(self, queue: Queue, receipt: str) -> None:
        if self._held(queue, receipt) is not None:
            del queue.messages[queue.receipts[receipt]]

    def _held(self, queue: Queue, receipt: str) -> Message | None:
        """The message whose last receipt this is.

        An older one may or may not work: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
        Here it does not, which is the worse case.
        """
        if receipt not in queue.receipts:
            raise Refused("ReceiptHandleIsInvalid", "The receipt handle is not valid.")
        message = queue.messages.get(queue.receipts[receipt])
        return message if message is not None and message.receipt == receipt else None


def _size(asked: Asked) -> int:
    """Of a message, with its attributes, which count as well.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
    """
    attributes = asked.get("MessageAttributes", {})
    told = [text for name, it in attributes.items() for text in (name, *it.values())]
    return sum(len(text.encode()) for text in (asked["MessageBody"], *told))


def _redrive(queue: Queue) -> None:
    redrive = json.loads(queue.attributes.get("RedrivePolicy", "{}"))
    queue.most_receives = int(redrive["maxReceiveCount"]) if redrive else None
    queue.dead_letters = redrive.get("deadLetterTargetArn", "").replace(_ARN, _ADDRESS)


def _shown(message: Message, asked: Asked) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "MessageId": message.message_id,
        "ReceiptHandle": message.receipt,
        "Body": message.body,
    }
    system = {
        "SentTimestamp": _milliseconds(message.sent_at),
        "ApproximateReceiveCount": str(message.receives),
        "ApproximateFirstReceiveTimestamp": _milliseconds(
            message.first_received_at or message.sent_at
        ),
        **({"DeadLetterQueueSourceArn": message.came_from} if message.came_from else {}),
    }
    if attributes := _wanted(system, asked.get("MessageSystemAttributeNames", ())):
        shown["Attributes"] = attributes
    if attributes := _wanted(message.attributes, asked.get("MessageAttributeNames", ())):
        shown["MessageAttributes"] = {name: dict(value) for name, value in attributes.items()}
    return shown


def _wanted(attributes: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    if "All" in names:
        return dict(attributes)
    return {name: attributes[name] for name in names if name in attributes}


def _milliseconds(instant: datetime) -> str:
    return str(int(instant.timestamp() * 1000))
