"""What the refund of a payment does to its location, told before it is sent. Only reads."""

from dataclasses import dataclass
from datetime import datetime

from ops import screen
from ops.site import Site
from shared import clock
from shared.payments import billing_event, coverage
from shared.payments import entry as payment
from shared.payments.coverage import Consequence, Period
from shared.payments.entry import Entry, EntryState

_WAITING = (EntryState.PENDING, EntryState.HELD)


@dataclass(frozen=True, slots=True)
class Outlook:
    """On the refund of a payment.

    Attributes:
        refund: what becomes of the refund itself, in words.
        found: what it does to the location; None if that cannot be told.
        why: it cannot be told; else empty.
        is_listed: whether the platform's list has the payment, as far as that is known.
    """

    refund: str
    found: Consequence | None = None
    why: str = ""
    is_listed: bool = True


def foretold(site: Site, named: Entry) -> list[tuple[str, str]]:
    """Which period the refund of a payment ends, and whether the location stays on."""
    now = clock.now()
    known = named if named.is_refund else _known_refund(site, named)
    refund = known or _billed(named, now)
    paid = site.ledger.given_back(refund)
    outlook = _outlook(site, refund, paid, now)
    which = known.key if known else "none yet; billed now, it"
    return [
        *_payment(site, paid, outlook, now),
        ("refund", f"{which} {outlook.refund}"),
        *_effect(outlook, now),
    ]


def _known_refund(site: Site, paid: Entry) -> Entry | None:
    """The refund that billing has sent already; of several, the last one."""
    latest = site.ledger.given_back(_billed(paid, clock.now()))
    refunds = [
        entry
        for entry in site.ledger.entries_of(paid.location_id or 0)
        if entry.is_refund and latest and site.ledger.given_back(entry) == latest
    ]
    return max(refunds, key=lambda refund: refund.received_at, default=None)


def _billed(paid: Entry, now: datetime) -> Entry:
    """A refund as it would come from billing."""
    event_id = paid.key.removeprefix("payment#")
    return billing_event.Refund(type="refund", event_id=event_id, payment_event_id=event_id).entry(
        now
    )


def _outlook(site: Site, refund: Entry, paid: Entry | None, now: datetime) -> Outlook:
    words = f"is {refund.state}" + (f": {refund.why}" if refund.why else "")
    if refund.state in _WAITING:
        parked = payment.refund_parked(refund, paid, now, site.settings.ledger)
        if parked is not None:
            if parked.state in _WAITING:
                return Outlook(f"waits: {parked.why}", why="nothing until it goes out")
            words = f"becomes {parked.state}: {parked.why}"
            return Outlook(words, why="nothing, as it does not go out")
        later = refund.due_at is not None and now < refund.due_at
        words = f"goes out {screen.due(refund.due_at, now) if later else 'at once'}"
    if paid is None or paid.state is not EntryState.SENT:
        return Outlook(words, why="nothing, as no such payment is SENT")
    status = site.told(paid.location_id or 0)
    if isinstance(status, str):
        return Outlook(words, why=f"cannot be told: {status}")
    found = coverage.consequence(
        paid, status, now, zone=site.platform.zone, rules=site.settings.cover
    )
    is_listed = paid.platform_id in {row.id for row in status.payments}
    return Outlook(words, found, is_listed=is_listed)


def _payment(
    site: Site, paid: Entry | None, outlook: Outlook, now: datetime
) -> list[tuple[str, str]]:
    if paid is None:
        return [("payment", "not in the ledger")]
    connection = site.connections.get(paid.location_id or 0)
    id_ = f", with id {paid.platform_id}" if paid.platform_id is not None else ""
    unlisted = "" if outlook.is_listed else ", which is not on the platform's list"
    period = coverage.paid_period(paid)
    return [
        ("payment", f"{paid.key}, {screen.amount(paid)}"),
        ("state", f"{paid.state}{id_}{unlisted}"),
        ("location", f"{paid.location_id}, {connection.state if connection else 'unknown'} here"),
        ("period", f"{screen.moment(period.start)} to {screen.moment(period.end)}"),
        ("", _standing(period, now)),
    ]


def _standing(period: Period, now: datetime) -> str:
    if now < period.start:
        return f"begins {screen.due(period.start, now)}"
    if now <= period.end:
        return f"runs, and ends {screen.due(period.end, now)}"
    return f"ended {screen.due(period.end, now)}"


def _effect(outlook: Outlook, now: datetime) -> list[tuple[str, str]]:
    if outlook.found is None:
        return [("effect", outlook.why)]
    found = outlook.found
    until = found.covered_until
    left = (
        f"paid until {screen.moment(until)}, {screen.due(until, now)}"
        if until is not None
        else "no other paid period runs now"
    )
    why = f": {found.why}" if found.why else ""
    return [("effect", f"{found.effect}{why}"), ("left", left)]
