"""What no table knows: asked of CloudWatch."""

import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from ops.watch import _DELETED, _RECEIVED, Alarm, CloudWatch, Counted
from shared.payments.entry import EntryState
from shared.telemetry import NAMESPACE
from tests.deployment import Clock, Deployment
from tests.drills.incidents import healthy, pay
from tests.drills.stage import opened
from tests.house.template import ALARMS

TURNED_AWAY = "1 message waits until it is allowed more at once: "
QUEUE = "https://sqs.us-east-1.amazonaws.com/1/BillingQueue"


@pytest.fixture
def cloudwatch(on_moto: Deployment) -> Any:
    assert on_moto
    return boto3.Session().client("cloudwatch")


def put(cloudwatch: Any, space: str, name: str, at: datetime, value: float, **where: str) -> None:
    dimensions = [{"Name": key, "Value": it} for key, it in where.items()]
    datum = {"MetricName": name, "Dimensions": dimensions, "Timestamp": at, "Value": value}
    cloudwatch.put_metric_data(Namespace=space, MetricData=[datum])


def test_alarms_of_the_stack_that_ring_are_told_with_when_they_end(
    cloudwatch: Any, clock: Clock
) -> None:
    now = clock().replace(second=0)
    for stack in ("mine", "other"):
        for name in ("MailNotSentAlarm", "CallLateAlarm"):
            cloudwatch.put_metric_alarm(
                AlarmName=f"{stack}-{name}-1ABC",
                AlarmDescription=f"of {name}",
                MetricName="M",
                Namespace="N",
                Dimensions=[{"Name": "service", "Value": stack}],
                Period=300,
                EvaluationPeriods=2,
                Statistic="Sum",
                Threshold=1,
                ComparisonOperator="GreaterThanThreshold",
            )
        cloudwatch.set_alarm_state(
            AlarmName=f"{stack}-MailNotSentAlarm-1ABC", StateValue="ALARM", StateReason="a test"
        )
    watch = CloudWatch(cloudwatch, "mine", {})

    def ends() -> tuple[datetime | None, datetime | None]:
        [rings] = watch.alarms(now)
        assert (rings.name, rings.words) == ("MailNotSentAlarm", "of MailNotSentAlarm")
        return rings.last, rings.until

    assert ends() == (None, None)
    last = now - timedelta(minutes=9)
    put(cloudwatch, "N", "M", last, 2, service="mine")
    # Of what is counted only when it happens, older ones are looked at, too.
    assert ends() == (last, last + timedelta(minutes=22))
    put(cloudwatch, "N", "M", now - timedelta(minutes=1), 0, service="mine")
    assert ends() == (last, last + timedelta(minutes=12))


def test_an_alarm_that_falls_is_told_when_and_never_too_early() -> None:
    """Of what lasts no time is told; and it falls by the one that is told when it is over."""
    with opened() as stage:
        healthy(stage, 4564)
        stage.simulator.fault("payment", "drop_request")
        pay(stage, "inv-1")
        pay(stage, "first-4564", amount="1.23")

        def told(alarm: str) -> str:
            found = [it["what"] for it in stage.status()["troubles"] if it["whom"] == alarm]
            return "".join(found)

        def falls(alarm: str) -> None:
            until = re.findall(
                r"it is over, as it seems: last at .*, so it falls by (\S+ \S+)$", told(alarm)
            )
            while alarm in stage.ringing():
                assert f"{stage.clock():%Y-%m-%d %H:%M:%S}Z" < until[0]
                assert "it lasts" not in told(alarm)
                stage.minute()

        unknown, letters = "PaymentUnknownAlarm", "BillingDeadLettersAlarm"
        stage.pass_minutes(5)
        for alarm in (unknown, letters):
            assert "; it lasts, and the alarm falls within " in told(alarm)
        stage.run("letters all --drop --do")
        stage.pass_minutes(2)
        falls(letters)
        while stage.entry("payment#inv-1").state is EntryState.UNKNOWN:
            assert "it lasts" in told(unknown)
            stage.minute()
        stage.pass_minutes(2)
        falls(unknown)


def test_an_alarm_of_somebody_else_is_told_whatever_it_looks_at(
    cloudwatch: Any, clock: Clock
) -> None:
    rings = {"Period": 60, "EvaluationPeriods": 1, "Threshold": 1}
    for name, looks in (
        ("Total", {"MetricName": "M", "Namespace": "N", "Statistic": "Sum"}),
        ("Slow", {"MetricName": "M", "Namespace": "N", "ExtendedStatistic": "p99"}),
    ):
        cloudwatch.put_metric_alarm(
            AlarmName=f"mine-{name}", ComparisonOperator="GreaterThanThreshold", **looks, **rings
        )
        cloudwatch.set_alarm_state(
            AlarmName=f"mine-{name}", StateValue="ALARM", StateReason="a test"
        )
    told = {it.name: it.until for it in CloudWatch(cloudwatch, "mine", {}).alarms(clock())}
    assert told == {"Total": None, "Slow": None}


