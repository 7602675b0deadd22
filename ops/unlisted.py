"""Calls that were sent and are not in their list, of a location whose CRM token is proven."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import takewhile

from ops import rows, screen
from ops.site import Site
from ops.trouble import Grade, Trouble, some
from shared.aws.sightings import CALL_UNLISTED
from shared.calls.call import Call, CallState
from shared.calls.missed import began
from shared.calls.search import NOT_LISTED
from shared.connections.connection import Connection
from shared.connections.crm_token import CrmTokenState

_DAYS = timedelta(days=7)


def lately(site: Site, _now: datetime) -> Iterator[Trouble]:
    """Of all locations of which it was seen."""
    for it in rows.rows(site, rows.places(site, CALL_UNLISTED, _DAYS)):
        yield from of_location(it, site.calls.latest(it.location_id, rows.MOST))


def of_location(connection: Connection, calls: Iterable[Call]) -> Iterator[Trouble]:
    """Its lines whose last calls are not in its list: what the list had since ends it."""
    if not connection.live or connection.telephony is not CrmTokenState.PROVEN:
        return
    of_line = defaultdict[str, list[Call]](list)
    for call in sorted(calls, key=began, reverse=True):
        if _is_unlisted(call) or call.state is CallState.CONFIRMED:
            of_line[" extension ".join(filter(None, call.route))].append(call)
    lost = {line: [*takewhile(_is_unlisted, known)] for line, known in of_line.items()}
    lost = {line: them for line, them in lost.items() if them}
    if lost:
        number = sum(map(len, lost.values()))
        what = f"{screen.counted(number, 'call was', 'calls were')} sent of line {some(lost)}, and"
        what += f" {'is' if number == 1 else 'are'} not in Altegio's list of this location"
        seen = [began(it) for line in lost for it in of_line[line][len(lost[line]) :]]
        what += f", where others were until {screen.moment(max(seen))}" if seen else ""
        what += ". Its CRM token is right, so in Altegio's telephony settings the line is routed to"
        what += " another location by now, or to none, or telephony is off; pop-ups may go there,"
        what += " too. Have its owner put it right: this ends with its next call"
        since = min(map(began, (it for them in lost.values() for it in them)))
        place = f"location {connection.location_id}"
        yield Trouble(Grade.BROKEN, what, place, place, since)


def _is_unlisted(call: Call) -> bool:
    return call.state is CallState.UNCONFIRMED and call.why == NOT_LISTED
