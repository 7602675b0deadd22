"""The lines of an account: on the owner's page behind his proof, and through the portal."""

import re
from typing import Any
from urllib.parse import urlencode

import pytest

from functions.connect.page import LANGUAGES
from local.simulator import Owner
from shared.calls import lines
from shared.calls.line_entry import Entered
from tests.calls.telling import end
from tests.connect.test_one_time_code import act, proven
from tests.connect.test_portal import KEY, PORTAL, connect, ticket
from tests.deployment import Deployment, Page, finished

ANNA = Owner(id=7, name="Anna Schmidt", phone="4915112345678", email="anna@salon.example")
STRANGER = Owner(id=7777, email="stranger@example.com")
LINE = "+4930123456"


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    deployment.restart(MAIL_FROM="codes@provider.example")
    return deployment


@pytest.fixture
def key(deployment: Deployment) -> str:
    return deployment.connect(4564, 4232, owner=ANNA).pbx_key


def settings(deployment: Deployment) -> Page:
    return proven(deployment, deployment.visit(deployment.simulator.redirect(4564, owner=ANNA)))


def entries(deployment: Deployment) -> dict[str, int]:
    account_id = deployment.connection(4564).account_id
    account = deployment.accounts.of_id(account_id or "")
    assert account
    return dict(account.lines)


def shown(page: Page) -> list[str]:
    return re.findall(r'<li data-line="([^"]*)"', page.text)


def unknown(page: Page) -> list[str]:
    return re.findall(r'<li data-unknown="([^"]*)"', page.text)


def send(deployment: Deployment, page: Page, action: str, **typed: str) -> Page:
    return deployment.post({"ticket": page.fields["ticket"], "action": action, **typed})


def states(deployment: Deployment) -> list[str]:
    return [row["state"] for row in deployment.rows("CALLS_TABLE")]


# The page


def test_what_calls_wait_for_is_shown_with_a_button(deployment: Deployment, key: str) -> None:
    for number, line in enumerate(("030 123456", LINE, "Trunk-1")):
        end(deployment, key, call_id=f"c-{number}", location_id=None, line=line)
    before = deployment.visit(deployment.simulator.redirect(4564, owner=ANNA))
    assert unknown(before) == []
    page = settings(deployment)
    assert sorted(unknown(page)) == [LINE, "trunk-1"]
    assert "2 calls are waiting, the last one from <time" in page.text
    after = send(deployment, page, "line", line=LINE, location="4232")
    assert (after.status, unknown(after)) == (200, ["trunk-1", LINE])
    assert Entered.DONE in entered(after)
    deployment.drain_calls()
    assert states(deployment).count("unrouted") == 1
    again = send(deployment, after, "line", line="TRUNK-1", location="4564")
    assert shown(again) == [LINE, "trunk-1"]
    assert entries(deployment) == {LINE: 4232, "trunk-1": 4564}


def entered(page: Page) -> list[str]:
    """What the page says of the last entry, in whatever language."""
    [said] = re.findall(r'<p role="status"[^>]*>([^<]*)</p>\s*<p>', page.text)
    return [word for words in LANGUAGES for word, text in words.entered.items() if text == said]


@pytest.mark.parametrize("words", LANGUAGES, ids=lambda words: words.language)
def test_a_line_is_entered_changed_and_removed(
    deployment: Deployment, key: str, words: Any
) -> None:
    assert key
    deployment.accept_language = words.language
    page = settings(deployment)
    assert words.lines[1] in page.text
    page = send(deployment, page, "line", line="030/123456", location="4564")
    assert entries(deployment) == {LINE: 4564}
    page = send(deployment, page, "line", line="+49 30 123456", location="4232")
    assert entries(deployment) == {LINE: 4232}
    page = send(deployment, page, "forget", line=LINE)
    assert (shown(page), entries(deployment)) == ([], {})


@pytest.mark.parametrize(
    ("line", "location", "why"),
    [
        ("", "4564", Entered.NO_LINE),
        ("\u200b", "4564", Entered.NO_LINE),
        (LINE, "", Entered.NOT_ITS_LOCATION),
        (LINE, "x", Entered.NOT_ITS_LOCATION),
        (LINE, "4777", Entered.NOT_ITS_LOCATION),
        (LINE, "4777\x1f", Entered.NOT_ITS_LOCATION),
        (LINE, "9" * 30, Entered.NOT_ITS_LOCATION),
        (LINE, "4564' OR 1", Entered.NOT_ITS_LOCATION),
    ],
)
def test_what_cannot_be_entered_is_told(
    deployment: Deployment, key: str, line: str, location: str, why: Entered
) -> None:
    assert key
    deployment.connect(4777, owner=STRANGER)
    page = send(deployment, settings(deployment), "line", line=line, location=location)
    assert page.status == 422
    assert entered(page) == [why]
    assert entries(deployment) == {}


