"""The connect flow, through both routes of the page."""

import base64
import hashlib
import hmac
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest

from functions.connect.english import ENGLISH
from local.simulator import Owner
from shared.altegio.marketplace import Marketplace
from shared.connections.connection import Connection, Hint
from shared.connections.table import Connections
from tests.deployment import Deployment, http_event, payment
from tests.memory import Memory, refusal

ANNA = Owner(id=7, name="Anna Schmidt", phone="4915112345678", email="anna@salon.example")
BORIS = Owner(id=8, name="Boris", phone="4915187654321", email="boris@salon.example")


def signed(data: bytes, key: str) -> dict[str, str]:
    return {
        "user_data": base64.b64encode(data).decode(),
        "user_data_sign": hmac.new(key.encode(), data, hashlib.sha256).hexdigest(),
    }


# New, already registered, already connected


def test_a_new_owner_finds_a_form_with_his_details_and_connects(deployment: Deployment) -> None:
    page = deployment.visit(deployment.simulator.grant(4564, owner=ANNA))
    assert page.status == 200
    assert page.standings == {4564: "ready"}
    assert {name: page.fields[name] for name in ("name", "email", "phone")} == {
        "name": "Anna Schmidt",
        "email": "anna@salon.example",
        "phone": "+4915112345678",
    }
    assert page.buttons == ["connect"]
    result = deployment.press(page)
    assert (result.status, result.standings) == (200, {4564: "connected"})
    assert deployment.simulator.state(4564) == "active"
    [call] = deployment.simulator.calls("callback")
    assert call.body == {"salon_id": 4564, "application_id": 101}
    connection = deployment.connection(4564)
    assert (connection.state, connection.generation) == ("active", 1)
    assert connection.chain_id == deployment.simulator.salon_group_id
    assert connection.crm_token == deployment.simulator.crm_token


def test_nothing_but_a_ticket_is_stored_before_the_owner_has_confirmed(
    deployment: Deployment,
) -> None:
    page = deployment.visit(deployment.simulator.grant(4564))
    assert deployment.rows("CONNECTIONS_TABLE") == deployment.rows("ACCOUNTS_TABLE") == []
    [ticket] = [it for it in deployment.rows("TICKETS_TABLE") if "owner" in it]
    assert page.fields["ticket"] not in json.dumps(ticket)
    assert deployment.simulator.calls("callback") == []


def test_an_owner_who_is_registered_is_told_so_and_has_one_button(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA)
    page = deployment.visit(deployment.simulator.grant(4232, owner=ANNA))
    assert page.title == "Welcome back, Anna Schmidt"
    assert set(page.fields) == {"ticket", "action"}
    assert deployment.press(page).standings == {4232: "connected"}
    accounts = {deployment.connection(it).account_id for it in (4564, 4232)}
    assert len(accounts) == 1


def test_another_owner_with_the_same_email_gets_an_account_of_his_own(
    deployment: Deployment,
) -> None:
    deployment.connect(4564, owner=ANNA)
    namesake = Owner(id=9, name="Anna", phone=ANNA.phone, email=ANNA.email)
    deployment.connect(4232, owner=namesake)
    assert deployment.connection(4564).account_id != deployment.connection(4232).account_id


def test_a_connected_location_shows_so_without_a_form(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA)
    page = deployment.visit(deployment.simulator.redirect(4564, owner=ANNA))
    assert (page.standings, page.buttons) == ({4564: "connected"}, [])
    assert len(deployment.simulator.calls("callback")) == 1


def test_a_frozen_location_says_that_it_is_unpaid(deployment: Deployment) -> None:
    deployment.connect(4564)
    deployment.simulator.expire(4564)
    page = deployment.visit(deployment.simulator.redirect(4564))
    assert page.standings == {4564: "frozen"}


def test_a_location_of_another_account_is_refused(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA)
    page = deployment.visit(deployment.simulator.redirect(4564, owner=BORIS))
    assert (page.standings, page.buttons) == ({4564: "taken"}, [])


