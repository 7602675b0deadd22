"""What a telephone system does wrong, and what is dropped of what it tells: pure rules, no I/O."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ops import screen
from ops.trouble import LATELY, Grade, Trouble, named, places, some
from shared.aws.sightings import PBX_AHEAD, RECORDING_LEFT_OUT, Sighting, Told
from shared.calls import shown
from shared.calls.call import Call
from shared.calls.shown import PopUp
from shared.calls.table import Waiting
from shared.clock import instant
from shared.connections.accounts import Account

# After so long without a ring, nobody is asked any more whose line it is that rang.
_QUIET = timedelta(minutes=10)
# By so much the door lets a PBX's times be ahead; and a zone's may differ from what it makes them.
_AHEAD = timedelta(minutes=1)
_ALMOST = timedelta(minutes=2)
# Of a call that is over, its talk is told, and not how long the caller waited before.
_LONGEST_WAIT = timedelta(minutes=55)
# The zones of no whole hours, in minutes; in summer, too. East or west: UTC may be written as local
# time as well. https://www.iana.org/time-zones
_PARTS_OF_HOURS = {150, 210, 270, 330, 345, 390, 525, 570, 630, 765, 825}
# Each is stored by its name, and read by a person in words that follow a number.
_WORDS: dict[str, str] = {
    PopUp.SENT: "taken by Altegio",
    PopUp.REPEATED: "of calls that were shown before, or are over",
    PopUp.HIDDEN: "not shown, as the caller hides",
    PopUp.UNUSABLE: "not shown, as the caller's number is none of the account's country",
    PopUp.UNKNOWN_LINE: "not shown, as nobody has entered the line",
    PopUp.LATE: "not shown, as the PBX told too late",
    PopUp.CROWDED: "not shown, as too many calls came at once",
    PopUp.CLOSED: "not shown, as the location takes no calls",
    PopUp.FAILED: "not shown, as the platform did not take it",
}
_TOO_EARLY = "Calls that were saved meanwhile stand {} too early in Altegio's history, and stay so"
# Nothing that anybody could mend: it was shown, or there was nobody to show.
_NO_FAULT = {PopUp.SENT, PopUp.HIDDEN}


def in_words(counts: Mapping[str, int]) -> dict[str, int]:
    """What became of pop-ups, as a sentence has it, and how many there were of each."""
    return {_WORDS.get(why, why): number for why, number in counts.items()}


def counted_since(now: datetime) -> datetime:
    """Since when pop-ups are counted: the hour before this one began."""
    return (now - timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)


def in_a_sentence(why: str) -> str:
    """Why one was dropped, as it is noted, with what else is told of it."""
    outcome, _, more = why.partition(": ")
    if outcome == PopUp.UNUSABLE:
        outcome = "the caller's number is none of the account's country"
    return ": ".join(filter(None, (outcome, more)))


def of_pop_ups(
    counts: Mapping[str, int],
    late: Mapping[str, int],
    last: Sighting,
    newest: Told | None,
    now: datetime,
) -> Iterator[Trouble]:
    """Whose pop-ups are dropped, but for those that nobody could show; `newest` is any of them."""
    lost = {why: number for why, number in counts.items() if why not in _NO_FAULT}
    if last.at <= now - LATELY or not last.who or sum(lost.values()) <= counts.get(PopUp.SENT, 0):
        return
    # It is noted once a minute, so it may not be the very last.
    what = f"more pop-ups were dropped than shown: {screen.tally(in_words(lost))}"
    what += f"; at {last.at:%H:%M:%S}Z: {in_a_sentence(last.why)}"
    whom = command = named(last.who)
    if late and last.why.startswith(PopUp.LATE):
        what += f". {_delays(late, last.why)}"
    elif last.why.startswith(PopUp.CROWDED) and shown.OWN_SHARE not in last.why:
        what += ", and no one location rings most. If that lasts, ask Altegio for more calls, and"
        what += " set PacePerS and PacePerMin to what it allows"
        command = "grep Pace docs/configuration.md"
    elif last.why.startswith(PopUp.FAILED):
        what = f"{what.rstrip('.')}. Have its owner mend in Altegio what it says, or ask Altegio"
    elif last.why.startswith(PopUp.UNUSABLE):
        what += ". Either the PBX does not write numbers in full, as one that cuts off the area"
        what += " code, or it writes them as another country does: if so, say which"
        command = f"account {last.who} --country COUNTRY"
    elif last.why.startswith(PopUp.UNKNOWN_LINE) and newest:
        line = newest.facts.get("line") or newest.facts.get("extension", "")
        what += f": {line or 'none told'}. Say of which LOCATION it is, if it is this customer's:"
        what += " before it is entered, the command tells whether it is another's"
        command = f"lines {screen.valued('LOCATION --enter', line)}" if line else whom
    trouble = Trouble(what, whom, command)
    if last.why.startswith(PopUp.UNKNOWN_LINE) and last.at < now - _QUIET:
        # It rang only, or what waited was given up: it is asked about when it rings again.
        rang = f"it rang last {screen.due(last.at, now)}, and nothing waits for it"
        yield replace(echoed(trouble, last.at, rang), command=command)
        return
    good = newest.at if newest and newest.why in _NO_FAULT else last.at
    if last.why.startswith(PopUp.CROWDED):
        yield unless_rested(trouble, last.at, now)
    else:
        yield unless_mended(trouble, last, good, "one was shown", now)


def _delays(late: Mapping[str, int], why: str) -> str:
    """What the delays of a PBX tell, and whom to tell; `why` has the last of them."""
    found, is_slow = re.search("([0-9]+) s", why), shown.is_slow(late)
    by = f"about {found[0]}" if found else "that much"
    zone = _zone(timedelta(seconds=int(found[1]))) if found else None
    # So long delays are counted in steps of an hour, and a zone's may be on both sides of one.
    about = {shown.delay(zone - _ALMOST), shown.delay(zone + _ALMOST)} if zone else set()
    if zone and (not is_slow or late.keys() <= about):
        by = _by(zone)
        if is_slow is None:
            said = "If more come and are alike, the PBX writes local time as UTC"
            return f"{said}, {by} behind; if not, it tells late"
        said = f"The PBX's times are {by} behind, as its delays are alike: {_mends(zone, '-')}."
        return f"{said} {_TOO_EARLY.format(by)}"
    if is_slow is None:
        return f"If more come and are alike, the PBX's clock is {by} behind; if not, it tells late"
    if is_slow:
        span = " to ".join(map(screen.age, shown.span(late)))
        said = f"The PBX tells late, whatever its clock, as its delays differ: {span}"
        return f"{said}. Have whoever runs it look at the queue of its reports"
    said = f"The PBX's clock is {by} behind, as its delays are alike. Have whoever runs it set it"
    said += " by NTP; if it is right, its reports come late: look at their queue."
    return f"{said} {_TOO_EARLY.format(by)}"


def of_key(seen: Sighting, whom: str, command: str, made: str, now: datetime) -> Trouble:
    """A PBX that came with a key that was replaced, and is, or was, good until `seen.why`."""
    until, grade = instant(seen.why) if seen.why else None, Grade.BROKEN
    if until and until > now:
        what = "its PBX has a key that was replaced, and is not heard any more"
        what, grade = f"{what} {screen.due(until, now)}", Grade.ATTENTION
    else:
        which = "a key that is not the account's, nor one of the last before it"
        which = f"an old key, void since {screen.moment(until)}" if until else which
        what = f"a PBX came {screen.due(seen.at, now)}, and maybe again within the minute after,"
        what += f" with {which}, and was not heard: its pop-ups are lost, and so are calls that it"
        what += " does not report again"
    what += f". The right key was {made}" * bool(made)
    what += ". Only whoever made the right key was shown it: have the PBX set to that. If nobody"
    what += f" has it any more, make another ({command} --new-key), and have all PBXs of the"
    what += " account set to that one within a day"
    return Trouble(what, whom, command, grade=grade)


def of_other_location(seen: Sighting) -> Trouble:
    """A PBX that names a location which is not of the account whose key it has."""
    what = f"a PBX with its key names location {seen.why}, which is not its own, and is not heard:"
    what += " it has the key of the wrong account, or names the wrong location. If it is the PBX"
    what += f" of {seen.why}, set its own key there"
    return Trouble(what, named(seen.who), f"account {seen.why}", seen.at)


def of_recordings(seen: Sighting) -> Trouble:
    """Links to recordings that are not passed on, as whoever knows one may hear the call."""
    what = f"its PBX gives recordings that are not passed on, as their links are {seen.why}; last"
    what += f" at {seen.at:%H:%M:%S}Z. Calls are saved without them, and get none later"
    whom = named(seen.who)
    command = whom
    if "Hosts" in seen.why:
        what += ". Whether to allow the host, the provider decides, and that can wait: if it is"
        what += " the PBX's own, whoever deploys adds it, after a space, to RecordingHosts of this"
        what += " environment in samconfig.toml (or in the file of answers), and then `make deploy`"
        command = "grep RecordingHosts docs/configuration.md"
    return Trouble(what, whom, command)


def unless_mended(
    found: Trouble, seen: Sighting, good: datetime, how: str, now: datetime
) -> Trouble:
    """The same, or an echo of it if it was as it should be later, at `good`, which `how` tells."""
    if good <= seen.at:
        return found
    return echoed(found, seen.at, f"{how} {screen.due(good, now)}")


def unless_rested(found: Trouble, last: datetime, now: datetime) -> Trouble:
    """The same of pop-ups dropped for the pace; a PBX that loops may rest, and some are shown."""
    is_over = now - last >= _QUIET
    how = f"the last was dropped {screen.due(last, now)}"
    return echoed(found, last, how) if is_over else found


def echoed(found: Trouble, last: datetime, how: str) -> Trouble:
    """What is over, as `how` tells, an hour longer than it was there `last`."""
    until = last + LATELY
    what = f"{found.what.rstrip('.')}. Mended, as it seems: {how}"
    what += f"; this is told until {until:%H:%M:%S}Z"
    return replace(found, what=what, command=found.whom, until=until, is_over=True)


def of_pbx_ahead(seen: Sighting) -> Trouble:
    """A PBX by whose clock, or zone, calls are in the future."""
    off = timedelta(seconds=int(seen.why))
    zone = _zone(off)
    whose, are = ("times", "are") if zone else ("clock", "is")
    what = f"the {whose} of its PBX {are} {_by(zone or off)} ahead, so its calls stand at times to"
    what += " come in Altegio's history: "
    what += f"{_mends(zone, '+') if zone else 'have it set by NTP'}. What is saved stays so"
    return Trouble(what, named(seen.who), named(seen.who), seen.at)


def _zone(off: timedelta) -> timedelta | None:
    """By how much somebody's zone differs from UTC, if a PBX's times are off by just that."""
    quarters = round(off / timedelta(minutes=15))
    zone, minutes = timedelta(minutes=15 * quarters), 15 * quarters
    is_somebodys = minutes in _PARTS_OF_HOURS or (minutes % 60 == 0 and 0 < minutes <= 14 * 60)
    return zone if is_somebodys and abs(off - zone) <= _ALMOST else None


def _mends(zone: timedelta, sign: str) -> str:
    """What a PBX does whose times are off by a zone, and what it has to write."""
    hours, minutes = divmod(round(zone / timedelta(minutes=1)), 60)
    said = "that is a time zone, not its clock, and NTP mends nothing. It writes local time as UTC:"
    return f"{said} have it write UTC, or the offset ({sign}{hours:02}:{minutes:02}) with the time"


def _by(off: timedelta) -> str:
    """How far times are off, rounded: `7 min`, `3 h`, `5 h 30 min`."""
    hours, minutes = divmod(round(off / timedelta(minutes=1)), 60)
    return f"{hours} h{f' {minutes} min' * bool(minutes)}" if hours else screen.age(off)


def _has_link(_seen: Sighting, call: Call) -> bool:
    return bool(call.leg and call.leg.link)


def _is_past(seen: Sighting, call: Call) -> bool:
    """Whether a call was over, by its PBX's times, when it was told.

    How long a caller waited, nobody tells, so of a clock that is a little ahead it shows nothing.
    """
    if call.leg is None or int(seen.why) < _LONGEST_WAIT.total_seconds():
        return False
    return call.leg.started_at + timedelta(seconds=call.leg.duration_s) <= call.heard_at + _AHEAD


OF_PBX: Mapping[
    str, tuple[Callable[[Sighting], Trouble], Callable[[Sighting, Call], bool], str]
] = {
    RECORDING_LEFT_OUT: (of_recordings, _has_link, "one was passed on"),
    PBX_AHEAD: (of_pbx_ahead, _is_past, "a call came that is not ahead"),
}
"""What a PBX does wrong that hinders no call; which call shows that it is mended, and in words."""


def lines_of(lines: Mapping[str, int], location_id: int) -> str:
    """The lines that are entered as a location's, and those of its account's other locations."""
    own = [line for line, it in lines.items() if it == location_id]
    others = [f"{line} of {it}" for line, it in lines.items() if it != location_id]
    elsewhere = f"; of its account's others: {some(others)}" if others else ""
    return (some(own) if own else "none is entered as its own") + elsewhere


def of_no_line(lines: Mapping[str, int], location_id: int) -> Iterator[Trouble]:
    """A location of which no call came, and whose lines may be entered as another's."""
    if lines and location_id not in lines.values():
        what = "no call of it came, and its account's lines are entered as others':"
        what += f" {lines_of(lines, location_id)}. If one of them is its own, enter it so"
        yield Trouble(what, f"location {location_id}", f"lines {location_id}")


