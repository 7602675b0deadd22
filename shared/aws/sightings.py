"""What was last seen of a kind, such as a webhook that was refused: a row of its own, for a week.

Nothing is decided from it: it is for whoever looks for what is wrong. However much is seen,
each environment writes a kind, of one and the same, once a minute.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from shared.aws.dynamodb import row, to_value
from shared.clock import Clock, instant, stamp
from shared.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

WEBHOOK = "webhook"
WEBHOOK_REFUSED = "webhook-refused"
REDIRECT_REFUSED = "redirect-refused"
POP_UP_DROPPED = "pop-up-dropped"

_KEPT = timedelta(days=7)
_EVERY_S = 60.0
_SET = "SET seen_at = :at, who = :who, why = :why, expires_at = :until"
# So many are remembered by one environment; then it begins anew.
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Sighting:
    """When it was seen last, of whom, and why."""

    at: datetime
    who: str
    why: str


class Sightings:
    """Notes and reads them; in the table of the pace, whose rows come and go as well."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, clock: Clock) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock
        self._noted: dict[str, float] = {}

    def _is_news(self, kind: str, who: str = "") -> bool:
        """Whether this environment has noted none of it within a minute."""
        return time.monotonic() - self._noted.get(f"{kind}#{who}", float("-inf")) >= _EVERY_S

    def note(self, kind: str, who: str = "", why: str = "") -> None:
        """Notes one, of everybody and of whom it concerns. It is no error if that fails."""
        if not self._is_news(kind, who):
            return
        if len(self._noted) >= _MOST:
            self._noted.clear()
        self._noted[f"{kind}#{who}"] = time.monotonic()
        now = self._clock()
        values = {
            ":at": to_value(stamp(now)),
            ":who": to_value(who),
            ":why": to_value(why),
            ":until": to_value(int((now + _KEPT).timestamp())),
        }
        try:
            for whose in dict.fromkeys(("", who)):
                self._dynamodb.update_item(
                    TableName=self._table,
                    Key={"key": to_value(_key(kind, whose))},
                    UpdateExpression=_SET,
                    ExpressionAttributeValues=values,
                )
        except (BotoCoreError, ClientError):
            logger.warning("not noted", extra={"sighting": kind})

    def last(self, kind: str, who: str = "") -> Sighting | None:
        """The last one, of everybody or of one; None if there was none within a week."""
        found = row(self._dynamodb, self._table, {"key": _key(kind, who)})
        if found is None:
            return None
        return Sighting(instant(found["seen_at"]), found["who"], found["why"])


def _key(kind: str, who: str) -> str:
    return f"seen#{kind}#{who}"
