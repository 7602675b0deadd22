"""Lifecycle webhooks: the platform posts to the application's `callback_url`, once.

https://alteg.io/en/support/knowledge-base/6746174470685-disabling-the-integration-through-the-altegio-marketplace/
Retries, time-out and order are not documented; here: none, 10 s, none.
"""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 10.0
#: "now", "late" (kept back until released), "never", "twice".
MODES = frozenset({"now", "late", "never", "twice"})


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook that left the platform.

    Attributes:
        event: "uninstall", "freeze" or "payment".
        location_id: the location it is about.
        body: the JSON sent.
        sent_at: when sending began (UTC).
        status: the application's answer; None if there was none.
        error: why there was none; empty if there was one.
        elapsed: seconds until the answer or the failure.
    """

    event: str
    location_id: int
    body: dict[str, Any]
    sent_at: datetime
    status: int | None
    error: str
    elapsed: float


@dataclass(frozen=True, slots=True)
class Letter:
    """A webhook that is to be sent."""

    address: str
    body: dict[str, Any]


class Webhooks:
    """Sends from background threads and remembers what became of it."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._changed = threading.Condition()
        self._in_flight = 0
        self._kept_back: list[Letter] = []
        self._deliveries: list[Delivery] = []

    def send(self, address: str, body: dict[str, Any], mode: str) -> None:
        """Send `body` in one of the MODES; returns at once.

        Raises:
            ValueError: an unknown mode.
        """
        letter = Letter(address, body)
        match mode:
            case "now":
                self._post_off(letter, copies=1)
            case "twice":
                self._post_off(letter, copies=2)
            case "late":
                with self._changed:
                    self._kept_back.append(letter)
            case "never":
                pass
            case _:
                raise ValueError(f"unknown webhook mode {mode!r}, one of {sorted(MODES)}")

    def release(self) -> int:
        """Send what was kept back; how many that were."""
        with self._changed:
            letters, self._kept_back = self._kept_back, []
        for letter in letters:
            self._post_off(letter, copies=1)
        return len(letters)

    def wait(self, timeout: float) -> None:
        """Wait until all that was sent has been answered or has failed.

        Raises:
            TimeoutError: after `timeout` seconds something was still on its way.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._in_flight == 0, timeout):
                raise TimeoutError(f"{self._in_flight} webhook(s) still on their way")

    def deliveries(self) -> list[Delivery]:
        """All that was answered or failed, in that order (a copy)."""
        with self._changed:
            return list(self._deliveries)

    def _post_off(self, letter: Letter, *, copies: int) -> None:
        with self._changed:
            self._in_flight += copies
        threading.Thread(
            target=self._deliver, args=(letter, copies), name="webhook", daemon=True
        ).start()

    def _deliver(self, letter: Letter, copies: int) -> None:
        for _ in range(copies):
            sent_at, started = self._now(), time.monotonic()
            status, error = post(letter)
            delivery = Delivery(
                event=letter.body["event"],
                location_id=letter.body["salon_id"],
                body=letter.body,
                sent_at=sent_at,
                status=status,
                error=error,
                elapsed=time.monotonic() - started,
            )
            with self._changed:
                self._deliveries.append(delivery)
                self._in_flight -= 1
                self._changed.notify_all()


def wire_number(amount: Decimal) -> int | float:
    """A sum as a JSON number, in its short form."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def payment_sign(
    location_id: int, amount: float, discount: float | None, partner_token: str
) -> str:
    """What proves a payment made on the platform's own page; no other field is signed.

    `paymentSignature` of https://github.com/altegio/altegio-integrations-hub-mcp, src/tools.ts.
    """
    signed = {"salon_id": location_id, "amount": amount, "discount": discount}
    message = "&".join(f"{name}={value}" for name, value in signed.items() if value is not None)
    return hmac.new(partner_token.encode(), message.encode(), hashlib.sha256).hexdigest()


def post(letter: Letter) -> tuple[int | None, str]:
    """One POST without redirects, proxies or retries; the status, or None and the reason."""
    headers = {"Content-Type": "application/json", "User-Agent": "GuzzleHttp/7"}
    try:
        parts = urlsplit(letter.address)
        if not parts.hostname:
            return None, "the application has no callback_url"
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_S)
        try:
            connection.request("POST", target, json.dumps(letter.body).encode(), headers)
            return connection.getresponse().status, ""
        finally:
            connection.close()
    except (OSError, HTTPException, ValueError) as error:
        return None, f"{type(error).__name__}: {error}"
