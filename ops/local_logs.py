"""What the functions of the local stack have counted, by their logs, which are a file for each.

Their lines are those that CloudWatch would make metrics of:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ops.watch import HOUR, Alarm, Counted

_GIVEN_BACK = b'"not durable, comes again"'
_NOT_TAKEN = b'"event not taken"'
_AGAIN = timedelta(minutes=5)  # What is given back comes again after three minutes.
_TAIL = 1 << 20  # Of each log, so many bytes are read: an hour of a busy stack on a laptop.


class Logs:
    """A `Watch` of the operator's; it has no alarms."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def alarms(self) -> list[Alarm] | None:
        """Nobody evaluates them here."""
        return None

    def counted(self, names: Sequence[str], now: datetime) -> Mapping[str, Counted]:
        """By the lines that CloudWatch would make metrics of."""
        found: dict[str, Counted] = {}
        for line in self._lines("*Function.log", b'"_aws"'):
            at = datetime.fromtimestamp(line["_aws"]["Timestamp"] / 1000, UTC)
            if at < now - HOUR:
                continue
            for name in line.keys() & set(names):
                before = found.get(name, Counted(0, at))
                number = before.number + round(sum(line[name]))
                found[name] = Counted(number, max(at, before.last))
        return found

    def age(self, queue_url: str, now: datetime) -> timedelta | None:
        """Since when its function gives messages back; None if it has not for a while."""
        function = "CallsFunction" if "Calls" in queue_url else "PaymentsFunction"
        return self._since(function, _GIVEN_BACK, now)

    def untold(self, now: datetime) -> timedelta | None:
        """Since when its function leaves changes where they are."""
        return self._since("EventsFunction", _NOT_TAKEN, now)

    def _since(self, function: str, having: bytes, now: datetime) -> timedelta | None:
        lines = self._lines(f"{function}.log", having)
        times = [datetime.fromisoformat(line["timestamp"]) for line in lines]
        lately = [at for at in times if now - at < HOUR]
        return now - min(lately) if lately and now - max(lately) < _AGAIN else None

    def log(self, function: str) -> str:
        """By a pager, at its end."""
        return f"less +G {self._folder / (function or '*Function')}.log"

    def _lines(self, files: str, having: bytes) -> Iterator[dict[str, Any]]:
        for file in sorted(self._folder.glob(files)):
            with file.open("rb") as log:
                log.seek(max(0, file.stat().st_size - _TAIL))
                for line in log.read().splitlines():
                    # The first one may be cut, and the last.
                    if line.startswith(b"{") and line.endswith(b"}") and having in line:
                        yield json.loads(line)
