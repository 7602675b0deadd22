"""The template as it is, deployed here: `sam build` and `sam deploy` into an emulator.

`local.stack` plays the template, and everything else uses that. This hands it to CloudFormation
instead, as a deployment to AWS does, and then asks the services what they have been given.

https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-cli-command-reference-sam-deploy.html
"""

import json
import os
import platform
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local import PROJECT
from local.stack.emulator import CREDENTIALS, REGION, Emulator
from local.stack.template import STACK_NAME, Function, Queue, Template

SAM = PROJECT / "build" / "venvs" / "sam" / "bin" / "sam"
SERVICES = (
    "apigateway,cloudformation,cloudwatch,dynamodb,events,iam,lambda,logs,s3,scheduler,sns,sqs,ssm,"
    "sts"
)
NAME = "altegio-telephony"
ARCHITECTURES = {"aarch64": "arm64", "amd64": "x86_64", "arm64": "arm64", "x86_64": "x86_64"}
"""AWS's names of processors, by `platform.machine()` in lower case."""
APPLICATION_ID = "101"
LEFT_OUT = {
    "routes": "the emulator does not read the API's definition, so no path answers",
    "point-in-time recovery": "the emulator ignores it",
    "time to live": "the emulator ignores it",
}
"""What the emulator, as it is pinned, leaves out of the template; tests of the template hold it."""


class DeploymentError(RuntimeError):
    """SAM refuses to build or to deploy; the message is what it says."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Things of one kind, by logical name: what the template wants and what there is."""

    kind: str
    wanted: Mapping[str, Any]
    found: Mapping[str, Any]

    @property
    def differing(self) -> list[str]:
        """The names of what is not as the template wants it."""
        unmatched = self.wanted.keys() ^ self.found.keys()
        both = self.wanted.keys() & self.found.keys()
        return sorted(unmatched | {name for name in both if self.wanted[name] != self.found[name]})


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployed stack.

    Attributes:
        emulator: Where it is.
        template: What it was made from.
        resources: Physical names by logical names.
        outputs: As CloudFormation resolved them.
    """

    emulator: Emulator
    template: Template
    resources: Mapping[str, str]
    outputs: Mapping[str, str]
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A boto3 client of the emulator, made once: each reads its service's model."""
        if service not in self._clients:
            self._clients[service] = self.emulator.client(service)
        return self._clients[service]


def sam_build(target: Path, *, here: bool = False, root: Path = PROJECT) -> None:
    """Run `sam build`.

    Args:
        target: The build folder; replaced.
        here: Build for this machine's processor instead of the template's.
        root: The project.

    Raises:
        DeploymentError: SAM says why.
    """
    template, variables = root / "template.yaml", {}
    if here:
        architecture = ARCHITECTURES[platform.machine().lower()]
        template = target.with_name(f"{target.name}.yaml")
        template.parent.mkdir(parents=True, exist_ok=True)
        template.write_text(_for(architecture, (root / "template.yaml").read_text("utf-8")))
        variables = {"ARTIFACT_PLATFORM": ""}
    _sam(
        "build",
        *("--template", str(template), "--base-dir", str(root), "--build-dir", str(target)),
        *("--config-file", str(root / "samconfig.toml")),
        folder=target.parent,
        root=root,
        variables=variables,
    )


