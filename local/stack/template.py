"""What template.yaml says, for whoever runs it here instead of deploying it.

aws-sam-translator turns the template into plain CloudFormation, as a deployment does; this module
reads functions, routes, queue mappings, schedules, tables and queues from the result and resolves
the intrinsic functions in them. Nothing of the template is written down a second time.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from local.stack.translation import translated
from local.stack.wiring import (
    Function,
    Queue,
    QueueMapping,
    Route,
    Schedule,
    StreamMapping,
    Table,
    Wiring,
)

STACK_NAME = "local"
ACCOUNT_ID = "000000000000"
STREAM = "2026-01-01T00:00:00.000"
DEFAULT_CONCURRENCY = 5
"""Invocations at once of a mapping without MaximumConcurrency: AWS starts with five, too."""

_NO_VALUE = object()
_ARNS = {
    "AWS::DynamoDB::Table": "dynamodb:table/{}",
    "AWS::Events::EventBus": "events:event-bus/{}",
    "AWS::IAM::Role": "iam:role/{}",
    "AWS::Lambda::Function": "lambda:function:{}",
    "AWS::Logs::LogGroup": "logs:log-group:{}:*",
    "AWS::SQS::Queue": "sqs:{}",
}
"""Service and resource part of the ARN of each type that what runs here refers to."""
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


class Template:
    """A translated template whose parameters have no values yet."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self.parameters: Mapping[str, Any] = {
            name: parameter.get("Default")
            for name, parameter in document.get("Parameters", {}).items()
        }

    @classmethod
    def read(cls, path: Path) -> "Template":
        """Translate a SAM template.

        Raises:
            OSError: The file cannot be read, or nothing can be kept beside it.
            samtranslator.model.exceptions.InvalidDocumentException: It is not a valid template.
        """
        return cls(translated(path))

    @property
    def variables(self) -> Mapping[str, str | None]:
        """Every environment variable of any function: its parameter, or None if it has none."""
        found: dict[str, str | None] = {}
        for resource in self._document["Resources"].values():
            if resource["Type"] == "AWS::Lambda::Function":
                for name, value in _variables(resource).items():
                    reference = value.get("Ref") if isinstance(value, dict) else None
                    if reference in self.parameters:
                        found[name] = reference
                    else:
                        found.setdefault(name, None)
        return found

    def wire(
        self,
        values: Mapping[str, str],
        *,
        endpoint_url: str,
        api_url: str,
        region: str = "us-east-1",
    ) -> Wiring:
        """Resolve everything.

        Args:
            values: Parameters by name; the others have their defaults.
            endpoint_url: Of the emulator, for the addresses of queues.
            api_url: Of the HTTP API.
            region: Region of all resources.

        Raises:
            ValueError: A parameter has no value, or the template says what is not understood here.
        """
        given = {**self.parameters, **values}
        if missing := [name for name, value in given.items() if value is None]:
            message = f"template parameters without a value: {', '.join(missing)}"
            raise ValueError(message)
        return _Resolver(self._document, given, endpoint_url, api_url, region).wiring()


