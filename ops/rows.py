"""What is wrong by our own rows, of which a bounded part is read, and by what the doors noted."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain, islice

from ops import country as countries_of
from ops import crowded, dead_letters, legs, parameters, pbx, screen, trouble, waiting
from ops.site import Site, side_by_side
from ops.trouble import LATELY, UNFINISHED, Found, Grade, Trouble
from ops.watch import RUN
from shared import clock
from shared.altegio.status import Status
from shared.aws import sightings
from shared.aws.dynamodb import UnreadableRow
from shared.aws.sightings import Sighting
from shared.calls import admission
from shared.calls.call import LOOKED_FOR, TO_BE_SENT, Call
from shared.calls.hearing import read_anew
from shared.calls.shown import PopUp
from shared.connections.connection import Connection, Hint, State
from shared.connections.crm_token import CrmTokenState
from shared.payments.entry import Entry, EntryState

# Rows of one kind that are read; of more, only that there are more is said.
MOST = 20
# Of those whose clock was ahead, so many are asked about.
ASKED = 3
OVERDUE = timedelta(minutes=5)
_DAYS = timedelta(days=7)

_FAILED = "HandlerFailed"
_DOORS = ("BillingFunction", "CallsFunction", "ConnectFunction")
_LOST = "its pop-ups are lost, and so are calls that its PBX, which is answered 500, tells once"
# By what begins a row's key: its table, and what one harms that cannot be read.
_HARMS = {
    "location": ("ConnectionsTable", f"{_LOST}; none of its calls and payments goes out"),
    "account": ("AccountsTable", _LOST),
    "payment": ("PaymentsTable", "it is not settled, and nobody can say until when it is paid"),
    "refund": ("PaymentsTable", "it is not settled"),
    "call": ("CallsTable", "it is not sent"),
    "letter": ("CallsTable", "it is not sent"),
    "chain": ("ChainsTable", "no call of its locations goes out"),
}


def clock_is_right(site: Site, connection: Connection) -> bool:
    """Whether the platform's clock is right by its log, here or elsewhere, or by its answers."""
    status, now = site.told(connection.location_id), clock.now()
    if isinstance(status, Status) and status.log and not status.ahead_of(now):
        return True
    ahead = site.sightings.last(sightings.CLOCK_AHEAD, str(connection.location_id))
    right = site.sightings.last(sightings.CLOCK_RIGHT)
    by = site.platform.ahead(now) if ahead and ahead.why == sightings.ANSWERS_AHEAD else None
    is_set = by is not None and by <= sightings.CLOCK_OFF
    return is_set or bool(ahead and right and right.at > ahead.at)


def seen_gone(site: Site, now: datetime) -> list[Connection]:
    """Locations whose end waits for its second look."""
    found = rows(site, site.connections.hinted(Hint.GONE, now + timedelta(days=1), MOST))
    return [it for it in found if it.live and it.hint is Hint.GONE]


def leaving(site: Site, now: datetime) -> Iterator[Trouble]:
    """These, and those whose end no webhook told, and which Altegio has again."""
    yield from trouble.of_leaving(seen_gone(site, now), now)
    # A day later, the census tells.
    ended = rows(site, places(site, sightings.LOST_WEBHOOK, timedelta(days=1)))
    yield from shut(site, ended, now).values()


def shut(site: Site, known: Iterable[Connection], now: datetime) -> dict[int, Trouble]:
    """Of those that are closed here, which are live in Altegio."""
    closed, rules = [it for it in known if it.state is State.DISABLED][:ASKED], site.settings
    told = side_by_side(lambda it: site.told(it.location_id), closed)
    return {
        it.location_id: trouble.of_shut(it.location_id, it, there, now, rules.lifecycle)
        for it, there in zip(closed, told, strict=True)
        if isinstance(there, Status) and there.live
    }


