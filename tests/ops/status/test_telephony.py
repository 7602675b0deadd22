"""Of telephony, `status` names the chain, the list or the line that stands in the way."""

import re
from typing import Any

import pytest

from local.simulator import Owner
from local.simulator.marketplace import Marketplace
from shared.connections.crm_token import CrmTokenState
from tests.calls import telling
from tests.deployment import Deployment
from tests.ops.operator import Operator, told, type_what_it_says
from tests.ops.states import end

pytestmark = pytest.mark.usefixtures("logged")

LINES = {4564: "+13155550176", 4232: "+13155550199"}


def test_a_chain_that_was_stopped_goes_on_as_it_says(
    deployment: Deployment, operator: Operator
) -> None:
    """The line of one is routed to no location, so calls of it are in no list."""
    key = deployment.connect(4232, 4777).pbx_key
    deployment.simulator.route(4232, line="+13155559999")
    for call_id in ("c-1", "c-2"):
        end(deployment, key, call_id)
        deployment.let_time_pass(15)
    assert deployment.connection(4777).telephony is CrmTokenState.STOPPED
    [line] = told(operator)
    assert line.startswith("broken locations 4232, 4777: telephony is stopped, as a saved call of")
    assert "a saved call of location 4232 (line +13155550176) was not in its list" in line
    deployment.simulator.route(4232, line="+13155550176")
    assert "Nothing was changed yet" in type_what_it_says(operator, line)
    assert "Done" in type_what_it_says(operator, f"{line} --do")
    assert told(operator) == []
    deployment.let_time_pass(15)
    assert deployment.connection(4232).telephony is CrmTokenState.PROVEN


def test_a_proven_line_that_is_routed_elsewhere_by_now_is_told_until_it_is_back(
    deployment: Deployment, operator: Operator
) -> None:
    """Also of calls of whose token nothing is in doubt: nobody else would miss them."""
    key = deployment.connect(4232, 4777).pbx_key
    end(deployment, key, "c-1")
    deployment.let_time_pass(15)
    assert deployment.connection(4232).telephony is CrmTokenState.PROVEN
    deployment.simulator.route(4777, line="+13155550176")
    assert told(operator) == []
    for call_id in ("c-2", "c-3"):
        end(deployment, key, call_id)
    deployment.let_time_pass(15)
    [line] = told(operator)
    assert line.startswith("broken location 4232: 2 calls were sent of line +13155550176 extension")
    assert "101, and are not in Altegio's list of this location, where others were until 20" in line
    assert "the line is routed to another location by now, or to none" in line
    assert line.removesuffix(" > location 4232") in " ".join(told(operator, "location", "4232"))
    assert deployment.connection(4232).telephony is CrmTokenState.PROVEN
    deployment.simulator.route(4232, line="+13155550176")
    end(deployment, key, "c-4")
    deployment.let_time_pass(15)
    assert told(operator) == []


def two_of_a_chain(deployment: Deployment) -> str:
    """With a line each, whose calls were in their lists; returns the PBX key."""
    key = deployment.connect(4564, 4232).pbx_key
    calls_of_each(deployment, key, "before")
    deployment.let_time_pass(15)
    return key


def calls_of_each(deployment: Deployment, key: str, name: str, *of: int) -> None:
    for location_id in of or LINES:
        call: dict[str, Any] = {"call_id": f"{name}-{location_id}", "line": LINES[location_id]}
        telling.end(deployment, key, location_id=location_id, extension=None, **call)


def telephony_is(deployment: Deployment, *, on: bool) -> None:
    simulator = deployment.simulator
    simulator._telephony.switch(simulator.crm_token, on=on)


def test_telephony_that_is_off_for_a_chain_is_told_once_for_all_of_it(
    deployment: Deployment, operator: Operator
) -> None:
    """Each location names the other: that is what tells it from a line that is routed elsewhere."""
    key = two_of_a_chain(deployment)
    telephony_is(deployment, on=False)
    calls_of_each(deployment, key, "off")
    deployment.let_time_pass(15)
    [line] = told(operator)
    assert line.startswith(
        f"broken locations 4232, 4564: 2 calls were sent of line {LINES[4232]}, {LINES[4564]}, and"
        " are not in Altegio's list of these locations, where others were until 20"
    )
    assert "of which no call is listed since, so most likely telephony is off for all of it" in line
    for location_id in LINES:
        [it] = operator.json("location", str(location_id))["troubles"]
        assert f"{it['whom']}: {it['what']}" in line
        chain = operator.json("location", str(location_id))["facts"]["chain"]
        assert re.fullmatch("we enabled telephony 20.+Z, as Altegio confirmed", chain)
    telephony_is(deployment, on=True)
    calls_of_each(deployment, key, "on")
    deployment.let_time_pass(15)
    assert told(operator) == []


