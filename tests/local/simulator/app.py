"""The application, as the platform sees it: what it sends and what it hears."""

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from local.simulator import Simulator

ACCEPT = "application/vnd.api.v2+json"
NORD, SUED = 4564, 4232
# Nothing here speaks TLS, and reading the certificates anew for every client takes a while.
TLS = ssl.create_default_context()
PAYMENT = "/marketplace/partner/payment"
CALLBACK = "/marketplace/partner/callback"
STATUS = f"/marketplace/salon/{NORD}/application/101"
SALONS = "/marketplace/application/101/salons"
JSON = {"Content-Type": "application/json"}


def wire(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def period(days_from: int = -1, days_to: int = 29) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "payment_date": wire(now),
        "period_from": wire(now + timedelta(days=days_from)),
        "period_to": wire(now + timedelta(days=days_to)),
    }


def payment(location_id: int = NORD, **changed: Any) -> dict[str, Any]:
    return {
        "salon_id": location_id,
        "application_id": 101,
        "payment_sum": 990.99,
        "currency_iso": "EUR",
        **period(),
        **changed,
    }


class App:
    """The application's client: the right headers."""

    def __init__(self, url: str) -> None:
        headers = {"Authorization": "Bearer local-partner-token", "Accept": ACCEPT}
        self.http = httpx.Client(
            base_url=url, headers=headers, timeout=60, trust_env=False, verify=TLS
        )

    def status(self, location_id: int = NORD) -> httpx.Response:
        return self.http.get(f"/marketplace/salon/{location_id}/application/101")

    def callback(self, location_id: int = NORD, **more: Any) -> httpx.Response:
        body = {"salon_id": location_id, "application_id": 101, **more}
        return self.http.post("/marketplace/partner/callback", json=body)

    def pay(self, location_id: int = NORD, **changed: Any) -> httpx.Response:
        body = payment(location_id, **changed)
        return self.http.post("/marketplace/partner/payment", json=body)

    def paid(self, location_id: int = NORD, **changed: Any) -> int:
        answer = self.pay(location_id, **changed)
        assert answer.status_code == 200, answer.text
        number = answer.json()["data"]["id"]
        assert isinstance(number, int)
        return number

    def refund(self, payment_id: int) -> httpx.Response:
        return self.http.post(f"/marketplace/partner/payment/refund/{payment_id}")

    def uninstall(self, location_id: int = NORD) -> httpx.Response:
        return self.http.post(f"/marketplace/salon/{location_id}/application/101/uninstall")

    def salons(self, page: int = 1, count: int = 1000) -> httpx.Response:
        query = {"page": page, "count": count}
        return self.http.get("/marketplace/application/101/salons", params=query)


@dataclass
class Inbox:
    """What the application's webhook address received."""

    url: str
    bodies: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200


def connect(sim: Simulator, app: App, location_id: int = NORD) -> None:
    sim.grant(location_id)
    assert app.callback(location_id).status_code == 201


def steps(sim: Simulator, location_id: int = NORD) -> list[tuple[str, str, str]]:
    return [(e.status_from, e.status_to, e.source) for e in sim.log(location_id)]
