"""Faults planted by hand: through the page's forms, which curl can press as well."""

import re

import pytest

from local.simulator import Simulator
from local.simulator.faults import NOTHING_DONE, WORK_DONE
from tests.local.simulator.app import NORD, App, Inbox


def test_a_fault_that_is_ordered_hits_as_often_as_it_says(sim: Simulator, app: App) -> None:
    wish = {
        "route": "salons",
        "kind": "status",
        "status": "422",
        "message": "Closed.",
        "times": "2",
    }
    assert app.http.post("/faults/order", data=wish).headers["location"] == "/faults"
    [told] = app.http.get("/faults/json").json()["faults"]
    assert (told["route"], told["times"], told["message"]) == ("salons", 2, "Closed.")
    assert "422 Closed." in app.http.get("/faults").text
    asked = [app.salons().status_code for _ in range(3)]
    assert asked == [422, 422, 200]
    assert sim.faults() == []


@pytest.mark.parametrize(
    ("button", "fields", "said"),
    [
        (
            "order",
            {"route": "payment", "kind": "drop_answer"},
            "The answer to the next payment will be lost.",
        ),
        (
            "order",
            {"route": "any", "kind": "status", "status": "503", "times": "20"},
            "Altegio will answer 503 to each of the next 20 requests, and do nothing.",
        ),
        (
            "order",
            {"route": "salons", "kind": "delay", "seconds": "3", "location_id": "4564"},
            "Altegio will take 3 s more for the next salons request of location 4564.",
        ),
        ("clear", {}, "All faults of requests are forgotten."),
        ("mend", {}, "Nothing is broken any more."),
        ("set", {"webhooks": "late"}, "Altegio keeps its webhooks back."),
        (
            "set",
            {"clock": "7200", "calls": "refused"},
            "Altegio's clock is 2:00:00 ahead. Altegio refuses the list of calls.",
        ),
        ("set", {"clock": "-60"}, "Altegio's clock is 0:01:00 behind."),
        ("set", {"zone": "Asia/Dubai"}, "Altegio's times are of Asia/Dubai."),
        ("set", {"token": "secret"}, "Altegio has another partner token."),
        ("set", {}, "Nothing was set."),
    ],
)
def test_a_terminal_is_told_what_was_planted(
    app: App, button: str, fields: dict[str, str], said: str
) -> None:
    answer = app.http.post(f"/faults/{button}", data=fields)
    assert (answer.status_code, answer.text) == (303, f"{said}\n")
    assert answer.headers["content-type"].startswith("text/plain")


def test_every_kind_of_fault_is_told(app: App) -> None:
    said = [
        app.http.post("/faults/order", data={"route": "any", "kind": kind}).text
        for kind in sorted(NOTHING_DONE | WORK_DONE)
    ]
    assert len({*said}) == len(said)
    assert all("the next request" in each and each.endswith(".\n") for each in said)
    page = app.http.get("/faults").text
    for kind in NOTHING_DONE | WORK_DONE:
        assert re.search(f"<dt>{kind}</dt><dd>[^<]*the next payment[^<]*[.]</dd>", page)


def test_what_is_on_order_is_forgotten(sim: Simulator, app: App) -> None:
    app.http.post("/faults/order", data={"route": "any", "kind": "drop_request", "times": "9"})
    app.http.post("/faults/clear")
    assert app.salons().status_code == 200
    assert sim.faults() == []


def test_the_clock_the_zone_and_the_list_of_calls_are_set(sim: Simulator, app: App) -> None:
    before = sim.platform.now()
    wish = {"clock": "7200", "zone": "Asia/Dubai", "calls": "refused"}
    assert app.http.post("/faults/set", data=wish).status_code == 303
    assert (sim.platform.now() - before).total_seconds() >= 7200
    assert sim.platform.wire(sim.platform.now()) > sim.platform.now().strftime("%Y-%m-%d %H:%M:%S")
    assert not sim.may_list_calls
    told = app.http.get("/faults/json").json()
    assert (told["clock"], told["zone"], told["calls"]) == (7200.0, "Asia/Dubai", "refused")


def test_webhooks_are_lost_from_then_on(sim: Simulator, app: App, inbox: Inbox) -> None:
    sim.platform.grant([NORD], private=True)
    app.http.post("/faults/set", data={"webhooks": "never"})
    app.http.post("/owner/disconnect", data={"location": str(NORD)})
    sim.wait_webhooks()
    assert inbox.bodies == []
    assert sim.webhooks() == []


def test_the_token_is_another_and_nobody_is_told_which(sim: Simulator, app: App) -> None:
    app.http.post("/faults/set", data={"token": "another-token"})
    assert sim.partner_token == "another-token"
    assert "another-token" not in app.http.get("/faults/json").text + app.http.get("/faults").text


@pytest.mark.parametrize(
    ("button", "fields", "why"),
    [
        ("order", {"route": "payment"}, "A fault has a route and a kind."),
        ("order", {"route": "pay", "kind": "status"}, "Unknown route"),
        ("order", {"route": "any", "kind": "fire"}, "Unknown kind"),
        ("order", {"route": "any", "kind": "status", "times": "x"}, "Times is a number, not 'x'."),
        ("order", {"route": "any", "kind": "status", "when": "now"}, "Unknown: when"),
        ("set", {"clock": "soon"}, "Clock is a number of seconds, not 'soon'."),
        ("set", {"clock": "1e300"}, "by a year at most"),
        ("set", {"zone": "Europe/Atlantis"}, "There is no zone"),
        ("set", {"zone": "../etc"}, "There is no zone"),
        ("set", {"calls": "maybe"}, "shown or refused"),
        ("set", {"webhooks": "soon"}, "Webhooks are sent"),
        ("fire", {}, "There is no such button."),
    ],
)
def test_what_cannot_be_planted_is_refused(
    sim: Simulator, app: App, button: str, fields: dict[str, str], why: str
) -> None:
    answer = app.http.post(f"/faults/{button}", data=fields)
    assert answer.status_code == 400
    assert why in answer.text
    assert answer.text.count("\n") == 1
    assert sim.faults() == []
    assert sim.clock_ahead.total_seconds() == 0
