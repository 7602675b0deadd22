"""The lines of an account: which location each is of, and for which of them calls wait."""

import argparse
import getpass
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ops import accounts, names, pbx, screen, stored, trouble, waiting
from ops import call as calls_shown
from ops import rows as rows_read
from ops.site import Site
from shared import clock
from shared.aws.sightings import LINE_GIVEN_UP
from shared.calls.line_entry import Entered
from shared.calls.lines import UNTOLD, BadEntry, imported, is_number
from shared.connections.accounts import Account

_LONGEST = 1_000_000
_UNTIL = "Until then its calls come here, and wait; after that it may post its records again, and"
_UNTIL += " they are saved there."

type Change = tuple[Mapping[str, int], tuple[str, ...]]
"""What is entered, and what is removed."""


def lines(site: Site, options: argparse.Namespace) -> int:
    """Shows the lines of a location's account, or what a change would be; makes it with `--do`."""
    account = accounts.named(site, str(options.location))
    head = f"The lines of the account of location {options.location} ({site.name})"
    if options.drop is not None:
        return _dropped(site, account, head, options)
    change = _asked(site, account, options)
    if change is None:
        return _listed(site, account, head, options)

    entries, gone = change
    is_file = options.file is not None
    moved = {was for it, to in entries.items() if (was := account.lines.get(it, to)) != to}
    stay = f"Calls that {trouble.places(sorted(moved))} had of it before stay in the history there,"
    stay += " in Altegio; nothing here moves them."

    def do() -> str:
        account_id, by = account.account_id, getpass.getuser() + ", from a file" * is_file
        if gone:
            entered = site.lines.remove(account_id, gone, by)
        else:
            entered = site.lines.enter(account_id, entries, by)
        if entered is not Entered.DONE:
            raise screen.NotChanged(entered)
        done = "Done: calls that have waited for these lines go out." if entries else "Done."
        return f"{done} {stay}" if moved else done

    pairs = _pairs(account, entries, gone)
    going = sum(it.line_key in entries for it in site.calls.waiting(account.account_id))
    pairs += [("go out", screen.counted(going, "call"))] * bool(entries)
    pairs += [("stays", stay)] * bool(moved)
    for location_id, owner in waiting.sold_lines(site, account, entries).values():
        pairs.append(("beware", pbx.is_sold(location_id, owner)))
    for key, owner in _elsewhere(site, account, entries).items():
        pairs.append(("beware", f"{key} is entered for {_whose(key, owner)} as well"))
    return screen.change(options, head, pairs, do)


def _dropped(site: Site, account: Account, head: str, options: argparse.Namespace) -> int:
    """Gives up what waits for a line, as that of another's PBX which has this account's key."""
    key = site.lines.key_of(account, options.drop)
    # What waits may have been read in another country.
    keys = {options.drop, key}
    listed = site.calls.waiting(account.account_id)
    found = site.readable(site.calls.get, [it.key for it in listed if it.line_key in keys])
    calls = [it for it in found if it.line_key in keys]
    # Whose location has been sold, is not asked of the others.
    sold = waiting.sold_lines(site, account, keys)
    owners = {line: owner for line, (_id, owner) in sold.items()}
    line, owner = next(iter((owners or _elsewhere(site, account, keys)).items()), (key, None))
    pairs = [
        ("account", account.account_id),
        ("name", account.name),
        ("line", line),
        ("waits", screen.counted(len(calls), "call")),
        ("whose", pbx.is_sold(*sold[line]) if line in sold else _whose(line, owner)),
    ]
    first = "If another customer's PBX has told of these, first have it set to the key of that"
    first += f" customer's account. {_UNTIL}"
    if owner:
        first = _first(owner)
    parts = [head, screen.facts(pairs), "", screen.wrapped(first)]
    parts += [screen.to_type(f"account {it.account_id}", options) for it in (owner,) if it]
    ended = calls_shown.dropped(site, options, "\n".join(parts), calls)
    if options.do and not ended:
        site.sightings.note(LINE_GIVEN_UP, f"{account.account_id} {key}")
    return ended


def _asked(site: Site, account: Account, options: argparse.Namespace) -> Change | None:
    """The change that is asked for; None if the lines are only to be shown."""
    if options.file is not None:
        return _of_file(options.file, site.lines.country(account)), ()
    written = options.remove if options.enter is None else options.enter
    if written is None:
        return None
    key = site.lines.key_of(account, written)
    if not key:
        raise screen.Wrong("That is no line.")
    return ({}, (key,)) if options.enter is None else ({key: options.location}, ())


def _of_file(file: Path, country: str) -> dict[str, int]:
    try:
        with file.open("rb") as opened:
            content = opened.read(_LONGEST + 1)
        if len(content) > _LONGEST:
            # A part of it would be entered as the whole, and its last row as another.
            raise screen.Wrong(f"{file}: longer than {_LONGEST} bytes.")
        return imported(content.decode("utf-8-sig"), country)
    except UnicodeDecodeError:
        raise screen.Wrong(f"{file}: not UTF-8.") from None
    except BadEntry as error:
        raise screen.Wrong(f"{file}: {error}.") from None


