"""Calls of which legs were told, and not the end of the whole call: they wait for it for hours.

Of one call nobody can say whether it goes on, as after a transfer. Of several in a row, of which
none has ended yet, the PBX never tells that.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import islice, takewhile

from ops import screen
from ops.site import Site
from ops.trouble import Trouble
from shared.calls.call import LONGEST_CALL, Call, CallState
from shared.calls.missed import began
from shared.connections.connection import Connection

# So many calls in a row, each told of for so long: fewer, or shorter ones, may well go on.
_SEVERAL = 3
_LONG = timedelta(minutes=10)
# Whatever waits no longer has ended, and is sent.
_SETTLED = timedelta(minutes=1)
# So much is read: of what waits, of the locations of that, and of the last calls of each.
_WAITING = 200
_LOCATIONS = 20
_CALLS = 100


def waits_for_end(call: Call) -> bool:
    """Whether it is not sent as it may go on: a leg has ended, and the call's end was not told."""
    is_leg = call.leg is not None and not call.ended
    return is_leg and call.state is CallState.WAITING and not call.why


def lately(site: Site, now: datetime) -> Iterator[Trouble]:
    """Of the locations whose calls wait longest."""
    until = now + LONGEST_CALL - _LONG
    soon = {key for key, _ in site.calls.due(CallState.WAITING, now + _SETTLED, _WAITING)}
    waiting = site.calls.due(CallState.WAITING, until, _WAITING)
    ids = dict.fromkeys(location_id for key, location_id in waiting if key not in soon)
    latest = partial(site.calls.latest, limit=_CALLS)
    for connection in site.readable(site.connections.get, islice(ids, _LOCATIONS)):
        yield from of_location(connection, site.one(latest, connection.location_id) or (), now)


def of_location(connection: Connection, calls: Iterable[Call], now: datetime) -> Iterator[Trouble]:
    """A location whose PBX tells of legs only: its next call whose end is told ends it."""
    own = [it for it in calls if it.leg and it.account_id == connection.account_id]
    last = sorted(own, key=began, reverse=True)[:_CALLS]
    endless = [*takewhile(lambda it: not it.ended, last)]
    old = [it for it in endless if it.heard_at <= now - _LONG]
    due = [it.due_at for it in endless if waits_for_end(it) and it.due_at]
    if not connection.live or len(old) < _SEVERAL or not any(map(waits_for_end, old)):
        return
    since = min(it.heard_at for it in endless)
    what = f"{screen.counted(len(due), 'call waits', 'calls wait')} for the end of the whole call:"
    what += f" of the last {len(endless)}, since {screen.moment(since)}, the PBX told legs only"
    what += f" (`finished` with `leg`). They go out by themselves {screen.age(LONGEST_CALL)} after"
    what += f" their first leg, the next {screen.due(min(due), now)}, at {screen.moment(min(due))}."
    what += " Have whoever runs the PBX send `finished` without `leg`, too, when a call is over, as"
    what += " docs/pbx.md has it under Any other PBX: also of what waits, which goes out then."
    what += " This ends with the next call whose end is told"
    place = f"location {connection.location_id}"
    yield Trouble(what, place, place, since)
