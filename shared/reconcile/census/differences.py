"""In what our view of a location differs from the platform's: pure rules, no I/O.

Events get lost, so once a day every location is compared. A difference is a hint, too: whoever
repairs it asks again (see `census.run`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from shared.altegio.status import ListedPayment, Status, is_older
from shared.connections import lifecycle
from shared.connections.connection import Connection, Hint, State
from shared.connections.settings import LifecyclePolicy
from shared.payments import hosted, lookup
from shared.payments.entry import Entry, EntryState
from shared.payments.facts import written

# Lists lag, and what was done a moment ago may not be on them.
_YOUNG = timedelta(hours=1)
# So many repairs are no mass change, however few locations there are.
_ALWAYS_ALLOWED = 5


class Difference(StrEnum):
    """What is found, in words."""

    UNINSTALLED = "connected here, not installed there"
    FROZEN = "active here, frozen there"
    THAWED = "frozen here, active there"
    ANEW = "installed anew there"
    CLOSED = "closed here, and never ended there"
    UNRECORDED = "a payment of the platform's own page, not recorded here"
    GHOST = "installed there, connected by nobody here"
    UNFINISHED = "opened here, and never finished"
    NOT_LISTED = "a payment reported by us, not listed there"
    SURPLUS = "a payment listed there more often than it was billed"
    UNREADABLE = "a payment listed there that cannot be read"
    REFUNDED_THERE = "a payment refunded there, by no refund of ours"
    NOT_REFUNDED = "a payment refunded by us, not refunded there"
    UNANSWERED = "the platform does not tell"
    NO_LIST = "the platform does not list its locations"


# What can be put right here, for the platform is right; the others are for a person.
REPAIRED = (
    Difference.UNINSTALLED,
    Difference.FROZEN,
    Difference.THAWED,
    Difference.ANEW,
    Difference.CLOSED,
    Difference.UNRECORDED,
)

# What a person would put right, and looks so as well when we have forgotten what was ours.
FORGOTTEN = (Difference.SURPLUS, Difference.REFUNDED_THERE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference; `subject` is a ledger key or a platform's id where it is about a payment."""

    location_id: int
    difference: Difference
    words: str
    subject: str = ""


def of_connection(
    location_id: int,
    connection: Connection | None,
    status: Status,
    now: datetime,
    rules: LifecyclePolicy,
) -> Finding | None:
    """In what our row differs from the status, if it does.

    Args:
        location_id: which.
        connection: our row of it; None if there is none.
        status: the platform's word.
        now: the present moment.
        rules: the settings.
    """
    found = _difference(connection, status, now, rules)
    if found is None:
        return None
    here = "no row" if connection is None else connection.words
    return Finding(location_id, found, f"here {here}; there {status.proof()}")


def _difference(
    connection: Connection | None, status: Status, now: datetime, rules: LifecyclePolicy
) -> Difference | None:
    if connection is None or connection.state is State.DISABLED:
        if not status.live:
            return None
        if not closed_by_mistake(connection, status):
            return Difference.GHOST
        return Difference.CLOSED if _closed_before(connection, now - _YOUNG, rules) else None
    if connection.state is State.PENDING:
        return Difference.UNFINISHED if connection.opened_at + _YOUNG <= now else None
    settled = lifecycle.settled(connection, status, now, rules)
    if settled.state is State.DISABLED or settled.hint is Hint.GONE is not connection.hint:
        return Difference.UNINSTALLED
    if settled.generation != connection.generation:
        return Difference.ANEW
    if settled.state is not connection.state:
        return Difference.FROZEN if settled.state is State.FROZEN else Difference.THAWED
    return None


def _closed_before(
    connection: Connection | None, instant: datetime, rules: LifecyclePolicy
) -> bool:
    # What denies a younger closing may be an old status. What we close has a day on which it is
    # erased: a row without one was written by hand, and no closing of ours is denied.
    erase_at = connection.erase_at if connection is not None else None
    grace = timedelta(seconds=rules.erase_after_s)
    return erase_at is None or erase_at - grace < instant


