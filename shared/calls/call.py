"""What is known of one call and where its history entry stands: pure rules of (call, event, now).

                          claim                     202             seen in the location's list
  WAITING ─────────────────────────────▶ SENDING ───────────▶ SENT ──────────────────▶ CONFIRMED
   ▲ ▲  ▲        surely not saved           │ │                 │ │                        ▲
   │ │  ╰───────────────────────────────────╯ ╰▶ UNKNOWN ───────┼─┼─── seen ───────────────╯
   │ ╰─── not in the list, after all looks ───────┴─────────────╯ ╰▶ UNCONFIRMED
  HELD   (the location, or the telephony of its chain, does not take it; EXPIRED once too old)

A call whose line nobody has entered has no location yet: it is UNROUTED for as long as it is kept,
and then as if it had only just been told (`routing`).

A call that the platform refuses for what it says (422, or 400 twice, minutes apart) would be
refused again: it is REFUSED, until the operator has it sent again, or gives it up (EXPIRED). What
becomes of one that is looked for: `calls.search`; which reports are of one call: `calls.identity`.

A call has legs: a ring group's phones, the parts of a transfer. They report in any order and any
number of times, and make one entry: the answered leg, and the longest of those, says how long and
who; the earliest start is the call's. With whom it was and where, says the report of the whole, as
a leg may show a colleague. So no order matters. Nobody says what the platform does with a second
entry of one `call_id`: it is sent once, a while after the end, and again as `why_again` says.

Source: "Saving call information",
https://developer.alteg.io/_bundle/en/developers/openapi.yaml (POST /voip/integration).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from shared import backoff
from shared.altegio.history import HistoryEntry
from shared.calls.leg import Leg
from shared.calls.settings import CallPolicy
from shared.states import Changes, change

# Whoever hides his number is so called in SIP: https://www.rfc-editor.org/rfc/rfc3323
HIDDEN = "anonymous"

# A recording is often ready a while after the call, and its link comes in a second report. Whether
# the platform then replaces its entry of that `call_id` or keeps both is untried, and two entries
# of one call are worse than one without its recording: so owner and desk are shown the link.
LATE_LINK_IS_TOLD = False

# A leg's report waits this long for the call's own.
LONGEST_CALL = timedelta(hours=4)
# A 400 may be a fault of the platform's that is soon mended: it counts if it is seen so much later.
_DOUBTED = timedelta(minutes=5)
# Between two looks at what waits for a location that may have left for good.
_LONGEST_HELD = timedelta(hours=6)
# Until the first look at what waits for its line, which may have been entered at that moment.
_FIRST_LOOK = timedelta(minutes=1)


class CallState(StrEnum):
    """Of a call's history entry; RINGING has none yet. Rows that end here are due no more."""

    RINGING = "ringing"
    UNROUTED = "unrouted"
    WAITING = "waiting"
    HELD = "held"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    REFUSED = "refused"
    EXPIRED = "expired"


# What may be in the platform's list.
LOOKED_FOR = (CallState.SENT, CallState.UNKNOWN)
# What is to be sent, or was being sent, when it is due.
TO_BE_SENT = (CallState.WAITING, CallState.HELD, CallState.SENDING)
# As long as it may yet be answered, or nobody knows where.
_UNSETTLED = (CallState.RINGING, CallState.UNROUTED, CallState.WAITING)
MISSED = "missed"
# Why it is sent once more, which is kept until that tells: it was accepted, and no look found it.
SENT_IN_VAIN = "was not in the list"
# Nothing is known yet of how the platform takes it.
_AFRESH: dict[str, Any] = {"tries": 0, "doubted_at": None, "looks": 0, "repeats": 0}

