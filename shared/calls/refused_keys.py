"""Notes that somebody came with another key than an account's, so that the provider is told.

Everybody may come with any key. So a row is written only of an account that there is, and only once
an hour, whoever asks however often: a stranger who does not know an account's id, a random UUID,
writes nothing. The table's stream makes the event of the row, and the owner's page reads it; when
the last one came, is noted for the operator (`aws.sightings`). The rows expire with the calls', in
whose table they are.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shared.aws.dynamodb import row, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_PREFIX = "pbx-key-refused#"
_KEPT = timedelta(days=1)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class RefusedKey:
    """The first time in an hour that somebody came with another key than an account's."""

    account_id: str
    at: datetime


class RefusedKeys:
    """One row per account and hour, in the table of calls."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def note(self, account_id: str, at: datetime) -> None:
        """Writes the row of this hour, if there is none."""
        # Looked for first, because a write that is refused is paid for like another.
        if self._of_hour(account_id, at) is None:
            item = {
                "key": _key(account_id, at),
                "account_id": account_id,
                "expires_at": int((at + _KEPT).timestamp()),
            }
            self._dynamodb.put_item(TableName=self._table, Item=to_item(item))

    def last(self, account_id: str, now: datetime) -> RefusedKey | None:
        """The last one of an account in this hour or the one before; None if there was none."""
        return self._of_hour(account_id, now) or self._of_hour(account_id, now - _HOUR)

    def _of_hour(self, account_id: str, at: datetime) -> RefusedKey | None:
        found = row(self._dynamodb, self._table, {"key": _key(account_id, at)})
        if found is None:
            return None
        at = datetime.fromtimestamp(found["expires_at"], UTC) - _KEPT
        return RefusedKey(account_id, at)


def account_of(key: str) -> str | None:
    """Whose row this is; None if it is one of a call."""
    return key.removeprefix(_PREFIX).partition("#")[0] if key.startswith(_PREFIX) else None


def _key(account_id: str, at: datetime) -> str:
    return f"{_PREFIX}{account_id}#{at:%Y-%m-%dT%H}"
