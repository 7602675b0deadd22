"""How the local stack reads streams, and that the memory's streams are the emulator's."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore import UNSIGNED

from local.stack import streams
from local.stack.emulator import Emulator, create_table
from local.stack.environment import InvokeResult
from local.stack.filters import passes
from local.stack.streams import StreamReader, done_with
from local.stack.wiring import Queue, StreamMapping, Table
from tests.deployment import TEMPLATE
from tests.local.stack.worlds import now
from tests.memory import Memory

RECORD = {"eventName": "INSERT", "dynamodb": {"NewImage": {"state": {"S": "SENT"}}}}


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ({"eventName": ["INSERT"]}, True),
        ({"eventName": ["MODIFY", "REMOVE"]}, False),
        ({"dynamodb": {"NewImage": {"state": {"S": ["HELD", "SENT"]}}}}, True),
        ({"dynamodb": {"NewImage": {"state": {"S": [{"prefix": "SE"}]}}}}, True),
        ({"dynamodb": {"NewImage": {"state": {"S": [{"prefix": "E"}]}}}}, False),
        ({"dynamodb": {"OldImage": {"state": {"S": ["SENT"]}}}}, False),
        ({"dynamodb": {"NewImage": {"state": {"S": {"deep": ["SENT"]}}}}}, False),
        ({"eventName": ["INSERT"], "dynamodb": {"NewImage": {"state": {"S": ["HELD"]}}}}, False),
    ],
)
def test_what_a_filter_lets_pass(pattern: Any, *, fits: bool) -> None:
    assert passes([pattern], RECORD) is fits
    assert passes([{"eventName": ["REMOVE"]}, pattern], RECORD) is fits


@pytest.mark.parametrize("unknown", [{"exists": False}, {"anything-but": "a"}, 7])
def test_a_filter_that_is_not_understood_is_no_filter(unknown: Any) -> None:
    with pytest.raises(ValueError, match="not understood"):
        passes([{"eventName": [unknown]}], RECORD)


def test_every_filter_of_the_template_is_understood() -> None:
    wired = TEMPLATE.wire({"ApplicationId": "1"}, endpoint_url="", api_url="")
    assert len(wired.streams) == 3
    for mapping in wired.streams:
        assert passes(mapping.patterns, {}) is False


# What comes again


def result(payload: Any, error: dict[str, Any] | None = None) -> InvokeResult:
    return InvokeResult(payload, error, log="", duration_ms=1, cold=False, request_id="")


def change(number: int, *, old: bool = False) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(hours=7 if old else 0)
    written = {"SequenceNumber": str(number), "ApproximateCreationDateTime": at, "Keys": {}}
    return {"eventID": str(number), "eventName": "INSERT", "dynamodb": written}


@pytest.mark.parametrize(
    ("payload", "done"),
    [
        (None, 3),
        ({}, 3),
        ({"batchItemFailures": []}, 3),
        ({"batchItemFailures": None}, 3),
        ({"batchItemFailures": [{"itemIdentifier": "1"}]}, 1),
        ({"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "1"}]}, 1),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, 0),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, 0),
        ({"batchItemFailures": [{"wrong": "1"}]}, 0),
        ({"batchItemFailures": "1"}, 0),
        ("text", 0),
    ],
)
def test_a_stream_comes_again_from_the_first_that_failed(payload: Any, done: int) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html."""
    batch = [change(number) for number in range(3)]
    assert done_with(result(payload), batch, reports_failures=True) == done
    assert done_with(result(payload), batch, reports_failures=False) == 3
    assert done_with(result(None, {"errorType": "E"}), batch, reports_failures=False) == 0


class Stream:
    """A stream with some records, and who asks for it."""

    def __init__(self, *records: dict[str, Any]) -> None:
        self.records = list(records)
        self.letters: list[Any] = []

    def describe_stream(self, **_: Any) -> Any:
        return {"StreamDescription": {"Shards": [{"ShardId": "s"}]}}

    def get_shard_iterator(self, **_: Any) -> Any:
        return {"ShardIterator": "i"}

    def get_records(self, **_: Any) -> Any:
        found, self.records = self.records, []
        return {"Records": found, "NextShardIterator": "i"}

    def send_message(self, **letter: Any) -> None:
        self.letters.append(json.loads(letter["MessageBody"]))


def read(
    stream: Stream, answer: Callable[[list[str]], InvokeResult], until: Callable[[], bool]
) -> None:
    def invoke(_function: str, event: Any) -> InvokeResult:
        return answer([it["dynamodb"]["SequenceNumber"] for it in event["Records"]])

    pattern = {"eventName": ["INSERT"]}
    mapping = StreamMapping("T", "F", 4, (pattern,), True, 21600.0, "Q")
    queue = Queue("q", "http://q", "arn", {})
    reader = StreamReader(
        mapping, "arn", queue, streams=stream, sqs=stream, invoke=invoke, region="us-east-1"
    )
    while not until():
        time.sleep(0.01)
    reader.stop()
    reader.join()


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "RETRY_S", 0.01)


