"""What must hold when the dust has settled, told from the platform's own records."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from local.simulator.state import Platform
from shared.clock import instant
from shared.payments.entry import HOSTED, EntryState
from shared.payments.restored import mark_in
from tests.chaos.world import Billed

type Group = tuple[int, Decimal, str]


class Judged(Protocol):
    """What the judge asks of a world, be it simulated or made of processes."""

    @property
    def platform(self) -> Platform:
        """Its records, which are believed."""

    @property
    def billed(self) -> Sequence[Billed]:
        """Every message of the billing system, repeats too."""

    @property
    def hosted(self) -> Collection[int]:
        """Ids of payments that are not ours: made on the platform's own page."""

    @property
    def refused(self) -> Collection[int]:
        """Locations at which the platform was told to say 422."""

    @property
    def metrics(self) -> Sequence[str]:
        """The names of all that was counted."""

    @property
    def echo_at(self) -> datetime | None:
        """When a payment was first noted for the echo check; None if none was."""

    @property
    def are_clocks_wrong(self) -> bool:
        """Whether those of functions differ by minutes."""

    @property
    def story(self) -> Sequence[str]:
        """What happened, in order, for whoever has to understand it."""

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table, by the name of its variable."""

    def dead_letters(self) -> list[dict[str, Any]]:
        """The messages of the billing system's dead-letter queue."""


class Wrong(AssertionError):
    """An invariant does not hold."""


def judge(world: Judged) -> Counter[str]:
    """Looks at everything; returns how many entries ended how.

    Raises:
        Wrong: with what is wrong, and the events that led there.
    """
    faults = list(_wrong(world))
    if faults:
        told = "\n  ".join(world.story[-600:])
        raise Wrong("; ".join(faults) + f"\n  {told}")
    return Counter(str(row["state"]) for row in entries(world))


def entries(world: Judged) -> list[dict[str, Any]]:
    """The ledger's entries."""
    return [row for row in world.rows("PAYMENTS_TABLE") if "state" in row]


def _wrong(world: Judged) -> Iterator[str]:
    rows = {row["key"]: row for row in entries(world)}
    yield from _accepted(world, rows)
    yield from _payments(world, rows)
    yield from _refunds(world, rows)
    for row in rows.values():
        if row["state"] == EntryState.NEEDS_HUMAN and not _excused(world, row, rows):
            yield f"{row['key']} needs a person for no good reason: {row['why']}"
        if row["state"] == EntryState.REJECTED and not _refused(world, row, rows):
            yield f"{row['key']} was rejected: {row['why']}"
    if "Doubled" in world.metrics:
        yield "Doubled was counted, and nothing was"


