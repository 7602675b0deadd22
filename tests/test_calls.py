"""Calls through the door: the PBX's requests, the calls queue, what the platform has in the end."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.simulator import Owner
from shared.altegio.marketplace import Marketplace
from shared.calls import call as rules_of
from shared.calls.settings import CallPolicy
from shared.connections.crm_token import CrmTokenState
from tests.deployment import Deployment, Page, finished, ringing, secrets_in

LINK = "https://records.example/c-1.mp3"


@pytest.fixture
def page(deployment: Deployment) -> Page:
    """The page that the owner sees after connecting two locations of a chain."""
    return deployment.connect(4564, 4232)


@pytest.fixture
def key(page: Page) -> str:
    return page.pbx_key


def at(deployment: Deployment, ago_s: float = 0) -> str:
    return (deployment.clock() - timedelta(seconds=ago_s)).isoformat()


def ring(deployment: Deployment, key: str, ago_s: float = 0, **changes: Any) -> str:
    status, answer = deployment.call({**ringing(**changes), "at": at(deployment, ago_s)}, key)
    assert (status, answer["success"]) == (202, True)
    return str(answer["pop_up"])


def end(deployment: Deployment, key: str, ago_s: float = 90, **changes: Any) -> Any:
    event = {**finished(**changes), "started_at": at(deployment, ago_s)}
    status, answer = deployment.call(event, key)
    assert (status, answer["success"]) == (202, True)
    return answer


def settle(deployment: Deployment, seconds: float = 6) -> None:
    """The legs have reported, and what is due is sent."""
    deployment.drain_calls()
    deployment.clock.advance(seconds=seconds)
    deployment.drain_calls()


def state(deployment: Deployment, call_id: str = "c-1") -> str:
    account_id = deployment.connection(4564).account_id
    call = deployment.calls.get(f"{account_id}#{call_id}")
    return str(call.state) if call else "none"


def prove(deployment: Deployment, key: str) -> None:
    """A first call is saved and found, so that the CRM token is the location's own."""
    end(deployment, key, call_id="first", phone="+13155550100")
    settle(deployment)
    deployment.clock.advance(seconds=11)
    deployment.drain_calls()
    assert deployment.connection(4564).telephony is CrmTokenState.PROVEN


# Connecting


def test_the_key_is_shown_once_and_kept_as_a_hash(deployment: Deployment, page: Page) -> None:
    assert page.pbx_key.startswith("pbx_")
    again = deployment.press(deployment.visit(deployment.simulator.grant(4777)))
    assert again.pbx_key == ""
    rows = json.dumps(deployment.rows("ACCOUNTS_TABLE"), default=str)
    assert page.pbx_key.split("_", 2)[2] not in rows


def test_telephony_is_on_when_the_page_says_connected(deployment: Deployment, page: Page) -> None:
    assert page.telephony == {4564: "on", 4232: "on"}
    assert deployment.simulator.telephony()
    # Once for the chain, not for each of its locations.
    assert len(deployment.simulator.calls("enable")) == 1


def test_without_a_crm_token_there_is_no_telephony_and_the_page_says_so(
    deployment: Deployment,
) -> None:
    page = deployment.connect(4564, telephony=False)
    assert page.standings == {4564: "connected"}
    assert page.telephony == {4564: "none"}
    assert "without telephony" in page.text
    assert page.pbx_key == ""
    assert deployment.simulator.calls("enable") == []


def test_enabling_that_fails_is_made_good(deployment: Deployment) -> None:
    deployment.simulator.fault("enable", "status", status=500)
    page = deployment.connect(4564)
    assert page.standings == {4564: "connected"}
    assert page.telephony == {4564: "starting"}
    deployment.let_time_pass(2)
    assert deployment.simulator.telephony()
    page = deployment.visit(deployment.simulator.redirect(4564))
    assert page.telephony == {4564: "on"}


