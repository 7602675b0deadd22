"""What a month on AWS costs, by how many locations there are: `python -m tests.bench.costs`.

Requests are counted, not guessed: one payment, one call and a month of some locations go through
the real handlers on AWS in memory. What of the stack costs something while nobody uses it is read
from template.yaml. Prices and times are constants, each with its source.
"""

import io
import json
import math
import random
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from unittest.mock import patch

import pytest

from local.simulator import Owner, Simulator
from shared import telemetry
from tests.bench.exchanges import Exchanges
from tests.calls.telling import end, ring, settle
from tests.deployment import Clock, Deployment, payment
from tests.house.template import ALARMS, MAPPINGS, ROLES, TABLES, of_type
from tests.memory import Memory
from tests.memory.session import Session

REGION, PRICED_ON = "us-east-1", "November 2025"
"""Whose list prices these are, and of when. They were written down from memory: no program and
nobody has compared them with the pages since."""
PRICES = {
    # https://aws.amazon.com/dynamodb/pricing/on-demand/
    "write units": 0.625e-6,
    "read units": 0.125e-6,
    # https://aws.amazon.com/lambda/pricing/
    "invocations": 0.20e-6,
    "GB seconds": 0.0000133334,
    # https://aws.amazon.com/sqs/pricing/
    "queue requests": 0.40e-6,
    # https://aws.amazon.com/api-gateway/pricing/
    "HTTP requests": 1.00e-6,
    # https://aws.amazon.com/eventbridge/pricing/
    "scheduled runs": 1.00e-6,
    "events": 1.00e-6,
    # https://aws.amazon.com/cloudwatch/pricing/
    "log bytes": 0.50e-9,
    "alarms": 0.10,
    "custom metrics": 0.30,
    "dashboards": 3.00,
    # https://aws.amazon.com/kms/pricing/
    "key requests": 0.03e-4,
}
"""US dollars for one of each, without the free tiers."""
ROWS = {
    "DynamoDB": ("write units", "read units"),
    "Lambda": ("invocations", "GB seconds"),
    "SQS": ("queue requests",),
    "API Gateway": ("HTTP requests",),
    "Scheduler": ("scheduled runs",),
    "EventBridge": ("events",),
    "CloudWatch logs": ("log bytes",),
    "CloudWatch alarms, metrics, dashboard": ("alarms", "custom metrics", "dashboards"),
    "KMS, at most": ("key requests",),
}
LOCATIONS = (100, 1_000, 10_000)
CALLS, PAYMENTS = 300, 1
"""Of a location in a month of thirty days."""
MINUTES = 30 * 24 * 60

# Not measured: what a request takes. The platform's is also what the default pace spaces calls by.
PLATFORM_S, AWS_S, OWN_S = 0.3, 0.01, 0.01
ACCESS_LOG_BYTES = 300
# Lambda polls an idle queue with five long polls of twenty seconds.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
POLLS_A_MINUTE = 5 * 3
# DynamoDB keeps the key of a table for five minutes, of each role.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.howitworks.html
KEY_KEPT_MIN = 5
PACE_PER_MIN = 200

_SAMPLE = 10
"""Locations that a month is measured with."""

type Used = defaultdict[str, float]


