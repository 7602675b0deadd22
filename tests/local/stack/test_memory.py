"""AWS in memory answers as the emulator does, and as moto does: what they are asked is generated.

Where these two are wrong, the exception stands here with the page that says so.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import ClientError
from moto import mock_aws

from local.stack.emulator import CREDENTIALS, REGION, Emulator, create_queues, create_table
from local.stack.wiring import Table
from shared.altegio.rate_limit import Busy, Pace, Paused
from shared.altegio.redirect import Owner, Redirect
from shared.altegio.settings import PacePolicy
from shared.altegio.tokens import PartnerToken
from shared.aws.dead_letters import DeadLetters
from shared.aws.dynamodb import StaleWrite
from shared.connect.tickets import Tickets
from shared.connections.accounts import Account, Accounts
from shared.connections.connection import Connection, Hint, State
from shared.connections.journal import Journal
from shared.connections.table import Connections
from shared.payments import ledger
from shared.payments.entry import Entry, EntryState
from shared.payments.ledger import Ledger
from shared.payments.queue import WakeUps
from tests.deployment import TEMPLATE, Clock
from tests.memory import Memory, refusal

type Session = Callable[[str], Any]
type Call = tuple[str, dict[str, Any]]

SEQUENCES, STEPS = 80, 14
PLAYS = 15
MAILS, MOST_RECEIVES = 20, 3
WAITING = [EntryState.PENDING, EntryState.SENDING, EntryState.HELD, EntryState.UNKNOWN]
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
        yield with_tables(clients.__getitem__)


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
        yield with_tables(clients.__getitem__)


@pytest.fixture(scope="module", params=["emulator", "moto"])
def other(request: pytest.FixtureRequest) -> Session:
    """What the memory is compared with, its tables made and empty."""
    session: Session = request.getfixturevalue(request.param)
    return session


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


def emptied(session: Session) -> dict[str, list[Any]]:
    """What the tables held."""
    found = {}
    for table in TABLES:
        key = [part["AttributeName"] for part in table.properties["KeySchema"]]
        items = session("dynamodb").scan(TableName=table.name)["Items"]
        for item in items:
            session("dynamodb").delete_item(
                TableName=table.name, Key={name: item[name] for name in key}
            )
        found[table.name] = sorted(items, key=lambda item: str([item[name] for name in key]))
    return found


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
        match self.dice.randrange(6):
            case 0:
                return f"attribute_exists({self.path()})"
            case 1:
                return f"attribute_not_exists({self.path()})"
            case 2:
                return f"{self.path()} {self.dice.choice(['=', '<>'])} {self.value(self.any())}"
            case 3:
                sign = self.dice.choice(["<", "<=", ">", ">="])
                path, value = self.ordered()
                return f"{path} {sign} {self.value(value)}"
            case 4:
                return f"{self.path()} IN ({self.value(self.any())}, {self.value(self.any())})"
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
        match self.dice.randrange(MAILS) if self.dice.oddities else None:
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
            other = dice.choice([CONNECTIONS, CONNECTIONS, CONNECTIONS, PAYMENTS])
            verbs = dice.choices(["Put", "Update", "Delete", "ConditionCheck"], k=2)
            members = [
                {verb: write(dice, verb, table)}
                for verb, table in zip(verbs, (PAYMENTS, other), strict=True)
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


def test_any_calls_are_answered_alike(other: Session, request: pytest.FixtureRequest) -> None:
    for seed in range(SEQUENCES):
        dice, memory = Dice(seed), remembered()
        dice.oddities = "emulator" in request.node.name
        for step in range(STEPS):
            made = call(dice)
            assert told(memory, made) == told(other, made), (seed, step, made)
        assert emptied(memory) == emptied(other), seed


# Calls that somebody has thought of


def put(**asked: Any) -> Call:
    return "put_item", {"TableName": PAYMENTS, "Item": {"key": {"S": "a"}}, **asked}


def update(expression: str, **values: Any) -> Call:
    asked = {"TableName": PAYMENTS, "Key": {"key": {"S": "a"}}, "UpdateExpression": expression}
    return "update_item", {**asked, **({"ExpressionAttributeValues": values} if values else {})}


def conditional(text: str, **values: Any) -> Call:
    values = {f":{name}": value for name, value in values.items()}
    return put(
        ConditionExpression=text, **({"ExpressionAttributeValues": values} if values else {})
    )


REFUSED: dict[str, Call] = {
    "a reserved word": conditional("attribute_not_exists(key)"),
    "nothing": conditional(""),
    "half a condition": conditional("attempt ="),
    "two conditions": conditional("attempt = :a attempt = :a", a={"N": "1"}),
    "redundant parentheses": conditional("((attempt = :a))", a={"N": "1"}),
    "the existence of a value": conditional("attribute_exists(:a)", a={"N": "1"}),
    "no such section": update("PUT attempt = :a", **{":a": {"N": "1"}}),
    "a section twice": update("SET attempt = :a SET due_at = :a", **{":a": {"N": "1"}}),
    "a key": update("SET #key = :a", **{":a": {"S": "b"}}),
    "a text more": update("ADD attempt :a", **{":a": {"S": "1"}}),
    "a number that is none": put(Item={"key": {"S": "a"}, "attempt": {"N": "one"}}),
    "a number of 39 digits": put(Item={"key": {"S": "a"}, "attempt": {"N": "1" * 39}}),
    "a number too large": put(Item={"key": {"S": "a"}, "attempt": {"N": "1e126"}}),
    "no such table": ("get_item", {"TableName": "nothing", "Key": {"key": {"S": "a"}}}),
    "no such return values": put(ReturnValues="ALL_NEW"),
    "names without an expression": put(ExpressionAttributeNames={"#key": "key"}),
    "too many in a transaction": (
        "transact_write_items",
        {
            "TransactItems": [
                {"Put": {"TableName": PAYMENTS, "Item": {"key": {"S": str(number)}}}}
                for number in range(101)
            ]
        },
    ),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_what_dynamodb_refuses_is_refused(emulator: Session, call: Call) -> None:
    refused = told(emulator, call)
    assert refused[0] in ("ValidationException", "ResourceNotFoundException")
    assert told(remembered(), call) == refused


# The emulator takes these. The types that can be ordered:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LegacyConditionalParameters.Conditions.html
# and how an update may use numbers and paths:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
OVERLOOKED: dict[str, Call] = {
    "an order of truths": conditional("attempt < :a", a={"BOOL": True}),
    "bounds of two types": conditional("attempt BETWEEN :a AND :b", a={"N": "1"}, b={"S": "b"}),
    "an attribute twice": update("SET attempt = :a, attempt = :a", **{":a": {"N": "1"}}),
    "a number and a text": update("SET attempt = attempt + :a", **{":a": {"N": "1"}}),
    "a number and a truth": update("SET attempt = flag + :a", **{":a": {"N": "1"}}),
}


@pytest.mark.parametrize("call", OVERLOOKED.values(), ids=OVERLOOKED)
def test_what_only_dynamodb_refuses_is_refused(call: Call) -> None:
    memory = remembered()
    item = {"key": {"S": "a"}, "attempt": {"S": "2026-01-01"}, "flag": {"BOOL": True}}
    told(memory, put(Item=item))
    assert told(memory, call) == ("ValidationException", None, [])


UNKNOWN: dict[str, Call] = {
    "size": conditional("size(due_at) = :a", a={"N": "1"}),
    "contains": conditional("contains(due_at, :a)", a={"S": "1"}),
    "two attributes": conditional("attempt = due_at"),
    "an element of a list": conditional("facts[0] = :a", a={"S": "1"}),
    "a part of an attribute": update("SET facts.amount = :a", **{":a": {"S": "1"}}),
    "list_append": update("SET facts = list_append(facts, :a)", **{":a": {"L": []}}),
    "DELETE": update("DELETE facts :a", **{":a": {"S": "1"}}),
    "a set": put(Item={"key": {"S": "a"}, "facts": {"SS": ["1"]}}),
    "a filter": ("scan", {"TableName": PAYMENTS, "FilterExpression": "attempt = :a"}),
    "a projection": ("scan", {"TableName": PAYMENTS, "Select": "SPECIFIC_ATTRIBUTES"}),
}


@pytest.mark.parametrize("call", UNKNOWN.values(), ids=UNKNOWN)
def test_nothing_is_guessed(call: Call) -> None:
    with pytest.raises(NotImplementedError):
        told(remembered(), call)


@pytest.mark.parametrize(
    ("written", "read"),
    [("1.50", "1.5"), ("+007", "7"), ("-0", "0"), ("1e3", "1000"), ("120e-3", "0.12")],
)
def test_numbers_are_written_one_way(emulator: Session, written: str, read: str) -> None:
    for session in (emulator, remembered()):
        told(session, put(Item={"key": {"S": "a"}, "attempt": {"N": written}}))
        got = told(session, ("get_item", {"TableName": PAYMENTS, "Key": {"key": {"S": "a"}}}))
        assert got["Item"]["attempt"] == {"N": read}


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("index", [None, "numbers", "whole"])
def test_pages_go_on_where_they_ended(other: Session, index: str | None, backward: bool) -> None:  # noqa: FBT001 - of a table
    memory = remembered()
    for session in (memory, other):
        emptied(session)
        for number in (10, 9, -1, 100, 2):
            item = {"place": {"S": "a"}, "number": {"N": str(number)}, "kind": {"S": "a"}}
            session("dynamodb").put_item(TableName="events", Item={**item, "note": {"S": "n"}})
    hashed = "place" if index is None else "kind"

    def pages(session: Session) -> list[Any]:
        found: list[Any] = []
        start: dict[str, Any] = {}
        while True:
            page = session("dynamodb").query(
                TableName="events",
                KeyConditionExpression=f"{hashed} = :a",
                ExpressionAttributeValues={":a": {"S": "a"}},
                ScanIndexForward=not backward,
                Limit=2,
                **({"IndexName": index} if index else {}),
                **start,
            )
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    found, expected = pages(memory), pages(other)
    if index == "whole":  # no order within one hash key
        found, expected = sorted(found, key=str), sorted(expected, key=str)
    assert found == expected
    assert len(found) == 5


# The adapters of the project


class Play:
    """The project's adapters on one world, and what they are told; random, the same per seed."""

    def __init__(self, seed: int, session: Session) -> None:
        self.dice = Dice(seed)
        self.at = datetime(2026, 11, 1, tzinfo=UTC)
        dynamodb = session("dynamodb")
        self.ledger = Ledger(dynamodb, PAYMENTS, CONNECTIONS)
        self.pace = Pace(
            dynamodb,
            WIRED.tables["PaceTable"].name,
            clock=lambda: self.at,
            sleep=lambda _seconds: None,
            rules=PacePolicy(0.005, 200, 30),
            ahead_s=0,
            patience_s=300,
        )
        journal = Journal(dynamodb, WIRED.tables["JournalTable"].name, 400)
        self.connections = Connections(dynamodb, CONNECTIONS, journal)
        self.accounts = Accounts(dynamodb, WIRED.tables["AccountsTable"].name)
        self.tickets = Tickets(dynamodb, WIRED.tables["TicketsTable"].name, 600)
        self.entries: dict[str, list[Entry]] = {}
        self.rows: dict[int, list[Connection]] = {}
        self.found: list[Account] = []
        self.issued: list[str] = []

    def step(self) -> Any:
        """One call of one adapter; what it returned, or how it failed."""
        self.at += timedelta(seconds=self.dice.randint(1, 300))
        acts = [
            self.pay,
            self.pay,
            self.pay,
            self.pay,
            self.pay,
            self.look,
            self.connect,
            self.connect,
            self.own,
        ]
        acts += [self.account, self.account, self.ticket, self.turn]
        try:
            return self.dice.choice(acts)()
        except (StaleWrite, ledger.IdTaken, Busy, Paused) as refused:
            return repr(refused)

    def entry(self) -> tuple[Entry | None, Entry]:
        """A version of an entry that was seen before, perhaps an old one, and one after it."""
        key = self.dice.choice(["payment#1", "payment#2", "refund#1"])
        seen = self.entries.setdefault(key, [])
        before = self.dice.choice(seen) if seen and self.dice.random() < 0.9 else None
        state = self.dice.choice(list(EntryState))
        after = Entry(
            key=key,
            digest="digest",
            facts={"amount": "1.50", "payment_event_id": "1"},
            state=state,
            received_at=self.at,
            location_id=self.dice.choice([1, 2]),
            attempt=(before.attempt if before else 0) + self.dice.randint(0, 1),
            due_at=self.at if state in WAITING else None,
            platform_id=self.dice.choice([7, 8]),
        )
        seen.append(after)
        return before, after

    def pay(self) -> Any:
        before, after = self.entry()
        match self.dice.randrange(4):
            case 0:
                turns = (self.pace.at_once, self.pace.in_turn)
                state = self.dice.choice([State.ACTIVE, State.FROZEN])
                return self.ledger.claim(before, after, self.dice.choice(turns)(), state)
            case 1:
                return self.ledger.finish(before or after, after)
            case _:
                return self.ledger.move(before, after)

    def turn(self) -> Any:
        match self.dice.randrange(4):
            case 0:
                return self.pace.wait()
            case 1:
                return self.pace.brake(self.dice.randint(0, 400))
            case _:
                return self.pace.take(self.dice.randint(0, 300))

    def look(self) -> Any:
        match self.dice.randrange(5):
            case 0:
                return self.ledger.get(self.dice.choice(["payment#1", "refund#1"]))
            case 1:
                return self.ledger.due(self.dice.choice(WAITING), self.at, 2)
            case 2:
                return sorted(self.ledger.of_location(1))
            case 3:
                return sorted(self.ledger.held(1, 10))
            case _:
                return self.ledger.is_owned(7), self.ledger.echo()

    def own(self) -> Any:
        _before, after = self.entry()
        self.ledger.note_echo(after)
        return self.ledger.own(self.dice.choice([7, 9]), after.key)

    def connect(self) -> Any:
        location_id = self.dice.choice([1, 2])
        seen = self.rows.setdefault(
            location_id, [Connection(location_id, State.PENDING, 1, "a", self.at)]
        )
        match self.dice.randrange(6):
            case 0:
                return self.connections.hint(location_id, Hint.UNINSTALL, self.at)
            case 1:
                return self.connections.due(self.dice.choice(list(State)), self.at, 1)
            case 2:
                return self.connections.of_account("a")
            case 3:
                if (row := self.connections.get(location_id)) is not None:
                    seen.append(row)
                return row
            case _:
                row = self.dice.choice(seen[-2:])
                state, due_at = self.dice.choice(list(State)), self.dice.choice([None, self.at])
                changed = replace(row, state=state, due_at=due_at, account_id="a")
                seen.append(saved := self.connections.save(changed))
                return saved

    def account(self) -> Any:
        if not self.found or self.dice.random() < 0.4:
            account = self.accounts.register(
                self.dice.choice([1, 2]), name="Ada", email="a@b.example", phone="", now=self.at
            )
            self.found.append(account)
            return account
        account = self.dice.choice(self.found)
        match self.dice.randrange(3):
            case 0:
                return self.accounts.seen(account, self.at)
            case 1:
                since = self.at - timedelta(minutes=10)
                return self.accounts.erase(account.account_id, unless_seen_since=since)
            case _:
                return self.accounts.of_user(account.altegio_user_id)

    def ticket(self) -> Any:
        if self.issued and self.dice.random() < 0.6:
            return self.tickets.open(self.dice.choice(self.issued), self.at)
        owner = Owner(1, "Ada", "a@b.example", "")
        self.issued.append(self.tickets.issue(Redirect((1, 2), owner, None, "crm"), self.at))
        return self.issued[-1]


