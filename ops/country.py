"""In which country the numbers of an account are, as far as its calls and its journal tell."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files

from ops import trouble
from ops.site import Site
from shared import countries
from shared.calls.call import Call
from shared.calls.hearing import read_anew
from shared.connections.accounts import Account


def fitting(site: Site, account: Account, calls: Sequence[Call]) -> list[str]:
    """Of the countries that are likely, those in which all numbers of calls can exist."""
    own = [it for it in calls if it.account_id == account.account_id]
    likely = dict.fromkeys(it for it in _likely(site, account, own) if it in countries.CODES)
    return [it for it in likely if own and trouble.numbers(it, [read_anew(c, it) for c in own])[1]]


def _likely(site: Site, account: Account, calls: Sequence[Call]) -> Iterator[str]:
    """Those of its locations' zones, of its owner, of what names its country, and the stack's."""
    for location_id in dict.fromkeys(it.location_id for it in calls if it.location_id):
        if connection := site.one(site.connections.get, location_id):
            yield _of_zones().get(connection.zone, "")
    yield countries.of_phone(account.phone)
    for leg in (it.leg for it in calls if it.leg):
        # What was written otherwise was read in the country that may be wrong.
        told = (leg.line, "" if leg.written else leg.phone)
        yield from (countries.of_phone(it) for it in told if it.startswith("+"))
    yield site.calls_settings.default_country


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
