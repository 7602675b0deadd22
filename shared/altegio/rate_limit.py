"""How fast the platform is asked, and whether it may be asked at all: one row for all functions.

`free_at` is when the next call may begin, and each call moves it by one interval, so calls are
evenly spread, whoever makes them. `braked_until` is how long nobody calls, because the platform
said 429 or refuses our token: what is not sent then need not be looked up later.

    nobody calls         this call ▼   next ▼
    ─────────────────────────────────┬────────┬───────▶   free_at = max(free_at, now) + interval
    somebody waits already   ▼       ▼        ▼
    ─────────────────────────┬───────┬────────┬───────▶   whoever comes reserves the next place

How far ahead each kind of caller may reserve stands in `order`. Some callers have a row of their
own as well (`Bounds`), which is asked first: who is above his share does not touch the common row.

The platform's limit is known from YCLIENTS only: 5 calls a second, 200 a minute for an address.
https://developers.yclients.com
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared import clock
from shared.altegio.order import Allowance, Patience
from shared.altegio.settings import PacePolicy, PlatformSettings
from shared.aws.dynamodb import from_item, is_refused, retried, to_value
from shared.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

# Beyond what anybody reserves: somebody's clock was wrong when this was written.
_ABSURD = timedelta(minutes=1)
# The same of a brake, which the platform asks for an hour at most (see `altegio.client`).
_ABSURD_BRAKE = timedelta(hours=1, minutes=10)
_TRIES = 20
COMMON = "platform"  # The key of the row of all.
# Beyond an interval; else whoever was held up would call at once with those who come after him.
_LATE = timedelta(milliseconds=100)
# So many are remembered by one environment.
_MOST_FULL = 10_000
# A row of somebody's own says nothing any more when his burst is over.
_KEPT = timedelta(days=1)

_UNBRAKED = (
    "(attribute_not_exists(braked_until) OR braked_until <= :now OR braked_until > :absurd_brake)"
)
_FREE = "(attribute_not_exists(free_at) OR free_at <= :now OR free_at > :absurd)"


class Busy(Exception):
    """Somebody else calls at this moment, or the brake is on: `wait` tells which."""

    def __init__(self, row: dict[str, Any] | None = None) -> None:
        self.row = row or {}


class Paused(Exception):
    """Nothing may be sent before `until`; or, if `braked`, as the platform refused some."""

    def __init__(self, until: datetime, *, braked: bool = False) -> None:
        why = ", as it refused some" if braked else ""
        super().__init__(f"no call to the platform before {until:%H:%M:%S}{why}")
        self.until, self.braked = until, braked


class Pace:
    """Takes turns with everybody who calls the platform.

    Args:
        ahead_s: seconds by which a call may go before its turn, for those that a person waits for;
            the others then wait longer.
        patience_s: seconds that one waits for a turn, beside the interval before it. However many
            call, there is always a turn left for who waits longer than they.
        stays_s: seconds that one waits until a turn comes that near; who waits longer then gets it.
        key: whose pace; a kind of call may have one of its own, besides (see `Share`, `Bounds`).
        expires: whether the row goes when it is of no use any more.
    """

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        table: str,
        *,
        clock: Clock,
        sleep: Callable[[float], None],
        rules: PacePolicy,
        ahead_s: float,
        patience_s: float,
        stays_s: float = 0.0,
        key: str = COMMON,
        expires: bool = False,
    ) -> None:
        self._dynamodb = dynamodb
        self._row: Any = {"TableName": table, "Key": {"key": to_value(key)}}
        self._clock, self._sleep = clock, sleep
        self._rules = rules
        self._ahead = timedelta(seconds=ahead_s)
        self._patience = timedelta(seconds=patience_s) + rules.interval
        self._absurd = _ABSURD + self._ahead + self._patience + rules.interval
        self._stays = timedelta(seconds=stays_s)
        self._expires = expires

    def at_once(self) -> Any:
        """The part of a transaction that takes the turn if it is free now; else it fails."""
        return {"Update": {**self._row, **self._free_now(self._clock())}}

    def in_turn(self) -> Any:
        """The part of a transaction that holds if nobody has braked since `wait`."""
        values = _unbraked_values(self._clock())
        check = {"ConditionExpression": _UNBRAKED, "ExpressionAttributeValues": values}
        return {"ConditionCheck": {**self._row, **check}}

    def wait(self) -> None:
        """Takes the next turn and waits for it.

        Raises:
            Paused: it would be too long, or the brake is on.
        """
        self._turn(self._reserve, self._take_now, self._patience, self._stays)

    def take(self, seconds: float) -> None:
        """Takes a turn for a call that is no transaction, within `seconds`.

        Raises:
            Paused: it would be longer than that, or the brake is on.
        """
        most = timedelta(seconds=max(0.0, min(seconds, 60.0)))
        patience, stays = min(self._patience, most), min(self._stays, most)
        self._turn(self._take_now, self._reserve, patience, stays)

    def pushed(self, calls: int = 1) -> bool:
        """Makes those who come wait for a call more, or less; False if there is nothing to move."""
        by = round(calls * self._rules.interval / timedelta(milliseconds=1))
        values = {":interval": to_value(by), **_unbraked_values(self._clock())}
        push, condition = "SET free_at = free_at + :interval", f"free_at > :now AND {_UNBRAKED}"
        return self._update(push, condition, values) is not None

    def brake(self, seconds: float, why: str) -> None:
        """Nobody calls for `seconds`, or for the usual pause if the platform named none."""
        now = self._clock()
        until = now + timedelta(seconds=seconds or self._rules.retry_base_s)
        self._update(
            "SET braked_until = :until, braked_why = :why",
            f"{_UNBRAKED} OR braked_until < :until",
            {**_unbraked_values(now), ":until": _value(until), ":why": to_value(why)},
        )

    def braked(self) -> tuple[datetime, str]:
        """Until when nobody calls, or called, and what the platform had answered."""
        row = from_item(self._dynamodb.get_item(**self._row, ConsistentRead=True).get("Item", {}))
        return _instant(row.get("braked_until", 0)), str(row.get("braked_why", ""))

    def _turn(
        self,
        first: Callable[[datetime, timedelta], datetime | None],
        then: Callable[[datetime, timedelta], datetime | None],
        patience: timedelta,
        stays: timedelta,
    ) -> None:
        reach, until = patience + self._ahead, self._clock() + stays
        for _ in range(_TRIES):
            for step in (first, then):
                now = self._clock()
                place = step(now, reach)
                if place is None:
                    continue
                self._sleep(max(0.0, (place - now - self._ahead).total_seconds()))
                if self._clock() - place < self._rules.interval + _LATE:
                    return
                # So late, as the machine stood still: another one is on its way by now.
                break
            now = self._clock()
            free_at = self._free_at(now)
            if free_at - reach > max(now, until):
                raise Paused(free_at)
            if free_at - reach > now:
                self._sleep((free_at - reach - now).total_seconds())
        raise Paused(self._clock() + self._rules.interval)

    def _take_now(self, now: datetime, _patience: timedelta) -> datetime | None:
        free = self._free_now(now)
        updated = self._update(
            free["UpdateExpression"], free["ConditionExpression"], free["ExpressionAttributeValues"]
        )
        return now if updated is not None else None

    def _reserve(self, now: datetime, patience: timedelta) -> datetime | None:
        by = round(self._rules.interval / timedelta(milliseconds=1))
        latest = {":interval": to_value(by), ":latest": _value(now + patience)}
        updated = self._update(
            "SET free_at = free_at + :interval",
            f"free_at > :now AND free_at <= :latest AND {_UNBRAKED}",
            {**latest, **_unbraked_values(now)},
        )
        return _instant(updated["free_at"]) if updated is not None else None

    def _free_at(self, now: datetime) -> datetime:
        """When the next place is; read, as what only reads keeps no claim from its turn.

        Raises:
            Paused: the brake is on.
        """
        row = from_item(self._dynamodb.get_item(**self._row, ConsistentRead=True).get("Item", {}))
        until = _instant(row.get("braked_until", 0))
        if now < until <= now + _ABSURD_BRAKE:
            raise Paused(until, braked=True)
        free_at = _instant(row.get("free_at", 0))
        return free_at if free_at <= now + self._absurd else now

    def _free_now(self, now: datetime) -> Any:
        values = {
            **_unbraked_values(now),
            ":absurd": _value(now + self._absurd),
            ":next": _value(now + self._rules.interval),
        }
        update = "SET free_at = :next"
        if self._expires:
            update += ", expires_at = :expires"
            values[":expires"] = to_value(int((now + _KEPT).timestamp()))
        return {
            "UpdateExpression": update,
            "ConditionExpression": f"{_FREE} AND {_UNBRAKED}",
            "ExpressionAttributeValues": values,
        }

    def _update(self, update: str, condition: str, values: dict[str, Any]) -> dict[str, Any] | None:
        """The row's values from before; None if the condition does not hold."""
        try:
            answer = retried(
                lambda: self._dynamodb.update_item(
                    **self._row,
                    UpdateExpression=update,
                    ConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    ReturnValues="UPDATED_OLD",
                )
            )
        except ClientError as error:
            if is_refused(error):
                return None
            raise
        return from_item(answer.get("Attributes", {}))


