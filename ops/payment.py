"""Payments and refunds: those that are not settled, one of them, and the ways out for a person.

A change is written only over the row that was shown.
"""

import argparse
import getpass
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from ops import cover, evidence, refunds, screen, trouble
from ops.evidence import Evidence, Word
from ops.rows import entries_in
from ops.screen import NotChanged
from ops.site import NOT_TOLD, Site
from ops.trouble import Grade
from shared import clock
from shared.payments import entry as rules
from shared.payments.entry import Entry, EntryState
from shared.payments.facts import to_texts
from shared.payments.ledger import IdTaken
from shared.states import NoSuchChange

_NOT_TAKEN = "The platform did not take it."
# Surely not taken, whatever the list says or does not say.
_NEVER_TAKEN = (EntryState.PENDING, EntryState.HELD, EntryState.REJECTED)


@dataclass(frozen=True, slots=True)
class Case:
    """One entry, what the platform's list says of it, and what the operator wants."""

    site: Site
    entry: Entry
    found: Evidence
    options: argparse.Namespace


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
    entry = evidence.entry_of(site, options.key)
    if options.if_refunded:
        pairs = refunds.foretold(site, entry)
        paid = entry.payment_key if entry.is_refund else entry.key
        text = f"If {paid} is given back ({site.name})\n{screen.facts(pairs)}"
        screen.printed(options, text, {"key": entry.key, **dict(pairs)})
        return 0
    found = evidence.gathered(site, entry)
    text, plain = evidence.shown(site, entry, found), _plain(entry)
    for name, way in _WAYS.items():
        if getattr(options, name):
            return _change(Case(site, entry, found, options), way, text, plain)
    words, command = (
        _braked(site, entry, found)
        or _unpaid(site, entry)
        or _of_hosted(entry, found)
        or _next(entry, found)
    )
    is_late = found.is_late and entry.state is EntryState.SENT
    if is_late:
        words = f"{cover.MEND_LATE}."
    typed = f"\n{screen.to_type(command, options)}" if command else ""
    text += f"\n\n{screen.wrapped(words)}{typed}" if words else ""
    said = {"word": found.word, "why": found.why, "ids": list(found.mine), "paid": found.doubled}
    screen.printed(options, text, {**plain, "platform": said, "says": words, "next": command})
    return int(trouble.grade(trouble.of_money([entry], clock.now())) or is_late)


def _listed(site: Site, options: argparse.Namespace) -> int:
    """What is not settled, or all of a state."""
    states = [EntryState(options.state)] if options.state else trouble.UNFINISHED
    found = [entry for state in states for entry in entries_in(site, state, None)[0]]
    now = clock.now()
    heads = ("ENTRY", "STATE", "LOCATION", "AGE", "DUE", "SUM", "WHY")
    none = f"nothing is {' or '.join(states)}."
    head = screen.counted(len(found), "entry", "entries") if found else none
    rows = [
        (
            *(it.key, it.state, str(it.location_id or "-"), screen.age(now - it.received_at)),
            *(screen.due(it.due_at, now), screen.amount(it), it.why or "-"),
        )
        for it in found
    ]
    table = screen.below(heads, rows)
    # Of the worst state, the oldest.
    next_ = [f"payment {screen.quoted(it.key)}" for it in found if it.state in trouble.UNFINISHED]
    typed = [f"\n{screen.to_type(it, options)}" for it in next_[:1]]
    text = "\n".join([f"{site.name}: {head}", *table, *typed])
    screen.printed(options, text, [_plain(entry) for entry in found])
    return int(Grade.BROKEN if site.unreadable else trouble.grade(trouble.of_money(found, now)))


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
        **{name: at and clock.stamp(at) for name, at in times.items()},
    }


def _braked(site: Site, entry: Entry, found: Evidence) -> tuple[str, str] | None:
    """What comes next for one that goes by itself, while the platform refuses us all."""
    why = site.pace.braked()[1].rstrip(".")
    waits = entry.state in (EntryState.PENDING, EntryState.SENDING, EntryState.UNKNOWN)
    if not waits or not found.why.startswith(NOT_TOLD) or not why.startswith(("401", "403", "406")):
        return None
    return f"Altegio refuses us ({why}). It goes on by itself once that is mended:", "status"


def _unpaid(site: Site, entry: Entry) -> tuple[str, str] | None:
    """The same of a refund whose payment never came; None of any other entry."""
    if (entry.state, entry.why) != (EntryState.PENDING, rules.NO_PAYMENT):
        return None
    asked = entry.received_at + timedelta(seconds=site.settings.ledger.refund_wait_s)
    words = f"Have billing send {entry.payment_key}, then both go out. Else it is NEEDS_HUMAN at"
    words += f" {screen.moment(asked)}. Only if it means another payment, have it send a refund of"
    words += " that, with an id of its own, and give this one up with --close REASON."
    return words, ""


