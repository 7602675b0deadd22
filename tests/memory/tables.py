"""DynamoDB in memory, as far as the project calls it.

Every read is strongly consistent. No sizes are counted: a page, an item and a transaction may be as
large as they like. Two calls never overlap, so that there is no TransactionConflict. Time to live
deletes nothing, as it may for days.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.memory import expressions
from tests.memory.calls import Asked, Calls, Client, Refused, operation
from tests.memory.expressions import Clause, Condition, Update, Values
from tests.memory.values import Invalid, Item, Misfit, copied, stored

type Key = tuple[str, ...]

_NONE: Mapping[str, Any] = {}
_NOTHING: frozenset[str] = frozenset()
_EXPRESSIONS = ("ExpressionAttributeNames", "ExpressionAttributeValues")
_CONDITIONAL = ("ConditionExpression", *_EXPRESSIONS, "ReturnValuesOnConditionCheckFailure")
_PAGE = ("TableName", "Limit", "ExclusiveStartKey", "Select", "ConsistentRead")
# What a write, alone or in a transaction, is asked with.
_WRITES = {
    "Put": frozenset({"TableName", "Item", *_CONDITIONAL}),
    "Update": frozenset({"TableName", "Key", "UpdateExpression", *_CONDITIONAL}),
    "Delete": frozenset({"TableName", "Key", *_CONDITIONAL}),
    "ConditionCheck": frozenset({"TableName", "Key", *_CONDITIONAL}),
}
_MOST_WRITES = 100
_KEY_OPERATORS = ("=", "<", "<=", ">", ">=", "BETWEEN", "begins_with")
_FINE = {"Code": "None"}
_CONDITION_FAILED = {
    "Code": "ConditionalCheckFailed",
    "Message": "The conditional request failed",
}
_WRONG = "One or more parameter values were invalid: "
_EMPTY = (
    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
    "contain an empty string value."
)
_NO_SUCH_KEY = "The provided key element does not match the schema"
_UPDATED = ("ALL_NEW", "UPDATED_OLD", "UPDATED_NEW")


class Index:
    """A global secondary index: the items that have its key, by hash key."""

    def __init__(self, request: Asked, kinds: Mapping[str, str], key: Key) -> None:
        self.key = _names(request["KeySchema"])
        self.kinds = kinds
        projection = request["Projection"]
        self._is_whole = projection["ProjectionType"] == "ALL"
        self._projected = {*key, *self.key, *projection.get("NonKeyAttributes", ())}
        self._hashed: dict[str, dict[Key, Item]] = {}

    def move(self, key: Key, before: Item | None, after: Item | None) -> None:
        """Follows a write of the table."""
        if before is not None and (hashed := self._hash(before)) is not None:
            del self._hashed[hashed][key]
        if after is not None and (hashed := self._hash(after)) is not None:
            self._hashed.setdefault(hashed, {})[key] = after

    def under(self, hashed: str) -> Iterable[tuple[Key, Item]]:
        """The items with this hash key, in no order."""
        return self._hashed.get(hashed, {}).items()

    def projected(self, item: Item) -> Item:
        """What the index holds of an item."""
        if self._is_whole:
            return item
        return {name: item[name] for name in item if name in self._projected}

    def _hash(self, item: Item) -> str | None:
        for name in self.key:
            if name not in item:
                return None
        return str(item[self.key[0]][self.kinds[self.key[0]]])


class Table:
    """The items by key, the indexes that follow them, and the stream, if it has one.

    Attributes:
        stream: every write that changed something, as Lambda brings it, the oldest first.
    """

    def __init__(self, request: Asked, now: Callable[[], datetime]) -> None:
        self.stream: list[dict[str, Any]] = []
        self._view = request.get("StreamSpecification", _NONE).get("StreamViewType", "")
        self._name, self._now = request["TableName"], now
        self.kinds = {
            definition["AttributeName"]: definition["AttributeType"]
            for definition in request["AttributeDefinitions"]
        }
        self.key = _names(request["KeySchema"])
        self.items: dict[Key, Item] = {}
        self.indexes = {
            index["IndexName"]: Index(index, self.kinds, self.key)
            for index in request.get("GlobalSecondaryIndexes", ())
        }
        indexed = {name for index in self.indexes.values() for name in index.key}
        self._indexed = [(name, self.kinds[name]) for name in sorted(indexed - {*self.key})]

    def key_of(self, item: Item, *, is_key: bool) -> Key:
        """The key of an item, or of what names one and may hold nothing else.

        Raises:
            Invalid: a part is missing, too much, or empty.
            Misfit: a part has another type.
        """
        if is_key and len(item) != len(self.key):
            raise Invalid(_NO_SUCH_KEY)
        key = []
        for name in self.key:
            if name not in item:
                raise Invalid(_NO_SUCH_KEY if is_key else f"{_WRONG}Missing the key {name}")
            kind = self.kinds[name]
            if kind not in item[name]:
                raise Misfit(_NO_SUCH_KEY if is_key else f"{_WRONG}Type mismatch for key {name}")
            if not item[name][kind]:
                raise Invalid(f"{_EMPTY} Key: {name}")
            key.append(item[name][kind])
        return tuple(key)

    def check(self, item: Item) -> None:
        """Whether the indexes can take the item.

        Raises:
            Invalid: an attribute is empty that is the key of one.
            Misfit: such an attribute has another type.
        """
        for name, kind in self._indexed:
            if name in item:
                if kind not in item[name]:
                    raise Misfit(f"{_WRONG}Type mismatch for Index Key {name}")
                if not item[name][kind]:
                    raise Invalid(f"{_EMPTY} IndexKey: {name}")

    def write(self, key: Key, after: Item | None) -> None:
        """Puts the item in the place of what is there; None deletes."""
        before = self.items.get(key)
        for index in self.indexes.values():
            index.move(key, before, after)
        if self._view and before != after:
            self._tell(before, after)
        if after is not None:
            self.items[key] = after
        elif before is not None:
            del self.items[key]

    def _tell(self, before: Item | None, after: Item | None) -> None:
        """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html."""
        item = after if after is not None else before or {}
        number = f"{len(self.stream) + 1:021}"
        written: dict[str, Any] = {
            # In whole seconds, as there.
            "ApproximateCreationDateTime": int(self._now().timestamp()),
            "Keys": {name: item[name] for name in self.key},
            "SequenceNumber": number,
            "StreamViewType": self._view,
        }
        if self._view == "NEW_AND_OLD_IMAGES":
            images = {"NewImage": after, "OldImage": before}
            written |= {name: image for name, image in images.items() if image is not None}
        elif self._view != "KEYS_ONLY":
            raise NotImplementedError(self._view)
        name = "INSERT" if before is None else "REMOVE" if after is None else "MODIFY"
        arn = f"arn:aws:dynamodb:us-east-1:000000000000:table/{self._name}/stream/1"
        self.stream.append(
            {
                "eventID": f"{self._name}-{number}",
                "eventName": name,
                "eventVersion": "1.1",
                "eventSource": "aws:dynamodb",
                "awsRegion": "us-east-1",
                "dynamodb": written,
                "eventSourceARN": arn,
            }
        )

    def under(self, hashed: str) -> Iterable[tuple[Key, Item]]:
        """The items with this hash key, in no order."""
        return [(key, item) for key, item in self.items.items() if key[0] == hashed]

    def projected(self, item: Item) -> Item:
        """All of it."""
        return item


@dataclass(slots=True)
class Write:
    """One write, understood and not done yet."""

    verb: str
    table: Table
    key: Key
    # Of a Put the new item; else the key, from which an Update makes what is not there.
    item: Item
    values: Values
    condition: Condition | None
    update: Update | None
    shows_old: bool

    def refused(self) -> dict[str, Any] | None:
        """What is told of an item of which the condition does not hold; None if it does."""
        before = self.table.items.get(self.key)
        if self.condition is None or self.condition.clause.holds(before or {}, self.values):
            return None
        return {"Item": copied(before)} if before and self.shows_old else {}

    def check(self) -> None:
        """Whether the indexes can take what is written, which a transaction looks at first.

        Raises:
            Invalid, Misfit: they cannot.
        """
        if self.verb == "Put":
            self.table.check(self.item)
        elif self.update is not None:
            try:
                after = self.update.applied(self.table.items.get(self.key, self.item), self.values)
            except Misfit:
                return  # told only if no condition fails
            self.table.check(after)

    def after(self) -> Item | None:
        """What the item becomes.

        Raises:
            Invalid, Misfit: it would be none that the table takes.
        """
        before = self.table.items.get(self.key)
        if self.verb == "Put":
            return self.item
        if self.verb == "Delete":
            return None
        if self.verb == "ConditionCheck":
            return before
        after = dict(self.item) if before is None else before
        if self.update is not None:
            after = self.update.applied(after, self.values)
            self.table.check(after)
        return after


class Tables(Client):
    """The client for "dynamodb"."""

    def __init__(self, calls: Calls) -> None:
        super().__init__(calls)
        self._tables: dict[str, Table] = {}

    @operation(
        "CreateTable",
        "TableName",
        "AttributeDefinitions",
        "BillingMode",
        "GlobalSecondaryIndexes",
        "KeySchema",
        "StreamSpecification",
    )
    def create_table(self, asked: Asked) -> Any:
        if asked["TableName"] in self._tables:
            raise Refused("ResourceInUseException", f"Table already exists: {asked['TableName']}")
        self._tables[asked["TableName"]] = Table(asked, self._calls.now)
        return {}

    def stream(self, table: str) -> list[dict[str, Any]]:
        """All that a table's stream ever had: here nothing is dropped after a day."""
        return self._tables[table].stream

    @operation("UpdateTimeToLive", "TableName", "TimeToLiveSpecification")
    def update_time_to_live(self, asked: Asked) -> Any:
        self._table(asked)
        return {"TimeToLiveSpecification": asked["TimeToLiveSpecification"]}

    @operation("GetItem", "TableName", "Key", "ConsistentRead")
    def get_item(self, asked: Asked) -> Any:
        table = self._table(asked)
        key = {name: stored(value) for name, value in asked["Key"].items()}
        item = table.items.get(table.key_of(key, is_key=True))
        return {} if item is None else {"Item": copied(item)}

    @operation("PutItem", *_WRITES["Put"], "ReturnValues")
    def put_item(self, asked: Asked) -> Any:
        return self._write("Put", asked)

    @operation("UpdateItem", *_WRITES["Update"], "ReturnValues")
    def update_item(self, asked: Asked) -> Any:
        return self._write("Update", asked)

    @operation("DeleteItem", *_WRITES["Delete"], "ReturnValues")
    def delete_item(self, asked: Asked) -> Any:
        return self._write("Delete", asked)

    @operation("TransactWriteItems", "TransactItems")
    def transact_write_items(self, asked: Asked) -> Any:
        writes = self._members(asked["TransactItems"])
        reasons: list[Mapping[str, Any]] = []
        afters: list[Item | None] = []
        for write in writes:
            told = write.refused()
            try:
                afters.append(write.after() if told is None else None)
            except Misfit as misfit:
                reasons.append(_unfit(misfit))
            else:
                reasons.append(_FINE if told is None else {**_CONDITION_FAILED, **told})
        _cancel(reasons)
        for write, after in zip(writes, afters, strict=True):
            if write.verb != "ConditionCheck":
                write.table.write(write.key, after)
        return {}

    @operation(
        "Query", *_PAGE, *_EXPRESSIONS, "IndexName", "KeyConditionExpression", "ScanIndexForward"
    )
    def query(self, asked: Asked) -> Any:
        names = tuple(asked.get("ExpressionAttributeNames", _NONE).items())
        condition = expressions.key_condition(asked["KeyConditionExpression"], names)
        values = _values(asked, condition)
        table = self._table(asked)
        index: Index | Table = table
        if (name := asked.get("IndexName")) is not None:
            if name not in table.indexes:
                raise Invalid(f"The table does not have the specified index: {name}")
            if asked.get("ConsistentRead"):
                raise Invalid("Consistent reads are not supported on global secondary indexes")
            index = table.indexes[name]
        holds = condition.clause.holds
        found = [
            (key, item)
            for key, item in index.under(_hash(condition.clause, index, values))
            if holds(item, values)
        ]
        return _page(asked, table, index, found)

    @operation("Scan", *_PAGE)
    def scan(self, asked: Asked) -> Any:
        table = self._table(asked)
        return _page(asked, table, table, table.items.items())

    def _table(self, asked: Asked) -> Table:
        table = self._tables.get(asked["TableName"])
        if table is None:
            raise Refused("ResourceNotFoundException", "Requested resource not found")
        return table

    def _write(self, verb: str, asked: Asked) -> Any:
        shown = asked.get("ReturnValues", "NONE")
        if shown not in ("NONE", "ALL_OLD") and (verb != "Update" or shown not in _UPDATED):
            raise Invalid("ReturnValues can only be ALL_OLD or NONE")
        write = self._understood(verb, asked)
        if verb == "Put":
            write.check()
        if (told := write.refused()) is not None:
            raise Refused(
                "ConditionalCheckFailedException", "The conditional request failed", **told
            )
        before, after = write.table.items.get(write.key), write.after()
        write.table.write(write.key, after)
        if shown == "NONE":
            return {}
        attributes = (after if shown.endswith("NEW") else before) or {}
        if shown.startswith("UPDATED"):
            updated = {name for name, _action in write.update.actions} if write.update else ()
            attributes = {name: value for name, value in attributes.items() if name in updated}
        return {"Attributes": copied(attributes)} if attributes else {}

    def _members(self, members: Sequence[Mapping[str, Asked]]) -> list[Write]:
        if not 1 <= len(members) <= _MOST_WRITES:
            raise Invalid("Member must have length between 1 and 100")
        reasons: list[Mapping[str, Any]] = []
        writes: list[Write] = []
        for member in members:
            [(verb, request)] = member.items()
            if not request.keys() <= _WRITES[verb]:
                raise NotImplementedError(f"{verb} with {request.keys() - _WRITES[verb]}")
            try:
                writes.append(write := self._understood(verb, request))
                write.check()
            except Misfit as misfit:
                reasons.append(_unfit(misfit))
            else:
                reasons.append(_FINE)
        if len({(id(write.table), write.key) for write in writes}) < len(writes):
            raise Invalid("Transaction request cannot include multiple operations on one item")
        _cancel(reasons)
        return writes

    def _understood(self, verb: str, asked: Asked) -> Write:
        names = tuple(asked.get("ExpressionAttributeNames", _NONE).items())
        condition = update = None
        mentions: list[Condition | Update] = []
        if (text := asked.get("ConditionExpression")) is not None:
            mentions.append(condition := expressions.condition(text, names))
        if (text := asked.get("UpdateExpression")) is not None:
            mentions.append(update := expressions.update(text, names))
        values = _values(asked, *mentions)
        source = asked["Item" if verb == "Put" else "Key"]
        item = {name: stored(value) for name, value in source.items()}
        table = self._table(asked)
        key = table.key_of(item, is_key=verb != "Put")
        if update is not None:
            for name, _action in update.actions:
                if name in table.key:
                    raise Invalid(f"{_WRONG}Cannot update {name}. It is part of the key")
        shows_old = asked.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        return Write(verb, table, key, item, values, condition, update, shows_old)


