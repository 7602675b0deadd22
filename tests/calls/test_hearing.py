"""The attack with another CRM token, which nobody signs: no salon's callers go elsewhere."""

from collections.abc import Callable

import pytest

from local.simulator import Owner
from shared.connections.crm_token import CrmTokenState
from tests.calls.telling import end, prove, ring
from tests.deployment import Deployment

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
    assert "another CRM token" in logged()
    assert ring(deployment, key) == "sent"
    assert (len(simulator.pop_ups()), simulator.pop_ups(attackers)) == (1, [])


@pytest.mark.usefixtures("key")
def test_a_stranger_neither_causes_nor_hides_the_warning_of_another_account(
    deployment: Deployment,
) -> None:
    """He names their chain, so that his token would be the one that it had before."""
    simulator = deployment.simulator
    attackers = simulator.add_chain(6666, 666)
    stranger = Owner(9999, "Mallory", "13155559999", "mallory@example.com")
    address = simulator.grant(666, owner=stranger).replace("group_id=6666", "group_id=2001")
    page = deployment.press(deployment.visit(address), country="US")
    assert page.telephony == {666: "on"}
    # The owner's next location has the token that his chain has always had.
    assert deployment.connect(4777).telephony == {4777: "on"}
    # And the stranger's is another one, even if he has shown it under that number.
    deployment.press(deployment.visit(address))
    simulator.disconnect(4564, webhook="never")
    page = deployment.press(deployment.visit(with_token(simulator.grant(4564), attackers)))
    assert page.telephony == {4564: "new token"}


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
    assert "another CRM token" in log
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


def test_the_list_of_a_location_that_has_left_is_nobody_s_to_read(
    deployment: Deployment, key: str, logged: Callable[[], str]
) -> None:
    """Its last call is looked for when the uninstall was told, and is not settled yet."""
    end(deployment, key, call_id="c-1")
    deployment.drain_calls()
    deployment.simulator.disconnect(4564, webhook="never")
    deployment.simulator.fault("status", "status", status=500, times=5)
    deployment.webhook(deployment.event(4564))
    logged()
    deployment.let_time_pass(2)
    assert deployment.connection(4564).live
    assert [each.status for each in deployment.simulator.calls("calls")] == [404]
    assert "CallListRefused" not in logged()


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
