"""`make deploy` as somebody uses it, into an emulator: two environments beside each other."""

import argparse
import getpass
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import NoCredentialsError

from local import PROJECT
from local.sam import SAM, SERVICES
from local.stack.emulator import CREDENTIALS, Emulator
from ops import site
from ops.deploy import account, change_set, command, health, samconfig
from tests.docs import pages
from tests.ops.deploy import aws_cli
from tests.ops.deploy.project import at, copied, make_deploy, typed

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0a"
TOKEN, OTHER = "staging-token-0123456789", "production-token-0123456789"

needs_sam = pytest.mark.skipif(
    not SAM.exists(), reason="brought by sam's environment: run `make test`"
)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    folder = tmp_path_factory.mktemp("emulator")
    with Emulator(log=folder / "emulator.log", services=f"{SERVICES},route53") as running:
        running.wait()
        yield running


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("project"))


@cache
def client(emulator: Emulator, service: str, region: str) -> Any:
    """Made once: each reads its service's model."""
    session = boto3.Session(
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=region,
    )
    make: Any = session.client
    return make(service, endpoint_url=emulator.endpoint_url)


def without_keys() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**own, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


@pytest.fixture(scope="module")
def staging(project: Path, emulator: Emulator) -> tuple[int, str]:
    """Typed at a terminal, by somebody who does not get everything right at once."""
    said = {
        "region": ["here", "us-east-1"],
        "ApplicationId": ["my app", "101"],
        "ProviderName": ["Acme & Söhne"],
        "DefaultCountry": ["de", "UK", "DE"],
        "AlarmEmail": ["anna", "-"],
        "DomainName": [""],
        "Partner token": ["short", TOKEN],
        "User token": [""],
        "Execute": ["sure", "y"],
    }

    def answer(line: str) -> str:
        [name] = [each for each in said if line.startswith(each)]
        return said[name].pop(0)

    return typed(
        make_deploy("ENV=staging", f"ENDPOINT_URL={emulator.endpoint_url}"),
        answer,
        folder=project,
        environment=without_keys(),
    )


@needs_sam
def test_somebody_at_a_terminal_deploys_staging(
    staging: tuple[int, str], project: Path, emulator: Emulator
) -> None:
    code, shown = staging
    assert code == 0, shown
    assert TOKEN not in shown
    assert "The region must be one of AWS's, such as eu-central-1." in shown
    assert "ApplicationId must be the number that the Developer Cabinet shows" in shown
    assert "DefaultCountry must be a code of ISO 3166 such as GB, and UK is none." in shown
    assert "A token has at least 8 letters" in shown
    assert "That is of an emulator: do not commit it." in shown
    assert "Type y for yes, or n for no" in shown
    assert "PaymentsTable takes reads and writes" in shown
    deploy = tomllib.loads((project / "samconfig.toml").read_text("utf-8"))["staging"]["deploy"]
    assert deploy["parameters"]["region"] == "us-east-1"
    given = deploy["parameters"]["parameter_overrides"]
    assert (given["ApplicationId"], given["ProviderName"]) == ("101", "Acme & Söhne")
    assert given["AlarmEmail"] == ""
    kept = client(emulator, "ssm", "us-east-1").get_parameter(
        Name="/altegio/staging/partner-token", WithDecryption=True
    )["Parameter"]
    assert (kept["Type"], kept["Value"]) == ("SecureString", TOKEN)


