"""Several checks are played at once, unless the machine is busy."""

import importlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import rehearsal
from local.rehearsal.checks import Check, Step
from local.rehearsal.stage import Evidence, Finding, Stage

# The package has a function of this name.
play = importlib.import_module("local.rehearsal.play")


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))


@pytest.mark.usefixtures("idle")
def test_a_check_begins_before_the_one_before_it_is_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    together = threading.Barrier(2, timeout=60)

    def meet(_stage: Stage) -> Iterator[Evidence]:
        together.wait()
        yield Evidence("to meet", "they met")

    checks = [Check(number, f"Check {number}", (Step("Meets", meet),)) for number in (1, 2)]
    monkeypatch.setattr(play, "CHECKS", checks)
    assert rehearsal.rehearse(folder=tmp_path) == 0
    assert "All 2 checks passed" in (out := capsys.readouterr().out)
    assert "up to 4 at a time" in out


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A worker of pytest-xdist ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("idle", "interruptible")
def test_all_that_are_played_end_when_somebody_interrupts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    together, main = threading.Barrier(2, timeout=60), threading.get_ident()

    def wait(stage: Stage) -> Iterator[Evidence]:
        if together.wait() == 0:
            # As Ctrl-C: to the main thread, which waits.
            signal.pthread_kill(main, signal.SIGINT)
        stage.patience_s = 300
        yield stage.eventually("never", lambda: Finding(holds=False, words="not yet"))

    checks = [Check(number, f"Check {number}", (Step("Waits", wait),)) for number in (1, 2)]
    monkeypatch.setattr(play, "CHECKS", checks)
    assert rehearsal.rehearse(folder=tmp_path) == 130
    out = capsys.readouterr().out
    assert "Interrupted" in out
    assert "FAILED" not in out


def test_a_busy_machine_plays_them_one_by_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (1000.0, 0.0, 0.0))
    playing = threading.Lock()

    def alone(stage: Stage) -> Iterator[Evidence]:
        assert playing.acquire(blocking=False)
        yield stage.throughout(0.2, "nobody else", lambda: Finding(holds=True, words="nobody"))
        playing.release()

    checks = [Check(number, f"Check {number}", (Step("Is alone", alone),)) for number in (1, 2)]
    monkeypatch.setattr(play, "CHECKS", checks)
    assert rehearsal.rehearse(folder=tmp_path) == 0
    assert "one by one, as this machine is busy" in capsys.readouterr().out
