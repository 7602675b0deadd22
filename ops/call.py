"""One call on one screen: its legs, its entry in the client's history, its recording.

Of a number the last two digits are shown, and no link to a recording that was passed on.
"""

import argparse
import getpass
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from ops import legs, names, screen
from ops.screen import NotChanged, Unfinished, Wrong
from ops.site import Site
from shared import clock
from shared.aws.sightings import RECORDING_LEFT_OUT
from shared.calls import call as rules_of
from shared.calls import identity, phone_numbers
from shared.calls.call import Call, CallState
from shared.calls.leg import Leg
from shared.calls.missed import began
from shared.calls.search import NOT_LISTED
from shared.clock import stamp

HEADS = ("CALL", "BEGAN", "DIRECTION", "WHO", "LINE", "STATE", "WHY")
UNREAD = "?: no number of the account's country, so Altegio is told of an anonymous caller"
_UNENDED = "a leg of it was told, and not the end of the whole call"
_NO_LINE = "nothing by itself: `lines` says how its line is entered"
_MOST = 20  # So many are listed.
_ASKS = (CallState.REFUSED, CallState.UNROUTED)


def call(site: Site, options: argparse.Namespace) -> int:
    """Shows the calls that have an id, of which one PBX may have several; or gives them up."""
    found = _found(site, options.location, options.call)
    if not found:
        raise Wrong(f"location {options.location} has no call {options.call}")
    told = [(it, _facts(site, it)) for it in found]
    text = "\n\n".join(f"Call {it.call_id} ({site.name})\n{screen.facts(of)}" for it, of in told)
    if options.drop:
        return dropped(site, options, text, found)
    screen.printed(options, text, [{**plain(it), "facts": dict(of)} for it, of in told])
    return int(any(it.state in _ASKS or it.why == NOT_LISTED for it in found))


def dropped(site: Site, options: argparse.Namespace, head: str, calls: Sequence[Call]) -> int:
    """Gives calls up for good, with `--do`: those that wait, or were refused."""
    going = [it for it in calls if it.state in rules_of.CHANGES["expired"][0]]
    if not going:
        raise NotChanged("no such call waits to be sent, or stands as refused")
    why = f"given up by {getpass.getuser()}"
    do = partial(changed, site, [rules_of.expired(it, why) for it in going], "given up for good")
    number = f"{screen.counted(len(going), 'call')} would be given up: Altegio is never told."
    text = "\n".join([head, *screen.below(HEADS, [*map(row, going[:_MOST])]), f"\n{number}"])
    return screen.proposed(options, text, {"calls": [*map(plain, going)]}, do)


def changed(site: Site, calls: Sequence[Call], what: str) -> str:
    """Stores calls as they are to be, unless they have changed since; `what` they are then."""
    stored = site.calls.save_all(calls)
    for it in stored:
        if it.due_at:
            site.call_wake_ups.wake(it.key)
    if len(stored) < len(calls):
        raise Unfinished(f"{len(stored)} {what}; of the others, something came meanwhile")
    return f"Done: {screen.counted(len(stored), 'call')} {what}."


def _found(site: Site, location_id: int, call_id: str) -> Sequence[Call]:
    """By the location's index; and one that only rings, of its account."""
    since = clock.now() - timedelta(days=site.calls_settings.call_days)
    found = [it for it in site.calls.of_location(location_id, since) if it.call_id == call_id]
    connection = site.connections.get(location_id)
    if not found and connection is not None and connection.account_id is not None:
        ringing = site.calls.get(identity.key(connection.account_id, call_id))
        found = [ringing] if ringing is not None else []
    return sorted(found, key=began)


def _facts(site: Site, it: Call) -> list[tuple[str, str]]:
    now = clock.now()
    connection = site.one(site.connections.get, it.location_id) if it.location_id else None
    steps = ("began", "received", "pop-up sent", "sent")
    times = zip(steps, (began(it), it.heard_at, it.popped_at, it.sent_at), strict=True)
    pairs = [
        ("location", names.place(it.location_id, connection)),
        ("state", f"{it.state}{f': {it.why}' if it.why else ''}"),
        *((name, f"{screen.moment(at)}, {screen.due(at, now)}") for name, at in times if at),
        ("attempts", str(it.attempt)),
        ("next", _next(it, now)),
        ("platform id", str(it.platform_id or "-")),
    ]
    if it.leg is not None:
        answered = "answered" if it.leg.answered else "missed"
        pairs.append(("leg", f"{it.leg.direction}, {answered}, {it.leg.duration_s} s"))
        pairs.append(("who", f"{_who(it.leg)} on line {phone_numbers.masked(it.leg.line)}"))
        pairs += [("", UNREAD)] * it.leg.is_unread
    pairs.append(("recording", _recording(site, it)))
    return pairs


def _next(it: Call, now: datetime) -> str:
    due = screen.due(it.due_at, now)
    if legs.waits_for_end(it) and it.due_at:
        return f"waits, as {_UNENDED}; goes out by itself {due}, at {screen.moment(it.due_at)}"
    return _NO_LINE if it.state is CallState.UNROUTED else due


def _recording(site: Site, it: Call) -> str:
    if it.late_link:
        return f"{it.late_link} came late, and the platform was not told"
    if it.recorded is not None:
        return "its link is passed on"
    left_out = site.sightings.last(RECORDING_LEFT_OUT, str(it.location_id))
    of = f"; of this location, those are left out that are {left_out.why}" if left_out else ""
    return f"no link is kept{of}"


def row(it: Call) -> tuple[str, ...]:
    """In a table with `HEADS`."""
    late = "its recording came late" if it.late_link else ""
    who = ("-", "-", "-")
    if it.leg:
        who = (it.leg.direction, _who(it.leg), phone_numbers.masked(it.leg.line))
    waits = _UNENDED if legs.waits_for_end(it) else ""
    why = "; ".join(filter(None, (it.why, waits, late))) or "-"
    return it.call_id, screen.moment(began(it)), *who, str(it.state), why


def plain(it: Call) -> dict[str, object]:
    """For a machine."""
    told = dict(zip(("direction", "who", "line", "state", "why"), row(it)[2:], strict=True))
    times = {"began_at": stamp(began(it)), "popped_at": it.popped_at and stamp(it.popped_at)}
    return {"call_id": it.call_id, "location_id": it.location_id, **times, **told}


def _who(leg: Leg) -> str:
    return phone_numbers.masked(leg.phone or leg.written) + "?" * leg.is_unread
