"""What is wrong, how bad it is, whom it concerns and what to type next: pure rules, no I/O."""

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from ops import screen
from shared import countries
from shared.altegio.status import UNKNOWN_THERE, Installed, Status
from shared.aws.sightings import CLOCK_OFF
from shared.calls import search
from shared.calls.call import Call, CallState
from shared.calls.hearing import unread
from shared.chains.chain import Chain, ChainState
from shared.clock import stamp
from shared.connections.connection import LIVE, Connection, Hint, State
from shared.connections.crm_token import CrmTokenState
from shared.connections.lifecycle import LAGS
from shared.connections.settings import LifecyclePolicy
from shared.payments.entry import NO_PAYMENT, Entry, EntryState
from shared.reconcile.census import differences

# In the order in which they concern a person.
UNFINISHED = (
    *(EntryState.NEEDS_HUMAN, EntryState.REJECTED, EntryState.UNKNOWN),
    *(EntryState.HELD, EntryState.PENDING, EntryState.SENDING),
)
_SOON = timedelta(minutes=15)  # What is on its way is no trouble before.
LATELY = timedelta(hours=1)
_YOUNG = timedelta(minutes=5)  # What lasts for less is told by the minute when it began.
WAYS = (
    "its owner presses Disconnect and then Connect in Altegio. If he cannot, give it to its"
    " customer's account, once you have seen that he has it open there: with a wrong account,"
    " strangers see each other's callers"
)
"""How a location that was installed by another way comes to its account."""
NAMED = 5  # How many are named of those that one trouble concerns.


class Grade(IntEnum):
    """How bad it is; also the exit code of what shows troubles."""

    FINE = 0
    ATTENTION = 1
    BROKEN = 2


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong, and what to type next."""

    what: str
    whom: str  # It concerns: ids, keys or names.
    command: str
    since: datetime | None = None
    # Of what only echoes that something was wrong, an alarm or a count: until when it is told, and
    # whether what it tells of seems to be over.
    until: datetime | None = None
    is_over: bool = False
    first: str = ""  # What is typed before the command.
    grade: Grade = Grade.ATTENTION

    def told(self, now: datetime, options: argparse.Namespace, here: str = "") -> str:
        """On some lines of a terminal; `here` is what is on the screen, and leads nowhere."""
        since = f", for {screen.age(now - self.since)}" if self.since else ""
        if self.since and now - self.since < _YOUNG:
            since = f", since {screen.minute(self.since)}"
        grade = "echo" if self.until else self.grade.name.lower()
        told = screen.table((grade, f"{self.whom}{since}: {self.what}"), ())
        if here and self.command in (here, f"{here} --all"):
            return f"{told}\n    (no command: it says who does what, and below is how it stands)"
        typed = (screen.to_type(it, options) for it in (self.first, self.command) if it)
        return "\n".join([told, *typed])

    def plain(self) -> dict[str, str | None]:
        """For a machine."""
        return {
            "grade": self.grade.name.lower(),
            "what": self.what,
            "whom": self.whom,
            "first": self.first or None,
            "command": self.command,
            "since": stamp(self.since) if self.since else None,
            "until": stamp(self.until) if self.until else None,
        }


type Found = Trouble | tuple[str, str]
"""What is wrong, or a fact for the foot of the screen: its name, and what it is."""


def worst_first(troubles: Iterable[Trouble]) -> list[Trouble]:
    """The worst first, of equals the oldest; and after all others what only echoes them."""
    return sorted(troubles, key=lambda it: (bool(it.until), -it.grade, not it.since, it.since or 0))


def grade(troubles: Iterable[Trouble]) -> Grade:
    """That of the worst, but for echoes."""
    return max((it.grade for it in troubles if not it.until), default=Grade.FINE)


def some(names: Collection[object]) -> str:
    """The first few of them, and how many more there are."""
    first = ", ".join(map(str, [*names][:NAMED]))
    return f"{first} and {len(names) - NAMED} more" if len(names) > NAMED else first


def named(who: str) -> str:
    """A location or an account by its id; also the command that shows it."""
    return f"{'location' if who.isdecimal() else 'account'} {who}"


def places(ids: Collection[object]) -> str:
    """One or more locations."""
    return f"{'location' if len(ids) == 1 else 'locations'} {some(ids)}"


def cause(why: str) -> str:
    """A `why` without what differs from row to row: ids, times and sums."""
    return re.sub(r"\d[\d.:TZ-]{3,}\d|\d{4,}", "…", why) or "-"


def causes(whys: Iterable[str]) -> str:
    """Each of them, the most frequent first, and how often if there are several."""
    counted = Counter(map(cause, whys)).most_common()
    first = [f"{why} ({number})" if counted[1:] else why for why, number in counted[:NAMED]]
    return "; ".join(first)


def taken_in(entry: Entry, entries: Iterable[Entry]) -> str:
    """The currency in which a payment of its location was taken last, if its own is another."""
    taken = [it for it in entries if it.state is EntryState.SENT and not it.is_refund]
    taken = [it for it in taken if it.location_id == entry.location_id]
    last = max(taken, key=lambda it: it.received_at, default=None)
    if last is None or entry.is_refund or last.payment.currency == entry.payment.currency:
        return ""
    return last.payment.currency


def unknown_there(connection: Connection) -> str:
    """Altegio's words, if it ended as that does not know the location itself any more."""
    words = connection.verdict.partition(f": {UNKNOWN_THERE}")[2].rstrip(".")
    # Of an application that is not installed it may say no more than that there was an error.
    is_of_it = words and not re.search("application|error|ошибка", words, re.IGNORECASE)
    return UNKNOWN_THERE + words if is_of_it else ""


