"""What the platform's list says now about one payment or refund, and how it is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ops import names, screen
from ops.cover import late_by
from ops.screen import Wrong
from ops.site import Site
from ops.trouble import began, some, taken_in
from shared import clock
from shared.altegio.status import ListedPayment, Status
from shared.connections.connection import Connection
from shared.payments import coverage, lookup
from shared.payments.entry import Entry, EntryState
from shared.payments.facts import written

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
    connection: Connection | None = None  # Its location's row.
    live: bool = False  # Whether the location is connected, as far as anybody tells.
    there: str = ""  # How Altegio has the location, if it is live there and not connected here.
    doubled: str = ""  # What pays for its period as well.
    taken_in: str = ""  # The currency of what was taken of the location last, if it is another.
    is_late: bool = False  # Whether its period was over before it came.


def entry_of(site: Site, name: str) -> Entry:
    """The entry under a key, or of billing's event id; raises `Wrong` if none or two have it."""
    keys = [name, f"payment#{name}", f"refund#{name}"]
    found = [entry for entry in map(site.ledger.get, keys) if entry is not None]
    if len(found) != 1:
        which = " and ".join(entry.key for entry in found)
        raise Wrong(f"{which}: which?" if found else f"no payment or refund is known as {name}")
    return found[0]


def gathered(site: Site, entry: Entry) -> Evidence:
    """Asks the platform; writes nothing."""
    connection = site.connections.get(entry.location_id or 0)
    entries = site.ledger.entries_of(entry.location_id or 0)
    found = (_of_refund if entry.is_refund else _of_payment)(site, entry, entries)
    live = connection is not None and connection.live and found.why != NOT_LISTED
    twins = () if entry.is_refund else coverage.paid_as_well(entry, entries)
    doubled = some([f"{it.key} ({it.state})" for it in twins])
    status = None
    if entry.state is EntryState.HELD and (connection is None or not connection.live):
        status = _status(site, entry)
    there = str(status.installed) if isinstance(status, Status) else ""
    return replace(
        found,
        connection=connection,
        live=live,
        there=there,
        doubled=doubled,
        taken_in=taken_in(entry, entries),
        is_late=entry in coverage.come_late(entries),
    )


def _of_refund(site: Site, refund: Entry, _entries: Sequence[Entry]) -> Evidence:
    paid = site.ledger.given_back(refund)
    if paid is None or paid.platform_id is None:
        state = paid.state if paid else "not known"
        return Evidence(Word.NOT_TAKEN, f"its payment is {state}, so it was never sent")
    status = _status(site, paid)
    if isinstance(status, str):
        return Evidence(Word.UNSURE, status)
    rows = tuple(row for row in status.payments if row.id == paid.platform_id)
    owners = {row.id: paid.key for row in rows}
    if paid.platform_id in status.refunded:
        why = "its payment is marked as refunded"
        return Evidence(Word.TAKEN, why, rows, owners, (paid.platform_id,))
    if rows:
        why = "its payment is listed and not marked as refunded"
        return Evidence(Word.NOT_TAKEN, why, rows, owners)
    return Evidence(Word.UNSURE, "its payment is not on the list")


