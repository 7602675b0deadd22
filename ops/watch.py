"""What no table knows: alarms, how old queues are, and what the functions have counted.

CloudWatch tells; of the local stack, its emulator does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from shared.telemetry import NAMESPACE

HOUR = timedelta(hours=1)
# As template.yaml has it.
_TYPE = " Type: .venv/bin/python -m ops "
RUN = "ReconcileRun"
"""Counted by each scheduled run that comes to its end."""

FAILURES = {
    "Errors": "runs of it did not start, failed, or were ended before their time",
    "Throttles": "runs of it were turned away by AWS, as no more are allowed at once",
}
"""What AWS counts of each function."""

_AGE = "ApproximateAgeOfOldestMessage"
_RECEIVED, _DELETED = "NumberOfMessagesReceived", "NumberOfMessagesDeleted"


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted of one kind within the last hour, and when last."""

    number: int
    last: datetime


@dataclass(frozen=True, slots=True)
class Alarm:
    """One that rings; what was counted last is looked at for as long as it `stays`."""

    name: str
    words: str
    since: datetime
    stays: timedelta = timedelta()

    @property
    def told(self) -> tuple[str, str]:
        """What its description says, and the command of ours that it ends with, if it does."""
        words, _asks, typed = self.words.partition(_TYPE)
        return words, typed.partition(" --stack-name ")[0]


class CloudWatch:
    """Of one stack."""

    def __init__(
        self,
        cloudwatch: Any,
        stack_name: str,
        functions: Mapping[str, str],
        logs: Path | None = None,
    ) -> None:
        """Of a stack, with AWS's names of its functions by the template's; local, with its logs."""
        self._cloudwatch = cloudwatch
        self._stack_name = stack_name
        self._functions = functions
        self._logs = logs

    def alarms(self) -> list[Alarm]:
        """Those of the stack: CloudFormation begins their names with its own.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
        """
        answer = self._cloudwatch.describe_alarms(
            StateValue="ALARM", AlarmNamePrefix=f"{self._stack_name}-", MaxRecords=100
        )
        return [
            Alarm(
                it["AlarmName"].removeprefix(f"{self._stack_name}-").partition("-")[0],
                it.get("AlarmDescription", ""),
                it["StateUpdatedTimestamp"],
                timedelta(seconds=it["Period"] * it["EvaluationPeriods"]),
            )
            for it in answer["MetricAlarms"]
            if it["StateValue"] == "ALARM"
        ]

    def counted(self, names: Sequence[str], now: datetime) -> Mapping[str, Counted]:
        """By minute, of which the last that is not empty says when."""
        asked = {name: (NAMESPACE, name, "service", self._stack_name) for name in names}
        for logical, name in self._functions.items():
            for metric in FAILURES:
                asked[f"{logical} {metric}"] = ("AWS/Lambda", metric, "FunctionName", name)
        found = self._read(asked, "Sum", now)
        return {
            name: Counted(round(sum(each.values())), max(it for it in each if each[it]))
            for name, each in found.items()
            if any(each.values())
        }

    def age(self, queue_url: str, now: datetime) -> timedelta | None:
        """As of some minutes ago; or since when nothing that is received is done with.

        SQS does not count the age of what was received three times:
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
        """
        queue = queue_url.rpartition("/")[2]
        asked = {it: ("AWS/SQS", it, "QueueName", queue) for it in (_AGE, _RECEIVED, _DELETED)}
        found = self._read(asked, "Maximum", now)
        ages, received = found.get(_AGE), found.get(_RECEIVED, {})
        told = [timedelta(seconds=ages[max(ages)])] if ages else []
        done = max((at for at, number in found.get(_DELETED, {}).items() if number), default=None)
        told += [now - at for at, it in received.items() if it and (done is None or at > done)]
        return max(told, default=None)

    def untold(self, now: datetime) -> timedelta | None:
        """How old the change is that the events function takes now."""
        name = self._functions.get("EventsFunction", "")
        asked = {"": ("AWS/Lambda", "IteratorAge", "FunctionName", name)}
        found = self._read(asked, "Maximum", now).get("", {}) if name else {}
        return timedelta(milliseconds=found[max(found)]) if found else None

    def log(self, function: str) -> str:
        """The command that shows a function's log, or, without a name, those of all."""
        if self._logs is not None:
            return f"less +G {self._logs / (function or '*Function')}.log"
        of = f" --name {function}" * bool(function)
        return f"build/venvs/sam/bin/sam logs --stack-name {self._stack_name}{of}"

    def _read(
        self, asked: Mapping[str, tuple[str, str, str, str]], statistic: str, now: datetime
    ) -> dict[str, dict[datetime, float]]:
        """The values of the last hour, by minute, of metrics that have one dimension.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
        """
        names = [*asked]
        queries = [
            {
                "Id": f"m{number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": space,
                        "MetricName": metric,
                        "Dimensions": [{"Name": dimension, "Value": value}],
                    },
                    "Period": 60,
                    "Stat": statistic,
                },
            }
            for number, (space, metric, dimension, value) in enumerate(asked.values())
        ]
        answer = self._cloudwatch.get_metric_data(
            MetricDataQueries=queries, StartTime=now - HOUR, EndTime=now
        )
        return {
            names[int(it["Id"][1:])]: dict(zip(it["Timestamps"], it["Values"], strict=True))
            for it in answer["MetricDataResults"]
            if it["Values"]
        }
