"""What needs attention: all entries that are neither settled nor closed, by state and cause."""

import argparse
import json
import re
import shlex
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import chain

from ops import screen
from ops.site import AT_ONCE, Site
from shared import clock
from shared.clock import stamp
from shared.payments.entry import Entry, EntryState
from shared.payments.facts import to_texts

# In the order in which they concern a person.
ATTENTION = (
    EntryState.NEEDS_HUMAN,
    EntryState.REJECTED,
    EntryState.UNKNOWN,
    EntryState.HELD,
    EntryState.PENDING,
    EntryState.SENDING,
)


def payments(site: Site, options: argparse.Namespace) -> int:
    """Prints groups; with a state or a location also their entries."""
    states = ATTENTION if options.state is None else (EntryState(options.state),)
    if EntryState.SENT in states and options.location is None:
        print("SENT entries are listed by location only: add --location N", file=sys.stderr)
        return 2
    found = entries(site, states, options.location)
    now = clock.now()
    if options.json:
        print(json.dumps([_plain(entry) for entry in found], indent=2))
        return 0
    if not found:
        print(f"{site.name}: nothing is {_either(states)}.")
        return 0
    groups = grouped(found)
    single = options.state is not None or options.location is not None
    print(f"{site.name}: {screen.counted(len(found), 'entry', 'entries')}\n")
    rows = [_group_row(state, cause, group, now) for (state, cause), group in groups.items()]
    print(screen.table(("STATE", "COUNT", "OLDEST", "NEXT DUE", "CAUSE"), rows))
    if not single:
        print(f"\nTo list the entries of a state: payments --state {found[0].state}")
        return 0
    print()
    heads = ("ENTRY", "STATE", "LOCATION", "AGE", "DUE", "SUM")
    print(screen.table(heads, [_row(entry, now) for entry in found]))
    print(f"\nTo see one of them: payment {shlex.quote(found[0].key)}")
    return 0


def entries(site: Site, states: Iterable[EntryState], location_id: int | None) -> list[Entry]:
    """All entries in `states`, of one location if one is given; state by state, oldest first."""
    wanted = list(states)
    if location_id is None:
        keys = list(chain.from_iterable(map(site.ledger.in_state, wanted)))
    else:
        keys = site.ledger.of_location(location_id)
    with ThreadPoolExecutor(AT_ONCE) as workers:
        read = workers.map(site.ledger.get, keys)
    # The indexes may be behind: the row itself counts.
    found = [entry for entry in read if entry is not None and entry.state in wanted]
    return sorted(found, key=lambda entry: (wanted.index(entry.state), entry.received_at))


def grouped(found: Sequence[Entry]) -> dict[tuple[EntryState, str], list[Entry]]:
    """The entries by state and cause; what waits longest goes first within a state."""
    groups = defaultdict(list)
    for entry in found:
        groups[entry.state, cause(entry.why)].append(entry)
    return groups


def cause(why: str) -> str:
    """A `why` without what differs from row to row: ids, times and sums."""
    return re.sub(r"\d[\d.:TZ-]{3,}\d|\d{4,}", "…", why) or "-"


def _group_row(
    state: EntryState, cause: str, group: Sequence[Entry], now: datetime
) -> tuple[str, ...]:
    oldest = screen.age(now - min(entry.received_at for entry in group))
    dues = [entry.due_at for entry in group if entry.due_at is not None]
    return (state, f"{len(group):5}", oldest, screen.due(min(dues, default=None), now), cause)


def _row(entry: Entry, now: datetime) -> tuple[str, ...]:
    return (
        entry.key,
        entry.state,
        str(entry.location_id or "-"),
        screen.age(now - entry.received_at),
        screen.due(entry.due_at, now),
        screen.amount(entry),
    )


def _plain(entry: Entry) -> dict[str, object]:
    times = {"received_at": entry.received_at, "due_at": entry.due_at}
    return {
        "key": entry.key,
        "state": entry.state,
        "cause": cause(entry.why),
        "why": entry.why,
        "location_id": entry.location_id,
        "attempt": entry.attempt,
        "platform_id": entry.platform_id,
        "facts": to_texts(entry.facts),
        **{name: at and stamp(at) for name, at in times.items()},
    }


def _either(states: Sequence[EntryState]) -> str:
    *others, last = states
    return f"{', '.join(others)} or {last}" if others else last