@contextmanager
def deployed(folder: Path) -> Iterator[Deployed]:
    """The project, built for this machine and deployed, until the end of the `with`.

    Args:
        folder: For all files of the build and of the emulator; made if missing.

    Raises:
        DeploymentError: SAM says why.
        EmulatorError: The emulator does not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Started first: it is ready by the time the build is.
    with Emulator(log=folder / "emulator.log", services=SERVICES) as emulator:
        sam_build(folder / "built", here=True)
        emulator.wait()
        _sam(
            "deploy",
            *("--template-file", str(folder / "built" / "template.yaml")),
            *("--config-file", str(PROJECT / "samconfig.toml"), "--stack-name", NAME),
            *("--no-confirm-changeset", "--no-progressbar"),
            *("--parameter-overrides", f"ApplicationId={APPLICATION_ID}"),
            folder=folder,
            root=PROJECT,
            variables={
                **CREDENTIALS,
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_DEFAULT_REGION": REGION,
                "AWS_ENDPOINT_URL": emulator.endpoint_url,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "NO_PROXY": "127.0.0.1",
            },
        )
        cloudformation = emulator.client("cloudformation")
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=NAME)
        stack = cloudformation.describe_stacks(StackName=NAME)["Stacks"][0]
        yield Deployed(
            emulator=emulator,
            template=Template.read(PROJECT / "template.yaml"),
            resources={
                resource["LogicalResourceId"]: resource["PhysicalResourceId"]
                for page in pages
                for resource in page["StackResourceSummaries"]
            },
            outputs={one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]},
        )


def findings(stack: Deployed) -> list[Finding]:
    """What the emulator's services say of everything that the template names."""
    emulator, resources = stack.emulator, stack.resources
    wired = stack.template.wire(
        {"ApplicationId": APPLICATION_ID}, endpoint_url=emulator.endpoint_url, api_url=""
    )
    deployed_as = {
        STACK_NAME: NAME,
        **{f"{STACK_NAME}-{name}": physical for name, physical in resources.items()},
        **{queue.url: resources[name] for name, queue in wired.queues.items()},
    }
    logs = [name for name, kind in wired.resources.items() if kind == "AWS::Logs::LogGroup"]
    retention = int(stack.template.parameters["LogRetentionDays"])
    apis = [name for name, kind in wired.resources.items() if kind == "AWS::ApiGatewayV2::Api"]
    return [
        Finding("resources", dict.fromkeys(wired.resources), dict.fromkeys(resources)),
        Finding("outputs", dict.fromkeys(wired.outputs), dict.fromkeys(stack.outputs)),
        Finding(
            "tables",
            {name: _shape(table.properties) for name, table in wired.tables.items()},
            {name: _table(stack, name) for name in wired.tables},
        ),
        Finding(
            "queues",
            {name: _queue_as_wanted(stack, queue) for name, queue in wired.queues.items()},
            {name: _queue(stack, name, queue) for name, queue in wired.queues.items()},
        ),
        Finding(
            "functions",
            {
                name: _function_as_wanted(function, deployed_as)
                for name, function in wired.functions.items()
            },
            {name: _function(stack, name) for name in wired.functions},
        ),
        Finding(
            "queue mappings",
            {
                mapping.queue: [mapping.function, mapping.batch_size, mapping.concurrency]
                + ["ReportBatchItemFailures"] * mapping.reports_failures
                for mapping in wired.mappings
            },
            dict(_mappings(stack)),
        ),
        Finding(
            "schedules",
            {schedule.name: schedule.function for schedule in wired.schedules},
            dict(_schedules(stack)),
        ),
        Finding(
            "log groups",
            dict.fromkeys(logs, retention),
            {name: _days(stack, name) for name in logs},
        ),
        Finding(
            "routes",
            {route.key: None for route in wired.routes},
            {key: None for name in apis for key in _routes(stack, name)},
        ),
        Finding(
            "point-in-time recovery",
            {
                name: table.properties["PointInTimeRecoverySpecification"][
                    "PointInTimeRecoveryEnabled"
                ]
                for name, table in wired.tables.items()
            },
            {name: _recovers(stack, name) for name in wired.tables},
        ),
        Finding(
            "time to live",
            {
                name: table.properties.get("TimeToLiveSpecification", {}).get("AttributeName")
                for name, table in wired.tables.items()
            },
            {name: _expires_by(stack, name) for name in wired.tables},
        ),
    ]


def main(folder: Path) -> int:
    """Deploy, and print what came of it; 1 if that is not what the template says."""
    print(f"sam build, sam deploy (logs in {folder.relative_to(PROJECT)}) ...", flush=True)
    began = time.monotonic()
    with deployed(folder) as stack:
        print(f"deployed in {time.monotonic() - began:.0f} s\n\nOutputs")
        for name, value in stack.outputs.items():
            print(f"  {name:24}{value}")
        print("\nWhat the services have, against what template.yaml says")
        is_right = True
        for finding in findings(stack):
            differing = finding.differing
            right = len(finding.wanted) - len(set(differing) & set(finding.wanted))
            print(f"  {finding.kind:24}{right:3} of {len(finding.wanted):<3} ", end="")
            if not differing:
                print("as in the template")
            elif finding.kind in LEFT_OUT:
                print(f"known gap: {LEFT_OUT[finding.kind]}")
            else:
                is_right = False
                print("DIFFERENT: " + ", ".join(differing))
                for name in differing:
                    print(f"    {name}: wanted {finding.wanted.get(name)}")
                    print(f"    {name}: found  {finding.found.get(name)}")
    return 0 if is_right else 1


# ── what the template wants, and what the services have, in the same words ──


def _shape(table: Mapping[str, Any]) -> Any:
    """What makes two tables the same, in any order."""
    indexes = table.get("GlobalSecondaryIndexes", ())
    return {
        "keys": table["KeySchema"],
        "attributes": sorted(table["AttributeDefinitions"], key=lambda one: one["AttributeName"]),
        "indexes": {
            index["IndexName"]: (index["KeySchema"], index["Projection"]) for index in indexes
        },
        "billing": table["BillingMode"],
    }


def _table(stack: Deployed, name: str) -> Any:
    dynamodb = stack.client("dynamodb")
    table = dynamodb.describe_table(TableName=stack.resources[name])["Table"]
    return _shape({**table, **table["BillingModeSummary"]})


