"""What is true about a location's connection: pure rules of (connection, status, now).

Each connect opens a numbered *generation*. The platform knows it by the log entry that made the
location active; anything later in that log that ends it, ends the generation. A webhook is only a
*hint*: nothing is concluded from it but that the status should be asked.

A status may be old, though by less than a minute: it proves nothing about what began after it was
written. Where it does not tell when that was, as a bare 404, it is believed when that is seen again
a minute later, or when what it contradicts began longer ago than that. So is an activation that the
log does not show as the answer to our own callback: it may be the one before a reconnect.

        open                 status: active               status: not installed, or pending again
  ─────────────▶ PENDING ───────────────────▶ ACTIVE ─────────────────────────────▶ DISABLED
                    │                         │    ▲                                  ▲  │
                    │         status: freezed ▼    │ status: active                   │  │ open
                    │                         FROZEN ─────────────────────────────────╯  ▼
                    ╰──── the grant was not confirmed in time, or is gone ──▶ DISABLED  PENDING

Source: the connection status and its log,
https://developer.alteg.io/en/marketplace (GET /marketplace/salon/{id}/application/{id}).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from shared import backoff, chain
from shared.chain import Telephony
from shared.clock import SKEW, stamp
from shared.rules import LifecycleRules


class State(StrEnum):
    """Of a connection. A row is due for its unfinished business, ACTIVE for the end of its cover.

    DISABLED is due for its erasing, and no more after that.
    """

    PENDING = "pending"
    ACTIVE = "active"
    FROZEN = "frozen"
    DISABLED = "disabled"


LIVE = (State.ACTIVE, State.FROZEN)

# A hint of our own: the platform spoke as if the application were not installed any more.
GONE = "gone"

# Between two looks at a frozen location that nothing wakes, however long it has been so.
_LONGEST_FROZEN = timedelta(hours=6)
# A webhook takes seconds; what it should have told long before is told by nobody any more.
_WEBHOOK_TAKES = timedelta(minutes=5)


class Installed(StrEnum):
    """What the platform says of the application in a location, in the wire's spelling."""

    PENDING = "pending"
    ACTIVE = "active"
    FREEZED = "freezed"
    NO = "uninstalled"


@dataclass(frozen=True, slots=True)
class Transition:
    """One entry of the platform's log, its time already an instant."""

    at: datetime
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.before}→{self.after} at {self.at:%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True, slots=True)
class ListedPayment:
    """One payment as the platform lists it; times as it wrote them, and no currency.

    Of a row that cannot be read, `amount` is None.
    """

    id: int
    amount: Decimal | None
    paid_at: str
    period_from: str
    period_to: str
    is_refunded: bool


@dataclass(frozen=True, slots=True)
class Status:
    """The platform's word on one location; `log` in order of time, possibly empty."""

    installed: Installed
    since: datetime | None
    log: tuple[Transition, ...] = ()
    payments: tuple[ListedPayment, ...] = ()

    @property
    def refunded(self) -> frozenset[int]:
        """Ids of the payments that the platform holds as given back."""
        return frozenset(payment.id for payment in self.payments if payment.is_refunded)

    @property
    def activation(self) -> datetime | None:
        """When the present install became active for the first time."""
        return self._activations[-1] if self._activations else None

    @property
    def first_activation(self) -> datetime | None:
        """When the first install of the log became active, however often it ended since."""
        return self._activations[0] if self._activations else None

    @property
    def _activations(self) -> list[datetime]:
        starts = (Installed.PENDING, Installed.NO)
        return [
            entry.at
            for entry in self.log
            if entry.after == Installed.ACTIVE and entry.before in starts
        ]

    @property
    def mark(self) -> str:
        """How far the log goes, in whole seconds and entries; of two, the longer one is greater."""
        return f"{stamp(self.log[-1].at)} {len(self.log):04}" if self.log else ""

    @property
    def granted_at(self) -> datetime | None:
        """When the owner granted access that still waits for the callback."""
        found = [entry.at for entry in self.log if entry.after == Installed.PENDING]
        return found[-1] if found else self.since

    def proof(self) -> str:
        """In one line, what a decision was based on."""
        if not self.log:
            return f"status {self.installed}"
        return f"status {self.installed}, log ends {self.log[-1]}"


