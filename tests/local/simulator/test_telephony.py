"""The simulated platform's telephony, seen from outside: strict, and with a record of its own."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from local.simulator import Simulator
from tests.local.simulator.app import TLS

PARTNER = "Bearer local-partner-token"
CALLER, LINE = "+13155550175", "+13155550176"
NORD, SUED = 4564, 4232


class App:
    """The application, with its chain's token."""

    def __init__(self, sim: Simulator) -> None:
        self.crm_token = sim.crm_token
        self._headers = {"Authorization": PARTNER, "Accept": "application/vnd.api.v2+json"}
        self._as_user = f"{PARTNER}, User {sim.user_token}"
        self.http = httpx.Client(
            base_url=sim.url, headers=self._headers, timeout=60, trust_env=False, verify=TLS
        )

    def tell(self, **body: Any) -> httpx.Response:
        told = {"crm_token": self.crm_token, **body}
        return self.http.post("/api/v1/voip/integration", json=told)

    def setup(self, kind: str = "enable", **changes: Any) -> httpx.Response:
        return self.tell(command="setup", type=kind, **changes)

    def ring(self, **changes: Any) -> httpx.Response:
        call = {"type": "incoming", "phone": CALLER, "diversion": LINE, **changes}
        return self.tell(command="event", **call)

    def save(self, **changes: Any) -> httpx.Response:
        call: dict[str, Any] = {
            "type": "incoming",
            "phone": CALLER,
            "diversion": LINE,
            "duration": 90,
            "call_id": "c-1",
            "status": "success",
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            **changes,
        }
        return self.tell(command="history", **call)

    def calls(self, location_id: int = NORD, *, user: bool = True, **more: Any) -> httpx.Response:
        today = datetime.now(UTC).date()
        asked = {
            "salon_id": location_id,
            "date_from": (today - timedelta(days=1)).isoformat(),
            "date_to": (today + timedelta(days=1)).isoformat(),
            **more,
        }
        headers = {"Authorization": self._as_user} if user else {}
        path = "/api/v1/voip/integration/calls"
        return self.http.request("GET", path, json=asked, headers=headers)

    def listed(self, location_id: int = NORD) -> list[dict[str, Any]]:
        answer = self.calls(location_id)
        assert answer.status_code == 200, answer.text
        rows = answer.json()["data"]
        assert isinstance(rows, list)
        return rows


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(redirect_url="https://app.example/connect") as simulator:
        for location_id in (NORD, SUED):
            simulator.grant(location_id)
            simulator.platform.activate(location_id)
        yield simulator


@pytest.fixture
def app(sim: Simulator) -> Iterator[App]:
    client = App(sim)
    yield client
    client.http.close()


def test_the_callback_alone_does_not_switch_telephony_on(sim: Simulator, app: App) -> None:
    assert not sim.telephony()
    assert app.ring().status_code == 202
    assert app.save().status_code == 202
    # Accepted, and nothing came of it: 202 proves nothing.
    assert (sim.pop_ups(), sim.saved_calls()) == ([], [])


def test_enable_and_disable_may_be_repeated(sim: Simulator, app: App) -> None:
    for kind, is_on in (("enable", True), ("enable", True), ("disable", False), ("disable", False)):
        assert app.setup(kind).status_code == 202
        assert sim.telephony() is is_on


def test_a_pop_up_is_shown_for_incoming_calls_only(sim: Simulator, app: App) -> None:
    app.setup()
    assert app.ring(user="101").status_code == 202
    assert app.ring(type="outgoing").status_code == 202
    [shown] = sim.pop_ups()
    assert (shown.phone, shown.line, shown.user) == (CALLER, LINE, "101")


def test_a_saved_call_is_listed_without_its_call_id(sim: Simulator, app: App) -> None:
    app.setup()
    told = {"call_id": "ours", "link": "https://records.example/c-1.mp3", "user": "101"}
    assert app.save(**told).status_code == 202
    [saved] = sim.saved_calls()
    [row] = app.listed()
    assert row["id"] == saved.id
    assert (row["caller_phone"], row["status"], row["duration"]) == (CALLER, "success", 90)
    assert datetime.fromisoformat(row["call_date"]) == saved.date
    assert "ours" not in str(row)


def test_a_call_saved_twice_is_there_twice(sim: Simulator, app: App) -> None:
    app.setup()
    app.save()
    app.save()
    assert len(sim.saved_calls()) == len(app.listed()) == 2


def test_routing_says_whose_list_shows_a_call(sim: Simulator, app: App) -> None:
    app.setup()
    app.save(call_id="before")
    assert (len(app.listed(NORD)), len(app.listed(SUED))) == (1, 1)
    sim.route(NORD, line=LINE)
    sim.route(SUED, user="102")
    app.save(call_id="line")
    app.save(call_id="user", user="102")
    app.save(call_id="nobody's", diversion="+13155559999")
    assert [call.call_id for call in sim.saved_calls(NORD)] == ["before", "line"]
    assert [call.call_id for call in sim.saved_calls(SUED)] == ["before", "user"]


