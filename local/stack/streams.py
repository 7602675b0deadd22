"""AWS Lambda's event source mapping for the streams of tables, which the emulator has.

https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.stack.environment import InvokeResult
from local.stack.filters import passes
from local.stack.wiring import Queue, StreamMapping

IDLE_S = 0.3
"""Seconds between two looks at a stream that had nothing; AWS looks four times a second."""
RETRY_S = 0.5

type Record = Mapping[str, Any]


class StreamReader:
    """Feeds one function from the stream of one table, in its order. Starts when made."""

    def __init__(
        self,
        mapping: StreamMapping,
        stream_arn: str,
        dead_letters: Queue,
        *,
        streams: Any,
        sqs: Any,
        invoke: Callable[[str, Any], InvokeResult],
        region: str,
    ) -> None:
        self._mapping = mapping
        self._stream_arn = stream_arn
        self._dead_letters = dead_letters
        self._streams = streams
        self._sqs = sqs
        self._invoke = invoke
        self._region = region
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Read no more."""
        self._is_stopped.set()

    def join(self) -> None:
        """Wait until nothing runs any more; call it when emulator and functions are closed."""
        self._thread.join()

    def _run(self) -> None:
        iterator = ""
        while not self._is_stopped.is_set():
            try:
                iterator = iterator or self._from_the_first()
                answer = self._streams.get_records(ShardIterator=iterator)
                found = [as_record(it, self._stream_arn, self._region) for it in answer["Records"]]
                self._feed([it for it in found if passes(self._mapping.patterns, it)])
                iterator = answer["NextShardIterator"]
                self._is_stopped.wait(0 if found else IDLE_S)
            except (BotoCoreError, ClientError, RuntimeError, KeyError):
                # As on AWS, the mapping outlives trouble with its stream; or the stack is closing,
                # and an answer that its end cuts short has no fields.
                self._is_stopped.wait(RETRY_S)

    def _from_the_first(self) -> str:
        """TRIM_HORIZON; the emulator has one shard."""
        told = self._streams.describe_stream(StreamArn=self._stream_arn)["StreamDescription"]
        [shard] = told["Shards"]
        answer = self._streams.get_shard_iterator(
            StreamArn=self._stream_arn,
            ShardId=shard["ShardId"],
            ShardIteratorType="TRIM_HORIZON",
        )
        return str(answer["ShardIterator"])

    def _feed(self, records: Sequence[Record]) -> None:
        """Until the function is done with all of them, or they are too old."""
        rest, most = list(records), self._mapping.batch_size
        while rest and not self._is_stopped.is_set():
            batch = rest[:most]
            result = self._invoke(self._mapping.function, {"Records": batch})
            done = done_with(result, batch, reports_failures=self._mapping.reports_failures)
            rest = rest[done:]
            most = self._mapping.batch_size
            if done == len(batch):
                continue
            if result.error is not None and len(batch) > 1:
                # As BisectBatchOnFunctionError: the half that fails again has it.
                most = len(batch) // 2
            elif _age_s(rest[0]) > self._mapping.longest_s:
                self._give_up(rest.pop(0))
            self._is_stopped.wait(RETRY_S)

    def _give_up(self, record: Record) -> None:
        """Its place, as Lambda tells it; not what it says."""
        number = record["dynamodb"]["SequenceNumber"]
        place = {
            "requestContext": {"condition": "RecordAgeExceeded"},
            "DDBStreamBatchInfo": {
                "batchSize": 1,
                "startSequenceNumber": number,
                "endSequenceNumber": number,
                "streamArn": self._stream_arn,
            },
        }
        self._sqs.send_message(QueueUrl=self._dead_letters.url, MessageBody=json.dumps(place))


def _age_s(record: Record) -> float:
    return float(time.time() - record["dynamodb"]["ApproximateCreationDateTime"])


def as_record(record: Mapping[str, Any], stream_arn: str, region: str) -> dict[str, Any]:
    """A record of GetRecords as one of the event."""
    written = dict(record["dynamodb"])
    written["ApproximateCreationDateTime"] = written["ApproximateCreationDateTime"].timestamp()
    return {
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventVersion": record.get("eventVersion", "1.1"),
        "eventSource": "aws:dynamodb",
        "awsRegion": region,
        "dynamodb": written,
        "eventSourceARN": stream_arn,
    }


def done_with(result: InvokeResult, batch: Sequence[Record], *, reports_failures: bool) -> int:
    """How many records of a batch do not come again: those before the first that failed.

    An error, or an answer that is malformed or names a record that is not in the batch, fails all.
    """
    if result.error is not None:
        return 0
    if not reports_failures or not result.payload:
        return len(batch)
    places = {it["dynamodb"]["SequenceNumber"]: place for place, it in enumerate(batch)}
    try:
        failed = list(_named(result.payload))
        return min((places[number] for number in failed), default=len(batch))
    except (AttributeError, KeyError, TypeError):
        return 0


def _named(payload: Any) -> Iterator[Any]:
    for item in payload.get("batchItemFailures") or ():
        yield item["itemIdentifier"]
