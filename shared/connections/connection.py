"""The record of one location and its account; how it changes is in `lifecycle`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.connections.crm_token import CrmTokenState


class State(StrEnum):
    """Of a connection. A row is due for its unfinished business, ACTIVE for the end of its cover.

    DISABLED is due for its erasing, and no more after that.
    """

    PENDING = "pending"
    ACTIVE = "active"
    FROZEN = "frozen"
    DISABLED = "disabled"


LIVE = (State.ACTIVE, State.FROZEN)


class Hint(StrEnum):
    """Why the platform is asked about a location; what its webhook says is in `TOLD`."""

    UNINSTALL = "uninstall"
    FREEZE = "freeze"
    PAYMENT = "payment"
    # Said by who may be anybody, while the partner token cannot be read.
    UNPROVEN = "unproven uninstall"
    # Our own: the platform spoke as if the application were not installed any more.
    GONE = "gone"


# In the words of the webhook. Each is a reason to ask: a payment may have thawed a location.
TOLD = tuple(hint for hint in Hint if hint not in (Hint.UNPROVEN, Hint.GONE))


@dataclass(frozen=True, slots=True)
class Connection:
    """One location and the account that it belongs to."""

    location_id: int
    state: State
    generation: int
    account_id: str | None
    opened_at: datetime
    # Since when it is this account's, through its reconnects; None: since this generation.
    held_since: datetime | None = None
    # What the owner calls it, as Altegio's link has it; empty if it never said.
    name: str = ""
    # The IANA name of its zone, as the platform's list has it; empty until a census has read that.
    zone: str = ""
    chain_id: int | None = None
    crm_token: str | None = None
    # Whether the token is its own, the chain that it has joined with it (see chain), and whether it
    # was frozen since.
    telephony: CrmTokenState = CrmTokenState.NONE
    chain_key: str | None = None
    thawed: bool = False
    # The grant in the platform's log that the owner's consent answers (see `Status.grant`).
    grant: str = ""
    # By our own clock: when it was last opened, found live, or closed.
    settled_at: datetime | None = None
    # The platform's log entry that this generation is known by; None before it is active.
    activation: datetime | None = None
    # How far the platform's log was ever seen.
    mark: str = ""
    # The clock of the platform's switch-off (see cover): when any generation was active for the
    # first time, until when it is covered, what is reported but not listed, as of the last look.
    first_active_at: datetime | None = None
    covered_until: datetime | None = None
    unlisted: tuple[str, ...] = ()
    watched_at: datetime | None = None
    # When a payment was given back, for as long as the platform may take to act on it.
    refunded_at: datetime | None = None
    # Until then somebody is working on an open generation; afterwards anybody may go on.
    lease_until: datetime | None = None
    tries: int = 0
    # The webhook's claim that is still to be checked, and how often it was.
    hint: Hint | None = None
    hint_at: datetime | None = None
    hint_looks: int = 0
    # The last decision in words, with what it was based on.
    verdict: str = ""
    due_at: datetime | None = None
    # Of a closed connection: when what it knows of the customer is erased (see erasing).
    erase_at: datetime | None = None
    # Accounts that had the location before, and when what is known of them is erased.
    former: tuple[str, ...] = ()
    forget_at: datetime | None = None
    # Counts the writes; a writer that did not see the last one loses.
    version: int = 0

    @property
    def names(self) -> dict[str, object]:
        """What a line of the log calls it by."""
        return {"location_id": self.location_id, "account_id": self.account_id}

    @property
    def live(self) -> bool:
        """Whether payments go out: a frozen location is paid in order to thaw it."""
        return self.state in LIVE

    @property
    def words(self) -> str:
        """State and verdict; a verdict may begin with the state that it made."""
        return f"{self.state}: {self.verdict.removeprefix(f'{self.state}: ')}"
