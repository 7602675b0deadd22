"""The platform's marketplace: status, locations, callback, uninstall, payments and refunds.

Pure functions read the answers; what an answer proves is decided by allow-lists.

Sources: https://developer.alteg.io/en/marketplace (the operations), and for who must send what,
https://alteg.io/en/support/knowledge-base/6746128692893 (payments and refunds).
"""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from shared.altegio.client import Client, NoAnswer, NotSent, Refused, Reply
from shared.altegio.outcome import Blocked, NotTaken, Outcome, Rejected, Sent, Unclear
from shared.altegio.status import Installed, ListedPayment, Status, Transition
from shared.clock import from_wire, wire
from shared.one_line import one_line

# The platform allows 1000, but each comes with its schedule and more.
LOCATIONS_PER_PAGE = 200
_LONGEST_NAME = 200

# Of a sum, on either side of the point.
_MOST_DIGITS = 20


def read_status(reply: Reply, zone: ZoneInfo) -> Status:
    """The connection status of one location.

    Raises:
        Refused: the platform refused to say.
        Unreachable: it said nothing that can be relied on.
    """
    if reply.status == HTTPStatus.NOT_FOUND and reply.is_platforms_own():
        return Status(installed=Installed.NO, since=None, said=reply.message())
    if HTTPStatus.BAD_REQUEST <= reply.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Refused(reply.status, reply.message())
    body = reply.json()
    if reply.status != HTTPStatus.OK or not isinstance(body, dict) or not body.get("success"):
        raise NoAnswer(f"status answered {reply.status} without its data")
    try:
        data = body["data"]
        connection = data["connection_status"]
        installed = Installed(connection["status"])
        entries = [_transition(entry, zone) for entry in data.get("logs") or ()]
        since, payments = connection.get("created_at"), data.get("payments") or []
        if not isinstance(payments, list):
            raise NoAnswer("status answered in an unknown form")
        return Status(
            installed=installed,
            since=from_wire(since, zone) if since else None,
            log=_in_order(entries, installed),
            # A row that is there twice is one payment.
            payments=tuple(dict.fromkeys(map(_listed, payments))),
        )
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
        raise NoAnswer("status answered in an unknown form") from None


def _in_order(log: list[Transition], installed: Installed) -> tuple[Transition, ...]:
    """The oldest first, also within one second; nobody says whether the wire begins with it."""
    told = max(log, log[::-1], key=lambda entries: _likelihood(entries, installed))
    return tuple(sorted(_unfolded(told), key=lambda entry: entry.at))


def _likelihood(log: list[Transition], installed: Installed) -> tuple[int, int, bool, float]:
    """How much speaks for this order of the log; of two, the greater.

    The times, which in the hour that is there twice may fit both ways; then the words, which may,
    too; then that it ends as the location stands now. Of two that are left, it is the one that ends
    first: a log that was taken for longer than it is would seem to be later than what follows.
    """
    told = [*_unfolded(log)]
    return (
        sum(one.at <= next_.at for one, next_ in pairwise(told)),
        sum(one.after == next_.before for one, next_ in pairwise(told)),
        bool(log) and log[-1].after == installed,
        -max((entry.at.timestamp() for entry in told), default=0.0),
    )


def _transition(entry: Any, zone: ZoneInfo) -> Transition:
    at, or_at = (from_wire(entry["changed_at"], zone, fold=fold) for fold in (0, 1))
    words = str(entry["status_from"]), str(entry["status_to"])
    return Transition(at, *words, or_at=or_at if at < or_at else None)


def _unfolded(log: Sequence[Transition]) -> Iterator[Transition]:
    """The times of the hour that is there twice, when clocks go back, as their order needs them.

    What may be either is the first: whatever follows later, it is read alike each time.
    """
    before: Transition | None = None
    for entry in log:
        is_second = before is not None and entry.at < before.at <= entry.latest
        before = replace(entry, at=entry.latest, or_at=None) if is_second else entry
        yield before


