"""Whether the platform takes our token, what it refuses, and what its words mean."""

import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from ops import rows, screen, trouble
from ops.site import Site
from ops.trouble import LATELY, Found, Grade, Trouble
from shared.altegio.client import NotSent, Refused, Unreachable
from shared.aws import sightings
from shared.aws.parameters import MAX_AGE_S, ParameterUnreadable
from shared.aws.sightings import Sighting
from shared.connections.connection import Connection
from shared.payments.entry import EntryState

_PATIENCE_S = 1.5
_BLOCKED = "PlatformBlocked"
_TOKEN = ("401", "406")  # What blames our token.
_MINUTE = timedelta(minutes=1)  # As exactly CloudWatch tells when.
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
        yield Trouble(what, parameter, rows.written(site, parameter), grade=Grade.BROKEN)
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
            what = (
                "has two lines, and whoever knows either token is taken for Altegio. Once that has"
            )
            what += (
                " used one for an hour, the first command writes both into the file TOKEN: leave"
            )
            what += " what the Developer Cabinet shows, type the second, and delete the file"
            first, command = rows.read(site, parameter), rows.written(site, parameter)
            yield Trouble(what, parameter, command, first=first)
        yield from _refused_lately(site, now, why or "no word of it is kept")


def _refused_lately(site: Site, now: datetime, why: str) -> Iterator[Trouble]:
    """What it refused within the hour, and for whom it does so yet, though it takes our token."""
    if it := site.watch.counted([_BLOCKED], now).get(_BLOCKED):
        seen = site.sightings.lately(sightings.PLATFORM_REFUSED, LATELY)
        last = seen[0] if seen else Sighting(it.last, "", why)
        # What it says of our token is not of the locations of which it was seen.
        seen = [] if (is_token := last.why.startswith(_TOKEN)) else seen
        ids = sorted({int(each.who) for each in seen if each.who.isdecimal()})
        still = [one.location_id for one in rows.rows(site, ids) if _is_refused(site, one)]
        of = "for all locations" if is_token else f"of {trouble.places(ids)}" if ids else ""
        what = f"the platform refused us, {screen.counted(it.number, 'time')} in an hour, last"
        what += f" {screen.due(last.at, now)}{of and f' {of}'}:"
        over = "it takes our token now, so that is over, as it seems"
        what += f" {last.why}; {f'not over for {trouble.places(still)}' if still else over}"
        command = f"location {still[0]}" if still else site.watch.log("", _BLOCKED)
        until = None if still else it.last + LATELY
        yield Trouble(what, _BLOCKED, command, last.at, until, not still)


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
        command = rows.written(site, parameter) if first else "status"
        then += ". If `status` says this after two minutes yet, ask Altegio's support"
    elif why.startswith("404"):
        does = f"has nothing at {settings.platform_app_url}"
        then = "See whether PlatformAppUrl is right"
    else:
        does = f"refuses application {settings.application_id}"
        then = "Compare with the Developer Cabinet: ApplicationId, and whether the token is of that"
        then += f" application. {written_last(site, settings.partner_token_parameter, now)}"
    when = f"we ask again {screen.due(until, now)}" if until else "it was asked now"
    what = f"Altegio {does}: {why}; {when}. {_OUT}. {then}"
    since = site.watch.counted([counted], now).get(counted)
    began = since.first if since else None
    return Trouble(what, "all locations", command, began, first=first, grade=grade)


def _of_token(site: Site, parameter: str, now: datetime, *, is_asked: bool) -> tuple[str, str]:
    """Whose doing it is; the first command, if somebody has asked with what was written since."""
    found = stored(site, parameter)
    at, version = found["LastModifiedDate"], found["Version"]
    fits = timedelta(seconds=MAX_AGE_S) + _MINUTE
    # What was refused in the hour that ends when all had read it anew.
    seen = site.watch.counted([_BLOCKED], at + fits).get(_BLOCKED)
    began = seen.first if seen else now
    told = f"The parameter was written last at {screen.moment(at)}, as version {version}"
    if began < at - _MINUTE and now < at + fits and not is_asked:
        return f"{told}, and nobody has asked with that yet: look again then", ""
    if began < at - _MINUTE:
        why = f"; it was refused before, too, at {screen.moment(began)}, so neither is Altegio's"
    elif began > at + fits:
        why = f", and refused only after the {MAX_AGE_S // 60} min in which functions read it anew:"
        why += " so Altegio has another token by now, unless nothing was sent in between"
    else:
        why = f", and refused first at {screen.moment(began)}. Functions read it anew within"
        why += f" {MAX_AGE_S // 60} min, so most likely that writing was wrong: see who did it"
        if version > 1:
            why += f". The first command writes version {version - 1} into the file TOKEN, above"
            why += f" what it has now. {rows.THEN_WRITE}"
            return told + why, rows.read(site, parameter, version - 1)
    return f"{told}{why}. {rows.HOW_TO_WRITE}", rows.read(site, parameter)


def written_last(site: Site, parameter: str, now: datetime) -> str:
    """When a parameter was written last, as whatever came before that cannot be its doing."""
    found = stored(site, parameter)
    last = f"{screen.due(at := found['LastModifiedDate'], now)}, at {screen.moment(at)}"
    return f"The parameter was written last {last}, as version {found['Version']}"


def stored(site: Site, parameter: str) -> dict[str, Any]:
    """It, and when it was written last."""
    found: dict[str, Any] = site.ssm.get_parameter(Name=parameter)["Parameter"]
    return found
