"""An example of a telephony company's own portal, which asks its customers before it connects them.

It has what every such portal has, in a few lines: a login, a session, and forms that only its own
pages can send. What it adds for Altegio is one page, `/altegio`, where the owner arrives with a
ticket, is asked, and is connected by the portal's server. Copy that, not the login.

    GET  /altegio?ticket=…   who is not logged in, logs in; then: what is to be connected, for whom?
    POST /altegio            yes: the server calls POST /connections with its key
    POST /login              any name does here
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import Any, Self, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from local.listener import Listener

WAIT_S = 30.0
"""Seconds that connecting may take: API Gateway's own limit."""

_LONGEST_FORM = 10_000


@dataclass
class Portal:
    """A portal on loopback; a context manager.

    Args:
        key: The one in the parameter that `PortalKeyParameter` names.

    Attributes:
        api: Where our backend is; set once that serves.
        url: What goes into the setting `PortalUrl`.
        pbx_keys: The key that was shown to each customer.
    """

    key: str
    api: str = ""
    url: str = ""
    pbx_keys: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take a port."""
        self._secret = secrets.token_bytes()
        # Who is logged in, by session.
        self.sessions: dict[str, str] = {}
        self._server = _Server(0, _Handler)
        self._server.portal = self
        self.url = f"http://127.0.0.1:{self._server.server_port}/altegio"

    def __enter__(self) -> Self:
        """Serve."""
        Thread(target=self._server.serve, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Serve no more."""
        self._server.stop()

    def token(self, cookie: str, purpose: str) -> str:
        """What proves that a form is on our own page, in the browser that has the cookie."""
        return hmac.new(self._secret, f"{cookie} {purpose}".encode(), hashlib.sha256).hexdigest()

    def ask(self, method: str, customer: str, ticket: str) -> tuple[int, dict[str, Any]]:
        """What our backend says of a ticket, or does with it, for a customer."""
        fields = {"ticket": ticket, "account_id": customer}
        sent = {"params": fields} if method == "GET" else {"json": fields}
        answer = httpx.request(
            method,
            f"{self.api}/connections",
            headers={"authorization": f"Bearer {self.key}"},
            timeout=WAIT_S,
            trust_env=False,
            **sent,  # type: ignore[arg-type]  # one of two of its keywords
        )
        return answer.status_code, answer.json()


class _Server(Listener):
    portal: Portal


class _Handler(BaseHTTPRequestHandler):
    """One request of a browser."""

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        ticket = dict(parse_qsl(address.query)).get("ticket", "")
        if address.path != "/altegio":
            self._show(404, "Not found", "")
            return
        portal, customer = self._portal, self._customer
        if customer is None:
            # A cookie before the login, too: nobody can log our visitor in as somebody else.
            visitor = secrets.token_urlsafe()
            fields = {"ticket": ticket, "token": portal.token(visitor, "login")}
            form = _form("/login", fields, '<input name="name" value="polina.popova">', "Log in")
            self._show(200, "Log in", form, cookie=f"visitor={visitor}")
            return
        status, told = portal.ask("GET", customer, ticket)
        if status != HTTPStatus.OK:
            self._show(status, "This did not work", f"<p>{escape(told['error'])}</p>")
            return
        owner = told["owner"]
        fields = {
            "ticket": ticket,
            "token": portal.token(self._cookies.get("session", ""), ticket),
        }
        question = (
            f"<p>{escape(owner['name'])}, {escape(owner['email'])}, wants to connect these"
            f" locations to your account <b>{escape(customer)}</b>.</p>{_locations(told)}"
        )
        form = _form("/altegio", fields, "", "Connect") if told["unfinished"] else ""
        self._show(200, "Connect to Altegio?", question + form)

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        fields = dict(parse_qsl(self.rfile.read(min(size, _LONGEST_FORM)).decode()))
        ticket, token = fields.get("ticket", ""), fields.get("token", "")
        portal, customer, cookies = self._portal, self._customer, self._cookies
        if self.path == "/login":
            wanted = portal.token(cookies.get("visitor", ""), "login")
            if "visitor" not in cookies or not hmac.compare_digest(token, wanted):
                self._show(403, "This form is not ours", "")
                return
            session = secrets.token_urlsafe()
            portal.sessions[session] = fields.get("name", "")
            address = f"/altegio?{urlencode({'ticket': ticket})}"
            self._show(303, "", "", cookie=f"session={session}", location=address)
            return
        wanted = portal.token(cookies.get("session", ""), ticket)
        if customer is None or not hmac.compare_digest(token, wanted):
            self._show(403, "This form is not ours", "")
            return
        status, told = portal.ask("POST", customer, ticket)
        if status != HTTPStatus.OK:
            self._show(status, "This did not work", f"<p>{escape(told['error'])}</p>")
            return
        if "pbx_key" in told:
            portal.pbx_keys[customer] = told["pbx_key"]
        again = {"ticket": ticket, "token": token}
        form = _form("/altegio", again, "", "Try again") if told["unfinished"] else ""
        self._show(200, "Done" if not form else "Not done yet", _locations(told) + form)

    @property
    def _portal(self) -> Portal:
        return cast("_Server", self.server).portal

    @property
    def _cookies(self) -> Mapping[str, str]:
        try:
            sent = SimpleCookie(self.headers.get("Cookie", ""))
        except CookieError:
            return {}
        return {name: morsel.value for name, morsel in sent.items()}

    @property
    def _customer(self) -> str | None:
        return self._portal.sessions.get(self._cookies.get("session", ""))

    def _show(
        self, status: int, title: str, content: str, *, cookie: str = "", location: str = ""
    ) -> None:
        body = f"<!doctype html><title>{title}</title><h1>{title}</h1>{content}".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        # Nobody may put the question into a frame, nor learn the ticket from where we lead.
        self.send_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        self.send_header("Referrer-Policy", "no-referrer")
        if cookie:
            self.send_header("Set-Cookie", f"{cookie}; Path=/; HttpOnly; SameSite=Lax")
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Nothing: the address holds the ticket."""


def _locations(told: Mapping[str, Any]) -> str:
    each = "".join(
        f'<li data-location="{location["location_id"]}" data-standing="{location["standing"]}">'
        f"Location {location['location_id']}: {location['standing']}</li>"
        for location in told["locations"]
    )
    return f"<ul>{each}</ul>"


def _form(action: str, hidden: Mapping[str, str], asked: str, button: str) -> str:
    fields = "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">'
        for name, value in hidden.items()
    )
    press = f'<button name="press" value="1">{button}</button>'
    return f'<form method="post" action="{action}">{fields}{asked}{press}</form>'
