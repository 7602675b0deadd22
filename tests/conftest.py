"""Fixtures: AWS without AWS, the platform without the platform, and a clock."""

import gc
import io
import logging
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import boto3
import hypothesis
import pytest
from moto import mock_aws

from local.simulator import Simulator
from shared import telemetry
from tests.deployment import Clock, Deployment
from tests.memory import Memory
from tests.memory.session import Session

_SESSION = boto3.Session(
    aws_access_key_id="test",
    aws_secret_access_key="test",
    region_name="us-east-1",
)
# A red run is the change's doing, not the dice's; `make chaos` throws them, a thousand times.
_CI = hypothesis.settings.get_profile("ci")
hypothesis.settings.register_profile("suite", _CI, max_examples=40)
hypothesis.settings.register_profile("dice", _CI, max_examples=1000, derandomize=False)
hypothesis.settings.load_profile("suite")

# Made once for all tests: moto answers whichever client asks, and forgets after each test.
_client = cache(_SESSION.client)


# A file is one worker's, so those that take longest begin first, and nobody waits for them in the
# end. One that computes stands after one that mostly waits for its processes.
_LONGEST = [
    Path(__file__).parent / name
    for name in (
        "local/test_rehearsal.py",
        "local/rehearsal/test_defects.py",
        "test_chaos.py",
        "local/test_whole.py",
        "ops/deploy/test_command.py",
        "local/test_kills.py",
        "browser/test_states.py",
        "local/test_deploy_check.py",
        "local/test_packaging.py",
        "docs/test_commands.py",
        "threats/test_garbled.py",
        "test_doors.py",
        "local/test_invoke.py",
        "local/test_first_minutes.py",
        "browser/test_simulator.py",
        "misfortunes/test_crashes.py",
        "threats/test_threats.py",
        "test_lives.py",
        "threats/test_hostile.py",
    )
]


def pytest_xdist_auto_num_workers() -> int:
    """More than there are cores: who waits for a process or a browser leaves his core idle."""
    return (os.process_cpu_count() or 1) + 2


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", action="store_true", help="take pictures of the connect page")
    parser.addoption("--at", help="when the tests' clock begins, in UTC: 2026-12-31T23:59:50")
    parser.addoption("--with", default="", help="of the pictures: settings as NAME=VALUE, spaced")


def pytest_configure(config: pytest.Config) -> None:
    if at := config.getoption("--at"):
        Clock.BEGINS = datetime.fromisoformat(at).replace(tzinfo=UTC)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    assert all(path.exists() for path in _LONGEST), _LONGEST
    places = {path: place for place, path in enumerate(_LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def pytest_collection_finish() -> None:
    """What is there by now stays: looking through it for garbage, over and over, costs 7 % of all.

    https://docs.python.org/3/library/gc.html#gc.freeze
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)


@pytest.fixture(autouse=True)
def told_anew() -> None:
    """The log's level is as deployed, and nothing is counted yet, whatever a test before has left.

    An empty log would have no secret in it, and the next handler tells what others have counted.
    """
    telemetry.logger.setLevel(logging.INFO)
    telemetry.metrics.clear_metrics()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Also of whoever waits: his time passes, and nobody else's."""
    clock = Clock()
    monkeypatch.setattr("shared.clock.now", clock)
    monkeypatch.setattr("shared.clock.sleep", lambda seconds: clock.advance(seconds=seconds))
    return clock


@pytest.fixture
def simulator(clock: Clock) -> Iterator[Simulator]:
    with Simulator(redirect_url="https://provider.example/connect") as simulator:
        simulator.platform.now = clock
        yield simulator


@pytest.fixture
def logged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[], str]:
    """Returns what the functions have logged and counted since it was last called."""
    log = io.StringIO()
    # The logger holds the stream that was stdout when it was made.
    [handler] = telemetry.logger.handlers
    monkeypatch.setattr(handler, "stream", log)

    def since() -> str:
        text = log.getvalue() + capsys.readouterr().out
        log.seek(0)
        log.truncate()
        return text

    return since


@pytest.fixture
def on_moto(
    simulator: Simulator, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Deployment]:
    """On botocore, and on what moto takes AWS to be."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    # Each session reads the services' models anew, which is most of the time that tests take.
    monkeypatch.setattr("boto3.Session", lambda: _SESSION)
    monkeypatch.setattr(_SESSION, "client", _client)
    monkeypatch.setattr("shared.aws.session.get_session", lambda: Session(_client))
    with mock_aws():
        yield Deployment(simulator, clock, monkeypatch)


@pytest.fixture
def memory(clock: Clock) -> Memory:
    return Memory(clock)


@pytest.fixture
def deployment(
    simulator: Simulator, clock: Clock, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> Deployment:
    """On AWS in memory, which is several times as fast; some tests take `on_moto` instead."""
    monkeypatch.setattr("boto3.Session", lambda: memory)
    monkeypatch.setattr("shared.aws.session.get_session", lambda: Session(memory.client))
    return Deployment(simulator, clock, monkeypatch)


@pytest.fixture
def connected(deployment: Deployment) -> Deployment:
    """With one location that has been active for a while."""
    deployment.connect(4564)
    deployment.reconcile()
    # An answer that denies what has just begun may be an old one (see lifecycle).
    deployment.clock.advance(minutes=2)
    return deployment
