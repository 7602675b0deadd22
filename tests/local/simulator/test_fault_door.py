"""Faults planted by hand: through the page's forms, which curl can press as well."""

import pytest

from local.simulator import Simulator
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
        ("order", {"route": "pay", "kind": "status"}, "unknown route"),
        ("order", {"route": "any", "kind": "fire"}, "unknown kind"),
        ("order", {"route": "any", "kind": "status", "times": "x"}, "invalid literal"),
        ("order", {"route": "any", "kind": "status", "when": "now"}, "Unknown: when"),
        ("set", {"clock": "soon"}, "could not convert"),
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
    assert why in answer.text.replace("&#x27;", "'")
    assert sim.faults() == []
    assert sim.clock_ahead.total_seconds() == 0
