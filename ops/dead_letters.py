"""The dead letters of billing or of calls: why each is there, and what would come of a replay.

A letter stays until its copy is in the queue that it came from. Whoever looks holds the letters
for a moment, and gives them back at once.
"""

import argparse
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ops import screen
from ops.site import Site
from shared import clock
from shared.calls import event as call_event
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
_INVITES = "Use `replay ID` for one, or `replay all`."
_CORRECT = "Send a corrected event anew, then `letters --drop ID`."


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter; `handle` is good for as long as it is held."""

    id: str
    body: str
    reason: str
    sent_at: datetime
    handle: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a replay would do.

    Attributes:
        event: What it is of, as an entry's key or a call's id; None if it is no event.
        safe: Whether it would be taken, or change nothing.
        why: In words.
    """

    event: str | None
    safe: bool
    why: str


def letters(site: Site, options: argparse.Namespace) -> int:
    """Lists all letters, each with its verdict; with `--drop`, deletes one of them."""
    if options.drop is not None:
        return _dropped(site, options)
    with _held(site, options.queue) as found:
        judged = [(letter, _judged(site, options.queue, letter)) for letter in found]
    if options.json:
        print(json.dumps([_plain(*both) for both in judged], indent=2))
    elif not judged:
        print(f"{site.name}: no dead letters.")
    else:
        print(f"{site.name}: {screen.counted(len(judged), 'dead letter')}\n")
        print(_listed(judged))
        safe = sum(verdict.safe for _letter, verdict in judged)
        print(f"\nSafe to replay: {safe} of {len(judged)}. {_INVITES if safe else _CORRECT}")
    return 0


def _dropped(site: Site, options: argparse.Namespace) -> int:
    """Deletes one letter for good; what a replay would take, only if forced."""
    _queue_url, dead_letters_url = site.queues[options.queue]
    with _held(site, options.queue) as found:
        chosen = [it for it in found if it.id.startswith(options.drop)]
        if len(chosen) != 1:
            how_many = "several letters begin" if chosen else "no letter begins"
            print(f"Nothing was deleted: {how_many} with {options.drop}.")
            return 1
        [letter] = chosen
        verdict = _judged(site, options.queue, letter)
        print(_listed([(letter, verdict)]))
        # Its beginning, as a whole one looks like a signature, which no output may have.
        digest = hashlib.sha256(letter.body.encode()).hexdigest()[:_DIGEST]
        print(f"\n  sha256 of its body: {digest}…\n")
        if verdict.safe and not options.force:
            print("Nothing was deleted: it is safe to `replay`. Add --force to delete it anyway.")
            return 1
        if not options.do:
            print("Nothing was deleted yet. Add --do to delete it for good.")
            return 0
        site.sqs.delete_message(QueueUrl=dead_letters_url, ReceiptHandle=letter.handle)
        found.remove(letter)
        print("Deleted: 1 letter.")
    return 0


def replay(site: Site, options: argparse.Namespace) -> int:
    """Puts one letter, or all, back on its queue; only what is safe, unless forced."""
    queue_url, dead_letters_url = site.queues[options.queue]
    with _held(site, options.queue) as found:
        chosen = [it for it in found if options.id == "all" or it.id.startswith(options.id)]
        if not chosen or (options.id != "all" and len(chosen) > 1):
            how_many = "several letters begin" if chosen else "no letter begins"
            print(f"Nothing was replayed: {how_many} with {options.id}.")
            return 1
        judged = [(letter, _judged(site, options.queue, letter)) for letter in chosen]
        print(_listed(judged), end="\n\n")
        going = [letter for letter, verdict in judged if verdict.safe or options.force]
        if not going:
            print("Nothing was replayed: they would come back. Add --force to replay them anyway.")
            return 1
        if not options.do:
            whole = f"{len(going)} of {screen.counted(len(judged), 'letter')}"
            print(f"Nothing was replayed yet. Add --do to replay {whole}.")
            return 0
        for letter in going:
            site.sqs.send_message(QueueUrl=queue_url, MessageBody=letter.body)
            site.sqs.delete_message(QueueUrl=dead_letters_url, ReceiptHandle=letter.handle)
            found.remove(letter)
        print(f"Replayed: {screen.counted(len(going), 'letter')}.")
    return 0


def _judged(site: Site, queue: str, letter: Letter) -> Verdict:
    if queue == "calls":
        return judge_call(letter.body, site.connections.get)
    return judge(letter.body, site.ledger.get)


