"""What awslambdaric's compiled `runtime_client` does, for machines it is not compiled for.

AWS builds that module on Linux only. Execution environments have this folder last on their path,
so the compiled one is taken wherever there is one. As there: one thread, one connection.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import http.client
import os

_API = "/2018-06-01/runtime/invocation"
_connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
_headers: dict[str, str] = {}


def initialize_client(user_agent: str) -> None:
    """Take the client's name."""
    _headers["User-Agent"] = user_agent


def next() -> tuple[bytes, dict[str, str]]:  # noqa: A001  # the compiled module's name
    """Wait for an invocation: its payload and its headers.

    Raises:
        OSError: The Runtime API is gone.
    """
    return _call("GET", f"{_API}/next", b"", {})


def post_invocation_result(
    invoke_id: str, content: bytes, content_type: str, _invocation_id: str | None = None
) -> None:
    """Answer an invocation.

    Raises:
        OSError: The Runtime API is gone.
        RuntimeError: It does not take the answer.
    """
    _call("POST", f"{_API}/{invoke_id}/response", content, {"Content-Type": content_type})


def post_error(
    invoke_id: str, error: str, xray_cause: str, _invocation_id: str | None = None
) -> None:
    """Report that an invocation failed.

    Raises:
        OSError: The Runtime API is gone.
        RuntimeError: It does not take the report.
    """
    cause = {"Lambda-Runtime-Function-XRay-Error-Cause": xray_cause} if xray_cause else {}
    _call("POST", f"{_API}/{invoke_id}/error", error.encode(), cause)


def _call(
    method: str, path: str, body: bytes, headers: dict[str, str]
) -> tuple[bytes, dict[str, str]]:
    _connection.request(method, path, body or None, {**_headers, **headers})
    response = _connection.getresponse()
    content = response.read()
    if response.status not in (http.client.OK, http.client.ACCEPTED):
        message = f"the Runtime API answered {response.status}"
        raise RuntimeError(message)
    return content, dict(response.headers)
