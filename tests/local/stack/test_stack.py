"""A whole stack from a template: HTTP, queues, tables, parameters, schedules, settings."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.stack.stack import Stack

Eventually = Callable[[Callable[[], Any]], Any]


def lines(stack: Stack, function: str) -> list[Any]:
    found = stack.function_log(function).splitlines()
    return [json.loads(line) for line in found if line.startswith("{")]


def test_a_request_reaches_its_function(stack: Stack) -> None:
    body = json.dumps({"do": "nothing"}).encode()
    request = urllib.request.Request(
        f"{stack.api}/web?a=1", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:
        event = json.load(response)
        assert response.headers["X-Route"] == "POST /web"
    assert event["queryStringParameters"] == {"a": "1"}
    assert json.loads(event["body"]) == {"do": "nothing"}


def test_a_crash_behind_the_front_door_is_500(stack: Stack) -> None:
    body = json.dumps({"do": "exit", "status": 1}).encode()
    request = urllib.request.Request(f"{stack.api}/web", body, {"Content-Type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert caught.value.code == 500
    assert json.load(caught.value) == {"message": "Internal Server Error"}


def test_settings_reach_the_functions(stack: Stack) -> None:
    variables = stack.invoke("web", {"do": "environment"}).payload["environment"]
    assert variables["APPLICATION_ID"] == "7"
    assert variables["LEASE_S"] == "61"
    assert variables["FIXED"] == "replaced"
    assert variables["PLATFORM_APP_URL"] == stack.platform_url
    assert variables["THINGS_TABLE"] == stack.tables["ThingsTable"]
    assert variables["DEAD_LETTERS_URL"] == stack.queues["DeadLetters"]
    assert variables["AWS_ENDPOINT_URL"] == stack.aws_endpoint_url
    assert variables["AWS_REGION"] == stack.region


def test_a_setting_nobody_reads_is_a_warning(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Stack(
        platform_url="http://127.0.0.1:9",
        root=project,
        artifact=project / "artifact",
        logs=tmp_path,
        settings={"LeaseS": "62", "LEESE_S": "1", "ABSENCE_DELAY_S": "63"},
    ) as other:
        assert capsys.readouterr().err == "warning: nothing reads LEESE_S\n"
        variables = other.invoke("WebFunction", {"do": "environment"}).payload["environment"]
    names = ("LEASE_S", "LEESE_S", "ABSENCE_DELAY_S")
    assert [variables[name] for name in names] == ["62", "1", "63"]


def test_tables_and_parameters_are_there(stack: Stack) -> None:
    table = stack.client("dynamodb").describe_table(TableName=stack.tables["ThingsTable"])["Table"]
    assert table["KeySchema"] == [{"AttributeName": "key", "KeyType": "HASH"}]
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["due"]
    parameter = stack.client("ssm").get_parameter(Name="/test/partner-token", WithDecryption=True)
    assert parameter["Parameter"]["Value"] == "the token"
    assert parameter["Parameter"]["Type"] == "SecureString"


def test_a_failed_message_comes_again_and_ends_as_a_dead_letter(
    stack: Stack, eventually: Eventually
) -> None:
    sqs = stack.client("sqs")
    sent = sqs.send_message_batch(
        QueueUrl=stack.billing_queue_url,
        Entries=[
            {
                "Id": body,
                "MessageBody": body,
                "MessageAttributes": {"kind": {"DataType": "String", "StringValue": "test"}},
            }
            for body in ("good", "bad")
        ],
    )
    ids = {one["Id"]: one["MessageId"] for one in sent["Successful"]}
    dead = eventually(
        lambda: sqs.receive_message(
            QueueUrl=stack.queues["DeadLetters"], MessageSystemAttributeNames=["All"]
        ).get("Messages")
    )
    assert [message["Body"] for message in dead] == ["bad"]
    assert dead[0]["Attributes"]["ApproximateReceiveCount"] == "3"  # twice there, once here

    events = lines(stack, "batch")
    assert sorted(record["body"] for record in events[0]["Records"]) == ["bad", "good"]  # a batch
    records = [record for event in events for record in event["Records"]]
    assert sorted(record["body"] for record in records) == ["bad", "bad", "good"]
    bad = [record for record in records if record["body"] == "bad"]
    assert [record["attributes"]["ApproximateReceiveCount"] for record in bad] == ["1", "2"]
    assert bad[0]["messageId"] == ids["bad"]
    assert bad[0]["eventSource"] == "aws:sqs"
    assert bad[0]["eventSourceARN"].endswith(":local-BillingQueue")
    assert bad[0]["awsRegion"] == stack.region
    assert int(bad[0]["attributes"]["SentTimestamp"]) > 1_700_000_000_000
    assert bad[0]["messageAttributes"]["kind"]["stringValue"] == "test"
    assert set(bad[0]) >= {"receiptHandle", "md5OfBody"}


def test_a_mapping_runs_as_many_at_once_as_it_may(stack: Stack, eventually: Eventually) -> None:
    sqs = stack.client("sqs")

    def runs_after(numbers: range) -> Any:
        for number in numbers:
            sqs.send_message(QueueUrl=stack.calls_queue_url, MessageBody=str(number))
        return eventually(lambda: len(found := lines(stack, "slow")) == numbers.stop and found)

    # The first two start an environment each, which may take longer than all the others.
    runs_after(range(2))
    runs = runs_after(range(2, 7))
    overlaps = [
        sum(other["began"] <= run["began"] < other["ended"] for other in runs) for run in runs
    ]
    assert max(overlaps) == 2


def test_a_schedule_fires_at_the_interval_of_the_setting(
    stack: Stack, eventually: Eventually
) -> None:
    events = eventually(lambda: len(found := lines(stack, "tick")) >= 2 and found)
    assert events[0]["source"] == "aws.scheduler"
    assert events[0]["detail-type"] == "Scheduled Event"
    assert events[0]["resources"] == [
        "arn:aws:scheduler:us-east-1:000000000000:schedule/default/TickFunctionEvery"
    ]
    assert events[0]["id"] != events[1]["id"]


def test_it_stops_at_once_whatever_runs(
    project: Path, tmp_path: Path, eventually: Eventually
) -> None:
    with (
        ThreadPoolExecutor() as threads,
        Stack(
            platform_url="http://127.0.0.1:9",
            root=project,
            artifact=project / "artifact",
            logs=tmp_path,
        ) as other,
    ):
        for number in range(5):
            other.client("sqs").send_message(
                QueueUrl=other.calls_queue_url, MessageBody=str(number)
            )
        running = threads.submit(other.invoke, "web", {"do": "sleep", "seconds": 1.9})
        eventually(lambda: any(it.is_working for it in other.environments("web")))
        other.__exit__(None, None, None)
        error = running.result().error
        assert error is not None
        assert error["errorType"] == "Runtime.ExitError"
    with pytest.raises(RuntimeError, match="closed"):
        other.invoke("web", {})


def test_an_unknown_function_is_named(stack: Stack) -> None:
    with pytest.raises(KeyError, match="WebFunction"):
        stack.invoke("nothing", {})
