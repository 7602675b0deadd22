"""An unclear call, where the list shows it and where there is no list: never lost, never silent."""

from datetime import UTC, datetime, timedelta

import pytest

from local.simulator import Owner
from shared.calls import call as rules_of
from shared.calls import search
from shared.calls.call import CallState
from shared.calls.leg import Leg
from shared.calls.settings import CallPolicy
from tests.bench import costs
from tests.calls.telling import end, prove, settle, state
from tests.deployment import Deployment


def sent(deployment: Deployment, call_id: str = "c-1") -> int:
    """How often a call went out."""
    told = deployment.simulator.calls("history")
    return sum(each.body.get("call_id") == call_id for each in told)


def why(deployment: Deployment) -> str:
    account_id = deployment.connection(4564).account_id
    call = deployment.calls.get(f"{account_id}#c-1")
    assert call is not None
    return call.why


def hide_the_list(deployment: Deployment, how: str) -> None:
    if how == "no token":
        deployment.set_user_token("-")
        deployment.restart(USER_TOKEN_PARAMETER="/altegio/none")
    elif how == "a wrong token":
        deployment.set_user_token("wrong")
        deployment.restart()
    else:
        deployment.simulator.may_list_calls = False


WITHOUT = ["no token", "a wrong token", "no right"]


@pytest.mark.parametrize("how", WITHOUT)
@pytest.mark.parametrize("status", [500, 503])
def test_without_a_list_an_unclear_call_is_sent_once_more(
    deployment: Deployment, key: str, how: str, status: int
) -> None:
    prove(deployment, key)
    hide_the_list(deployment, how)
    deployment.simulator.fault("history", "status", status=status)
    end(deployment, key)
    deployment.let_time_pass(15)
    assert sent(deployment) == 2
    assert [call.call_id for call in deployment.simulator.saved_calls()] == ["first", "c-1"]


@pytest.mark.parametrize("how", WITHOUT)
def test_without_a_list_a_call_that_is_unclear_twice_ends_visibly(
    deployment: Deployment, key: str, how: str
) -> None:
    prove(deployment, key)
    hide_the_list(deployment, how)
    deployment.simulator.fault("history", "status", status=503, times=100)
    end(deployment, key)
    deployment.let_time_pass(30)
    assert (sent(deployment), state(deployment)) == (2, "unconfirmed")
    assert "unclear twice, and the list of calls cannot be read" in why(deployment)
    # Nothing of it is due for ever.
    deployment.let_time_pass(24 * 60, step=60)
    assert sent(deployment) == 2


