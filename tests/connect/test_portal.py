"""A company with a portal of its own: the way there, and what its server may do."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from functions.connect import app as connect_app
from local.simulator import Owner
from shared.connections.accounts import Accounts
from tests.deployment import Deployment, finished, http_event
from tests.memory import Memory, refusal

ANNA = Owner(id=7, name="Anna Schmidt", phone="4915112345678", email="anna@salon.example")
PORTAL = "https://my.provider.example/altegio"
KEY = "portal-key-of-more-than-32-characters"


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    deployment.set_portal_key(KEY)
    deployment.restart(PORTAL_URL=PORTAL, MAIL_FROM="codes@provider.example")
    return deployment


def arrive(deployment: Deployment, address: str, **headers: str) -> dict[str, Any]:
    event = http_event("GET", "/connect", query=urlsplit(address).query)
    event["headers"] |= headers
    answer: dict[str, Any] = deployment.invoke("connect", event)
    return answer


def ticket(deployment: Deployment, *location_ids: int) -> str:
    return ticket_of(arrive(deployment, deployment.simulator.grant(*location_ids, owner=ANNA)))


def ticket_of(answer: dict[str, Any]) -> str:
    """With what the owner goes on to the portal."""
    assert answer["statusCode"] == 303
    address, _, query = answer["headers"]["location"].partition("?")
    assert address == PORTAL
    [ticket] = parse_qs(query)["ticket"]
    return str(ticket)


def look(deployment: Deployment, ticket: str, account_id: str = "acme-1") -> tuple[int, Any]:
    query = urlencode({"ticket": ticket, "account_id": account_id})
    return deployment.ask("GET", "/connections", query=query, key=KEY)


def connect(deployment: Deployment, ticket: str, account_id: str = "acme-1") -> tuple[int, Any]:
    body = {"ticket": ticket, "account_id": account_id}
    return deployment.ask("POST", "/connections", body, key=KEY)


def standings(answer: Any) -> dict[int, str]:
    return {each["location_id"]: each["standing"] for each in answer["locations"]}


def test_the_owner_is_taken_on_with_a_ticket_and_nothing_else(deployment: Deployment) -> None:
    address = deployment.simulator.grant(4564, owner=ANNA)
    answer = arrive(deployment, address)
    assert answer["statusCode"] == 303
    assert answer["headers"]["referrer-policy"] == "no-referrer"
    target = urlsplit(answer["headers"]["location"])
    assert set(parse_qs(target.query)) == {"ticket"}
    assert deployment.simulator.calls("any") == []
    assert deployment.rows("ACCOUNTS_TABLE") == deployment.rows("CONNECTIONS_TABLE") == []


@pytest.mark.parametrize("place", ["iframe", "frame", "embed", "object", "empty", "", None])
def test_in_what_may_be_a_frame_he_is_asked_to_open_a_tab(
    deployment: Deployment, place: str | None
) -> None:
    """Safari before 16.4 does not say where it is."""
    address = deployment.simulator.grant(4564, owner=ANNA)
    event = http_event("GET", "/connect", query=urlsplit(address).query)
    del event["headers"]["sec-fetch-dest"]
    event["headers"] |= {"Sec-Fetch-Dest": place} if place is not None else {}
    answer = deployment.invoke("connect", event)
    assert answer["statusCode"] == 200
    assert f'href="{PORTAL}?ticket=' in answer["body"]
    assert 'target="_blank"' in answer["body"]


def test_the_portal_looks_asks_and_connects(deployment: Deployment) -> None:
    key = ticket(deployment, 4564, 4232)
    status, shown = look(deployment, key)
    assert (status, standings(shown)) == (200, {4564: "ready", 4232: "ready"})
    assert shown["owner"] == {"name": ANNA.name, "email": ANNA.email, "phone": ANNA.phone}
    assert shown["unfinished"]
    assert deployment.simulator.calls("callback") == []
    status, done = connect(deployment, key)
    assert (status, standings(done)) == (200, {4564: "connected", 4232: "connected"})
    assert [each["telephony"] for each in done["locations"]] == ["on", "on"]
    assert not done["unfinished"]
    event = {**finished(), "started_at": deployment.clock().isoformat()}
    assert deployment.call(event, done["pbx_key"])[0] == 202
    # Again, it shows the same, and no key.
    status, again = connect(deployment, key)
    assert (status, standings(again)) == (200, standings(done))
    assert "pbx_key" not in again
    assert len(deployment.simulator.calls("callback")) == 2


def test_what_another_customer_asks_with_a_captured_link_is_his_own(
    deployment: Deployment,
) -> None:
    captured = deployment.simulator.redirect(*range(9000, 9300), owner=ANNA)
    stranger = ticket_of(arrive(deployment, captured))
    asks = [look(deployment, stranger, "evil-1")[0] for _ in range(2)]
    assert [*asks, connect(deployment, stranger, "evil-1")[0]] == [429, 429, 429]
    key = ticket(deployment, 4564)
    assert standings(look(deployment, key)[1]) == {4564: "ready"}
    assert standings(connect(deployment, key)[1]) == {4564: "connected"}


def test_the_portal_finds_what_stands_behind_many_that_are_denied(deployment: Deployment) -> None:
    deployment.simulator.grant(4564)
    link = deployment.simulator.redirect(*range(9000, 9090), 4564, *range(9090, 9200), owner=ANNA)
    key = ticket_of(arrive(deployment, link))
    status, shown = look(deployment, key)
    assert (status, standings(shown)[4564]) == (200, "ready")
    assert standings(connect(deployment, key)[1])[4564] == "connected"


def test_a_customer_is_known_by_the_portals_id_whoever_comes(deployment: Deployment) -> None:
    connect(deployment, ticket(deployment, 4564))
    boris = Owner(id=8, name="Boris", phone="4915187654321", email="boris@salon.example")
    other = ticket_of(arrive(deployment, deployment.simulator.grant(4232, owner=boris)))
    assert connect(deployment, other)[0] == 200
    assert deployment.connection(4232).account_id == deployment.connection(4564).account_id
    assert connect(deployment, ticket(deployment, 4777), "acme-2")[0] == 200
    assert deployment.connection(4777).account_id != deployment.connection(4564).account_id


def test_a_location_of_another_customer_is_refused(deployment: Deployment) -> None:
    connect(deployment, ticket(deployment, 4564))
    address = deployment.simulator.redirect(4564, owner=ANNA)
    key = ticket_of(arrive(deployment, address))
    assert standings(connect(deployment, key, "acme-2")[1]) == {4564: "taken"}


def test_a_ticket_is_used_for_one_account(deployment: Deployment) -> None:
    key = ticket(deployment, 4564)
    assert connect(deployment, key, "acme-1")[0] == 200
    assert connect(deployment, key, "acme-2")[0] == 409
    deployment.clock.advance(days=2)
    assert connect(deployment, key, "acme-1")[0] == 410


def test_it_goes_on_where_it_stopped(deployment: Deployment) -> None:
    key = ticket(deployment, 4564, 4232)
    deployment.simulator.fault("callback", "status", status=500, location_id=4232)
    status, partly = connect(deployment, key)
    assert (status, standings(partly)) == (200, {4564: "connected", 4232: "failed"})
    assert partly["unfinished"]
    assert standings(connect(deployment, key)[1]) == {4564: "connected", 4232: "connected"}


def test_the_portal_gives_a_new_key(deployment: Deployment) -> None:
    old = connect(deployment, ticket(deployment, 4564))[1]["pbx_key"]
    status, answer = deployment.ask("POST", "/pbx-key", {"account_id": "acme-1"}, key=KEY)
    assert status == 200
    event = {**finished(), "started_at": deployment.clock().isoformat()}
    for good in (old, answer["pbx_key"]):
        assert deployment.call(event, good)[0] == 202
    assert deployment.ask("POST", "/pbx-key", {"account_id": "nobody"}, key=KEY)[0] == 404


def test_the_portal_voids_the_old_key_at_once_if_it_says_so(deployment: Deployment) -> None:
    old = connect(deployment, ticket(deployment, 4564))[1]["pbx_key"]
    asked: dict[str, Any] = {"account_id": "acme-1", "void_old": "yes"}
    assert deployment.ask("POST", "/pbx-key", asked, key=KEY)[0] == 400
    event = {**finished(), "started_at": deployment.clock().isoformat()}
    assert deployment.call(event, old)[0] == 202
    asked["void_old"] = True
    _status, answer = deployment.ask("POST", "/pbx-key", asked, key=KEY)
    assert deployment.call(event, old)[0] == 401
    assert deployment.call(event, answer["pbx_key"])[0] == 202


def test_who_asks_while_another_key_is_made_is_told_to_ask_again(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = connect(deployment, ticket(deployment, 4564))[1]["pbx_key"]
    monkeypatch.setattr(Accounts, "give_key", lambda *_words, **_named: False)
    assert deployment.ask("POST", "/pbx-key", {"account_id": "acme-1"}, key=KEY)[0] == 503
    event = {**finished(), "started_at": deployment.clock().isoformat()}
    assert deployment.call(event, key)[0] == 202


@pytest.mark.parametrize("key", ["", "wrong", KEY[:-1], "\ud800", "й"])
def test_nothing_without_the_portals_key(deployment: Deployment, key: str) -> None:
    body = {"ticket": ticket(deployment, 4564), "account_id": "acme-1"}
    for method, path in (("GET", "/connections"), ("POST", "/connections"), ("POST", "/pbx-key")):
        status, _ = deployment.ask(method, path, body, query=urlencode(body), key=key)
        assert status == 401
    assert deployment.rows("CONNECTIONS_TABLE") == []


@pytest.mark.parametrize("parameter", [" ", "short", "\n"])
def test_a_key_that_could_be_guessed_is_none(deployment: Deployment, parameter: str) -> None:
    deployment.set_portal_key(parameter)
    deployment.restart(PORTAL_URL=PORTAL)
    for key in ("", parameter, parameter.strip()):
        assert deployment.ask("POST", "/pbx-key", {"account_id": "acme-1"}, key=key)[0] == 401


@pytest.fixture
def asked(memory: Memory) -> list[str]:
    """Every time that the parameter of the key was asked for."""
    names: list[str] = []

    def before(operation: str, given: Any) -> None:
        if operation == "GetParameter":
            names.append(given["Name"])

    memory.before = before
    return names


def test_strangers_cost_nothing_while_there_is_no_key_and_a_new_one_is_found(
    deployment: Deployment, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("shared.aws.keys.time", SimpleNamespace(monotonic=lambda: now))
    deployment.restart(PORTAL_URL=PORTAL, PORTAL_KEY_PARAMETER="/altegio/none-yet")

    def ask() -> int:
        return deployment.ask("POST", "/pbx-key", {"account_id": "acme-1"}, key=KEY)[0]

    assert [ask() for _ in range(20)] == [401] * 20
    assert asked == ["/altegio/none-yet"]
    deployment.ssm.put_parameter(Name="/altegio/none-yet", Value=KEY, Type="SecureString")
    now += 59
    assert ask() == 401
    now += 2
    assert [ask() for _ in range(20)] == [404] * 20
    assert len(asked) == 2


def test_a_key_that_cannot_be_read_is_no_wrong_key(
    deployment: Deployment,
    memory: Memory,
    monkeypatch: pytest.MonkeyPatch,
    logged: Callable[[], str],
) -> None:
    now, calls = 1000.0, 0
    monkeypatch.setattr("shared.aws.keys.time", SimpleNamespace(monotonic=lambda: now))

    def outage(operation: str, _given: Any) -> None:
        nonlocal calls
        if operation == "GetParameter":
            calls += 1
            raise refusal(operation, "ThrottlingException", "Rate exceeded")

    def ask(key: str) -> tuple[int, Any]:
        return deployment.ask("POST", "/pbx-key", {"account_id": "acme-1"}, key=key)

    memory.before = outage
    for _ in range(5):
        status, answer = ask(KEY)
        assert (status, list(answer)) == (503, ["error"])
    assert calls == 1
    assert '"TokenUnreadable":[1.0]' in logged()
    memory.before = None
    now += 61
    assert ask(KEY)[0] == 404
    # One that was read holds through the next outage, and nothing else does.
    connect_app.wired().portal._key._parameter._read_from = 0
    memory.before = outage
    assert [ask(KEY)[0], ask("guess")[0]] == [404, 401]


def test_while_the_key_is_changed_both_hold(deployment: Deployment) -> None:
    deployment.set_portal_key(f"{KEY}-new", KEY)
    deployment.restart(PORTAL_URL=PORTAL)
    for key in (KEY, f"{KEY}-new"):
        assert deployment.ask("POST", "/pbx-key", {"account_id": "acme-1"}, key=key)[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "null",
        "{",
        "[" * 5000,
        {"ticket": "x"},
        {"account_id": "acme-1"},
        {"ticket": 7, "account_id": "acme-1"},
        {"ticket": "x", "account_id": ""},
        {"ticket": "x", "account_id": "a b"},
        {"ticket": "x", "account_id": "a" * 65},
        {"ticket": "x", "account_id": "\ud800"},
        {"ticket": "x" * 20_000, "account_id": "acme-1"},
    ],
)
def test_a_request_that_is_none_is_refused_with_words(deployment: Deployment, body: Any) -> None:
    status, answer = deployment.ask("POST", "/connections", body, key=KEY)
    assert (status, answer["error"].split(" ")[0]) == (400, "ticket")


@pytest.mark.parametrize(
    ("route", "needed"),
    [
        ("POST /pbx-key", "account_id is needed"),
        ("GET /lines", "account_id is needed"),
        ("POST /missed", "location_id, phone, until and account_id are needed"),
    ],
)
def test_it_is_told_what_this_route_needs(deployment: Deployment, route: str, needed: str) -> None:
    """Nobody looks for a ticket where none is asked for, or for an id that he has sent."""
    method, path = route.split(" ")
    body: dict[str, Any] = {"account_id": "acme-1"} if path == "/missed" else {}
    body |= {"location_id": 4564, "until": "2026-11-01T10:10:00Z"}
    status, answer = deployment.ask(method, path, body, key=KEY)
    assert (status, answer["error"].partition(";")[0]) == (400, needed)


@pytest.mark.parametrize("unknown", ["x", "x" * 43, "\ud800" * 43])
def test_a_ticket_that_is_none_is_gone(deployment: Deployment, unknown: str) -> None:
    assert connect(deployment, unknown)[0] == 410


def test_without_a_portal_there_is_nobody_to_ask(deployment: Deployment) -> None:
    deployment.restart()
    assert connect(deployment, "x" * 43)[0] == 404


def test_our_own_form_does_nothing_beside_a_portal(deployment: Deployment) -> None:
    key = ticket(deployment, 4564)
    for action in ("connect", "code", "rotate"):
        page = deployment.post(
            {"ticket": key, "action": action, "name": "A", "email": "a@b.example"}
        )
        assert page.status == 410
    assert deployment.rows("CONNECTIONS_TABLE") == deployment.letters == []


def test_a_customer_who_left_is_forgotten(deployment: Deployment) -> None:
    connect(deployment, ticket(deployment, 4564))
    deployment.simulator.disconnect(4564)
    deployment.webhook(deployment.event(4564))
    deployment.let_time_pass(40)
    deployment.clock.advance(days=31)
    deployment.reconcile()
    assert deployment.rows("ACCOUNTS_TABLE") == []
