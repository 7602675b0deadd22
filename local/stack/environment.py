"""AWS Lambda's side of a function: the processes that it runs in.

Each execution environment is one process that runs the built artifact under `awslambdaric`, and
sees nothing else: the bare interpreter, the artifact, the client, and Lambda's variables. It gets
one invocation at a time, is reused while it is idle, and another is started when all are busy.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

import json
import os
import selectors
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

from local import PROJECT
from local.stack import processes
from local.stack.runtime_api import Invocation, RuntimeApi
from local.stack.wiring import Function

CLIENT = PROJECT / "build" / "lambda-client"
"""Where `make setup` puts awslambdaric."""
PORTABLE = Path(__file__).with_name("portable")
"""The client's compiled part, in Python; found only where there is no compiled one."""
INIT_S = 10.0
"""Seconds an environment may take to start, beyond the function's own timeout."""
MOST_ANSWER_BYTES = 6 * 1024 * 1024 + 100 * 1024
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html."""

PYTHON = Path(sys.executable).resolve()
"""The interpreter behind the virtual environment: it has none of our packages."""
BARE = ("-S", "-P")
"""The interpreter's options: no site-packages, nor the script's folder."""


@dataclass(frozen=True, slots=True)
class InvokeResult:
    """What became of one invocation.

    `payload` is the answer (JSON), None after an error. `error` is None, or has `errorType`,
    `errorMessage` and, of a Python exception, `stackTrace`. `cold` tells that the environment was
    started for it.
    """

    payload: Any
    error: Mapping[str, Any] | None
    log: str
    duration_ms: float
    cold: bool
    request_id: str


class LogFile:
    """The log of one function, shared by its environments."""

    def __init__(self, path: Path) -> None:
        # A new file, not an emptied one: another stack may still be writing the old one.
        path.unlink(missing_ok=True)
        self._file: IO[bytes] = path.open("w+b", buffering=0)
        self._lock = threading.Lock()

    def write(self, lines: bytes) -> None:
        """Append whole lines, unmixed with those of others; after `close` nothing."""
        with self._lock:
            if not self._file.closed:
                self._file.write(lines)

    def read(self) -> str:
        """All that was written until now."""
        with self._lock:
            size = os.fstat(self._file.fileno()).st_size
            return os.pread(self._file.fileno(), size, 0).decode(errors="replace")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()


class Environment:
    """An execution environment: a process, and the Runtime API it asks for work.

    `invoke` is for one thread at a time.
    """

    def __init__(
        self, function: Function, variables: Mapping[str, str], artifact: Path, log: LogFile
    ) -> None:
        self._function = function
        self._log = log
        self._changed = threading.Condition()
        self._waiting: Invocation | None = None
        self._running: Invocation | None = None
        self._is_over = False
        self._init_error: Mapping[str, Any] | None = None
        self._is_fresh = True
        self._reading = threading.Lock()
        self._is_silent = False
        self._partial_line = b""
        self._said = bytearray()
        self._api = RuntimeApi(self)
        self._process = processes.start(
            PYTHON,
            "awslambdaric",
            function.handler,
            options=BARE,
            environment={
                **variables,
                **lambda_variables(function, artifact),
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._api.server_port}",
            },
            folder=artifact,
            output=-1,
        )
        self._output = cast("IO[bytes]", self._process.stdout).fileno()
        os.set_blocking(self._output, False)
        for task in (self._api.serve, self._listen):
            threading.Thread(target=task, daemon=True).start()

    @property
    def is_alive(self) -> bool:
        """Whether it may still take an invocation."""
        return not self._is_over and self._process.poll() is None

    @property
    def is_working(self) -> bool:
        """Whether it has taken an invocation and not yet answered it."""
        return self._running is not None

    def invoke(self, payload: bytes) -> InvokeResult:
        """Run the function once, within its timeout; a process that exceeds it is killed."""
        timeout_s = self._function.timeout_s
        invocation = Invocation(payload, _trace_id(), ends_at=time.monotonic() + INIT_S + timeout_s)
        asked_at = time.monotonic()
        cold, self._is_fresh = self._is_fresh, False
        with self._changed:
            self._waiting = invocation
            self._changed.notify_all()
            while not (invocation.is_settled or self._is_over):
                left = invocation.ends_at - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            is_late = not (invocation.is_settled or self._is_over)
            if not invocation.is_settled:
                invocation.error = self._death(invocation)
            self._waiting = self._running = None
        duration_ms = (time.monotonic() - (invocation.begun_at or asked_at)) * 1000
        if is_late:
            self.kill()
        self._drain()
        self._report(invocation, duration_ms)
        with self._reading:
            said, self._said = self._said, bytearray()
        return InvokeResult(
            payload=None if invocation.answer is None else json.loads(invocation.answer),
            error=invocation.error,
            log=said.decode(errors="replace"),
            duration_ms=duration_ms,
            cold=cold,
            request_id=invocation.request_id,
        )

    def _death(self, invocation: Invocation) -> Mapping[str, Any]:
        """Why an invocation ended without an answer."""
        if not self._is_over:
            kind = "Sandbox.Timedout"
            reason = f"Task timed out after {self._function.timeout_s:.2f} seconds"
        elif self._init_error is not None:
            return self._init_error
        else:
            status = self._process.wait()
            kind = "Runtime.ExitError"
            reason = "Runtime exited " + (
                f"with error: signal: {-status}"
                if status < 0
                else f"with error: exit status {status}"
                if status
                else "without providing a reason"
            )
        return {
            "errorType": kind,
            "errorMessage": f"RequestId: {invocation.request_id} Error: {reason}",
        }

    def _report(self, invocation: Invocation, duration_ms: float) -> None:
        """What Lambda itself writes into the log; JSON at its level WARN knows failures only."""
        error, request_id = invocation.error, invocation.request_id
        by_lambda = error is not None and "stackTrace" not in error
        if self._function.log_format == "JSON":
            if by_lambda and error is not None:
                record = {
                    "requestId": request_id,
                    "status": "timeout" if error["errorType"] == "Sandbox.Timedout" else "error",
                    "errorType": error["errorType"],
                    "metrics": {"durationMs": round(duration_ms, 3)},
                }
                line = {"time": _now(), "type": "platform.report", "record": record}
                self._write(json.dumps(line).encode() + b"\n")
            return
        if by_lambda and error is not None:
            reason = error["errorMessage"].rpartition(" Error: ")[2]
            self._write(f"{_now()} {request_id} {reason}\n".encode())
        report = f"END RequestId: {request_id}\nREPORT RequestId: {request_id}"
        memory = f"Memory Size: {self._function.memory_mb} MB"
        self._write(f"{report}\tDuration: {duration_ms:.2f} ms\t{memory}\n".encode())

    def kill(self) -> None:
        """End the process at once; an invocation that runs fails."""
        processes.kill(self._process)

    def close(self) -> None:
        """End the process, and everything that serves it."""
        self.kill()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        self._api.stop()

    # ── what the runtime client asks and says; each call comes from a thread of the API ──

    def next(self) -> Invocation | None:
        """Wait for the next invocation; None when there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_over)
            invocation, self._waiting = self._waiting, None
            if invocation is None or self._is_over:
                return None
            invocation.begun_at = time.monotonic()
            invocation.ends_at = invocation.begun_at + self._function.timeout_s
            self._running = invocation
            self._changed.notify_all()  # the timeout counts from here
        if self._function.log_format != "JSON":
            self._write(f"START RequestId: {invocation.request_id} Version: $LATEST\n".encode())
        return invocation

    def settle(
        self,
        request_id: str,
        *,
        answer: bytes | None = None,
        error: Mapping[str, Any] | None = None,
    ) -> bool:
        """Take the answer or the error of an invocation; False if it is not the running one."""
        if answer is not None and len(answer) > MOST_ANSWER_BYTES:
            answer, error = (
                None,
                {
                    "errorType": "Function.ResponseSizeTooLarge",
                    "errorMessage": "Response payload size exceeded maximum allowed payload size"
                    f" ({MOST_ANSWER_BYTES} bytes).",
                },
            )
        with self._changed:
            invocation = self._running
            if invocation is None or invocation.request_id != request_id:
                return False
            invocation.answer, invocation.error = answer, error
            self._running = None
            self._changed.notify_all()
            return True

    def fail_init(self, error: Mapping[str, Any]) -> None:
        """Remember why the function cannot be loaded; the process ends by itself."""
        self._init_error = error

    @property
    def function_arn(self) -> str:
        """The invoked function."""
        return self._function.arn

    # ── what the function prints ──

    def _listen(self) -> None:
        """Pass output on until the process is gone, and tell those who wait for it."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            while True:
                selector.select()
                if not self._drain():
                    break
        self._process.wait()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def _drain(self) -> bool:
        """Take what has been printed until now; False at the end of the output.

        The answer comes by another way than the output. All that was printed before it is in the
        pipe by then, so who has the answer calls this and has the complete log too.
        """
        with self._reading:
            while not self._is_silent:
                try:
                    chunk = os.read(self._output, 65536)
                except BlockingIOError:
                    return True
                if chunk:
                    self._pass_on(chunk)
                    continue
                self._is_silent = True
                cast("IO[bytes]", self._process.stdout).close()
                if self._partial_line:
                    self._pass_on(b"\n")
            return False

    def _write(self, line: bytes) -> None:
        with self._reading:
            self._pass_on(line)

    def _pass_on(self, chunk: bytes) -> None:
        lines, newline, self._partial_line = (self._partial_line + chunk).rpartition(b"\n")
        self._said += lines + newline
        self._log.write(lines + newline)


def lambda_variables(function: Function, artifact: Path) -> Mapping[str, str]:
    """The template's variables of a function, and Lambda's own.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    version = "$LATEST"
    return {
        **function.environment,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_FORMAT": function.log_format,
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_LEVEL": function.log_level if function.log_format == "JSON" else "",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"{datetime.now(UTC):%Y/%m/%d}/[{version}]{uuid.uuid4().hex}",
        "LAMBDA_RUNTIME_DIR": str(CLIENT),
        "LAMBDA_TASK_ROOT": str(artifact),
        "LANG": "en_US.UTF-8",
        "PATH": os.defpath,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": f"{artifact}:{CLIENT}:{PORTABLE}",
        "TZ": ":UTC",
        "_HANDLER": function.handler,
    }


def _trace_id() -> str:
    """https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-traceids."""
    root = f"1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}"
    return f"Root={root};Parent={uuid.uuid4().hex[:16]};Sampled=0"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
