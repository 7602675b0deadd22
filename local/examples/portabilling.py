"""An agent beside PortaBilling: reads back each invoice that it tells of, and posts it to /billing.

PortaBilling's event says only which invoice has changed, not how. So the agent asks for the
invoice: fully paid, it is a payment; not paid any more though it was, a refund; paid in part, a
matter for a person. It keeps nothing: what was told before, `/billing` knows.

It needs nothing but Python 3.11: copy this file to where PortaBilling's API can be reached.

https://docs.portaone.com/docs/mr116-group-invoice (its events)
https://docs.portaone.com/docs/mr107-invoice-attributes (what an invoice has)
"""

import base64
import hmac
import json
import os
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import partial
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

# Documented are the attributes of an invoice in words: From date, To date, Period total, Paid
# amount. What the API calls them, its methods, and the form of a request (`_asked`) were inferred
# and never tried: correct them here, and nowhere else.
METHODS = {"invoice": "Invoice/get_invoice_info", "fields": "Customer/get_custom_fields_values"}
INVOICE = "invoice_info"
FROM, TO, TOTAL, PAID = "period_from", "period_to", "period_total", "amount_paid"
CUSTOM, NAME, VALUE = "custom_fields_values", "name", "db_value"

LOCATION = "Altegio location"
"""The custom field of a customer that holds the number of his location."""
TOLD = ("Invoice/Created", "Invoice/Updated")
_MOST_BYTES = 100_000
# Two events of one invoice would both find that it was not told yet, and tell it of two moments.
_one_at_a_time = threading.Lock()


class PersonNeededError(Exception):
    """It would not become better by itself; the text says what is wrong."""


class TellAgainError(Exception):
    """It was not stored: PortaBilling has to tell it again."""


@dataclass(frozen=True, slots=True)
class Agent:
    """What happens with one event.

    Attributes:
        ask: One method of PortaBilling's API, with its parameters.
        post: An event to `/billing`; returns the status.
        is_known: Whether `/billing` has received an event of this id.
        zone: Of the dates of invoices.
        currency: Of the invoices.
    """

    ask: Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
    post: Callable[[Mapping[str, Any]], int]
    is_known: Callable[[str], bool]
    zone: ZoneInfo
    currency: str

    def take(self, told: Mapping[str, Any]) -> str:
        """Takes one event; returns what came of it in words.

        Raises:
            PersonNeededError, KeyError, ValueError: a person has to look.
            TellAgainError: it is to be told again.
        """
        if told.get("event_type") not in TOLD:
            return "it is of no invoice"
        # They are typed as numbers, and stand as texts in the examples.
        number = int(told["variables"]["i_invoice"])
        location = self._location(int(told["variables"]["i_customer"]))
        if not location:
            return f"its customer has no {LOCATION}"
        invoice = self.ask(METHODS["invoice"], {"i_invoice": number})[INVOICE]
        paid, total = Decimal(str(invoice[PAID])), Decimal(str(invoice[TOTAL]))
        payment, refund = f"porta-{number}", f"porta-{number}-refund"
        if paid == 0:
            if not self.is_known(payment):
                return "it is not paid"
            return self._posted({"type": "refund", "event_id": refund, "payment_event_id": payment})
        if paid != total:
            raise PersonNeededError(f"invoice {number}: {paid} of {total} is paid")
        if self.is_known(refund):
            raise PersonNeededError(f"invoice {number} was given back, and is paid again")
        if self.is_known(payment):
            return f"{payment} is stored already"
        return self._posted(
            {
                "type": "payment",
                "event_id": payment,
                "location_id": int(location),
                "amount": str(total),
                "currency": self.currency,
                # When is not among what is documented of an invoice.
                "paid_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "period_from": self._at(invoice[FROM], time.min),
                # It is the last day.
                "period_to": self._at(invoice[TO], time(23, 59, 59)),
            }
        )

    def _location(self, customer: int) -> str:
        fields = self.ask(METHODS["fields"], {"i_customer": customer})[CUSTOM]
        return next((str(it[VALUE] or "").strip() for it in fields if it[NAME] == LOCATION), "")

    def _at(self, day: str, of_day: time) -> str:
        return datetime.combine(date.fromisoformat(day), of_day, self.zone).isoformat()

    def _posted(self, event: Mapping[str, Any]) -> str:
        status = self.post(event)
        if status == 202:  # noqa: PLR2004 - docs/billing.md has them all
            return f"{event['event_id']} is stored"
        if status in (400, 409):
            raise PersonNeededError(f"{event['event_id']} was refused with {status}")
        raise TellAgainError(f"{event['event_id']} was answered {status}")


