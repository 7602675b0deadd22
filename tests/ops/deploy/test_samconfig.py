"""samconfig.toml: an environment goes in, and everything else stays as it was."""

import json
import subprocess
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.sam import SAM
from ops.deploy import samconfig
from ops.deploy.samconfig import Environment

STAGING = Environment(
    "staging",
    "altegio-telephony-staging",
    "eu-central-1",
    {"ApplicationId": "101", "ProviderName": 'Acme "Tel" & Söhne', "AlarmEmail": ""},
)
OURS = """\
version = 0.1

# ours
[default.deploy.parameters] # and this
stack_name = "altegio-telephony"
capabilities = [
    "CAPABILITY_IAM",
]

# of production
[production.deploy.parameters]
region = "eu-west-1"
"""
GUIDED = """\
version = 0.1
[staging.deploy.parameters]
stack_name = "acme"
parameter_overrides = "ApplicationId=\\"7\\" ProviderName=\\"A \\\\\\"T\\\\\\" Co\\" TrialDays=7"
tags = "team=telephony"
[staging.global.parameters]
region = "eu-north-1"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "samconfig.toml"
    path.write_text(OURS)
    return path


def test_a_new_environment_has_a_stack_of_its_own(file: Path) -> None:
    assert samconfig.read(file, "staging") == Environment("staging", "altegio-telephony-staging")


def test_what_is_written_is_read(file: Path) -> None:
    samconfig.write(file, STAGING)
    assert samconfig.read(file, "staging") == STAGING


def test_everything_else_stays_byte_for_byte(file: Path) -> None:
    samconfig.write(file, STAGING)
    assert file.read_text().startswith(OURS)
    written = file.read_text()
    samconfig.write(file, STAGING)
    assert file.read_text() == written


def test_a_second_answer_replaces_the_first_where_it_stood(file: Path) -> None:
    samconfig.write(file, STAGING)
    text = file.read_text().replace('region = "eu-central-1"', 'region = "eu-central-1" # near')
    file.write_text(f"{text}\n# last\n[last.deploy.parameters]\nstack_name = 'last'\n")
    samconfig.write(
        file, Environment("staging", "another", "eu-west-3", {**STAGING.parameters, "A": "b"})
    )
    found = samconfig.read(file, "staging")
    assert (found.stack_name, found.region, found.parameters["A"]) == ("another", "eu-west-3", "b")
    assert file.read_text().endswith(
        "A = \"b\"\n\n# last\n[last.deploy.parameters]\nstack_name = 'last'\n"
    )


def test_what_guided_has_written_is_taken_over(file: Path) -> None:
    file.write_text(GUIDED)
    found = samconfig.read(file, "staging")
    assert (found.stack_name, found.region) == ("acme", "eu-north-1")
    assert found.parameters == {
        "ApplicationId": "7",
        "ProviderName": 'A "T" Co',
        "TrialDays": "7",
    }
    samconfig.write(file, found)
    assert samconfig.read(file, "staging") == found
    kept = tomllib.loads(file.read_text())["staging"]
    assert kept["deploy"]["parameters"]["tags"] == "team=telephony"
    assert kept["global"]["parameters"] == {"region": "eu-north-1"}


@pytest.mark.parametrize(
    "text",
    [
        '[staging.deploy]\nparameters = {region = "eu-west-1"}\n',
        '[staging]\ndeploy.parameters.region = "eu-west-1"\n',
        "[staging.deploy.parameters]\nregion = '''\neu-west-1'''\n",
    ],
)
def test_what_cannot_be_changed_line_by_line_is_left_alone(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(samconfig.Unwritable, match="line by line"):
        samconfig.write(file, STAGING)
    assert file.read_text() == text
    assert [each.name for each in file.parent.iterdir()] == ["samconfig.toml"]


def test_a_file_that_is_no_toml_is_said_to_be_none(file: Path) -> None:
    file.write_text("version 0.1")
    with pytest.raises(samconfig.Unwritable, match="cannot be read"):
        samconfig.read(file, "staging")


@pytest.mark.parametrize("text", ["staging = 0.1\n", '[staging]\ndeploy = "x"\n'])
def test_what_has_the_name_and_is_no_environment_is_told(file: Path, text: str) -> None:
    """As `version`, with which each samconfig.toml begins."""
    file.write_text(text)
    with pytest.raises(samconfig.Unwritable, match="is no table"):
        samconfig.read(file, "staging")


def test_a_list_of_parameters_is_not_guessed_at(file: Path) -> None:
    file.write_text('[staging.deploy.parameters]\nparameter_overrides = ["ApplicationId=7"]\n')
    with pytest.raises(samconfig.Unwritable, match="must be a table"):
        samconfig.read(file, "staging")


def test_a_backslash_is_refused_as_sam_would_not_read_it_back(file: Path) -> None:
    wrong = Environment("staging", "s", "eu-west-1", {"ProviderName": "Acme\\ Co"})
    with pytest.raises(samconfig.Unwritable, match="backslash"):
        samconfig.write(file, wrong)
    assert file.read_text() == OURS


# As the pattern of ProviderName, which takes the most.
VALUES = st.from_regex(r"[^\x00-\x1f\x7f-\x9f\\]{0,30}", fullmatch=True)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=VALUES)
def test_any_value_is_read_as_it_was_written(file: Path, value: str) -> None:
    file.write_text(OURS)
    environment = Environment("staging", "s", "eu-west-1", {"ProviderName": value})
    samconfig.write(file, environment)
    assert samconfig.read(file, "staging") == environment
    assert file.read_text().startswith(OURS)


@pytest.mark.skipif(not SAM.exists(), reason="brought by sam's environment: run `make test`")
def test_sam_reads_what_was_written(file: Path) -> None:
    values = {
        "A": 'Acme "Tel" & Söhne',
        "B": '"Acme"',
        "C": "'",
        "D": "",
        "E": "a, b=c d='e'",
        "F": "''",
        "G": '"',
    }
    samconfig.write(file, Environment("staging", "s", "eu-west-1", values))
    program = (
        "import json, sys, tomllib; from samcli.cli.types import CfnParameterOverridesType;"
        "found = tomllib.load(open(sys.argv[1], 'rb'))['staging']['deploy']['parameters'];"
        "print(json.dumps(CfnParameterOverridesType().convert("
        "found['parameter_overrides'], None, None)))"
    )
    told = subprocess.run(
        [SAM.with_name("python"), "-c", program, file], capture_output=True, check=True
    )
    assert json.loads(told.stdout) == values
