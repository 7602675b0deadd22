"""A call that was sent and is looked for in the platform's list: pure rules of (call, look, now).

An accepted call that is missing may be a hole. Of an unclear one nobody knows whether it was saved:
the list tells, and where no list does, the call is sent once more under its own id, as one entry
too many does less harm than none.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from shared import backoff
from shared.calls.call import SENT_IN_VAIN, Call, CallState, changed, corrected, too_old
from shared.calls.settings import CallPolicy

# Of a call that is looked for: a week at the telephone, and a PBX with the date of its time zone.
_LONGEST_AGO = timedelta(days=7)
_AHEAD = timedelta(days=1)
# So often a call that is missing from the list is sent again: one that was accepted, and one of
# which nobody knows.
NOT_LISTED = "not in the list"
"""Why a call is given up that was looked for, and is nowhere."""
_MOST_REPEATS = {True: 1, False: 3}
# So long after it was sent, an accepted call is looked for behind a row that cannot be read.
_BEHIND_A_ROW = timedelta(hours=1)
# Why one of which a row that cannot be read may be is not taken for missing.
UNREAD = "a row of the list of calls that may be it cannot be read"


def longest_ago(rules: CallPolicy) -> timedelta:
    """How long ago a call may have begun that is still looked for."""
    return 2 * timedelta(seconds=rules.call_backfill_s) + _LONGEST_AGO


def sent(call: Call, now: datetime, rules: CallPolicy) -> Call:
    """Accepted, which is no proof: to be looked for."""
    return _to_be_looked_for(call, CallState.SENT, call.why, now, rules)


def unknown(
    call: Call, why: str, now: datetime, rules: CallPolicy, *, failed: bool = False
) -> Call:
    """Nobody knows whether it was saved: to be looked for.

    Args:
        call: as it was sent.
        why: what was answered.
        now: the present moment.
        rules: the delays.
        failed: whether the platform said itself that it had failed (5xx).
    """
    hopeless = cannot_be_found(call, now, rules)
    if hopeless and failed and not call.repeats:
        wait = backoff.delay(call.tries, rules.retry_base_s)
        why = f"{why}; sent once more, as it cannot be looked for: {hopeless}"
        return changed(call, "not_saved", due_at=now + wait, repeats=1, told_link=None, why=why)
    return _to_be_looked_for(call, CallState.UNKNOWN, why, now, rules)


def _to_be_looked_for(
    call: Call, state: CallState, why: str, now: datetime, rules: CallPolicy
) -> Call:
    hopeless = cannot_be_found(call, now, rules)
    if hopeless:
        why = f"{why or 'accepted'}; cannot be looked for: {hopeless}"
        after = changed(call, str(state), CallState.UNCONFIRMED, due_at=None, looks=0, why=why)
    else:
        due_at = _next_look(call, now, 0, rules)
        after = changed(call, str(state), state, due_at=due_at, looks=0, tries=0, why=why)
    # What was in doubt is not: the platform took it, or nobody knows.
    after = replace(after, doubted_at=None)
    return corrected(after, now)


def cannot_be_found(call: Call, now: datetime, rules: CallPolicy) -> str:
    """Why the list cannot be searched for a call; empty if it can."""
    if call.leg is None or call.started_at is None or not call.leg.phone:
        return "it has no caller's number"
    ago = now - call.started_at
    if not -_AHEAD <= ago <= longest_ago(rules) - timedelta(seconds=rules.call_backfill_s):
        return "it began too long ago, or in the future"
    return ""


def confirmed(call: Call, platform_id: int) -> Call:
    """Seen in the list."""
    return changed(call, "confirmed", platform_id=platform_id, due_at=None, tries=0, why="")


def is_last_look(call: Call, rules: CallPolicy) -> bool:
    """Whether nothing more is expected of a look at the list, if this one is in vain."""
    return call.looks + 1 >= len(rules.call_checks_s)


def not_seen(call: Call, now: datetime, rules: CallPolicy, *, route_seen: bool) -> Call:
    """The list was read, and the call is not in it.

    After the last look, one of which nobody knows whether it was saved is sent again. One that was
    accepted is sent again only if another that came the same way is in the list: then it is a hole,
    and not a line whose calls are routed to no location. `route_seen` says whether there is one.
    """
    looks = call.looks + 1
    if not is_last_look(call, rules):
        return replace(call, looks=looks, due_at=_next_look(call, now, looks, rules))
    accepted = call.state is CallState.SENT
    if (accepted and not route_seen) or call.repeats >= _MOST_REPEATS[accepted]:
        return changed(call, "given_up", due_at=None, looks=looks, why=NOT_LISTED)
    return _repeated(call, now, SENT_IN_VAIN if accepted else f"unclear, and {SENT_IN_VAIN}")


def no_list(call: Call, why: str, now: datetime, rules: CallPolicy) -> Call:
    """The platform shows no list, which may last: an unclear call does not wait for it.

    An accepted one is looked for until it is too old, and that does not count.
    """
    if call.state is not CallState.UNKNOWN:
        return not_told(call, why, now, rules)
    looks = call.looks + 1
    if not is_last_look(call, rules):
        return replace(call, looks=looks, due_at=_next_look(call, now, looks, rules), why=why)
    if call.repeats:
        why = f"unclear twice, and the list of calls cannot be read: {why}"
        return changed(call, "given_up", due_at=None, looks=looks, why=why)
    return _repeated(call, now, "unclear, and the list of calls cannot be read")


def unread(call: Call, now: datetime, rules: CallPolicy) -> Call:
    """The list was read, but for a row that may be the call: it is neither there nor missing.

    An accepted one is looked for a while longer, and then left: it was most likely saved.
    """
    if call.state is CallState.UNKNOWN:
        return no_list(call, UNREAD, now, rules)
    if now - (call.sent_at or now) >= _BEHIND_A_ROW:
        return changed(call, "given_up", due_at=None, why=UNREAD)
    return not_told(call, UNREAD, now, rules)


def not_told(call: Call, why: str, now: datetime, rules: CallPolicy) -> Call:
    """The list could not be read: looked for again later, and that does not count."""
    if too_old(call, now, rules):
        return changed(call, "given_up", due_at=None, why=why)
    wait = backoff.delay(call.tries, rules.call_checks_s[0])
    return replace(call, tries=call.tries + 1, due_at=now + wait, why=why)


def _repeated(call: Call, now: datetime, why: str) -> Call:
    return changed(call, "repeated", due_at=now, looks=0, repeats=call.repeats + 1, why=why)


def _next_look(call: Call, now: datetime, looks: int, rules: CallPolicy) -> datetime:
    """So long after it was sent; and, if that is over, after a while, as it may be on its way."""
    since = call.sent_at or now
    first = timedelta(seconds=rules.call_checks_s[0])
    return max(now + first, since + timedelta(seconds=rules.call_checks_s[looks]))
