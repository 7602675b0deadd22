"""A change set: what in it is dangerous, and what a failed one says."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from local.sam import SAM
from ops.deploy import change_set
from ops.deploy.account import Account
from ops.deploy.change_set import ChangeSet, NotDeployed
from ops.deploy.samconfig import Environment
from tests.house.template import RESOURCES

ACCOUNT = Account(None, None)


def change(kind: str, action: str, **more: str) -> dict[str, Any]:
    return {
        "ResourceChange": {
            "LogicalResourceId": "It",
            "ResourceType": kind,
            "Action": action,
            **more,
        }
    }


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (change("AWS::DynamoDB::Table", "Add"), ""),
        (change("AWS::DynamoDB::Table", "Add", Replacement="True"), ""),  # an emulator's
        (change("AWS::DynamoDB::Table", "Modify", Replacement="False"), ""),
        (change("AWS::DynamoDB::Table", "Modify", Replacement="True"), "It would be replaced: its"),
        (change("AWS::SQS::Queue", "Modify", Replacement="Conditional"), "It may be replaced: it"),
        (change("AWS::ApiGatewayV2::Api", "Remove"), "It would be removed: its own address"),
        (change("AWS::CloudWatch::Alarm", "Remove"), ""),
        (change("AWS::Lambda::Function", "Modify", Replacement="True"), ""),
    ],
)
def test_what_would_be_lost_is_told(found: dict[str, Any], told: str) -> None:
    dangers = [*change_set._dangers([found])]
    assert len(dangers) == bool(told)
    assert all(danger.startswith(told) for danger in dangers)


def detail(name: str, recreation: str, evaluation: str) -> dict[str, Any]:
    target = {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation}
    return {"Target": target, "Evaluation": evaluation, "ChangeSource": "DirectModification"}


@pytest.mark.parametrize(
    ("details", "dangers", "notes"),
    [
        ([detail("Body", "Conditionally", "Dynamic")], 0, ["only because Body refers to what"]),
        ([detail("Body", "Conditionally", "Static")], 1, []),
        ([detail("ProtocolType", "Always", "Static")], 1, []),
        (
            [
                detail("Body", "Conditionally", "Dynamic"),
                detail("ProtocolType", "Conditionally", "Static"),
            ],
            1,
            [],
        ),
        ([], 0, ["the change set does not tell for which property"]),
        ([detail("Tags", "Never", "Static")], 0, ["does not tell for which property"]),
    ],
)
def test_an_api_is_dangerous_if_what_changes_in_it_may_replace_it(
    details: list[dict[str, Any]], dangers: int, notes: list[str]
) -> None:
    found = change("AWS::ApiGatewayV2::Api", "Modify", Replacement="Conditional")
    found["ResourceChange"]["Details"] = details
    assert len([*change_set._dangers([found])]) == dangers
    told = [*change_set._notes([found])]
    assert len(told) == len(notes)
    assert all(words in note for words, note in zip(notes, told, strict=True))


def test_what_else_may_be_replaced_is_dangerous_whatever_the_details() -> None:
    found = change("AWS::DynamoDB::Table", "Modify", Replacement="Conditional")
    found["ResourceChange"]["Details"] = [detail("KeySchema", "Conditionally", "Dynamic")]
    assert len([*change_set._dangers([found])]) == 1
    assert [*change_set._notes([found])] == []


def test_what_holds_data_or_has_an_address_is_watched() -> None:
    kinds = {resource["Type"] for resource in RESOURCES.values()}
    made_by_sam = {"AWS::ApiGatewayV2::Api", "AWS::Lambda::EventSourceMapping"}
    assert {*change_set._IRREPLACEABLE} <= kinds | made_by_sam
    assert {"AWS::DynamoDB::Table", "AWS::SQS::Queue"} <= {*change_set._IRREPLACEABLE}


CANCELLED = "Resource creation cancelled"


class Failing:
    """A CloudFormation that takes a change back."""

    def execute_change_set(self, **named: str) -> None:
        self.executed = named["ChangeSetName"]

    def get_waiter(self, name: str) -> "Failing":
        self.waiter = name
        return self

    def wait(self, **_named: object) -> None:
        raise WaiterError("StackUpdateComplete", "it rolled back", {})

    def paginate(self, **_named: str) -> Iterator[dict[str, Any]]:
        """The newest first, as AWS tells them, in pages of which the first has no reason."""
        taken_back = [(f"R{number}", "DELETE_COMPLETE", "") for number in range(100)]
        yield self._page([("acme", "ROLLBACK_COMPLETE", "over"), *taken_back])
        yield self._page([(f"R{number}", "CREATE_FAILED", CANCELLED) for number in range(12)])
        said = [
            ("B", "UPDATE_FAILED", "No such certificate"),
            ("B", "UPDATE_IN_PROGRESS", ""),
            ("acme", "UPDATE_IN_PROGRESS", "User Initiated"),
            # Of the deployment before, which was mended.
            ("acme", "UPDATE_ROLLBACK_COMPLETE", ""),
            ("C", "UPDATE_FAILED", "No such role"),
        ]
        yield self._page(said)

    def _page(self, said: list[tuple[str, str, str]]) -> dict[str, Any]:
        return {
            "StackEvents": [
                {
                    "StackId": "arn:acme",
                    "PhysicalResourceId": f"arn:{name}",
                    "LogicalResourceId": name,
                    "ResourceStatus": status,
                    "ResourceStatusReason": why,
                }
                for name, status, why in said
            ]
        }

    def get_paginator(self, _name: str) -> "Failing":
        return self


@pytest.mark.parametrize(
    ("is_new", "waiter"), [(True, "stack_create_complete"), (False, "stack_update_complete")]
)
def test_a_change_that_was_taken_back_says_why(
    monkeypatch: pytest.MonkeyPatch, waiter: str, *, is_new: bool
) -> None:
    failing = Failing()
    monkeypatch.setattr(Account, "client", lambda *_words: failing)
    with pytest.raises(NotDeployed) as told:
        change_set.execute(ACCOUNT, ChangeSet("arn", "acme", (), is_new=is_new), "eu-west-1")
    cause, *rest = str(told.value).split(f" R11: {CANCELLED}")
    assert cause == "CloudFormation took the change of acme back. B: No such certificate"
    assert len(rest) == 1
    delete = "`aws cloudformation delete-stack --stack-name acme --region eu-west-1`"
    assert (delete in rest[0]) is is_new
    assert (failing.executed, failing.waiter) == ("arn", waiter)


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED"])
def test_what_a_failed_first_try_left_is_told_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    left = SimpleNamespace(describe_stacks=lambda **_: {"Stacks": [{"StackStatus": status}]})
    monkeypatch.setattr(Account, "client", lambda *_words: left)
    monkeypatch.setattr(
        change_set, "_sam", lambda *words: pytest.fail("deploys") if "deploy" in words else None
    )
    with pytest.raises(NotDeployed, match="delete-stack --stack-name acme --region eu-west-1"):
        change_set.made(ACCOUNT, Environment("testing", "acme", "eu-west-1"), tmp_path)


@pytest.mark.skipif(not SAM.exists(), reason="brought by sam's environment: run `make test`")
def test_what_sam_refuses_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "template.yaml").write_text("Resources: {}\n")
    (tmp_path / "samconfig.toml").write_text("version = 0.1\n")
    monkeypatch.setattr(Account, "client", lambda *_words: pytest.fail("nothing is built"))
    with pytest.raises(NotDeployed, match=r"`sam build` ended with \d"):
        change_set.made(ACCOUNT, Environment("testing", "acme", "eu-west-1"), tmp_path)


def test_sam_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = change_set.PROJECT / "build" / "venvs" / "sam" / "bin" / "no-sam"
    monkeypatch.setattr(change_set, "SAM", missing)
    with pytest.raises(NotDeployed, match=r"run `make build/venvs/sam/.done` first"):
        change_set.made(ACCOUNT, Environment("testing", "acme", "eu-west-1"), tmp_path)
