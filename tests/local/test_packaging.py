"""`sam build`: what is sent to AWS, built without Docker and for another processor."""

import ast
import gzip
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore import xform_name

from local import PROJECT, build
from local.build import AWS_CALLS, EPOCH, PYTHON
from local.sam import SAM, sam_build
from local.stack.template import Template

FUNCTIONS = {
    f"{name}Function"
    for name in ("Connect", "Billing", "Disable", "Payments", "Reconcile", "Calls", "Events")
}
# What a build reads; a checkout has more, and none of that may matter.
NEEDED = (
    "Makefile",
    "locks",
    "local",
    "ops",
    "functions",
    "shared",
    "template.yaml",
    "samconfig.toml",
)
UNCHECKED_HASH = b"\x01\0\0\0"
AARCH64 = 183  # e_machine of https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html

pytestmark = pytest.mark.skipif(
    not SAM.exists(), reason="brought by sam's environment: run `make test`"
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sam") / "built"
    sam_build(folder)
    return folder


@pytest.fixture(scope="module")
def artifact(built: Path) -> Path:
    return built / "ConnectFunction"


@pytest.fixture
def no_python_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own Python is too old, or there is none."""
    for name in ("python", "python3", "python3.13", "pip"):
        command = tmp_path / "bin" / name
        command.parent.mkdir(exist_ok=True)
        command.write_text("#!/bin/sh\necho this Python is too old >&2\nexit 1\n")
        command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")


def contents(folder: Path) -> dict[str, tuple[str, int, int]]:
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            int(path.stat().st_mtime),
            path.stat().st_mode,
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_all_functions_are_one_artifact(built: Path, artifact: Path) -> None:
    assert {path.name for path in built.iterdir() if path.is_dir()} == FUNCTIONS
    wanted = contents(artifact)
    assert {mtime for _, mtime, _ in wanted.values()} == {EPOCH}
    for name in FUNCTIONS:
        assert contents(built / name) == wanted, name


@pytest.mark.usefixtures("no_python_on_path")
def test_another_build_of_the_same_source_has_the_same_bytes(
    artifact: Path, tmp_path: Path
) -> None:
    root = tmp_path / "another checkout"
    root.mkdir()
    for name in NEEDED:
        source = PROJECT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, root / name, ignore=ignored)
        else:
            shutil.copy2(source, root / name)
    (root / ".venv").symlink_to(PROJECT / ".venv")
    (root / "README.md").write_text("changed")
    (root / "tests").mkdir()
    # What sam runs for each function. That all are the same, the build above has shown.
    target = tmp_path / "built"
    target.mkdir()
    subprocess.run(
        ["make", "build-ConnectFunction"],  # noqa: S607 - the one that there is
        cwd=root,
        env={**os.environ, "ARTIFACTS_DIR": str(target)},
        check=True,
    )
    assert contents(target) == contents(artifact)


def test_only_code_and_its_dependencies_are_in_it(artifact: Path) -> None:
    ours = {"functions", "shared"}
    beside = {path.name for path in PROJECT.iterdir()} - ours
    found = {path.name for path in artifact.iterdir()}
    assert ours <= found
    assert not found & beside
    assert not found & {"tests", "events", "local", "bin", "README.md", "template.yaml"}
    for name in ours:
        shipped = {path for path in contents(artifact / name) if "__pycache__" not in path}
        source = {path for path in contents(PROJECT / name) if "__pycache__" not in path}
        made = {path for path in shipped - source if re.fullmatch(r"connect/tmpl_\w+\.py", path)}
        assert shipped == source | made
        assert bool(made) is (name == "functions")


def test_the_template_is_shipped_as_code_and_renders_alike(artifact: Path) -> None:
    show = (
        "from functions.connect.page import _TEMPLATE, Page;"
        "from types import SimpleNamespace as It;"
        "page = Page(It(provider_name='p', terms_url='', contact_url='', help_url='', logo_url='',"
        " brand_color='#1f6feb', frame_ancestors='https://h.example'), '', '');"
        "print(_TEMPLATE.filename, page.bad_signature()['body'])"
    )
    shown = [
        subprocess.run(
            [sys.executable, *options, "-c", show],
            env={"PYTHONPATH": str(path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.split(" ", 1)
        for options, path in ((("-S", "-P"), artifact), ((), PROJECT))
    ]
    assert [Path(file).suffix for file, _ in shown] == [".py", ".html"]
    [ours, theirs] = [re.sub('nonce="[^"]*"', "", html) for _, html in shown]
    assert ours == theirs


def test_every_module_has_bytecode_that_lambda_takes(artifact: Path) -> None:
    runtimes = {function.runtime for function in wired().functions.values()}
    assert runtimes == {f"python{PYTHON[0]}.{PYTHON[1]}"}
    modules = list(artifact.rglob("*.py"))
    assert len(modules) > 500
    for module in modules:
        compiled = module.parent / "__pycache__" / f"{module.stem}.cpython-313.pyc"
        header = compiled.read_bytes()[:16]
        assert header[:4] == importlib.util.MAGIC_NUMBER, module
        assert header[4:8] == UNCHECKED_HASH, module
        assert header[8:] == importlib.util.source_hash(module.read_bytes()), module


def test_compiled_extensions_are_for_the_processor_of_the_template(artifact: Path) -> None:
    extensions = list(artifact.rglob("*.so"))
    assert extensions
    assert "Architectures: [arm64]" in (PROJECT / "template.yaml").read_text("utf-8")
    for extension in extensions:
        header = extension.read_bytes()[:20]
        assert header[:4] == b"\x7fELF"
        assert struct.unpack_from("<H", header, 18) == (AARCH64,), extension


def test_botocore_knows_the_services_that_are_called_and_no_more(artifact: Path) -> None:
    data = artifact / "botocore" / "data"
    assert set(AWS_CALLS) == {"dynamodb", "events", "sesv2", "sqs", "ssm"}
    assert {path.name for path in data.iterdir()} == {
        *AWS_CALLS,
        "_retry.json",
        "endpoints.json",
        "partitions.json",
        "sdk-default-configuration.json",
    }
    for service, calls in AWS_CALLS.items():
        (model,) = data.glob(f"{service}/*/service-2.json")
        assert set(load(model)["operations"]) == set(calls)


def test_the_calls_are_those_of_the_code() -> None:
    """An operation that is not among them would be missing in Lambda, though not in most tests."""
    found = {service: set[str]() for service in AWS_CALLS}
    # The desk's, which looks into queues with the botocore of this machine.
    desk = PROJECT / "shared/aws/letter_box.py"
    for path in {*(PROJECT / "shared").rglob("*.py")} - {desk}:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            # Called, or handed on to be called.
            if isinstance(node, ast.Attribute):
                service = ast.unparse(node.value).removeprefix("self._")
                if service in found:
                    found[service].add(node.attr)
    found["ssm"].add("get_parameter")  # by Powertools
    assert found == {
        service: {xform_name(call) for call in calls} for service, calls in AWS_CALLS.items()
    }


def test_of_botocores_models_only_words_and_other_calls_are_missing(artifact: Path) -> None:
    (version,) = artifact.glob("botocore-*.dist-info")
    assert version.name == f"botocore-{importlib.metadata.version('botocore')}.dist-info"
    ours, theirs = artifact / "botocore" / "data", Path(botocore.__file__).parent / "data"
    models = sorted(ours.glob("*/*/service-2.json"))
    assert {model.parts[-3] for model in models} == set(AWS_CALLS)
    for path in models:
        packed = theirs / path.relative_to(ours).with_suffix(".json.gz")
        whole, part = json.loads(gzip.decompress(packed.read_bytes())), load(path)
        for kind in ("operations", "shapes"):
            whole[kind] = {name: whole[kind][name] for name in part[kind]}
        left_out = missing(whole, part)
        assert {name for name, _ in left_out} == {"documentation"}
        assert all(isinstance(value, str) for _, value in left_out)
    left_out = missing(load(theirs / "endpoints.json"), load(ours / "endpoints.json"))
    assert {"s3", "lambda"} <= {name for name, _ in left_out}
    assert not {name for name, _ in left_out} & set(AWS_CALLS)


REQUESTS = """
import json, re, sys
from botocore.awsrequest import AWSResponse
from botocore.session import Session

class Body:
    def stream(self):
        yield b"{}"

def answer(request, **_):
    names = ("X-Amz-Target", "Content-Type")
    signed_for = re.search("[0-9]{8}/(.*),", str(request.headers["Authorization"]))[1]
    token = re.compile("[0-9a-f]{8}-[0-9a-f-]{27}")  # generated, as the model wants it
    sent.append({
        "to": [request.method, request.url, signed_for],
        "headers": {name: str(request.headers.get(name)) for name in names},
        "body": token.sub("a token", request.body.decode()),
    })
    return AWSResponse(request.url, 200, {}, Body())

found = {}
regions, calls = json.loads(sys.argv[1])
session = Session()
session.set_credentials("key", "secret")
for region in regions:
    sent = found[region] = []
    for service, method, arguments in calls:
        client = session.create_client(service, region)
        client.meta.events.register("before-send", answer)
        getattr(client, method)(**arguments)
print(json.dumps(found))
"""
KEY = {"TableName": "t", "Key": {"key": {"S": "a"}, "n": {"N": "1"}}}
UPDATE = {**KEY, "UpdateExpression": "SET a = :a", "ExpressionAttributeValues": {":a": {"S": "b"}}}
CALLS = [
    ("dynamodb", "get_item", {**KEY, "ConsistentRead": True}),
    ("dynamodb", "put_item", {"TableName": "t", "Item": {"m": {"M": {"l": {"L": []}}}}}),
    ("dynamodb", "query", {"TableName": "t", "IndexName": "due", "Limit": 5}),
    ("dynamodb", "transact_write_items", {"TransactItems": [{"Update": UPDATE}]}),
    ("dynamodb", "update_item", {**UPDATE, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}),
    (
        "events",
        "put_events",
        {"Entries": [{"EventBusName": "b", "Source": "s", "DetailType": "t", "Detail": "{}"}]},
    ),
    (
        "sesv2",
        "send_email",
        {
            "FromEmailAddress": "a@provider.example",
            "Destination": {"ToAddresses": ["b@salon.example"]},
            "Content": {
                "Simple": {
                    "Subject": {"Data": "é", "Charset": "UTF-8"},
                    "Body": {"Text": {"Data": "é", "Charset": "UTF-8"}},
                    "Headers": [{"Name": "List-Unsubscribe", "Value": "<https://a.example>"}],
                }
            },
        },
    ),
    (
        "sqs",
        "get_queue_attributes",
        {"QueueUrl": "https://queue.example/1/q", "AttributeNames": ["All"]},
    ),
    ("sqs", "send_message", {"QueueUrl": "https://queue.example/1/q", "MessageBody": "é"}),
    ("ssm", "get_parameter", {"Name": "/a", "WithDecryption": True}),
]


REGIONS = ("eu-central-1", "us-east-1", "cn-north-1")


@pytest.fixture(scope="module")
def sent() -> list[dict[str, list[dict[str, Any]]]]:
    """By region, what is sent by the whole botocore, and by the one in the artifact."""
    told = json.dumps([REGIONS, CALLS])
    return [
        json.loads(
            subprocess.run(
                [sys.executable, *options, "-c", REQUESTS, told],
                env={"PYTHONPATH": path, "AWS_EC2_METADATA_DISABLED": "true"},
                capture_output=True,
                check=True,
            ).stdout
        )
        for options, path in (((), ""), (("-S", "-P"), str(build.artifact())))
    ]


@pytest.mark.parametrize("region", REGIONS)
def test_every_call_is_sent_to_aws_as_the_whole_botocore_sends_it(
    region: str, sent: list[dict[str, list[dict[str, Any]]]]
) -> None:
    """The emulator is reached by an address of its own; this is what it cannot show."""
    assert {(service, method) for service, method, _ in CALLS} == {
        (service, xform_name(call)) for service, calls in AWS_CALLS.items() for call in calls
    }
    whole, ours = sent[0][region], sent[1][region]
    assert whole == ours
    assert len(whole) == len(CALLS)
    assert f"dynamodb.{region}.amazonaws.com" in whole[0]["to"][1]
    assert "a token" in whole[3]["body"]


def missing(whole: Any, part: Any) -> list[tuple[str, Any]]:
    """Name and value of what one lacks of the other; all else is equal."""
    if isinstance(whole, dict):
        assert part.keys() <= whole.keys()
        lacking = [(name, value) for name, value in whole.items() if name not in part]
        pairs: Iterator[tuple[Any, Any]] = ((whole[name], part[name]) for name in part)
    elif isinstance(whole, list):
        lacking, pairs = [], zip(whole, part, strict=True)
    else:
        assert whole == part
        return []
    return lacking + [found for pair in pairs for found in missing(*pair)]


def load(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def wired() -> Any:
    template = Template.read(PROJECT / "template.yaml")
    return template.wire({"ApplicationId": "101"}, endpoint_url="", api_url="")
