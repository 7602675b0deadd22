"""After a restore of the tables: sets and releases the mark of `shared.payments.restored`."""

import argparse
from dataclasses import replace
from datetime import datetime, timedelta

from ops import screen
from ops.rows import entries_in
from ops.site import Site
from ops.trouble import some
from shared import clock
from shared.payments.entry import Entry, EntryState
from shared.payments.restored import Mark
from shared.reconcile.census.table import Stage

# Point-in-time recovery goes back no further:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html
_LONGEST = timedelta(days=35)
_UNFINISHED = (EntryState.PENDING, EntryState.SENDING, EntryState.HELD, EntryState.UNKNOWN)


def restored(site: Site, options: argparse.Namespace) -> int:
    """Sets the mark and orders a census, or releases the mark."""
    mark = site.marks.get()
    return _release(site, mark, options) if options.release else _set(site, mark, options)


def _set(site: Site, mark: Mark | None, options: argparse.Namespace) -> int:
    now = clock.now()
    since: datetime = options.since or now - _LONGEST
    if since > now or since.year not in clock.YEARS:
        raise screen.NotChanged(f"{screen.moment(since)} is not in the past")
    if mark is not None and mark.released_at is None:
        # Restored once more: what either restore has lost is looked for.
        since = min(since, mark.restored_to)
    entries = _unfinished(site)
    later = [entry for entry in entries if entry.changed_at and entry.changed_at > since]
    changed = "none of these, as it should be" if options.since else "not asked"
    if options.since and later:
        keys = some([entry.key for entry in later])
        changed = f"{keys}: is this the restored table, and were the functions stopped?"
    pairs = [
        ("restored to", f"{screen.moment(since)}, {screen.due(since, now)}"),
        ("mark", _standing(mark)),
        ("unfinished", screen.tally(it.state for it in entries) or "none"),
        ("changed since", changed),
        ("change", "whatever is to be sent is looked for on Altegio's list first"),
        ("census", "one is ordered, with repairs: our rows of locations are of that time, too"),
    ]

    def do() -> str:
        site.marks.put(mark, Mark(since, clock.now()))
        head = site.roll.order(clock.now(), repairs=True)
        taken = head.stage is Stage.LISTING and head.repairs
        said = "Done. Start the functions, and have billing send again whatever it has sent since"
        said += f" {screen.moment(since)}. Then, when `payment` shows nothing UNKNOWN: restored"
        other = " A census is under way already; when it is done, take another: census --new"
        return f"{said} --release{'' if taken else f'.{other}'}"

    return screen.change(options, f"Restored tables ({site.name})", pairs, do)


def _release(site: Site, mark: Mark | None, options: argparse.Namespace) -> int:
    if mark is None or mark.released_at is not None:
        raise screen.NotChanged("no mark stands")
    pairs = [
        ("mark", _standing(mark)),
        ("unfinished", screen.tally(it.state for it in _unfinished(site)) or "none"),
        ("change", "what comes for the first time from now on is sent at once"),
        ("not changed", "what is here already is looked for all the same"),
        ("condition", "billing has sent again whatever it has sent since then"),
    ]

    def do() -> str:
        # The clock here may be behind that of whoever received them.
        received = [it.received_at for it in _unfinished(site)]
        site.marks.put(mark, replace(mark, released_at=max([clock.now(), *received])))
        return "Done."

    return screen.change(options, f"Restored tables ({site.name})", pairs, do)


def _standing(mark: Mark | None) -> str:
    if mark is None:
        return "none yet"
    if mark.released_at is not None:
        return f"one that was released {screen.moment(mark.released_at)}"
    return f"set {screen.moment(mark.marked_at)}, for tables of {screen.moment(mark.restored_to)}"


def _unfinished(site: Site) -> list[Entry]:
    found = [it for state in _UNFINISHED for it in entries_in(site, state, None)[0]]
    for error in site.unreadable.values():
        # Nobody knows whether it was sent before the tables were restored.
        raise error
    return found