def _recovers(stack: Deployed, name: str) -> bool:
    dynamodb = stack.client("dynamodb")
    answer = dynamodb.describe_continuous_backups(TableName=stack.resources[name])
    backups = answer["ContinuousBackupsDescription"]
    return bool(backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED")


def _expires_by(stack: Deployed, name: str) -> str | None:
    dynamodb = stack.client("dynamodb")
    answer = dynamodb.describe_time_to_live(TableName=stack.resources[name])
    attribute: str | None = answer["TimeToLiveDescription"].get("AttributeName")
    return attribute


def _queue_as_wanted(stack: Deployed, queue: Queue) -> Any:
    # CloudFormation's true and 60 are the service's "true" and "60".
    wanted: dict[str, Any] = {
        key: str(value).lower() for key, value in queue.properties.items() if key != "RedrivePolicy"
    }
    if redrive := queue.properties.get("RedrivePolicy"):
        logical = redrive["deadLetterTargetArn"].rpartition(f"{STACK_NAME}-")[2]
        wanted["RedrivePolicy"] = [_last(stack.resources[logical]), redrive["maxReceiveCount"]]
    return wanted


def _queue(stack: Deployed, name: str, queue: Queue) -> Any:
    sqs = stack.client("sqs")
    found = sqs.get_queue_attributes(QueueUrl=stack.resources[name], AttributeNames=["All"])
    attributes = {
        key: value for key, value in found["Attributes"].items() if key in queue.properties
    }
    if redrive := attributes.get("RedrivePolicy"):
        policy = json.loads(redrive)
        attributes["RedrivePolicy"] = [
            _last(policy["deadLetterTargetArn"]),
            int(policy["maxReceiveCount"]),
        ]
    return attributes


def _function_as_wanted(function: Function, deployed_as: Mapping[str, str]) -> Any:
    return {
        "handler": function.handler,
        "runtime": function.runtime,
        "timeout": function.timeout_s,
        "memory": function.memory_mb,
        "variables": {
            name: deployed_as.get(value, value) for name, value in function.environment.items()
        },
        "log group": deployed_as[function.log_group],
        "log format": function.log_format,
    }


def _function(stack: Deployed, name: str) -> Any:
    client = stack.client("lambda")
    found = client.get_function_configuration(FunctionName=stack.resources[name])
    return {
        "handler": found["Handler"],
        "runtime": found["Runtime"],
        "timeout": found["Timeout"],
        "memory": found["MemorySize"],
        "variables": found["Environment"]["Variables"],
        "log group": found["LoggingConfig"]["LogGroup"],
        "log format": found["LoggingConfig"]["LogFormat"],
    }


def _mappings(stack: Deployed) -> Iterator[tuple[str, Any]]:
    found = stack.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    logical = _logical(stack)
    for mapping in found:
        yield (
            logical[_last(mapping["EventSourceArn"])],
            [
                logical[_last(mapping["FunctionArn"])],
                mapping["BatchSize"],
                mapping["ScalingConfig"]["MaximumConcurrency"],
                *mapping["FunctionResponseTypes"],
            ],
        )


def _schedules(stack: Deployed) -> Iterator[tuple[str, str]]:
    logical = _logical(stack)
    for schedule in stack.client("scheduler").list_schedules()["Schedules"]:
        yield logical[schedule["Name"]], logical[_last(schedule["Target"]["Arn"])]


def _days(stack: Deployed, name: str) -> int | None:
    logs = stack.client("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix=stack.resources[name])["logGroups"]
    days: int | None = groups[0].get("retentionInDays") if groups else None
    return days


def _routes(stack: Deployed, name: str) -> list[str]:
    items = stack.client("apigatewayv2").get_routes(ApiId=stack.resources[name])["Items"]
    return [item["RouteKey"] for item in items]


def _logical(stack: Deployed) -> Mapping[str, str]:
    """Logical names by the last part of physical ones."""
    return {_last(physical): name for name, physical in stack.resources.items()}


def _last(name: str) -> str:
    """The part of an ARN, or of an address, that is the thing's own name."""
    return re.split("[:/]", name)[-1]


# ── SAM ──


def _for(architecture: str, template: str) -> str:
    """The template for another processor."""
    changed, count = re.subn(
        r"Architectures: \[\w+\]", f"Architectures: [{architecture}]", template
    )
    if count != 1:
        message = f"template.yaml says its Architectures in {count} places, and not in one"
        raise DeploymentError(message)
    return changed


def _sam(
    command: str, *options: str, folder: Path, root: Path, variables: Mapping[str, str]
) -> None:
    """Run SAM without the caller's AWS account, and keep what it says."""
    if not SAM.exists():
        path = SAM.relative_to(PROJECT)
        message = f"{path} is missing: run `make build/venvs/sam/.done` first"
        raise DeploymentError(message)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"sam-{command}.log"
    with log.open("wb") as output:
        ended = subprocess.run(
            [str(SAM), command, *options],
            cwd=root,
            env={
                **inherited,
                "SAM_CLI_TELEMETRY": "0",
                "__SAM_CLI_APP_DIR": str(folder / "sam"),
                **variables,
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if ended.returncode:
        message = f"sam {command} failed; it says: {log.read_text(errors='replace')}"
        raise DeploymentError(message)
