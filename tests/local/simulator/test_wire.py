"""What the simulated platform takes: what is documented, and nothing else."""

import json
from datetime import UTC
from typing import Any

import pytest

from local.simulator import Simulator
from tests.local.simulator.app import (
    CALLBACK,
    JSON,
    NORD,
    PAYMENT,
    SALONS,
    STATUS,
    SUED,
    App,
    connect,
    payment,
)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in payment().items() if key != name}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (payment(salon_id="4564"), "salon_id: must be a positive JSON integer"),
        (payment(salon_id=True), "salon_id: must be"),
        (payment(salon_id=4564.0), "salon_id: must be"),
        (payment(application_id="101"), "application_id: must be"),
        (payment(payment_sum="990.99"), "payment_sum: must be a JSON number, not negative"),
        (payment(payment_sum=True), "payment_sum: must be"),
        (payment(payment_sum=-0.01), "payment_sum: must be"),
        (payment(payment_sum=None), "payment_sum: must be"),
        (payment(payment_sum=float("nan")), "NaN is no number"),
        (payment(payment_sum=float("inf")), "Infinity is no number"),
        (payment(payment_sum=1e300), "payment_sum: must be"),
        (payment(currency_iso="eur"), "currency_iso: must be three capitals"),
        (payment(currency_iso="EURO"), "currency_iso: must be three capitals"),
        (payment(payment_date="2026-11-01"), "payment_date: must be a real time"),
        (payment(payment_date="2026-11-01T10:10:00Z"), "payment_date: must be"),
        (payment(payment_date="2026-11-01 10:10:00\n"), "payment_date: must be"),
        (payment(payment_date="2026-02-29 10:10:00"), "payment_date: must be"),
        (payment(payment_date=1793527800), "payment_date: must be"),
        (payment(period_from="2099-01-01 00:00:00"), "period_to: not before period_from"),
        (payment(event_id="inv-1"), "event_id: unknown field"),
        (without("period_to"), "period_to: required"),
        ([payment()], "not a JSON object"),
    ],
)
def test_a_payment_not_as_documented_is_refused(
    sim: Simulator, app: App, body: Any, told: str
) -> None:
    connect(sim, app)
    answer = app.http.post(PAYMENT, content=json.dumps(body), headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["success"] is False
    [call] = sim.calls("payment")
    assert told in call.violation
    assert (call.status, call.recorded, sim.payments(NORD)) == (422, False, [])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", "The body is not JSON"),
        (b"\xff\xfe", "The body is not JSON"),
        (b"[" * 100_000, "The body is not JSON"),
        (b'{"salon_id":1,"salon_id":2}', "a field is given twice"),
        (b"", "salon_id: required"),
    ],
)
def test_garbage_is_refused(sim: Simulator, app: App, content: bytes, told: str) -> None:
    assert app.http.post(PAYMENT, content=content, headers=JSON).status_code == 422
    assert told in sim.journal[0].violation


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"callback_url": "https://app.example"}, "callback_url: unknown field"),
    ],
)
def test_a_callback_not_as_documented_is_refused(
    sim: Simulator, app: App, more: dict[str, Any], told: str
) -> None:
    sim.grant(NORD)
    assert app.callback(**more).status_code == 422
    assert told in sim.calls("callback", NORD)[0].violation
    assert sim.state(NORD) == "pending"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", STATUS, {"Authorization": ""}, 401),
        ("GET", STATUS, {"Authorization": "Bearer other"}, 401),
        ("GET", STATUS, {"Authorization": "Bearer local-partner-token, User u"}, 401),
        ("GET", STATUS, {"Authorization": "Bearer tökén".encode().decode("latin-1")}, 401),
        ("GET", STATUS, {"Accept": "application/json"}, 406),
        ("GET", STATUS, {"Accept": "application/vnd.yclients.v2+json"}, 406),
        ("POST", PAYMENT, {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ("PUT", PAYMENT, JSON, 405),
        ("POST", STATUS, {}, 405),
        ("GET", f"/marketplace/salon/{NORD}/application/102", {}, 403),
        ("GET", f"/marketplace/salon/{NORD}/application/101?a=1", {}, 422),
        ("GET", SALONS, {}, 422),
        ("GET", f"{SALONS}?page=1", {}, 422),
        ("GET", f"{SALONS}?page=0&count=10", {}, 422),
        ("GET", f"{SALONS}?page=1&count=1001", {}, 422),
        ("GET", "/marketplace/salon/x/application/101", {}, 404),
        ("GET", "/api/v1" + STATUS, {}, 404),
        ("GET", "/api/v1/voip/calls", {}, 404),
        ("POST", "/voip/integration", {}, 404),
        ("POST", CALLBACK + "/redirect", {}, 404),
    ],
)
def test_an_envelope_not_as_documented_is_refused(  # noqa: PLR0917 - a table's columns
    sim: Simulator, app: App, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = app.http.request(method, path, headers=raw)
    assert answer.status_code == status
    assert answer.json()["data"] is None
    [call] = sim.journal
    assert call.violation
    assert (call.status, call.recorded, call.path) == (status, False, path)


def test_another_application_is_no_business_of_ours(sim: Simulator, app: App) -> None:
    sim.grant(NORD)
    assert app.callback(application_id=102).status_code == 403
    assert sim.state(NORD) == "pending"


def test_refunds_and_uninstalls_take_no_fields(sim: Simulator, app: App) -> None:
    connect(sim, app)
    number = app.paid()
    path = f"/marketplace/partner/payment/refund/{number}"
    assert app.http.post(path, json={"sum": 5}).status_code == 422
    assert sim.payments(NORD)[0].is_refunded is False
    assert app.http.post(path, json={}).status_code == 200


def test_the_journal_holds_what_was_sent(sim: Simulator, app: App) -> None:
    connect(sim, app)
    body = payment()
    app.http.post(PAYMENT, json=body)
    callback, paid = sim.journal
    assert (callback.route, callback.status, callback.violation) == ("callback", 201, "")
    assert (paid.method, paid.path, paid.body) == ("POST", PAYMENT, body)
    assert paid.headers["authorization"] == "Bearer local-partner-token"
    assert paid.recorded
    assert paid.at.tzinfo is UTC
    assert sim.calls("payment", SUED) == []
