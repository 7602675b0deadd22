"""The ledger's entries and the only ways in which they change: pure rules, no I/O.

           claim: attempt+1, lease          finish: only if attempt = mine
 PENDING ──────────────────────────▶ SENDING ───────────────────────────▶ SENT
  ▲  ▲  ▲   release: surely not taken  │  │  ╰──────────────────────────▶ REJECTED
  │  │  ╰──────────────────────────────╯  │ lease passed, or outcome unclear
  │  │                                    ▼
  │  ╰──── look: surely absent, twice ── UNKNOWN ── look: on the list ──▶ SENT
 HELD  (location not connected)           ╰─── cannot be told ──────────▶ NEEDS_HUMAN

After a restore (see `restored`) what we have no word of may have been sent all the same:

 PENDING ── doubted: its turn has come ──▶ UNKNOWN ── as above, and sent if surely absent

What the owner paid on the platform's own page (see `hosted`) was never ours to send:

 REPORTED_BY_PLATFORM ── on the list, and nobody's ──▶ SENT
  │ ╰──────────────────── it is another entry's ──────▶ CLOSED
  ╰────────────────────── not listed for days ────────▶ NEEDS_HUMAN

A person may adopt, send again, close or have looked for what is not on its way (see `CHANGES`).

The platform's payment call has no idempotency key. So there is no way from an expired SENDING back
to sending: who does not know what happened says so, and UNKNOWN is looked up (see
`resolve_unknown`).
"""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared import backoff
from shared.payments.facts import Facts, PaymentFacts, RefundFacts, to_texts
from shared.payments.settings import LedgerPolicy
from shared.states import Changes, NoSuchChange, change


class EntryState(StrEnum):
    """Of a payment or refund.

    PENDING, SENDING, HELD, UNKNOWN and REPORTED_BY_PLATFORM are unfinished.
    """

    PENDING = "PENDING"
    SENDING = "SENDING"
    HELD = "HELD"
    UNKNOWN = "UNKNOWN"
    SENT = "SENT"
    REJECTED = "REJECTED"
    NEEDS_HUMAN = "NEEDS_HUMAN"
    CLOSED = "CLOSED"
    REPORTED_BY_PLATFORM = "REPORTED_BY_PLATFORM"


# How the keys of payments begin that were made on the platform's own page.
HOSTED = "payment#hosted-"

# Why a refund waits that came before its payment, or without it.
NO_PAYMENT = "its payment was not sent by billing"

# Nothing happens to these any more unless a person wants it.
PARKED = (EntryState.REJECTED, EntryState.NEEDS_HUMAN, EntryState.CLOSED)


@dataclass(frozen=True, slots=True)
class Entry:
    """One payment or refund of the billing system, known by its own event id.

    `facts` is the canonical event, `digest` its hash. `attempt` counts the claims and is the
    fencing token: whoever holds an older one may not change the row.
    """

    key: str
    digest: str
    facts: Facts
    state: EntryState
    received_at: datetime
    # Of a refund that came without one: None until its payment is found.
    location_id: int | None = None
    attempt: int = 0
    claimed_at: datetime | None = None
    due_at: datetime | None = None
    platform_id: int | None = None
    # Of an UNKNOWN one: how often the platform's list was seen without it.
    absences: int = 0
    why: str = ""
    changed_at: datetime | None = None
    # When the first of its last absences was seen, or a person made sure that it was not taken.
    absent_since: datetime | None = None
    # Of one that may have been sent before a restore: from when on.
    perhaps_since: datetime | None = None
    # When it was told that it waits for too long, which is told once.
    late_at: datetime | None = None

    @classmethod
    def new(cls, key: str, location_id: int | None, facts: Facts, now: datetime) -> "Entry":
        """An entry that nothing was done about yet, due at once."""
        known = {"key": key, "location_id": location_id, **to_texts(facts)}
        digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
        return cls(
            key=key,
            location_id=location_id,
            digest=digest,
            facts=facts,
            state=EntryState.PENDING,
            received_at=now,
            due_at=now,
        )

    @property
    def names(self) -> dict[str, object]:
        """What a line of the log calls it by."""
        return {"entry": self.key, "location_id": self.location_id}

    @property
    def is_refund(self) -> bool:
        """Whether this gives a payment back."""
        return self.key.startswith("refund#")

    @property
    def is_hosted(self) -> bool:
        """Whether the owner paid this on the platform's own page."""
        return self.key.startswith(HOSTED)

    @property
    def payment_key(self) -> str:
        """Of a refund: the ledger key of the payment that it gives back."""
        return f"payment#{self.refund.payment_event_id}"

    @property
    def payment(self) -> PaymentFacts:
        """The facts of a payment.

        Raises:
            TypeError: it is a refund.
        """
        if not isinstance(self.facts, PaymentFacts):
            raise TypeError(f"{self.key} is no payment")
        return self.facts

    @property
    def refund(self) -> RefundFacts:
        """The facts of a refund.

        Raises:
            TypeError: it is a payment.
        """
        if not isinstance(self.facts, RefundFacts):
            raise TypeError(f"{self.key} is no refund")
        return self.facts