def test_more_lines_than_an_account_may_have_are_told(deployment: Deployment, key: str) -> None:
    assert key
    account_id = deployment.connection(4564).account_id or ""
    deployment.lines.enter(account_id, {f"trunk {number}": 4564 for number in range(lines.MOST)})
    page = settings(deployment)
    assert len(shown(page)) == 100
    assert "And 400 more." in page.text
    page = send(deployment, page, "line", line=LINE, location="4564")
    assert (page.status, entered(page)) == (422, [Entered.TOO_MANY])
    assert f'value="{LINE}"' in page.text


def test_without_the_proof_nothing_is_shown_or_entered(deployment: Deployment, key: str) -> None:
    end(deployment, key, location_id=None, line=LINE)
    page = deployment.visit(deployment.simulator.redirect(4564, owner=ANNA))
    assert "data-lines" not in page.text
    for action in ("line", "forget"):
        after = send(deployment, page, action, line=LINE, location="4564")
        assert (after.proof, "data-lines" in after.text) == ("offered", False)
    assert entries(deployment) == {}


def test_a_dead_line_says_so(deployment: Deployment, key: str) -> None:
    assert key
    deployment.lines.enter(deployment.connection(4564).account_id or "", {LINE: 4232})
    deployment.clock.advance(minutes=2)
    deployment.simulator.disconnect(4232)
    deployment.webhook(deployment.event(4232))
    deployment.reconcile()
    deployment.clock.advance(minutes=2)
    deployment.connect(4232, owner=STRANGER)
    page = settings(deployment)
    assert "Location 4232 is no longer yours" in page.text
    assert shown(act(deployment, page, "forget")) == []


# The portal


def with_portal(deployment: Deployment) -> str:
    deployment.set_portal_key(KEY)
    deployment.restart(PORTAL_URL=PORTAL)
    status, answer = connect(deployment, ticket(deployment, 4564, 4232))
    assert status == 200
    return str(answer["pbx_key"])


def ask(deployment: Deployment, **body: Any) -> tuple[int, Any]:
    return deployment.ask("POST", "/lines", {"account_id": "acme-1", **body}, key=KEY)


def look(deployment: Deployment, account_id: str = "acme-1") -> tuple[int, Any]:
    return deployment.ask("GET", "/lines", query=urlencode({"account_id": account_id}), key=KEY)


def test_the_portal_shows_enters_and_removes_lines(deployment: Deployment) -> None:
    key = with_portal(deployment)
    began = deployment.clock()
    event = {**finished(line="030 123456"), "location_id": None, "started_at": began.isoformat()}
    assert deployment.call(event, key)[0] == 202
    status, answer = look(deployment)
    assert (status, answer["lines"]) == (200, [])
    [waits] = answer["unknown"]
    assert (waits["line"], waits["calls"]) == (LINE, 1)
    assert waits["last_at"].startswith(began.isoformat()[:19])
    assert ask(deployment, line=waits["line"], location_id=4564) == (200, {"success": True})
    deployment.drain_calls()
    assert look(deployment)[1] == {
        "lines": [{"line": LINE, "location_id": 4564, "dead": False}],
        "unknown": [],
    }
    assert ask(deployment, line=LINE, location_id=None) == (200, {"success": True})
    assert look(deployment)[1]["lines"] == []


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"line": LINE, "location_id": 4777}, 400, "not a location of this account"),
        ({"line": LINE, "location_id": "4564"}, 400, "location_id: a number, or null"),
        ({"line": LINE, "location_id": True}, 400, "location_id: a number, or null"),
        ({"line": LINE, "location_id": 10**30}, 400, "location_id: a number, or null"),
        ({"line": LINE, "location_id": -1}, 400, "location_id: a number, or null"),
        ({"line": "", "location_id": 4564}, 400, "line and account_id are needed"),
        ({"line": "\u200b", "location_id": 4564}, 400, "no line"),
        ({"line": 5, "location_id": 4564}, 400, "line and account_id are needed"),
        ({"line": "\ud800", "location_id": 4564}, 400, "no line"),
        ({"line": LINE, "location_id": 4564, "account_id": "nobody"}, 404, "the account"),
        ({"line": LINE, "location_id": 4564, "account_id": "#"}, 400, "line and account_id"),
    ],
)
def test_what_the_portal_cannot_enter_is_told(
    deployment: Deployment, body: dict[str, Any], status: int, error: str
) -> None:
    with_portal(deployment)
    answered, answer = ask(deployment, **body)
    assert (answered, answer["error"].startswith(error)) == (status, True), answer
    assert entries(deployment) == {}


def test_a_line_is_not_removed_by_a_field_that_is_forgotten(deployment: Deployment) -> None:
    with_portal(deployment)
    ask(deployment, line=LINE, location_id=4564)
    for misspelt in ({}, {"location": 4232}, {"locationId": None}):
        status, answer = ask(deployment, line=LINE, **misspelt)
        assert (status, answer["error"].partition(":")[0]) == (400, "location_id")
    assert entries(deployment) == {LINE: 4564}


def test_only_the_portal_is_told(deployment: Deployment) -> None:
    with_portal(deployment)
    assert deployment.ask("GET", "/lines", query="account_id=acme-1", key="wrong" * 10)[0] == 401
    assert look(deployment, "nobody")[0] == 404
    assert look(deployment, "")[0] == 400