def test_an_enabling_without_an_answer_is_said_again(deployment: Deployment) -> None:
    deployment.simulator.fault("enable", "drop_answer")
    deployment.connect(4564)
    deployment.let_time_pass(3)
    # Once unheard, once heard, and once more as the first might have come late.
    assert [call.status for call in deployment.simulator.calls("enable")] == [None, 202, 202]


def test_a_page_that_dies_after_the_callback_leaves_telephony_to_reconcile(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, confirm = deployment.visit(deployment.simulator.grant(4564)), Marketplace.confirm

    def confirmed(self: Marketplace, *arguments: Any) -> None:
        confirm(self, *arguments)
        deployment.simulator.fault("status", "drop_request", times=2)

    monkeypatch.setattr(Marketplace, "confirm", confirmed)
    deployment.press(page)
    deployment.let_time_pass(3)
    assert deployment.simulator.state(4564) == "active"
    assert deployment.simulator.telephony()


# Leaving


@pytest.mark.usefixtures("page")
def test_telephony_stays_on_while_a_sibling_lives(deployment: Deployment) -> None:
    leave(deployment, 4564)
    assert deployment.simulator.calls("disable") == []
    assert deployment.simulator.telephony()
    leave(deployment, 4232)
    assert len(deployment.simulator.calls("disable")) == 1
    assert not deployment.simulator.telephony()
    # The chain's row keeps no token that opens nothing any more.
    assert deployment.simulator.crm_token not in str(deployment.rows("CHAINS_TABLE"))


def leave(deployment: Deployment, location_id: int) -> None:
    deployment.simulator.disconnect(location_id, webhook="never")
    deployment.webhook(deployment.event(location_id))
    deployment.let_time_pass(3)


def test_a_reconnect_enables_telephony_again(deployment: Deployment, key: str) -> None:
    leave(deployment, 4564)
    leave(deployment, 4232)
    page = deployment.connect(4564)
    assert page.telephony == {4564: "on"}
    assert deployment.simulator.telephony()
    assert ring(deployment, key) == "sent"


def test_a_late_uninstall_does_not_disable_a_fresh_reconnect(deployment: Deployment) -> None:
    deployment.connect(4564, 4232)
    deployment.simulator.disconnect(4564, webhook="never")
    deployment.simulator.disconnect(4232, webhook="never")
    deployment.connect(4564)
    deployment.webhook(deployment.event(4564))
    deployment.webhook(deployment.event(4232))
    deployment.let_time_pass(40)
    assert deployment.simulator.telephony()
    assert deployment.simulator.calls("disable") == []


@pytest.mark.usefixtures("page")
def test_a_thaw_enables_telephony_again(deployment: Deployment) -> None:
    """Nobody says what a freeze does to it."""
    deployment.simulator.expire(4564)
    deployment.webhook(deployment.event(4564, "freeze"))
    deployment.let_time_pass(1)
    before = len(deployment.simulator.calls("enable"))
    deployment.webhook(deployment.hosted(4564))
    deployment.let_time_pass(3)
    assert len(deployment.simulator.calls("enable")) == before + 1


# The door


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize("wrong", [None, "", "pbx_", "not a key", "ключ"])
def test_without_the_key_nothing_goes(deployment: Deployment, wrong: Any) -> None:
    status, answer = deployment.call(ringing(), wrong)
    assert status == 401
    assert answer["success"] is False
    assert deployment.simulator.calls("event") == []


@pytest.mark.usefixtures("page")
def test_another_account_s_key_opens_nothing(deployment: Deployment) -> None:
    stranger = Owner(id=7777, email="stranger@example.com")
    others = deployment.connect(4777, owner=stranger).pbx_key
    assert others
    status, answer = deployment.call({**ringing(), "at": at(deployment)}, others)
    assert (status, answer["error"]) == (403, "location_id: not a location of this account")
    event = {**finished(), "started_at": at(deployment)}
    assert deployment.call(event, others)[0] == 403
    deployment.drain_calls()
    assert deployment.rows("CALLS_TABLE") == []
    assert deployment.simulator.calls("event") == []


def test_a_key_with_another_secret_is_refused(deployment: Deployment, key: str) -> None:
    forged = key[:-1] + ("A" if key[-1] != "A" else "B")
    assert deployment.call(ringing(), forged)[0] == 401


def test_the_key_may_be_a_basic_password(deployment: Deployment, key: str) -> None:
    credentials = base64.b64encode(f"pbx:{key}".encode()).decode()
    http = {
        "version": "2.0",
        "rawPath": "/calls",
        "headers": {"Authorization": f"Basic {credentials}", "content-type": "application/json"},
        "requestContext": {"http": {"method": "POST", "path": "/calls"}},
        "body": json.dumps({**ringing(), "at": at(deployment)}),
    }
    assert deployment.invoke("calls", http)["statusCode"] == 202


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"type": "wake-up", "key": "k"}, "type: must be ringing or finished"),
        ({"type": "dial"}, "type: must be ringing or finished"),
        ({"call_id": ""}, "call_id: "),
        ({"location_id": "a"}, "location_id: "),
        ({"line": ""}, "line: "),
        ({"at": "yesterday"}, "at: must be an ISO 8601 time with an offset"),
    ],
)
def test_bad_input_gets_a_clear_error(
    deployment: Deployment, key: str, wrong: dict[str, Any], why: str
) -> None:
    status, answer = deployment.call({**ringing(), "at": at(deployment), **wrong}, key)
    assert status == 400
    assert answer["error"].startswith(why)
    assert deployment.simulator.calls("event") == []


