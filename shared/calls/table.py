"""The table of calls: one row per call of an account, deleted some days after it was received.

Every write is conditional on the version that was read. The claim of a call, and of its pop-up, is
one transaction with our turn to call the platform (see `rate_limit`).
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared.altegio.rate_limit import Busy
from shared.aws.dynamodb import (
    StaleWrite,
    is_refused,
    overdue,
    pages,
    put_over,
    reading,
    retried,
    row,
    stamped,
    timed,
    to_item,
    to_value,
    transacted,
    typed,
)
from shared.calls import call as rules_of
from shared.calls import identity, lines
from shared.calls.call import Call, CallState
from shared.calls.identity import Report
from shared.calls.leg import Leg
from shared.clock import instant, stamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_INSTANTS = (
    "received_at",
    "told_at",
    "first_at",
    "popped_at",
    "started_at",
    "due_at",
    "sent_at",
    "doubted_at",
    "done_at",
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call that waits for its line to be entered, as the index has it."""

    key: str
    line_key: str
    started_at: datetime
    due_at: datetime


class Calls:
    """Reads, claims and conditional writes of calls."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, days: int) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._kept = timedelta(days=days)

    def get(self, key: str) -> Call | None:
        """The call under `key`, strongly consistent."""
        found = row(self._dynamodb, self._table, {"key": key}, f"call {key}")
        return _call(found) if found else None

    def place(self, account_id: str, report: Report) -> tuple[str, Call | None]:
        """The key of the call that a report is of, and the call, if there is one already."""
        return identity.place(self.get, account_id, report)

    def save(self, call: Call) -> Call:
        """Writes what was decided from the version in `call`; returns it as stored.

        Raises:
            StaleWrite: the row has another version by now.
        """
        try:
            retried(lambda: self._dynamodb.put_item(**self._put(call)))
        except ClientError as error:
            if not is_refused(error):
                raise
            raise StaleWrite(call.key) from None
        return replace(call, version=call.version + 1)

    def save_all(self, calls: Iterable[Call]) -> list[Call]:
        """The same of many: those that nobody has written since they were read, as stored."""
        stored = []
        for call in calls:
            with suppress(StaleWrite):
                stored.append(self.save(call))
        return stored

    def claim(self, claimed: Call, turn: Any) -> Call:
        """Writes a claimed call and takes our turn, or neither; returns it as stored.

        Raises:
            StaleWrite: the row has another version by now.
            Busy: it is not our turn.
        """
        reasons = transacted(self._dynamodb, [{"Put": self._put(claimed)}, turn])
        if not reasons:
            return replace(claimed, version=claimed.version + 1)
        if reasons[0] == "ConditionalCheckFailed":
            raise StaleWrite(claimed.key)
        raise Busy

    def pop(self, ringing: Call, at: datetime, turn: Any) -> bool:
        """Notes a pop-up as shown and takes our turn, or neither.

        False if it was shown before, or the call is over.

        Raises:
            Busy: it is not our turn.
        """
        # What was not told is left out, as its end may tell it.
        told = {
            "call_id": ringing.call_id,
            "caller": ringing.caller or "",
            "own_line": ringing.own_line,
            "digits": ringing.digits,
            "written_line": ringing.written_line,
            "first_at": stamp(ringing.first_at or ringing.received_at),
            "account_id": ringing.account_id,
            "location_id": ringing.location_id or 0,
            "received_at": stamp(ringing.received_at),
            "expires_at": self._expires_at(ringing),
        }
        fields = to_item(told)
        news = ", ".join(f"{name} = if_not_exists({name}, :{name})" for name in fields)
        update: Any = {
            "TableName": self._table,
            "Key": {"key": to_value(ringing.key)},
            "UpdateExpression": f"SET popped_at = :at, #state = :ringing, {news} ADD version :one",
            "ConditionExpression": (
                "attribute_not_exists(#state) OR"
                " (#state = :ringing AND attribute_not_exists(popped_at))"
            ),
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {
                ":at": to_value(stamp(at)),
                ":ringing": to_value(CallState.RINGING),
                ":one": to_value(1),
                **{f":{name}": value for name, value in fields.items()},
            },
        }
        reasons = transacted(self._dynamodb, [{"Update": update}, turn])
        if not reasons:
            return True
        if reasons[0] == "ConditionalCheckFailed":
            return False
        raise Busy

    def due(self, state: CallState, now: datetime, limit: int) -> list[tuple[str, int]]:
        """Keys and locations of calls that are overdue, the oldest first; eventually consistent.

        Of more than `limit`, the last ones as well: the first may all be of one account. Who asks
        for one wants to know whether there is any.
        """
        found = list(overdue(self._dynamodb, self._table, state, now, limit))
        if 1 < limit == len(found):
            found += overdue(self._dynamodb, self._table, state, now, limit, newest=True)
        return list({each["key"]: (each["key"], each["location_id"]) for each in found}.values())

    def waiting(self, account_id: str) -> list[Waiting]:
        """Calls of an account that wait for their lines, the oldest first; eventually consistent.

        As many as there may be, and those that came at the same moment.
        """
        query: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": "waiting",
            "KeyConditionExpression": "waits_of = :account",
            "ExpressionAttributeValues": {":account": to_value(account_id)},
        }
        names = ("key", "line_key", "started_at", "due_at")
        found = islice(pages(self._dynamodb, query), 2 * lines.MOST_WAITING)
        rows = (timed(each, ("started_at", "due_at")) for each in found)
        return [Waiting(**{name: each[name] for name in names}) for each in rows]

    def is_full(self, account_id: str, line_key: str) -> bool:
        """Whether no more of them are taken that wait for this line; eventually consistent."""
        return lines.is_full([each.line_key for each in self.waiting(account_id)], line_key)

    def waited_for(self, now: datetime, limit: int) -> list[str]:
        """Accounts whose waiting calls are due, of so many calls; eventually consistent."""
        found = overdue(self._dynamodb, self._table, CallState.UNROUTED, now, limit)
        return list(dict.fromkeys(rules_of.account_of(each["key"]) for each in found))

    def waiting_elsewhere(
        self, account_id: str, line_keys: Collection[str], now: datetime, limit: int
    ) -> dict[str, list[str]]:
        """Calls that wait at other accounts for these lines: by account, for which of them.

        Of the accounts whose waiting calls are due first, `limit` of these calls.
        """
        accounts = self.waited_for(now, limit) if line_keys else []
        others = [it for it in accounts if it != account_id]
        found = {it: [each.line_key for each in self.waiting(it)] for it in others}
        own = {it: [key for key in keys if key in line_keys] for it, keys in found.items()}
        return {it: keys for it, keys in own.items() if keys}

    def of_location(self, location_id: int, since: datetime) -> Iterator[Call]:
        """Calls of a location that have ended and began after `since`; eventually consistent."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": "location",
            "KeyConditionExpression": "location_id = :location AND started_at >= :since",
            "ExpressionAttributeValues": {
                ":location": to_value(location_id),
                ":since": to_value(stamp(since)),
            },
        }
        return map(_call, pages(self._dynamodb, query))

    def latest(self, location_id: int, limit: int, since: datetime | None = None) -> list[Call]:
        """The last calls of a location that have ended, the newest first; eventually consistent.

        With `since`, only those that began then or later.
        """
        values: dict[str, Any] = {":location": to_value(location_id)}
        condition = "location_id = :location"
        if since is not None:
            values[":since"] = to_value(stamp(since))
            condition += " AND started_at >= :since"
        query: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": "location",
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": False,
            "Limit": limit,
        }
        return [_call(each) for each in islice(pages(self._dynamodb, query), limit)]

    def _put(self, call: Call) -> Any:
        return put_over(self._table, self._item(call), call.version)

    def _item(self, call: Call) -> dict[str, Any]:
        values = {
            **asdict(call),
            "state": str(call.state),
            "version": call.version + 1,
            "expires_at": self._expires_at(call),
            "leg": _leg_item(call.leg),
            "recorded": _leg_item(call.recorded),
        }
        return to_item(stamped(values, _INSTANTS))

    def _expires_at(self, call: Call) -> int:
        return int((call.received_at + self._kept).timestamp())


def _leg_item(leg: Leg | None) -> dict[str, Any] | None:
    return None if leg is None else {**asdict(leg), "started_at": stamp(leg.started_at)}


def _leg(values: dict[str, Any] | None) -> Leg | None:
    if values is None:
        return None
    return typed(Leg, {**values, "started_at": instant(values["started_at"])})


def _call(found: dict[str, Any]) -> Call:
    with reading(f"call {found['key']}"):
        del found["expires_at"]
        legs = {name: _leg(found.get(name)) for name in ("leg", "recorded")}
        found.setdefault("location_id", None)
        values = {**timed(found, _INSTANTS), **legs, "state": CallState(found["state"])}
        return typed(Call, values)
