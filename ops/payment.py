"""Payments and refunds: those that are not settled, one of them, and the ways out for a person.

Each way shows the entry and what the platform's list says of it, then what it would do. The change
is written only over the row that was shown.
"""

import argparse
import getpass
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ops import evidence, refunds, screen, trouble
from ops.evidence import Evidence, Word
from ops.rows import entries_in
from ops.screen import NotChanged
from ops.site import Site
from ops.trouble import UNFINISHED
from shared import clock
from shared.aws.dynamodb import StaleWrite
from shared.clock import stamp
from shared.payments import entry as rules
from shared.payments.entry import Entry, EntryState
from shared.payments.facts import to_texts
from shared.payments.ledger import IdTaken
from shared.states import NoSuchChange

# Surely not taken, whatever the list says or does not say.
_NEVER_TAKEN = (EntryState.PENDING, EntryState.HELD, EntryState.REJECTED)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would be written, why that is safe, and what speaks against it unless forced."""

    after: Entry
    safe: str = ""
    against: str = ""


def payment(site: Site, options: argparse.Namespace) -> int:
    """Lists entries, shows one, or does with one what a person decided."""
    if options.key is None:
        return _listed(site, options)
    for name, change in _WAYS.items():
        if getattr(options, name):
            return change(site, options)
    entry = evidence.entry_of(site, options.key)
    if options.if_refunded:
        pairs = refunds.foretold(site, entry)
        paid = entry.payment_key if entry.is_refund else entry.key
        text = f"If {paid} is given back ({site.name})\n{screen.facts(pairs)}"
        screen.printed(options, text, {"key": entry.key, **dict(pairs)})
        return 0
    found = evidence.gathered(site, entry)
    text = evidence.shown(site, entry, found)
    words, command = _next(entry, found, live=_is_live(site, entry, found))
    if command:
        text = f"{text}\n\n{screen.wrapped(words)}\n{screen.to_type(command, options)}"
    said = {"word": found.word, "why": found.why, "ids": list(found.mine)}
    screen.printed(options, text, {**_plain(entry), "platform": said, "next": command})
    return 0


def _listed(site: Site, options: argparse.Namespace) -> int:
    """What is not settled, or all of a state; 1 if one of them needs a person."""
    states = [EntryState(options.state)] if options.state else UNFINISHED
    found, unread = [], []
    for state in states:
        entries, _more, unreadable = entries_in(site, state, None)
        found += entries
        unread += unreadable
    now = clock.now()
    heads = ("ENTRY", "STATE", "LOCATION", "AGE", "DUE", "SUM", "WHY")
    text = f"{site.name}: nothing is {' or '.join(states)}."
    if found:
        table = screen.table(heads, [_row(entry, now) for entry in found])
        text = f"{site.name}: {screen.counted(len(found), 'entry', 'entries')}\n\n{table}"
    for error in unread:
        print(screen.wrapped(f"{error.key}: {error}; `status` says more."), file=sys.stderr)
    screen.printed(options, text, [_plain(entry) for entry in found])
    return int(
        bool(unread)
        or any(it.state in (EntryState.NEEDS_HUMAN, EntryState.REJECTED) for it in found)
    )


def _row(entry: Entry, now: datetime) -> tuple[str, ...]:
    return (
        entry.key,
        entry.state,
        str(entry.location_id or "-"),
        screen.age(now - entry.received_at),
        screen.due(entry.due_at, now),
        screen.amount(entry),
        entry.why or "-",
    )


def _plain(entry: Entry) -> dict[str, object]:
    times = {"received_at": entry.received_at, "due_at": entry.due_at}
    return {
        "key": entry.key,
        "state": entry.state,
        "cause": trouble.cause(entry.why),
        "why": entry.why,
        "location_id": entry.location_id,
        "attempt": entry.attempt,
        "platform_id": entry.platform_id,
        "facts": to_texts(entry.facts),
        **{name: at and stamp(at) for name, at in times.items()},
    }


def _next(entry: Entry, found: Evidence, *, live: bool) -> tuple[str, str]:
    """What comes next for an entry that is not settled, and what to type; empty if nothing."""
    key = f"payment {screen.quoted(entry.key)}"
    close = "Or correct it in billing, and give it up with --close REASON."
    match entry.state:
        case EntryState.NEEDS_HUMAN if found.word is Word.TAKEN and found.mine:
            return "The platform took it.", f"{key} --adopt {found.mine[0]} --do"
        case EntryState.NEEDS_HUMAN if found.word is Word.NOT_TAKEN or not entry.attempt:
            return f"The platform did not take it. {close}", f"{key} --send --do"
        case EntryState.NEEDS_HUMAN:
            return "If this does not help, look in Altegio.", f"{key} --look --do"
        case EntryState.REJECTED:
            return f"When the cause is gone, send it again. {close}", f"{key} --send --do"
        case EntryState.HELD if live:
            due = screen.due(entry.due_at, clock.now())
            return f"It goes out by itself, {due} at the latest; or now:", f"{key} --send --do"
        case EntryState.UNKNOWN if not live:
            words = "Nothing is listed while the location is not connected. If Altegio says that it"
            words += " took it, --adopt ID --force. If not, and the customer has left for good,"
            return f"{words} give it up.", f"{key} --close REASON --do"
        case EntryState.HELD:
            left = "If the customer has left, cancel it in billing and give it up."
            words = f"It goes out when the location is connected. {left}"
            return words, f"{key} --close REASON --do"
        case _:
            return "", ""


def _is_live(site: Site, entry: Entry, found: Evidence) -> bool:
    connection = site.connections.get(entry.location_id or 0)
    return connection is not None and connection.live and found.why != evidence.NOT_LISTED


def _look(site: Site, options: argparse.Namespace) -> int:
    """NEEDS_HUMAN becomes UNKNOWN: reconcile looks it up within the minute."""

    def propose(entry: Entry, _found: Evidence) -> Proposal:
        if entry.state is EntryState.UNKNOWN:
            raise NotChanged(f"it is looked up by itself, {screen.due(entry.due_at, clock.now())}")
        if entry.state is EntryState.NEEDS_HUMAN and entry.attempt == 0:
            raise NotChanged("it was never sent, so there is nothing to look for: send or close it")
        return Proposal(rules.looked_for_again(entry, _by("looked up", entry), clock.now()))

    return _change(site, options, propose)


def _adopt(site: Site, options: argparse.Namespace) -> int:
    """SENT, with the platform's id that the operator found."""
    platform_id: int = options.adopt

    def propose(entry: Entry, found: Evidence) -> Proposal:
        if entry.is_refund:
            paid = site.ledger.given_back(entry)
            if paid is None or paid.platform_id != platform_id:
                raise NotChanged(f"{platform_id} is not the id of {entry.payment_key}")
        elif (owner := site.ledger.owner(platform_id)) not in (None, entry.key):
            raise NotChanged(f"{platform_id} belongs to {owner}")
        after = rules.adopted(entry, platform_id, _by("adopted", entry), clock.now())
        if platform_id in found.mine:
            return Proposal(after)
        if entry.is_refund or not found.listed:
            return Proposal(after, against=found.why)
        if platform_id not in found.listed:
            return Proposal(after, against=f"{platform_id} is not on the list")
        return Proposal(after, against=f"{platform_id} does not read back as this entry")

    return _change(site, options, propose)


