"""What CloudWatch would make of metrics: pure rules, no I/O.

The alarms are those of template.yaml, by all that it says of them. The data are what `Readings` was
given, in any order.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from local.stack.template import STACK_NAME

# How many periods before those of the alarm are looked at, too, where data are missing. That there
# are some is documented, and an example has two of them; the number for each kind of alarm is not.
_BEFORE = 2
_NAMED = f" --stack-name {STACK_NAME}"
_KEPT = timedelta(hours=26)  # No alarm looks back for more than a day.

_COMPARES: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanOrEqualToThreshold": operator.le,
    "LessThanThreshold": operator.lt,
}
_STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Average": lambda values: sum(values) / len(values),
    "Maximum": max,
    "Minimum": min,
    "SampleCount": len,
    "Sum": sum,
}


class State(StrEnum):
    """Of an alarm, as CloudWatch writes it."""

    OK = "OK"
    ALARM = "ALARM"
    UNKNOWN = "INSUFFICIENT_DATA"


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured; its dimensions in the order of their names."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Mapping[str, str]) -> "Metric":
        """With its dimensions in order."""
        return cls(namespace, name, tuple(sorted(dimensions.items())))


@dataclass(frozen=True, slots=True)
class Alarm:
    """An AWS::CloudWatch::Alarm of one metric.

    Attributes:
        name: its logical name.
        words: its description.
        period_s: seconds of each datum.
        periods: so many data are looked at.
        needed: so many of them breach the threshold if it rings.
        missing: TreatMissingData.
    """

    name: str
    words: str
    metric: Metric
    statistic: str
    period_s: int
    periods: int
    needed: int
    comparison: str
    threshold: float
    missing: str

    @classmethod
    def read(cls, name: str, properties: Mapping[str, Any]) -> "Alarm":
        """From CloudFormation's properties, resolved.

        Raises:
            ValueError: It says what is not understood here.
        """
        known = {
            *("AlarmDescription", "Namespace", "MetricName", "Dimensions", "Statistic", "Period"),
            *("EvaluationPeriods", "DatapointsToAlarm", "Threshold", "ComparisonOperator"),
            *("TreatMissingData", "AlarmActions", "OKActions"),
        }
        if unknown := properties.keys() - known:
            message = f"{name}: {', '.join(sorted(unknown))} is not understood by the local stack"
            raise ValueError(message)
        dimensions = {each["Name"]: each["Value"] for each in properties.get("Dimensions", ())}
        periods = int(properties["EvaluationPeriods"])
        found = cls(
            name=name,
            # The commands find the stack of this machine by themselves.
            words=properties.get("AlarmDescription", "").replace(_NAMED, ""),
            metric=Metric.of(properties["Namespace"], properties["MetricName"], dimensions),
            statistic=properties["Statistic"],
            period_s=int(properties["Period"]),
            periods=periods,
            needed=int(properties.get("DatapointsToAlarm", periods)),
            comparison=properties["ComparisonOperator"],
            threshold=float(properties["Threshold"]),
            missing=properties.get("TreatMissingData", "missing"),
        )
        if found.statistic not in _STATISTICS or found.comparison not in _COMPARES:
            message = f"{name}: {found.statistic} {found.comparison} is not understood"
            raise ValueError(message)
        return found

    @property
    def window(self) -> timedelta:
        """For how long it looks back."""
        return timedelta(seconds=self.periods * self.period_s)

    def state(self, readings: "Readings", now: datetime, before: State) -> State:
        """What it is at a moment, by the data until then.

        The window slides: it ends now, whatever the clock shows.
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation-window.html
        """
        breaches: list[bool | None] = []
        for ago in range(self.periods + _BEFORE, 0, -1):
            begin = now - timedelta(seconds=ago * self.period_s)
            values = readings.between(self.metric, begin, begin + timedelta(seconds=self.period_s))
            value = _STATISTICS[self.statistic](values) if values else None
            compares = _COMPARES[self.comparison]
            breaches.append(None if value is None else compares(value, self.threshold))
        return judged(breaches, self.periods, self.needed, self.missing, before)


def judged(
    breaches: Sequence[bool | None], periods: int, needed: int, missing: str, before: State
) -> State:
    """The state of an alarm, by which of its data breach the threshold; None is no datum.

    Args:
        breaches: the oldest first; of more periods than it looks at.
        periods: of the alarm, the N of "M out of N".
        needed: its M.
        missing: what a missing datum is taken for.
        before: its state until now.
    """
    there = [it for it in breaches if it is not None]
    used = there[-periods:]
    # Where there are enough data, those that are missing are of no concern.
    absent = periods - len(used)
    certain = sum(used)
    if certain >= needed:
        return State.ALARM
    if not absent or missing == "notBreaching":
        return State.OK
    if missing == "breaching":
        return State.ALARM if certain + absent >= needed else State.OK
    if not there:
        return before if missing == "ignore" else State.UNKNOWN
    if not all(there):
        return State.OK
    # All that is there breaches, and it is too little. That nothing better came since it did tells
    # enough, unless it came just now.
    oldest = len(breaches) - breaches.index(True)
    return State.ALARM if missing == "missing" and oldest >= needed else before


class Readings:
    """What was measured, for a day; not for several threads."""

    def __init__(self) -> None:
        self._values: dict[Metric, list[tuple[datetime, float]]] = defaultdict(list)

    def add(self, metric: Metric, value: float, at: datetime) -> None:
        """One value; what is older than a day is forgotten."""
        values = self._values[metric]
        values.append((at, value))
        if values[0][0] < at - _KEPT:
            self._values[metric] = [it for it in values if it[0] >= at - _KEPT]

    def between(self, metric: Metric, begin: datetime, end: datetime) -> list[float]:
        """The values from one moment on, until before the other."""
        return [value for at, value in self._values.get(metric, ()) if begin <= at < end]

    def by_period(
        self, metric: Metric, statistic: str, begin: datetime, end: datetime, period_s: int
    ) -> dict[datetime, float]:
        """A statistic of each period that has a value, by the period's begin."""
        periods = defaultdict(list)
        for at, value in self._values.get(metric, ()):
            if begin <= at < end:
                periods[int(at.timestamp()) // period_s * period_s].append(value)
        return {
            datetime.fromtimestamp(since, UTC): _STATISTICS[statistic](values)
            for since, values in periods.items()
        }


class Alarms:
    """All alarms of a template, made at a moment, and the state of each since when."""

    def __init__(self, alarms: Iterable[Alarm], made_at: datetime) -> None:
        self.known = tuple(alarms)
        self._made_at = made_at
        self.states = dict.fromkeys((it.name for it in self.known), State.UNKNOWN)
        self.since: dict[str, datetime] = {}

    def look(self, readings: Readings, now: datetime) -> list[tuple[Alarm, State]]:
        """The state of each at this moment; returns those that have another than before."""
        changed = []
        for alarm in self.known:
            # What is missing from before there was a stack says nothing of the stack.
            if alarm.missing == "breaching" and now - self._made_at < alarm.window:
                continue
            state = alarm.state(readings, now, self.states[alarm.name])
            if state is not self.states[alarm.name]:
                self.states[alarm.name], self.since[alarm.name] = state, now
                changed.append((alarm, state))
        return changed


def embedded(line: Mapping[str, Any]) -> Iterator[tuple[Metric, float, datetime]]:
    """The values that a line of a log tells, which CloudWatch makes metrics of.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    at = datetime.fromtimestamp(line["_aws"]["Timestamp"] / 1000, UTC)
    for told in line["_aws"]["CloudWatchMetrics"]:
        for names in told["Dimensions"]:
            dimensions = {name: str(line[name]) for name in names}
            for each in told["Metrics"]:
                metric = Metric.of(told["Namespace"], each["Name"], dimensions)
                values = line[each["Name"]]
                for value in values if isinstance(values, list) else [values]:
                    yield metric, value, at
