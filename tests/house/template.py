"""template.yaml as it is written, by the kind of its resources."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from samtranslator import yaml_helper  # type: ignore[import-untyped]  # ships no types

PROJECT = Path(__file__).parents[2]

SOURCE = (PROJECT / "template.yaml").read_text("utf-8")

# As samtranslator's `yaml_parse`, by the loader that is written in C: a tenth of the time.
yaml.CSafeLoader.add_multi_constructor("!", yaml_helper.intrinsics_multi_constructor)
TEMPLATE: dict[str, Any] = yaml.load(SOURCE, Loader=yaml.CSafeLoader)

RESOURCES: dict[str, Any] = TEMPLATE["Resources"]

PARAMETERS: dict[str, Any] = TEMPLATE["Parameters"]


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """Properties of every resource of a type, by logical name."""
    return {
        name: resource.get("Properties", {})
        for name, resource in RESOURCES.items()
        if resource["Type"] == kind
    }


def merged(function: dict[str, Any]) -> dict[str, Any]:
    """A function's properties over the globals, as SAM merges them."""
    common = TEMPLATE["Globals"]["Function"]
    merged = {**common, **function}
    for name in ("Environment", "LoggingConfig"):
        merged[name] = {**common.get(name, {}), **function.get(name, {})}
    variables = (
        common["Environment"]["Variables"],
        function.get("Environment", {}).get("Variables", {}),
    )
    merged["Environment"] = {"Variables": {**variables[0], **variables[1]}}
    return merged


FUNCTIONS = {name: merged(f) for name, f in of_type("AWS::Serverless::Function").items()}

TABLES = of_type("AWS::DynamoDB::Table")

QUEUES = of_type("AWS::SQS::Queue")

ALARMS = of_type("AWS::CloudWatch::Alarm")

LOG_GROUPS = of_type("AWS::Logs::LogGroup")

# Those of the functions.
ROLES = {name: role for name, role in of_type("AWS::IAM::Role").items() if name != "ScheduleRole"}


def target(value: Any) -> str:
    """The logical name that `!Ref` or `!GetAtt` refers to."""
    [(_how, name)] = value.items()
    return str(name[0] if isinstance(name, list) else name)


def events(function: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [e["Properties"] for e in function["Events"].values() if e["Type"] == kind]


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    else:
        yield value


# Messages that say nothing that is not a due row, too.
WAKE_UPS_ONLY = {"HintsQueue"}

DEAD_LETTERS = {
    target(queue["RedrivePolicy"]["deadLetterTargetArn"]): name
    for name, queue in QUEUES.items()
    if "RedrivePolicy" in queue
}

# Of streams: what is given up ends there.
STREAMS = [(name, mapping) for name, f in FUNCTIONS.items() for mapping in events(f, "DynamoDB")]

STREAM_DEAD_LETTERS = {
    target(mapping["DestinationConfig"]["OnFailure"]["Destination"]): target(mapping["Stream"])
    for _, mapping in STREAMS
}

MAPPINGS = [(name, mapping) for name, f in FUNCTIONS.items() for mapping in events(f, "SQS")]

ROUTES = {
    f"{route['Method']} {route['Path']}"
    for function in FUNCTIONS.values()
    for route in events(function, "HttpApi")
}
