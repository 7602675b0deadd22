"""Queues and parameters in memory, asked as the local stack's pollers and the tests ask them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.stack.emulator import create_queues
from shared.altegio.tokens import PartnerToken
from shared.aws.dead_letters import DeadLetters
from shared.aws.parameters import ParameterUnreadable
from shared.payments.queue import WakeUps
from tests.deployment import Clock
from tests.local.stack.worlds import (
    WIRED,
    Dice,
    Session,
    now,
)
from tests.memory import Memory

MAILS, MOST_RECEIVES = 20, 3


class Mailbox:
    """A queue and its dead letters in one world; messages are known by their bodies."""

    def __init__(self, sqs: Any, name: str) -> None:
        self.sqs = sqs
        self.dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.dead, AttributeNames=["QueueArn"])
        redrive = {
            "deadLetterTargetArn": arn["Attributes"]["QueueArn"],
            "maxReceiveCount": MOST_RECEIVES,
        }
        self.url = sqs.create_queue(
            QueueName=name,
            Attributes={"VisibilityTimeout": "600", "RedrivePolicy": json.dumps(redrive)},
        )["QueueUrl"]
        self.held: dict[str, str] = {}
        self.is_purged = False

    def send(self, body: str, **more: Any) -> None:
        self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **more)

    def receive(self, url: str = "") -> list[Any]:
        received = self.sqs.receive_message(
            QueueUrl=url or self.url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        ).get("Messages", [])
        for message in received:
            self.held[message["Body"]] = message["ReceiptHandle"]
        return sorted(
            (
                message["Body"],
                message["Attributes"],
                json.dumps(message.get("MessageAttributes"), sort_keys=True),
            )
            for message in received
        )

    def give_back(self) -> None:
        """Makes all that it holds visible again."""
        for handle in self.held.values():
            self.sqs.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=handle, VisibilityTimeout=0
            )
        self.held.clear()

    def delete(self, bodies: list[str]) -> Any:
        handles = [self.held.pop(body) for body in bodies]
        if len(handles) == 1:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=handles[0])
            return None
        entries = [
            {"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(handles)
        ]
        answer = self.sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)
        return answer["Successful"], answer["Failed"]

    def counts(self) -> Any:
        states = ["", "NotVisible", "Delayed"]
        names = [f"ApproximateNumberOfMessages{state}" for state in states]
        return [
            self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            for url in (self.url, self.dead)
        ]


def mailed(box: Mailbox, seed: int) -> list[Any]:
    """What a random sequence of calls is told, the same calls for the same seed."""
    dice = Dice(seed)
    seen: list[Any] = []
    for number in range(12):
        match dice.randrange(7):
            case 0 | 1:
                reason = {"reason": {"DataType": "String", "StringValue": "why"}}
                mores: list[dict[str, Any]] = [{"MessageAttributes": reason}, {"DelaySeconds": 900}]
                box.send(f"m-{number}", **dice.choice([{}, *mores]))
            case 2 | 3:
                seen.append(box.receive())
            case 4:
                box.give_back()
            case 5 if box.held:
                bodies = dice.sample(sorted(box.held), min(len(box.held), dice.randint(1, 2)))
                seen.append(box.delete(bodies))
            case 6 if not box.is_purged:  # SQS takes a minute for one
                box.sqs.purge_queue(QueueUrl=box.url)
                box.is_purged = True
                box.held.clear()
        seen.append(box.counts())
    return seen


def test_queues_are_told_the_same(other: Session) -> None:
    for seed in range(MAILS):
        memory = Mailbox(Memory(now).client("sqs"), "mail")
        assert mailed(memory, seed) == mailed(Mailbox(other("sqs"), f"mail-{seed}"), seed), seed


def test_a_message_that_is_received_too_often_is_a_dead_letter(other: Session) -> None:
    for session in (Memory(now).client, other):
        box = Mailbox(session("sqs"), "often")
        DeadLetters(box.sqs, box.url).put("body", "why", "m-1")
        WakeUps(box.sqs, box.url).send("payment#1", datetime(2026, 11, 1, tzinfo=UTC))
        received = []
        for _ in range(4):
            received += box.receive()
            box.give_back()
        assert [attributes["ApproximateReceiveCount"] for _body, attributes, _ in received] == list(
            "112233"
        )
        dead = box.receive(box.dead)
        assert [body for body, *_ in dead] == [
            "body",
            '{"type": "wake-up", "key": "payment#1", "due_at": "2026-11-01T00:00:00.000000Z"}',
        ]
        assert "why" in dead[0][2]


@pytest.mark.parametrize(
    "call",
    [
        lambda sqs, url: sqs.send_message(QueueUrl=f"{url}-not", MessageBody="body"),
        lambda sqs, url: sqs.delete_message(QueueUrl=url, ReceiptHandle="nobody's"),
        lambda sqs, url: sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=11),
    ],
)
def test_queues_refuse_the_same(emulator: Session, call: Callable[[Any, str], Any]) -> None:
    codes = []
    for session in (emulator, Memory(now).client):
        url = session("sqs").create_queue(QueueName="strict")["QueueUrl"]
        with pytest.raises(ClientError) as refused:
            call(session("sqs"), url)
        codes.append(refused.value.response["Error"]["Code"])
    assert codes[0] == codes[1]


def test_only_what_is_in_flight_is_given_back() -> None:
    """The emulator and moto take it a second time as well.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
    """
    box = Mailbox(Memory(now).client("sqs"), "mail")
    box.send("body")
    box.receive()
    held = dict(box.held)
    box.give_back()
    box.held = held
    with pytest.raises(ClientError, match="MessageNotInflight"):
        box.give_back()


def test_messages_come_when_the_clock_says() -> None:
    clock = Clock()
    memory = Memory(clock)
    create_queues(memory.client("sqs"), WIRED.queues)
    sqs, url = memory.client("sqs"), WIRED.queues["BillingQueue"].url

    def received() -> list[str]:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [message["Body"] for message in messages]

    sqs.send_message(QueueUrl=url, MessageBody="now")
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=60)
    assert received() == ["now"]
    clock.advance(seconds=59)
    assert received() == []
    clock.advance(seconds=1)
    assert received() == ["later"]
    clock.advance(seconds=120)
    assert received() == ["now"]


# Parameters


def test_parameters_are_told_the_same(other: Session) -> None:
    transcripts = []
    for session in (Memory(now).client, other):
        ssm, name = session("ssm"), "/altegio/partner-token"
        token = PartnerToken(ssm, name)
        with pytest.raises(ParameterUnreadable, match="ParameterNotFound"):
            token.accepted()
        told: list[Any] = []
        for value, overwrite in (("one\n", False), ("two", True), ("three", False)):
            try:
                answer = ssm.put_parameter(
                    Name=name, Value=value, Type="SecureString", Overwrite=overwrite
                )
                told += [answer["Version"], token.accepted(), token.refetch()]
            except ClientError as error:
                told.append(error.response["Error"]["Code"])
        assert ssm.get_parameter(Name=name)["Parameter"]["Value"] != "two"
        transcripts.append(told)
    assert transcripts[0] == transcripts[1]
    one, two = ("one",), ("two",)
    assert transcripts[0] == [1, one, one, 2, one, two, "ParameterAlreadyExists"]
