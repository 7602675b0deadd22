"""A command of the AWS CLI, as a page has it, done by boto3: the CLI is not installed here."""

import shlex
from collections.abc import Callable
from typing import Any

import jmespath  # type: ignore[import-untyped]  # ships no types
from botocore import xform_name
from botocore.model import Shape, StructureShape


def answered(command: str, client: Callable[[str], Any]) -> Any:
    """What it answers. An option that its operation does not have is an error.

    https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-parameters-types.html
    """
    program, service, operation, *words = shlex.split(command)
    assert program == "aws"
    made, method = client(service), operation.replace("-", "_")
    model = made.meta.service_model.operation_model(made.meta.method_to_api_mapping[method])
    members = {xform_name(name, "-"): name for name in model.input_shape.members}
    given: dict[str, Any] = {}
    query = "@"
    left = iter(words)
    for word in left:
        option = word.removeprefix("--")
        if option == "query":
            query = next(left)
            continue
        name = members[option if option in members else option.removeprefix("no-")]
        shape = model.input_shape.members[name]
        if shape.type_name == "boolean":
            given[name] = option in members
        else:
            given[name] = _value(shape, next(left))
    return jmespath.search(query, getattr(made, method)(**given))


def _value(shape: Shape, text: str) -> Any:
    if isinstance(shape, StructureShape):
        pairs = (each.partition("=") for each in text.split(","))
        return {name: _value(shape.members[name], value) for name, _, value in pairs}
    match shape.type_name:
        case "boolean":
            return {"true": True, "false": False}[text]
        case "integer":
            return int(text)
    return text