class _Resolver:
    def __init__(
        self,
        document: Mapping[str, Any],
        parameters: Mapping[str, Any],
        endpoint_url: str,
        api_url: str,
        region: str,
    ) -> None:
        self._document = document
        self._endpoint_url = endpoint_url
        self._api_url = api_url
        self._region = region
        self._names = {
            **{name: _as_text(value) for name, value in parameters.items()},
            "AWS::AccountId": ACCOUNT_ID,
            "AWS::NoValue": _NO_VALUE,
            "AWS::Partition": "aws",
            "AWS::Region": region,
            "AWS::StackId": f"arn:aws:cloudformation:{region}:{ACCOUNT_ID}:stack/{STACK_NAME}/1",
            "AWS::StackName": STACK_NAME,
            "AWS::URLSuffix": "amazonaws.com",
        }
        self._intrinsics: Mapping[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self._condition,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": lambda value: value[0].join(map(_as_text, self.value(value[1]))),
            "Fn::Select": lambda value: self.value(value[1])[int(self.value(value[0]))],
            "Fn::Split": lambda value: self.value(value[1]).split(value[0]),
            "Fn::If": lambda value: self.value(value[1 if self._condition(value[0]) else 2]),
            "Fn::Equals": lambda value: len({_as_text(self.value(side)) for side in value}) == 1,
            "Fn::Not": lambda value: not self.value(value[0]),
            "Fn::And": lambda value: all(map(self.value, value)),
            "Fn::Or": lambda value: any(map(self.value, value)),
        }
        self._resources = {
            name: resource
            for name, resource in document["Resources"].items()
            if "Condition" not in resource or self._condition(resource["Condition"])
        }

    # ── values ──

    def value(self, node: Any) -> Any:
        """A node of the template without its intrinsic functions.

        Raises:
            ValueError: It has one that is not known here.
        """
        if isinstance(node, list):
            return [item for item in map(self.value, node) if item is not _NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (name, argument), *_ = node.items()
            if name in self._intrinsics:
                return self._intrinsics[name](argument)
            if name.startswith("Fn::"):
                message = f"{name} is not understood by the local stack"
                raise ValueError(message)
        resolved = {key: self.value(item) for key, item in node.items()}
        return {key: item for key, item in resolved.items() if item is not _NO_VALUE}

    def _condition(self, name: str) -> bool:
        return bool(self.value(self._document["Conditions"][name]))

    def _ref(self, name: str) -> Any:
        if name in self._names:
            return self._names[name]
        if self._type(name) == "AWS::SQS::Queue":
            return f"{self._endpoint_url}/{ACCOUNT_ID}/{self._physical(name)}"
        return self._physical(name)

    def _get_att(self, argument: Any) -> str:
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        kind, physical = self._type(name), self._physical(name)
        if attribute == "Arn" and kind in _ARNS:
            return self._arn(*_ARNS[kind].format(physical).split(":", 1))
        match kind, attribute:
            case "AWS::DynamoDB::Table", "StreamArn":
                # On AWS its last part is when it was made.
                return f"{self._get_att([name, 'Arn'])}/stream/{STREAM}"
            case "AWS::SQS::Queue", "QueueName":
                return physical
            case "AWS::SQS::Queue", "QueueUrl":
                return str(self._ref(name))
            case "AWS::ApiGatewayV2::Api", "ApiEndpoint":
                return self._api_url
        message = f"!GetAtt {name}.{attribute} ({kind}) is not understood by the local stack"
        raise ValueError(message)

    def _sub(self, argument: Any) -> str:
        text, local = (argument, {}) if isinstance(argument, str) else argument

        def replace(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in local:
                return _as_text(self.value(local[name]))
            is_attribute = "." in name and name not in self._names
            return _as_text(self._get_att(name) if is_attribute else self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", replace, text)

    def _type(self, name: str) -> str:
        try:
            return str(self._resources[name]["Type"])
        except KeyError:
            message = f"the template refers to {name}, which is neither parameter nor resource"
            raise ValueError(message) from None

    def _physical(self, name: str) -> str:
        resource = self._resources.get(name, {})
        properties = resource.get("Properties", {})
        of_bus = ("Name",) if resource.get("Type") == "AWS::Events::EventBus" else ()
        for key in ("TableName", "QueueName", "FunctionName", "LogGroupName", *of_bus):
            if key in properties:
                return str(self.value(properties[key]))
        suffix = ".fifo" if properties.get("FifoQueue") else ""
        return f"{STACK_NAME}-{name}{suffix}"

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self._region}:{ACCOUNT_ID}:{resource}"

    # ── what the stack is made of ──

    def wiring(self) -> Wiring:
        functions = {name: self._function(name) for name, _ in self._of("AWS::Lambda::Function")}
        by_arn = {function.arn: name for name, function in functions.items()}
        queues = {
            name: Queue(self._physical(name), self._ref(name), self._get_att([name, "Arn"]), found)
            for name, found in self._of("AWS::SQS::Queue")
        }
        by_queue = {queue.arn: name for name, queue in queues.items()}
        return Wiring(
            functions=functions,
            routes=tuple(self._routes(by_arn)),
            mappings=tuple(self._mappings(by_queue)),
            streams=tuple(self._streams(by_queue)),
            schedules=tuple(self._schedules(by_arn)),
            tables={k: Table(self._physical(k), it) for k, it in self._of("AWS::DynamoDB::Table")},
            alarms=dict(self._of("AWS::CloudWatch::Alarm")),
            queues=queues,
            buses={name: self._physical(name) for name, _ in self._of("AWS::Events::EventBus")},
            outputs=dict(self._outputs()),
            resources={name: str(found["Type"]) for name, found in self._resources.items()},
        )

    def _outputs(self) -> Iterator[tuple[str, str]]:
        """What the template tells its owner, as far as it speaks of what runs here."""
        for name, output in self._document.get("Outputs", {}).items():
            if "Condition" not in output or self._condition(output["Condition"]):
                with suppress(ValueError):  # a dashboard, an alarm's topic
                    yield name, _as_text(self.value(output["Value"]))

    def _of(self, kind: str) -> Iterator[tuple[str, Any]]:
        for name, resource in self._resources.items():
            if resource["Type"] == kind:
                yield name, self.value(resource.get("Properties", {}))

    def _function(self, name: str) -> Function:
        resource = self._resources[name]
        properties = {
            key: self.value(resource["Properties"][key])
            for key in ("Handler", "Runtime", "Timeout", "MemorySize", "LoggingConfig")
            if key in resource["Properties"]
        }
        logging = properties.get("LoggingConfig", {})
        return Function(
            name=self._physical(name),
            arn=self._get_att([name, "Arn"]),
            handler=properties["Handler"],
            runtime=properties["Runtime"],
            timeout_s=float(properties.get("Timeout", 3)),
            memory_mb=int(properties.get("MemorySize", 128)),
            environment={
                key: _as_text(self.value(value)) for key, value in _variables(resource).items()
            },
            log_group=logging.get("LogGroup", f"/aws/lambda/{self._physical(name)}"),
            log_format=logging.get("LogFormat", "Text"),
            log_level=logging.get("ApplicationLogLevel", "INFO"),
        )

    def _routes(self, functions: Mapping[str, str]) -> Iterator[Route]:
        """https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-open-api.html."""
        for _, api in self._of("AWS::ApiGatewayV2::Api"):
            for path, operations in api["Body"]["paths"].items():
                for method, operation in operations.items():
                    uri = operation["x-amazon-apigateway-integration"]["uri"]
                    arn = uri.partition("/functions/")[2].removesuffix("/invocations")
                    is_any = method == "x-amazon-apigateway-any-method"
                    yield Route("ANY" if is_any else method.upper(), path, functions[arn])

    def _mappings(self, queues: Mapping[str, str]) -> Iterator[QueueMapping]:
        for name, mapping in self._of("AWS::Lambda::EventSourceMapping"):
            if mapping.get("Enabled") is False or "/stream/" in mapping["EventSourceArn"]:
                continue
            if mapping["EventSourceArn"] not in queues:
                message = f"{name}: only queues and streams are event sources in the local stack"
                raise ValueError(message)
            yield QueueMapping(
                queue=queues[mapping["EventSourceArn"]],
                function=self._resources[name]["Properties"]["FunctionName"]["Ref"],
                batch_size=int(mapping.get("BatchSize", 10)),
                window_s=float(mapping.get("MaximumBatchingWindowInSeconds", 0)),
                concurrency=int(
                    mapping.get("ScalingConfig", {}).get("MaximumConcurrency", DEFAULT_CONCURRENCY)
                ),
                reports_failures="ReportBatchItemFailures"
                in mapping.get("FunctionResponseTypes", []),
            )

    def _streams(self, queues: Mapping[str, str]) -> Iterator[StreamMapping]:
        tables = {self._get_att([it, "Arn"]): it for it, _ in self._of("AWS::DynamoDB::Table")}
        for name, mapping in self._of("AWS::Lambda::EventSourceMapping"):
            arn, is_stream, _ = mapping["EventSourceArn"].partition("/stream/")
            if is_stream and mapping.get("Enabled") is not False:
                function = self._resources[name]["Properties"]["FunctionName"]["Ref"]
                yield StreamMapping.of(tables[arn], function, mapping, queues)

    def _schedules(self, functions: Mapping[str, str]) -> Iterator[Schedule]:
        for kind, source in (
            ("AWS::Scheduler::Schedule", "aws.scheduler"),
            ("AWS::Events::Rule", "aws.events"),
        ):
            for name, found in self._of(kind):
                if found.get("State") == "DISABLED":
                    continue
                targets = found.get("Targets") or [found["Target"]]
                for target in targets:
                    event = target.get("Input")
                    yield Schedule(
                        name=name,
                        function=functions[target["Arn"]],
                        source=source,
                        every_s=_rate(found["ScheduleExpression"]),
                        event=None if event is None else json.loads(event),
                    )


def _rate(expression: str) -> float:
    """Seconds of `rate(1 minute)`.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#rate-based
    """
    match = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression)
    if not match:
        message = f"schedule {expression!r}: the local stack runs rate(...) only"
        raise ValueError(message)
    return float(int(match[1]) * _SECONDS[match[2]])


def _variables(function: Mapping[str, Any]) -> Mapping[str, Any]:
    variables: Mapping[str, Any] = (
        function["Properties"].get("Environment", {}).get("Variables", {})
    )
    return variables


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
