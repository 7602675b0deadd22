"""Tickets: what a verified redirect brought, kept until the owner confirms it on the page.

The page carries the ticket in its form, and no cookie is needed, as inside Altegio's frame none
would arrive. Only on the way to a portal it is in a URL, and of no use without the portal's key.
Only the hash is stored. A ticket is also the idempotency key of its attempt: confirming twice shows
the result of the first time.

A ticket is of whoever holds the link. What its holder has proven beyond that (see `proving`), and
for which account of the company's portal it was used, is kept beside it.
"""

import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared.clock import stamp
from shared.conflicts import retried
from shared.items import from_item, to_item, to_value
from shared.redirect import Owner, Redirect

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

# 256 bits in URL-safe base64.
LENGTH = 43
# A code is of use for so long, and for so many tries; what it has proven holds a little longer.
CODE = timedelta(minutes=10)
MOST_TRIES = 5
PROOF = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a ticket opens; `proven` is the account that its holder has proven to be his, if any."""

    redirect: Redirect
    proven: str | None = None


class Tickets:
    """Issues tickets and reads them back until they expire."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, ttl_s: int) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._ttl = timedelta(seconds=ttl_s)

    def issue(self, redirect: Redirect, now: datetime) -> str:
        """Stores the redirect and returns the ticket that opens it."""
        ticket = secrets.token_urlsafe(32)
        self._dynamodb.put_item(
            TableName=self._table,
            Item=to_item(
                {
                    "ticket_hash": _hash(ticket),
                    "location_ids": list(redirect.location_ids),
                    "owner": asdict(redirect.owner),
                    "chain_id": redirect.chain_id,
                    "crm_token": redirect.crm_token,
                    "issued_at": stamp(now),
                    "expires_at": int((now + self._ttl).timestamp()),
                }
            ),
        )
        return ticket

    def open(self, ticket: str, now: datetime) -> Ticket | None:
        """What was stored for `ticket`; None if it is unknown or has expired."""
        if len(ticket) != LENGTH or not ticket.isascii():
            return None
        answer = self._dynamodb.get_item(
            TableName=self._table,
            Key={"ticket_hash": to_value(_hash(ticket))},
            ConsistentRead=True,
        )
        if "Item" not in answer:
            return None
        row = from_item(answer["Item"])
        # Time to live deletes up to days late: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
        if row["expires_at"] <= now.timestamp():
            return None
        arrived = Redirect(
            location_ids=tuple(row["location_ids"]),
            owner=Owner(**row["owner"]),
            chain_id=row.get("chain_id"),
            crm_token=row.get("crm_token"),
        )
        holds = row.get("proven_until", "") > stamp(now)
        return Ticket(arrived, row["proven"] if holds else None)

    def challenge(self, ticket: str, account_id: str, code: str, now: datetime) -> None:
        """Keeps the hash of a code that only who owns the account is told; voids an older one."""
        self._update(
            ticket,
            "SET code_hash = :code, code_of = :account, code_until = :until, code_tries = :none",
            "attribute_exists(ticket_hash)",
            {
                ":code": _code_hash(ticket, code),
                ":account": account_id,
                ":until": stamp(now + CODE),
                ":none": 0,
            },
        )

    def prove(self, ticket: str, code: str, now: datetime) -> str | None:
        """Takes a code, once, and keeps what it proves.

        Returns:
            The account; None if the code is wrong, too old, or was tried too often.
        """
        row = self._update(
            ticket,
            "ADD code_tries :one",
            "code_tries < :most AND code_until > :now",
            {":one": 1, ":most": MOST_TRIES, ":now": stamp(now)},
        )
        given = _code_hash(ticket, code)
        if row is None or not hmac.compare_digest(row.get("code_hash", ""), given):
            return None
        proven = self._update(
            ticket,
            "SET proven = code_of, proven_until = :until REMOVE code_hash, code_until",
            "code_hash = :code",
            {":until": stamp(now + PROOF), ":code": given},
        )
        return str(proven["proven"]) if proven else None

    def claim(self, ticket: str, portal_account_id: str) -> bool:
        """Keeps for whom the ticket is used; False if it was used for somebody else."""
        return bool(
            self._update(
                ticket,
                "SET claimed_by = :account",
                "attribute_exists(ticket_hash)"
                " AND (attribute_not_exists(claimed_by) OR claimed_by = :account)",
                {":account": portal_account_id},
            )
        )

    def tally(self, what: str, number: int, now: datetime) -> int:
        """Adds to how often something was done within this hour; returns the sum.

        It stands in the same table, as it is forgotten in the same way.
        """
        hour = now.replace(minute=0, second=0, microsecond=0)
        row = self._write(
            f"{what}#{stamp(hour)}",
            "ADD done :number SET expires_at = :over",
            "",
            {":number": number, ":over": int((hour + timedelta(hours=2)).timestamp())},
        )
        return int(row["done"]) if row else 0

    def allowance(self, what: str, number: int, most: int, now: datetime) -> int:
        """Takes up to `number` of what may be done `most` times within this hour; what it got."""
        over = max(0, self.tally(what, number, now) - most)
        taken = max(0, number - over)
        if taken < number:
            self.tally(what, taken - number, now)
        return taken

    def _update(
        self, ticket: str, update: str, condition: str, values: dict[str, str | int]
    ) -> dict[str, Any] | None:
        return self._write(_hash(ticket), update, condition, values)

    def _write(
        self, key: str, update: str, condition: str, values: dict[str, str | int]
    ) -> dict[str, Any] | None:
        """The row as it is now; None if the condition does not hold."""
        request: Any = {
            "TableName": self._table,
            "Key": {"ticket_hash": to_value(key)},
            "UpdateExpression": update,
            "ExpressionAttributeValues": {name: to_value(value) for name, value in values.items()},
            "ReturnValues": "ALL_NEW",
        }
        if condition:
            request["ConditionExpression"] = condition
        try:
            answer = retried(lambda: self._dynamodb.update_item(**request))
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return None
            raise
        return from_item(answer["Attributes"])


def _hash(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()


def _code_hash(ticket: str, code: str) -> str:
    """With the ticket, which is stored nowhere: who reads the table cannot try all codes."""
    return hashlib.sha256(f"{ticket}{code}".encode()).hexdigest()