def money(site: Site, now: datetime) -> Iterator[Found]:
    """What is not settled, of each state the oldest."""
    counts = []
    for state in UNFINISHED:
        entries, more = entries_in(site, state, MOST)
        asked = state in (EntryState.UNKNOWN, EntryState.HELD)
        of = {it.location_id or 0 for it in entries}
        # Of what was taken before, the currency tells.
        others = site.readable(site.ledger.entries_of, of if state is EntryState.REJECTED else ())
        ids = of if asked else set[int]()
        known = rows(site, ids)
        unread = {key.partition(" ")[2] for key in site.unreadable}
        unread |= {str(it.location_id) for it in known}
        strangers = {it for it in ids if str(it) not in unread}
        # What ended there, and goes on by now, is not to be asked of its owner.
        back = shut(site, known, now) if state is EntryState.HELD else {}
        known = [it for it in known if it.location_id not in back]
        yield from trouble.of_money(entries, now, known, strangers, [*chain(*others)])
        yield from back.values()
        if entries:
            counts.append(f"{len(entries)}{'+' * more} {state}")
    # Of what nobody has read yet, no row tells.
    waiting, dead = (dead_letters.count(site, "billing", dead=it) for it in (False, True))
    untold = [f"{screen.counted(waiting, 'message')} on the billing queue"] * bool(waiting)
    untold += [f"{screen.counted(dead, 'dead letter')} of billing"] * bool(dead)
    yield "money", ", ".join([*untold, *counts]) or "all is settled"


def entries_in(site: Site, state: EntryState, most: int | None) -> tuple[list[Entry], bool]:
    """The first of a state, or all, the oldest first; whether there are more."""
    keys = [*islice(site.ledger.in_state(state, most and most + 1), most and most + 1)]
    # The index may be behind: the row itself counts.
    read = site.readable(site.ledger.get, keys[:most])
    found = [entry for entry in read if entry.state is state]
    found.sort(key=lambda entry: entry.received_at)
    return found, most is not None and len(keys) > most


def unreadable(site: Site, now: datetime) -> Sequence[Found]:
    """Reads the rows again that a function could not; what cannot be yet, `of_unreadable` tells."""
    seen = site.sightings.lately(sightings.UNREADABLE_ROW, _DAYS)
    site.readable(lambda it: _read_again(site, it, now), seen)
    return ()


def _read_again(site: Site, seen: Sighting, now: datetime) -> object:
    match re.split("[# ]", seen.who, maxsplit=1):
        case ["location", id_]:
            return site.connections.get(int(id_))
        case ["payment" | "refund", _]:
            return site.ledger.get(seen.who)
        case ["account", id_]:
            return site.accounts.of_id(id_)
        case ["letter", _]:
            return site.wishes.overdue(seen.who)
        case ["call", key]:
            return site.calls.get(key)
        case ["chain", key]:
            return site.chains.get(key)
    # Of others, such as a ticket, only that it was so lately.
    if seen.at > now - LATELY:
        raise UnreadableRow(seen.who, seen.why)
    return None


def of_unreadable(site: Site) -> Iterator[Trouble]:
    """Rows that somebody has to correct in their tables, by hand; each is told once."""
    failed = site.sightings.lately(sightings.HANDLER_FAILED, _DAYS) if site.unreadable else []
    while site.unreadable:
        key, error = site.unreadable.popitem()
        kind, id_, *_ = *re.split("[# ]", key), ""
        table, harm = _HARMS.get(kind, ("its table", "what it is about is not worked on"))
        what = f"{error}, in {table}. Until somebody corrects it, {harm}"
        owner = site.connections.owner(int(id_)) if kind == "location" else None
        others = sorted(site.connections.of_account(owner) - {int(id_)}) if owner else []
        what += f"; its account is {owner}" * bool(owner)
        what += f", whose {trouble.places(others)} it does not harm" * bool(others)
        what += ". It was written by hand: have a developer correct it, and not delete it"
        met = [it.who for it in failed if it.why.startswith(f"{key}: ")]
        yield Trouble(what, key, site.watch.log("".join(met[:1])), grade=Grade.BROKEN)