_C = CallState
_TOLD = frozenset({_C.SENT, _C.UNKNOWN, _C.CONFIRMED, _C.UNCONFIRMED, _C.REFUSED})
CHANGES: Changes[CallState] = {
    "ended": ({_C.RINGING}, {_C.WAITING}),
    # Its line is not in the directory: see `lines`.
    "unrouted": ({_C.RINGING, _C.UNROUTED}, {_C.UNROUTED}),
    "routed": ({_C.UNROUTED}, {_C.WAITING}),
    "held": ({_C.WAITING, _C.HELD}, {_C.HELD}),
    "put_off": ({_C.WAITING, _C.HELD}, {_C.WAITING}),
    "expired": ({_C.WAITING, _C.HELD, _C.UNROUTED, _C.REFUSED}, {_C.EXPIRED}),
    "claimed": ({_C.WAITING, _C.HELD}, {_C.SENDING}),
    "not_saved": ({_C.SENDING}, {_C.WAITING}),
    "refused": ({_C.SENDING}, {_C.REFUSED}),
    # What cannot be looked for in the list ends at once.
    "sent": ({_C.SENDING}, {_C.SENT, _C.UNCONFIRMED}),
    "unknown": ({_C.SENDING}, {_C.UNKNOWN, _C.UNCONFIRMED}),
    "confirmed": ({_C.SENT, _C.UNKNOWN}, {_C.CONFIRMED}),
    "given_up": ({_C.SENT, _C.UNKNOWN}, {_C.UNCONFIRMED}),
    "repeated": ({_C.SENT, _C.UNKNOWN}, {_C.WAITING}),
    # See `why_again`.
    "corrected": (_TOLD, {_C.WAITING}),
    # The operator has seen to what it was refused for.
    "sent_again": ({_C.REFUSED}, {_C.WAITING}),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an account's PBX."""

    key: str
    call_id: str
    account_id: str
    location_id: int | None
    state: CallState
    # When the PBX told it; or, later, since when it is to be sent (see `told_at`).
    received_at: datetime
    # What tells it from others of its id: see `calls.identity`.
    caller: str | None = None
    own_line: str | None = None
    digits: str = ""
    written_line: str = ""
    first_at: datetime | None = None
    # While its line is to be entered: under what (see `lines.key_of`), and of whom.
    line_key: str | None = None
    waits_of: str | None = None
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
    # Of the last attempt: when, to which chain, whether it told of an answered call, which link.
    sent_at: datetime | None = None
    chain_key: str | None = None
    told_answered: bool = False
    told_link: str | None = None
    tries: int = 0
    # When it was first answered with a refusal that has to be seen twice.
    doubted_at: datetime | None = None
    looks: int = 0
    repeats: int = 0
    # Its row in the platform's list.
    platform_id: int | None = None
    why: str = ""
    # `missed` if nobody had answered when it was settled, see `changed`; `other`; empty before.
    settled_as: str = ""
    # Who was done with its caller without a call, and when: see `missed`.
    done_by: str = ""
    done_at: datetime | None = None
    # When the PBX told it, if `received_at` is later.
    told_at: datetime | None = None
    # Counts the writes; a writer that did not see the last one loses.
    version: int = 0

    @property
    def heard_at(self) -> datetime:
        """When the PBX told it, whatever became of it since."""
        return self.told_at or self.received_at

    @property
    def names(self) -> dict[str, object]:
        """What a line of the log calls it by."""
        return {
            "call_id": self.call_id,
            "account_id": self.account_id,
            "location_id": self.location_id,
        }

    @property
    def entry(self) -> HistoryEntry:
        """What the platform is to save.

        Raises:
            ValueError: nothing but ringing is known of it.
        """
        if self.leg is None or self.started_at is None:
            raise ValueError("no leg has ended")
        return HistoryEntry(
            call_id=self.key.partition("#")[2],
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
    def late_link(self) -> str:
        """The recording's link, if it came after the call had been told; else empty."""
        link = self.recorded.link if self.recorded else ""
        return link if self.state in _TOLD and link != self.told_link else ""

    @property
    def route(self) -> tuple[str, str]:
        """By what the platform finds the location."""
        return (self.leg.line, self.leg.extension) if self.leg else ("", "")


def account_of(call_key: str) -> str:
    """Whose call it is that is under a key."""
    return call_key.partition("#")[0]


def ringing(
    key: str, account_id: str, call_id: str, location_id: int | None, received_at: datetime
) -> Call:
    """A call of which nothing is known but that it rings."""
    return Call(key, call_id, account_id, location_id, CallState.RINGING, received_at)


def heard(
    known: Call, leg: Leg, *, ended: bool, now: datetime, rules: CallPolicy, line_key: str = ""
) -> Call:
    """The call after one of its legs was reported, in any order and any number of times.

    Args:
        known: what was known.
        leg: what was reported.
        ended: whether the whole call is over.
        now: the present moment.
        rules: the delays.
        line_key: under what its line is to be entered; the whole call's counts, or else the first.
    """
    told = [each for each in (known.leg, known.recorded) if each]
    if known.ended and not ended:
        leg = leg.within(told[0])
    elif ended and not (known.ended or known.attempt):
        told = [each.within(leg) for each in told]
    best = max((*told, leg), key=lambda each: each.rank)
    merged = replace(
        known,
        location_id=best.location_id or known.location_id or leg.location_id,
        leg=best,
        recorded=max((it for it in (*told, leg) if it.link), key=lambda it: it.rank, default=None),
        started_at=min(leg.started_at, known.started_at or leg.started_at),
        ended=known.ended or ended,
    )
    if merged == known:
        return known
    settles = now + timedelta(seconds=rules.call_settle_s)
    if merged.location_id is None:
        if known.state is CallState.EXPIRED:
            return known
        first = known.line_key if known.ended or not ended else None
        keyed = replace(merged, line_key=first or line_key, waits_of=known.account_id)
        return keyed if known.state is CallState.UNROUTED else unrouted(keyed, now)
    if known.state is CallState.UNROUTED:
        return routed(merged, merged.location_id, leg.line, now, rules)
    if known.state is CallState.RINGING:
        due_at = settles if merged.ended else now + LONGEST_CALL
        return changed(merged, "ended", received_at=now, due_at=due_at)
    if known.state is CallState.WAITING and merged.ended and not known.ended:
        return replace(merged, due_at=min(settles, known.due_at or settles))
    return corrected(merged, now)


def unrouted(call: Call, now: datetime) -> Call:
    """It waits for its line to be entered, and is looked at less often as it ages."""
    since = now if call.state is CallState.RINGING else call.received_at
    wait = max(_FIRST_LOOK, min(now - since, _LONGEST_HELD))
    return changed(
        call, "unrouted", received_at=since, due_at=now + wait, why="its line is not entered"
    )


def routed(call: Call, location_id: int, line: str, now: datetime, rules: CallPolicy) -> Call:
    """Its location is known: from now on as if it had only just been told, however old it is.

    `line` stands where none was told.
    """
    due_at = now + timedelta(seconds=rules.call_settle_s)
    if not call.ended:
        due_at = max(due_at, call.received_at + LONGEST_CALL)
    return changed(
        call,
        "routed",
        location_id=location_id,
        leg=call.leg and call.leg.of(location_id, line),
        recorded=call.recorded and call.recorded.of(location_id, line),
        line_key=None,
        waits_of=None,
        told_at=call.heard_at,
        received_at=now,
        due_at=due_at,
        why="",
    )


def why_again(call: Call) -> str:
    """Why a call that was told is told once more; empty if it is not. Nothing else decides it."""
    if call.state not in _TOLD or call.leg is None:
        return ""
    if call.leg.answered and not call.told_answered:
        return "was answered after all"
    if call.late_link and LATE_LINK_IS_TOLD:
        return "its recording came late"
    return ""


def corrected(call: Call, now: datetime) -> Call:
    """The same, due to be told again if there is a reason."""
    why = why_again(call)
    if not why:
        return call
    return changed(call, "corrected", due_at=now, **_AFRESH, why=why)


def too_old(call: Call, now: datetime, rules: CallPolicy) -> bool:
    """Whether it is too late to tell the platform of it."""
    return now - call.received_at > timedelta(seconds=rules.call_backfill_s)


def expired(call: Call, why: str) -> Call:
    """It will never be told."""
    return changed(call, "expired", due_at=None, line_key=None, waits_of=None, why=why)


def held(call: Call, why: str, now: datetime, rules: CallPolicy) -> Call:
    """It waits for its location or its chain, which is asked less often as it ages."""
    least = timedelta(seconds=rules.retry_base_s)
    wait = max(least, min((now - call.received_at) / 8, _LONGEST_HELD))
    return changed(call, "held", due_at=now + wait, why=why)


def put_off(call: Call, why: str, until: datetime, now: datetime) -> Call:
    """It was not our turn: no try was made."""
    due_at = max(until, now + timedelta(seconds=1))
    return changed(call, "put_off", due_at=due_at, why=why)


def claimed(call: Call, chain_key: str | None, now: datetime, rules: CallPolicy) -> Call:
    """Held by one worker for a lease; after that nobody knows whether it was sent to its chain."""
    return changed(
        call,
        "claimed",
        attempt=call.attempt + 1,
        sent_at=now,
        chain_key=chain_key,
        told_answered=bool(call.leg and call.leg.answered),
        told_link=call.recorded.link if call.recorded else None,
        due_at=now + timedelta(seconds=rules.lease_s),
        why=call.why if call.why == SENT_IN_VAIN else "",
    )


def not_saved(
    call: Call, why: str, now: datetime, rules: CallPolicy, *, at_least_s: float = 0.0
) -> Call:
    """Surely not saved: to be tried again."""
    wait = backoff.delay(call.tries, rules.retry_base_s, at_least_s=at_least_s)
    return changed(
        call,
        "not_saved",
        tries=call.tries + 1,
        due_at=now + wait,
        sent_at=None,
        told_answered=False,
        told_link=None,
        why=why,
    )


def refused(
    call: Call, why: str, now: datetime, rules: CallPolicy, *, doubtful: bool = False
) -> Call:
    """The platform does not take what it says, and would not take it again.

    A doubtful refusal is believed when it is seen again.
    """
    if doubtful and now - (call.doubted_at or now) < _DOUBTED:
        wait_s = _DOUBTED.total_seconds()
        again = not_saved(call, why, now, rules, at_least_s=wait_s)
        return replace(again, doubted_at=call.doubted_at or now)
    return corrected(changed(call, "refused", due_at=None, why=why), now)


def sent_again(call: Call, now: datetime) -> Call:
    """As if it had only just been told, however old it is."""
    again = replace(call, told_at=call.heard_at, received_at=now)
    return changed(again, "sent_again", due_at=now, **_AFRESH, why="to be sent again")


def changed(call: Call, name: str, to: CallState | None = None, **fields: Any) -> Call:
    """The call after a change that `CHANGES` allows."""
    after = replace(call, state=change(CHANGES, name, call.state, to), **fields)
    if after.settled_as or after.state in _UNSETTLED or after.leg is None:
        return after
    return replace(after, settled_as=MISSED if after.leg.is_missed else "other")
