"""What is wrong right now, on one screen, worst first, each with the one command to type next.

Of every table only a bounded part is read, by its indexes, side by side with one question to the
platform; so it takes as long with ten thousand locations as with ten.
"""

import argparse
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice

from botocore.exceptions import BotoCoreError, ClientError

from ops import dead_letters, screen, trouble
from ops.site import AT_ONCE, Site
from ops.trouble import LATELY, UNFINISHED, Grade, Trouble
from shared import clock
from shared.altegio.client import NotSent, Refused, Unreachable
from shared.altegio.rate_limit import COMMON
from shared.aws.dynamodb import row
from shared.aws.parameters import ParameterUnreadable
from shared.aws.sightings import (
    KEY_REFUSED,
    POP_UP_DROPPED,
    REDIRECT_REFUSED,
    WEBHOOK,
    WEBHOOK_REFUSED,
)
from shared.calls.call import LOOKED_FOR, TO_BE_SENT, CallState
from shared.chains.chain import ChainState
from shared.connections.connection import Connection, Hint, State
from shared.connections.crm_token import CrmTokenState
from shared.payments import coverage
from shared.payments.entry import Entry, EntryState
from shared.reconcile.census.table import Stage

# Rows of one kind that are read; of more, only that there are more is said.
_MOST = 20
_PATIENCE_S = 1.5
_OVERDUE = timedelta(minutes=5)
_OLD = timedelta(minutes=10)
_SEEN = (WEBHOOK, WEBHOOK_REFUSED, REDIRECT_REFUSED, KEY_REFUSED, POP_UP_DROPPED)
# What no row tells afterwards: each is counted by a function, whose log has more.
_COUNTED = {
    "CallRefused": ("the platform refused a call for what it says", "CallsFunction"),
    "Doubled": ("the platform lists more payments than were billed", "ReconcileFunction"),
    "HandlerFailed": ("a function met an error that nobody expected", ""),
    "LifecycleEventUnknown": ("the platform sent an event that is not known", "DisableFunction"),
    "LostWebhook": ("the platform ended or froze one and did not tell", "ReconcileFunction"),
    "MailNotSent": ("a letter to an owner was not sent", "ConnectFunction"),
    "PlatformBlocked": ("the platform refused us", ""),
    "PlatformClockAhead": ("the platform's log names a time to come", "ReconcileFunction"),
    "TokenUnreadable": ("a function could not read a token", ""),
}
_RUN = "ReconcileRun"
_WRITE = "aws ssm put-parameter --overwrite --type SecureString --name {} --value file://TOKEN"

type Found = Trouble | tuple[str, str]
"""What is wrong, or a fact for the foot of the screen: its name, and what it is."""


def status(site: Site, options: argparse.Namespace) -> int:
    """Prints what is wrong; ends with 0, 1 (attention) or 2 (broken)."""
    now = clock.now()
    with ThreadPoolExecutor(AT_ONCE) as workers:
        parts = [*workers.map(lambda check: _tried(check, site, now), _CHECKS)]
    found = [each for part in parts for each in part]
    troubles = trouble.worst_first(it for it in found if isinstance(it, Trouble))
    facts = [it for it in found if not isinstance(it, Trouble)]
    grade = max((it.grade for it in troubles), default=Grade.FINE)
    things = screen.counted(len(troubles), "thing is", "things are") if troubles else "nothing is"
    head = f"{site.name}: {things} wrong, {screen.moment(now)}"
    listed = [it.told(now, options) for it in troubles]
    plain = {
        "grade": grade.name.lower(),
        "troubles": [it.plain() for it in troubles],
        "facts": dict(facts),
    }
    screen.printed(options, "\n\n".join([head, *listed, screen.facts(facts)]), plain)
    return int(grade)


def _tried(
    check: Callable[[Site, datetime], Iterable[Found]], site: Site, now: datetime
) -> list[Found]:
    try:
        return [*check(site, now)]
    except (BotoCoreError, ClientError) as error:
        what = f"cannot be looked at: {error}"
        name = (check.__name__).strip("_")
        return [Trouble(Grade.BROKEN, what, name, "make deploy ENV=NAME")]


