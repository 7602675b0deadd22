"""The platform's wire, taken strictly: what a request must look like, and how answers look.

Every rule is the documented one, or stricter where the platform's own laxness is unknown: an
application that passes here relies on nobody's leniency.
https://developer.alteg.io/_bundle/en/developers/openapi.yaml (paths and fields).
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from local.simulator.checks import Check, identifier
from local.simulator.routes import ROUTES, Route, commanded

ACCEPT: Final = "application/vnd.api.v2+json"
#: Fields that are numbers, also where a query can only spell them.
NUMBERS: Final = frozenset({"salon_id", "page", "limit"})
LONGEST: Final = 18


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


def read(request: Request, *, partner_token: str, user_token: str, application_id: int) -> Message:
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
    pairs = parse_qsl(query, keep_blank_values=True)
    if route.or_query and not request.body:
        (body, unreadable), asked = _spelled(pairs), {}
    else:
        (body, unreadable), asked = _parse(request.body), dict(pairs)
    route = commanded(route, body)
    location = places.get("location", body.get("salon_id"))
    application = places.get("application", body.get("application_id", application_id))
    bearer = f"Bearer {partner_token}" + (f", User {user_token}" if route.as_user else "")
    return Message(
        route.name,
        location_id=None if identifier(location) else location,
        payment_id=places.get("payment"),
        fields={**asked, **body},
        violation=_refuse_envelope(request, route, bearer)
        or unreadable
        or _refuse_fields(route, body, asked)
        or (None if application == application_id else Violation(403, "Access denied.")),
    )


def _refuse_envelope(request: Request, route: Route, bearer: str) -> Violation | None:
    if request.method != route.method:
        return Violation(405, f"The method is {route.method}.")
    shown = request.headers.get("authorization", "").encode()
    if not hmac.compare_digest(shown, bearer.encode()):
        return Violation(401, "Authentication needed.")
    if request.headers.get("accept") != ACCEPT:
        return Violation(406, f"Accept must be {ACCEPT}.")
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    due = request.body or (route.required and not route.or_query)
    if due and content_type != "application/json":
        return Violation(415, "Content-Type must be application/json.")
    return None


def _spelled(pairs: Sequence[tuple[str, str]]) -> tuple[dict[str, Any], Violation | None]:
    """The fields of a query as a JSON body would have brought them."""
    lists: dict[str, list[str]] = {}
    single: list[tuple[str, Any]] = []
    for name, value in pairs:
        if name.endswith("[]"):
            lists.setdefault(name.removesuffix("[]"), []).append(value)
        elif name in NUMBERS and value.isascii() and value.isdecimal() and len(value) <= LONGEST:
            single.append((name, int(value)))
        else:
            single.append((name, value))
    try:
        return _distinct([*single, *lists.items()]), None
    except ValueError as error:
        return {}, Violation(422, f"The query is unreadable: {error}.")


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
    # Times and days of these shapes sort as they follow each other.
    if route.name == "payment" and not errors and body["period_from"] > body["period_to"]:
        errors.append(("period_to", "not before period_from"))
    if route.name == "calls" and not errors and body["date_from"] > body["date_to"]:
        errors.append(("date_to", "not before date_from"))
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


def accepted(*, with_data: bool) -> Answer:
    """What telephony says to everything it understood; the documentation has `data` and has not."""
    data = {"data": None} if with_data else {}
    envelope = {"success": True, **data, "meta": {"message": "Accepted"}}
    return Answer(HTTPStatus.ACCEPTED, _json(envelope))


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
