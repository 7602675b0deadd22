"""What the server of a company with a portal of its own asks, in JSON.

`GET /connections` shows what a ticket would connect, `POST /connections` connects it, and
`POST /pbx-key` gives an account's PBX another key. `GET /lines` shows which lines of an account are
of which locations, and for which of them calls wait; `POST /lines` enters one, or removes it.
`GET /missed` lists who was missed at a location, and `POST /missed` says who is done with one.
"""

import json
from collections.abc import Mapping
from typing import Any

from functions.connect import missed_json, wiring
from shared import clock, iso_8601
from shared.aws import http
from shared.aws.parameters import ParameterUnreadable
from shared.calls.line_entry import Entered
from shared.calls.lines import location_of
from shared.calls.missed_calls import Closed
from shared.connect.flow import UnknownTicket
from shared.connect.locations import TooMany
from shared.connect.portal import AccountBusy, BadAccount, NotItsLocation, UsedElsewhere
from shared.connect.view import Visit
from shared.one_line import one_line
from shared.telemetry import count, logger

PATHS = ("/connections", "/pbx-key", "/lines", "/missed")
_NEEDED = {
    "POST /pbx-key": "account_id is",
    "GET /lines": "account_id is",
    "POST /lines": "line and account_id are",
    "GET /missed": "location_id and account_id are",
    "POST /missed": "location_id, phone, until and account_id are",
}
_UNKNOWN = http.json_answer(404, {"error": "the account is unknown"})
FAILED = http.json_answer(500, {"success": False})
_LONGEST_BODY = 10_000


def answer(made: wiring.Connect, request: http.Request) -> dict[str, Any]:
    """Answers a request of the portal's server.

    Returns:
        200 with what is so now; 400 for a request that cannot be read, 401 without the portal's
        key, 404 where there is no portal or no such account, 409 for a ticket that was used for
        another account, 410 for one that is unknown or too old, 429 for too many questions, 503
        where it helps to ask again.
    """
    if not made.settings.portal_url:
        return http.json_answer(404, {"error": "there is no portal"})
    try:
        if not made.portal.admits(request.key):
            logger.warning("portal's key refused")
            return http.json_answer(401, {"error": "the portal's key is missing or wrong"})
        return _asked(made, request)
    except (BadAccount, http.BadBody) as error:
        logger.warning("portal's request refused", extra={"why": type(error).__name__})
        needed = _NEEDED.get(f"{request.method} {request.path}", "ticket and account_id are")
        words = f"{needed} needed; account_id has 1 to 64 of A-Z a-z 0-9 _ . @ -"
        return http.json_answer(400, {"error": words})
    except NotItsLocation:
        return http.json_answer(400, {"error": str(Entered.NOT_ITS_LOCATION)})
    except UnknownTicket:
        return http.json_answer(410, {"error": "the ticket is unknown or too old"})
    except UsedElsewhere:
        logger.warning("ticket used elsewhere")
        return http.json_answer(409, {"error": "the ticket was used for another account"})
    except TooMany:
        return http.json_answer(429, {"error": "too many locations that are not this owner's"})
    except AccountBusy:
        return http.json_answer(503, {"error": "the account was being changed: send it again"})
    except ParameterUnreadable:
        count("TokenUnreadable")
        answer = http.json_answer(503, {"error": "no key can be checked now: send it again later"})
        answer["headers"]["retry-after"] = http.RETRY_AFTER
        return answer


def _asked(made: wiring.Connect, request: http.Request) -> dict[str, Any]:
    if request.path == "/lines":
        return _lines(made, request)
    if request.path == "/missed":
        return _missed(made, request)
    if request.method == "GET":
        fields: Mapping[str, Any] = request.query()
        return _told(made.portal.look(_text(fields, "ticket"), _text(fields, "account_id")))
    fields = _read(request.body)
    account_id = _text(fields, "account_id")
    if request.path == "/pbx-key":
        voids = fields.get("void_old", False)
        if not isinstance(voids, bool):
            return http.json_answer(400, {"error": "void_old: true or false"})
        key = made.portal.rotate(account_id, voids=voids)
        if key is None:
            return _UNKNOWN
        return http.json_answer(200, {"pbx_key": key})
    return _told(made.portal.connect(_text(fields, "ticket"), account_id))


def _told(visit: Visit) -> dict[str, Any]:
    owner = visit.owner
    values: dict[str, Any] = {
        "owner": {"name": owner.name, "email": owner.email, "phone": owner.phone},
        "locations": [
            {
                "location_id": location.location_id,
                "standing": location.standing,
                "telephony": location.telephony,
            }
            for location in visit.locations
        ],
        # Ask again, with the same ticket, while something is left to do.
        "unfinished": visit.can_connect,
    }
    if visit.pbx_key:
        values["pbx_key"] = visit.pbx_key
    return http.json_answer(200, values)


def _lines(made: wiring.Connect, request: http.Request) -> dict[str, Any]:
    if request.method == "GET":
        found = made.portal.lines(_text(request.query(), "account_id"))
        return _UNKNOWN if found is None else http.json_answer(200, found.plain)
    fields = _read(request.body)
    location_id = fields.get("location_id")
    is_id = type(location_id) is int and location_of(str(location_id)) is not None
    is_null = "location_id" in fields and location_id is None
    if not is_id and not is_null:
        return http.json_answer(400, {"error": "location_id: a number, or null to remove the line"})
    line = one_line(_text(fields, "line"))
    entered = made.portal.enter_line(_text(fields, "account_id"), line, location_id)
    match entered:
        case None:
            return _UNKNOWN
        case Entered.DONE:
            return http.json_answer(200, {"success": True})
        case Entered.GONE:
            return http.json_answer(503, {"error": str(entered)})
        case _:
            return http.json_answer(400, {"error": str(entered)})


def _missed(made: wiring.Connect, request: http.Request) -> dict[str, Any]:
    if request.method == "GET":
        fields: Mapping[str, Any] = request.query()
        location_id = location_of(_text(fields, "location_id"))
        if location_id is None:
            raise http.BadBody
        found = made.portal.missed(_text(fields, "account_id"), location_id)
        if found is None:
            return _UNKNOWN
        return http.json_answer(200, missed_json.told(location_id, found, clock.now()))
    fields = _read(request.body)
    location_id = fields.get("location_id")
    if type(location_id) is not int or location_of(str(location_id)) is None:
        raise http.BadBody
    try:
        until = iso_8601.read(_text(fields, "until"))
    except ValueError:
        return http.json_answer(400, {"error": "until: the time in `last` of the list"})
    phone, name = _text(fields, "phone"), fields.get("name")
    closed = made.portal.close_missed(
        _text(fields, "account_id"), location_id, phone, until, name if type(name) is str else ""
    )
    match closed:
        case None:
            return _UNKNOWN
        case Closed.DONE:
            return http.json_answer(200, {"success": True})
        case Closed.BUSY:
            return http.json_answer(503, {"error": str(closed)})
        case _:
            return http.json_answer(400, {"error": str(closed)})


def _read(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body) if len(body) <= _LONGEST_BODY else None
    except (ValueError, RecursionError):
        raise http.BadBody from None
    if not isinstance(fields, dict):
        raise http.BadBody
    return fields


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise http.BadBody
    return value