def size(item: Mapping[str, Any]) -> int:
    """Bytes of an item, as DynamoDB counts them but for numbers, which are shorter there.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name) + len(json.dumps(value)) - 8 for name, value in item.items())


def _projected(item: Mapping[str, Any], index: Mapping[str, Any], key: set[str]) -> Any:
    """What an index holds of an item; None if the item is not in it."""
    names = {part["AttributeName"] for part in index["KeySchema"]}
    if not names <= set(item):
        return None
    projection = index["Projection"]
    if projection["ProjectionType"] == "ALL":
        return dict(item)
    held = names | key | set(projection.get("NonKeyAttributes", ()))
    return {name: value for name, value in item.items() if name in held}


def write_units(
    table: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any], *, at_once: bool
) -> int:
    """Of one write, with what it changes in the indexes; `at_once` is in a transaction.

    That a transaction doubles what the table costs and not what its indexes cost is inferred.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
    """
    units = max(1, math.ceil(max(size(before), size(after)) / 1024)) * (2 if at_once else 1)
    key = {part["AttributeName"] for part in table["KeySchema"]}
    for index in table.get("GlobalSecondaryIndexes", ()):
        old, new = _projected(before, index, key), _projected(after, index, key)
        if old == new:
            continue
        names = [part["AttributeName"] for part in index["KeySchema"]]
        is_moved = old and new and [old[n] for n in names] != [new[n] for n in names]
        # A key cannot change: the old one is removed, and a new one is put.
        units += 2 if is_moved else 1
    return units


class Meter:
    """Takes the place of a boto3 session, and counts what functions ask it while they run."""

    def __init__(self, memory: Memory) -> None:
        self.used: Used = defaultdict(float)
        self.running = False
        self._memory = memory
        self.dynamodb = memory.client("dynamodb")

    def client(self, service: str, **_: object) -> Any:
        return _Metered(self, self._memory.client(service), service)

    def row(self, asked: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
        names = [part["AttributeName"] for part in table["KeySchema"]]
        given = asked.get("Item") or asked["Key"]
        found: dict[str, Any] = self.dynamodb.get_item(
            TableName=asked["TableName"], Key={name: given[name] for name in names}
        ).get("Item", {})
        return found


class _Metered:
    def __init__(self, meter: Meter, client: Any, service: str) -> None:
        self._meter, self._client, self._service = meter, client, service

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if not callable(method) or name == "exceptions":
            return method

        def call(**asked: Any) -> Any:
            meter = self._meter
            if not meter.running:
                return method(**asked)
            meter.used["AWS calls"] += 1
            if self._service == "sqs":
                meter.used["queue requests"] += 1
            if self._service == "events":
                meter.used["events"] += len(asked["Entries"])
            if self._service != "dynamodb":
                return method(**asked)
            if name in ("get_item", "query"):
                answer = method(**asked)
                items = [answer["Item"]] if "Item" in answer else answer.get("Items", [])
                units = max(1, math.ceil(sum(map(size, items)) / 4096))
                meter.used["read units"] += units if asked.get("ConsistentRead") else units / 2
                return answer
            return self._write(name, method, asked)

        return call

    def _write(self, name: str, method: Any, asked: Mapping[str, Any]) -> Any:
        """Refused or not, a write is paid for."""
        meter, at_once = self._meter, name == "transact_write_items"
        writes = [next(iter(it.values())) for it in asked["TransactItems"]] if at_once else [asked]
        tables = [TABLES[write["TableName"].removeprefix("local-")] for write in writes]
        before = list(map(meter.row, writes, tables))
        try:
            return method(**asked)
        finally:
            for write, table, old in zip(writes, tables, before, strict=True):
                new = meter.row(write, table)
                meter.used["write units"] += write_units(table, old, new, at_once=at_once)


@dataclass(slots=True)
class Stack:
    """A deployment whose use is measured."""

    deployment: Deployment
    meter: Meter
    log: io.StringIO
    platform: Exchanges

    def since(self) -> Used:
        """What was used since this was last called."""
        used = self.meter.used
        self.meter.used = defaultdict(float)
        used["log bytes"] += self.log.tell()
        self.log.seek(0)
        self.log.truncate()
        calls = self.platform.calls
        used["platform calls"] = calls - self._told
        self._told = calls
        return used

    _told: int = 0


@contextmanager
def measured() -> Iterator[Stack]:
    """A stack on AWS in memory, with the default settings of the template."""
    clock, log = Clock(), io.StringIO()
    # Always the same: looks are spread by the time of day and by chance.
    clock.at = datetime(2026, 11, 2, 10, 0, 7, tzinfo=UTC)
    random.seed(1)
    meter = Meter(Memory(clock))
    invoke = Deployment.invoke

    def invoked(deployment: Deployment, function: str, event: Any) -> Any:
        memory_gb = {"connect": 1.0}.get(function, 0.5)
        used = meter.used
        aws, calls = used["AWS calls"], platform.calls
        meter.running = True
        try:
            return invoke(deployment, function, event)
        finally:
            meter.running = False
            took = OWN_S + AWS_S * (used["AWS calls"] - aws)
            took += PLATFORM_S * (platform.calls - calls)
            used["invocations"] += 1
            used["GB seconds"] += took * memory_gb
            if "rawPath" in event:
                used["HTTP requests"] += 1
                used["log bytes"] += ACCESS_LOG_BYTES
            # A message is sent, received and deleted; what functions send is counted above. What
            # Lambda reads of a stream costs nothing.
            if function != "events":
                used["queue requests"] += 2 * len(event.get("Records", ()))

    simulator = Simulator(redirect_url="https://provider.example/connect")
    platform = simulator.exchange = Exchanges(simulator.exchange)  # type: ignore[assignment]  # same
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("shared.clock.now", clock)
        monkeypatch.setattr("boto3.Session", lambda: meter)
        monkeypatch.setattr("shared.aws.session.get_session", lambda: Session(meter.client))
        [handler] = telemetry.logger.handlers
        with (
            patch.object(Deployment, "invoke", invoked),
            patch.object(handler, "stream", log),
            redirect_stdout(log),
            simulator,
        ):
            simulator.platform.now = clock
            deployment = Deployment(simulator, clock, monkeypatch)
            deployment.restart(CENSUS_EVERY_S="86400")
            yield Stack(deployment, meter, log, platform)


@cache
def uses() -> dict[str, Used]:
    """What a payment, a call, a run of the schedule and a location's month use."""
    found: dict[str, Used] = {}
    with measured() as stack:
        deployment = stack.deployment
        owners = range(1, _SAMPLE + 1)
        pages = [deployment.connect(each, owner=Owner(id=each)) for each in owners]
        key = pages[0].pbx_key
        deployment.let_time_pass(40)
        talk(deployment, key, "first")
        # Until what a connection begins with is over.
        deployment.let_time_pass(60)
        stack.since()
        deployment.invoke("reconcile", {})
        found["run"] = stack.since()
        deployment.tell()
        stack.since()
        for each in owners:
            deployment.bill(payment(f"inv-{each}", each, **period(deployment)))
            deployment.tell()
        found["payment"] = shared_by(_SAMPLE, stack.since())
        found["payment"]["queue requests"] += 1  # the billing system's
        for each in owners:
            talk(deployment, key, f"c-{each}")
        found["call"] = shared_by(_SAMPLE, beyond(stack.since(), found["run"], _SAMPLE))
        deployment.let_time_pass(10)
        stack.since()
        hours = 30 * 24
        for _ in range(hours):
            deployment.let_time_pass(60, step=60)
            deployment.tell()
        month = beyond(stack.since(), found["run"], hours)
        found["location"] = shared_by(_SAMPLE, month)
    return found


