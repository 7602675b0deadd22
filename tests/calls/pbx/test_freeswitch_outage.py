"""The loop of docs/pbx/freeswitch.md that posts what an outage left, in bash, as written there."""

import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.docs import pages

PAGE = "docs/pbx/freeswitch.md"


class Door(BaseHTTPRequestHandler):
    """Answers each record with the status that it says itself."""

    posted: list[str]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        assert self.headers["content-type"] == "application/json"
        assert self.headers["authorization"].startswith("Basic ")
        assert self.path == "/calls/freeswitch"
        self.posted.append(body.strip())
        if body.startswith("gone"):
            self.close_connection = True
            return
        answer = b'{"error": "start_epoch"}'
        self.send_response(int(body))
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nothing of it is printed among the tests' own."""


@pytest.fixture
def door() -> Iterator[str]:
    Door.posted = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def run(kept: Path, door: str) -> list[str]:
    """One run of the loop; what it prints."""
    [loop] = [block for language, block in pages.blocks(PAGE) if language == "sh"]
    assert "/var/log/freeswitch/altegio" in loop
    script = loop.replace("/var/log/freeswitch/altegio", str(kept))
    done = subprocess.run(  # noqa: S603 - the page's own
        ["/bin/bash", "-c", script],
        env={"PATH": os.environ["PATH"], "API": door, "PBX_KEY": "pbx_guess"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def keep(folder: Path, *statuses: str) -> None:
    for number, status in enumerate(statuses, 1):
        (folder / f"{number}.cdr.json").write_text(f"{status}\n")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_taken_goes_and_what_is_refused_is_put_aside_once(
    tmp_path: Path, door: str
) -> None:
    keep(tmp_path, "202", "400", "403", "413", "202")
    told = run(tmp_path, door)
    assert Door.posted == ["202", "400", "403", "413", "202"]
    assert [line.partition(": ")[2] for line in told] == ['refused, {"error": "start_epoch"}'] * 3
    assert names(tmp_path) == ["refused"]
    assert names(tmp_path / "refused") == ["2.cdr.json", "3.cdr.json", "4.cdr.json"]
    assert run(tmp_path, door) == []
    assert len(Door.posted) == 5


@pytest.mark.parametrize("status", ["429", "408"])
def test_a_door_that_is_busy_is_asked_again_next_time(
    tmp_path: Path, door: str, status: str
) -> None:
    keep(tmp_path, status, "202")
    assert run(tmp_path, door) == [f"{tmp_path}/1.cdr.json: {status}, left for the next time"]
    assert names(tmp_path) == ["1.cdr.json"]


@pytest.mark.parametrize("status", ["401", "500", "503", "gone"])
def test_a_wrong_key_and_an_outage_that_lasts_end_it(
    tmp_path: Path, door: str, status: str
) -> None:
    keep(tmp_path, status, "202")
    [told] = run(tmp_path, door)
    assert ("key" in told) == (status == "401")
    assert Door.posted == [status]
    assert names(tmp_path) == ["1.cdr.json", "2.cdr.json"]


def test_nothing_is_left_of_nothing(tmp_path: Path, door: str) -> None:
    assert run(tmp_path, door) == []
    assert names(tmp_path) == []
    assert Door.posted == []
