"""A location that was installed by another way than our page, given to an account by an operator.

As private applications are, or what an owner's page could not finish. No link takes such a
location, as nobody can tell whose it is: a person has to know. It is taken only as the platform
shows it at this moment, active, and only if no account has it here. Pure rules, no I/O.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from shared.altegio.status import Installed, Status, is_older
from shared.connections import lifecycle
from shared.connections.connection import Connection, State
from shared.connections.crm_token import CrmTokenState
from shared.connections.settings import LifecyclePolicy
from shared.states import change


class CannotBeTaken(Exception):
    """It cannot be taken now, for the reason in the text."""


_NOT_ACTIVE = {
    Installed.NO: "it is not installed in Altegio; its owner can connect it there",
    Installed.PENDING: "in Altegio it waits for the owner who granted it to press Connect here",
    Installed.FREEZED: "it is frozen in Altegio; it can be taken once it is active again",
}


def taken(
    before: Connection | None,
    location_id: int,
    status: Status,
    *,
    account_id: str,
    account_has: Iterable[Connection],
    why: str,
    now: datetime,
    rules: LifecyclePolicy,
) -> Connection:
    """Another generation, live: payments that were held for the location may go out now.

    Args:
        before: our row of it; None if there is none.
        location_id: which.
        status: the platform's word, of this very request.
        account_id: whose it is from now on.
        account_has: the account's other locations.
        why: who takes it, and what for.
        now: the present moment.
        rules: the delays.

    Raises:
        CannotBeTaken: it is not active there, somebody has it here, or the status is an old one.
    """
    if status.installed is not Installed.ACTIVE:
        raise CannotBeTaken(_NOT_ACTIVE[status.installed])
    if before is not None and before.live:
        owner = "this account" if before.account_id == account_id else "another account"
        raise CannotBeTaken(f"it is connected to {owner} here ({before.state})")
    if before is not None and before.state is State.PENDING:
        raise CannotBeTaken("an owner has pressed Connect, and reconcile has yet to settle that")
    if before is not None and status.log and is_older(status.mark, before.mark):
        raise CannotBeTaken("the platform's answer is older than what is known; try again")
    chain_id, crm_token = _link(before, account_id, account_has)
    opened = lifecycle.opened(
        before,
        location_id,
        status,
        account_id=account_id,
        chain_id=chain_id,
        crm_token=crm_token,
        now=now,
        rules=rules,
    )
    return replace(
        opened,
        state=change(lifecycle.CHANGES, "taken", State.DISABLED),
        activation=status.activation,
        lease_until=None,
        verdict=why,
        due_at=now,
    )


def _link(
    before: Connection | None, account_id: str, account_has: Iterable[Connection]
) -> tuple[int | None, str | None]:
    """The chain and the CRM token that no link brings: its own former ones, or its account's.

    None if the account has several chains, as nobody says which is the location's. The token has
    yet to be proven by a call, like any other.
    """
    if before is not None and before.account_id == account_id and _is_usable(before):
        return before.chain_id, before.crm_token
    found = {(it.chain_id, it.crm_token) for it in account_has if it.live and _is_usable(it)}
    return found.pop() if len(found) == 1 else (None, None)


def _is_usable(connection: Connection) -> bool:
    return bool(connection.crm_token) and connection.telephony is not CrmTokenState.STOPPED
