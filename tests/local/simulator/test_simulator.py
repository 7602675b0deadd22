"""The simulated platform, seen from outside: over HTTP, as the application sees it."""

import base64
import html
import itertools
import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest

from local.simulator import Simulator
from tests.local.simulator.app import (
    CALLBACK,
    NORD,
    PAYMENT,
    SUED,
    App,
    Inbox,
    connect,
    period,
    steps,
)

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
        (
            "grant",
            {"location": "4777"},
            "The app is already installed in 4777: disconnect first.\n",
        ),
        ("grant", {"location": "x"}, "A location is a number, not 'x'.\n"),
        ("grant", {"location": "1", "owner": "9"}, "There is no such owner."),
        ("grant", {"location": "1", "form": "<b>"}, "Unknown form '<b>'."),
        ("expire", {"location": "1"}, "Location 1 is not connected: no time of it can end."),
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
    # A browser gets the page, with the same on it.
    page = app.http.post(f"/owner/{button}", data=fields, headers={"accept": "text/html"})
    assert html.escape(told.strip()) in page.text


def test_the_page_escapes_what_the_application_sent(sim: Simulator, app: App) -> None:
    sim.redirect_url = "https://a.example/?<script>"
    app.http.get("/<script>alert(1)</script>")
    app.http.post(CALLBACK, json={"<script>": 1})
    page = app.http.get("/")
    assert page.status_code == 200
    assert re.findall("<script[^>]*>", page.text) == ['<script src="/page.js" defer>']
    assert "local-partner-token" not in page.text
