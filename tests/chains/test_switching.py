"""Telephony is switched on with a connection and off when the last of a chain leaves."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.altegio.marketplace import Marketplace
from tests.calls.telling import ring
from tests.deployment import Deployment, Page


@pytest.fixture
def page(deployment: Deployment) -> Page:
    """The page that the owner sees after connecting two locations of a chain."""
    return deployment.connect(4564, 4232)


@pytest.fixture
def key(page: Page) -> str:
    return page.pbx_key


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


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize("status", [400, 403, 422])
def test_telephony_is_disabled_although_the_platform_refuses_that_once(
    deployment: Deployment, status: int, logged: Callable[[], str]
) -> None:
    deployment.simulator.fault("disable", "status", status=status)
    leave(deployment, 4564)
    leave(deployment, 4232)
    assert not deployment.simulator.telephony()
    assert '"TelephonyRefused"' not in logged()


@pytest.mark.usefixtures("page")
def test_what_the_platform_refuses_to_disable_twice_is_let_be(deployment: Deployment) -> None:
    deployment.simulator.fault("disable", "status", status=404, times=10)
    leave(deployment, 4564)
    leave(deployment, 4232)
    deployment.let_time_pass(60)
    assert len(deployment.simulator.calls("disable")) == 2
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
