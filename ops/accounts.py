"""An account: whose it is, its locations and its PBX's key; and what a person changes of it."""

import argparse
import sys
from collections.abc import Callable
from functools import partial

from ops import screen
from ops.site import Site
from shared import clock, countries
from shared.connect.portal import BadAccount, checked
from shared.connections import pbx_key
from shared.connections.accounts import Account


class Wrong(Exception):
    """What was asked for is no value of that kind; the message says what is."""


def account(site: Site, options: argparse.Namespace) -> int:
    """Shows an account; with `--do`, makes the change that is asked for."""
    found = named(site, options.account)
    if found is None:
        print(screen.wrapped(f"No account, and no location, has the id {options.account}."))
        return 1
    locations = sorted(site.connections.of_account(found.account_id))
    pairs = [
        ("account", found.account_id),
        ("name", found.name),
        ("e-mail", found.email),
        ("country", _country(found.country)),
        ("portal", found.portal_account_id or "-"),
        ("locations", ", ".join(map(str, locations)) or "none"),
        ("PBX key", "the account has one" if found.pbx_key_digest else "the account has none yet"),
    ]
    try:
        change = _change(site, options, found)
    except Wrong as error:
        print(error, file=sys.stderr)
        return 2
    # A new key alone is on the standard output.
    out = sys.stderr if options.new_key else sys.stdout
    if change is None:
        plain = {**dict(pairs), "locations": locations}
        screen.printed(options, f"Account ({site.name})\n{screen.facts(pairs)}", plain)
        return 0
    what, against, do = change
    print(f"Account ({site.name})\n{screen.facts([*pairs, ('change', what)])}\n", file=out)
    if against:
        print(f"Nothing was changed: {against}.", file=out)
        return 1
    if not options.do:
        print(screen.NOT_YET, file=out)
        return 0
    if not do():
        print("Nothing was changed: the account was changed or erased a moment ago.", file=out)
        return 1
    if out is sys.stdout:
        print("Done.")
    return 0


def named(site: Site, name: str) -> Account | None:
    """The account of an id, here or in the portal, or the one that a location belongs to."""
    found = site.accounts.of_id(name) or site.accounts.of_portal(name)
    if found is None and name.isascii() and name.isdigit() and len(name) <= screen.ID_LENGTH:
        found = _that_has(site, int(name))
    return found


def _that_has(site: Site, location_id: int) -> Account | None:
    connection = site.connections.get(location_id)
    return site.accounts.of_id(connection.account_id or "") if connection else None


type _Change = tuple[str, str, Callable[[], bool]]
"""What it is, what speaks against it, and what does it; False if somebody was faster."""


def _change(site: Site, options: argparse.Namespace, found: Account) -> _Change | None:
    account_id = found.account_id
    if options.new_key:
        void = ", and the old one stops working at once" if found.pbx_key_digest else ""
        return f"a new PBX key for all its locations{void}", "", partial(_new_key, site, account_id)
    if options.country:
        if options.country not in countries.CODES:
            raise Wrong(f"{options.country!r} is no country: give its two letters of ISO 3166.")
        what = f"country {_country(found.country)} -> {_country(options.country)}"
        return what, "", partial(site.accounts.set_country, account_id, options.country)
    if options.hand_over is None:
        return None
    try:
        customer = checked(options.hand_over)
    except BadAccount:
        form = "1 to 64 of these characters: A-Z a-z 0-9 _ . @ -"
        raise Wrong(f"An account id of a portal has {form}") from None
    other, against = site.accounts.of_portal(customer), ""
    if found.portal_account_id:
        against = "the account is one of the portal's already"
    elif other is not None:
        against = f"{customer} has the account {other.account_id} already"
    what = f"belongs to {found.portal_account_id or 'nobody'} -> {customer}"
    return what, against, partial(site.accounts.hand_over, found, customer, clock.now())


def _new_key(site: Site, account_id: str) -> bool:
    made = pbx_key.made(account_id)
    if not site.accounts.give_key(account_id, pbx_key.digest(made), instead=True):
        return False
    print("Done. The new key is shown only this once:", file=sys.stderr)
    print(made)
    return True


def of_location(site: Site, location_id: int) -> Account | None:
    """The account that has a location; None, with a word to the operator, if none has it."""
    found = _that_has(site, location_id)
    if found is None:
        print(f"Location {location_id} belongs to no account here.", file=sys.stderr)
    return found


def _country(code: str) -> str:
    return f"{code} +{countries.CODES[code]}" if code in countries.CODES else "unknown"
