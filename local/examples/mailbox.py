"""The letters that the local stack has sent, on a page: nothing leaves this machine."""

import json
import urllib.request
from html import escape
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import Any, Self, cast

from local.leaf import leaf
from local.listener import Listener, show

SENDER = "codes@provider.example"
"""Whom the local stack's letters are from, unless MAIL_FROM says otherwise."""


class Mailbox:
    """Shows what the emulator's SES was given, the newest first; a context manager.

    Attributes:
        url: Of the page; `/json` below it is the same for programs.
    """

    def __init__(self, aws_endpoint_url: str) -> None:
        self._source = f"{aws_endpoint_url}/_ministack/ses/messages"
        self._server = _Server(0, _Handler)
        self._server.mailbox = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Serve."""
        Thread(target=self._server.serve, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Serve no more."""
        self._server.stop()

    def letters(self) -> list[dict[str, Any]]:
        """All letters, the newest first: to, subject, text and at."""
        # No proxy of the environment may come between.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self._source, timeout=5) as answer:
            accounts = json.load(answer)["messages"]
        letters = [
            {
                "to": letter["To"],
                "subject": letter["Subject"],
                "text": letter["BodyText"],
                "at": letter["Timestamp"],
            }
            for sent in accounts.values()
            for letter in sent
        ]
        return letters[::-1]


class _Server(Listener):
    mailbox: Mailbox


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        letters = cast("_Server", self.server).mailbox.letters()
        if self.path == "/json":
            show(self, "application/json", json.dumps(letters))
            return
        each = "".join(
            f"<article><h2>{escape(letter['subject'])}</h2><p>to {escape(', '.join(letter['to']))}"
            f"</p><pre>{escape(letter['text'])}</pre></article>"
            for letter in letters
        )
        page = leaf("Letters", each or "<p>None yet.</p>")
        show(self, "text/html; charset=utf-8", page)

    def log_message(self, *_words: object) -> None:
        """Nothing: whoever looks is here."""
