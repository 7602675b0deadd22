"""Ends the application in a location from our side, as for a customer who is gone or does not pay.

The row is told first, and is due, so reconcile sees how it ended, whatever is lost in between.
"""

import argparse
import getpass
from datetime import timedelta
from functools import partial

from ops import names, screen
from ops.site import Site
from shared import clock
from shared.altegio.client import NotSent, Refused, Unreachable
from shared.altegio.status import Installed, Status
from shared.connections import lifecycle
from shared.connections.connection import Connection, State
from shared.payments import coverage
from shared.payments.entry import EntryState

_WAITS = "waits as HELD, and is sent if the owner reconnects"
_BLIND = "cannot be looked up while nothing is installed there"
_BECOMES = {
    EntryState.PENDING: _WAITS,
    EntryState.HELD: _WAITS,
    EntryState.SENDING: "ends as the platform answers; without an answer it is UNKNOWN",
    EntryState.UNKNOWN: f"{_BLIND}; then a person is asked",
    EntryState.REPORTED_BY_PLATFORM: f"{_BLIND}; then a person is asked",
    EntryState.NEEDS_HUMAN: f"{_BLIND}, so settle it before",
}
_GOES_OUT = "is sent nevertheless, once its payment is; HELD if the platform refuses it"
_OF_REFUND = {**_BECOMES, EntryState.PENDING: _GOES_OUT}


def uninstall(site: Site, options: argparse.Namespace) -> int:
    """Uninstalls the application from a location, with `--do`."""
    location_id: int = options.location
    connection = site.connections.get(location_id)
    entries = site.ledger.entries_of(location_id)
    there = site.told(location_id)
    now = clock.now()
    work = coverage.work(connection, entries, now) if connection else None
    until = f"until {screen.moment(work.covered_until)}" if work else "-"
    pairs = [
        ("here", connection.words if connection else "never connected"),
        ("there", there.proof() if isinstance(there, Status) else there),
        ("cover", until if work is None or work.covered_until > now else "none is left"),
    ]
    gone_here = connection is None or connection.state is State.DISABLED
    if not gone_here:
        erased_at = now + timedelta(seconds=site.settings.lifecycle.erase_after_s)
        pairs.append(("erased", f"{screen.moment(erased_at)}, unless the owner reconnects before"))
    left = sorted((it for it in entries if it.state in _BECOMES), key=lambda it: it.key)
    rows = [(it.key, it.state, (_OF_REFUND if it.is_refund else _BECOMES)[it.state]) for it in left]
    head = f"Uninstall from location {names.place(location_id, connection)} ({site.name})"
    parts = [head, screen.facts(pairs)]
    parts += screen.below(("NOT SETTLED", "STATE", "WHAT BECOMES OF IT"), rows)
    plain = {"location_id": location_id, **dict(pairs), "not settled": dict(it[:2] for it in rows)}
    gone_there = isinstance(there, Status) and there.installed is Installed.NO
    against = "the application is not installed in this location" * (gone_here and gone_there)
    text, do = "\n".join(parts), partial(_do, site, location_id, connection)
    return screen.proposed(options, text, plain, do, against=against)


def _do(site: Site, location_id: int, connection: Connection | None) -> str:
    if connection is not None:
        now, why = clock.now(), f"uninstall asked for by {getpass.getuser()}"
        site.connections.save(lifecycle.uninstalling(connection, why, now), now)
    try:
        site.platform.uninstall(location_id)
    except (NotSent, Refused) as error:
        raise screen.NotChanged(f"the platform did not do it: {error}") from None
    except Unreachable as error:
        settles = "reconcile asks, and settles it" if connection else "`location` tells"
        unsure = f"the platform did not answer, so it may have done it: {error}"
        raise screen.Unfinished(f"{unsure}. Within minutes {settles}") from None
    if connection is None:
        return "Done: uninstalled there, never connected here."
    return "Done: uninstalled there. Within minutes, reconcile closes it here; `location` tells."
