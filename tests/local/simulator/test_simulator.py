"""The simulated platform, seen from outside: over HTTP, as the application sees it."""

import base64
import hashlib
import hmac
import itertools
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest

from local.simulator import Owner, Simulator
from local.simulator.webhooks import payment_sign

ACCEPT = "application/vnd.api.v2+json"
NORD, SUED = 4564, 4232
# Nothing here speaks TLS, and reading the certificates anew for every client takes a while.
TLS = ssl.create_default_context()


def wire(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def period(days_from: int = -1, days_to: int = 29) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "payment_date": wire(now),
        "period_from": wire(now + timedelta(days=days_from)),
        "period_to": wire(now + timedelta(days=days_to)),
    }


def payment(location_id: int = NORD, **changed: Any) -> dict[str, Any]:
    return {
        "salon_id": location_id,
        "application_id": 101,
        "payment_sum": 990.99,
        "currency_iso": "EUR",
        **period(),
        **changed,
    }


class App:
    """The application's client: the right headers, short patience."""

    def __init__(self, url: str) -> None:
        headers = {"Authorization": "Bearer local-partner-token", "Accept": ACCEPT}
        self.http = httpx.Client(
            base_url=url, headers=headers, timeout=5, trust_env=False, verify=TLS
        )

    def status(self, location_id: int = NORD) -> httpx.Response:
        return self.http.get(f"/marketplace/salon/{location_id}/application/101")

    def callback(self, location_id: int = NORD, **more: Any) -> httpx.Response:
        body = {"salon_id": location_id, "application_id": 101, **more}
        return self.http.post("/marketplace/partner/callback", json=body)

    def pay(self, location_id: int = NORD, **changed: Any) -> httpx.Response:
        body = payment(location_id, **changed)
        return self.http.post("/marketplace/partner/payment", json=body)

    def paid(self, location_id: int = NORD, **changed: Any) -> int:
        answer = self.pay(location_id, **changed)
        assert answer.status_code == 200, answer.text
        number = answer.json()["data"]["id"]
        assert isinstance(number, int)
        return number

    def refund(self, payment_id: int) -> httpx.Response:
        return self.http.post(f"/marketplace/partner/payment/refund/{payment_id}")

    def uninstall(self, location_id: int = NORD) -> httpx.Response:
        return self.http.post(f"/marketplace/salon/{location_id}/application/101/uninstall")

    def salons(self, page: int = 1, count: int = 1000) -> httpx.Response:
        query = {"page": page, "count": count}
        return self.http.get("/marketplace/application/101/salons", params=query)


@dataclass
class Inbox:
    """What the application's webhook address received."""

    url: str
    bodies: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200


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


def connect(sim: Simulator, app: App, location_id: int = NORD) -> None:
    sim.grant(location_id)
    assert app.callback(location_id).status_code == 201


def steps(sim: Simulator, location_id: int = NORD) -> list[tuple[str, str, str]]:
    return [(e.status_from, e.status_to, e.source) for e in sim.log(location_id)]


# The state machine


def test_a_granted_location_is_pending_until_the_callback(sim: Simulator, app: App) -> None:
    assert app.status().status_code == 404
    assert sim.state(NORD) == "uninstalled"
    sim.grant(NORD)
    assert app.status().json()["data"]["connection_status"]["status"] == "pending"
    assert app.callback().status_code == 201
    data = app.status().json()["data"]
    assert data["connection_status"]["status"] == sim.state(NORD) == "active"
    datetime.strptime(data["connection_status"]["created_at"], "%Y-%m-%d %H:%M:%S").astimezone()
    assert data["payments"] == []
    assert [(e["status_from"], e["status_to"], e["source"]) for e in data["logs"]] == [
        ("uninstalled", "pending", "marketplace"),
        ("pending", "active", "partner_api"),
    ]


def test_a_second_callback_is_refused_and_changes_nothing(sim: Simulator, app: App) -> None:
    connect(sim, app)
    again = app.callback()
    assert again.status_code == 403
    message = "The user has already installed this application."
    assert again.json()["meta"]["message"] == message
    assert again.json()["success"] is False
    assert [c.recorded for c in sim.calls("callback")] == [True, False]
    sim.expire(NORD)
    assert app.callback().status_code == 403
    assert sim.state(NORD) == "freezed"


