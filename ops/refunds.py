"""What the refund of a payment does to its location, told before it is sent. Only reads."""

from datetime import datetime

from ops import names, screen
from ops.site import Site
from shared import clock
from shared.altegio.status import Status
from shared.payments import billing_event, coverage
from shared.payments import entry as payment
from shared.payments.entry import Entry, EntryState

_WAITING = (EntryState.PENDING, EntryState.HELD)


def foretold(site: Site, named: Entry) -> list[tuple[str, str]]:
    """Which period the refund of a payment ends, and whether the location stays on."""
    now = clock.now()
    entries = [] if named.is_refund else site.ledger.entries_of(named.location_id or 0)
    refunds = [it for it in entries if it.is_refund and it.payment_key == named.key]
    # What billing has sent already; of several, the last one.
    last = max(refunds, key=lambda refund: refund.received_at, default=None)
    known = named if named.is_refund else last
    id_ = named.key.removeprefix("payment#")
    billed = billing_event.Refund(type="refund", event_id=id_, payment_event_id=id_)
    refund = known or billed.entry(now)
    paid = site.ledger.given_back(refund)
    becomes, why = _becomes(site, refund, paid, now)
    status = site.told(paid.location_id or 0) if paid and not why else why
    return [
        *_payment(site, paid, status),
        ("refund", f"{known.key if known else 'none yet; billed now, it'} {becomes}"),
        *_effect(site, paid, status, now),
    ]


def _becomes(site: Site, refund: Entry, paid: Entry | None, now: datetime) -> tuple[str, str]:
    """What becomes of the refund itself, and why it has no effect; empty if it has one."""
    words = f"is {refund.state}" + (f": {refund.why}" if refund.why else "")
    if refund.state in _WAITING:
        parked = payment.refund_parked(refund, paid, now, site.settings.ledger)
        if parked is not None:
            if parked.state in _WAITING:
                return f"waits: {parked.why}", "nothing until it goes out"
            return f"becomes {parked.state}: {parked.why}", "nothing, as it does not go out"
        later = refund.due_at is not None and now < refund.due_at
        words = f"goes out {screen.due(refund.due_at, now) if later else 'at once'}"
    if paid is None or paid.state is not EntryState.SENT:
        return words, "nothing, as no such payment is SENT"
    return words, ""


def _payment(site: Site, paid: Entry | None, status: Status | str) -> list[tuple[str, str]]:
    if paid is None:
        return [("payment", "not in the ledger")]
    connection = site.connections.get(paid.location_id or 0)
    place = names.place(paid.location_id, connection)
    id_ = f", with id {paid.platform_id}" if paid.platform_id is not None else ""
    is_listed = isinstance(status, str) or paid.platform_id in {it.id for it in status.payments}
    unlisted = "" if is_listed else ", which is not on the platform's list"
    return [
        ("payment", f"{paid.key}, {screen.amount(paid)}"),
        ("state", f"{paid.state}{id_}{unlisted}"),
        ("location", f"{place}, {connection.state if connection else 'unknown'} here"),
        ("period", screen.period(paid)),
    ]


def _effect(
    site: Site, paid: Entry | None, status: Status | str, now: datetime
) -> list[tuple[str, str]]:
    if paid is None or isinstance(status, str):
        missing = "cannot be told: " * str(status).startswith("the platform")
        return [("effect", f"{missing}{status}")]
    zone, rules = site.platform.zone, site.settings.cover
    found = coverage.consequence(paid, status, now, zone=zone, rules=rules)
    until = found.covered_until
    left = f"paid until {screen.moment(until)}, {screen.due(until, now)}" if until else ""
    why = f": {found.why}" if found.why else ""
    return [("effect", f"{found.effect}{why}"), ("left", left or "no other paid period runs now")]
