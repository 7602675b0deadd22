"""A SAM template as plain CloudFormation, by AWS's own translator; kept until the template changes.

The translator takes half a second to load, most of what it takes to read a template.
"""

import hashlib
import json
import logging
import os
import tempfile
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

KEPT = Path("build") / "translated.json"
"""Beside the template."""


def translated(path: Path) -> dict[str, Any]:
    """The template that `sam deploy` would deploy, whose parameters have no values yet.

    Raises:
        OSError: The file cannot be read, or nothing can be kept beside it.
        samtranslator.model.exceptions.InvalidDocumentException: It is not a valid template.
    """
    source, kept = path.read_bytes(), path.parent / KEPT
    version = metadata.version("aws-sam-translator").encode()
    digest = hashlib.sha256(b"\0".join((version, Path(__file__).read_bytes(), source))).hexdigest()
    # Of another version, or half-written: it is made anew.
    with suppress(FileNotFoundError, KeyError, TypeError, ValueError):
        told = json.loads(kept.read_text("utf-8"))
        if told["of"] == digest:
            return dict(told["document"])
    document = _translated(source)
    kept.parent.mkdir(exist_ok=True)
    # Whole or not at all: another process may be reading it.
    number, fresh = tempfile.mkstemp(dir=kept.parent, prefix=".translated-")
    with os.fdopen(number, "w", encoding="utf-8") as file:
        json.dump({"of": digest, "document": document}, file)
    Path(fresh).replace(kept)
    return document


def _translated(source: bytes) -> dict[str, Any]:
    # Imported here, where they are needed.
    import boto3  # noqa: PLC0415
    import yaml  # noqa: PLC0415
    from samtranslator import yaml_helper  # type: ignore[import-untyped]  # ships no types # noqa: PLC0415
    from samtranslator.parser import parser  # type: ignore[import-untyped]  # same # noqa: PLC0415
    from samtranslator.translator import translator  # type: ignore[import-untyped]  # same # noqa: PLC0415

    # Without a handler, its metrics print a complaint when they are thrown away.
    logging.getLogger("samtranslator").addHandler(logging.NullHandler())
    # As its own `yaml_parse`, by the loader that is written in C: a tenth of the time.
    yaml.CSafeLoader.add_multi_constructor("!", yaml_helper.intrinsics_multi_constructor)
    template = yaml.load(source, Loader=yaml.CSafeLoader)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # The translator takes uploaded code only; `sam deploy` puts the address here.
            resource["Properties"]["CodeUri"] = "s3://local/artifact"
    # It wants a value for each parameter, and leaves the references to them in its output.
    values = {
        name: parameter.get("Default", "1")
        for name, parameter in template.get("Parameters", {}).items()
    }
    session = boto3.Session(region_name="us-east-1")
    made = translator.Translator({}, parser.Parser(), boto_session=session)
    document: dict[str, Any] = made.translate(template, values, feature_toggle=None)
    return document
