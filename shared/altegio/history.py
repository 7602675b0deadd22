"""A call as the platform saves it, and as it lists it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A call as the platform is to save it; `phone` and `line` in their normal form."""

    call_id: str
    direction: str
    phone: str
    line: str
    user: str | None
    duration_s: int
    link: str | None
    answered: bool
    started_at: datetime


@dataclass(frozen=True, slots=True)
class ListedCall:
    """A call as the platform lists it.

    Where it says no offset, one hour of the year is there twice: then `or_at` is the second.
    """

    id: int
    direction: str
    phone: str
    duration_s: int
    answered: bool
    at: datetime
    or_at: datetime | None = None

    @property
    def moments(self) -> tuple[datetime, ...]:
        """When it may have been."""
        return (self.at, self.or_at) if self.or_at else (self.at,)


@dataclass(frozen=True, slots=True)
class UnreadCall:
    """A row of the list that cannot be read, and when it may have been: empty if no time can be."""

    moments: tuple[datetime, ...] = ()
