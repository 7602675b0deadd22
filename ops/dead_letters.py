"""The dead letters: what is in each, why, and what a replay would do.

A letter stays until its copy is in the queue that it came from.
"""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from ops import screen
from ops.screen import NotChanged
from ops.site import Site
from ops.trouble import some
from shared import clock, fields, iso_8601
from shared.aws.dynamodb import from_item
from shared.aws.letter_box import AT_ONCE, LetterBox, Message
from shared.calls import phone_numbers
from shared.calls import replay as calls_replay
from shared.payments import billing_event, coverage
from shared.payments import replay as payments_replay
from shared.payments.entry import Entry, EntryState

# Of an id, as it is shown; as with commits, its beginning is enough.
_SHORT = 8
# What may be shown of a letter as it is; of a number the last digits, of all else how long it is.
_OPEN = {
    *("type", "event_id", "location_id", "payment_event_id", "account_id", "key", "at", "due_at"),
    *("amount", "currency", "paid_at", "period_from", "period_to", "call_id", "direction"),
    *("answered", "duration_s", "started_at", "extension"),
    # Of Stripe's, all that there is.
    *("object", "invoice", "livemode"),
}
_NUMBERS = {"phone", "line"}
_LONGEST = 40
_ALL = 10_000
_EVENTS = "events"
REDRIVE = ("deadLetterTargetArn", "maxReceiveCount")
_LENGTHS = [f"ApproximateNumberOfMessages{it}" for it in ("", "NotVisible", "Delayed")]
# How template.yaml sets the letters of a queue, and a queue; which letters, each queue knows.
MADE_FOR_LETTERS = {"DelaySeconds": "0", "MessageRetentionPeriod": "1209600"}
MADE_FOR_LETTERS["MaximumMessageSize"] = "1048576"
MADE = {**MADE_FOR_LETTERS, "MessageRetentionPeriod": "345600", "VisibilityTimeout": "180"}
MADE["maxReceiveCount"] = "1000"
_TOLD_BY_NOBODY = ", which no entry has: Altegio is not told of it"


@dataclass(frozen=True, slots=True)
class Letter(Message):
    """One dead letter, and of which queue it is."""

    queue: str

    @property
    def fields(self) -> dict[str, Any]:
        """What it says, if that is a JSON object at all."""
        with suppress(AttributeError, LookupError, RecursionError, TypeError, ValueError):
            found = json.loads(self.body)
            if isinstance(found, dict):
                # Of a change, whose it is.
                keys = found.pop("keys", None) if self.queue == _EVENTS else None
                return {**found, **from_item(keys or {})}
        return {}

    @property
    def event(self) -> str:
        """By which name it is found; empty if it has none."""
        names = (str(self.fields.get(name) or "") for name in ("event_id", "call_id", "key"))
        return next((it for it in names if it and it.isprintable()), "")

    @property
    def about(self) -> str:
        """The event and the location that it names, as far as it does."""
        event, location_id = self.event[:_LONGEST], self.fields.get("location_id")
        event = event or self.id[:_SHORT]
        return f"{event} of location {location_id}" if type(location_id) is int else event

    @property
    def shown(self) -> str:
        """What it says, masked."""
        wrong = dict.fromkeys(billing_event.likely(self.fields), " (no such field)")
        of = self.fields.items()
        told = [f"{_name(name)}={_masked(name, it)}{wrong.get(name, '')}" for name, it in of]
        return ", ".join(told) or f"no JSON object, {screen.counted(len(self.body), 'character')}"

    @property
    def money(self) -> str:
        """Which payment or refund it brings; empty if none."""
        kind, says = str(self.fields.get("type", "something unreadable")), self.fields
        if self.queue != "billing" or kind == "wake-up":
            return ""
        told = [_masked(it, says[it]) for it in ("amount", "currency") if it in says]
        return " of ".join(filter(None, (kind[:_LONGEST], " ".join(told))))

    @property
    def names(self) -> dict[str, str | int]:
        """The ids that it names rightly."""
        return fields.names(self.fields)

    @property
    def is_bill(self) -> bool:
        """Whether it is a payment or a refund, however wrong."""
        return self.fields.get("type") in ("payment", "refund")

    def is_of(self, options: argparse.Namespace) -> bool:
        """Whether it is among those that the command line names."""
        ids = options.id
        return (
            (not ids or ids == ["all"] or any(self.id.startswith(it) for it in ids))
            and options.location in (None, self.fields.get("location_id"))
            and options.event in (None, self.event)
        )


