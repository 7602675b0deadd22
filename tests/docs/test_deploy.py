"""The page about deployments, and the workflow that deploys: what holds without an account."""

import argparse
import json
import os
import re
import subprocess
import tomllib
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from local import PROJECT
from local.sam import SAM
from local.stack.template import Template
from local.stack.translation import translated
from ops.deploy import command, parameters, samconfig
from ops.deploy.answers import File
from shared.settings import read
from tests.docs import pages
from tests.house.template import ALARMS, FUNCTIONS, TEMPLATE

ROLE: dict[str, Any] = json.loads((PROJECT / "docs" / "deploy-role.json").read_text("utf-8"))
WORKFLOW: dict[str, Any] = yaml.safe_load(
    (PROJECT / ".github" / "workflows" / "deploy.yml").read_text("utf-8")
)
JOBS: dict[str, Any] = WORKFLOW["jobs"]
TARGETS = set(re.findall(r"^([\w./-]+):", (PROJECT / "Makefile").read_text("utf-8"), re.MULTILINE))
SERVICES = {
    "AWS::ApiGatewayV2": "apigateway",
    "AWS::CloudWatch": "cloudwatch",
    "AWS::DynamoDB": "dynamodb",
    "AWS::Events": "events",
    "AWS::IAM": "iam",
    "AWS::Lambda": "lambda",
    "AWS::Logs": "logs",
    "AWS::Route53": "route53",
    "AWS::SNS": "sns",
    "AWS::SQS": "sqs",
    "AWS::Scheduler": "scheduler",
}


def test_the_answers_of_the_page_are_taken(tmp_path: Path) -> None:
    [text] = [text for language, text in pages.blocks("docs/deploy.md") if language == "toml"]
    (tmp_path / "answers.toml").write_text(text)
    known = parameters.read(PROJECT / "template.yaml")
    found = File.read(tmp_path / "answers.toml", known)
    assert found.agrees("execute", "Execute it?")
    assert not found.agrees("replace", "Is that meant?")
    for name, value in found.parameters.items():
        assert known[name].wrong(value) == ""


def test_what_stops_a_deployment_is_no_more_than_cloudformation_takes() -> None:
    told = (
        pages.text("docs/deploy.md").partition("It can watch five alarms")[2].partition("\n\n")[0]
    )
    named = re.findall(r"`(\w+Alarm)`", told)
    assert len(named) == 5
    assert set(named) <= set(ALARMS)


def test_a_restored_table_gets_back_what_the_restore_leaves_out() -> None:
    told = pages.section("docs/deploy.md", "## Restoring the tables")

    def tables(key: str) -> set[str]:
        found = TEMPLATE["Resources"].items()
        return {name for name, each in found if key in each.get("Properties", {})}

    def named(what: str) -> set[str]:
        [line] = re.findall(rf"^ *(.*) also have a {what}:$", told, re.MULTILINE)
        return set(re.findall(r"\w+Table", line))

    assert named("time to live") == tables("TimeToLiveSpecification") - {"PaceTable"}
    assert named("stream") == tables("StreamSpecification")


# The role


def test_the_role_may_touch_every_kind_of_resource_and_nothing_of_others() -> None:
    wired = Template.read(PROJECT / "template.yaml").wire(
        {"ApplicationId": "1", "DomainName": "a.example", "HostedZoneId": "Z1"},
        endpoint_url="",
        api_url="",
    )
    needed = {SERVICES[kind.rpartition("::")[0]] for kind in wired.resources.values()}
    actions = {action for each in ROLE["Statement"] for action in actions_of(each)}
    assert needed | {"cloudformation", "s3", "ssm"} == {each.split(":")[0] for each in actions}
    assert not {action for action in actions if "*" in action}
    everywhere = [each for each in ROLE["Statement"] if each["Resource"] == "*"]
    assert [each["Sid"] for each in everywhere] == ["WhatHasNoName"]
    # What holds money and people is nothing that a deployment may delete, or look into.
    for each in ROLE["Statement"]:
        if {"dynamodb:DeleteTable", "dynamodb:GetItem"} & {*actions_of(each)}:
            assert "ENV-*" not in json.dumps(each["Resource"])


