"""What is true about a location's connection: pure rules of (connection, status, now).

Each connect opens a numbered *generation*. The platform knows it by the log entry that made the
location active; anything later in that log that ends it, ends the generation. A webhook is only a
*hint*: nothing is concluded from it but that the status should be asked.

A status may be old, though by less than a minute: it proves nothing about what began after it was
written. Where it does not tell when that was, as a bare 404, it is believed when that is seen again
a minute later, or when what it contradicts was known here longer ago than that, by our own clock.

A generation is opened for one grant: the entry of the platform's log that a status shows waiting at
that moment. It counts for that entry alone, so it becomes live by the very next entry only, and a
later grant ends it. Entries are told apart by their place and time in that log: the platform's
clock, which may be wrong, is compared with itself and never with ours.

        open                 status: active               status: not installed, or pending again
  ─────────────▶ PENDING ───────────────────▶ ACTIVE ─────────────────────────────▶ DISABLED
                    │                         │    ▲                                  ▲  │
                    │         status: freezed ▼    │ status: active                   │  │ open
                    │                         FROZEN ─────────────────────────────────╯  ▼
                    ╰──── the grant was not confirmed in time, or is gone ──▶ DISABLED  PENDING

Source: the connection status and its log,
https://developer.alteg.io/en/marketplace (GET /marketplace/salon/{id}/application/{id}).
"""

from dataclasses import replace
from datetime import datetime, timedelta

from shared import backoff
from shared.altegio.status import Installed, Status, is_older, newer
from shared.connections.connection import Connection, Hint, State
from shared.connections.crm_token import CrmTokenState, key
from shared.connections.hint import hint_looked_at
from shared.connections.settings import LifecyclePolicy
from shared.states import Changes, change

LAGS = "status lags"
"""Begins the verdict where the platform's word is older than what is known, and is disbelieved."""

# Between two looks at a frozen location that nothing wakes, however long it has been so.
_LONGEST_FROZEN = timedelta(hours=6)


_S = State
_LIVE = {_S.ACTIVE, _S.FROZEN}
# Each of `opened` begins another generation.
CHANGES: Changes[State] = {
    "opened": ({_S.PENDING, _S.DISABLED}, {_S.PENDING}),
    "confirmed": ({_S.PENDING}, _LIVE),
    "looked_at": (_LIVE, _LIVE),
    # It was closed although the platform never ended it.
    "reopened": ({_S.DISABLED}, _LIVE),
    "taken": ({_S.DISABLED}, {_S.ACTIVE}),
    "closed": (set(_S), {_S.DISABLED}),
}


def opened(
    before: Connection | None,
    location_id: int,
    status: Status,
    *,
    account_id: str,
    chain_id: int | None,
    crm_token: str | None,
    now: datetime,
    rules: LifecyclePolicy,
) -> Connection:
    """A new generation, held by the caller for a lease: to be stored before the callback.

    It answers the grant that `status` shows. Nobody says that a reconnect grants the trial again,
    so its start is kept. A token that was proven to be the location's own is so still.
    """
    lease_until = now + timedelta(seconds=rules.lease_s)
    former, held_since = before.former if before else (), None
    if before is not None and before.account_id == account_id:
        held_since = before.held_since or before.opened_at
    if before is not None and before.account_id not in (None, account_id):
        former = (*former, before.account_id)
    opened = Connection(
        location_id=location_id,
        state=change(CHANGES, "opened", before.state) if before else State.PENDING,
        generation=before.generation + 1 if before else 1,
        former=former,
        forget_at=now + timedelta(seconds=rules.erase_after_s) if former else None,
        account_id=account_id,
        opened_at=now,
        held_since=held_since,
        name=before.name if before else "",
        zone=before.zone if before else "",
        crm_token=before.crm_token if before else None,
        telephony=before.telephony if before else CrmTokenState.NONE,
        chain_key=before.chain_key if before else None,
        grant=status.grant,
        settled_at=now,
        mark=newer(before.mark if before else "", status.mark),
        first_active_at=before.first_active_at if before else None,
        lease_until=lease_until,
        verdict="opened by the owner",
        due_at=lease_until,
        version=before.version if before else 0,
    )
    return with_link(opened, chain_id, crm_token)


