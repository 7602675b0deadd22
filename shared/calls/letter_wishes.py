"""Who wants a letter each morning of a location's missed callers, and when the next one is due.

One row per account and location, in the table of calls, whose index tells what is due. It holds
nothing of a person: the address is read when a letter is sent, so no wish outlives it.

The row is taken on to the next morning before its letter is sent, and says only afterwards until
when letters have told. So whatever is doubled or killed, no letter is sent twice; and what one may
not have told is in the next.

What a letter says to stop it is a secret of the row, 192 random bits, which opens nothing else.
"""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from botocore.exceptions import ClientError

from shared.aws.dynamodb import (
    StaleWrite,
    is_refused,
    overdue,
    put_over,
    reading,
    retried,
    row,
    stamped,
    timed,
    to_item,
    typed,
)
from shared.clock import Clock, zone_named
from shared.connections.connection import Connection

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

# On the clock of the zone: before most locations open.
HOUR = 8
# A letter that could not be sent is tried again so often, and for so long after its morning: later,
# the next one tells it.
_AGAIN, _FOR = timedelta(hours=1), timedelta(hours=4)
# Keys that are read: an account may want letters of many locations.
_MOST_DUE = 10_000

_STATE = "letter"
_SECRET_BYTES = 24
_INSTANTS = ("due_at", "told_until")
_TRIES = 5
# What nobody takes for so long, as letters are not sent here any more, goes by itself.
_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Wish:
    """Of one location.

    Attributes:
        location_id: Whose missed callers.
        account_id: Whose owner gets the letter.
        language: In which he has asked for it.
        page: The address of the page on which it is stopped.
        secret: What the letter shows there.
        told_until: Until when letters have told, or need not, as of a day before the first.
        due_at: When the next letter is due; None once it was stopped.
        zone: The name of that on whose clock the location has its mornings; may be empty.
        version: Counts the writes.
    """

    location_id: int
    account_id: str
    language: str
    page: str
    secret: str
    told_until: datetime
    due_at: datetime | None
    zone: str = ""
    version: int = 0

    @property
    def key(self) -> str:
        """Of its row."""
        return _key(self.account_id, self.location_id)

    @property
    def address(self) -> str:
        """Of the page that stops it, for whoever has the letter."""
        return f"{self.page}?stop={self.location_id}.{self.secret}"


