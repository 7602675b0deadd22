"""The only module that speaks HTTP to the platform.

Pure functions read the answers; `Altegio` sends. What an answer proves is decided by allow-lists:

    Unreachable                 nothing that can be used came back
    ├── NotSent                 and nothing can have reached the platform
    └── NoAnswer                and it may have done what we asked

Sources: https://developer.alteg.io/en/marketplace (the operations), and for who must send what,
https://alteg.io/en/support/knowledge-base/6746128692893 (payments and refunds).
"""

import json
import logging
import math
import queue
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from shared.altegio.outcome import Blocked, NotTaken, Outcome, Rejected, Sent, Unclear
from shared.altegio.rate_limit import Pace, Paused, Share
from shared.altegio.settings import PlatformSettings
from shared.altegio.status import Installed, ListedPayment, Status, Transition
from shared.altegio.tokens import PartnerToken
from shared.clock import from_wire, wire

# httpx logs every URL at INFO.
logging.getLogger("httpx").setLevel(logging.WARNING)

# The platform allows 1000, but each comes with its schedule and more.
LOCATIONS_PER_PAGE = 200

_CONNECT_S = 3.0
_LONGEST_ANSWER = 4 * 1024 * 1024
# Of a sum, on either side of the point.
_MOST_DIGITS = 20
# Wrong token, wrong Accept, too many calls: whoever calls next would be told the same.
_MEANT_FOR_ALL = (401, 406, 429)


class Unreachable(Exception):
    """No usable answer; the message says why."""


class NotSent(Unreachable):
    """Proven: not a byte of the request was written, so the platform saw nothing."""


class NoAnswer(Unreachable):
    """The platform may have received the request, and done it."""


class Refused(Exception):
    """The platform answered that it will not: `status` and its own message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}".strip())
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer; `retry_after_s` is 0 if none was asked for."""

    status: int
    body: bytes
    retry_after_s: float = 0.0

    def json(self) -> Any:
        """The body as JSON, numbers exact; None if it is not JSON."""
        try:
            return json.loads(self.body, parse_float=Decimal, parse_constant=lambda _: None)
        except (ValueError, ArithmeticError, RecursionError):
            return None

    def is_platforms_own(self) -> bool:
        """Whether a refusal may be the platform's: its envelope, which it may leave empty.

        A page of some proxy in between, or a gateway's `{"message": ...}`, proves nothing.
        """
        if not self.body.strip():
            return True
        body = self.json()
        return isinstance(body, dict) and not body.get("success") and "message" not in body

    def message(self) -> str:
        """The platform's own words, in one short line; empty if it had none."""
        body = self.json()
        meta = body.get("meta") if isinstance(body, dict) else None
        message = meta.get("message") if isinstance(meta, dict) else None
        return _one_line(message) if isinstance(message, str) else ""


def read_status(reply: Reply, zone: ZoneInfo) -> Status:
    """The connection status of one location.

    Raises:
        Refused: the platform refused to say.
        Unreachable: it said nothing that can be relied on.
    """
    if reply.status == httpx.codes.NOT_FOUND and reply.is_platforms_own():
        return Status(installed=Installed.NO, since=None)
    if httpx.codes.BAD_REQUEST <= reply.status < httpx.codes.INTERNAL_SERVER_ERROR:
        raise Refused(reply.status, reply.message())
    body = reply.json()
    if reply.status != httpx.codes.OK or not isinstance(body, dict) or not body.get("success"):
        raise NoAnswer(f"status answered {reply.status} without its data")
    try:
        data = body["data"]
        connection = data["connection_status"]
        log = _in_order(
            [
                Transition(
                    at=from_wire(entry["changed_at"], zone),
                    before=str(entry["status_from"]),
                    after=str(entry["status_to"]),
                )
                for entry in data.get("logs") or ()
            ]
        )
        since, payments = connection.get("created_at"), data.get("payments") or []
        if not isinstance(payments, list):
            raise NoAnswer("status answered in an unknown form")
        return Status(
            installed=Installed(connection["status"]),
            since=from_wire(since, zone) if since else None,
            log=log,
            payments=tuple(map(_listed, payments)),
        )
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
        raise NoAnswer("status answered in an unknown form") from None


