"""`sam build`, and `sam deploy` into an emulator."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local import PROJECT
from local.stack.emulator import CREDENTIALS, REGION, Emulator
from local.stack.template import Template
from ops.deploy.emulated import NOT_MADE, without

SAM = PROJECT / "build" / "venvs" / "sam" / "bin" / "sam"
SERVICES = (
    "apigateway,cloudformation,cloudwatch,dynamodb,events,iam,lambda,logs,s3,scheduler,sns,sqs,ssm,"
    "sts"
)
NAME = "altegio-telephony"
ARCHITECTURES = {"aarch64": "arm64", "amd64": "x86_64", "arm64": "arm64", "x86_64": "x86_64"}
"""AWS's names of processors, by `platform.machine()` in lower case."""
APPLICATION_ID = "101"


class DeploymentError(RuntimeError):
    """SAM refuses to build or to deploy; the message is what it says."""


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
        written = _for(architecture, (root / "template.yaml").read_text("utf-8"))
        template.write_text(without(NOT_MADE, written))
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
        _zip(folder / "built")
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


def _zip(built: Path) -> None:
    """Make one archive of the code: SAM would zip the same folder for each function anew."""
    template = built / "template.yaml"
    code = re.compile(r"(?m)^( +CodeUri: )(\w+)$")
    written = template.read_text("utf-8")
    for _, folder in set(code.findall(written)):
        shutil.make_archive(str(built / folder), "zip", built / folder)
    template.write_text(code.sub(r"\1\2.zip", written), "utf-8")


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
