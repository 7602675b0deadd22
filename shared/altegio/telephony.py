"""The platform's network telephony: switching it on, pop-ups, call history, the list of calls.

A chain has one CRM token, and no call names a location: the platform finds it by the routing that
the client sets up. An accepted call is answered with 202, which proves neither that a pop-up was
shown nor that a call was saved.

Source: https://developer.alteg.io/_bundle/en/developers/openapi.yaml (/voip/integration), and
https://alteg.io/en/support/knowledge-base/11125420000669 (telephony in the Marketplace).
"""

import math
import re
from datetime import date, datetime
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from shared.altegio.client import Client, NoAnswer, NotSent, Refused, Reply, Unreachable
from shared.altegio.history import HistoryEntry, ListedCall, UnreadCall
from shared.altegio.outcome import Blocked, NotTaken, Outcome, Rejected, Sent, Unclear
from shared.clock import YEARS, from_wire

_PATH = "/api/v1/voip/integration"
# What the list may be asked for at once.
CALLS_PER_PAGE = 1000
# What the list says of a call.
_TYPES = frozenset({"incoming", "outgoing", "internal"})
_STATUSES = frozenset(
    {"success", "missed", "cancel", "busy", "notallowed", "notavailable", "notfound"}
)


class Telephony:
    """The telephony operations, each within the total deadline of the settings."""

    def __init__(self, client: Client, api_url: str) -> None:
        self._client = client
        self._host = api_url

    def prepare(self) -> None:
        """As `Client.prepare`."""
        self._client.prepare()

    def switch(self, crm_token: str, *, on: bool, until: float = math.inf) -> Outcome:
        """Enables or disables the telephony of a chain; may be repeated.

        As long as `until` of `time.monotonic` lasts.
        """
        body = {"command": "setup", "type": "enable" if on else "disable", "crm_token": crm_token}
        try:
            return read_answer(self._client.ask("POST", _PATH, body, until=until, host=self._host))
        except Unreachable as error:
            return _without(error)

    def pop_up(self, crm_token: str, *, phone: str, line: str, user: str) -> Outcome:
        """Shows who calls, at whoever the chain's routing says; only incoming calls are shown."""
        body = {
            "command": "event",
            "type": "incoming",
            "crm_token": crm_token,
            "phone": phone,
            "diversion": line,
            **({"user": user} if user else {}),
        }
        return self._tell(body, anew=False)

    def save(self, crm_token: str, entry: HistoryEntry) -> Outcome:
        """Saves a call that has ended. Nobody says what a second one of the same id does."""
        return self._tell(history_body(crm_token, entry), anew=True)

    def calls(
        self, location_id: int, since: date, until: date, page: int, user_token: str
    ) -> tuple[ListedCall | UnreadCall, ...]:
        """One page, from 1, of a location's calls of some days; the last one is shorter.

        It is documented as a GET with a JSON body, which proxies may drop: then it is asked again
        with a query.

        Raises:
            Refused: token or rights are wrong; the right to view "Overview - Calls" is needed.
            Unreachable: there was no usable answer.
        """
        asked = {
            "salon_id": location_id,
            "date_from": since.isoformat(),
            "date_to": until.isoformat(),
            "page": page,
            "limit": CALLS_PER_PAGE,
        }
        reply = self._list("", asked, user_token)
        if reply.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY):
            query = "&".join(f"{name}={value}" for name, value in asked.items())
            reply = self._list(f"?{query}", None, user_token)
        return read_calls(reply, self._client.zone)

    def _list(self, query: str, body: dict[str, Any] | None, user_token: str) -> Reply:
        return self._client.ask(
            "GET", f"{_PATH}/calls{query}", body, host=self._host, user_token=user_token
        )

    def _tell(self, body: dict[str, Any], *, anew: bool) -> Outcome:
        try:
            return read_answer(self._client.tell(_PATH, body, host=self._host, anew=anew))
        except Unreachable as error:
            return _without(error)


