"""A location on one screen: why its pop-ups do not come, why it was switched off, its telephony."""

import json
from datetime import timedelta
from typing import Any

import pytest

from ops import screen
from shared.connections.crm_token import CrmTokenState
from tests.deployment import Deployment, Page, finished, payment, ringing
from tests.ops.operator import Operator
from tests.ops.states import bought, put

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


def test_who_was_missed_and_not_called_back_is_told(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    for number in range(4):
        silent = {"answered": False, "duration_s": 0}
        end(deployment, key, f"c-{number}", phone=f"+1315555017{number}", **silent)
    deployment.clock.advance(minutes=50)
    end(deployment, key, "c-4", phone="+13155550170", direction="outgoing")
    shown = " ".join(operator("location", "4564").split())
    assert "missed 3 not called back; …73 52 min ago; …72 52 min ago; …71 52 min ago " in shown
    assert "called back 0 of 0 within an hour, 0 of 0 within a day" in shown
    deployment.clock.advance(minutes=20)
    shown = " ".join(operator("location", "4564").split())
    assert "called back 1 of 4 within an hour, 0 of 0 within a day" in shown


def test_it_shows_the_chain_the_proof_and_the_last_calls(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    before = operator("location", "4564")
    assert "on trial: the CRM token is not proven by a call yet" in before
    assert "enabled" in before
    assert "same chain   4232" in before
    assert "none, in 14 days" in before
    end(deployment, key, "c-1", recording_url="https://records.example/c-1.mp3")
    deployment.let_time_pass(5)
    after = operator("location", "4564")
    # When that was last, as only a call tells whether it is on in Altegio.
    began = screen.moment(deployment.clock() - timedelta(minutes=5, seconds=90))
    proven = f"on, as we asked: a saved call was in the location's own list, the last at {began}"
    assert proven in " ".join(after.split())
    assert "1 confirmed" in after
    assert "incoming" in after
    assert "…75" in after
    # Neither whole numbers nor links.
    assert "5550175" not in after
    assert "records.example" not in after


def test_a_call_is_told_by_its_id_with_a_recording_that_came_late(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    end(deployment, key, "c-1", recording_url="https://records.example/c-1.mp3")
    end(deployment, key, "c-2")
    deployment.let_time_pass(10)
    assert "records.example" not in operator("call", "4564", "c-1")
    end(deployment, key, "c-2", recording_url="https://records.example/c-2.mp3", duration_s=91)
    assert "its recording came late" in operator("location", "4564")
    shown = operator("call", "4564", "c-2")
    assert "https://records.example/c-2.mp3 came late" in shown
    assert "who          …75 on line …76" in shown
    assert "5550175" not in shown
    [told] = operator.json("call", "4564", "c-2")
    assert (told["call_id"], told["state"], told["location_id"]) == ("c-2", "confirmed", 4564)
    assert {f"{name} {it}" for name, it in told["facts"].items()} <= {
        " ".join(line.split()) for line in shown.splitlines()
    }
    assert operator.code == 0
    assert "location 4564 has no call c-9" in operator("call", "4564", "c-9")
    assert operator.code == 2


def test_a_call_that_only_rings_is_told_too(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    event = {**ringing("c-1"), "at": deployment.clock().isoformat()}
    assert deployment.call(event, key)[0] == 202
    assert "ringing" in operator("call", "4564", "c-1")
    assert "pop-up sent" in operator("call", "4564", "c-1")


def test_a_pop_up_that_the_platform_refused_is_not_called_shown(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    deployment.simulator.fault("event", "status", status=404, message="Not found.")
    event = {**ringing("c-1"), "at": deployment.clock().isoformat()}
    assert deployment.call(event, key)[0] == 202
    assert "shown" not in operator("call", "4564", "c-1")
    facts = operator.json("location", "4564")["facts"]
    assert facts["last pop-up"] == "none of a call that is kept"
    assert "not shown" in facts["pop-ups"]
    assert "404" in facts["dropped"]


def test_a_call_that_was_refused_and_a_number_that_is_none_are_seen(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    end(deployment, key, "c-1", phone="+999123456789")
    deployment.let_time_pass(10)
    deployment.simulator.fault("history", "status", status=422, message="No such line.")
    end(deployment, key, "c-2")
    deployment.let_time_pass(10)
    shown = operator("location", "4564")
    assert "…89?" in shown
    assert "refused" in shown
    assert "422 No such line." in shown


def test_calls_that_were_refused_are_sent_again(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    end(deployment, key, "c-1")
    deployment.let_time_pass(10)
    assert "no call of the location stands as refused" in operator(
        "location", "4564", "--send-refused", "--do"
    )
    assert operator.code == 1
    deployment.simulator.fault("history", "status", status=422, times=2)
    end(deployment, key, "c-2")
    end(deployment, key, "c-3")
    # By now they are too old for anything else.
    deployment.let_time_pass(5 * 24 * 60, step=60)
    shown = operator("location", "4564", "--send-refused")
    assert "send again  2 calls" in shown
    assert "Nothing was changed yet" in shown
    assert len(deployment.simulator.calls("history")) == 3
    asked = operator("location", "4564", "--send-refused", "--do")
    assert "Done: 2 calls will be sent again" in asked
    deployment.let_time_pass(10)
    saved = [call.call_id for call in deployment.simulator.saved_calls()]
    assert sorted(saved) == ["c-1", "c-2", "c-3"]
    assert "3 confirmed" in operator("location", "4564")


@pytest.mark.parametrize(
    ("option", "after"), [("--resume", CrmTokenState.UNPROVEN), ("--trust", CrmTokenState.PROVEN)]
)
def test_what_was_stopped_goes_on(
    deployment: Deployment, operator: Operator, key: str, option: str, after: CrmTokenState
) -> None:
    stop(deployment, key)
    assert "stopped: a saved call was not in the location's own list" in operator(
        "location", "4564"
    )
    end(deployment, key, "c-2")
    deployment.let_time_pass(2)
    assert len(deployment.simulator.saved_calls()) == 1
    deployment.simulator.route(4564, line="+13155550176")
    # Nothing without --do.
    assert "Nothing was changed yet" in operator("location", "4564", option)
    assert deployment.connection(4564).telephony is CrmTokenState.STOPPED
    assert "Done: on" in operator("location", "4564", option, "--do")
    assert deployment.connection(4564).telephony is after
    # What was held goes out.
    deployment.let_time_pass(10)
    assert [call.call_id for call in deployment.simulator.saved_calls()] == ["c-1", "c-2"]
    words = [line.words for line in deployment.journal.of_location(4564)]
    said = "trusted" if option == "--trust" else "resumed"
    assert f"telephony {said} by anna" in words
    assert "is in that state already" in operator("location", "4564", "--trust", "--do")


def test_what_a_call_has_proven_is_not_resumed(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    end(deployment, key, "c-1")
    deployment.let_time_pass(5)
    before = deployment.connection(4564)
    assert before.telephony is CrmTokenState.PROVEN
    shown = operator("location", "4564", "--resume", "--do")
    assert "Nothing was changed: a saved call has proven the CRM token, so there is" in shown
    assert operator.code == 1
    assert deployment.connection(4564) == before


def test_a_location_without_a_token_cannot_be_resumed(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.connect(4564, telephony=False)
    assert "brought no CRM token" in operator("location", "4564")
    assert "not connected with a CRM token" in operator("location", "4564", "--resume", "--do")
    assert operator.code == 1


# My pop-ups do not come


def troubles(operator: Operator, location_id: int = 4564) -> list[str]:
    """What is wrong with a location, and what to type for it."""
    told = operator.json("location", str(location_id))["troubles"]
    return [f"{it['whom']}: {it['what']} > {it['command']}" for it in told]


@pytest.mark.usefixtures("page")
def test_a_location_of_which_nothing_is_wrong_says_nothing(operator: Operator) -> None:
    assert troubles(operator) == []


def test_a_chain_that_was_stopped_is_told_as_such_and_goes_on_as_a_whole(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    """The routing of one is wrong, and the whole chain stands still, as none was proven yet."""
    stop(deployment, key)
    for location_id in (4564, 4232):
        [told] = troubles(operator, location_id)
        assert told.startswith("locations 4232, 4564: telephony is stopped, as a saved")
        assert "call of location 4564 (line +13155550176) was not in its list, and no call" in told
        # What tells the two causes from each other, and what is done first for each.
        assert (
            "First see in Altegio's telephony settings whether that line is routed to that" in told
        )
        assert "if it is not, route it; if it is, the CRM token is another's, and the owner" in told
        assert told.endswith("> location 4564 --resume")
    # What was seen is told, and not what may be concluded from it.
    assert "is not its own" not in operator("account", "4232") + operator("location", "4232")
    deployment.simulator.route(4564, line="+13155550176")
    assert "location  4232, 4564" in operator("location", "4232", "--resume")
    assert deployment.connection(4564).telephony is CrmTokenState.STOPPED
    operator("location", "4232", "--resume", "--do")
    states = {deployment.connection(it).telephony for it in (4564, 4232)}
    assert states == {CrmTokenState.UNPROVEN}
    assert troubles(operator) == []


@pytest.mark.usefixtures("page")
def test_a_frozen_location_says_since_when_and_what_would_bring_it_back(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.clock.advance(days=8)
    deployment.reconcile()
    deployment.simulator.expire(4564)
    at = deployment.clock()
    deployment.webhook(deployment.event(4564, "freeze"))
    deployment.let_time_pass(5)
    [told] = troubles(operator)
    assert told.startswith("location 4564: is frozen, so neither pop-ups nor calls are taken")
    # And not since it was connected.
    assert operator.json("location", "4564")["facts"]["frozen"] == f"since {screen.moment(at)}"
    assert "freeze webhook, " in operator.json("location", "4564")["facts"]["webhook"]


@pytest.mark.usefixtures("page")
def test_without_the_platform_the_journal_says_since_when_it_is_frozen(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.clock.advance(days=8)
    deployment.reconcile()
    deployment.simulator.expire(4564)
    deployment.webhook(deployment.event(4564, "freeze"))
    deployment.reconcile()
    at = deployment.clock()
    deployment.let_time_pass(60)
    deployment.simulator.fault("status", "status", status=500)
    frozen = operator.json("location", "4564")["facts"]["frozen"]
    assert frozen == f"since {screen.moment(at)}, by our journal"


def test_a_location_without_a_crm_token_or_a_key_says_so(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.connect(4564, telephony=False)
    accounts = deployment.rows("ACCOUNTS_TABLE")
    [row] = [it for it in accounts if it["key"].startswith("account#")]
    account_id = row["key"].partition("#")[2]
    account = deployment.accounts.of_id(account_id)
    assert account is not None
    deployment.accounts.give_key(account, "", deployment.clock())
    told = troubles(operator)
    assert any("was connected without a CRM token" in it for it in told)
    assert any(it.endswith(f"> account {account_id} --new-key") for it in told)


# I paid and was switched off


@pytest.mark.usefixtures("page")
def test_who_paid_and_was_switched_off_is_told_what_became_of_the_payment(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.clock.advance(days=8)
    deployment.reconcile()
    deployment.simulator.expire(4564)
    deployment.webhook(deployment.event(4564, "freeze"))
    deployment.reconcile()
    deployment.simulator.fault("payment", "status", status=422, message="No such sum.", times=2)
    deployment.bill(bought(deployment, "inv-1", 0, 30))
    deployment.let_time_pass(3)
    told = troubles(operator)
    assert told[0].startswith("payment#inv-1 of location 4564: REJECTED (990.99 EUR), No such sum.")
    assert told[0].endswith("> payment payment#inv-1")
    assert "location 4564: is frozen; payment#inv-1 is REJECTED: No such sum." in told[1]
    operator("payment", "inv-1", "--send", "--do")
    deployment.let_time_pass(30)
    assert deployment.connection(4564).state == "active"
    assert troubles(operator) == []


@pytest.mark.usefixtures("page")
def test_a_dead_letter_of_a_location_is_told_with_it(
    deployment: Deployment, operator: Operator
) -> None:
    put(deployment, json.dumps(payment("inv-1", currency="eur!")))
    put(deployment, json.dumps(payment("inv-2", 4232, currency="eur!")))
    [told] = troubles(operator)
    assert told.startswith("inv-1 of location 4564: is a dead letter: as it was told > letters ")
    money = operator.json("location", "4564")["facts"]["money"]
    assert money == "nothing was stored; beside 1 dead letter"


# Dead letters of calls


def test_letters_of_calls_are_judged_and_replayed(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    end(deployment, key, "c-1")
    began = deployment.clock().isoformat()
    deployment.take_call({**finished("c-2", 5151), "started_at": began})
    deployment.take_call("{}")
    deployment.take_call({**ringing("c-3"), "at": began})
    assert "no dead letters" in operator("letters", "--queue", "billing")
    text = operator("letters", "--queue", "calls")
    assert "location 5151 is not of this account" in text
    assert "type: must be ringing or finished" in text
    assert "only the door takes it" in text
    assert "Safe to replay: 0 of 3" in text
    assert "they would come back" in operator(
        "letters", "all", "--queue", "calls", "--replay", "--do"
    )
    deployment.connect(5151)
    assert "Safe to replay: 1 of 3" in operator("letters", "--queue", "calls")
    assert "1 letter replayed" in operator("letters", "all", "--queue", "calls", "--replay", "--do")
    deployment.let_time_pass(10)
    assert {call.call_id for call in deployment.simulator.saved_calls()} == {"c-1", "c-2"}
    assert "Safe to replay: 0 of 2" in operator("letters", "--queue", "calls")
