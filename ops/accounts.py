"""An account: whose it is, its locations and its PBX's key; and what a person changes of it."""

import argparse
import getpass
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext, redirect_stdout
from datetime import timedelta
from functools import partial
from itertools import chain
from typing import TextIO

from ops import country as countries_of
from ops import names, pbx, rows, screen, trouble, waiting
from ops.screen import NotChanged, Wrong
from ops.site import Site, side_by_side
from ops.trouble import LATELY, Trouble
from shared import clock, countries
from shared.aws.sightings import KEY_REFUSED, KEY_REPLACED, MAIL_NOT_SENT, MAIL_SENT, POP_UP
from shared.calls.call import Call
from shared.calls.hearing import read_anew
from shared.connect.portal import BadAccount, checked
from shared.connections import pbx_key
from shared.connections.accounts import Account
from shared.connections.connection import Connection

_MOST = 20  # Of its locations, so many are looked at.
_NOTED_EVERY = timedelta(minutes=1)


def account(site: Site, options: argparse.Namespace) -> int:
    """Shows an account; with `--do`, makes the change that is asked for."""
    found = named(site, options.account)
    own = rows.of_account(site, found.account_id)
    pairs = facts(site, found, own)
    plain = {**dict(pairs), "locations": [it.location_id for it in own]}
    change = _change(site, options, found, own)
    if change is None:
        here = f"account {found.account_id}"
        known = [*site.as_far(_of_locations(site, found, own))]
        troubles = trouble.worst_first([*known, *rows.of_unreadable(site)])
        listed = [
            (names.place(it.location_id, it), it.state, it.telephony, it.verdict)
            for it in own[:_MOST]
        ]
        parts = [
            f"Account ({site.name})\n",
            *(f"{it}\n" for it in names.told(site, troubles, clock.now(), options, here)),
            screen.facts(pairs),
            *screen.below(("LOCATION", "STATE", "TELEPHONY", "WHY"), listed),
        ]
        plain["troubles"] = [it.plain() for it in troubles]
        screen.printed(options, "\n".join(parts), plain)
        return int(trouble.grade(troubles))
    name, what, against, do, then = change
    text = f"Account ({site.name})\n{screen.facts([*{**dict(pairs), name: what}.items()])}"
    told: dict[str, object] = {**plain, name: what}
    # A new key alone is on the standard output, so that it can be piped to where it belongs.
    with redirect_stdout(sys.stderr) if options.new_key and not options.json else nullcontext():
        return screen.proposed(options, text, told, lambda: do(told), against=against, then=then)


def facts(site: Site, found: Account, own: Iterable[Connection]) -> list[tuple[str, str]]:
    """Whose it is, and what it has."""
    # Whoever registers may write any address; to prove it, he needs the letter that goes there.
    proven = site.accounts.of_email(found.email)
    is_proven = proven is not None and proven.account_id == found.account_id
    return [
        ("account", found.account_id),
        ("name", found.name),
        ("e-mail", f"{found.email}, {'proven' if is_proven else 'not proven'}"),
        ("country", countries.named(found.country)),
        ("portal", found.portal_account_id or "-"),
        ("locations", ", ".join(str(it.location_id) for it in own if it.live) or "none"),
        ("PBX key", key_of(site, found, [it.location_id for it in own])),
    ]


def named(site: Site, name: str) -> Account:
    """The account of an id, here or in the portal, or of a location; raises `Wrong` if none."""
    found = site.accounts.of_id(name) or site.accounts.of_portal(name)
    if found is None and name.isascii() and name.isdigit() and len(name) <= screen.ID_LENGTH:
        found = site.accounts.of_id(site.connections.owner(int(name)) or "")
    if found is None:
        raise Wrong(f"no account, and no location of one, has the id {name}")
    return found


