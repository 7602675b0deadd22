"""Tickets: what a verified redirect brought, kept until the owner confirms it on the page.

The page carries the ticket in its form, and no cookie is needed, as inside Altegio's frame none
would arrive. Only on the way to a portal it is in a URL, and of no use without the portal's key.
Only the hash is stored. A ticket is also the idempotency key of its attempt: confirming twice shows
the result of the first time.

A ticket is of whoever holds the link. What its holder has proven beyond that (see `one_time_code`),
and for which account of the company's portal it was used, is kept beside it. So are counts that
are forgotten in the same way: of letters and used codes, and of what is done within an hour.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.altegio.redirect import Owner, Redirect
from shared.aws.dynamodb import (
    from_item,
    is_refused,
    reading,
    retried,
    row,
    to_item,
    to_value,
    typed,
)
from shared.clock import instant, stamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

# 256 bits in URL-safe base64.
LENGTH = 43
# So many codes can be tried with a ticket; what the right one has proven holds for so long.
MOST_TRIES = 5
PROOF = timedelta(minutes=30)
# How long a watch shows what comes of a telephone system: it takes a while to set one up.
WATCH = timedelta(hours=1)


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
        row = self._read(_hash(ticket))
        # Time to live deletes up to days late: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
        if row is None or row["expires_at"] <= now.timestamp():
            return None
        with reading(f"ticket {_hash(ticket)[:8]}"):
            told = {
                "location_ids": tuple(row["location_ids"]),
                "owner": typed(Owner, row["owner"]),
                "chain_id": row.get("chain_id"),
                "crm_token": row.get("crm_token"),
            }
            holds = row.get("proven_until", "") > stamp(now)
            return Ticket(typed(Redirect, told), row["proven"] if holds else None)

    def try_code(self, ticket: str) -> bool:
        """Counts a try; False if there were too many since the ticket has proven something."""
        return bool(
            self._update(
                ticket,
                "ADD code_tries :one",
                "attribute_exists(ticket_hash)"
                " AND (attribute_not_exists(code_tries) OR code_tries < :most)",
                {":one": 1, ":most": MOST_TRIES},
            )
        )

    def keep_proof(self, ticket: str, account_id: str, now: datetime) -> None:
        """Keeps for a while that the ticket's holder has proven an account to be his."""
        self._update(
            ticket,
            "SET proven = :account, proven_until = :until REMOVE code_tries",
            "attribute_exists(ticket_hash)",
            {":account": account_id, ":until": stamp(now + PROOF)},
        )

    def keep_order(self, ticket: str, location_ids: Sequence[int]) -> None:
        """Keeps in which order the locations of a ticket are asked about, if that can be stored.

        What a request has done is shown all the same.
        """
        with suppress(BotoCoreError, ClientError):
            self._update(
                ticket,
                "SET location_ids = :ids",
                "attribute_exists(ticket_hash)",
                {":ids": [*location_ids]},
            )

    def watch(self, account_id: str, now: datetime) -> str:
        """A watch of an account, which opens less than a ticket (see `first_ring`)."""
        watch = secrets.token_urlsafe(32)
        self._dynamodb.put_item(
            TableName=self._table,
            Item=to_item(
                {
                    "ticket_hash": _watch(watch),
                    "watches": account_id,
                    "issued_at": stamp(now),
                    "expires_at": int((now + WATCH).timestamp()),
                }
            ),
        )
        return watch

    def watched(self, watch: str, now: datetime) -> tuple[str, datetime] | None:
        """The account of a watch, and since when it is watched; None if unknown or too old."""
        if len(watch) != LENGTH or not watch.isascii():
            return None
        found = self._read(_watch(watch))
        if found is None or found["expires_at"] <= now.timestamp():
            return None
        return found["watches"], instant(found["issued_at"])

    def count_letter(self, account_id: str, window: datetime, most: int) -> int | None:
        """Counts a letter with the code that an account has in a half hour (see `codes`).

        Returns:
            The serial number of the code; None if there were `most` letters with it.
        """
        over = int((window + timedelta(hours=2)).timestamp())
        row = self._write(
            _codes(account_id, window),
            "ADD letters :one SET used = if_not_exists(used, :none), expires_at = :over",
            "attribute_not_exists(letters) OR letters < :most",
            {":one": 1, ":none": 0, ":over": over, ":most": most},
        )
        return int(row["used"]) if row else None

    def uncount_letter(self, account_id: str, window: datetime) -> None:
        """Takes back a letter that could not be sent."""
        self._write(
            _codes(account_id, window),
            "ADD letters :less",
            "letters > :none",
            {":less": -1, ":none": 0},
        )

    def sent_code(self, account_id: str, window: datetime) -> int | None:
        """The serial number of the code that was sent and not used; None if there is none."""
        row = self._read(_codes(account_id, window))
        return int(row["used"]) if row and row["letters"] else None

    def use_code(self, account_id: str, window: datetime, serial: int, ticket: str) -> bool:
        """Uses a code up, so that the next one may have letters; False if another was faster."""
        return bool(
            self._write(
                _codes(account_id, window),
                "SET used = :next, letters = :none, used_by = :ticket",
                # The same once more is AWS's client, which has got no answer.
                "(used = :serial AND letters > :none) OR (used = :next AND used_by = :ticket)",
                {":serial": serial, ":next": serial + 1, ":none": 0, ":ticket": _hash(ticket)},
            )
        )

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

    def _read(self, key: str) -> dict[str, Any] | None:
        return row(self._dynamodb, self._table, {"ticket_hash": key}, f"ticket {key[:8]}")

    def _update(
        self, ticket: str, update: str, condition: str, values: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        return self._write(_hash(ticket), update, condition, values)

    def _write(
        self, key: str, update: str, condition: str, values: Mapping[str, Any]
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
            if is_refused(error):
                return None
            raise
        return from_item(answer["Attributes"])


def _hash(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()


def _watch(watch: str) -> str:
    return f"watch#{_hash(watch)}"


def _codes(account_id: str, window: datetime) -> str:
    return f"codes#{account_id}#{stamp(window)}"