def test_a_callback_without_a_grant_or_after_its_time_is_refused(sim: Simulator, app: App) -> None:
    assert app.callback().status_code == 422
    sim.grant(NORD)
    sim.platform.pending_ttl_s = 0
    assert app.callback().status_code == 422
    assert sim.state(NORD) == "pending"
    sim.platform.pending_ttl_s = 3600
    sim.grant(NORD)
    assert app.callback().status_code == 201
    assert steps(sim)[1] == ("pending", "pending", "marketplace")


def test_a_payment_is_listed_as_sent_and_thaws(sim: Simulator, app: App) -> None:
    connect(sim, app)
    sim.expire(NORD)
    terms = {"payment_sum": 49, "currency_iso": "EUR", **period()}
    number = app.paid(NORD, **terms)
    assert sim.state(NORD) == "active"
    assert steps(sim)[-2:] == [
        ("active", "freezed", "marketplace"),
        ("freezed", "active", "partner_api"),
    ]
    [listed] = app.status().json()["data"]["payments"]
    assert listed == {"id": number, "is_refunded": False, **terms}
    [record] = sim.payments(NORD)
    assert (record.id, record.payment_sum, record.refunded_at) == (number, Decimal(49), None)


def test_payments_are_not_idempotent_and_their_ids_grow(sim: Simulator, app: App) -> None:
    connect(sim, app)
    numbers = [app.paid(payment_sum=0.1) for _ in range(20)]
    assert numbers == sorted(set(numbers))
    assert len({b - a for a, b in itertools.pairwise(numbers)}) > 1
    assert [p.id for p in sim.payments(NORD)] == numbers
    assert sim.payments(NORD)[0].payment_sum == Decimal("0.1")


def test_only_an_installed_location_is_paid_for(sim: Simulator, app: App) -> None:
    assert app.pay().status_code == 422
    sim.grant(NORD)
    assert app.pay().status_code == 422
    assert sim.payments(NORD) == []
    assert [c.violation for c in sim.calls("payment")] == ["", ""]


def test_refund_of_the_running_period_freezes(sim: Simulator, app: App, inbox: Inbox) -> None:
    connect(sim, app)
    number = app.paid()
    assert app.refund(number).status_code == 200
    assert sim.state(NORD) == "freezed"
    [listed] = app.status().json()["data"]["payments"]
    assert listed["is_refunded"] is True
    assert listed["refunded_at"] == sim.payments(NORD)[0].refunded_at
    assert app.refund(number).status_code == 422
    assert app.refund(number + 1000).status_code == 404
    sim.wait_webhooks()
    assert [body["event"] for body in inbox.bodies] == ["freeze"]
    assert [c.location_id for c in sim.calls("refund")] == [NORD, NORD, None]
    assert [c.recorded for c in sim.calls("refund")] == [True, False, False]


def test_other_refunds_leave_the_link_alone(sim: Simulator, app: App, inbox: Inbox) -> None:
    connect(sim, app)
    past, first, second = app.paid(**period(-60, -30)), app.paid(), app.paid()
    for number in (past, first):
        assert app.refund(number).status_code == 200
        assert sim.state(NORD) == "active"
    sim.platform.paid = False
    assert app.refund(second).status_code == 200
    assert sim.state(NORD) == "active"
    with pytest.raises(ValueError, match="free"):
        sim.expire(NORD)
    sim.wait_webhooks()
    assert inbox.bodies == []


def test_disconnect_and_reconnect_keep_what_was_paid(sim: Simulator, app: App) -> None:
    connect(sim, app)
    number = app.paid()
    sim.disconnect(NORD)
    assert app.status().status_code == 404
    assert app.status().json() == {"success": False, "data": None, "meta": {}}
    assert app.callback().status_code == 422
    assert app.refund(number).status_code == 200
    connect(sim, app)
    assert [p["id"] for p in app.status().json()["data"]["payments"]] == [number]
    assert [to for _, to, _ in steps(sim)] == [
        *("pending", "active", "uninstalled"),
        *("pending", "active"),
    ]


