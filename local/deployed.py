"""The template as it is, deployed here: `sam build` and `sam deploy` into an emulator.

`local.stack` plays the template and is what everything else uses. This hands it to CloudFormation
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import PROJECT
from local.emulator import CREDENTIALS, REGION, Emulator
from local.template import STACK_NAME, Template, Wiring

SAM = PROJECT / "build" / "venvs" / "sam" / "bin" / "sam"
SERVICES = (
    "apigateway,cloudformation,cloudwatch,dynamodb,events,iam,lambda,logs,s3,scheduler,sns,sqs,ssm,"
    "sts"
)
NAME = "altegio-telephony"
LEFT_OUT = {
    "routes": "the emulator does not read the API's definition, so no path answers",
    "point-in-time recovery": "the emulator ignores it",
    "time to live": "the emulator ignores it",
}
"""What the emulator, as it is pinned, leaves out of the template; tests of the template hold it."""

_ARCHITECTURES = {"aarch64": "arm64", "amd64": "x86_64", "arm64": "arm64", "x86_64": "x86_64"}


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
        names = {**self.wanted, **self.found}
        return sorted(name for name in names if self.wanted.get(name) != self.found.get(name))


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


def sam_build(target: Path, *, here: bool = False, root: Path = PROJECT) -> None:
    """Run `sam build`.

    Args:
        target: The build folder; replaced.
        here: Build for this machine's processor instead of the template's.
        root: The project.

    Raises:
        DeploymentError: SAM says why.
    """
    template, platform_of_wheels = root / "template.yaml", {}
    if here:
        architecture = _ARCHITECTURES[platform.machine().lower()]
        template = target.with_name(f"{target.name}.yaml")
        template.parent.mkdir(parents=True, exist_ok=True)
        template.write_text(_for(architecture, (root / "template.yaml").read_text("utf-8")))
        platform_of_wheels = {"ARTIFACT_PLATFORM": ""}
    _sam(
        *("build", "--template", str(template), "--base-dir", str(root)),
        *("--build-dir", str(target), "--config-file", str(root / "samconfig.toml")),
        folder=target.parent,
        root=root,
        variables=platform_of_wheels,
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
            *("deploy", "--template-file", str(folder / "built" / "template.yaml")),
            *("--config-file", str(PROJECT / "samconfig.toml"), "--stack-name", NAME),
            *("--no-confirm-changeset", "--no-progressbar"),
            *("--parameter-overrides", "ApplicationId=101"),
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
    """What the services of the emulator say of everything in the template."""
    wired = stack.template.wire(
        {"ApplicationId": "101"}, endpoint_url=stack.emulator.endpoint_url, api_url=""
    )
    tables = {
        name: stack.emulator.client("dynamodb").describe_table(TableName=stack.resources[name])
        for name in wired.tables
    }
    return [
        Finding("resources", wired.resources.keys(), stack.resources.keys())
        if False
        else Finding("resources", dict.fromkeys(wired.resources), dict.fromkeys(stack.resources)),
        Finding("outputs", dict.fromkeys(wired.outputs), dict.fromkeys(stack.outputs)),
    ]


def main(folder: Path) -> int:
    """Deploy, and print what was deployed; 1 if it is not what the template says."""
    began = time.monotonic()
    raise NotImplementedError
