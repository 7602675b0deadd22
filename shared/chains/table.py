"""The table of chains: a row per CRM token, and one per number of a chain that names its token.

A location joins and leaves in the transaction of its own row (see `Connections.save`), so that no
stale worker can take a live location out of its chain.
"""

from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared.aws.dynamodb import StaleWrite, from_item, retried, to_item, to_value
from shared.chains.chain import Chain, ChainState
from shared.clock import instant, stamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_INSTANTS = ("lease_until", "due_at")


class Chains:
    """Reads and conditional writes of chains."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def get(self, key: str) -> Chain | None:
        """The chain of a token's key, strongly consistent."""
        row = self._row(key)
        if row is None:
            return None
        for name in _INSTANTS:
            if name in row:
                row[name] = instant(row[name])
        row["locations"] = tuple(row["locations"])
        return Chain(**{**row, "state": ChainState(row["state"])})

    def save(self, chain: Chain) -> Chain:
        """Writes what was decided from the version in `chain`; returns it as stored.

        Raises:
            StaleWrite: the row has another version by now.
        """
        try:
            retried(lambda: self._dynamodb.put_item(**self.part(chain)["Put"]))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise StaleWrite(chain.key) from None
        return replace(chain, version=chain.version + 1)

    def part(self, chain: Chain) -> Any:
        """The part of a transaction that does the same."""
        values = {**asdict(chain), "version": chain.version + 1, "state": str(chain.state)}
        for name in _INSTANTS:
            if values[name] is not None:
                values[name] = stamp(values[name])
        values["locations"] = list(chain.locations)
        put: dict[str, Any] = {"TableName": self._table, "Item": to_item(values)}
        if not chain.version:
            put["ConditionExpression"] = "attribute_not_exists(#key)"
            put["ExpressionAttributeNames"] = {"#key": "key"}
        else:
            put["ConditionExpression"] = "version = :seen"
            put["ExpressionAttributeValues"] = {":seen": to_value(chain.version)}
        return {"Put": put}

    def named(self, chain_id: int) -> str | None:
        """The key of the token that last came with this number of a chain."""
        row = self._row(f"chain#{chain_id}")
        return None if row is None else str(row["chain_key"])

    def naming(self, chain_id: int, key: str) -> Any:
        """The part of a transaction that notes it."""
        item = to_item({"key": f"chain#{chain_id}", "chain_key": key})
        return {"Put": {"TableName": self._table, "Item": item}}

    def due(self, now: datetime, limit: int) -> list[str]:
        """Keys of chains whose telephony is overdue, the oldest first; eventually consistent."""
        answer = self._dynamodb.query(
            TableName=self._table,
            IndexName="due",
            KeyConditionExpression="#state = :state AND due_at <= :now",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={
                ":state": to_value(ChainState.DUE),
                ":now": to_value(stamp(now)),
            },
            Limit=limit,
        )
        return [from_item(item)["key"] for item in answer["Items"]]

    def _row(self, key: str) -> dict[str, Any] | None:
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"key": to_value(key)}, ConsistentRead=True
        )
        return from_item(answer["Item"]) if "Item" in answer else None
