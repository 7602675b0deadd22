"""Lambda's side of a function: AWS's own runtime client in processes of ours."""

import json
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from local.stack import environment
from local.stack.functions import Functions
from local.stack.runtime_api import RuntimeApi, Worker
from local.stack.wiring import Function

WEB = Function(
    name="local-Web",
    arn="arn:aws:lambda:us-east-1:000000000000:function:local-Web",
    handler="app.web",
    runtime="python3.13",
    timeout_s=1,
    memory_mb=512,
    environment={"OWN": "variable"},
    log_group="web-logs",
    log_format="JSON",
    log_level="INFO",
)


@pytest.fixture
def functions(project: Path, tmp_path: Path) -> Iterator[Functions]:
    running = Functions(
        {
            "Web": WEB,
            "Text": replace(WEB, log_format="Text"),
            "Missing": replace(WEB, handler="nowhere.handler"),
        },
        artifact=project / "artifact",
        logs=tmp_path,
        variables={"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"},
    )
    yield running
    running.close()


def test_a_function_sees_lambda_and_nothing_of_this_machine(
    functions: Functions, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    found = functions.invoke("Web", {"do": "environment"})
    assert found.error is None
    variables = found.payload["environment"]
    assert set(found.payload["path"]) >= {str(project / "artifact")}
    assert not any("site-packages" in path for path in found.payload["path"])
    assert "HTTPS_PROXY" not in variables
    assert variables["OWN"] == "variable"
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == "local-Web"
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert variables["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
    assert variables["AWS_LAMBDA_LOG_GROUP_NAME"] == "web-logs"
    assert variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert variables["LAMBDA_TASK_ROOT"] == str(project / "artifact")
    assert variables["TZ"] == ":UTC"
    assert variables["_HANDLER"] == "app.web"
    assert variables["_X_AMZN_TRACE_ID"].startswith("Root=1-")
    assert 500 < found.payload["left_ms"] <= 1000


def test_an_idle_environment_is_used_again(functions: Functions) -> None:
    first = functions.invoke("Web", {"do": "environment"})
    second = functions.invoke("Web", {"do": "environment"})
    assert (first.cold, second.cold) == (True, False)
    assert first.payload["pid"] == second.payload["pid"]
    assert first.request_id != second.request_id


def test_a_busy_environment_gets_company(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.stack.functions.MOST_ENVIRONMENTS", 2)
    with ThreadPoolExecutor(3) as threads:
        asleep = {"do": "sleep", "seconds": 0.3}
        found = list(threads.map(lambda _: functions.invoke("Web", asleep), range(3)))
    assert [one.error for one in found] == [None] * 3
    assert sorted(one.cold for one in found) == [False, True, True]  # the third had to wait


def test_an_exception_comes_with_type_and_trace(functions: Functions) -> None:
    found = functions.invoke("Web", {"do": "raise"})
    assert found.payload is None
    assert found.error is not None
    assert (found.error["errorType"], found.error["errorMessage"]) == ("ValueError", "as asked")
    assert "app.py" in found.error["stackTrace"][0]
    assert json.loads(found.log)["errorType"] == "ValueError"
    assert functions.invoke("Web", {"do": "environment"}).cold is False  # the process lives on


def test_a_function_is_killed_at_its_timeout(functions: Functions) -> None:
    functions.invoke("Web", {})
    found = functions.invoke("Web", {"do": "sleep", "seconds": 30})
    assert found.error is not None
    assert found.error["errorType"] == "Sandbox.Timedout"
    assert found.error["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert json.loads(found.log)["record"]["status"] == "timeout"
    assert functions.invoke("Web", {}).cold is True


@pytest.mark.parametrize(
    ("status", "message"), [(3, "with error: exit status 3"), (0, "without providing a reason")]
)
def test_a_process_that_dies_fails_its_invocation(
    functions: Functions, status: int, message: str
) -> None:
    found = functions.invoke("Web", {"do": "exit", "status": status})
    assert found.error is not None
    assert found.error["errorType"] == "Runtime.ExitError"
    assert found.error["errorMessage"].endswith(message)
    assert functions.invoke("Web", {}).cold is True


def test_an_environment_that_died_while_idle_is_replaced(
    functions: Functions, eventually: Callable[[Callable[[], Any]], Any]
) -> None:
    first = functions.invoke("Web", {"do": "environment"})
    os.kill(first.payload["pid"], 9)
    eventually(lambda: not functions.environments("Web"))
    assert functions.invoke("Web", {}).error is None


def test_a_function_that_cannot_be_imported_says_so(functions: Functions) -> None:
    for _ in range(2):
        found = functions.invoke("Missing", {})
        assert found.error is not None
        assert found.error["errorType"] == "Runtime.ImportModuleError"
        assert "nowhere" in found.error["errorMessage"]


def test_output_belongs_to_its_invocation(functions: Functions, tmp_path: Path) -> None:
    first = functions.invoke("Web", {"do": "print", "text": "one\nzwei ö"})
    second = functions.invoke("Web", {"do": "print", "text": "x" * 200_000})
    assert first.log == "one\nzwei ö\n"
    assert second.log == "x" * 200_000 + "\n"
    assert functions.log("Web") == first.log + second.log
    assert (tmp_path / "Web.log").read_text() == first.log + second.log


def test_a_text_log_has_lambdas_own_lines(functions: Functions) -> None:
    found = functions.invoke("Text", {"do": "print", "text": "hello"})
    start, hello, end, report = found.log.splitlines()
    assert start == f"START RequestId: {found.request_id} Version: $LATEST"
    assert hello == "hello"
    assert end == f"END RequestId: {found.request_id}"
    assert report.startswith(f"REPORT RequestId: {found.request_id}\tDuration: ")


def test_it_runs_without_the_compiled_client(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = tmp_path / "client"
    shutil.copytree(environment.CLIENT, client, ignore=shutil.ignore_patterns("*.so"))
    monkeypatch.setattr(environment, "CLIENT", client)
    running = Functions({"Web": WEB}, artifact=project / "artifact", logs=tmp_path, variables={})
    try:
        assert running.invoke("Web", {"do": "answer", "answer": "ö"}).payload == "ö"
        failed = running.invoke("Web", {"do": "raise"})
        assert failed.error is not None
        assert failed.error["errorType"] == "ValueError"
        assert running.invoke("Web", {}).cold is False
    finally:
        running.close()


def test_an_answer_above_six_megabytes_is_an_error(functions: Functions) -> None:
    found = functions.invoke("Web", {"do": "answer", "answer": "x" * 6_400_000})
    assert found.error is not None
    assert found.error["errorType"] == "Function.ResponseSizeTooLarge"
    assert functions.invoke("Web", {}).error is None


def test_half_an_answer_of_a_process_that_died_is_none() -> None:
    worker = Mock(spec=Worker)
    api = RuntimeApi(worker)
    serving = threading.Thread(target=api.serve, daemon=True)
    serving.start()
    path = "/2018-06-01/runtime/invocation/request-1/response"
    for sent, is_whole in ((b'{"a"', False), (b"", False), (b'{"a": 1}', True)):
        worker.settle.reset_mock()
        with socket.create_connection(("127.0.0.1", api.server_port), timeout=60) as process:
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n"
            process.sendall(head.encode() + sent)
            process.shutdown(socket.SHUT_WR)
            assert bool(process.recv(100)) == is_whole
        assert worker.settle.called == is_whole
    api.stop()
    serving.join()