def _listed(row: Any) -> ListedPayment:
    """As much of a row as can be read; what cannot proves nothing (see `lookup`)."""
    values = row if isinstance(row, dict) else {}
    amount = None
    with suppress(KeyError, ArithmeticError):
        amount = Decimal(str(values["payment_sum"]))
    if amount is not None and not (amount.is_finite() and abs(amount.adjusted()) < _MOST_DIGITS):
        amount = None
    payment_id = _id(values.get("id"))
    return ListedPayment(
        id=payment_id,
        # Without an id it is nobody's to own, whatever else it says.
        amount=amount if payment_id else None,
        paid_at=str(values.get("payment_date")),
        period_from=str(values.get("period_from")),
        period_to=str(values.get("period_to")),
        # YCLIENTS may write it as it writes other values.
        is_refunded=values.get("is_refunded") in (True, "1", "true"),
        # Seen in production, and documented nowhere.
        refunded_at=str(values.get("refunded_at") or ""),
    )


def _id(value: Any) -> int:
    """A whole number, which YCLIENTS writes as a string; 0 for anything else.

    Nor is one an id that no table can hold.
    """
    if isinstance(value, str) and re.fullmatch("[0-9]{1,18}", value):
        return int(value)
    return value if type(value) is int and 0 < value < 10**18 else 0


@dataclass(frozen=True, slots=True)
class ListedLocation:
    """A row of the list of locations; `name` and `zone` are empty if it tells none.

    Not tried: that its `title` is what a link calls `salon_name`, and its `timezone_name` the IANA
    name of the zone on whose clock the location opens.
    """

    id: int
    name: str
    zone: str = ""


def read_locations(reply: Reply) -> tuple[ListedLocation, ...]:
    """One page of the connected locations.

    Raises:
        Refused: the platform refused to say.
        Unreachable: it said nothing that can be relied on.
    """
    if HTTPStatus.BAD_REQUEST <= reply.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Refused(reply.status, reply.message())
    body = reply.json()
    data = body.get("data") if isinstance(body, dict) and body.get("success") is True else None
    if reply.status != HTTPStatus.OK or not isinstance(data, list):
        raise NoAnswer(f"the list of locations came as {reply.status}, without its data")
    rows = [row if isinstance(row, dict) else {} for row in data]
    listed = tuple(
        ListedLocation(_id(it.get("id")), _name(it.get("title")), _name(it.get("timezone_name")))
        for it in rows
    )
    if not all(it.id for it in listed):
        raise NoAnswer("a location of the list has no id")
    return listed


def _name(value: Any) -> str:
    return one_line(value)[:_LONGEST_NAME].strip() if isinstance(value, str) else ""


def read_payment(reply: Reply) -> Outcome:
    """What became of a payment that was reported. Whatever proves nothing is `Unclear`."""
    if reply.status == HTTPStatus.OK:
        body = reply.json()
        data = body.get("data") if isinstance(body, dict) and body.get("success") is True else None
        payment_id = _id(data.get("id")) if isinstance(data, dict) else 0
        if payment_id:
            return Sent(payment_id)
        return Unclear("200 without a payment id")
    return _read_failure(reply)


def read_refund(reply: Reply, payment_id: int) -> Outcome:
    """What became of a refund. A 200 is documented without a body, so an empty one counts."""
    if reply.status == HTTPStatus.OK:
        body = reply.json()
        confirmed = isinstance(body, dict) and body.get("success") is not False
        if confirmed or not reply.body.strip():
            return Sent(payment_id)
        return Unclear("200 that does not confirm the refund")
    return _read_failure(reply)


def _read_failure(reply: Reply) -> Outcome:
    message = reply.message()
    match reply.status:
        case 429:
            return NotTaken("429 too many requests", retry_after_s=reply.retry_after_s)
        case 401 | 403 | 404 | 406:
            return Blocked(reply.status, message)
        case 422:
            return Rejected(message or "422 without a reason")
        case _:
            return Unclear(f"answered {reply.status}")


def wire_number(amount: Decimal) -> int | float:
    """A sum as the JSON number that says exactly the same.

    Sums have at most 15 significant digits (see `billing_event`), which a double always gives back
    unchanged: https://docs.python.org/3/library/sys.html#sys.float_info
    """
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def payment_body(
    application_id: int,
    location_id: int,
    *,
    amount: Decimal,
    currency: str,
    paid_at: datetime,
    period_from: datetime,
    period_to: datetime,
    zone: ZoneInfo,
) -> dict[str, Any]:
    """The body of the payment notice, field by field as documented."""
    return {
        "salon_id": location_id,
        "application_id": application_id,
        "payment_sum": wire_number(amount),
        "currency_iso": currency,
        "payment_date": wire(paid_at, zone),
        "period_from": wire(period_from, zone),
        "period_to": wire(period_to, zone),
    }


