"""AWS in memory answers as the emulator does, and as moto does: what they are asked is generated.

Where these two are wrong, the exception stands here with the page that says so.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.stack.worlds import (
    ASKED,
    CONNECTIONS,
    PAYMENTS,
    Call,
    Dice,
    Session,
    emptied,
    now,
    remembered,
    told,
    with_tables,
)
from tests.memory import Memory, refusal

SEQUENCES, STEPS = 40, 14


# Calls nobody has thought of


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
        match self.dice.randrange(20) if self.dice.oddities else None:
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
        assert emptied(memory, ASKED) == emptied(other, ASKED), seed


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
