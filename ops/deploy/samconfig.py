"""An environment's tables in samconfig.toml; all that stands beside them is left as it is.

https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-config.html
"""

import json
import re
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STACK = "altegio-telephony"

type _Value = str | bool


class Unwritable(Exception):
    """samconfig.toml is not as these lines can change it; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What samconfig.toml knows of an environment.

    Attributes:
        region: Of AWS; empty if none is given.
        parameters: Those of the template that have a value of their own.
    """

    name: str
    stack_name: str
    region: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


def read(file: Path, name: str) -> Environment:
    """The environment as it stands there; a new one has a stack name and nothing else.

    Raises:
        Unwritable: The file is no TOML, or its parameters cannot be understood.
    """
    found = _parsed(file)
    deploy = _table(found, name, "deploy", "parameters")
    everywhere = _table(found, name, "global", "parameters")
    return Environment(
        name=name,
        stack_name=deploy.get("stack_name", f"{STACK}-{name}"),
        region=deploy.get("region", everywhere.get("region", "")),
        parameters=_overrides(deploy.get("parameter_overrides", {})),
    )


def write(file: Path, environment: Environment) -> None:
    """Put an environment into the file, in one step.

    Raises:
        Unwritable: It would change something else, too. Nothing is written then.
    """
    name = environment.name
    if any("\\" in value for value in environment.parameters.values()):
        raise Unwritable("No value may contain a backslash: SAM would not read it back.")
    before, text = _parsed(file), file.read_text("utf-8")
    wanted: dict[str, dict[str, _Value]] = {
        f"{name}.build.parameters": {"build_in_source": True},
        f"{name}.deploy.parameters": {
            "stack_name": environment.stack_name,
            "region": environment.region,
            "resolve_s3": True,
            "capabilities": "CAPABILITY_IAM",
            "confirm_changeset": True,
        },
        f"{name}.deploy.parameters.parameter_overrides": {
            key: _for_sam(value) for key, value in environment.parameters.items()
        },
    }
    # As `sam deploy --guided` writes it: a text, which has become a table of its own.
    text = _without(text, f"{name}.deploy.parameters", "parameter_overrides")
    for table, values in wanted.items():
        text = _with(text, table, values)
    if _loaded(text) != _merged(before, wanted):
        raise Unwritable(
            f"{file.name} is written in a way that cannot be changed line by line. Bring the tables"
            f" of [{name}...] into the form of the others in it, and try again."
        )
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as draft:
        draft.write(text)
    Path(draft.name).chmod(file.stat().st_mode)
    Path(draft.name).replace(file)


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Unwritable(f"{file.name} cannot be read: {error}") from None


def _table(found: dict[str, Any], *names: str) -> dict[str, Any]:
    """A table within tables; empty if there is none."""
    for name in names:
        found = found.get(name, {})
        if not isinstance(found, dict):
            raise Unwritable(f"In samconfig.toml, {name} is no table: choose another environment.")
    return found


def _loaded(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _overrides(found: object) -> dict[str, str]:
    """The template's parameters, as a table or as the text that `sam deploy --guided` writes."""
    if isinstance(found, dict):
        return {key: _unquoted(str(value)) for key, value in found.items()}
    if not isinstance(found, str):
        raise Unwritable("parameter_overrides in samconfig.toml must be a table.")
    pairs = re.findall(r'(?:^| )([A-Za-z0-9]+)=("(?:\\.|[^"\\])*"|[^ ]*)', found)
    return {key: _unquoted(value) for key, value in pairs}


def _for_sam(value: str) -> str:
    """A value as SAM reads it: it takes a pair of quotes away."""
    return value if _unquoted(value) == value else f'"{value}"'


def _unquoted(value: str) -> str:
    if value and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return re.sub(r"\\([ \"'])", r"\1", value)


def _merged(
    before: Mapping[str, Any], wanted: Mapping[str, Mapping[str, _Value]]
) -> dict[str, Any]:
    merged: dict[str, Any] = json.loads(json.dumps(before, default=str))
    for table, values in wanted.items():
        inner = merged
        for part in table.split("."):
            if not isinstance(inner.get(part), dict):
                inner[part] = {}
            inner = inner[part]
        inner.update(values)
    return merged


def _block(text: str, table: str) -> tuple[int, int] | None:
    """Where the lines of a table are, without its heading."""
    heading = re.search(rf"^\[{re.escape(table)}\][ \t]*(#.*)?\n?", text, re.MULTILINE)
    if heading is None:
        return None
    following = re.compile(r"^\[", re.MULTILINE).search(text, heading.end())
    end = following.start() if following else len(text)
    # What stands above the next heading, after an empty line, is that one's.
    body = re.sub(r"(\n[ \t]*)+(#.*\n|[ \t]*\n)*$", "\n", text[heading.end() : end])
    return heading.end(), heading.end() + len(body)


def _with(text: str, table: str, values: Mapping[str, _Value]) -> str:
    block = _block(text, table)
    if block is None:
        lines = "".join(f"{key} = {_written(value)}\n" for key, value in values.items())
        return f"{text.rstrip()}\n\n[{table}]\n{lines}" if text.strip() else f"[{table}]\n{lines}"
    start, end = block
    body = text[start:end]
    for key, value in values.items():
        line = f"{key} = {_written(value)}\n"
        found = re.search(rf"^{re.escape(key)}[ \t]*=.*\n?", body, re.MULTILINE)
        first, last = found.span() if found else (len(body), len(body))
        body = body[:first] + line + body[last:]
    return text[:start] + body + text[end:]


def _without(text: str, table: str, key: str) -> str:
    block = _block(text, table)
    if block is None:
        return text
    start, end = block
    body = re.sub(rf"^{key}[ \t]*=.*\n?", "", text[start:end], flags=re.MULTILINE)
    return text[:start] + body + text[end:]


def _written(value: _Value) -> str:
    # A JSON string is a TOML string, but for DEL, which no parameter takes.
    return json.dumps(value, ensure_ascii=False)