def test_the_partner_can_uninstall_and_hears_of_it(sim: Simulator, app: App, inbox: Inbox) -> None:
    assert app.uninstall().status_code == 404
    connect(sim, app)
    assert app.uninstall().json() == {"success": True, "data": None, "meta": {}}
    assert app.uninstall().status_code == 404
    assert steps(sim)[-1] == ("active", "uninstalled", "partner_api")
    sim.wait_webhooks()
    assert [body["event"] for body in inbox.bodies] == ["uninstall"]


def test_grants_are_for_all_locations_or_none(sim: Simulator, app: App) -> None:
    connect(sim, app)
    with pytest.raises(ValueError, match="already installed"):
        sim.grant(SUED, NORD)
    assert sim.state(SUED) == "uninstalled"
    sim.grant(SUED, 4777, private=True)
    assert (sim.state(SUED), sim.state(4777)) == ("active", "active")
    assert steps(sim, SUED) == [("uninstalled", "active", "marketplace")]


def test_salons_come_in_pages(sim: Simulator, app: App) -> None:
    sim.grant(*range(1, 6), private=True)
    sim.grant(6)
    sim.expire(2)
    pages = [[each["id"] for each in app.salons(page, 2).json()["data"]] for page in (1, 2, 3, 4)]
    assert pages == [[1, 2], [3, 4], [5], []]


def test_answers_take_every_documented_form(sim: Simulator, app: App) -> None:
    sim.grant(1, 2)
    bodies = {app.callback(each).content for each in (1, 2)}
    assert bodies == {b"", b'{"success":true,"data":null,"meta":[]}'}
    metas = [app.status(1).json()["meta"] for _ in range(2)]
    assert [] in metas
    assert {} in metas


def test_times_are_in_the_zone_asked_for() -> None:
    with Simulator(zone="Asia/Almaty") as sim:
        sim.grant(NORD)
        written = datetime.fromisoformat(sim.log(NORD)[0].changed_at + "+05:00")
    assert abs(written - datetime.now(UTC)) < timedelta(seconds=5)


def test_many_at_once_lose_nothing(sim: Simulator, app: App) -> None:
    connect(sim, app)
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: app.paid(), range(64)))
    assert sorted(numbers) == [p.id for p in sim.payments(NORD)]
    assert len(sim.calls("payment", NORD)) == 64


def test_half_a_request_is_no_request(sim: Simulator) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(sim.url).port or 0), 5) as connection:
        connection.sendall(f"POST {PAYMENT} HTTP/1.1\r\nContent-Length: 9\r\n\r\n{{}}".encode())
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert sim.journal == []


# The strict wire

PAYMENT = "/marketplace/partner/payment"
CALLBACK = "/marketplace/partner/callback"
STATUS = f"/marketplace/salon/{NORD}/application/101"
SALONS = "/marketplace/application/101/salons"
JSON = {"Content-Type": "application/json"}


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


# Faults


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
    sim.fault("payment", kind, seconds=1.5)
    with pytest.raises(httpx.ReadTimeout):
        app.http.post(PAYMENT, json=payment(), timeout=0.75)
    assert len(sim.payments(NORD)) == at_once
    deadline = time.monotonic() + 5
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


# The redirect

BEFORE = "https://app.example/connect?from=altegio&salon_group_id=2001&crm_token={}&"


