"""The events out of a world: its streams are read as Lambda reads them, and whatever dies, dies.

The events function reads streams and no table, and a stream only grows, so nothing depends on when
it is read. Therefore it is read when the world has come to its end, and a schedule is the same with
it and without. A shard keeps its order; of several, any may be first.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from local.stack.filters import passes
from local.stack.wiring import StreamMapping
from shared.aws.dynamodb import from_item
from shared.connections.connection import LIVE, State
from tests.chaos.judge import Wrong
from tests.chaos.tasks import Task
from tests.chaos.world import World
from tests.deployment import TEMPLATE
from tests.memory import refusal

_WIRED = TEMPLATE.wire({"ApplicationId": "101"}, endpoint_url="http://sqs", api_url="")
STREAMS = _WIRED.streams
# Of a stream; more than one, so that there is an order that nobody keeps.
SHARDS = 2
MOST_AT_ONCE = 12
# What the protocol of streams forbids; a mutant does it.
ACKNOWLEDGED_FIRST = [False]

type Row = Mapping[str, Any]


@dataclass(slots=True)
class Shard:
    """Some keys of a stream, and how far Lambda is with them."""

    mapping: StreamMapping
    records: list[dict[str, Any]] = field(default_factory=list)
    done: int = 0


def judge(world: World, chance: Random) -> int:
    """Reads all streams of a world that is in memory; returns how many facts were told.

    Raises:
        Wrong: a fact was lost, made up, or told under two ids.
    """
    shards = _shards(world)
    _read(world, shards, chance)
    told = [(it["DetailType"], json.loads(it["Detail"])) for it in _bus(world).told]
    if faults := list(_wrong(world, told)):
        raise Wrong("; ".join(faults))
    return len({event["id"] for _, event in told})


def _bus(world: World) -> Any:
    return world.memory.client("events")


def _stream(world: World, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.memory.client("dynamodb").stream(_WIRED.tables[table].name)
    return found


def _shards(world: World) -> list[Shard]:
    found = []
    for mapping in STREAMS:
        shards = [Shard(mapping) for _ in range(SHARDS)]
        for record in _stream(world, mapping.table):
            if passes(mapping.patterns, record):
                keys = json.dumps(record["dynamodb"]["Keys"], sort_keys=True)
                shards[sum(keys.encode()) % SHARDS].records.append(record)
        found += shards
    return found


def _read(world: World, shards: Sequence[Shard], chance: Random) -> None:
    """To the end of each; a third of the calls of the bus go wrong, until it has failed enough."""
    left = [20]

    def refuses(_entry: Any) -> str:
        left[0] -= chance.random() < 0.1
        return "ThrottlingException" if left[0] > 0 and chance.random() < 0.1 else ""

    def fails(operation: str, asked: Mapping[str, Any]) -> None:
        world._before(operation, asked)
        if operation == "PutEvents" and left[0] > 0 and chance.random() < 0.1:
            left[0] -= 1
            raise refusal(operation, "InternalException", "not today")

    _bus(world).refuses, world.memory.before = refuses, fails
    while behind := [it for it in shards if it.done < len(it.records)]:
        running = [
            _begun(world, shard, chance) for shard in chance.sample(behind, min(2, len(behind)))
        ]
        while running := [task for task in running if not task.done]:
            task = chance.choice(running)
            if left[0] > 0 and chance.random() < 0.1:
                left[0] -= 1
                world.kill(task)
            else:
                world.step(task)


def _begun(world: World, shard: Shard, chance: Random) -> Task:
    """A batch from where the shard is, and now and then one that was done already."""
    first = max(0, shard.done - (chance.randrange(4) if chance.random() < 0.1 else 0))
    batch = shard.records[first : first + chance.randint(1, MOST_AT_ONCE)]

    def answered(answer: Any) -> None:
        numbers = [it["dynamodb"]["SequenceNumber"] for it in batch]
        failed = [it["itemIdentifier"] for it in answer["batchItemFailures"]]
        done = min(map(numbers.index, failed), default=len(batch))
        shard.done = max(shard.done, first + done)

    if ACKNOWLEDGED_FIRST[0]:
        shard.done = max(shard.done, first + len(batch))
    return world.start("events", {"Records": batch}, answered)


# What must have been told


def _wrong(world: World, told: Sequence[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    by_id: dict[str, tuple[str, dict[str, Any]]] = {}
    for kind, event in told:
        if by_id.setdefault(event["id"], (kind, event)) != (kind, event):
            yield f"two events have the id {event['id']}"
    found = Counter(_named(kind, event) for kind, event in by_id.values())
    expected = Counter([*_of_entries(world), *_of_locations(world), *_of_calls(world)])
    for what in sorted(found | expected):
        if found[what] != expected[what]:
            yield f"{what} happened {expected[what]} times, and was told under {found[what]} ids"
    yield from _beside_the_rows(world, found)


def _named(kind: str, event: Row) -> str:
    which = event.get("event_id") or event.get("call_id") or event["location_id"]
    return f"{kind} of {which}"


_STATES = {"SENT": "sent", "REJECTED": "rejected", "NEEDS_HUMAN": "needs_person"}


def _of_entries(world: World) -> Iterator[str]:
    """By what each row was, one write after the other."""
    for was, row in _writes(world, "PaymentsTable", "key"):
        if "state" in row and was.get("state") != row["state"] and row["state"] in _STATES:
            yield _entry_in_words(row)


def _entry_in_words(row: Row) -> str:
    kind, _, event_id = row["key"].partition("#")
    word = _STATES[row["state"]]
    if word == "sent" and kind == "refund":
        word = "done"
    if word == "sent" and event_id.startswith("hosted-"):
        word = "recorded"
    return f"{kind}.{word} of {event_id}"


def _of_locations(world: World) -> Iterator[str]:
    for was, row in _writes(world, "ConnectionsTable", "location_id"):
        before, after = was.get("state"), row["state"]
        if before in LIVE and after not in LIVE:
            yield f"location.disconnected of {row['location_id']}"
        elif after in LIVE and (before not in LIVE or was["generation"] != row["generation"]):
            yield f"location.connected of {row['location_id']}"
        elif before in LIVE and before != after:
            word = "frozen" if after == State.FROZEN else "thawed"
            yield f"location.{word} of {row['location_id']}"


def _of_calls(world: World) -> Iterator[str]:
    """Each once, with the first write after which it waits for nothing more to be told."""
    settled = set()
    for _, row in _writes(world, "CallsTable", "key"):
        if "leg" not in row or row["state"] in ("ringing", "unrouted", "waiting"):
            continue
        is_missed = row["leg"]["direction"] == "incoming" and not row["leg"]["answered"]
        if row["key"] not in settled and is_missed and "location_id" in row:
            yield f"call.missed of {row['call_id']}"
        settled.add(row["key"])


def _writes(world: World, table: str, key: str) -> Iterator[tuple[Row, Row]]:
    rows: dict[Any, Row] = defaultdict(dict)
    for record in _stream(world, table):
        if "NewImage" in record["dynamodb"]:
            row = from_item(record["dynamodb"]["NewImage"])
            yield rows[row[key]], row
            rows[row[key]] = row


def _beside_the_rows(world: World, found: Counter[str]) -> Iterator[str]:
    """The ledger and the journal as they are at the end, whatever the streams say."""
    for row in world.rows("PAYMENTS_TABLE"):
        if row.get("state") in _STATES and not found[_entry_in_words(row)]:
            yield f"{row['key']} is {row['state']}, and nobody was told"
        if row.get("state") == "SENT" and found[_entry_in_words(row)] != 1:
            yield f"{row['key']} was sent {found[_entry_in_words(row)]} times, by what was told"
    generations = defaultdict(set)
    for line in world.rows("JOURNAL_TABLE"):
        if line["state"] in LIVE:
            generations[line["location_id"]].add(line["generation"])
    for location_id, lived in generations.items():
        if found[f"location.connected of {location_id}"] < len(lived):
            yield f"{location_id} was connected {len(lived)} times, as its journal says"
