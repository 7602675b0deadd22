"""Amazon API Gateway's side of a function: an HTTP API with payload format 2.0, on loopback.

Routes come from the template. Throttling, authorisers and CORS are not played: the template's
limits protect a shared account, and a laptop has nobody to share with.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
"""

import base64
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, cast
from urllib.parse import parse_qsl, unquote

from local.listener import Listener
from local.stack.environment import InvokeResult
from local.stack.template import ACCOUNT_ID
from local.stack.wiring import Route

WAIT_S = 30.0
"""Seconds a function may take to answer; it goes on after that, but nobody listens."""
MOST_HEAD_BYTES = 10 * 1024
"""Request line and header values together."""
MOST_BODY_BYTES = 10 * 1024 * 1024

LINGER_S = 2.0
"""Seconds for which a refused request may go on."""

_OWN_HEADERS = {"connection", "content-length", "date", "keep-alive", "transfer-encoding"}
"""What this server says for itself, whatever a function says."""
_TEXT_TYPE = re.compile(r"text/.*|application/(json|javascript|xml|.*\+json|.*\+xml)")


class InvalidAnswerError(ValueError):
    """A function's answer is none that API Gateway takes."""


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as it arrived; `path` is decoded, `query` is not."""

    method: str
    path: str
    query: str
    headers: Message
    body: bytes
    source_ip: str
    protocol: str = "HTTP/1.1"
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back; several headers may have one name."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes

    @classmethod
    def message(cls, status: int, message: str) -> "Answer":
        """An answer of API Gateway's own."""
        body = json.dumps({"message": message}, separators=(",", ":")).encode()
        return cls(status, [("Content-Type", "application/json")], body)


