"""The history: what the platform has of a call in the end, whatever fails on the way."""

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.calls import call as rules_of
from shared.calls.settings import CallPolicy
from shared.connections.accounts import Accounts
from tests.calls.telling import LINK, at, end, prove, ring, settle, state
from tests.deployment import Deployment, finished, ringing, secrets_in


def leave(deployment: Deployment, location_id: int) -> None:
    deployment.simulator.disconnect(location_id, webhook="never")
    deployment.webhook(deployment.event(location_id))
    deployment.let_time_pass(3)


# History


def test_what_is_told_of_a_call_that_is_overdue_wakes_it(
    deployment: Deployment, key: str, logged: Callable[[], str]
) -> None:
    """As the link to its recording, while the queue is long."""
    began = at(deployment, 90)
    for told in ({}, {"recording_url": LINK}):
        event = {**finished(), **told, "started_at": began}
        assert deployment.call(event, key)[0] == 202
        deployment.clock.advance(seconds=30)
    assert "nobody woken" not in logged()
    settle(deployment)
    [saved] = deployment.simulator.saved_calls()
    assert saved.link == LINK


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
def test_the_queue_reads_numbers_in_the_country_that_was_chosen_last(
    deployment: Deployment,
) -> None:
    account_id = deployment.connection(4564).account_id
    assert account_id is not None
    accounts = Accounts(deployment._dynamodb, deployment.environments["connect"]["ACCOUNTS_TABLE"])
    accounts.set_country(account_id, "DE")
    deployment.take_call({**finished("c-1", phone="030901820"), "started_at": at(deployment, 90)})
    accounts.set_country(account_id, "AT")
    deployment.take_call({**finished("c-2", phone="0316872800"), "started_at": at(deployment, 90)})
    found = {row["call_id"]: row["leg"]["phone"] for row in deployment.rows("CALLS_TABLE")}
    assert found == {"c-1": "+4930901820", "c-2": "+43316872800"}


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
    assert "recording link left out" in logged()


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
    rules = CallPolicy()
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


def test_what_is_held_is_read_in_the_country_that_was_chosen_meanwhile(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    leave(deployment, 4564)
    end(deployment, key, line="030 123456", phone="0151 23456789")
    settle(deployment)
    assert state(deployment) == "held"
    deployment.accounts.set_country(str(deployment.connection(4564).account_id), "DE")
    deployment.clock.advance(hours=1)
    deployment.connect(4564)
    deployment.let_time_pass(5)
    [call] = [call for call in deployment.simulator.saved_calls() if call.call_id == "c-1"]
    assert (call.phone, call.line) == ("+4915123456789", "+4930123456")


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
