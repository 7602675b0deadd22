"""Until when a location is covered by what was reported: pure rules, no I/O.

After the trial, or after the last reported and unrefunded period, the platform switches a location
off within 24 hours; after a refund of the running period within one, whatever is left of the trial.
A payment that is reported later switches it on again.

    activation
    ├──── trial ────┤ ├──── reported ────┤├──── queued ────┤
                               ├ warning ▲                 ▲
                                         covered_until     queued_until

It tells nobody when, so that is reckoned from its list, its log and our ledger. Whether a reconnect
grants the trial again is stated nowhere, so the first activation counts.

Source: https://alteg.io/en/support/knowledge-base/6746128692893
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from shared.altegio.status import Installed, ListedPayment, Status
from shared.clock import from_wire
from shared.connections.connection import Connection, State
from shared.payments.entry import Entry, EntryState
from shared.payments.settings import CoverPolicy

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_MONTH = timedelta(days=30)
_LAGS = timedelta(minutes=1)  # as old a list may be

# When the platform may have acted: soon after a refund, or at any time of the day after a period.
_AFTER_A_REFUND = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60)]
# And then the seldomer the longer it has not: what else would tell of it is told, or a census.
_AFTER_THE_END = [timedelta(minutes=2), *(timedelta(hours=hours) for hours in (1, 2, 4, 8, 16))]
_GIVEN_UP = {EntryState.REJECTED, EntryState.CLOSED}
_QUEUED = frozenset(EntryState) - {EntryState.SENT} - _GIVEN_UP


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """What was paid for, or the trial; inclusive at both ends."""

    start: datetime
    end: datetime


def covered_until(periods: Iterable[Period], now: datetime) -> datetime | None:
    """The end of the cover that runs now; if none does, when the last one ended.

    A period that only begins later counts if it adjoins: within a day of the end before it.
    None if nothing has begun yet.
    """
    until: datetime | None = None
    for period in sorted(periods):
        adjoins = until is not None and now <= until and period.start <= until + _DAY
        if period.start <= now or adjoins:
            until = period.end if until is None else max(until, period.end)
    return until


def reported(payments: Iterable[ListedPayment], zone: ZoneInfo) -> tuple[Period, ...]:
    """The unrefunded periods of the platform's list; a row that cannot be read covers nothing."""
    periods = (_period(row, zone) for row in payments if not row.is_refunded)
    return tuple(period for period in periods if period is not None)


def paid_period(paid: Entry) -> Period:
    """What a payment of the ledger was for."""
    return Period(paid.payment.period_from, paid.payment.period_to)


def unlisted(
    entries: Sequence[Entry], listed: Sequence[ListedPayment], now: datetime
) -> tuple[Entry, ...]:
    """Payments whose period is not over, which we reported and the platform's list surely lacks.

    A row that nobody owns and that cannot be read, or is of the same sum, may be the one: such a
    payment is not among them. Nor is one that is given back, or that was reported again or a moment
    ago, or that was made on the platform's own page, which is not ours to report.

    Args:
        entries: all of the ledger of one location.
        listed: the platform's list of it.
        now: the present moment.
    """
    ids, owned = {row.id for row in listed}, {entry.platform_id for entry in entries}
    strange = {row.amount for row in listed if row.id not in owned}
    return tuple(
        paid
        for paid in kept(entries)
        if paid.state is EntryState.SENT
        and not paid.is_hosted
        and now <= paid_period(paid).end
        and not (paid.changed_at and now - _LAGS < paid.changed_at)
        and paid.platform_id not in ids
        and not strange & {None, paid.payment.amount}
    )