def _send(site: Site, options: argparse.Namespace) -> int:
    """PENDING again, due now: reconcile sends it within the minute."""

    def propose(entry: Entry, found: Evidence) -> Proposal:
        after = rules.reopened(entry, _by("sent again", entry), clock.now())
        if found.word is Word.TAKEN:
            return Proposal(
                after, against=f"it could be taken twice: {found.why}; adopt it instead"
            )
        mark = site.marks.get()
        # After a restore, our rows do not tell.
        known = mark is None or not mark.doubts(entry, site.settings.ledger)
        never = known and (entry.state in _NEVER_TAKEN or entry.attempt == 0)
        if found.word is Word.NOT_TAKEN or never:
            surely = f"what is {entry.state} was surely not taken"
            safe = (surely if entry.attempt else "it was never sent") if never else found.why
            return Proposal(after, safe=safe)
        return Proposal(after, against=f"it could be taken twice: {found.why}")

    return _change(site, options, propose)


def _close(site: Site, options: argparse.Namespace) -> int:
    """CLOSED: given up for good, with a reason."""

    def propose(entry: Entry, found: Evidence) -> Proposal:
        why = _by("closed", entry, options.close)
        if entry.state is EntryState.UNKNOWN and _is_live(site, entry, found):
            raise NotChanged(_standing(entry))
        after = rules.closed(entry, why, clock.now())
        if found.word is Word.TAKEN:
            return Proposal(after, against=f"the platform took it: {found.why}; adopt it instead")
        return Proposal(after)

    return _change(site, options, propose)


def _change(
    site: Site, options: argparse.Namespace, propose: Callable[[Entry, Evidence], Proposal]
) -> int:
    entry = evidence.entry_of(site, options.key)
    found = evidence.gathered(site, entry)
    text, plain, against = evidence.shown(site, entry, found), _plain(entry), ""
    try:
        proposal = propose(entry, found)
    except NoSuchChange:
        proposal, against = Proposal(entry), _standing(entry)
    except NotChanged as error:
        proposal, against = Proposal(entry), str(error)
    if proposal.against and not options.force:
        against = f"{proposal.against} (add --force to do it nevertheless)"
    after = proposal.after
    id_ = f" with id {after.platform_id}" if after.platform_id is not None else ""
    pairs = [
        ("change", f"{entry.state} -> {after.state}{id_}"),
        ("why", after.why),
        ("in spite of", proposal.against),
        ("safe", proposal.safe),
    ]

    def do() -> str:
        try:
            write = site.ledger.finish if after.state is EntryState.SENT else site.ledger.move
            write(entry, after)
        except StaleWrite:
            raise NotChanged("the entry has changed since it was shown") from None
        except IdTaken:
            raise NotChanged("another entry has got that id since it was shown") from None
        return "Done."

    if not against:
        pairs = [(name, it) for name, it in pairs if it]
        text, plain = f"{text}\n\n{screen.facts(pairs)}", {**plain, **dict(pairs)}
    return screen.proposed(options, text, plain, do, against=against)


_WAYS = {"look": _look, "adopt": _adopt, "send": _send, "close": _close}


def _standing(entry: Entry) -> str:
    """Why the entry is nobody's business now."""
    due = screen.due(entry.due_at, clock.now())
    match entry.state:
        case EntryState.SENT:
            return f"it is SENT, with id {entry.platform_id}"
        case EntryState.SENDING:
            return f"it is being sent; if nobody comes back, it is UNKNOWN {due}"
        case EntryState.UNKNOWN:
            return f"it may have been taken; it is looked up by itself, {due}"
        case _:
            return f"it is {entry.state}"


def _by(what: str, entry: Entry, reason: str = "") -> str:
    before = f"was {entry.state}{f': {entry.why}' if entry.why else ''}"
    return "; ".join(filter(None, (f"{what} by {getpass.getuser()}", reason, before)))
