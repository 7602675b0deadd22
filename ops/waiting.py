"""Calls of an account that wait for a line, and whose that line is by our own rows."""

from collections.abc import Collection, Iterator, Sequence

from ops import pbx
from ops.site import Site
from ops.trouble import Trouble
from shared.calls.table import Waiting
from shared.connections.accounts import Account


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