def test_the_adapters_are_told_the_same(other: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    emptied(other)
    told = set()
    for seed in range(PLAYS):
        worlds = remembered(), other
        transcripts = []
        for world in worlds:
            ids = Dice(seed)
            monkeypatch.setattr(
                "shared.connections.accounts.uuid",
                SimpleNamespace(uuid4=lambda ids=ids: ids.getrandbits(99)),
            )
            monkeypatch.setattr(
                "shared.connect.tickets.secrets",
                SimpleNamespace(token_urlsafe=lambda _n, ids=ids: f"{ids.getrandbits(99):043}"),
            )
            monkeypatch.setattr(
                "shared.connections.journal.secrets",
                SimpleNamespace(token_hex=lambda _n, ids=ids: f"{ids.getrandbits(32):08x}"),
            )
            play = Play(seed, world)
            transcripts.append([play.step() for _ in range(40)])
        assert transcripts[0] == transcripts[1], seed
        assert emptied(worlds[0]) == emptied(worlds[1]), seed
        told |= {str(answer)[:9] for answer in transcripts[0]}
    # Each way in which the money's rows refuse was met.
    assert {"StaleWrit", "IdTaken('", "True", "False"} <= told


# Queues: the calls of the local stack's pollers and of the tests


class Mailbox:
    """A queue and its dead letters in one world; messages are known by their bodies."""

    def __init__(self, sqs: Any, name: str) -> None:
        self.sqs = sqs
        self.dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.dead, AttributeNames=["QueueArn"])
        redrive = {
            "deadLetterTargetArn": arn["Attributes"]["QueueArn"],
            "maxReceiveCount": MOST_RECEIVES,
        }
        self.url = sqs.create_queue(
            QueueName=name,
            Attributes={"VisibilityTimeout": "600", "RedrivePolicy": json.dumps(redrive)},
        )["QueueUrl"]
        self.held: dict[str, str] = {}
        self.is_purged = False

    def send(self, body: str, **more: Any) -> None:
        self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **more)

    def receive(self, url: str = "") -> list[Any]:
        received = self.sqs.receive_message(
            QueueUrl=url or self.url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        ).get("Messages", [])
        for message in received:
            self.held[message["Body"]] = message["ReceiptHandle"]
        return sorted(
            (
                message["Body"],
                message["Attributes"],
                json.dumps(message.get("MessageAttributes"), sort_keys=True),
            )
            for message in received
        )

    def give_back(self) -> None:
        """Makes all that it holds visible again."""
        for handle in self.held.values():
            self.sqs.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=handle, VisibilityTimeout=0
            )
        self.held.clear()

    def delete(self, bodies: list[str]) -> Any:
        handles = [self.held.pop(body) for body in bodies]
        if len(handles) == 1:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=handles[0])
            return None
        entries = [
            {"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(handles)
        ]
        answer = self.sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)
        return answer["Successful"], answer["Failed"]

    def counts(self) -> Any:
        states = ["", "NotVisible", "Delayed"]
        names = [f"ApproximateNumberOfMessages{state}" for state in states]
        return [
            self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            for url in (self.url, self.dead)
        ]