class FrontDoor:
    """The HTTP server. It has its address when made, answers after `open`, ends with `close`."""

    def __init__(self, *, port: int = 0) -> None:
        """Take the port; who calls before `open` waits.

        Args:
            port: 0 takes a free one.

        Raises:
            OSError: The port is taken.
        """
        self._threads = ThreadPoolExecutor(max_workers=128, thread_name_prefix="front-door")
        self._server = _Server(port, self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def open(self, routes: Sequence[Route], invoke: Callable[[str, Any], InvokeResult]) -> None:
        """Begin to answer.

        Args:
            routes: What leads where.
            invoke: Runs a function, by logical name, with an event.
        """
        self._routes = routes
        self._invoke = invoke
        threading.Thread(target=self._server.serve, daemon=True).start()

    def close(self) -> None:
        """Accept no more requests."""
        self._server.stop()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def answer(self, request: Request) -> Answer:
        """Route a request, invoke the function, and turn its answer into HTTP."""
        found = find_route(self._routes, request.method, request.path)
        if found is None:
            return Answer.message(404, "Not Found")
        route, parameters = found
        event = as_event(request, route, parameters)
        try:
            invocation = self._threads.submit(self._invoke, route.function, event)
            result = invocation.result(timeout=WAIT_S)
            if result.error is not None:
                return Answer.message(500, "Internal Server Error")
            return from_payload(result.payload)
        except TimeoutError:
            return Answer.message(503, "Service Unavailable")
        except RuntimeError:  # the stack is closing
            return Answer.message(503, "Service Unavailable")
        except InvalidAnswerError:
            return Answer.message(500, "Internal Server Error")


def find_route(
    routes: Sequence[Route], method: str, path: str
) -> tuple[Route, Mapping[str, str]] | None:
    """The most specific route for a request, and its path parameters.

    A full match goes before one with {parameters}, that before a greedy {parameter+}, and $default
    comes last; among equals the method's own route goes before ANY.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
    """
    best: tuple[tuple[int, int], Route, Mapping[str, str]] | None = None
    for route in routes:
        if route.method not in (method, "ANY") and route.path != "$default":
            continue
        pattern = "".join(
            f"(?P<{part[1:-2]}>.+)"
            if part.endswith("+}")
            else f"(?P<{part[1:-1]}>[^/]+)"
            if part.startswith("{")
            else re.escape(part)
            for part in re.split(r"(\{[^}]+\})", route.path)
        )
        match = re.match(".*" if route.path == "$default" else f"{pattern}$", path)
        if match:
            kind = 3 if route.path == "$default" else 2 if "+}" in route.path else "{" in route.path
            rank = (int(kind), int(route.method == "ANY"))
            if best is None or rank < best[0]:
                best = (rank, route, match.groupdict())
    return best and best[1:]


def as_event(request: Request, route: Route, parameters: Mapping[str, str]) -> dict[str, Any]:
    """The event of payload format 2.0.

    Unlike on AWS, `domainName` has the port: without it no address made of it would lead back.
    """
    now = time.time()
    host = request.headers.get("Host", "")
    sent = [(name.lower(), value) for name, value in request.headers.items()]
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": {
            **_joined((name, value) for name, value in sent if name != "cookie"),
            "x-amzn-trace-id": f"Root=1-{int(now):08x}-{uuid.uuid4().hex[:24]}",
            "x-forwarded-for": request.source_ip,
            "x-forwarded-port": host.rpartition(":")[2],
            "x-forwarded-proto": "http",
        },
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": "local",
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": request.protocol,
                "sourceIp": request.source_ip,
                "userAgent": request.headers.get("User-Agent", ""),
            },
            "requestId": request.request_id,
            "routeKey": route.key,
            "stage": "$default",
            "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    cookies = ";".join(value for name, value in sent if name == "cookie").split(";")
    if any(map(str.strip, cookies)):
        event["cookies"] = [cookie.strip() for cookie in cookies if cookie.strip()]
    if request.query:
        event["queryStringParameters"] = _joined(parse_qsl(request.query, keep_blank_values=True))
    if parameters:
        event["pathParameters"] = dict(parameters)
    if request.body:
        event["body"], event["isBase64Encoded"] = _as_body(request.headers, request.body)
    return event


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The values of each name, with commas between them."""
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _as_body(headers: Message, body: bytes) -> tuple[str, bool]:
    """Text stays text; forms, everything encoded and everything unnamed become base64."""
    is_text = _TEXT_TYPE.fullmatch(headers.get_content_type()) and "Content-Type" in headers
    if is_text and "Content-Encoding" not in headers:
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass  # named text, but JSON cannot hold it
    return base64.b64encode(body).decode(), True


def from_payload(payload: Any) -> Answer:
    """Turn a function's answer into HTTP: format 2.0, or anything else as a JSON body with 200.

    Raises:
        InvalidAnswerError: API Gateway would answer 500.
    """
    if not isinstance(payload, dict) or "statusCode" not in payload:
        body = payload if isinstance(payload, str) else json.dumps(payload)
        return Answer(200, [("Content-Type", "application/json")], body.encode())
    try:
        status = int(payload["statusCode"])
        HTTPStatus(status)
    except (TypeError, ValueError) as error:
        raise InvalidAnswerError("statusCode") from error
    body = payload.get("body") or ""
    if not isinstance(body, str):
        raise InvalidAnswerError("body is not text")
    try:
        content = (
            base64.b64decode(body, validate=True)
            if payload.get("isBase64Encoded")
            else body.encode()
        )
    except ValueError as error:
        raise InvalidAnswerError("body is not base64") from error
    headers = payload.get("headers") or {}
    cookies = payload.get("cookies") or []
    if not isinstance(headers, dict) or not isinstance(cookies, list):
        raise InvalidAnswerError("headers or cookies")
    pairs = [
        (str(name), str(value).lower() if isinstance(value, bool) else str(value))
        for name, value in headers.items()
        if str(name).lower() not in _OWN_HEADERS
    ]
    if not any(name.lower() == "content-type" for name, _ in pairs):
        pairs.append(("Content-Type", "text/plain;charset=UTF-8"))
    pairs += [("Set-Cookie", str(cookie)) for cookie in cookies]
    if any(re.search(r"[\r\n\0]", name + value) for name, value in pairs):
        raise InvalidAnswerError("a header has more than one line")
    return Answer(status, pairs, content)


class _Server(Listener):
    def __init__(self, port: int, door: FrontDoor) -> None:
        super().__init__(port, _Handler)
        self.door = door


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60  # seconds a silent connection is kept
    raw_requestline: bytes  # set by the base class, unknown to its stub

    def parse_request(self) -> bool:
        """As the base class, and within API Gateway's limits."""
        if not super().parse_request():
            return False
        if len(self.raw_requestline) > MOST_HEAD_BYTES:
            self.send_error(414)
            return False
        values = sum(len(value.encode("latin-1", "replace")) for value in self.headers.values())
        if len(self.raw_requestline) + values > MOST_HEAD_BYTES:
            self.send_error(431)
            return False
        return True

    def _serve(self) -> None:
        body = self._read_body()
        if body is None:
            return
        target, _, query = self.path.partition("?")
        request = Request(
            method=self.command,
            path=unquote(target),
            query=query,
            headers=self.headers,
            body=body,
            source_ip=str(self.client_address[0]),
            protocol=self.request_version,
        )
        answer = cast("_Server", self.server).door.answer(request)
        self._send(answer, request.request_id)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815  # http.server calls them so

    def _read_body(self) -> bytes | None:
        """The whole body; None after an answer that refuses it."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            # Nobody who calls here sends a body in chunks, so they are not played.
            self.send_error(400)
        elif int(length) > MOST_BODY_BYTES:
            self.send_error(413)
        else:
            return self.rfile.read(int(length))
        return None

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse a request as API Gateway words it, and its connection with it.

        Args:
            code: The status.
            message: Left to the status's own phrase.
            explain: Not said.
        """
        del message, explain
        self.close_connection = True
        words = {400: "Bad Request", 413: "Request Entity Too Large", 414: "Request-URI Too Long"}
        self._send(Answer.message(code, words.get(code, HTTPStatus(code).phrase)), uuid.uuid4().hex)
        # Closing on what it still sends would reset the connection, and the answer with it.
        late = time.monotonic() + LINGER_S
        self.connection.settimeout(LINGER_S / 10)
        with suppress(OSError):
            while time.monotonic() < late and self.connection.recv(1 << 16):
                pass

    def _send(self, answer: Answer, request_id: str) -> None:
        has_body = answer.status >= HTTPStatus.OK and answer.status not in (204, 304)
        self.send_response_only(answer.status)
        self.send_header("Date", self.date_time_string())
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Apigw-Requestid", request_id)
        if has_body:
            self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Connection", "close" if self.close_connection else "keep-alive")
        self.end_headers()
        if has_body and self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Say nothing: a request's line has the query, and that has secrets."""
