"""A record of a table's stream, as Lambda brings it, and the event that it makes.

https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.aws.dynamodb import from_item
from shared.calls.refused_keys import account_of
from shared.events import event
from shared.events.event import Event


class Unreadable(Exception):
    """The record is none of our tables'; the text says which kind of fault it has."""


class Changes:
    """Knows our tables by their names.

    Args:
        connections_table: whose stream has both images, as that of
        payments_table: the ledger.
        calls_table: whose stream has them as well.
    """

    def __init__(self, connections_table: str, payments_table: str, calls_table: str) -> None:
        self._connections = connections_table
        self._payments = payments_table
        self._calls = calls_table

    def event(self, record: Mapping[str, Any]) -> Event | None:
        """The event that a record makes; None if it makes none.

        Raises:
            Unreadable: it can be read by nobody, now or later.
        """
        try:
            return self._event(record)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise Unreadable(type(error).__name__) from None

    def _event(self, record: Mapping[str, Any]) -> Event | None:
        written = record["dynamodb"]
        at = datetime.fromtimestamp(float(written["ApproximateCreationDateTime"]), UTC)
        table = record["eventSourceARN"].split("/")[1]
        if record["eventName"] == "REMOVE":
            return None
        if table == self._calls:
            key = from_item(written["Keys"])["key"]
            account_id = account_of(key)
            if account_id:
                return event.of_refused_key(account_id, key, at)
        before = from_item(written.get("OldImage", {}))
        after = from_item(written["NewImage"])
        if table == self._payments:
            return event.of_entry(before, after)
        if table == self._connections:
            return event.of_connection(before, after, at)
        if table == self._calls:
            return event.of_call(before, after, at)
        raise LookupError(table)