def failing(site: Site, now: datetime) -> Iterator[Trouble]:
    """What functions met that nobody expected: it is wrong while it goes on, and then an echo."""
    yield from _differing(site)
    if it := site.watch.counted([_FAILED], now).get(_FAILED):
        failed = site.sightings.lately(sightings.HANDLER_FAILED, LATELY)
        goes_on = it.number > 1 and it.last > now - OVERDUE
        is_lost = goes_on and any(one.who in _DOORS for one in failed if one.at > now - OVERDUE)
        what = f"a function met an error that nobody expected, {it.words}"
        what += f": {trouble.some([f'{one.who} ({one.why})' for one in failed])}" * bool(failed)
        lost = "whoever asks is answered 500, and pop-ups and calls that are told once are lost"
        what += f". Unless it was mended since, {lost}" * is_lost
        began, until = (it.first, None) if goes_on else (None, it.last + LATELY)
        command = site.watch.log(failed[0].who if failed else "")
        over, grade = it.last < now - 2 * OVERDUE, Grade.BROKEN if is_lost else Grade.ATTENTION
        yield Trouble(what, _FAILED, command, began, until, over, grade=grade)


def _differing(site: Site) -> Iterator[Trouble]:
    """Variables of one name, of which template.yaml gives all functions the same value."""
    for name in sorted({name for it in site.environments.values() for name in it}):
        values = {whose: it[name] for whose, it in site.environments.items() if name in it}
        usual = Counter(values.values()).most_common(1)[0][0]
        for whose in [whose for whose, it in values.items() if it != usual]:
            what = f"is {values[whose] or 'empty'}, and {usual or 'empty'} of other functions, as"
            what += " template.yaml has one value for all: it was changed by hand. Deploy it anew"
            command, since = "make deploy ENV=NAME", site.changed.get(whose)
            yield Trouble(what, f"{name} of {whose}", command, since, grade=Grade.BROKEN)


def rows(site: Site, ids: Iterable[int]) -> list[Connection]:
    """The rows of locations, each once, as far as there are any."""
    return site.readable(site.connections.get, dict.fromkeys(ids))


def of_account(site: Site, account_id: str) -> list[Connection]:
    """Those of an account, whose index may be behind."""
    found = rows(site, sorted(site.connections.of_account(account_id)))
    return [it for it in found if it.account_id == account_id]


def calls(site: Site, now: datetime) -> Iterator[Found]:
    """Calls that the platform refuses, and lists of calls: of locations where it was so lately."""
    listless = places(site, sightings.CALL_LIST_REFUSED, timedelta(hours=2))
    # Of a location that has left, nobody may read it.
    listless = [it.location_id for it in rows(site, listless) if it.live]
    yield from of_list(site, [it for who in listless for it in site.calls.latest(who, MOST)], now)
    for location_id in places(site, sightings.CALL_REFUSED, timedelta(days=7)):
        yield from refused(site, site.calls.latest(location_id, MOST), location_id)
    yield from of_pbx(site, now)
    yield from dropped(site, (), now)
    yield "pop-ups", pop_ups(site, now)


def of_pbx(site: Site, now: datetime, whose: str = "") -> Iterator[Trouble]:
    """What the PBX of a location does wrong, or that of any; what is mended is over."""
    for kind, (told, is_good, how) in pbx.OF_PBX.items():
        last = site.sightings.last(kind, whose) if whose else None
        seen = [last] if last and last.at > now - LATELY else []
        for it in seen if whose else site.sightings.lately(kind, LATELY):
            calls = site.calls.latest(int(it.who), MOST) if it.who.isdecimal() else []
            good = [each.heard_at for each in calls if is_good(it, each)]
            yield pbx.unless_mended(told(it), it, max(good, default=it.at), how, now)


def refused(site: Site, calls: Iterable[Call], location_id: int) -> Iterator[Trouble]:
    """What the platform refused of a location's calls, with their numbers as read by now."""
    calls = trouble.refused(calls)
    account = site.accounts.of_id(calls[0].account_id) if calls else None
    if account is not None:
        country = site.lines.country(account)
        read = [read_anew(it, country, account.account_id) for it in calls]
        fits = countries_of.fitting(site, account, calls)
        yield from trouble.of_refused(calls, read, country, fits, location_id)


