"""What became of a call to the platform that changes something: the words for all of them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sent:
    """The platform took it; a payment under this id."""

    platform_id: int = 0


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Proven: the platform did nothing, and may be asked again."""

    why: str
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Blocked:
    """401, 403, 404 or 406: token, address or rights are wrong; says nothing about the money."""

    status: int
    message: str

    @property
    def why(self) -> str:
        """In words."""
        return f"{self.status} {self.message}".strip()


@dataclass(frozen=True, slots=True)
class Rejected:
    """The platform looked at it and will not take it, now or later; if `doubtful`, perhaps."""

    why: str
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Unclear:
    """Anything else: the platform may have taken it; `failed` if it said that it failed (5xx)."""

    why: str
    failed: bool = False


type Outcome = Sent | NotTaken | Blocked | Rejected | Unclear
