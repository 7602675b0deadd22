"""The network telephony of the platform: chains, pop-ups, saved calls, and which list shows them.

Telephony belongs to a chain, known by its `crm_token`; the chain's owner routes calls to locations
by line or by user. What the documentation leaves open is decided here, each decision beside its
line. No sockets and no threads; every method takes the one lock, so any thread may call it.

https://developer.alteg.io/_bundle/en/developers/openapi.yaml (voip/integration),
https://alteg.io/en/support/knowledge-base/11125420000669 (chains, routing).
"""

import secrets
import threading
import uuid
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from local.simulator.state import LARGEST_ID_STEP, Platform, RefusedError


@dataclass(frozen=True, slots=True)
class Chain:
    """Locations of one owner, and the secret by which their telephony is told."""

    id: int
    crm_token: str


@dataclass(frozen=True, slots=True)
class PopUp:
    """A caller shown to the staff; `user` is empty if none was named."""

    at: datetime
    phone: str
    line: str
    user: str


@dataclass(frozen=True, slots=True)
class SavedCall:
    """One row of the call history; what was not told has its default.

    Attributes:
        id: the platform's own.
        crm_token: of the chain.
        at: when it was accepted.
        direction: "incoming", "outgoing" or "internal".
        phone: the other side, as sent.
        line: the own number, as sent.
        user: the subscriber; empty if none.
        duration: seconds.
        link: of the recording; empty if none.
        call_id: the application's own; empty if none.
        status: "success" or "missed"; nobody says which one an absent one means.
        date: when the call was; None if not told.
        location_ids: in whose lists it is, as far as the platform knows the locations.
    """

    id: int
    crm_token: str
    at: datetime
    direction: str
    phone: str
    line: str
    user: str = ""
    duration: int = 0
    link: str = ""
    call_id: str = ""
    status: str = "success"
    date: datetime | None = None
    location_ids: tuple[int, ...] = ()

    @property
    def moment(self) -> datetime:
        """When the call was, as far as anybody said."""
        return self.date or self.at


@dataclass(frozen=True, slots=True)
class _Row:
    """A saved call and where it shows; `routed` is None for the whole chain."""

    call: SavedCall
    listed_from: datetime
    routed: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class _Routing:
    location_id: int
    line: str
    user: str


