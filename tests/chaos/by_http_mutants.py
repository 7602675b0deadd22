"""The door of billing with one of its rules broken: schedules that do not notice prove nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from shared.payments import door, stripe
from shared.payments.billing_event import Payment, Refund
from shared.payments.door import BillingDoor, NotStored
from shared.payments.entry import Entry
from shared.payments.ledger import Ledger
from shared.payments.stripe_door import StripeDoor
from tests.chaos import by_http

type Mutant = Callable[[], Any]

_take, _put, _events = BillingDoor.take, Ledger._put, stripe.events


def answered_before_it_is_stored() -> Any:
    """202, and then its row is written."""
    return patch.object(by_http, "ANSWERED_FIRST", [True])


def a_failed_write_is_taken_for_one() -> Any:
    """Whatever AWS says, the event is there."""

    def take(at: BillingDoor, event: Payment | Refund) -> Entry:
        try:
            return _take(at, event)
        except NotStored:
            return event.entry(at._clock())

    return patch.object(BillingDoor, "take", take)


def what_is_known_is_stored_again() -> Any:
    """An event that comes again takes the place of its row, whatever has become of that."""

    def put(ledger: Ledger, before: Entry | None, after: Entry) -> Any:
        written = _put(ledger, before, after)
        return written if before else {name: written[name] for name in ("TableName", "Item")}

    return patch.object(Ledger, "_put", put)


def other_facts_are_the_same() -> Any:
    """An id that is known is enough."""
    return patch.object(door, "_same", lambda known, _entry: known)


def an_id_of_stripes_event() -> Any:
    """The same news under two ids is two payments."""

    def events(event: stripe.Event) -> list[Payment | Refund]:
        told = _events(event)
        return [replace(it, event_id=f"{event.id}#{it.event_id}") for it in told]

    return patch.object(stripe, "events", events)


def an_unclear_event_is_dropped() -> Any:
    """Stripe is told that somebody will see to it, and nobody can."""
    return patch.object(StripeDoor, "_left", lambda _door, _event, why: why)


def nobody_signs() -> Any:
    """Whoever posts is Stripe."""
    signed_with = "shared.payments.stripe_door.signed_with"
    return patch(signed_with, lambda secrets, *_: replace(secrets[0]))


MUTANTS: tuple[Mutant, ...] = (
    answered_before_it_is_stored,
    a_failed_write_is_taken_for_one,
    what_is_known_is_stored_again,
    other_facts_are_the_same,
    an_id_of_stripes_event,
    an_unclear_event_is_dropped,
    nobody_signs,
)