def gone(connection: Connection) -> tuple[str, str]:
    """Of one that is closed: how it ended and when, and what to do; empty if it waits for that."""
    id_, ended = connection.location_id, connection.verdict.removeprefix("erased, after: ")
    if connection.state is not State.DISABLED:
        return "", ""
    at = f" at {screen.moment(connection.settled_at)}" if connection.settled_at else ""
    if words := unknown_there(connection):
        how = f"Altegio does not know {id_} any more ({words}), and it was closed here{at}"
        return how, "That is of it alone: it may be deleted or merged there, so ask Altegio"
    is_left, log = ended.startswith("not installed any more"), ended.partition(", log ends ")[2]
    how = f"was uninstalled in Altegio{f' ({log})' * bool(log)}" if is_left else f"ended ({ended})"
    do = "Ask its owner whether he has left. If not, he presses Connect in Altegio; if so, cancel"
    return f"{id_} {how}, and it was closed here{at}", f"{do} it in billing"


def of_money(
    entries: Iterable[Entry],
    now: datetime,
    connections: Iterable[Connection] = (),
    strangers: Collection[int] = (),
    others: Collection[Entry] = (),
) -> Iterator[Trouble]:
    """What is not settled, by state and cause; `connections` say how those of HELD ones stand.

    Of `strangers`, no location of the id was ever connected here; `others` are of the same ones.
    """
    entries, known = [*entries], {it.location_id: it for it in connections}
    groups = defaultdict(list)
    for entry in entries:
        is_held, id_ = entry.state is EntryState.HELD, entry.location_id
        left = gone(known[id_])[1] if is_held and id_ in known else ""
        groups[entry.state, cause(entry.why), is_held and id_ in strangers, left].append(entry)
    for (state, why, is_strange, left), group in groups.items():
        oldest = min(group, key=lambda entry: entry.received_at)
        needs_person = state in (EntryState.NEEDS_HUMAN, EntryState.REJECTED)
        young = now - oldest.received_at < _SOON
        if state not in UNFINISHED or (young and state in (EntryState.PENDING, EntryState.SENDING)):
            continue
        ids = sorted({it.location_id for it in group if it.location_id})
        more = _more(group, [known[it] for it in ids if it in known], now, others or entries)
        if is_strange:
            more = ", nor ever was: see whether billing names the right one"
        elif left:
            more = f": {some([gone(known[it])[0] for it in ids])}. {left}"
        grade = Grade.BROKEN if needs_person else Grade.ATTENTION
        whom = some([entry.key for entry in group]) + f" of {places(ids)}" * bool(ids)
        is_one = not group[1:] or is_strange or state is EntryState.REJECTED
        which = screen.quoted(oldest.key) if is_one else f"--state {state}"
        sums = f" ({some([*dict.fromkeys(map(screen.amount, group))])})"
        sums *= state in (EntryState.REJECTED, EntryState.HELD)
        what, command = f"{state}{sums}, {why}{more}", f"payment {which}"
        yield Trouble(what, whom, command, began(oldest), grade=grade)


def began(entry: Entry) -> datetime:
    """Since when it has been as it is: of what is tried and looked for, each try writes the row."""
    waits = dict.fromkeys((EntryState.HELD, EntryState.PENDING), entry.received_at)
    at = {**waits, EntryState.UNKNOWN: entry.claimed_at}.get(entry.state, entry.changed_at)
    return at or entry.received_at


