"""The accounts of the telephony company's customers, found again by Altegio user id only.

Equal e-mail addresses prove nothing: nobody says that Altegio verifies them.
"""

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared.clock import instant, stamp
from shared.conflicts import retried
from shared.items import from_item, to_item, to_value

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Account:
    """A customer of the telephony company."""

    account_id: str
    altegio_user_id: int
    name: str
    email: str
    phone: str
    created_at: str
    last_seen_at: str
    # Of the key of its PBX (see `pbx_key`); empty if it has none.
    pbx_key_digest: str = ""


class Accounts:
    """One row per account and one per Altegio user that points to it."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def of_user(self, altegio_user_id: int) -> Account | None:
        """The account of an Altegio user; None if there is none yet."""
        pointer = self._get(f"altegio-user#{altegio_user_id}")
        if pointer is None:
            return None
        return self.of_id(pointer["account_id"])

    def of_id(self, account_id: str) -> Account | None:
        """The account of an id; None if there is none."""
        row = self._get(f"account#{account_id}")
        if row is None:
            return None
        del row["key"]
        return Account(**row)

    def give_key(self, account_id: str, digest: str, *, instead: bool = False) -> bool:
        """Keeps the hash of the key of an account's PBX.

        Args:
            account_id: whose.
            digest: see `pbx_key`.
            instead: whether an older one is replaced, which is void at once.

        Returns:
            False if the account has one that is not to be replaced, or is gone.
        """
        has_none = (
            ""
            if instead
            else " AND (attribute_not_exists(pbx_key_digest) OR pbx_key_digest = :none)"
        )
        values = {":digest": to_value(digest), **({} if instead else {":none": to_value("")})}
        return self._update(
            account_id, "SET pbx_key_digest = :digest", f"attribute_exists(#key){has_none}", values
        )

    def register(
        self, altegio_user_id: int, *, name: str, email: str, phone: str, now: datetime
    ) -> Account:
        """Creates the account of an Altegio user, or finds it if somebody was faster."""
        account = Account(
            account_id=str(uuid.uuid4()),
            altegio_user_id=altegio_user_id,
            name=name,
            email=email,
            phone=phone,
            created_at=stamp(now),
            last_seen_at=stamp(now),
        )
        pointer = {"key": f"altegio-user#{altegio_user_id}", "account_id": account.account_id}
        row = {"key": f"account#{account.account_id}", **asdict(account)}
        try:
            self._dynamodb.transact_write_items(
                TransactItems=[
                    {
                        "Put": {
                            "TableName": self._table,
                            "Item": to_item(values),
                            "ConditionExpression": "attribute_not_exists(#key)",
                            "ExpressionAttributeNames": {"#key": "key"},
                        }
                    }
                    for values in (pointer, row)
                ]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
            found = self.of_user(altegio_user_id)
            if found is None:
                raise
            return found
        return account

    def seen(self, account: Account, now: datetime) -> bool:
        """Notes that the owner is back, which keeps the account from being erased under him.

        False if it was erased a moment ago: then he is new.
        """
        values = {":now": to_value(stamp(now))}
        return self._update(
            account.account_id, "SET last_seen_at = :now", "attribute_exists(#key)", values
        )

    def erase(self, account_id: str, *, unless_seen_since: datetime) -> datetime | None:
        """Deletes an account and what finds it, unless its owner was here since.

        Returns:
            When he was here, if that keeps the account; None if the account is gone.
        """
        row = self._get(f"account#{account_id}")
        if row is None:
            return None
        if row["last_seen_at"] > stamp(unless_seen_since):
            return instant(row["last_seen_at"])
        try:
            self._dynamodb.transact_write_items(
                TransactItems=[
                    {
                        "Delete": {
                            "TableName": self._table,
                            "Key": {"key": to_value(row["key"])},
                            "ConditionExpression": "last_seen_at = :seen",
                            "ExpressionAttributeValues": {":seen": to_value(row["last_seen_at"])},
                        }
                    },
                    {
                        "Delete": {
                            "TableName": self._table,
                            "Key": {"key": to_value(f"altegio-user#{row['altegio_user_id']}")},
                        }
                    },
                ]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
            # Seen between the two, or erased by another run: the next look tells.
            return instant(row["last_seen_at"])
        return None

    def _update(self, account_id: str, update: str, condition: str, values: Any) -> bool:
        """False if the condition does not hold."""
        try:
            retried(
                lambda: self._dynamodb.update_item(
                    TableName=self._table,
                    Key={"key": to_value(f"account#{account_id}")},
                    UpdateExpression=update,
                    ConditionExpression=condition,
                    ExpressionAttributeNames={"#key": "key"},
                    ExpressionAttributeValues=values,
                )
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def _get(self, key: str) -> dict[str, Any] | None:
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"key": to_value(key)}, ConsistentRead=True
        )
        return from_item(answer["Item"]) if "Item" in answer else None