def _of_payment(site: Site, entry: Entry, entries: Sequence[Entry]) -> Evidence:
    status = _status(site, entry)
    if isinstance(status, str):
        return Evidence(Word.UNSURE, status)
    listed, zone = status.payments, site.platform.zone
    # Judged as one that may have been taken, together with the others of which that is so.
    doubted = replace(entry, state=EntryState.UNKNOWN)
    entries = [doubted, *(_doubted(it) for it in entries if it.key != entry.key)]
    owned = site.looking.owned(entries, listed)
    reading_back = [row.id for row in listed if lookup.reads_back(entry, row, zone)]
    mine = tuple(id_ for id_ in reading_back if id_ not in owned)
    if entry.platform_id in {row.id for row in listed}:
        exactly = entry.platform_id in reading_back
        how = "reads back exactly" if exactly else "does not read back as it was sent"
        word, why = Word.TAKEN, f"its id {entry.platform_id} is listed and {how}"
    elif entry.platform_id is not None:
        word, why = Word.UNSURE, f"its id {entry.platform_id} is not on the list"
    elif mine:
        ids = " and ".join(map(str, mine))
        word, why = Word.TAKEN, f"no entry has {ids}, which reads back exactly"
    else:
        group = lookup.group_of(doubted, entries, zone)
        findings = site.looking.findings(group, entries, status)
        word, why = Word.UNSURE, findings.why
        if doubted in findings.absent and entry.state in (EntryState.SENDING, EntryState.UNKNOWN):
            why = "the list lacks it, but it is too early for that to prove anything"
        elif doubted in findings.absent:
            word = Word.NOT_TAKEN
            why = "no row without an entry has its sum, and known payments read back exactly"
    own, amount = entry.platform_id, entry.payment.amount
    rows = tuple(row for row in listed if lookup.is_about(row, amount) or row.id == own)
    owners = {row.id: site.ledger.owner(row.id) for row in rows}
    return Evidence(word, why, rows, owners, mine, frozenset(row.id for row in listed))


def _doubted(entry: Entry) -> Entry:
    asks = entry.state is EntryState.NEEDS_HUMAN and not entry.is_refund
    return replace(entry, state=EntryState.UNKNOWN) if asks else entry


def _status(site: Site, entry: Entry) -> Status | str:
    """The status of the entry's location, or why there is none."""
    status = site.told(entry.location_id or 0)
    return NOT_LISTED if isinstance(status, Status) and not status.live else status


def shown(site: Site, entry: Entry, evidence: Evidence) -> str:
    """All about one entry, and what the platform's list says of it."""
    now = clock.now()
    due = f"{screen.moment(entry.due_at)}, " if entry.due_at else ""
    connection, why = evidence.connection, entry.why or "-"
    state = connection.state if connection else "never connected"
    place = names.place(entry.location_id, connection)
    if entry.state is EntryState.HELD and evidence.live:
        why = f"when it came, or was looked at last, {why}; by now it is"
    elif evidence.there:
        why = f"{why} here, but Altegio has it {evidence.there}"
    if entry.is_refund:
        facts = [("refund of", entry.payment_key)]
    else:
        facts = [("sum", screen.amount(entry)), ("paid", screen.moment(entry.payment.paid_at))]
        facts.append(("period", screen.period(entry)))
    pairs = [
        ("state", f"{entry.state} for {screen.age(now - began(entry))}"),
        ("why", why),
        ("location", f"{place}, {state}" if entry.location_id else "-"),
        *facts,
        ("received", f"{screen.moment(entry.received_at)}, {screen.due(entry.received_at, now)}"),
        ("attempts", str(entry.attempt)),
        ("due", f"{due}{screen.due(entry.due_at, now)}"),
        ("platform id", str(entry.platform_id or "-")),
        ("platform says", f"{evidence.word}: {evidence.why}"),
    ]
    if evidence.is_late:
        pairs.append(("too late", late_by(entry)))
    if evidence.doubled and entry.state is not EntryState.SENT:
        beside = "; if it is sent as well, Altegio has both, and takes commission of both"
        if evidence.word is Word.TAKEN:
            beside = "; Altegio has both"
        pairs.append(("paid already", f"its period, by {evidence.doubled}{beside}"))
    parts = [f"{entry.key} ({site.name})", screen.facts(pairs)]
    if evidence.rows:
        heads = ("ID", "SUM", "PAID", "FROM", "TO", "OWNER")
        rows = [
            (
                *(str(it.id), written(it.amount), it.paid_at, it.period_from, it.period_to),
                f"{evidence.owners.get(it.id) or 'nobody'}{', refunded' * it.is_refunded}",
            )
            for it in evidence.rows
        ]
        parts.append("\n" + screen.table(heads, rows))
    return "\n".join(parts)
