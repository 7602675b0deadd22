"""The connect page: every state in which an owner can find it, as HTML that works anywhere.

It runs inside Altegio's frame, so it needs no cookie, and no script: each step is a form.
https://support.alteg.io/hc/en-us/articles/6756353811357-How-to-set-up-registration-via-iframe
"""

import secrets
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from shared import web
from shared.config import ConnectSettings
from shared.connecting import Standing, TelephonyStanding, Visit

_TEMPLATE = Environment(
    autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
).from_string(Path(__file__).with_name("page.html").read_text("utf-8"))

# What the owner reads beside each location: a word, and what to do.
_WORDS = {
    Standing.READY: ("Ready", "Access is granted."),
    Standing.CONNECTED: ("Connected", "All is set."),
    Standing.FROZEN: (
        "Connected, unpaid",
        "Altegio has paused the application in this location until the next payment.",
    ),
    Standing.IN_PROGRESS: (
        "In progress",
        "We are still at it and will finish by ourselves. Press the button to see how far it is.",
    ),
    Standing.FAILED: (
        "Not yet",
        "Altegio did not confirm the connection. We will try again by ourselves; so can you.",
    ),
    Standing.EXPIRED: (
        "Expired",
        (
            "Too much time has passed since access was granted. In Altegio, open the "
            "application's page, press Disconnect and then Connect again."
        ),
    ),
    Standing.NOT_GRANTED: (
        "No access",
        "Access is not granted. In Altegio, open the application's page and press Connect.",
    ),
    Standing.TAKEN: (
        "Another account",
        (
            "This location is connected to another account of ours. Disconnect it in Altegio and "
            "connect again, or write to us."
        ),
    ),
}

# The same of its telephony.
_TELEPHONY = {
    TelephonyStanding.ON: "Telephony is on: who calls is shown, and calls are saved.",
    TelephonyStanding.STARTING: "Telephony is being switched on, which may take a few minutes.",
    TelephonyStanding.STOPPED: (
        "Telephony is stopped, as a saved call did not appear in this location's list of calls. "
        "Check the routing under Telephony in Altegio and write to us; or press Disconnect there, "
        "and then Connect again."
    ),
    TelephonyStanding.NONE: (
        "Connected without telephony, as Altegio named no CRM token. Make one in Altegio under "
        "Telephony, Integration; then press Disconnect and Connect again."
    ),
    TelephonyStanding.OTHER_TOKEN: (
        "This link names another CRM token than the one in use, and nothing was changed. If you "
        "have made a new one in Altegio, press Disconnect there, and then Connect again."
    ),
    TelephonyStanding.NEW_TOKEN: (
        "Telephony is on, with another CRM token than this chain had before. If you did not make "
        "a new one in Altegio, press Disconnect there and write to us."
    ),
}

_REASONS = {
    "user_data is missing": (
        "The link does not say who you are. If you are setting this application up: switch on "
        "“Transmit user data when connecting” in the Altegio Developer Cabinet."
    ),
    "salon_id is missing": "The link does not say which location to connect.",
}


class Page:
    """Answers with the page in one of its states."""

    def __init__(self, settings: ConnectSettings) -> None:
        self._settings = settings

    def visit(self, visit: Visit) -> dict[str, Any]:
        """The owner has arrived."""
        standings = {location.standing for location in visit.locations}
        if standings == {Standing.CONNECTED}:
            title, lead = "You are connected", "Nothing is left to do."
        elif visit.ticket is None:
            title, lead = "This needs you in Altegio", "See below what to press there."
        elif visit.account is not None:
            title = f"Welcome back, {visit.account.name}"
            lead = "You are already registered with us. One button connects your locations."
        else:
            title, lead = "Connect your telephony", "Check your details and press Connect."
        return self._answer(200, title=title, lead=lead, visit=visit, button="Connect")

    def result(self, visit: Visit) -> dict[str, Any]:
        """The owner has pressed the button."""
        if visit.errors:
            return self._answer(
                422,
                title="Please check your details",
                lead="Nothing was connected yet.",
                visit=visit,
                button="Connect",
            )
        standings = {location.standing for location in visit.locations}
        if standings <= {Standing.CONNECTED, Standing.FROZEN}:
            title, lead = "You are connected", "You can go back to Altegio now."
        elif Standing.CONNECTED in standings:
            title, lead = "Not all is connected yet", "See below which locations need a look."
        else:
            title, lead = "Not connected yet", "See below what is missing."
        return self._answer(200, title=title, lead=lead, visit=visit, button="Try again")

    def bad_signature(self) -> dict[str, Any]:
        """Somebody, not Altegio, wrote the link; or the partner token is not the right one."""
        return self._refusal(
            403,
            "This link is not from Altegio",
            "Its signature is not valid, so we have stored nothing. Open the application in "
            "Altegio and press Connect.",
        )

    def bad_redirect(self, why: str) -> dict[str, Any]:
        """The link is incomplete or damaged."""
        lead = _REASONS.get(why, "Something in it is missing or damaged.")
        return self._refusal(
            400,
            "This link is not complete",
            f"{lead} Open the application in Altegio and press Connect.",
        )

    def unknown_ticket(self) -> dict[str, Any]:
        """The form comes from a page that is too old, or from elsewhere."""
        return self._refusal(
            410,
            "This page is too old",
            "Nothing was changed. Open the application in Altegio again.",
        )

    def _refusal(self, status: int, title: str, lead: str) -> dict[str, Any]:
        return self._answer(status, title=title, lead=lead, visit=None, button="")

    def _answer(
        self, status: int, *, title: str, lead: str, visit: Visit | None, button: str
    ) -> dict[str, Any]:
        nonce = secrets.token_urlsafe(16)
        html = _TEMPLATE.render(
            title=title,
            lead=lead,
            visit=visit,
            button=button,
            words=_WORDS,
            telephony=_TELEPHONY,
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
                "content-security-policy": policy,
                "referrer-policy": "no-referrer",
                "x-content-type-options": "nosniff",
            },
        )
