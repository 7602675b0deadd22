"""`python -m local`, as processes of their own."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local import PROJECT

COMMAND = [sys.executable, "-m", "local"]
Eventually = Callable[[Callable[[], Any]], Any]


def family(pid: int) -> set[int]:
    """A process and all that descend from it."""
    found = {pid}
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found |= family(int(child))
    return found


def living(pids: set[int]) -> set[int]:
    return {
        pid
        for pid in pids
        if (status := Path(f"/proc/{pid}/stat")).exists()
        and status.read_text().rpartition(")")[2].split()[0] != "Z"
    }


@pytest.fixture
def up(
    tmp_path: Path, eventually: Eventually, request: pytest.FixtureRequest
) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    announcement = tmp_path / "announced.json"
    announcement.write_text("old")
    (tmp_path / "announced.env").write_text("old")
    options = [*request.param, "--announce", str(announcement)]
    options += ["--set", "LEASE_S=61", "--set", "RECONCILE_EVERY_S=3600"]
    with subprocess.Popen(
        [*COMMAND, "up", *options],
        cwd=PROJECT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        eventually(
            lambda: (
                process.poll() is not None
                or (announcement.exists() and announcement.read_text().startswith("{"))
            )
        )
        yield process, json.loads(announcement.read_text())
        process.kill()


# Ctrl-C while `up` still imports what it needs.
AT_ONCE = """
import importlib.abc, os, signal, sys, weakref
from local.__main__ import main

class Thing:
    pass

class Impatient(importlib.abc.MetaPathFinder):
    def find_spec(self, name, *_):
        if name == "local.welcome":
            press = lambda *_: os.kill(os.getpid(), signal.SIGINT)
            if sys.argv[1] == "heard":
                press()
            else:
                gone = Thing()
                kept = weakref.ref(gone, press)
                del gone

sys.meta_path.insert(0, Impatient())
sys.exit(main(["up", "--announce", sys.argv[2]]))
"""


@pytest.mark.parametrize("exception", ["heard", "lost"])
def test_up_ends_whenever_it_is_told_to(tmp_path: Path, exception: str) -> None:
    """A finaliser swallows what a signal's handler raises in it."""
    done = subprocess.run(
        [sys.executable, "-c", AT_ONCE, exception, str(tmp_path / "new" / "announced.json")],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0
    assert ("Exception ignored in" in done.stderr) is (exception == "lost")
    assert ("Begin here" in done.stdout) is (exception == "lost")
    assert not [*tmp_path.glob("new/*")]


def test_up_says_at_once_that_nothing_can_be_announced_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path, tmp_path / "file" / "announced.json"):
        done = subprocess.run(
            [*COMMAND, "up", "--announce", str(place)],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("The local stack cannot say where it is: [Errno ")
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
class TestUp:
    @pytest.mark.parametrize("up", [["--platform-url", "http://127.0.0.1:9/"]], indirect=True)
    def test_serves_announces_and_ends_on_sigterm(
        self, up: tuple[subprocess.Popen[str], dict[str, Any]]
    ) -> None:
        process, found = up
        assert set(found) == {
            "alarms",
            "api",
            "aws_endpoint_url",
            "region",
            "billing_queue_url",
            "calls_queue_url",
            "platform_url",
            "tables",
            "environments",
            "functions",
            "credentials",
            "outputs",
            "logs",
        }
        assert found["platform_url"] == "http://127.0.0.1:9"
        assert found["billing_queue_url"].startswith(found["aws_endpoint_url"])
        assert found["tables"]["ConnectionsTable"] == "local-ConnectionsTable"
        with pytest.raises(OSError, match="40"):  # 404: the door is open
            urllib.request.urlopen(f"{found['api']}/nowhere")
        assert found["environments"]["PaymentsFunction"]["LEASE_S"] == "61"
        names = Path(process.args[-5]).with_suffix(".env")  # type: ignore[index, arg-type]
        assert f"export API={found['api']}\n" in names.read_text()
        everyone = family(process.pid)
        assert len(everyone) > 1
        process.terminate()
        output, errors = process.communicate(timeout=180)
        assert process.returncode == 0
        assert found["api"] in output
        assert "\n  alarms          http://127.0.0.1:" in output
        assert "Traceback" not in errors
        assert not names.exists()
        assert living(everyone) == set()

    @pytest.mark.parametrize("up", [[]], ids=["without a platform"], indirect=True)
    def test_brings_its_own_platform_and_leaves_no_process_when_killed(
        self, up: tuple[subprocess.Popen[str], dict[str, Any]], eventually: Eventually
    ) -> None:
        process, found = up
        with urllib.request.urlopen(found["platform_url"]) as page:
            assert b"Connect" in page.read()
        everyone = family(process.pid)
        assert len(everyone) > 1
        os.kill(process.pid, signal.SIGKILL)
        welcome, _ = process.communicate(timeout=180)
        assert f"{found['platform_url']}  (a simulator)" in welcome
        eventually(lambda: living(everyone) == set())


def test_a_stack_that_cannot_start_says_so_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*COMMAND, "up", "--port", port],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("The local stack cannot start: ")
    assert len(done.stderr.splitlines()) == 1


def test_help_names_the_commands_and_a_setting_needs_a_value() -> None:
    done = subprocess.run([*COMMAND, "--help"], cwd=PROJECT, capture_output=True, check=True)
    assert all(name in done.stdout.decode() for name in ("up", "invoke", "build", "rehearse"))
    done = subprocess.run(
        [*COMMAND, "up", "--set", "LEASE_S"], cwd=PROJECT, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"'LEASE_S' is not NAME=VALUE" in done.stderr
    assert len(done.stderr.splitlines()) == 1