# CloudFormation names these in 64 characters: the stack, the resource, 13 of its own, two dashes.
# Of what is longer, it cuts both, as IdentifierUtils of
# https://github.com/aws-cloudformation/cloudformation-cli-java-plugin tells.
SHORT = ("AWS::IAM::Role", "AWS::Lambda::Function")
# Those of which the name is the template's.
NAMED = {
    "AWS::CloudWatch::Dashboard": ("Dashboard", "dashboard/{stack}-us-east-1"),
    "AWS::Events::EventBus": ("Bus", "event-bus/{stack}"),
    "AWS::Scheduler::Schedule": ("Schedule", "schedule/default/{stack}-every-minute"),
}


@pytest.mark.parametrize("name", ["staging", "production", "second-staging"])
def test_the_role_knows_the_names_that_resources_get(name: str) -> None:
    environment = command._name(name)
    with pytest.raises(argparse.ArgumentTypeError, match="at most 14"):
        command._name("a-name-that-aws-cuts")
    stack = f"{samconfig.STACK}-{environment}"
    resources = translated(PROJECT / "template.yaml")["Resources"]
    for logical, each in resources.items():
        if each["Type"] in SHORT:
            assert len(f"{stack}-{logical}-") + 13 <= 64, logical
        if each["Type"] in NAMED:
            sid, pattern = NAMED[each["Type"]]
            [allowed] = [it["Resource"] for it in ROLE["Statement"] if it["Sid"] == sid]
            resource = allowed.replace("ENV", environment).split(":")[-1]
            assert fnmatch(pattern.format(stack=stack), resource)
            assert any(key.endswith("Name") for key in each["Properties"])


# What CloudFormation reads of a resource that it has made, as the types in its registry say.
# https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
READ = {
    "Roles": {"iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies"}
    | {"iam:ListRolePolicies"},
    "Functions": {"lambda:GetFunction", "lambda:GetFunctionCodeSigningConfig"}
    | {"lambda:GetFunctionRecursionConfig", "lambda:GetRuntimeManagementConfig"},
    "Tables": {"dynamodb:DescribeTable", "dynamodb:DescribeContinuousBackups"}
    | {"dynamodb:DescribeContributorInsights", "dynamodb:DescribeKinesisStreamingDestination"}
    | {"dynamodb:DescribeTimeToLive", "dynamodb:GetResourcePolicy", "dynamodb:ListTagsOfResource"},
    "Logs": {"logs:DescribeIndexPolicies", "logs:GetDataProtectionPolicy"}
    | {"logs:ListTagsForResource"},
}


@pytest.mark.parametrize("sid", sorted(READ))
def test_the_role_may_read_what_it_has_made(sid: str) -> None:
    [statement] = [it for it in ROLE["Statement"] if it["Sid"] == sid]
    assert READ[sid] - {*actions_of(statement)} == set()


def test_the_role_may_make_the_first_domain_of_an_account() -> None:
    """API Gateway makes a role of its own then: amplify-education/serverless-domain-manager#112."""
    [statement] = [it for it in ROLE["Statement"] if it["Sid"] == "RoleOfApiGateway"]
    [service] = statement["Condition"]["StringEquals"].values()
    assert statement["Resource"].endswith(f":role/aws-service-role/{service}/*")


def test_the_role_may_tag_what_cloudformation_tags() -> None:
    """A mapping as well as a function: aws-samples/sample-autonomous-cloud-coding-agents#407."""
    [tags] = [it["Resource"] for it in ROLE["Statement"] if it["Sid"] == "TagsOfMappings"]
    assert tags.endswith(":event-source-mapping:*")


def actions_of(statement: dict[str, Any]) -> list[str]:
    actions = statement["Action"]
    return [actions] if isinstance(actions, str) else actions


