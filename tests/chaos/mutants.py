"""The protocol with one of its rules broken: schedules that do not notice would prove nothing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from shared.altegio.marketplace import Marketplace
from shared.altegio.outcome import NotTaken, Outcome, Unclear
from shared.altegio.status import Status
from shared.payments import entry as payment
from shared.payments import hosted, lookup
from shared.payments.entry import Entry, EntryState
from shared.payments.ledger import Ledger
from shared.payments.resolve_unknown import ResolveUnknown
from shared.payments.settings import LedgerPolicy
from shared.reconcile.schedule import Schedule
from tests.chaos.world import World

type Mutant = Callable[[], Any]

_put, _transact = Ledger._put, Ledger._transact
_report, _absent = Marketplace.report_payment, payment.absent


def no_fencing() -> Any:
    """Rows are written whatever they have become."""

    def put(ledger: Ledger, before: Entry | None, after: Entry) -> Any:
        written = _put(ledger, before, after)
        return {name: written[name] for name in ("TableName", "Item")}

    return patch.object(Ledger, "_put", put)


def retry_on_read_timeout() -> Any:
    """A lost answer counts as a request that was never sent."""

    def report(altegio: Marketplace, location_id: int, terms: dict[str, Any]) -> Outcome:
        outcome = _report(altegio, location_id, terms)
        lost = isinstance(outcome, Unclear) and outcome.why == "ReadTimeout"
        return NotTaken("ReadTimeout") if lost else outcome

    return patch.object(Marketplace, "report_payment", report)


@contextmanager
def adoption_without_ownership() -> Iterator[None]:
    """Whatever the list has may be taken, and taken again."""

    def transact(ledger: Ledger, items: list[Any]) -> list[str]:
        ours = [it for it in items if "platform#" not in str(it.get("Put", {}).get("Item", {}))]
        return _transact(ledger, ours or items)

    with (
        patch.object(ResolveUnknown, "owned", lambda *_: set()),
        patch.object(Ledger, "_transact", transact),
    ):
        yield


def lookup_per_entry() -> Any:
    """Equal payments are not counted together."""

    def alone(entry: Entry, _entries: Sequence[Entry], _zone: ZoneInfo) -> tuple[Entry, ...]:
        return (entry,)

    return patch.object(lookup, "group_of", alone)


def absence_seen_once() -> Any:
    """One look at the list is enough."""

    def absent(entry: Entry, why: str, now: datetime, rules: LedgerPolicy) -> Entry:
        return _absent(replace(entry, absences=1), why, now, rules)

    return patch.object(payment, "absent", absent)


def acknowledged_before_the_row() -> Any:
    """The message is deleted, and then its row is written."""
    return patch.object(World, "ACKNOWLEDGED_FIRST", new=True)


def an_expired_lease_is_sent_again() -> Any:
    """As queues and locks usually have it."""

    def lease_passed(reconciling: Schedule, entry: Entry) -> None:
        again = replace(entry, state=EntryState.PENDING, due_at=reconciling._clock())
        reconciling._ledger.move(entry, again)

    return patch.object(Schedule, "_lease_passed", lease_passed)


def an_id_is_taken_when_it_is_told() -> Any:
    """A payment event is believed to be about the platform's own page."""
    return patch.object(hosted, "unsettled", lambda _entries: False)


def a_first_connect_is_a_reconnect() -> Any:
    """When clocks go back, whatever was sent seems to be from before."""
    return patch.object(Status, "first_activation", None)


# From which schedule on each is looked for: some are caught by few, and these are known.
FIRST = {
    retry_on_read_timeout: 20,
    lookup_per_entry: 59,
    absence_seen_once: 185,
    acknowledged_before_the_row: 11,
    a_first_connect_is_a_reconnect: 221,
}

MUTANTS: tuple[Mutant, ...] = (
    no_fencing,
    retry_on_read_timeout,
    adoption_without_ownership,
    lookup_per_entry,
    absence_seen_once,
    acknowledged_before_the_row,
    an_expired_lease_is_sent_again,
    an_id_is_taken_when_it_is_told,
    a_first_connect_is_a_reconnect,
)
