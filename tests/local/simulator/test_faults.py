"""The simulated platform when it fails, as it is told to."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from local.simulator import Simulator
from tests.local.simulator.app import NORD, PAYMENT, STATUS, SUED, App, connect, payment


@pytest.mark.parametrize(
    ("kind", "error", "recorded"),
    [
        ("drop_answer", httpx.RemoteProtocolError, 1),
        ("drop_request", httpx.RemoteProtocolError, 0),
        ("cut_answer", httpx.RemoteProtocolError, 1),
    ],
)
def test_faults_that_break_the_connection(
    sim: Simulator, app: App, kind: str, error: type[Exception], recorded: int
) -> None:
    connect(sim, app)
    fault = sim.fault("payment", kind)
    with pytest.raises(error):
        app.pay()
    assert len(sim.payments(NORD)) == recorded
    [call] = sim.calls("payment")
    assert (call.fault, call.recorded) == (kind, bool(recorded))
    assert call.status == (200 if kind == "cut_answer" else None)
    assert fault.times == 0
    assert app.pay().status_code == 200


@pytest.mark.parametrize(
    ("kind", "status", "content_type", "recorded"),
    [
        ("status", 503, "application/json", 0),
        ("success_false", 200, "application/json", 0),
        ("html", 200, "text/html", 0),
        ("html_done", 200, "text/html", 1),
        ("empty", 200, "application/json", 1),
        ("delay", 200, "application/json", 1),
        ("late_answer", 200, "application/json", 1),
        ("trickle", 200, "application/json", 1),
    ],
)
def test_faults_that_answer(  # noqa: PLR0917 - a table's columns
    sim: Simulator, app: App, kind: str, status: int, content_type: str, recorded: int
) -> None:
    connect(sim, app)
    sim.fault("payment", kind, status=503, seconds=0.001)
    answer = app.pay()
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith(content_type)
    assert len(sim.payments(NORD)) == recorded
    [call] = sim.calls("payment")
    assert (call.status, call.recorded, call.violation) == (status, bool(recorded), "")
    if kind in {"delay", "late_answer", "trickle"}:
        assert answer.json()["data"]["id"] == sim.payments(NORD)[0].id
    if kind in {"status", "success_false"}:
        assert answer.json()["success"] is False
    if kind == "empty":
        assert answer.content == b""


@pytest.mark.parametrize(("kind", "at_once"), [("delay", 0), ("late_answer", 1)])
def test_a_client_that_gives_up_is_still_charged(
    sim: Simulator, app: App, kind: str, at_once: int
) -> None:
    connect(sim, app)
    sim.fault("payment", kind, seconds=3)
    with pytest.raises(httpx.ReadTimeout):
        app.http.post(PAYMENT, json=payment(), timeout=0.75)
    assert len(sim.payments(NORD)) == at_once
    deadline = time.monotonic() + 120
    while not sim.calls("payment")[0].recorded and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(sim.payments(NORD)) == 1


def test_a_trickle_outlives_every_pause_but_no_deadline(sim: Simulator, app: App) -> None:
    connect(sim, app)
    sim.fault("payment", "trickle", seconds=0.05)
    started = time.monotonic()
    assert app.http.post(PAYMENT, json=payment(), timeout=1).status_code == 200
    assert time.monotonic() - started > 1


def test_a_callback_can_be_cut_and_emptied(sim: Simulator, app: App) -> None:
    sim.grant(1, 2, 3)
    sim.fault("callback", "cut_answer", times=2)
    for location_id in (1, 2):
        with pytest.raises(httpx.RemoteProtocolError):
            app.callback(location_id)
    sim.fault("callback", "empty")
    answer = app.callback(3)
    assert (answer.status_code, answer.content) == (201, b"")
    assert {sim.state(each) for each in (1, 2, 3)} == {"active"}


def test_too_many_requests_says_when_to_come_back(sim: Simulator, app: App) -> None:
    sim.fault("any", "status", status=429, message="Slow down.", retry_after=7, times=2)
    first, second, third = app.status(), app.salons(), app.salons()
    assert (first.status_code, first.headers["retry-after"]) == (429, "7")
    assert first.json()["meta"]["message"] == "Slow down."
    assert (second.status_code, third.status_code) == (429, 200)


def test_faults_wait_for_their_location_in_their_order(sim: Simulator, app: App) -> None:
    connect(sim, app)
    connect(sim, app, SUED)
    sim.fault("payment", "status", status=500, location_id=SUED)
    sim.fault("payment", "status", status=502)
    sim.fault("refund", "status", status=504, location_id=SUED)
    assert app.pay(NORD).status_code == 502
    assert app.pay(SUED).status_code == 500
    numbers = app.paid(NORD), app.paid(SUED)
    assert [app.refund(each).status_code for each in numbers] == [200, 504]
    sim.fault("any", "status")
    sim.clear_faults()
    assert app.salons().status_code == 200


def test_a_fault_must_make_sense(sim: Simulator) -> None:
    with pytest.raises(ValueError, match="unknown route"):
        sim.fault("payments", "html")
    with pytest.raises(ValueError, match="unknown kind"):
        sim.fault("payment", "explode")


def test_stopping_ends_waits_and_idle_connections() -> None:
    with Simulator() as sim, App(sim.url).http as http:
        assert http.get("/").status_code == 200
        sim.fault("any", "delay", seconds=3600)  # longer than a test may take
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(http.get, STATUS)
            while not sim.journal:
                time.sleep(0.01)
            sim.stop()
            assert waiting.exception() or waiting.result().status_code == 404
        with pytest.raises(httpx.TransportError):
            http.get("/")
