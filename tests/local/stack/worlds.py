"""Worlds that are asked the same: in memory, in the emulator, in moto; and dice to ask with."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from local.stack.emulator import create_table
from local.stack.wiring import Table
from tests.deployment import TEMPLATE
from tests.memory import Memory

type Call = tuple[str, dict[str, Any]]
type Session = Callable[[str], Any]

WIRED = TEMPLATE.wire(
    {"ApplicationId": "1"},
    endpoint_url="https://sqs.us-east-1.amazonaws.com",
    api_url="https://provider.example",
)
PAYMENTS = WIRED.tables["PaymentsTable"].name
CONNECTIONS = WIRED.tables["ConnectionsTable"].name
# What no table of the project has: a range key, and the two other projections.
EVENTS = Table(
    "events",
    {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "place", "AttributeType": "S"},
            {"AttributeName": "number", "AttributeType": "N"},
            {"AttributeName": "kind", "AttributeType": "S"},
        ],
        "KeySchema": [
            {"AttributeName": "place", "KeyType": "HASH"},
            {"AttributeName": "number", "KeyType": "RANGE"},
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "numbers",
                "KeySchema": [
                    {"AttributeName": "kind", "KeyType": "HASH"},
                    {"AttributeName": "number", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["note"]},
            },
            {
                "IndexName": "whole",
                "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            },
        ],
    },
)
ASKED = (WIRED.tables["PaymentsTable"], WIRED.tables["ConnectionsTable"], EVENTS)
TABLES = (*WIRED.tables.values(), EVENTS)


class Dice(random.Random):
    """The same throws for the same seed; without `oddities` every call is well formed."""

    oddities = True

    def oddly(self, chance: float) -> bool:
        return self.random() < chance and self.oddities


def now() -> datetime:
    return datetime.now(UTC)


def remembered() -> Session:
    return with_tables(Memory(now).client)


def with_tables(session: Session) -> Session:
    for table in TABLES:
        create_table(session("dynamodb"), table)
    return session


def told(session: Session, call: Call) -> Any:
    """The answer to a call, or how it was refused; the words of a refusal are nobody's contract."""
    operation, asked = call
    try:
        answer = getattr(session("dynamodb"), operation)(**asked)
    except ClientError as error:
        response: Any = error.response
        reasons = [
            (reason["Code"], reason.get("Item"))
            for reason in response.get("CancellationReasons", ())
        ]
        return response["Error"]["Code"], response.get("Item"), reasons
    # moto tells what a call cost without being asked.
    known = ("Item", "Items", "Attributes", "Count", "ScannedCount", "LastEvaluatedKey")
    # No attributes and an empty map of them are the same to a caller.
    return {name: answer[name] for name in known if answer.get(name) not in (None, {})}


def emptied(session: Session, tables: Sequence[Table] = TABLES) -> dict[str, list[Any]]:
    """What the tables held."""
    found = {}
    for table in tables:
        key = [part["AttributeName"] for part in table.properties["KeySchema"]]
        items = session("dynamodb").scan(TableName=table.name)["Items"]
        for item in items:
            session("dynamodb").delete_item(
                TableName=table.name, Key={name: item[name] for name in key}
            )
        found[table.name] = sorted(items, key=lambda item: str([item[name] for name in key]))
    return found
