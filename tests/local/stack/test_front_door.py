"""API Gateway's HTTP API, payload format 2.0."""

import base64
import http.client
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from local.stack import front_door
from local.stack.environment import InvokeResult
from local.stack.front_door import MOST_BODY_BYTES, FrontDoor, InvalidAnswerError, find_route
from local.stack.front_door import from_payload as answer_of
from local.stack.wiring import Route

ROUTES = [
    Route("GET", "/web", "Web"),
    Route("HEAD", "/web", "Web"),
    Route("POST", "/web", "Web"),
    Route("ANY", "/items/{item}", "Items"),
    Route("GET", "/items/first", "First"),
    Route("ANY", "/files/{path+}", "Files"),
]


def result(payload: Any, error: dict[str, Any] | None = None) -> InvokeResult:
    return InvokeResult(payload, error, log="", duration_ms=1, cold=False, request_id="")


class Door:
    """A front door before a function that keeps its event and answers what it is told."""

    def __init__(self) -> None:
        self.event: dict[str, Any] = {}
        self.function = ""
        self.result = result({"statusCode": 200, "body": "ok"})
        self.released = threading.Event()
        self.released.set()
        self.door = FrontDoor()
        self.door.open(ROUTES, self.invoke)

    def invoke(self, function: str, event: Any) -> InvokeResult:
        self.function, self.event = function, event
        self.released.wait()
        return self.result

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.door.url.removeprefix("http://"), timeout=120)

    def ask(
        self, method: str, target: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = self.connect()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, target, body, named)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, response.headers, content


@pytest.fixture
def door() -> Iterator[Door]:
    opened = Door()
    yield opened
    opened.released.set()
    opened.door.close()


def test_the_event_has_the_shape_of_format_2(door: Door) -> None:
    door.ask(
        "GET",
        "/web?salon_ids%5B0%5D=1&salon_ids%5B0%5D=2&name=J+%C3%B6&empty=&bare",
        User_Agent="browser",
        Cookie="a=1; b=2",
        X_Custom="Value",
    )
    event = door.event
    assert event["version"] == "2.0"
    assert event["routeKey"] == "GET /web"
    assert event["rawPath"] == "/web"
    assert event["rawQueryString"].startswith("salon_ids%5B0%5D=1&salon_ids%5B0%5D=2")
    assert event["queryStringParameters"] == {
        "salon_ids[0]": "1,2",
        "name": "J ö",
        "empty": "",
        "bare": "",
    }
    assert event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in event["headers"]
    assert event["headers"]["x-custom"] == "Value"
    assert event["headers"]["x-forwarded-proto"] == "http"
    assert "body" not in event
    assert event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert context["stage"] == "$default"
    assert context["http"] == {
        "method": "GET",
        "path": "/web",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "browser",
    }
    assert context["timeEpoch"] > 1_700_000_000_000
    assert door.door.url.endswith(context["domainName"])


def test_duplicate_headers_are_joined(door: Door) -> None:
    connection = door.connect()
    connection.putrequest("GET", "/web")
    connection.putheader("X-Tag", "one")
    connection.putheader("x-tag", "two")
    connection.endheaders()
    connection.getresponse().read()
    connection.close()
    assert door.event["headers"]["x-tag"] == "one,two"
    assert "queryStringParameters" not in door.event


@pytest.mark.parametrize(
    ("kind", "body", "encoded"),
    [
        ("application/json", '{"a":"ö"}'.encode(), False),
        ("application/vnd.api+json; charset=utf-8", b"{}", False),
        ("text/plain", b"text", False),
        ("text/plain", b"\xff\xfe", True),
        ("application/x-www-form-urlencoded", b"a=1&b=2", True),
        ("application/octet-stream", b"\0\1", True),
    ],
)
def test_bodies_that_are_no_text_come_as_base64(
    door: Door, kind: str, body: bytes, *, encoded: bool
) -> None:
    door.ask("POST", "/web", body, Content_Type=kind)
    assert door.event["isBase64Encoded"] is encoded
    sent = door.event["body"]
    assert (base64.b64decode(sent) if encoded else sent.encode()) == body


