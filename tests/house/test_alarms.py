"""The rules of the house for alarms: who rings, for how long, and what it has one type."""

import ast
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable

import pytest

from ops import __main__ as ops
from shared import backoff, doors, telemetry
from shared.payments import report
from tests.deployment import Deployment
from tests.docs import pages
from tests.house import source
from tests.house.source import SHARED
from tests.house.template import (
    ALARMS,
    FUNCTIONS,
    MAPPINGS,
    PROJECT,
    QUEUES,
    STREAMS,
    TEMPLATE,
    WAKE_UPS_ONLY,
    events,
    target,
)


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_every_alarm_tells_somebody_what_is_wrong(name: str) -> None:
    alarm = ALARMS[name]
    for actions in (alarm["AlarmActions"], alarm["OKActions"]):
        assert [target(action) for action in actions] == ["AlarmsTopic"]
    assert alarm["TreatMissingData"] in ("notBreaching", "breaching")


RUNBOOK = {
    name: what
    for cells, _happened, what in pages.rows("docs/operations.md", "## Runbook")
    for name in re.findall(r"`(\w+Alarm)`", cells)
}


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_every_alarm_says_what_to_type_as_its_line_in_the_runbook_does(name: str) -> None:
    description = ALARMS[name]["AlarmDescription"]["Fn::Sub"]
    words, asked, typed = description.partition(" Type: .venv/bin/python -m ops ")
    assert asked, description
    assert 20 < len(words) < 100
    assert words.endswith(".")
    command, where, stack = typed.partition(" --stack-name ")
    assert (where, stack) == (" --stack-name ", "${AWS::StackName}")
    ops._parser().parse_args(shlex.split(typed.replace(stack, "production")))
    assert f"`{command}`" in RUNBOOK[name]


# Counted anew for as long as it lasts, with these waits between two at the longest.
_LASTING = {
    **dict.fromkeys(
        (
            *("CallLate", "CallListRefused", "PlatformBlocked", "PlatformClockAhead"),
            *("SwitchOffNear", "TelephonyRefused", "TokenUnreadable"),
        ),
        backoff.LONGEST_S,
    ),
    # What a queue brings again after its messages are visible.
    **dict.fromkeys(("NotDurable", "HandlerFailed", "Errors", "Throttles"), 180.0),
    "IteratorAge": 60.0,
}


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_what_lasts_rings_once(name: str) -> None:
    """One that falls between two tries tells each of them, and that it is over, which it is not."""
    alarm = ALARMS[name]
    if alarm["MetricName"] in _LASTING:
        assert alarm["Period"] * alarm["EvaluationPeriods"] > 1.5 * _LASTING[alarm["MetricName"]]


def test_there_is_no_wait_beyond_what_the_alarms_ring_for() -> None:
    assert {QUEUES[target(it["Queue"])]["VisibilityTimeout"] for _, it in MAPPINGS} == {180, 330}
    assert set(_LASTING) <= {alarm["MetricName"] for alarm in ALARMS.values()}


@pytest.mark.parametrize("queue", ["BillingQueue", "CallsQueue"])
def test_a_queue_that_stands_still_rings_whatever_its_function_counts(queue: str) -> None:
    [alarm] = [
        it
        for it in ALARMS.values()
        if it["Dimensions"][0]["Value"] == {"Fn::GetAtt": [queue, "QueueName"]}
    ]
    assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateAgeOfOldestMessage", 600)
    # The last time that a function sees a message, before SQS moves it by itself.
    assert QUEUES[queue]["RedrivePolicy"]["maxReceiveCount"] == doors._LAST


@pytest.mark.parametrize("name", ["PlatformFailingAlarm", "PlatformThrottledAlarm"])
def test_a_moments_trouble_with_the_platform_does_not_ring(name: str) -> None:
    alarm = ALARMS[name]
    assert 1 < alarm["DatapointsToAlarm"] < alarm["EvaluationPeriods"]