def history_body(crm_token: str, entry: HistoryEntry) -> dict[str, Any]:
    """The body that saves a call, field by field as documented."""
    body = {
        "command": "history",
        "type": entry.direction,
        "crm_token": crm_token,
        "phone": entry.phone,
        "diversion": entry.line,
        "user": entry.user,
        "duration": entry.duration_s,
        "link": entry.link,
        "call_id": entry.call_id,
        "status": "success" if entry.answered else "missed",
        "date": entry.started_at.isoformat(timespec="seconds"),
    }
    return {name: value for name, value in body.items() if value is not None}


def read_answer(reply: Reply) -> Outcome:
    """What an answer proves.

    A wrong token's is not documented. We read 422 as a word on what was said, which would be
    refused again, and 400 as one that may be: it is documented for none of these calls. A gateway
    says it, too, and has passed nothing on. 403, 404 and `success: false` are on token, chain or
    rights.
    """
    body, message = reply.json(), reply.message()
    says_no = isinstance(body, dict) and body.get("success") is False
    match reply.status:
        case 200 | 202 if says_no:
            return Blocked(reply.status, message or "success is false")
        case 200 | 202 if isinstance(body, dict) or not reply.body.strip():
            return Sent()
        case 401 | 406 | 429:
            why = f"{reply.status} {message}".strip()
            return NotTaken(why, reply.retry_after_s)
        case 422:
            return Rejected(f"422 {message}".strip())
        case 400 if isinstance(body, dict) and reply.is_platforms_own():
            return Rejected(f"400 {message}".strip(), doubtful=True)
        case 400:
            return NotTaken("400, not in the platform's words")
        case 403 | 404 if reply.is_platforms_own():
            return Blocked(reply.status, message)
        case _:
            failed = reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            return Unclear(f"answered {reply.status}", failed)


def _without(error: Unreachable) -> Outcome:
    return NotTaken(str(error)) if isinstance(error, NotSent) else Unclear(str(error))


def read_calls(reply: Reply, zone: ZoneInfo) -> tuple[ListedCall | UnreadCall, ...]:
    """The calls on one page; a row that cannot be read proves nothing, and hides one.

    Raises:
        Refused: the platform refused to say.
        NoAnswer: it said nothing that can be relied on.
    """
    if HTTPStatus.BAD_REQUEST <= reply.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Refused(reply.status, reply.message())
    body = reply.json()
    data = body.get("data") if isinstance(body, dict) and body.get("success") is True else None
    if reply.status != HTTPStatus.OK or not isinstance(data, list):
        raise NoAnswer(f"calls answered {reply.status} without their data")
    return tuple(_listed(row, zone) for row in data)


def _listed(row: Any, zone: ZoneInfo) -> ListedCall | UnreadCall:
    values = row if isinstance(row, dict) else {}
    moments: tuple[datetime, ...] = ()
    try:
        moments = at, again = _instants(str(values["call_date"]), zone)
        return ListedCall(
            id=_whole(values.get("id")),
            direction=_one_of(_TYPES, values["type"]),
            phone=_text(values["caller_phone"]),
            duration_s=_whole(values.get("duration")),
            answered=_one_of(_STATUSES, values["status"]) == "success",
            at=at,
            or_at=again if again != at else None,
        )
    except (KeyError, ValueError):
        return UnreadCall(moments)


def _text(value: Any) -> str:
    """What is a string, or a number that is written as one.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, str) or type(value) is int:
        return str(value)
    raise ValueError("no text")


def _one_of(known: frozenset[str], value: Any) -> str:
    """A word of the documentation.

    Raises:
        ValueError: it is another one.
    """
    word = _text(value)
    if word not in known:
        raise ValueError("no known word")
    return word


def _whole(value: Any) -> int:
    """A whole number, which YCLIENTS writes as a string.

    Raises:
        ValueError: it is none that a table can hold.
    """
    text = str(value)
    if isinstance(value, bool) or not re.fullmatch("[0-9]{1,18}", text):
        raise ValueError("no whole number")
    return int(text)


def _instants(text: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """With an offset, as Altegio writes it, or without, as YCLIENTS does: then it may be either.

    Raises:
        ValueError: neither, or of a year that nobody means.
    """
    try:
        return from_wire(text, zone), from_wire(text, zone, fold=1)
    except ValueError:
        at = datetime.fromisoformat(text)
    if at.tzinfo is None or at.year not in YEARS:
        raise ValueError("no time with an offset")
    return at, at