@needs_sam
@pytest.mark.usefixtures("staging")
def test_the_operators_commands_find_the_stack_in_the_emulator(
    project: Path, emulator: Emulator
) -> None:
    [span] = [each for each in pages.spans("docs/deploy.md") if each.startswith("AWS_ENDPOINT_URL")]
    command = re.sub(r"\s+", " ", span)
    for name, value in (
        ("http://127.0.0.1:4566", emulator.endpoint_url),
        ("REGION", "us-east-1"),
    ):
        command = re.sub(rf"(?<![A-Z_]){re.escape(name)}(?![A-Z_])", value, command)
    ended = subprocess.run(
        ["/bin/bash", "-c", command],
        cwd=project,
        env=without_keys(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("altegio-telephony-staging in us-east-1: nothing is ")


@needs_sam
@pytest.mark.usefixtures("staging")
def test_the_pages_steps_restore_a_table(project: Path, emulator: Emulator) -> None:
    """The emulator gives back the rows of now; a service of AWS gives back those of then."""
    [naming, *steps] = pages.steps("docs/deploy.md", "## Restoring the tables")
    [away] = [at for at, each in enumerate(steps) if "restore-table-from-backup" in each]
    steps[away:away] = pages.steps("docs/deploy.md", "## Taking a stack away")

    def asked(command: str) -> Any:
        return aws_cli.answered(command, partial(client, emulator, region="us-east-1"))

    filled = {
        placeholder: asked(
            naming.replace("NAME", "altegio-telephony-staging").replace("PaymentsTable", part)
        )
        for placeholder, part in (
            ("PAYMENTS_FUNCTION", "PaymentsFunction"),
            ("RECONCILE_FUNCTION", "ReconcileFunction"),
            ("TABLE", "PaymentsTable"),
            ("TABLE_WITH_AN_END", "JournalTable"),
        )
    }
    filled |= {"NAME": "altegio-telephony-staging", "TIME": datetime.now(UTC).isoformat()}
    dynamodb, table = client(emulator, "dynamodb", "us-east-1"), filled["TABLE"]
    before = dynamodb.describe_table(TableName=table)["Table"]
    row = {"key": {"S": "payment#restored"}, "location_id": {"N": "1"}}
    dynamodb.put_item(TableName=table, Item=row)
    done = []
    for step in steps:
        command = step.replace("TABLE", "TABLE_WITH_AN_END") if "time-to-live" in step else step
        for name, value in filled.items():
            command = re.sub(rf"\b{name}(?![A-Z_])", value, command)
        if command.startswith("aws"):
            answer = asked(command)
            done.append(command.split()[2])
        else:
            operated(command, project, emulator)
            done.append(operated(f"{command} --do", project, emulator))
        if "list-event-source-mappings" in step:
            filled["UUID"] = answer["EventSourceMappings"][0]["UUID"]
        if "create-backup" in step:
            filled["BACKUP_ARN"] = answer["BackupDetails"]["BackupArn"]
    assert "Done. Start the functions" in done[-3]
    after = dynamodb.describe_table(TableName=table)["Table"]
    for what in ("KeySchema", "DeletionProtectionEnabled"):
        assert after[what] == before[what], what
    assert len(after["GlobalSecondaryIndexes"]) == len(before["GlobalSecondaryIndexes"])
    assert dynamodb.get_item(TableName=table, Key={"key": row["key"]})["Item"] == row
    dynamodb.delete_item(TableName=table, Key={"key": row["key"]})
    kept = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert kept["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    mapping = client(emulator, "lambda", "us-east-1").get_event_source_mapping(UUID=filled["UUID"])
    assert mapping["State"] == "Enabled"


def operated(command: str, project: Path, emulator: Emulator) -> str:
    """What an operator's command says."""
    ended = subprocess.run(
        shlex.split(command),
        cwd=project,
        env={**at(emulator.endpoint_url), "AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@needs_sam
@pytest.mark.usefixtures("staging")
def test_page_and_publication_are_looked_at_after_a_deployment(
    project: Path,
    emulator: Emulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As in AWS, but that the emulator serves no page; and Altegio is not asked from here."""
    for name, value in at(emulator.endpoint_url).items():
        monkeypatch.setenv(name, value)
    find, nowhere = site.find, {"PLATFORM_APP_URL": "http://127.0.0.1:9"}

    def found(options: argparse.Namespace) -> site.Stack:
        it = find(options)
        environments = {name: {**each, **nowhere} for name, each in it.environments.items()}
        return replace(it, environments=environments)

    monkeypatch.setattr(site, "find", found)
    monkeypatch.setattr(change_set, "made", lambda *_words: None)
    (tmp_path / "answers.toml").write_text("execute = true\n")
    answers = str(tmp_path / "answers.toml")
    assert command.main(["staging", "--answers", answers], root=project) == 1
    shown = capsys.readouterr().out
    assert "altegio-telephony-staging is as the template says already." in shown
    assert re.search(r"^ +FAILED +the connect page answers", shown, re.MULTILINE)
    assert "Registration Redirect Url" in shown
    assert "What FAILED above stands before the moderation." in shown


@needs_sam
@pytest.mark.usefixtures("staging")
def test_production_stands_beside_it_in_another_region_with_a_domain(
    project: Path, emulator: Emulator, tmp_path: Path
) -> None:
    route53 = client(emulator, "route53", "eu-west-1")
    zone = route53.create_hosted_zone(Name="provider.example", CallerReference="1")["HostedZone"]
    zone_id = zone["Id"].rpartition("/")[2]
    (tmp_path / "token").write_text(f"{OTHER}\n")
    answers = tmp_path / "answers.toml"
    answers.write_text(
        f'region = "eu-west-1"\npartner_token_file = "{tmp_path / "token"}"\nexecute = true\n'
        '[parameters]\nApplicationId = 202\nTrialDays = "14"\n'
        'DomainName = "altegio.provider.example"\n'
        f'CertificateArn = "{CERTIFICATE.replace("us-east-1", "eu-west-1")}"\n'
        f'HostedZoneId = "{zone_id}"\n'
    )
    ended = subprocess.run(
        make_deploy(
            "ENV=production", f"ANSWERS={answers}", f"ENDPOINT_URL={emulator.endpoint_url}"
        ),
        cwd=project,
        env=without_keys(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert OTHER not in ended.stdout + ended.stderr
    for name, region, application, token in (
        ("staging", "us-east-1", "101", TOKEN),
        ("production", "eu-west-1", "202", OTHER),
    ):
        parameter = f"/altegio/{name}/partner-token"
        ssm = client(emulator, "ssm", region)
        kept = ssm.get_parameter(Name=parameter, WithDecryption=True)["Parameter"]
        assert kept["Value"] == token
        found = client(emulator, "cloudformation", region).describe_stack_resource(
            StackName=f"altegio-telephony-{name}", LogicalResourceId="ReconcileFunction"
        )["StackResourceDetail"]["PhysicalResourceId"]
        variables = client(emulator, "lambda", region).get_function_configuration(
            FunctionName=found
        )["Environment"]["Variables"]
        assert variables["APPLICATION_ID"] == application
        assert variables["PARTNER_TOKEN_PARAMETER"] == parameter
    assert variables["TRIAL_DAYS"] == "14"
    cloudformation = client(emulator, "cloudformation", "eu-west-1")
    [stack] = cloudformation.describe_stacks(StackName="altegio-telephony-production")["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert outputs["CallsUrl"] == "https://altegio.provider.example/calls"
    [record] = [
        each
        for each in route53.list_resource_record_sets(HostedZoneId=zone_id)["ResourceRecordSets"]
        if each["Type"] == "A"
    ]
    assert record["Name"] == "altegio.provider.example."
    assert record["AliasTarget"]["DNSName"].rstrip(".") == outputs["DomainTarget"]


@needs_sam
@pytest.mark.usefixtures("staging")
def test_a_tag_without_the_environment_offers_what_the_stack_has(
    project: Path, emulator: Emulator
) -> None:
    """With another comment in the code, which replaces nothing."""
    (project / "samconfig.toml").write_bytes((PROJECT / "samconfig.toml").read_bytes())
    makefile = project / "Makefile"
    before = makefile.read_text("utf-8")
    touched = '@touch "$(ARTIFACTS_DIR)/app.py"'
    assert touched in before
    makefile.write_text(before.replace(touched, '@echo "# 2" > "$(ARTIFACTS_DIR)/app.py"'))
    code, shown = typed(
        make_deploy("ENV=staging", "REGION=us-east-1", f"ENDPOINT_URL={emulator.endpoint_url}"),
        lambda _line: "",
        folder=project,
        environment=without_keys(),
    )
    makefile.write_text(before)
    words = " ".join(shown.split())
    assert "what is missing is taken from the stack" in words
    assert "ProviderName [Acme & Söhne]: " in words
    given = samconfig.read(project / "samconfig.toml", "staging").parameters
    assert (given["ApplicationId"], given["ProviderName"]) == ("101", "Acme & Söhne")
    assert "CAREFUL" not in words
    assert "Note: HttpApi is Conditional only because Body refers to what changes" in words
    assert "The change set was dropped" in words, code  # Enter is no


@needs_sam
@pytest.mark.usefixtures("staging")  # the build is there then
def test_enter_throughout_brings_guided_to_its_change_set(
    project: Path, emulator: Emulator, tmp_path: Path
) -> None:
    config = tmp_path / "samconfig.toml"
    config.write_bytes((project / "samconfig.toml").read_bytes())
    code, shown = typed(
        [SAM, "deploy", "--guided", "--config-file", config],
        lambda line: "101" if "ApplicationId" in line else "",
        folder=project,
        environment=at(emulator.endpoint_url),
    )
    assert code == 0, shown
    assert "has no authentication" not in shown
    assert "Changeset created successfully" in shown
    assert "Deploy this changeset? [y/N]:" in shown


# What can go wrong, without SAM

ANSWERS = """\
region = "eu-central-1"
execute = true
[parameters]
ApplicationId = 101
"""


class Aws:
    """Has every token already, or none; and a stack with these parameters, or none."""

    class exceptions:  # noqa: N801 - as boto3 calls it
        class ParameterNotFound(Exception):
            pass

        class ClientError(Exception):
            pass

    def __init__(
        self,
        *,
        has_all: bool,
        runs_with: dict[str, str] | None = None,
        status: str = "UPDATE_COMPLETE",
    ) -> None:
        self.has_all = has_all
        self.runs_with = runs_with
        self.status = status
        self.put: list[object] = []

    def describe_stacks(self, **named: str) -> dict[str, Any]:
        assert named == {"StackName": "altegio-telephony-testing"}
        if self.runs_with is None:
            raise self.exceptions.ClientError("Stack with that id does not exist")
        pairs = self.runs_with.items()
        found = [{"ParameterKey": name, "ParameterValue": value} for name, value in pairs]
        return {"Stacks": [{"StackStatus": self.status, "Parameters": found}]}

    def get_parameter(self, **_named: str) -> None:
        if not self.has_all:
            raise self.exceptions.ParameterNotFound

    def put_parameter(self, **named: object) -> None:
        self.put.append(named)


@pytest.fixture
def folder(project: Path, tmp_path: Path) -> Path:
    for name in ("template.yaml", "samconfig.toml"):
        (tmp_path / name).write_bytes((project / name).read_bytes())
    return tmp_path


def deployed(folder: Path, answers: str, *words: str) -> int:
    file = folder / "answers.toml"
    file.write_text(answers)
    return command.main(["testing", "--answers", str(file), *words], root=folder)


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ("region = 1", "The region must be one of AWS's"),
        (ANSWERS.replace("101", '"my app"'), "ApplicationId must be the number"),
        ('region = "eu-central-1"', "ApplicationId must be the number"),
        (f"{ANSWERS}DomainName = 'a.example'", "DomainName needs a CertificateArn"),
        (
            f"{ANSWERS}DomainName = 'a.example'\nCertificateArn = '{CERTIFICATE}'",
            "in eu-central-1",
        ),
        (f"{ANSWERS}HostedZoneId = 'Z0123456789ABC'", "belong to a DomainName, and there is none"),
        (f"{ANSWERS}PlatformTimezone = 'Europe/Berln'", "and Europe/Berln is none"),
        (f"{ANSWERS}TrialDay = 7", "nobody asks for TrialDay"),
        (f"{ANSWERS}TrialDays = 7.5", "TrialDays must be a whole number"),
        (f"{ANSWERS}PacePerS = 1000", "PacePerS must be a number of calls"),
        (f"partner_token = '{TOKEN}'\n{ANSWERS}", "nobody asks for partner_token"),
        ("region =", "cannot be read"),
        ("parameters = 1", "must be a table"),
        (ANSWERS, "No partner token is stored yet"),
        (f"partner_token_file = '/nowhere'\n{ANSWERS}", "cannot be read"),
        (
            f"partner_token_file = 'TOKEN'\nuser_token_file = '/nowhere'\n{ANSWERS}",
            "cannot be read",
        ),
    ],
)
def test_a_wrong_answer_ends_it_with_a_sentence(
    answers: str,
    told: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = (folder / "samconfig.toml").read_bytes()
    (folder / "token").write_text(TOKEN)
    ssm = Aws(has_all=False)
    monkeypatch.setattr(account.Account, "client", lambda *_words, **_named: ssm)
    assert deployed(folder, answers.replace("'TOKEN'", f"'{folder / 'token'}'")) == 2
    said = capsys.readouterr()
    assert told in " ".join(said.err.split())
    assert TOKEN not in said.out + said.err
    assert (folder / "samconfig.toml").read_bytes() == before
    assert ssm.put == []


def test_no_answers_at_all_are_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(folder / "nowhere.toml")
    assert command.main(["testing", "--answers", missing], root=folder) == 2
    assert "cannot be read" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    "words",
    [
        ["default"],
        ["Staging"],
        ["a/b"],
        [],
        ["staging", "--endpoint-url", "https://aws.example"],
    ],
)
def test_what_is_no_environment_is_refused(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(words)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("dangers", "rings", "answers"),
    [
        ((), [], ANSWERS.replace("execute = true\n", "")),
        (("PaymentsTable would be replaced.",), [], ANSWERS),
        (("PaymentsTable would be replaced.",), [], f"replace = false\n{ANSWERS}"),
        ((), ["HandlerFailedAlarm"], ANSWERS),
        (
            ("PaymentsTable would be replaced.",),
            ["HandlerFailedAlarm"],
            f"replace = true\n{ANSWERS}",
        ),
        (("PaymentsTable would be replaced.",), ["A"], f"although_it_rings = true\n{ANSWERS}"),
    ],
)
def test_nothing_is_executed_unless_all_of_it_is_agreed_to(
    dangers: tuple[str, ...],
    answers: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    rings: list[str],
) -> None:
    found = change_set.ChangeSet("arn", "altegio-telephony-testing", dangers, is_new=False)
    dropped: list[change_set.ChangeSet] = []
    executed: list[change_set.ChangeSet] = []
    monkeypatch.setattr(account.Account, "client", lambda *_words, **_named: Aws(has_all=True))
    monkeypatch.setattr(change_set, "made", lambda *_words: found)
    monkeypatch.setattr(health, "ringing", lambda *_words: rings)
    monkeypatch.setattr(change_set, "drop", lambda _account, it, _region: dropped.append(it))
    monkeypatch.setattr(change_set, "execute", lambda _account, it, _region: executed.append(it))
    assert deployed(folder, answers) == 1
    assert (dropped, executed) == ([found], [])
    shown = capsys.readouterr().out
    assert all(f"CAREFUL: {danger}" in shown for danger in dangers)
    assert all(f"CAREFUL: {alarm} rings." in shown for alarm in rings)


def test_no_program_is_told_a_token(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody on the machine can read the words of a process, and its owner the environment."""
    ssm, started = Aws(has_all=False), []

    def run(words: list[str], **named: object) -> subprocess.CompletedProcess[str]:
        started.append((words, named))
        return subprocess.CompletedProcess(words, 1)

    (folder / "token").write_text(TOKEN)
    monkeypatch.setattr(account.Account, "client", lambda *_words, **_named: ssm)
    monkeypatch.setattr(change_set, "SAM", folder / "token")
    monkeypatch.setattr(subprocess, "run", run)
    assert deployed(folder, f"partner_token_file = '{folder / 'token'}'\n{ANSWERS}") == 2
    assert TOKEN in str(ssm.put)
    assert started
    assert TOKEN not in str(started)
    assert TOKEN not in (folder / "samconfig.toml").read_text()


def test_what_the_desk_does_not_know_any_more_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(account.Account, "client", lambda *_words, **_named: Aws(has_all=True))
    with (folder / "samconfig.toml").open("a") as file:
        file.write('\n[testing.deploy.parameters.parameter_overrides]\nGone = "1"\n')
    assert deployed(folder, ANSWERS) == 2
    assert "samconfig.toml sets Gone, which this version does not know" in capsys.readouterr().err


LIVE = {
    "ApplicationId": "101",
    "AlarmEmail": "anna@acme.example",
    "TrialDays": "21",
    "OfLater": "1",
    "PartnerTokenParameter": "/elsewhere/partner-token",
}


def parameters_after(
    folder: Path, monkeypatch: pytest.MonkeyPatch, aws: Aws, answers: str
) -> dict[str, str]:
    def refuse(*_words: object) -> None:
        raise change_set.NotDeployed("far enough")

    monkeypatch.setattr(account.Account, "client", lambda *_words, **_named: aws)
    monkeypatch.setattr(change_set, "made", refuse)
    assert deployed(folder, answers) == 2
    return dict(samconfig.read(folder / "samconfig.toml", "testing").parameters)


def test_what_samconfig_does_not_have_comes_from_the_stack_that_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    aws = Aws(has_all=True, runs_with=LIVE)
    given = parameters_after(folder, monkeypatch, aws, 'region = "eu-central-1"')
    assert given == {
        **{name: value for name, value in LIVE.items() if name != "OfLater"},
        "DefaultCountry": "",
        "DomainName": "",
        "PortalKeyParameter": "/altegio/testing/portal-key",
        "BillingKeyParameter": "/altegio/testing/billing-key",
        "StripeSecretParameter": "/altegio/testing/stripe-secret",
        "ProviderName": given["ProviderName"],
        "UserTokenParameter": "/altegio/testing/user-token",
    }
    said = " ".join(capsys.readouterr().out.split())
    assert "altegio-telephony-testing is in eu-central-1: what is missing is taken from" in said
    assert "This version does not know its OfLater." in said


def test_what_samconfig_has_and_what_is_answered_count_more_than_the_stack(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (folder / "samconfig.toml").open("a") as file:
        file.write('\n[testing.deploy.parameters.parameter_overrides]\nTrialDays = "14"\n')
    aws = Aws(has_all=True, runs_with=LIVE)
    given = parameters_after(folder, monkeypatch, aws, f"{ANSWERS}AlarmEmail = 'o@acme.example'")
    assert (given["TrialDays"], given["AlarmEmail"]) == ("14", "o@acme.example")


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", "DELETE_COMPLETE"])
def test_a_stack_that_never_ran_offers_nothing(
    status: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws = Aws(has_all=True, runs_with=LIVE, status=status)
    assert parameters_after(folder, monkeypatch, aws, ANSWERS)["AlarmEmail"] == ""


def test_a_note_stops_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = change_set.ChangeSet("arn", "it", (), is_new=True, notes=("HttpApi is Conditional.",))
    executed: list[change_set.ChangeSet] = []
    monkeypatch.setattr(account.Account, "client", lambda *_words, **_named: Aws(has_all=True))
    monkeypatch.setattr(change_set, "made", lambda *_words: found)
    monkeypatch.setattr(change_set, "execute", lambda _account, it, _region: executed.append(it))
    monkeypatch.setattr(command, "_looked_at", lambda *_words: 0)
    assert deployed(folder, ANSWERS) == 0
    assert executed == [found]
    assert "Note: HttpApi is Conditional." in capsys.readouterr().out


def typed_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch, aws: Aws, lines: list[str]
) -> tuple[dict[str, str], list[str]]:
    """What samconfig.toml has after these lines at a terminal, and what was asked for."""
    asked: list[str] = []

    def line(prompt: str) -> str:
        asked.append(prompt.split(maxsplit=1)[0])
        return lines.pop(0)

    def refuse(*_words: object) -> None:
        raise change_set.NotDeployed("far enough")

    monkeypatch.setattr("builtins.input", line)
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: "")
    monkeypatch.setattr(account.Account, "client", lambda *_words, **_named: aws)
    monkeypatch.setattr(change_set, "made", refuse)
    assert command.main(["testing"], root=folder) == 2
    assert lines == []
    return dict(samconfig.read(folder / "samconfig.toml", "testing").parameters), asked


def test_a_certificate_is_asked_for_until_it_fits_and_goes_with_its_domain(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    aws = Aws(has_all=True)
    first = ["us-east-1", "101", "", "", "", "a.example", "", CERTIFICATE, ""]
    first[7:7] = [CERTIFICATE.replace("us-east-1", "eu-west-1")]
    given, asked = typed_in(folder, monkeypatch, aws, first)
    assert (given["DomainName"], given["CertificateArn"]) == ("a.example", CERTIFICATE)
    assert asked[-4:] == ["CertificateArn"] * 3 + ["HostedZoneId"]
    said = capsys.readouterr().out
    assert "DomainName needs a CertificateArn.\n" in said
    assert "CertificateArn must be of a certificate in us-east-1, where the stack is.\n" in said
    given, _asked = typed_in(folder, monkeypatch, aws, ["", "", "", "", "", "-"])
    assert (given["DomainName"], given["CertificateArn"]) == ("", "")


def test_who_has_no_credentials_is_told_where_they_come_from(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_words: object, **_named: object) -> None:
        raise NoCredentialsError

    monkeypatch.setattr(account.Account, "client", refuse)
    assert deployed(folder, ANSWERS) == 2
    assert "`aws configure`), or name a profile of it with PROFILE=NAME" in " ".join(
        capsys.readouterr().err.split()
    )