def mailed(box: Mailbox, seed: int) -> list[Any]:
    """What a random sequence of calls is told, the same calls for the same seed."""
    dice = Dice(seed)
    seen: list[Any] = []
    for number in range(12):
        match dice.randrange(7):
            case 0 | 1:
                reason = {"reason": {"DataType": "String", "StringValue": "why"}}
                mores: list[dict[str, Any]] = [{"MessageAttributes": reason}, {"DelaySeconds": 900}]
                box.send(f"m-{number}", **dice.choice([{}, *mores]))
            case 2 | 3:
                seen.append(box.receive())
            case 4:
                box.give_back()
            case 5 if box.held:
                bodies = dice.sample(sorted(box.held), min(len(box.held), dice.randint(1, 2)))
                seen.append(box.delete(bodies))
            case 6 if not box.is_purged:  # SQS takes a minute for one
                box.sqs.purge_queue(QueueUrl=box.url)
                box.is_purged = True
                box.held.clear()
        seen.append(box.counts())
    return seen


def test_queues_are_told_the_same(other: Session) -> None:
    for seed in range(MAILS):
        memory = Mailbox(Memory(now).client("sqs"), "mail")
        assert mailed(memory, seed) == mailed(Mailbox(other("sqs"), f"mail-{seed}"), seed), seed


