"""Until when locations stay on, what ends that, and what is paid in vain or twice."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ops import rows, screen
from ops.site import Site, side_by_side
from ops.trouble import NAMED, Found, Grade, Trouble, some
from shared.connections.connection import Connection, State
from shared.payments import coverage
from shared.payments.coverage import Work
from shared.payments.entry import Entry, EntryState

MEND_LATE = "Have billing refund it, and send the right period under a new event id"
_ASK = ": ask Altegio why; the next payment thaws it, too"


def cover(site: Site, now: datetime) -> Iterator[Found]:
    """Active ones are due an hour after each warning, so they are near the begin of the index."""
    rules = site.settings.cover
    ids = [*site.connections.due(State.ACTIVE, now + timedelta(hours=1), rows.MOST)]
    ids += [*site.connections.due(State.FROZEN, now + timedelta(days=1), rows.MOST)]
    live = [it for it in rows.rows(site, ids) if it.live]
    late = [it.location_id for it in live if it.due_at and it.due_at < now - rows.OVERDUE]
    yield from rows.late([f"location {it}" for it in late], site, now)
    if rules.free:
        return
    entries = side_by_side(site.ledger.entries_of, [it.location_id for it in live])
    works = coverage.work_list(zip(live, entries, strict=True), now)
    frozen = [it for it in works if it.state is State.FROZEN]
    near = [it for it in works if coverage.is_near(it, now, rules)]
    yield from of_covers([*frozen, *near], now)
    for connection, its in zip(live, entries, strict=True):
        yield from of_dark(connection, its, now, goes_on=True)
    yield "cover", f"{len(near)} end soon, {len(frozen)} frozen, of those that are looked at next"


def of_cover(work: Work, now: datetime) -> Iterator[Trouble]:
    """A location that is switched off soon, or was although it should not be."""
    location = f"location {work.location_id}"
    entries = (*work.rejected, *work.queued)
    told = [f"{it.key} is {it.state}: {it.why or '-'}" for it in entries[:NAMED]]
    if work.come_late:
        entries = (work.come_late, *entries)
        told.insert(0, f"{work.come_late.key} is {late_by(work.come_late)}. {MEND_LATE}")
    waits = "; ".join(told)
    command = f"payment {screen.quoted(entries[0].key)}" if entries else location
    if work.state is State.ACTIVE:
        ends = "cover ended" if work.covered_until <= now else "cover ends"
        none = "nothing is queued: if the customer goes on, have billing send the next period"
        what = f"{ends} {screen.due(work.covered_until, now)}; {waits or none}"
        yield Trouble(what, location, command)
    elif now < work.covered_until:
        paid = f"Altegio has frozen it, though it is paid until {screen.moment(work.covered_until)}"
        lists = f"{some(work.unlisted)} not on its list" if work.unlisted else "its list says so"
        what, command = f"{paid}, and {lists}{_ASK}", f"{location} --all"
        yield Trouble(what, location, command, grade=Grade.BROKEN)
    elif waits:
        yield Trouble(f"is frozen; {waits}", location, command, grade=Grade.BROKEN)


def late_by(paid: Entry) -> str:
    """Of a payment whose period was over before it came."""
    ended, came = paid.payment.period_to, paid.received_at
    told = f"paid for a period that ended {screen.moment(ended)}, {screen.age(came - ended)} before"
    return f"{told} it came, so it keeps nothing on"


def of_covers(works: Iterable[Work], now: datetime) -> Iterator[Trouble]:
    """The same of many: one line for each kind, whose first goes off first."""
    groups = defaultdict(list)
    for work in works:
        for told in of_cover(work, now):
            kind = bool(work.rejected or work.queued), work.come_late is not None
            groups[told.grade, work.state, kind].append(told)
    for first, *others in groups.values():
        more = f"; also {some([it.whom for it in others])}" if others else ""
        yield replace(first, what=first.what + more)


def of_dark(
    connection: Connection, entries: Sequence[Entry], now: datetime, *, goes_on: bool = False
) -> Iterator[Trouble]:
    """Frozen, as what it had paid was given back; `goes_on`: only one that has paid for later."""
    back = {it.payment_key: it for it in entries if it.is_refund and it.state is EntryState.SENT}
    paid = [it for it in entries if not it.is_refund and it.state is EntryState.SENT]
    paid.sort(key=lambda it: it.payment.period_from)
    later = [it for it in paid if it.key not in back and it.payment.period_from > now]
    runs = [it for it in paid if it.payment.period_from <= now <= it.payment.period_to]
    ended = next((it for it in runs if it.key in back), None)
    if connection.state is State.FROZEN and ended and (later or not goes_on):
        refund = back[ended.key]
        what = f"is frozen, as {refund.key} has given back {ended.key}, whose period runs now"
        what += f"; {later[0].key} is for {screen.period(later[0])}" if later else ""
        what += ". If that was a mistake, have billing send the period that runs now anew, under a"
        what += " new event id"
        location = f"location {connection.location_id}"
        yield Trouble(what, location, location, refund.changed_at)


def _are_twins(*paid: Entry) -> bool:
    """Whether the periods of two payments are mostly the same: months are billed at any second."""
    periods = [*map(coverage.paid_period, paid)]
    both = min(it.end for it in periods) - max(it.start for it in periods)
    return 2 * both > min(it.end - it.start for it in periods)


def of_twice(entries: Sequence[Entry], now: datetime) -> Iterator[Trouble]:
    """Payments of one location for the same period, of which Altegio has both."""
    sent = [it for it in coverage.kept(entries) if it.state is EntryState.SENT]
    told = set[str]()
    for it in sorted(sent, key=lambda each: each.received_at):
        twins = [other for other in sent if other is not it and _are_twins(it, other)]
        if now <= it.payment.period_to and twins and it.key not in told:
            told |= {each.key for each in twins}
            what = f"is paid for a period that {some([each.key for each in twins])} pays for, too:"
            what += f" {screen.period(it)}. If not both are owed, have billing give one back"
            whom = f"{it.key} of location {it.location_id}"
            yield Trouble(what, whom, f"payment {it.key}", it.received_at)