def _more(
    group: Sequence[Entry], known: Sequence[Connection], now: datetime, others: Collection[Entry]
) -> str:
    """What else is known of entries of one state and cause, and of their locations."""
    oldest = min(group, key=lambda entry: entry.received_at)
    due = screen.due(oldest.due_at, now)
    left = [it.location_id for it in known if not it.live]
    back = [it.location_id for it in known if it.live and it.hint is not Hint.GONE]
    taken = {taken_in(it, others) for it in group} - {""}
    if any(it.why == NO_PAYMENT for it in group):
        return f": {some([it.payment_key for it in group])}"
    match oldest.state:
        case EntryState.UNKNOWN if left:
            return f"; {some(left)} left since, so no list tells: ask Altegio whether it was taken"
        case EntryState.UNKNOWN:
            return f"; it is looked up by itself {due}"
        case EntryState.HELD if back:
            here = f", but {some(back)} is connected by now, so it goes out by itself {due} at the"
            return f"{here} latest, or at once if you send it"
        case EntryState.REJECTED if taken:
            return f"; what was taken before was in {' and '.join(sorted(taken))}"
    return ""


def of_chain(chain: Chain) -> Iterator[Trouble]:
    """What the platform would not do for a chain of locations."""
    if chain.state is ChainState.DUE and chain.tries:
        what = f"telephony is not {'enabled' if chain.wanted else 'disabled'}: {chain.verdict}"
        what += ". It is tried again by itself, once an hour or sooner: have whoever publishes the"
        what += " application mend what Altegio says, or ask Altegio"
        whom = places(chain.locations) if chain.locations else f"chain {chain.key}"
        command = f"location {chain.locations[0]}" if chain.locations else "publication"
        yield Trouble(what, whom, command, grade=Grade.BROKEN)


def of_connection(
    connection: Connection, chain: Chain | None, entries: Sequence[Entry], now: datetime
) -> Iterator[Trouble]:
    """Why a location takes no pop-ups and no calls."""
    location, what, since = f"location {connection.location_id}", "", None
    if connection.state is State.FROZEN and not (connection.covered_until or now) > now:
        what = "is frozen, so neither pop-ups nor calls are taken; a payment for a period"
        what += " that runs now brings it back"
    elif connection.state not in LIVE:
        how, do = gone(connection)
        what = f"is not connected: {how}. {do}"
        if not how:
            what = f"is not connected yet, which reconcile sees to ({connection.words})"
    elif connection.telephony is CrmTokenState.NONE:
        what = "was connected without a CRM token, so has no telephony; have its owner connect anew"
    elif chain is not None and not chain.enabled and not chain.tries:
        what, since = "telephony is not enabled yet, which reconcile does", chain.due_at
    if what:
        # Whoever has left may have done so: only what comes for it since is wrong.
        is_well = connection.erase_at and not any(it.state in UNFINISHED for it in entries)
        grade = Grade.FINE if is_well else Grade.ATTENTION
        yield Trouble(what, location, f"{location} --all", since, grade=grade)
    yield from of_leaving([connection], now)


def refused(calls: Iterable[Call]) -> list[Call]:
    """Those that the platform will not save for what they say."""
    return [call for call in calls if call.state is CallState.REFUSED]


def of_unread_list(sought: Iterable[Call]) -> Iterator[Trouble]:
    """Calls that are looked for, of which rows of the list that cannot be read may be some."""
    hidden = [it for it in sought if it.why == search.UNREAD]
    if hidden:
        what = "rows of the list of calls cannot be read, and may be calls that are looked for: for"
        what += " an hour each. Ask Altegio whether its list of calls has another form now"
        command = f"location {hidden[0].location_id}"
        yield Trouble(what, of_calls(hidden), command, first_sent(hidden))


def of_calls(calls: Iterable[Call]) -> str:
    """The locations of calls."""
    return places(sorted({it.location_id or 0 for it in calls}))


def first_sent(calls: Iterable[Call]) -> datetime | None:
    """When the first of them was sent."""
    return min((it.sent_at for it in calls if it.sent_at), default=None)


def numbers(country: str, calls: Iterable[Call]) -> tuple[str, bool]:
    """How the numbers of calls were read, and whose do not exist there; whether all can."""
    of = [f"of {screen.counted(number, name)}" for name, number in unread(calls).items()]
    none = f"numbers that do not exist there: {', '.join(of)}"
    return f"read as of {countries.named(country)}; {none if of else 'all can exist there'}", not of