def _pairs(
    account: Account, entries: Mapping[str, int], gone: Sequence[str]
) -> list[tuple[str, str]]:
    pairs = [("account", account.account_id), ("name", account.name)]
    for key, location_id in entries.items():
        before = account.lines.get(key)
        was = f"{before or 'nobody has entered it'} -> " if before != location_id else ""
        pairs.append((key, f"{was}{location_id}{'' if was else ', as before'}"))
    pairs += [(key, f"{account.lines.get(key, 'not entered')} -> removed") for key in gone]
    return pairs


def _listed(site: Site, account: Account, head: str, options: argparse.Namespace) -> int:
    found, now = site.lines.of(account), clock.now()
    facts = screen.facts([("account", account.account_id), ("name", account.name)])
    rows = []
    for it in found.unknown:
        first = f", first {screen.due(it.first_at, now)}" * (it.calls > 1)
        waits = f"{screen.counted(it.calls, 'call')}{first}, last {screen.due(it.last_at, now)}"
        rows.append(("unknown", waits, it.key))
    dead = "dead: it has left the account"
    known = rows_read.rows(site, [it.location_id for it in found.entries])
    of = {it.location_id: it for it in known}
    for line in found.entries:
        place = names.place(line.location_id, of.get(line.location_id))
        rows.append((place, dead if line.is_dead else "-", line.key))
    none = ["\nNo line is entered, and no call waits for one."]
    troubles = [*waiting.elsewhere(site, account)]
    told = [f"\n{each}\n" for each in names.told(site, troubles, now, options)]
    parts = [head, *told, facts, *(screen.below(("LOCATION", "WAITING", "LINE"), rows) or none)]
    unknown = [it.key for it in found.unknown]
    sold = waiting.sold_lines(site, account, unknown)
    others = _elsewhere(site, account, [it for it in unknown if it not in sold])
    elsewhere = {key: _whose(key, owner) for key, owner in others.items()}
    for key, (location_id, owner) in sold.items():
        whose = f"{key} is of location {location_id}: {pbx.is_sold(location_id, owner)}. It is no"
        whose += f" line of another location here. {_first(owner)} Then give up here what waits:"
        ways = (f"account {owner.account_id}", _drop(key, options))
        parts += ["", screen.wrapped(whose), *(screen.to_type(it, options) for it in ways)]
    asked = [it for it in unknown if it not in sold][:1]
    for key in asked:
        among = trouble.some(sorted(site.connections.of_account(account.account_id)))
        parts += _ways(key, among, elsewhere.get(key, ""), options)
    more = [f"{key} is entered for {it}." for key, it in elsewhere.items() if key not in asked]
    parts += map(screen.wrapped, more)
    if any(it.key == UNTOLD for it in found.unknown):
        parts.append(f"Of {UNTOLD!r} the PBX told none: their location needs a number as well.")
    plain = {"account_id": account.account_id, **found.plain, "entered": elsewhere}
    plain["troubles"] = [it.plain() for it in troubles]
    screen.printed(options, "\n".join(parts), plain)
    return int(trouble.grade(troubles))


def _elsewhere(site: Site, account: Account, lines: Iterable[str]) -> dict[str, Account]:
    """Which other account has entered each of these lines, as far as they are numbers."""
    found, keys = dict[str, Account](), {*filter(is_number, lines)}
    for item in stored.scanned(site, site.calls_settings.accounts_table) if keys else ():
        # As it is stored: a row that cannot be read hides no other.
        for line in keys & {*item.get("lines", {}).get("M", ())}:
            of = item["key"]["S"].removeprefix("account#")
            if of == account.account_id or not (it := site.one(site.accounts.of_id, of)):
                continue
            # What is dead there, as the location has left, is no claim to the line.
            if site.connections.owner(it.lines[line]) == of:
                found[line] = it
    return found


def _whose(line: str, owner: Account | None) -> str:
    if owner is None:
        return "no other account has entered it"
    return f"location {owner.lines[line]} of {owner.name} (account {owner.account_id})"


def _drop(line: str, options: argparse.Namespace) -> str:
    return f"lines {screen.valued(f'{options.location} --drop', line)}"


def _first(owner: Account) -> str:
    """What comes before what waits here is given up."""
    its = f"account {owner.account_id}"
    told = f"First have that PBX set to the key of {its} ({owner.name}); only if nobody has that"
    return f"{told} key any more, make another ({its} --new-key). {_UNTIL}"


def _ways(line: str, among: str, whose: str, options: argparse.Namespace) -> list[str]:
    """What to do about a line, the likelier first: whose else it is, if anybody's, tells."""
    enter = screen.to_type(f"lines {screen.valued('LOCATION --enter', line)}", options)
    drop = screen.to_type(_drop(line, options), options)
    ask = f"say of which location ({among}) it is, and what waits goes out:"
    give = "Give that PBX the key of that other customer's account, then give up here what waits:"
    if whose:
        is_there = f"{line} is entered for {whose}, whose PBX seems to have this account's key."
        told = (f"{is_there} {give}", f"Only if this customer has the line by now, {ask}")
    else:
        new = "No other account has entered it, so it" if is_number(line) else "It"
        other = "Only if this customer has no such line, another customer's PBX has this account's"
        told = (f"{new} is a new line, as a rule: ask the customer, {ask}", f"{other} key. {give}")
    first, otherwise = map(screen.wrapped, told)
    return ["", first, *((drop, otherwise, enter) if whose else (enter, otherwise, drop))]
