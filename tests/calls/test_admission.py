"""Which calls a location takes now."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.calls import admission
from shared.calls.call import Call, CallState
from shared.chains.chain import Chain, ChainState
from shared.connections.connection import Connection, State
from shared.connections.crm_token import CrmTokenState

NOW = datetime(2026, 11, 1, 10, 10, tzinfo=UTC)
OPEN = Connection(
    location_id=4564,
    state=State.ACTIVE,
    generation=1,
    account_id="a",
    opened_at=NOW,
    crm_token="crm-token",
    chain_key="k",
    telephony=CrmTokenState.PROVEN,
)
CALL = Call(
    key="a#1",
    call_id="1",
    account_id="a",
    location_id=4564,
    state=CallState.WAITING,
    received_at=NOW,
)
CHAIN = Chain("k", "crm-token", (4564,), ChainState.ON, enabled=True)


@pytest.mark.parametrize(
    ("connection", "why"),
    [
        (None, "not the account's"),
        (replace(OPEN, account_id="b"), "not the account's"),
        (replace(OPEN, state=State.FROZEN), "frozen"),
        (replace(OPEN, state=State.PENDING), "not connected"),
        (replace(OPEN, state=State.DISABLED), "not connected"),
        (replace(OPEN, crm_token=None), "without telephony"),
        (replace(OPEN, telephony=CrmTokenState.STOPPED), "telephony is stopped"),
    ],
)
def test_a_closed_location_says_why(connection: Connection | None, why: str) -> None:
    assert why in admission.closed(connection, "a")


def test_an_open_location_takes_calls() -> None:
    assert admission.closed(OPEN, "a") == ""
    assert admission.kept_back(OPEN, CHAIN, CALL, ()) == ""


def test_no_call_is_saved_before_telephony_is_enabled() -> None:
    assert admission.kept_back(OPEN, None, CALL, ()) != ""
    assert admission.kept_back(OPEN, replace(CHAIN, enabled=False), CALL, ()) != ""


def test_one_call_at_a_time_proves_a_token() -> None:
    unproven = replace(OPEN, telephony=CrmTokenState.UNPROVEN)
    other = replace(CALL, key="a#2", state=CallState.SENDING, chain_key="k")
    assert "prove" in admission.kept_back(unproven, CHAIN, CALL, [other])
    for harmless in (
        replace(other, key=CALL.key),
        replace(other, state=CallState.CONFIRMED),
        replace(other, chain_key="another"),
    ):
        assert admission.kept_back(unproven, CHAIN, CALL, [harmless]) == ""
