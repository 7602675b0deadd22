"""What was last seen of a kind, such as a webhook that was refused: a row of its own, for a week.

Nothing is decided from it: it is for whoever looks for what is wrong. However much is seen,
each environment writes a kind, of one and the same, once a minute; what is counted, some times. The
row of everybody has some places, and whom it concerns tells the place: so it stays as small, and
who is seen often does not hide all the others.
"""

import time
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.aws.dynamodb import row, to_item, to_value
from shared.clock import Clock, instant, stamp
from shared.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

WEBHOOK = "webhook"
WEBHOOK_REFUSED = "webhook-refused"
REDIRECT_REFUSED = "redirect-refused"
KEY_REPLACED = "pbx-key-replaced"
KEY_REFUSED = "pbx-key-refused"
RECORDING_LEFT_OUT = "recording-left-out"
POP_UP = "pop-up"
POP_UP_DROPPED = "pop-up-dropped"
POP_UP_LATE = "pop-up-late"
PBX_AHEAD = "pbx-ahead"
LINE_GIVEN_UP = "line-given-up"
TELEPHONY_STOPPED = "telephony-stopped"
BILLING = "billing"
BILLING_REFUSED = "billing-refused"
PORTAL = "portal"
PORTAL_REFUSED = "portal-refused"
CALL_REFUSED = "call-refused"
CALL_UNLISTED = "call-unlisted"
CENSUS_FOUND = "census-found"
CLOCK_AHEAD = "clock-ahead"
CLOCK_RIGHT = "clock-right"
LOST_WEBHOOK = "lost-webhook"
MAIL_NOT_SENT = "mail-not-sent"
MAIL_SENT = "mail-sent"
CALL_LIST_REFUSED = "call-list-refused"
OTHER_APPLICATION = "other-application"
OTHER_LOCATION = "other-location"
UNREADABLE_ROW = "unreadable-row"
HANDLER_FAILED = "handler-failed"
PLATFORM_REFUSED = "platform-refused"

# Of a clock that is ahead: whether the times of the platform's answers are as well, by so much.
ANSWERS_AHEAD = "its answers, too"
CLOCK_OFF = timedelta(minutes=5)

# Why a pop-up was dropped.
TOO_LATE = "too late"

_KEPT = timedelta(days=7)
_COUNTED_FOR = timedelta(hours=3)
_HOUR = timedelta(hours=1)
_EVERY_S = 60.0
# What is counted is written so many times in that, of each reason; a reception's minute has fewer.
_AT_ONCE = 10
_SET = "SET seen_at = :at, who = :who, why = :why, #place = :seen, expires_at = :until"
_PLACES = 16
_SEEN = "seen"
_PLACE = "place"
_TOLD = "told"
_NOT_COUNTED = {"key", "expires_at", "first_at", "last_at", _TOLD}
# So many are remembered by one environment; then it begins anew.
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Sighting:
    """When it was seen last, of whom, and why."""

    at: datetime
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Told:
    """When something was counted last, why, and what else was told of it."""

    at: datetime
    why: str
    facts: Mapping[str, str]