def test_one_call_of_another_of_the_chain_is_enough_beside_several_of_one(
    deployment: Deployment, operator: Operator
) -> None:
    key = two_of_a_chain(deployment)
    telephony_is(deployment, on=False)
    for number in range(3):
        calls_of_each(deployment, key, f"off-{number}", 4564)
    calls_of_each(deployment, key, "off", 4232)
    deployment.let_time_pass(8)
    [line] = told(operator)
    assert line.startswith("attention locations 4232, 4564: 4 calls were sent of line ")
    assert "most likely telephony is off for all of it" in line
    [it] = operator.json("location", "4232")["troubles"]
    assert it["what"] in line
    # It is on again, and only one of them has rung since.
    deployment.let_time_pass(10)
    telephony_is(deployment, on=True)
    calls_of_each(deployment, key, "on", 4564)
    deployment.let_time_pass(5)
    [line] = told(operator)
    assert "location 4232: 1 call was sent of line" in line
    assert "So were calls of location 4564, of the same chain, and are listed again, so tel" in line
    calls_of_each(deployment, key, "on", 4232)
    deployment.let_time_pass(5)
    assert told(operator) == []


def test_a_line_that_is_out_while_others_of_its_chain_go_on_is_routed_elsewhere(
    deployment: Deployment, operator: Operator
) -> None:
    key = two_of_a_chain(deployment)
    for line in LINES.values():
        deployment.simulator.route(4564, line=line)
    calls_of_each(deployment, key, "away", 4232)
    deployment.let_time_pass(5)
    calls_of_each(deployment, key, "well", 4564)
    deployment.let_time_pass(15)
    [line] = told(operator)
    assert line.startswith(f"broken location 4232: 1 call was sent of line {LINES[4232]}, and is")
    assert "Calls of location 4564, of the same chain, are listed since, so telephony is on" in line
    assert operator.json("location", "4232")["troubles"][0]["what"] in line
    assert told(operator, "location", "4564") == []


def test_of_one_location_alone_the_owner_is_asked_what_tells_the_causes_apart(
    deployment: Deployment, operator: Operator
) -> None:
    key = two_of_a_chain(deployment)
    telephony_is(deployment, on=False)
    calls_of_each(deployment, key, "off", 4564)
    deployment.let_time_pass(15)
    [line] = told(operator)
    assert "Ask its owner whether telephony is on in Altegio. If not, have it switched on." in line
    assert operator.json("location", "4564")["troubles"][0]["what"] in line


@pytest.mark.parametrize("late", [False, True])
def test_several_calls_in_a_row_are_told_while_they_are_sent_once_more(
    deployment: Deployment, operator: Operator, *, late: bool
) -> None:
    """But not if the list was late for the one before, too."""
    key = two_of_a_chain(deployment)
    if late:
        telephony_is(deployment, on=False)
        calls_of_each(deployment, key, "late", 4564)
        deployment.let_time_pass(6)
        telephony_is(deployment, on=True)
        deployment.let_time_pass(6)
    telephony_is(deployment, on=False)
    for name in ("a", "b"):
        calls_of_each(deployment, key, name, 4564)
    deployment.let_time_pass(3)
    calls_of_each(deployment, key, "c", 4564)
    deployment.let_time_pass(4)
    assert told(operator) == []
    deployment.let_time_pass(3)
    if late:
        assert told(operator) == []
        return
    [line] = told(operator)
    assert line.startswith("attention location 4564: 3 calls were sent of line")
    assert "they are sent once more now, as the list may be late. Its CRM token is right." in line
    telephony_is(deployment, on=True)
    calls_of_each(deployment, key, "on", 4564)
    deployment.let_time_pass(15)
    assert told(operator) == []


def test_a_proven_sibling_makes_the_routing_the_likelier_cause(
    deployment: Deployment, operator: Operator
) -> None:
    """The line of 4232 is routed to 4564, whose own are well; 4777 only shares the chain."""
    key = deployment.connect(4564, 4232, 4777).pbx_key
    telling.prove(deployment, key)
    deployment.simulator.route(4564, line="+13155550188")
    telling.end(deployment, key, call_id="s-1", location_id=4232, line="+13155550188")
    deployment.let_time_pass(15)
    # Its pop-ups do not come for that, and so that is no trouble of its own.
    for number in range(3):
        telling.ring(deployment, key, call_id=f"r-{number}", location_id=4777)
    for call_id, of in (("s-2", 4777), ("s-3", 4232)):
        telling.end(deployment, key, call_id=call_id, location_id=of)
    deployment.let_time_pass(2)
    [line] = told(operator)
    assert line.startswith("broken locations 4232, 4777: telephony is stopped, as a saved call of")
    assert "and no call of these has proven their CRM token yet. A call has proven" in line
    assert "A call has proven the same CRM token for location 4564, so the routing is the" in line
    [same] = told(operator, "location", "4777")
    assert same == line
    assert (
        operator.json("location", "4232")["facts"]["same chain"] == "4564 (proven), 4777 (stopped)"
    )

    shown = " ".join(type_what_it_says(operator, line).split())
    assert "call s-1 on line +13155550188, saved " in shown
    assert "was not in the list of 4232, and will not be, whatever is done now" in shown
    # The same evidence as on the first screen.
    assert "proven A call has proven the same CRM token for location 4564, so the routing" in shown
    assert "chain 4232 (stopped), 4564 (proven), 4777 (stopped)" in shown
    assert "held 2 calls go out: s-3 of 4232, s-2 of 4777; one of each location first" in shown
    assert "risk if the CRM token is a stranger's, he sees the caller of the first call" in shown
    shown = " ".join(operator("location", "4777", "--trust").split())
    assert "held 1 call goes out: s-2 of 4777 change" in shown
    assert "he sees all callers from now on, and nothing ends it" in shown


