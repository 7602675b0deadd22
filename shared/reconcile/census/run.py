"""Takes the census: goes through all locations, compares, and puts right what is surely wrong here.

A run of reconcile goes on where the last one stopped, at a share of the pace, so that it takes as
long as it takes and nothing else waits for it:

    LISTING     our own rows first, and then the platform's list, page by page
    LOOKING     the status of each location, compared with our row and our ledger
    REPAIRING   what can be: asked again, and settled if the generation is still the same

More repairs than the fuse allows are made by nobody: then rather the census is wrong.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain

from shared import doors
from shared.altegio.client import NotSent, Refused, Unreachable
from shared.altegio.marketplace import LOCATIONS_PER_PAGE, ListedLocation, Marketplace
from shared.altegio.status import Status
from shared.aws.dynamodb import StaleWrite, UnreadableRow
from shared.aws.sightings import CENSUS_FOUND, UNREADABLE_ROW, Sightings
from shared.clock import Clock
from shared.connections import lifecycle
from shared.connections.connection import Connection, Hint, State
from shared.connections.settings import LifecyclePolicy
from shared.connections.settle import Settle
from shared.connections.table import Connections
from shared.payments import hosted
from shared.payments.ledger import Ledger
from shared.payments.resolve_unknown import ResolveUnknown
from shared.payments.restored import Marks
from shared.reconcile.census import differences
from shared.reconcile.census.differences import Difference, Finding
from shared.reconcile.census.settings import CensusPolicy
from shared.reconcile.census.table import CensusTable, Found, Head, Part, Stage
from shared.telemetry import count, logger

# So often one location, or a page, is asked for before the census goes on without it.
_TRIES = 3
# Of one location; whoever has more has one cause for all.
_MOST_FINDINGS = 10
_LONGEST_WORDS = 200
# What comes of a row that is not as we write it; whatever AWS raises is none of them.
_UNREADABLE = (UnreadableRow, LookupError, TypeError, ValueError, ArithmeticError)


class _NoAnswer(Exception):
    """The platform does not answer now: the run ends, and the next one goes on here."""


class RunCensus:
    """The use case of the census; `platform` is the platform at the census's share of the pace."""

    def __init__(
        self,
        *,
        roll: CensusTable,
        platform: Marketplace,
        connections: Connections,
        ledger: Ledger,
        marks: Marks,
        looking: ResolveUnknown,
        settling: Settle,
        sightings: Sightings,
        clock: Clock,
        lifecycle_rules: LifecyclePolicy,
        lease_s: float,
        rules: CensusPolicy,
    ) -> None:
        self._roll = roll
        self._platform = platform
        self._connections = connections
        self._ledger = ledger
        self._marks = marks
        self._looking = looking
        self._settling = settling
        self._sightings = sightings
        self._clock = clock
        self._lifecycle_rules = lifecycle_rules
        self._lease_s = lease_s
        self._rules = rules
        # Of this environment: what another one has read is told again by the next census.
        self._listed: dict[int, ListedLocation] = {}

    def go_on(self, until: float) -> None:
        """Goes on until `until` of `time.monotonic`, and begins one census a day.

        Raises:
            StaleWrite: another run has gone on with it meanwhile.
        """
        head, now = self._roll.head(), self._clock()
        every = timedelta(seconds=self._rules.census_every_s)
        if head is None:
            # The first one comes when there is something to compare.
            if every:
                self._roll.save(Head(began_at=now, stage=Stage.DONE, repairs=False), now)
            return
        if head.stage is Stage.DONE and every and head.began_at + every <= now:
            began = Head(began_at=now, stage=Stage.LISTING, repairs=True, version=head.version)
            head = self._roll.save(began, now)
        known: set[int] = set()
        while head.stage is not Stage.DONE and time.monotonic() < until:
            before, part = head, None
            try:
                match head.stage:
                    case Stage.LISTING:
                        head = self._list(head, known)
                    case Stage.LOOKING:
                        head, part = self._look(head, until)
                    case _:
                        head, part = self._repair(head, until)
            except _NoAnswer:
                head = replace(head, tried=head.tried + 1)
            head = self._roll.save(head, self._clock(), part)
            if head.tried > before.tried:
                return

    # LISTING

    def _list(self, head: Head, known: set[int]) -> Head:
        """Our own rows, and then one page of the platform's list.

        What is known already is read once in a run: for each page it would be as many reads as
        locations, times locations.
        """
        if not head.parts:
            states = (State.ACTIVE, State.FROZEN, State.PENDING)
            # One that changes meanwhile may be in two.
            ours = sorted({it for state in states for it in self._connections.in_state(state)})
            parts = self._roll.write_all(0, ours)
            # At least one, though it be empty: from there on it is known that ours were read.
            if not parts:
                self._roll.write(Part(0, ()))
            return replace(head, parts=max(parts, 1), locations=len(ours))
        try:
            listed = self._platform.locations(head.page)
        except (Refused, Unreachable) as error:
            logger.warning("no list", extra={"page": head.page, "why": str(error)})
            if not _is_given_up(error, head.tried):
                raise _NoAnswer from None
            # Ours can be compared without it.
            unlisted = head.found.get(Difference.NO_LIST, 0) + 1
            found = {**head.found, Difference.NO_LIST: unlisted}
            return replace(head, stage=Stage.LOOKING, found=found, tried=0)
        self._listed.update((it.id, it) for it in listed)
        if not known:
            read = map(self._roll.part, range(head.parts))
            known.update(chain.from_iterable(part.locations for part in read))
        strange = sorted({it.id for it in listed} - known)
        known.update(strange)
        head = replace(
            head,
            parts=self._roll.write_all(head.parts, strange),
            locations=head.locations + len(strange),
            page=head.page + 1,
            tried=0,
        )
        # More rows than there are locations, and none of them new: it repeats itself.
        repeats = not strange and (head.page - 1) * LOCATIONS_PER_PAGE > head.locations
        if len(listed) < LOCATIONS_PER_PAGE or repeats:
            return replace(head, stage=Stage.LOOKING)
        return head

    # LOOKING

    def _look(self, head: Head, until: float) -> tuple[Head, Part | None]:
        """As much of one part as there is time for."""
        if head.part >= head.parts:
            return self._looked(head), None
        part = self._roll.part(head.part)
        found: list[Found] = []
        for location_id in part.locations[head.place :]:
            if time.monotonic() >= until:
                break
            try:
                listed = self._listed.get(location_id) if head.repairs else None
                found += self._compared(location_id, listed, head.tried)
            except _NoAnswer:
                head = replace(head, tried=head.tried + 1)
                break
            head = replace(head, place=head.place + 1, looked=head.looked + 1, tried=0)
        for it in found:
            if not (head.repairs and it.finding.difference in differences.REPAIRED):
                self._note(it)
        part = replace(part, found=(*part.found, *found))
        head = replace(head, found=_counted(head.found, found))
        if head.place >= len(part.locations):
            head = replace(head, part=head.part + 1, place=0)
        return head, part

    def _note(self, found: Found) -> None:
        """That it is left for a person."""
        finding = found.finding
        self._sightings.note(CENSUS_FOUND, str(finding.location_id), finding.difference)

    def _compared(self, location_id: int, listed: ListedLocation | None, tried: int) -> list[Found]:
        """A location that nobody can read must not hold up all that come after it."""
        try:
            return self._compare(location_id, listed, tried)
        except _UNREADABLE as error:
            logger.error("not compared", extra={"location_id": location_id, **doors.of(error)})
            self._note_unreadable(error)
            failed = Finding(
                location_id, Difference.UNANSWERED, f"not compared: {type(error).__name__}"
            )
            return [_found(failed, self._clock(), 0)]

    def _note_unreadable(self, error: Exception) -> None:
        if isinstance(error, UnreadableRow):
            self._sightings.note(UNREADABLE_ROW, error.key, error.why)

    def _as_listed(
        self, connection: Connection | None, listed: ListedLocation | None
    ) -> Connection | None:
        """The connection with the name and the zone of the list, which are no difference."""
        if connection is None or listed is None or connection.state is State.DISABLED:
            return connection
        named = replace(
            connection,
            name=listed.name or connection.name,
            zone=listed.zone or connection.zone,
        )
        if named == connection:
            return connection
        try:
            return self._connections.save(named)
        except StaleWrite:
            # Whoever was faster has another row of it; the next census tells both again.
            return self._connections.get(connection.location_id)

    def _compare(self, location_id: int, listed: ListedLocation | None, tried: int) -> list[Found]:
        connection = self._as_listed(self._connections.get(location_id), listed)
        generation = connection.generation if connection is not None else 0
        try:
            status = self._platform.status(location_id)
        except (Refused, Unreachable) as error:
            if not _is_given_up(error, tried):
                raise _NoAnswer from None
            unanswered = Finding(location_id, Difference.UNANSWERED, str(error))
            return [_found(unanswered, self._clock(), generation)]
        now = self._clock()
        first = differences.of_connection(
            location_id, connection, status, now, self._lifecycle_rules
        )
        # After the list: whatever of ours is on it is in the ledger.
        entries = self._ledger.entries_of(location_id)
        payments = differences.of_payments(
            location_id,
            status,
            entries,
            self._looking.owned(entries, status.payments),
            now=now,
            zone=self._platform.zone,
        )
        if payments and (mark := self._marks.get()) and mark.released_at is None:
            # Billing has yet to tell us again of what a restore made us forget.
            payments = [it for it in payments if it.difference not in differences.FORGOTTEN]
        findings = [*([first] if first else []), *payments]
        # What can be put right first, lest it be crowded out every day.
        findings.sort(key=lambda it: it.difference not in differences.REPAIRED)
        return [_found(finding, now, generation) for finding in findings[:_MOST_FINDINGS]]

    def _looked(self, head: Head) -> Head:
        """All were looked at: goes on to the repairs, unless there are too many, or none."""
        for kind, number in head.found.items():
            if kind not in differences.REPAIRED:
                count("CensusDifference", number)
        logger.info("census", extra={"locations": head.looked, "found": head.found})
        if not head.repairs or not head.repairable:
            return replace(head, stage=Stage.DONE)
        allowed = head.fuse
        if allowed is None:
            allowed = differences.fuse(head.locations, self._rules.census_fuse_percent)
        if head.changes > allowed:
            count("CensusFuse")
            logger.error("fuse blown", extra={"changes": head.changes, "allowed": allowed})
            return replace(head, stage=Stage.DONE, blown=True)
        return replace(head, stage=Stage.REPAIRING, part=0, place=0)

    # REPAIRING

    def _repair(self, head: Head, until: float) -> tuple[Head, Part | None]:
        if head.part >= head.parts:
            return replace(head, stage=Stage.DONE), None
        part = self._roll.part(head.part)
        found = list(part.found)
        while head.place < len(found) and time.monotonic() < until:
            it = found[head.place]
            if it.finding.difference in differences.REPAIRED and not it.result:
                result, is_made = self._repaired(it)
                found[head.place] = replace(it, result=result[:_LONGEST_WORDS])
                head = replace(head, repaired=head.repaired + is_made)
            head = replace(head, place=head.place + 1)
        if head.place >= len(found):
            head = replace(head, part=head.part + 1, place=0)
        return head, replace(part, found=tuple(found))

    def _repaired(self, found: Found) -> tuple[str, bool]:
        """As `_compared`; what came of it, and whether anything was put right."""
        try:
            return self._put_right(found)
        except _UNREADABLE as error:
            told = {"location_id": found.finding.location_id, **doors.of(error)}
            logger.error("not repaired", extra=told)
            self._note_unreadable(error)
            self._note(found)
            return f"not repaired: {type(error).__name__}", False

    def _put_right(self, found: Found) -> tuple[str, bool]:
        """Asks again and does what the answer says."""
        finding = found.finding
        if finding.difference is Difference.UNRECORDED:
            return self._record(finding)
        connection = self._connections.get(finding.location_id)
        if connection is None or connection.generation != found.generation:
            return "connected anew meanwhile", False
        try:
            if finding.difference is Difference.CLOSED:
                return self._reopen(connection)
            settled, _status = self._settling.settle(_seen(connection, found))
        except StaleWrite:
            return "settled by somebody else meanwhile", False
        words = f"{settled.words}{'; asked again soon' if settled.hint else ''}"
        as_before = (connection.state, connection.generation)
        return words, (settled.state, settled.generation) != as_before

    def _reopen(self, connection: Connection) -> tuple[str, bool]:
        status = self._status(connection.location_id)
        if status is None or not differences.closed_by_mistake(connection, status):
            return "not seen again", False
        now = self._clock()
        reopened = lifecycle.reopened(connection, status, now)
        self._connections.save(reopened, now)
        return reopened.verdict, True

    def _record(self, finding: Finding) -> tuple[str, bool]:
        """Notes a payment as one that we were told of: it is looked for on the list once more."""
        status = self._status(finding.location_id)
        for row in status.payments if status is not None else ():
            if str(row.id) == finding.subject:
                entry = hosted.listed(
                    finding.location_id,
                    row,
                    self._clock(),
                    zone=self._platform.zone,
                    lease_s=self._lease_s,
                )
                if entry is None:
                    return "its dates cannot be read", False
                is_new = self._ledger.tell(entry)
                return "noted" if is_new else "noted already", is_new
        return "not seen again", False

    def _status(self, location_id: int) -> Status | None:
        try:
            return self._platform.status(location_id)
        except (Refused, Unreachable) as error:
            logger.warning(
                "status not known", extra={"location_id": location_id, "why": str(error)}
            )
            return None


def _is_given_up(error: Refused | Unreachable, tried: int) -> bool:
    """Whether what is asked for is to blame; it is not for what was not even sent."""
    return not isinstance(error, NotSent) and tried + 1 >= _TRIES


def _found(finding: Finding, at: datetime, generation: int) -> Found:
    return Found(replace(finding, words=finding.words[:_LONGEST_WORDS]), at, generation)


def _seen(connection: Connection, found: Found) -> Connection:
    """The connection, with what the census saw of it before, as a bare 404 has to be seen twice."""
    if found.finding.difference is not Difference.UNINSTALLED or connection.hint is not None:
        return connection
    return replace(connection, hint=Hint.GONE, hint_at=found.at)


def _counted(before: dict[str, int], found: Sequence[Found]) -> dict[str, int]:
    after = dict(before)
    for it in found:
        after[it.finding.difference] = after.get(it.finding.difference, 0) + 1
    return after
