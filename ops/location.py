"""Everything about one location on one screen: what is wrong, how it stands, what happened."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from ops import (
    accounts,
    cover,
    dead_letters,
    history,
    legs,
    names,
    pbx,
    rows,
    screen,
    telephony,
    trouble,
    unlisted,
)
from ops import call as calls_shown
from ops.history import Standing
from ops.platform import platform
from ops.screen import NotChanged
from ops.site import Site
from ops.trouble import LATELY, Grade, Trouble
from shared import clock, countries
from shared.altegio.status import Installed, Status
from shared.aws import sightings
from shared.calls import call as rules_of
from shared.calls import call_backs, missed, phone_numbers
from shared.calls.call import Call
from shared.calls.hearing import read_anew
from shared.calls.shown import PopUp
from shared.connections.connection import Connection, Hint, State
from shared.connections.crm_token import CrmTokenState
from shared.payments import coverage
from shared.payments.entry import EntryState

_SHOWN = 10
_LINES = 20
_SETTLED = timedelta(minutes=5)


class Known:
    """All that is read of one location; `said` is what the platform does not tell."""

    def __init__(self, site: Site, location_id: int) -> None:
        since = clock.now() - timedelta(days=site.calls_settings.call_days)
        self.location_id = location_id
        # What cannot be read hides nothing else, and be it the row of the location.
        self.connection = site.one(site.connections.get, location_id)
        self.is_unread = bool(site.unreadable)
        connection = self.connection
        account_id = connection.account_id if connection else site.connections.owner(location_id)
        self.account_id, chain_key = account_id, connection.chain_key if connection else None
        self.account = site.one(site.accounts.of_id, account_id) if account_id else None
        self.own = site.connections.of_account(account_id) if account_id else set[int]()
        # What is dead, as its location has left the account, is no line of it.
        lines = self.account.lines.items() if self.account else ()
        self.lines = {key: it for key, it in lines if it in {*self.own, location_id}}
        self.chain = site.one(site.chains.get, chain_key) if chain_key else None
        self.status, self.said = _asked(site, location_id)
        closed = connection is None or connection.state is State.DISABLED
        # Closed or unknown here, and it goes on in Altegio.
        self.is_shut = closed and not self.is_unread and bool(self.status and self.status.live)
        self.journal = site.one(site.journal.of_location, location_id) or []
        entries = site.readable(site.ledger.get, site.ledger.of_location(location_id))
        self.entries = sorted(entries, key=lambda it: it.received_at)
        calls = site.as_far(site.calls.of_location(location_id, since))
        self.calls = sorted(calls, key=missed.began, reverse=True)
        self.letters = dead_letters.of_location(site, location_id)


def location(site: Site, options: argparse.Namespace) -> int:
    """Shows a location, or changes what is known of its telephony."""
    if options.resume or options.trust:
        return telephony.changed(site, options)
    if options.send_refused or options.drop_refused:
        return _refused_changed(site, options)
    now, location_id = clock.now(), options.location
    known = Known(site, location_id)
    owned = site.looking.owned(known.entries, known.status.payments if known.status else ())
    told, zone = (known.journal, known.entries, known.status), site.platform.zone
    events = history.events(*told, owned=owned, now=now, zone=zone)
    stands = history.standing(known.connection, known.journal, known.status)
    if known.is_unread:
        stands = replace(stands, here="unreadable", agree=None)
    troubles, facts = [*site.as_far(_troubles(site, known, now))], [*_facts(site, known, now)]
    troubles += [*rows.of_unreadable(site), *_apart(site, known, stands, now)]
    troubles = trouble.worst_first(troubles)
    left = 0 if options.all else max(0, len(events) - _LINES)
    lines = [("…", "", f"{screen.counted(left, 'line')} before, with --all")] * bool(left)
    lines += [(screen.moment(it.at) if it.at else "-", it.source, it.what) for it in events[left:]]
    calls = [*known.calls[:_SHOWN], *trouble.refused(known.calls[_SHOWN:])][: 2 * _SHOWN]
    parts = [
        f"Location {location_id} ({site.name})\n",
        *(f"{it}\n" for it in names.told(site, troubles, now, options, f"location {location_id}")),
        screen.facts(facts) if facts else "Never connected here.",
        *screen.below(calls_shown.HEADS, [calls_shown.row(each) for each in calls]),
        *([f"  {calls_shown.UNREAD}"] * any(it.leg and it.leg.is_unread for it in calls)),
        *screen.below(("AT", "SOURCE", "WHAT"), lines),
        *([] if events else ["\nNothing is known of it."]),
        *(["\n" + screen.wrapped(known.said)] if known.said else []),
        "\n" + screen.wrapped(_standing(stands)),
    ]
    plain = {
        "location_id": location_id,
        "troubles": [it.plain() for it in troubles],
        "facts": dict(facts),
        "calls": [calls_shown.plain(each) for each in calls],
        "lines": [
            {"at": it.at and clock.stamp(it.at), "source": it.source.strip("()"), "what": it.what}
            for it in events
        ],
        "here": stands.here,
        "there": stands.there,
        "agree": stands.agree,
        "since": stands.since and clock.stamp(stands.since),
        "missing": known.said,
    }
    screen.printed(options, "\n".join(parts), plain)
    return int(trouble.grade(troubles))


def _asked(site: Site, location_id: int) -> tuple[Status | None, str]:
    """The platform's word, and what of it is missing."""
    status = site.told(location_id)
    if isinstance(status, str):
        said = f"{status[0].upper()}{status[1:].rstrip('.')}"
        return None, f"{said}. This is what we know ourselves."
    if status.installed is Installed.NO and not status.log:
        return status, "Not installed there now, so the platform shows neither log nor payments."
    return status, ""


