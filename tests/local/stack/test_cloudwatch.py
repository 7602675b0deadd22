"""The local stack measures itself, and its alarms stand where CloudWatch would have them."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.stack.alarms import Alarm, Metric, Readings, State
from local.stack.cloudwatch import CloudWatch
from local.stack.environment import InvokeResult
from local.stack.measures import of_run
from local.stack.stack import Stack
from ops.watch import CloudWatch as Watched
from shared.telemetry import NAMESPACE

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
Eventually = Callable[[Callable[[], Any]], Any]


def ran(event: Any, payload: Any = None, error: Any = None) -> dict[tuple[str, str], float]:
    """What is measured of a run of 12 ms, by dimension and name."""
    result = InvokeResult(payload, error, "", 12.0, cold=False, request_id="r-1")
    measured = of_run("local-F", "local-Api", event, result, NOW)
    return {(it.dimensions[0][1], it.name): value for it, value in measured}


def message(number: int, ago_s: float, receives: int = 1) -> dict[str, Any]:
    sent = int((NOW - timedelta(seconds=ago_s)).timestamp() * 1000)
    return {
        "messageId": f"m-{number}",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:local-Q",
        "attributes": {"SentTimestamp": str(sent), "ApproximateReceiveCount": str(receives)},
    }


def test_a_run_is_counted_and_one_that_failed_as_well() -> None:
    assert ran({}) == {
        ("local-F", "Invocations"): 1,
        ("local-F", "Errors"): 0,
        ("local-F", "Duration"): 12.0,
    }
    assert ran({}, error={"errorType": "E"})["local-F", "Errors"] == 1


@pytest.mark.parametrize(
    ("payload", "error", "ours"),
    [
        ({"statusCode": 200}, None, 0),
        ({"statusCode": 404}, None, 0),
        ({"statusCode": 500}, None, 1),
        ("text", None, 0),
        (None, {"errorType": "E"}, 1),
    ],
)
def test_a_request_is_counted_by_what_it_was_answered(payload: Any, error: Any, ours: int) -> None:
    measured = ran({"requestContext": {}}, payload, error)
    assert measured["local-Api", "Count"] == 1
    assert measured["local-Api", "5xx"] == ours


def test_what_a_queue_brings_again_is_as_old_as_when_it_was_sent() -> None:
    event = {"Records": [message(1, 100), message(2, 700), message(3, 50)]}
    kept = {"batchItemFailures": [{"itemIdentifier": "m-1"}, {"itemIdentifier": "m-2"}]}
    measured = ran(event, kept)
    assert measured["local-Q", "NumberOfMessagesReceived"] == 3
    assert measured["local-Q", "NumberOfMessagesDeleted"] == 1
    assert measured["local-Q", "ApproximateAgeOfOldestMessage"] == 700
    assert ("local-Q", "ApproximateAgeOfOldestMessage") not in ran(event, {})


def test_what_was_received_three_times_is_not_counted_as_the_oldest() -> None:
    event = {"Records": [message(1, 100), message(2, 700, receives=3)]}
    measured = ran(event, error={"errorType": "E"})
    assert measured["local-Q", "ApproximateAgeOfOldestMessage"] == 100


def test_a_stream_is_as_late_as_its_first_record() -> None:
    written = [{"dynamodb": {"ApproximateCreationDateTime": NOW.timestamp() - it}} for it in (9, 3)]
    records = [{"eventSource": "aws:dynamodb", **it} for it in written]
    assert ran({"Records": records}, {})["local-F", "IteratorAge"] == 9000


@pytest.fixture(scope="module")
def said() -> list[tuple[str, State]]:
    return []


@pytest.fixture(scope="module")
def watch(stack: Stack, said: list[tuple[str, State]]) -> Iterator[CloudWatch]:
    def say(alarm: Alarm, state: State) -> None:
        said.append((alarm.name, state))

    with stack.watched(say) as found:
        yield found


def test_an_alarm_rings_where_the_operator_asks_for_it(
    stack: Stack, watch: CloudWatch, said: list[tuple[str, State]], eventually: Eventually
) -> None:
    asked = Watched(
        stack.client("cloudwatch"),
        "local",
        {"WebFunction": "local-WebFunction"},
        Path(),
        stack.alarms,
    )
    assert asked.alarms(datetime.now(UTC)) == []
    body = json.dumps({"do": "raise"}).encode()
    request = urllib.request.Request(f"{stack.api}/web", body)
    with pytest.raises(urllib.error.HTTPError, match="500"):
        urllib.request.urlopen(request)
    watch.look()
    eventually(lambda: said == [("WebErrorsAlarm", State.ALARM)])
    [alarm] = asked.alarms(datetime.now(UTC) + timedelta(minutes=1))
    assert alarm.last is not None
    assert alarm.until is not None
    assert timedelta() < alarm.until - alarm.last <= timedelta(minutes=5)
    assert (alarm.name, alarm.words) == ("WebErrorsAlarm", "The web function failed")
    counted = asked.counted([], datetime.now(UTC) + timedelta(minutes=1))
    assert counted["WebFunction Errors"].number == 1
    with urllib.request.urlopen(f"{watch.url}/json") as answer:
        [told] = json.load(answer)
    assert told == {"name": "WebErrorsAlarm", "state": "ALARM", "words": alarm.words}
    with urllib.request.urlopen(watch.url) as answer:
        assert '<tr class="ALARM">' in answer.read().decode()


def test_what_a_function_prints_is_counted_once(stack: Stack, watch: CloudWatch) -> None:
    now = datetime.now(UTC)
    line = {
        "_aws": {
            "Timestamp": int(now.timestamp() * 1000),
            "CloudWatchMetrics": [
                {"Namespace": NAMESPACE, "Dimensions": [["service"]], "Metrics": [{"Name": "Rung"}]}
            ],
        },
        "service": "local",
        "Rung": [1.0, 1.0],
    }
    stack.invoke("web", {"do": "print", "text": json.dumps(line)})
    watch.look()
    watch.look()
    asked = Watched(stack.client("cloudwatch"), "local", {}, Path())
    assert asked.counted(["Rung"], now + timedelta(minutes=1))["Rung"].number == 2
    assert isinstance(watch._readings, Readings)
    metric = Metric.of(NAMESPACE, "Rung", {"service": "local"})
    ago = timedelta(minutes=1)
    assert watch._readings.between(metric, now - ago, now + ago) == [1.0, 1.0]
