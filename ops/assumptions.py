"""Which assumptions about the platform hold in a live location, as far as reading can tell.

There is no sandbox, so each rule about the platform is an assumption until it was seen.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta, timezone
from enum import StrEnum
from zoneinfo import ZoneInfo

from ops import screen
from ops.rows import ASKED, MOST, rows
from ops.site import Site
from ops.trouble import some
from shared import clock
from shared.altegio.client import NotSent, Refused, Unreachable
from shared.altegio.marketplace import LOCATIONS_PER_PAGE
from shared.altegio.status import Installed, Status
from shared.aws.sightings import CLOCK_OFF
from shared.connections.connection import Connection
from shared.payments.entry import EntryState
from shared.payments.facts import digits

_QUARTER = timedelta(minutes=15)
_WIDEST = timedelta(hours=14)


class Verdict(StrEnum):
    """On one assumption."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNSEEN = "cannot be seen"


type Judgement = tuple[Verdict, str]


def assumptions(site: Site, options: argparse.Namespace) -> int:
    """Prints a line per assumption, for one location; 1 if any does not hold."""
    location_id: int = options.location
    heads = ("verdict", "assumption", "seen")
    found = [(verdict, what, seen) for what, (verdict, seen) in _findings(site, location_id)]
    head = f"Location {location_id}, as the platform has it now ({site.name})"
    plain = [dict(zip(heads, it, strict=True)) for it in found]
    screen.printed(options, f"{head}\n\n{screen.table([*map(str.upper, heads)], found)}", plain)
    return int(any(verdict is Verdict.FAILS for verdict, *_rest in found))


def _findings(site: Site, location_id: int) -> Iterator[tuple[str, Judgement]]:
    zone = site.platform.zone
    status, told = _status(site, location_id)
    yield "status: answers in the documented form", told
    yield "list of locations: has it on its first page", _connected(site, location_id, status)
    connection = site.connections.get(location_id)
    late = _log_zone(status, connection, zone)
    if late[0] is Verdict.FAILS and connection is not None:
        late = _zone_or_clock(site, connection, late)
    yield "log: its times are in PLATFORM_TIMEZONE", late
    asked = list_of_calls(site, location_id) if status else (Verdict.UNSEEN, told[1])
    yield "list of calls: may be read", asked
    entries = site.ledger.entries_of(location_id)
    listed = {row.id: row for row in status.payments} if status else {}
    sent = [it for it in entries if it.state is EntryState.SENT and not it.is_refund]
    none = "no list" if sent else "nothing of ours was sent there"
    missing = [f"{it.key} with id {it.platform_id}" for it in sent if it.platform_id not in listed]
    told = _all(len(sent) if status else 0, "missing", missing, none)
    yield "payments: ours are listed under their ids", told
    pairs = [(it, listed[it.platform_id]) for it in sent if it.platform_id in listed]
    sums = [
        f"{it.key}: {digits(it.payment.amount)} is {row.amount}"
        for it, row in pairs
        if row.amount != it.payment.amount
    ]
    dates = [
        f"{it.key}: paid {clock.wire(it.payment.paid_at, zone)} reads {row.paid_at}"
        for it, row in pairs
        if [clock.wire(date, zone) for date in it.payment.dates] != [*row.dates]
    ]
    for what, altered in (("sums", sums), ("dates", dates)):
        told = _all(len(pairs), "altered", altered, "none of ours is listed")
        yield f"payments: {what} read back", told
    owned = site.looking.owned(entries, list(listed.values()))
    unknown = [f"id {it}" for it in sorted(listed.keys() - owned)]
    told = _all(len(listed), "unknown", unknown, "no payment is listed")
    yield "payments: none is unknown to us", told


def _all(number: int, what: str, wrong: Sequence[str], none: str) -> Judgement:
    """Of so many payments, of which none may be what it must not be; or why there is `none`."""
    if not number:
        return Verdict.UNSEEN, none
    if wrong:
        return Verdict.FAILS, f"{len(wrong)} of {number} {what}, such as {wrong[0]}"
    return Verdict.HOLDS, f"all {number}"


