"""Alarms as CloudWatch judges them: the documentation's own tables, and a second, naive reading."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.stack.alarms import Alarm, Alarms, Metric, Readings, State, embedded, judged
from tests.deployment import Deployment, wired

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
MINE = Metric.of("Mine", "Failed", {"service": "local"})
# What a missing datum is taken for; in the tables below, "-" is the state before.
KINDS = ("missing", "ignore", "breaching", "notBreaching")
PROPERTIES = {
    "AlarmDescription": "It failed.",
    "Namespace": "Mine",
    "MetricName": "Failed",
    "Dimensions": [{"Name": "service", "Value": "local"}],
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "TreatMissingData": "notBreaching",
}


def read(data: str) -> list[bool | None]:
    """As the documentation writes them: X breaches, 0 does not, - is missing."""
    return [{"X": True, "0": False, "-": None}[each] for each in data.split()]


def short(state: State, before: State) -> str:
    return "-" if state is before else state.name


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("0 - X - X", "OK OK OK OK"),
        ("- - - - 0", "OK OK OK OK"),
        ("- - - - -", "UNKNOWN - ALARM OK"),
        ("0 X X - X", "ALARM ALARM ALARM ALARM"),
        ("- - X - -", "ALARM - ALARM OK"),
    ],
)
def test_three_of_three_are_as_the_documentation_has_them(data: str, expected: str) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html"""
    for kind, state in zip(KINDS, expected.split(), strict=True):
        for before in State:
            found = judged(read(data), 3, 3, kind, before)
            assert found is (before if state == "-" else State[state]), kind


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("0 - X - X", "ALARM ALARM ALARM ALARM"),
        ("0 0 X 0 X", "ALARM ALARM ALARM ALARM"),
        ("0 - X - -", "OK OK ALARM OK"),
        ("- - - - 0", "OK OK ALARM OK"),
        ("- - - X -", "ALARM - ALARM OK"),
    ],
)
def test_two_of_three_are_as_the_documentation_has_them(data: str, expected: str) -> None:
    for kind, state in zip(KINDS, expected.split(), strict=True):
        for before in State:
            found = judged(read(data), 3, 2, kind, before)
            assert found is (before if state == "-" else State[state]), kind


def naive(data: list[bool | None], periods: int, needed: int, kind: str, before: State) -> State:
    """The documentation's sentences, one after the other."""
    real = [each for each in data if each is not None]
    # Where there are as many as it looks at, the latest of them decide, and none is missing.
    if len(real) >= periods:
        last = real[len(real) - periods :]
        return State.ALARM if last.count(True) >= needed else State.OK
    # Otherwise all that are there count, and only so many are filled in as there are too few.
    filled: list[bool | None] = [*real]
    while len(filled) < periods:
        filled.append({"breaching": True, "notBreaching": False}.get(kind))
    if filled.count(True) >= needed:
        return State.ALARM
    if kind in ("breaching", "notBreaching"):
        return State.OK
    # Where all are missing, either nothing is known, or it stays as it was.
    if not real:
        return State.UNKNOWN if kind == "missing" else before
    if False in real:
        return State.OK
    # It does not ring before its time: the oldest that breaches has to be as old as so many data,
    # and whatever came since breaches or is missing.
    ages = [len(data) - place for place, each in enumerate(data) if each]
    return State.ALARM if kind == "missing" and max(ages) >= needed else before


@given(
    st.lists(st.sampled_from([True, False, None]), min_size=3, max_size=9),
    st.integers(1, 7),
    st.integers(1, 7),
    st.sampled_from(KINDS),
    st.sampled_from(State),
)
def test_it_reads_the_documentation_as_a_naive_reader_does(
    data: list[bool | None], periods: int, needed: int, kind: str, before: State
) -> None:
    periods = min(periods, len(data) - 2)
    needed = min(needed, periods)
    assert judged(data, periods, needed, kind, before) is naive(data, periods, needed, kind, before)


def alarm(**changes: Any) -> Alarm:
    return Alarm.read("FailedAlarm", {**PROPERTIES, **changes})


def readings(*values: tuple[float, float], metric: Metric = MINE) -> Readings:
    """Values, and how many seconds ago each came."""
    found = Readings()
    for ago_s, value in values:
        found.add(metric, value, NOW - timedelta(seconds=ago_s))
    return found


