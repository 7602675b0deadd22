"""In which country the numbers of an account are, as far as its calls and its journal tell."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from importlib.resources import files

from ops import trouble
from ops.site import Site
from ops.trouble import LATELY, Trouble
from shared import countries
from shared.calls.call import Call
from shared.calls.hearing import read_anew
from shared.connections.accounts import Account

_MOST = 20  # Of a location's calls, so many are looked at.


def fitting(site: Site, account: Account, calls: Sequence[Call]) -> list[str]:
    """Of the countries that are likely, those in which all numbers of calls can exist."""
    own = [it for it in calls if it.account_id == account.account_id]
    likely = _likely(site, account, own) if own else []
    return [it for it in likely if trouble.numbers(it, [read_anew(c, it) for c in own])[1]]


def unread(calls: Iterable[Call], country: str = "") -> list[Call]:
    """Those whose caller's number could not be read; or cannot, in a country."""
    read = [(it, read_anew(it, country) if country else it) for it in calls]
    return [it for it, anew in read if anew.leg and anew.leg.is_unread]


def of_unread(site: Site, location_id: int, found: Trouble, now: datetime) -> Trouble:
    """The same of pop-ups whose callers' numbers were none, by the calls that came with such."""
    owner = site.connections.owner(location_id)
    account = site.one(site.accounts.of_id, owner) if owner else None
    calls = unread(it for it in site.calls.latest(location_id, _MOST) if it.heard_at > now - LATELY)
    calls = [it for it in calls if it.account_id == owner]
    if not calls or account is None or found.until:
        return found
    what, _, _ = found.what.partition(". Either")
    if fits := [it for it in _likely(site, account, calls) if not unread(calls, it)]:
        all_in = " or of ".join(map(countries.named, fits))
        what += f". As numbers of {all_in}, those of its last calls can all exist. If its PBX"
        what += " stands there, say it; if not, it does not write them in full"
        command = f"account {account.account_id} --country {fits[0]}"
        return replace(found, what=what, command=command)
    what += ". Those of its last calls are numbers of no country that it may be in, so its PBX does"
    what += " not write them in full, as one that cuts off the area code. Have whoever runs it send"
    what += " the country's code, too; another country of the account would mend nothing"
    return replace(found, what=what, command=found.whom)


def _likely(site: Site, account: Account, calls: Sequence[Call]) -> list[str]:
    """Those of its locations' zones, of its owner, of what names its country, and the stack's."""
    ids = dict.fromkeys(it.location_id for it in calls if it.location_id)
    zones = [it.zone for it in site.readable(site.connections.get, ids)]
    legs = [it.leg for it in calls if it.leg]
    # What was written otherwise was read in the country that may be wrong.
    told = [it for leg in legs for it in (leg.line, "" if leg.written else leg.phone)]
    phones = [account.phone, *(it for it in told if it.startswith("+"))]
    found = [*(_of_zones().get(it, "") for it in zones), *map(countries.of_phone, phones)]
    found.append(site.calls_settings.default_country)
    return [it for it in dict.fromkeys(found) if it in countries.CODES]


@cache
def _of_zones() -> dict[str, str]:
    """Which country each is in: https://data.iana.org/time-zones/tzdb/zone.tab."""
    text = files("tzdata.zoneinfo").joinpath("zone.tab").read_text("utf-8")
    rows = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    return {zone: country for country, _place, zone, *_comment in rows}


def changed_at(site: Site, location_id: int) -> datetime | None:
    """When somebody chose it last, by the journal of a location of the account; None if nobody."""
    lines = site.one(site.journal.of_location, location_id) or []
    return max((it.at for it in lines if it.words.startswith("country ")), default=None)
