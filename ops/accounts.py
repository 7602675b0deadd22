"""The account that has a location: its PBX's key, its country, and whose it is in the portal."""

import argparse
import sys

from ops import screen
from ops.site import Site
from shared import clock, countries
from shared.connect.portal import BadAccount, checked
from shared.connections import pbx_key
from shared.connections.accounts import Account


def key(site: Site, options: argparse.Namespace) -> int:
    """Gives an account another PBX key; it alone is on the standard output."""
    account = of_location(site, options.location)
    if account is None:
        return 1
    has = (
        "the account has one, which stops working at once"
        if account.pbx_key_digest
        else "the account has none yet"
    )
    pairs = [
        ("account", account.account_id),
        ("name", account.name),
        ("key", has),
        ("change", "the account, with all its locations, gets a new key"),
    ]
    head = f"The PBX key of the account of location {options.location} ({site.name})"
    print(f"{head}\n{screen.facts(pairs)}\n", file=sys.stderr)
    if not options.do:
        print(screen.NOT_YET, file=sys.stderr)
        return 0
    made = pbx_key.made(account.account_id)
    if not site.accounts.give_key(account.account_id, pbx_key.digest(made), instead=True):
        print("Nothing was changed: the account was erased a moment ago.", file=sys.stderr)
        return 1
    print("Done. The new key is shown only this once:", file=sys.stderr)
    print(made)
    return 0


def country(site: Site, options: argparse.Namespace) -> int:
    """Says in which country an account's numbers are read that name none."""
    account = of_location(site, options.location)
    if account is None:
        return 1
    if options.country not in countries.CODES:
        print(
            f"{options.country!r} is no country: give its two letters of ISO 3166, such as DE.",
            file=sys.stderr,
        )
        return 2
    pairs = [
        ("account", account.account_id),
        ("name", account.name),
        ("change", f"country {_country(account.country)} -> {_country(options.country)}"),
    ]
    head = f"The country of the account of location {options.location} ({site.name})"
    print(f"{head}\n{screen.facts(pairs)}\n")
    if not options.do:
        print(screen.NOT_YET)
        return 0
    if not site.accounts.set_country(account.account_id, options.country):
        print("Nothing was changed: the account was erased a moment ago.")
        return 1
    print("Done: from the next call on, numbers that name no country are read as its numbers.")
    return 0


def hand_over(site: Site, options: argparse.Namespace) -> int:
    """Makes an account from before there was a portal one of a customer of the portal."""
    account = of_location(site, options.location)
    if account is None:
        return 1
    try:
        customer = checked(options.customer)
    except BadAccount:
        print(
            "An account id of a portal has 1 to 64 of these characters: A-Z a-z 0-9 _ . @ -",
            file=sys.stderr,
        )
        return 2
    locations = sorted(site.connections.of_account(account.account_id))
    pairs = [
        ("account", account.account_id),
        ("name", account.name),
        ("e-mail", account.email),
        ("locations", ", ".join(map(str, locations))),
        ("change", f"belongs to {account.portal_account_id or 'nobody'} -> {customer}"),
    ]
    head = f"The account of location {options.location} ({site.name})"
    print(f"{head}\n{screen.facts(pairs)}\n")
    if account.portal_account_id:
        print("Nothing was changed: the account is one of the portal's already.")
        return 1
    if (other := site.accounts.of_portal(customer)) is not None:
        print(f"Nothing was changed: {customer} has the account {other.account_id} already.")
        return 1
    if not options.do:
        print(screen.NOT_YET)
        return 0
    if not site.accounts.hand_over(account, customer, clock.now()):
        print("Nothing was changed: the account, or the customer's, has changed meanwhile.")
        return 1
    print("Done: the portal speaks for it from now on; its PBX key and its locations stay.")
    return 0


def _country(code: str) -> str:
    return f"{code} +{countries.CODES[code]}" if code in countries.CODES else "unknown"


def of_location(site: Site, location_id: int) -> Account | None:
    """The account that has a location; None, with a word to the operator, if none has it."""
    connection = site.connections.get(location_id)
    account_id = connection.account_id if connection else None
    account = site.accounts.of_id(account_id) if account_id else None
    if account is None:
        print(f"Location {location_id} belongs to no account here.", file=sys.stderr)
    return account