def test_a_message_that_is_received_too_often_is_a_dead_letter(other: Session) -> None:
    for session in (Memory(now).client, other):
        box = Mailbox(session("sqs"), "often")
        DeadLetters(box.sqs, box.url).put("body", "why", "m-1")
        WakeUps(box.sqs, box.url).send("payment#1", datetime(2026, 11, 1, tzinfo=UTC))
        received = []
        for _ in range(4):
            received += box.receive()
            box.give_back()
        assert [attributes["ApproximateReceiveCount"] for _body, attributes, _ in received] == list(
            "112233"
        )
        dead = box.receive(box.dead)
        assert [body for body, *_ in dead] == [
            "body",
            '{"type": "wake-up", "key": "payment#1", "due_at": "2026-11-01T00:00:00.000000Z"}',
        ]
        assert "why" in dead[0][2]


@pytest.mark.parametrize(
    "call",
    [
        lambda sqs, url: sqs.send_message(QueueUrl=f"{url}-not", MessageBody="body"),
        lambda sqs, url: sqs.delete_message(QueueUrl=url, ReceiptHandle="nobody's"),
        lambda sqs, url: sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=11),
    ],
)
def test_queues_refuse_the_same(emulator: Session, call: Callable[[Any, str], Any]) -> None:
    codes = []
    for session in (emulator, Memory(now).client):
        url = session("sqs").create_queue(QueueName="strict")["QueueUrl"]
        with pytest.raises(ClientError) as refused:
            call(session("sqs"), url)
        codes.append(refused.value.response["Error"]["Code"])
    assert codes[0] == codes[1]