@pytest.mark.parametrize(
    "name",
    [
        *("BillingRefusedAlarm", "PbxKeysRefusedAlarm", "PortalRefusedAlarm"),
        *("RedirectsRefusedAlarm", "WebhooksRefusedAlarm"),
    ],
)
def test_one_stranger_at_a_door_does_not_ring(name: str) -> None:
    assert ALARMS[name]["Threshold"] > 1


CUSTOM = {
    alarm["MetricName"]: alarm
    for alarm in ALARMS.values()
    if alarm["Namespace"] == telemetry.NAMESPACE
}


COUNTED = {
    str(argument.value)
    for path in (*SHARED, *source.FUNCTIONS)
    for called, node in source.calls(path)
    for argument in node.args[:1]
    if called == "count" and isinstance(argument, ast.Constant)
} | set(report._METRICS.values())


def test_what_is_counted_rings_and_what_rings_is_counted() -> None:
    assert set(CUSTOM) == COUNTED


def test_nothing_else_is_counted_by_a_name_that_is_made_up() -> None:
    """Such as an f-string, of which nobody could say whether an alarm watches it."""
    found = {
        f"{path.stem}: {ast.unparse(node.args[0])}"
        for path in (*SHARED, *source.FUNCTIONS)
        for called, node in source.calls(path)
        if called == "count" and not isinstance(node.args[0], ast.Constant)
    }
    assert found == {"report: _METRICS[entry.state]"}


def test_a_metric_has_the_dimensions_that_its_alarm_watches() -> None:
    program = (
        "import json; from shared.telemetry import count, metrics; count('Doubled');"
        "print(json.dumps(metrics.serialize_metric_set()))"
    )
    written = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program],
        cwd=PROJECT,
        env={"POWERTOOLS_SERVICE_NAME": "this stack", "PATH": ""},
        capture_output=True,
        check=True,
    )
    told = json.loads(written.stdout)
    [metrics] = told["_aws"]["CloudWatchMetrics"]
    assert CUSTOM
    for alarm in CUSTOM.values():
        assert alarm["Namespace"] == metrics["Namespace"]
        assert [[d["Name"] for d in alarm["Dimensions"]]] == metrics["Dimensions"]
        assert [target(d["Value"]) for d in alarm["Dimensions"]] == ["AWS::StackName"]
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    assert target(variables["POWERTOOLS_SERVICE_NAME"]) == "AWS::StackName"
    assert told["service"] == "this stack"


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_function_that_fails_rings(name: str) -> None:
    """As who waits for it sees it: a 5xx, silence; where nobody waits, by Lambda's own count."""
    watched = {
        alarm["MetricName"]
        for alarm in ALARMS.values()
        if {"Name": "FunctionName", "Value": {"Ref": name}} in alarm["Dimensions"]
    }
    queues = {target(mapping["Queue"]) for function, mapping in MAPPINGS if function == name}
    reads = {"IteratorAge"} if any(function == name for function, _ in STREAMS) else set()
    alone = queues - WAKE_UPS_ONLY or reads
    assert watched == ({"Errors", "Throttles"} if alone else set()) | reads
    assert watched or name == "ReconcileFunction" or events(FUNCTIONS[name], "HttpApi")


def test_an_answer_with_a_5xx_rings() -> None:
    alarm = ALARMS["ApiFailuresAlarm"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/ApiGateway", "5xx")
    assert alarm["Dimensions"] == [{"Name": "ApiId", "Value": {"Ref": "HttpApi"}}]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanOrEqualToThreshold", 1)


def test_reconcile_is_silent_when_its_schedule_is() -> None:
    """Not when its invocations are: a webhook causes these, too."""
    alarm = ALARMS["ReconcileSilentAlarm"]
    assert alarm["MetricName"] == "ReconcileRun"
    assert alarm["TreatMissingData"] == "breaching"
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (300, 1)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)


def test_only_the_run_that_the_silent_alarm_means_is_counted(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    deployment.invoke("reconcile", {"Records": [{"messageId": "m", "body": "4564"}]})
    assert "ReconcileRun" not in logged()
    deployment.reconcile()
    assert "ReconcileRun" in logged()
