"""Attacks on the page and on the company's portal."""

import re
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from jinja2 import Environment

from functions.connect import app, page
from local.examples.portal import Portal
from local.simulator import Owner
from shared.aws import http
from shared.aws.keys import Keys
from shared.calls import letter_wishes
from shared.connect import tickets
from shared.connect.one_time_code import OneTimeCode
from shared.connect.tickets import Tickets
from tests.deployment import Deployment, http_event
from tests.threats.threat import (
    ANNA,
    KEY,
    MALLORY,
    PORTAL,
    act,
    captured,
    patch,
    setting,
    threat,
)

# The page


@threat("Somebody is called what a browser would run", lambda patches, _: _unescape(patches))
def injects(deployment: Deployment) -> bool:
    hostile = replace(ANNA, name="<script>alert(1)</script>", phone="<script>alert(1)</script>")
    page = deployment.visit(deployment.simulator.grant(4564, owner=hostile))
    return "<script>alert(1)" in page.text


def _unescape(patches: pytest.MonkeyPatch) -> None:
    text = Path(page.__file__).with_name("page.html").read_text("utf-8")
    bare = Environment(trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - that is the point
    bare.filters["stamp"] = page.TEMPLATES.filters["stamp"]
    patches.setattr(page, "_TEMPLATE", bare.from_string(text))


@threat("Another site frames the page, and has the owner press it", setting(FRAME_ANCESTORS="*"))
def frames(deployment: Deployment) -> bool:
    policy = deployment.visit(deployment.simulator.grant(4564)).headers["content-security-policy"]
    [ancestors] = re.findall("frame-ancestors ([^;]*)", policy)
    return str(ancestors) != "https://app.alteg.io"


# The page that waits for the first ring


def _unproven(waits: OneTimeCode, ticket: str) -> str:
    connecting = waits._connecting
    account = connecting._accounts.of_user(connecting.opened(ticket).redirect.owner.altegio_user_id)
    assert account
    return connecting._tickets.watch(account.account_id, connecting._clock())


@threat(
    "A captured link tells when an account's telephones ring",
    patch(OneTimeCode, "watch", _unproven),
)
def watches(deployment: Deployment) -> bool:
    deployment.connect(4564, owner=ANNA)
    page = deployment.visit(captured(deployment, 4564))
    return "wait=" in page.text or act(deployment, page, "wait").status == HTTPStatus.SEE_OTHER


@threat(
    "Somebody finds the address of a page that waits for the first ring",
    patch(tickets, "WATCH", timedelta(days=365)),
)
def watches_later(deployment: Deployment) -> bool:
    page = deployment.connect(4564, owner=ANNA)
    [address] = re.findall(r'href="(\?wait=[^"]+)"', page.text)
    deployment.clock.advance(hours=2)
    return deployment.visit(f"https://api.example/connect{address}").status == HTTPStatus.OK


# The letter of missed callers


def _letter(deployment: Deployment) -> str:
    """Anna asks for it; returns what its link says."""
    deployment.connect(4564, owner=ANNA)
    sent = act(deployment, deployment.visit(captured(deployment, 4564)), "code")
    proven = act(deployment, sent, "prove", code=deployment.code())
    act(deployment, proven, "letter", location="4564")
    [row] = deployment.rows("CALLS_TABLE")
    return f"4564.{row['secret']}"


def _is_stopped(deployment: Deployment, letter: str, method: str) -> bool:
    deployment.invoke("connect", http_event(method, "/connect", query=f"stop={letter}"))
    [row] = deployment.rows("CALLS_TABLE")
    return "due_at" not in row


def _obeys_whoever_opens(made: Any, page: Any, _method: str, letter: str) -> dict[str, Any]:
    location_id, _, secret = letter.partition(".")
    made.missed.stop_by(int(location_id), secret)
    answer: dict[str, Any] = page.letter_stopped()
    return answer


@threat(
    "A program that looks at mail for its reader opens the link that stops a letter",
    patch(app, "_stopped", _obeys_whoever_opens),
)
def opens_a_letters_link(deployment: Deployment) -> bool:
    return _is_stopped(deployment, _letter(deployment), "GET")


@threat(
    "Somebody guesses the link that stops another's letter",
    patch(letter_wishes, "hmac", SimpleNamespace(compare_digest=lambda _one, _other: True)),
)
def guesses_a_letters_link(deployment: Deployment) -> bool:
    _letter(deployment)
    return _is_stopped(deployment, f"4564.{'a' * 32}", "POST")


# The portal


def to_portal(deployment: Deployment, address: str) -> dict[str, Any]:
    event = http_event("GET", "/connect", query=urlsplit(address).query)
    answer: dict[str, Any] = deployment.invoke("connect", event)
    return answer


def portal_ticket(deployment: Deployment, *location_ids: int, owner: Owner = ANNA) -> str:
    answer = to_portal(deployment, deployment.simulator.grant(*location_ids, owner=owner))
    [ticket] = parse_qs(urlsplit(answer["headers"]["location"]).query)["ticket"]
    return str(ticket)


def portal_mode(deployment: Deployment) -> None:
    deployment.set_portal_key(KEY)
    deployment.restart(PORTAL_URL=PORTAL)


def _obeys_the_link(_made: Any, _page: Any, request: http.Request) -> dict[str, Any]:
    return http.answer(303, "", {"location": request.query().get("next", PORTAL)})


@threat("A link leads on to another site", patch(app, "_to_portal", _obeys_the_link))
def redirects(deployment: Deployment) -> bool:
    portal_mode(deployment)
    address = deployment.simulator.grant(4564, owner=ANNA)
    more = dict.fromkeys(("next", "url", "portal_url", "return_to"), "https://evil.example/")
    answer = to_portal(deployment, f"{address}&{urlencode(more)}")
    target = urlsplit(answer["headers"]["location"])
    return f"{target.scheme}://{target.netloc}{target.path}" != PORTAL


@threat("Somebody else speaks for the portal", patch(Keys, "fits", lambda _self, _given: True))
def speaks_for_the_portal(deployment: Deployment) -> bool:
    portal_mode(deployment)
    body = {"ticket": portal_ticket(deployment, 4564), "account_id": "mallory"}
    return deployment.ask("POST", "/connections", body, key="guessed")[0] == 200


@threat(
    "A ticket that was used is used for another customer",
    patch(Tickets, "claim", lambda _self, _ticket, _account: True),
)
def uses_anothers_ticket(deployment: Deployment) -> bool:
    portal_mode(deployment)
    ticket = portal_ticket(deployment, 4564)
    deployment.ask("POST", "/connections", {"ticket": ticket, "account_id": "anna"}, key=KEY)
    body = {"ticket": ticket, "account_id": "mallory"}
    return deployment.ask("POST", "/connections", body, key=KEY)[0] == 200


@threat(
    "Another site has a logged-in customer connect what he never saw",
    patch(Portal, "token", lambda _self, _cookie, _purpose: ""),
)
def has_the_customer_connect(deployment: Deployment) -> bool:
    portal_mode(deployment)
    ticket = portal_ticket(deployment, 4564, owner=MALLORY)
    with Portal(KEY) as portal:
        portal.sessions["session-of-anna"] = "anna"
        asked: list[str] = []

        def ask(method: str, _customer: str, _ticket: str) -> tuple[int, dict[str, Any]]:
            asked.append(method)
            return 410, {"error": "the ticket is unknown or too old"}

        portal.ask = ask  # type: ignore[assignment, method-assign]  # a stand-in that remembers
        httpx.post(portal.url, data={"ticket": ticket}, cookies={"session": "session-of-anna"})
    return "POST" in asked


@threat(
    "Another site logs the customer in as somebody else",
    patch(Portal, "token", lambda _self, _cookie, _purpose: ""),
)
def logs_the_customer_in(_deployment: Deployment) -> bool:
    with Portal(KEY) as portal:
        address = portal.url.replace("/altegio", "/login")
        # The cookie is there, as he has seen the login before; the token is not.
        httpx.post(address, data={"name": "mallory"}, cookies={"visitor": "browser-of-anna"})
        return "mallory" in portal.sessions.values()
