"""Plain values to DynamoDB's attribute values and back, and a query to its last page."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


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
