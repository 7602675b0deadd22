"""What the queues tell: how long they are, by when all of it comes, and whether anybody reads."""

import json
import shlex
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial

from ops import dead_letters, rows, screen, trouble
from ops.site import Site
from ops.trouble import LATELY, Found, Grade, Trouble
from shared.aws import sightings

_OLD = timedelta(minutes=10)
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-timers.html
_LONGEST_DELAY = timedelta(minutes=15)
_AGAIN = "NotDurable"
# What it means that an attribute of a queue is another than template.yaml's.
_MEANS = {
    "DelaySeconds": "each message comes {0} late, and what was sent meanwhile keeps that: the last"
    " of it is there {0} after it is set back",
    "MaximumMessageSize": "a message may have {} bytes, not {}, so a longer one is refused,"
    " and has to come again once it is set back",
    "MessageRetentionPeriod": "{things} are deleted after {}, not {}, and what was is gone",
    "VisibilityTimeout": "a message comes again after {}, not {}, though it is worked on",
    "deadLetterTargetArn": "what is given up goes to {}, not {}",
    "maxReceiveCount": "a message is given up after {} tries, not {}",
}
_LOST = {"MaximumMessageSize", "MessageRetentionPeriod"}  # Of which less loses something.
_json = partial(json.dumps, separators=(",", ":"))


def queues(site: Site, now: datetime) -> Iterator[Found]:
    """Messages that nobody takes, dead letters, and what somebody has set by hand."""
    lengths = []
    again = site.watch.counted([_AGAIN], now).get(_AGAIN)
    comes_again = again is not None and again.last > now - _OLD
    for name, (url, dead_url) in dead_letters.urls(site).items():
        found = dead_letters.attributes(site, url) if url else {}
        waiting, at_work, later = dead_letters.length(found) if url else (0, 0, 0)
        letters_of = dead_letters.attributes(site, dead_url)
        made = {**dead_letters.MADE, "deadLetterTargetArn": letters_of["QueueArn"]}
        yield from _set_by_hand(site, f"queue of {name}", url, found, made)
        made, whom = dead_letters.MADE_FOR_LETTERS, f"dead letters of {name}"
        yield from _set_by_hand(site, whom, dead_url, letters_of, made)
        age = site.watch.waits(url, now)[0] if waiting + at_work else None
        lengths += [f"{name} {_still(found, waiting, at_work, later, now)}"] if url else []
        if (age and age > _OLD) or (waiting + at_work and comes_again):
            function = {"calls": "CallsFunction"}.get(name, "PaymentsFunction")
            why = "; messages come again, as they could not be stored" * comes_again
            failed = site.sightings.last(sightings.HANDLER_FAILED, function) if why else None
            why += f": {failed.why}" if failed and failed.at > now - LATELY else ""
            what = f"{screen.counted(waiting + at_work, 'message')} waiting{why}"
            whom, command = f"queue of {name}", site.watch.log(function)
            yield Trouble(what, whom, command, now - age if age else None, grade=Grade.BROKEN)
        if dead := sum(dead_letters.length(letters_of)):
            letters = dead_letters.peeked(site, name)
            about = [letter.about for letter in letters]
            oldest = min((it.sent_at for it in letters), default=None)
            told = "; ".join([*dict.fromkeys(it.reason for it in letters)][:3])
            what = f"{screen.counted(dead, 'dead letter')}: {told or 'somebody reads them now'}"
            whom = ", ".join(filter(None, (name, trouble.some(about))))
            yield Trouble(what, whom, f"letters --queue {name}", oldest)
    behind = site.watch.untold(now)
    if behind and behind > rows.OVERDUE:
        what = f"are not told on the event bus, the oldest for {screen.age(behind)}"
        command = site.watch.log("EventsFunction")
        yield Trouble(what, "events", command, now - behind, grade=Grade.BROKEN)
    yield "queues", ", ".join(lengths)


def _still(found: Mapping[str, str], waiting: int, at_work: int, later: int, now: datetime) -> str:
    """How many messages there are, and by when those come that nobody may take yet."""
    told = f"{waiting + at_work}"
    if at_work:
        again = screen.age(timedelta(seconds=int(found["VisibilityTimeout"])))
        told += f" ({at_work} taken: done with, or back, within {again})"
    if later:
        told += f", and {later} delayed, there by {now + _LONGEST_DELAY:%H:%M:%S}Z at the latest"
    return told


def switched_off(site: Site, _now: datetime) -> Iterator[Trouble]:
    """Queues and streams that nobody reads, as somebody has disabled what wakes the function."""
    for it in site.sources():
        if it["State"] in ("Disabling", "Disabled"):
            name = it["EventSourceArn"].partition("/stream/")[0].replace("/", ":").split(":")[-1]
            function = it["FunctionArn"].partition(":function:")[2]
            what = f"is not read: its event source of {function} is {it['State'].lower()}, which"
            what += " somebody has done by hand. What comes waits: four days on a queue, one in the"
            what += " stream of a table. The command enables it"
            enable = f"lambda update-event-source-mapping --uuid {it['UUID']} --enabled"
            yield Trouble(what, name, f"{site.aws} {enable}", grade=Grade.BROKEN)


def _set_by_hand(
    site: Site, whom: str, url: str, found: Mapping[str, str], made: Mapping[str, str]
) -> Iterator[Trouble]:
    """What of a queue is not as template.yaml has it, what that means, and what sets it back."""
    other = [name for name, it in made.items() if found and _differs(name, found[name], it)]
    if other:
        things = "messages" if "maxReceiveCount" in made else "letters"
        values = ((_MEANS[name], _said(name, found), _said(name, made)) for name in other)
        told = "; ".join(means.format(is_, was, things=things) for means, is_, was in values)
        what = f"is not as template.yaml has it, set by hand or by another deploy: {told}."
        what += " The command sets it back"
        is_lost = any(int(found[it]) < int(made[it]) for it in _LOST.intersection(other))
        sets = {it: made[it] for it in other if it not in dead_letters.REDRIVE}
        if len(sets) < len(other):
            sets["RedrivePolicy"] = _json({it: made[it] for it in dead_letters.REDRIVE})
        how = f"sqs set-queue-attributes --queue-url {url} --attributes {shlex.quote(_json(sets))}"
        grade = Grade.BROKEN if is_lost else Grade.ATTENTION
        since = dead_letters.at(found, "LastModifiedTimestamp")
        yield Trouble(what, whom, f"{site.aws} {how}", since, grade=grade)


def _differs(name: str, found: str, made: str) -> bool:
    # AWS's were so long until 2025, and an emulator's are; the longest of ours is shorter.
    return int(found) < 256 * 1024 if name == "MaximumMessageSize" else found != made


def _said(name: str, among: Mapping[str, str]) -> str:
    """A value as a person reads it: seconds as an age, a queue by its name."""
    if name in ("DelaySeconds", "MessageRetentionPeriod", "VisibilityTimeout"):
        return screen.age(timedelta(seconds=int(among[name])))
    return among[name].rpartition(":")[2]