def _apart(site: Site, known: Known, stands: Standing, now: datetime) -> Iterator[Trouble]:
    """It stands in another way there than here, and has for long enough."""
    connection, status, location_id = known.connection, known.status, known.location_id
    if status is None or (connection is not None and connection.hint is Hint.GONE):
        # It was seen to be gone, as `of_leaving` tells.
        return
    # Our page writes its row first; and `payment` leads here for what waits for that.
    is_due = connection is None or any(it.state is EntryState.HELD for it in known.entries)
    is_due = (known.is_shut and is_due) or stands.since is None or now - stands.since > _SETTLED
    if known.is_shut and is_due:
        yield trouble.of_shut(location_id, connection, status, now, site.settings.lifecycle)
    elif stands.agree is False and is_due:
        what = f"is {stands.here or 'unknown'} here, but {stands.there} in Altegio"
        command = "census --new"
        if stands.there == Installed.NO:
            what += ". If the customer has left, have billing stop, too: nothing here bills"
        if stands.there == Installed.PENDING and not (connection and connection.live):
            what = "waits in Altegio for its owner to connect it here, and he has not done so, or"
            what += " could not: `status` tells what the doors refuse. Have him open his link again"
            command = "status"
        yield Trouble(what, f"location {location_id}", command, stands.since)


def _troubles(site: Site, known: Known, now: datetime) -> Iterator[Trouble]:
    if known.status is None:
        # What concerns all locations may be what its owner complains of.
        of_all = [it for it in platform(site, now) if isinstance(it, Trouble)]
        yield from of_all or [Trouble(known.said, "platform", "status", grade=Grade.BROKEN)]
    yield from (it for it in rows.failing(site, now) if not it.until)
    is_strange = known.connection is None and not known.is_unread and not known.is_shut
    strangers = {known.location_id} if is_strange else ()
    # What it waits for if it is shut here only, `_apart` tells.
    own = () if known.is_shut else filter(None, [known.connection])
    yield from trouble.of_money(known.entries, now, own, strangers)
    for letter in known.letters:
        what, command = f"is a dead letter: {letter.reason}", f"letters {letter.id[:8]}"
        yield Trouble(what, letter.about, command, letter.sent_at)
    if known.connection is not None:
        yield from _of_connection(site, known, known.connection, now)
    if known.connection is not None or known.is_unread:
        yield from _of_pbx(site, known, now)