# Between two looks at what waits for a client who may have left for good.
_LONGEST_HELD = timedelta(hours=6)


_E = EntryState
# A person never touches what is being sent, nor what may have been sent and was not looked up.
_BY_HAND = {_E.PENDING, _E.HELD, _E.REJECTED, _E.NEEDS_HUMAN}
CHANGES: Changes[EntryState] = {
    "claimed": ({_E.PENDING}, {_E.SENDING}),
    "sent": ({_E.SENDING, _E.UNKNOWN}, {_E.SENT}),
    "rejected": ({_E.PENDING, _E.SENDING}, {_E.REJECTED}),
    "unknown": ({_E.SENDING}, {_E.UNKNOWN}),
    "doubted": ({_E.PENDING}, {_E.UNKNOWN}),
    # The two ways back to sending: each only for what proves that nothing was taken.
    "released": ({_E.SENDING}, {_E.PENDING}),
    "absent": ({_E.UNKNOWN}, {_E.PENDING}),
    "held": ({_E.PENDING, _E.SENDING, _E.HELD}, {_E.HELD}),
    "waits": ({_E.PENDING, _E.HELD}, {_E.PENDING}),
    "needs_human": ({_E.PENDING, _E.UNKNOWN, _E.REPORTED_BY_PLATFORM}, {_E.NEEDS_HUMAN}),
    # What the owner paid on the platform's own page.
    "still_told": ({_E.REPORTED_BY_PLATFORM}, {_E.REPORTED_BY_PLATFORM}),
    "recorded": ({_E.REPORTED_BY_PLATFORM}, {_E.SENT}),
    "known_already": ({_E.REPORTED_BY_PLATFORM}, {_E.CLOSED}),
    # By a person.
    "adopted": (_BY_HAND | {_E.UNKNOWN, _E.CLOSED}, {_E.SENT}),
    "reopened": (_BY_HAND | {_E.CLOSED}, {_E.PENDING}),
    # An UNKNOWN one of a location that has left: nothing is listed, and nothing is sent.
    "closed": (_BY_HAND | {_E.UNKNOWN}, {_E.CLOSED}),
    "looked_for_again": ({_E.NEEDS_HUMAN}, {_E.UNKNOWN}),
}


def claimed(entry: Entry, now: datetime, rules: LedgerPolicy) -> Entry:
    """The entry with one more attempt, ours until the lease has passed."""
    lease = timedelta(seconds=rules.lease_s)
    return replace(
        _changed(entry, "claimed", entry.why, now, due_in=lease),
        attempt=entry.attempt + 1,
        claimed_at=now,
    )


def doubted(entry: Entry, since: datetime, looked_from: datetime, now: datetime) -> Entry:
    """The entry, which may have been sent before the tables were restored: its turn is a look.

    Args:
        entry: whose turn to be sent has come.
        since: the moment that the tables were restored to.
        looked_from: when a look at the platform's list can prove something.
        now: the present moment.
    """
    after = _changed(entry, "doubted", "restored: it may have been sent before", now)
    return replace(
        after,
        attempt=entry.attempt + 1,
        due_at=max(now, looked_from),
        absences=0,
        absent_since=None,
        perhaps_since=since,
    )


