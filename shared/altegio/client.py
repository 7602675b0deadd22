"""The only module that speaks HTTP to the platform: what it is asked and told is elsewhere.

What a failure proves:

    Unreachable                 nothing that can be used came back
    ├── NotSent                 and nothing can have reached the platform
    └── NoAnswer                and it may have done what we asked
"""

import json
import logging
import math
import queue
import re
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import cache, cached_property
from typing import Any

import httpx

from shared import roots
from shared.altegio.rate_limit import Pace, Paused, Share
from shared.altegio.settings import PlatformSettings
from shared.altegio.tokens import PartnerToken
from shared.aws.parameters import ParameterUnreadable
from shared.telemetry import count

# httpx logs every URL at INFO.
logging.getLogger("httpx").setLevel(logging.WARNING)

_CONNECT_S = 3.0
_LONGEST_ANSWER = 4 * 1024 * 1024
_CHAINS_TOKEN = "crm_token"  # noqa: S105 - a field's name
# Beside our tokens: the chain's, who called whom, and the link with which anybody hears them.
_SECRET_FIELDS = (_CHAINS_TOKEN, "phone", "diversion", "user", "link")
_SHORTEST_SECRET, _MOST_OF_A_NUMBER = 5, 7  # An extension is none.
# Wrong token, wrong Accept, too many calls: whoever calls next would be told the same.
_NOT_OUR_TOKEN = (401, 406)
_MEANT_FOR_ALL = (*_NOT_OUR_TOKEN, 429)


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
    """An HTTP answer; `retry_after_s` is 0 if none was asked for, `date` the header as it came.

    What was `sent` is what its message may quote, and no log, row or page may say.
    """

    status: int
    body: bytes
    retry_after_s: float = 0.0
    date: str = ""
    sent: tuple[str, ...] = ()

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
        if not isinstance(message, str):
            return ""
        for secret in self.sent:
            message = re.sub(_quoted(secret), "…", message, flags=re.IGNORECASE)
        return _one_line(message)


