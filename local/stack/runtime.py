"""AWS Lambda's side of a function: a Runtime API for AWS's own runtime client.

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
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import IO, Any, cast

from local import PROJECT
from local.stack import processes
from local.stack.listener import Listener
from local.stack.template import Function

CLIENT = PROJECT / "build" / "lambda-client"
"""Where `make setup` puts awslambdaric."""
PORTABLE = Path(__file__).with_name("portable")
"""The client's compiled part, in Python; found only where there is no compiled one."""
INIT_S = 10.0
"""Seconds an environment may take to start, beyond the function's own timeout."""
MOST_ENVIRONMENTS = 10
"""Environments of one function at once. AWS would start more; a laptop makes the next one wait."""
MOST_ANSWER_BYTES = 6 * 1024 * 1024 + 100 * 1024
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html."""

_API = "/2018-06-01/runtime"
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


@dataclass(slots=True)
class _Invocation:
    payload: bytes
    trace_id: str
    ends_at: float
    """Monotonic; it moves when the environment takes the invocation."""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    begun_at: float | None = None
    answer: bytes | None = None
    error: Mapping[str, Any] | None = None

    @property
    def is_settled(self) -> bool:
        return self.answer is not None or self.error is not None


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
        self._waiting: _Invocation | None = None
        self._running: _Invocation | None = None
        self._is_over = False
        self._init_error: Mapping[str, Any] | None = None
        self._is_fresh = True
        self._reading = threading.Lock()
        self._is_silent = False
        self._partial_line = b""
        self._said = bytearray()
        self._api = _RuntimeApi(self)
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
        invocation = _Invocation(
            payload, _trace_id(), ends_at=time.monotonic() + INIT_S + timeout_s
        )
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

    def _death(self, invocation: _Invocation) -> Mapping[str, Any]:
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

    def _report(self, invocation: _Invocation, duration_ms: float) -> None:
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

    def next(self) -> _Invocation | None:
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


class _RuntimeApi(Listener):
    """The Runtime API of one environment."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(0, _RuntimeApiHandler)
        self.environment = environment


class _RuntimeApiHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def _environment(self) -> Environment:
        return cast("_RuntimeApi", self.server).environment

    def do_GET(self) -> None:
        """Next invocation."""
        if self.path != f"{_API}/invocation/next":
            self.send_error(404)
            return
        invocation = self._environment.next()
        if invocation is None:
            self.close_connection = True
            return
        left_s = invocation.ends_at - time.monotonic()
        try:
            self._answer(
                200,
                invocation.payload,
                {
                    "Content-Type": "application/json",
                    "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                    "Lambda-Runtime-Deadline-Ms": str(int((time.time() + left_s) * 1000)),
                    "Lambda-Runtime-Invoked-Function-Arn": self._environment.function_arn,
                    "Lambda-Runtime-Trace-Id": invocation.trace_id,
                },
            )
        except ConnectionError:
            self.close_connection = True  # the process is gone; its invocation fails by that

    def do_POST(self) -> None:
        """An answer, an error, or the failure to start."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == f"{_API}/init/error":
            self._environment.fail_init(json.loads(body))
            self._answer(202, b'{"status":"OK"}')
            return
        request_id, _, kind = self.path.removeprefix(f"{_API}/invocation/").partition("/")
        if kind == "response":
            accepted = self._environment.settle(request_id, answer=body)
        elif kind == "error":
            accepted = self._environment.settle(request_id, error=json.loads(body))
        else:
            accepted = False
        self._answer(202 if accepted else 400, b'{"status":"OK"}' if accepted else b"{}")

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response_only(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Say nothing: the log is the function's."""


class Functions:
    """All functions of a template, ready to be invoked from any thread."""

    def __init__(
        self,
        functions: Mapping[str, Function],
        *,
        artifact: Path,
        logs: Path,
        variables: Mapping[str, str],
    ) -> None:
        """Start nothing yet.

        Args:
            functions: By logical name.
            artifact: The built folder.
            logs: Folder for one file per function.
            variables: What every environment has beside Lambda's and the template's variables:
                region, credentials, endpoint.

        Raises:
            RuntimeError: The runtime client is not installed.
        """
        if not (CLIENT / "awslambdaric").is_dir():
            message = f"{CLIENT.relative_to(PROJECT)} is missing: run `make setup` first"
            raise RuntimeError(message)
        self._functions = functions
        self._artifact = artifact
        self._variables = variables
        self._logs = {name: LogFile(logs / f"{name}.log") for name in functions}
        self._changed = threading.Condition()
        self._idle: dict[str, list[Environment]] = {name: [] for name in functions}
        self._environments: dict[str, set[Environment]] = {name: set() for name in functions}
        self._is_closed = False

    def invoke(self, name: str, event: Any) -> InvokeResult:
        """Invoke a function by its logical name and wait for the end.

        Raises:
            KeyError: There is no such function.
            RuntimeError: The stack is closed.
        """
        environment = self._borrow(name)
        try:
            return environment.invoke(json.dumps(event).encode())
        finally:
            self._give_back(name, environment)

    def environments(self, name: str) -> list[Environment]:
        """The live environments of a function, busy or idle."""
        with self._changed:
            return [one for one in self._environments[name] if one.is_alive]

    def log(self, name: str) -> str:
        """All that a function has printed until now."""
        return self._logs[name].read()

    def close(self) -> None:
        """End every environment; invocations that run fail."""
        with self._changed:
            self._is_closed = True
            environments = [one for several in self._environments.values() for one in several]
            self._changed.notify_all()
        for environment in environments:
            environment.close()
        for log in self._logs.values():
            log.close()

    def _borrow(self, name: str) -> Environment:
        idle, all_of_it = self._idle[name], self._environments[name]
        with self._changed:
            while True:
                if self._is_closed:
                    message = "the stack is closed"
                    raise RuntimeError(message)
                if idle:
                    environment = idle.pop()
                    if environment.is_alive:
                        return environment
                    all_of_it.discard(environment)
                    environment.close()
                elif len(all_of_it) < MOST_ENVIRONMENTS:
                    environment = Environment(
                        self._functions[name], self._variables, self._artifact, self._logs[name]
                    )
                    all_of_it.add(environment)
                    return environment
                else:
                    self._changed.wait()

    def _give_back(self, name: str, environment: Environment) -> None:
        with self._changed:
            if environment.is_alive:
                self._idle[name].append(environment)
            else:
                self._environments[name].discard(environment)
            self._changed.notify()
        if not environment.is_alive:
            environment.close()


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