def sent(entry: Entry, platform_id: int, now: datetime) -> Entry:
    """The entry, done."""
    return replace(_changed(entry, "sent", "", now), platform_id=platform_id)


def rejected(entry: Entry, why: str, now: datetime) -> Entry:
    """The entry, refused for good: somebody has to correct it at its source."""
    return _changed(entry, "rejected", why, now)


def needs_human(entry: Entry, why: str, now: datetime) -> Entry:
    """The entry, beyond what can be decided here."""
    return _changed(entry, "needs_human", why, now)


def unknown(entry: Entry, why: str, now: datetime, rules: LedgerPolicy) -> Entry:
    """The entry, possibly taken by the platform; sent again only if a look proves the contrary.

    `due_at` says from when a look at the platform's list can prove anything.
    """
    delay = timedelta(seconds=rules.absence_delay_s)
    return _changed(entry, "unknown", why, now, due_in=delay)


def released(
    entry: Entry, why: str, now: datetime, rules: LedgerPolicy, *, retry_after_s: float = 0.0
) -> Entry:
    """The entry, surely not taken: to be tried again after a growing wait.

    The one way back from SENDING: only for an outcome that proves it.
    """
    wait = backoff.delay(entry.attempt - 1, rules.retry_base_s, at_least_s=retry_after_s)
    return _changed(entry, "released", why, now, due_in=wait)


def absent(entry: Entry, why: str, now: datetime, rules: LedgerPolicy) -> Entry:
    """An UNKNOWN entry that the platform's list surely lacks; sent again once seen so twice."""
    if entry.state is not EntryState.UNKNOWN:
        raise NoSuchChange(f"absence in {entry.state}")
    if entry.absences == 0:
        once = looked_at(entry, why, now, seconds=rules.lease_s)
        return replace(once, absences=1, absent_since=now)
    after = _changed(entry, "absent", why, now, due_in=timedelta())
    return replace(after, absences=0, perhaps_since=None)


def looked_at(entry: Entry, why: str, now: datetime, *, seconds: float) -> Entry:
    """An UNKNOWN entry of which nothing could be told yet; looked for again in `seconds`."""
    if entry.state is not EntryState.UNKNOWN:
        raise NoSuchChange(f"look in {entry.state}")
    due_at = now + timedelta(seconds=seconds)
    return replace(entry, absences=0, absent_since=None, why=why, due_at=due_at, changed_at=now)


def still_told(entry: Entry, why: str, now: datetime, rules: LedgerPolicy) -> Entry:
    """A payment of the platform's own page that cannot be recorded yet; up to a limit."""
    if rules.waited_long(entry.received_at, now):
        return needs_human(entry, f"{why}; waited long enough", now)
    wait = max(timedelta(seconds=rules.lease_s), (now - entry.received_at) / 2)
    return _changed(entry, "still_told", why, now, due_in=min(wait, _LONGEST_HELD))


def recorded(entry: Entry, facts: PaymentFacts, now: datetime) -> Entry:
    """A payment of the platform's own page, done: with the facts as its list has them."""
    return replace(_changed(entry, "recorded", "", now), facts=facts)


def known_already(entry: Entry, owner: str, now: datetime) -> Entry:
    """What we were told of is a payment that we reported ourselves."""
    return _changed(entry, "known_already", f"it is {owner}", now)


def put_off(entry: Entry, why: str, until: datetime, now: datetime) -> Entry:
    """The entry, waiting because nothing may be sent now."""
    return replace(_changed(entry, "waits", why, now), due_at=until)


def held(entry: Entry, why: str, now: datetime, rules: LedgerPolicy) -> Entry:
    """The entry, waiting for its location to be connected, which wakes it.

    Looked at besides, the seldomer the longer it waits.
    """
    recheck = timedelta(seconds=rules.held_recheck_s)
    wait = max(recheck, min((now - entry.received_at) / 8, _LONGEST_HELD))
    return _changed(entry, "held", why, now, due_in=wait)