# Pop-ups


def test_who_rings_is_shown(deployment: Deployment, key: str) -> None:
    assert ring(deployment, key, phone="+1 (315) 555-0175") == "sent"
    [shown] = deployment.simulator.pop_ups()
    assert (shown.phone, shown.line, shown.user) == ("+13155550175", "+13155550176", "101")


def test_a_call_is_shown_once(deployment: Deployment, key: str) -> None:
    """Through a ring group, transfers and repeats."""
    outcomes = [ring(deployment, key, extension=str(101 + n)) for n in range(4)]
    assert outcomes == ["sent"] + 3 * ["shown before, or the call is over"]
    assert len(deployment.simulator.pop_ups()) == 1


def test_a_call_that_is_over_is_not_shown(deployment: Deployment, key: str) -> None:
    end(deployment, key)
    deployment.drain_calls()
    assert ring(deployment, key) == "shown before, or the call is over"
    assert deployment.simulator.pop_ups() == []


def test_a_late_pop_up_is_dropped_and_counted(
    deployment: Deployment, key: str, logged: Callable[[], str]
) -> None:
    logged()
    assert ring(deployment, key, ago_s=21) == "too late"
    assert "PopUpLate" in logged()
    assert ring(deployment, key, ago_s=19) == "sent"


def test_who_hides_is_not_shown(deployment: Deployment, key: str) -> None:
    assert ring(deployment, key, phone="anonymous") == "the caller hides"


def test_a_frozen_location_takes_no_calls_and_thawed_it_takes_all(
    deployment: Deployment, key: str, logged: Callable[[], str]
) -> None:
    prove(deployment, key)
    deployment.simulator.expire(4564)
    deployment.webhook(deployment.event(4564, "freeze"))
    deployment.let_time_pass(1)
    logged()
    assert ring(deployment, key) == "the location takes no calls"
    end(deployment, key)
    settle(deployment)
    log = logged()
    assert "PopUpClosed" in log
    assert "CallHeld" in log
    assert len(deployment.simulator.saved_calls(4564)) == 1
    deployment.webhook(deployment.hosted(4564))
    deployment.let_time_pass(3)
    assert [call.call_id for call in deployment.simulator.saved_calls(4564)] == ["first", "c-1"]
    assert ring(deployment, key, call_id="c-2") == "sent"


def test_a_pop_up_that_the_platform_does_not_take_is_no_error(
    deployment: Deployment, key: str
) -> None:
    deployment.simulator.fault("event", "status", status=500)
    assert ring(deployment, key) == "the platform did not take it"


# History