def may_be_opened(
    before: Connection | None, status: Status, now: datetime, rules: LifecyclePolicy
) -> bool:
    """Whether a press of the button may open a generation: for a grant that waits now.

    Not for one that we know to have ended: a status that shows it is an old one.
    """
    if status.installed is not Installed.PENDING:
        return False
    if before is None or before.state is State.PENDING:
        return before is None or not is_older(status.grant, before.grant)
    if before.live or (status.log and is_older(status.mark, before.mark)):
        return False
    known_since = before.settled_at or before.opened_at
    wait = timedelta(seconds=rules.hint_rechecks_s[0])
    return status.grant != before.grant or known_since + wait <= now


def with_link(connection: Connection, chain_id: int | None, crm_token: str | None) -> Connection:
    """An open generation with the chain and the token of the owner's link.

    A token that was proven to be the location's own is so still; any other has yet to be.
    """
    kept = connection.telephony is CrmTokenState.PROVEN and connection.crm_token == crm_token
    telephony = connection.telephony if kept else CrmTokenState.UNPROVEN
    return replace(
        connection,
        chain_id=chain_id,
        crm_token=crm_token,
        telephony=telephony if crm_token else CrmTokenState.NONE,
    )


def leased(connection: Connection, now: datetime, rules: LifecyclePolicy) -> Connection:
    """The same, taken over by the caller for one lease."""
    until = now + timedelta(seconds=rules.lease_s)
    return replace(connection, lease_until=until, due_at=until)


def chain_key(connection: Connection) -> str | None:
    """The chain that a location has to be in; an open generation stays where it is."""
    if connection.state is State.PENDING:
        return connection.chain_key
    return key(connection.crm_token) if connection.live and connection.crm_token else None


def left_chain(connection: Connection) -> Connection:
    """Out of its chain; a closed one without a hint is due for nothing but its erasing then."""
    is_over = connection.state is State.DISABLED and connection.hint is None
    due_at = _forgets_at(connection) if is_over else connection.due_at
    return replace(connection, chain_key=None, thawed=False, due_at=due_at)


def uninstalling(connection: Connection, why: str, now: datetime) -> Connection:
    """The same, to be stored before we uninstall the application from there ourselves.

    It holds the hint that the platform's webhook of it will leave once more: if our call, or its
    answer, is lost, reconcile asks for the status as it does after any uninstall.
    """
    return replace(
        connection, hint=Hint.UNINSTALL, hint_at=now, hint_looks=0, verdict=why, due_at=now
    )


def awaits_callback(connection: Connection, status: Status, now: datetime, window_s: float) -> bool:
    """Whether the platform's callback is what an open generation needs next."""
    return (
        connection.state is State.PENDING
        and status.installed is Installed.PENDING
        and status.grant == connection.grant
        and not grant_expired(status, now, window_s)
    )


def grant_expired(status: Status, now: datetime, window_s: float) -> bool:
    """Whether the platform's window for the callback has surely passed (`grant_window_s`)."""
    granted = status.granted_at_latest
    return granted is not None and now - granted > timedelta(seconds=window_s)


def put_off(connection: Connection, why: str, now: datetime, rules: LifecyclePolicy) -> Connection:
    """The same, to be looked at again after a growing wait; the lease is given back."""
    return replace(
        connection,
        lease_until=None,
        tries=connection.tries + 1,
        verdict=why,
        due_at=now + backoff.delay(connection.tries, rules.retry_base_s),
    )