def test_counts_of_an_hour_are_summed_with_the_last_minute(cloudwatch: Any, clock: Clock) -> None:
    now = clock().replace(second=0)
    for minutes, value in ((90, 9), (20, 2), (5, 2)):
        at = now - timedelta(minutes=minutes)
        put(cloudwatch, NAMESPACE, "MailNotSent", at, value, service="mine")
    put(cloudwatch, NAMESPACE, "Doubled", now - timedelta(minutes=1), 1, service="other")
    found = CloudWatch(cloudwatch, "mine", {}).counted(["MailNotSent", "Doubled"], now)
    first, last = now - timedelta(minutes=20), now - timedelta(minutes=5)
    assert found == {"MailNotSent": Counted(4, first, last)}


def test_the_age_of_a_queue_is_the_last_that_is_known(cloudwatch: Any, clock: Clock) -> None:
    watch = CloudWatch(cloudwatch, "mine", {})
    assert watch.waits(QUEUE, clock()) == (None, None)
    for minutes, age_s in ((9, 800), (3, 1500)):
        at = clock() - timedelta(minutes=minutes)
        put(
            cloudwatch,
            "AWS/SQS",
            "ApproximateAgeOfOldestMessage",
            at,
            age_s,
            QueueName="BillingQueue",
        )
    assert watch.waits(QUEUE, clock())[0] == timedelta(seconds=1500)
    # What was received three times has no age any more; but nothing was done with it.
    for minutes, name, number in ((40, _RECEIVED, 1), (2, _RECEIVED, 1)):
        at = clock().replace(second=0) - timedelta(minutes=minutes)
        put(cloudwatch, "AWS/SQS", name, at, number, QueueName="BillingQueue")
    # It may have come at the end of that minute.
    assert watch.waits(QUEUE, clock().replace(second=0))[0] == timedelta(minutes=39)
    put(
        cloudwatch, "AWS/SQS", _DELETED, clock() - timedelta(minutes=2), 1, QueueName="BillingQueue"
    )
    assert watch.waits(QUEUE, clock())[0] == timedelta(seconds=1500)
    assert (
        watch.log("PaymentsFunction")
        == "build/venvs/sam/bin/sam logs --stack-name mine --name PaymentsFunction"
        " --start-time '3hours ago'"
    )
    sam = "build/venvs/sam/bin/sam logs --stack-name mine --filter Doubled"
    assert watch.log("", "Doubled") == f"{sam} --start-time '3hours ago'"


def test_the_log_of_a_deployed_function_is_typed_as_it_is() -> None:
    with opened() as stage:
        stage.stopped = {"ReconcileFunction"}
        stage.pass_minutes(10)
        typed = "type: build/venvs/sam/bin/sam logs --stack-name local --name ReconcileFunction"
        typed += " --start-time '3hours ago'"
        for where in ("", " --profile anna --region eu-west-1"):
            shown = stage.run(f"status{where}").replace(" \\\n           ", "")
            assert f" {typed}{where}\n" in shown


def test_the_log_of_a_local_function_is_a_file(cloudwatch: Any, tmp_path: Path) -> None:
    tmp_path /= "of a folder"
    tmp_path.mkdir()
    watch = CloudWatch(cloudwatch, "local", {}, tmp_path)
    # The one that it is about, not all of them.
    (tmp_path / "CallsFunction.log").write_text('{"level":"INFO"}\n')
    (tmp_path / "ConnectFunction.log").write_text('{"level":"ERROR","message":"failed"}\n')
    shown = subprocess.run(["/bin/bash", "-c", watch.log("")], capture_output=True, check=True)
    found = f'{tmp_path}/ConnectFunction.log:{{"level":"ERROR","message":"failed"}}\n'
    assert shown.stdout.decode() == found
    assert watch.log("CallsFunction") == f"less +G '{tmp_path}/CallsFunction.log'"


def test_an_alarm_ends_with_what_to_type() -> None:
    typed = "Type: .venv/bin/python -m ops letters --queue billing --stack-name production"
    at = datetime(2026, 11, 28, tzinfo=UTC)
    assert Alarm("A", f"It waits. {typed}", at).told == ("It waits.", "letters --queue billing")
    assert Alarm("A", "It waits.", at).told == ("It waits.", "")
    descriptions = [alarm["AlarmDescription"]["Fn::Sub"] for alarm in ALARMS.values()]
    assert all(Alarm("A", each, at).told[1] for each in descriptions)


def test_whose_limit_turns_runs_away_is_told() -> None:
    """The function's own, or the account's; or that it may not be asked."""
    with opened() as stage:
        healthy(stage, 4564)
        stage.throttled = {"payments"}
        pay(stage, "inv-1")
        stage.pass_minutes(2)

        def told() -> str:
            troubles = [it["what"] for it in stage.status()["troubles"]]
            return str(next(it.partition(TURNED_AWAY)[2] for it in troubles if TURNED_AWAY in it))

        of_all = "it has no limit of its own, and the account's is 10, of which all functions"
        assert told() == f"{of_all} without one share 10"
        stage.reserved["ReconcileFunction"] = 4
        assert told() == f"{of_all} without one share 6"
        stage.reserved["PaymentsFunction"] = 0
        assert told() == "its own ReservedConcurrentExecutions is 0, so none of it runs"
        stage.reserved["PaymentsFunction"] = None
        told_not = "whose limit that is, Lambda does not tell: AccessDeniedException"
        assert told() == told_not