class Telephony:
    """The telephony of every chain.

    Args:
        platform: its clock, its zone, and where the application is installed.
        chain_id: the chain of all locations that were given no other.
        save_after_s: how long after it was accepted a call is in the list, in seconds.
    """

    def __init__(
        self, platform: Platform, chain_id: int, save_after_s: Callable[[], float]
    ) -> None:
        self._platform = platform
        self._save_after_s = save_after_s
        self._lock = threading.RLock()
        self._first = _chain(chain_id)
        self._chains = {self._first.crm_token: self._first}
        self._moved: dict[int, Chain] = {}
        self._routings: list[_Routing] = []
        self._enabled: set[str] = set()
        self._pop_ups: list[tuple[str, PopUp]] = []
        self._rows: list[_Row] = []
        self._last_id = 500_000 + secrets.randbelow(100_000)

    # The owner's side

    def add_chain(self, chain_id: int, location_ids: Iterable[int]) -> Chain:
        """Move locations to a chain, which may be a new one. Their routing goes with them."""
        with self._lock:
            chain = _chain(chain_id)
            self._chains.setdefault(chain.crm_token, chain)
            self._moved |= dict.fromkeys(location_ids, chain)
            return chain

    def route(self, location_id: int, *, line: str, user: str) -> None:
        """Show calls of a line, or of a user, to a location from now on.

        Raises:
            ValueError: neither was named.
        """
        if not _digits(line) and not user:
            raise ValueError("name a line or a user")
        with self._lock:
            self._routings.append(_Routing(location_id, line, user))

    # The partner's side

    def switch(self, crm_token: str, *, on: bool) -> bool:
        """Enable or disable a chain; doing so again is no error.

        Nothing else does: nobody says whether an uninstall disables the telephony of a chain.

        Returns:
            Whether that changed anything.

        Raises:
            RefusedError: 404 for an unknown chain.
        """
        with self._lock:
            self._know(crm_token)
            if on == (crm_token in self._enabled):
                return False
            if on:
                self._enabled.add(crm_token)
            else:
                self._enabled.remove(crm_token)
            return True

    def ring(
        self, crm_token: str, *, direction: str, phone: str, line: str, user: str = ""
    ) -> bool:
        """Show a pop-up, if the chain is enabled and the call comes in.

        Returns:
            Whether it was shown.

        Raises:
            RefusedError: 404 for an unknown chain.
        """
        with self._lock:
            self._know(crm_token)
            shown = crm_token in self._enabled and direction == "incoming"
            if shown:
                pop_up = PopUp(self._platform.now(), phone, line, user)
                self._pop_ups.append((crm_token, pop_up))
            return shown

    def save(
        self,
        crm_token: str,
        *,
        direction: str,
        phone: str,
        line: str,
        user: str = "",
        duration: int = 0,
        link: str = "",
        call_id: str = "",
        status: str = "success",
        date: str | None = None,
    ) -> bool:
        """Save a call, if the chain is enabled; the routing of this moment is its routing.

        A `call_id` seen before makes another row: nobody says what the platform does with it, and
        so whoever sends a call twice can see it.

        Returns:
            Whether it was saved.

        Raises:
            RefusedError: 404 for an unknown chain.
        """
        with self._lock:
            self._know(crm_token)
            if crm_token not in self._enabled:
                return False
            self._last_id += 1 + secrets.randbelow(LARGEST_ID_STEP)
            now = self._platform.now()
            call = SavedCall(
                self._last_id,
                crm_token,
                now,
                direction,
                phone,
                line,
                user,
                duration,
                link,
                call_id,
                status,
                datetime.fromisoformat(date) if date else None,
            )
            listed_from = now + timedelta(seconds=self._save_after_s())
            self._rows.append(_Row(call, listed_from, self._routed(call)))
            return True

    def lose(self, call_id: str) -> None:
        """As if a call that was accepted had never been saved."""
        with self._lock:
            self._rows = [row for row in self._rows if row.call.call_id != call_id]

    def listed(
        self,
        location_id: int,
        *,
        first_day: date,
        last_day: date,
        phone: str = "",
        directions: Collection[str] = (),
        statuses: Collection[str] = (),
    ) -> list[SavedCall]:
        """What a location's list shows of some days in the platform's zone, newest first.

        Args:
            location_id: where the application must be installed.
            first_day: included.
            last_day: included.
            phone: only calls of this number, compared by its digits; empty for any.
            directions: only these; empty for all.
            statuses: only these; empty for all.

        Raises:
            RefusedError: 404 if the application is not installed (pending is not installed).
        """
        with self._lock:
            if self._platform.state(location_id) not in {"active", "freezed"}:
                raise RefusedError(404)
            now = self._platform.now()
            shown = [
                row.call
                for row in self._rows
                if row.listed_from <= now and self._shows(row, location_id)
            ]
        return sorted(
            (
                call
                for call in shown
                if first_day <= call.moment.astimezone(self._platform.zone).date() <= last_day
                and (not phone or _digits(phone) == _digits(call.phone))
                and (not directions or call.direction in directions)
                and (not statuses or call.status in statuses)
            ),
            key=lambda call: (call.moment, call.id),
            reverse=True,
        )

    # What is on record

    def chains(self) -> list[Chain]:
        """All chains, the first one first."""
        with self._lock:
            return list(self._chains.values())

    def chain_of(self, location_id: int) -> Chain:
        """The chain a location belongs to."""
        with self._lock:
            return self._moved.get(location_id, self._first)

    def enabled(self, crm_token: str) -> bool:
        """Whether a chain is enabled."""
        with self._lock:
            return self._chains[crm_token].crm_token in self._enabled

    def pop_ups(self, crm_token: str) -> list[PopUp]:
        """What a chain was shown, oldest first."""
        with self._lock:
            token = self._chains[crm_token].crm_token
            return [pop_up for each, pop_up in self._pop_ups if each == token]

    def saved_calls(self, location_id: int | None = None) -> list[SavedCall]:
        """What was saved, in that order, of all chains or for one location's list.

        Calls that are not in the list yet are among them.
        """
        with self._lock:
            return [
                replace(row.call, location_ids=self._locations(row))
                for row in self._rows
                if location_id is None or self._shows(row, location_id)
            ]

    def _know(self, crm_token: str) -> None:
        if crm_token not in self._chains:
            raise RefusedError(404)

    def _routed(self, call: SavedCall) -> tuple[int, ...] | None:
        routings = [
            each
            for each in self._routings
            if self.chain_of(each.location_id).crm_token == call.crm_token
        ]
        if not routings:
            return None
        by_user = {each.location_id for each in routings if call.user and each.user == call.user}
        by_line = {
            each.location_id for each in routings if _digits(each.line) == _digits(call.line)
        }
        return tuple(sorted(by_user or by_line))

    def _shows(self, row: _Row, location_id: int) -> bool:
        if row.routed is not None:
            return location_id in row.routed
        return self.chain_of(location_id).crm_token == row.call.crm_token

    def _locations(self, row: _Row) -> tuple[int, ...]:
        known = {*self._platform.locations(), *self._moved, *(row.routed or ())}
        return tuple(sorted(each for each in known if self._shows(row, each)))


def _chain(chain_id: int) -> Chain:
    return Chain(chain_id, str(uuid.uuid5(uuid.NAMESPACE_URL, f"altegio-chain:{chain_id}")))


def _digits(number: str) -> str:
    return "".join(char for char in number if char in "0123456789")