def _of_connection(
    site: Site, known: Known, connection: Connection, now: datetime
) -> Iterator[Trouble]:
    """What its row tells."""
    work = coverage.work(connection, known.entries, now)
    near = work and coverage.is_near(work, now, site.settings.cover)
    if work and (near or connection.state is State.FROZEN):
        yield from cover.of_cover(work, now)
    yield from cover.of_dark(connection, known.entries, now)
    yield from cover.of_twice(known.entries, now)
    if not known.is_shut:
        yield from trouble.of_connection(connection, known.chain, known.entries, now)
    if trouble.ahead_until(connection, now):
        is_right = rows.clock_is_right(site, connection)
        by = site.platform.ahead(now)
        yield from trouble.of_clock(connection, now, by, is_right=is_right)
    if known.chain is not None:
        yield from trouble.of_chain(known.chain)
    if connection.telephony is CrmTokenState.STOPPED:
        yield from telephony.of_stopped(site, connection.chain_key, [connection])
    yield from rows.of_list(site, known.calls if connection.live else (), now)
    yield from unlisted.of_location(site, connection, known.chain)
    yield from legs.of_location(connection, known.calls, now)


def _of_pbx(site: Site, known: Known, now: datetime) -> Iterator[Trouble]:
    """What its telephone system does, or should."""
    if known.account is not None:
        own_first = dict.fromkeys((known.location_id, *sorted(known.own)))
        yield from accounts.of_account(site, known.account, own_first, known.calls)
    whose = str(known.location_id)
    others = site.sightings.lately(sightings.OTHER_LOCATION, LATELY)
    yield from (pbx.of_other_location(it) for it in others if it.why == whose)
    yield from rows.of_pbx(site, now, whose)
    is_live = known.connection is not None and known.connection.live
    if known.account is not None and is_live and not known.calls:
        yield from pbx.of_no_line(known.lines, known.location_id)
    yield from rows.dropped(site, [*filter(None, (whose, known.account_id))], now)
    yield from rows.refused(site, known.calls, known.location_id)


def _facts(site: Site, known: Known, now: datetime) -> Iterator[tuple[str, str]]:
    connection, account = known.connection, known.account
    if connection is None and not known.is_unread:
        return
    if connection is not None and connection.name:
        yield "name", connection.name
    yield "here", connection.words if connection else "its row cannot be read"
    if connection is not None and connection.state is State.FROZEN:
        yield "frozen", f"since {_frozen_since(known)}"
    yield "account", f"{account.account_id}, {account.name}" if account else "-"
    if account is not None:
        yield "country", countries.named(account.country)
    yield from _money(known, now)
    if connection is not None:
        yield from telephony.facts(site, connection, known.chain, known.calls)
    states = screen.tally(call.state for call in known.calls)
    yield "calls", f"{states or 'none'}, in {site.calls_settings.call_days} days"
    whose = str(known.location_id)
    yield from _missed([it for it in known.calls if it.account_id == known.account_id], now)
    yield "pop-ups", rows.pop_ups(site, now, whose)
    heard = [call.heard_at for call in known.calls]
    heard += filter(None, [site.sightings.last_counted(sightings.POP_UP, whose)])
    yield "PBX heard", screen.due(max(heard), now) if heard else "not yet, or long ago"
    if known.lines:
        yield "lines", pbx.lines_of(known.lines, known.location_id)
    # Written before Altegio is told, so that no call pops up twice: `dropped` has what it refused.
    popped = [call.popped_at for call in known.calls if call.popped_at]
    newest = site.sightings.told(sightings.POP_UP, whose)
    # Of one that only rang, there is no call.
    popped += [newest.at] if newest and newest.why == PopUp.SENT else []
    last = f"sent {screen.due(max(popped), now)}" if popped else "none of a call that is kept"
    yield "last pop-up", last
    dropped = site.sightings.last(sightings.POP_UP_DROPPED, whose)
    if dropped:
        yield "dropped", f"{screen.due(dropped.at, now)}: {pbx.in_a_sentence(dropped.why)}"
    if account is not None:
        yield "PBX key", accounts.key_of(site, account, sorted(known.own))
    told = [line for line in known.journal if line.words.endswith(" webhook")]
    last = f"{told[-1].words}, {screen.due(told[-1].at, now)}" if told else "none yet"
    yield "webhook", f"of Altegio's: {last}"


