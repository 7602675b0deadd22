"""The first ring: what last came of an account's telephone system, told to whoever waits for it.

Read from what the door has noted anyway, and from our own tables alone. Who may look has proven
that the account is his, or has made it with its first key; what he gets for that, a watch, stands
in an address. So it opens nothing but this, for an hour, and nothing here tells who has called.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.aws.sightings import OTHER_LOCATION, POP_UP, Sightings
from shared.calls.refused_keys import RefusedKeys
from shared.calls.shown import PopUp
from shared.calls.table import Calls
from shared.clock import Clock
from shared.connect.tickets import Tickets
from shared.connections.accounts import Account, Accounts
from shared.connections.table import Connections

# Looks of one account in an hour: two pages that ask as often as they may.
MOST_LOOKS = 900
# What came before is no news to whoever waits now.
_LATELY = timedelta(hours=1)
# Of the account's locations: each costs a read, and one more if something rang there. Of fewer is
# looked for what ended without a ring, which is two.
_MOST_READ = 300
_MOST_ENDED = 60


class TooOften(Exception):
    """The account's pages have asked too often within this hour."""


class Came(StrEnum):
    """What came instead of a ring, or of all of it."""

    NOTHING = "nothing"
    NO_KEY = "no key"
    WRONG_KEY = "wrong key"
    WRONG_LOCATION = "wrong location"
    # A call was reported after its end, and never that it rang.
    ONLY_ENDED = "only ended"


@dataclass(frozen=True, slots=True)
class FirstRing:
    """What came last.

    Attributes:
        what: a pop-up's fate, or what came instead.
        at: when.
        location_id: where it rang, or which location was named; None if that is not known.
        name: what the location is called, if that is known.
        caller: the last digits of who rang.
        line: through which, as it was written; `extension` likewise.
        late_s: seconds between the ring and our hearing of it.
    """

    what: PopUp | Came
    at: datetime | None = None
    location_id: int | None = None
    name: str = ""
    caller: str = ""
    line: str = ""
    extension: str = ""
    late_s: int = 0

    @property
    def rang(self) -> bool:
        """Whether somebody was shown who calls."""
        return self.what is PopUp.SENT


@dataclass(frozen=True, slots=True)
class Watched:
    """What a watch shows: the last that came, and how long it has been looked for already."""

    ring: FirstRing
    since: datetime
    now: datetime


class FirstRings:
    """The use case of the page that waits for the first ring."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        connections: Connections,
        calls: Calls,
        tickets: Tickets,
        sightings: Sightings,
        refused_keys: RefusedKeys,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._connections = connections
        self._calls = calls
        self._tickets = tickets
        self._sightings = sightings
        self._refused_keys = refused_keys
        self._clock = clock

    def look(self, watch: str) -> Watched | None:
        """What came last; None for a watch that is unknown or too old.

        Raises:
            TooOften: nothing was read.
        """
        now = self._clock()
        found = self._tickets.watched(watch, now)
        if found is None:
            return None
        account_id, since = found
        if not self._tickets.allowance(f"watch#{account_id}", 1, MOST_LOOKS, now):
            raise TooOften
        account = self._accounts.of_id(account_id)
        return None if account is None else Watched(self._last(account, now), since, now)

    def _last(self, account: Account, now: datetime) -> FirstRing:
        if not account.pbx_key_digest:
            return FirstRing(Came.NO_KEY)
        account_id = account.account_id
        ids = sorted(self._connections.of_account(account_id))[:_MOST_READ]
        rung = list(self._rung(account_id, ids))
        came = [*rung, *self._refused(account_id, now)]
        if not rung:
            came += self._ended(account_id, ids[:_MOST_ENDED])
        lately = [it for it in came if it.at is not None and it.at > now - _LATELY]
        return max(lately, key=lambda it: it.at or now, default=FirstRing(Came.NOTHING))

    def _rung(self, account_id: str, ids: list[int]) -> Iterable[FirstRing]:
        for location_id in (None, *ids):
            told = self._sightings.told(POP_UP, str(location_id or account_id))
            if told is None:
                continue
            row = self._connections.get(location_id) if location_id else None
            # The location may have been another account's at that time, or be it by now.
            if location_id and (row is None or row.account_id != account_id):
                continue
            if row and told.at < (row.held_since or row.opened_at):
                continue
            yield FirstRing(
                PopUp(told.why),
                told.at,
                row.location_id if row else None,
                row.name if row else "",
                caller=told.facts.get("caller", ""),
                line=told.facts.get("line", ""),
                extension=told.facts.get("extension", ""),
                late_s=int(told.facts.get("late_s", 0)),
            )

    def _refused(self, account_id: str, now: datetime) -> Iterable[FirstRing]:
        key = self._refused_keys.last(account_id, now)
        if key is not None:
            yield FirstRing(Came.WRONG_KEY, key.at)
        other = self._sightings.last(OTHER_LOCATION, account_id)
        if other is not None:
            yield FirstRing(Came.WRONG_LOCATION, other.at, int(other.why))

    def _ended(self, account_id: str, ids: list[int]) -> Iterable[FirstRing]:
        for row in map(self._connections.get, ids):
            if row is None:
                continue
            for call in self._calls.latest(row.location_id, 1):
                if call.account_id == account_id:
                    at = call.heard_at
                    yield FirstRing(Came.ONLY_ENDED, at, row.location_id, row.name)
