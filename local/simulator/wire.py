"""The platform's wire, taken strictly: what a request must look like, and how answers look.

Every rule is the documented one, or stricter where the platform's own laxness is unknown: an
application that passes here relies on nobody's leniency.
https://developer.alteg.io/_bundle/en/developers/openapi.yaml (paths and fields).
"""

import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from local.simulator.state import WIRE_TIME

ACCEPT: Final = "application/vnd.api.v2+json"
LARGEST_PAGE: Final = 1000
MOST_WEBHOOK_URLS: Final = 10
LARGEST_SUM: Final = Decimal("1e13")


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as received; header names in lower case, `target` with its query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, complete but for the framing headers."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong with a request: the answer's status, and what each field should be."""

    status: int
    message: str
    errors: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        fields = "; ".join(f"{name}: {problem}" for name, problem in self.errors)
        return f"{self.message} {fields}".strip()


@dataclass(frozen=True, slots=True)
class Message:
    """A request as the platform reads it.

    Attributes:
        route: the route's name; "unknown" for any other path.
        location_id: the location it names in path or body, if it names one.
        payment_id: the payment it names in the path, if it names one.
        fields: the checked fields of body or query; sums are Decimal.
        violation: why it is refused; None if it is well formed.
    """

    route: str
    location_id: int | None = None
    payment_id: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    violation: Violation | None = None


# A check returns what the value should be, or "" if it is that.
type Check = Callable[[Any], str]


def _identifier(value: Any) -> str:
    good = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return "" if good else "a positive JSON integer"


def _sum(value: Any) -> str:
    # Answers carry the sum as a float: the bound keeps it exact to the hundredth.
    good = (
        isinstance(value, int | Decimal)
        and not isinstance(value, bool)
        and 0 <= value < LARGEST_SUM
    )
    return "" if good else "a JSON number, not negative"


def _currency(value: Any) -> str:
    good = isinstance(value, str) and re.fullmatch("[A-Z]{3}", value)
    return "" if good else "three capitals"


def _time(value: Any) -> str:
    problem = "a real time, YYYY-MM-DD HH:MM:SS"
    shape = "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"
    if not isinstance(value, str) or not re.fullmatch(shape, value):
        return problem
    try:
        datetime.strptime(value, WIRE_TIME)  # noqa: DTZ007 - the wire's times have no zone
    except ValueError:
        return problem
    return ""


def _text(value: Any) -> str:
    return "" if isinstance(value, str) and value else "a text"


def _key(value: Any) -> str:
    # Documented as a number, with a UUID as its example.
    return "" if not _text(value) or not _identifier(value) else "a number or a text"


def _addresses(value: Any) -> str:
    good = (
        isinstance(value, list)
        and len(value) <= MOST_WEBHOOK_URLS
        and all(isinstance(each, str) and re.match("https?://[^/]", each) for each in value)
        and len(set(value)) == len(value)
    )
    return "" if good else f"at most {MOST_WEBHOOK_URLS} different addresses"


def _channels(value: Any) -> str:
    good = isinstance(value, list) and all(each in ("sms", "whatsapp") for each in value)
    return "" if good else "a list of sms, whatsapp"


def _page(value: str) -> str:
    return "" if re.fullmatch("[1-9][0-9]{0,8}", value) else "a number from 1"


def _count(value: str) -> str:
    good = not _page(value) and int(value) <= LARGEST_PAGE
    return "" if good else f"a number from 1 to {LARGEST_PAGE}"


@dataclass(frozen=True, slots=True)
class Route:
    """One documented operation and the fields it takes."""

    name: str
    method: str
    path: re.Pattern[str]
    required: Mapping[str, Check] = field(default_factory=dict)
    optional: Mapping[str, Check] = field(default_factory=dict)
    query: Mapping[str, Check] = field(default_factory=dict)


_LOCATION = "/marketplace/salon/(?P<location>[0-9]{1,18})/application/(?P<application>[0-9]{1,18})"
_LINK: Final[Mapping[str, Check]] = {"salon_id": _identifier, "application_id": _identifier}

ROUTES: Final = (
    Route("status", "GET", re.compile(_LOCATION)),
    Route("uninstall", "POST", re.compile(_LOCATION + "/uninstall")),
    Route(
        "salons",
        "GET",
        re.compile("/marketplace/application/(?P<application>[0-9]{1,18})/salons"),
        query={"page": _page, "count": _count},
    ),
    Route(
        "callback",
        "POST",
        re.compile("/marketplace/partner/callback"),
        required=_LINK,
        optional={
            "api_key": _key,
            "webhook_urls": _addresses,
            "channels": _channels,
            "chat_url": _text,
            "tips_url": _text,
            "login": _text,
            "secret_key": _text,
        },
    ),
    Route(
        "payment",
        "POST",
        re.compile("/marketplace/partner/payment"),
        required={
            **_LINK,
            "payment_sum": _sum,
            "currency_iso": _currency,
            "payment_date": _time,
            "period_from": _time,
            "period_to": _time,
        },
    ),
    Route(
        "refund",
        "POST",
        re.compile("/marketplace/partner/payment/refund/(?P<payment>[0-9]{1,18})"),
    ),
)


