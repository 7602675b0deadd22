"""AWS's own Runtime Interface Emulator judges our Runtime API: both get the same answers."""

import json
import os
import platform
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local import PROJECT
from local.sam import ARCHITECTURES, SAM
from local.simulator import Simulator
from local.stack.environment import BARE, PYTHON, lambda_variables
from local.stack.stack import Stack

ONE_TIME = re.compile(r'(?<=nonce-)[\w-]+|(?<=nonce=")[\w-]+|(?<=name="ticket" value=")[\w-]+')

pytestmark = [
    pytest.mark.skipif(not SAM.exists(), reason="brought by sam's environment: run `make test`"),
    pytest.mark.skipif(platform.system() != "Linux", reason="AWS builds its emulator for Linux"),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with (
        Simulator() as simulator,
        Stack(
            platform_url=simulator.url,
            partner_token=simulator.partner_token,
            application_id=simulator.application_id,
            settings={"RECONCILE_EVERY_S": "0"},
            logs=tmp_path_factory.mktemp("rie"),
        ) as running,
    ):
        simulator.grant(4564)
        yield running


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def emulated(stack: Stack, name: str, log: Path) -> Iterator[str]:
    """A function behind AWS's emulator; its address."""
    function = stack.functions[name]
    (rapid,) = SAM.parents[1].glob("lib/python*/site-packages/samcli/local/rapid")
    door, api = free_port(), free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                rapid / f"aws-lambda-rie-{ARCHITECTURES[platform.machine().lower()]}",
                "--runtime-interface-emulator-address",
                f"127.0.0.1:{door}",
                "--runtime-api-address",
                f"127.0.0.1:{api}",
                *(PYTHON, *BARE, "-m", "awslambdaric", function.handler),
            ],
            cwd=stack.artifact,
            env={
                **stack.variables,
                **lambda_variables(function, stack.artifact),
                "AWS_LAMBDA_FUNCTION_TIMEOUT": f"{function.timeout_s:.0f}",
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        try:
            late = time.monotonic() + 120
            while True:
                try:
                    socket.create_connection(("127.0.0.1", door)).close()
                    break
                except ConnectionRefusedError:
                    assert time.monotonic() < late, log.read_text()
                    time.sleep(0.02)
            yield f"http://127.0.0.1:{door}/2015-03-31/functions/function/invocations"
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def answer(stack: Stack, function: str, event: Any, log: Path) -> Any:
    """What a function answers through AWS's emulator."""
    with emulated(stack, function, log) as address:
        request = urllib.request.Request(address, json.dumps(event).encode())
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.load(response)


def plain(node: Any) -> Any:
    """An answer without what only it has."""
    if isinstance(node, dict):
        return {name: plain(value) for name, value in node.items() if name != "requestId"}
    return ONE_TIME.sub("", node) if isinstance(node, str) else node


@pytest.mark.parametrize(
    ("function", "event"),
    [
        ("ConnectFunction", "connect-redirect"),
        ("PaymentsFunction", "payments-invalid"),
        ("DisableFunction", "disable-uninstall"),
        ("ReconcileFunction", "reconcile-every-minute"),
    ],
)
def test_an_event_gets_the_same_answer(
    stack: Stack, tmp_path: Path, function: str, event: str
) -> None:
    payload = json.loads((PROJECT / "events" / f"{event}.json").read_text("utf-8"))
    ours = stack.invoke(function, payload)
    assert ours.error is None
    theirs = answer(stack, function, payload, tmp_path / "log")
    assert plain(theirs) == plain(ours.payload)
    if event == "connect-redirect":
        assert theirs != ours.payload  # each page has a nonce and a ticket of its own


def test_an_error_is_told_in_the_same_words(stack: Stack, tmp_path: Path) -> None:
    ours = stack.invoke("PaymentsFunction", {})
    assert ours.error is not None
    assert ours.error["errorType"] == "KeyError"
    assert plain(answer(stack, "PaymentsFunction", {}, tmp_path / "log")) == plain(ours.error)
