"""The payment ledger's table: a row per event of billing, per platform id, per payment given back.

        put SENDING attempt 1      POST          finish: attempt still mine?
     ───────┬──────────────────────┬─────────────────┬──────────────────────▶ time
            │◀────────────────── lease ──────────────┼──▶│
  crash before the claim:   crash after it: perhaps sent; when the lease has passed the row
  SQS brings it again       becomes UNKNOWN, and SENDING only if a look proves it absent

Each write is conditional on the state, the attempt and the due time that were read. The claim is
one transaction with a look at the connection, so that what was closed a moment ago is not paid.
"""

from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared.altegio.rate_limit import Busy
from shared.aws.dynamodb import (
    StaleWrite,
    cancelled,
    from_item,
    is_refused,
    overdue,
    pages,
    read_as,
    reading,
    retried,
    row,
    stamped,
    timed,
    to_item,
    to_value,
    transacted,
    typed,
)
from shared.clock import stamp
from shared.connections.connection import State
from shared.payments.entry import PARKED, Entry, EntryState
from shared.payments.facts import from_texts, to_texts

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_INSTANTS = (
    "received_at",
    "claimed_at",
    "due_at",
    "changed_at",
    "absent_since",
    "perhaps_since",
    "late_at",
)
_ECHO = "echo"


class IdTaken(Exception):
    """The platform's id already belongs to another entry: the answer cannot be right."""


class GivenBack(Exception):
    """Another refund gives the same payment back."""


