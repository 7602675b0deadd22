"""A person's request: all that is stored of an account or a location, or that it be erased."""

import argparse
import getpass
import json
import re
from dataclasses import replace
from typing import Any

from ops import names, screen, stored
from ops.screen import NotChanged, Unfinished, Wrong
from ops.site import Site
from ops.stored import Person, Rows
from shared import clock
from shared.aws.dynamodb import StaleWrite
from shared.connections.connection import State
from shared.connections.erase import Erase

# The last is what a letter of missed callers is stopped with.
_CREDENTIALS = {"crm_token", "pbx_key_digest", "replaced_pbx_keys", "secret"}
# It finds a row, and tells a person nothing.
_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_WHY_KEPT = {
    "PaymentsTable": "accounting needs it; the location, sums and periods, no name",
    "JournalTable": "what was decided about the location; deleted after JournalDays",
    "ChainsTable": "the chain of the location, for as long as others are in it",
    "ConnectionsTable": "the location's id, states and generations, without account and token",
    "AccountsTable": "the account has other locations",
}
_GOES = {"ConnectionsTable": "account, chain and CRM token are erased, the rest is kept"}
_ELSEWHERE = {
    "queues": "calls on their way: 4 days, dead letters 14",
    "logs": "ids of account and location: LogRetentionDays",
    "backups": "erased rows: up to 35 days",
}


def person(site: Site, options: argparse.Namespace) -> int:
    """Exports what is stored of a person, or erases it, with `--do`."""
    if (options.account is None) == (options.location is None):
        raise Wrong("Name an account, or a location with --location.")
    if options.action == "erase" and not options.reason:
        raise Wrong("An erasure needs its --reason.")
    found = _found(site, options)
    return _export(site, found) if options.action == "export" else _erase(site, found, options)


def _found(site: Site, options: argparse.Namespace) -> Person:
    if options.location is not None:
        connection = site.connections.get(options.location)
        if connection is None:
            raise Wrong(f"location {options.location} was never connected here")
        return stored.of_location(site, connection)
    account = site.accounts.of_id(options.account) or site.accounts.of_portal(options.account)
    if account is None:
        raise Wrong(f"no account has the id {options.account}, here or in the portal")
    return stored.of_account(site, account)


def _export(site: Site, found: Person) -> int:
    account = {} if found.whole or found.account is None else {"its account": found.account_id}
    rows = {**stored.named(site, found), **stored.personal(site, found), **stored.kept(site, found)}
    receipt = {**_head(site, found, "exported"), **account, "exported": _counts(rows)}
    written = {"receipt": receipt, "elsewhere": _ELSEWHERE, "data": _shareable(rows)}
    print(json.dumps(written, ensure_ascii=False, indent=2))
    return 0


def _erase(site: Site, found: Person, options: argparse.Namespace) -> int:
    """What is on the standard output then is the receipt."""
    _check(found)
    rows = {**stored.named(site, found), **stored.personal(site, found)}
    if not options.do:
        kept = stored.kept(site, found)
        plain = {**_head(site, found, "to be erased"), "rows": _counts(rows), "kept": _kept(kept)}
        return screen.proposed(options, _shown(site, found, rows, kept), plain, str)
    try:
        receipt = _erased(site, found, rows, options.reason)
    except StaleWrite:
        raise Unfinished("a location has changed meanwhile. Ask again; that goes on") from None
    print(json.dumps(receipt, ensure_ascii=False, indent=2))
    return 0


def _check(found: Person) -> None:
    for it in found.connections:
        why = f"is {it.state}. Its owner disconnects it in Altegio first, or `uninstall` does"
        if it.state is State.DISABLED:
            why = "has yet to leave its chain, which reconcile sees to within minutes"
        if it.state is not State.DISABLED or it.chain_key is not None:
            raise NotChanged(f"location {it.location_id} {why}")


def _erased(site: Site, found: Person, rows: Rows, reason: str) -> dict[str, Any]:
    """Erases, what cannot be found again without the account first; returns the receipt."""
    why = f"erasure asked for by {getpass.getuser()}: {reason}"
    stored.delete(site, {name: rows[name] for name in ("CallsTable", "TicketsTable", "PaceTable")})
    for other in stored.formerly(site, found):
        left = tuple(it for it in other.former if it != found.account_id)
        forget_at = other.forget_at if left else None
        site.connections.save(replace(other, former=left, forget_at=forget_at))
    rules = replace(site.settings.lifecycle, erase_after_s=0)
    erasing = Erase(
        connections=site.connections, accounts=site.accounts, clock=clock.now, rules=rules
    )
    for it in found.connections:
        if it.account_id is not None:
            erasing.erase(replace(it, verdict=f"{it.verdict}; {why}"))
    if found.account_id is not None and found.whole:
        # Also without a location, and if the index did not know yet that there is none left.
        site.accounts.erase(found.account_id, unless_seen_since=clock.now())
        if site.accounts.of_id(found.account_id) is not None:
            raise Unfinished("its owner was here a moment ago. Ask again; that goes on")
    # What came in between: from now on, nothing of the account is taken any more.
    late = stored.personal(site, found)
    stored.delete(site, late)
    counts = _counts({name: [*before, *late.get(name, ())] for name, before in rows.items()})
    head = _head(site, found, "erased")
    # What stays of rows that are erased in part.
    others: list[Any] = [{}] if found.account is not None and not found.whole else []
    stays = {**stored.kept(site, found), **stored.named(site, found), "AccountsTable": others}
    return {**head, "reason": reason, "erased": counts, "kept": _kept(stays)}


def _kept(rows: Rows) -> list[dict[str, Any]]:
    found = {name: len(it) for name, it in rows.items() if it}
    tables = [{"where": name, "rows": it, "why": _WHY_KEPT[name]} for name, it in found.items()]
    return [*tables, *({"where": name, "why": why} for name, why in _ELSEWHERE.items())]


def _head(site: Site, found: Person, what: str) -> dict[str, Any]:
    return {
        "what": f"{what} on request",
        "at": clock.stamp(clock.now()),
        "by": getpass.getuser(),
        "stack": site.name,
        "account": found.account_id if found.whole else None,
        "locations": sorted(found.locations),
    }


def _shown(site: Site, found: Person, rows: Rows, kept: Rows) -> str:
    extent = "" if found.whole or found.account is None else ", which stays: it has other locations"
    places = ", ".join(f"{names.place(it.location_id, it)} {it.state}" for it in found.connections)
    pairs = [
        ("account", f"{found.account_id or 'no account: it was erased before'}{extent}"),
        ("name", found.account.name if found.account else "-"),
        ("locations", places or "none"),
    ]
    goes = _GOES if found.whole else {**_GOES, "AccountsTable": "its lines are removed"}
    erased = [(name, str(len(it)), goes.get(name, "deleted")) for name, it in rows.items() if it]
    stays = [(name, str(len(it)), f"kept: {_WHY_KEPT[name]}") for name, it in kept.items() if it]
    lines = screen.table(("WHERE", "ROWS", "WHAT BECOMES OF THEM"), [*erased, *stays])
    return f"Erase a person's data ({site.name})\n{screen.facts(pairs)}\n\n{lines}"


def _counts(rows: Rows) -> dict[str, int]:
    return {name: len(found) for name, found in rows.items() if found}


def _shareable(value: Any) -> Any:
    """The same without what opens a door, and without hashes."""
    if isinstance(value, dict):
        return {
            name: "(a credential)" if name in _CREDENTIALS and each else _shareable(each)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_shareable(each) for each in value]
    return _HASH.sub("(a hash)", value) if isinstance(value, str) else value