@pytest.mark.parametrize(
    ("statistic", "threshold", "expected"),
    [
        ("Sum", 9, State.ALARM),
        ("Sum", 10, State.OK),
        ("Maximum", 6, State.ALARM),
        ("Maximum", 7, State.OK),
        ("Minimum", 3, State.ALARM),
        ("Minimum", 4, State.OK),
        ("Average", 4.5, State.ALARM),
        ("Average", 4.6, State.OK),
        ("SampleCount", 2, State.ALARM),
        ("SampleCount", 3, State.OK),
    ],
)
def test_each_statistic_is_of_its_period(statistic: str, threshold: float, expected: State) -> None:
    found = alarm(Statistic=statistic, Threshold=threshold)
    measured = readings((20, 3), (50, 6), (70, 100))
    if expected is State.OK:
        measured = readings((20, 3), (50, 6))
    assert found.state(measured, NOW, State.OK) is expected


@pytest.mark.parametrize(
    ("comparison", "below", "equal", "above"),
    [
        ("GreaterThanOrEqualToThreshold", State.OK, State.ALARM, State.ALARM),
        ("GreaterThanThreshold", State.OK, State.OK, State.ALARM),
        ("LessThanOrEqualToThreshold", State.ALARM, State.ALARM, State.OK),
        ("LessThanThreshold", State.ALARM, State.OK, State.OK),
    ],
)
def test_each_comparison_has_its_side(
    comparison: str, below: State, equal: State, above: State
) -> None:
    found = alarm(ComparisonOperator=comparison, Threshold=5)
    states = [found.state(readings((30, value)), NOW, State.OK) for value in (4, 5, 6)]
    assert states == [below, equal, above]


def test_another_dimension_is_another_metric() -> None:
    other = Metric.of("Mine", "Failed", {"service": "another"})
    assert alarm().state(readings((30, 9), metric=other), NOW, State.OK) is State.OK


def test_it_rings_within_its_period_and_is_over_when_the_last_has_left_the_range() -> None:
    measured = Readings()
    alarms = Alarms([alarm()], NOW)
    changed: list[tuple[int, State]] = []
    for minute in range(12):
        at = NOW + timedelta(minutes=minute)
        if minute == 3:
            measured.add(MINE, 1, at + timedelta(seconds=10))
        changed += [(minute, state) for _it, state in alarms.look(measured, at)]
    assert changed == [(0, State.OK), (4, State.ALARM), (7, State.OK)]
    assert alarms.since["FailedAlarm"] == NOW + timedelta(minutes=7)


def test_silence_rings_where_it_is_taken_for_a_breach_but_not_of_the_time_before() -> None:
    silent = alarm(
        TreatMissingData="breaching", ComparisonOperator="LessThanThreshold", EvaluationPeriods=5
    )
    alarms = Alarms([silent], NOW)
    changed = []
    for minute in range(20):
        changed += [
            (minute, state)
            for _it, state in alarms.look(Readings(), NOW + timedelta(minutes=minute))
        ]
    assert changed == [(5, State.ALARM)]


def test_a_day_is_remembered_and_no_more() -> None:
    measured = readings((3600, 1))
    measured.add(MINE, 1, NOW + timedelta(days=2))
    assert measured.between(MINE, NOW - timedelta(days=1), NOW) == []


def test_by_period_each_has_its_own() -> None:
    found = readings((10, 1), (20, 2), (70, 4)).by_period(
        MINE, "Sum", NOW - timedelta(hours=1), NOW, 60
    )
    minute = timedelta(minutes=1)
    assert found == {NOW - minute: 3, NOW - 2 * minute: 4}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"Statistic": "p99"}, "p99"),
        ({"ComparisonOperator": "LessThanLowerThreshold"}, "LessThanLowerThreshold"),
        ({"EvaluateLowSampleCountPercentile": "ignore"}, "EvaluateLowSampleCountPercentile"),
    ],
)
def test_what_is_not_understood_is_said(changes: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        alarm(**changes)


def test_every_alarm_of_the_template_is_understood() -> None:
    wiring = wired("https://sqs.us-east-1.amazonaws.com", ApplicationId="101")
    found = [Alarm.read(name, properties) for name, properties in wiring.alarms.items()]
    assert {it.name for it in found} == {
        name for name, kind in wiring.resources.items() if kind == "AWS::CloudWatch::Alarm"
    }
    assert all(it.words and "{" not in str(it.metric) for it in found)


def test_what_the_functions_print_is_a_metric(deployment: Deployment, logged: Any) -> None:
    deployment.reconcile()
    lines = [json.loads(text) for text in logged().splitlines() if '"_aws"' in text]
    told = [(it.namespace, it.name, value) for line in lines for it, value, _at in embedded(line)]
    assert ("AltegioTelephony", "ReconcileRun", 1.0) in told
