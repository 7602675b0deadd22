"""Rows of the platform's list of calls that cannot be read: no call is missing because of them."""

from collections.abc import Callable
from typing import Any

import pytest

from local.simulator.marketplace import Marketplace
from local.simulator.telephony import SavedCall
from shared.connections.crm_token import CrmTokenState
from tests.calls.telling import end, prove, settle, state
from tests.deployment import Deployment

DRIFTED = [
    {"duration": None},
    {"duration": 90.5},
    {"id": None},
    {"status": "answered"},
    {"type": "in"},
    {"caller_phone": None},
    {"call_date": "01.11.2026 12:00"},
]


@pytest.fixture
def drift(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The platform writes rows of its list in another way: all, or those of one number."""
    known = Marketplace._row

    def written(phone: str = "", **changes: Any) -> None:
        def row(self: Marketplace, call: SavedCall) -> dict[str, Any]:
            told = known(self, call)
            return {**told, **changes} if call.phone.startswith(phone) else told

        monkeypatch.setattr(Marketplace, "_row", row)

    return written


def sent(deployment: Deployment, call_id: str = "c-1") -> int:
    told = deployment.simulator.calls("history")
    return sum(each.body.get("call_id") == call_id for each in told)


@pytest.mark.parametrize("changes", DRIFTED)
def test_a_call_that_an_unreadable_row_may_be_is_not_sent_again(
    deployment: Deployment,
    key: str,
    drift: Callable[..., None],
    logged: Callable[[], str],
    changes: dict[str, Any],
) -> None:
    prove(deployment, key)
    drift(**changes)
    end(deployment, key)
    deployment.let_time_pass(15)
    assert (sent(deployment), state(deployment)) == (1, "sent")
    lines = logged()
    assert "call list not readable" in lines
    assert "CallListRefused" in lines
    # It is not looked for for ever.
    deployment.let_time_pass(3 * 60, step=5)
    assert (sent(deployment), state(deployment)) == (1, "unconfirmed")


def test_a_form_that_is_readable_again_finds_the_call(
    deployment: Deployment, key: str, drift: Callable[..., None]
) -> None:
    prove(deployment, key)
    drift(duration=None)
    end(deployment, key)
    deployment.let_time_pass(10)
    drift()
    deployment.let_time_pass(60)
    assert (sent(deployment), state(deployment)) == (1, "confirmed")


@pytest.mark.parametrize("changes", DRIFTED)
def test_an_unreadable_row_stops_no_telephony_and_keeps_no_call_back(
    deployment: Deployment, key: str, drift: Callable[..., None], changes: dict[str, Any]
) -> None:
    drift(**changes)
    for number in range(3):
        end(deployment, key, call_id=f"c-{number}")
    deployment.let_time_pass(20)
    assert deployment.connection(4564).telephony is CrmTokenState.UNCHECKED
    assert len(deployment.simulator.saved_calls()) == 3
    drift()
    end(deployment, key, call_id="c-3", phone="+13155550200")
    deployment.let_time_pass(20)
    assert deployment.connection(4564).telephony is CrmTokenState.PROVEN


def test_an_unclear_call_behind_an_unreadable_row_is_sent_once_more(
    deployment: Deployment, key: str, drift: Callable[..., None]
) -> None:
    """As where there is no list: one entry too many does less harm than none."""
    prove(deployment, key)
    drift(duration=None)
    deployment.simulator.fault("history", "drop_answer", times=9)
    end(deployment, key)
    deployment.let_time_pass(60)
    assert (sent(deployment), state(deployment)) == (2, "unconfirmed")


def test_a_row_of_another_time_hides_no_hole(
    deployment: Deployment, key: str, drift: Callable[..., None]
) -> None:
    prove(deployment, key)
    end(deployment, key, call_id="foreign", phone="+13155550299")
    deployment.let_time_pass(20)
    drift("+13155550299", duration=None)
    end(deployment, key)
    settle(deployment)
    deployment.simulator.lose_call("c-1")
    deployment.let_time_pass(30)
    assert (sent(deployment), state(deployment)) == (2, "confirmed")