class LetterWishes:
    """Reads and conditional writes of the wishes."""

    def __init__(
        self, dynamodb: "DynamoDBClient", table: str, *, clock: Clock, zone: ZoneInfo
    ) -> None:
        """In the table of calls; `zone` is of the mornings of who tells none of his own."""
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock
        self._zone = zone

    def is_wanted(self, connection: Connection) -> bool:
        """Whether the account that has the location gets letters of it."""
        wish = self._get(_key_of(connection))
        return wish is not None and wish.due_at is not None

    def want(self, connection: Connection, language: str, page: str) -> bool:
        """Has a letter sent each morning from the next one on; False if others were faster."""
        zone = self._zone_of(connection)
        due_at = next_morning(self._clock(), zone)

        def wanted(before: Wish | None) -> Wish:
            wish = Wish(
                location_id=connection.location_id,
                account_id=connection.account_id or "",
                language=language,
                page=page,
                # The links of all letters that were ever sent go on stopping it.
                secret=before.secret if before else secrets.token_urlsafe(_SECRET_BYTES),
                told_until=_morning_before(due_at, zone),
                due_at=due_at,
                zone=connection.zone,
                version=before.version if before else 0,
            )
            if before is None or before.due_at is None:
                return wish
            # A second press moves nothing: today's letter may be due.
            return replace(wish, due_at=before.due_at, told_until=before.told_until)

        return self._change(_key_of(connection), wanted)

    def stop(self, connection: Connection) -> bool:
        """Has no more letters sent; False if others were faster."""
        return self._change(_key_of(connection), _stopped)

    def stop_by(self, connection: Connection, secret: str) -> bool:
        """The same by what a letter says; whether it is stopped, or never was wanted so."""

        def stopped(before: Wish | None) -> Wish | None:
            is_right = before is not None and hmac.compare_digest(
                before.secret.encode(), secret.encode(errors="replace")
            )
            return _stopped(before) if is_right else None

        return self._change(_key_of(connection), stopped)

    def due(self) -> list[list[str]]:
        """Keys of wishes that are overdue, those of each account; eventually consistent.

        Whoever has the fewest comes first: no account's many locations delay another's letter.
        """
        found = overdue(self._dynamodb, self._table, _STATE, self._clock(), _MOST_DUE)
        of_accounts: dict[str, list[str]] = {}
        for each in found:
            of_accounts.setdefault(_account_of(each["key"]), []).append(each["key"])
        return sorted(of_accounts.values(), key=len)

    def overdue(self, key: str) -> Wish | None:
        """A wish whose letter is due by its row itself; None if it is not."""
        wish = self._get(key)
        return wish if wish and wish.due_at and wish.due_at <= self._clock() else None

    def moved(self, wish: Wish, connection: Connection) -> bool:
        """Takes it on to the next morning of its location's zone, if it has kept those of another.

        The platform may name the zone only after the letter was asked for. What was not told yet is
        told by then.

        Raises:
            StaleWrite: see `take`.
        """
        zone = self._zone_of(connection)
        if zone.key == self._zone_of(wish).key:
            return False
        due_at = next_morning(self._clock(), zone)
        self._save(replace(wish, zone=connection.zone, due_at=due_at))
        return True

    def take(self, wish: Wish) -> Wish:
        """Takes it on to the next morning: whoever could do so may send its letter.

        Raises:
            StaleWrite: somebody else has it, or it was changed since it was read.
        """
        now = self._clock()
        # A clock that was set back since would find this morning still to come.
        after = max(now, wish.due_at or now)
        return self._save(replace(wish, due_at=next_morning(after, self._zone_of(wish))))

    def told(self, wish: Wish) -> None:
        """Notes that its letter was sent, or that nobody waited, as it was taken."""
        until = _morning_before(wish.due_at or self._clock(), self._zone_of(wish))
        self._change(wish.key, lambda it: it and replace(it, told_until=until))

    def put_off(self, wish: Wish) -> None:
        """Has its letter tried again soon, as surely none was sent; if it is too late, tomorrow."""
        now, zone = self._clock(), self._zone_of(wish)
        again = now + _AGAIN
        if again > last_morning(now, zone) + _FOR:
            again = next_morning(now, zone)
        self._change(wish.key, lambda it: replace(it, due_at=again) if it and it.due_at else None)

    def end(self, wish: Wish) -> None:
        """Has no more letters sent to who has left."""
        self._change(wish.key, _stopped)

    def _zone_of(self, whose: Wish | Connection) -> ZoneInfo:
        return zone_named(whose.zone) or self._zone

    def _change(self, key: str, change: Callable[[Wish | None], Wish | None]) -> bool:
        for _ in range(_TRIES):
            before = self._get(key)
            after = change(before)
            if after is None or after == before:
                return True
            try:
                self._save(after)
            except StaleWrite:
                continue
            return True
        return False

    def _get(self, key: str) -> Wish | None:
        found = row(self._dynamodb, self._table, {"key": key})
        if found is None:
            return None
        with reading(key):
            values = {"due_at": None, **timed(found, _INSTANTS)}
            known = {name: it for name, it in values.items() if name in Wish.__slots__}
            return typed(Wish, known)

    def _save(self, wish: Wish) -> Wish:
        """Writes over the version that was read; returns it as stored.

        Raises:
            StaleWrite: there is another by now.
        """
        item: dict[str, Any] = {
            **asdict(wish),
            "key": wish.key,
            "state": _STATE,
            "version": wish.version + 1,
            "expires_at": int(((wish.due_at or self._clock()) + _KEPT).timestamp()),
        }
        put = put_over(self._table, to_item(stamped(item, _INSTANTS)), wish.version)
        try:
            retried(lambda: self._dynamodb.put_item(**put))
        except ClientError as error:
            if not is_refused(error):
                raise
            raise StaleWrite(wish.key) from None
        return replace(wish, version=wish.version + 1)


def next_morning(now: datetime, zone: ZoneInfo) -> datetime:
    """The first morning after a moment, on the clock of a zone."""
    today = now.astimezone(zone).date()
    at = _morning(today, zone)
    return at if at > now else _morning(today + timedelta(days=1), zone)


def last_morning(now: datetime, zone: ZoneInfo) -> datetime:
    """The last morning until a moment, on the clock of a zone."""
    return _morning_before(next_morning(now, zone), zone)


def _morning_before(morning: datetime, zone: ZoneInfo) -> datetime:
    return _morning(morning.astimezone(zone).date() - timedelta(days=1), zone)


def _morning(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, HOUR, tzinfo=zone).astimezone(UTC)


def _stopped(before: Wish | None) -> Wish | None:
    return replace(before, due_at=None) if before else None


def _key(account_id: str, location_id: int) -> str:
    return f"letter#{account_id}#{location_id}"


def _key_of(connection: Connection) -> str:
    return _key(connection.account_id or "", connection.location_id)


def _account_of(key: str) -> str:
    return key.split("#")[1]