def _status(site: Site, location_id: int) -> tuple[Status | None, Judgement]:
    status = site.told(location_id)
    if isinstance(status, str):
        return None, (Verdict.FAILS, status)
    if status.installed is Installed.NO and not status.log:
        return None, (Verdict.UNSEEN, "not installed there")
    since = f" since {screen.moment(status.since)}" if status.since else ""
    transitions = screen.counted(len(status.log), "transition")
    payments = screen.counted(len(status.payments), "payment")
    return status, (Verdict.HOLDS, f"{status.installed}{since}; {transitions}, {payments}")


def _connected(site: Site, location_id: int, status: Status | None) -> Judgement:
    try:
        first = site.platform.locations(page=1)
    except NotSent as error:
        return Verdict.UNSEEN, str(error)
    except (Refused, Unreachable) as error:
        return Verdict.FAILS, str(error)
    among = f"among {screen.counted(len(first), 'location')}"
    if location_id in {it.id for it in first}:
        return Verdict.HOLDS, among
    if status is None or len(first) >= LOCATIONS_PER_PAGE:
        return Verdict.UNSEEN, f"not {among}"
    if status.installed is Installed.ACTIVE:
        return Verdict.FAILS, f"active, but not {among}"
    return Verdict.UNSEEN, f"{status.installed}, and not {among}"


def list_of_calls(site: Site, location_id: int) -> Judgement:
    """Without that right, and a user token, nobody knows what was saved."""
    error = site.list_refused(location_id)
    if error is None:
        return Verdict.HOLDS, f"of location {location_id}"
    is_unseen = isinstance(error, NotSent)
    return (Verdict.UNSEEN if is_unseen else Verdict.FAILS), f"location {location_id}: {error}"


def _zone_or_clock(site: Site, own: Connection, told: Judgement) -> Judgement:
    """A clock may be wrong by whole hours, too: its answers show that, and other locations."""
    try:
        listed = site.platform.locations(page=1)
    except (Refused, Unreachable):
        return told
    off = site.platform.ahead(clock.now())
    if off is not None and abs(off) > CLOCK_OFF:
        by = f"{screen.age(abs(off))} {'ahead' if off > timedelta() else 'behind'}"
        return Verdict.FAILS, f"Altegio's clock is wrong, not the zone: its answers are {by}"
    zone, right, same = site.platform.zone, [], []
    others = [it for it in rows(site, [it.id for it in listed[:MOST]]) if it.live and it != own]
    for it in sorted(others, key=lambda it: it.opened_at)[-ASKED:]:
        status = site.told(it.location_id)
        if isinstance(status, Status):
            judged = _log_zone(status, replace(it, activation=status.activation), zone)
            right += [it] if judged[0] is Verdict.HOLDS else []
            same += [it.location_id] if judged == told else []
    ids = some([it.location_id for it in right]) or "no other location"
    if any(it.opened_at > own.opened_at for it in right):
        why = f"Altegio's clock was wrong then, not the zone: {ids} is right by {zone}"
        return Verdict.FAILS, why
    clock_was = f"; or its clock was wrong, as {ids} {'was right before' if right else 'tells'}"
    return Verdict.FAILS, f"{told[1]}{f', as of {some(same)}' if same else clock_was}"


def _log_zone(status: Status | None, connection: Connection | None, zone: ZoneInfo) -> Judgement:
    """Our own opening is followed at once by the platform's activation: by its clock, when?"""
    if status is None or connection is None or status.activation is None:
        return Verdict.UNSEEN, "no activation that we know of"
    if connection.activation != status.activation:
        return Verdict.UNSEEN, "the last activation was not ours"
    late = status.activation - connection.opened_at
    if timedelta(minutes=-1) < late < timedelta(minutes=10):
        return Verdict.HOLDS, f"active {screen.age(late)} after we opened it, by {zone}"
    quarters = round(late / _QUARTER) * _QUARTER
    if abs(late - quarters) < timedelta(minutes=1) and abs(quarters) <= _WIDEST:
        offset = status.activation.astimezone(zone).utcoffset() or timedelta(0)
        seems = f"the platform seems to be at {timezone(offset + quarters)}"
        return Verdict.FAILS, f"{seems}, but PLATFORM_TIMEZONE is {zone}"
    return Verdict.UNSEEN, f"active {screen.age(late)} after we opened it: too late to tell"