def _platform(site: Site, now: datetime) -> Iterator[Found]:
    parameter = site.settings.platform.partner_token_parameter
    try:
        known = site.token.accepted()
    except ParameterUnreadable:
        known = ()
    if not known:
        what = "the partner token is missing, empty, or may not be read"
        yield Trouble(Grade.BROKEN, what, parameter, _WRITE.format(parameter))
        return
    pace = row(site.dynamodb, site.settings.platform.pace_table, {"key": COMMON}) or {}
    until = datetime.fromtimestamp(pace.get("braked_until", 0) / 1000, UTC)
    if until > now:
        # Whoever asked now would be told to wait.
        yield _refusal(
            site, pace.get("braked_why", ""), f"for {screen.age(until - now)} nobody asks"
        )
        return
    try:
        site.platform.locations(page=1, until=time.monotonic() + _PATIENCE_S)
    except Refused as error:
        yield _refusal(site, str(error), "it was asked now")
    except NotSent as error:
        yield "platform", f"not asked: {error}"
    except Unreachable as error:
        url = site.settings.platform.platform_app_url
        yield Trouble(Grade.BROKEN, f"it cannot be reached: {error}", url, "status")
    else:
        yield "platform", "takes our token, and no brake is on"


def _refusal(site: Site, why: str, when: str) -> Trouble:
    """What the platform's words mean: the token is to be blamed for some of them only."""
    settings = site.settings.platform
    if why.startswith("429"):
        what = f"it was called too often: {why}; {when}. It goes on by itself"
        return Trouble(Grade.ATTENTION, what, "platform", "status")
    if why.startswith(("401", "406")):
        parameter = settings.partner_token_parameter
        what = f"it refuses the partner token of {parameter}: {why}; {when}"
        return Trouble(Grade.BROKEN, what, "platform", _WRITE.format(parameter))
    what = (
        f"it refuses application {settings.application_id}: {why}; {when}. The token was taken, so"
        " see whether ApplicationId is right, and whether the token is that application's"
    )
    return Trouble(Grade.BROKEN, what, "platform", "publication")


def _alarms(site: Site, _now: datetime) -> Iterator[Found]:
    alarms = site.watch.alarms()
    for it in alarms or ():
        command = f"grep {it.name} docs/operations.md"
        yield Trouble(Grade.ATTENTION, f"rings: {it.words}", it.name, command, it.since)
    known = "none rings" if alarms == [] else f"{len(alarms or ())} ring"
    yield "alarms", "not known here" if alarms is None else known


def _counted(site: Site, now: datetime) -> Iterator[Found]:
    counted = site.watch.counted([*_COUNTED, _RUN], now)
    ran = counted.get(_RUN)
    for name, it in counted.items():
        if name == _RUN:
            continue
        words, function = _COUNTED[name]
        what = f"{words}, {it.number} times in an hour"
        yield Trouble(Grade.ATTENTION, what, name, site.watch.log(function), it.last)
    if ran is None or ran.last < now - _OVERDUE:
        never = "has not run to its end within an hour; a new stack does within two minutes"
        what = f"does not run to its end, {screen.due(ran.last, now)} last" if ran else never
        yield Trouble(Grade.BROKEN, what, "reconcile", site.watch.log("ReconcileFunction"))
    else:
        yield "reconcile", f"ran {screen.due(ran.last, now)}"


def _queues(site: Site, now: datetime) -> Iterator[Found]:
    lengths = []
    for name, (url, dead_url) in site.queues.items():
        waiting, at_work = dead_letters.length(site, url)
        age = site.watch.age(url, now) if waiting + at_work else None
        old = f", the oldest for {screen.age(age)}" if age else ""
        lengths.append(f"{name} {waiting + at_work}")
        if age and age > _OLD:
            function = {"calls": "CallsFunction"}.get(name, "PaymentsFunction")
            what = f"{screen.counted(waiting + at_work, 'message')} waiting{old}"
            whom, command = f"queue of {name}", site.watch.log(function)
            yield Trouble(Grade.BROKEN, what, whom, command, now - age)
        dead, _held = dead_letters.length(site, dead_url)
        if dead:
            letters = dead_letters.peeked(site, name)
            about = [letter.about for letter in letters]
            oldest = min((it.sent_at for it in letters), default=None)
            reason = f": {letters[0].reason}" if letters else ""
            what = f"{screen.counted(dead, 'dead letter')}{reason}"
            command = f"letters --queue {name}"
            whom = f"{name}, {trouble.some(about)}" if about else name
            yield Trouble(Grade.ATTENTION, what, whom, command, oldest)
    yield "queues", ", ".join(lengths)