class Sightings:
    """Notes and reads them; in the table of the pace, whose rows come and go as well."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, clock: Clock) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock
        self._noted: dict[str, tuple[float, int]] = {}
        self._pending: dict[str, Counter[str]] = {}

    def note(self, kind: str, who: str = "", why: str = "") -> None:
        """Notes one, of everybody and of whom it concerns. It is no error if that fails."""
        if not self._written(_key(kind, who), 1):
            return
        now = self._clock()
        seen = {"seen_at": stamp(now), "who": who, "why": why}
        values = {
            **{f":{name}": it for name, it in (("at", stamp(now)), ("who", who), ("why", why))},
            ":seen": seen,
            ":until": int((now + _KEPT).timestamp()),
        }
        names = {"#place": f"{_PLACE}{zlib.crc32(who.encode()) % _PLACES}"}
        for whose in dict.fromkeys(("", who)):
            self._update(_key(kind, whose), _SET, names, values)

    def failed(self, function: str, row: str, why: str) -> None:
        """Notes what a function has not foreseen; and the row, if it is one that it cannot read."""
        self.note(HANDLER_FAILED, function, f"{row}: {why}" if row else why)
        if row:
            self.note(UNREADABLE_ROW, row, why)

    def count(self, kind: str, who: str, why: str, facts: Mapping[str, str] | None = None) -> None:
        """Counts one in its hour, of everybody and of whom it concerns, by `why`.

        The first of a minute are written at once. The last of these is noted (see `crowded`),
        as the next are written with the first that comes after that minute. What else is told of it
        stands in the row of whom it concerns, by the same write.
        """
        now = self._clock()
        for whose in dict.fromkeys(("", who)):
            key = _of_hour(kind, whose, now)
            # The first of each reason: a row must not say longer than a minute what is over.
            written = self._written(f"{key}#{why}", _AT_ONCE)
            pending = self._pending.setdefault(key, Counter())
            pending[why] += 1
            if written:
                del self._pending[key]
                names = {f"#n{number}": name for number, name in enumerate(pending)}
                adds = ", ".join(f"{name} :n{number}" for number, name in enumerate(names))
                until = int((now + _COUNTED_FOR).timestamp())
                values: dict[str, Any] = {":until": until, ":at": stamp(now)}
                values |= {f":n{number}": it for number, it in enumerate(pending.values())}
                sets = "SET expires_at = :until, last_at = :at"
                sets += ", first_at = if_not_exists(first_at, :at)"
                if whose and facts:
                    names["#told"] = _TOLD
                    values[":told"] = {**facts, "at": stamp(now), "why": why}
                    sets += ", #told = :told"
                self._update(key, f"ADD {adds} {sets}", names, values)
                if written == _AT_ONCE:
                    self.note(f"{kind}-crowded", whose)

    def last(self, kind: str, who: str = "") -> Sighting | None:
        """The last one, of everybody or of one; None if there was none within a week."""
        found = row(self._dynamodb, self._table, {"key": _key(kind, who)})
        return _sighting(found) if found else None

    def lately(self, kind: str, within: timedelta) -> list[Sighting]:
        """The last ones of different ones, the newest first: not all, if there are many."""
        found = row(self._dynamodb, self._table, {"key": _key(kind, "")}) or {}
        seen = [_sighting(it) for name, it in found.items() if name.startswith(_PLACE)]
        since = self._clock() - within
        return sorted((it for it in seen if it.at > since), key=lambda it: it.at, reverse=True)

    def counts(self, kind: str, *who: str) -> Counter[str]:
        """How many there were since the hour before this one began, by `why`; of some, or all."""
        found: Counter[str] = Counter()
        for counted in self._hours(kind, *(who or ("",))):
            found.update({why: it for why, it in counted.items() if why not in _NOT_COUNTED})
        return found

    def told(self, kind: str, *who: str) -> Told | None:
        """What was told with the last one counted of this hour and the one before, if anything."""
        told = [dict(found[_TOLD]) for found in self._hours(kind, *who) if found.get(_TOLD)]
        found = [Told(instant(it.pop("at")), it.pop("why"), it) for it in told]
        return max(found, key=lambda it: it.at, default=None)

    def last_counted(self, kind: str, who: str) -> datetime | None:
        """When one of these was counted last, whatever its `why`."""
        at = [it["last_at"] for it in self._hours(kind, who) if "last_at" in it]
        return instant(max(at)) if at else None

    def first_counted(self, kind: str, *who: str) -> datetime | None:
        """When one of these was counted first since the hour before this one began."""
        at = [it["first_at"] for it in self._hours(kind, *who) if "first_at" in it]
        return instant(min(at)) if at else None

    def crowded(self, kind: str, who: str, since: datetime) -> datetime | None:
        """When there were last so many that some of the minute after may not be counted yet."""
        seen = self.last(f"{kind}-crowded", who)
        return seen.at if seen and seen.at > since else None

    def _hours(self, kind: str, *who: str) -> list[dict[str, Any]]:
        now = self._clock()
        hours = [_of_hour(kind, it, at) for it in who for at in (now - _HOUR, now)]
        return [row(self._dynamodb, self._table, {"key": it}) or {} for it in hours]

    def _written(self, key: str, most: int) -> int:
        """How often this environment has written it within a minute, with this time; 0: not now."""
        now = time.monotonic()
        since, times = self._noted.get(key, (now, 0))
        if now - since >= _EVERY_S:
            since, times = now, 0
        if times >= most:
            return 0
        if len(self._noted) >= _MOST:
            self._noted.clear()
            self._pending.clear()
        self._noted[key] = since, times + 1
        return times + 1

    def _update(self, key: str, update: str, names: dict[str, str], values: dict[str, Any]) -> None:
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"key": to_value(key)},
                UpdateExpression=update,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=to_item(values),
            )
        except (BotoCoreError, ClientError):
            logger.warning("not noted", extra={"sighting": key.split("#")[1]})


def is_note(key: str) -> bool:
    """Whether a row of the table is of what was seen, and not of a pace."""
    return key.startswith(f"{_SEEN}#")


def is_of_everybody(key: str) -> bool:
    """Whether such a note has places for several whom it concerns."""
    return is_note(key) and key.endswith("#")


def places_of(note: Mapping[str, Any], who: str) -> list[str]:
    """Those of its places that name somebody."""
    return [name for name, it in note.items() if name.startswith(_PLACE) and who in it["who"]]


def _key(kind: str, who: str) -> str:
    return f"{_SEEN}#{kind}#{who}"


def _of_hour(kind: str, who: str, at: datetime) -> str:
    return f"{_key(kind, who)}#{at.astimezone(UTC):%Y-%m-%dT%H}"


def _sighting(found: dict[str, Any]) -> Sighting:
    return Sighting(instant(found["seen_at"]), found["who"], found["why"])
