"""The documented operations: their paths, and the fields each of them takes.

https://developer.alteg.io/_bundle/en/developers/openapi.yaml
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from local.simulator import checks
from local.simulator.checks import Check


@dataclass(frozen=True, slots=True)
class Route:
    """One documented operation and the fields it takes.

    Attributes:
        name: as the journal has it.
        method: the HTTP method.
        path: what the whole path must match.
        required: fields of the body.
        optional: more fields of the body.
        query: fields of the query, all of them required.
        as_user: whether the application's user has to be named beside the partner.
        or_query: whether the body's fields are taken from the query when no body came.
    """

    name: str
    method: str
    path: re.Pattern[str]
    required: Mapping[str, Check] = field(default_factory=dict)
    optional: Mapping[str, Check] = field(default_factory=dict)
    query: Mapping[str, Check] = field(default_factory=dict)
    as_user: bool = False
    or_query: bool = False


_LOCATION = "/marketplace/salon/(?P<location>[0-9]{1,18})/application/(?P<application>[0-9]{1,18})"
_LINK: Final[Mapping[str, Check]] = {
    "salon_id": checks.identifier,
    "application_id": checks.identifier,
}

# Telephony: one path takes four bodies, told apart by command and type.
_VOIP: Final = re.compile("/api/v1/voip/integration")
_DIRECTIONS: Final = ("incoming", "outgoing", "internal")
_CALL: Final[Mapping[str, Check]] = {
    "command": checks.text,
    "type": checks.one_of(*_DIRECTIONS),
    "crm_token": checks.text,
    "phone": checks.phone,
    "diversion": checks.line,
}
_DETAILS: Final[Mapping[str, Check]] = {
    "user": checks.text,
    "duration": checks.duration,
    "link": checks.link,
    "call_id": checks.text,
    "status": checks.one_of("success", "missed"),
    "date": checks.moment,
}


def _setup(name: str) -> Route:
    setup: dict[str, Check] = {
        "command": checks.text,
        "type": checks.one_of("enable", "disable"),
        "crm_token": checks.text,
    }
    return Route(name, "POST", _VOIP, required=setup)


_ENABLE, _DISABLE, _NEITHER = _setup("enable"), _setup("disable"), _setup("voip")
_EVENT: Final = Route("event", "POST", _VOIP, required=_CALL, optional={"user": checks.text})
_HISTORY: Final = Route("history", "POST", _VOIP, required=_CALL, optional=_DETAILS)
# A body nobody understands is told about its command, not about the fields of some other body.
_UNREADABLE: Final = Route(
    "voip",
    "POST",
    _VOIP,
    required={"command": checks.one_of("setup", "event", "history")},
    optional={name: lambda _: "" for name in (*_CALL, *_DETAILS) if name != "command"},
)

ROUTES: Final = (
    Route("status", "GET", re.compile(_LOCATION)),
    Route("uninstall", "POST", re.compile(_LOCATION + "/uninstall")),
    Route(
        "salons",
        "GET",
        re.compile("/marketplace/application/(?P<application>[0-9]{1,18})/salons"),
        query={"page": checks.page, "count": checks.count},
    ),
    Route(
        "callback",
        "POST",
        re.compile("/marketplace/partner/callback"),
        required=_LINK,
    ),
    Route(
        "payment",
        "POST",
        re.compile("/marketplace/partner/payment"),
        required={
            **_LINK,
            "payment_sum": checks.amount,
            "currency_iso": checks.currency,
            "payment_date": checks.time,
            "period_from": checks.time,
            "period_to": checks.time,
        },
    ),
    Route(
        "refund",
        "POST",
        re.compile("/marketplace/partner/payment/refund/(?P<payment>[0-9]{1,18})"),
    ),
    _UNREADABLE,
    Route(
        "calls",
        "GET",
        re.compile("/api/v1/voip/integration/calls"),
        required={
            "salon_id": checks.identifier,
            "date_from": checks.day,
            "date_to": checks.day,
        },
        optional={
            "phone": checks.phone,
            "types": checks.some_of(*_DIRECTIONS),
            "statuses": checks.some_of(
                *("success", "missed", "cancel", "busy"),
                *("notallowed", "notavailable", "notfound"),
            ),
            "page": checks.identifier,
            "limit": checks.limit,
        },
        as_user=True,
        or_query=True,
    ),
)


def commanded(route: Route, body: Mapping[str, Any]) -> Route:
    """The operation that a body commands on the telephony's path; any other route as it is."""
    if route is not _UNREADABLE:
        return route
    match body.get("command"), body.get("type"):
        case "setup", "enable":
            return _ENABLE
        case "setup", "disable":
            return _DISABLE
        case "setup", _:
            return _NEITHER
        case "event", _:
            return _EVENT
        case "history", _:
            return _HISTORY
    return route