def of_refused(
    calls: Sequence[Call],
    read: Sequence[Call],
    country: str,
    fits: Sequence[str],
    location_id: int,
) -> Iterator[Trouble]:
    """Those of a location that the platform will not save; `read` is how they are read by now.

    If not all numbers exist in the country, all do in each that `fits`.
    """
    if calls:
        told, are_good = numbers(country, read)
        location, again = f"location {location_id}", f"location {location_id} --send-refused"
        first = "First put right what it says, then"
        if fits and not are_good:
            all_in = " or of ".join(map(countries.named, fits))
            first = f"As numbers of {all_in}, all can exist: if the PBX writes them so, say it,"
            first += " then"
        elif not are_good:
            first = "Either the PBX does not write them in full, which only it can mend, or it"
            first += " writes them as another country does: if so, say which, then"
        elif unread(calls):
            first = "When they were refused, not all did, so"
        whys = causes(call.why for call in calls).rstrip(".")
        what = f"{screen.counted(len(calls), 'call')} refused by the platform: {whys}. Numbers are"
        what += f" {told}. {first} have them sent again ({again}); or give them up (--drop-refused)"
        command = f"account {location_id} --country {fits[0] if fits else 'COUNTRY'}"
        command = again if are_good else command
        yield Trouble(what, location, command, first_sent(calls))


def ahead_until(connection: Connection, now: datetime) -> str:
    """Until when an uninstall may be disbelieved, as the platform's log has named that time."""
    ahead = connection.mark.partition(" ")[0]
    return f"{ahead[:19]}Z" if ahead > stamp(now + timedelta(minutes=5)) else ""


def of_clock(
    connection: Connection, now: datetime, by: timedelta | None, *, is_right: bool
) -> Iterator[Trouble]:
    """A log of the platform that names what is to come: an uninstall is disbelieved until then.

    `by` is by how much the times of its answers are ahead, as far as they tell.
    """
    # What the platform says now is taken for older than that.
    harms = connection.live and connection.verdict.startswith(LAGS)
    ahead, tells = ahead_until(connection, now), ", as the check tells"
    if ahead and (harms or not is_right):
        if is_right or by is None:
            differs = "differed" if is_right else "differs"
            why = f"its clock {differs} from ours, or PlatformTimezone is wrong{tells}"
        elif by > CLOCK_OFF:
            why = f"its clock is wrong: its answers are {screen.age(by)} ahead, too. Tell Altegio"
        else:
            why = f"PlatformTimezone is wrong, as its answers are on time, or its clock was{tells}"
        so = f"what it says is disbelieved, as it is now: {connection.verdict}" if harms else ""
        so = so or "an uninstall would be disbelieved; it harms nobody yet"
        what = f"the platform's log has an entry of {ahead}, in the future: {why}. Until then {so}"
        location, grade = connection.location_id, Grade.BROKEN if harms else Grade.ATTENTION
        command = f"publication --location {location}"
        yield Trouble(what, f"location {location}", command, grade=grade)


def of_leaving(connections: Iterable[Connection], now: datetime) -> Iterator[Trouble]:
    """Live here, and seen once as not installed in Altegio."""
    gone = [it for it in connections if it.live and it.hint is Hint.GONE]
    if gone:
        due_at = min(it.due_at or now for it in gone)
        again = screen.due(max(due_at, now + timedelta(minutes=1)), now)
        states = " or ".join(dict.fromkeys(it.state for it in gone))
        what = f"{'are' if gone[1:] else 'is'} {states} here, and not installed in Altegio, as was"
        what += f" seen once. Reconcile looks again {again}, and closes what is still so"
        since = min((it.hint_at for it in gone if it.hint_at), default=None)
        whom = places([it.location_id for it in gone])
        yield Trouble(what, whom, f"location {gone[0].location_id}", since)


def of_shut(
    id_: int, connection: Connection | None, there: Status, now: datetime, rules: LifecyclePolicy
) -> Trouble:
    """Not connected here, and live in Altegio: what connects it."""
    account_id, command = connection and connection.account_id, "census --new"
    what = f"is {connection.state if connection else 'not connected'} here, but {there.installed}"
    what += " in Altegio. What comes for it is held until it is connected here"
    found = differences.of_connection(id_, connection, there, now, rules)
    if found is None and there.installed is Installed.ACTIVE:
        what += ": by a census, once it is closed for an hour; or at once, if you give it to its"
        what, command = f"{what} account", f"take {id_} {account_id or 'ACCOUNT'} --reason TEXT"
    elif found is not None and found.difference is differences.Difference.GHOST:
        what += f", as it was installed by another way than our page: {WAYS}"
        command = f"take {id_} ACCOUNT --reason TEXT"
    elif found is None or found.difference in differences.REPAIRED:
        what += ": a census does that, and its owner has nothing to do"
    since = connection.settled_at if connection else None
    return Trouble(what, f"location {id_}", command, since)