def _in_order(log: list[Transition]) -> tuple[Transition, ...]:
    """The oldest first, also within one second; nobody says whether the wire begins with it."""
    onwards = sum(one.after == next_.before for one, next_ in pairwise(log))
    backwards = sum(one.before == next_.after for one, next_ in pairwise(log))
    told = log[::-1] if backwards > onwards else log
    return tuple(sorted(told, key=lambda entry: entry.at))


def _listed(row: Any) -> ListedPayment:
    """As much of a row as can be read; what cannot proves nothing (see `lookup`)."""
    values = row if isinstance(row, dict) else {}
    amount = None
    with suppress(KeyError, ArithmeticError):
        amount = Decimal(str(values["payment_sum"]))
    if amount is not None and not (amount.is_finite() and abs(amount.adjusted()) < _MOST_DIGITS):
        amount = None
    return ListedPayment(
        id=_whole(values.get("id")),
        amount=amount,
        paid_at=str(values.get("payment_date")),
        period_from=str(values.get("period_from")),
        period_to=str(values.get("period_to")),
        is_refunded=values.get("is_refunded") is True,
    )


def _whole(value: Any) -> int:
    """A whole number, which YCLIENTS writes as a string; 0 for anything else."""
    if isinstance(value, str) and re.fullmatch("[0-9]{1,18}", value):
        return int(value)
    return value if type(value) is int else 0


def read_locations(reply: Reply) -> tuple[int, ...]:
    """The ids on one page of the connected locations.

    Raises:
        Refused: the platform refused to say.
        Unreachable: it said nothing that can be relied on.
    """
    if httpx.codes.BAD_REQUEST <= reply.status < httpx.codes.INTERNAL_SERVER_ERROR:
        raise Refused(reply.status, reply.message())
    body = reply.json()
    data = body.get("data") if isinstance(body, dict) and body.get("success") is True else None
    if reply.status != httpx.codes.OK or not isinstance(data, list):
        raise NoAnswer(f"locations answered {reply.status} without their data")
    ids = tuple(_whole(row.get("id")) if isinstance(row, dict) else 0 for row in data)
    if not all(ids):
        raise NoAnswer("a location of the list has no id")
    return ids


def read_payment(reply: Reply) -> Outcome:
    """What became of a payment that was reported. Whatever proves nothing is `Unclear`."""
    if reply.status == httpx.codes.OK:
        body = reply.json()
        data = body.get("data") if isinstance(body, dict) and body.get("success") is True else None
        payment_id = _whole(data.get("id")) if isinstance(data, dict) else 0
        # A number that no table can hold is no id.
        if 0 < payment_id < 10**18:
            return Sent(payment_id)
        return Unclear("200 without a payment id")
    return _read_failure(reply)


def read_refund(reply: Reply, payment_id: int) -> Outcome:
    """What became of a refund. A 200 is documented without a body, so an empty one counts."""
    if reply.status == httpx.codes.OK:
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