def test_only_what_is_in_flight_is_given_back() -> None:
    """The emulator and moto take it a second time as well.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
    """
    box = Mailbox(Memory(now).client("sqs"), "mail")
    box.send("body")
    box.receive()
    held = dict(box.held)
    box.give_back()
    box.held = held
    with pytest.raises(ClientError, match="MessageNotInflight"):
        box.give_back()


def test_messages_come_when_the_clock_says() -> None:
    clock = Clock()
    memory = Memory(clock)
    create_queues(memory.client("sqs"), WIRED.queues)
    sqs, url = memory.client("sqs"), WIRED.queues["BillingQueue"].url

    def received() -> list[str]:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [message["Body"] for message in messages]

    sqs.send_message(QueueUrl=url, MessageBody="now")
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=60)
    assert received() == ["now"]
    clock.advance(seconds=59)
    assert received() == []
    clock.advance(seconds=1)
    assert received() == ["later"]
    clock.advance(seconds=120)
    assert received() == ["now"]


# Parameters


def test_parameters_are_told_the_same(other: Session) -> None:
    transcripts = []
    for session in (Memory(now).client, other):
        ssm, name = session("ssm"), "/altegio/partner-token"
        token = PartnerToken(ssm, name)
        with pytest.raises(GetParameterError, match="ParameterNotFound"):
            token.accepted()
        told: list[Any] = []
        for value, overwrite in (("one\n", False), ("two", True), ("three", False)):
            try:
                answer = ssm.put_parameter(
                    Name=name, Value=value, Type="SecureString", Overwrite=overwrite
                )
                told += [answer["Version"], token.accepted(), token.refetch()]
            except ClientError as error:
                told.append(error.response["Error"]["Code"])
        assert ssm.get_parameter(Name=name)["Parameter"]["Value"] != "two"
        transcripts.append(told)
    assert transcripts[0] == transcripts[1]
    one, two = ("one",), ("two",)
    assert transcripts[0] == [1, one, one, 2, one, two, "ParameterAlreadyExists"]


