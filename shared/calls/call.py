"""What is known of one call and where its history entry stands: pure rules of (call, event, now).

                          claim                     202             seen in the location's list
  WAITING ─────────────────────────────▶ SENDING ───────────▶ SENT ──────────────────▶ CONFIRMED
   ▲ ▲  ▲        surely not saved           │ │                 │ │                        ▲
   │ │  ╰───────────────────────────────────╯ ╰▶ UNKNOWN ───────┼─┼─── seen ───────────────╯
   │ ╰─── not in the list, after all looks ───────┴─────────────╯ ╰▶ UNCONFIRMED
  HELD   (the location, or the telephony of its chain, does not take it; EXPIRED once too old)

A call has legs: a ring group's phones, the parts of a transfer. They report in any order and any
number of times, and make one entry: the answered leg, and the longest of those, says how long and
who; the earliest start is the call's. So what is kept is a least upper bound of what was told, and
no order matters. Nobody says what the platform does with a second entry of one `call_id`, so an
entry is sent once, a while after the call has ended; only when a call that was told as missed turns
out answered, it is told again.

Source: "Saving call information",
https://developer.alteg.io/_bundle/en/developers/openapi.yaml (POST /voip/integration).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from shared import backoff
from shared.altegio.history import HistoryEntry
from shared.calls.settings import CallPolicy
from shared.states import Changes, change

# Whoever hides his number is so called in SIP: https://www.rfc-editor.org/rfc/rfc3323
HIDDEN = "anonymous"

# Of a call that is looked for: a week at the telephone, and a PBX with the date of its time zone.
_LONGEST_AGO = timedelta(days=7)
_AHEAD = timedelta(days=1)
# A leg's report waits this long for the call's own.
_LONGEST_CALL = timedelta(hours=4)
# Between two looks at what waits for a location that may have left for good.
_LONGEST_HELD = timedelta(hours=6)
# So often a call that is missing from the list is sent again: one that was accepted, and one of
# which nobody knows.
_MOST_REPEATS = {True: 1, False: 3}


class CallState(StrEnum):
    """Of a call's history entry; RINGING has none yet. Rows that end here are due no more."""

    RINGING = "ringing"
    WAITING = "waiting"
    HELD = "held"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    EXPIRED = "expired"


# What may be in the platform's list.
LOOKED_FOR = (CallState.SENT, CallState.UNKNOWN)
# What is to be sent, or was being sent, when it is due.
TO_BE_SENT = (CallState.WAITING, CallState.HELD, CallState.SENDING)


_C = CallState
_TOLD = {_C.SENT, _C.UNKNOWN, _C.CONFIRMED, _C.UNCONFIRMED}
CHANGES: Changes[CallState] = {
    "ended": ({_C.RINGING}, {_C.WAITING}),
    "held": ({_C.WAITING, _C.HELD}, {_C.HELD}),
    "put_off": ({_C.WAITING, _C.HELD}, {_C.WAITING}),
    "expired": ({_C.WAITING, _C.HELD}, {_C.EXPIRED}),
    "claimed": ({_C.WAITING, _C.HELD}, {_C.SENDING}),
    "not_saved": ({_C.SENDING}, {_C.WAITING}),
    # What cannot be looked for in the list ends at once.
    "sent": ({_C.SENDING}, {_C.SENT, _C.UNCONFIRMED}),
    "unknown": ({_C.SENDING}, {_C.UNKNOWN, _C.UNCONFIRMED}),
    "confirmed": ({_C.SENT, _C.UNKNOWN}, {_C.CONFIRMED}),
    "given_up": ({_C.SENT, _C.UNKNOWN}, {_C.UNCONFIRMED}),
    "repeated": ({_C.SENT, _C.UNKNOWN}, {_C.WAITING}),
    # It was told as missed, and was answered.
    "corrected": (_TOLD, {_C.WAITING}),
}


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg as it was reported; numbers in their normal form, `phone` empty if it hides."""

    location_id: int
    answered: bool
    duration_s: int
    started_at: datetime
    direction: str
    phone: str
    line: str
    extension: str
    link: str

    @property
    def rank(self) -> tuple[object, ...]:
        """The greatest of a call's legs speaks for it."""
        return (
            self.answered,
            self.duration_s,
            bool(self.phone),
            bool(self.extension),
            self.started_at,
            self.location_id,
            self.direction,
            self.phone,
            self.line,
            self.extension,
            self.link,
        )


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an account's PBX."""

    key: str
    call_id: str
    account_id: str
    location_id: int
    state: CallState
    received_at: datetime
    # When its pop-up was shown.
    popped_at: datetime | None = None
    # The leg that speaks for the call, the best one with a recording, and the earliest start.
    leg: Leg | None = None
    recorded: Leg | None = None
    started_at: datetime | None = None
    # Whether the call's own end was told, not only a leg's.
    ended: bool = False
    due_at: datetime | None = None
    # Counts the claims: whoever holds an older one may not finish it.
    attempt: int = 0
    # Of the last attempt: when, to which chain, and whether it told of an answered call.
    sent_at: datetime | None = None
    chain_key: str | None = None
    told_answered: bool = False
    tries: int = 0
    looks: int = 0
    repeats: int = 0
    # Its row in the platform's list.
    platform_id: int | None = None
    why: str = ""
    # Counts the writes; a writer that did not see the last one loses.
    version: int = 0

    @property
    def entry(self) -> HistoryEntry:
        """What the platform is to save.

        Raises:
            ValueError: nothing but ringing is known of it.
        """
        if self.leg is None or self.started_at is None:
            raise ValueError("no leg has ended")
        return HistoryEntry(
            call_id=self.call_id,
            direction=self.leg.direction,
            phone=self.leg.phone or HIDDEN,
            line=self.leg.line,
            user=self.leg.extension or None,
            duration_s=self.leg.duration_s,
            link=self.recorded.link if self.recorded else None,
            answered=self.leg.answered,
            started_at=self.started_at,
        )

    @property
    def route(self) -> tuple[str, str]:
        """By what the platform finds the location."""
        return (self.leg.line, self.leg.extension) if self.leg else ("", "")