def settled(
    connection: Connection,
    status: Status,
    now: datetime,
    rules: LifecyclePolicy,
) -> Connection:
    """What the connection is, now that the platform has said `status`.

    Never fails and never waits; a connection that is still unfinished keeps a `due_at`.

    Args:
        connection: as it was.
        status: the platform's word.
        now: the present moment.
        rules: the delays.
    """
    wait = timedelta(seconds=rules.hint_rechecks_s[0])
    if _lags(connection, status, now, rules):
        changed = replace(connection, lease_until=None, verdict=f"{LAGS}: {status.proof()}")
        return replace(changed, due_at=now + wait)
    if connection.state is not State.DISABLED:
        connection = replace(connection, mark=newer(connection.mark, status.mark))
    match status.installed:
        case Installed.NO if connection.live and not status.log:
            return _seems_gone(connection, status, now, wait, rules)
        case Installed.NO:
            return _closed(connection, f"not installed any more: {status.proof()}", now, rules)
        case Installed.PENDING:
            return _settled_pending(connection, status, now, rules)
        case Installed.FREEZED:
            return _settled_live(connection, State.FROZEN, status, now, rules)
        case Installed.ACTIVE:
            return _settled_live(connection, State.ACTIVE, status, now, rules)


def _lags(connection: Connection, status: Status, now: datetime, rules: LifecyclePolicy) -> bool:
    """Whether the status was, or may have been, written before what we know already."""
    if connection.state is State.DISABLED:
        return False
    if status.log and is_older(status.mark, connection.mark):
        return True
    if connection.state is State.PENDING:
        # The grant was seen when it was opened; a bare 404 may be older than that.
        young = connection.opened_at + timedelta(seconds=rules.hint_rechecks_s[0]) > now
        is_bare = status.installed is Installed.NO and not status.log
        waits = status.installed is Installed.PENDING
        return (waits and is_older(status.grant, connection.grant)) or (is_bare and young)
    if status.installed is not Installed.PENDING:
        return False
    granted_at = status.granted_at
    if connection.activation is None or granted_at is None:
        return bool(connection.grant) and status.grant <= connection.grant
    return granted_at < connection.activation


def _seems_gone(
    connection: Connection, status: Status, now: datetime, wait: timedelta, rules: LifecyclePolicy
) -> Connection:
    """A bare 404, which does not tell how old it is; what was seen live since begins anew."""
    why = f"seems to be gone: {status.proof()}"
    suspected = connection.hint is Hint.GONE and connection.hint_looks == 0
    if not suspected and connection.hint is not Hint.UNINSTALL:
        return replace(
            connection, hint=Hint.GONE, hint_at=now, hint_looks=0, verdict=why, due_at=now + wait
        )
    since = connection.settled_at or connection.opened_at
    if suspected and connection.hint_at is not None:
        # It may have been installed anew since it was first seen.
        since = max(since, connection.hint_at)
    if since + wait <= now:
        return _closed(connection, f"not installed any more: {status.proof()}", now, rules)
    return replace(connection, verdict=why, due_at=now + wait)


def reopened(connection: Connection, status: Status, now: datetime) -> Connection:
    """A connection that was closed although the platform never ended its generation, live again."""
    again = _made_live(replace(connection, erase_at=None), "reopened", status, now)
    return replace(again, verdict=f"was closed by mistake: {status.proof()}")


def _settled_pending(
    connection: Connection, status: Status, now: datetime, rules: LifecyclePolicy
) -> Connection:
    if connection.state is State.PENDING and status.grant == connection.grant:
        # By our own clock too: it waited already when the consent was given.
        overdue = now - connection.opened_at > timedelta(seconds=rules.grant_window_s)
        if overdue or grant_expired(status, now, rules.grant_window_s):
            return _closed(connection, f"the grant has expired: {status.proof()}", now, rules)
        return put_off(connection, f"not active yet: {status.proof()}", now, rules)
    return _closed(connection, f"granted anew: {status.proof()}", now, rules)


