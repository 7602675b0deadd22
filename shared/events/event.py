"""What the provider's other systems are told, from what was written: pure rules, no I/O.

Each is a fact of the ledger's or of a location's row, and is told because the row was written, so
nothing is told that did not happen. Whoever reads the same write again makes the same event of it,
with the same id. Nothing in an event is of a person: no name, no phone, no address, no key, and no
reason, as a reason may quote what the platform answered.

`schemas/` has what each event says, as JSON Schema; docs/events.md says what a version is.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.calls.call import MISSED
from shared.clock import instant
from shared.connections.connection import LIVE, State
from shared.payments.entry import HOSTED, EntryState

type Row = Mapping[str, Any]

# Of the details below: another is one that a reader of this one would misunderstand.
VERSION = 1


class Kind(StrEnum):
    """Which fact; EventBridge's `detail-type`."""

    CONNECTED = "location.connected"
    DISCONNECTED = "location.disconnected"
    FROZEN = "location.frozen"
    THAWED = "location.thawed"
    PAYMENT_SENT = "payment.sent"
    PAYMENT_RECORDED = "payment.recorded"
    PAYMENT_REJECTED = "payment.rejected"
    PAYMENT_NEEDS_PERSON = "payment.needs_person"
    REFUND_DONE = "refund.done"
    REFUND_REJECTED = "refund.rejected"
    REFUND_NEEDS_PERSON = "refund.needs_person"
    CALL_MISSED = "call.missed"
    KEY_REFUSED = "pbx_key.refused"


_PAYMENTS = {
    EntryState.SENT: Kind.PAYMENT_SENT,
    EntryState.REJECTED: Kind.PAYMENT_REJECTED,
    EntryState.NEEDS_HUMAN: Kind.PAYMENT_NEEDS_PERSON,
}
_REFUNDS = {
    EntryState.SENT: Kind.REFUND_DONE,
    EntryState.REJECTED: Kind.REFUND_REJECTED,
    EntryState.NEEDS_HUMAN: Kind.REFUND_NEEDS_PERSON,
}
_OF_FACTS = ("payment_event_id", "amount", "currency", "paid_at", "period_from", "period_to")


@dataclass(frozen=True, slots=True)
class Event:
    """One fact; `id` is the same however often it is told. `told` is JSON."""

    kind: Kind
    id: str
    at: datetime
    told: Mapping[str, Any]

    @property
    def names(self) -> dict[str, object]:
        """What a line of the log calls it by."""
        known = {it: self.told[it] for it in ("location_id", "account_id") if it in self.told}
        if event_id := self.told.get("event_id"):
            known["entry"] = f"{self.kind.partition('.')[0]}#{event_id}"
        return known


def of_entry(before: Row, after: Row) -> Event | None:
    """The fact of a write of the payments table; None if it is none.

    Args:
        before: the row as it was, empty if there was none.
        after: the row as it is.

    Raises:
        LookupError, ValueError: it is no row of this table.
    """
    if "state" not in after or before.get("state") == after["state"]:
        # Rows without a state say whose a platform's id is.
        return None
    source, _, event_id = after["key"].partition("#")
    state = EntryState(after["state"])
    kind = (_REFUNDS if source == "refund" else _PAYMENTS).get(state)
    if kind is None:
        return None
    if kind is Kind.PAYMENT_SENT and after["key"].startswith(HOSTED):
        kind = Kind.PAYMENT_RECORDED
    told: dict[str, Any] = {"event_id": event_id}
    if after.get("location_id"):
        told["location_id"] = after["location_id"]
    told |= {name: after["facts"][name] for name in _OF_FACTS if after["facts"].get(name)}
    if source == "payment" and after.get("platform_id"):
        told["platform_id"] = after["platform_id"]
    known = _id(after["key"], state, after["attempt"], after["changed_at"])
    return Event(kind, known, instant(after["changed_at"]), told)


def of_connection(before: Row, after: Row, at: datetime) -> Event | None:
    """The fact of a write of the connections table, made `at`; None if it is none.

    Of a location that was ended and installed again without us, `connected` is told once more,
    with the next generation.

    Raises:
        LookupError, ValueError: it is no row of this table.
    """
    kind = _moved(before, after)
    if kind is None:
        return None
    told = {
        "location_id": after["location_id"],
        **({"account_id": after["account_id"]} if after.get("account_id") else {}),
        "state": after["state"],
        "generation": after["generation"],
        "sequence": after["version"],
    }
    # After a restore of the table a version may come again: then its verdict is another.
    known = _id(after["location_id"], kind, after["generation"], after["version"], after["verdict"])
    return Event(kind, known, at, told)


def _moved(before: Row, after: Row) -> Kind | None:
    was = State(before["state"]) if before else None
    now = State(after["state"])
    if now not in LIVE:
        return Kind.DISCONNECTED if was in LIVE else None
    if was not in LIVE or before["generation"] != after["generation"]:
        return Kind.CONNECTED
    if now is was:
        return None
    return Kind.FROZEN if now is State.FROZEN else Kind.THAWED


def of_call(before: Row, after: Row, at: datetime) -> Event | None:
    """The fact of a write of a call, made `at`; None if it is none.

    Told once, when the call is settled; that a leg has answered it after all may be told later.

    Raises:
        LookupError: it is no row of this table.
    """
    if after.get("settled_as") != MISSED or before.get("settled_as"):
        return None
    told = {
        "location_id": after["location_id"],
        "account_id": after["account_id"],
        "call_id": after["call_id"],
        "started_at": after["started_at"],
    }
    known = _id(after["key"], Kind.CALL_MISSED, after["received_at"], after["version"])
    return Event(Kind.CALL_MISSED, known, at, told)


def of_refused_key(account_id: str, key: str, at: datetime) -> Event:
    """The fact that somebody came with another key than the account's.

    Args:
        account_id: whose.
        key: of the row that was written, which there is once an hour.
        at: when it was written.
    """
    return Event(Kind.KEY_REFUSED, _id(key), at, {"account_id": account_id})


def _id(*parts: object) -> str:
    """One text for one fact; hashed, so that nobody takes it apart."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:32]
