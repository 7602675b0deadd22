"""What stands between a switch and the local stack: TLS, as in front of a deployed one, and faults.

It notes each form as it came, without its key: they are what the normal suite is fed with.
"""

import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import httpx

# Longer than any switch waits, in seconds.
_HANGING_S = 15
_KEPT: tuple[str, ...] = ("Authorization", "Content-Type")


class Front:
    """A server for https in front of the stack.

    Attributes:
        port: its own, also while it does not serve.
        fault: "" or what it does instead of asking the stack: "hang", or a status such as "503".
        only: the fault is for bodies that begin with this.
        forms: what came, oldest first.
    """

    def __init__(self, stack: str) -> None:
        self.port = 0
        self.fault = ""
        self.only = ""
        self.forms: list[str] = []
        self._client = httpx.Client(base_url=stack, timeout=30, trust_env=False)

    @contextmanager
    def serving(self, certificate: Path) -> Iterator[None]:
        """Serves with a certificate until the block ends."""
        server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        # In the connection's own thread, or one slow greeting would hold up all.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port = int(server.server_address[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        front = self

        class Handler(BaseHTTPRequestHandler):
            timeout: ClassVar[int] = 30

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"] or 0))
                status, answer = front.take(self.path, dict(self.headers), body)
                # Who waits no longer is not there any more.
                with suppress(OSError):
                    self.send_response(status)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Nothing: what came is noted."""

            def handle(self) -> None:
                # A switch that does not trust us hangs up while we greet.
                with suppress(ssl.SSLError, ConnectionError):
                    super().handle()

        return Handler

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Answers a request of a switch."""
        told = body.decode("latin-1")
        self.forms.append(told)
        if self.fault and told.startswith(self.only):
            if self.fault == "hang":
                time.sleep(_HANGING_S)
                return 504, b"{}"
            return int(self.fault), b'{"message":"Service Unavailable"}'
        kept = {name: headers[name] for name in _KEPT if name in headers}
        answer = self._client.post(path, content=body, headers=kept)
        return answer.status_code, answer.content


def authority(folder: Path) -> Path:
    """A certificate authority of this run's own; its certificate, the key beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate = folder / "authority.pem"
    _openssl(
        f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority-of-a-test"
        f" -keyout {folder}/authority.key -out {certificate}"
    )
    return certificate


def certificate(folder: Path, name: str, host: str, *, signed: bool = True) -> Path:
    """A server's certificate with its key, for a host; signed by the authority or by itself."""
    key, request, made = (folder / f"{name}.{each}" for each in ("key", "csr", "pem"))
    kind = "IP" if host[0].isdigit() else "DNS"
    extra = folder / f"{name}.ext"
    extra.write_text(f"subjectAltName={kind}:{host}\n")
    _openssl(f"req -newkey rsa:2048 -nodes -subj /CN={name} -keyout {key} -out {request}")
    by = (
        f"-CA {folder}/authority.pem -CAkey {folder}/authority.key -CAcreateserial"
        if signed
        else f"-signkey {key}"
    )
    _openssl(f"x509 -req -days 2 -in {request} {by} -extfile {extra} -out {made}")
    made.write_text(made.read_text() + key.read_text())
    return made


def _openssl(command: str) -> None:
    subprocess.run(["openssl", *command.split()], check=True, capture_output=True)