def paid_as_well(paid: Entry, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Other payments of its location, sent or on their way, whose period includes its own."""
    own = paid_period(paid)
    return tuple(
        other
        for other in kept(entries)
        if other.key != paid.key
        and other.state not in _GIVEN_UP
        and paid_period(other).start <= own.start
        and own.end <= paid_period(other).end
    )


def paid_within(begin: datetime, end: datetime, entries: Sequence[Entry]) -> list[Entry]:
    """Payments, sent or on their way, whose period has a part of this one, not only its edge."""
    return [
        it
        for it in kept(entries)
        if it.state not in _GIVEN_UP and paid_period(it).start < end and begin < paid_period(it).end
    ]


def come_late(entries: Sequence[Entry]) -> list[Entry]:
    """Payments of billing whose period was over before they came, so they keep nothing on."""
    return [it for it in kept(entries) if not it.is_hosted and paid_period(it).end < it.received_at]


# The clock of a connection


def watched(
    connection: Connection,
    status: Status,
    missing: Sequence[Entry],
    now: datetime,
    *,
    zone: ZoneInfo,
    rules: CoverPolicy,
) -> Connection:
    """The connection as settled by `status`, with its cover, and due when that comes to its end.

    A connection with a webhook's hint, or a frozen one, is due for that, which is sooner.

    Args:
        connection: live, as it was just settled.
        status: that it was settled from, active or frozen.
        missing: what is `unlisted` in it.
        now: the present moment.
        zone: of the dates on the wire.
        rules: the settings.
    """
    keys = tuple(paid.key for paid in missing)
    news = [now + timedelta(seconds=rules.lease_s)] if {*keys} - {*connection.unlisted} else []
    known = replace(
        connection,
        first_active_at=_first_active_at(connection, status),
        covered_until=None,
        unlisted=keys,
        watched_at=now,
    )
    if known.refunded_at is not None and known.refunded_at + _HOUR <= now:
        known = replace(known, refunded_at=None)
    if not rules.free:
        periods = (*reported(status.payments, zone), _trial(known, status, now, zone, rules))
        known = replace(known, covered_until=covered_until(periods, now))
    if known.hint is not None:
        return known
    looks = _looks(known, now, rules) if known.state is State.ACTIVE else [known.due_at or now]
    # Who had it before is forgotten in his time. A free one is never off, but can be found by this.
    forgets = [known.forget_at] if known.forget_at else []
    return replace(known, due_at=min([*news, *looks, *forgets], default=now + _MONTH))


def reminded(connection: Connection, now: datetime, rules: CoverPolicy) -> Connection | None:
    """The same, due an hour later, if only a warning is due; None if the platform must be asked.

    Before its cover ends a location is not switched off, and what would lengthen that is told. Once
    it has ended, the platform is asked at growing intervals, and once a day in the end.
    """
    until, since = connection.covered_until, connection.watched_at
    if connection.state is not State.ACTIVE or connection.hint or connection.refunded_at:
        return None
    if until is None or since is None or since + _DAY <= now:
        return None
    if any(since < at <= now for at in _ends(connection.location_id, until)):
        return None
    return replace(connection, due_at=min(_looks(connection, now, rules)))


def _looks(connection: Connection, now: datetime, rules: CoverPolicy) -> list[datetime]:
    """When an active location is looked at next, whichever is first."""
    until, refunded_at = connection.covered_until, connection.refunded_at
    if until is None:
        return []
    warns_at = _warns_at(connection.location_id, until, rules)
    changes = _ends(connection.location_id, until)
    if refunded_at is not None:
        changes += [refunded_at + wait for wait in _AFTER_A_REFUND]
    return [warns_at if now < warns_at else now + _HOUR, *(at for at in changes if now < at)]


def _ends(location_id: int, until: datetime) -> list[datetime]:
    """When it is seen whether a location was switched off after its cover ended."""
    spread = timedelta(seconds=location_id % 300)
    return [until + wait + spread for wait in _AFTER_THE_END]


def _warns_at(location_id: int, until: datetime, rules: CoverPolicy) -> datetime:
    # Spread over an hour, as most periods end with the month.
    spread = timedelta(seconds=location_id % 3600)
    return until - timedelta(seconds=rules.switch_off_warning_s) - spread


def _first_active_at(connection: Connection, status: Status) -> datetime:
    """The trial's start: the earliest activation known, also from before the log begins."""
    known = [at for at in (connection.first_active_at, status.first_activation) if at is not None]
    return min(known, default=connection.opened_at)


def _trial(
    connection: Connection, status: Status, now: datetime, zone: ZoneInfo, rules: CoverPolicy
) -> Period:
    """The trial, of which nothing is left once a period that had begun was given back."""
    # By the platform's clock, which may be ahead of ours.
    start = min(connection.first_active_at or connection.opened_at, now)
    if any(_had_begun(row, now, zone) for row in status.payments if row.is_refunded):
        return Period(start, start)
    return Period(start, start + timedelta(days=rules.trial_days))


def _had_begun(row: ListedPayment, now: datetime, zone: ZoneInfo) -> bool:
    """Whether a period had begun when it was given back; by now, if the list does not tell when."""
    period, at = _period(row, zone), now
    with suppress(ValueError):
        at = from_wire(row.refunded_at, zone)
    return period is not None and period.start <= at


# What a refund does


class Effect(StrEnum):
    """Of a refund, on whether the location stays on."""

    NONE = "nothing changes"
    SHORTER = "the location stays on, but not as long"
    COVERED = "the location stays on: another paid period covers it"
    DARK = "the location goes dark within the hour"


@dataclass(frozen=True, slots=True)
class Consequence:
    """Of the refund of one payment.

    Attributes:
        ends: the period that it ends.
        effect: what that means.
        why: of an effect that is none; else empty.
        covered_until: the end of the paid periods that are left and run now; None if none does.
    """

    ends: Period
    effect: Effect
    why: str = ""
    covered_until: datetime | None = None


def consequence(
    paid: Entry, status: Status, now: datetime, *, zone: ZoneInfo, rules: CoverPolicy
) -> Consequence:
    """What the platform will do about a location when this payment of it is given back.

    Args:
        paid: a payment that is SENT.
        status: of its location.
        now: the present moment.
        zone: of the dates on the wire.
        rules: the settings.
    """
    ends = paid_period(paid)
    left = [row for row in status.payments if row.id != paid.platform_id]
    until = covered_until(reported(left, zone), now)
    rest = until if until is not None and now <= until else None
    if paid.platform_id in status.refunded:
        return Consequence(ends, Effect.NONE, "it is given back already", rest)
    if rules.free:
        return Consequence(ends, Effect.NONE, "a free application is never switched off", rest)
    if status.installed is not Installed.ACTIVE:
        return Consequence(ends, Effect.NONE, f"the location is {status.installed}", rest)
    if ends.end < now:
        return Consequence(ends, Effect.NONE, "its period is over", rest)
    if now < ends.start:
        twice = any(it.start <= ends.start and ends.end <= it.end for it in reported(left, zone))
        return Consequence(ends, Effect.COVERED if twice else Effect.SHORTER, covered_until=rest)
    if rest is not None:
        return Consequence(ends, Effect.COVERED, covered_until=rest)
    return Consequence(ends, Effect.DARK)


# The work list


@dataclass(frozen=True, slots=True)
class Work:
    """One live location on the work list.

    Attributes:
        location_id: which.
        state: ACTIVE or FROZEN.
        covered_until: when what was reported ends; the platform switches it off within 24 hours
            from then.
        hours_left: until `covered_until`; below zero once that has passed.
        queued_until: the same, were everything reported that is queued.
        queued: what is not reported yet, or unclear, each with its state and its reason; refunds,
            too. In order of their arrival.
        rejected: payments that the platform refused, though their period is not over.
        unlisted: keys of payments that we reported and that the platform's list lacks.
        come_late: the payment that was reported last, if its period was over before it came.
    """

    location_id: int
    state: State
    covered_until: datetime
    hours_left: float
    queued_until: datetime
    queued: tuple[Entry, ...]
    rejected: tuple[Entry, ...]
    unlisted: tuple[str, ...]
    come_late: Entry | None


def work(connection: Connection, entries: Sequence[Entry], now: datetime) -> Work | None:
    """How long a location stays on; None if it is off the clock: closed, open, or free.

    What was reported since the list of the last look was written counts from the ledger.
    """
    known, since = connection.covered_until, connection.watched_at
    if not connection.live or known is None or since is None:
        return None
    left = kept(entries)
    sent = [
        paid_period(paid)
        for paid in left
        if paid.state is EntryState.SENT and paid.changed_at and since - _LAGS < paid.changed_at
    ]
    covered = [Period(min(known, now), known), *sent]
    coming = [paid_period(paid) for paid in left if paid.state in _QUEUED]
    all_sent = [paid for paid in left if paid.state is EntryState.SENT]
    last = max(all_sent, key=lambda paid: paid.received_at, default=None)
    until = covered_until(covered, now) or known
    waiting = [entry for entry in entries if entry.state in _QUEUED]
    queued = sorted(waiting, key=lambda entry: (entry.received_at, entry.key))
    return Work(
        location_id=connection.location_id,
        state=connection.state,
        covered_until=until,
        hours_left=round((until - now) / _HOUR, 1),
        queued_until=covered_until([*covered, *coming], now) or until,
        queued=tuple(queued),
        rejected=tuple(
            paid
            for paid in left
            if paid.state is EntryState.REJECTED and now <= paid_period(paid).end
        ),
        unlisted=tuple(paid.key for paid in left if paid.key in connection.unlisted),
        come_late=last if last in come_late(entries) else None,
    )


def work_list(locations: Iterable[tuple[Connection, Sequence[Entry]]], now: datetime) -> list[Work]:
    """Every live location with the ledger's entries of it, the first to be switched off first."""
    found = [row for it in locations if (row := work(*it, now)) is not None]
    return sorted(found, key=lambda row: (row.covered_until, row.location_id))


def is_near(work: Work, now: datetime, rules: CoverPolicy) -> bool:
    """Whether an active location may soon be switched off, or any moment."""
    warns_at = _warns_at(work.location_id, work.covered_until, rules)
    return work.state is State.ACTIVE and warns_at <= now


def kept(entries: Sequence[Entry]) -> list[Entry]:
    """The payments that are not given back, nor about to be."""
    given_back = {
        refund.payment_key
        for refund in entries
        if refund.is_refund and refund.state not in _GIVEN_UP
    }
    return [entry for entry in entries if not entry.is_refund and entry.key not in given_back]


def _period(row: ListedPayment, zone: ZoneInfo) -> Period | None:
    try:
        return Period(from_wire(row.period_from, zone), from_wire(row.period_to, zone))
    except ValueError:
        return None