def waiting(entry: Entry, why: str, now: datetime, rules: LedgerPolicy) -> Entry:
    """A refund whose payment is not settled: waits in longer and longer steps, up to a limit."""
    if rules.waited_long(entry.received_at, now):
        return needs_human(entry, f"{why}; waited long enough", now)
    wait = max(timedelta(seconds=rules.retry_base_s), (now - entry.received_at) / 2)
    return _changed(entry, "waits", why, now, due_in=wait)


def refund_unlike(refund: Entry, paid: Entry | None) -> str:
    """Why a refund is of something else than the whole of its payment; empty if it is not.

    Args:
        refund: the refund; of its sum and currency it may have said nothing, which is the whole.
        paid: the payment that it gives back; None if it is not known.
    """
    if paid is None or (paid.is_hosted and paid.state is not EntryState.SENT):
        # What the platform's own page took is a claim until the list shows it.
        return ""
    said, whole = refund.refund, paid.payment
    if said.amount not in (None, whole.amount):
        return "amount: is not its payment's, and only a whole payment can be given back"
    if said.currency not in (None, whole.currency):
        return "currency: is not its payment's"
    return ""


def refund_parked(
    refund: Entry, paid: Entry | None, now: datetime, rules: LedgerPolicy
) -> Entry | None:
    """What becomes of a refund that cannot be sent now; None if it can.

    Args:
        refund: the refund, unfinished.
        paid: the payment that it gives back; None if it is not known.
        now: the present moment.
        rules: the settings.
    """
    if paid is None:
        return waiting(refund, NO_PAYMENT, now, rules)
    unlike = refund_unlike(refund, paid)
    if unlike:
        return rejected(refund, unlike, now)
    if refund.location_id not in (None, paid.location_id):
        return rejected(refund, "its payment is of another location", now)
    if paid.state in (EntryState.REJECTED, EntryState.CLOSED):
        return rejected(refund, f"its payment was {paid.state.lower()}", now)
    if paid.state is not EntryState.SENT:
        return waiting(refund, f"its payment was {paid.state} at the last try", now, rules)
    return None


def woken(entry: Entry, now: datetime, rules: LedgerPolicy, queued: timedelta) -> Entry:
    """The entry, as its wake-up is put on the queue: due again only if that gets lost.

    `queued` is how long what is before it on the queue will take.
    """
    lease = timedelta(seconds=rules.lease_s)
    return _changed(entry, "waits", entry.why, now, due_in=queued + lease)


def adopted(entry: Entry, platform_id: int, why: str, now: datetime) -> Entry:
    """The entry, done: a person found the platform's id of it."""
    after = _changed(entry, "adopted", why, now)
    return replace(after, platform_id=platform_id)


def reopened(entry: Entry, why: str, now: datetime) -> Entry:
    """The entry, to be sent at once: a person has made sure that the platform did not take it."""
    if entry.is_hosted:
        raise NoSuchChange("sending what the platform's own page took")
    after = _changed(entry, "reopened", why, now, timedelta())
    return replace(after, absences=0, absent_since=now, perhaps_since=None)


def looked_for_again(entry: Entry, why: str, now: datetime) -> Entry:
    """An entry that the platform's list did not settle, to be looked up anew, at once.

    It has been UNKNOWN before, so a look proves something. An UNKNOWN one is not hurried: before
    its time, absence proves nothing.
    """
    if entry.attempt == 0:
        raise NoSuchChange("look for what was never sent")
    after = _changed(entry, "looked_for_again", why, now, timedelta())
    return replace(after, absences=0, absent_since=None)


def closed(entry: Entry, why: str, now: datetime) -> Entry:
    """The entry, given up by a person; only a person takes it up again."""
    return _changed(entry, "closed", why, now)


def _changed(
    entry: Entry, name: str, why: str, now: datetime, due_in: timedelta | None = None
) -> Entry:
    due_at = now + due_in if due_in is not None else None
    state = change(CHANGES, name, entry.state)
    return replace(entry, state=state, why=why, due_at=due_at, changed_at=now)
