"""The journal of each location: what was told and what was decided, each with its proof.

A line is written in the transaction of the row that it is about, so there is none too many and none
missing. Nothing is decided from it: it is for whoever has to understand what happened.
"""

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb import pages, reading, to_item, to_value, typed
from shared.clock import instant, stamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened to a location; of what was only told, `state` is empty."""

    location_id: int
    at: datetime
    words: str
    state: str = ""
    generation: int = 0


class Journal:
    """Writes lines along with what they are about, and reads them."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, days: int) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._kept = timedelta(days=days)

    def part(self, line: Line) -> Any:
        """The part of a transaction that writes the line."""
        values = {
            **asdict(line),
            # Two things may happen in one microsecond.
            "at": f"{stamp(line.at)}#{secrets.token_hex(4)}",
            "expires_at": int((line.at + self._kept).timestamp()),
        }
        return {"Put": {"TableName": self._table, "Item": to_item(values)}}

    def of_location(self, location_id: int) -> list[Line]:
        """All that is kept of a location, the oldest first."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "location_id = :location",
            "ExpressionAttributeValues": {":location": to_value(location_id)},
            "ConsistentRead": True,
        }
        with reading(f"journal of location {location_id}"):
            return [*map(_line, pages(self._dynamodb, query))]


def _line(row: dict[str, Any]) -> Line:
    del row["expires_at"]
    return typed(Line, {**row, "at": instant(row["at"].partition("#")[0])})
