"""A ledger that was restored to an earlier moment has forgotten what was sent since.

    restored to ▼     we sent, and forgot      ▼ marked               ▼ released
    ────────────┴──────────────────────────────┴──────────────────────┴──────────▶ time
     what comes, or waits here: its turn is a look first ╰────────────╯
     what comes for the first time is sent at once again               ╰─────────

While the mark stands, each payment and refund whose turn to be sent has come becomes UNKNOWN, also
one that billing sends for the first time, as its row may be lost. It is sent when the platform's
list has surely lacked it, seen so twice, and the first time when the list could show what was sent
just before the mark. What is here when the mark is released is looked for all the same.

The mark is an attribute in the row of the pace, in which each claim takes its turn anyway. There
the claim's transaction holds only if the mark is the one that the function knows; if it is not, the
refusal tells it. So where nothing was restored, a payment costs no request more.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared.altegio.rate_limit import COMMON
from shared.aws.dynamodb import StaleWrite, is_refused, retried, row, to_value
from shared.clock import instant, stamp
from shared.payments.entry import Entry, EntryState
from shared.payments.settings import LedgerPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mypy_boto3_dynamodb.client import DynamoDBClient


_UNSENT = (EntryState.PENDING, EntryState.HELD)


@dataclass(frozen=True, slots=True)
class Mark:
    """The tables were restored.

    Attributes:
        restored_to: the moment that they were restored to, or one before it.
        marked_at: when nothing was sent any more by what the tables said before.
        released_at: from when on what comes for the first time is new; None while it may not be.
    """

    restored_to: datetime
    marked_at: datetime
    released_at: datetime | None = None

    def looked_from(self, rules: LedgerPolicy) -> datetime:
        """When the list shows all that was sent before the mark."""
        return self.marked_at + timedelta(seconds=rules.absence_delay_s)

    def doubts(self, entry: Entry, rules: LedgerPolicy) -> bool:
        """Whether an entry whose turn has come may have been sent before the mark."""
        if self.released_at is not None and self.released_at < entry.received_at:
            return False
        return entry.absent_since is None or entry.absent_since < self.looked_from(rules)

    def waiting(self, entries: "Iterable[Entry]", rules: LedgerPolicy) -> list[Entry]:
        """Those that wait for their turn, which will be doubted."""
        return [it for it in entries if it.state in _UNSENT and self.doubts(it, rules)]

    def __str__(self) -> str:
        known = (self.restored_to, self.marked_at, self.released_at)
        return " ".join(stamp(it) for it in known if it is not None)


def mark_in(found: "Mapping[str, Any]") -> Mark | None:
    """The mark in the row of the pace; None if nothing was ever restored."""
    text = found.get("restored")
    return Mark(*map(instant, text.split())) if text is not None else None


def turn_under(mark: Mark | None, turn: Any) -> Any:
    """A turn (see `rate_limit`) that is taken only while the mark is this one."""
    [(kind, part)] = turn.items()
    condition, values = _is(mark)
    return {
        kind: {
            **part,
            "ConditionExpression": f"{part['ConditionExpression']} AND {condition}",
            "ExpressionAttributeValues": {**part["ExpressionAttributeValues"], **values},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def only_under(mark: Mark, turn: Any) -> Any:
    """The same, but no turn is taken."""
    [part] = turn.values()
    condition, values = _is(mark)
    return {
        "ConditionCheck": {
            "TableName": part["TableName"],
            "Key": part["Key"],
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def _is(mark: Mark | None) -> tuple[str, dict[str, Any]]:
    if mark is None:
        return "attribute_not_exists(restored)", {}
    return "restored = :restored", {":restored": to_value(str(mark))}


class Marks:
    """The mark, for those who set it or have the time to read it."""

    def __init__(self, dynamodb: "DynamoDBClient", pace_table: str) -> None:
        self._dynamodb = dynamodb
        self._table = pace_table

    def get(self) -> Mark | None:
        """The mark, strongly consistent; None if nothing was ever restored."""
        return mark_in(row(self._dynamodb, self._table, {"key": COMMON}) or {})

    def put(self, before: Mark | None, after: Mark) -> None:
        """Writes the mark.

        Raises:
            StaleWrite: it is not `before` any more.
        """
        condition, values = _is(before)
        try:
            retried(
                lambda: self._dynamodb.update_item(
                    TableName=self._table,
                    Key={"key": to_value(COMMON)},
                    UpdateExpression="SET restored = :after",
                    ConditionExpression=condition,
                    ExpressionAttributeValues={**values, ":after": to_value(str(after))},
                )
            )
        except ClientError as error:
            if not is_refused(error):
                raise
            # Unless it was written the first time, and the answer was lost: botocore tries again.
            if self.get() != after:
                raise StaleWrite(COMMON) from None
