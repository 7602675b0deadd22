"""What a template says, resolved: functions, routes, queues, schedules and tables."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Function:
    """An AWS::Lambda::Function. `environment` is the template's own, resolved."""

    name: str
    arn: str
    handler: str
    runtime: str
    timeout_s: float
    memory_mb: int
    environment: Mapping[str, str]
    log_group: str
    log_format: str
    log_level: str


@dataclass(frozen=True, slots=True)
class Route:
    """A route of an HTTP API; `method` may be ANY, `path` may be $default."""

    method: str
    path: str
    function: str

    @property
    def key(self) -> str:
        """The routeKey of its events."""
        return self.path if self.path == "$default" else f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class QueueMapping:
    """An event source mapping from a queue (its logical name) to a function."""

    queue: str
    function: str
    batch_size: int
    window_s: float
    concurrency: int
    reports_failures: bool


@dataclass(frozen=True, slots=True)
class StreamMapping:
    """An event source mapping from the stream of a table (its logical name) to a function.

    `patterns` are its filters, of which one has to fit; `dead_letters` the logical name of the
    queue that gets the places of what was given up after `longest_s` seconds.
    """

    table: str
    function: str
    batch_size: int
    patterns: tuple[Any, ...]
    reports_failures: bool
    longest_s: float
    dead_letters: str

    @classmethod
    def of(
        cls, table: str, function: str, mapping: Mapping[str, Any], queues: Mapping[str, str]
    ) -> "StreamMapping":
        """From CloudFormation's properties; `queues` has logical names by ARN."""
        return cls(
            table=table,
            function=function,
            batch_size=int(mapping["BatchSize"]),
            patterns=tuple(
                json.loads(each["Pattern"]) for each in mapping["FilterCriteria"]["Filters"]
            ),
            reports_failures="ReportBatchItemFailures" in mapping["FunctionResponseTypes"],
            longest_s=float(mapping["MaximumRecordAgeInSeconds"]),
            dead_letters=queues[mapping["DestinationConfig"]["OnFailure"]["Destination"]],
        )


@dataclass(frozen=True, slots=True)
class Schedule:
    """A rate: one run of `function` every `every_s` seconds. `event` None is the service's own."""

    name: str
    function: str
    source: str
    every_s: float
    event: Any


@dataclass(frozen=True, slots=True)
class Table:
    """An AWS::DynamoDB::Table; `properties` are CloudFormation's, resolved."""

    name: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Queue:
    """An AWS::SQS::Queue; `properties` are CloudFormation's, resolved."""

    name: str
    url: str
    arn: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wiring:
    """The whole template, resolved. Every mapping is keyed by logical name."""

    functions: Mapping[str, Function]
    routes: tuple[Route, ...]
    mappings: tuple[QueueMapping, ...]
    streams: tuple[StreamMapping, ...]
    schedules: tuple[Schedule, ...]
    tables: Mapping[str, Table]
    queues: Mapping[str, Queue]
    alarms: Mapping[str, Any]
    """CloudFormation's properties of each AWS::CloudWatch::Alarm, resolved."""
    buses: Mapping[str, str]
    """Names of event buses."""
    outputs: Mapping[str, str]
    resources: Mapping[str, str]
    """The type of each resource, of those too that nothing here plays."""