def test_head_has_headers_and_no_body(door: Door) -> None:
    door.result = result({"statusCode": 200, "headers": {"X-A": "1"}, "body": "unseen"})
    connection = door.connect()
    for _ in range(2):  # a body would be read as the second answer
        connection.request("HEAD", "/web")
        response = connection.getresponse()
        assert (response.status, response.headers["X-A"], response.read()) == (200, "1", b"")
    connection.close()
    assert door.event["requestContext"]["http"]["method"] == "HEAD"


def test_answers_carry_headers_cookies_and_binary_bodies(door: Door) -> None:
    door.result = result(
        {
            "statusCode": 201,
            "headers": {"Content-Type": "image/png", "X-Number": 5, "Content-Length": "999"},
            "cookies": ["a=1", "b=2"],
            "body": base64.b64encode(b"\x89PNG").decode(),
            "isBase64Encoded": True,
        }
    )
    status, headers, body = door.ask("GET", "/web")
    assert (status, body) == (201, b"\x89PNG")
    assert headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert headers["X-Number"] == "5"
    assert headers["Content-Length"] == "4"
    assert headers["Apigw-Requestid"]


def test_an_answer_without_status_is_the_json_body(door: Door) -> None:
    door.result = result({"hello": "world"})
    status, headers, body = door.ask("GET", "/web")
    assert (status, headers["Content-Type"], json.loads(body)) == (
        200,
        "application/json",
        {"hello": "world"},
    )


@pytest.mark.parametrize(
    "payload",
    [
        {"statusCode": "many"},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "body": "no base64!", "isBase64Encoded": True},
        {"statusCode": 200, "headers": {"X": "a\r\nSet-Cookie: b"}},
        {"statusCode": 200, "cookies": "a=1"},
    ],
)
def test_an_invalid_answer_is_500(payload: Any) -> None:
    with pytest.raises(InvalidAnswerError):
        answer_of(payload)


def test_a_function_error_is_500_without_its_reason(door: Door) -> None:
    door.result = result(None, {"errorType": "ValueError", "errorMessage": "secret"})
    status, _, body = door.ask("GET", "/web")
    assert (status, json.loads(body)) == (500, {"message": "Internal Server Error"})


def test_a_function_that_takes_too_long_is_503(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_door, "WAIT_S", 0.05)
    door.released.clear()
    status, _, body = door.ask("GET", "/web")
    assert (status, json.loads(body)) == (503, {"message": "Service Unavailable"})


@pytest.mark.parametrize(
    ("method", "path", "function"),
    [
        ("GET", "/web", "Web"),
        ("PUT", "/web", None),
        ("GET", "/web/", None),
        ("GET", "/", None),
        ("GET", "/items/first", "First"),
        ("POST", "/items/first", "Items"),
        ("GET", "/items/2", "Items"),
        ("GET", "/items/2/3", None),
        ("GET", "/files/a/b", "Files"),
    ],
)
def test_the_most_specific_route_wins(method: str, path: str, function: str | None) -> None:
    found = find_route(ROUTES, method, path)
    assert (found and found[0].function) == function


def test_path_parameters_and_default_route(door: Door) -> None:
    door.ask("PUT", "/items/a%20b")
    assert door.event["routeKey"] == "ANY /items/{item}"
    assert door.event["pathParameters"] == {"item": "a b"}
    found = find_route([*ROUTES, Route("ANY", "$default", "Rest")], "GET", "/else")
    assert found
    assert found[0].key == "$default"


def test_an_unknown_route_is_404(door: Door) -> None:
    status, _, body = door.ask("GET", "/nowhere")
    assert (status, json.loads(body)) == (404, {"message": "Not Found"})
    assert door.function == ""


def test_heads_and_bodies_have_limits(door: Door) -> None:
    assert door.ask("GET", "/web?" + "a" * 10_000)[0] == 200
    assert door.ask("GET", "/web?" + "a" * 10_300)[0] == 414
    assert door.ask("GET", "/web", X_Long="a" * 10_300)[0] == 431
    assert door.ask("GET", "/web?" + "a" * 6_000, X_Long="a" * 6_000)[0] == 431
    assert door.ask("GET", "/web?" + "a" * 70_000)[0] == 414
    status, _, body = door.ask("POST", "/web", b"a" * (MOST_BODY_BYTES + 1))
    assert (status, json.loads(body)) == (413, {"message": "Request Entity Too Large"})
