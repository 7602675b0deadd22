"""The census: what the last one found, a new one, and the repair of what was found.

Reconcile takes it, run by run; here it is only ordered and followed.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import asdict, replace
from datetime import timedelta

from ops import names, rows, screen, trouble
from ops.screen import NotChanged, Unfinished
from ops.site import Site
from shared import clock
from shared.aws.dynamodb import StaleWrite
from shared.connections.connection import LIVE, Connection, State
from shared.reconcile.census import differences as rules
from shared.reconcile.census.differences import REPAIRED, Difference
from shared.reconcile.census.table import CensusTable, Found, Head, Stage

_SHOWN = 20
# What was found longer ago is not repaired: the platform has moved on.
_STALE = timedelta(days=1)
# Reconcile runs every minute.
_SILENCE = timedelta(minutes=3)
_LOOK_S = 1.0
SETTLED: dict[str, tuple[State, ...]] = {
    Difference.UNINSTALLED: (State.DISABLED,),
    Difference.FROZEN: (State.FROZEN, State.DISABLED),
    Difference.THAWED: (State.ACTIVE, State.DISABLED),
    Difference.CLOSED: LIVE,
    Difference.GHOST: LIVE,
}
"""In which of our states what the census found of a location is so no more."""


def census(site: Site, options: argparse.Namespace) -> int:
    """Shows the last census, orders a new one (a dry run), or has its findings repaired."""
    head = site.roll.head()
    if options.new:
        head = site.roll.order(clock.now())
    elif options.do:
        head = _repair_ordered(site, head, options.fuse)
    elif head is None or not head.parts:
        none = f"{site.name}: no census was taken yet. Add --new to take one."
        screen.printed(options, none, {"began_at": None, "findings": []})
        return 0
    if options.new or options.do:
        head = _followed(site.roll, head)
    found = _found(site, head)
    left = _open(site, found)
    screen.printed(options, _shown(site, head, found, left, options), _plain(head, found, left))
    return 0


def _found(site: Site, head: Head) -> list[Found]:
    return [it for number in range(head.parts) for it in site.roll.part(number).found]


def _open(
    site: Site, found: Iterable[Found], kinds: Collection[Difference] = REPAIRED
) -> list[Found]:
    """What is so yet: reconcile ends repairs some minutes after the census is done."""
    asked = [it for it in found if it.finding.difference in kinds]
    known = rows.rows(site, [it.finding.location_id for it in asked])
    of = {it.location_id: it for it in known}
    return [it for it in asked if not _is_over(site, it, of.get(it.finding.location_id))]


def _is_over(site: Site, it: Found, connection: Connection | None) -> bool:
    finding = it.finding
    if finding.difference is Difference.UNRECORDED:
        return it.result.startswith("noted") or site.ledger.owner(int(finding.subject)) is not None
    if connection is None:
        return False
    is_settled = connection.state in SETTLED.get(finding.difference, ())
    return is_settled or connection.generation != it.generation


def _repair_ordered(site: Site, head: Head | None, fuse: int | None) -> Head:
    """The last census, whose findings are repaired from now on; raises `NotChanged` if not."""
    if head is None or not head.parts:
        raise NotChanged("no census was taken yet; --new takes one")
    if head.stage is not Stage.DONE:
        raise NotChanged(f"the census of {screen.moment(head.began_at)} is still {head.stage}")
    if head.repaired or not _open(site, _found(site, head)):
        raise NotChanged("; ".join(["there is nothing to repair", *_under_way(site)[1]]))
    if head.began_at + _STALE < clock.now():
        raise NotChanged("the last census is older than a day; --new takes another")
    allowed = _allowed(site, head) if fuse is None else fuse
    if head.changes > allowed:
        many, way = screen.counted(head.changes, "change"), f"--fuse {head.changes} allows them"
        raise NotChanged(f"{many}, and the fuse allows {allowed}; {way}")
    again = replace(
        head, stage=Stage.REPAIRING, repairs=True, fuse=fuse, blown=False, part=0, place=0
    )
    try:
        return site.roll.save(again, clock.now())
    except StaleWrite:
        raise NotChanged("another census has begun a moment ago") from None


def _allowed(site: Site, head: Head) -> int:
    return rules.fuse(head.locations, site.settings.census.census_fuse_percent)


def _followed(roll: CensusTable, head: Head) -> Head:
    """Waits until the census is done; raises `Unfinished` if nothing moves."""
    if head.stage is not Stage.DONE:
        words = "Waiting for reconcile, which runs each minute and does a part each time."
        print(screen.wrapped(words), file=sys.stderr, flush=True)
    while head.stage is not Stage.DONE:
        clock.sleep(_LOOK_S)
        head = roll.head() or head
        if clock.now() - (head.changed_at or head.began_at) > _SILENCE:
            raise Unfinished("the census does not move on: does reconcile run? It is still ordered")
    return head


def _shown(
    site: Site, head: Head, found: list[Found], left: list[Found], options: argparse.Namespace
) -> str:
    counts = [f"{kind}: {number}" for kind, number in head.found.items()]
    state = "done" if head.stage is Stage.DONE else f"under way: {head.stage}"
    fuse = head.fuse if head.fuse is not None else _allowed(site, head)
    (going, waits), done = _under_way(site), head.repairable - len(left)
    ghosts = _open(site, found, [Difference.GHOST])
    pairs = [
        ("state", state + ", a dry run" * (not head.repairs)),
        ("locations", f"{head.locations}, looked at {head.looked}"),
        ("differences", "; ".join(counts) or "none"),
        ("repairs", f"{head.repairable} possible, {done} done by now, {going} under way"),
        ("changes", f"{head.changes} of locations among them; the fuse allows {fuse}"),
    ]
    if head.blown:
        pairs.append(("fuse", "blown: nothing was repaired"))
    parts = [f"Census of {screen.moment(head.began_at)} ({site.name})", screen.facts(pairs)]
    shown = found[:_SHOWN]
    known = rows.rows(site, [it.finding.location_id for it in shown])
    now, kinds = {it.location_id: it for it in known}, defaultdict[str, list[tuple[str, str]]](list)
    for it in shown:
        place, what = now.get(it.finding.location_id), it.finding.words
        what += f"; then {it.result}" * bool(it.result)
        can_end = it.finding.difference in (*REPAIRED, Difference.GHOST)
        if it.result or (can_end and it not in (*left, *ghosts)):
            what += f"; now {place.state if place else 'unknown'}"
        row = names.place(it.finding.location_id, place), what
        kinds[it.finding.difference].append(row)
    for kind, lines in kinds.items():
        parts.append(f"\n{kind}\n{screen.table(('LOCATION', 'WHAT'), lines)}")
    if len(found) > _SHOWN:
        parts.append(f"\n  and {len(found) - _SHOWN} more (--json has all)")
    if head.stage is Stage.DONE and left and (head.blown or not head.repairs):
        asked = f" --fuse {head.changes}" if head.changes > _allowed(site, head) else ""
        parts.append("\nHave them repaired:")
        parts.append(screen.to_type(f"census --do{asked}", options))
    parts += [f"\n{screen.wrapped(f'{it}.')}" for it in waits]
    if ids := [it.finding.location_id for it in ghosts]:
        parts.append(f"\n{screen.wrapped(f'Of {trouble.places(ids)}: {trouble.WAYS}.')}")
        parts.append(screen.to_type(f"take {ids[0]} ACCOUNT --reason TEXT", options))
    return "\n".join(parts)


def _under_way(site: Site) -> tuple[int, list[str]]:
    """How many locations wait for their second look, and what becomes of them."""
    gone = rows.seen_gone(site, now := clock.now())
    return len(gone), [f"{it.whom} {it.what}" for it in trouble.of_leaving(gone, now)]


def _plain(head: Head, found: list[Found], left: list[Found]) -> dict[str, object]:
    fields = ("stage", "repairs", "locations", "looked", "found", "repairable", "repaired", "blown")
    findings = [
        {
            **asdict(it.finding),
            "repairable": it.finding.difference in REPAIRED,
            "open": it in left,
            "generation": it.generation,
            "at": clock.stamp(it.at),
            "result": it.result,
        }
        for it in found
    ]
    told = {name: getattr(head, name) for name in fields}
    told["done"] = head.repairable - len(left)
    return {"began_at": clock.stamp(head.began_at), **told, "findings": findings}
