"""Who wants a letter each morning of a location's missed callers, and when the next one is due.

One row per location, in the table of calls, whose index tells what is due. It names an account and
holds nothing of a person: the address is read when a letter is sent, so no wish outlives it. A
letter is claimed before it is sent, by taking its row on to the next morning: whatever is doubled
or killed then, a letter is lost rather than sent twice.

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
)
from shared.clock import Clock
from shared.connections.connection import Connection

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

# On the clock of the location: before most of them open.
HOUR = 8

_STATE = "letter"
_SECRET_BYTES = 24
_INSTANTS = ("due_at",)
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
        due_at: When the next letter is due; None once it was stopped.
        version: Counts the writes.
    """

    location_id: int
    account_id: str
    language: str
    page: str
    secret: str
    due_at: datetime | None
    version: int = 0

    @property
    def address(self) -> str:
        """Of the page that stops it, for whoever has the letter."""
        return f"{self.page}?stop={self.location_id}.{self.secret}"


class LetterWishes:
    """Reads and conditional writes of the wishes."""

    def __init__(
        self, dynamodb: "DynamoDBClient", table: str, *, clock: Clock, zone: ZoneInfo
    ) -> None:
        """In the table of calls, for mornings of a zone."""
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock
        self._zone = zone

    def is_wanted(self, connection: Connection) -> bool:
        """Whether the account that has the location gets letters of it."""
        wish = self._get(connection.location_id)
        return wish is not None and wish.due_at is not None and _is_of(wish, connection)

    def want(self, connection: Connection, language: str, page: str) -> bool:
        """Has a letter sent each morning from the next one on; False if others were faster."""
        due_at = next_morning(self._clock(), self._zone)

        def wanted(before: Wish | None) -> Wish:
            # The links of all letters that were ever sent go on stopping it.
            is_own = before is not None and _is_of(before, connection)
            wish = Wish(
                location_id=connection.location_id,
                account_id=connection.account_id or "",
                language=language,
                page=page,
                secret=before.secret if before and is_own else secrets.token_urlsafe(_SECRET_BYTES),
                due_at=due_at,
                version=before.version if before else 0,
            )
            # A second press moves nothing: today's letter may be due.
            return replace(wish, due_at=before.due_at or due_at) if before and is_own else wish

        return self._change(connection.location_id, wanted)

    def stop(self, connection: Connection) -> bool:
        """Has no more letters sent; False if others were faster."""
        return self._change(connection.location_id, _stopped)

    def stop_by(self, location_id: int, secret: str) -> bool:
        """The same by what a letter says; whether it is stopped, or never was wanted so."""

        def stopped(before: Wish | None) -> Wish | None:
            is_right = before is not None and hmac.compare_digest(
                before.secret.encode(), secret.encode(errors="replace")
            )
            return _stopped(before) if is_right else None

        return self._change(location_id, stopped)

    def due(self, limit: int) -> list[int]:
        """Locations whose letter is overdue, the oldest first; eventually consistent."""
        found = overdue(self._dynamodb, self._table, _STATE, self._clock(), limit)
        return [each["location_id"] for each in found]

    def claim(self, location_id: int) -> Wish | None:
        """Takes a letter that is due, and its row on to the next morning; None if it is not due.

        Returns:
            The wish as it was, due for what is to be sent now.

        Raises:
            StaleWrite: somebody else has it.
        """
        wish, now = self._get(location_id), self._clock()
        if wish is None or wish.due_at is None or wish.due_at > now:
            return None
        self._save(replace(wish, due_at=next_morning(now, self._zone)))
        return wish

    def _change(self, location_id: int, change: Callable[[Wish | None], Wish | None]) -> bool:
        for _ in range(_TRIES):
            before = self._get(location_id)
            after = change(before)
            if after is None or after == before:
                return True
            try:
                self._save(after)
            except StaleWrite:
                continue
            return True
        return False

    def _get(self, location_id: int) -> Wish | None:
        key = _key(location_id)
        found = row(self._dynamodb, self._table, {"key": key})
        if found is None:
            return None
        with reading(key):
            values = {"due_at": None, **timed(found, _INSTANTS)}
            return Wish(**{name: it for name, it in values.items() if name in Wish.__slots__})

    def _save(self, wish: Wish) -> None:
        """Writes over the version that was read.

        Raises:
            StaleWrite: there is another by now.
        """
        item: dict[str, Any] = {
            **asdict(wish),
            "key": _key(wish.location_id),
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
            raise StaleWrite(_key(wish.location_id)) from None


def next_morning(now: datetime, zone: ZoneInfo) -> datetime:
    """The first morning after a moment, on the clock of a zone."""
    today = now.astimezone(zone).date()
    at = _morning(today, zone)
    return at if at > now else _morning(today + timedelta(days=1), zone)


def morning_before(due_at: datetime, zone: ZoneInfo) -> datetime:
    """The morning of the day before: what a letter tells of begins there."""
    return _morning(due_at.astimezone(zone).date() - timedelta(days=1), zone)


def _morning(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, HOUR, tzinfo=zone).astimezone(UTC)


def _stopped(before: Wish | None) -> Wish | None:
    return replace(before, due_at=None) if before else None


def _is_of(wish: Wish, connection: Connection) -> bool:
    return wish.account_id == connection.account_id


def _key(location_id: int) -> str:
    return f"letter#{location_id}"
