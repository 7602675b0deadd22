"""`python -m local invoke`: one function, one event, and one line for whatever is wrong."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from local import PROJECT, invoke
from local import __main__ as commands
from local.simulator import Simulator
from local.stack.stack import Stack
from local.world import World

COMMAND = [sys.executable, "-m", "local", "invoke"]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("missing.json", "The event missing.json cannot be read: No such file or directory."),
        ("events", "The event events cannot be read: Is a directory."),
        ("-", "The event - is no JSON: Expecting value: line 1 column 1 (char 0)."),
    ],
)
def test_a_broken_event_is_told_in_a_line(
    event: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(PROJECT)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"no JSON")))
    assert commands.main(["invoke", "payments", event]) == 2
    assert capsys.readouterr().err == f"{said}\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "Expecting value"),
        (b'{"a": "\xff"}', "it is not UTF-8"),
        (b"\xff\xfe{}", "it is not UTF-8"),
        (b'{"a": NaN}', "NaN is no number of JSON"),
        (b"[" * 200_000, "too deep"),
        (b'{"a":1}{', "Extra data"),
    ],
)
def test_no_bytes_make_a_traceback(
    text: bytes, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    event = tmp_path / "event.json"
    event.write_bytes(text)
    assert commands.main(["invoke", "payments", str(event)]) == 2
    said = capsys.readouterr().err
    assert why in said
    assert said.count("\n") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_event_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    event = tmp_path / "event.json"
    event.touch(mode=0)
    assert commands.main(["invoke", "payments", str(event)]) == 2
    assert capsys.readouterr().err.endswith("cannot be read: Permission denied.\n")


@pytest.mark.parametrize("name", ["nothing", "payment", "", "../payments", "FUNCTION"])
def test_an_unknown_function_names_the_known_ones(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # Before anything starts: the event is not even read.
    assert commands.main(["invoke", name, "missing.json"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"There is no function {name!r}; there are billing, calls, connect,")
    assert said.count("\n") == 1


@pytest.mark.parametrize("words", [["invoke"], ["invoke", "payments"], ["nothing"], []])
def test_a_word_too_few_is_told_in_a_line(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        commands.main(words)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "--help" in said


def test_what_is_not_set_up_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(_stack: Stack) -> Stack:
        raise RuntimeError("build/venvs is missing: run `make setup` first\n")

    monkeypatch.setattr(Stack, "__enter__", missing)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"{}")))
    with pytest.raises(SystemExit) as ended:
        commands.main(["invoke", "payments", "-"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said == (
        "The local stack cannot start: build/venvs is missing: run `make setup` first\n"
    )


def test_locations_that_cannot_be_connected_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Simulator(redirect_url="http://127.0.0.1:1/connect") as simulator:
        world = World(SimpleNamespace(), simulator)  # type: ignore[arg-type]  # is not reached
        monkeypatch.setattr(invoke, "opened", lambda *_, **__: nullcontext(world))
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"{}")))
        assert commands.main(["invoke", "payments", "-"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("The locations could not be connected: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("function", "event", "is_right"),
    [
        ("calls", "calls-ringing", lambda told: json.loads(told["body"])["pop_up"] == "sent"),
        ("billing", "billing-stripe-paid", lambda told: told["statusCode"] == 200),
    ],
)
def test_an_event_is_valid_when_it_is_invoked(
    function: str,
    event: str,
    is_right: Callable[[dict[str, str]], bool],
    capsys: pytest.CaptureFixture[str],
) -> None:
    ended = commands.main(["invoke", function, str(PROJECT / "events" / f"{event}.json")])
    out, err = capsys.readouterr()
    assert ended == 0, err
    assert is_right(json.loads(out)), out
    assert "REPORT" in err


def test_a_function_that_fails_is_an_error(tmp_path: Path) -> None:
    # Whatever becomes of this event, the answer is JSON and the exit code tells which it is.
    event = tmp_path / "event.json"
    event.write_text("{}")
    done = subprocess.run(
        [*COMMAND, "payments", str(event), "--platform-url", "http://127.0.0.1:9"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    answer = json.loads(done.stdout)
    failed = isinstance(answer, dict) and "errorType" in answer
    assert done.returncode == int(failed)
    assert "REPORT" in done.stderr


@pytest.mark.parametrize("address", ["nonsense", "http://", "ftp://a.example", ""])
def test_what_is_no_address_is_told_in_a_line(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    event = str(PROJECT / "events" / "payments-payment.json")
    with pytest.raises(SystemExit) as ended:
        commands.main(["invoke", "payments", event, "--platform-url", address])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert f"{address!r} is no address, such as https://api.alteg.io" in said
    assert said.count("\n") == 1


def test_a_setting_that_no_function_takes_names_the_log_that_says_which(
    capsys: pytest.CaptureFixture[str],
) -> None:
    event = str(PROJECT / "events" / "payments-payment.json")
    assert commands.main(["invoke", "payments", event, "--set", "LEASE_S=soon"]) == 2
    said = capsys.readouterr().err
    log = PROJECT / "build" / "local" / "invoked" / "ConnectFunction.log"
    assert said == (
        "The locations could not be connected, as their page failed: a setting may be wrong."
        f" {log} says which.\n"
    )
    assert "LEASE_S has a value of the wrong kind" in log.read_text()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--port", "99999"], "port"),
        (["--set", "TrialDays=soon"], "TrialDays is a number of days, not 'soon'."),
        (["--set", "PartnerTokenParameter="], "Invalid length for parameter Name"),
    ],
)
def test_a_setting_that_cannot_be_is_told_in_a_line(words: list[str], why: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local", "up", *words],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("The local stack cannot start: ")
    assert why in done.stderr
    assert len(done.stderr.splitlines()) == 1