class Ledger:
    """Reads, claims and conditional writes of entries."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, connections_table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._connections_table = connections_table

    def get(self, key: str) -> Entry | None:
        """The entry under `key`, strongly consistent."""
        found = row(self._dynamodb, self._table, {"key": key})
        return _entry(found) if found else None

    def given_back(self, refund: Entry) -> Entry | None:
        """The payment that a refund gives back; None if it is unknown."""
        return self.get(refund.payment_key)

    def giver(self, payment_key: str) -> Entry | None:
        """The refund that gives a payment back, or has tried to; None if there was none."""
        found = row(self._dynamodb, self._table, {"key": _given_back(payment_key)})
        return self.get(found["entry_key"]) if found else None

    def claim(
        self,
        before: Entry | None,
        claimed: Entry,
        turn: Any,
        state: State,
        instead_of: Entry | None = None,
    ) -> bool:
        """Writes a claimed entry over `before` (None: it must be new), all or nothing.

        A payment is claimed only while its location is in `state`, a refund only while its payment
        is SENT; False if that is not so. A payment is given back by one refund, or by another
        `instead_of` one that was not sent, and is not taken up by a person at this moment: nobody
        knows what the platform does with a second.
        `turn` is the part of the transaction that lets us call the platform now (see `rate_limit`),
        while nobody has restored the tables (see `restored`).

        Raises:
            StaleWrite: the row is not `before` any more.
            GivenBack: another refund was faster.
            Busy: it is not our turn; with the row of the pace, if `turn` asks for it.
        """
        is_refund = claimed.is_refund
        check = self._is_in(claimed, state)
        gives = []
        if is_refund:
            check = self._stands(claimed.payment_key, EntryState.SENT)
            gives = [self._gives_back(claimed, instead_of)]
        if instead_of is not None and instead_of.key != claimed.key:
            gives.append({"ConditionCheck": self._stands(instead_of.key, instead_of.state)})
        put = {"Put": self._put(before, claimed)}
        items = [put, {"ConditionCheck": check}, *gives, turn]
        reasons = cancelled(self._dynamodb, items)
        if not reasons:
            return True
        row, connected, *rest = (it.get("Code") == "ConditionalCheckFailed" for it in reasons)
        if row:
            raise StaleWrite(claimed.key)
        if connected:
            return False
        if any(rest[: len(gives)]):
            raise GivenBack(claimed.payment_key)
        raise Busy(from_item(reasons[-1].get("Item", {})))

    def finish(self, claimed: Entry, sent: Entry) -> None:
        """Writes SENT and who owns the platform's id; of a refund, who gives its payment back.

        Allowed from whatever the row has become, if no other attempt was made since: an id once
        received counts, also when its sender was given up, and when a person closed it.

        Raises:
            StaleWrite: the attempt is not `claimed`'s any more, or was finished.
            IdTaken: another entry owns the platform's id.
        """
        condition = {
            "ConditionExpression": "attempt = :attempt AND #state <> :sent",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {
                ":attempt": to_value(claimed.attempt),
                ":sent": to_value(EntryState.SENT),
            },
        }
        items: list[Any] = [{"Put": {"TableName": self._table, "Item": _item(sent), **condition}}]
        if sent.is_refund:
            # One that a person adopts was perhaps never claimed.
            gives = to_item({"key": _given_back(sent.payment_key), "entry_key": sent.key})
            items.append({"Put": {"TableName": self._table, "Item": gives}})
        else:
            owner = {"key": f"platform#{sent.platform_id}", "entry_key": sent.key}
            items.append(
                {
                    "Put": {
                        "TableName": self._table,
                        "Item": to_item(owner),
                        "ConditionExpression": "attribute_not_exists(#key) OR entry_key = :entry",
                        "ExpressionAttributeNames": {"#key": "key"},
                        "ExpressionAttributeValues": {":entry": to_value(sent.key)},
                    }
                }
            )
        reasons = self._transact(items)
        if reasons and reasons[0] == "ConditionalCheckFailed":
            raise StaleWrite(sent.key)
        if reasons:
            raise IdTaken(sent.key)

    def move(self, before: Entry | None, after: Entry) -> None:
        """Writes `after` over `before` (None: it must be new).

        Raises:
            StaleWrite: the row is not `before` any more.
        """
        try:
            retried(lambda: self._dynamodb.put_item(**self._put(before, after)))
        except ClientError as error:
            if error.response["Error"]["Code"] not in (
                "ConditionalCheckFailedException",
                "TransactionConflictException",
            ):
                raise
            # Unless it was written the first time, and the answer was lost: botocore tries again.
            if self.get(after.key) != after:
                raise StaleWrite(after.key) from None

    def tell(self, entry: Entry) -> bool:
        """Writes an entry if there is none under its key; False if there is."""
        try:
            retried(lambda: self._dynamodb.put_item(**self._put(None, entry)))
        except ClientError as error:
            if not is_refused(error):
                raise
            return False
        return True

    def due(self, state: EntryState, now: datetime, limit: int) -> list[str]:
        """Keys of entries in `state` that are overdue, the oldest first; eventually consistent."""
        found = overdue(self._dynamodb, self._table, state, now, limit)
        return [each["key"] for each in found]

    def in_state(self, state: EntryState, at_once: int | None = None) -> Iterator[str]:
        """Keys of all entries in `state`, the oldest first; eventually consistent.

        SENT ones are in no index of states: find them by their location. Whoever wants the first
        few says how many are read `at_once`.
        """
        query: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": "parked" if state in PARKED else "due",
            "KeyConditionExpression": "#state = :state",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {":state": to_value(state)},
            **({"Limit": at_once} if at_once else {}),
        }
        return (row["key"] for row in pages(self._dynamodb, query))

    def of_location(self, location_id: int) -> list[str]:
        """Keys of all entries of a location; eventually consistent."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": "location",
            "KeyConditionExpression": "location_id = :location",
            "ExpressionAttributeValues": {":location": to_value(location_id)},
        }
        return [row["key"] for row in pages(self._dynamodb, query)]

    def entries_of(self, location_id: int) -> list[Entry]:
        """All entries of a location, each as it stands."""
        entries = map(self.get, self.of_location(location_id))
        return [entry for entry in entries if entry is not None]

    def held(self, location_id: int, limit: int) -> list[str]:
        """Keys of a location's HELD entries; eventually consistent."""
        answer = self._dynamodb.query(
            TableName=self._table,
            Limit=limit,
            IndexName="location",
            KeyConditionExpression="location_id = :location AND #state = :state",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={
                ":location": to_value(location_id),
                ":state": to_value(EntryState.HELD),
            },
        )
        return [from_item(item)["key"] for item in answer["Items"]]

    def owner(self, platform_id: int) -> str | None:
        """The key of the entry that owns this id of the platform."""
        found = row(self._dynamodb, self._table, {"key": f"platform#{platform_id}"})
        return str(found["entry_key"]) if found else None

    def is_owned(self, platform_id: int) -> bool:
        """Whether an entry owns this id of the platform."""
        return self.owner(platform_id) is not None

    def own(self, platform_id: int, entry_key: str) -> None:
        """Notes an id that came too late to finish its entry, so that no other adopts it."""
        owner = {"key": f"platform#{platform_id}", "entry_key": entry_key}
        self._dynamodb.put_item(TableName=self._table, Item=to_item(owner))

    def note_echo(self, sent: Entry) -> None:
        """Remembers a payment whose id is known, for the echo check (see `resolve_unknown`)."""
        self._dynamodb.put_item(
            TableName=self._table, Item=to_item({"key": _ECHO, "entry_key": sent.key})
        )

    def echo(self) -> Entry | None:
        """The payment that was last remembered."""
        found = row(self._dynamodb, self._table, {"key": _ECHO})
        return self.get(found["entry_key"]) if found else None

    def _put(self, before: Entry | None, after: Entry) -> Any:
        put: dict[str, Any] = {"TableName": self._table, "Item": _item(after)}
        if before is None:
            return {
                **put,
                "ConditionExpression": "attribute_not_exists(#key)",
                "ExpressionAttributeNames": {"#key": "key"},
            }
        values = {
            ":state": to_value(before.state),
            ":attempt": to_value(before.attempt),
        }
        due = "attribute_not_exists(due_at)"
        if before.due_at is not None:
            values[":due"] = to_value(stamp(before.due_at))
            due = "due_at = :due"
        return {
            **put,
            "ConditionExpression": f"#state = :state AND attempt = :attempt AND {due}",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": values,
        }

    def _gives_back(self, refund: Entry, instead_of: Entry | None) -> Any:
        own = {"key": _given_back(refund.payment_key), "entry_key": refund.key}
        lapsed = instead_of.key if instead_of else refund.key
        return {
            "Put": {
                "TableName": self._table,
                "Item": to_item(own),
                "ConditionExpression": "attribute_not_exists(#key) OR entry_key IN (:own, :lapsed)",
                "ExpressionAttributeNames": {"#key": "key"},
                "ExpressionAttributeValues": {
                    ":own": to_value(refund.key),
                    ":lapsed": to_value(lapsed),
                },
            }
        }

    def _is_in(self, entry: Entry, state: State) -> Any:
        return {
            "TableName": self._connections_table,
            "Key": {"location_id": to_value(entry.location_id or 0)},
            "ConditionExpression": "#state = :state",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {":state": to_value(state)},
        }

    def _stands(self, key: str, state: EntryState) -> Any:
        return {
            "TableName": self._table,
            "Key": {"key": to_value(key)},
            "ConditionExpression": "#state = :state",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {":state": to_value(state)},
        }

    def _transact(self, items: list[Any]) -> list[str]:
        """All or nothing; nothing was sent to the platform yet, or any more."""
        return transacted(self._dynamodb, items)


def _given_back(payment_key: str) -> str:
    return f"given-back#{payment_key}"


def _item(entry: Entry) -> dict[str, Any]:
    written = {"state": str(entry.state), "facts": to_texts(entry.facts)}
    # Not by `asdict`, which would copy each value that is written as another one here.
    values = {each.name: getattr(entry, each.name) for each in fields(entry)}
    values = {**stamped(values, _INSTANTS), **written}
    if entry.state in PARKED:
        # Only for its index, which is sparse: whoever looks for what needs a person needs no scan.
        values["parked_at"] = values["changed_at"]
    return to_item(values)


def _entry(found: dict[str, Any]) -> Entry:
    with reading(found["key"]):
        values = timed(found, _INSTANTS)
        values.pop("parked_at", None)
        return typed(Entry, read_as(values, {"state": EntryState, "facts": from_texts}))