def key_of(site: Site, found: Account, ids: Iterable[int]) -> str:
    """How old its PBX's key is, who made it, and until when the ones before are good."""
    if not found.pbx_key_digest:
        return "the account has none yet"
    now = clock.now()
    made = screen.due(clock.instant(found.pbx_key_at), now) if found.pbx_key_at else "long ago"
    for line in chain.from_iterable(side_by_side(site.journal.of_location, [*ids][:_MOST])):
        if line.words.startswith(pbx_key.NEW) and clock.stamp(line.at) == found.pbx_key_at:
            made += f" by {line.words.rpartition(', by ')[2]}"
            break
    untils = [clock.instant(it) for it in found.replaced_pbx_keys.values()]
    ends = max((it for it in untils if it > now), default=None)
    before = f"the one before is good until {screen.moment(ends)}" if ends else "no other is good"
    return f"made {made}; {before}"


def of_key(site: Site, account_id: str) -> Iterator[Trouble]:
    """Whether its PBX has the key that it should have; until one that is good is heard again."""
    now, last = clock.now(), site.sightings.last
    whom = command = f"account {account_id}"
    refused, replaced = last(KEY_REFUSED, account_id), last(KEY_REPLACED, account_id)
    seen = [it.at for it in (refused, replaced) if it and it.at > now - LATELY]
    if not seen:
        return
    ids = [it.location_id for it in rows.of_account(site, account_id) if it.live]
    heard = [it.heard_at for each in ids[:_MOST] for it in site.calls.latest(each, 1)]
    for whose in (*ids[:_MOST], account_id):
        heard += filter(None, [site.sightings.last_counted(POP_UP, str(whose))])
    heard_at, found = max([*heard, now - LATELY]), site.accounts.of_id(account_id)
    made = key_of(site, found, ids) if found and found.pbx_key_digest else ""
    if ids:
        whom += f" of {trouble.places(ids)}"
    if refused and refused.at >= heard_at:
        yield pbx.of_key(refused, whom, command, made, now)
    # A call with the one that was replaced is heard as well, and noted once a minute.
    is_good = replaced and clock.instant(replaced.why) > now
    if replaced and is_good and replaced.at + _NOTED_EVERY >= heard_at:
        yield pbx.of_key(replaced, whom, command, made, now)


def of_mail(site: Site, account_id: str) -> Iterator[Trouble]:
    """An e-mail that its owner waits for in vain, such as one with a code."""
    seen, sent = (site.sightings.last(it, account_id) for it in (MAIL_NOT_SENT, MAIL_SENT))
    is_over = seen and sent and sent.at >= seen.at
    if seen and seen.at > clock.now() - LATELY and not is_over:
        what = f"an e-mail to its owner was not sent {screen.due(seen.at, clock.now())}, as Amazon"
        what += f" SES did not take it: {seen.why.rstrip('.')}. Whoever has the AWS account looks"
        what += " whether MailFrom or its domain is verified in this region, and whether SES is out"
        what += " of its sandbox. Then the owner asks for another"
        yield Trouble(what, f"account {account_id}", "grep MailFrom docs/deploy.md", seen.at)


def of_account(
    site: Site, account: Account, ids: Iterable[int], calls: Iterable[Call] = ()
) -> Iterator[Trouble]:
    """Its key, its owner's e-mails, and the calls that wait for a line of its locations."""
    if not account.pbx_key_digest:
        what = "has no PBX key, so no PBX can report a call or ask for a pop-up"
        whom = f"account {account.account_id}"
        yield Trouble(what, whom, f"{whom} --new-key")
    yield from of_key(site, account.account_id)
    yield from of_mail(site, account.account_id)
    yield from waiting.told(site, site.calls.waiting(account.account_id), account, *ids)
    yield from waiting.elsewhere(site, account, calls)


def _of_locations(site: Site, account: Account, own: Sequence[Connection]) -> Iterator[Trouble]:
    for it in own[:_MOST]:
        yield from rows.refused(site, site.calls.latest(it.location_id, _MOST), it.location_id)
    yield from of_account(site, account, [it.location_id for it in own])
    yield from rows.dropped(site, [str(it.location_id) for it in own[:_MOST]], clock.now())


