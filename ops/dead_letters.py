"""The dead letters: what is in each, why, and what a replay would do.

A letter stays until its copy is in the queue that it came from. Whoever looks holds the letters
for a moment, and gives them back at once.
"""

import argparse
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from ops import screen
from ops.screen import NotChanged
from ops.site import Site
from shared import clock
from shared.aws.dynamodb import from_item
from shared.calls import event as call_event
from shared.calls import phone_numbers
from shared.clock import stamp
from shared.connections.connection import Connection
from shared.payments import billing_event
from shared.payments import entry as payment
from shared.payments.entry import Entry
from shared.payments.facts import to_texts

# Long enough to read them all; given back earlier.
_HOLD_S = 60
# Of an id, as it is shown; as with commits, its beginning is enough.
_SHORT = 8
_DIGEST = 16
# Asks all of the queue's servers, not some: an empty answer then means an empty queue.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
_WAIT_S = 1
_AT_ONCE = 10  # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
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
_EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter; `handle` is good for as long as it is held."""

    queue: str
    id: str
    body: str
    reason: str
    sent_at: datetime
    handle: str

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
    def about(self) -> str:
        """The event and the location that it names, as far as it does."""
        fields = self.fields
        names = [fields.get(name) for name in ("event_id", "call_id", "key")]
        event = next((str(it)[:_LONGEST] for it in names if it), self.id[:_SHORT])
        location_id = fields.get("location_id")
        return f"{event} of location {location_id}" if type(location_id) is int else event

    @property
    def shown(self) -> str:
        """What it says, masked."""
        fields = self.fields
        if not fields:
            return f"no JSON object, {screen.counted(len(self.body), 'character')}"
        return ", ".join(f"{_name(name)}={_masked(name, it)}" for name, it in fields.items())

    @property
    def receipt(self) -> str:
        """How the SHA-256 of its body begins; a whole one looks like a signature in an output."""
        return f"{hashlib.sha256(self.body.encode()).hexdigest()[:_DIGEST]}…"

    def is_of(self, options: argparse.Namespace) -> bool:
        """Whether it is among those that the command line names."""
        ids = options.id
        fields = self.fields
        return (
            (not ids or ids == ["all"] or any(self.id.startswith(it) for it in ids))
            and options.location in (None, fields.get("location_id"))
            and options.event in (None, *map(fields.get, ("event_id", "call_id", "key")))
        )


def _name(text: str) -> str:
    return text if text.replace("_", "").isalpha() and len(text) <= _LONGEST else "?"


def _masked(name: str, value: Any) -> str:
    if name in _OPEN and isinstance(value, (str, int, bool)):
        return str(value)[:_LONGEST]
    if name in _NUMBERS and isinstance(value, str):
        return phone_numbers.masked(value)
    return f"({len(str(value))} characters)"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a replay would do: it would be refused again for what is `against`, else be taken."""

    event: str | None  # As an entry's key or a call's id; None if it is none.
    against: str = ""
    because: str = ""

    @property
    def safe(self) -> bool:
        """Whether it may be replayed."""
        return not self.against

    @property
    def why(self) -> str:
        """In words."""
        return f"refused again: {self.against}" if self.against else f"safe: {self.because}"


def letters(site: Site, options: argparse.Namespace) -> int:
    """Lists letters, each with its verdict; with `--replay` or `--drop`, does so with them."""
    queues = [options.queue] if options.queue else [*urls(site)]
    with ExitStack() as holding:
        held = {queue: holding.enter_context(_held(site, queue)) for queue in queues}
        chosen = [letter for found in held.values() for letter in found if letter.is_of(options)]
        judged = [(letter, _judged(site, letter)) for letter in chosen]
        if options.replay or options.drop:
            return _changed(site, options, judged, held)
    safe = sum(verdict.safe for _letter, verdict in judged)
    whole = f"{site.name}: {screen.counted(len(judged), 'dead letter')}"
    first = f"Safe to replay: {safe} of {len(judged)}"
    ways = f"{first}; `letters all --replay --do` takes these." if safe else f"{first}."
    if safe < len(judged):
        ways += " Of others, have a corrected event sent anew first, and delete the letter then."
    text = f"{whole}\n\n{_listed(judged, options)}\n\n{screen.wrapped(ways)}"
    none = f"{site.name}: no dead letters."
    screen.printed(options, text if judged else none, [_plain(*both) for both in judged])
    return 0


