"""What happened to a location, and how it stands: our tables and the platform's log as one list."""

import argparse
import json

from ops import history, screen
from ops.history import Event, Standing
from ops.site import Site
from shared import clock
from shared.altegio.client import Refused, Unreachable
from shared.altegio.status import Installed, Status
from shared.clock import stamp


def timeline(site: Site, options: argparse.Namespace) -> int:
    """Prints all that is known of a location, in order of time; only reads."""
    location_id: int = options.location
    status, said = _asked(site, location_id)
    journal = site.journal.of_location(location_id)
    entries = site.ledger.entries_of(location_id)
    found = history.events(
        journal,
        sorted(entries, key=lambda entry: entry.received_at),
        status,
        owned=site.looking.owned(entries, status.payments if status else ()),
        now=clock.now(),
        zone=site.platform.zone,
    )
    stands = history.standing(site.connections.get(location_id), journal, status)
    if options.json:
        print(json.dumps(_plain(location_id, found, stands, said), indent=2))
        return 0
    print(f"Location {location_id} ({site.name})\n")
    print(_listed(found) if found else "Nothing is known of it.", end="\n\n")
    if said:
        print(screen.wrapped(said))
    print(screen.wrapped(_standing(stands)))
    return 0


def _asked(site: Site, location_id: int) -> tuple[Status | None, str]:
    """The platform's word, and what of it is missing."""
    try:
        status = site.platform.status(location_id)
    except (Refused, Unreachable) as error:
        return None, f"The platform does not tell: {error}. This is what we know ourselves."
    if status.installed is Installed.NO and not status.log:
        return status, "Not installed there now, so the platform shows neither log nor payments."
    return status, ""


def _listed(found: list[Event]) -> str:
    rows = [(screen.moment(it.at) if it.at else "-", it.source, it.what) for it in found]
    return screen.table(("AT", "SOURCE", "WHAT"), rows)


def _standing(stands: Standing) -> str:
    here = stands.here or "never connected"
    if stands.agree is None:
        return f"Now: {here} here."
    both = "they agree" if stands.agree else "they disagree"
    now = f"Now: {here} here, {stands.there} there; {both}"
    if stands.since is not None:
        ago = screen.due(stands.since, clock.now())
        return f"{now}, since {screen.moment(stands.since)}, {ago}."
    return f"{now}, since when is not known." if stands.here else f"{now}."


def _plain(location_id: int, found: list[Event], stands: Standing, said: str) -> dict[str, object]:
    return {
        "location_id": location_id,
        "lines": [
            {"at": it.at and stamp(it.at), "source": it.source.strip("()"), "what": it.what}
            for it in found
        ],
        "here": stands.here,
        "there": stands.there,
        "agree": stands.agree,
        "since": stands.since and stamp(stands.since),
        "missing": said,
    }
