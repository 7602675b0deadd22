"""A location's telephony: its chain, whether its CRM token is proven, its last calls.

Of a number the last two digits are shown, and of the links to recordings only those that came when
the platform had the call already, if they are asked for: whoever knows one may hear the call.
"""

import argparse
import getpass
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from ops import screen
from ops.site import Site
from shared import clock
from shared.aws.dynamodb import StaleWrite
from shared.calls import call as rules_of
from shared.calls import phone_numbers
from shared.calls.call import Call, CallState
from shared.calls.leg import Leg
from shared.chains.chain import Chain
from shared.connections.connection import Connection
from shared.connections.crm_token import CrmTokenState

_WHAT = {
    CrmTokenState.NONE: "none: the owner's link brought no CRM token",
    CrmTokenState.UNPROVEN: "on trial: the CRM token is not proven by a call yet",
    CrmTokenState.UNCHECKED: "on, but not proven: the list of calls cannot be read",
    CrmTokenState.PROVEN: "on: a saved call was in the location's own list",
    CrmTokenState.STOPPED: "stopped: a saved call was not in the location's own list",
}
_SHOWN = 10
_REFUSED = CallState.REFUSED


def telephony(site: Site, options: argparse.Namespace) -> int:
    """Shows a location's telephony; has it, or refused calls, tried again if that is asked for."""
    connection = site.connections.get(options.location)
    if connection is None:
        print(f"Location {options.location} was never connected here ({site.name}).")
        return 1
    chain = site.chains.get(connection.chain_key) if connection.chain_key else None
    since = clock.now() - timedelta(days=site.calls_settings.call_days)
    calls = sorted(
        site.calls.of_location(options.location, since),
        key=_began,
        reverse=True,
    )
    print(_told(site, connection, chain, calls))
    if options.recordings:
        print(_recordings(calls))
    if options.send_refused:
        return _sent_again(site, options, [call for call in calls if call.state is _REFUSED])
    if not options.resume and not options.trust:
        return 0
    return _changed(site, connection, options)


def _changed(site: Site, connection: Connection, options: argparse.Namespace) -> int:
    after = CrmTokenState.PROVEN if options.trust else CrmTokenState.UNPROVEN
    if not connection.live or connection.crm_token is None:
        print("\nNothing was changed: the location is not connected with a CRM token.")
        return 1
    if connection.telephony is after:
        print("\nNothing was changed: the telephony is in that state already.")
        return 1
    print(f"\n  change  {connection.telephony} -> {after}\n")
    if not options.do:
        print(screen.NOT_YET)
        return 0
    # Of somebody else's write at this moment, the operator has to see the result first.
    word = "trusted" if options.trust else "resumed"
    changed = replace(
        connection, telephony=after, verdict=f"telephony {word} by {getpass.getuser()}"
    )
    site.connections.save(changed, clock.now())
    site.call_wake_ups.release(connection.location_id)
    print(f"Done: {_WHAT[after]}.")
    return 0


def _sent_again(site: Site, options: argparse.Namespace, refused: Sequence[Call]) -> int:
    if not refused:
        print("\nNothing was changed: no call of the location stands as refused.")
        return 1
    print(f"\n  send again  {_calls(len(refused))}\n")
    if not options.do:
        print(screen.NOT_YET)
        return 0
    done = 0
    for listed in refused:
        call = site.calls.get(listed.key)
        if call is None or call.state is not _REFUSED:
            continue
        # Another report of the call is heard at this moment, or another operator was faster.
        with suppress(StaleWrite):
            site.calls.save(rules_of.sent_again(call, clock.now()))
            site.call_wake_ups.wake(call.key)
            done += 1
    print(f"Done: {_calls(done)} will be sent again.")
    return 0 if done == len(refused) else 1


def _calls(number: int) -> str:
    return f"{number} call" if number == 1 else f"{number} calls"


def _told(site: Site, connection: Connection, chain: Chain | None, calls: Sequence[Call]) -> str:
    now = clock.now()
    siblings = [each for each in chain.locations if each != connection.location_id] if chain else []
    pairs = [
        ("location", connection.words),
        ("telephony", _WHAT[connection.telephony]),
        ("chain", _chain(chain)),
        ("siblings", ", ".join(map(str, siblings)) or "-"),
    ]
    if chain is not None and chain.due_at is not None:
        pairs.append(("due", screen.due(chain.due_at, now)))
    days = site.calls_settings.call_days
    counted = Counter(str(call.state) for call in calls)
    states = ", ".join(f"{number} {state}" for state, number in counted.most_common())
    pairs.append(("calls", f"{states or 'none'}, in {days} days"))
    parts = [f"Telephony of location {connection.location_id} ({site.name})", screen.facts(pairs)]
    if calls:
        heads = ("BEGAN", "DIRECTION", "WHO", "STATE", "WHY")
        parts.append("\n" + screen.table(heads, [_row(call) for call in calls[:_SHOWN]]))
    return "\n".join(parts)


def _recordings(calls: Sequence[Call]) -> str:
    late = [call for call in calls if call.late_link]
    if not late:
        return "\nNo recording came late: what links there are, the platform was told."
    rows = [(screen.moment(_began(call)), call.late_link) for call in late]
    return "\n" + screen.table(("BEGAN", "RECORDING, NOT TOLD TO THE PLATFORM"), rows)


def _began(call: Call) -> datetime:
    return call.started_at or call.received_at


def _chain(chain: Chain | None) -> str:
    if chain is None:
        return "-"
    said = "enabled" if chain.enabled else "not enabled"
    return f"{said}; {chain.verdict}" if chain.verdict not in ("", said) else said


def _row(call: Call) -> tuple[str, ...]:
    leg, late = call.leg, "its recording came late" if call.late_link else ""
    return (
        screen.moment(_began(call)),
        leg.direction if leg else "-",
        _who(leg) if leg else "-",
        str(call.state),
        "; ".join(why for why in (call.why, late) if why) or "-",
    )


def _who(leg: Leg) -> str:
    # What is no number is told from what is one.
    return phone_numbers.masked(leg.written or leg.phone) + "?" * bool(leg.written)