class Altegio:
    """The platform's marketplace operations, each within the total deadline of the settings."""

    def __init__(self, settings: PlatformSettings, token: PartnerToken, pace: Pace | Share) -> None:
        self._settings = settings
        self._token = token
        self._pace = pace
        self._token_taken: str | None = None
        self.zone = settings.platform_timezone

    def status(self, location_id: int, until: float = math.inf) -> Status:
        """Asks how the application stands in a location, until `until` of `time.monotonic`.

        Raises:
            Refused: token, address or rights are wrong.
            Unreachable: there was no usable answer.
        """
        application_id = self._settings.application_id
        path = f"/marketplace/salon/{location_id}/application/{application_id}"
        return read_status(self._ask("GET", path, until=until), self.zone)

    def prepare(self) -> None:
        """Makes what a first call needs, which takes so long that the call would miss its turn."""
        _ = self._reads, self._money
        with suppress(GetParameterError):
            self._token.accepted()

    def locations(self, page: int) -> tuple[int, ...]:
        """One page, from 1, of the locations that have the application; the last one is shorter.

        It is not documented whether frozen and pending ones are among them.

        Raises:
            Refused: token, address or rights are wrong.
            Unreachable: there was no usable answer.
        """
        application_id = self._settings.application_id
        query = f"page={page}&count={LOCATIONS_PER_PAGE}"
        path = f"/marketplace/application/{application_id}/salons?{query}"
        return read_locations(self._ask("GET", path, until=math.inf))

    def confirm(self, location_id: int, until: float = math.inf) -> None:
        """Sends the activation callback; only the status tells whether it took effect.

        As long as `until` of `time.monotonic` lasts.

        Raises:
            Refused: the platform did not accept, which it also says of an active install.
            Unreachable: there was no usable answer.
        """
        body = {"salon_id": location_id, "application_id": self._settings.application_id}
        reply = self._ask("POST", "/marketplace/partner/callback", body, until=until)
        if reply.status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise NoAnswer(f"callback answered {reply.status}")
        if reply.status >= httpx.codes.BAD_REQUEST:
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
        application_id = self._settings.application_id
        path = f"/marketplace/salon/{location_id}/application/{application_id}/uninstall"
        reply = self._ask("POST", path, until=math.inf)
        if reply.status == httpx.codes.NOT_FOUND and reply.is_platforms_own():
            return
        answer = reply.json()
        if not isinstance(answer, dict) or reply.status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise NoAnswer(f"uninstall answered {reply.status} without its envelope")
        if reply.status != httpx.codes.OK or answer.get("success") is not True:
            raise Refused(reply.status, reply.message())

    def report_payment(self, location_id: int, payment: dict[str, Any]) -> Outcome:
        """Reports one payment, once, to whoever has taken a turn. The one place that may.

        The platform has no idempotency key: nothing here or below retries, and the connection is
        never one that was used before.
        """
        body = payment_body(self._settings.application_id, location_id, zone=self.zone, **payment)
        try:
            reply = self._send(self._money, "POST", "/marketplace/partner/payment", body)
            if reply.status == httpx.codes.NOT_FOUND:
                # No id in this address: it is wrong for every payment.
                self._pace.brake(reply.retry_after_s)
            return read_payment(reply)
        except NotSent as error:
            return NotTaken(str(error))
        except NoAnswer as error:
            return Unclear(str(error))

    def refund(self, payment_id: int) -> Outcome:
        """Confirms a refund of a whole payment, by its id, for whoever has taken a turn."""
        path = f"/marketplace/partner/payment/refund/{payment_id}"
        try:
            return read_refund(self._send(self._money, "POST", path), payment_id)
        except NotSent as error:
            return NotTaken(str(error))
        except NoAnswer as error:
            return Unclear(str(error))

    def ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        until: float = math.inf,
        host: str,
        user_token: str = "",
    ) -> Reply:
        """Asks another host of the platform what may be repeated, when it is our turn.

        Raises:
            Unreachable: there was no answer.
        """
        return self._ask(method, path, body, until=until, host=host, user_token=user_token)

    def tell(self, path: str, body: dict[str, Any], *, host: str, anew: bool) -> Reply:
        """Posts to another host of the platform, once, for whoever has taken a turn.

        Args:
            path: where to.
            body: what.
            host: the other host.
            anew: on a connection that was never used before, so that a failure tells more.

        Raises:
            Unreachable: there was no answer.
        """
        client = self._money if anew else self._reads
        return self._send(client, "POST", path, body, host=host)

    def _ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        until: float,
        host: str = "",
        user_token: str = "",
    ) -> Reply:
        """Sends what may be repeated, when it is our turn."""
        self.prepare()
        try:
            self._pace.take(until - time.monotonic())
        except Paused as paused:
            raise NotSent(str(paused)) from None
        return self._send(
            self._reads, method, path, body, until=until, host=host, user_token=user_token
        )

    def _send(
        self,
        client: httpx.Client,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        until: float = math.inf,
        host: str = "",
        user_token: str = "",
    ) -> Reply:
        """One exchange, and after a 401 one more with each other token, while there is one.

        A 401 proves that the platform looked no further than the token.
        """
        reply = None
        for token in self._tokens():
            reply = self._exchange(
                client,
                method,
                path,
                body,
                authorization=f"Bearer {token}" + (f", User {user_token}" if user_token else ""),
                host=host or self._settings.platform_app_url,
                until=until,
            )
            if reply.status != httpx.codes.UNAUTHORIZED:
                self._token_taken = token
                break
        if reply is None:
            raise NotSent("there is no partner token that a header can carry")
        if reply.status in _MEANT_FOR_ALL:
            self._pace.brake(reply.retry_after_s)
        return reply

    def _tokens(self) -> Iterator[str]:
        """Those to try, each once: first what the platform took last, then, anew, all others."""
        try:
            accepted = self._token.accepted()
        except GetParameterError:
            raise NotSent("the partner token cannot be read") from None
        tried = [token for token in accepted if token == self._token_taken] or accepted[:1]
        yield from filter(_fits_a_header, tried)
        with suppress(GetParameterError):
            accepted = self._token.refetch()
        yield from (token for token in accepted if token not in tried and _fits_a_header(token))

    def _exchange(
        self,
        client: httpx.Client,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        *,
        authorization: str,
        host: str,
        until: float,
    ) -> Reply:
        """Sends in a thread of its own, as httpx has no deadline for an exchange as a whole.

        A body that trickles, or a name server that hangs, would otherwise outlive every timeout.
        Past the deadline the thread may still read, but must not begin to send: see `_Gate`.
        """
        deadline = min(time.monotonic() + self._settings.http_total_s, until)
        total_s = deadline - time.monotonic()
        if total_s <= 0:
            raise NotSent("no time is left")
        gate = _Gate()
        request = client.build_request(
            method,
            f"{host}{path}",
            json=body,
            headers={
                "Authorization": authorization,
                "Accept": self._settings.platform_accept,
                "Accept-Encoding": "identity",
            },
            extensions={"trace": gate.trace},
        )
        answers: queue.SimpleQueue[Reply | Exception] = queue.SimpleQueue()

        def exchange() -> None:
            try:
                answers.put(_read(client.send(request, stream=True)))
            except Exception as error:  # noqa: BLE001 - it is raised again by who waits for it
                answers.put(error)

        threading.Thread(target=exchange, daemon=True).start()
        try:
            answer = answers.get(timeout=total_s)
        except queue.Empty:
            unsent = gate.close()
            raise (NotSent if unsent else NoAnswer)(f"no answer within {total_s:.3g} s") from None
        if isinstance(answer, Reply):
            return answer
        if not isinstance(answer, (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, NoAnswer)):
            raise answer
        # Only the kind: the text of some errors quotes the request, with its token.
        raise (NotSent if gate.close() else NoAnswer)(type(answer).__name__) from None

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return httpx.create_ssl_context(trust_env=False)

    @cached_property
    def _reads(self) -> httpx.Client:
        """For questions and for the callback, which may be repeated."""
        return httpx.Client(verify=self._tls, trust_env=False, timeout=self._timeout())

    @cached_property
    def _money(self) -> httpx.Client:
        """For what may not be repeated: a new connection for each request.

        A reused one may be dead since the last freeze, and its failure would not tell whether the
        platform saw the request.
        """
        return httpx.Client(
            verify=self._tls,
            trust_env=False,
            timeout=self._timeout(),
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def _timeout(self) -> httpx.Timeout:
        return httpx.Timeout(self._settings.http_total_s, connect=_CONNECT_S)


class _Gate:
    """Who is first: the thread that begins to send, or the caller who gives up.

    httpcore reports each stage of a request before it begins; until the first byte of the request
    line nothing can have reached the platform, however long names and connections took.
    https://www.encode.io/httpcore/extensions/#trace
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sending = False
        self._closed = False

    def trace(self, event: str, _info: dict[str, Any]) -> None:
        """Called by httpcore; lets nothing be sent once the gate is closed."""
        if event.endswith("send_request_headers.started"):
            with self._lock:
                if self._closed:
                    raise NoAnswer("given up before sending")
                self._sending = True

    def close(self) -> bool:
        """Closes the gate; True if nothing was sent, and so nothing will be."""
        with self._lock:
            self._closed = True
            return not self._sending


def _read(response: httpx.Response) -> Reply:
    try:
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > _LONGEST_ANSWER:
                raise NoAnswer("the answer is too long")
    finally:
        response.close()
    return Reply(
        status=response.status_code,
        body=bytes(body),
        retry_after_s=_seconds(response.headers.get("retry-after", "")),
    )


def _seconds(text: str) -> float:
    """`Retry-After` in seconds; its other form, a date, is rare and read as none."""
    return min(float(text), 3600.0) if text.isascii() and text.isdigit() else 0.0


def _fits_a_header(token: str) -> bool:
    return token.isascii() and token.isprintable()


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)[:200]