@pytest.mark.skipif(not SAM.exists(), reason="brought by sam's environment: run `make test`")
def test_the_linter_knows_every_action_of_the_role(tmp_path: Path) -> None:
    text = json.dumps(ROLE, separators=(",", ":"))
    for placeholder, value in (
        ("ACCOUNT", "123456789012"),
        ("REGION", "ap-southeast-2"),
        ("ENV", "production"),
    ):
        assert placeholder in text
        text = text.replace(placeholder, value)
    assert len(text) <= 10_240  # all inline policies of a role together
    policy = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": json.loads(text)}}
    role, wrong = tmp_path / "role.json", tmp_path / "wrong.json"
    role.write_text(json.dumps({"Resources": {"Deploy": policy}}))
    wrong.write_text(role.read_text().replace("sqs:CreateQueue", "sqs:MakeQueue"))
    # Both at once, as its start is most of it.
    linted = [str(SAM.with_name("cfn-lint")), "--format", "parseable", "--", str(role), str(wrong)]
    ended = subprocess.run(linted, capture_output=True, text=True, check=False)  # noqa: S603
    [found] = ended.stdout.splitlines()
    assert found.startswith(f"{wrong}:")
    assert "makequeue" in found


# The workflow


def test_production_comes_after_staging_and_staging_after_the_tests() -> None:
    assert JOBS["staging"]["needs"] == ["test", "invoke"]
    assert JOBS["production"]["needs"] == "staging"
    for name in ("staging", "production"):
        assert JOBS[name]["environment"] == name
        assert JOBS[name]["steps"][-1]["run"] == (
            f"make deploy ENV={name} ANSWERS=.github/answers.toml"
        )
    assert "github.ref == 'refs/heads/main'" in JOBS["staging"]["if"]
    assert "github.event_name != 'pull_request'" in JOBS["staging"]["if"]


def test_no_key_is_stored_and_only_a_deployment_gets_a_role() -> None:
    text = (PROJECT / ".github" / "workflows" / "deploy.yml").read_text("utf-8")
    assert "secrets." not in text
    assert not re.search("aws.(access|secret)", text, re.IGNORECASE)
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert {name for name, job in JOBS.items() if "permissions" in job} == {"staging", "production"}
    for name in ("staging", "production"):
        assert JOBS[name]["permissions"] == {"contents": "read", "id-token": "write"}


def test_what_the_workflow_runs_is_there() -> None:
    runs = [step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step]
    made = [word for run in runs if run.startswith("make ") for word in run.split()[1:]]
    named = {word for word in made if "=" not in word}
    assert named - {"build/venvs/sam/.done"} <= TARGETS
    [invoked] = [run for run in runs if "sam local invoke" in run]
    function = re.findall(r"sam local invoke (\w+)", invoked)[0]
    assert function in TEMPLATE["Resources"]
    events = re.findall(r"for event in (.*); do", invoked)[0].split()
    assert all((PROJECT / "events" / f"{event}.json").exists() for event in events)
    answers = tomllib.loads((PROJECT / ".github" / "answers.toml").read_text("utf-8"))
    assert answers == {"execute": True}


SAM_LOCAL = """
import json, sys
from samcli.cli.types import CfnParameterOverridesType
from samcli.commands.local.lib.local_lambda import LocalLambdaRunner
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

template, function, *overrides = sys.argv[1:]
overrides = CfnParameterOverridesType().convert(tuple(overrides), None, None)
stacks, _ = SamLocalStackProvider.get_stacks(template, parameter_overrides=overrides)
functions = SamFunctionProvider(stacks)
runner = LocalLambdaRunner(None, functions, ".", ".")
print(json.dumps(runner._make_env_vars(functions.get(function)).resolve()))
"""


@pytest.mark.skipif(not SAM.exists(), reason="brought by sam's environment: run `make test`")
def test_the_function_that_the_workflow_invokes_starts_with_what_sam_gives_it() -> None:
    """SAM gives the name of a parameter for one that has no default."""
    runs = [step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step]
    [invoked] = [run.replace("\\\n", " ") for run in runs if "sam local invoke" in run]
    [function] = re.findall(r"sam local invoke (\w+)", invoked)
    overrides = re.findall(r"--parameter-overrides (\S+)", invoked)
    told = subprocess.run(  # noqa: S603 - SAM's own Python, and what is written here
        [SAM.with_name("python"), "-c", SAM_LOCAL, PROJECT / "template.yaml", function, *overrides],
        env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        check=True,
    )
    settings = import_module(f"functions.{FUNCTIONS[function]['Handler'].split('.')[1]}.wiring")
    read(settings.Settings, json.loads(told.stdout))