def talk(
    deployment: Deployment, key: str, call_id: str, *, listed_after_s: float = 11, **changes: Any
) -> None:
    """A call that is shown, saved, and seen in the platform's list."""
    phone = f"+13155550{100 + len(deployment.simulator.saved_calls())}"
    told: dict[str, Any] = {"location_id": 1, "call_id": call_id, "phone": phone}
    assert ring(deployment, key, **told) == "sent"
    end(deployment, key, **told, **changes)
    settle(deployment)
    deployment.clock.advance(seconds=listed_after_s)
    deployment.reconcile()
    call = deployment.calls.get(f"{deployment.connection(1).account_id}#{call_id}")
    assert call is not None
    assert call.state == "confirmed", call


def period(deployment: Deployment) -> dict[str, str]:
    """Of a payment for the next thirty days."""
    now = deployment.clock()
    return {
        "paid_at": now.isoformat(),
        "period_from": now.isoformat(),
        "period_to": (now + timedelta(days=30)).isoformat(),
    }


def beyond(used: Used, run: Used, runs: int) -> Used:
    """What was used beside so many runs of the schedule that found nothing to do."""
    return defaultdict(float, {name: used[name] - runs * run[name] for name in used})


def shared_by(number: int, used: Used) -> Used:
    return defaultdict(float, {name: value / number for name, value in used.items()})


def month(locations: int, each: Mapping[str, Used]) -> Used:
    """What a stack with so many locations uses in a month."""
    times = {
        "payment": PAYMENTS * locations,
        "call": CALLS * locations,
        "location": locations,
        "run": MINUTES,
    }
    used: Used = defaultdict(float)
    for kind, number in times.items():
        for name, value in each[kind].items():
            used[name] += number * value
    used["scheduled runs"] += MINUTES
    used["queue requests"] += len(MAPPINGS) * POLLS_A_MINUTE * MINUTES
    used["alarms"] += len(ALARMS)
    used["dashboards"] += len(of_type("AWS::CloudWatch::Dashboard"))
    # Each that an alarm watches, at worst: one is counted only in an hour in which it is written.
    watched = [it["MetricName"] for it in ALARMS.values() if it["Namespace"] == telemetry.NAMESPACE]
    used["custom metrics"] += len(set(watched))
    used["key requests"] += len(TABLES) * len(ROLES) * MINUTES / KEY_KEPT_MIN
    return used


def dollars(used: Mapping[str, float], names: Iterable[str]) -> float:
    return sum(used[name] * PRICES[name] for name in names)


def tables() -> str:
    """What docs/deploy.md shows: what one of each uses, and what a month costs."""
    each = uses()
    counted = (
        *("write units", "read units", "queue requests", "invocations", "HTTP requests"),
        "events",
    )
    lines = [
        "| one | write units | read units | SQS | Lambda | HTTP | events | calls to the platform |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
    ]
    titles = {
        "payment": "payment",
        "call": "call with its pop-up",
        "location": "location for a month",
        "run": "run of the schedule",
    }
    for kind, title in titles.items():
        numbers = [each[kind][name] for name in (*counted, "platform calls")]
        lines.append(f"| {title} | {' | '.join(f'{number:.1f}' for number in numbers)} |")
    months = {locations: month(locations, each) for locations in LOCATIONS}
    lines += [
        "",
        f"| US dollars a month | {' | '.join(f'{n:,} locations' for n in LOCATIONS)} |",
        f"| --- {'| --: ' * len(LOCATIONS)}|",
    ]
    for title, names in ROWS.items():
        costs = [f"{dollars(used, names):.2f}" for used in months.values()]
        lines.append(f"| {title} | {' | '.join(costs)} |")
    total = [f"**{dollars(used, PRICES):.2f}**" for used in months.values()]
    lines.append(f"| **all** | {' | '.join(total)} |")
    most = PACE_PER_MIN * MINUTES
    paces = [f"{used['platform calls'] / most:.0%}" for used in months.values()]
    lines.append(f"| of the default pace | {' | '.join(paces)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(tables() + "\n")