type _Change = tuple[str, str, str, Callable[[dict[str, object]], str], Sequence[str]]
"""Of which fact, what it is, what is against it, what does it and adds to what is told, and which
commands come next."""


def _change(
    site: Site, options: argparse.Namespace, found: Account, own: Sequence[Connection]
) -> _Change | None:
    if options.new_key:
        ends = "at once" if options.void else f"after {screen.age(pbx_key.GRACE)}"
        void = f", and the old one stops working {ends}" if found.pbx_key_digest else ""
        do = partial(_new_key, site, found, sys.stdout, options)
        return "PBX key", f"a new one for all its locations{void}", "", do, ()
    if options.country:
        if options.country not in countries.CODES:
            raise Wrong(f"{options.country!r} is no country: give its two letters of ISO 3166.")
        change, account_id = f"{found.country or '-'} -> {options.country}", found.account_id
        what = f"{countries.named(found.country)} -> {countries.named(options.country)}"
        refused = {
            it.location_id: calls
            for it in own[:_MOST]
            if (calls := trouble.refused(site.calls.latest(it.location_id, _MOST)))
        }
        what += ", of all locations of the account"
        latest = chain.from_iterable(site.calls.latest(it.location_id, _MOST) for it in own[:_MOST])
        what += _readable_in(options.country, [*latest])
        words = f"country {change}, by {getpass.getuser()}"
        lines = site.connections.noted(account_id, words, clock.now())
        chosen = partial(site.accounts.set_country, account_id, options.country, lines)
        left = ", but calls that Altegio refused before are sent again only if you say so:"
        then = [f"location {it} --send-refused" for it in refused]
        return "country", what, "", lambda _told: _done(chosen(), left * bool(then)), then
    return _handing_over(site, options.hand_over, found) if options.hand_over is not None else None


def _readable_in(country: str, calls: Sequence[Call]) -> str:
    """How many have numbers there, of those that were refused, and that have no caller's number."""
    refused, told = trouble.refused(calls), ""
    if refused:
        good = sum(trouble.numbers(country, [read_anew(it, country)])[1] for it in refused)
        told = f"; of {screen.counted(len(refused), 'call')} that Altegio refused, the numbers of"
        told += f" {good} can exist there"
    if unread := countries_of.unread(it for it in calls if it not in refused):
        good = len(unread) - len(countries_of.unread(unread, country))
        told += f"; of {screen.counted(len(unread), 'call')} whose caller's number could not be"
        told += f" read, those of {good} can exist there"
    return told


def _handing_over(site: Site, name: str, found: Account) -> _Change:
    try:
        customer = checked(name)
    except BadAccount:
        form = "1 to 64 of these characters: A-Z a-z 0-9 _ . @ -"
        raise Wrong(f"An account id of a portal has {form}") from None
    other, against = site.accounts.of_portal(customer), ""
    if found.portal_account_id:
        against = "the account is one of the portal's already"
    elif other is not None:
        against = f"{customer} has the account {other.account_id} already"
    what = f"{found.portal_account_id or 'nobody'} -> {customer}"
    given = partial(site.accounts.hand_over, found, customer, clock.now())
    return "portal", what, against, lambda _told: _done(given()), ()


def _new_key(
    site: Site, found: Account, out: TextIO, options: argparse.Namespace, told: dict[str, object]
) -> str:
    made, now, voids = pbx_key.made(found.account_id), clock.now(), bool(options.void)
    words = pbx_key.noted(getpass.getuser(), voids=voids)
    lines = site.connections.noted(found.account_id, words, now)
    _done(site.accounts.give_key(found, pbx_key.digest(made), now, lines, voids=voids))
    if options.json:
        told["new key"] = made
    else:
        print(made, file=out)
    return "Done. The new key is shown only this once."


def _done(made: bool, left: str = "") -> str:  # noqa: FBT001 - what the table has answered
    if not made:
        raise NotChanged("the account was changed or erased a moment ago")
    return f"Done{left or '.'}"
