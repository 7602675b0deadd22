"""Calls that were sent and are not in their list, of locations whose CRM token is proven.

What of their chain is in a list since tells the causes apart: a line that is routed elsewhere, or
telephony that is off for all of it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import takewhile

from ops import rows, screen
from ops.site import Site, side_by_side
from ops.trouble import Grade, Trouble, places, some
from shared.aws.sightings import CALL_UNLISTED
from shared.calls.call import SENT_IN_VAIN, Call, CallState
from shared.calls.missed import began
from shared.calls.search import NOT_LISTED
from shared.chains.chain import Chain
from shared.connections.connection import Connection
from shared.connections.crm_token import CrmTokenState

_DAYS = timedelta(days=7)
# So many in a row, which are only sent once more yet, are no holes.
_SEVERAL = 3
_ABOUT = timedelta(minutes=15)  # What is out within this, is so for the same reason.
_ELSEWHERE = (
    "in Altegio's telephony settings the line is routed to another location by now, or to none, and"
    " pop-ups may go there, too: have its owner put it right. This ends with its next call"
)


@dataclass(frozen=True, slots=True)
class _Out:
    """A location, its lines whose last calls are not in its list, and when what is in it began.

    Of `missing`, what is `lost` is enough to tell of; the rest only if others of the chain are.
    `holes` are when all calls began that are not in it.
    """

    location_id: int
    missing: Mapping[str, Sequence[Call]]
    lost: Mapping[str, Sequence[Call]]
    listed: Sequence[datetime]
    holes: Sequence[datetime]

    @property
    def since(self) -> datetime:
        """When the first call began that is missing."""
        return min(began(it) for them in self.lost.values() for it in them)


def lately(site: Site, _now: datetime) -> Iterator[Trouble]:
    """Of all chains of which it was seen."""
    found = rows.rows(site, rows.places(site, CALL_UNLISTED, _DAYS))
    for key in dict.fromkeys(it.chain_key for it in found):
        ids = [it.location_id for it in found if it.chain_key == key]
        yield from _of_chain(_outs(site, ids, site.chains.get(key) if key else None))


def of_location(site: Site, connection: Connection, chain: Chain | None) -> Iterator[Trouble]:
    """The same of one location, with those of its chain."""
    own = connection.location_id
    if _out(site, connection).missing:
        yield from _of_chain(_outs(site, [own], chain), own)


def _outs(site: Site, ids: Sequence[int], chain: Chain | None) -> list[_Out]:
    chained = rows.rows(site, [*ids, *(chain.locations[: rows.MOST] if chain else ())])
    return side_by_side(partial(_out, site), chained)


def _out(site: Site, connection: Connection) -> _Out:
    """What the list had since ends it."""
    location_id, of_line = connection.location_id, defaultdict[str, list[Call]](list)
    is_known = connection.live and connection.telephony is CrmTokenState.PROVEN
    calls = site.calls.latest(location_id, rows.MOST) if is_known else []
    for call in sorted(calls, key=began, reverse=True):
        if _is_missing(call) or call.state is CallState.CONFIRMED:
            of_line[" extension ".join(filter(None, call.route))].append(call)
    last = {line: [*takewhile(_is_missing, known)] for line, known in of_line.items()}
    missing = {line: it for line, it in last.items() if it}
    lost = {line: it for line, it in missing.items() if _is_lost(it, of_line[line][len(it) :])}
    listed = [began(it) for it in calls if it.state is CallState.CONFIRMED]
    holes = [began(it) for it in calls if _is_missing(it)]
    return _Out(location_id, missing, lost, listed, holes)


def _of_chain(outs: Sequence[_Out], own: int = 0) -> Iterator[Trouble]:
    """Those of one chain, or only what concerns its `own` location."""
    dark = list[_Out]()
    for it in (it for it in outs if it.lost):
        on = [each for each in outs if max(each.listed, default=it.since) > it.since]
        which = f"{places(sorted(each.location_id for each in on))}, of the same chain,"
        if not on:
            dark.append(it)
        elif own not in (0, it.location_id):
            continue
        elif it not in on and all(any(at > it.since - _ABOUT for at in each.holes) for each in on):
            why = f". So were calls of {which} and are listed again, so telephony was off"
            yield _told([it], f"{why}: this ends with its next call")
        else:
            which = "other lines" if on == [it] else which
            why = f". Calls of {which} are listed since, so telephony is on, and"
            yield _told([it], f"{why} {_ELSEWHERE}")
    if dark:
        # One call of another is no proof by itself, and is one of what it is a part of.
        dark += [replace(it, lost=it.missing) for it in outs if it.missing and not it.lost]
    if own not in (0, *(it.location_id for it in dark)):
        return
    if dark[1:]:
        why = ". They are of one chain, of which no call is listed since, so most likely telephony"
        why += " is off for all of it: have its owner switch it on in Altegio, or ask Altegio. This"
        yield _told(dark, f"{why} ends with the next call of each", own)
    elif dark:
        why = ". Its CRM token is right. Ask its owner whether telephony is on in Altegio. If not,"
        yield _told(dark, f"{why} have it switched on. If so, {_ELSEWHERE}")


def _told(outs: Sequence[_Out], why: str, own: int = 0) -> Trouble:
    outs = sorted(outs, key=lambda it: it.location_id)
    ids, lines = [it.location_id for it in outs], [line for it in outs for line in it.lost]
    lost = [call for it in outs for them in it.lost.values() for call in them]
    since, is_sure = min(it.since for it in outs), any(map(_is_given_up, lost))
    what = f"{screen.counted(len(lost), 'call was', 'calls were')} sent of line {some(lines)}, and"
    what += f" {'are' if lost[1:] else 'is'} not in Altegio's list of"
    what += f" {'these locations' if ids[1:] else 'this location'}"
    seen = [at for it in outs for at in it.listed if at < since]
    what += f", where others were until {screen.moment(max(seen))}" if seen else ""
    what += "; they are sent once more now, as the list may be late" * (not is_sure)
    grade = Grade.BROKEN if is_sure else Grade.ATTENTION
    return Trouble(what + why, places(ids), f"location {own or ids[0]}", since, grade=grade)


def _is_given_up(call: Call) -> bool:
    return call.state is CallState.UNCONFIRMED and call.why == NOT_LISTED


def _is_missing(call: Call) -> bool:
    return _is_given_up(call) or call.why == SENT_IN_VAIN


def _is_lost(missing: Sequence[Call], listed: Sequence[Call]) -> bool:
    """Given up; or several in a row, though the list was not late for the last one before."""
    are_several = len(missing) >= _SEVERAL and bool(listed) and not listed[0].repeats
    return are_several or any(map(_is_given_up, missing))