def key(account_id: str, call_id: str) -> str:
    """A call's key: its id counts within its account."""
    return f"{account_id}#{call_id}"


def account_of(call_key: str) -> str:
    """Whose call it is that is under a key."""
    return call_key.partition("#")[0]


def ringing(account_id: str, call_id: str, location_id: int, now: datetime) -> Call:
    """A call of which nothing is known but that it rings."""
    return Call(
        key=key(account_id, call_id),
        call_id=call_id,
        account_id=account_id,
        location_id=location_id,
        state=CallState.RINGING,
        received_at=now,
    )


def heard(
    before: Call | None,
    account_id: str,
    call_id: str,
    leg: Leg,
    *,
    ended: bool,
    now: datetime,
    rules: CallPolicy,
) -> Call:
    """The call after one of its legs was reported, in any order and any number of times.

    Args:
        before: what was known; None if nothing was.
        account_id: whose PBX it is.
        call_id: the PBX's own id of the call.
        leg: what was reported.
        ended: whether the whole call is over.
        now: the present moment.
        rules: the delays.
    """
    known = before or ringing(account_id, call_id, leg.location_id, now)
    best = max((each for each in (known.leg, leg) if each), key=lambda each: each.rank)
    recorded = max(
        (each for each in (known.recorded, leg) if each is not None and each.link),
        key=lambda each: each.rank,
        default=None,
    )
    merged = replace(
        known,
        location_id=best.location_id,
        leg=best,
        recorded=recorded,
        started_at=min(leg.started_at, known.started_at or leg.started_at),
        ended=known.ended or ended,
    )
    if merged == known:
        return known
    settles = now + timedelta(seconds=rules.call_settle_s)
    if known.state is CallState.RINGING:
        due_at = settles if merged.ended else now + _LONGEST_CALL
        return _changed(merged, "ended", received_at=now, due_at=due_at)
    if known.state is CallState.WAITING and merged.ended and not known.ended:
        return replace(merged, due_at=min(settles, known.due_at or settles))
    return corrected(merged, now)


def corrected(call: Call, now: datetime) -> Call:
    """The same, due to be told again if the platform has it as missed and it was answered."""
    was_told = call.state in (*LOOKED_FOR, CallState.CONFIRMED, CallState.UNCONFIRMED)
    if not was_told or call.leg is None or not call.leg.answered or call.told_answered:
        return call
    why = "was answered after all"
    return _changed(call, "corrected", due_at=now, tries=0, looks=0, repeats=0, why=why)


def too_old(call: Call, now: datetime, rules: CallPolicy) -> bool:
    """Whether it is too late to tell the platform of it."""
    return now - call.received_at > timedelta(seconds=rules.call_backfill_s)


def expired(call: Call, why: str) -> Call:
    """It will never be told."""
    return _changed(call, "expired", due_at=None, why=why)