def test_a_fault_waits_for_its_chain(sim: Simulator, app: App) -> None:
    other = sim.add_chain(6666, SUED)
    sim.fault("history", "status", status=503, crm_token=other)
    app.setup()
    app.setup(crm_token=other)
    statuses = [app.save(crm_token=each).status_code for each in (sim.crm_token, other, other)]
    assert [status == 503 for status in statuses] == [False, True, False]


def test_a_chain_has_its_own_token_and_switch(sim: Simulator, app: App) -> None:
    other = sim.add_chain(6666, SUED)
    assert other != sim.crm_token
    app.setup()
    assert (sim.telephony(), sim.telephony(other)) == (True, False)
    app.save()
    assert (len(app.listed(NORD)), len(app.listed(SUED))) == (1, 0)
    assert app.setup(crm_token="no such token").status_code == 404


def test_an_uninstall_disables_nothing_by_itself(sim: Simulator, app: App) -> None:
    app.setup()
    sim.disconnect(NORD, webhook="never")
    sim.disconnect(SUED, webhook="never")
    assert sim.telephony()
    assert app.calls().status_code == 404


@pytest.mark.parametrize(
    ("operation", "changes", "field"),
    [
        ("setup", {"crm_token": None}, "crm_token"),
        ("setup", {"kind": "on"}, "type"),
        ("setup", {"salon_id": 4564}, "salon_id"),
        ("ring", {"type": "missed"}, "type"),
        ("ring", {"phone": "(315) 555-0175"}, "phone"),
        ("ring", {"phone": ""}, "phone"),
        ("ring", {"diversion": "our number"}, "diversion"),
        ("ring", {"duration": 3}, "duration"),
        ("save", {"duration": "90"}, "duration"),
        ("save", {"duration": -1}, "duration"),
        ("save", {"status": "answered"}, "status"),
        ("save", {"link": "http://records.example/c-1.mp3"}, "link"),
        ("save", {"date": "2026-11-01 10:10:00"}, "date"),
        ("save", {"date": "2026-11-01T10:10:00Z"}, "date"),
        ("save", {"date": "2026-02-30T10:10:00+00:00"}, "date"),
        ("save", {"answered": True}, "answered"),
        ("calls", {"date_from": "yesterday"}, "date_from"),
        ("calls", {"limit": 100_000}, "limit"),
        ("calls", {"types": "incoming"}, "types"),
        ("calls", {"location": 1}, "location"),
    ],
)
def test_what_is_not_as_documented_is_refused_and_named(
    sim: Simulator, app: App, operation: str, changes: dict[str, Any], field: str
) -> None:
    app.setup()
    answer = getattr(app, operation)(**changes)
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["success"] is False
    last = sim.journal[-1]
    assert field in last.violation
    assert (sim.pop_ups(), sim.saved_calls()) == ([], [])


def test_a_misspelt_token_is_no_token(sim: Simulator, app: App) -> None:
    told = {"command": "setup", "type": "enable", "crmToken": sim.crm_token}
    answer = app.http.post("/api/v1/voip/integration", json=told)
    assert answer.status_code in (400, 422)
    assert "crmToken" in sim.journal[-1].violation or "crm_token" in sim.journal[-1].violation
    assert not sim.telephony()


def test_the_list_needs_the_user_and_his_right(sim: Simulator, app: App) -> None:
    assert app.calls(user=False).status_code in (401, 403)
    assert app.calls().status_code == 200
    sim.may_list_calls = False
    answer = app.calls()
    assert (answer.status_code, answer.json()["success"]) == (403, False)


def test_the_list_takes_a_query_where_bodies_get_lost(sim: Simulator, app: App) -> None:
    app.setup()
    app.save()
    sim.drops_get_bodies = True
    assert app.calls().status_code in (400, 422)
    day = datetime.now(UTC).date().isoformat()
    query = {"salon_id": str(NORD), "date_from": day, "date_to": day}
    answer = app.http.get(
        "/api/v1/voip/integration/calls",
        params=query,
        headers={"Authorization": f"{PARTNER}, User {sim.user_token}"},
    )
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["data"]) == 1


def test_pages_filters_and_a_late_list(sim: Simulator, app: App) -> None:
    app.setup()
    for number in range(5):
        app.save(call_id=f"c-{number}", status="missed" if number % 2 else "success")
    pages = [app.calls(page=page, limit=2).json()["data"] for page in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert len({row["id"] for page in pages for row in page}) == 5
    assert len(app.calls(statuses=["missed"]).json()["data"]) == 2
    assert app.calls(types=["outgoing"]).json()["data"] == []
    assert app.calls(phone="+13155550999").json()["data"] == []
    sim.save_after_s = 60
    app.save(call_id="late")
    assert len(app.listed()) == 5
    assert len(sim.saved_calls()) == 6
    sim.lose_call("c-0")
    assert len(app.listed()) == 4
