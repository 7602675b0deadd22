"""What a visit of the connect page shows: how the locations stand, and what can be done."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.altegio.redirect import Owner
from shared.calls.line_entry import Entered
from shared.chains.switching import TelephonyStanding
from shared.connect.account_summary import Belongings
from shared.connections.accounts import Account
from shared.connections.connection import Connection, State


class Standing(StrEnum):
    """What the owner has to know about one location."""

    READY = "ready"
    CONNECTED = "connected"
    FROZEN = "frozen"
    IN_PROGRESS = "in progress"
    FAILED = "failed"
    EXPIRED = "expired"
    NOT_GRANTED = "not granted"
    TAKEN = "taken"
    # Installed in Altegio by another way than this page: for the census, or an operator.
    INSTALLED = "installed"
    # Nobody has asked Altegio about it yet, or it did not answer.
    NOT_ASKED = "not asked"


# What the button on the page can bring forward.
OPEN = (Standing.READY, Standing.IN_PROGRESS, Standing.FAILED, Standing.NOT_ASKED)
# What tells a stranger something about a location that is not his.
DENIED = (Standing.NOT_GRANTED, Standing.EXPIRED, Standing.TAKEN, Standing.INSTALLED)


class Proof(StrEnum):
    """How far the visitor has proven that the account is his; see `one_time_code`."""

    # No letters are sent here, or there is no account to prove anything about.
    IMPOSSIBLE = "impossible"
    OFFERED = "offered"
    SENT = "sent"
    NOT_SENT = "not sent"
    WRONG = "wrong"
    TOO_MANY = "too many"
    GIVEN = "given"


@dataclass(frozen=True, slots=True)
class LocationStanding:
    """One location of the redirect and how it stands."""

    location_id: int
    standing: Standing
    telephony: TelephonyStanding | None = None
    # The end of the trial or of what was paid, if it is known and still to come.
    covered_until: datetime | None = None
    # What its owner calls it, if Altegio has said so.
    name: str = ""


def covered_until(connection: Connection, now: datetime) -> datetime | None:
    """The end of a location's trial or of what was paid, if it is known and still to come."""
    until = connection.covered_until
    is_active = connection.state is State.ACTIVE
    return until if is_active and until is not None and until > now else None


@dataclass(frozen=True, slots=True)
class Visit:
    """What the page shows; `ticket` is None when there is nothing to press."""

    owner: Owner
    # None for an owner who is not registered; another's, with his address, is never shown.
    account: Account | None
    locations: tuple[LocationStanding, ...]
    ticket: str | None
    # Of a form that cannot be taken yet: the fields to correct.
    wrong: frozenset[str] = frozenset()
    # The key of the account's PBX, the one time that it is shown.
    pbx_key: str | None = None
    # Beside that key, what shows the first ring: see `first_ring`.
    watch: str | None = None
    belongings: Belongings | None = None
    proof: Proof = Proof.IMPOSSIBLE
    # Of numbers that name none: the account's, or what its owner has chosen or may choose.
    country: str = ""
    # Whether that was changed just now.
    has_new_country: bool = False
    # What became of a line that was entered just now, and how it was written if it was not taken.
    entered: Entered | None = None
    typed_line: str = ""
    # Whether nothing was asked, as somebody with this link has asked too often.
    has_asked_too_many: bool = False

    @property
    def can_connect(self) -> bool:
        """Whether there is a location that the button can bring forward."""
        is_open = any(location.standing in OPEN for location in self.locations)
        return is_open and (not self.has_asked_too_many or self.proof is Proof.GIVEN)

    @property
    def promising(self) -> tuple[int, ...]:
        """The locations, those that were denied last."""
        ordered = sorted(self.locations, key=lambda it: it.standing in DENIED)
        return tuple(it.location_id for it in ordered)
