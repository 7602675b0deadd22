"""What no table knows: alarms, how old queues are, and what the functions have counted.

Deployed, CloudWatch tells; on this machine the functions' logs, whose lines have the same counts:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from shared.telemetry import NAMESPACE

HOUR = timedelta(hours=1)
_TAIL = 1 << 20  # Of each log, so many bytes are read: an hour of a busy stack on a laptop.
_AGE = "ApproximateAgeOfOldestMessage"


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted of one kind within the last hour, and when last."""

    number: int
    last: datetime


@dataclass(frozen=True, slots=True)
class Alarm:
    """One that rings."""

    name: str
    words: str
    since: datetime


class Watch(Protocol):
    """Whoever knows it."""

    def alarms(self) -> list[Alarm] | None:
        """Those that ring; None if nobody here knows."""

    def counted(self, names: Sequence[str], now: datetime) -> Mapping[str, Counted]:
        """Of the metrics of the functions, those that were counted in the last hour."""

    def age(self, queue_url: str, now: datetime) -> timedelta | None:
        """Of the oldest message; None if nobody here knows."""

    def log(self, function: str) -> str:
        """The command that shows a function's log, or, without a name, those of all."""


class CloudWatch:
    """Of a deployed stack."""

    def __init__(self, cloudwatch: Any, stack_name: str) -> None:
        self._cloudwatch = cloudwatch
        self._stack_name = stack_name

    def alarms(self) -> list[Alarm] | None:
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
            )
            for it in answer["MetricAlarms"]
            if it["StateValue"] == "ALARM"
        ]

    def counted(self, names: Sequence[str], now: datetime) -> Mapping[str, Counted]:
        """By minute, of which the last that is not empty says when."""
        dimensions = [{"Name": "service", "Value": self._stack_name}]
        found = self._read(NAMESPACE, names, dimensions, "Sum", now)
        return {name: Counted(round(sum(each.values())), max(each)) for name, each in found.items()}

    def age(self, queue_url: str, now: datetime) -> timedelta | None:
        """As of some minutes ago."""
        dimensions = [{"Name": "QueueName", "Value": queue_url.rpartition("/")[2]}]
        found = self._read("AWS/SQS", [_AGE], dimensions, "Maximum", now).get(_AGE, {})
        return timedelta(seconds=found[max(found)]) if found else None

    def log(self, function: str) -> str:
        """By SAM's CLI, which knows the stack's groups."""
        return f"sam logs --stack-name {self._stack_name}" + f" --name {function}" * bool(function)

    def _read(
        self, space: str, names: Sequence[str], dimensions: Any, statistic: str, now: datetime
    ) -> dict[str, dict[datetime, float]]:
        """The values of the last hour, by minute.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
        """
        queries = [
            {
                "Id": f"m{number}",
                "MetricStat": {
                    "Metric": {"Namespace": space, "MetricName": name, "Dimensions": dimensions},
                    "Period": 60,
                    "Stat": statistic,
                },
            }
            for number, name in enumerate(names)
        ]
        answer = self._cloudwatch.get_metric_data(
            MetricDataQueries=queries, StartTime=now - HOUR, EndTime=now
        )
        return {
            names[int(it["Id"][1:])]: dict(zip(it["Timestamps"], it["Values"], strict=True))
            for it in answer["MetricDataResults"]
            if it["Values"]
        }


class Logs:
    """Of the local stack, which has no alarms: its functions' logs, a file for each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def alarms(self) -> list[Alarm] | None:
        """Nobody evaluates them here."""
        return None

    def counted(self, names: Sequence[str], now: datetime) -> Mapping[str, Counted]:
        """By the lines that CloudWatch would make metrics of."""
        found: dict[str, Counted] = {}
        for line in self._lines():
            at = datetime.fromtimestamp(line["_aws"]["Timestamp"] / 1000, UTC)
            if at < now - HOUR:
                continue
            for name in line.keys() & set(names):
                before = found.get(name, Counted(0, at))
                number = before.number + round(sum(line[name]))
                found[name] = Counted(number, max(at, before.last))
        return found

    def age(self, _queue_url: str, _now: datetime) -> timedelta | None:
        """The emulator does not tell."""
        return None

    def log(self, function: str) -> str:
        """By a pager, at its end."""
        return f"less +G {self._folder / (function or '*Function')}.log"

    def _lines(self) -> Iterator[dict[str, Any]]:
        for file in sorted(self._folder.glob("*Function.log")):
            with file.open("rb") as log:
                log.seek(max(0, file.stat().st_size - _TAIL))
                # The first one may be cut.
                yield from map(json.loads, filter(_is_count, log.read().splitlines()))


def _is_count(line: bytes) -> bool:
    return line.startswith(b'{"_aws"') and line.endswith(b"}")
