"""Calls of an account that wait for a line, and whose that line is by our own rows."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import timedelta

from ops import pbx, screen, trouble
from ops.site import Site
from ops.trouble import Trouble
from shared import clock
from shared.calls.call import Call
from shared.calls.lines import is_number
from shared.calls.table import Waiting
from shared.connections.accounts import Account

_MOST = 200  # So many calls that wait are looked through.


def told(
    site: Site, waiting: Sequence[Waiting], account: Account | None, *ids: int
) -> Iterator[Trouble]:
    """Of calls that wait in an account, with the ids of its locations."""
    sold = sold_lines(site, account, {it.line_key for it in waiting}) if account else {}
    if account is not None:
        for key, (location_id, owner) in sold.items():
            calls = [it for it in waiting if it.line_key == key]
            yield pbx.of_sold(calls, account, location_id, owner, ids)
    yield from pbx.of_lines([it for it in waiting if it.line_key not in sold], account, *ids)


def sold_lines(
    site: Site, account: Account, keys: Collection[str]
) -> dict[str, tuple[int, Account]]:
    """The lines that are entered for a location that another account has now, and which has it."""
    entered = {key: account.lines[key] for key in sorted(keys) if key in account.lines}
    found = dict[int, Account]()
    for location_id in {*entered.values()}:
        owner = site.connections.owner(location_id)
        its = site.one(site.accounts.of_id, owner) if owner else None
        if its is not None and its.account_id != account.account_id:
            found[location_id] = its
    return {key: (it, found[it]) for key, it in entered.items() if it in found}


def elsewhere(site: Site, account: Account, calls: Iterable[Call] = ()) -> Iterator[Trouble]:
    """Calls of an account's own lines that wait at another's, as a PBX of it has that key."""
    own = {it for it in (*account.lines, *(it.leg.line for it in calls if it.leg)) if is_number(it)}
    soon, whom = clock.now() + timedelta(days=1), f"account {account.account_id}"
    found = site.calls.waiting_elsewhere(account.account_id, own, soon, _MOST)
    for other, keys in found.items():
        its = site.one(site.accounts.of_id, other)
        named = f" ({its.name})" if its else ""
        what = f"{screen.counted(len(keys), 'call')} of its line {trouble.some({*keys})} came with"
        what += f" the key of account {other}{named}. Give the PBX the key of {whom}, then give up"
        what += " what waits there"
        yield Trouble(what, whom, f"account {other}")