def held(call: Call, why: str, now: datetime, rules: CallPolicy) -> Call:
    """It waits for its location or its chain, asked the seldomer the longer."""
    least = timedelta(seconds=rules.retry_base_s)
    wait = max(least, min((now - call.received_at) / 8, _LONGEST_HELD))
    return _changed(call, "held", due_at=now + wait, why=why)


def put_off(call: Call, why: str, until: datetime, now: datetime) -> Call:
    """It was not our turn: no try was made."""
    due_at = max(until, now + timedelta(seconds=1))
    return _changed(call, "put_off", due_at=due_at, why=why)


def claimed(call: Call, chain_key: str | None, now: datetime, rules: CallPolicy) -> Call:
    """Held by one worker for a lease; after that nobody knows whether it was sent to its chain."""
    return _changed(
        call,
        "claimed",
        attempt=call.attempt + 1,
        sent_at=now,
        chain_key=chain_key,
        told_answered=bool(call.leg and call.leg.answered),
        due_at=now + timedelta(seconds=rules.lease_s),
        why="",
    )


def not_saved(
    call: Call, why: str, now: datetime, rules: CallPolicy, *, at_least_s: float = 0.0
) -> Call:
    """Surely not saved: to be tried again."""
    wait = backoff.delay(call.tries, rules.retry_base_s, at_least_s=at_least_s)
    return _changed(
        call,
        "not_saved",
        tries=call.tries + 1,
        due_at=now + wait,
        sent_at=None,
        told_answered=False,
        why=why,
    )


def sent(call: Call, now: datetime, rules: CallPolicy) -> Call:
    """Accepted, which is no proof: to be looked for."""
    return _to_be_looked_for(call, CallState.SENT, "", now, rules)


def unknown(call: Call, why: str, now: datetime, rules: CallPolicy) -> Call:
    """Nobody knows whether it was saved: to be looked for."""
    return _to_be_looked_for(call, CallState.UNKNOWN, why, now, rules)


def longest_ago(rules: CallPolicy) -> timedelta:
    """How long ago a call may have begun that is still looked for."""
    return 2 * timedelta(seconds=rules.call_backfill_s) + _LONGEST_AGO


def _to_be_looked_for(
    call: Call, state: CallState, why: str, now: datetime, rules: CallPolicy
) -> Call:
    hopeless = _cannot_be_found(call, now, rules)
    if hopeless:
        why = f"{why or 'accepted'}; cannot be looked for: {hopeless}"
        after = _changed(call, str(state), CallState.UNCONFIRMED, due_at=None, looks=0, why=why)
    else:
        due_at = _next_look(call, now, 0, rules)
        after = _changed(call, str(state), state, due_at=due_at, looks=0, tries=0, why=why)
    return corrected(after, now)


def _cannot_be_found(call: Call, now: datetime, rules: CallPolicy) -> str:
    """Why the list cannot be searched for a call; empty if it can."""
    if call.leg is None or call.started_at is None or not call.leg.phone:
        return "the caller hides"
    ago = now - call.started_at
    if not -_AHEAD <= ago <= longest_ago(rules) - timedelta(seconds=rules.call_backfill_s):
        return "it began too long ago, or in the future"
    return ""


def confirmed(call: Call, platform_id: int) -> Call:
    """Seen in the list."""
    return _changed(call, "confirmed", platform_id=platform_id, due_at=None, tries=0, why="")


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
        why = "not in the list"
        return _changed(call, "given_up", due_at=None, looks=looks, why=why)
    return _changed(
        call,
        "repeated",
        due_at=now,
        looks=0,
        repeats=call.repeats + 1,
        why="was not in the list",
    )


def not_told(call: Call, why: str, now: datetime, rules: CallPolicy) -> Call:
    """The list could not be read: looked for again later, and that does not count."""
    if too_old(call, now, rules):
        return _changed(call, "given_up", due_at=None, why=why)
    wait = backoff.delay(call.tries, rules.call_checks_s[0])
    return replace(call, tries=call.tries + 1, due_at=now + wait, why=why)


def _next_look(call: Call, now: datetime, looks: int, rules: CallPolicy) -> datetime:
    """So long after it was sent; and, if that is over, after a while, as it may be on its way."""
    since = call.sent_at or now
    first = timedelta(seconds=rules.call_checks_s[0])
    return max(now + first, since + timedelta(seconds=rules.call_checks_s[looks]))


def _changed(call: Call, name: str, to: CallState | None = None, **fields: Any) -> Call:
    return replace(call, state=change(CHANGES, name, call.state, to), **fields)