def test_a_form_with_mistakes_is_shown_again_and_connects_nothing(deployment: Deployment) -> None:
    page = deployment.visit(deployment.simulator.grant(4564))
    again = deployment.press(page, email="no address", name="  ")
    assert again.status == 422
    assert again.fields["email"] == "no address"
    assert deployment.rows("ACCOUNTS_TABLE") == []
    assert deployment.simulator.calls("callback") == []
    assert deployment.press(again, email="a@b.example", name="A").standings == {4564: "connected"}


@pytest.mark.parametrize("field", ["name", "email", "phone"])
def test_however_much_is_typed_the_page_can_answer(deployment: Deployment, field: str) -> None:
    """Lambda takes no answer of more than 6 MB, and each quote is five bytes in HTML."""
    page = deployment.visit(deployment.simulator.grant(4564))
    wrong = deployment.press(page, **{field: '"' * 1_400_000})
    assert (wrong.status, len(wrong.text) < 200_000) == (422, True)


# The redirect in all its forms


@pytest.mark.parametrize(
    "form", ["auto", "salon_ids[]", "salon_ids[] encoded", "comma", "indexed", "salon_id"]
)
def test_every_spelling_of_one_location_connects(deployment: Deployment, form: str) -> None:
    assert deployment.connect(4564, form=form).standings == {4564: "connected"}


@pytest.mark.parametrize("form", ["salon_ids[]", "salon_ids[] encoded", "comma", "indexed"])
@pytest.mark.parametrize("locations", [(4564, 4232), (11, 12, 13, 14, 15)])
def test_every_location_of_the_redirect_gets_its_own_callback(
    deployment: Deployment, form: str, locations: tuple[int, ...]
) -> None:
    """D5."""
    result = deployment.connect(*locations, form=form)
    assert result.standings == dict.fromkeys(locations, "connected")
    called = [call.body["salon_id"] for call in deployment.simulator.calls("callback")]
    assert called == list(locations)


def test_plus_damage_in_user_data_is_mended(deployment: Deployment) -> None:
    # "???>>>" is Pz8/Pj4+ in base64: a plus that a query string turns into a space.
    data = b'{"id":7,"name":"???>>>>","email":"a@b.example","phone":""}'
    fields = signed(data, deployment.simulator.partner_token)
    assert "+" in fields["user_data"]
    deployment.simulator.grant(4564)
    query = f"salon_id=4564&user_data={fields['user_data']}&user_data_sign="
    page = deployment.visit(f"https://x/connect?{query}{fields['user_data_sign']}")
    assert page.fields["name"] == "???>>>>"


# Refusals


def refused(deployment: Deployment, url: str) -> Any:
    page = deployment.visit(url)
    for table in ("CONNECTIONS_TABLE", "ACCOUNTS_TABLE", "TICKETS_TABLE"):
        assert deployment.rows(table) == []
    assert deployment.simulator.journal == []
    return page


def test_a_bad_signature_is_refused_and_nothing_is_stored(deployment: Deployment) -> None:
    url = deployment.simulator.grant(4564)
    fields = dict(parse_qsl(urlsplit(url).query))
    other = signed(base64.urlsafe_b64decode(fields["user_data"]), "another key")
    for sign in (other["user_data_sign"], "0" * 64, "", "zz", "ключ"):
        page = refused(deployment, f"https://x/?{urlencode({**fields, 'user_data_sign': sign})}")
        assert (page.status, page.title) == (403, "This link is not from Altegio")


def test_a_signature_over_the_base64_text_is_refused(deployment: Deployment) -> None:
    """The construction that other integrations got wrong; the right one signs decoded bytes."""
    fields = dict(parse_qsl(urlsplit(deployment.simulator.grant(4564)).query))
    sign = hmac.new(
        deployment.simulator.partner_token.encode(), fields["user_data"].encode(), hashlib.sha256
    ).hexdigest()
    page = refused(deployment, f"https://x/?{urlencode({**fields, 'user_data_sign': sign})}")
    assert page.status == 403


def test_who_only_names_a_location_gets_nothing(deployment: Deployment) -> None:
    """D15."""
    deployment.simulator.grant(4564)
    page = refused(deployment, "https://x/?salon_id=4564")
    assert page.status == 400
    assert "Transmit user data" in page.text