def test_a_call_is_saved_as_it_was(deployment: Deployment, key: str) -> None:
    answer = end(deployment, key, recording_url=LINK, phone="13155550175")
    assert answer["left_out"] == []
    settle(deployment)
    [saved] = deployment.simulator.saved_calls()
    assert (saved.direction, saved.phone, saved.line) == (
        "incoming",
        "+13155550175",
        "+13155550176",
    )
    assert (saved.user, saved.duration, saved.status, saved.link, saved.call_id) == (
        "101",
        90,
        "success",
        LINK,
        "c-1",
    )
    assert saved.date == deployment.clock() - timedelta(seconds=96)


def test_accepted_is_no_proof_seen_is(deployment: Deployment, key: str) -> None:
    end(deployment, key)
    settle(deployment)
    assert state(deployment) == "sent"
    deployment.clock.advance(seconds=11)
    deployment.drain_calls()
    assert state(deployment) == "confirmed"


@pytest.mark.usefixtures("page")
def test_a_queue_may_be_filled_by_others(deployment: Deployment) -> None:
    deployment.take_call({**finished(), "started_at": at(deployment, 90)})
    settle(deployment)
    assert [call.call_id for call in deployment.simulator.saved_calls()] == ["c-1"]


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("{", "invalid: not JSON"),
        ({**finished(), "started_at": "soon"}, "invalid: started_at: "),
        ({**ringing(), "at": "2026-11-01T10:10:00Z"}, "invalid: ringing is for POST /calls"),
        (
            {**finished(location_id=9999), "started_at": "2026-11-01T10:10:00Z"},
            "invalid: location_id: not of this account",
        ),
        (
            {**finished(), "account_id": "x", "started_at": "2026-11-01T10:10:00Z"},
            "invalid: location_id: not of this account",
        ),
    ],
)
def test_what_is_no_call_becomes_a_dead_letter_with_its_reason(
    deployment: Deployment, message: Any, why: str
) -> None:
    assert deployment.take_call(message) == []
    [(_body, reason)] = deployment.dead_letters("CallsDeadLetters")
    assert reason.startswith(why)


@pytest.mark.parametrize(
    "link",
    [
        "http://records.example/1.mp3",
        "https://evil.example/1.mp3",
        "https://records.example@evil.example/1.mp3",
        "https://records.example:8443/1.mp3",
        "https://records.example\\@evil.example/1",
        "javascript:alert(1)",
        "https://records.example.evil.example/1",
    ],
)
def test_a_link_that_is_not_allowed_is_left_out_and_the_call_saved(
    deployment: Deployment, key: str, link: str, logged: Callable[[], str]
) -> None:
    answer = end(deployment, key, recording_url=link)
    assert answer["left_out"] == ["recording_url: not https, or not on a host of RecordingHosts"]
    settle(deployment)
    [saved] = deployment.simulator.saved_calls()
    assert saved.link == ""
    assert "RecordingLinkRefused" in logged()


def test_no_number_link_or_key_is_in_the_log(
    deployment: Deployment, key: str, logged: Callable[[], str]
) -> None:
    ring(deployment, key)
    end(deployment, key, recording_url=LINK)
    settle(deployment)
    deployment.let_time_pass(2)
    log = logged()
    assert "pop-up" in log
    assert secrets_in(log, deployment.simulator) == []
    for secret in (key, "3155550175", "records.example"):
        assert secret not in log


LEGS: dict[str, dict[str, Any]] = {
    "not picked up": {"answered": False, "duration_s": 0, "extension": "102", "leg": True},
    "picked up": {"answered": True, "duration_s": 30, "extension": "103", "leg": True},
    "transferred": {"answered": True, "duration_s": 60, "extension": "104", "leg": True},
    "the call": {"answered": True, "duration_s": 60, "extension": "104", "recording_url": LINK},
}


def legs_of(order: tuple[str, ...], deployment: Deployment, key: str, call_id: str) -> None:
    began = at(deployment, 100)
    for name in order:
        event = {**finished(call_id=call_id, **LEGS[name]), "started_at": began}
        assert deployment.call(event, key)[0] == 202