def _names(schema: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    """The attributes of a key, the hash key first."""
    ordered = sorted(schema, key=lambda part: part["KeyType"])
    return tuple(part["AttributeName"] for part in ordered)


def _values(asked: Asked, *mentions: Condition | Update) -> Values:
    """The values of the request, if its expressions mention all of them and all of its names."""
    values = {
        name: stored(value) for name, value in asked.get("ExpressionAttributeValues", _NONE).items()
    }
    names = asked.get("ExpressionAttributeNames", _NONE)
    if (values or names) and not mentions:
        raise Invalid("ExpressionAttributeNames and -Values can only be specified with expressions")
    mentioned = _NOTHING.union(*[mention.values for mention in mentions])
    if values.keys() != mentioned:
        if missing := mentioned - values.keys():
            raise Invalid(f"An expression attribute value is not defined: {min(missing)}")
        raise Invalid(
            "Value provided in ExpressionAttributeValues unused in expressions: keys: "
            f"{{{', '.join(sorted(values.keys() - mentioned))}}}"
        )
    # Those that are not defined were found when the expression was read.
    if unused := names.keys() - _NOTHING.union(*[mention.names for mention in mentions]):
        raise Invalid(
            "Value provided in ExpressionAttributeNames unused in expressions: keys: "
            f"{{{', '.join(sorted(unused))}}}"
        )
    for mention in mentions:
        for check in mention.checks:
            check(values)
    return values


def _hash(clause: Clause, index: Index | Table, values: Values) -> str:
    """The hash key that a key condition asks for, if it asks for one and fits the key."""
    leaves: dict[str, Clause] = {}
    for leaf in clause.conjuncts:
        if leaf.operator not in _KEY_OPERATORS:
            raise Invalid(f"Invalid operator used in KeyConditionExpression: {leaf.operator}")
        left, *others = leaf.operands
        [name, *nested] = left.path or ()
        if nested or name not in index.key:
            raise Invalid(f"Query condition missed key schema element: {index.key[-1]}")
        if name in leaves:
            raise Invalid("KeyConditionExpressions must only contain one condition per key")
        if any(index.kinds[name] not in values[str(other.value)] for other in others):
            raise Invalid(f"{_WRONG}Condition parameter type does not match schema type")
        leaves[name] = leaf
    hashed = leaves.get(index.key[0])
    if hashed is None:
        raise Invalid(f"Query condition missed key schema element: {index.key[0]}")
    if hashed.operator != "=":
        raise Invalid("Query key condition not supported")
    return str(values[str(hashed.operands[1].value)][index.kinds[index.key[0]]])


def _page(
    asked: Asked, table: Table, index: Index | Table, found: Iterable[tuple[Key, Item]]
) -> dict[str, Any]:
    """One page of what was found, ordered by range key; equal ones by the table's key."""
    if (select := asked.get("Select")) not in (None, "COUNT"):
        raise NotImplementedError(f"Select={select}")
    is_backward = not asked.get("ScanIndexForward", True)
    place = _place(index)
    places = [((place(item), key), item) for key, item in found]
    places.sort(key=lambda placed: placed[0], reverse=is_backward)
    if (start := asked.get("ExclusiveStartKey")) is not None:
        last = {name: stored(value) for name, value in start.items()}
        key = table.key_of({name: last[name] for name in table.key}, is_key=True)
        after = (place(last), key)
        places = [
            placed for placed in places if (placed[0] < after if is_backward else placed[0] > after)
        ]
    items = [item for _placed, item in places]
    answer: dict[str, Any] = {}
    limit = asked.get("Limit")
    if limit is not None and len(items) >= limit:
        items = items[:limit]
        # Also where nothing follows: DynamoDB does not look beyond the limit.
        answer["LastEvaluatedKey"] = copied(
            {name: items[-1][name] for name in (*index.key, *table.key)}
        )
    if select != "COUNT":
        answer["Items"] = [copied(index.projected(item)) for item in items]
    return {**answer, "Count": len(items), "ScannedCount": len(items)}


def _place(index: Index | Table) -> Callable[[Item], Any]:
    if len(index.key) == 1:
        return lambda _item: 0
    name = index.key[1]
    if index.kinds[name] == "N":
        return lambda item: Decimal(item[name]["N"])
    return lambda item: item[name]["S"]


def _unfit(misfit: Misfit) -> Mapping[str, Any]:
    return {"Code": "ValidationError", "Message": str(misfit)}


def _cancel(reasons: list[Mapping[str, Any]]) -> None:
    """Ends a transaction of which one member is refused."""
    codes = [reason["Code"] for reason in reasons]
    if {*codes} != {"None"}:
        raise Refused(
            "TransactionCanceledException",
            "Transaction cancelled, please refer cancellation reasons for specific reasons "
            f"[{', '.join(codes)}]",
            CancellationReasons=[dict(reason) for reason in reasons],
        )