@pytest.mark.parametrize("salon_id", ["", "0", "-1", "x", "1.5", "٤", "1" * 40])
def test_a_location_that_is_no_number_is_refused(deployment: Deployment, salon_id: str) -> None:
    fields = dict(parse_qsl(urlsplit(deployment.simulator.redirect(4564)).query))
    page = refused(deployment, f"https://x/?{urlencode({**fields, 'salon_id': salon_id})}")
    assert page.status == 400


@pytest.mark.parametrize("ticket", ["", "x", "A" * 43, "Ж" * 43, "A" * 9000])
def test_an_unknown_ticket_is_refused(deployment: Deployment, ticket: str) -> None:
    page = deployment.post({"ticket": ticket, "action": "connect"})
    assert page.status == 410
    assert deployment.rows("ACCOUNTS_TABLE") == []


def test_a_ticket_expires(deployment: Deployment) -> None:
    page = deployment.visit(deployment.simulator.grant(4564))
    deployment.clock.advance(hours=25)
    assert deployment.press(page).status == 410


def test_a_form_may_arrive_in_base64_and_garbage_may_not(deployment: Deployment) -> None:
    page = deployment.visit(deployment.simulator.grant(4564))
    event = http_event("POST", "/connect")
    event["isBase64Encoded"] = True
    for body in ("%%%", "gICA"):
        assert deployment.invoke("connect", {**event, "body": body})["statusCode"] == 410
    event["body"] = base64.b64encode(urlencode(page.fields).encode()).decode()
    assert "connected" in deployment.invoke("connect", event)["body"]


# What the platform says


def test_a_location_without_a_grant_is_told_what_to_press(deployment: Deployment) -> None:
    page = deployment.visit(deployment.simulator.redirect(4564))
    assert (page.standings, page.buttons) == ({4564: "not granted"}, [])
    assert "press Connect" in page.text


def test_an_expired_grant_is_told_what_to_press(deployment: Deployment) -> None:
    url = deployment.simulator.grant(4564)
    deployment.clock.advance(hours=12.1)
    page = deployment.visit(url)
    assert (page.standings, page.buttons) == ({4564: "expired"}, [])
    assert "press Disconnect and then Connect" in page.text


def test_a_grant_is_still_used_after_the_hour_that_the_guide_names(deployment: Deployment) -> None:
    page = deployment.visit(deployment.simulator.grant(4564))
    deployment.clock.advance(hours=11.9)
    assert deployment.press(page).standings == {4564: "connected"}


@pytest.mark.parametrize("kind", ["drop_answer", "html_done", "empty", "cut_answer"])
def test_status_is_believed_and_not_the_answer_to_the_callback(
    deployment: Deployment, kind: str
) -> None:
    deployment.simulator.fault("callback", kind)
    assert deployment.connect(4564).standings == {4564: "connected"}
    assert len(deployment.simulator.calls("callback")) == 1


@pytest.mark.parametrize("kind", ["success_false", "html", "drop_request", "status"])
def test_a_callback_that_did_nothing_shows_as_not_yet_whatever_it_answered(
    deployment: Deployment, kind: str
) -> None:
    deployment.simulator.fault("callback", kind)
    result = deployment.connect(4564)
    assert result.standings == {4564: "failed"}
    assert result.title == "Not connected yet"
    # For the operator; of a page with 200 nobody knows that it is a refusal.
    assert deployment.connection(4564).verdict.startswith("callback: ") is (kind != "html")
    assert deployment.press(result).standings == {4564: "connected"}


def test_what_is_installed_and_not_by_this_page_is_never_taken_by_a_link(
    deployment: Deployment,
) -> None:
    page = deployment.visit(deployment.simulator.grant(4564))
    deployment.simulator.platform.activate(4564)
    assert deployment.press(page).standings == {4564: "installed"}
    deployment.let_time_pass(3)
    assert deployment.rows("CONNECTIONS_TABLE") == deployment.rows("ACCOUNTS_TABLE") == []
    assert deployment.simulator.calls("callback") == []