def test_batches_keep_their_order_and_what_failed_comes_again() -> None:
    asked: list[list[str]] = []

    def answer(numbers: list[str]) -> InvokeResult:
        asked.append(numbers)
        failed = [{"itemIdentifier": "2"}] if len(asked) == 1 else []
        return result({"batchItemFailures": failed})

    foreign = {**change(99), "eventName": "REMOVE"}
    read(Stream(*map(change, range(6)), foreign), answer, lambda: len(asked) == 2)
    assert asked == [["0", "1", "2", "3"], ["2", "3", "4", "5"]]


def test_a_batch_that_fails_whole_is_halved_until_its_poison_is_alone() -> None:
    """And what is too old by then is given up, with its place, for what comes after it."""
    stream = Stream(*(change(number, old=True) for number in range(4)))
    asked: list[list[str]] = []

    def answer(numbers: list[str]) -> InvokeResult:
        asked.append(numbers)
        return result(None, {"errorType": "E"} if "1" in numbers else None)

    read(stream, answer, lambda: asked[-1:] == [["2", "3"]])
    whole, half, one = ["0", "1", "2", "3"], ["0", "1"], ["0"]
    assert asked == [whole, half, one, ["1", "2", "3"], ["1"], ["2", "3"]]
    [letter] = stream.letters
    assert letter["DDBStreamBatchInfo"]["startSequenceNumber"] == "1"


# The memory and the emulator


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    with Emulator(log=tmp_path_factory.mktemp("emulator") / "emulator.log") as emulator:
        emulator.wait()
        names = ("dynamodb", "dynamodbstreams")
        yield SimpleNamespace(
            **{name: emulator.client(name, signature_version=UNSIGNED) for name in names}
        )


WRITES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("put_item", {"Item": {"key": {"S": "a"}, "n": {"N": "1"}}}),
    ("put_item", {"Item": {"key": {"S": "a"}, "n": {"N": "1.0"}}}),  # changes nothing
    ("put_item", {"Item": {"key": {"S": "a"}, "n": {"N": "2"}}}),
    (
        "update_item",
        {
            "Key": {"key": {"S": "b"}},
            "UpdateExpression": "SET n = :n",
            "ExpressionAttributeValues": {":n": {"N": "3"}},
        },
    ),
    ("delete_item", {"Key": {"key": {"S": "a"}}}),
    ("delete_item", {"Key": {"key": {"S": "a"}}}),
)


@pytest.mark.parametrize("view", ["NEW_AND_OLD_IMAGES", "KEYS_ONLY"])
def test_the_memory_tells_what_the_emulator_tells(emulated: SimpleNamespace, view: str) -> None:
    table = Table(
        f"told-{view.lower()}",
        {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "key", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "key", "KeyType": "HASH"}],
            "StreamSpecification": {"StreamViewType": view},
        },
    )
    memory = Memory(now).client("dynamodb")
    for dynamodb in (memory, emulated.dynamodb):
        create_table(dynamodb, table)
        for method, asked in WRITES:
            getattr(dynamodb, method)(TableName=table.name, **asked)
        items = [
            {"Put": {"TableName": table.name, "Item": {"key": {"S": it}, "n": {"N": "1"}}}}
            for it in ("b", "c")
        ]
        dynamodb.transact_write_items(TransactItems=items)
    told = emulated.dynamodb.describe_table(TableName=table.name)["Table"]
    where = {"StreamArn": told["LatestStreamArn"]}
    [shard] = emulated.dynamodbstreams.describe_stream(**where)["StreamDescription"]["Shards"]
    begin = {"ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    iterator = emulated.dynamodbstreams.get_shard_iterator(**where, **begin)["ShardIterator"]
    theirs = emulated.dynamodbstreams.get_records(ShardIterator=iterator)["Records"]
    ours = memory.stream(table.name)
    assert list(map(_told, ours)) == list(map(_told, theirs))
    numbers = [it["dynamodb"]["SequenceNumber"] for it in theirs]
    assert sorted(numbers, key=int) == numbers
    assert len({it["eventID"] for it in theirs}) == len(ours) == 6


def _told(record: Any) -> tuple[Any, ...]:
    written = record["dynamodb"]
    images = [written.get(image) for image in ("OldImage", "NewImage")]
    return record["eventName"], written["Keys"], *images, written["StreamViewType"]
