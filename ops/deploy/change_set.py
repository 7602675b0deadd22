"""A change set of CloudFormation: made by SAM, read and executed here.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from botocore.exceptions import WaiterError

from ops.deploy.account import Account
from ops.deploy.emulated import NOT_MADE, without
from ops.deploy.samconfig import Environment

PROJECT = Path(__file__).resolve().parents[2]
SAM = PROJECT / "build" / "venvs" / "sam" / "bin" / "sam"

_API = "AWS::ApiGatewayV2::Api"
_RECREATES = {"Always", "Conditionally"}
# Of a stack whose first deployment failed, which can only be deleted.
_NEVER_MADE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}
_IRREPLACEABLE = {
    "AWS::DynamoDB::Table": "its rows stay in the old one, and the functions look into the new one",
    "AWS::SQS::Queue": "it has another address, and what waits in the old one is lost",
    _API: "its own address changes, which the Cabinet and each PBX may have",
    "AWS::ApiGatewayV2::DomainName": "its target changes, and the DNS has to follow",
    "AWS::Lambda::EventSourceMapping": "for a moment, nobody takes from the queue",
}
"""What it would mean that a resource of a kind is replaced or removed."""


class NotDeployed(Exception):
    """SAM or CloudFormation says no; the message says which, and why."""


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """One that is ready to be executed.

    Attributes:
        arn: Of the change set.
        stack: The stack's name.
        dangers: A sentence for each resource that it replaces or removes, and that matters.
        notes: A sentence for each API of which CloudFormation only cannot tell.
        is_new: Whether the stack does not exist yet.
    """

    arn: str
    stack: str
    dangers: tuple[str, ...]
    is_new: bool
    notes: tuple[str, ...] = ()


def made(account: Account, environment: Environment, root: Path) -> ChangeSet | None:
    """Build, upload and compare, and print what would change; None if nothing would.

    Raises:
        NotDeployed: SAM refuses, and has said why; or there is only what a failed try has left.
    """
    _sam(account, environment, root, "build")
    if account.endpoint_url:
        built = root / ".aws-sam" / "build" / "template.yaml"
        built.write_text(without(NOT_MADE, built.read_text("utf-8")), "utf-8")
        print(f"{NOT_MADE} is left out: the emulator has none.")
    cloudformation = account.client("cloudformation", environment.region)
    if _status(cloudformation, environment.stack_name) in _NEVER_MADE:
        raise NotDeployed(_left(environment.stack_name, environment.region))
    before = {each["ChangeSetId"] for each in _ready(cloudformation, environment.stack_name)}
    _sam(
        *(account, environment, root, "deploy"),
        *("--no-execute-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
    )
    new = [
        each
        for each in _ready(cloudformation, environment.stack_name)
        if each["ChangeSetId"] not in before
    ]
    if not new:
        return None
    [found] = new
    described = cloudformation.describe_change_set(ChangeSetName=found["ChangeSetId"])
    changes = [*described["Changes"]]
    while token := described.get("NextToken"):
        described = cloudformation.describe_change_set(
            ChangeSetName=found["ChangeSetId"], NextToken=token
        )
        changes += described["Changes"]
    return ChangeSet(
        arn=found["ChangeSetId"],
        stack=environment.stack_name,
        dangers=tuple(_dangers(changes)),
        is_new=_status(cloudformation, environment.stack_name) == "REVIEW_IN_PROGRESS",
        notes=tuple(_notes(changes)),
    )


def parameters(account: Account, stack: str, region: str) -> dict[str, str] | None:
    """Those that a stack was deployed with; None if there is no such stack."""
    found = _described(account.client("cloudformation", region), stack)
    if found is None or found["StackStatus"] in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE"):
        return None
    return {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])}


def execute(account: Account, change_set: ChangeSet, region: str) -> None:
    """Execute it, and return once the stack is complete.

    Raises:
        NotDeployed: CloudFormation has taken it back.
    """
    cloudformation = account.client("cloudformation", region)
    cloudformation.execute_change_set(ChangeSetName=change_set.arn)
    kind = "stack_create_complete" if change_set.is_new else "stack_update_complete"
    try:
        cloudformation.get_waiter(kind).wait(
            StackName=change_set.stack, WaiterConfig={"Delay": 5, "MaxAttempts": 720}
        )
    except WaiterError:
        pages = cloudformation.get_paginator("describe_stack_events")
        events = (
            each
            for page in pages.paginate(StackName=change_set.stack)
            for each in page["StackEvents"]
        )
        reasons = [
            f"{each['LogicalResourceId']}: {each.get('ResourceStatusReason', 'no reason given')}"
            for each in takewhile(_is_later, events)
            if each["ResourceStatus"].endswith("_FAILED")
        ]
        # What failed first is the cause; whatever was made beside it is then cancelled.
        told = [
            f"CloudFormation took the change of {change_set.stack} back.",
            *reversed(reasons[-10:]),
            *([_left(change_set.stack, region)] if change_set.is_new else []),
        ]
        raise NotDeployed(" ".join(told)) from None


def _left(stack: str, region: str) -> str:
    """What to do about a stack whose first deployment failed.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
    """
    return (
        f"What is left of {stack} takes no further deployment. Take it away first:"
        f" `aws cloudformation delete-stack --stack-name {stack} --region {region}`."
        " Tables that it has made stay, and are empty: docs/deploy.md tells how to delete them."
    )


def _is_later(event: dict[str, Any]) -> bool:
    """Whether it came after the stack's own start, of which the newest come first.

    What failed before that is of an earlier change, and may be mended by now.
    """
    is_start = event["ResourceStatus"] in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")
    return not (is_start and event.get("PhysicalResourceId") == event["StackId"])


def drop(account: Account, change_set: ChangeSet, region: str) -> None:
    """Throw it away; nothing of it was executed."""
    account.client("cloudformation", region).delete_change_set(ChangeSetName=change_set.arn)


def _ready(cloudformation: Any, stack: str) -> list[dict[str, Any]]:
    try:
        found = cloudformation.list_change_sets(StackName=stack)["Summaries"]
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" in str(error):
            return []
        raise
    return [each for each in found if each.get("ExecutionStatus") == "AVAILABLE"]


def _described(cloudformation: Any, stack: str) -> dict[str, Any] | None:
    try:
        [found] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return dict(found)


def _status(cloudformation: Any, stack: str) -> str:
    """Empty if there is no such stack."""
    found = _described(cloudformation, stack)
    return found["StackStatus"] if found else ""


def _dangers(changes: list[dict[str, Any]]) -> Iterator[str]:
    for change in (each["ResourceChange"] for each in changes):
        kind, name = change["ResourceType"], change["LogicalResourceId"]
        meaning = _IRREPLACEABLE.get(kind)
        if meaning is None:
            continue
        if change["Action"] == "Remove":
            yield f"{name} would be removed: {meaning}."
        elif change["Action"] == "Modify" and change.get("Replacement", "False") != "False":
            if _is_only_untold(change):
                continue
            maybe = "may" if change["Replacement"] == "Conditional" else "would"
            yield f"{name} {maybe} be replaced: {meaning}."


def _notes(changes: list[dict[str, Any]]) -> Iterator[str]:
    for change in (each["ResourceChange"] for each in changes):
        if not _is_only_untold(change):
            continue
        name, properties = change["LogicalResourceId"], ", ".join(dict.fromkeys(_untold(change)))
        if properties:
            yield (
                f"{name} is Conditional only because {properties} refers to what changes beside it;"
                " nothing that is known replaces it."
            )
        else:
            yield f"{name} is Conditional, and the change set does not tell for which property."


def _is_only_untold(change: dict[str, Any]) -> bool:
    """Whether an API is Conditional without a change of its own that may replace it.

    Its definition names the functions, so it is listed with each change of their code.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html
    """
    return (
        change["ResourceType"] == _API
        and change["Action"] == "Modify"
        and change.get("Replacement") == "Conditional"
        and not any(each.get("Evaluation") == "Static" for each in _replacing(change))
    )


def _untold(change: dict[str, Any]) -> Iterator[str]:
    for each in _replacing(change):
        yield each["Target"].get("Name", each["Target"]["Attribute"])


def _replacing(change: dict[str, Any]) -> list[dict[str, Any]]:
    details = change.get("Details", [])
    return [each for each in details if each["Target"].get("RequiresRecreation") in _RECREATES]


def _sam(account: Account, environment: Environment, root: Path, *words: str) -> None:
    if not SAM.exists():
        path = SAM.relative_to(PROJECT)
        raise NotDeployed(f"{path} is missing: run `make {path.parents[1]}/.done` first.")
    config = ("--config-file", str(root / "samconfig.toml"), "--config-env", environment.name)
    ended = subprocess.run(  # noqa: S603 - our own words; no secret is among them
        [str(SAM), *words, *config],
        cwd=root,
        env={**account.variables(environment.region), "SAM_CLI_TELEMETRY": "0"},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if ended.returncode:
        raise NotDeployed(f"`sam {words[0]}` ended with {ended.returncode}; above is why.")
