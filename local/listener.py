"""A threaded HTTP server on loopback that can be stopped at once."""

import socket
import socketserver
import sys
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Listener(ThreadingHTTPServer):
    """As its base, but sleeps while idle (`serve_forever` wakes twice a second) and hangs up."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        self._is_serving = self._is_stopped = False
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), handler)

    def server_bind(self) -> None:
        """Bind without asking the resolver for this machine's name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]  # IPv4: text and number

    def serve(self) -> None:
        """Serve until `stop`."""
        self._is_serving = True
        while not self._is_stopped:
            self.handle_request()
        self._close()

    def stop(self) -> None:
        """Accept no more connections and end those there are."""
        self._is_stopped = True
        if not self._is_serving:
            self._close()
            return
        with suppress(OSError):  # wakes `serve`, unless it has gone already
            socket.create_connection(("127.0.0.1", self.server_port), timeout=1).close()

    def _close(self) -> None:
        self.server_close()
        for connection in list(self._connections):
            with suppress(OSError):  # its own thread may have closed it meanwhile
                connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection while it lasts."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print what went wrong, unless the other side just hung up."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def show(handler: BaseHTTPRequestHandler, kind: str, text: str, status: int = 200) -> None:
    """Answer a request with a text of that type."""
    body = text.encode()
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