def closed_by_mistake(connection: Connection | None, status: Status) -> bool:
    """Whether the very generation that we closed goes on, and we still know whose it is."""
    return (
        connection is not None
        and connection.state is State.DISABLED
        and connection.account_id is not None
        and connection.activation is not None
        and status.live
        and status.activation == connection.activation
        # Else it is older than what we closed it for.
        and not is_older(status.mark, connection.mark)
    )


def of_payments(
    location_id: int,
    status: Status,
    entries: Sequence[Entry],
    owned: Collection[int],
    *,
    now: datetime,
    zone: ZoneInfo,
) -> list[Finding]:
    """In what our payments and refunds differ from the platform's list; none while some are open.

    Args:
        location_id: which.
        status: the platform's word.
        entries: all of the ledger of that location.
        owned: ids of the list that an entry owns.
        now: the present moment.
        zone: of the dates on the wire.
    """
    told = any(entry.state is EntryState.REPORTED_BY_PLATFORM for entry in entries)
    if not status.live or told or hosted.unsettled(entries):
        return []
    ours = [entry for entry in entries if not entry.is_refund and entry.state is EntryState.SENT]
    rows = {row.id: row for row in status.payments}
    # After a reconnect the list may begin anew.
    since = status.activation_at_latest
    missing = [
        Finding(location_id, Difference.NOT_LISTED, _of_entry(entry), entry.key)
        for entry in ours
        if entry.platform_id not in rows
        and _before(entry, now - _YOUNG)
        and (since is None or not _before(entry, since))
    ]
    # Of those a person may have closed one, who had a reason.
    known = {*owned, *(entry.platform_id for entry in entries if entry.is_hosted)}
    strange = [
        Finding(location_id, _strange(row, ours, zone), _of_row(row), str(row.id))
        for row in status.payments
        if row.id not in known
    ]
    return [*missing, *strange, *_refunds(location_id, ours, entries, rows, now)]


def _refunds(
    location_id: int,
    ours: Sequence[Entry],
    entries: Sequence[Entry],
    rows: dict[int, ListedPayment],
    now: datetime,
) -> list[Finding]:
    refunds = [entry for entry in entries if entry.is_refund]
    open_or_done = {
        refund.payment_key for refund in refunds if refund.state is not EntryState.CLOSED
    }
    given_back = {
        refund.platform_id
        for refund in refunds
        if refund.state is EntryState.SENT and _before(refund, now - _YOUNG)
    }
    found = []
    for entry in ours:
        row = rows.get(entry.platform_id or 0)
        if row is None:
            continue
        if row.is_refunded and entry.key not in open_or_done and row.id not in given_back:
            found.append((Difference.REFUNDED_THERE, entry))
        if not row.is_refunded and row.id in given_back:
            found.append((Difference.NOT_REFUNDED, entry))
    return [Finding(location_id, kind, _of_entry(entry), entry.key) for kind, entry in found]


def _strange(row: ListedPayment, ours: Sequence[Entry], zone: ZoneInfo) -> Difference:
    if not hosted.can_be_read(row, zone):
        return Difference.UNREADABLE
    if any(lookup.reads_back(entry, row, zone) for entry in ours):
        return Difference.SURPLUS
    return Difference.UNRECORDED


def _before(entry: Entry, instant: datetime) -> bool:
    return entry.changed_at is not None and entry.changed_at < instant


def _of_entry(entry: Entry) -> str:
    return f"{entry.key}, {entry.payment.sum}, id {entry.platform_id}"


def _of_row(row: ListedPayment) -> str:
    period = f"{row.period_from} to {row.period_to}"
    return f"id {row.id}, {written(row.amount)}, paid {row.paid_at} for {period}"


def fuse(locations: int, percent: float) -> int:
    """How many repairs one census may make of its own accord."""
    return max(_ALWAYS_ALLOWED, int(locations * percent / 100))
