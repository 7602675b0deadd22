"""How a location stands for an owner: our row and the platform's word taken together."""

from datetime import datetime

from shared.altegio.status import Installed, Status
from shared.connect.view import Standing
from shared.connections import lifecycle
from shared.connections.accounts import Account
from shared.connections.connection import Connection, State
from shared.connections.settings import LifecyclePolicy


def standing(
    connection: Connection | None,
    status: Status,
    account: Account | None,
    now: datetime,
    rules: LifecyclePolicy,
) -> Standing:
    """How a location stands for an owner: our row and the platform's word taken together."""
    is_own, is_live = is_of(connection, account), connection is not None and connection.live
    if status.installed is Installed.NO:
        return Standing.NOT_GRANTED
    if status.installed is Installed.PENDING:
        return _of_a_grant(connection, status, now, rules, is_own=is_own)
    if connection is None or connection.state is State.DISABLED:
        return Standing.INSTALLED
    if not is_own:
        return Standing.TAKEN
    if not is_live:
        return Standing.IN_PROGRESS
    return Standing.FROZEN if status.installed is Installed.FREEZED else Standing.CONNECTED


def _of_a_grant(
    connection: Connection | None,
    status: Status,
    now: datetime,
    rules: LifecyclePolicy,
    *,
    is_own: bool,
) -> Standing:
    if connection is not None and connection.live:
        decided = lifecycle.settled(connection, status, now, rules)
        if decided.live:
            # An old status, of before the grant was confirmed.
            return Standing.IN_PROGRESS if is_own else Standing.TAKEN
        connection = decided
    if lifecycle.grant_expired(status, now, rules.grant_window_s):
        return Standing.EXPIRED
    leased = connection.lease_until if connection is not None else None
    if leased is not None and leased > now:
        return Standing.IN_PROGRESS
    if connection is not None and not is_own and _is_spoken_for(connection, status):
        return Standing.TAKEN
    opens = lifecycle.may_be_opened(connection, status, now, rules)
    return Standing.READY if opens else Standing.NOT_ASKED


def _is_spoken_for(connection: Connection, status: Status) -> bool:
    """Whether another owner has consented to this very grant.

    The callback for it may have been answered already, as a status may be old; then the install is
    that owner's.
    """
    return connection.state is State.PENDING and status.grant <= connection.grant


def is_of(connection: Connection | None, account: Account | None) -> bool:
    """Whether the row is of this account."""
    return (
        connection is not None
        and account is not None
        and connection.account_id == account.account_id
    )
