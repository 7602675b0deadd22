"""Workers that run one at a time, from one call to the outside to the next.

Between two calls anything may happen: another worker goes on, time passes, the worker dies. Who
runs next is the caller's choice, so a schedule can be repeated exactly.
"""

import _thread
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any


class Killed(BaseException):
    """The execution environment is gone; no `except` of the application sees it."""


class Task:
    """One invocation, in a thread that waits whenever it is not its turn.

    Attributes:
        environment: what the function was wired to.
        at: the call that it is about to make; empty before the first.
        skew: by how much its clock is wrong.
        wake_at: until when it sleeps; None while it does not.
        done: whether it has ended.
        error: what it raised.
        result: what it returned.
    """

    _own = threading.local()

    def __init__(
        self, name: str, work: Callable[[], Any], started_at: datetime, environment: Any
    ) -> None:
        self.name = name
        self.environment = environment
        self.started_at = started_at
        self.at = ""
        self.wake_at: datetime | None = None
        self.skew = timedelta()
        self.done = False
        self.error: BaseException | None = None
        self.result: Any = None
        self._work = work
        self._dying = self._alone = False
        # Locks as batons: taken here, and given by the other side; semaphores are slower.
        self._go, self._back = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._back.acquire()
        # Not by threading, which would wait until it runs: one more turn for each of thousands.
        _thread.start_new_thread(self._run, ())

    @classmethod
    def current(cls) -> "Task | None":
        """The task whose thread this is."""
        return getattr(cls._own, "task", None)

    def resume(self, *, kill: bool = False, alone: bool = False) -> None:
        """Lets it run to its next call, or ends it where it is.

        `alone`: nothing happens between its calls, so it goes on until it sleeps.
        """
        self._dying, self._alone = kill, alone
        self._go.release()
        self._back.acquire()

    def pause(self, at: str, wake_at: datetime | None = None) -> None:
        """In its own thread: waits for the next turn."""
        self.at, self.wake_at = at, wake_at
        if self._alone and wake_at is None:
            return
        self._back.release()
        self._go.acquire()
        self.wake_at = None
        if self._dying:
            raise Killed(at)

    def _run(self) -> None:
        Task._own.task = self
        self._go.acquire()
        try:
            # Killed before it began, it has done nothing.
            self.result = None if self._dying else self._work()
        except Killed:
            self.at = "killed"
        except BaseException as error:  # noqa: BLE001 - the judge has it
            self.error = error
        self.done = True
        self._back.release()
