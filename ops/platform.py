"""Whether the platform takes our token, what it refuses, and what its words mean."""

import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from ops import parameters, rows, screen, trouble
from ops.parameters import FITS, written_last
from ops.site import Site
from ops.trouble import LATELY, Found, Grade, Trouble
from ops.watch import Counted
from shared.altegio.client import NotSent, Refused, Unreachable
from shared.aws import sightings
from shared.aws.parameters import ParameterUnreadable
from shared.connections.connection import Connection
from shared.payments.entry import EntryState

_PATIENCE_S = 1.5
_BLOCKED = "PlatformBlocked"
_TOKEN = ("401", "406")  # What blames our token.
# What it means if the platform does not answer.
_OUT = "Meanwhile nothing goes out: payments and calls wait for the end of it, pop-ups are lost"


def platform(site: Site, now: datetime) -> Iterator[Found]:
    """Whether the platform takes our token, and goes on to do so."""
    parameter = site.settings.platform.partner_token_parameter
    try:
        known = site.token.accepted()
    except ParameterUnreadable:
        known = ()
    if not known:
        what = "the partner token is missing, empty, or may not be read"
        yield Trouble(what, parameter, parameters.written(site, parameter), grade=Grade.BROKEN)
        return
    until, why = site.pace.braked()
    if until > now:
        # Whoever asked now would be told to wait.
        yield _refusal(site, now, why, until)
        return
    try:
        site.platform.locations(page=1, until=time.monotonic() + _PATIENCE_S)
    except NotSent as error:
        yield "platform", f"not asked: {error}"
    except (Refused, Unreachable) as error:
        yield _refusal(site, now, str(error))
    else:
        yield "platform", "takes our token, and no brake is on"
        if known[1:]:
            what = "has two lines, and whoever knows either token is taken for Altegio. Once that"
            what += " has used one for an hour, the first command writes both into the file TOKEN:"
            what += " leave what the Cabinet shows, type the second, and delete the file"
            first, command = parameters.read(site, parameter), parameters.written(site, parameter)
            yield Trouble(what, parameter, command, first=first)
        yield from _refused_lately(site, now, why or "no word of it is kept")


def _refused_lately(site: Site, now: datetime, why: str) -> Iterator[Trouble]:
    """What it refused within the hour, and for whom it does so yet, though it takes our token."""
    if it := site.watch.counted([_BLOCKED], now).get(_BLOCKED):
        seen = site.sightings.lately(sightings.PLATFORM_REFUSED, LATELY)
        why = seen[0].why if seen else why
        # What it says of our token is not of the locations of which it was seen.
        seen = [] if (is_token := why.startswith(_TOKEN)) else seen
        ids = sorted({int(each.who) for each in seen if each.who.isdecimal()})
        still = [one.location_id for one in rows.rows(site, ids) if _is_refused(site, one)]
        of = "for all locations" if is_token else f"of {trouble.places(ids)}" if ids else ""
        over = "it takes our token now, so that is over, as it seems"
        over = f"not over for {trouble.places(still)}" if still else over
        what = f"the platform refused us, {it.words}{of and f' {of}'}: {why}; {over}"
        command = f"location {still[0]}" if still else site.watch.log("", _BLOCKED)
        until = None if still else it.last + LATELY
        yield Trouble(what, _BLOCKED, command, it.first if still else None, until, not still)


def _is_refused(site: Site, connection: Connection) -> bool:
    """Whether what was asked of a location last was refused."""
    entries = site.readable(site.ledger.get, site.ledger.of_location(connection.location_id))
    whys = [it.why for it in entries if it.state is EntryState.PENDING]
    return any(re.match("(status: )?4\\d\\d ", it) for it in (connection.verdict, *whys))


def _refusal(site: Site, now: datetime, why: str, until: datetime | None = None) -> Trouble:
    """What the platform's words mean: the token is to be blamed for some of them only.

    Before `until`, nobody asks; without it, somebody has done so now.
    """
    settings = site.settings.platform
    grade, counted, command, first = Grade.BROKEN, _BLOCKED, "publication", ""
    seen = site.watch.counted([_BLOCKED, "PlatformThrottled", "PlatformFailing"], now)
    if why.startswith("429"):
        grade, counted, command = Grade.ATTENTION, "PlatformThrottled", "status"
        does, then = "says that it is called too often", "It goes on by itself"
    elif not why.startswith("4"):
        counted, command = "PlatformFailing", "status"
        does = f"does not answer as it should at {settings.platform_app_url}"
        then = "It is tried again by itself; ask Altegio if it lasts. In some minutes"
    elif why.startswith(_TOKEN):
        parameter = settings.partner_token_parameter
        does = f"refuses the partner token of {parameter}"
        then, first = _of_token(site, parameter, now, is_asked=until is None)
        command = parameters.written(site, parameter) if first else "status"
        then += ". If `status` says this after two minutes yet, ask Altegio's support"
    elif why.startswith("404"):
        does = f"has nothing at {settings.platform_app_url}"
        then = "See whether PlatformAppUrl is right"
    else:
        does = f"refuses application {settings.application_id}"
        then = "Compare with the Developer Cabinet: ApplicationId, and whether the token is of that"
        then += f" application. {_changed_last(site, seen.get(counted), now)}"
    when = f"we ask again {screen.due(until, now)}" if until else "it was asked now"
    what = f"Altegio {does}: {why}; {when}. {_OUT}. {then}"
    began = seen[counted].first if counted in seen else None
    return Trouble(what, "all locations", command, began, first=first, grade=grade)


def _changed_last(site: Site, seen: Counted | None, now: datetime) -> str:
    """When what may be refused was changed last: the token, and our ApplicationId."""
    writing = written_last(site, site.settings.platform.partner_token_parameter)
    began = seen.first if seen else now
    told, _is_ours = writing.blamed(began, writing.at + FITS, "Altegio")
    if writing.version == 1:
        told = f"{writing.parameter} was never written anew, so it is not that"
    if changed := max(site.changed.values(), default=None):
        told += f". The functions were changed last at {screen.moment(changed)}"
        is_it = timedelta(minutes=-1) < began - changed < rows.OVERDUE
        told += ", as it began: see who did that, and deploy what is right" * is_it
    return told


def _of_token(site: Site, parameter: str, now: datetime, *, is_asked: bool) -> tuple[str, str]:
    """Whose doing it is; the first command, if somebody has asked with what was written since."""
    writing = written_last(site, parameter)
    # Of the hour that ends when all had read it anew: what was refused before may be mended since.
    seen = site.watch.counted([_BLOCKED], writing.at + FITS, writing.before).get(_BLOCKED)
    last = writing.at + FITS if is_asked else now
    why, is_ours = writing.blamed(seen.first if seen else now, last, "Altegio")
    if is_ours is None:
        return why, ""
    how, first = parameters.mended(site, writing, parameters.HOW_TO_WRITE, is_ours=is_ours)
    return f"{why}. {how}", first
