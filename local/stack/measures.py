"""What AWS measures of a run of a function, and of what it is for: pure rules.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from local.stack.alarms import Metric
from local.stack.environment import InvokeResult
from local.stack.pollers import failures

# What was received that often and is still there is not counted as the oldest any more.
_POISON = 3


def of_run(
    name: str, api: str, event: Any, result: InvokeResult, now: datetime
) -> Iterator[tuple[Metric, float]]:
    """What is measured when a run is over.

    Args:
        name: of the function, as AWS has it.
        api: the id of the HTTP API.
        event: with which it was invoked.
        result: what came of it.
        now: when.
    """
    failed = result.error is not None
    own = {"FunctionName": name}
    yield Metric.of("AWS/Lambda", "Invocations", own), 1
    yield Metric.of("AWS/Lambda", "Errors", own), failed
    yield Metric.of("AWS/Lambda", "Duration", own), result.duration_ms
    if "requestContext" in event:
        # Whoever asked is answered 500 then.
        status = HTTPStatus.INTERNAL_SERVER_ERROR if failed else _status(result.payload)
        yield Metric.of("AWS/ApiGateway", "Count", {"ApiId": api}), 1
        is_ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        yield Metric.of("AWS/ApiGateway", "5xx", {"ApiId": api}), is_ours
    records = event.get("Records", ())
    if records and records[0]["eventSource"] == "aws:sqs":
        yield from _of_queue(records, result, now)
    elif records:
        written = min(it["dynamodb"]["ApproximateCreationDateTime"] for it in records)
        yield Metric.of("AWS/Lambda", "IteratorAge", own), 1000 * (now.timestamp() - written)


def _of_queue(
    records: list[Mapping[str, Any]], result: InvokeResult, now: datetime
) -> Iterator[tuple[Metric, float]]:
    queue = {"QueueName": records[0]["eventSourceARN"].rpartition(":")[2]}
    kept = failures(result, [it["messageId"] for it in records], reports_failures=True)
    yield Metric.of("AWS/SQS", "NumberOfMessagesReceived", queue), len(records)
    yield Metric.of("AWS/SQS", "NumberOfMessagesDeleted", queue), len(records) - len(kept)
    sent = [
        int(it["attributes"]["SentTimestamp"]) / 1000
        for it in records
        if it["messageId"] in kept and int(it["attributes"]["ApproximateReceiveCount"]) < _POISON
    ]
    if sent:
        age = now.timestamp() - min(sent)
        yield Metric.of("AWS/SQS", "ApproximateAgeOfOldestMessage", queue), age


def _status(payload: Any) -> int:
    """Of a function's answer; one without is a success."""
    return int(payload.get("statusCode", HTTPStatus.OK)) if isinstance(payload, dict) else 200