class Handler(BaseHTTPRequestHandler):
    """Takes PortaBilling's events, with the user and password that it was given for that."""

    timeout = 30  # Of each wait for what is still to come of a request.

    def __init__(self, agent: Agent, credentials: str, *arguments: Any) -> None:
        self._agent = agent
        self._expected = b"Basic " + base64.b64encode(credentials.encode())
        super().__init__(*arguments)

    def do_POST(self) -> None:
        """200 if PortaBilling has nothing left to do, 503 if it is to tell it again."""
        given = self.headers.get("Authorization", "").encode()
        length = self.headers.get("Content-Length", "")
        body = self.rfile.read(min(int(length), _MOST_BYTES)) if length.isdecimal() else b""
        if not hmac.compare_digest(given, self._expected):
            self._answer(401, "who asks?")
            return
        try:
            with _one_at_a_time:
                said = self._agent.take(json.loads(body))
            self._answer(200, said)
        except (TellAgainError, OSError, HTTPException) as error:
            # Nobody is there, or was in time, or to the end of his answer.
            self._answer(503, f"again, please: {error}")
        except (PersonNeededError, LookupError, ValueError, TypeError, ArithmeticError) as error:
            # Have whatever reads this program's log watch for these words.
            print(f"A PERSON HAS TO LOOK: {type(error).__name__}: {error}", file=sys.stderr)
            self._answer(200, "a person has to look")

    def _answer(self, status: int, words: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(words.encode())


def _asked(url: str, key: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
    """One request, with a key as a bearer; the status, and the JSON of what went well."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    text = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, text, headers)  # noqa: S310 - an address of the operator's
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.code, None


def agent_of(environ: Mapping[str, str]) -> Agent:
    """The agent, as the environment describes it; docs/billing/portabilling.md has the names."""

    def ask(method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        url = f"{environ['PORTA_API']}/{method}"
        status, told = _asked(url, environ["PORTA_SESSION"], {"params": params})
        if not isinstance(told, dict):
            raise TellAgainError(f"{method} was answered {status}")
        return told

    def post(event: Mapping[str, Any]) -> int:
        return _asked(environ["BILLING_URL"], environ["BILLING_KEY"], event)[0]

    def is_known(event_id: str) -> bool:
        url = f"{environ['BILLING_URL']}/{quote(event_id, safe='')}"
        status, _ = _asked(url, environ["BILLING_KEY"])
        if status not in (200, 404):
            raise TellAgainError(f"/billing was answered {status}")
        return status == 200  # noqa: PLR2004 - docs/billing.md has them all

    zone, currency = ZoneInfo(environ["PORTA_ZONE"]), environ["PORTA_CURRENCY"]
    return Agent(ask, post, is_known, zone, currency)


def server_of(environ: Mapping[str, str]) -> ThreadingHTTPServer:
    """What serves it, on HOST and PORT."""
    handler = partial(Handler, agent_of(environ), environ["PORTA_CREDENTIALS"])
    return ThreadingHTTPServer((environ["HOST"], int(environ["PORT"])), handler)


if __name__ == "__main__":
    server_of(os.environ).serve_forever()