def _settled_live(
    connection: Connection, state: State, status: Status, now: datetime, rules: LifecyclePolicy
) -> Connection:
    if connection.state is State.DISABLED:
        # Only the owner's own visit reopens a closed location (see connecting).
        return _closed(connection, connection.verdict, now, rules)
    if not connection.live:
        if not status.answers(connection.grant):
            why = f"installed by another way than the grant that was confirmed: {status.proof()}"
            return _closed(connection, why, now, rules)
        return _made_live(connection, "confirmed", status, now)
    after = change(CHANGES, "looked_at", connection.state, state)
    changed = replace(connection, state=after, tries=0)
    if status.activation and connection.activation and status.activation > connection.activation:
        # Ended and installed again without our callback, as private applications are.
        changed = replace(
            changed,
            generation=connection.generation + 1,
            activation=status.activation,
            settled_at=now,
            verdict=f"installed anew: {status.proof()}",
        )
    elif state is not connection.state:
        changed = replace(changed, verdict=f"{state}: {status.proof()}")
    if changed.hint:
        changed = hint_looked_at(changed, status, now, rules)
    elif state is State.ACTIVE and connection.state is State.FROZEN:
        # Thawed: its cover is looked at, and then again when that ends (see cover).
        changed = replace(changed, due_at=now)
    if state is State.ACTIVE and connection.state is State.FROZEN and connection.chain_key:
        changed = replace(changed, thawed=True)
    if state is State.FROZEN:
        again = now + _frozen_wait(status, now, rules)
        # That of an active one may be a month away, when its cover ends.
        latest = again if connection.state is State.ACTIVE else changed.due_at or again
        due_at = min(changed.due_at or again, latest)
        changed = replace(changed, due_at=due_at if due_at > now else again)
    return changed


def _made_live(connection: Connection, name: str, status: Status, now: datetime) -> Connection:
    """Due at once: payments that were held for this location may go out now."""
    state = State.FROZEN if status.installed is Installed.FREEZED else State.ACTIVE
    return replace(
        connection,
        state=change(CHANGES, name, connection.state, state),
        activation=status.activation,
        mark=newer(connection.mark, status.mark),
        settled_at=now,
        lease_until=None,
        tries=0,
        verdict=f"{state}: {status.proof()}",
        due_at=now,
    )


def _frozen_wait(status: Status, now: datetime, rules: LifecyclePolicy) -> timedelta:
    """Until a frozen location is looked at again, the longer the longer it is frozen."""
    since = status.log[-1].at if status.log else now
    return max(timedelta(seconds=rules.held_recheck_s), min((now - since) / 8, _LONGEST_FROZEN))


def erased(connection: Connection) -> Connection:
    """A closed connection without anything personal; the location and its generations stay.

    It is due once more if an account that had it before is kept for longer.
    """
    return replace(
        connection,
        account_id=None,
        held_since=None,
        name="",
        chain_id=None,
        crm_token=None,
        telephony=CrmTokenState.NONE,
        hint=None,
        hint_at=None,
        verdict=f"erased, after: {connection.verdict}",
        erase_at=None,
        due_at=connection.forget_at,
    )


def _forgets_at(connection: Connection) -> datetime | None:
    """When a closed one is due for nothing but its erasing, or that of whose it was before."""
    known = [at for at in (connection.erase_at, connection.forget_at) if at is not None]
    return min(known, default=None)


def _closed(connection: Connection, why: str, now: datetime, rules: LifecyclePolicy) -> Connection:
    erase_at, settled_at = connection.erase_at, connection.settled_at
    if connection.state is not State.DISABLED:
        erase_at, settled_at = now + timedelta(seconds=rules.erase_after_s), now
    closed = replace(
        connection,
        state=change(CHANGES, "closed", connection.state),
        lease_until=None,
        tries=0,
        hint=None,
        hint_at=None,
        hint_looks=0,
        verdict=why,
        settled_at=settled_at,
        erase_at=erase_at,
    )
    # At once while the chain has yet to be left.
    return replace(closed, due_at=now if connection.chain_key else _forgets_at(closed))
