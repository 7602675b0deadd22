"""A location's telephony of the operator: what it shows, and what it changes."""

from datetime import timedelta
from typing import Any

import pytest

from shared.connections.crm_token import CrmTokenState
from tests.deployment import Deployment, Page, finished, ringing
from tests.ops.operator import Operator

pytestmark = pytest.mark.usefixtures("logged")


@pytest.fixture
def page(deployment: Deployment) -> Page:
    return deployment.connect(4564, 4232)


@pytest.fixture
def key(page: Page) -> str:
    return page.pbx_key


def end(deployment: Deployment, key: str, call_id: str, **changes: Any) -> None:
    began = (deployment.clock() - timedelta(seconds=90)).isoformat()
    event = {**finished(call_id, **changes), "started_at": began}
    assert deployment.call(event, key)[0] == 202


def stop(deployment: Deployment, key: str) -> None:
    """A call is saved for a stranger's list, so it is in no list of the location."""
    deployment.simulator.route(4564, line="+13155559999")
    end(deployment, key, "c-1")
    deployment.let_time_pass(15)
    assert deployment.connection(4564).telephony is CrmTokenState.STOPPED


def test_it_shows_the_chain_the_proof_and_the_last_calls(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    before = operator("telephony", "4564")
    assert "on trial: the CRM token is not proven by a call yet" in before
    assert "enabled" in before
    assert "siblings   4232" in before
    assert "none, in 14 days" in before
    end(deployment, key, "c-1", recording_url="https://records.example/c-1.mp3")
    deployment.let_time_pass(5)
    after = operator("telephony", "4564")
    assert "on: a saved call was in the location's own list" in after
    assert "1 confirmed" in after
    assert "incoming" in after
    assert "…75" in after
    # Neither whole numbers nor links.
    assert "5550175" not in after
    assert "records.example" not in after


def test_a_recording_that_came_late_is_shown_if_it_is_asked_for(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    end(deployment, key, "c-1", recording_url="https://records.example/c-1.mp3")
    end(deployment, key, "c-2")
    deployment.let_time_pass(10)
    assert "No recording came late" in operator("telephony", "4564", "--recordings")
    end(deployment, key, "c-2", recording_url="https://records.example/c-2.mp3", duration_s=91)
    shown = operator("telephony", "4564")
    assert "its recording came late" in shown
    assert "records.example" not in shown
    asked = operator("telephony", "4564", "--recordings")
    assert "https://records.example/c-2.mp3" in asked
    assert "c-1.mp3" not in asked


def test_a_call_that_was_refused_and_a_number_that_is_none_are_seen(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    end(deployment, key, "c-1", phone="+999123456789")
    deployment.let_time_pass(10)
    deployment.simulator.fault("history", "status", status=422, message="No such line.")
    end(deployment, key, "c-2")
    deployment.let_time_pass(10)
    shown = operator("telephony", "4564")
    assert "…89?" in shown
    assert "refused" in shown
    assert "422 No such line." in shown


def test_calls_that_were_refused_are_sent_again(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    end(deployment, key, "c-1")
    deployment.let_time_pass(10)
    assert "no call of the location stands as refused" in operator(
        "telephony", "4564", "--send-refused", "--do"
    )
    assert operator.code == 1
    deployment.simulator.fault("history", "status", status=422, times=2)
    end(deployment, key, "c-2")
    end(deployment, key, "c-3")
    # By now they are too old for anything else.
    deployment.let_time_pass(5 * 24 * 60, step=60)
    shown = operator("telephony", "4564", "--send-refused")
    assert "send again  2 calls" in shown
    assert "Nothing was changed yet" in shown
    assert len(deployment.simulator.calls("history")) == 3
    asked = operator("telephony", "4564", "--send-refused", "--do")
    assert "Done: 2 calls will be sent again" in asked
    deployment.let_time_pass(10)
    saved = [call.call_id for call in deployment.simulator.saved_calls()]
    assert sorted(saved) == ["c-1", "c-2", "c-3"]
    assert "3 confirmed" in operator("telephony", "4564")


@pytest.mark.usefixtures("page")
def test_of_what_is_not_connected_it_says_so(operator: Operator) -> None:
    assert "was never connected here" in operator("telephony", "999")
    assert operator.code == 1


@pytest.mark.parametrize(
    ("option", "after"), [("--resume", CrmTokenState.UNPROVEN), ("--trust", CrmTokenState.PROVEN)]
)
def test_what_was_stopped_goes_on(
    deployment: Deployment, operator: Operator, key: str, option: str, after: CrmTokenState
) -> None:
    stop(deployment, key)
    assert "stopped: a saved call was not in the location's own list" in operator(
        "telephony", "4564"
    )
    end(deployment, key, "c-2")
    deployment.let_time_pass(2)
    assert len(deployment.simulator.saved_calls()) == 1
    deployment.simulator.route(4564, line="+13155550176")
    # Nothing without --do.
    assert "Nothing was changed yet" in operator("telephony", "4564", option)
    assert deployment.connection(4564).telephony is CrmTokenState.STOPPED
    assert "Done: on" in operator("telephony", "4564", option, "--do")
    assert deployment.connection(4564).telephony is after
    # What was held goes out.
    deployment.let_time_pass(10)
    assert [call.call_id for call in deployment.simulator.saved_calls()] == ["c-1", "c-2"]
    words = [line.words for line in deployment.journal.of_location(4564)]
    said = "trusted" if option == "--trust" else "resumed"
    assert f"telephony {said} by anna" in words
    assert "is in that state already" in operator("telephony", "4564", "--trust", "--do")


def test_a_location_without_a_token_cannot_be_resumed(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.connect(4564, telephony=False)
    assert "brought no CRM token" in operator("telephony", "4564")
    assert "not connected with a CRM token" in operator("telephony", "4564", "--resume", "--do")
    assert operator.code == 1


class TestOnMoto:
    """What is in memory knows no calls of dead letters."""

    @pytest.fixture
    def deployment(self, on_moto: Deployment) -> Deployment:
        return on_moto

    def test_letters_of_calls_are_judged_and_replayed(
        self, deployment: Deployment, operator: Operator, key: str
    ) -> None:
        end(deployment, key, "c-1")
        began = deployment.clock().isoformat()
        deployment.take_call({**finished("c-2", 5151), "started_at": began})
        deployment.take_call("{}")
        deployment.take_call({**ringing("c-3"), "at": began})
        assert "no dead letters" in operator("letters")
        text = operator("letters", "--queue", "calls")
        assert "location 5151 is not of this account" in text
        assert "type: must be ringing or finished" in text
        assert "only the door takes it" in text
        assert "Safe to replay: 0 of 3" in text
        assert "Nothing was replayed" in operator("replay", "all", "--queue", "calls", "--do")
        deployment.connect(5151)
        assert "Safe to replay: 1 of 3" in operator("letters", "--queue", "calls")
        assert "Replayed: 1 letter" in operator("replay", "all", "--queue", "calls", "--do")
        deployment.let_time_pass(10)
        assert {call.call_id for call in deployment.simulator.saved_calls()} == {"c-1", "c-2"}
        assert "Safe to replay: 0 of 2" in operator("letters", "--queue", "calls")
