"""The census's table: how far it has come, the locations that it goes through, what it has found.

One census at a time: a row for its head and, for each few dozen locations, a part. Whoever writes
from an old head loses, and what it has found with it, so two runs at once do no harm.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb import (
    StaleWrite,
    reading,
    row,
    timed,
    to_item,
    to_value,
    transacted,
    typed,
)
from shared.clock import instant, stamp
from shared.reconcile.census.differences import REPAIRED, Difference, Finding

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

# Locations in a part, which with all that may be found of them has to fit into an item's 400 KB.
PART = 50


class Stage(StrEnum):
    """Of a census, in this order."""

    LISTING = "listing"
    LOOKING = "looking"
    REPAIRING = "repairing"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Head:
    """One census.

    Attributes:
        began_at: when; it is known by this.
        stage: what it does now.
        repairs: whether it puts right what it can; otherwise it is a dry run.
        fuse: how many repairs it may make; None is a share of the locations (see `census.fuse`).
        parts: how many parts there are.
        page: of the platform's list, the next one.
        part: the one that is gone through, from 0.
        place: in that part, the next location or finding.
        tried: how often the platform did not answer for that place.
        locations: how many there are in all.
        looked: at how many of them was looked.
        found: how many differences, by their words.
        repaired: how many were put right.
        blown: whether more had to be repaired than the fuse allows.
        changed_at: when it last went on.
        version: counts the writes.
    """

    began_at: datetime
    stage: Stage
    repairs: bool
    fuse: int | None = None
    parts: int = 0
    page: int = 1
    part: int = 0
    place: int = 0
    tried: int = 0
    locations: int = 0
    looked: int = 0
    found: dict[str, int] = field(default_factory=dict)
    repaired: int = 0
    blown: bool = False
    changed_at: datetime | None = None
    version: int = 0

    @property
    def repairable(self) -> int:
        """How many of the differences could be put right."""
        return sum(self.found.get(kind, 0) for kind in REPAIRED)

    @property
    def changes(self) -> int:
        """How many of these change a location, which is what the fuse is for."""
        return self.repairable - self.found.get(Difference.UNRECORDED, 0)


@dataclass(frozen=True, slots=True)
class Found:
    """A finding, when it was made, in which generation (0: none), and what became of it."""

    finding: Finding
    at: datetime
    generation: int
    result: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Some locations, and what was found of them."""

    number: int
    locations: tuple[int, ...]
    found: tuple[Found, ...] = ()


class CensusTable:
    """Reads and writes the census."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def head(self) -> Head | None:
        """The census that is under way, or else the last one; None if there never was one."""
        values = self._get("head")
        if values is None:
            return None
        with reading("census"):
            times = timed(values, ("began_at", "changed_at"))
            return typed(Head, {**times, "stage": Stage(values["stage"])})

    def order(self, now: datetime, *, repairs: bool = False) -> Head:
        """Begins a census, which reconcile takes; or returns the one that is under way."""
        head = self.head()
        if head is not None and head.stage is not Stage.DONE:
            return head
        version = head.version if head else 0
        new = Head(began_at=now, stage=Stage.LISTING, repairs=repairs, version=version)
        try:
            return self.save(new, now)
        except StaleWrite:
            # A daily one has begun at this very moment.
            return self.head() or new

    def save(self, head: Head, now: datetime, part: Part | None = None) -> Head:
        """Writes what was decided from the version in `head`, all or nothing; returns the head.

        Raises:
            StaleWrite: the head has another version by now.
        """
        stored = replace(head, version=head.version + 1, changed_at=now)
        values = {**asdict(stored), "began_at": stamp(stored.began_at), "changed_at": stamp(now)}
        put = {
            "TableName": self._table,
            "Item": to_item({**values, "stage": str(stored.stage), "key": "head"}),
            "ConditionExpression": "attribute_not_exists(#key) OR version = :seen",
            "ExpressionAttributeNames": {"#key": "key"},
            "ExpressionAttributeValues": {":seen": to_value(head.version)},
        }
        parts = [{"Put": self._put(part)}] if part is not None else []
        if transacted(self._dynamodb, [{"Put": put}, *parts]):
            raise StaleWrite
        return stored

    def part(self, number: int) -> Part:
        """One part of the present census."""
        values = self._get(f"part#{number:05}") or {}
        with reading(f"census, part {number}"):
            return Part(
                number=number,
                locations=tuple(values.get("locations", ())),
                found=tuple(_found(row) for row in values.get("found", ())),
            )

    def write(self, part: Part) -> None:
        """Writes a part, over whatever an earlier census has left there."""
        self._dynamodb.put_item(**self._put(part))

    def write_all(self, number: int, locations: Sequence[int]) -> int:
        """Writes locations as parts from `number` on; returns the number after the last."""
        for start in range(0, len(locations), PART):
            self.write(Part(number, tuple(locations[start : start + PART])))
            number += 1
        return number

    def _put(self, part: Part) -> Any:
        values = {
            "key": f"part#{part.number:05}",
            "locations": list(part.locations),
            "found": [_row(found) for found in part.found],
        }
        return {"TableName": self._table, "Item": to_item(values)}

    def _get(self, key: str) -> dict[str, Any] | None:
        found = row(self._dynamodb, self._table, {"key": key})
        if found is not None:
            del found["key"]
        return found


def _row(found: Found) -> dict[str, Any]:
    return {
        **asdict(found.finding),
        "difference": str(found.finding.difference),
        "at": stamp(found.at),
        "generation": found.generation,
        "result": found.result,
    }


def _found(row: dict[str, Any]) -> Found:
    finding = Finding(
        location_id=row["location_id"],
        difference=Difference(row["difference"]),
        words=row["words"],
        subject=row["subject"],
    )
    return Found(finding, instant(row["at"]), row["generation"], row["result"])
