"""The owner's browser at `/connect`, and the server of a company with a portal of its own."""

import re
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.connect import api, wiring
from functions.connect.page import FAILED, Page
from shared import doors, iso_8601
from shared.altegio.redirect import BadRedirect, BadSignature, Tried
from shared.aws import http
from shared.aws.parameters import ParameterUnreadable
from shared.aws.session import once
from shared.aws.sightings import REDIRECT_REFUSED
from shared.calls.lines import location_of
from shared.connect.first_ring import TooOften
from shared.connect.flow import UnknownTicket
from shared.connect.form import Form
from shared.connect.locations import TooMany
from shared.one_line import one_line
from shared.telemetry import count, logger, metrics

wired = once(wiring.build)

# More than the form takes; the page shows what was typed again, and Lambda answers with 6 MB at the
# most: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_LONGEST_TYPED = 10_000
# Of a letter, as `letter_wishes` makes them.
_SECRET = re.compile(r"[A-Za-z0-9_-]{32}")


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers an HTTP API event: the page in HTML, the portal's server in JSON."""
    is_api = event.get("rawPath") in api.PATHS
    return doors.http(event, _answer, api.FAILED if is_api else FAILED, _noted)


def _noted(row: str, why: str) -> None:
    wired().sightings.failed("ConnectFunction", row, why)


def _answer(event: dict[str, Any]) -> dict[str, Any]:
    made = wired()
    page = Page(made.settings, http.header(event, "accept-language"), http.origin(event))
    try:
        request = http.request(event)
        if request.path in api.PATHS:
            return api.answer(made, request)
        return _shown(made, page, request)
    except BadSignature as error:
        _count_refused(made, error)
        return page.bad_signature()
    except BadRedirect as error:
        logger.warning("redirect refused", extra={"why": str(error)})
        return page.bad_redirect(str(error))
    except (UnknownTicket, http.BadBody) as error:
        logger.warning("form refused", extra={"why": type(error).__name__})
        return page.unknown_ticket()
    except TooMany:
        return page.too_many()
    except ParameterUnreadable:
        count("TokenUnreadable")
        return page.later()


def _shown(made: wiring.Connect, page: Page, request: http.Request) -> dict[str, Any]:
    what, _, letter = request.raw_query.partition("=")
    if what == "stop":
        # Wherever the owner goes in by now, a letter that he has can be stopped.
        return _stopped(made, page, request.method, letter)
    if made.settings.portal_url:
        return _to_portal(made, page, request)
    if request.method == "GET":
        return _opened(made, page, request.raw_query)
    return _pressed(made, page, request.form())


def _opened(made: wiring.Connect, page: Page, raw_query: str) -> dict[str, Any]:
    name, _, watch = raw_query.partition("=")
    if name != "wait":
        return page.visit(made.connecting.visit(raw_query))
    try:
        watched = made.waiting.look(watch)
    except TooOften:
        return page.too_often()
    return page.unknown_ticket() if watched is None else page.waiting(watched)


def _count_refused(made: wiring.Connect, refused: BadSignature) -> None:
    if not isinstance(refused, Tried):
        count("RedirectRefused")
        made.sightings.note(REDIRECT_REFUSED)


def _pressed(made: wiring.Connect, page: Page, fields: dict[str, str]) -> dict[str, Any]:
    ticket = fields.get("ticket", "")
    match fields.get("action"):
        case "code":
            return page.visit(made.proving.send_code(ticket, page.letter))
        case "prove":
            return page.visit(made.proving.prove(ticket, fields.get("code", "")[:100]))
        case "look":
            return page.visit(made.proving.look(ticket))
        case "wait":
            watch = made.proving.watch(ticket)
            return page.to_wait(watch) if isinstance(watch, str) else page.visit(watch)
        case "missed" | "table" | "done" | "letter" | "no letter" as action:
            return _missed(made, page, action, fields)
        case "rotate" | "void" as action:
            return page.visit(made.proving.rotate(ticket, voids=action == "void"))
        case "country":
            return page.visit(made.proving.choose_country(ticket, fields.get("country", "")))
        case "line":
            line = fields.get("line", "")[:200]
            return page.visit(made.proving.enter_line(ticket, line, fields.get("location", "")))
        case "forget":
            return page.visit(made.proving.forget_line(ticket, fields.get("line", "")[:200]))
        case _:
            form = Form(
                ticket=ticket,
                name=one_line(fields.get("name", "")[:_LONGEST_TYPED]),
                email=fields.get("email", "")[:_LONGEST_TYPED].strip(),
                phone=fields.get("phone", "")[:_LONGEST_TYPED].strip(),
                country=fields.get("country", ""),
            )
            return page.result(made.connecting.confirm(form))


def _missed(
    made: wiring.Connect, page: Page, action: str, fields: dict[str, str]
) -> dict[str, Any]:
    ticket, location = fields.get("ticket", ""), fields.get("location", "")
    if action == "letter":
        return page.missed(made.missed.want_letter(ticket, location, page.language, page.address))
    if action == "no letter":
        return page.missed(made.missed.stop_letter(ticket, location))
    if action != "done":
        shown = made.missed.show(ticket, location)
        return page.missed(shown, is_file=action == "table")
    # The button has the caller's number, and when he was missed for the last time.
    phone, _, until = fields.get("caller", "").partition(" ")
    try:
        at = iso_8601.read(until)
    except ValueError:
        raise http.BadBody from None
    name = fields.get("name", "")[:200]
    return page.missed(made.missed.close(ticket, location, phone, at, name))


def _stopped(made: wiring.Connect, page: Page, method: str, letter: str) -> dict[str, Any]:
    """Whoever has a letter of missed callers stops it, without more; only his press does.

    Programs that look at mail for its reader open the links in it.
    """
    location, _, secret = letter.partition(".")
    location_id = location_of(location)
    if location_id is None or not _SECRET.fullmatch(secret):
        return page.unknown_ticket()
    is_stopped = method == "POST" and made.missed.stop_by(location_id, secret)
    return page.letter_stopped() if is_stopped else page.stop_letter(letter)


def _to_portal(made: wiring.Connect, page: Page, request: http.Request) -> dict[str, Any]:
    """The company asks on its own pages; a form of ours is none of its."""
    if request.method != "GET":
        raise UnknownTicket
    ticket = made.portal.arrive(request.raw_query)
    # In a frame, the portal would get no cookie and know nobody; a browser that does not say where
    # it is, as Safari before 16.4, may be in one.
    # https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Dest
    is_framed = request.headers.get("sec-fetch-dest") != "document"
    return page.portal(ticket, is_framed=is_framed)
