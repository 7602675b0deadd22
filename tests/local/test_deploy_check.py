"""`sam build` and `sam deploy` of the template, into an emulator."""

import io
import json
import platform
import struct
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from local import PROJECT, deploy_check
from local.deploy_check import LEFT_OUT, Finding, findings
from local.sam import NAME, SAM, Deployed, DeploymentError, deployed, sam_build
from local.stack.emulator import CREDENTIALS, REGION
from ops.__main__ import main

# e_machine of https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
MACHINES = {"aarch64": 183, "x86_64": 62}

pytestmark = pytest.mark.skipif(
    not SAM.exists(), reason="brought by sam's environment: run `make test`"
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed(tmp_path_factory.mktemp("deployed")) as running:
        yield running


def test_the_services_have_what_the_template_says(stack: Deployed) -> None:
    found = {finding.kind: finding for finding in findings(stack)}
    for kind in ("resources", "tables", "queues", "functions", "log groups", "schedules"):
        assert found[kind].wanted, kind
    differing = {kind: finding.differing for kind, finding in found.items() if finding.differing}
    # When this fails because less is left out, the emulator has learned something.
    assert differing.keys() == LEFT_OUT.keys(), differing
    assert found["routes"].found == {}


def test_the_outputs_name_what_was_deployed(stack: Deployed) -> None:
    assert stack.outputs["BillingQueueUrl"] == stack.resources["BillingQueue"]
    assert stack.outputs["WebhookUrl"].endswith("/webhooks/altegio")


def test_the_desk_finds_what_was_deployed(
    stack: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", stack.emulator.endpoint_url)
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "CRITICAL")
    stack.client("sqs").send_message(
        QueueUrl=stack.resources["BillingDeadLetters"], MessageBody="no event"
    )
    named = ["--stack-name", NAME, "--region", REGION]
    assert main(["payment", *named]) == 0
    assert f"{NAME} in {REGION}: nothing is NEEDS_HUMAN" in capsys.readouterr().out
    assert main(["letters", *named]) == 0
    assert "refused again: invalid: not JSON" in capsys.readouterr().out
    assert main(["payment", "--stack-name", "another", "--region", REGION]) == 2
    assert "another" in capsys.readouterr().err


def test_the_deployed_functions_answer(stack: Deployed) -> None:
    stack.client("ssm").put_parameter(
        Name="/altegio/partner-token", Value="local-partner-token", Type="SecureString"
    )
    assert invoke(stack, "DisableFunction", "disable-uninstall")["statusCode"] == 200
    assert invoke(stack, "DisableFunction", "disable-wrong-token")["statusCode"] == 403
    assert invoke(stack, "ReconcileFunction", "reconcile-every-minute") is None


def invoke(stack: Deployed, function: str, event: str) -> Any:
    answer = stack.client("lambda").invoke(
        FunctionName=stack.resources[function],
        Payload=(PROJECT / "events" / f"{event}.json").read_bytes(),
    )
    assert "FunctionError" not in answer
    return json.load(answer["Payload"])


def test_one_archive_with_its_bytecode_was_uploaded_for_all(stack: Deployed) -> None:
    client = stack.client("lambda")
    names = [name for name in stack.resources if name.endswith("Function")]
    found = [client.get_function(FunctionName=stack.resources[name]) for name in names]
    assert len(found) == 7
    assert len({one["Configuration"]["CodeSha256"] for one in found}) == 1
    with urllib.request.urlopen(found[0]["Code"]["Location"]) as response:
        archive = zipfile.ZipFile(io.BytesIO(response.read()))
    names = archive.namelist()
    assert len([name for name in names if name.endswith(".py")]) == len(
        [name for name in names if name.endswith(".pyc")]
    )
    bytecode = archive.read("functions/disable/__pycache__/app.cpython-313.pyc")
    assert bytecode[4:8] == b"\x01\0\0\0"  # by hash: the archive's dates do not matter
    extensions = [name for name in names if name.endswith(".so")]
    machines = {struct.unpack_from("<H", archive.read(name), 18) for name in extensions}
    assert machines == {(MACHINES[platform.machine()],)}


def test_the_command_says_that_its_addresses_are_gone(
    stack: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(deploy_check, "deployed", lambda _folder: nullcontext(stack))
    assert deploy_check.main(PROJECT / "build" / "deployed") == 0
    shown = capsys.readouterr().out
    assert stack.outputs["RedirectUrl"] in shown
    assert shown.splitlines()[-1].endswith("the addresses above answer no more.")


def test_what_sam_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Resources: {}\n")
    (tmp_path / "samconfig.toml").write_text("version = 0.1\n")
    with pytest.raises(DeploymentError, match="Resources"):
        sam_build(tmp_path / "built", root=tmp_path)


def test_a_template_of_several_architectures_is_not_guessed_at(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Architectures: [arm64]\n" * 2)
    with pytest.raises(DeploymentError, match="in 2 places"):
        sam_build(tmp_path / "built", here=True, root=tmp_path)


def test_a_finding_names_what_is_missing_too() -> None:
    finding = Finding("things", {"a": None, "b": 1, "c": 1}, {"b": 2, "c": 1, "d": None})
    assert finding.differing == ["a", "b", "d"]
