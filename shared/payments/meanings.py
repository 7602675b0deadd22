"""The states of an entry in words: what each means, and what happens next.

For whoever asks by HTTP, and word for word in docs/billing.md; a test compares them.
"""

from collections.abc import Mapping
from typing import Any

from shared.clock import stamp
from shared.payments.entry import Entry, EntryState

_E = EntryState
MEANINGS: Mapping[EntryState, tuple[str, str]] = {
    _E.PENDING: (
        "the platform surely has not taken it",
        "it is sent when due; waits grow to an hour",
    ),
    _E.HELD: ("the location is not connected", "it is sent after the owner reconnects"),
    _E.SENDING: ("a worker has it", "SENT, or UNKNOWN when the worker's lease has passed"),
    _E.UNKNOWN: (
        "the platform may have taken it",
        (
            "the platform's own list is read, some time after it was sent (15 minutes, unless set"
            " otherwise). If the payment is there, SENT with the id found there; if two looks show"
            " that it surely is not there, it is sent again; otherwise NEEDS_HUMAN"
        ),
    ),
    _E.SENT: ("the platform has taken it", "-"),
    _E.REJECTED: (
        (
            "the platform answered 422 twice although the app is installed; or a refund names"
            " another location, a payment that was not made or that another refund has given back,"
            " or another sum or currency than its payment has"
        ),
        (
            "when the cause is gone, the operator can `--send` it; or correct it in billing, send a"
            " new event and `--close` this one"
        ),
    ),
    _E.NEEDS_HUMAN: (
        "the platform's list does not tell, or a refund waited too long for its payment",
        "the operator decides: `--look`, `--adopt`, `--send` or `--close`",
    ),
    _E.CLOSED: ("the operator gave it up, with a reason", "only the operator can reopen it"),
    _E.REPORTED_BY_PLATFORM: (
        "the owner paid on Altegio's own page; the key is `hosted-` and Altegio's id",
        (
            "SENT once the platform's list shows it and no payment of ours that could be the same"
            " is unsettled; CLOSED if it is one of ours"
        ),
    ),
}


# Of a refund, which is sent after its payment, and meanwhile says so.
_OF_WAITING = (
    "the platform surely has not taken it: it waits for its payment",
    MEANINGS[_E.PENDING][1],
)


def waits_for_payment(entry: Entry) -> bool:
    """Whether it is a refund whose payment was not settled when it was tried."""
    waits = entry.is_refund and entry.state is _E.PENDING
    return waits and entry.why.startswith("its payment was")


def told(entry: Entry) -> dict[str, Any]:
    """An entry as its billing system may see it; what is not said of it is left out."""
    texts = _OF_WAITING if waits_for_payment(entry) else MEANINGS[entry.state]
    means, follows = (text.replace("`", "") for text in texts)
    values = {
        "state": str(entry.state),
        "means": means,
        "next": follows,
        "why": entry.why or None,
        "location_id": entry.location_id,
        "platform_id": entry.platform_id,
        "received_at": stamp(entry.received_at),
        "due_at": stamp(entry.due_at) if entry.due_at else None,
    }
    return {name: value for name, value in values.items() if value is not None}
