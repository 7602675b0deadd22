"""The platform's word on one location: its status, its log and its payments."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from shared.clock import instant, stamp

UNKNOWN_THERE = "404 "
"""Begins the platform's words in a `proof` where it answered 404, and said why."""

# Clocks that are set by nobody differ by seconds.
_CLOCKS_DIFFER = timedelta(minutes=1)
# The same hour twice, when clocks go back.
_THERE_TWICE = timedelta(hours=2)


class Installed(StrEnum):
    """What the platform says of the application in a location, in the wire's spelling."""

    PENDING = "pending"
    ACTIVE = "active"
    FREEZED = "freezed"
    NO = "uninstalled"


def is_older(told: str, known: str) -> bool:
    """Whether what is told of a log, a `mark` or a `grant`, is from before what is known of it.

    A longer one may seem to be, by the hour that is there twice.
    """
    (told_at, _, told_length), (known_at, _, known_length) = (
        it.rpartition(" ") for it in (told, known)
    )
    if told_at and known_at and told_length > known_length:
        return instant(told_at) + _THERE_TWICE <= instant(known_at)
    return told < known


def newer(known: str, told: str) -> str:
    """Of two marks, that of the log that goes further."""
    return known if is_older(told, known) else told


@dataclass(frozen=True, slots=True)
class Transition:
    """One entry of the platform's log, its time already an instant.

    `or_at` is the later instant that the same time of day names when clocks go back, else None.
    """

    at: datetime
    before: str
    after: str
    or_at: datetime | None = None

    @property
    def latest(self) -> datetime:
        """The last instant that it may be, for comparison with any other clock."""
        return self.or_at or self.at

    def __str__(self) -> str:
        return f"{self.before}→{self.after} at {self.at:%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True, slots=True)
class ListedPayment:
    """One payment as the platform lists it; times as it wrote them, and no currency.

    Of a row that cannot be read, `amount` is None; `refunded_at` is empty if it is not told.
    """

    id: int
    amount: Decimal | None
    paid_at: str
    period_from: str
    period_to: str
    is_refunded: bool
    refunded_at: str = ""

    @property
    def dates(self) -> tuple[str, str, str]:
        """When it was paid, and from when to when it counts."""
        return self.paid_at, self.period_from, self.period_to


@dataclass(frozen=True, slots=True)
class Status:
    """The platform's word on one location; `log` in order of time, possibly empty.

    `said` are its words if it answered 404, as of a location that it does not know any more.
    """

    installed: Installed
    since: datetime | None
    log: tuple[Transition, ...] = ()
    payments: tuple[ListedPayment, ...] = ()
    said: str = ""

    @property
    def live(self) -> bool:
        """Whether the platform takes payments there: a frozen location is paid to thaw it."""
        match self.installed:
            case Installed.ACTIVE | Installed.FREEZED:
                return True
            case Installed.PENDING | Installed.NO:
                return False

    @property
    def refunded(self) -> frozenset[int]:
        """Ids of the payments that the platform holds as given back."""
        return frozenset(payment.id for payment in self.payments if payment.is_refunded)

    @property
    def activation(self) -> datetime | None:
        """When the present install became active for the first time."""
        return self._activations[-1].at if self._activations else None

    @property
    def activation_at_latest(self) -> datetime | None:
        """The same at the latest, where the hour is there twice."""
        return self._activations[-1].latest if self._activations else None

    @property
    def first_activation(self) -> datetime | None:
        """When the first install of the log became active, however often it ended since."""
        return self._activations[0].at if self._activations else None

    @property
    def _activations(self) -> list[Transition]:
        starts = (Installed.PENDING, Installed.NO)
        return [
            entry
            for entry in self.log
            if entry.after == Installed.ACTIVE and entry.before in starts
        ]

    @property
    def mark(self) -> str:
        """How far the log goes, in whole seconds and entries (see `is_older`)."""
        return f"{stamp(self.log[-1].at)} {len(self.log):04}" if self.log else ""

    @property
    def grant(self) -> str:
        """The entry of the log that waits for the callback (see `is_older`).

        Its time and its place; empty if nothing waits.
        """
        if self.installed is not Installed.PENDING:
            return ""
        places = [place for place, it in enumerate(self.log, 1) if it.after == Installed.PENDING]
        place = places[-1] if places else 0
        at = self.log[place - 1].at if place else self.since
        return f"{stamp(at) if at else ''} {place:04}"

    def answers(self, grant: str) -> bool:
        """Whether the present install is the answer to that grant, and has not ended since.

        A grant that was renewed while it waited is answered by the same callback, which is ours.
        """
        place = int(grant.rpartition(" ")[2]) if grant else 0
        if not place or not self.log:
            # A platform that shows no log: there is nothing to compare.
            return True
        since = self.log[place:]
        # Where it read alike both ways then (see `_in_order`), its first was taken for the grant.
        known_as = {stamp(it.at) for it in self.log[place - 1 : place]}
        known_as |= {stamp(at) for at in (self.log[0].at, self.log[0].latest)}
        if not since or grant.partition(" ")[0] not in known_as:
            return False
        callback = next((it for it in since if it.after != Installed.PENDING), None)
        goes_on = all(Installed.NO not in (it.before, it.after) for it in since)
        return goes_on and callback is not None and callback.before == Installed.PENDING

    def ahead_of(self, now: datetime) -> bool:
        """Whether the log names a time that is still to come: a clock or a zone is wrong."""
        return bool(self.log) and self.log[-1].at > now + _CLOCKS_DIFFER

    @property
    def granted_at(self) -> datetime | None:
        """When the owner granted access that still waits for the callback."""
        return self._grant.at if self._grant else self.since

    @property
    def granted_at_latest(self) -> datetime | None:
        """The same at the latest, where the hour is there twice."""
        return self._grant.latest if self._grant else self.since

    @property
    def _grant(self) -> Transition | None:
        found = [entry for entry in self.log if entry.after == Installed.PENDING]
        return found[-1] if found else None

    def proof(self) -> str:
        """In one line, what a decision was based on."""
        if not self.log:
            return f"status {self.installed}" + f": {UNKNOWN_THERE}{self.said}" * bool(self.said)
        return f"status {self.installed}, log ends {self.log[-1]}"