def judge_call(body: str, known: Callable[[int], Connection | None]) -> Verdict:
    """What would come of a message on the calls queue; whatever of it was taken, is not doubled."""
    try:
        event = call_event.read(body)
    except call_event.BadEvent as error:
        return Verdict(None, safe=False, why=f"refused again: invalid: {error}")
    if isinstance(event, call_event.Ringing):
        return Verdict(event.call_id, safe=False, why="refused again: only the door takes it")
    if not isinstance(event, call_event.Finished):
        return Verdict(event.type, safe=True, why="safe: a wake-up of our own")
    if event.location_id is None:
        if not event.account_id:
            why = "refused again: it names neither a location nor an account"
            return Verdict(event.call_id, safe=False, why=why)
        return Verdict(event.call_id, safe=True, why="safe: by its line, however often it is told")
    connection = known(event.location_id)
    owner = connection.account_id if connection else None
    if owner is None or event.account_id not in ("", owner):
        why = f"refused again: location {event.location_id} is not of this account"
        return Verdict(event.call_id, safe=False, why=why)
    return Verdict(event.call_id, safe=True, why="safe: one entry, however often it is told")


def judge(body: str, known: Callable[[str], Entry | None]) -> Verdict:
    """What would come of a message on the billing queue, by the ledger as `known` reads it."""
    try:
        event = billing_event.read(body)
    except billing_event.BadEvent as error:
        return Verdict(None, safe=False, why=f"refused again: invalid: {error}")
    if isinstance(event, billing_event.WakeUp):
        return Verdict(event.key, safe=True, why="safe: a wake-up, void unless it is the latest")
    entry = event.entry(clock.now())
    before = known(entry.key)
    if before is None and entry.is_refund:
        unlike = payment.refund_unlike(entry, known(entry.payment_key))
        if unlike:
            return Verdict(entry.key, safe=False, why=f"refused again: invalid: {unlike}")
    if before is None:
        return Verdict(entry.key, safe=True, why="safe: not known yet, taken as any new event")
    if before.digest == entry.digest:
        why = f"safe: known with the same facts ({before.state}), no effect"
        return Verdict(entry.key, safe=True, why=why)
    why = f"refused again: contradicts what was received ({_difference(before, entry)})"
    return Verdict(entry.key, safe=False, why=why)


def _difference(before: Entry, entry: Entry) -> str:
    old, new = to_texts(before.facts), to_texts(entry.facts)
    pairs = [(name, old.get(name), new.get(name)) for name in old | new]
    # The location of a refund may have been found since.
    if None not in (before.location_id, entry.location_id):
        pairs.append(("location_id", str(before.location_id), str(entry.location_id)))
    told = [f"{name} was {was}, is {now}" for name, was, now in pairs if was != now]
    return ", ".join(told) or "location_id"


@contextmanager
def _held(site: Site, queue: str) -> Iterator[list[Letter]]:
    """All letters, oldest first; what is left in the list is visible again at once."""
    _queue_url, dead_letters_url = site.queues[queue]
    found: list[Letter] = []
    try:
        while messages := site.sqs.receive_message(
            QueueUrl=dead_letters_url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=_HOLD_S,
            WaitTimeSeconds=_WAIT_S,
            MessageAttributeNames=["reason"],
            MessageSystemAttributeNames=["SentTimestamp"],
        ).get("Messages"):
            found += map(_letter, messages)
        found.sort(key=lambda letter: letter.sent_at)
        yield found
    finally:
        for letter in found:
            # One that was held too long is visible anyway.
            with suppress(site.sqs.exceptions.MessageNotInflight):
                site.sqs.change_message_visibility(
                    QueueUrl=dead_letters_url, ReceiptHandle=letter.handle, VisibilityTimeout=0
                )


def _letter(message: Any) -> Letter:
    attributes = message.get("MessageAttributes", {})
    reason = attributes.get("reason", {}).get("StringValue")
    return Letter(
        id=message["MessageId"],
        body=message["Body"],
        # SQS itself gives none.
        reason=reason or "could not be stored, again and again",
        sent_at=datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC),
        handle=message["ReceiptHandle"],
    )


def _listed(judged: Sequence[tuple[Letter, Verdict]]) -> str:
    return "\n\n".join(map(_told, *zip(*judged, strict=True)))


def _told(letter: Letter, verdict: Verdict) -> str:
    head = f"  {letter.id[:_SHORT]}  "
    old = screen.age(clock.now() - letter.sent_at)
    pairs = [("reason", letter.reason), ("replay", verdict.why)]
    below = screen.facts(pairs, indent=" " * len(head))
    return f"{head}{verdict.event or 'no event'}, {old} old\n{below}"


def _plain(letter: Letter, verdict: Verdict) -> dict[str, object]:
    return {
        "id": letter.id,
        "event": verdict.event,
        "sent_at": stamp(letter.sent_at),
        "reason": letter.reason,
        "safe": verdict.safe,
        "verdict": verdict.why,
    }