class Client:
    """One exchange with the platform at a time, in our turn, with a token that it takes.

    Each lasts no longer than the total deadline of the settings.
    """

    def __init__(self, settings: PlatformSettings, token: PartnerToken, pace: Pace | Share) -> None:
        self._settings = settings
        self._token = token
        self._pace = pace
        self._token_taken: str | None = None
        # Of the last answer: when it was, by the clock of who answered.
        self.date = ""
        self.zone = settings.platform_timezone

    def prepare(self) -> None:
        """Makes what a first call needs, which takes so long that the call would miss its turn."""
        _ = self._reads, self._money
        with suppress(ParameterUnreadable):
            self._token.accepted()

    def ahead(self, now: datetime) -> timedelta | None:
        """By how much the last answer's `Date` is ahead of a clock; None if it said none."""
        try:
            return parsedate_to_datetime(self.date) - now
        except (ValueError, TypeError):
            return None

    @property
    def application_id(self) -> int:
        """Ours, which the platform's addresses name."""
        return self._settings.application_id

    def ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        until: float = math.inf,
        host: str = "",
        user_token: str = "",
    ) -> Reply:
        """Sends what may be repeated, when it is our turn, to the marketplace's host or another.

        Raises:
            Unreachable: there was no answer.
        """
        self.prepare()
        try:
            self._pace.take(until - time.monotonic())
        except Paused as paused:
            raise NotSent(str(paused)) from None
        return self._send(
            self._reads, method, path, body, until=until, host=host, user_token=user_token
        )

    def tell(self, path: str, body: dict[str, Any] | None, *, host: str = "", anew: bool) -> Reply:
        """Posts once, for whoever has taken a turn.

        Args:
            path: where to.
            body: what.
            host: another host than the marketplace's.
            anew: on a connection that was never used before, so that a failure tells more.

        Raises:
            Unreachable: there was no answer.
        """
        return self._send(self._money if anew else self._reads, "POST", path, body, host=host)

    def _brake(self, reply: Reply) -> None:
        """Nobody calls for a while: what was answered is meant for all calls."""
        self._pace.brake(reply.retry_after_s, f"{reply.status} {reply.message()}".strip())

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
            self.date = reply.date
            if reply.status != httpx.codes.UNAUTHORIZED:
                self._token_taken = token
                break
        if reply is None:
            raise NotSent("there is no partner token that a header can carry")
        # A 401 may be a word on the other token: an owner brings his chain's, and nobody signs it.
        has_another = bool(user_token) or _CHAINS_TOKEN in (body or {})
        may_be_its = reply.status == httpx.codes.UNAUTHORIZED and has_another
        if reply.status in _MEANT_FOR_ALL and not may_be_its:
            self._brake(reply)
        if reply.status in _NOT_OUR_TOKEN and not user_token:
            count("PlatformBlocked")
        if reply.status == httpx.codes.TOO_MANY_REQUESTS:
            count("PlatformThrottled")
        if reply.status >= httpx.codes.INTERNAL_SERVER_ERROR:
            count("PlatformFailing")
        return reply

    def _tokens(self) -> Iterator[str]:
        """Those to try, each once: first what the platform took last, then, anew, all others."""
        try:
            accepted = self._token.accepted()
        except ParameterUnreadable:
            count("TokenUnreadable")
            raise NotSent("the partner token cannot be read") from None
        tried = [token for token in accepted if token == self._token_taken] or accepted[:1]
        yield from filter(_fits_a_header, tried)
        with suppress(ParameterUnreadable):
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
            count("PlatformFailing")
            raise (NotSent if unsent else NoAnswer)(f"no answer within {total_s:.3g} s") from None
        if isinstance(answer, Reply):
            return replace(answer, sent=_secrets(authorization, body or {}))
        if not isinstance(answer, (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, NoAnswer)):
            raise answer
        count("PlatformFailing")
        # Only the kind: the text of some errors quotes the request, with its token.
        raise (NotSent if gate.close() else NoAnswer)(type(answer).__name__) from None

    @cached_property
    def _reads(self) -> httpx.Client:
        """For questions and for the callback, which may be repeated."""
        return httpx.Client(verify=_tls(), trust_env=False, timeout=self._timeout())

    @cached_property
    def _money(self) -> httpx.Client:
        """For what may not be repeated: a new connection for each request.

        A reused one may be dead since the last freeze, and its failure would not tell whether the
        platform saw the request.
        """
        return httpx.Client(
            verify=_tls(),
            trust_env=False,
            timeout=self._timeout(),
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def _timeout(self) -> httpx.Timeout:
        return httpx.Timeout(self._settings.http_total_s, connect=_CONNECT_S)


@cache
def _tls() -> ssl.SSLContext:
    """One for all clients of a process, with the roots of certifi; see `shared/roots.py`."""
    if (folder := roots.by_name()) is None:
        return httpx.create_ssl_context(trust_env=False)
    return ssl.create_default_context(capath=folder)


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
        date=response.headers.get("date", "")[:40],
    )


def _seconds(text: str) -> float:
    """`Retry-After` in seconds; its other form, a date, is rare and read as none."""
    return min(float(text), 3600.0) if text.isascii() and text.isdigit() else 0.0


def _fits_a_header(token: str) -> bool:
    return token.isascii() and token.isprintable()


def _secrets(authorization: str, body: Mapping[str, Any]) -> tuple[str, ...]:
    """The tokens of a header and the secrets of a body; of a number, its digits."""
    tokens = (each.split()[-1] for each in authorization.split(","))
    fields = (str(body.get(name, "")).removeprefix("+") for name in _SECRET_FIELDS)
    return tuple(each for each in (*tokens, *fields) if len(each) >= _SHORTEST_SECRET)


def _quoted(secret: str) -> str:
    """How it may be written: a number also in groups, and without its country."""
    grouped = r"[ ().\-/]{0,3}".join(secret[-_MOST_OF_A_NUMBER:])
    return f"{secret}|{grouped}" if secret.isdecimal() else re.escape(secret)


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)[:200]
