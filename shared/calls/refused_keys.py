"""Notes that somebody came with another key than an account's, so that the provider is told.

Everybody may come with any key. So a row is written only of an account that there is, and only once
an hour, whoever asks however often: a stranger who does not know an account's id, a random UUID,
writes nothing. The rows expire with the calls', in whose table they are.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.aws.dynamodb import row, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_PREFIX = "pbx-key-refused#"
_KEPT = timedelta(days=1)


class RefusedKeys:
    """One row per account and hour, in the table of calls."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def note(self, account_id: str, at: datetime) -> None:
        """Writes the row of this hour, if there is none."""
        key = f"{_PREFIX}{account_id}#{at:%Y-%m-%dT%H}"
        # Looked for first, because a write that is refused is paid for like another.
        if row(self._dynamodb, self._table, {"key": key}) is None:
            expires_at = int((at + _KEPT).timestamp())
            item = {"key": key, "account_id": account_id, "expires_at": expires_at}
            self._dynamodb.put_item(TableName=self._table, Item=to_item(item))


def account_of(key: str) -> str | None:
    """Whose row this is; None if it is one of a call."""
    return key.removeprefix(_PREFIX).partition("#")[0] if key.startswith(_PREFIX) else None
