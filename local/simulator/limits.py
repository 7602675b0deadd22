"""The platform's limits: so many calls in any second, and in any minute.

https://developers.yclients.com: 5 a second or 200 a minute, from one address.
"""

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta


class Limits:
    """Counts calls in sliding windows; whoever is over a limit is not counted.

    Args:
        now: the clock; returns an aware datetime.
        per_s: calls in any second; 0 for any number.
        per_min: calls in any minute; 0 for any number.
    """

    def __init__(self, now: Callable[[], datetime], per_s: int, per_min: int) -> None:
        self._now = now
        self._windows = [
            (most, timedelta(seconds=seconds), deque[datetime]())
            for most, seconds in ((per_s, 1), (per_min, 60))
            if most
        ]
        self._lock = threading.Lock()

    def allow(self) -> bool:
        """Whether one more call is within all limits."""
        with self._lock:
            now = self._now()
            for _most, length, calls in self._windows:
                while calls and calls[0] <= now - length:
                    calls.popleft()
            if any(len(calls) >= most for most, _length, calls in self._windows):
                return False
            for _most, _length, calls in self._windows:
                calls.append(now)
            return True