@pytest.mark.parametrize(
    ("locations", "form", "spelled"),
    [
        ((4564,), "auto", "salon_id=4564"),
        ((4564, 4232), "auto", "salon_ids[]=4564&salon_ids[]=4232"),
        ((4564,), "salon_id", "salon_id=4564"),
        ((4564,), "salon_ids[]", "salon_ids[]=4564"),
        ((4564, 4232), "salon_ids[] encoded", "salon_ids%5B%5D=4564&salon_ids%5B%5D=4232"),
        ((4564, 4232), "comma", "salon_ids=4564,4232"),
        ((4564, 4232), "indexed", "salon_ids[0]=4564&salon_ids[1]=4232"),
    ],
)
def test_the_redirect_spells_its_locations(
    sim: Simulator, locations: tuple[int, ...], form: str, spelled: str
) -> None:
    address = sim.grant(*locations, form=form)
    assert address.startswith(BEFORE.format(sim.crm_token) + spelled + "&user_data=")
    assert sim.redirect(*locations, form=form) == address
    assert {sim.state(each) for each in locations} == {"pending"}
    query = dict(parse_qsl(urlsplit(address).query))
    text = base64.urlsafe_b64decode(query["user_data"])
    sign = hmac.new(b"local-partner-token", text, hashlib.sha256).hexdigest()
    assert query["user_data_sign"] == sign
    fields = ["id", "name", "phone", "email", "is_approved", "avatar", "salon_name"]
    assert list(json.loads(text)) == fields


def test_the_default_owner_needs_the_url_safe_alphabet(sim: Simulator) -> None:
    [data] = parse_qs(urlsplit(sim.redirect(NORD)).query)["user_data"]
    assert {"-", "_", "="} <= set(data)
    assert b"\\" not in base64.urlsafe_b64decode(data)


def test_a_redirect_needs_locations_and_a_known_form(sim: Simulator) -> None:
    for locations, form in [((), "auto"), ((1, 2), "salon_id"), ((1,), "json")]:
        with pytest.raises(ValueError, match=r"location|form"):
            sim.grant(*locations, form=form)
    assert sim.state(1) == "uninstalled"


def test_user_data_is_signed_as_documented() -> None:
    owner = Owner(7, "Zoë ÿÿ", "15551230000", "z@example.com", True, "", "Тест?>~")
    with Simulator(partner_token="owned-partner-token", redirect_url="https://a.example/") as sim:
        query = dict(parse_qsl(urlsplit(sim.redirect(NORD, owner=owner)).query))
    assert query["user_data"] == (
        "eyJpZCI6NywibmFtZSI6Ilpvw6sgw7_DvyIsInBob25lIjoiMTU1NTEyMzAwMDAiLCJlbWFpbCI6InpAZXhhbX"
        "BsZS5jb20iLCJpc19hcHByb3ZlZCI6dHJ1ZSwiYXZhdGFyIjoiIiwic2Fsb25fbmFtZSI6ItCi0LXRgdGCPz5-"
        "In0="
    )
    assert query["user_data_sign"] == (
        "96edc690fbfd0ee427555979a05829459c146c0befac4abf27ea3d4a6f33bc46"
    )


# Webhooks


def test_a_webhook_says_four_things(sim: Simulator, inbox: Inbox) -> None:
    sim.grant(NORD, private=True)
    sim.expire(NORD)
    sim.wait_webhooks()
    assert inbox.bodies == [
        {
            "salon_id": NORD,
            "application_id": 101,
            "event": "freeze",
            "partner_token": "local-partner-token",
        }
    ]
    [delivery] = sim.webhooks()
    assert (delivery.event, delivery.location_id) == ("freeze", NORD)
    assert (delivery.status, delivery.error) == (200, "")
    assert delivery.body == inbox.bodies[0]
    assert delivery.elapsed > 0


@pytest.mark.parametrize(
    ("mode", "before", "after"), [("now", 1, 1), ("twice", 2, 2), ("late", 0, 1), ("never", 0, 0)]
)
def test_webhooks_come_once_twice_late_or_never(
    sim: Simulator, inbox: Inbox, mode: str, before: int, after: int
) -> None:
    sim.grant(NORD)
    sim.disconnect(NORD, webhook=mode)
    assert sim.state(NORD) == "uninstalled"
    sim.wait_webhooks()
    assert len(inbox.bodies) == before
    sim.release_webhooks()
    sim.wait_webhooks()
    assert len(inbox.bodies) == after
    sim.disconnect(NORD)
    sim.wait_webhooks()
    assert len(inbox.bodies) == len(sim.webhooks()) == after


