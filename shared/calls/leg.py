"""One leg of a call, as a PBX has reported it."""

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg as it was reported; numbers in their normal form.

    `phone` is empty if the caller hides, or if it is no number. What was written stands in
    `written`, unless it hides, or names its country: it is another number in another country.
    """

    location_id: int | None
    answered: bool
    duration_s: int
    started_at: datetime
    direction: str
    phone: str
    line: str
    extension: str
    link: str
    written: str = ""

    @property
    def rank(self) -> tuple[object, ...]:
        """The greatest of a call's legs speaks for it."""
        # Whose the call is comes last, as the report of the whole call may change it.
        return (
            self.answered,
            self.duration_s,
            bool(self.extension),
            self.started_at,
            self.extension,
            self.link,
            bool(self.phone),
            self.location_id or 0,
            self.direction,
            self.phone,
            self.line,
            self.written,
        )

    @property
    def is_unread(self) -> bool:
        """Whether somebody called from what is no country's number."""
        return bool(self.written) and not self.phone

    @property
    def is_missed(self) -> bool:
        """Whether somebody called and nobody answered."""
        return self.direction == "incoming" and not self.answered

    def within(self, whole: "Leg") -> "Leg":
        """The same, with whom and where the call was by the report of the whole call."""
        return replace(
            self,
            location_id=whole.location_id or self.location_id,
            direction=whole.direction,
            phone=whole.phone,
            line=whole.line or self.line,
            written=whole.written,
        )

    def of(self, location_id: int, line: str) -> "Leg":
        """The same, of this location and line where none was told."""
        return replace(self, location_id=self.location_id or location_id, line=self.line or line)