def _money(known: Known, now: datetime) -> Iterator[tuple[str, str]]:
    work = coverage.work(known.connection, known.entries, now) if known.connection else None
    if work is not None:
        until = screen.moment(work.covered_until)
        yield "covered", f"until {until}, {screen.due(work.covered_until, now)}"
    states = screen.tally(entry.state for entry in known.entries)
    letters = [it for it in known.letters if it.queue == "billing"]
    beside = f"; beside {screen.counted(len(letters), 'dead letter')}" * bool(letters)
    yield "money", f"{states or 'nothing was stored'}{beside}"


def _missed(calls: Sequence[Call], now: datetime) -> Iterator[tuple[str, str]]:
    callers = missed.missed(calls, now)
    if callers.open or callers.ended:
        left = callers.open
        whom = [f"{phone_numbers.masked(it.phone)} {screen.due(it.last, now)}" for it in left]
        yield "missed", "; ".join([f"{len(whom)} not called back", *whom[:3]])
        yield "called back", call_backs.of_all(callers, now).words


def _frozen_since(known: Known) -> str:
    """By the platform's log if it tells, else by our own journal."""
    log = known.status.log if known.status else ()
    if log and log[-1].after == Installed.FREEZED:
        return screen.moment(log[-1].at)
    since = None
    for line in (it for it in known.journal if it.state):
        since = (since or line.at) if line.state == State.FROZEN else None
    return f"{screen.moment(since)}, by our journal" if since else "when is not known"


def _standing(stands: Standing) -> str:
    here = stands.here or "never connected"
    if stands.agree is None:
        return f"Now: {here} here."
    both = "they agree" if stands.agree else "they disagree"
    now = f"Now: {here} here, {stands.there} there; {both}"
    if stands.since is not None and stands.since <= clock.now():
        ago = screen.due(stands.since, clock.now())
        return f"{now}, since {screen.moment(stands.since)}, {ago}."
    return f"{now}, since when is not known." if stands.here else f"{now}."


def _refused_changed(site: Site, options: argparse.Namespace) -> int:
    """Calls that the platform refused: sent again as they are read by now, or given up."""
    now = clock.now()
    since = now - timedelta(days=site.calls_settings.call_days)
    refused = trouble.refused(site.calls.of_location(options.location, since))
    if not refused:
        raise NotChanged("no call of the location stands as refused")
    head = f"Location {options.location} ({site.name})"
    if options.drop_refused:
        return calls_shown.dropped(site, options, head, refused)
    account = accounts.named(site, str(options.location))
    country = site.lines.country(account)
    read = [read_anew(it, country, account.account_id) for it in refused]
    pairs = [
        ("refused", trouble.causes(it.why for it in refused)),
        ("send again", screen.counted(len(read), "call")),
        ("numbers", trouble.numbers(country, read)[0]),
    ]
    again = [rules_of.sent_again(it, now) for it in read]
    do = partial(calls_shown.changed, site, again, "will be sent again")
    return screen.change(options, head, pairs, do)
