"""The table of connections: one row per location, never deleted by a webhook.

Every write is conditional on the version that was read, so that of two writers who decided from
the same row one loses and decides again from the new one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared.aws.dynamodb import (
    StaleWrite,
    from_item,
    is_refused,
    overdue,
    pages,
    put_over,
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
from shared.connections.connection import LIVE, Connection, Hint, State
from shared.connections.crm_token import CrmTokenState
from shared.connections.journal import Journal, Line
from shared.connections.settings import ConnectionsSettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_INSTANTS = (
    "opened_at",
    "held_since",
    "settled_at",
    "activation",
    "first_active_at",
    "covered_until",
    "watched_at",
    "refunded_at",
    "lease_until",
    "hint_at",
    "due_at",
    "erase_at",
    "forget_at",
)


_WORDS = {"state": State, "telephony": CrmTokenState, "hint": Hint}

# An uninstall is looked for several times, and no other event may cut that short.
_NEW_HINT = "SET hint = :event, hint_at = :at, hint_looks = :none"
_ANY_HINT = (
    "SET hint = if_not_exists(hint, :event), hint_at = if_not_exists(hint_at, :at),"
    " hint_looks = if_not_exists(hint_looks, :none)"
)
_HAS_PAYMENT = "hint = :payment"
_DUE = ", due_at = :at ADD version :one"
# A transaction has at most a hundred items, one of which is what the lines are about:
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_MOST_NOTED = 99


class Connections:
    """Reads and conditional writes of connections."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, journal: Journal) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._journal = journal

    def get(self, location_id: int) -> Connection | None:
        """The connection of a location, strongly consistent; None if there never was one."""
        found = row(self._dynamodb, self._table, {"location_id": location_id})
        return _connection(found) if found else None

    def save(
        self,
        connection: Connection,
        noted_at: datetime | None = None,
        beside: Sequence[Any] = (),
    ) -> Connection:
        """Writes what was decided from the version in `connection`; returns it as stored.

        With a time, also a line of the journal that holds its state and verdict. What is `beside`
        it in the transaction is written too, or neither is.

        Raises:
            StaleWrite: the row, or what is beside it, has another version by now.
        """
        stored = replace(connection, version=connection.version + 1)
        put = put_over(self._table, _item(stored), connection.version, "location_id")
        try:
            noted = [] if noted_at is None else [self._journal.part(_line(stored, noted_at))]
            if not noted and not beside:
                self._dynamodb.put_item(**put)
            elif transacted(self._dynamodb, [{"Put": put}, *noted, *beside]):
                raise StaleWrite(f"location {connection.location_id}")
        except ClientError as error:
            # The others: a payment is being claimed for this very location at this moment.
            if error.response["Error"]["Code"] in (
                "ConditionalCheckFailedException",
                "TransactionConflictException",
                "TransactionCanceledException",
            ):
                raise StaleWrite(f"location {connection.location_id}") from None
            raise
        return stored

    def hint(self, location_id: int, event: Hint, at: datetime) -> bool:
        """Stores a webhook's claim, due at once, in one write; False if the location is unknown.

        A freeze takes the place of a payment: what is said of a payment ends with a status that
        says active, though it may be an old one.
        """
        line = Line(location_id, at, words=f"{event} webhook")
        conditions = ["attribute_exists(location_id)"]
        if event is Hint.FREEZE:
            # The last is for a payment's hint that was settled between the two before.
            no_payment = "(attribute_not_exists(hint) OR hint <> :payment)"
            conditions = [f"{conditions[0]} AND {no_payment}", _HAS_PAYMENT, *conditions]
        return any(self._hint(location_id, event, at, line, it) for it in conditions)

    def rumour(self, location_id: int, event: Hint, at: datetime) -> bool:
        """The same of a claim that nobody could prove; False if it makes no difference.

        It makes a live location due that no webhook has made due yet. Of an uninstall it has a word
        of its own, as a proven one closes a location together with a single bare 404.
        """
        line = Line(location_id, at, words=f"{event} webhook, not proven")
        hint = Hint.UNPROVEN if event is Hint.UNINSTALL else event
        return self._hint(location_id, hint, at, line, "attribute_not_exists(hint)", states=LIVE)

    def suspect(self, location_id: int, why: str, at: datetime) -> None:
        """The same of our own, when the platform spoke as if nothing were installed.

        A location that a webhook has made due is looked at anyway.
        """
        condition = "attribute_exists(location_id) AND attribute_not_exists(hint)"
        self._hint(location_id, Hint.GONE, at, Line(location_id, at, words=why), condition)

    def thaws(self, location_id: int, at: datetime) -> None:
        """Makes a frozen location due, as a payment of it was reported.

        One that a webhook has made due is looked at anyway; what an earlier payment has made due,
        perhaps in half an hour, is so at once.
        """
        line = Line(location_id, at, words="paid while it was frozen")
        conditions = ("attribute_not_exists(hint)", _HAS_PAYMENT)
        any(self._hint(location_id, Hint.PAYMENT, at, line, it) for it in conditions)

    def _hint(
        self,
        location_id: int,
        event: Hint,
        at: datetime,
        line: Line,
        condition: str,
        *,
        states: Sequence[State] = (),
    ) -> bool:
        """Stores a hint if the condition holds, and the row is in one of `states`, if any.

        The one that is there stays, but for an uninstall, and for a payment by `_HAS_PAYMENT`.
        """
        takes_its_place = event is Hint.UNINSTALL or condition == _HAS_PAYMENT
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": {"location_id": to_value(location_id)},
            "UpdateExpression": (_NEW_HINT if takes_its_place else _ANY_HINT) + _DUE,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": {
                ":event": to_value(event),
                ":at": to_value(stamp(at)),
                ":none": to_value(0),
                ":one": to_value(1),
            },
        }
        if ":payment" in condition:
            update["ExpressionAttributeValues"][":payment"] = to_value(Hint.PAYMENT)
        if states:
            named = " OR ".join(f"#state = :{state}" for state in states)
            update["ConditionExpression"] = f"{condition} AND ({named})"
            update["ExpressionAttributeNames"] = {"#state": "state"}
            update["ExpressionAttributeValues"] |= {f":{it}": to_value(it) for it in states}
        return not transacted(self._dynamodb, [{"Update": update}, self._journal.part(line)])

    def note_refund(self, location_id: int, at: datetime) -> None:
        """Makes an active location due, as a refund may switch it off.

        One that a webhook has made due is looked at anyway, and keeps its times.
        """
        self._make_due(location_id, at, State.ACTIVE, "SET refunded_at = :at, due_at = :at")

    def note_payment(self, location_id: int, at: datetime) -> None:
        """Makes a frozen location due at a moment, by which a payment of it may thaw it.

        One that a webhook has made due is looked at anyway.
        """
        self._make_due(location_id, at, State.FROZEN, "SET due_at = :at", " AND due_at > :at")

    def _make_due(
        self, location_id: int, at: datetime, state: State, update: str, more: str = ""
    ) -> None:
        try:
            retried(
                lambda: self._dynamodb.update_item(
                    TableName=self._table,
                    Key={"location_id": to_value(location_id)},
                    UpdateExpression=f"{update} ADD version :one",
                    ConditionExpression=f"#state = :state AND attribute_not_exists(hint){more}",
                    ExpressionAttributeNames={"#state": "state"},
                    ExpressionAttributeValues={
                        ":at": to_value(stamp(at)),
                        ":state": to_value(state),
                        ":one": to_value(1),
                    },
                )
            )
        except ClientError as error:
            if not is_refused(error):
                raise

    def owner(self, location_id: int) -> str | None:
        """The account that a row names, also if the rest of it cannot be read."""
        key = {"location_id": to_value(location_id)}
        answer = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return answer.get("Item", {}).get("account_id", {}).get("S")

    def due(self, state: State, now: datetime, limit: int) -> list[int]:
        """Locations in `state` whose business is overdue, oldest first; eventually consistent."""
        found = overdue(self._dynamodb, self._table, state, now, limit)
        return [each["location_id"] for each in found]

    def hinted(self, hint: Hint, now: datetime, limit: int) -> list[int]:
        """Overdue locations with that hint, as `due`, however many others are due besides."""
        found = overdue(self._dynamodb, self._table, hint, now, limit, index=("hinted", "hint"))
        return [each["location_id"] for each in found]

    def in_state(self, state: State) -> Iterator[int]:
        """All locations in `state` that are ever due, the first due first; eventually consistent.

        That is every one, but for those DISABLED ones of which nothing is left to erase.
        """
        query: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": "due",
            "KeyConditionExpression": "#state = :state",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {":state": to_value(state)},
        }
        return (row["location_id"] for row in pages(self._dynamodb, query))

    def noted(self, account_id: str, words: str, at: datetime) -> list[Any]:
        """Parts of a transaction that changes an account: a line in the journal of each location.

        Of as many as one transaction takes.
        """
        return self.noted_each(dict.fromkeys(sorted(self.of_account(account_id)), words), at)

    def noted_each(self, words: Mapping[int, str], at: datetime) -> list[Any]:
        """The same, of some locations; each has words of its own."""
        first = [*words.items()][:_MOST_NOTED]
        return [self._journal.part(Line(each, at, words=it)) for each, it in first]

    def of_account(self, account_id: str) -> set[int]:
        """Locations whose rows still name the account, closed ones too; eventually consistent.

        One page, which holds some ten thousand: enough to know whether there is any.
        """
        answer = self._dynamodb.query(
            TableName=self._table,
            IndexName="account",
            KeyConditionExpression="account_id = :account",
            ExpressionAttributeValues={":account": to_value(account_id)},
        )
        return {from_item(item)["location_id"] for item in answer["Items"]}


def _line(connection: Connection, at: datetime) -> Line:
    return Line(
        connection.location_id,
        at,
        words=connection.verdict,
        state=connection.state,
        generation=connection.generation,
    )


def _item(connection: Connection) -> dict[str, Any]:
    values = stamped(asdict(connection), _INSTANTS)
    words = {name: values[name] and str(values[name]) for name in ("state", "telephony", "hint")}
    return to_item({**values, **words})


def _connection(found: dict[str, Any]) -> Connection:
    with reading(f"location {found['location_id']}"):
        values = timed(found, _INSTANTS)
        values.setdefault("account_id", None)
        for name in ("unlisted", "former"):
            values[name] = tuple(values.get(name, ()))
        values = {"hint": None, "telephony": CrmTokenState.NONE, **read_as(values, _WORDS)}
        return typed(Connection, values)


def connections_of(dynamodb: "DynamoDBClient", settings: ConnectionsSettings) -> Connections:
    """The table, with its journal."""
    journal = Journal(dynamodb, settings.journal_table, settings.journal_days)
    return Connections(dynamodb, settings.connections_table, journal)
