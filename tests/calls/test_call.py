"""What ends a call for good, what is told again, and what its caller's number has to do with it."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest

from shared.altegio.client import Reply
from shared.altegio.outcome import NotTaken, Rejected
from shared.altegio.telephony import read_answer
from shared.calls import call as rules_of
from tests.altegio.replies import GARBAGE, REFUSAL, short
from tests.calls.telling import LINK, end, prove, ring, settle, state
from tests.deployment import Deployment, counted

LATE = "https://records.example/late.mp3"


def row(deployment: Deployment, call_id: str = "c-1") -> Any:
    [found] = [each for each in deployment.rows("CALLS_TABLE") if each["call_id"] == call_id]
    return found


def sent(deployment: Deployment) -> list[Any]:
    return [
        each.body
        for each in deployment.simulator.calls("history")
        if each.body.get("call_id") == "c-1"
    ]


# A number that is none


@pytest.mark.parametrize("phone", ["12345678901234567890", "+999123456789", "9" * 500])
def test_a_number_that_is_none_loses_no_call_and_is_told_to_the_pbx(
    deployment: Deployment, key: str, phone: str
) -> None:
    prove(deployment, key)
    assert ring(deployment, key, phone=phone) == "no country's number"
    answer = end(deployment, key, phone=phone)
    assert answer["left_out"] == ["phone: no country's number, so the call is saved without it"]
    deployment.let_time_pass(60)
    [saved] = [call for call in deployment.simulator.saved_calls() if call.call_id == "c-1"]
    assert (saved.phone, saved.status, saved.duration) == ("anonymous", "success", 90)
    # Kept as it was written, for the owner.
    assert row(deployment)["leg"]["written"].strip("+") == phone.strip("+")[:64]
    assert len(sent(deployment)) == 1
    assert [shown.phone for shown in deployment.simulator.pop_ups()] == []


@pytest.mark.parametrize("direction", ["incoming", "outgoing"])
@pytest.mark.parametrize("phone", ["123456", "101", "Anonymous123", "private123", "fax2mail"])
def test_a_short_number_outside_is_nobodys(
    deployment: Deployment, key: str, direction: str, phone: str
) -> None:
    prove(deployment, key)
    assert ring(deployment, key, phone=phone) == "no country's number"
    answer = end(deployment, key, phone=phone, direction=direction)
    assert answer["left_out"] == ["phone: no country's number, so the call is saved without it"]
    deployment.let_time_pass(10)
    assert [each["phone"] for each in sent(deployment)] == ["anonymous"]
    assert row(deployment)["leg"]["written"] == phone
    assert deployment.simulator.pop_ups() == []


def test_among_colleagues_a_short_number_is_one(deployment: Deployment, key: str) -> None:
    prove(deployment, key)
    assert end(deployment, key, phone="102", direction="internal")["left_out"] == []
    deployment.let_time_pass(10)
    assert [each["phone"] for each in sent(deployment)] == ["102"]


@pytest.mark.parametrize("line", ["trunk-1", "berlin1", "sip:berlin1@pbx.example", "main office"])
def test_a_line_that_is_no_number_is_sent_as_it_was_written(
    deployment: Deployment, key: str, line: str
) -> None:
    prove(deployment, key)
    ring(deployment, key, line=line)
    [told] = end(deployment, key, line=line)["left_out"]
    assert told.startswith("line: no number, so it is sent as it was written")
    deployment.let_time_pass(10)
    assert [each["diversion"] for each in sent(deployment)] == [line]
    # The simulated platform takes numbers only.
    [shown] = deployment.simulator.calls("event")
    assert shown.body["diversion"] == line


def test_a_line_is_cut_to_what_a_line_may_be(deployment: Deployment, key: str) -> None:
    prove(deployment, key)
    end(deployment, key, line="trunk-" * 20)
    deployment.let_time_pass(10)
    assert [each["diversion"] for each in sent(deployment)] == [("trunk-" * 20)[:32]]


def test_a_short_line_is_a_number(deployment: Deployment, key: str) -> None:
    prove(deployment, key)
    assert end(deployment, key, line="101")["left_out"] == []
    deployment.let_time_pass(10)
    assert [each["diversion"] for each in sent(deployment)] == ["101"]


# What the platform refuses


def test_a_call_that_is_refused_is_not_sent_again(
    deployment: Deployment, key: str, logged: Callable[[], str]
) -> None:
    prove(deployment, key)
    deployment.simulator.fault("history", "status", status=422, message="No.", times=1000)
    end(deployment, key)
    logged()
    deployment.let_time_pass(3 * 24 * 60, step=60)
    assert (state(deployment), len(sent(deployment))) == ("refused", 1)
    assert row(deployment)["why"] == "422 No."
    assert "due_at" not in row(deployment)
    assert "CallRefused" in counted(logged())


@pytest.mark.parametrize("body", [*GARBAGE, b'{"message":"Bad Request"}'], ids=short)
def test_a_400_that_is_not_the_platform_s_is_no_word_on_the_call(body: bytes) -> None:
    assert isinstance(read_answer(Reply(400, body)), NotTaken)
    assert read_answer(Reply(400, REFUSAL)) == Rejected("400 An error has occurred.", doubtful=True)


@pytest.mark.parametrize("body", [*GARBAGE, b'{"message":"Unprocessable Entity"}'], ids=short)
def test_a_422_is_one_whatever_it_says(body: bytes) -> None:
    assert read_answer(Reply(422, body)) == Rejected("422")


def test_a_400_is_believed_when_it_is_seen_twice(
    deployment: Deployment, key: str, logged: Callable[[], str]
) -> None:
    prove(deployment, key)
    deployment.simulator.fault("history", "status", status=400, message="No.", times=1000)
    end(deployment, key)
    logged()
    deployment.let_time_pass(4)
    assert (state(deployment), len(sent(deployment))) == ("waiting", 1)
    assert "CallRefused" not in counted(logged())
    deployment.let_time_pass(3 * 24 * 60, step=60)
    assert (state(deployment), len(sent(deployment))) == ("refused", 2)
    assert row(deployment)["why"] == "400 No."
    assert "CallRefused" in counted(logged())


def test_a_400_that_is_over_in_minutes_costs_no_call(deployment: Deployment, key: str) -> None:
    prove(deployment, key)
    deployment.simulator.fault("history", "status", status=400, times=5)
    for number in range(5):
        end(deployment, key, call_id=f"d-{number}")
    deployment.let_time_pass(15)
    assert {state(deployment, f"d-{number}") for number in range(5)} == {"confirmed"}


def test_the_second_400_comes_minutes_later_whatever_wakes_the_call(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    deployment.simulator.fault("history", "status", status=400, times=2)
    end(deployment, key, leg=True)
    deployment.let_time_pass(4 * 60 + 1, step=60)
    assert len(sent(deployment)) == 1
    # The call's own end is due at once.
    end(deployment, key, ago_s=4 * 3600 + 60 + 90, duration_s=91)
    settle(deployment)
    assert (state(deployment), len(sent(deployment))) == ("waiting", 2)
    deployment.let_time_pass(15)
    assert (state(deployment), len(sent(deployment))) == ("confirmed", 3)


def test_a_line_that_is_no_number_is_refused_once_and_hinders_no_other(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    end(deployment, key, line="main office")
    end(deployment, key, call_id="c-2")
    deployment.let_time_pass(24 * 60, step=60)
    assert (state(deployment), len(sent(deployment))) == ("refused", 1)
    assert state(deployment, "c-2") == "confirmed"


@pytest.mark.parametrize("status", [401, 403, 404, 429])
def test_a_word_on_the_token_is_none_on_the_call(
    deployment: Deployment, key: str, status: int
) -> None:
    prove(deployment, key)
    deployment.simulator.fault("history", "status", status=status)
    end(deployment, key)
    deployment.let_time_pass(30)
    assert state(deployment) == "confirmed"


def test_what_is_refused_as_missed_is_told_when_it_was_answered(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    deployment.simulator.fault("history", "status", status=422)
    end(deployment, key, answered=False, duration_s=0)
    settle(deployment)
    assert state(deployment) == "refused"
    end(deployment, key)
    deployment.let_time_pass(15)
    assert state(deployment) == "confirmed"
    assert [each["status"] for each in sent(deployment)] == ["missed", "success"]


# A recording that is ready late


@pytest.mark.parametrize("before", [None, LINK])
@pytest.mark.parametrize("minutes", [0, 1, 30])
def test_a_late_link_is_kept_and_the_call_not_told_again(
    deployment: Deployment, key: str, before: str | None, minutes: float
) -> None:
    prove(deployment, key)
    end(deployment, key, recording_url=before)
    settle(deployment)
    deployment.let_time_pass(minutes)
    # As much longer as the greeting that is recorded, so that this leg speaks for the call.
    end(deployment, key, recording_url=LATE, duration_s=91)
    deployment.let_time_pass(30)
    assert len(sent(deployment)) == 1
    call = deployment.calls.get(row(deployment)["key"])
    assert call is not None
    assert (call.state, call.late_link) == ("confirmed", LATE)


def test_a_link_that_comes_in_time_is_told(deployment: Deployment, key: str) -> None:
    prove(deployment, key)
    end(deployment, key)
    end(deployment, key, recording_url=LATE)
    settle(deployment)
    [told] = sent(deployment)
    assert told["link"] == LATE
    call = deployment.calls.get(row(deployment)["key"])
    assert call is not None
    assert call.late_link == ""


def test_a_call_that_is_told_again_for_a_reason_takes_its_late_link_along(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    end(deployment, key, answered=False, duration_s=0)
    settle(deployment)
    end(deployment, key, recording_url=LATE)
    deployment.let_time_pass(15)
    assert [each.get("link") for each in sent(deployment)] == [None, LATE]


def test_one_constant_tells_late_links_too(deployment: Deployment, key: str) -> None:
    prove(deployment, key)
    with patch.object(rules_of, "LATE_LINK_IS_TOLD", new=True):
        end(deployment, key)
        settle(deployment)
        for _ in range(3):
            end(deployment, key, recording_url=LATE)
            deployment.let_time_pass(15)
    assert [each.get("link") for each in sent(deployment)] == [None, LATE]
    assert state(deployment) == "confirmed"


def test_a_late_link_is_in_no_log(
    deployment: Deployment, key: str, logged: Callable[[], str]
) -> None:
    prove(deployment, key)
    end(deployment, key)
    settle(deployment)
    end(deployment, key, recording_url=LATE)
    deployment.let_time_pass(15)
    assert "records.example" not in logged()