def test_the_list_may_be_there_again_before_it_is_sent_once_more(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    deployment.simulator.may_list_calls = False
    deployment.simulator.fault("history", "drop_answer")
    end(deployment, key)
    settle(deployment)
    deployment.let_time_pass(1)
    deployment.simulator.may_list_calls = True
    deployment.let_time_pass(15)
    assert (sent(deployment), state(deployment)) == (1, "confirmed")


def test_too_many_requests_are_no_missing_list(deployment: Deployment, key: str) -> None:
    prove(deployment, key)
    deployment.simulator.fault("history", "drop_answer")
    deployment.simulator.fault("calls", "status", status=429, times=6)
    end(deployment, key)
    deployment.let_time_pass(120)
    assert (sent(deployment), state(deployment)) == (1, "confirmed")


@pytest.mark.parametrize("phone", ["anonymous", "+999123456789"])
@pytest.mark.parametrize("times", [1, 100])
def test_a_call_that_no_list_can_show_is_sent_once_more_if_the_platform_failed(
    deployment: Deployment, key: str, phone: str, times: int
) -> None:
    prove(deployment, key)
    deployment.simulator.fault("history", "status", status=503, times=times)
    end(deployment, key, phone=phone)
    deployment.let_time_pass(30)
    assert (sent(deployment), state(deployment)) == (2, "unconfirmed")
    saved = [call.call_id for call in deployment.simulator.saved_calls()]
    assert saved == ["first", "c-1"][: 2 if times == 1 else 1]


def test_a_call_that_no_list_can_show_is_not_doubled_when_nothing_was_answered(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    deployment.simulator.fault("history", "drop_answer")
    end(deployment, key, phone="anonymous")
    deployment.let_time_pass(30)
    assert (sent(deployment), state(deployment)) == (1, "unconfirmed")


@pytest.mark.parametrize("days_ago", [-400, -2, 14, 400])
@pytest.mark.parametrize("failed", [True, False])
def test_a_call_of_a_wrong_clock_is_sent_once_more_only_if_the_platform_failed(
    days_ago: int, *, failed: bool
) -> None:
    now, rules = datetime(2026, 11, 1, tzinfo=UTC), CallPolicy()
    began = now - timedelta(days=days_ago)
    leg = Leg(4564, True, 90, began, "incoming", "+13155550175", "+13155550176", "101", "")
    rings = rules_of.ringing("a#c-1", "a", "c-1", 4564, now)
    ended = rules_of.heard(rings, leg, ended=True, now=now, rules=rules)
    for again in (CallState.WAITING if failed else CallState.UNCONFIRMED, CallState.UNCONFIRMED):
        if ended.state is CallState.WAITING:
            claimed = rules_of.claimed(ended, "chain", now, rules)
            ended = search.unknown(claimed, "answered 503", now, rules, failed=failed)
        assert ended.state is again
    assert ended.attempt == (2 if failed else 1)


def test_a_look_reads_no_more_however_many_calls_there_were_in_the_days_before() -> None:
    with costs.measured() as stack:
        deployment = stack.deployment
        key = deployment.connect(1, owner=Owner(id=1)).pbx_key
        deployment.let_time_pass(40)
        costs.talk(deployment, key, "first")

        def read(call_id: str) -> float:
            deployment.let_time_pass(3 * 60, step=60)
            stack.since()
            costs.talk(deployment, key, call_id)
            return stack.since()["read units"]

        few = read("few")
        for each in range(40):
            costs.talk(deployment, key, f"c-{each}")
        assert read("many") == few


def test_where_all_callers_hide_a_call_reads_no_more_for_those_of_the_days_before() -> None:
    """None of them proves the token, as the list names no caller."""
    with costs.measured() as stack:
        deployment = stack.deployment
        key = deployment.connect(4564, owner=Owner(id=1)).pbx_key

        def read(call_id: str) -> float:
            deployment.clock.advance(hours=2)
            stack.since()
            hide(call_id)
            return stack.since()["read units"]

        def hide(call_id: str) -> None:
            end(deployment, key, call_id=call_id, phone="anonymous")
            settle(deployment)
            assert state(deployment, call_id) == "unconfirmed"

        hide("first")
        few = read("few")
        for each in range(40):
            hide(f"c-{each}")
        assert read("many") == few


def test_a_hidden_caller_waits_while_another_proves_the_token(
    deployment: Deployment, key: str
) -> None:
    end(deployment, key, call_id="first")
    end(deployment, key, call_id="hidden", phone="anonymous")
    settle(deployment)
    assert (state(deployment, "first"), state(deployment, "hidden")) == ("sent", "held")
    deployment.clock.advance(seconds=11)
    deployment.drain_calls()
    assert state(deployment, "hidden") == "unconfirmed"


def test_a_look_begins_with_the_call_that_waits_the_longest(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    deployment.simulator.fault("history", "drop_answer", times=2)
    deployment.simulator.fault("calls", "status", status=429, times=100)
    end(deployment, key)
    settle(deployment)
    deployment.let_time_pass(180)
    earlier = deployment.calls.get(f"{deployment.connection(4564).account_id}#c-1")
    assert earlier is not None
    assert earlier.due_at is not None
    deployment.clock.at = earlier.due_at
    deployment.simulator.clear_faults()
    deployment.simulator.fault("history", "drop_answer")
    end(deployment, key, call_id="later", phone="+13155550200")
    settle(deployment)
    deployment.clock.advance(seconds=15)
    deployment.reconcile()
    assert (state(deployment), state(deployment, "later")) == ("confirmed", "confirmed")


def test_a_hole_is_filled_though_the_last_call_of_its_line_was_days_ago(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    deployment.let_time_pass(3 * 24 * 60, step=60)
    end(deployment, key)
    settle(deployment)
    deployment.simulator.lose_call("c-1")
    deployment.let_time_pass(30)
    assert (sent(deployment), state(deployment)) == (2, "confirmed")
