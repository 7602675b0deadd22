"""What the README says is what is there."""

import re
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]  # ships no types

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
TEMPLATE = yaml_parse((ROOT / "template.yaml").read_text("utf-8"))


def test_the_configuration_table_is_the_templates() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", README, re.MULTILINE)
    table = {
        name: (default, what) for name, default, what in rows if name in TEMPLATE["Parameters"]
    }
    expected = {}
    for name, parameter in TEMPLATE["Parameters"].items():
        default = parameter.get("Default")
        shown = "(asked for)" if default is None else f"`{default}`" if default != "" else "(empty)"
        expected[name] = (shown, parameter["Description"])
    assert table == expected


def test_every_alarm_has_its_line_in_the_runbook() -> None:
    runbook = README.partition("## Runbook")[2].partition("\n## ")[0]
    alarms = {
        name
        for name, resource in TEMPLATE["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert set(re.findall(r"`(\w+Alarm)`", runbook)) == alarms


def test_every_output_it_names_exists() -> None:
    named = set(re.findall(r"`(\w+(?:Url|Arn))`", README)) - set(TEMPLATE["Parameters"])
    assert named <= set(TEMPLATE["Outputs"])
    assert "RedirectUrl" in named


@pytest.mark.parametrize(
    "target", sorted(set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE)))
)
def test_every_make_target_it_names_exists(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_every_picture_exists() -> None:
    pictures = re.findall(r'src="(.*?)"', README)
    assert pictures
    assert [picture for picture in pictures if not (ROOT / picture).is_file()] == []


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert "exec make test\n" in (ROOT / ".ci" / "run").read_text("utf-8")
    assert re.search(r"^make test ", README, re.MULTILINE)