def read(request: Request, *, partner_token: str, application_id: int) -> Message:
    """Read a request the way the platform does, refusing whatever is not as documented.

    The first violation counts, in this order: path 404, method 405, token 401, Accept 406,
    Content-Type 415, fields 422, someone else's application 403.
    """
    path, query = urlsplit(request.target).path, urlsplit(request.target).query
    found = [(each, match) for each in ROUTES if (match := each.path.fullmatch(path))]
    if not found:
        return Message("unknown", violation=Violation(404, "There is no such path."))
    route, match = found[0]
    places = {name: int(value) for name, value in match.groupdict().items()}
    body, unreadable = _parse(request.body)
    asked = dict(parse_qsl(query, keep_blank_values=True))
    location = places.get("location", body.get("salon_id"))
    application = places.get("application", body.get("application_id", application_id))
    return Message(
        route.name,
        location_id=None if _identifier(location) else location,
        payment_id=places.get("payment"),
        fields={**asked, **body},
        violation=_refuse_envelope(request, route, partner_token)
        or unreadable
        or _refuse_fields(route, body, asked)
        or (None if application == application_id else Violation(403, "Access denied.")),
    )


def _refuse_envelope(request: Request, route: Route, partner_token: str) -> Violation | None:
    if request.method != route.method:
        return Violation(405, f"The method is {route.method}.")
    shown = request.headers.get("authorization", "").encode()
    if not hmac.compare_digest(shown, f"Bearer {partner_token}".encode()):
        return Violation(401, "Authentication needed.")
    if request.headers.get("accept") != ACCEPT:
        return Violation(406, f"Accept must be {ACCEPT}.")
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if (request.body or route.required) and content_type != "application/json":
        return Violation(415, "Content-Type must be application/json.")
    return None


def _parse(body: bytes) -> tuple[dict[str, Any], Violation | None]:
    if not body:
        return {}, None
    try:
        # Decimal keeps the sum as it was written; a constant is NaN or an infinity.
        parsed = json.loads(
            body.decode(),
            parse_float=Decimal,
            parse_constant=_no_constant,
            object_pairs_hook=_distinct,
        )
    except (ValueError, RecursionError) as error:
        return {}, Violation(422, f"The body is not JSON: {error}.")
    if not isinstance(parsed, dict):
        return {}, Violation(422, "The body is not a JSON object.")
    return parsed, None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a field is given twice")
    return dict(pairs)


def _refuse_fields(
    route: Route, body: Mapping[str, Any], asked: Mapping[str, str]
) -> Violation | None:
    errors = [
        *_problems(body, route.required, route.optional),
        *_problems(asked, route.query, {}),
    ]
    # Times of this shape sort as they follow each other.
    if route.name == "payment" and not errors and body["period_from"] > body["period_to"]:
        errors.append(("period_to", "not before period_from"))
    return Violation(422, "An error has occurred.", tuple(errors)) if errors else None


def _problems(
    given: Mapping[str, Any], required: Mapping[str, Check], optional: Mapping[str, Check]
) -> list[tuple[str, str]]:
    checks = {**required, **optional}
    return (
        [(name, "required") for name in required if name not in given]
        + [(name, "unknown field") for name in given if name not in checks]
        + [
            (name, f"must be {should}")
            for name, check in checks.items()
            if name in given and (should := check(given[name]))
        ]
    )


def success(data: Any, *, status: int = HTTPStatus.OK, meta: Any = None) -> Answer:
    """The envelope of success; `meta` is `{}` unless given (the platform also sends `[]`)."""
    return Answer(
        status,
        _json({"success": True, "data": data, "meta": {} if meta is None else meta}),
    )


def failure(status: int, message: str = "", errors: tuple[tuple[str, str], ...] = ()) -> Answer:
    """The envelope of failure; without a message `meta` is empty, as documented for 404."""
    meta: dict[str, Any] = {"message": message} if message else {}
    if errors:
        meta["errors"] = [{"field": name, "message": problem} for name, problem in errors]
    return Answer(status, _json({"success": False, "data": None, "meta": meta}))


def web_page() -> Answer:
    """What a proxy or a login page answers where JSON is due: 200 and HTML."""
    return Answer(
        HTTPStatus.OK,
        b"<!DOCTYPE html><title>Altegio</title><p>Something is being updated.</p>",
        content_type="text/html; charset=utf-8",
    )


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