def of_list(site: Site, among: Iterable[Call], now: datetime) -> Iterator[Trouble]:
    """The list of calls of locations, refused or not readable: calls were looked for in vain."""
    among = [it for it in among if it.state in LOOKED_FOR]
    yield from trouble.of_unread_list(among)
    if not (unread := [it for it in among if it.why[:1] == "4"]):
        return
    parameter = site.calls_settings.user_token_parameter
    whys = "; ".join(dict.fromkeys(it.why.rstrip(".") for it in unread))
    ids = sorted({it.location_id or 0 for it in unread})
    whom, since = trouble.places(ids), trouble.first_sent(unread)
    # What is due, reconcile takes within a minute.
    soon = max(min(it.due_at or now for it in unread), now + timedelta(minutes=1))
    what = f"the list of calls is refused: {whys}. It is read again {screen.due(soon, now)}. "
    command = f"location {ids[0]}"
    if not any(map(site.list_refused, ids[:ASKED])):
        what = f"{what.replace('is refused', 'was refused')}Altegio shows it now"
        yield Trouble(what, whom, command, since, soon, is_over=True)
        return
    if all(it.why.startswith("401") for it in unread):
        until, why = site.pace.braked()
        if why.startswith("401") and until > now - OVERDUE:
            # The partner token is refused, as `platform` tells; nobody has looked at the other.
            return
        what += f"So the user token in {parameter} is not taken. {parameters.OF_USER}"
        command = parameters.written(site, parameter)
    elif all(it.why.startswith("404") for it in unread):
        what += "So Altegio does not know the location any more, or not as ours: ask Altegio"
    else:
        what += "Somebody lacks the right to view Overview - Calls. Look in this order. 1. The user"
        what += f" whose token is in {parameter}: in Altegio, whether he has that right in these"
        what += " locations, or was taken from their staff. 2. The application: in the Developer"
        what += " Cabinet, whether that right is on. 3. If both have it, an owner who had connected"
        what += " before the application got it, has to press Disconnect, and then Connect"
        command = "publication"
    yield Trouble(what, whom, command, since)


def dropped(site: Site, of: Collection[str], now: datetime) -> Iterator[Trouble]:
    """Pop-ups of locations or accounts, or of all, that were dropped; those told late by PBX."""
    seen = [site.sightings.last(sightings.POP_UP_DROPPED, it) for it in of]
    seen += site.sightings.lately(sightings.POP_UP_DROPPED, LATELY)
    groups, crowd = defaultdict[str, list[Sighting]](list), crowded.found(site)
    if crowd:
        yield from crowd.troubles(of, now)
    for it in {it.who: it for it in seen if it and it.who}.values():
        if crowd and crowded.is_crowded(it) and it.who in {crowd.culprit, *crowd.harmed}:
            continue
        is_late = it.who.isdecimal() and it.why.startswith(f"{sightings.TOO_LATE}: told")
        own = rows(site, [int(it.who)] if is_late else [])
        groups[(own and own[0].account_id) or it.who].append(it)
    for whose, group in groups.items():
        if not of or {*of} & {it.who for it in group}:
            yield from _dropped(site, whose, group, now)