def of_sold(
    calls: Sequence[Waiting],
    account: Account,
    location_id: int,
    owner: Account,
    ids: Sequence[int],
) -> Trouble:
    """Calls of a line that an account has entered for a location which `owner` has now."""
    line, its = calls[0].line_key, f"account {owner.account_id}"
    what = f"{screen.counted(len(calls), 'call waits', 'calls wait')} for {line}, which is entered"
    what += f" for location {location_id}: {is_sold(location_id, owner)}. First have that PBX set"
    what += f" to the key of {its}; then give up what waits here"
    drop = f"lines {screen.valued(f'{ids[0]} --drop', line)}" if ids else ""
    whom, since = f"account of {account.name}", min(it.started_at for it in calls)
    return Trouble(what, whom, drop or its, since, first=its if drop else "")


def is_sold(location_id: int, owner: Account) -> str:
    """What it means that calls of a location come with the key of the account that had it."""
    its = f"{owner.name} (account {owner.account_id})"
    return f"{its} has location {location_id} now, and its PBX still has the old owner's key"


def of_lines(waiting: Sequence[Waiting], account: Account | None, *ids: int) -> Iterator[Trouble]:
    """Calls of an account, with the ids of its locations, whose line nobody has entered."""
    unknown = [it for it in waiting if not account or it.line_key not in account.lines]
    if unknown and ids:
        calls = screen.counted(len(unknown), "call waits", "calls wait")
        of = some(sorted({it.line_key for it in unknown}))
        what = f"{calls}, as nobody has entered of which location the line is: {of}. See first"
        what += " whether it is another customer's, whose PBX then has this customer's key: the"
        what += " command tells. If it is not, it is new as a rule: ask the customer of which"
        what += " location it is, and enter it"
        whom = f"account of {account.name if account else 'nobody'}, {places(ids)}"
        yield Trouble(what, whom, f"lines {ids[0]}", min(it.started_at for it in unknown))