class First:
    """The pace for what cannot wait: before the others as far as the limit of a second allows.

    Args:
        jumps: a pace of its own, of those that go before all that wait; None if there are none.
        all_calls: everybody's; each jump moves it on, too, so that all stay within the limit.
    """

    def __init__(self, jumps: Pace | None, all_calls: Pace) -> None:
        self._jumps = jumps
        self._all = all_calls

    def at_once(self) -> Any:
        """As `Pace.at_once`."""
        return self._all.at_once()

    def in_turn(self) -> Any:
        """As `Pace.in_turn`."""
        return self._all.in_turn()

    def wait(self) -> None:
        """As `Pace.wait`, and without waiting while there are jumps."""
        if self._jumps is not None:
            with suppress(Paused):
                self._jumps.take(0)
                if self._all.pushed():
                    return
        self._all.wait()


class Share:
    """A part of the pace for one kind of call, which takes its turn among its own first."""

    def __init__(self, own: Pace, all_calls: Pace) -> None:
        self._own = own
        self._all = all_calls

    def take(self, seconds: float) -> None:
        """As `Pace.take`."""
        self._own.take(seconds)
        self._all.take(seconds)

    def brake(self, seconds: float, why: str) -> None:
        """As `Pace.brake`: for everybody."""
        self._all.brake(seconds, why)


