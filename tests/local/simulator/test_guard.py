"""Who may look at the page and press its buttons."""

import pytest

from local.simulator import Simulator
from tests.local.simulator.app import NORD, App

PRESSES = ("/owner/disconnect", "/faults/order", "/faults/mend", "/pbx/ring", "/time/schedules")
FOREIGN = (
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://localhost:1"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"host": "evil.example"},
    {"host": "127.0.0.1.evil.example:80"},
    {"host": ""},
)


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize("path", PRESSES)
def test_no_other_site_presses_a_button(
    sim: Simulator, app: App, path: str, headers: dict[str, str]
) -> None:
    sim.grant(NORD, private=True)
    sim.webhook_mode = "never"
    wish = {"location": str(NORD), "route": "any", "kind": "drop_request"}
    assert app.http.post(path, data=wish, headers=headers).status_code == 403
    assert sim.state(NORD) == "active"
    assert sim.faults() == []
    assert sim.webhook_mode == "never"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", ""])
@pytest.mark.parametrize("path", ["/", "/faults", "/faults/json"])
def test_no_name_of_another_site_shows_the_page(app: App, path: str, host: str) -> None:
    assert app.http.get(path, headers={"host": host}).status_code == 403


def test_the_page_itself_and_curl_press(sim: Simulator, app: App) -> None:
    sim.grant(NORD, private=True)
    own = {"origin": sim.url, "sec-fetch-site": "same-origin"}
    for headers in ({}, own, {"sec-fetch-site": "none"}):
        wish = {"route": "any", "kind": "drop_request"}
        assert app.http.post("/faults/order", data=wish, headers=headers).status_code == 303
    assert len(sim.faults()) == 3
    # By its other name it is as local.
    port = sim.url.rpartition(":")[2]
    by_name = {"host": f"localhost:{port}", "origin": f"http://localhost:{port}"}
    assert app.http.post("/faults/mend", headers=by_name).status_code == 303
    assert sim.faults() == []


@pytest.mark.parametrize("path", ["/", "/faults"])
def test_no_other_site_shows_the_page_inside_its_own(app: App, path: str) -> None:
    policy = app.http.get(path).headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy


def test_the_application_is_not_guarded(sim: Simulator, app: App) -> None:
    # Its requests carry whatever name it knows the platform by.
    assert app.http.get("/marketplace/none", headers={"host": "api.alteg.io"}).status_code == 404
    assert len(sim.journal) == 1