def test_one_of_five_fails_and_the_retry_does_not_redo_the_others(deployment: Deployment) -> None:
    deployment.simulator.fault("callback", "status", status=500, location_id=13)
    result = deployment.connect(11, 12, 13, 14, 15)
    assert result.standings == {
        11: "connected",
        12: "connected",
        13: "failed",
        14: "connected",
        15: "connected",
    }
    assert result.title == "Not everything is connected yet"
    assert set(result.fields) == {"ticket", "action"}
    again = deployment.press(result)
    assert again.standings == dict.fromkeys((11, 12, 13, 14, 15), "connected")
    called = [call.body["salon_id"] for call in deployment.simulator.calls("callback")]
    assert called == [11, 12, 13, 14, 15, 13]


def test_denied_locations_hide_none_that_is_granted(deployment: Deployment) -> None:
    """However many stand before it in the link, he finds it and can connect it."""
    deployment.simulator.grant(4564)
    strangers = range(9000, 9200)
    link = deployment.simulator.redirect(*strangers[:90], 4564, *strangers[90:])
    page = deployment.visit(link)
    assert (page.status, page.title) == (200, ENGLISH.welcome.title)
    assert (page.standings[4564], page.standings[9199]) == ("ready", "not asked")
    page = deployment.press(page)
    assert (page.status, page.title) == (200, ENGLISH.partly.title)
    assert page.standings[4564] == "connected"