def _changed(
    site: Site,
    options: argparse.Namespace,
    judged: Sequence[tuple[Letter, Verdict]],
    held: dict[str, list[Letter]],
) -> int:
    """Replays what is safe, or deletes what is not; the others only if forced."""
    if not (options.id or options.location or options.event):
        raise NotChanged("say which: by ID, --location, --event, or `all`")
    if not judged:
        raise NotChanged("there is no such letter" if options.id != ["all"] else "there is none")
    going = [
        letter
        for letter, verdict in judged
        if verdict.safe is options.replay or (options.force and letter.queue in site.queues)
    ]
    verb = "replayed" if options.replay else "deleted for good"
    other = "they would come back" if options.replay else "it is safe to --replay"
    against = "" if going else f"{other} (add --force to do it nevertheless)"
    whole = f"{len(going)} of {screen.counted(len(judged), 'letter')} would be {verb}."
    plain = {"letters": [_plain(*both) for both in judged], "chosen": [it.id for it in going]}

    def do() -> str:
        for letter in going:
            url, dead_url = urls(site)[letter.queue]
            if options.replay:
                site.sqs.send_message(QueueUrl=url, MessageBody=letter.body)
            site.sqs.delete_message(QueueUrl=dead_url, ReceiptHandle=letter.handle)
            held[letter.queue].remove(letter)
        return f"{screen.counted(len(going), 'letter')} {verb}."

    text = _listed(judged, None) + f"\n\n{whole}" * (bool(going) and not options.do)
    return screen.proposed(options, text, plain, do, against=against)


def length(site: Site, url: str) -> tuple[int, int]:
    """About how many messages wait on a queue, and how many are being worked on.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
    """
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = site.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    waiting, at_work = (int(found[name]) for name in names)
    return waiting, at_work


def of_location(site: Site, location_id: int) -> list[Letter]:
    """All that name a location."""
    found: list[Letter] = []
    for queue, (_url, dead_url) in urls(site).items():
        if any(length(site, dead_url)):
            with _held(site, queue) as held:
                found += [it for it in held if it.fields.get("location_id") == location_id]
    return found


def urls(site: Site) -> dict[str, tuple[str, str]]:
    """Each queue and that of its letters; changes come by a stream, and none goes back there."""
    events = site.outputs.get("EventsDeadLettersUrl")
    return {**site.queues, **({_EVENTS: ("", events)} if events else {})}


def peeked(site: Site, queue: str) -> list[Letter]:
    """Some letters, at once: for whom a handful is enough."""
    with _held(site, queue, most=_AT_ONCE) as found:
        return [*found]


def _judged(site: Site, letter: Letter) -> Verdict:
    if letter.queue == _EVENTS:
        again = "docs/events.md has how the last day is told once more"
        return Verdict(letter.about, again)
    if letter.queue == "calls":
        return judge_call(letter.body, site.connections.get)
    return judge(letter.body, site.ledger.get)


def judge_call(body: str, known: Callable[[int], Connection | None]) -> Verdict:
    """What would come of a message on the calls queue; whatever of it was taken, is not doubled."""
    try:
        event = call_event.read(body)
    except call_event.BadEvent as error:
        return Verdict(None, f"invalid: {error}")
    if isinstance(event, call_event.Ringing):
        return Verdict(event.call_id, "only the door takes it")
    if not isinstance(event, call_event.Finished):
        return Verdict(event.type, because="a wake-up of our own")
    if event.location_id is None:
        by_line = "by its line, however often it is told"
        against = "" if event.account_id else "it names neither a location nor an account"
        return Verdict(event.call_id, against, by_line)
    connection = known(event.location_id)
    owner = connection.account_id if connection else None
    is_its = owner is not None and event.account_id in ("", owner)
    against = "" if is_its else f"location {event.location_id} is not of this account"
    return Verdict(event.call_id, against, "one entry, however often it is told")