@dataclass(frozen=True, slots=True)
class Connection:
    """One location and the account that it belongs to."""

    location_id: int
    state: State
    generation: int
    account_id: str | None
    opened_at: datetime
    chain_id: int | None = None
    crm_token: str | None = None
    # Whether the token is its own, the chain that it has joined with it (see chain), and whether it
    # was frozen since.
    telephony: Telephony = Telephony.NONE
    line: str | None = None
    thawed: bool = False
    # The platform's log entry that this generation is known by; None before it is active.
    activation: datetime | None = None
    # How far the platform's log was ever seen.
    mark: str = ""
    # The clock of the platform's switch-off (see cover): when any generation was active for the
    # first time, until when it is covered, what is reported but not listed, as of the last look.
    first_active_at: datetime | None = None
    covered_until: datetime | None = None
    unlisted: tuple[str, ...] = ()
    watched_at: datetime | None = None
    # When a payment was given back, for as long as the platform may take to act on it.
    refunded_at: datetime | None = None
    # Until then somebody is working on an open generation; afterwards anybody may go on.
    lease_until: datetime | None = None
    tries: int = 0
    # The webhook's claim that is still to be checked, and how often it was.
    hint: str | None = None
    hint_at: datetime | None = None
    hint_looks: int = 0
    # The last decision in words, with what it was based on.
    verdict: str = ""
    due_at: datetime | None = None
    # Of a closed connection: when what it knows of the customer is erased (see erasing).
    erase_at: datetime | None = None
    # Counts the writes; a writer that did not see the last one loses.
    version: int = 0

    @property
    def live(self) -> bool:
        """Whether payments go out: a frozen location is paid in order to thaw it."""
        return self.state in LIVE

    @property
    def words(self) -> str:
        """State and verdict; a verdict may begin with the state that it made."""
        return f"{self.state}: {self.verdict.removeprefix(f'{self.state}: ')}"


def opened(
    before: Connection | None,
    location_id: int,
    *,
    account_id: str,
    chain_id: int | None,
    crm_token: str | None,
    now: datetime,
    rules: LifecycleRules,
) -> Connection:
    """A new generation, held by the caller for a lease: to be stored before the callback.

    Nobody says that a reconnect grants the trial again, so its start is kept. A token that was
    proven to be the location's own is so still.
    """
    lease_until = now + timedelta(seconds=rules.lease_s)
    opened = Connection(
        location_id=location_id,
        state=State.PENDING,
        generation=before.generation + 1 if before else 1,
        account_id=account_id,
        opened_at=now,
        crm_token=before.crm_token if before else None,
        telephony=before.telephony if before else Telephony.NONE,
        line=before.line if before else None,
        mark=before.mark if before else "",
        first_active_at=before.first_active_at if before else None,
        lease_until=lease_until,
        verdict="opened by the owner",
        due_at=lease_until,
        version=before.version if before else 0,
    )
    return told(opened, chain_id, crm_token)


def told(connection: Connection, chain_id: int | None, crm_token: str | None) -> Connection:
    """An open generation with the chain and the token of the owner's link.

    A token that was proven to be the location's own is so still; any other has yet to be.
    """
    kept = connection.telephony is Telephony.PROVEN and connection.crm_token == crm_token
    telephony = connection.telephony if kept else Telephony.UNPROVEN
    return replace(
        connection,
        chain_id=chain_id,
        crm_token=crm_token,
        telephony=telephony if crm_token else Telephony.NONE,
    )


def leased(connection: Connection, now: datetime, rules: LifecycleRules) -> Connection:
    """The same, taken over by the caller for one lease."""
    until = now + timedelta(seconds=rules.lease_s)
    return replace(connection, lease_until=until, due_at=until)


def line(connection: Connection) -> str | None:
    """The chain that a location has to be in; an open generation stays where it is."""
    if connection.state is State.PENDING:
        return connection.line
    return chain.key(connection.crm_token) if connection.live and connection.crm_token else None


def left_line(connection: Connection) -> Connection:
    """Out of its chain; a closed one without a hint is due for nothing but its erasing then."""
    is_over = connection.state is State.DISABLED and connection.hint is None
    due_at = connection.erase_at if is_over else connection.due_at
    return replace(connection, line=None, thawed=False, due_at=due_at)


def uninstalling(connection: Connection, why: str, now: datetime) -> Connection:
    """The same, to be stored before we uninstall the application from there ourselves.

    It holds the hint that the platform's webhook of it will leave once more: if our call, or its
    answer, is lost, reconcile asks for the status as it does after any uninstall.
    """
    return replace(connection, hint="uninstall", hint_at=now, hint_looks=0, verdict=why, due_at=now)


def awaits_callback(connection: Connection, status: Status, now: datetime, window_s: float) -> bool:
    """Whether the platform's callback is what an open generation needs next."""
    return (
        connection.state is State.PENDING
        and status.installed is Installed.PENDING
        and not grant_expired(status, now, window_s)
    )


def grant_expired(status: Status, now: datetime, window_s: float) -> bool:
    """Whether the platform's window for the callback has surely passed (see GrantWindowS)."""
    granted = status.granted_at
    return granted is not None and now - granted > timedelta(seconds=window_s)


