"""AWS in memory answers as the emulator does, and as moto does: what they are asked is generated.

Where these two are wrong, the exception stands here with the page that says so.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.emulator import CREDENTIALS, REGION, Emulator, create_table
from local.template import Table
from tests.deployment import TEMPLATE
from tests.memory import Memory

type Session = Callable[[str], Any]
type Call = tuple[str, dict[str, Any]]

SEQUENCES = 120
STEPS = 14
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
TABLES = (*WIRED.tables.values(), EVENTS)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with Emulator(log=tmp_path_factory.mktemp("emulator") / "emulator.log") as emulator:
        emulator.wait()
        clients = {name: emulator.client(name) for name in ("dynamodb", "sqs", "ssm")}
        yield clients.__getitem__


@pytest.fixture(scope="module")
def moto() -> Iterator[Session]:
    with mock_aws():
        session = boto3.Session(
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
        )
        clients: dict[str, Any] = {
            "dynamodb": session.client("dynamodb"),
            "sqs": session.client("sqs"),
            "ssm": session.client("ssm"),
        }
        yield clients.__getitem__


@pytest.fixture(scope="module", params=["emulator", "moto"])
def other(request: pytest.FixtureRequest) -> Session:
    """What the memory is compared with, its tables made and empty."""
    session: Session = request.getfixturevalue(request.param)
    for table in TABLES:
        create_table(session("dynamodb"), table)
    return session


def remembered() -> Session:
    memory = Memory(now)
    for table in TABLES:
        create_table(memory.client("dynamodb"), table)
    return memory.client


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


def tables(session: Session) -> dict[str, list[Any]]:
    return {
        table.name: sorted(
            session("dynamodb").scan(TableName=table.name)["Items"],
            key=lambda item: str([item[name] for name in keys(table)]),
        )
        for table in TABLES
    }


def keys(table: Table) -> list[str]:
    return [part["AttributeName"] for part in table.properties["KeySchema"]]


def clear(session: Session) -> None:
    for table in TABLES:
        for item in session("dynamodb").scan(TableName=table.name)["Items"]:
            key = {name: item[name] for name in keys(table)}
            session("dynamodb").delete_item(TableName=table.name, Key=key)


# Calls nobody has thought of


class Dice(random.Random):
    """The same throws for the same seed; without `oddities` every call is well formed."""

    oddities = True

    def oddly(self, chance: float) -> bool:
        return self.random() < chance and self.oddities


@dataclass
class Draw:
    """One generated call: what its expressions say, and the names and values they mention."""

    dice: Dice
    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    def name(self, name: str) -> str:
        if name in ("due_at", "attempt", "facts", "flag", "amount") and self.dice.random() < 0.7:
            return name
        self.names[f"#{name}"] = name
        return f"#{name}"

    def path(self) -> str:
        name = self.dice.choice(["state", "due_at", "attempt", "flag", "nothing", "facts"])
        if name == "facts" and self.dice.random() < 0.8:
            inner = self.dice.choice(["amount", "nothing"])
            return f"{self.name('facts')}.{self.name(inner)}"
        return self.name(name)

    def value(self, value: dict[str, Any]) -> str:
        name = f":v{len(self.values)}"
        self.values[name] = value
        return name

    def number(self) -> dict[str, str]:
        return {"N": self.dice.choice(["0", "1", "2", "3", "10", "-1"])}

    def text(self) -> dict[str, str]:
        return {"S": self.dice.choice(["SENT", "HELD", "990.99", "2026-01-01", "2026-01-02", "é"])}

    def scalar(self) -> dict[str, str]:
        return self.text() if self.dice.random() < 0.6 else self.number()

    def any(self) -> dict[str, Any]:
        return {"BOOL": self.dice.random() < 0.5} if self.dice.oddly(0.2) else self.scalar()

    def condition(self, depth: int = 2) -> str:
        kind = self.dice.randrange(4) if depth else 3
        if kind == 0:
            return f"NOT {self.condition(0)}"
        if kind == 1:
            word = self.dice.choice(["AND", "OR"])
            return f"{self.condition(depth - 1)} {word} {self.condition(depth - 1)}"
        if kind == 2:
            return f"({self.condition(depth - 1)}) AND {self.condition(depth - 1)}"
        return self.leaf()

    def leaf(self) -> str:
        path = self.path()
        match self.dice.randrange(6):
            case 0:
                return f"attribute_exists({path})"
            case 1:
                return f"attribute_not_exists({path})"
            case 2:
                return f"{path} {self.dice.choice(['=', '<>'])} {self.value(self.any())}"
            case 3:
                sign = self.dice.choice(["<", "<=", ">", ">="])
                path, value = self.ordered()
                return f"{path} {sign} {self.value(value)}"
            case 4:
                return f"{path} IN ({self.value(self.any())}, {self.value(self.any())})"
            case _:
                path, first = self.ordered()
                bounds = [first, {"N": "11"} if "N" in first else {"S": "ü"}]
                if self.dice.oddly(0.1):
                    bounds.reverse()
                low, high = map(self.value, bounds)
                return f"{path} BETWEEN {low} AND {high}"

    def ordered(self) -> tuple[str, dict[str, str]]:
        """A path and what it is compared with: seldom of another type, at which moto fails."""
        if self.dice.oddly(0.5):
            return self.path(), self.scalar()
        if self.dice.random() < 0.5:
            return self.name("attempt"), self.number()
        return self.name("state"), self.text()

    def update(self) -> str:
        numbers, texts = ["attempt", "nothing"], ["due_at", "note"]
        self.dice.shuffle(targets := [*numbers, *texts])
        sections = []
        if self.dice.random() < 0.8:
            sets = [self.assignment(targets.pop()) for _ in range(self.dice.randint(1, 2))]
            sections.append(f"SET {', '.join(sets)}")
        added = [name for name in targets if name in numbers or self.dice.oddly(0.3)]
        if added and self.dice.random() < 0.5:
            targets.remove(added[0])
            sections.append(f"ADD {self.name(added[0])} {self.value(self.number())}")
        if self.dice.random() < 0.4 or not sections:
            sections.append(f"REMOVE {self.name(targets.pop())}")
        return " ".join(sections)

    def assignment(self, target: str) -> str:
        """To a text or to a number; in between, an odd one that takes what may not be there."""
        path = self.name(target)
        if self.dice.oddly(0.4):
            if self.dice.random() < 0.4:
                return f"{path} = {self.name(self.dice.choice(['attempt', 'note', 'due_at']))}"
            source = self.name(self.dice.choice(["attempt", "nothing", "location_id"]))
            return f"{path} = {source} {self.dice.choice('+-')} {self.value(self.number())}"
        is_number = target in ("attempt", "nothing") or (
            target == "due_at" and self.dice.oddly(0.2)
        )
        value = self.value(self.number() if is_number else self.text())
        if self.dice.random() < 0.5:
            return f"{path} = {value}"
        present = f"if_not_exists({self.name('attempt' if is_number else 'due_at')}, {value})"
        return f"{path} = {present} + {value}" if is_number else f"{path} = {present}"

    def mentioned(self) -> dict[str, Any]:
        """The names and values, seldom with one too many or one too few."""
        names, values = dict(self.names), dict(self.values)
        match self.dice.randrange(60) if self.dice.oddities else None:
            case 0:
                names["#unused"] = "unused"
            case 1:
                values[":unused"] = {"S": "unused"}
            case 2 if names:
                del names[min(names)]
            case 3 if values:
                del values[min(values)]
        both = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
        return {name: value for name, value in both.items() if value}


def key(dice: Dice, table: str) -> dict[str, Any]:
    if table == CONNECTIONS:
        return {"location_id": {"S": "one"} if dice.oddly(0.02) else {"N": dice.choice("12")}}
    if table == PAYMENTS:
        if dice.oddly(0.04):
            return {"key": dice.choice([{"N": "1"}, {"S": ""}])}
        return {"key": {"S": dice.choice(["payment#1", "payment#2", "platform#1"])}}
    if dice.oddly(0.02):
        return {"place": {"S": "a"}}
    return {"place": {"S": dice.choice("ab")}, "number": {"N": dice.choice(["-1", "1", "10"])}}


def item(dice: Dice, table: str) -> dict[str, Any]:
    draw = Draw(dice)
    item = {
        "state": draw.text(),
        "due_at": {"S": f"2026-01-0{dice.randint(1, 9)}"},
        "attempt": draw.number(),
        "flag": {"BOOL": True},
        "facts": {"M": {"amount": draw.scalar(), "list": {"L": [draw.any()]}}},
        "kind": {"S": "k"},
        "note": draw.scalar(),
    }
    for name in dice.sample(sorted(item), dice.randint(0, 5)):
        del item[name]
    match dice.randrange(40) if dice.oddities else None:
        case 0:
            item["state"] = {"N": "1"}
        case 1:
            item["due_at"] = {"S": ""}
    return {**item, **key(dice, table)}


def write(dice: Dice, verb: str, table: str) -> dict[str, Any]:
    draw = Draw(dice)
    asked: dict[str, Any] = {"TableName": table}
    if verb == "Put":
        asked["Item"] = item(dice, table)
    else:
        asked["Key"] = key(dice, table)
    if verb == "Update":
        asked["UpdateExpression"] = draw.update()
    if verb == "ConditionCheck" or dice.random() < 0.6:
        asked["ConditionExpression"] = draw.condition()
    if dice.random() < 0.5:
        asked["ReturnValuesOnConditionCheckFailure"] = dice.choice(["ALL_OLD", "NONE"])
    return {**asked, **draw.mentioned()}


def call(dice: Dice) -> Call:
    table = dice.choice([PAYMENTS, PAYMENTS, CONNECTIONS, "events"])
    match dice.randrange(12):
        case 0 | 1 | 2:
            return "put_item", {"TableName": table, "Item": item(dice, table)}
        case 3:
            shown = dice.choice(["NONE", "ALL_OLD"])
            return "put_item", {**write(dice, "Put", table), "ReturnValues": shown}
        case 4 | 5 | 6:
            shown = dice.choice(["NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"])
            if not dice.oddities and shown.startswith("UPDATED"):
                # moto leaves out what has not changed, and shows the key of a new item as well:
                # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html
                shown = "ALL_NEW"
            return "update_item", {**write(dice, "Update", table), "ReturnValues": shown}
        case 7:
            shown = dice.choice(["NONE", "ALL_OLD"])
            return "delete_item", {**write(dice, "Delete", table), "ReturnValues": shown}
        case 8:
            return "get_item", {"TableName": table, "Key": key(dice, table)}
        case 9 | 10:
            verbs = dice.choices(["Put", "Update", "Delete", "ConditionCheck"], k=2)
            members = [
                {verb: write(dice, verb, dice.choice([PAYMENTS, CONNECTIONS]))} for verb in verbs
            ]
            return "transact_write_items", {"TransactItems": members}
        case _:
            return "query", query(dice)


def query(dice: Dice) -> dict[str, Any]:
    draw = Draw(dice)
    table, index, hashed, ranged, hash_value, range_value = dice.choice(
        [
            (PAYMENTS, "due", "state", "due_at", draw.text(), {"S": "2026-01-05"}),
            (PAYMENTS, "location", "location_id", "state", {"N": "1"}, {"S": "H"}),
            (CONNECTIONS, "due", "state", "due_at", draw.text(), {"S": "2026-01-05"}),
            ("events", None, "place", "number", {"S": "a"}, {"N": "1"}),
            ("events", "numbers", "kind", "number", {"S": "k"}, {"N": "1"}),
            ("events", "whole", "kind", None, {"S": "k"}, {"N": "1"}),
        ]
    )
    condition = f"{draw.name(hashed)} = :hash"
    draw.values[":hash"] = hash_value
    if ranged is not None and dice.random() < 0.7:
        draw.values[":range"] = range_value
        path = draw.name(ranged)
        if "S" in range_value and dice.random() < 0.3:
            condition += f" AND begins_with({path}, :range)"
        elif dice.random() < 0.3:
            draw.values[":high"] = {"N": "7"} if "N" in range_value else {"S": "Z"}
            condition += f" AND {path} BETWEEN :range AND :high"
        else:
            condition += f" AND {path} {dice.choice(['=', '<', '<=', '>', '>='])} :range"
    asked = {"TableName": table, "KeyConditionExpression": condition, **draw.mentioned()}
    if index is not None:
        asked["IndexName"] = index
    if dice.random() < 0.3:
        asked["Select"] = "COUNT"
    return {**asked, "ScanIndexForward": dice.random() < 0.5}


def test_any_calls_are_answered_alike(other: Session) -> None:
    for seed in range(SEQUENCES):
        drawn, memory = Dice(seed), remembered()
        clear(other)
        for step in range(STEPS):
            made = call(drawn)
            expected = told(other, made)
            assert told(memory, made) == expected, (seed, step, made)
        assert tables(memory) == tables(other), seed