def judge(body: str, known: Callable[[str], Entry | None]) -> Verdict:
    """What would come of a message on the billing queue, by the ledger as `known` reads it."""
    try:
        event = billing_event.read(body)
    except billing_event.BadEvent as error:
        return Verdict(None, f"invalid: {error}")
    if isinstance(event, billing_event.WakeUp):
        return Verdict(event.key, because="a wake-up, void unless it is the latest")
    entry = event.entry(clock.now())
    before = known(entry.key)
    if before is None:
        paid = known(entry.payment_key) if entry.is_refund else None
        unlike = payment.refund_unlike(entry, paid) if entry.is_refund else ""
        against = f"invalid: {unlike}" if unlike else ""
        return Verdict(entry.key, against, "not known yet, taken as any new event")
    if before.digest == entry.digest:
        return Verdict(entry.key, because=f"known with the same facts ({before.state}), no effect")
    return Verdict(entry.key, f"contradicts what was received ({_difference(before, entry)})")


def _difference(before: Entry, entry: Entry) -> str:
    old, new = to_texts(before.facts), to_texts(entry.facts)
    pairs = [(name, old.get(name), new.get(name)) for name in old | new]
    # The location of a refund may have been found since.
    if None not in (before.location_id, entry.location_id):
        pairs.append(("location_id", str(before.location_id), str(entry.location_id)))
    told = [f"{name} was {was}, is {now}" for name, was, now in pairs if was != now]
    return ", ".join(told) or "location_id"


@contextmanager
def _held(site: Site, queue: str, most: int = 10_000) -> Iterator[list[Letter]]:
    """All letters, oldest first; what is left in the list is visible again at once."""
    _queue_url, dead_letters_url = urls(site)[queue]
    found: list[Letter] = []
    try:
        while len(found) < most and (
            messages := site.sqs.receive_message(
                QueueUrl=dead_letters_url,
                MaxNumberOfMessages=_AT_ONCE,
                VisibilityTimeout=_HOLD_S,
                WaitTimeSeconds=_WAIT_S,
                MessageAttributeNames=["reason"],
                MessageSystemAttributeNames=["SentTimestamp"],
            ).get("Messages")
        ):
            found += [_letter(queue, message) for message in messages]
        found.sort(key=lambda letter: letter.sent_at)
        yield found
    finally:
        for letter in found:
            # One that is not given back is visible anyway, within a minute.
            with suppress(ClientError):
                site.sqs.change_message_visibility(
                    QueueUrl=dead_letters_url, ReceiptHandle=letter.handle, VisibilityTimeout=0
                )


def _letter(queue: str, message: Any) -> Letter:
    attributes = message.get("MessageAttributes", {})
    reason = attributes.get("reason", {}).get("StringValue")
    return Letter(
        queue=queue,
        id=message["MessageId"],
        body=message["Body"],
        # SQS itself gives none.
        reason=reason or "could not be stored, again and again",
        sent_at=datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC),
        handle=message["ReceiptHandle"],
    )


def _listed(judged: Sequence[tuple[Letter, Verdict]], options: argparse.Namespace | None) -> str:
    """Each, and with `options` what to type for it."""
    return "\n\n".join(_told(*both, options) for both in judged)


def _told(letter: Letter, verdict: Verdict, options: argparse.Namespace | None) -> str:
    head = f"  {letter.id[:_SHORT]}  "
    old = screen.age(clock.now() - letter.sent_at)
    pairs = [
        ("reason", letter.reason),
        ("says", letter.shown),
        ("sha256", letter.receipt),
        ("replay", verdict.why),
    ]
    below = screen.facts(pairs, indent=" " * len(head))
    event = verdict.event or (letter.about if letter.fields else "no event")
    typed = f"\n{screen.to_type(_command(letter, verdict), options)}" if options else ""
    return f"{head}{letter.queue}, {event}, {old} old\n{below}{typed}"


def _command(letter: Letter, verdict: Verdict) -> str:
    return f"letters {letter.id[:_SHORT]} {'--replay' if verdict.safe else '--drop'} --do"


def _plain(letter: Letter, verdict: Verdict) -> dict[str, object]:
    return {
        "queue": letter.queue,
        "id": letter.id,
        "event": verdict.event,
        "location_id": letter.fields.get("location_id"),
        "sent_at": stamp(letter.sent_at),
        "reason": letter.reason,
        "says": letter.shown,
        "sha256": letter.receipt,
        "safe": verdict.safe,
        "verdict": verdict.why,
        "command": _command(letter, verdict),
    }