def test_a_webhook_is_never_tried_again(sim: Simulator, inbox: Inbox) -> None:
    inbox.status = 500
    sim.grant(NORD, SUED, 1, 2, private=True)
    sim.disconnect(NORD)
    sim.wait_webhooks()
    for location_id, address in [(SUED, "http://127.0.0.1:1/"), (1, ""), (2, "http://[/")]:
        sim.callback_url = address
        sim.disconnect(location_id)
        sim.wait_webhooks()
    first, refused, homeless, wrong = sim.webhooks()
    assert (first.status, first.error) == (500, "")
    assert (refused.status, refused.error.split(":")[0]) == (None, "ConnectionRefusedError")
    assert (homeless.status, homeless.error) == (None, "the application has no callback_url")
    assert (wrong.status, wrong.error.split(":")[0]) == (None, "ValueError")
    assert len(inbox.bodies) == 1


def test_an_unknown_mode_changes_nothing(sim: Simulator) -> None:
    sim.grant(NORD, private=True)
    for act in (sim.disconnect, sim.expire, partial(sim.pay_hosted, amount=Decimal(1))):
        with pytest.raises(ValueError, match="webhook mode"):
            act(NORD, webhook="soon")
    assert sim.state(NORD) == "active"
    assert sim.payments(NORD) == []


# The payment on the platform's own page


def test_a_hosted_payment_is_listed_thaws_and_is_told(
    sim: Simulator, app: App, inbox: Inbox
) -> None:
    sim.platform.now = lambda: datetime(2026, 11, 1, 10, 10, tzinfo=UTC)
    connect(sim, app)
    sim.expire(NORD, webhook="never")
    paid = sim.pay_hosted(NORD, Decimal("990.99"), "USD", discount=Decimal("15.5"), days=1)
    sim.wait_webhooks()
    assert sim.state(NORD) == "active"
    assert steps(sim)[-1] == ("freezed", "active", "marketplace")
    [listed] = app.status().json()["data"]["payments"]
    assert (listed["id"], listed["payment_sum"], listed["currency_iso"]) == (paid, 990.99, "USD")
    assert inbox.bodies == [
        {
            "salon_id": NORD,
            "application_id": 101,
            "event": "payment",
            "partner_token": "local-partner-token",
            "payment_id": paid,
            "amount": 990.99,
            "currency_iso": "USD",
            "discount": 15.5,
            "period_from": "2026-11-01 10:10:00",
            "period_to": "2026-11-02 10:09:59",
            "payment_date": "2026-11-01 10:10:00",
            "tariff_option_id": None,
            "sign": _signed(f"salon_id={NORD}&amount=990.99&discount=15.5"),
        }
    ]
    assert [delivery.event for delivery in sim.webhooks()] == ["payment"]
    assert sim.calls("payment") == []


@pytest.mark.parametrize(
    ("amount", "discount", "signed"),
    [
        ("100.00", None, "amount=100"),
        ("990.90", "0.00", "amount=990.9&discount=0"),
        ("29.90", "5", "amount=29.9&discount=5"),
    ],
)
def test_a_hosted_payment_is_signed_as_documented(
    sim: Simulator, amount: str, discount: str | None, signed: str
) -> None:
    sim.grant(NORD, private=True)
    reduced = Decimal(discount) if discount else None
    paid = sim.pay_hosted(NORD, Decimal(amount), discount=reduced, webhook="never")
    event = sim.payment_event(NORD, paid, reduced)
    assert event["sign"] == _signed(f"salon_id={NORD}&{signed}")
    sim.partner_token = "rotated"
    renewed = sim.payment_event(NORD, paid, reduced)
    assert renewed["partner_token"] == "rotated"
    assert renewed["sign"] == _signed(f"salon_id={NORD}&{signed}", b"rotated")


def test_the_sign_is_the_public_one() -> None:
    assert payment_sign(55, 100, 5, "owned-partner-token") == (
        "35d3e8d3afb94abaadc84b2261f992a01a7e7b84504ea2df4985afa8e85c6a1a"
    )


