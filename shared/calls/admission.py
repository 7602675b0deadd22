"""Whether a location takes a call now: pure rules of (connection, chain, call)."""

from collections.abc import Iterable

from shared.calls.call import LOOKED_FOR, Call, CallState
from shared.chains.chain import Chain
from shared.connections.connection import Connection, State
from shared.connections.crm_token import CrmTokenState


def closed(connection: Connection | None, account_id: str) -> str:
    """Why the location takes no call of an account now; empty if it does."""
    if connection is None or connection.account_id != account_id:
        return "the location is not the account's"
    if connection.state is State.FROZEN:
        return "the location is frozen"
    if connection.state is not State.ACTIVE:
        return "the location is not connected"
    if connection.crm_token is None:
        return "the location was connected without telephony"
    if connection.telephony is CrmTokenState.STOPPED:
        return "telephony is stopped: a saved call was not in the location's list"
    return ""


def kept_back(
    connection: Connection, chain: Chain | None, call: Call, others: Iterable[Call]
) -> str:
    """Why an open location's call is not saved yet; empty if it may be.

    Until its token is proven, one call is on its way at a time.
    """
    if chain is None or not chain.enabled:
        return "telephony is not enabled yet"
    if connection.telephony is not CrmTokenState.UNPROVEN:
        return ""
    on_its_way = (*LOOKED_FOR, CallState.SENDING)
    proving = (each for each in others if each.state in on_its_way and each.key != call.key)
    if any(each.chain_key == connection.chain_key for each in proving):
        return "another call has to prove the CRM token first"
    return ""
