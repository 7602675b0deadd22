"""Sees every write of a connection, and compares it with what the platform really did.

It knows the platform's log in its true order, also of what happened within one second.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol

from local.simulator.state import LogEntry, Platform
from shared.aws.dynamodb import from_item
from shared.connections.connection import LIVE, State

_CLOSED = {"state": State.DISABLED}
_ENDS = ("uninstalled", "pending")
# What we must believe of a location of which the platform says that.
_VIEWS: Mapping[str, tuple[State | None, ...]] = {
    "active": (State.ACTIVE,),
    "freezed": (State.FROZEN,),
    "uninstalled": (State.DISABLED, None),
    "pending": (State.DISABLED, None),
}


class Witnessed(Protocol):
    """What the witness asks of a world."""

    @property
    def platform(self) -> Platform:
        """Its records, which are believed."""

    @property
    def environments(self) -> Mapping[str, Mapping[str, str]]:
        """The variables of each function."""

    @property
    def story(self) -> list[str]:
        """What happened, in order."""


class Witness:
    """Keeps what was wrong at any moment in `faults`.

    Args:
        world: whose tables are seen.
    """

    def __init__(self, world: Witnessed) -> None:
        self.faults: list[str] = []
        self._world = world
        self._rows: dict[int, dict[str, Any]] = {}
        # By location, as places in the platform's log: how long it was when the generation was
        # opened, and which entry made it active.
        self._opened: dict[int, int] = {}
        # Which grant the owner has consented to, as its place in the log.
        self._grants: dict[int, int] = {}
        self._activated: dict[int, int] = {}
        # Locations whose generation is known by an activation from before it was opened.
        self._misnamed: set[int] = set()

    def saw(self, operation: str, asked: Mapping[str, Any]) -> None:
        """Takes a call of AWS that was answered."""
        items = asked.get("TransactItems", ())
        puts = [asked] if operation == "PutItem" else [it["Put"] for it in items if "Put" in it]
        table = self._world.environments["reconcile"]["CONNECTIONS_TABLE"]
        accounts = self._world.environments["connect"]["ACCOUNTS_TABLE"]
        for put in puts:
            if put["TableName"] == accounts and not any(map(self._waited, self._logs())):
                self.faults.append("an account was made, and no owner had granted anything")
            if put["TableName"] == accounts and table not in {it["TableName"] for it in puts}:
                self.faults.append("an account was made without a location, so nothing ends it")
            if put["TableName"] == table:
                row = from_item(put["Item"])
                before = self._rows.get(row["location_id"])
                self.faults += self._wrong(before, row)
                self._rows[row["location_id"]] = row
                was = before["state"] if before else "nothing"
                self._world.story.append(
                    f"location {row['location_id']}: {was} -> {row['state']},"
                    f" generation {row['generation']}: {row['verdict']}"
                )

    def _wrong(self, before: dict[str, Any] | None, row: dict[str, Any]) -> Iterator[str]:
        location_id, state = row["location_id"], row["state"]
        log = self._world.platform.log(location_id)
        named = f"generation {row['generation']} of location {location_id}"
        was_live = before is not None and before["state"] in LIVE
        is_new = before is None or before["generation"] < row["generation"]
        if was_live and state not in LIVE:
            if state != State.DISABLED:
                yield f"{named} took the place of a live one"
            if not _ended(log, self._activated[location_id]):
                yield f"{named} was closed, and the platform had not ended it"
        if state == State.PENDING and is_new:
            self._opened[location_id] = len(log)
            if not self._waited(log):
                yield f"{named} was opened, and the owner had granted nothing"
        if state == State.PENDING:
            self._grants[location_id] = int((row["grant"].split() or ["0"])[-1])
        if state in LIVE and (is_new or not was_live):
            yield from self._came_alive(row, log, named, anew=was_live)
        if state == State.FROZEN and not any(
            entry.status_to == "freezed" for entry in log[self._activated[location_id] :]
        ):
            yield f"{named} is frozen, and never was on the platform"

    def _came_alive(
        self, row: dict[str, Any], log: Sequence[LogEntry], named: str, *, anew: bool
    ) -> Iterator[str]:
        """A generation is known by the last activation of the log that it was decided from.

        Unless that is one of before it was opened, and the platform has made it active since.
        """
        location_id = row["location_id"]
        told = log[: int(row["mark"].split()[-1])] if row["mark"] else ()
        activated = _last_activation(told)
        before = self._activated.get(location_id, -1)
        if activated < 0:
            yield f"{named} is live, and never was on the platform"
        elif not anew and log[activated].status_from != "pending":
            yield f"{named} is live by an install that nobody has confirmed here"
        elif anew and activated == before and location_id in self._misnamed:
            # To be known by its own costs it a number, and nothing else.
            self._misnamed.discard(location_id)
        elif anew:
            if not (before < activated and _ended(log[:activated], before)):
                yield f"{named} is counted anew, and the platform had not ended the one before"
        elif _ended(log[: self._opened[location_id]], activated):
            activated = _last_activation(log)
            self._misnamed.add(location_id)
            if activated < self._opened[location_id]:
                yield f"{named} is live by an activation that had ended before it was opened"
        self._activated[location_id] = activated

    def settled(self, excused: Collection[int] = ()) -> Iterator[str]:
        """What we believe of a location and the platform does not say, but of those excused."""
        for location_id in self._world.platform.locations():
            row = self._rows.get(location_id)
            state = State(row["state"]) if row else None
            says = self._world.platform.state(location_id)
            if says == "pending" and state is State.PENDING and not self._fresh(location_id):
                # Expired by its clock, and closed when the window is over by ours.
                continue
            waits = says == "pending" and self._consented(location_id) and self._fresh(location_id)
            if location_id not in excused and (waits or state not in _VIEWS[says]):
                verdict = row["verdict"] if row else "no row"
                yield f"location {location_id} is {says}, and we say {state}: {verdict}"

    def left_alone(self) -> set[int]:
        """Closed locations whose present grant nobody has confirmed on our page."""
        return {
            location_id
            for location_id in self._world.platform.locations()
            if not self._consented(location_id)
            and self._rows.get(location_id, _CLOSED)["state"] == State.DISABLED
        }

    def _consented(self, location_id: int) -> bool:
        log = self._world.platform.log(location_id)
        grants = [
            place
            for place, entry in enumerate(log)
            if entry.status_to == "pending" or entry.status_from == "uninstalled"
        ]
        return self._grants.get(location_id, 0) == max(grants, default=-1) + 1

    def _logs(self) -> list[list[LogEntry]]:
        platform = self._world.platform
        return [platform.log(location_id) for location_id in platform.locations()]

    def _waited(self, log: Sequence[LogEntry]) -> bool:
        """Whether a grant waits, or did a minute ago, which is as old as a status may be."""
        since = self._world.platform.now() - timedelta(minutes=1)
        ended = [it.at for it in log if it.status_from == "pending"]
        return bool(log) and (log[-1].status_to == "pending" or max(ended, default=since) > since)

    def _fresh(self, location_id: int) -> bool:
        granted_at = self._world.platform.log(location_id)[-1].at
        window = timedelta(seconds=self._world.platform.pending_ttl_s)
        return self._world.platform.now() - granted_at < window


def _last_activation(log: Sequence[LogEntry]) -> int:
    """Its place; -1 if there is none."""
    places = (
        place
        for place, entry in enumerate(log)
        if entry.status_to == "active" and entry.status_from in _ENDS
    )
    return max(places, default=-1)


def _ended(log: Sequence[LogEntry], activated: int) -> bool:
    """Whether the log ends what that entry began."""
    return any(entry.status_to in _ENDS for entry in log[activated + 1 :])