class Bounds:
    """What each of many callers may use of the pace, whatever the others do.

    Whoever acts for one and the same account, or user, shares its bound.
    """

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        table: str,
        *,
        clock: Clock,
        rules: PacePolicy,
        allowance: Allowance,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock
        self._rules = rules.share(allowance.part)
        self._kind = allowance.kind
        self._burst_s = (allowance.burst - 1) * self._rules.interval.total_seconds()
        # Who has used his up, and until when at least: he is refused for nothing then.
        self._full: dict[str, datetime] = {}

    def take(self, who: str = "") -> None:
        """Takes one call of somebody's allowance, which is another thing than a turn.

        Raises:
            Paused: he has used it up; nothing was taken, and nobody has waited.
        """
        now = self._clock()
        full = self._full.pop(who, now)
        if now < full < now + _ABSURD:
            self._full[who] = full
            raise Paused(full)
        if len(self._full) >= _MOST_FULL:
            self._full.clear()
        try:
            self._own(who).take(0)
        except Paused as paused:
            self._full[who] = paused.until - timedelta(seconds=self._burst_s)
            raise Paused(self._full[who]) from None

    def give_back(self, who: str, *, taken: bool) -> None:
        """Somebody else was faster with the same; `taken` is whether a call was taken for it."""
        self._full.pop(who, None)
        if taken:
            self._own(who).pushed(-1)

    def _own(self, who: str) -> Pace:
        return Pace(
            self._dynamodb,
            self._table,
            clock=self._clock,
            # Within a burst nobody waits.
            sleep=lambda _seconds: None,
            rules=self._rules,
            ahead_s=self._burst_s,
            patience_s=0,
            key=f"{self._kind}#{who}",
            expires=True,
        )


def _unbraked_values(now: datetime) -> dict[str, Any]:
    return {":now": _value(now), ":absurd_brake": _value(now + _ABSURD_BRAKE)}


def _value(instant: datetime) -> dict[str, Any]:
    return to_value(round(instant.timestamp() * 1000))


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def pace_of(
    dynamodb: "DynamoDBClient",
    settings: "PlatformSettings",
    patience: Patience,
    *,
    kind: str = COMMON,
    limit: PacePolicy | None = None,
) -> Pace:
    """The common row of all, or a row of a kind with a limit of its own."""
    return Pace(
        dynamodb,
        settings.pace_table,
        clock=clock.now,
        sleep=clock.sleep,
        rules=limit or settings.pace,
        ahead_s=patience.ahead_s,
        patience_s=patience.reach_s - patience.ahead_s,
        stays_s=patience.stays_s,
        key=kind,
    )


def bounds_of(
    dynamodb: "DynamoDBClient", settings: "PlatformSettings", allowance: Allowance
) -> Bounds:
    """What each caller of a kind may use."""
    return Bounds(
        dynamodb, settings.pace_table, clock=clock.now, rules=settings.pace, allowance=allowance
    )
