"""The telephony of a chain: what is proven of its CRM token, why it is stopped, how it goes on."""

import argparse
import getpass
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ops import names, parameters, rows, screen, trouble
from ops.screen import NotChanged
from ops.site import Site
from ops.trouble import Found, Grade, Trouble
from shared import clock
from shared.aws.sightings import TELEPHONY_STOPPED
from shared.calls.call import Call, CallState
from shared.calls.missed import began
from shared.calls.search import NOT_LISTED
from shared.chains.chain import Chain
from shared.connections.connection import Connection
from shared.connections.crm_token import CrmTokenState

_WHAT = {
    CrmTokenState.NONE: "none: the owner's link brought no CRM token",
    CrmTokenState.UNPROVEN: "on trial: the CRM token is not proven by a call yet",
    CrmTokenState.UNCHECKED: "on, as we asked, but not proven: the list of calls cannot be read",
    CrmTokenState.PROVEN: "on, as we asked: a saved call was in the location's own list",
    CrmTokenState.STOPPED: "stopped: a saved call was not in the location's own list",
}
_IF = "if the CRM token is a stranger's, he sees"
_RESUMED = f"{_IF} the caller of the first call of each location, and all until it stops again"
_TRUSTED = f"{_IF} all callers from now on, and nothing ends it"


@dataclass(frozen=True, slots=True)
class _Stopped:
    """Those of a chain whose telephony is stopped, and why."""

    connections: Sequence[Connection]
    missed: Sequence[Call]  # Saved, and not in the list of their locations.
    proven: Sequence[Connection]  # By the same CRM token.
    culprits: Sequence[str]
    since: datetime | None


def telephony(site: Site, now: datetime) -> Iterator[Found]:
    """Chains that the platform refuses, and those that stand still."""
    far = now + timedelta(days=1)
    for chain in site.readable(site.chains.get, site.chains.due(far, rows.MOST)):
        yield from trouble.of_chain(chain)
    held = {location_id for _key, location_id in site.calls.due(CallState.HELD, far, 200)}
    held |= {*rows.places(site, TELEPHONY_STOPPED, timedelta(days=7))}
    stopped = [it for it in rows.rows(site, held) if it.telephony is CrmTokenState.STOPPED]
    for chain_key in dict.fromkeys(it.chain_key for it in stopped):
        yield from of_stopped(site, chain_key, stopped)
    if site.user_token.known() is None:
        parameter = site.calls_settings.user_token_parameter
        what = "there is no user token, so nobody knows which calls were saved. "
        what += parameters.OF_USER
        yield Trouble(what, parameter, parameters.written(site, parameter))


def of_stopped(site: Site, chain_key: str | None, known: Iterable[Connection]) -> Iterator[Trouble]:
    """Locations of one chain whose telephony is stopped, and what tells the causes apart."""
    found = _stopped(site, chain_key, known)
    if found.connections:
        ids = [it.location_id for it in found.connections]
        whose = f"location {trouble.some(found.culprits)}" if found.culprits else "one of them"
        first = found.culprits[0].partition(" ")[0] if found.culprits else ids[0]
        what = f"telephony is stopped, as a saved call of {whose} was not in its list, and no call"
        what += (
            f" of these has proven their CRM token yet. {_likelier(found)}First see in Altegio's"
        )
        what += " telephony settings whether that line is routed to that location: if it is not,"
        what += (
            " route it; if it is, the CRM token is another's, and the owner of that location has"
        )
        what += " to disconnect and connect it anew. Then have all of these go on"
        command = f"location {first} --resume"
        yield Trouble(what, trouble.places(ids), command, found.since, grade=Grade.BROKEN)


def _likelier(found: _Stopped) -> str:
    """Which cause, as one token is the whole chain's: an owner's own, or that of another's."""
    accounts = {it.account_id for it in found.connections}
    own = [it.location_id for it in found.proven if it.account_id in accounts]
    if not found.proven:
        return ""
    whose = trouble.places(own or [it.location_id for it in found.proven])
    proven = f"A call has proven the same CRM token for {whose}"
    if own:
        return f"{proven}, so the routing is the likelier cause. "
    return f"{proven} of another account, so the likelier cause is that the token is that one's. "


def _stopped(site: Site, chain_key: str | None, known: Iterable[Connection]) -> _Stopped:
    chain = site.chains.get(chain_key) if chain_key else None
    found = rows.rows(site, chain.locations) if chain else list(known)
    stopped = [it for it in found if it.telephony is CrmTokenState.STOPPED]
    missed = [
        call
        for it in stopped
        for call in site.calls.latest(it.location_id, 10)
        if call.state is CallState.UNCONFIRMED and call.why == NOT_LISTED
        if call.chain_key == chain_key
    ]
    seen = [site.sightings.last(TELEPHONY_STOPPED, str(it.location_id)) for it in stopped]
    last = max(filter(None, seen), key=lambda it: it.at, default=None)
    culprits = [f"{it.location_id} (line {_line(it)})" for it in missed]
    culprits = culprits or ([last.who] if last else [])
    proven = [it for it in found if it.telephony is CrmTokenState.PROVEN]
    return _Stopped(stopped, missed, proven, [*dict.fromkeys(culprits)], last.at if last else None)


