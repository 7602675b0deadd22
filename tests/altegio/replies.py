"""Answers of the platform, documented and garbled, for what reads them."""

import json
from typing import Any
from zoneinfo import ZoneInfo

from shared.altegio.client import Reply

ZONE = ZoneInfo("UTC")

BERLIN = ZoneInfo("Europe/Berlin")

NEW_YORK = ZoneInfo("America/New_York")

HTML = b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"

REFUSAL = (
    b'{"success":false,"data":null,'
    b'"meta":{"message":"An error has occurred.","errors":[{"x":["y"]}]}}'
)

# Nobody may conclude anything from these, whatever their status.
GARBAGE = [
    b"",
    b" \r\n",
    HTML,
    b"OK",
    b"null",
    b"[]",
    b"true",
    b"7",
    b'"123"',
    b"{",
    b"\xff\xfe\x00",
    b'{"success":true,"data":{"id":123}',
    b"[" * 100_000,
    b'{"success":true,"data":{"id":' + b"9" * 5000 + b"}}",
    b'{"success":true,"data":{"id":1e99999999999999999999}}',
]


def reply(code: int, body: Any = b"", retry_after_s: float = 0.0) -> Reply:
    return Reply(
        code, body if isinstance(body, bytes) else json.dumps(body).encode(), retry_after_s
    )


def short(value: Any) -> str:
    return ascii(value)[:40]


STATUS: dict[str, Any] = {
    "connection_status": {"status": "active", "created_at": "2022-06-27 12:20:02"},
    "payments": [
        {
            "id": 123,
            "payment_sum": 990.99,
            "payment_date": "2022-07-01 10:10:00",
            "is_refunded": False,
            "period_from": "2022-07-01 00:00:00",
            "period_to": "2022-07-31 23:59:59",
        },
        {"id": 124, "is_refunded": True, "refunded_at": "2022-07-26 20:51:40"},
    ],
    "logs": [
        {
            "changed_at": "2022-06-27 12:20:02",
            "status_from": "pending",
            "status_to": "active",
            "source": "partner_api",
        },
        {
            "changed_at": "2022-06-27 12:19:00",
            "status_from": "uninstalled",
            "status_to": "pending",
            "source": "marketplace",
        },
    ],
}


def status_reply(**changes: Any) -> Reply:
    return reply(200, {"success": True, "data": {**STATUS, **changes}, "meta": {}})