def test_a_sibling_of_another_account_that_is_proven_makes_the_token_the_likelier_cause(
    deployment: Deployment, operator: Operator
) -> None:
    """Somebody has connected a salon with the token of his own, so that its callers come to him."""
    stranger = Owner(9999, "Mallory", "13155559999", "mallory@example.com")
    theirs = deployment.connect(4564, owner=stranger).pbx_key
    telling.prove(deployment, theirs)
    key = deployment.connect(4232).pbx_key
    deployment.simulator.route(4564, line="+13155550188")
    telling.end(deployment, key, call_id="s-1", location_id=4232, line="+13155550188")
    deployment.let_time_pass(15)
    [line] = told(operator)
    assert "token for location 4564 of another account, so the likelier cause is that the" in line


def test_a_chain_that_the_platform_will_not_enable_is_named_with_its_words(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.simulator.fault("enable", "status", status=422, message="No such chain.", times=9)
    deployment.connect(4232)
    [line] = told(operator)
    assert "location 4232: telephony is not enabled: 422 No such chain." in line
    assert "It is tried again by itself, once an hour or sooner: have whoever publishes" in line
    deployment.simulator.clear_faults()
    deployment.let_time_pass(10)
    assert told(operator) == []


def test_a_list_of_calls_that_is_refused_is_named(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4232).pbx_key
    deployment.simulator.fault("calls", "status", status=403, message="No right.", times=99)
    end(deployment, key, "c-1")
    deployment.let_time_pass(5)
    [line] = told(operator)
    assert "location 4232: the list of calls is refused: 403 No right." in line
    assert "lacks the right to view Overview - Calls. Look in this order. 1. The user whose" in line
    assert "2. The application: in the Developer Cabinet, whether that right is on. 3. If " in line
    deployment.simulator.clear_faults()
    deployment.let_time_pass(60, step=5)
    assert told(operator) == []


def test_a_list_of_calls_with_rows_that_cannot_be_read_is_named(
    deployment: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = deployment.connect(4232).pbx_key
    with monkeypatch.context() as drift:
        drift.setattr(Marketplace, "_row", lambda _self, call: {"id": call.id})
        end(deployment, key, "c-1")
        deployment.let_time_pass(5)
        [line] = told(operator)
    assert "location 4232: rows of the list of calls cannot be read, and may be" in line
    assert line.endswith(
        "Ask Altegio whether its list of calls has another form now > location 4232"
    )
    deployment.let_time_pass(60, step=5)
    assert told(operator) == []


def test_without_a_user_token_it_says_so(connected: Deployment, operator: Operator) -> None:
    connected.set_user_token(" ")
    [line] = told(operator)
    assert line.startswith("attention /altegio/user-token: there is no user token")


def test_calls_that_wait_for_a_line_are_named(deployment: Deployment, operator: Operator) -> None:
    key = deployment.connect(4564, 4232).pbx_key
    telling.end(deployment, key, call_id="c-1", location_id=None, line="+13155550199")
    what = (
        "1 call waits, as nobody has entered of which location the line is: +13155550199. See"
        " first whether it is another customer's, whose PBX then has this customer's key: the"
        " command tells. If it is not, it is new as a rule: ask the customer of which location it"
        " is, and enter it > lines 4232"
    )
    name = operator.json("account", "4232")["name"]
    assert told(operator) == [f"attention account of {name}, locations 4232, 4564: {what}"]
    [same] = operator.json("location", "4564")["troubles"]
    assert same["command"] == "lines 4564"
    assert "--enter" in type_what_it_says(operator, told(operator)[0])
    operator("lines", "4232", "--enter", "+13155550199", "--do")
    # Although they are on their way yet.
    assert told(operator) == []
    deployment.let_time_pass(60, step=5)
    assert told(operator) == []


def test_a_list_of_a_location_that_altegio_knows_no_more_blames_nobody_s_right(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4232).pbx_key
    deployment.simulator.fault("calls", "status", status=404, message="Not found.", times=99)
    end(deployment, key, "c-1")
    deployment.let_time_pass(5)
    [line] = told(operator)
    assert "the list of calls is refused: 404 Not found." in line
    assert "So Altegio does not know the location any more, or not as ours" in line
    assert line.endswith("> location 4232")
    # It was restored there, before any call was looked for again.
    deployment.simulator.clear_faults()
    [line] = told(operator)
    assert "the list of calls was refused: 404 Not found. It is read again in " in line
    assert "Altegio shows it now" in line
    assert ("nothing is wrong any more" in operator("status"), operator.code) == (True, 0)
    deployment.let_time_pass(10)
    assert told(operator) == []