def _money(site: Site, now: datetime) -> Iterator[Found]:
    counts = []
    for state in UNFINISHED:
        entries, more = entries_in(site, state, _MOST)
        yield from trouble.of_money(entries, now)
        if entries:
            counts.append(f"{len(entries)}{'+' * more} {state}")
    yield "money", ", ".join(counts) or "all is settled"


def entries_in(site: Site, state: EntryState, most: int | None) -> tuple[list[Entry], bool]:
    """The first entries of a state, or all, the oldest first; and whether there are more."""
    keys = [*islice(site.ledger.in_state(state, most and most + 1), most and most + 1)]
    with ThreadPoolExecutor(AT_ONCE) as workers:
        read = workers.map(site.ledger.get, keys[:most])
    # The index may be behind: the row itself counts.
    found = [entry for entry in read if entry is not None and entry.state is state]
    found.sort(key=lambda entry: entry.received_at)
    return found, most is not None and len(keys) > most


def _cover(site: Site, now: datetime) -> Iterator[Found]:
    """Active ones are due an hour after each warning, so they are near the begin of the index."""
    rules = site.settings.cover
    if rules.free:
        return
    soon = now + timedelta(hours=1)
    ids = [*site.connections.due(State.ACTIVE, soon, _MOST)]
    ids += [*site.connections.due(State.FROZEN, now + timedelta(days=1), _MOST)]
    live = [it for it in _rows(site, ids) if it.live]
    with ThreadPoolExecutor(AT_ONCE) as workers:
        entries = workers.map(site.ledger.entries_of, [it.location_id for it in live])
    works = coverage.work_list(zip(live, entries, strict=True), now)
    frozen = [it for it in works if it.state is State.FROZEN]
    near = [it for it in works if coverage.is_near(it, now, rules)]
    yield from trouble.of_covers([*frozen, *near], now)
    yield "cover", f"{len(near)} end soon, {len(frozen)} frozen, of those that are looked at next"


def _rows(site: Site, ids: Iterable[int]) -> list[Connection]:
    with ThreadPoolExecutor(AT_ONCE) as workers:
        read = workers.map(site.connections.get, dict.fromkeys(ids))
    return [it for it in read if it is not None]


def _telephony(site: Site, now: datetime) -> Iterator[Found]:
    far = now + timedelta(days=1)
    for key in site.chains.due(far, _MOST):
        chain = site.chains.get(key)
        if chain is not None and chain.state is ChainState.DUE:
            yield from trouble.of_chain(chain)
    held = {location_id for _key, location_id in site.calls.due(CallState.HELD, far, 10 * _MOST)}
    stopped = [it for it in _rows(site, held) if it.telephony is CrmTokenState.STOPPED]
    for chain_key in dict.fromkeys(it.chain_key for it in stopped):
        yield from trouble.of_stopped(*stopped_of(site, chain_key, stopped))
    if site.user_token.known() is None:
        parameter = site.calls_settings.user_token_parameter
        what = "there is no user token, so nobody knows which calls were saved"
        yield Trouble(Grade.ATTENTION, what, parameter, _WRITE.format(parameter))
    looked_for = [key for it in LOOKED_FOR for key, _ in site.calls.due(it, far, 10)]
    refused = [call for call in map(site.calls.get, looked_for) if call and call.why[:1] == "4"]
    if places := sorted({it.location_id for it in refused if it.location_id}):
        what = f"the list of calls is refused: {refused[0].why}"
        command = f"publication --location {places[0]}"
        yield Trouble(Grade.ATTENTION, what, f"locations {trouble.some(places)}", command)


def _lines(site: Site, now: datetime) -> Iterator[Found]:
    """Calls that no line says the location of."""
    for account_id in site.calls.waited_for(now + timedelta(days=1), _MOST):
        for location_id in sorted(site.connections.of_account(account_id))[:1]:
            yield from trouble.of_lines(site.calls.waiting(account_id), location_id)


