"""AWS Lambda's Runtime API, which AWS's own runtime client asks for work.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol, cast

from local.listener import Listener

_API = "/2018-06-01/runtime"


@dataclass(slots=True)
class Invocation:
    """One run of a function, from its event to its answer."""

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
        """Whether it has an answer or an error."""
        return self.answer is not None or self.error is not None


class Worker(Protocol):
    """Who hands out invocations, and takes what becomes of them."""

    @property
    def function_arn(self) -> str:
        """The invoked function."""

    def next(self) -> Invocation | None:
        """Wait for the next invocation; None when there will be none."""

    def settle(
        self,
        request_id: str,
        *,
        answer: bytes | None = None,
        error: Mapping[str, Any] | None = None,
    ) -> bool:
        """Take the answer or the error of an invocation; False if it is not the running one."""

    def fail_init(self, error: Mapping[str, Any]) -> None:
        """Remember why the function cannot be loaded."""


class RuntimeApi(Listener):
    """The Runtime API of one environment."""

    def __init__(self, environment: Worker) -> None:
        super().__init__(0, _Handler)
        self.environment = environment


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def _environment(self) -> Worker:
        return cast("RuntimeApi", self.server).environment

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
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:
            # The process died while it answered: that is its invocation's end, not half an answer.
            self.close_connection = True
            return
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