def put_off(connection: Connection, why: str, now: datetime, rules: LifecycleRules) -> Connection:
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
    rules: LifecycleRules,
    granted: Status | None = None,
) -> Connection:
    """What the connection is, now that the platform has said `status`.

    Never fails and never waits; a connection that is still unfinished keeps a `due_at`.

    Args:
        connection: as it was.
        status: the platform's word.
        now: the present moment.
        rules: the delays.
        granted: what it said before the callback, if one was sent in between.
    """
    wait = timedelta(seconds=rules.hint_rechecks_s[0])
    if _lags(connection, status, granted, now, rules):
        changed = replace(connection, lease_until=None, verdict=f"status lags: {status.proof()}")
        return replace(changed, due_at=now + wait)
    if connection.state is not State.DISABLED:
        connection = replace(connection, mark=max(connection.mark, status.mark))
    match status.installed:
        case Installed.NO if connection.live and not status.log:
            return _seems_gone(connection, status, now, wait, rules)
        case Installed.NO:
            return _closed(connection, f"not installed any more: {status.proof()}", now, rules)
        case Installed.PENDING:
            return _settled_pending(connection, status, now, rules)
        case Installed.FREEZED:
            return _settled_live(
                _entitled(connection, status, granted), State.FROZEN, status, now, rules
            )
        case Installed.ACTIVE:
            return _settled_live(
                _entitled(connection, status, granted), State.ACTIVE, status, now, rules
            )


def _entitled(connection: Connection, status: Status, granted: Status | None) -> Connection:
    """An open generation, without its CRM token if no grant was consumed for it.

    The token came in a link that nobody signs. Who is let in by a grant of this very moment may
    bring one; who finds the application active already may not.
    """
    if connection.state is not State.PENDING or connection.telephony is Telephony.PROVEN:
        return connection
    activation = status.activation
    consumed = (granted is not None and granted.installed is Installed.PENDING) or (
        activation is not None and activation >= connection.opened_at - SKEW
    )
    if consumed:
        return connection
    return replace(connection, crm_token=None, telephony=Telephony.NONE)


def _lags(
    connection: Connection,
    status: Status,
    granted: Status | None,
    now: datetime,
    rules: LifecycleRules,
) -> bool:
    """Whether the status was, or may have been, written before what we know already."""
    if connection.state is State.DISABLED:
        return False
    if status.log and status.mark < connection.mark:
        return True
    if connection.live:
        granted_at = status.granted_at if status.installed is Installed.PENDING else None
        began = connection.activation or connection.opened_at
        return granted_at is not None and granted_at < began
    if connection.opened_at + timedelta(seconds=rules.hint_rechecks_s[0]) <= now:
        return False
    # The owner has just come from his grant: all that was before it is over.
    match status.installed:
        case Installed.NO:
            return not status.log or status.log[-1].at < connection.opened_at
        case Installed.PENDING:
            return grant_expired(status, now, rules.grant_window_s)
        case _:
            return bool(status.log) and not _was_confirmed(status, granted)


def _was_confirmed(status: Status, granted: Status | None) -> bool:
    """Whether the log goes on with the activation of the grant that our callback was for."""
    if granted is None or len(status.log) <= len(granted.log):
        return False
    entry = status.log[len(granted.log)]
    return (entry.before, entry.after) == (Installed.PENDING, Installed.ACTIVE)


def _seems_gone(
    connection: Connection, status: Status, now: datetime, wait: timedelta, rules: LifecycleRules
) -> Connection:
    """A bare 404, which does not tell how old it is; what was seen live since begins anew."""
    why = f"seems to be gone: {status.proof()}"
    suspected = connection.hint == GONE and connection.hint_looks == 0
    if not suspected and connection.hint != "uninstall":
        return replace(
            connection, hint=GONE, hint_at=now, hint_looks=0, verdict=why, due_at=now + wait
        )
    since = connection.activation or connection.opened_at
    if suspected and connection.hint_at is not None:
        # It may have been installed anew since it was first seen.
        since = max(since, connection.hint_at)
    if since + wait <= now:
        return _closed(connection, f"not installed any more: {status.proof()}", now, rules)
    return replace(connection, verdict=why, due_at=now + wait)


def reopened(
    connection: Connection, status: Status, now: datetime, rules: LifecycleRules
) -> Connection:
    """A connection that was closed although the platform never ended its generation, live again."""
    live = replace(connection, state=State.PENDING, erase_at=None)
    state = State.FROZEN if status.installed is Installed.FREEZED else State.ACTIVE
    again = _settled_live(live, state, status, now, rules)
    return replace(again, verdict=f"was closed by mistake: {status.proof()}")