def _of_hosted(entry: Entry, found: Evidence) -> tuple[str, str] | None:
    """The same of one that Altegio told of, and whose list did not show it for days; else None."""
    if not entry.is_hosted or entry.state is not EntryState.NEEDS_HUMAN:
        return None
    key, id_ = f"payment {screen.quoted(entry.key)}", entry.platform_id
    if id_ in found.listed:
        return "Altegio's list shows it by now.", f"{key} --adopt {id_}"
    words = "Its owner paid it on Altegio's own page, as Altegio told: it is not ours to send. Look"
    words += f" in Altegio. If it is there, --adopt {id_} --force; if not, give it up."
    return words, f"{key} --close REASON"


def _next(entry: Entry, found: Evidence) -> tuple[str, str]:
    """What comes next for an entry that is not settled, and what to type; empty if nothing."""
    key = f"payment {screen.quoted(entry.key)}"
    send, give_up = f"{key} --send", f"{key} --close REASON"
    close = "Or correct it in billing, and give it up with --close REASON."
    match entry.state:
        case EntryState.NEEDS_HUMAN if found.word is Word.TAKEN and found.mine:
            return "The platform took it.", f"{key} --adopt {found.mine[0]}"
        case EntryState.NEEDS_HUMAN if found.word is not Word.NOT_TAKEN and entry.attempt:
            return "If this does not help, look in Altegio.", f"{key} --look"
        case EntryState.UNKNOWN if not found.live:
            words = "Nothing is listed while the location is not connected. If Altegio says that it"
            words += " took it, --adopt ID --force. If not, and the customer has left for good,"
            return f"{words} give it up.", give_up
        case EntryState.HELD if not found.live:
            return _of_held(entry, found)
        case EntryState.NEEDS_HUMAN | EntryState.REJECTED | EntryState.HELD if found.doubled:
            words = "Its period is paid for. If the customer owes both, --send; if not, give it up."
            return words, give_up
        case EntryState.REJECTED if found.taken_in:
            words = f"What Altegio took of this location before was in {found.taken_in}. If that is"
            words += " its currency, have billing send it so, under a new event id, and give it up."
            return words, give_up
        case EntryState.NEEDS_HUMAN | EntryState.REJECTED:
            is_final = entry.state is EntryState.REJECTED
            words = "When the cause is gone, send it again." if is_final else _NOT_TAKEN
            return f"{words} {close}", send
        case EntryState.HELD:
            return f"It goes out by itself, {_due(entry)} at the latest; or now:", send
        case EntryState.UNKNOWN | EntryState.SENDING | EntryState.PENDING:
            then = "; if the list still says so, it is SENT then, under that id"
            then *= entry.state is EntryState.UNKNOWN and found.word is Word.TAKEN
            return f"Nothing is to be done now: {_standing(entry)}{then}.", ""
        case _:
            return "", ""


def _of_held(entry: Entry, found: Evidence) -> tuple[str, str]:
    """The same of one whose location is not connected: first what brings it out."""
    give_up = f"payment {screen.quoted(entry.key)} --close REASON"
    if found.connection is None and not found.there:
        words = f"No location {entry.location_id} was ever connected here. See with billing whether"
        words += " it names the right one. If not, have it send the payment of the right one under"
        words += " a new event id, and give this one up. If so, it goes out by itself once its"
        words += " owner presses Connect in Altegio."
        return words, give_up
    left = "Only if the customer has left for good, cancel it in billing, and give it up"
    if not found.there:
        how, do = trouble.gone(found.connection) if found.connection else ("", "")
        out = "It goes out by itself once its owner presses Connect in Altegio"
        if found.connection and trouble.unknown_there(found.connection):
            out = f"{do}. If it was merged, have billing send the payment of the one that there is"
            out += " now, under a new event id, and give this one up"
        return f"{how}. " * bool(how) + f"{out}. {left}.", give_up
    how = f"once the location is connected here again, as it is {found.there} there: its owner"
    how += f" has nothing to do, and this shows how. {left} with --close REASON."
    return f"It goes out by itself {how}", f"location {entry.location_id}"


def _look(case: Case) -> Proposal:
    """NEEDS_HUMAN becomes UNKNOWN: reconcile looks it up within the minute."""
    entry = case.entry
    if entry.state is EntryState.UNKNOWN:
        raise NotChanged(f"it is looked up by itself, {_due(entry)}")
    if entry.state is EntryState.NEEDS_HUMAN and entry.attempt == 0:
        ways = "adopt" if entry.is_hosted else "send"
        raise NotChanged(f"it was never sent, so there is nothing to look for: {ways} or close it")
    return Proposal(rules.looked_for_again(entry, _by("looked up", entry), clock.now()))


