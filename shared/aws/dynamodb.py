"""Plain values to DynamoDB's attribute values and back, and a query to its last page."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


class StaleWrite(Exception):
    """Somebody else has written the row since it was read; nothing was written now."""


def to_item(values: Mapping[str, Any]) -> dict[str, Any]:
    """A DynamoDB item of `values` (str, int, bool, list, dict); None is left out."""
    return {name: _serialize(value) for name, value in values.items() if value is not None}


def to_value(value: str | int) -> dict[str, Any]:
    """One attribute value, for keys and for the values of expressions."""
    return dict(_serialize(value))


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """What `to_item` was given; whole numbers come back as int."""
    return {name: _plain(_deserialize(value)) for name, value in item.items()}


def pages(dynamodb: "DynamoDBClient", query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All that a query finds, also beyond the megabyte that one answer holds.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
    """
    start: dict[str, Any] = {}
    while True:
        answer = dynamodb.query(**query, **start)
        yield from map(from_item, answer["Items"])
        if "LastEvaluatedKey" not in answer:
            return
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    return value


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
    """Writes all or nothing; returns why not, a code per item, empty when written.

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
            reasons = [
                reason.get("Code", "None")
                for reason in error.response.get("CancellationReasons", ())
            ]
            if "ConditionalCheckFailed" in reasons:
                return reasons
            if "TransactionConflict" not in reasons or tries == TRIES - 1:
                raise
            pause(tries)
        else:
            return []
    return []