def _name(text: str) -> str:
    return text if text.replace("_", "").isalpha() and len(text) <= _LONGEST else "?"


def _masked(name: str, value: Any) -> str:
    if name in _OPEN and isinstance(value, (str, int)) and str(value).isprintable():
        return str(value)[:_LONGEST]
    if name in _NUMBERS and isinstance(value, str):
        return phone_numbers.masked(value)
    return f"({len(str(value))} characters)"


type Verdict = tuple[bool, str]
"""Whether a replay is safe, and why, or why it would be refused again."""


def letters(site: Site, options: argparse.Namespace) -> int:
    """Lists letters, each with its verdict; with `--replay` or `--drop`, does so with them."""
    queues = [options.queue] if options.queue else [*urls(site)]
    boxes = {queue: LetterBox(site.sqs, urls(site)[queue][1]) for queue in queues}
    with ExitStack() as holding:
        held = {queue: holding.enter_context(box.held()) for queue, box in boxes.items()}
        found = [letter for queue, them in held.items() for letter in _letters(queue, them)]
        judged = [(letter, _judged(site, letter)) for letter in found if letter.is_of(options)]
        # What is to be deleted last.
        judged.sort(key=lambda both: not both[1][0])
        if options.replay or options.drop:
            return _changed(site, options, judged, boxes)
    safe = sum(is_safe for _letter, (is_safe, _why) in judged)
    whole = f"{site.name}: {screen.counted(len(judged), 'dead letter')}"
    ways = f"Safe to replay: {safe} of {len(judged)}"
    ways += "; `letters all --replay` shows these, and takes them with --do." if safe else "."
    ways += " Others can be deleted (--drop), once `next` is done." * (safe < len(judged))
    parts = [whole, *(_told(site, *both, options) for both in judged), screen.wrapped(ways)]
    text = "\n\n".join(parts) if judged else f"{site.name}: no dead letters."
    screen.printed(options, text, [_plain(site, *both) for both in judged])
    return 0


def _changed(
    site: Site,
    options: argparse.Namespace,
    judged: Sequence[tuple[Letter, Verdict]],
    boxes: Mapping[str, LetterBox],
) -> int:
    """Replays what is safe, or deletes what is not; the others only if forced."""
    if not (options.id or options.location or options.event):
        raise NotChanged("say which: by ID, --location, --event, or `all`")
    if not judged:
        raise NotChanged("there is no such letter" if options.id != ["all"] else "there is none")
    going = [
        letter
        for letter, (is_safe, _why) in judged
        if is_safe is options.replay or (options.force and letter.queue in site.queues)
    ]
    verb = "replayed" if options.replay else "deleted for good"
    other = "they would come back" if options.replay else "it is safe to --replay"
    against = "" if going else f"{other} (add --force to do it nevertheless)"
    whole = f"{len(going)} of {screen.counted(len(judged), 'letter')} would be {verb}"
    dropped = [] if options.replay else going
    # Also of one that a replay would take.
    lost = [it.money for it in dropped if "next" in _facts(site, it, (False, ""))]
    whole += f", and with it what no entry has: {screen.tally(lost)}." if lost else "."
    plain = {"letters": [_plain(site, *both) for both in judged], "chosen": [it.id for it in going]}

    def do() -> str:
        for letter in going:
            if options.replay:
                url = site.queues[letter.queue][0]
                site.sqs.send_message(QueueUrl=url, MessageBody=letter.body)
            boxes[letter.queue].delete(letter)
        return f"{screen.counted(len(going), 'letter')} {verb}."

    text = "\n\n".join(_told(site, *both, None) for both in judged)
    text += f"\n\n{whole}" * (bool(going) and not options.do)
    return screen.proposed(options, text, plain, do, against=against)


