"""The page about the events out shows what the schemas say, and forwards what there is."""

import json
import re
import subprocess

import jsonschema  # type: ignore[import-untyped]  # ships no types
import pytest
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]  # ships no types

from local.sam import SAM
from shared.events.bus import SOURCE
from shared.events.event import VERSION, Kind
from tests.docs import pages
from tests.docs.pages import PROJECT
from tests.events.test_event import SCHEMAS

PAGE = "docs/events.md"
EXAMPLES = [json.loads(block) for language, block in pages.blocks(PAGE) if language == "json"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda it: it["detail-type"])
def test_every_example_is_as_its_schema_says(example: dict[str, str]) -> None:
    schema = json.loads(SCHEMAS[example["detail-type"]].read_text("utf-8"))
    jsonschema.Draft4Validator(schema).validate(example)


def test_every_room_of_events_has_an_example() -> None:
    assert {it["detail-type"].split(".")[0] for it in EXAMPLES} == {it.split(".")[0] for it in Kind}


def test_what_is_posted_of_the_first_example_is_shown_whole() -> None:
    [posted] = [
        block for language, block in pages.blocks(PAGE) if block.lstrip().startswith('{"type":')
    ]
    assert json.loads(posted) == {
        "type": EXAMPLES[0]["detail-type"],
        "event": EXAMPLES[0]["detail"],
    }


def test_the_table_has_every_kind() -> None:
    told = [cells[0].strip("`") for cells in pages.rows(PAGE, "# Events out")]
    assert told == list(Kind)


def test_every_field_is_told_as_the_schema_has_it() -> None:
    """A payment that needs a person, and what the page says of the others."""
    fields = {
        kind: set(json.loads(path.read_text("utf-8"))["properties"]["detail"]["properties"])
        for kind, path in SCHEMAS.items()
    }
    sent = fields["payment.sent"]
    assert fields["payment.recorded"] == fields["payment.needs_person"] == sent
    assert fields["payment.rejected"] == sent - {"platform_id"}
    for first, others in (
        ("location.connected", ("location.disconnected", "location.frozen", "location.thawed")),
        ("refund.done", ("refund.rejected", "refund.needs_person")),
    ):
        assert all(fields[other] == fields[first] for other in others)


def test_the_schemas_are_schemas() -> None:
    for path in SCHEMAS.values():
        jsonschema.Draft4Validator.check_schema(json.loads(path.read_text("utf-8")))


@pytest.mark.skipif(not SAM.exists(), reason="brought by sam's environment: run `make test`")
def test_the_linter_has_nothing_to_say_of_the_template_of_the_webhook() -> None:
    path = PROJECT / "docs" / "webhook.yaml"
    # A few regions have no API destinations, as the page says.
    where = ("--regions", "us-east-1", "eu-central-1", "ap-southeast-1")
    linted = [str(SAM.with_name("cfn-lint")), "--include-checks", "I", *where, "--", str(path)]
    ended = subprocess.run(linted, capture_output=True, text=True, check=False)  # noqa: S603
    assert (ended.returncode, ended.stdout) == (0, "")


def test_the_template_of_the_webhook_forwards_what_is_told() -> None:
    template = yaml_parse((PROJECT / "docs" / "webhook.yaml").read_text("utf-8"))
    rule = template["Resources"]["Rule"]["Properties"]
    assert rule["EventPattern"] == {"source": [SOURCE], "detail": {"version": [VERSION]}}
    [target] = rule["Targets"]
    assert target["InputTransformer"]["InputPathsMap"] == {
        "type": "$.detail-type",
        "event": "$.detail",
    }
    named = {
        name.partition("=")[0]
        for command in pages.commands(PAGE)
        for name in re.findall(r"(\w+=\S+)", command)
        if "webhook.yaml" in command
    }
    assert named == set(template["Parameters"])