def _dropped(site: Site, whose: str, group: Sequence[Sighting], now: datetime) -> Iterator[Trouble]:
    ids, last, noted = [it.who for it in group], max(group, key=lambda it: it.at), site.sightings
    counts, late = (noted.counts(it, *ids) for it in (sightings.POP_UP, sightings.POP_UP_LATE))
    newest = noted.told(sightings.POP_UP, *ids)
    account = None if whose.isdecimal() else site.accounts.of_id(whose)
    if newest and account and last.who == whose:
        line, extension = (newest.facts.get(it, "") for it in ("line", "extension"))
        # Of calls that wait for the same line, `lines` tells.
        waited_for = {it.line_key for it in site.calls.waiting(account.account_id)}
        key = site.lines.key_of(account, line or extension)
        given_up = noted.last(sightings.LINE_GIVEN_UP, f"{whose} {key}")
        if (given_up and given_up.at >= last.at) or key in {*account.lines, *waited_for}:
            return
    found = pbx.of_pop_ups(counts, late, last, newest, now)
    if last.why.startswith(PopUp.UNUSABLE) and last.who.isdecimal():
        chosen_at = countries_of.changed_at(site, int(last.who)) or last.at
        how = "the next call tells, as the country was chosen"
        found = (countries_of.of_unread(site, int(last.who), it, now) for it in found)
        found = (
            it if it.until else pbx.unless_mended(it, last, chosen_at, how, now) for it in found
        )
    if last.why.startswith(PopUp.CLOSED) and last.who.isdecimal():
        own = rows(site, [int(last.who)])
        if own and own[0].telephony is CrmTokenState.STOPPED:
            return  # That says why, and how it ends.
        open_ = bool(own) and not admission.closed(own[0], own[0].account_id or "")
        found = (
            pbx.echoed(it, last.at, "it takes calls again") if open_ and not it.until else it
            for it in found
        )
    if account and last.who != whose:
        command, since = f"account {whose}", noted.first_counted(sightings.POP_UP_LATE, *ids)
        whom = f"the PBX of {command} ({account.name}; {trouble.places(sorted(ids))})"
        found = (replace(it, whom=whom, command=command, since=since) for it in found)
    yield from found


def places(site: Site, kind: str, within: timedelta) -> list[int]:
    """The locations of which it was noted lately."""
    return [int(it.who) for it in site.sightings.lately(kind, within) if it.who.isdecimal()]


def pop_ups(site: Site, now: datetime, whose: str = "") -> str:
    """How many were shown and dropped, of a location or of all."""
    counts = pbx.in_words(site.sightings.counts(sightings.POP_UP, whose))
    since = pbx.counted_since(now)
    crowded = site.sightings.crowded(sightings.POP_UP, whose, since)
    more = f", and not all of the minute after {screen.moment(crowded)}" if crowded else ""
    return f"{screen.tally(counts) or 'none'}, since {screen.moment(since)}{more}"


def lines(site: Site, now: datetime) -> Iterator[Found]:
    """Calls that no line says the location of."""
    for account_id in site.calls.waited_for(now + timedelta(days=1), MOST):
        calls, account = site.calls.waiting(account_id), site.accounts.of_id(account_id)
        own = sorted(site.connections.of_account(account_id))
        yield from waiting.told(site, calls, account, *own)


def overdue(site: Site, now: datetime) -> Iterator[Found]:
    """What reconcile, which runs each minute, should have taken long ago."""
    before = now - OVERDUE
    found: list[object] = []
    for state in EntryState:
        if state not in (EntryState.SENT, EntryState.CLOSED):
            found += site.ledger.due(state, before, 1)
    for standing in (State.PENDING, State.DISABLED):  # Of the others, `cover` tells.
        found += [f"location {it}" for it in site.connections.due(standing, before, 1)]
    found += [f"chain {key}" for key in site.chains.due(before, 1)]
    for call in (*TO_BE_SENT, *LOOKED_FOR):
        found += [f"call {key}" for key, _location in site.calls.due(call, before, 1)]
    yield from late(found, site, now)


def late(found: Sequence[object], site: Site, now: datetime) -> Iterator[Found]:
    """Of what reconcile should have taken, why it has not."""
    if found:
        what, command = "due for five minutes and not taken: ", site.watch.log("ReconcileFunction")
        ran, pace = site.watch.counted([RUN], now).get(RUN), site.settings.platform.pace
        if ran is None or ran.last < now - OVERDUE:
            what += "reconcile does not run"
        else:
            allowed = f"{pace.pace_per_s:g} a second, {pace.pace_per_min:g} a minute"
            what += f"it cannot keep up; PacePerS and PacePerMin allow {allowed}"
            command = "grep Pace docs/configuration.md"
        yield Trouble(what, trouble.some(found), command, grade=Grade.BROKEN)


CHECKS = (failing, money, unreadable, leaving, calls, lines, legs.lately, overdue)