def _signed(message: str, token: bytes = b"local-partner-token") -> str:
    return hmac.new(token, message.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("mode", "before", "after"), [("now", 1, 1), ("twice", 2, 2), ("late", 0, 1), ("never", 0, 0)]
)
def test_a_hosted_payment_is_told_once_twice_late_or_never(
    sim: Simulator, inbox: Inbox, mode: str, before: int, after: int
) -> None:
    sim.grant(NORD, private=True)
    paid = sim.pay_hosted(NORD, Decimal(1), webhook=mode)
    for count in (before, after):
        sim.wait_webhooks()
        assert [body["payment_id"] for body in inbox.bodies] == [paid] * count
        sim.release_webhooks()
    assert [payment.id for payment in sim.payments(NORD)] == [paid]


def test_only_who_has_the_application_pays_for_it(sim: Simulator, inbox: Inbox) -> None:
    sim.grant(NORD)
    for location_id in (NORD, SUED):
        with pytest.raises(ValueError, match="not installed"):
            sim.pay_hosted(location_id, Decimal(1))
        assert sim.payments(location_id) == []
    sim.wait_webhooks()
    assert inbox.bodies == []


# The owner's page


def test_the_owner_can_press_every_button(sim: Simulator, app: App, inbox: Inbox) -> None:
    http = app.http
    chosen = {"location": [str(NORD), str(SUED)], "owner": "1", "form": "comma"}
    granted = http.post("/owner/grant", data=chosen)
    assert granted.status_code == 303
    query = dict(parse_qsl(urlsplit(granted.headers["location"]).query))
    assert query["salon_ids"] == f"{NORD},{SUED}"
    owner = json.loads(base64.urlsafe_b64decode(query["user_data"]))
    assert (owner["id"], owner["salon_name"]) == (7002, "Studio Nord")
    app.callback(NORD)
    app.paid(NORD)
    settings = http.post("/owner/settings", data={"only": str(NORD), "location": str(SUED)})
    assert f"salon_id={NORD}&" in settings.headers["location"]
    assert http.post("/owner/expire", data={"location": str(NORD)}).headers["location"] == "/"
    assert sim.state(NORD) == "freezed"
    sim.wait_webhooks()  # each has a thread, and two may overtake one another
    assert http.post("/owner/pay", data={"location": str(NORD)}).headers["location"] == "/"
    assert sim.state(NORD) == "active"
    sim.wait_webhooks()
    http.post("/owner/disconnect", data={"location": str(NORD), "webhook": "late"})
    assert sim.state(NORD) == "uninstalled"
    http.post("/owner/release")
    sim.wait_webhooks()
    assert [body["event"] for body in inbox.bodies] == ["freeze", "payment", "uninstall"]
    page = http.get("/").text
    assert "990.99 EUR" in page
    assert "29.90 EUR" in page
    assert "active → uninstalled" in page
    assert len(sim.journal) == 2


@pytest.mark.parametrize(
    ("button", "fields", "told"),
    [
        ("grant", {}, "Choose a location first."),
        ("grant", {"location": "4777"}, "the application is already installed in [4777]"),
        ("grant", {"location": "x"}, "invalid literal"),
        ("grant", {"location": "1", "owner": "9"}, "There is no such owner."),
        ("grant", {"location": "1", "form": "<b>"}, "unknown form &#x27;&lt;b&gt;&#x27;"),
        ("expire", {"location": "1"}, "location 1 is uninstalled, not active"),
        ("pay", {"location": "1"}, "The application is not installed in the location."),
        ("explode", {"location": "1"}, "There is no such button."),
    ],
)
def test_the_page_says_why_not(
    sim: Simulator, app: App, button: str, fields: dict[str, str], told: str
) -> None:
    sim.grant(4777, private=True)
    answer = app.http.post(f"/owner/{button}", data=fields)
    assert answer.status_code == 400
    assert told in answer.text


def test_the_page_escapes_what_the_application_sent(sim: Simulator, app: App) -> None:
    sim.redirect_url = "https://a.example/?<script>"
    app.http.get("/<script>alert(1)</script>")
    app.http.post(CALLBACK, json={"<script>": 1})
    page = app.http.get("/")
    assert page.status_code == 200
    assert "<script" not in page.text
    assert "local-partner-token" not in page.text
