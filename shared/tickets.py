"""Tickets: what a verified redirect brought, kept until the owner confirms it on the page.

The page carries the ticket in its form, never in a URL, and no cookie is needed, as inside
Altegio's frame none would arrive. Only the hash is stored. A ticket is also the idempotency key of
its attempt: confirming twice shows the result of the first time.
"""

import hashlib
import secrets
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.clock import stamp
from shared.items import from_item, to_item, to_value
from shared.redirect import Owner, Redirect

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

# 256 bits in URL-safe base64.
LENGTH = 43


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

    def open(self, ticket: str, now: datetime) -> Redirect | None:
        """What was stored for `ticket`; None if it is unknown or has expired."""
        if len(ticket) != LENGTH:
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
        return Redirect(
            location_ids=tuple(row["location_ids"]),
            owner=Owner(**row["owner"]),
            chain_id=row.get("chain_id"),
            crm_token=row.get("crm_token"),
        )


def _hash(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()
