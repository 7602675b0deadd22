"""Plain values to DynamoDB's attribute values and back, and a query to its last page."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime
from functools import cache
from itertools import islice
from types import UnionType
from typing import TYPE_CHECKING, Any, get_args, get_origin

from botocore.exceptions import ClientError

from shared.clock import instant, stamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class StaleWrite(Exception):
    """Somebody else has written the row since it was read; nothing was written now."""


def is_refused(error: ClientError) -> bool:
    """Whether the condition of a single write did not hold."""
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"


def row(
    dynamodb: "DynamoDBClient", table: str, key: Mapping[str, str | int], called: str = ""
) -> dict[str, Any] | None:
    """The row under a key, strongly consistent; None if there is none.

    Raises:
        UnreadableRow: of what is `called` so; it has a value of a kind that nothing here writes.
    """
    answer = dynamodb.get_item(
        TableName=table,
        Key={name: to_value(value) for name, value in key.items()},
        ConsistentRead=True,
    )
    return _whole(answer["Item"], called) if "Item" in answer else None


def put_over(table: str, item: dict[str, Any], seen: int, key: str = "key") -> dict[str, Any]:
    """A write that holds only if the row's version is still `seen`; 0 if there was no row."""
    if seen:
        condition = "version = :seen"
        values: dict[str, Any] = {"ExpressionAttributeValues": {":seen": to_value(seen)}}
    else:
        condition = "attribute_not_exists(#key)"
        values = {"ExpressionAttributeNames": {"#key": key}}
    return {"TableName": table, "Item": item, "ConditionExpression": condition, **values}


def overdue(
    dynamodb: "DynamoDBClient",
    table: str,
    value: str,
    now: datetime,
    limit: int,
    *,
    index: tuple[str, str] = ("due", "state"),
    newest: bool = False,
) -> Iterator[dict[str, Any]]:
    """Rows with this state that are overdue, the oldest first; eventually consistent.

    `index` is another index by `due_at`, and the name of its key; with `newest`, the last ones come
    first.
    """
    query = {
        "TableName": table,
        "IndexName": index[0],
        "KeyConditionExpression": "#kind = :kind AND due_at <= :now",
        "ExpressionAttributeNames": {"#kind": index[1]},
        "ExpressionAttributeValues": {":kind": to_value(value), ":now": to_value(stamp(now))},
        "Limit": limit,
        "ScanIndexForward": not newest,
    }
    return islice(pages(dynamodb, query), limit)


