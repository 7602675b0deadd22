"""What can go wrong between the application and the platform, on order."""

import threading
from dataclasses import dataclass, replace
from typing import Final

ROUTES: Final = frozenset(
    {
        *("status", "callback", "payment", "refund", "salons", "uninstall"),
        *("enable", "disable", "event", "history", "calls", "voip"),
        "any",
    }
)
#: Faults whose request leaves no trace on the platform; with the others the work is done.
NOTHING_DONE: Final = frozenset({"drop_request", "status", "success_false", "html"})
WORK_DONE: Final = frozenset(
    {"drop_answer", "delay", "late_answer", "cut_answer", "html_done", "empty", "trickle"}
)


@dataclass(slots=True)
class Fault:
    """One disturbance; `times` counts down to 0 as it is applied.

    Attributes:
        route: the route it waits for, or "any".
        kind: "drop_answer" (work done, connection closed without an answer), "drop_request"
            (closed before anything is done), "delay" (wait, then do and answer), "late_answer"
            (do, wait, answer), "cut_answer" (done; half the body arrives), "status" (`status`
            answered, nothing done), "success_false" (200 with `success: false`, nothing done),
            "html" (200 with a web page, nothing done), "html_done" (the same, but done),
            "empty" (done, no body), "trickle" (done; the answer comes byte by byte).
        times: how many more requests it hits.
        location_id: only requests that name this location; None for all.
        crm_token: only requests that name the chain of this token; empty for all.
        seconds: the wait of "delay" and "late_answer"; the pause between two bytes of
            "trickle" (0: one second).
        status: the answer of "status".
        message: `meta.message` of "status" and "success_false".
        retry_after: seconds in the Retry-After header of "status"; None for no header.
    """

    route: str
    kind: str
    times: int = 1
    location_id: int | None = None
    seconds: float = 0
    status: int = 500
    message: str = ""
    retry_after: int | None = None
    crm_token: str = ""

    def __post_init__(self) -> None:
        if self.route not in ROUTES:
            raise ValueError(f"unknown route {self.route!r}, one of {sorted(ROUTES)}")
        if self.kind not in NOTHING_DONE | WORK_DONE:
            raise ValueError(
                f"unknown kind {self.kind!r}, one of {sorted(NOTHING_DONE | WORK_DONE)}"
            )

    def hits(self, route: str, location_id: int | None, crm_token: str = "") -> bool:
        """Whether the fault is for this request and not used up."""
        return (
            self.times > 0
            and self.route in {"any", route}
            and (self.location_id is None or self.location_id == location_id)
            and self.crm_token in {"", crm_token}
        )


class Faults:
    """The faults on order; the first that fits a request is the only one applied to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ordered: list[Fault] = []

    def order(self, fault: Fault) -> None:
        """Add a fault behind those ordered before."""
        with self._lock:
            self._ordered.append(fault)

    def take(self, route: str, location_id: int | None, crm_token: str = "") -> Fault | None:
        """The fault for this request, counted down; None if all goes well."""
        with self._lock:
            for fault in self._ordered:
                if fault.hits(route, location_id, crm_token):
                    fault.times -= 1
                    return fault
            return None

    def ordered(self) -> list[Fault]:
        """Those that are not used up (a copy)."""
        with self._lock:
            return [replace(fault) for fault in self._ordered if fault.times > 0]

    def clear(self) -> None:
        """Forget all that is on order."""
        with self._lock:
            self._ordered.clear()
