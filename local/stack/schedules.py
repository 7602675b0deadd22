"""Amazon EventBridge Scheduler's side of a function: rates.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#rate-based
"""

import math
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from local.stack.environment import InvokeResult
from local.stack.template import ACCOUNT_ID
from local.stack.wiring import Schedule


class Clockwork:
    """Runs one schedule, first after one interval, from when it is made until `stop`.

    One run at a time: a tick that finds the last run still going is skipped, none is queued.
    """

    def __init__(
        self,
        schedule: Schedule,
        invoke: Callable[[str, Any], InvokeResult],
        *,
        every_s: float,
        region: str,
    ) -> None:
        self._schedule = schedule
        self._invoke = invoke
        self._every_s = every_s
        self._region = region
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Start no more runs."""
        self._is_stopped.set()

    def join(self) -> None:
        """Wait until nothing runs any more; call it when the functions are closed."""
        self._thread.join()

    def _run(self) -> None:
        started_at = time.monotonic()
        ticks = 1
        while not self._is_stopped.wait(started_at + ticks * self._every_s - time.monotonic()):
            try:
                # A failed run is the function's affair: its log has it, and the next tick comes.
                self._invoke(self._schedule.function, event_of(self._schedule, self._region))
            except RuntimeError:
                if not self._is_stopped.is_set():
                    raise
            ticks = math.floor((time.monotonic() - started_at) / self._every_s) + 1


def event_of(schedule: Schedule, region: str) -> Any:
    """The schedule's own input, or what the service sends without one."""
    if schedule.event is not None:
        return schedule.event
    is_scheduler = schedule.source == "aws.scheduler"
    kind = "schedule/default" if is_scheduler else "rule"
    service = "scheduler" if is_scheduler else "events"
    arn = f"arn:aws:{service}:{region}:{ACCOUNT_ID}:{kind}/{schedule.name}"
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": schedule.source,
        "account": ACCOUNT_ID,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [arn],
        "detail": "{}" if is_scheduler else {},
    }