def attributes(site: Site, url: str) -> dict[str, str]:
    """How many messages a queue has, and how it is set."""
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
    found = site.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    redrive = json.loads(found.get("RedrivePolicy", "{}"))
    return {**found, **{it: str(redrive.get(it, "none")) for it in REDRIVE}}


def at(found: Mapping[str, str], name: str) -> datetime:
    """When a queue was made, or set last."""
    return datetime.fromtimestamp(int(found[name]), UTC)


def length(found: Mapping[str, str]) -> tuple[int, ...]:
    """About how many messages wait on it, are being worked on, and are there for later."""
    return tuple(int(found[name]) for name in _LENGTHS)


def count(site: Site, queue: str, *, dead: bool = True) -> int:
    """About how many letters, or messages, a queue has, those that somebody reads now too."""
    return sum(length(attributes(site, urls(site)[queue][dead])))


def of_location(site: Site, location_id: int) -> list[Letter]:
    """All that name a location."""
    queues = [name for name in urls(site) if count(site, name)]
    found = [letter for queue in queues for letter in peeked(site, queue, most=_ALL)]
    return [letter for letter in found if letter.fields.get("location_id") == location_id]


def urls(site: Site) -> dict[str, tuple[str, str]]:
    """Each queue and that of its letters; changes come by a stream, and none goes back there."""
    events = site.outputs.get("EventsDeadLettersUrl")
    return {**site.queues, **({_EVENTS: ("", events)} if events else {})}


def peeked(site: Site, queue: str, most: int = AT_ONCE) -> list[Letter]:
    """Some letters, given back at once."""
    with LetterBox(site.sqs, urls(site)[queue][1]).held(most) as found:
        return _letters(queue, found)


def _letters(queue: str, found: Iterable[Message]) -> list[Letter]:
    return [Letter(**asdict(message), queue=queue) for message in found]


def _judged(site: Site, letter: Letter) -> Verdict:
    match letter.queue:
        case "billing":
            return payments_replay.judged(letter.body, site.ledger.get, clock.now())
        case "calls":
            return calls_replay.judged(letter.body, site.connections.get)
        case _:
            return False, "docs/events.md has how the last day is told once more"


def _entry(site: Site, letter: Letter) -> Entry | None:
    """The entry of what a letter brings; None if there is none, or its id is none."""
    id_ = letter.names.get("event_id")
    return site.ledger.get(f"{letter.fields['type']}#{id_}") if letter.is_bill and id_ else None


def _facts(site: Site, letter: Letter, verdict: Verdict) -> dict[str, str]:
    found = {"reason": letter.reason, "says": letter.shown}
    entry, meant, (is_safe, why) = _entry(site, letter), _meant(letter), verdict
    # Its id was used for other money before: then no entry has what it brings.
    is_other = entry and meant and _money(meant) != _money(entry)
    if entry and not is_safe and (is_other or _is_of_another(letter, entry)):
        return {**found, **_of_other(site, letter, entry), "replay": f"refused again: {why}"}
    if letter.money:
        told = f"; {entry.key} is {entry.state}, {screen.amount(entry)}" if entry else ""
        found["money"] = letter.money + (told or _TOLD_BY_NOBODY)
        if not told:
            found |= _of_its_period(site, letter)
    found["replay"] = f"safe: {why}" if is_safe else f"refused again: {why}"
    if letter.is_bill and not is_safe and not entry:
        same = ", under the same event_id, as no entry has it" * ("event_id" in letter.names)
        found["next"] = f"have it corrected, and sent again{same}; then look here again"
    return found


def _is_of_another(letter: Letter, entry: Entry) -> bool:
    """Whether its id was used for another location before."""
    return None not in (entry.location_id, letter.names.get("location_id")) and (
        letter.names["location_id"] != entry.location_id
    )


