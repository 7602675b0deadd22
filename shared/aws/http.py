"""HTTP as API Gateway brings it and wants it back (payload format 2.0).

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

# Seconds, for whoever asks while the parameter store cannot be read.
RETRY_AFTER = "60"


class BadBody(Exception):
    """The body cannot be read as what it should be."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    method: str
    path: str
    raw_query: str
    # Names in lower case.
    headers: Mapping[str, str]
    body: bytes
    # Of the domain that it came to, which API Gateway names, not whoever calls.
    origin: str = ""

    @property
    def key(self) -> str:
        """What stands in its Authorization: a bearer, or a password beside any name; or nothing.

        https://www.rfc-editor.org/rfc/rfc7617 (basic), https://www.rfc-editor.org/rfc/rfc6750
        """
        scheme, _, credentials = self.headers.get("authorization", "").strip().partition(" ")
        if scheme.lower() == "bearer":
            return credentials.strip()
        if scheme.lower() != "basic":
            return ""
        try:
            decoded = base64.b64decode(credentials.strip(), validate=True).decode()
        except ValueError:
            return ""
        return decoded.partition(":")[2]

    def query(self) -> dict[str, str]:
        """The fields of the query, the last of each name.

        Raises:
            BadBody: it cannot be read.
        """
        return _fields(self.raw_query)

    def form(self) -> dict[str, str]:
        """The fields of a submitted form, the last of each name.

        Raises:
            BadBody: it is not a form.
        """
        try:
            return _fields(self.body.decode())
        except ValueError:
            raise BadBody from None


def _fields(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=50))
    except ValueError:
        raise BadBody from None


def request(event: dict[str, Any]) -> Request:
    """The request in an event of the HTTP API; forms arrive base64-encoded.

    Raises:
        BadBody: the event says base64, and it is not.
    """
    body = event.get("body") or ""
    try:
        raw = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else None
    except ValueError:
        raise BadBody from None
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    context = event["requestContext"]
    return Request(
        method=context["http"]["method"],
        path=event.get("rawPath") or "",
        raw_query=event.get("rawQueryString") or "",
        headers=headers,
        body=raw if raw is not None else body.encode("utf-8", "surrogatepass"),
        origin=origin(event),
    )


def origin(event: dict[str, Any]) -> str:
    """The address that an event came to, whose rest need not be readable."""
    scheme = header(event, "x-forwarded-proto") or "https"
    return f"{scheme}://{(event.get('requestContext') or {}).get('domainName', '')}"


def header(event: dict[str, Any], name: str) -> str:
    """A header of an event whose rest need not be readable; `name` in lower case."""
    headers = event.get("headers") or {}
    return next((value for each, value in headers.items() if each.lower() == name), "")


def answer(status: int, body: str = "", headers: dict[str, str] | None = None) -> dict[str, Any]:
    """An answer as the HTTP API takes it; never cached, as each is meant for one visitor."""
    return {
        "statusCode": status,
        "headers": {"cache-control": "no-store", **(headers or {})},
        "body": body,
    }


def json_answer(status: int, values: dict[str, Any]) -> dict[str, Any]:
    """A JSON answer, which ends as a line, for whoever asks from a terminal."""
    return answer(status, f"{json.dumps(values)}\n", {"content-type": "application/json"})