def test_each_press_asks_first_about_what_was_not_denied(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No request has the time for all of a chain."""
    began, ask = time.monotonic(), Marketplace.status
    passed = 0.0

    def slow(*words: Any) -> Any:
        nonlocal passed
        passed += 1.0
        return ask(*words)

    monkeypatch.setattr(Marketplace, "status", slow)
    monkeypatch.setattr("time.monotonic", lambda: began + passed)
    deployment.simulator.grant(4564)
    page = deployment.visit(deployment.simulator.redirect(*range(9000, 9050), 4564))
    for _ in range(2):
        assert page.standings[4564] == "not asked"
        page = deployment.press(page, name="Anna", email="a@b.example")
    assert page.standings[4564] == "in progress"
    deployment.let_time_pass(2)
    assert deployment.simulator.state(4564) == "active"


def test_what_was_consented_to_is_shown_although_the_rest_is_too_much(
    deployment: Deployment,
) -> None:
    """Of a chain, one location was granted; about the others no more may be asked this hour."""
    deployment.simulator.grant(4564)
    page = deployment.visit(deployment.simulator.redirect(4564, *range(9000, 9075)))
    page = deployment.press(page)
    assert (page.status, page.title) == (200, ENGLISH.partly.title)
    assert (page.standings[4564], page.standings[9074]) == ("connected", "not asked")
    # Nobody shows it again to an account that has proven nothing.
    assert page.pbx_key.startswith("pbx_")


def test_reconcile_finishes_what_the_page_could_not(deployment: Deployment) -> None:
    deployment.simulator.fault("callback", "status", status=503, times=2)
    deployment.connect(4564)
    deployment.let_time_pass(5)
    assert deployment.simulator.state(4564) == "active"
    assert deployment.connection(4564).state == "active"


def test_a_replayed_ticket_shows_the_result(deployment: Deployment) -> None:
    page = deployment.visit(deployment.simulator.grant(4564))
    deployment.press(page)
    assert deployment.press(page).standings == {4564: "connected"}
    assert len(deployment.simulator.calls("callback")) == 1
    assert deployment.connection(4564).generation == 1


def test_a_ticket_pressed_after_a_disconnect_does_not_reopen(deployment: Deployment) -> None:
    page = deployment.visit(deployment.simulator.grant(4564))
    deployment.press(page)
    deployment.simulator.disconnect(4564)
    assert deployment.press(page).standings == {4564: "not granted"}
    deployment.let_time_pass(2)
    assert deployment.connection(4564).state == "disabled"


def test_the_budget_of_the_page_leaves_the_rest_to_reconcile(deployment: Deployment) -> None:
    page = deployment.visit(deployment.simulator.grant(11, 12, 13))
    deployment.restart(CONNECT_BUDGET_S="0.3")
    deployment.simulator.fault("callback", "late_answer", seconds=0.5)
    result = deployment.press(page)
    # The first was done, but its answer came too late for the page.
    assert result.standings == {11: "failed", 12: "in progress", 13: "in progress"}
    deployment.let_time_pass(1)
    assert [deployment.simulator.state(it) for it in (11, 12, 13)] == ["active"] * 3
    deployment.restart()
    assert deployment.press(result).standings == dict.fromkeys((11, 12, 13), "connected")
    assert len(deployment.simulator.calls("callback")) == 3


def test_sixty_locations_are_connected_once_each_though_the_browser_closes_again_and_again(
    deployment: Deployment,
) -> None:
    sixty = range(4500, 4560)
    address = deployment.simulator.grant(*sixty, owner=ANNA)
    # As at five calls in a second: a part of them is done within the budget.
    deployment.restart(CONNECT_BUDGET_S="0.25")
    deployment.simulator.fault("callback", "delay", seconds=0.02, times=60)
    for _ in range(3):
        # He closes the page and opens the link anew, which shows what is done by then.
        page = deployment.visit(address)
        assert set(page.standings) == set(sixty)
        pressed = deployment.press(page).standings
        assert set(pressed.values()) <= {"connected", "in progress", "not asked", "failed"}
    assert {"pending"} <= {deployment.simulator.state(it) for it in sixty}
    deployment.let_time_pass(3)
    deployment.restart()
    # What he has consented to is finished without him; the rest waits for his button.
    page = deployment.visit(address)
    assert Counter(page.standings.values())["connected"] > 10
    deployment.press(page)
    assert deployment.visit(address).standings == dict.fromkeys(sixty, "connected")
    callbacks = Counter(call.location_id for call in deployment.simulator.calls("callback"))
    assert callbacks == dict.fromkeys(sixty, 1)
    assert {deployment.connection(it).generation for it in sixty} == {1}


def test_a_long_chain_is_connected_at_the_pace_of_the_platform(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No request has the time to ask about all: each goes on where the one before has stopped."""
    clock, begun, started = deployment.clock, deployment.clock(), time.monotonic()
    ask = Marketplace.status

    def slow(*words: Any) -> Any:
        clock.advance(seconds=0.1)
        return ask(*words)

    monkeypatch.setattr(Marketplace, "status", slow)
    monkeypatch.setattr("time.monotonic", lambda: started + (clock() - begun).total_seconds())
    deployment.restart(PACE_PER_S="5", PACE_PER_MIN="200")
    chain = range(4500, 4560)
    address = deployment.simulator.grant(*chain)
    page = deployment.visit(address)
    assert "not asked" in page.standings.values()
    for _ in range(3):
        # He reads the page meanwhile.
        clock.advance(seconds=20)
        deployment.press(page)
        deployment.let_time_pass(2)
        page = deployment.visit(address)
        if "connect" not in page.buttons:
            break
    assert page.standings == dict.fromkeys(chain, "connected")
    assert page.title == ENGLISH.connected_before.title
    assert {deployment.simulator.state(it) for it in chain} == {"active"}
    # Also while his next page may not ask at all.
    deployment.simulator.fault("status", "status", status=429, times=10)
    assert deployment.visit(address).standings == page.standings


def test_a_platform_that_hangs_does_not_outlast_the_budget(deployment: Deployment) -> None:
    page = deployment.visit(deployment.simulator.grant(11, 12, 13))
    deployment.restart(CONNECT_BUDGET_S="1", HTTP_TOTAL_S="3600")
    deployment.simulator.fault("any", "delay", seconds=3600, times=20)
    # It would take an hour.
    result = deployment.press(page)
    # Nobody knows what was granted, so nothing was stored: he presses again.
    assert result.standings == dict.fromkeys((11, 12, 13), "not asked")
    assert deployment.rows("CONNECTIONS_TABLE") == deployment.rows("ACCOUNTS_TABLE") == []
    deployment.simulator.clear_faults()
    assert deployment.press(result).standings == dict.fromkeys((11, 12, 13), "connected")


def test_a_second_press_does_not_put_held_payments_off(deployment: Deployment) -> None:
    deployment.bill(payment())
    page = deployment.visit(deployment.simulator.grant(4564))
    deployment.press(page)
    deployment.press(page)
    deployment.reconcile()
    assert len(deployment.simulator.payments(4564)) == 1


def test_a_platform_that_says_nothing_leaves_the_button(deployment: Deployment) -> None:
    url = deployment.simulator.grant(4564)
    deployment.simulator.fault("status", "html", times=2)
    page = deployment.visit(url)
    assert page.standings == {4564: "not asked"}
    assert deployment.press(page).standings == {4564: "not asked"}
    assert deployment.press(page).standings == {4564: "connected"}


# Two at once


@pytest.fixture
def at_the_consent(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Has something happen while the next consent is about to be stored."""
    save = Connections.save

    def happens(then: Callable[[], object]) -> None:
        def saved(self: Connections, *args: Any, **more: Any) -> Connection:
            monkeypatch.setattr(Connections, "save", save)
            then()
            return save(self, *args, **more)

        monkeypatch.setattr(Connections, "save", saved)

    return happens


def accounts(deployment: Deployment) -> list[str]:
    rows = [row["key"] for row in deployment.rows("ACCOUNTS_TABLE")]
    return [key.partition("#")[2] for key in rows if key.startswith("account#")]


def test_the_loser_of_a_race_is_not_registered(
    deployment: Deployment, at_the_consent: Callable[[Callable[[], object]], None]
) -> None:
    """An account without a location would never be erased."""
    page = deployment.visit(deployment.simulator.grant(4564, owner=ANNA))
    other = deployment.visit(deployment.simulator.redirect(4564, owner=BORIS))
    at_the_consent(lambda: deployment.press(other))
    page = deployment.press(page)
    assert (page.status, page.standings, page.pbx_key) == (200, {4564: "in progress"}, "")
    assert accounts(deployment) == [deployment.connection(4564).account_id]
    # What he has typed is still there, and pressing once more tells what has become of it.
    assert page.fields["name"] == "Anna Schmidt"
    assert deployment.press(page).standings == {4564: "taken"}
    assert len(accounts(deployment)) == 1


@pytest.mark.parametrize("second", [4564, 4232])
def test_two_tabs_of_one_owner_register_him_once(
    deployment: Deployment,
    at_the_consent: Callable[[Callable[[], object]], None],
    second: int,
) -> None:
    page = deployment.visit(deployment.simulator.grant(4564, owner=ANNA))
    other = deployment.visit(deployment.simulator.grant(second, owner=ANNA))
    at_the_consent(lambda: deployment.press(other))
    page = deployment.press(page)
    assert page.standings == {4564: "in progress" if second == 4564 else "connected"}
    assert page.pbx_key == ""
    [account_id] = accounts(deployment)
    assert {deployment.connection(it).account_id for it in (4564, second)} == {account_id}


@pytest.mark.parametrize("beside", [(), (9000,)])
def test_the_key_is_shown_whatever_fails_after_it_was_made(
    deployment: Deployment, memory: Memory, beside: tuple[int, ...]
) -> None:
    """Nothing shows it again to an owner who cannot prove himself."""
    deployment.simulator.grant(4564, owner=ANNA)
    page = deployment.visit(deployment.simulator.redirect(*beside, 4564, owner=ANNA))
    has_key = False

    def fails(operation: str, asked: Any) -> None:
        nonlocal has_key
        if has_key:
            raise refusal(operation, "InternalServerError", "It is not you.")
        has_key = ":digest" in str(asked)

    memory.before = fails
    page = deployment.press(page)
    assert (page.status, page.standings[4564], has_key) == (200, "connected", True)
    assert page.pbx_key.startswith("pbx_")


def test_a_consent_that_cannot_be_stored_registers_nobody(
    deployment: Deployment, memory: Memory
) -> None:
    page = deployment.visit(deployment.simulator.grant(4564, owner=ANNA))

    def fails(operation: str, _asked: Any) -> None:
        if operation == "TransactWriteItems":
            raise refusal(operation, "InternalServerError", "It is not you.")

    memory.before = fails
    assert deployment.press(page).status == 500
    memory.before = None
    assert accounts(deployment) == []
    assert deployment.press(page).standings == {4564: "connected"}


# Reconnect: F16, D9


def test_disable_then_reconnect_is_a_new_callback_and_a_new_generation(
    deployment: Deployment,
) -> None:
    deployment.connect(4564)
    deployment.clock.advance(minutes=2)
    deployment.simulator.disconnect(4564)
    deployment.webhook(deployment.event(4564))
    deployment.reconcile()
    assert deployment.connection(4564).state == "disabled"
    assert deployment.connect(4564).standings == {4564: "connected"}
    assert len(deployment.simulator.calls("callback")) == 2
    connection = deployment.connection(4564)
    assert (connection.state, connection.generation) == ("active", 2)


def test_a_reconnect_works_although_the_uninstall_was_never_told(deployment: Deployment) -> None:
    deployment.connect(4564)
    deployment.simulator.disconnect(4564)
    assert deployment.connect(4564).standings == {4564: "connected"}
    assert deployment.connection(4564).generation == 2


@pytest.mark.parametrize("disturbed", range(6))
def test_a_webhook_in_the_middle_of_a_reconnect_does_not_hold_the_owner_up(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, disturbed: int
) -> None:
    deployment.connect(4564)
    deployment.clock.advance(minutes=2)
    deployment.simulator.disconnect(4564)
    saves = 0

    def save(self: Connections, *args: Any, **more: Any) -> Connection:
        nonlocal saves
        saves += 1
        if saves == disturbed + 1:
            self.hint(4564, Hint.UNINSTALL, deployment.clock())
        return saved(self, *args, **more)

    saved = Connections.save
    monkeypatch.setattr(Connections, "save", save)
    assert deployment.connect(4564).standings == {4564: "connected"}
    assert len(deployment.simulator.calls("callback")) == 2
    assert deployment.connection(4564).generation == 2


def test_another_account_may_take_over_once_the_owner_has_granted_anew(
    deployment: Deployment,
) -> None:
    deployment.connect(4564, owner=ANNA)
    before = deployment.connection(4564).account_id
    deployment.simulator.disconnect(4564)
    assert deployment.connect(4564, owner=BORIS).standings == {4564: "connected"}
    assert deployment.connection(4564).account_id != before


def test_held_payments_go_out_with_the_first_connect(deployment: Deployment) -> None:
    deployment.bill(payment())
    deployment.connect(4564)
    deployment.reconcile()
    assert len(deployment.simulator.payments(4564)) == 1


# In Altegio's frame


def test_the_page_works_in_altegios_frame_and_nowhere_else(deployment: Deployment) -> None:
    page = deployment.visit(deployment.simulator.grant(4564))
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors https://app.alteg.io" in policy
    assert "default-src 'none'" in policy
    assert "x-frame-options" not in page.headers
    assert "set-cookie" not in page.headers
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"


def test_html_in_any_field_of_user_data_stays_text(deployment: Deployment) -> None:
    hostile = '"><script>alert(1)</script>&lt;'
    owner = {"id": 7, "name": hostile, "email": hostile, "phone": hostile, "salon_name": hostile}
    fields = signed(json.dumps(owner).encode(), deployment.simulator.partner_token)
    deployment.simulator.grant(4564)
    query = urlencode({"salon_id": 4564, **fields}, quote_via=quote)
    page = deployment.visit(f"https://x/connect?{query}")
    assert page.fields["name"] == hostile
    assert "alert(1)</script>" not in page.text
    assert "<script>" not in page.text
    connected = deployment.press(page, email="a@b.example", phone="")
    assert connected.standings == {4564: "connected"}
    again = deployment.visit(deployment.simulator.redirect(4564, owner=ANNA))
    assert "<script>" not in again.text
