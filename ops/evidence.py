"""What the platform's list says now about one payment or refund, and how it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ops import screen
from ops.screen import Wrong
from ops.site import Site
from shared import clock
from shared.altegio.status import ListedPayment, Status
from shared.payments import lookup
from shared.payments.entry import Entry, EntryState
from shared.payments.facts import digits

NOT_LISTED = "the application is not installed there, so nothing is listed"


class Word(StrEnum):
    """Whether the platform took the entry, as far as its list tells."""

    TAKEN = "taken"
    NOT_TAKEN = "not taken"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of one entry; ids are the platform's."""

    word: Word  # What the list proves.
    why: str
    rows: tuple[ListedPayment, ...] = ()  # What of the list concerns the entry.
    owners: Mapping[int, str | None] = field(default_factory=dict)  # The entries that own these.
    mine: tuple[int, ...] = ()  # Rows that may be the entry's own.
    listed: frozenset[int] = frozenset()  # All that are on the list.


def entry_of(site: Site, name: str) -> Entry:
    """The entry under a key, or of the billing system's own event id.

    Raises:
        Wrong: There is none, or both a payment and a refund have that id.
    """
    keys = [name, f"payment#{name}", f"refund#{name}"]
    found = [entry for entry in map(site.ledger.get, keys) if entry is not None]
    if len(found) != 1:
        names = " and ".join(entry.key for entry in found)
        raise Wrong(f"{names}: which?" if found else f"no payment or refund is known as {name}")
    return found[0]


def gathered(site: Site, entry: Entry) -> Evidence:
    """Asks the platform; writes nothing."""
    return _of_refund(site, entry) if entry.is_refund else _of_payment(site, entry)


def _of_refund(site: Site, refund: Entry) -> Evidence:
    paid = site.ledger.given_back(refund)
    if paid is None:
        return Evidence(Word.NOT_TAKEN, "its payment is not known, so it was never sent")
    if paid.platform_id is None:
        return Evidence(Word.NOT_TAKEN, f"its payment is {paid.state}, so it was never sent")
    status = _status(site, paid)
    if isinstance(status, str):
        return Evidence(Word.UNSURE, status)
    rows = tuple(row for row in status.payments if row.id == paid.platform_id)
    said = Evidence(
        Word.UNSURE,
        "its payment is not on the list",
        rows=rows,
        owners={row.id: paid.key for row in rows},
        listed=frozenset(row.id for row in status.payments),
    )
    if paid.platform_id in status.refunded:
        why = "its payment is marked as refunded"
        return replace(said, word=Word.TAKEN, why=why, mine=(paid.platform_id,))
    if rows:
        why = "its payment is listed and not marked as refunded"
        return replace(said, word=Word.NOT_TAKEN, why=why)
    return said


def _of_payment(site: Site, entry: Entry) -> Evidence:
    status = _status(site, entry)
    if isinstance(status, str):
        return Evidence(Word.UNSURE, status)
    listed, zone = status.payments, site.platform.zone
    # Judged as one that may have been taken, together with the others of which that is so.
    doubted = replace(entry, state=EntryState.UNKNOWN)
    others = [it for it in site.ledger.entries_of(entry.location_id or 0) if it.key != entry.key]
    entries = [doubted, *map(_doubted, others)]
    owned = site.looking.owned(entries, listed)
    unowned = [row for row in listed if row.id not in owned]
    mine = tuple(row.id for row in unowned if lookup.reads_back(entry, row, zone))
    rows = tuple(
        row
        for row in listed
        if row.amount in (entry.payment.amount, None) or row.id == entry.platform_id
    )
    said = Evidence(
        Word.UNSURE,
        "",
        rows=rows,
        owners={row.id: site.ledger.owner(row.id) for row in rows},
        mine=mine,
        listed=frozenset(row.id for row in listed),
    )
    if entry.platform_id is not None:
        own = [row for row in rows if row.id == entry.platform_id]
        if not own:
            return replace(said, why=f"its id {entry.platform_id} is not on the list")
        exactly = lookup.reads_back(entry, own[0], zone)
        how = "reads back exactly" if exactly else "does not read back as it was sent"
        return replace(said, word=Word.TAKEN, why=f"its id {entry.platform_id} is listed and {how}")
    if mine:
        ids = " and ".join(map(str, mine))
        return replace(said, word=Word.TAKEN, why=f"no entry has {ids}, which reads back exactly")
    findings = site.looking.findings(lookup.group_of(doubted, entries), entries, status)
    if doubted in findings.absent and entry.state in (EntryState.SENDING, EntryState.UNKNOWN):
        return replace(
            said, why="the list lacks it, but it is too early for that to prove anything"
        )
    if doubted in findings.absent:
        why = "no row without an entry has its sum, and known payments read back exactly"
        return replace(said, word=Word.NOT_TAKEN, why=why)
    return replace(said, why=findings.why)


def _doubted(entry: Entry) -> Entry:
    if entry.state is EntryState.NEEDS_HUMAN and not entry.is_refund:
        return replace(entry, state=EntryState.UNKNOWN)
    return entry


def _status(site: Site, entry: Entry) -> Status | str:
    """The status of the entry's location, or why there is none."""
    status = site.told(entry.location_id or 0)
    if isinstance(status, Status) and not status.live:
        return NOT_LISTED
    return status


def shown(site: Site, entry: Entry, evidence: Evidence) -> str:
    """All about one entry, and what the platform's list says of it."""
    now = clock.now()
    since = f" for {screen.age(now - entry.changed_at)}" if entry.changed_at else ""
    due = f"{screen.moment(entry.due_at)}, " if entry.due_at else ""
    connection = site.connections.get(entry.location_id or 0)
    state = connection.state if connection else "never connected"
    why = entry.why or "-"
    if entry.state is EntryState.HELD and connection is not None and connection.live:
        why = f"when it came, or was looked at last, {why}; by now it is"
    pairs = [
        ("state", f"{entry.state}{since}"),
        ("why", why),
        ("location", f"{entry.location_id}, {state}" if entry.location_id else "-"),
        *_facts(entry),
        ("received", f"{screen.moment(entry.received_at)}, {screen.due(entry.received_at, now)}"),
        ("attempts", str(entry.attempt)),
        ("due", f"{due}{screen.due(entry.due_at, now)}"),
        ("platform id", str(entry.platform_id or "-")),
        ("platform says", f"{evidence.word}: {evidence.why}"),
    ]
    parts = [f"{entry.key} ({site.name})", screen.facts(pairs)]
    if evidence.rows:
        heads = ("ID", "SUM", "PAID", "FROM", "TO", "OWNER")
        parts.append("\n" + screen.table(heads, [_row(row, evidence) for row in evidence.rows]))
    return "\n".join(parts)


def _facts(entry: Entry) -> list[tuple[str, str]]:
    if entry.is_refund:
        return [("refund of", entry.payment_key)]
    paid = screen.moment(entry.payment.paid_at)
    return [("sum", screen.amount(entry)), ("paid", paid), ("period", screen.period(entry))]


def _row(row: ListedPayment, evidence: Evidence) -> tuple[str, ...]:
    owner = evidence.owners.get(row.id) or "nobody"
    refunded = ", refunded" if row.is_refunded else ""
    amount = "unreadable" if row.amount is None else digits(row.amount)
    return (str(row.id), amount, row.paid_at, row.period_from, row.period_to, owner + refunded)
