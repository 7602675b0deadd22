"""Which stack the commands work on."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from local import PROJECT
from local.stack.emulator import CREDENTIALS
from ops.__main__ import main
from ops.trouble import Grade
from tests.deployment import Deployment, payment
from tests.ops.operator import Operator

pytestmark = pytest.mark.usefixtures("anna")


def test_a_stack_of_another_version_is_named(connected: Deployment, operator: Operator) -> None:
    del connected.environments["reconcile"]["TRIAL_DAYS"]
    assert "test stack does not run this version" in operator("payment")
    assert operator.code == 2


@pytest.fixture
def announced(tmp_path: Path) -> Iterator[Path]:
    """A local stack, as a process of its own, without schedules."""
    file = tmp_path / "up.json"
    command = [sys.executable, "-m", "local", "up", "--announce", str(file)]
    with subprocess.Popen(
        [*command, "--set", "RECONCILE_EVERY_S=0"], cwd=PROJECT, stdout=subprocess.DEVNULL
    ) as process:
        until = time.monotonic() + 60
        while not file.exists():
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        yield file
        process.terminate()
        process.wait(20)
    assert not file.exists(), "it names what is gone"


def test_the_desk_of_a_local_stack(announced: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(announced.read_text())
    sqs = boto3.Session(
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=found["region"],
    ).client("sqs", endpoint_url=found["aws_endpoint_url"])
    for body in (json.dumps(payment()), "no event"):
        sqs.send_message(QueueUrl=found["billing_queue_url"], MessageBody=body)

    def run(*words: str) -> str:
        assert main([*words, "--announced", str(announced)]) < Grade.BROKEN
        return capsys.readouterr().out

    until = time.monotonic() + 20
    while "HELD" not in run("payment") or "no JSON object" not in run("letters"):
        assert time.monotonic() < until
    assert "HELD -> CLOSED" in run("payment", "inv-1", "--close", "gone", "--do")
    [closed] = json.loads(run("payment", "--state", "CLOSED", "--json"))
    assert closed["why"].startswith("closed by anna; gone; was HELD")
    assert "1 dead letter\n" in run("letters")  # visible again at once
    assert "cannot be seen" in run("publication", "--location", "4564")


def test_without_a_stack_it_is_told_how_to_get_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["payment", "--announced", str(tmp_path / "none.json")]) == 2
    assert "make up" in capsys.readouterr().err
