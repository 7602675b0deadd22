"""What no table knows and CloudWatch tells: alarms, how old queues are, what was counted."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ops import screen
from shared.telemetry import NAMESPACE

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)  # Of which a value is.
# No alarm that rings looks back further, by so many periods before its own.
_LONGEST = timedelta(hours=3)
_BEFORE = 2
# What is measured for as long as it lasts, not once when it happens, and how late that may be told.
_STANDING = ("ApproximateNumberOfMessagesVisible", "PaymentUnknown")
_TOLD_WITHIN = timedelta(minutes=3)
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
    """What was counted of one kind within the last hour, and in which minutes first and last."""

    number: int
    first: datetime
    last: datetime

    @property
    def words(self) -> str:
        """How often, and when last."""
        times = screen.counted(self.number, "time")
        return f"{times} in an hour, last at {screen.minute(self.last)}"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One that rings: what it counts was there last at `last`; it falls at `until` at the latest.

    Of one that rings because nothing is counted, neither is known. `lasts` says of what is measured
    whether it goes on; None of what is counted when it happens.
    """

    name: str
    words: str
    since: datetime
    last: datetime | None = None
    until: datetime | None = None
    lasts: bool | None = None

    @property
    def falls(self) -> str:
        """When it does; empty if that is not known."""
        if self.last is None or self.until is None:
            return ""
        if self.lasts:
            within = screen.age(self.until - self.last)
            return f"it lasts, and the alarm falls within {within} after it is over"
        until = f"so it falls by {screen.moment(self.until)}"
        if self.lasts is None:
            return f"last at {screen.moment(self.last)}, {until} if that was the last"
        return f"it is over, as it seems: last at {screen.moment(self.last)}, {until}"

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
        alarms: Mapping[str, Any] | None = None,
    ) -> None:
        """Of a stack, with AWS's names of its functions; a local one also with logs and alarms."""
        self._cloudwatch = cloudwatch
        self._stack_name = stack_name
        self._functions = functions
        self._logs = logs
        self._alarms = alarms or {}

    def alarms(self, now: datetime) -> list[Alarm]:
        """Those of the stack: CloudFormation begins their names with its own."""
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
        answer = self._cloudwatch.describe_alarms(
            StateValue="ALARM", AlarmNamePrefix=f"{self._stack_name}-", MaxRecords=100
        )
        rings = []
        for it in answer["MetricAlarms"]:
            name = it["AlarmName"].removeprefix(f"{self._stack_name}-").partition("-")[0]
            if it["StateValue"] == "ALARM":
                rings.append((name, {**it, **self._alarms.get(name, {})}))
        # Somebody may have made others with such a name, of several metrics or dimensions.
        ours = {k: it for k, it in rings if "Statistic" in it and len(it["Dimensions"]) == 1}
        data: dict[str, dict[datetime, float]] = {}
        for statistic in {it["Statistic"] for it in ours.values()}:
            asked = {k: _metric(it) for k, it in ours.items() if it["Statistic"] == statistic}
            data |= self._read(asked, statistic, now, _LONGEST)
        ends = {name: _ends(ours[name], it, now) for name, it in data.items()}
        named = (
            (k, it.get("AlarmDescription", ""), it["StateUpdatedTimestamp"]) for k, it in rings
        )
        return [Alarm(*it, *ends.get(it[0], ())) for it in named]

    def counted(
        self, names: Sequence[str], now: datetime, since: datetime | None = None
    ) -> Mapping[str, Counted]:
        """By minute, of which the first and the last that are not empty say when."""
        asked = {name: (NAMESPACE, name, "service", self._stack_name) for name in names}
        for logical, name in self._functions.items():
            for metric in FAILURES:
                asked[f"{logical} {metric}"] = ("AWS/Lambda", metric, "FunctionName", name)
        counted = {}
        for name, each in self._read(asked, "Sum", now).items():
            # What was seen at `since` may be of the same minute.
            if at := [it for it, number in each.items() if number and it > (since or it) - MINUTE]:
                counted[name] = Counted(round(sum(each[it] for it in at)), min(at), max(at))
        return counted

    def waits(self, queue_url: str, now: datetime) -> tuple[timedelta | None, datetime | None]:
        """How old the oldest message is, at least; and when the last one was done with.

        As of some minutes ago; or since when nothing that is received is done with.
        """
        # SQS does not count the age of what was received three times:
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
        queue = queue_url.rpartition("/")[2]
        asked = {it: ("AWS/SQS", it, "QueueName", queue) for it in (_AGE, _RECEIVED, _DELETED)}
        found = self._read(asked, "Maximum", now)
        ages, received = found.get(_AGE), found.get(_RECEIVED, {})
        told = [timedelta(seconds=ages[max(ages)])] if ages else []
        done = max((at for at, number in found.get(_DELETED, {}).items() if number), default=None)
        at = [it for it, number in received.items() if number and (done is None or it > done)]
        # It may have come at the end of that minute.
        told += [max(now - it - MINUTE, timedelta()) for it in at]
        return max(told, default=None), done

    def untold(self, now: datetime) -> timedelta | None:
        """How old the change is that the events function takes now."""
        name = self._functions.get("EventsFunction", "")
        asked = {"": ("AWS/Lambda", "IteratorAge", "FunctionName", name)}
        found = self._read(asked, "Maximum", now).get("", {}) if name else {}
        return timedelta(milliseconds=found[max(found)]) if found else None

    def log(self, function: str, word: str = "ERROR") -> str:
        """The command that shows a function's log, or, without a name, the lines with a word."""
        if self._logs is not None and function:
            return f"less +G {shlex.quote(f'{self._logs / function}.log')}"
        if self._logs is not None:
            return f"grep {word} {shlex.quote(str(self._logs))}/*Function.log | tail -n 3"
        of = f"--name {function}" if function else f"--filter {word}"
        sam = f"build/venvs/sam/bin/sam logs --stack-name {self._stack_name} {of}"
        # Without a time, only what is ten minutes old.
        return f"{sam} --start-time '{_LONGEST // HOUR}hours ago'"

    def _read(
        self,
        asked: Mapping[str, tuple[str, str, str, str]],
        statistic: str,
        now: datetime,
        span: timedelta = HOUR,
    ) -> dict[str, dict[datetime, float]]:
        """The values of the last hour, by minute, of metrics that have one dimension."""
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
        names, queries = [*asked], list[Any]()
        for number, (space, metric, name, value) in enumerate(asked.values()):
            one = {"Namespace": space, "MetricName": metric}
            of = {**one, "Dimensions": [{"Name": name, "Value": value}]}
            stat = {"Metric": of, "Period": 60, "Stat": statistic}
            queries.append({"Id": f"m{number}", "MetricStat": stat})
        answer = self._cloudwatch.get_metric_data(
            MetricDataQueries=queries, StartTime=now - span, EndTime=now
        )
        return {
            names[int(it["Id"][1:])]: dict(zip(it["Timestamps"], it["Values"], strict=True))
            for it in answer["MetricDataResults"]
            if it["Values"]
        }


def _metric(alarm: Mapping[str, Any]) -> tuple[str, str, str, str]:
    [it] = alarm["Dimensions"]
    return alarm["Namespace"], alarm["MetricName"], it["Name"], it["Value"]


def _ends(
    alarm: Mapping[str, Any], data: Mapping[datetime, float], now: datetime
) -> tuple[datetime, datetime, bool | None] | tuple[()]:
    """When there was last what it rings for, until when it looks back for that, and if it lasts.

    It is within the minute of its value, and an alarm is looked at once a minute.
    Where data are missing, as of what is counted only when it happens, older ones are looked at.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    """
    least = 1 if alarm["Statistic"] == "Sum" else alarm["Threshold"]
    at = [it for it, value in data.items() if value >= least]
    if alarm["ComparisonOperator"].startswith("Less") or not at:
        return ()
    periods = alarm["EvaluationPeriods"] + (len(at) == len(data)) * _BEFORE
    last, is_standing = max(at), alarm["MetricName"] in _STANDING
    lasts = last == max(data) and last > now - _TOLD_WITHIN if is_standing else None
    # The newest value may be minutes old.
    last = now if lasts else last
    return last, last + timedelta(seconds=alarm["Period"] * periods) + 2 * MINUTE, lasts
