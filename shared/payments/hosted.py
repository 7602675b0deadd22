"""Payments that the owner makes on the platform's own page: pure rules, no I/O.

The platform tells of them by a lifecycle event, of which only location and sum are signed, and by
its list. So what is told is a claim until the list shows it, and until nothing of ours is unsettled
that might be the same payment: nobody says that the platform does not tell of our own reports, too.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.altegio.status import ListedPayment
from shared.altegio.webhook import HostedPayment
from shared.clock import YEARS, from_wire
from shared.payments.entry import HOSTED, Entry, EntryState
from shared.payments.facts import NO_CURRENCY, PaymentFacts

_UNSETTLED = (EntryState.SENDING, EntryState.UNKNOWN, EntryState.NEEDS_HUMAN)


def told(
    location_id: int, payment: HostedPayment, now: datetime, *, zone: ZoneInfo, lease_s: float
) -> Entry | None:
    """The entry of an event; None if its dates cannot be read.

    Args:
        location_id: which.
        payment: as the event has it.
        now: the present moment.
        zone: of dates without an offset.
        lease_s: seconds until it is looked for on the list: what we report at this moment has an
            end by then, and is in the ledger's index.
    """
    dates = [_instant(text, zone) for text in _dates(payment)]
    if None in dates:
        return None
    facts = PaymentFacts(payment.amount, payment.currency, *(date for date in dates if date))
    return _entry(location_id, payment.platform_id, facts, now, lease_s)


def listed(
    location_id: int, row: ListedPayment, now: datetime, *, zone: ZoneInfo, lease_s: float
) -> Entry | None:
    """The same of a row of the list that is nobody's; None if it cannot be read."""
    facts = _of_row(row, NO_CURRENCY, zone)
    return _entry(location_id, row.id, facts, now, lease_s) if facts is not None else None


def can_be_read(row: ListedPayment, zone: ZoneInfo) -> bool:
    """Whether a row of the list says all that an entry needs."""
    return row.id > 0 and _of_row(row, NO_CURRENCY, zone) is not None


def as_listed(entry: Entry, rows: Sequence[ListedPayment], zone: ZoneInfo) -> PaymentFacts | None:
    """The facts of an entry as the list has them, which count; None if it lacks it.

    Whether the sum of an event is before or after its discount is documented nowhere.
    """
    for row in rows:
        if row.id == entry.platform_id:
            return _of_row(row, entry.payment.currency, zone)
    return None


def unsettled(entries: Sequence[Entry]) -> bool:
    """Whether one of our own payments of a location may be what we are told of."""
    return any(entry.state in _UNSETTLED and not entry.is_refund for entry in entries)


def _entry(
    location_id: int, platform_id: int, facts: PaymentFacts, now: datetime, lease_s: float
) -> Entry:
    return replace(
        Entry.new(f"{HOSTED}{platform_id}", location_id, facts, now),
        state=EntryState.REPORTED_BY_PLATFORM,
        platform_id=platform_id,
        due_at=now + timedelta(seconds=lease_s),
    )


def _of_row(row: ListedPayment, currency: str, zone: ZoneInfo) -> PaymentFacts | None:
    try:
        dates = [from_wire(text, zone) for text in (row.paid_at, row.period_from, row.period_to)]
    except ValueError:
        return None
    if row.amount is None:
        return None
    # Rounded as the table will give it back, whatever the list says.
    return PaymentFacts(row.amount.normalize(), currency, *dates)


def _dates(payment: HostedPayment) -> tuple[str | None, ...]:
    return payment.paid_at, payment.period_from, payment.period_to


def _instant(text: str | None, zone: ZoneInfo) -> datetime | None:
    """A date as the platform writes it elsewhere, or of ISO 8601."""
    try:
        date = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    if date.year not in YEARS:
        return None
    return (date if date.tzinfo else date.replace(tzinfo=zone)).astimezone(UTC)