def _settled_pending(
    connection: Connection, status: Status, now: datetime, rules: LifecycleRules
) -> Connection:
    if connection.state is State.PENDING:
        if grant_expired(status, now, rules.grant_window_s):
            return _closed(connection, f"the grant has expired: {status.proof()}", now, rules)
        return put_off(connection, f"not active yet: {status.proof()}", now, rules)
    return _closed(connection, f"granted anew: {status.proof()}", now, rules)


def _settled_live(
    connection: Connection, state: State, status: Status, now: datetime, rules: LifecycleRules
) -> Connection:
    if connection.state is State.DISABLED:
        # Only the owner's own visit reopens a closed location (see connecting).
        return _closed(connection, connection.verdict, now, rules)
    if not connection.live:
        # Due at once: payments that were held for this location may go out now.
        return replace(
            connection,
            state=state,
            activation=status.activation,
            lease_until=None,
            tries=0,
            verdict=f"{state}: {status.proof()}",
            due_at=now,
        )
    changed = replace(connection, state=state, tries=0)
    if status.activation and connection.activation and status.activation > connection.activation:
        # Ended and installed again without our callback, as private applications are.
        changed = replace(
            changed,
            generation=connection.generation + 1,
            activation=status.activation,
            verdict=f"installed anew: {status.proof()}",
        )
    elif state is not connection.state:
        changed = replace(changed, verdict=f"{state}: {status.proof()}")
    if changed.hint:
        changed = _hint_looked_at(changed, status, now, rules)
    elif state is State.ACTIVE and connection.state is State.FROZEN:
        # Thawed: its cover is looked at, and then again when that ends (see cover).
        changed = replace(changed, due_at=now)
    if state is State.ACTIVE and connection.state is State.FROZEN and connection.line:
        changed = replace(changed, thawed=True)
    if state is State.FROZEN and (changed.due_at is None or changed.due_at <= now):
        changed = replace(changed, due_at=now + _frozen_wait(status, now, rules))
    return changed


def _frozen_wait(status: Status, now: datetime, rules: LifecycleRules) -> timedelta:
    """Until a frozen location is looked at again, the longer the longer it is frozen."""
    since = status.log[-1].at if status.log else now
    return max(timedelta(seconds=rules.held_recheck_s), min((now - since) / 8, _LONGEST_FROZEN))


def _hint_looked_at(
    connection: Connection, status: Status, now: datetime, rules: LifecycleRules
) -> Connection:
    """The hint says one thing and the status another: status may lag, so look again a few times."""
    came_true = (connection.hint, connection.state) in (
        ("freeze", State.FROZEN),
        ("payment", State.ACTIVE),
    )
    if came_true or connection.hint_looks >= len(rules.hint_rechecks_s):
        word = "confirmed" if came_true else "stale, changes nothing"
        return replace(
            connection,
            hint=None,
            hint_at=None,
            hint_looks=0,
            verdict=f"{connection.hint} {word}: {status.proof()}",
            due_at=now,
        )
    wait = rules.hint_rechecks_s[connection.hint_looks]
    return replace(
        connection,
        hint_looks=connection.hint_looks + 1,
        verdict=f"{connection.hint} not seen yet: {status.proof()}",
        due_at=now + timedelta(seconds=wait),
    )


def webhook_lost(before: Connection, after: Connection, status: Status, now: datetime) -> bool:
    """Whether the platform ended or froze what was live, and did not tell us when it did.

    Args:
        before: the connection as it was.
        after: the same, as settled by `status`.
        status: the platform's word, now.
        now: the present moment.
    """
    froze = before.state is State.ACTIVE and after.state is State.FROZEN
    anew = after.generation > before.generation
    if not before.live or not (froze or anew or after.state is State.DISABLED):
        return False
    if before.hint not in (None, GONE):
        return False
    return not status.log or now - status.log[-1].at > _WEBHOOK_TAKES


def erased(connection: Connection) -> Connection:
    """A closed connection without anything personal; the location and its generations stay."""
    return replace(
        connection,
        account_id=None,
        chain_id=None,
        crm_token=None,
        telephony=Telephony.NONE,
        hint=None,
        hint_at=None,
        verdict=f"erased, after: {connection.verdict}",
        erase_at=None,
        due_at=None,
    )


def _closed(connection: Connection, why: str, now: datetime, rules: LifecycleRules) -> Connection:
    erase_at = connection.erase_at
    if connection.state is not State.DISABLED:
        erase_at = now + timedelta(seconds=rules.erase_after_s)
    return replace(
        connection,
        state=State.DISABLED,
        lease_until=None,
        tries=0,
        hint=None,
        hint_at=None,
        hint_looks=0,
        verdict=why,
        erase_at=erase_at,
        # At once while the chain has yet to be left.
        due_at=now if connection.line else erase_at,
    )
