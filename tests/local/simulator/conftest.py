"""A platform, and an application that speaks with it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from local.simulator import Simulator
from tests.local.simulator.app import App, Inbox


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(redirect_url="https://app.example/connect?from=altegio") as simulator:
        yield simulator


@pytest.fixture
def app(sim: Simulator) -> Iterator[App]:
    client = App(sim.url)
    yield client
    client.http.close()


@pytest.fixture
def inbox(sim: Simulator) -> Iterator[Inbox]:
    received = Inbox("")

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            received.bodies.append(json.loads(self.rfile.read(length)))
            self.send_response(received.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        received.url = f"http://127.0.0.1:{server.server_port}/webhooks?key=1"
        sim.callback_url = received.url
        yield received
        server.shutdown()
        thread.join()