class UnreadableRow(Exception):
    """A row has something that nothing here writes, such as what somebody wrote by hand."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"the row cannot be read ({why})")
        self.key, self.why = key, why


_PLAIN = frozenset((str, int, bool, type(None)))
_UNREADABLE = (ArithmeticError, AttributeError, KeyError, TypeError, ValueError)


class _BadField(ValueError):
    """A field cannot be read: its name, and why, without its value."""


@contextmanager
def reading(key: str) -> Iterator[None]:
    """Names the row whose values cannot be read, its field if `read_as` knows it, and no value.

    Raises:
        UnreadableRow: instead of whatever a value made fail.
    """
    try:
        yield
    except _UNREADABLE as error:
        why = str(error) if isinstance(error, _BadField) else type(error).__name__
        raise UnreadableRow(key, why) from error


def read_as(row: Mapping[str, Any], kinds: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """The row with those of its fields read that it has."""
    read = {name: _field(name, kind, row[name]) for name, kind in kinds.items() if name in row}
    return {**row, **read}


def _field(name: str, kind: Callable[[Any], Any], value: Any) -> Any:
    try:
        return kind(value)
    except _UNREADABLE as error:
        raise _BadField(f"{name}: {type(error).__name__}") from error


def typed[Row](kind: type[Row], values: Mapping[str, Any]) -> Row:
    """A row of a kind, whose texts and numbers are what it says that they are."""
    # Of `type[Row]`, mypy does not know that it can be hashed.
    # https://github.com/python/mypy/issues/20409
    checked: type = kind
    for name, (types, is_many) in _types(checked).items():
        found = values.get(name, ()) if is_many else (values[name],) if name in values else ()
        told = found.values() if isinstance(found, Mapping) else found
        if not all(type(it) in types for it in told):
            raise _BadField(f"{name}: TypeError")
    return kind(**values)


@cache
def _types(kind: type) -> dict[str, tuple[frozenset[type], bool]]:
    """Of each field of texts or numbers, which of them it takes, and whether it has several."""
    found = {}
    for it in fields(kind):
        of = get_args(it.type) or (it.type,)
        is_many = get_origin(it.type) not in (None, UnionType)
        # Of a mapping its values: its keys are texts in any table.
        types = frozenset([it for it in of if it is not Ellipsis][-is_many:])
        if types <= _PLAIN:
            found[it.name] = types, is_many
    return found


def stamped(values: dict[str, Any], instants: Sequence[str]) -> dict[str, Any]:
    """The same with instants as text; those that are None stay so."""
    times = {name: values[name] and stamp(values[name]) for name in instants}
    return {**values, **times}


def timed(row: dict[str, Any], instants: Sequence[str]) -> dict[str, Any]:
    """What `stamped` was given."""
    return read_as(row, dict.fromkeys(instants, instant))


def to_item(values: Mapping[str, Any]) -> dict[str, Any]:
    """A DynamoDB item of `values` (str, int, bool, list, dict); None is left out."""
    return {name: to_value(value) for name, value in values.items() if value is not None}


def to_value(value: Any) -> dict[str, Any]:
    """One attribute value, for items, keys and the values of expressions.

    Not by boto3, whose import costs each cold start a tenth.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html

    Raises:
        TypeError: nothing here stores such a value.
    """
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case str():
            return {"S": value}
        case list() | tuple():
            return {"L": [to_value(entry) for entry in value]}
        case Mapping():
            return {"M": {name: to_value(entry) for name, entry in value.items()}}
        case _:
            raise TypeError(f"no attribute value: {type(value).__name__}")


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """What `to_item` was given; whole numbers come back as int."""
    return {name: _field(name, _from_value, value) for name, value in item.items()}


def _whole(item: Mapping[str, Any], called: str = "") -> dict[str, Any]:
    """A row; if it cannot be read, and is not called otherwise, it is by what it begins with.

    Raises:
        UnreadableRow: it has a value of a kind that nothing here writes.
    """
    if not called and "key" in item:
        called = item["key"]["S"]
    elif not called and "location_id" in item:
        called = f"location {item['location_id']['N']}"
    with reading(called or "a row"):
        return from_item(item)


def _from_value(attribute: Mapping[str, Any]) -> Any:
    [(kind, value)] = attribute.items()
    match kind:
        case "S" | "BOOL":
            return value
        case "N":
            return int(value)
        case "NULL":
            return None
        case "L":
            return [_from_value(entry) for entry in value]
        case "M":
            return {name: _from_value(entry) for name, entry in value.items()}
        case _:
            raise TypeError(f"no attribute value of ours: {kind}")


def pages(dynamodb: "DynamoDBClient", query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All that a query finds, also beyond the megabyte that one answer holds.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
    """
    start: dict[str, Any] = {}
    while True:
        answer = dynamodb.query(**query, **start)
        yield from map(_whole, answer["Items"])
        if "LastEvaluatedKey" not in answer:
            return
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


TRIES = 6


def pause(tries: int) -> None:
    """Waits for the other transaction, which takes milliseconds; longer each time."""
    # Spreads two workers; nothing secret depends on it.
    time.sleep(random.uniform(0.01, 0.05) * 2**tries)  # noqa: S311


def retried[Answer](write: Callable[[], Answer]) -> Answer:
    """Writes, again and again while another transaction is at the item.

    Raises:
        ClientError: whatever else refuses the write, or the conflict if it does not end.
    """
    for tries in range(TRIES - 1):
        try:
            return write()
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionConflictException":
                raise
            pause(tries)
    return write()


def transacted(dynamodb: "DynamoDBClient", items: list[Any]) -> list[str]:
    """As `cancelled`, with nothing but the code of each item."""
    return [reason.get("Code", "None") for reason in cancelled(dynamodb, items)]


def cancelled(dynamodb: "DynamoDBClient", items: list[Any]) -> list[Mapping[str, Any]]:
    """Writes all or nothing; returns why not, a reason per item, empty when written.

    The reason of an item that asked for it has the item as it stands:
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CancellationReason.html

    Conflicts with another transaction on the same item are tried again: they pass within
    milliseconds.

    Raises:
        ClientError: whatever else refuses it, or the conflict if it does not end.
    """
    for tries in range(TRIES):
        try:
            dynamodb.transact_write_items(TransactItems=items)
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
            reasons: list[Mapping[str, Any]] = list(error.response.get("CancellationReasons", ()))
            codes = {reason.get("Code") for reason in reasons}
            if "ConditionalCheckFailed" in codes:
                return reasons
            if "TransactionConflict" not in codes or tries == TRIES - 1:
                raise
            pause(tries)
        else:
            return []
    return []
