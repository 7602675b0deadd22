"""What happened to a location, from three sources in one order: lists in, lines out, no I/O.

Our journal has what was told and decided, the ledger what became of payments, and the platform its
log and its payments. Where one of them is silent about what another one says, there is a gap.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from zoneinfo import ZoneInfo

from ops import screen
from shared.altegio.status import Installed, ListedPayment, Status, Transition
from shared.clock import SKEW, from_wire
from shared.connections.connection import Connection, State
from shared.connections.journal import Line
from shared.payments.entry import Entry, EntryState
from shared.payments.facts import written

# There is no event for a connect, nor for a thaw: reconcile finds that out for itself.
_EVENTS: dict[str, str] = {Installed.NO: "uninstall webhook", Installed.FREEZED: "freeze webhook"}
_WEBHOOK_TAKES = timedelta(minutes=5)
_DECISION_TAKES = timedelta(minutes=15)
_HERE: dict[str, State] = {
    Installed.PENDING: State.PENDING,
    Installed.ACTIVE: State.ACTIVE,
    Installed.FREEZED: State.FROZEN,
    Installed.NO: State.DISABLED,
}


class Source(StrEnum):
    """Who says so. The platform's times are of its own clock, in whole seconds."""

    JOURNAL = "journal"
    LEDGER = "ledger"
    PLATFORM = "(platform)"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the history; `at` is None if the platform's date cannot be read."""

    at: datetime | None
    source: Source
    what: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a location stands."""

    here: str  # The connection's state; empty if there never was one.
    there: str  # The platform's word; empty if it does not tell.
    agree: bool | None  # Whether both say the same; None if the platform does not tell.
    since: datetime | None  # Of the last change on either side; None if that cannot be told.


def events(
    journal: Sequence[Line],
    entries: Sequence[Entry],
    status: Status | None,
    *,
    owned: Collection[int],
    now: datetime,
    zone: ZoneInfo,
) -> list[Event]:
    """All that is known, in order of time; what cannot be dated is last.

    Within the same moment the platform comes first, as what it does is what we learn of. Of each
    entry only the last claim and change are kept; `owned` are the listed ids that an entry has.
    """
    found: list[Event] = []
    if status is not None:
        found += _transitions(status.log, journal, now)
        found += _listed(status.payments, owned, zone)
        found += _unlisted(entries, status)
    found += (Event(line.at, Source.JOURNAL, _words(line)) for line in journal)
    for entry in entries:
        found += _of_entry(entry)
    return sorted(found, key=lambda event: (event.at is None, event.at or now))


def standing(
    connection: Connection | None, journal: Sequence[Line], status: Status | None
) -> Standing:
    """How a location stands here and there, and since when."""
    state = connection.state if connection else State.DISABLED
    here = str(state) if connection else ""
    if status is None:
        return Standing(here, "", None, None)
    agree, ours = _HERE[status.installed] is state, [it for it in journal if it.state]
    known = ours[-1].state if ours else State.DISABLED
    changes = [next(lines).at for _state, lines in groupby(ours, lambda it: it.state)][-1:]
    changes += [it.at for it in status.log[-1:]]
    # Without its log, it is not known when the platform went another way.
    is_told = known == state and (agree or bool(status.log))
    return Standing(here, status.installed, agree, max(changes, default=None) if is_told else None)


def _transitions(
    log: Sequence[Transition], journal: Sequence[Line], now: datetime
) -> Iterator[Event]:
    forgotten = _forgotten(log, journal)
    if forgotten:
        begins = journal[0].at if journal else log[0].at
        nothing = "our journal has nothing before this; its lines are kept for JournalDays"
        yield Event(begins, Source.GAP, nothing if journal else "our journal has nothing of it")
    for number, entry in enumerate(log):
        if number and log[number - 1].after != entry.before:
            torn = f"the log has a hole: {log[number - 1].after}, and next {entry.before}"
            yield Event(entry.at, Source.GAP, torn)
        yield Event(entry.at, Source.PLATFORM, f"{entry.before} → {entry.after}")
        if number >= forgotten and (untold := _untold(entry, log[number + 1 :], journal, now)):
            yield Event(entry.at, Source.GAP, untold)


def _forgotten(log: Sequence[Transition], journal: Sequence[Line]) -> int:
    """How many transitions are from before our journal."""
    if not journal:
        return len(log)
    before = [entry for entry in log if entry.at < journal[0].at - SKEW]
    if before and before[-1].after == Installed.PENDING:
        # The owner's grant comes before the first thing that we can know of it.
        before.pop()
    return len(before)


def _untold(
    entry: Transition, later: Sequence[Transition], journal: Sequence[Line], now: datetime
) -> str:
    """What is missing after a transition; empty if it was told in time, or may yet be."""
    after = entry.after
    if after not in _HERE or entry.before == after:
        return ""
    # The next of its kind has tellings of its own.
    until = min((it.at for it in later if it.before != it.after == after), default=now + SKEW)
    told = [
        line.at for line in journal if entry.at - SKEW <= line.at < until and _tells(line, entry)
    ]
    late = (told[0] if told else now) - entry.at
    if late <= (_WEBHOOK_TAKES if after in _EVENTS else _DECISION_TAKES):
        return ""
    if told:
        return f"{after} was told here only {screen.age(late)} later"
    missing = f"no {_EVENTS[after]} came, and no" if after in _EVENTS else "no"
    return f"{missing} decision of ours tells of it"


def _tells(line: Line, entry: Transition) -> bool:
    if not line.state:
        return line.words == _EVENTS.get(entry.after)
    return line.state == _HERE[entry.after] or str(entry) in line.words


def _listed(
    rows: Sequence[ListedPayment], owned: Collection[int], zone: ZoneInfo
) -> Iterator[Event]:
    for row in rows:
        at = None
        with suppress(ValueError):
            at = from_wire(row.paid_at, zone)
        of = f"payment {row.id}, by its date: {written(row.amount)} for {row.period_from} to"
        of += f" {row.period_to}{', refunded' * row.is_refunded}"
        yield Event(at, Source.PLATFORM, of)
        if row.id not in owned:
            yield Event(at, Source.GAP, f"no entry of ours has the id {row.id}")


def _unlisted(entries: Sequence[Entry], status: Status) -> Iterator[Event]:
    if not status.live:
        # It lists nothing then.
        return
    ids = {row.id for row in status.payments}
    for entry in entries:
        reported = entry.state is EntryState.SENT and not entry.is_refund
        if reported and entry.platform_id not in ids:
            missing = f"{entry.key} with id {entry.platform_id} is not on the platform's list"
            yield Event(entry.changed_at, Source.GAP, missing)


def _words(line: Line) -> str:
    if not line.state:
        return line.words
    # A verdict may begin with the state that it made.
    why = line.words.removeprefix(f"{line.state}: ")
    return f"{line.state}, generation {line.generation}: {why}"


def _of_entry(entry: Entry) -> Iterator[Event]:
    yield Event(entry.received_at, Source.LEDGER, f"{entry.key} received: {screen.amount(entry)}")
    if entry.claimed_at is not None:
        claimed = f"{entry.key} claimed, attempt {entry.attempt}"
        yield Event(entry.claimed_at, Source.LEDGER, claimed)
    if entry.state is not EntryState.SENDING:
        ended_at = entry.changed_at or entry.received_at
        id_ = f" with id {entry.platform_id}" if entry.platform_id is not None else ""
        why = f": {entry.why}" if entry.why else ""
        yield Event(ended_at, Source.LEDGER, f"{entry.key} {entry.state}{id_}{why}")