# What tests may do with it


def test_neither_what_was_put_nor_what_was_got_is_the_row() -> None:
    dynamodb = remembered()("dynamodb")
    item: Any = {"key": {"S": "a"}, "facts": {"M": {"list": {"L": [{"S": "as put"}]}}}}
    key = {"TableName": PAYMENTS, "Key": {"key": {"S": "a"}}}
    dynamodb.put_item(TableName=PAYMENTS, Item=item)
    for row in (item, dynamodb.get_item(**key)["Item"]):
        row["facts"]["M"]["list"]["L"][0]["S"] = "changed"
        got = dynamodb.get_item(**key)["Item"]
        assert got["facts"]["M"]["list"]["L"] == [{"S": "as put"}]


def test_hooks_see_every_call_and_may_end_it() -> None:
    memory = Memory(now)
    dynamodb = with_tables(memory.client)("dynamodb")
    seen: list[str] = []
    memory.before = lambda operation, asked: seen.append(f"> {operation} {asked['TableName']}")
    memory.after = lambda operation, _asked: seen.append(f"< {operation}")
    row = {"TableName": PAYMENTS, "Item": {"key": {"S": "a"}}}
    dynamodb.put_item(**row)
    assert seen == [f"> PutItem {PAYMENTS}", "< PutItem"]

    def conflict(operation: str, _asked: object) -> None:
        raise refusal(operation, "TransactionConflictException", "somebody is at it")

    memory.before = conflict
    with pytest.raises(ClientError, match="somebody is at it"):
        dynamodb.put_item(TableName=PAYMENTS, Item={"key": {"S": "b"}})
    memory.before = None

    def kill(_operation: str, _asked: object) -> None:
        raise KeyboardInterrupt

    memory.after = kill
    with pytest.raises(KeyboardInterrupt):
        dynamodb.put_item(TableName=PAYMENTS, Item={"key": {"S": "c"}})
    memory.after = None
    keys = [item["key"]["S"] for item in dynamodb.scan(TableName=PAYMENTS)["Items"]]
    assert keys == ["a", "c"]