def _of_other(site: Site, letter: Letter, entry: Entry) -> dict[str, str]:
    """What the entry of its id is, and what has to come before the letter may be deleted."""
    place, its, key = letter.names.get("location_id"), screen.amount(entry), entry.key
    money, anew = f"{letter.money}; {key} is {entry.state}, {its}", "under an event_id of its own"
    if is_of_another := _is_of_another(letter, entry):
        money = f"{letter.money}, of location {place}; {key} is of location {entry.location_id}"
        money += f" ({its}, {entry.state})"
    back = None if entry.is_refund else site.ledger.giver(key)
    money += f", given back by {back.key} ({back.state})" if back else ""
    if same := _sent_anew(site, letter):
        has = f"{same.location_id} has the same by now: {same.key} is {same.state}"
        return {"money": f"{money}. {has}"}
    if is_of_another:
        then = f"have billing send this one {anew}; then look here again"
        return {"money": f"{money}, and Altegio is not told of {place}'s", "next": then}
    is_rejected = entry.state is EntryState.REJECTED
    do = f"close {key} (`payment {key}`)" if is_rejected else f"have billing give {key} back"
    is_over = entry.is_refund or back or entry.state is EntryState.CLOSED
    then = f"ask billing which is right. If {key}, delete this letter (--drop). If this one,"
    then += f"{'' if is_over else f' {do}, and'} have billing send it {anew}; then look here again"
    return {"money": money, **_of_its_period(site, letter, key), "next": then}


def _meant(letter: Letter) -> Entry | None:
    """The entry that it would be; None if it is no payment and no refund, or cannot be read."""
    with suppress(billing_event.BadEvent):
        event = billing_event.read(letter.body)
        if isinstance(event, billing_event.Payment | billing_event.Refund):
            return event.entry(clock.now())
    return None


def _sent_anew(site: Site, letter: Letter) -> Entry | None:
    """An entry of its location with the same money, under another event_id."""
    if meant := _meant(letter):
        paid = site.ledger.given_back(meant) if meant.is_refund else meant
        keys = site.ledger.of_location((paid and paid.location_id) or 0)
        entries = site.readable(site.ledger.get, keys)
        return next((it for it in entries if _money(it) == _money(meant)), None)
    return None


def _money(entry: Entry) -> tuple[str, str]:
    """What is paid or given back, whenever that was."""
    return screen.amount(entry), "" if entry.is_refund else screen.period(entry)


def _of_its_period(site: Site, letter: Letter, key: str = "") -> dict[str, str]:
    """Other payments than `key` of its location for a part of the period that it means."""
    meant = billing_event.likely(letter.fields)
    says = {meant.get(name) or name: it for name, it in letter.fields.items()}
    with suppress(KeyError, TypeError, ValueError):
        begin, end = (iso_8601.read(says[it]) for it in ("period_from", "period_to"))
        keys = site.ledger.of_location(int(letter.names["location_id"]))
        others = coverage.paid_within(begin, end, site.readable(site.ledger.get, keys))
        others = [it for it in others if it.key != key]
        told = [f"{it.key} ({it.state}, {it.payment.sum}, {screen.period(it)})" for it in others]
        if told:
            return {"period": f"also of {some(told)}: ask billing whether both are owed"}
    return {}


def _told(site: Site, letter: Letter, verdict: Verdict, options: argparse.Namespace | None) -> str:
    """One, and with `options` what to type for it, which only shows what would be."""
    head = f"  {letter.id[:_SHORT]}  "
    old = screen.age(clock.now() - letter.sent_at)
    found = _facts(site, letter, verdict)
    below = screen.facts([*found.items()], indent=" " * len(head))
    typed = f"\n{screen.to_type(_command(letter, verdict, found), options)}" if options else ""
    return f"{head}{letter.queue}, {letter.about}, {old} old\n{below}{typed}"


def _command(letter: Letter, verdict: Verdict, found: Mapping[str, str]) -> str:
    """What comes next; while nothing else has the money that it brings, to look again."""
    way = "" if "next" in found else " --replay" if verdict[0] else " --drop"
    return f"letters {letter.id[:_SHORT]}{way}"


def _plain(site: Site, letter: Letter, verdict: Verdict) -> dict[str, object]:
    found = _facts(site, letter, verdict)
    return {
        "queue": letter.queue,
        "id": letter.id,
        "event": letter.event[:_LONGEST],
        "location_id": letter.fields.get("location_id"),
        "sent_at": clock.stamp(letter.sent_at),
        **found,
        "safe": verdict[0],
        "command": _command(letter, verdict, found),
    }
