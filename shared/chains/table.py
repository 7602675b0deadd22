"""The table of chains: a row per CRM token, and one per number that an account's links give one.

A location joins and leaves in the transaction of its own row (see `Connections.save`), so that no
stale worker can take a live location out of its chain.
"""

from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared.aws.dynamodb import (
    StaleWrite,
    is_refused,
    overdue,
    put_over,
    reading,
    retried,
    row,
    stamped,
    timed,
    to_item,
    typed,
)
from shared.chains.chain import Chain, ChainState
from shared.connections.crm_token import key as hashed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_INSTANTS = ("told_at", "lease_until", "due_at")


class Chains:
    """Reads and conditional writes of chains."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def get(self, key: str) -> Chain | None:
        """The chain of a token's key, strongly consistent."""
        found = row(self._dynamodb, self._table, {"key": key}, f"chain {key}")
        if found is None:
            return None
        with reading(f"chain {key}"):
            read = {
                "locations": tuple(found["locations"]),
                "state": ChainState(found["state"]),
            }
            return typed(Chain, {**timed(found, _INSTANTS), **read})

    def save(self, chain: Chain) -> Chain:
        """Writes what was decided from the version in `chain`; returns it as stored.

        Raises:
            StaleWrite: the row has another version by now.
        """
        try:
            retried(lambda: self._dynamodb.put_item(**self.part(chain)["Put"]))
        except ClientError as error:
            if not is_refused(error):
                raise
            raise StaleWrite(chain.key) from None
        return replace(chain, version=chain.version + 1)

    def part(self, chain: Chain) -> Any:
        """The part of a transaction that does the same."""
        values = {**asdict(chain), "version": chain.version + 1, "state": str(chain.state)}
        values["locations"] = list(chain.locations)
        item = to_item(stamped(values, _INSTANTS))
        return {"Put": put_over(self._table, item, chain.version)}

    def named(self, account_id: str, chain_id: int) -> str | None:
        """The key of the token that an account's link last brought with this number of a chain.

        Nobody signs the number: what others bring with it says nothing of the account's.
        """
        found = row(self._dynamodb, self._table, {"key": _name(account_id, chain_id)})
        return None if found is None else str(found["chain_key"])

    def naming(self, account_id: str, chain_id: int, key: str) -> Any:
        """The part of a transaction that notes it."""
        item = to_item({"key": _name(account_id, chain_id), "chain_key": key})
        return {"Put": {"TableName": self._table, "Item": item}}

    def due(self, now: datetime, limit: int) -> list[str]:
        """Keys of chains whose telephony is overdue, the oldest first; eventually consistent."""
        found = overdue(self._dynamodb, self._table, ChainState.DUE, now, limit)
        return [each["key"] for each in found]


def _name(account_id: str, chain_id: int) -> str:
    # It outlives the account, which nobody can read out of it.
    return f"chain#{hashed(f'{account_id}#{chain_id}')}"
