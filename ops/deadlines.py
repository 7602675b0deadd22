"""Which locations the platform switches off next, and what is queued that would prevent it.

By our own tables, so that it is quick at night: what the platform said when it was last asked, and
what was reported since.
"""

import argparse
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import chain

from ops import screen
from ops.site import AT_ONCE, Site
from shared import clock
from shared.clock import stamp
from shared.connections.connection import LIVE, Connection, State
from shared.payments import coverage
from shared.payments.coverage import Work
from shared.payments.entry import Entry
from shared.payments.settings import CoverPolicy

# What is only counted, as `--json` names it.
_REST = {
    "covered": "active and covered for longer",
    "frozen": "frozen with nothing that would bring them back",
    "not_looked_at": "not looked at yet",
}
_EXPLAINED = (
    "The platform switches a location off within 24 hours after its cover ends. Cover is what it "
    "listed when it was last ASKED, and what was reported since; QUEUED UNTIL is when it would end "
    "were everything reported that is queued."
)


def deadlines(site: Site, options: argparse.Namespace) -> int:
    """Prints the locations that are near their end, or frozen although there is something to do."""
    if site.settings.cover.free:
        free = f"{site.name}: the application is free, so no location is switched off (TRIAL_DAYS)."
        print(json.dumps({"locations": [], "rest": {}}) if options.json else free)
    else:
        _tell_all(site, options)
    return 0


def _tell_all(site: Site, options: argparse.Namespace) -> None:
    now = clock.now()
    live = {it.location_id: it for it in _live(site)}
    found, rest = _chosen(site, live.values(), options.within, now)
    if options.json:
        told = [_plain(work, live[work.location_id]) for work in found]
        print(json.dumps({"locations": told, "rest": rest}, indent=2))
        return
    whole = screen.counted(len(live), "live location")
    print(f"{site.name}: {len(found)} of {whole} to look at", end="\n\n" if found else "\n")
    if found:
        print(_listed(found, live, now))
        print(f"\n{screen.wrapped(_EXPLAINED)}")
    if rest:
        print("\n" + screen.wrapped(f"The rest: {_counts(rest)}."))
    if found:
        print(f"\nTo ask the platform about one of them: timeline {found[0].location_id}")


def _live(site: Site) -> list[Connection]:
    ids = set(chain.from_iterable(map(site.connections.in_state, LIVE)))
    with ThreadPoolExecutor(AT_ONCE) as workers:
        read = workers.map(site.connections.get, sorted(ids))
    # The index may be behind: the row itself counts.
    return [it for it in read if it is not None and it.live]


def _chosen(
    site: Site, live: Collection[Connection], within: timedelta | None, now: datetime
) -> tuple[list[Work], dict[str, int]]:
    """What concerns a person, the first to be switched off first; and how many others there are."""
    rules = site.settings.cover
    # The ledger can only lengthen the cover: who is covered for long without it need not be read.
    known = {it.location_id: coverage.work(it, (), now) for it in live}
    unsure = [
        it
        for it in live
        if (work := known[it.location_id])
        and (work.state is State.FROZEN or _concerns(work, within, now, rules))
    ]
    with ThreadPoolExecutor(AT_ONCE) as workers:
        entries = workers.map(site.ledger.entries_of, [it.location_id for it in unsure])
    works = coverage.work_list(zip(unsure, entries, strict=True), now)
    found = [work for work in works if _concerns(work, within, now, rules)]
    shown = {work.location_id for work in found}
    others = [work for location_id, work in known.items() if location_id not in shown]
    return found, dict(Counter(map(_kind, others)))


def _concerns(work: Work, within: timedelta | None, now: datetime, rules: CoverPolicy) -> bool:
    if work.state is State.FROZEN:
        # Most have just not paid; what was to be paid, or is, should not be frozen.
        return bool(work.queued or work.rejected or work.unlisted) or now < work.covered_until
    if within is None:
        return coverage.is_near(work, now, rules)
    return work.covered_until <= now + within


def _kind(work: Work | None) -> str:
    if work is None:
        return "not_looked_at"
    return "frozen" if work.state is State.FROZEN else "covered"


def _counts(rest: Mapping[str, int]) -> str:
    return ", ".join(f"{rest[kind]} {words}" for kind, words in _REST.items() if kind in rest)


def _listed(works: Sequence[Work], live: Mapping[int, Connection], now: datetime) -> str:
    heads = ("LOCATION", "STATE", "COVER ENDS", "", "QUEUED UNTIL", "ASKED")
    table = screen.table(heads, [_row(work, live[work.location_id], now) for work in works])
    reasons = [
        reason for work in works for reason in _reasons(work, live[work.location_id].verdict, now)
    ]
    if not reasons:
        return f"{table}\n\nNothing is queued."
    return f"{table}\n\n" + screen.table(("LOCATION", "WHAT", "STATE", "DUE", "WHY"), reasons)


def _row(work: Work, connection: Connection, now: datetime) -> tuple[str, ...]:
    later = work.queued_until > work.covered_until
    return (
        str(work.location_id),
        work.state,
        screen.moment(work.covered_until),
        screen.due(work.covered_until, now),
        screen.moment(work.queued_until) if later else "-",
        screen.due(connection.watched_at, now),
    )


def _reasons(work: Work, verdict: str, now: datetime) -> list[tuple[str, ...]]:
    """Why it is frozen, and what became of each payment that would keep it on."""
    where = str(work.location_id)
    told = [(where, "the location", work.state, "-", verdict)]
    return [
        *(told if work.state is State.FROZEN else ()),
        *(
            (where, entry.key, entry.state, screen.due(entry.due_at, now), entry.why or "-")
            for entry in (*work.rejected, *work.queued)
        ),
        *((where, key, "SENT", "-", "not on the platform's list") for key in work.unlisted),
    ]


def _plain(work: Work, connection: Connection) -> dict[str, object]:
    return {
        "location_id": work.location_id,
        "state": work.state,
        "verdict": connection.verdict,
        "covered_until": stamp(work.covered_until),
        "hours_left": work.hours_left,
        "queued_until": stamp(work.queued_until),
        "queued": [_plain_entry(entry) for entry in work.queued],
        "rejected": [_plain_entry(entry) for entry in work.rejected],
        "unlisted": list(work.unlisted),
        "asked_at": connection.watched_at and stamp(connection.watched_at),
    }


def _plain_entry(entry: Entry) -> dict[str, object]:
    due_at = entry.due_at and stamp(entry.due_at)
    return {"key": entry.key, "state": entry.state, "why": entry.why, "due_at": due_at}