def _line(call: Call) -> str:
    return call.leg.line if call.leg else "-"


def facts(
    site: Site, connection: Connection, chain: Chain | None, calls: Iterable[Call]
) -> Iterator[tuple[str, str]]:
    """How that of a location stands; whether it is on in Altegio, only a call tells."""
    listed = [began(it) for it in calls if it.state is CallState.CONFIRMED]
    last = f", the last at {screen.moment(max(listed))}" if listed else ""
    on = _WHAT[connection.telephony] + last * (connection.telephony is CrmTokenState.PROVEN)
    yield "telephony", on if connection.live else "off: not connected"
    if chain is None:
        yield "chain", "-"
    else:
        at = f" {screen.moment(chain.told_at)}" if chain.told_at else ""
        said = f"we enabled telephony{at}, as Altegio confirmed" if chain.enabled else "not enabled"
        more = f"; {chain.verdict}" if chain.verdict not in ("", "enabled", said) else ""
        yield "chain", f"{said}{more}"
        others = [each for each in chain.locations if each != connection.location_id]
        yield "same chain", _each(site, others)


def _each(site: Site, ids: Sequence[int]) -> str:
    """What is proven of each."""
    # Of a row that cannot be read, another screen tells.
    known = {it.location_id: it.telephony for it in names.read(site.connections.get, ids)}
    return ", ".join(f"{it} ({known.get(it, 'unreadable')})" for it in ids) or "-"


def changed(site: Site, options: argparse.Namespace) -> int:
    """What is known of the CRM token; what was stopped for all of a chain goes on for all."""
    connection = site.connections.get(options.location)
    after = CrmTokenState.PROVEN if options.trust else CrmTokenState.UNPROVEN
    if connection is None or not connection.live or connection.crm_token is None:
        raise NotChanged("the location is not connected with a CRM token")
    if connection.telephony is after:
        raise NotChanged("the telephony is in that state already")
    if connection.telephony is CrmTokenState.PROVEN:
        raise NotChanged("a saved call has proven the CRM token, so there is nothing to resume")
    stopped = _stopped(site, connection.chain_key, [connection])
    changing = [connection]
    if options.resume and connection.telephony is CrmTokenState.STOPPED:
        changing = [it for it in stopped.connections if it.live] or changing
    verdict = f"telephony {'trusted' if options.trust else 'resumed'} by {getpass.getuser()}"

    def do() -> str:
        for each in changing:
            # Of somebody else's write at this moment, the operator has to see the result first.
            site.connections.save(replace(each, telephony=after, verdict=verdict), clock.now())
            site.call_wake_ups.release(each.location_id)
        return f"Done: {_WHAT[after]}."

    chain = site.chains.get(connection.chain_key) if connection.chain_key else None
    pairs = [
        ("location", trouble.some([it.location_id for it in changing])),
        *[("call", "; ".join(map(_missed, stopped.missed[:3])))] * bool(stopped.missed),
        *[("proven", _likelier(stopped))] * bool(stopped.proven),
        ("chain", _each(site, chain.locations if chain else [connection.location_id])),
        ("held", _held(site, changing, after)),
        ("change", f"{connection.telephony} -> {after}"),
        ("risk", _TRUSTED if options.trust else _RESUMED),
    ]
    return screen.change(options, f"Location {options.location} ({site.name})", pairs, do)


def _missed(call: Call) -> str:
    """A call for which telephony was stopped."""
    at = f", saved {screen.moment(call.sent_at)}" if call.sent_at else ""
    told = f"{call.call_id} on line {_line(call)}{at}, was not in the list of {call.location_id}"
    return f"{told}, and will not be, whatever is done now"


def _held(site: Site, changing: Sequence[Connection], after: CrmTokenState) -> str:
    """Which calls go out."""
    since = clock.now() - timedelta(days=site.calls_settings.call_days)
    calls = [call for it in changing for call in site.calls.of_location(it.location_id, since)]
    held = [f"{it.call_id} of {it.location_id}" for it in calls if it.state is CallState.HELD]
    if not held:
        return "no call"
    told = f"{screen.counted(len(held), 'call goes', 'calls go')} out: {trouble.some(held)}"
    first = "; one of each location first, the others once that is in its list"
    return told + first * (after is CrmTokenState.UNPROVEN)
