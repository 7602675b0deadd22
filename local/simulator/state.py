"""What the platform knows and how it changes: links, logs, payments and the journal of calls.

The state machine of one location's link with the application:

    uninstalled --owner grants--> pending --partner callback--> active
    uninstalled --owner grants a private application---------> active
    active --period or trial over, refund of the period------> freezed
    freezed --payment----------------------------------------> active
    pending | active | freezed --uninstall-------------------> uninstalled

No sockets and no threads in here; every method takes the one lock, so any thread may call it.
"""

import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

type Status = Literal["uninstalled", "pending", "active", "freezed"]
type Source = Literal["marketplace", "partner_api"]

WIRE_TIME = "%Y-%m-%d %H:%M:%S"

# Deliberately wide: an application must never guess the next id from the last.
LARGEST_ID_STEP = 97


class RefusedError(Exception):
    """The platform understood the request, but its state does not allow it.

    Attributes:
        status: the HTTP status of the answer.
        message: what `meta.message` says; empty where the platform says nothing (404).
    """

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(message or str(status))
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Link:
    """The application in one location, from the owner's grant to the uninstall."""

    status: Status
    created_at: datetime


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One transition of a link; `changed_at` is `at` as a wire string in the platform's zone."""

    at: datetime
    changed_at: str
    status_from: Status
    status_to: Status
    source: Source


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment. Times are wire strings, the period is inclusive at both ends."""

    id: int
    location_id: int
    payment_sum: Decimal
    currency_iso: str
    payment_date: str
    period_from: str
    period_to: str
    is_refunded: bool = False
    refunded_at: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What the status call tells about a location; `created_at` is a wire string."""

    status: Status
    created_at: str
    payments: list[Payment]
    logs: list[LogEntry]


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request of the application, as it arrived and as it ended.

    Attributes:
        at: when it arrived (UTC).
        method: the HTTP method.
        path: path and query as sent.
        route: "status", "callback", "payment", "refund", "salons", "uninstall"; of telephony, by
            command, "enable", "disable", "event" (a pop-up), "history", or "voip" if the command
            is unreadable, and "calls" (the list); any other path is "unknown".
        location_id: the location it names, also through a payment's id; None if it names none.
        headers: names in lower case; Authorization is kept in the clear.
        body: the parsed JSON, else the raw text, else None.
        status: the status answered; None if dropped, or not answered yet.
        recorded: whether it changed the platform's state.
        violation: why the strict wire refused it; empty if the request was well formed.
        fault: the kind of the fault applied to it; empty if none.
    """

    at: datetime
    method: str
    path: str
    route: str
    location_id: int | None
    headers: dict[str, str]
    body: Any
    status: int | None = None
    recorded: bool = False
    violation: str = ""
    fault: str = ""


class Platform:
    """The platform's records of one application.

    Args:
        now: the clock; returns an aware datetime.
        zone: IANA name of the zone of every time on the wire.
        paid: whether the application is sold; a free one never freezes.
        trial_days: the length of the trial that starts at activation.
        pending_ttl_s: how long after the grant the callback is accepted, in seconds.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        zone: str,
        paid: bool,
        trial_days: int,
        pending_ttl_s: float,
    ) -> None:
        self.now = now
        self.zone = ZoneInfo(zone)
        self.paid = paid
        self.trial_days = trial_days
        self.pending_ttl_s = pending_ttl_s
        self._lock = threading.RLock()
        self._links: dict[int, Link] = {}
        self._first_active: dict[int, datetime] = {}
        self._logs: defaultdict[int, list[LogEntry]] = defaultdict(list)
        self._payments: dict[int, Payment] = {}
        self._last_payment_id = 100_000 + secrets.randbelow(100_000)
        self._journal: list[Call] = []

    # The owner's side

    def grant(self, location_ids: Iterable[int], *, private: bool = False) -> None:
        """The owner presses Connect: all locations become pending, or none does.

        Granting a pending link again renews it, as after an expired hour.

        Raises:
            ValueError: a location has the application already.
        """
        wanted = dict.fromkeys(location_ids)
        with self._lock:
            installed = [each for each in wanted if self.state(each) in {"active", "freezed"}]
            if installed:
                named = ", ".join(map(str, installed))
                raise ValueError(f"The app is already installed in {named}: disconnect first.")
            for location_id in wanted:
                moment = self.now()
                status: Status = "active" if private else "pending"
                self._change(location_id, status, "marketplace")
                self._links[location_id] = Link(status, moment)

    def uninstall(self, location_id: int, source: Source) -> bool:
        """Remove the link; what it paid stays on record.

        Returns:
            Whether there was a link. Removing nothing is no error and no event.
        """
        with self._lock:
            if location_id not in self._links:
                return False
            self._change(location_id, "uninstalled", source)
            del self._links[location_id]
            return True

    def expire(self, location_id: int) -> None:
        """The trial or the paid period is over and the next was not reported: freeze.

        Raises:
            ValueError: the application is free, or the link is not active.
        """
        with self._lock:
            if not self.paid:
                raise ValueError("a free application has no period that could expire")
            if self.state(location_id) != "active":
                raise ValueError(f"location {location_id} is {self.state(location_id)}, not active")
            self._freeze(location_id)

    # The partner's side

    def activate(self, location_id: int) -> None:
        """The partner callback: pending becomes active.

        Raises:
            RefusedError: 403 if installed already (frozen is installed, too), 422 if the owner
                granted nothing, or too long ago. The status of the last two is not documented.
        """
        with self._lock:
            link = self._links.get(location_id)
            if link is None:
                raise RefusedError(422, "The location has not granted access to the application.")
            if link.status != "pending":
                raise RefusedError(403, "The user has already installed this application.")
            if self.now() - link.created_at > timedelta(seconds=self.pending_ttl_s):
                raise RefusedError(422, "The granted access has expired, connect again.")
            self._change(location_id, "active", "partner_api")
            self._links[location_id] = replace(link, status="active")

    def pay(
        self,
        location_id: int,
        *,
        payment_sum: Decimal,
        currency_iso: str,
        payment_date: str,
        period_from: str,
        period_to: str,
        source: Source = "partner_api",
    ) -> int:
        """Record a payment. Not idempotent: the same fields again are another payment.

        Returns:
            The new payment's id. A frozen link is active afterwards, whatever the period.

        Raises:
            RefusedError: 422 if the application is not installed (pending is not installed).
        """
        with self._lock:
            if self.state(location_id) not in {"active", "freezed"}:
                raise RefusedError(422, "The application is not installed in the location.")
            self._last_payment_id += 1 + secrets.randbelow(LARGEST_ID_STEP)
            payment = Payment(
                self._last_payment_id,
                location_id,
                payment_sum,
                currency_iso,
                payment_date,
                period_from,
                period_to,
            )
            self._payments[payment.id] = payment
            if self.state(location_id) == "freezed":
                self._change(location_id, "active", source)
                self._links[location_id] = replace(self._links[location_id], status="active")
            return payment.id

    def refund(self, payment_id: int) -> bool:
        """Mark a payment refunded; a location left without a paid period is frozen at once.

        The documentation allows the platform an hour for it. A trial that still runs does not
        keep the link active: https://alteg.io/en/support/knowledge-base/6746128692893.

        Returns:
            Whether the link was frozen by it.

        Raises:
            RefusedError: 404 for an unknown id, 422 for a second refund.
        """
        with self._lock:
            payment = self._payments.get(payment_id)
            if payment is None:
                raise RefusedError(404)
            if payment.is_refunded:
                raise RefusedError(422, "The payment has already been refunded.")
            moment = self.wire_now()
            self._payments[payment_id] = replace(payment, is_refunded=True, refunded_at=moment)
            was_running = payment.period_from <= moment <= payment.period_to
            location_id = payment.location_id
            frozen = (
                self.paid
                and was_running
                and self.state(location_id) == "active"
                and not any(
                    each.period_from <= moment <= each.period_to
                    for each in self.payments(location_id)
                    if not each.is_refunded
                )
            )
            if frozen:
                self._freeze(location_id)
            return frozen

    # What is on record

    def state(self, location_id: int) -> Status:
        """The link's status; "uninstalled" for a location never seen."""
        with self._lock:
            link = self._links.get(location_id)
            return link.status if link else "uninstalled"

    def standing(self, location_id: int) -> Standing:
        """All that is on record about an installed location, at one moment.

        Raises:
            RefusedError: 404 if the application is not installed, nor pending.
        """
        with self._lock:
            link = self._links.get(location_id)
            if link is None:
                raise RefusedError(404)
            return Standing(
                link.status,
                self.wire(link.created_at),
                self.payments(location_id),
                self.log(location_id),
            )

    def log(self, location_id: int) -> list[LogEntry]:
        """All transitions of a location, oldest first, across reconnects."""
        with self._lock:
            return list(self._logs[location_id]) if location_id in self._logs else []

    def payments(self, location_id: int) -> list[Payment]:
        """All payments of a location, oldest first, across reconnects."""
        with self._lock:
            return [each for each in self._payments.values() if each.location_id == location_id]

    def location_of(self, payment_id: int) -> int | None:
        """The location a payment belongs to; None for an unknown id."""
        with self._lock:
            payment = self._payments.get(payment_id)
            return payment.location_id if payment else None

    def installed(self) -> list[int]:
        """Locations with the application, frozen ones too, pending ones not; in order."""
        with self._lock:
            return sorted(each for each, link in self._links.items() if link.status != "pending")

    def locations(self) -> list[int]:
        """Every location that ever had a link; in order."""
        with self._lock:
            return sorted(self._logs)

    def covered_until(self, location_id: int) -> str:
        """The end of the last unrefunded period, or of the trial (wire string or empty).

        There is one trial, from the first activation on, and none after a refund of what ran:
        https://alteg.io/en/support/knowledge-base/6746128692893.
        """
        with self._lock:
            paid = self.payments(location_id)
            ends = [each.period_to for each in paid if not each.is_refunded]
            began = self._first_active.get(location_id)
            if began and self.paid:
                is_over = any(each.period_from <= (each.refunded_at or "") for each in paid)
                ends.append(self.wire(began + timedelta(days=0 if is_over else self.trial_days)))
            return max(ends, default="")

    def wire_now(self) -> str:
        """The present moment as the platform writes it."""
        return self.wire(self.now())

    def wire(self, moment: datetime) -> str:
        """A moment as the platform writes it."""
        return moment.astimezone(self.zone).strftime(WIRE_TIME)

    # The journal

    def arrived(self, call: Call) -> int:
        """Enter a request into the journal before anything is done about it; returns its place."""
        with self._lock:
            self._journal.append(call)
            return len(self._journal) - 1

    def ended(self, place: int, *, status: int | None, recorded: bool) -> None:
        """Note how the request at `place` ended."""
        with self._lock:
            self._journal[place] = replace(self._journal[place], status=status, recorded=recorded)

    def journal(self) -> list[Call]:
        """All requests in order of arrival (a copy)."""
        with self._lock:
            return list(self._journal)

    def _freeze(self, location_id: int) -> None:
        self._change(location_id, "freezed", "marketplace")
        self._links[location_id] = replace(self._links[location_id], status="freezed")

    def _change(self, location_id: int, to: Status, source: Source) -> None:
        if to == "active":
            self._first_active.setdefault(location_id, self.now())
        at = self.now()
        entry = LogEntry(at, self.wire(at), self.state(location_id), to, source)
        self._logs[location_id].append(entry)