def test_in_whatever_order_legs_report_one_entry_is_saved_and_answered_wins(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    orders = list(permutations(LEGS))
    for number, order in enumerate(orders):
        legs_of(order, deployment, key, f"p-{number}")
        settle(deployment)
    saved = [call for call in deployment.simulator.saved_calls() if call.call_id != "first"]
    assert sorted(call.call_id for call in saved) == sorted(f"p-{n}" for n in range(len(orders)))
    facts = {(call.status, call.duration, call.user, call.link) for call in saved}
    assert facts == {("success", 60, "104", LINK)}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_permutation_and_duplication_of_legs_is_one_entry(
    deployment: Deployment, data: st.DataObject
) -> None:
    if not hasattr(deployment, "numbered"):
        key = deployment.connect(4564).pbx_key
        prove(deployment, key)
        deployment.numbered = (key, 0)  # type: ignore[attr-defined]  # of this test alone
    key, number = deployment.numbered  # type: ignore[attr-defined]
    deployment.numbered = (key, number + 1)  # type: ignore[attr-defined]
    order = [*LEGS, *data.draw(st.lists(st.sampled_from(sorted(LEGS)), max_size=5))]
    shuffled = tuple(data.draw(st.permutations(order)))
    legs_of(shuffled, deployment, key, f"h-{number}")
    settle(deployment)
    [saved] = [call for call in deployment.simulator.saved_calls() if call.call_id == f"h-{number}"]
    assert (saved.status, saved.duration, saved.user) == ("success", 60, "104")


def test_a_missed_leg_does_not_overwrite_the_answered_call(
    deployment: Deployment, key: str
) -> None:
    """D24: nor does it make a second entry, days later."""
    prove(deployment, key)
    end(deployment, key)
    settle(deployment)
    end(deployment, key, answered=False, duration_s=0)
    deployment.let_time_pass(30)
    [saved] = [call for call in deployment.simulator.saved_calls() if call.call_id == "c-1"]
    assert saved.status == "success"


def test_a_call_told_as_missed_that_was_answered_after_all_is_told_again(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    end(deployment, key, answered=False, duration_s=0)
    settle(deployment)
    end(deployment, key)
    deployment.let_time_pass(10)
    saved = [call for call in deployment.simulator.saved_calls() if call.call_id == "c-1"]
    assert [call.status for call in saved] == ["missed", "success"]
    assert state(deployment) == "confirmed"


# Holes, doubles, outages


def test_a_call_that_was_accepted_and_lost_is_filled_in(deployment: Deployment, key: str) -> None:
    prove(deployment, key)
    end(deployment, key)
    settle(deployment)
    assert state(deployment) == "sent"
    deployment.simulator.lose_call("c-1")
    deployment.let_time_pass(15)
    assert [call.call_id for call in deployment.simulator.saved_calls()] == ["first", "c-1"]
    assert state(deployment) == "confirmed"


@pytest.mark.parametrize("days_ago", [400, 14, -2, -400])
@pytest.mark.parametrize("fault", [None, "drop_answer"])
def test_a_call_of_a_wrong_clock_is_saved_once_and_hinders_no_other(
    deployment: Deployment, key: str, days_ago: float, fault: str | None
) -> None:
    prove(deployment, key)
    if fault:
        deployment.simulator.fault("history", fault)
    end(deployment, key, call_id="odd", ago_s=86400 * days_ago, phone="+13155550199")
    settle(deployment)
    assert state(deployment, "odd") == "unconfirmed"
    end(deployment, key)
    settle(deployment)
    deployment.let_time_pass(30)
    assert [call.call_id for call in deployment.simulator.saved_calls()] == ["first", "odd", "c-1"]
    assert state(deployment) == "confirmed"
    # Nothing of it is due for ever.
    before = len(deployment.simulator.calls("calls"))
    deployment.let_time_pass(60, step=5)
    assert len(deployment.simulator.calls("calls")) == before


@pytest.mark.parametrize("fault", ["drop_answer", "html_done", "empty", "cut_answer"])
def test_an_answer_that_is_lost_doubles_nothing(
    deployment: Deployment, key: str, fault: str
) -> None:
    prove(deployment, key)
    deployment.simulator.fault("history", fault)
    end(deployment, key)
    settle(deployment)
    deployment.let_time_pass(30)
    assert [call.call_id for call in deployment.simulator.saved_calls()] == ["first", "c-1"]
    assert state(deployment) == "confirmed"


@pytest.mark.parametrize("fault", ["drop_request", "html", "success_false"])
def test_a_request_that_is_lost_leaves_no_hole(
    deployment: Deployment, key: str, fault: str
) -> None:
    prove(deployment, key)
    deployment.simulator.fault("history", fault)
    end(deployment, key)
    settle(deployment)
    deployment.let_time_pass(30)
    assert [call.call_id for call in deployment.simulator.saved_calls()] == ["first", "c-1"]


def test_a_list_that_lags_doubles_nothing(deployment: Deployment, key: str) -> None:
    prove(deployment, key)
    deployment.simulator.save_after_s = 200
    end(deployment, key)
    settle(deployment)
    deployment.let_time_pass(20)
    assert len(deployment.simulator.calls("history")) == 2
    assert state(deployment) == "confirmed"


def test_a_proxy_that_drops_the_body_of_a_get_is_asked_by_query(
    deployment: Deployment, key: str
) -> None:
    deployment.simulator.drops_get_bodies = True
    prove(deployment, key)
    assert [call.status for call in deployment.simulator.calls("calls")] == [422, 200]


def test_a_worker_that_dies_while_sending_leaves_it_to_a_look(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    end(deployment, key)
    settle(deployment, seconds=0)
    account_id = deployment.connection(4564).account_id
    before = deployment.calls.get(f"{account_id}#c-1")
    assert before is not None
    rules = CallPolicy(60, 30, 20, 5, (10, 60, 300), 259200)
    line = deployment.connection(4564).chain_key
    deployment.calls.save(rules_of.claimed(before, line, deployment.clock(), rules))
    deployment.let_time_pass(30)
    assert [call.call_id for call in deployment.simulator.saved_calls()] == ["first", "c-1"]
    assert state(deployment) == "confirmed"


def test_history_of_days_ago_is_not_made_good(deployment: Deployment, key: str) -> None:
    prove(deployment, key)
    leave(deployment, 4564)
    end(deployment, key)
    settle(deployment)
    assert state(deployment) == "held"
    deployment.let_time_pass(4 * 24 * 60, step=60)
    deployment.connect(4564)
    deployment.let_time_pass(5)
    assert state(deployment) == "expired"
    assert [call.call_id for call in deployment.simulator.saved_calls()] == ["first"]


def test_history_of_yesterday_is_made_good_after_a_reconnect(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    leave(deployment, 4564)
    end(deployment, key)
    settle(deployment)
    deployment.let_time_pass(24 * 60, step=60)
    deployment.connect(4564)
    deployment.let_time_pass(5)
    assert [call.call_id for call in deployment.simulator.saved_calls()] == ["first", "c-1"]


# The attack: a token is not signed, so a stranger's would carry the salon's callers away


def with_token(address: str, token: str) -> str:
    before, _, after = address.partition("crm_token=")
    return f"{before}crm_token={token}&{after.partition('&')[2]}"


def test_a_link_with_another_token_changes_nothing_of_what_is_connected(
    deployment: Deployment, key: str, logged: Callable[[], str]
) -> None:
    simulator = deployment.simulator
    attackers = simulator.add_chain(6666, 666)
    address = with_token(simulator.redirect(4564), attackers)
    logged()
    page = deployment.visit(address)
    assert page.telephony == {4564: "other token"}
    assert "another CRM token in a link" in logged()
    # Nor does a form that is sent with it.
    ticket = deployment.visit(with_token(simulator.grant(4777), attackers)).fields["ticket"]
    simulator.disconnect(4777, webhook="never")
    deployment.post({"ticket": ticket})
    deployment.post(deployment.visit(address).fields or {"ticket": ticket})
    assert deployment.connection(4564).crm_token == simulator.crm_token
    assert ring(deployment, key) == "sent"
    assert simulator.pop_ups(attackers) == []


def test_a_stranger_s_location_does_not_change_the_token_of_a_chain_that_he_names(
    deployment: Deployment, key: str, logged: Callable[[], str]
) -> None:
    """The chain's number is not signed either: a token is of the location that brought it."""
    simulator = deployment.simulator
    attackers = simulator.add_chain(6666, 666)
    address = simulator.grant(666).replace("salon_group_id=6666", "salon_group_id=2001")
    page = deployment.press(deployment.visit(address))
    assert page.telephony == {666: "new token"}
    assert "CrmTokenChanged" in logged()
    assert ring(deployment, key) == "sent"
    assert (len(simulator.pop_ups()), simulator.pop_ups(attackers)) == (1, [])


def test_a_fresh_grant_with_a_stranger_s_token_is_found_out_by_the_first_call(
    deployment: Deployment, key: str, logged: Callable[[], str]
) -> None:
    simulator = deployment.simulator
    prove(deployment, key)
    attackers = simulator.add_chain(6666, 666)
    simulator.disconnect(4564, webhook="never")
    address = with_token(simulator.grant(4564), attackers)
    page = deployment.press(deployment.visit(address))
    assert page.telephony == {4564: "new token"}
    log = logged()
    assert "CrmTokenChanged" in log
    for number in range(5):
        end(deployment, key, call_id=f"c-{number}")
    deployment.let_time_pass(15)
    assert "TelephonyStopped" in logged()
    assert deployment.connection(4564).telephony is CrmTokenState.STOPPED
    # One caller was carried away, and no other ever will be.
    stolen = [call.call_id for call in simulator.saved_calls() if call.crm_token == attackers]
    assert len(stolen) == 1
    assert ring(deployment, key, call_id="c-9") == "the location takes no calls"
    deployment.let_time_pass(60)
    assert len([c for c in simulator.saved_calls() if c.crm_token == attackers]) == 1
    # The sibling, whose token is another, is not touched.
    assert ring(deployment, key, location_id=4232, call_id="c-10") == "sent"
    # The owner connects again, and what was held comes into his history.
    simulator.disconnect(4564, webhook="never")
    deployment.connect(4564)
    deployment.let_time_pass(20)
    ours = {c.call_id for c in simulator.saved_calls(4564) if c.crm_token == simulator.crm_token}
    assert {f"c-{number}" for number in range(5)} - set(stolen) <= ours


def test_a_location_found_active_takes_no_token_from_a_link(deployment: Deployment) -> None:
    """Only a fresh pending grant may bring one: anybody's link would do otherwise."""
    simulator = deployment.simulator
    simulator.grant(4564, private=True)
    deployment.clock.advance(minutes=5)
    fields = deployment.visit(simulator.grant(4232)).fields
    simulator.disconnect(4232, webhook="never")
    simulator.grant(4232, private=True)
    page = deployment.visit(simulator.redirect(4564))
    assert "connect" not in page.buttons
    assert deployment.post({**fields, "action": "connect"}).standings == {4232: "installed"}
    deployment.let_time_pass(3)
    assert page.standings[4564] == "installed"
    assert deployment.rows("CONNECTIONS_TABLE") == []
    assert simulator.calls("enable") == []


def test_a_list_that_we_may_not_read_is_an_alarm_and_stops_nothing(
    deployment: Deployment, key: str, logged: Callable[[], str]
) -> None:
    deployment.simulator.may_list_calls = False
    for number in range(3):
        end(deployment, key, call_id=f"c-{number}")
    deployment.let_time_pass(20)
    assert "CallListRefused" in logged()
    assert deployment.connection(4564).telephony is CrmTokenState.UNCHECKED
    assert len(deployment.simulator.saved_calls()) == 3
    deployment.simulator.may_list_calls = True
    deployment.let_time_pass(120, step=5)
    assert deployment.connection(4564).telephony is CrmTokenState.PROVEN