def stopped_of(
    site: Site, chain_key: str | None, known: Iterable[Connection] = ()
) -> tuple[list[Connection], list[int]]:
    """The locations of a chain whose telephony is stopped, and those whose call was not found."""
    chain = site.chains.get(chain_key) if chain_key else None
    rows = _rows(site, chain.locations) if chain else list(known)
    stopped = [it for it in rows if it.telephony is CrmTokenState.STOPPED]
    culprits = [
        it.location_id
        for it in stopped
        if any(
            call.state is CallState.UNCONFIRMED and call.why == "not in the list"
            for call in site.calls.latest(it.location_id, 10)
        )
    ]
    return stopped, culprits


def _overdue(site: Site, now: datetime) -> Iterator[Found]:
    """What reconcile, which runs each minute, should have taken long ago."""
    before = now - _OVERDUE
    found: list[object] = []
    for state in EntryState:
        if state not in (EntryState.SENT, EntryState.CLOSED):
            found += site.ledger.due(state, before, 1)
    for standing in State:
        found += [f"location {it}" for it in site.connections.due(standing, before, 1)]
    found += [f"chain {key}" for key in site.chains.due(before, 1)]
    for call in (*TO_BE_SENT, *LOOKED_FOR):
        found += [f"call {key}" for key, _location in site.calls.due(call, before, 1)]
    if found:
        what = "due for five minutes and not taken: reconcile does not run, or cannot keep up"
        command = site.watch.log("ReconcileFunction")
        yield Trouble(Grade.BROKEN, what, trouble.some(found), command)


def _hints(site: Site, now: datetime) -> Iterator[Found]:
    """Where a webhook was not confirmed yet, a clock may differ."""
    far = now + timedelta(days=1)
    ids = [
        location_id for hint in Hint for location_id in site.connections.hinted(hint, far, _MOST)
    ]
    for connection in _rows(site, ids):
        yield from trouble.of_clock(connection, now)


def _seen(site: Site, now: datetime) -> Iterator[Found]:
    """What came to the doors, and was refused there: no row of its own tells."""
    last, refused, redirect, key, pop_up = map(site.sightings.last, _SEEN)
    yield "webhook", f"last {screen.due(last.at, now)}" if last else "none within a week"
    for it, whom in ((refused, "webhooks"), (redirect, "redirects")):
        # After one that was taken, one that is refused is a stranger's.
        if it and it.at > now - LATELY and not (last and last.at > it.at):
            what = "come with a token that is not ours: it was changed, or somebody else sends them"
            parameter = site.settings.platform.partner_token_parameter
            command = _WRITE.format(parameter) if whom == "webhooks" else "doctor"
            yield Trouble(Grade.ATTENTION, what, whom, command, it.at)
    yield from trouble.of_key(key, now)
    if pop_up and pop_up.at > now - LATELY:
        whose = f"of {pop_up.who}" if pop_up.who else "of no known location"
        yield "pop-ups", f"last dropped {screen.due(pop_up.at, now)}, {whose}: {pop_up.why}"


def _census(site: Site, now: datetime) -> Iterator[Found]:
    head = site.roll.head()
    if head is None or not head.parts:
        yield "census", "none was taken yet"
        return
    since = head.changed_at or head.began_at
    if head.stage is not Stage.DONE and now - since > _OLD:
        yield Trouble(
            Grade.ATTENTION, f"stands still while {head.stage}", "census", "census", since
        )
    elif head.blown:
        what = f"found {head.changes} locations to change, more than the fuse allows"
        yield Trouble(Grade.BROKEN, what, "census", "census", since)
    elif sum(head.found.values()) > head.repaired:
        kinds = "; ".join(f"{number} {kind}" for kind, number in head.found.items())
        yield Trouble(Grade.ATTENTION, f"found what is not repaired: {kinds}", "census", "census")
    yield "census", f"{head.stage}, begun {screen.due(head.began_at, now)}"


_CHECKS = (
    _platform,
    _alarms,
    _counted,
    _queues,
    _money,
    _cover,
    _telephony,
    _lines,
    _overdue,
    _hints,
    _seen,
    _census,
)