def _accepted(world: Judged, rows: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Every event is a row, or a dead letter that contradicts one."""
    letters = Counter(letter["Body"] for letter in world.dead_letters())
    for billed in world.billed:
        key = f"{billed.event['type']}#{billed.event['event_id']}"
        if key not in rows:
            yield f"{key} was lost"
    for body, number in letters.items():
        if number > 1 + sum(billed.body == body for billed in world.billed) * 3:
            yield f"{number} dead letters of {body}"
        if sum(1 for billed in world.billed if billed.body == body) == 0:
            yield f"a dead letter that nobody billed: {body}"
        if not _contradicted(world, body):
            yield f"a dead letter that contradicts nothing: {body}"


def _contradicted(world: Judged, body: str) -> bool:
    event = next(billed.event for billed in world.billed if billed.body == body)
    return any(
        other.event["event_id"] == event["event_id"]
        and other.event["type"] == event["type"]
        and other.event != event
        for other in world.billed
    )


def _payments(world: Judged, rows: dict[str, dict[str, Any]]) -> Iterator[str]:
    """As many payments on the platform as SENT entries, each with an id of its own."""
    sent = [row for row in rows.values() if _is(row, "payment#", EntryState.SENT)]
    ids = Counter(row["platform_id"] for row in sent)
    for platform_id, number in ids.items():
        if number > 1:
            yield f"{number} entries own {platform_id}"
    listed = {
        paid.id: (paid.location_id, paid.payment_sum, paid.payment_date)
        for location_id in world.platform.locations()
        for paid in world.platform.payments(location_id)
    }
    for row in sent:
        is_hosted = row["platform_id"] in world.hosted
        if listed.get(row["platform_id"]) != _group(world, row) or is_hosted != _is_hosted(row):
            yield f"{row['key']} owns {row['platform_id']}, which is not its payment"
    ours = Counter(group for number, group in listed.items() if number not in world.hosted)
    ended = Counter(_group(world, row) for row in sent if not _is_hosted(row))
    doubtful = Counter(
        _group(world, row)
        for row in rows.values()
        if row["key"].startswith("payment#") and not _is_hosted(row) and _may_be(world, row)
    )
    for group in ours | ended:
        if not ended[group] <= ours[group] <= ended[group] + doubtful[group]:
            yield f"the platform has {ours[group]} of {group}, we {ended[group]}"


def _may_be(world: Judged, row: dict[str, Any]) -> bool:
    """Whether the platform may have a payment that is not SENT here."""
    marks = filter(None, map(mark_in, world.rows("PACE_TABLE")))
    # Forgotten, and told again after its owner had left: it is looked for when he is back.
    waits = row["state"] == EntryState.HELD and any(
        mark.released_at is not None and instant(row["received_at"]) <= mark.released_at
        for mark in marks
    )
    return waits or bool(row["state"] == EntryState.NEEDS_HUMAN)


def _refunds(world: Judged, rows: dict[str, dict[str, Any]]) -> Iterator[str]:
    """A payment is given back if a refund says so, and only then."""
    given_back = {
        paid.id: (paid.location_id, paid.payment_sum, paid.payment_date)
        for location_id in world.platform.locations()
        for paid in world.platform.payments(location_id)
        if paid.is_refunded
    }
    claimed, doubtful, unowned = set(), set(), set()
    for row in rows.values():
        if row["key"].startswith("refund#"):
            paid = rows.get(f"payment#{row['facts']['payment_event_id']}", {})
            if row["state"] == EntryState.SENT:
                claimed.add(paid.get("platform_id"))
            if row["state"] == EntryState.NEEDS_HUMAN:
                doubtful.add(paid.get("platform_id"))
                if paid.get("state") == EntryState.NEEDS_HUMAN:
                    # It was given back, and then the ledger restored: which it is, nobody can tell.
                    unowned.add(_group(world, paid))
    if claimed - given_back.keys():
        yield f"not given back: {claimed - given_back.keys()}"
    strange = {it for it, group in given_back.items() if group not in unowned}
    if strange - claimed - doubtful:
        yield f"given back by nobody: {strange - claimed - doubtful}"


def _excused(world: Judged, row: dict[str, Any], rows: dict[str, dict[str, Any]]) -> bool:
    """Whether a person must indeed look at it."""
    if row["key"].startswith("refund#"):
        paid = rows.get(f"payment#{row['facts']['payment_event_id']}")
        gone = "not listed" in row["why"] and _gone(world, row)
        if "another refund" in row["why"]:
            # Of which a person has to decide first, or which took longer than this one waits.
            return any(
                (it["state"] == EntryState.NEEDS_HUMAN and "another refund" not in it["why"])
                or it["changed_at"] > row["changed_at"]
                for it in rows.values()
                if it["key"].startswith("refund#")
                and it["key"] != row["key"]
                and it["facts"]["payment_event_id"] == row["facts"]["payment_event_id"]
            )
        return (
            paid is None
            or paid["state"] in (EntryState.NEEDS_HUMAN, EntryState.HELD)
            # It had waited long enough before its payment was settled at last.
            or paid["changed_at"] > row["changed_at"]
            or gone
        )
    if "not installed" in row["why"]:
        return _gone(world, row)
    if _is_hosted(row) and "not settled" in row["why"]:
        # By one of which a person has to decide, too.
        return any(
            _is(it, "payment#", row["state"]) and it["location_id"] == row["location_id"]
            for it in rows.values()
            if not _is_hosted(it)
        )
    if "was given back" in row["why"]:
        # The ledger was restored, or it was given back on the platform's side.
        return any(
            paid.is_refunded
            and (paid.location_id, paid.payment_sum, paid.payment_date) == _group(world, row)
            for paid in world.platform.payments(row["location_id"])
        )
    if "no known payment" in row["why"]:
        # Or the location of the payment that was known has left, and its list with it.
        left = any(
            change.status_to == "uninstalled"
            for location_id in world.platform.locations()
            for change in world.platform.log(location_id)
        )
        # Or by a clock that is behind, it was sent before its location was connected.
        excused = left or world.are_clocks_wrong
        return world.echo_at is None or world.echo_at >= instant(row["changed_at"]) or excused
    if "other dates" in row["why"]:
        # Paid on the platform's own page, or by one of which a person has to decide, too.
        location_id, amount, _ = group = _group(world, row)
        doubtful = {_group(world, it) for it in rows.values() if _is(it, "payment#", row["state"])}
        return any(
            paid.id in world.hosted
            or (location_id, amount, paid.payment_date) in doubtful - {group}
            for paid in world.platform.payments(location_id)
            if paid.payment_sum == amount
        )
    return False


def _gone(world: Judged, row: dict[str, Any]) -> bool:
    """Whether the platform has no list of its location, or none yet."""
    return world.platform.state(row["location_id"]) in ("uninstalled", "pending")


def _refused(world: Judged, row: dict[str, Any], rows: dict[str, dict[str, Any]]) -> bool:
    if row["key"].startswith("refund#"):
        of = row["facts"]["payment_event_id"]
        paid = rows.get(f"payment#{of}")
        given_back = any(
            _is(it, "refund#", EntryState.SENT) and it["facts"]["payment_event_id"] == of
            for it in rows.values()
        )
        is_refused = paid is not None and paid["location_id"] in world.refused
        is_rejected = paid is not None and paid["state"] == EntryState.REJECTED
        return given_back or is_refused or is_rejected
    return row["location_id"] in world.refused


def _is(row: dict[str, Any], prefix: str, state: EntryState) -> bool:
    return bool(row["key"].startswith(prefix) and row["state"] == state)


def _is_hosted(row: dict[str, Any]) -> bool:
    return str(row["key"]).startswith(HOSTED)


def _group(world: Judged, row: dict[str, Any]) -> Group:
    facts = row["facts"]
    paid_at = world.platform.wire(instant(facts["paid_at"]))
    return row["location_id"], Decimal(facts["amount"]), paid_at