def _adopt(case: Case) -> Proposal:
    """SENT, with the platform's id that the operator found."""
    platform_id, entry, found = case.options.adopt, case.entry, case.found
    if entry.is_refund:
        paid = case.site.ledger.given_back(entry)
        if paid is None or paid.platform_id != platform_id:
            raise NotChanged(f"{platform_id} is not the id of {entry.payment_key}")
        giver = case.site.ledger.giver(entry.payment_key)
        if giver and giver.key != entry.key and giver.state is EntryState.SENT:
            raise NotChanged(f"{giver.key} has given {entry.payment_key} back")
    elif (owner := case.site.ledger.owner(platform_id)) not in (None, entry.key):
        raise NotChanged(f"{platform_id} belongs to {owner}")
    after = rules.adopted(entry, platform_id, _by("adopted", entry), clock.now())
    if platform_id in found.mine:
        return Proposal(after)
    if entry.is_refund or not found.listed:
        return Proposal(after, against=found.why)
    is_listed = platform_id in found.listed
    why = "does not read back as this entry" if is_listed else "is not on the list"
    return Proposal(after, against=f"{platform_id} {why}")


def _send(case: Case) -> Proposal:
    """PENDING again, due now: reconcile sends it within the minute."""
    entry, found = case.entry, case.found
    if entry.is_hosted:
        raise NotChanged("its owner paid it on Altegio's own page, so it is not ours to send")
    after = rules.reopened(entry, _by("sent again", entry), clock.now())
    twice = f"it could be taken twice: {found.why}"
    if found.word is Word.TAKEN:
        return Proposal(after, against=f"{twice}; adopt it instead")
    mark = case.site.marks.get()
    # After a restore, our rows do not tell.
    known = mark is None or not mark.doubts(entry, case.site.settings.ledger)
    if known and entry.attempt == 0:
        return Proposal(after, safe="it was never sent")
    if known and entry.state in _NEVER_TAKEN:
        return Proposal(after, safe=f"what is {entry.state} was surely not taken")
    if found.word is Word.NOT_TAKEN:
        return Proposal(after, safe=found.why)
    return Proposal(after, against=twice)


def _close(case: Case) -> Proposal:
    """CLOSED: given up for good, with a reason."""
    entry, found = case.entry, case.found
    if entry.state is EntryState.UNKNOWN and found.live:
        raise NotChanged(_standing(entry))
    after = rules.closed(entry, _by("closed", entry, case.options.close), clock.now())
    taken = f"the platform took it: {found.why}; adopt it instead"
    return Proposal(after, against=taken * (found.word is Word.TAKEN))


type _Way = Callable[[Case], Proposal]
_WAYS: dict[str, _Way] = {"look": _look, "adopt": _adopt, "send": _send, "close": _close}


def _change(case: Case, way: _Way, text: str, plain: dict[str, object]) -> int:
    entry, ledger, against = case.entry, case.site.ledger, ""
    proposal = Proposal(entry)
    try:
        proposal = way(case)
    except NoSuchChange:
        against = _standing(entry)
    except NotChanged as error:
        against = str(error)
    if proposal.against and not case.options.force:
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
            (ledger.finish if after.state is EntryState.SENT else ledger.move)(entry, after)
        except IdTaken:
            raise NotChanged("another entry has got that id since it was shown") from None
        return "Done."

    if not against:
        pairs = [(name, it) for name, it in pairs if it]
        text, plain = f"{text}\n\n{screen.facts(pairs)}", {**plain, **dict(pairs)}
    return screen.proposed(case.options, text, plain, do, against=against)


def _due(entry: Entry) -> str:
    """When it is next taken; what is overdue, by one of the next runs of reconcile."""
    told = screen.due(entry.due_at, clock.now())
    return told if told.startswith("in ") else "within some minutes"


def _standing(entry: Entry) -> str:
    """Why the entry is nobody's business now."""
    match entry.state:
        case EntryState.SENT:
            return f"it is SENT, with id {entry.platform_id}"
        case EntryState.SENDING:
            return f"it is being sent; if nobody comes back, it is UNKNOWN {_due(entry)}"
        case EntryState.PENDING:
            return f"it goes out by itself, {_due(entry)}"
        case EntryState.UNKNOWN:
            return f"it may have been taken; it is looked up by itself, {_due(entry)}"
        case _:
            return f"it is {entry.state}"


def _by(what: str, entry: Entry, reason: str = "") -> str:
    before = f"was {entry.state}{f': {entry.why}' if entry.why else ''}"
    return "; ".join(filter(None, (f"{what} by {getpass.getuser()}", reason, before)))
