"""The connect page: every state in which an owner can find it, as HTML that works anywhere.

It runs inside Altegio's frame, so it needs no cookie, and no script: each step is a form.
https://support.alteg.io/hc/en-us/articles/6756353811357-How-to-set-up-registration-via-iframe
"""

import secrets
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from functions.connect.english import ENGLISH
from functions.connect.russian import RUSSIAN
from functions.connect.words import Heading, preferred
from shared import web
from shared.config import ConnectSettings
from shared.connecting import Standing, Visit

_TEMPLATE = Environment(
    autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
).from_string(Path(__file__).with_name("page.html").read_text("utf-8"))

# The first one is for whoever speaks none of them.
LANGUAGES = (ENGLISH, RUSSIAN)


class Page:
    """Answers with the page in one of its states, in the visitor's language."""

    def __init__(self, settings: ConnectSettings, accept_language: str) -> None:
        self._settings = settings
        self._words = preferred(accept_language, LANGUAGES)

    def visit(self, visit: Visit) -> dict[str, Any]:
        """The owner has arrived."""
        standings = {location.standing for location in visit.locations}
        if standings == {Standing.CONNECTED}:
            heading = self._words.connected_before
        elif visit.ticket is None:
            heading = self._words.needs_altegio
        elif visit.account is not None:
            heading = self._words.welcome_back
        else:
            heading = self._words.welcome
        return self._answer(200, heading, visit, self._words.connect)

    def result(self, visit: Visit) -> dict[str, Any]:
        """The owner has pressed the button."""
        if visit.wrong:
            return self._answer(422, self._words.to_correct, visit, self._words.connect)
        standings = {location.standing for location in visit.locations}
        if standings <= {Standing.CONNECTED, Standing.FROZEN}:
            heading = self._words.connected
        elif Standing.CONNECTED in standings:
            heading = self._words.partly
        else:
            heading = self._words.not_yet
        return self._answer(200, heading, visit, self._words.try_again)

    def bad_signature(self) -> dict[str, Any]:
        """Somebody, not Altegio, wrote the link; or the partner token is not the right one."""
        return self._answer(403, self._words.forged)

    def bad_redirect(self, why: str) -> dict[str, Any]:
        """The link is incomplete or damaged."""
        words = self._words
        lead = f"{words.reasons.get(why, words.damaged)} {words.open_again}"
        return self._answer(400, Heading(words.incomplete, lead))

    def unknown_ticket(self) -> dict[str, Any]:
        """The form comes from a page that is too old, or from elsewhere."""
        return self._answer(410, self._words.too_old)

    def _answer(
        self, status: int, heading: Heading, visit: Visit | None = None, button: str = ""
    ) -> dict[str, Any]:
        nonce = secrets.token_urlsafe(16)
        name = visit.account.name if visit and visit.account else ""
        html = _TEMPLATE.render(
            title=heading.title.format(name=name),
            lead=heading.lead,
            visit=visit,
            button=button,
            words=self._words,
            nonce=nonce,
            provider=self._settings.provider_name,
            terms_url=self._settings.terms_url,
        )
        policy = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; "
            f"base-uri 'none'; frame-ancestors {self._settings.frame_ancestors}"
        )
        return web.answer(
            status,
            html,
            {
                "content-type": "text/html; charset=utf-8",
                "content-language": self._words.language,
                "content-security-policy": policy,
                "referrer-policy": "no-referrer",
                "x-content-type-options": "nosniff",
            },
        )