class Marketplace:
    """The operations, each within the total deadline of the settings."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def zone(self) -> ZoneInfo:
        """Of the dates on the wire."""
        return self._client.zone

    def ahead(self, now: datetime) -> timedelta | None:
        """As `Client.ahead`."""
        return self._client.ahead(now)

    def prepare(self) -> None:
        """As `Client.prepare`."""
        self._client.prepare()

    def status(self, location_id: int, until: float = math.inf) -> Status:
        """Asks how the application stands in a location, until `until` of `time.monotonic`.

        Raises:
            Refused: token, address or rights are wrong.
            Unreachable: there was no usable answer.
        """
        application_id = self._client.application_id
        path = f"/marketplace/salon/{location_id}/application/{application_id}"
        return read_status(self._client.ask("GET", path, until=until), self._client.zone)

    def locations(self, page: int, until: float = math.inf) -> tuple[ListedLocation, ...]:
        """One page, from 1, of the locations that have the application; the last one is shorter.

        It is not documented whether frozen and pending ones are among them. Asks until `until` of
        `time.monotonic`.

        Raises:
            Refused: token, address or rights are wrong.
            Unreachable: there was no usable answer.
        """
        application_id = self._client.application_id
        query = f"page={page}&count={LOCATIONS_PER_PAGE}"
        path = f"/marketplace/application/{application_id}/salons?{query}"
        return read_locations(self._client.ask("GET", path, until=until))

    def confirm(self, location_id: int, until: float = math.inf) -> None:
        """Sends the activation callback; only the status tells whether it took effect.

        As long as `until` of `time.monotonic` lasts.

        Raises:
            Refused: the platform did not accept, which it also says of an active install.
            Unreachable: there was no usable answer.
        """
        body = {"salon_id": location_id, "application_id": self._client.application_id}
        reply = self._client.ask("POST", "/marketplace/partner/callback", body, until=until)
        if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise NoAnswer(f"callback answered {reply.status}")
        if reply.status >= HTTPStatus.BAD_REQUEST:
            raise Refused(reply.status, reply.message())
        answer = reply.json()
        if isinstance(answer, dict) and answer.get("success") is False:
            raise Refused(reply.status, reply.message())

    def uninstall(self, location_id: int) -> None:
        """Ends the application in a location; where it has ended already, nothing happens.

        So it may be repeated. The platform sends us the webhook of it, too.

        Raises:
            Refused: the platform will not; token, address or rights are wrong.
            Unreachable: there was no usable answer.
        """
        application_id = self._client.application_id
        path = f"/marketplace/salon/{location_id}/application/{application_id}/uninstall"
        reply = self._client.ask("POST", path)
        if reply.status == HTTPStatus.NOT_FOUND and reply.is_platforms_own():
            return
        answer = reply.json()
        if not isinstance(answer, dict) or reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise NoAnswer(f"uninstall answered {reply.status} without its envelope")
        if reply.status != HTTPStatus.OK or answer.get("success") is not True:
            raise Refused(reply.status, reply.message())

    def report_payment(self, location_id: int, payment: dict[str, Any]) -> Outcome:
        """Reports one payment, once, to whoever has taken a turn. The one place that may.

        The platform has no idempotency key: nothing here or below retries, and the connection is
        never one that was used before.
        """
        body = payment_body(
            self._client.application_id, location_id, zone=self._client.zone, **payment
        )
        try:
            return read_payment(self._client.tell("/marketplace/partner/payment", body, anew=True))
        except NotSent as error:
            return NotTaken(str(error))
        except NoAnswer as error:
            return Unclear(str(error))

    def refund(self, payment_id: int) -> Outcome:
        """Confirms a refund of a whole payment, by its id, for whoever has taken a turn."""
        path = f"/marketplace/partner/payment/refund/{payment_id}"
        try:
            return read_refund(self._client.tell(path, None, anew=True), payment_id)
        except NotSent as error:
            return NotTaken(str(error))
        except NoAnswer as error:
            return Unclear(str(error))
