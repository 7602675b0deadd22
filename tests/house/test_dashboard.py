"""The rules of the house for the dashboard and the saved queries: all that they name exists."""

import json
import re
from typing import Any

import pytest

from shared import telemetry
from tests.house.template import ALARMS, LOG_GROUPS, QUEUES, RESOURCES, of_type, target
from tests.house.test_alarms import COUNTED

[BODY] = [it["DashboardBody"]["Fn::Sub"] for it in of_type("AWS::CloudWatch::Dashboard").values()]
DASHBOARD: dict[str, Any] = json.loads(BODY)
WIDGETS: list[dict[str, Any]] = DASHBOARD["widgets"]
QUERIES = of_type("AWS::Logs::QueryDefinition")

# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
OF_AWS = {
    "AWS/ApiGateway": ("ApiId", {"4xx", "5xx", "Count", "IntegrationLatency", "Latency"}),
    "AWS/Lambda": ("FunctionName", {"Duration", "Errors", "IteratorAge", "Throttles"}),
    "AWS/SQS": (
        "QueueName",
        {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"},
    ),
}
KINDS = {
    "AWS/ApiGateway": "AWS::Serverless::HttpApi",
    "AWS/Lambda": "AWS::Serverless::Function",
    "AWS/SQS": "AWS::SQS::Queue",
}


def metrics() -> list[list[Any]]:
    """Namespace, name, dimension, and its value, of each metric."""
    shown = [it["properties"] for it in WIDGETS if it["type"] == "metric"]
    return [line[:4] for each in shown for line in each["metrics"]]


def test_every_metric_of_the_dashboard_exists() -> None:
    for space, name, dimension, value in metrics():
        if space == telemetry.NAMESPACE:
            assert name in COUNTED
            assert (dimension, value) == ("service", "${AWS::StackName}")
            continue
        known, names = OF_AWS[space]
        assert (dimension, name in names) == (known, True), (space, name)
        named = re.fullmatch(r"\$\{(\w+)(\.QueueName)?\}", value)
        assert named, value
        assert RESOURCES[named[1]]["Type"] == KINDS[space]
        assert bool(named[2]) is (space == "AWS/SQS")


def test_every_metric_that_is_counted_is_shown_and_every_alarm() -> None:
    assert {name for space, name, *_ in metrics() if space == telemetry.NAMESPACE} == COUNTED
    [alarms] = [it["properties"]["alarms"] for it in WIDGETS if it["type"] == "alarm"]
    assert sorted(alarms) == sorted(f"${{{name}.Arn}}" for name in ALARMS)
    assert len(alarms) <= 100


def test_it_has_a_row_for_each_subject_and_no_two_widgets_in_one_place() -> None:
    heads = [it["properties"]["markdown"] for it in WIDGETS if it["type"] == "text"][1:]
    assert heads == [
        f"## {head}"
        for head in (
            *("Money", "Calls and pop-ups", "Connect", "What the platform answers"),
            *("Queues", "Latency and failures"),
        )
    ]
    taken: set[tuple[int, int]] = set()
    for it in WIDGETS:
        assert it["x"] + it["width"] <= 24
        rows, columns = (
            range(it["y"], it["y"] + it["height"]),
            range(it["x"], it["x"] + it["width"]),
        )
        fields = {(row, column) for row in rows for column in columns}
        assert not taken & fields
        taken |= fields


def test_every_queue_that_is_worked_on_is_shown() -> None:
    shown = {value for space, _name, _dimension, value in metrics() if space == "AWS/SQS"}
    assert shown == {f"${{{name}.QueueName}}" for name in QUEUES}


def test_a_table_of_the_logs_reads_logs_of_functions() -> None:
    for it in WIDGETS:
        if it["type"] == "log":
            groups = re.findall(r"SOURCE '\$\{(\w+)\}' \| ", it["properties"]["query"])
            assert groups
            assert set(groups) <= set(LOG_GROUPS) - {"AccessLogs"}


def test_all_is_of_this_stack_and_region() -> None:
    for it in WIDGETS:
        assert it["properties"].get("region", "${AWS::Region}") == "${AWS::Region}"
    for query in QUERIES.values():
        assert query["Name"]["Fn::Sub"].startswith("${AWS::StackName}/")


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_a_saved_query_reads_the_logs_of_all_functions(name: str) -> None:
    query = QUERIES[name]
    assert {target(it) for it in query["LogGroupNames"]} == set(LOG_GROUPS) - {"AccessLogs"}
    [parameter] = query["Parameters"]
    assert query["QueryString"].count(f"{{{{{parameter['Name']}}}}}") == 1
