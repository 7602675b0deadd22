"""Finds out what became of payments whose answer was lost, from the platform's own list.

The list names neither our event nor a key of ours, so equal payments cannot be told apart, and need
not be: the entries of one location, sum, date and period are counted together against the rows of
the list that nobody owns. As many as there are rows were taken; the rest was not, if the list can
be trusted to show it: it must read back a payment that we know exactly as it was sent (the echo),
and hold no unowned row of about that sum at all, with whatever dates.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from shared.altegio.status import ListedPayment
from shared.clock import wire
from shared.payments.entry import Entry, EntryState


@dataclass(frozen=True, slots=True)
class Findings:
    """What the list proves about the UNKNOWN entries of one group."""

    taken: tuple[tuple[Entry, int], ...] = ()
    absent: tuple[Entry, ...] = ()
    # Cannot be told before another payment is settled.
    later: tuple[Entry, ...] = ()
    # Cannot be told: for a person.
    unsure: tuple[Entry, ...] = ()
    # Of `later` or `unsure`: the reason.
    why: str = ""
    # Ids of rows beyond what our entries can explain.
    surplus: tuple[int, ...] = ()


def group_of(entry: Entry, entries: Sequence[Entry], zone: ZoneInfo) -> tuple[Entry, ...]:
    """The payments among `entries` that the platform's list cannot tell from `entry`.

    It shows no offset: of the hour that is there twice, two instants look alike.
    """
    shown = _shown(entry, zone)
    return tuple(other for other in entries if not other.is_refund and _shown(other, zone) == shown)


def find(
    group: Sequence[Entry],
    listed: Sequence[ListedPayment],
    owned: Collection[int],
    zone: ZoneInfo,
    *,
    others: Sequence[Entry],
    echoed: bool | None,
) -> Findings:
    """Judges the UNKNOWN entries of a group in which none is being sent.

    Args:
        group: all entries of one location with the same sum, date and period.
        listed: the platform's list of that location.
        owned: ids of that list that belong to an entry already.
        zone: of the dates on the wire.
        others: the location's other entries that are being sent or UNKNOWN.
        echoed: whether a payment that is known reads back as it was sent; None if there is none.
    """
    unknown = sorted(
        (entry for entry in group if entry.state is EntryState.UNKNOWN),
        key=lambda entry: (entry.received_at, entry.key),
    )
    unowned = [row for row in listed if row.id not in owned]
    mine = [row for row in unowned if reads_back(group[0], row, zone)]
    if any(row.is_refunded for row in mine) and not (
        len(mine) == len(unknown) and all(row.is_refunded for row in mine)
    ):
        # Of two that look alike one was given back, which our own refund does not tell any more.
        return Findings(unsure=tuple(unknown), why="one of several equal payments was given back")
    rows = sorted(row.id for row in mine)
    taken = tuple(zip(unknown, rows, strict=False))
    # Of those that a person has yet to settle each may be one, too, and was billed.
    asked = [it for it in group if it.state is EntryState.NEEDS_HUMAN and it.attempt]
    surplus = tuple(rows[len(unknown) + len(asked) :])
    rest = tuple(unknown[len(rows) :])
    if not rest:
        return Findings(taken=taken, surplus=surplus)
    if any(entry.is_hosted and entry.state is EntryState.SENT for entry in group):
        return Findings(taken=taken, unsure=rest, why="an equal payment was made on Altegio's page")
    amount = group[0].payment.amount
    if any(row.amount is None for row in unowned):
        return Findings(taken=taken, unsure=rest, why="a payment on the list cannot be read")
    strange = [row for row in unowned if is_about(row, amount) and row.id not in rows]
    of_none = [it for it in strange if not any(reads_back(other, it, zone) for other in others)]
    if of_none:
        is_same = any(row.amount == amount for row in of_none)
        why = "has other dates" if is_same else "is rounded, or another one"
        return Findings(taken=taken, unsure=rest, why=f"a payment of that sum {why}")
    if strange:
        why = "another payment of that sum is not settled"
        return Findings(taken=taken, later=rest, why=why)
    if echoed is None:
        return Findings(taken=taken, unsure=rest, why="no known payment shows how dates read back")
    if not echoed:
        return Findings(taken=taken, unsure=rest, why="known payments are missing or altered")
    return Findings(taken=taken, absent=rest)


def is_about(row: ListedPayment, amount: Decimal) -> bool:
    """Whether a row may be of that sum: the platform may have rounded it, or it cannot be read."""
    return row.amount is None or abs(row.amount - amount) < 1


def reads_back(entry: Entry, row: ListedPayment, zone: ZoneInfo) -> bool:
    """Whether a row of the list says what was sent for `entry`."""
    sent = entry.payment
    return (row.amount, *row.dates) == (sent.amount, *_dates(entry, zone))


def _shown(entry: Entry, zone: ZoneInfo) -> tuple[object, ...]:
    """What the list shows of an entry."""
    return (entry.location_id, entry.payment.amount, *_dates(entry, zone))


def _dates(entry: Entry, zone: ZoneInfo) -> tuple[str, ...]:
    return tuple(wire(date, zone) for date in entry.payment.dates)
