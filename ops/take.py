"""Gives a location that was installed by another way than our page to an account.

No link proves whose it is (`shared.connect.standing`): the operator says so, in the journal, too.
"""

import argparse
import getpass

from ops import accounts, names, screen, stored
from ops.site import Site
from shared import clock
from shared.connections import take as rules


def take(site: Site, options: argparse.Namespace) -> int:
    """Connects a location that is active at the platform to an account, with `--do`."""
    location_id: int = options.location
    account = accounts.named(site, options.account)
    # The row first: what is written to it from then on, is not overwritten.
    before = site.connections.get(location_id)
    status = site.told(location_id)
    if isinstance(status, str):
        raise screen.NotChanged(status)
    others = stored.of_account(site, account).connections
    now, since = clock.now(), status.activation or status.since
    pairs = [
        ("there", status.proof()),
        ("since", f"{screen.moment(since)}, {screen.due(since, now)}" if since else "-"),
        ("here", before.words if before else "never connected"),
        ("had it", (before.account_id if before else None) or "no account"),
        *accounts.facts(site, account, others),
    ]
    text = f"Take location {names.place(location_id, before)} ({site.name})\n{screen.facts(pairs)}"
    plain = {"location_id": location_id, **dict(pairs)}
    try:
        taken = rules.taken(
            before,
            location_id,
            status,
            account_id=account.account_id,
            account_has=others,
            why=f"taken by {getpass.getuser()}: {options.reason}; {status.proof()}",
            now=now,
            rules=site.settings.lifecycle,
        )
    except rules.CannotBeTaken as error:
        return screen.proposed(options, text, plain, str, against=str(error))

    def do() -> str:
        if not site.accounts.seen(account, now):
            raise screen.NotChanged("the account was erased a moment ago")
        site.connections.save(taken, now)
        return "Done. Within minutes, reconcile turns telephony on and sends what was held for it."

    was = f"{before.state}, generation {before.generation}" if before else "no row"
    own = f"{taken.telephony}, with the CRM token of chain {taken.chain_id or '-'}"
    telephony = own if taken.crm_token else "none: which CRM token is its own, only a link tells"
    change = [
        ("change", f"{was} -> {taken.state}, generation {taken.generation}"),
        ("telephony", telephony),
        ("why", taken.verdict),
        ("risk", "if it is not this customer's, strangers see each other's callers"),
    ]
    text = f"{text}\n\n{screen.facts(change)}"
    return screen.proposed(options, text, {**plain, **dict(change)}, do)
