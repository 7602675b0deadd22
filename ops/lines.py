"""The lines of an account: which location each is of, and for which of them calls wait."""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ops import screen
from ops.accounts import of_location
from ops.site import Site
from shared import clock
from shared.calls.line_entry import Entered
from shared.calls.lines import UNTOLD, BadEntry, Directory, imported
from shared.clock import stamp
from shared.connections.accounts import Account

_LONGEST = 1_000_000


class CannotBeRead(Exception):
    """Why a file or a line cannot be entered, as a sentence."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is entered, and what is removed."""

    entries: Mapping[str, int]
    gone: tuple[str, ...] = ()


def lines(site: Site, options: argparse.Namespace) -> int:
    """Shows the lines of a location's account, or what a change would be; makes it with `--do`."""
    account = of_location(site, options.location)
    if account is None:
        return 1
    try:
        change = _asked(site, account, options)
    except CannotBeRead as error:
        print(screen.wrapped(str(error)), file=sys.stderr)
        return 2
    if change is None:
        return _listed(site, account, options)
    head = f"The lines of the account of location {options.location} ({site.name})"
    print(f"{head}\n{_pairs(account, change)}\n")
    if not options.do:
        print(screen.NOT_YET)
        return 0
    if change.gone:
        entered = site.lines.remove(account.account_id, change.gone)
    else:
        entered = site.lines.enter(account.account_id, change.entries)
    if entered is not Entered.DONE:
        return screen.not_changed(str(entered))
    print("Done: calls that have waited for these lines go out." if change.entries else "Done.")
    return 0


def _asked(site: Site, account: Account, options: argparse.Namespace) -> Change | None:
    """The change that is asked for; None if the lines are only to be shown.

    Raises:
        CannotBeRead: it is none.
    """
    if options.file is not None:
        return Change(_of_file(options.file, site.lines.country(account)))
    written = options.remove if options.enter is None else options.enter
    if written is None:
        return None
    key = site.lines.key_of(account, written)
    if not key:
        raise CannotBeRead("That is no line.")
    return Change({}, (key,)) if options.enter is None else Change({key: options.location})


def _of_file(file: Path, country: str) -> dict[str, int]:
    try:
        with file.open("rb") as opened:
            content = opened.read(_LONGEST + 1)
        if len(content) > _LONGEST:
            # A part of it would be entered as the whole, and its last row as another.
            raise CannotBeRead(f"{file}: longer than {_LONGEST} bytes.")
        return imported(content.decode("utf-8-sig"), country)
    except OSError as error:
        raise CannotBeRead(f"{error.filename}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CannotBeRead(f"{file}: not UTF-8.") from None
    except BadEntry as error:
        raise CannotBeRead(f"{file}: {error}.") from None


def _pairs(account: Account, change: Change) -> str:
    pairs = [("account", account.account_id), ("name", account.name)]
    for key, location_id in change.entries.items():
        before = account.lines.get(key)
        was = f"{before or 'nobody has entered it'} -> " if before != location_id else ""
        pairs.append((key, f"{was}{location_id}{'' if was else ', as before'}"))
    pairs += [(key, f"{account.lines.get(key, 'not entered')} -> removed") for key in change.gone]
    return screen.facts(pairs)


def _listed(site: Site, account: Account, options: argparse.Namespace) -> int:
    found = site.lines.of(account)
    if options.json:
        print(json.dumps(_json(account, found), ensure_ascii=False, indent=2))
        return 0
    pairs = [("account", account.account_id), ("name", account.name)]
    parts = [
        f"The lines of the account of location {options.location} ({site.name})",
        screen.facts(pairs),
    ]
    now = clock.now()
    rows = [
        ("unknown", f"{screen.counted(it.calls, 'call')}, last {_ago(now - it.last_at)}", it.key)
        for it in found.unknown
    ]
    dead = "dead: it has left the account"
    rows += [(str(it.location_id), dead if it.is_dead else "-", it.key) for it in found.entries]
    if rows:
        parts.append("\n" + screen.table(("LOCATION", "WAITING", "LINE"), rows))
    else:
        parts.append("\nNo line is entered, and no call waits for one.")
    if found.unknown:
        parts.append(
            "\nSay whose line it is: lines LOCATION --enter LINE --do. What waits goes out then."
        )
    if any(it.key == UNTOLD for it in found.unknown):
        parts.append(
            f"Of the calls of {UNTOLD!r} the PBX told none: their location needs a number as well."
        )
    print("\n".join(parts))
    return 0


def _ago(span: timedelta) -> str:
    return f"{screen.age(span)} ago"


def _json(account: Account, found: Directory) -> dict[str, object]:
    return {
        "account_id": account.account_id,
        "lines": [
            {"line": it.key, "location_id": it.location_id, "dead": it.is_dead}
            for it in found.entries
        ],
        "unknown": [
            {"line": it.key, "calls": it.calls, "last_at": stamp(it.last_at)}
            for it in found.unknown
        ],
    }
