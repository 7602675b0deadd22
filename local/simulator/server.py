"""HTTP/1.1 with keep-alive on the loopback: requests in, answers and faults out."""

import contextlib
import functools
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol

from local.listener import Listener
from local.simulator.faults import NOTHING_DONE, Faults
from local.simulator.limits import Limits
from local.simulator.marketplace import Marketplace, disturbed
from local.simulator.state import Call, Platform
from local.simulator.wire import Answer, Message, Request, failure

LARGEST_BODY = 1_000_000
TRICKLE_S = 1.0


class Transmit(Protocol):
    """Puts an answer on the wire: all of it, half of it, or a byte every `pause` seconds."""

    def __call__(self, answer: Answer | None, *, half: bool = False, pause: float = 0) -> None:
        """None closes the connection without a byte."""


class Exchange:
    """One request from arrival to the last byte of its answer, with its fault and its entry.

    Args:
        platform: keeps the journal.
        marketplace: does the work.
        limits: of the number of calls.
        faults: what is on order.
        read: reads a request strictly.
        stopped: set when the simulator stops; ends every wait.
    """

    def __init__(
        self,
        platform: Platform,
        marketplace: Marketplace,
        limits: Limits,
        faults: Faults,
        read: Callable[[Request], Message],
        *,
        stopped: threading.Event,
    ) -> None:
        self._platform = platform
        self._marketplace = marketplace
        self._limits = limits
        self._faults = faults
        self._read = read
        self.stopped = stopped

    def now(self) -> datetime:
        """By the platform's clock, whatever that is."""
        return self._platform.now().astimezone(UTC)

    def __call__(self, request: Request, transmit: Transmit) -> None:
        """Answer a request of the application."""
        at = self.now()
        message = self._read(request)
        location_id = self._marketplace.location_of(message)
        crm_token = str(message.fields.get("crm_token", ""))
        fault = self._faults.take(message.route, location_id, crm_token)
        kind, seconds = (fault.kind, fault.seconds) if fault else ("", 0)
        place = self._platform.arrived(
            Call(
                at=at,
                method=request.method,
                path=request.target,
                route=message.route,
                location_id=location_id,
                headers=dict(request.headers),
                body=_journalled(request.body),
                violation=str(message.violation or ""),
                fault=kind,
            )
        )
        if kind == "delay":
            self.stopped.wait(seconds)
        answer, recorded = None, False
        if not self._limits.allow():
            answer = failure(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests.")
        elif kind not in NOTHING_DONE:
            answer, recorded = self._marketplace.perform(message)
        if fault:
            answer = disturbed(fault, answer)
        status = answer.status if answer else None
        # Entered before the first byte leaves: who has an answer finds it in the journal.
        self._platform.ended(place, status=status, recorded=recorded)
        if kind == "late_answer":
            self.stopped.wait(seconds)
        transmit(
            answer,
            half=kind == "cut_answer",
            pause=(seconds or TRICKLE_S) if kind == "trickle" else 0,
        )


def _journalled(body: bytes) -> Any:
    text = body.decode(errors="replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text or None


class Handler(BaseHTTPRequestHandler):
    """Reads one request after the other from a connection.

    Args:
        exchange: answers the application.
        owner: answers the browser; None for what is not the owner's.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(
        self,
        exchange: Exchange,
        owner: Callable[[Request], Answer | None],
        *connection: Any,
    ) -> None:
        self._exchange = exchange
        self._owner = owner
        super().__init__(*connection)

    def handle(self) -> None:
        """Serve the connection until either side has had enough."""
        # The application hung up, mostly because its patience ended: its good right.
        with contextlib.suppress(ConnectionError):
            super().handle()

    def serve(self) -> None:
        """Answer the request whose head has been parsed."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
            return
        if int(length) > LARGEST_BODY:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            known = headers.get(name.lower())
            headers[name.lower()] = f"{known}, {value}" if known is not None else value
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            # The application hung up in the middle of a sentence: it has asked for nothing.
            self.close_connection = True
            return
        request = Request(self.command, self.path, headers, body)
        page = self._owner(request)
        if page:
            self.transmit(page)
        else:
            self._exchange(request, self.transmit)

    # The base class finds them by these names.
    do_GET = do_POST = do_HEAD = do_OPTIONS = serve  # noqa: N815 - see above
    do_PUT = do_PATCH = do_DELETE = serve  # noqa: N815 - see above

    def transmit(self, answer: Answer | None, *, half: bool = False, pause: float = 0) -> None:
        """Put an answer on the wire; see `Transmit`."""
        if answer is None:
            self.close_connection = True
            return
        reason = self.responses.get(answer.status, ("",))[0]
        lines = [
            f"HTTP/1.1 {answer.status} {reason}",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {len(answer.body)}",
            f"Date: {format_datetime(self._exchange.now(), usegmt=True)}",
            *(f"{name}: {value}" for name, value in answer.headers),
        ]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        body = b"" if self.command == "HEAD" else answer.body
        if half:
            self.close_connection = True
            body = body[: len(body) // 2]
        if not pause:
            self.wfile.write(head + body)
            return
        for byte in head + body:
            self.wfile.write(bytes([byte]))
            if self._exchange.stopped.wait(pause):
                break

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Nothing on the console; the journal has it all."""


class Server(Listener):
    """Listens on the loopback, one thread per connection.

    Args:
        port: 0 for a free one.
        exchange: answers the application.
        owner: answers the browser; None for what is not the owner's.
    """

    def __init__(
        self, port: int, exchange: Exchange, owner: Callable[[Request], Answer | None]
    ) -> None:
        super().__init__(port, functools.partial(Handler, exchange, owner))

    @property
    def address(self) -> str:
        """The base address, without a slash at its end."""
        return f"http://127.0.0.1:{self.server_port}"
