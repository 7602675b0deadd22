"""Each threat of docs/threats.md as an attack: it fails, and works once its defence is removed."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from jinja2 import Environment

from functions.connect import app, page
from functions.reconcile import app as reconcile
from local.examples.portal import Portal
from local.simulator import Owner
from shared.altegio import redirect, signature
from shared.altegio.marketplace import Marketplace
from shared.altegio.rate_limit import Bounds
from shared.altegio.redirect import Redirect
from shared.altegio.status import Status
from shared.aws import http
from shared.clock import stamp
from shared.connect import codes, locations, one_time_code, standing
from shared.connect.flow import ConnectFlow
from shared.connect.locations import Asked, Locations
from shared.connect.portal_key import PortalKey
from shared.connect.tickets import MOST_TRIES, Ticket, Tickets
from shared.connect.view import Standing
from shared.connections import lifecycle
from shared.connections.accounts import Account, Accounts
from shared.connections.connection import Connection
from shared.reconcile import schedule
from tests.deployment import Deployment, Page, finished, http_event, payment, ringing

PROJECT = Path(__file__).parents[1]
ANNA = Owner(id=7, name="Anna Schmidt", phone="4915112345678", email="anna@salon.example")
MALLORY = Owner(id=666, name="Mallory", phone="4915187654321", email="mallory@evil.example")
PORTAL = "https://my.provider.example/altegio"
KEY = "portal-key-of-more-than-32-characters"

type Attack = Callable[[Deployment], bool]
type Removal = Callable[[pytest.MonkeyPatch, Deployment], object]


@dataclass(frozen=True)
class Threat:
    """What somebody tries, and what there is against it.

    Attributes:
        title: As docs/threats.md has it.
        attack: Tries it; returns whether it worked.
        remove: Takes the defence away.
    """

    title: str
    attack: Attack
    remove: Removal


THREATS: list[Threat] = []


def threat(title: str, remove: Removal) -> Callable[[Attack], Attack]:
    def known(attack: Attack) -> Attack:
        THREATS.append(Threat(title, attack, remove))
        return attack

    return known


def patch(target: Any, name: str, value: Any) -> Removal:
    return lambda patches, _deployment: patches.setattr(target, name, value)


def setting(**values: str) -> Removal:
    return lambda _patches, deployment: deployment.restart(
        **{"MAIL_FROM": "codes@provider.example", **values}
    )


def act(deployment: Deployment, page: Page, action: str, **typed: str) -> Page:
    return deployment.post({**page.fields, "action": action, **typed})


def captured(deployment: Deployment, *location_ids: int) -> str:
    """A link with Anna's pair, which never changes, and any location beside it."""
    return deployment.simulator.redirect(*location_ids, owner=ANNA)


# The link


@threat(
    "Somebody writes a link himself",
    patch(signature, "fits", lambda _message, _sign, _tokens: True),
)
def forges_a_link(deployment: Deployment) -> bool:
    address = deployment.simulator.grant(4564, owner=MALLORY)
    forged = re.sub("user_data_sign=.{4}", "user_data_sign=0000", address)
    return deployment.visit(forged).status == 200


def _opens_anything(patches: pytest.MonkeyPatch, _deployment: Deployment) -> None:
    patches.setattr(locations, "standing", lambda *_: Standing.READY)
    patches.setattr(lifecycle, "awaits_callback", lambda *_: True)


@threat("A captured link connects a location that nobody granted", _opens_anything)
def connects_what_was_not_granted(deployment: Deployment) -> bool:
    # The link alone has no button; a ticket of a time when there was a grant has.
    ticket = deployment.visit(deployment.simulator.grant(4564, owner=ANNA)).fields["ticket"]
    deployment.simulator.disconnect(4564, webhook="never")
    deployment.post({"ticket": ticket, "action": "connect", "name": "A", "email": "a@b.example"})
    return deployment.simulator.calls("callback") != []


def _pressed_ids(deployment: Deployment, page: Page) -> list[int]:
    deployment.post({**page.fields, "action": "connect", "name": "M", "email": MALLORY.email})
    return sorted(row["location_id"] for row in deployment.rows("CONNECTIONS_TABLE"))


@threat("Somebody presses before the owner has granted anything", _opens_anything)
def squats(deployment: Deployment) -> bool:
    # With one genuine grant of his own, he names the location of another beside it.
    deployment.simulator.grant(1, owner=MALLORY)
    page = deployment.visit(deployment.simulator.redirect(1, 4564, owner=MALLORY))
    return 4564 in _pressed_ids(deployment, page)


@threat(
    "A link takes what is installed in Altegio by another way",
    lambda patches, _deployment: _takes_any_install(patches),
)
def takes_a_private_install(deployment: Deployment) -> bool:
    deployment.simulator.grant(4564, private=True)
    deployment.simulator.grant(1, owner=MALLORY)
    page = deployment.visit(deployment.simulator.redirect(1, 4564, owner=MALLORY))
    _pressed_ids(deployment, page)
    deployment.let_time_pass(3)
    row = deployment.connections.get(4564)
    return row is not None and row.live


def _takes_any_install(patches: pytest.MonkeyPatch) -> None:
    patches.setattr(locations, "standing", lambda *_: Standing.READY)
    patches.setattr(lifecycle, "may_be_opened", lambda *_: True)
    patches.setattr(Status, "answers", lambda *_: True)


@threat(
    "Somebody presses for a location that is disconnected, so that its former owner's data stay",
    _opens_anything,
)
def postpones_an_erasure(deployment: Deployment) -> bool:
    deployment.connect(4564, owner=ANNA)
    deployment.clock.advance(minutes=2)
    deployment.simulator.disconnect(4564)
    deployment.webhook(deployment.event(4564))
    deployment.reconcile()
    before = deployment.connection(4564)
    deployment.clock.advance(days=20)
    # Mallory has a grant of his own beside it; somebody with Anna's link has none.
    deployment.simulator.grant(1, owner=MALLORY)
    _pressed_ids(
        deployment, deployment.visit(deployment.simulator.redirect(1, 4564, owner=MALLORY))
    )
    anna = deployment.visit(captured(deployment, 4564)).fields
    deployment.post({**anna, "action": "connect"})
    deployment.clock.advance(days=11)
    deployment.reconcile()
    after = deployment.connection(4564)
    return (after.generation, after.account_id) != (before.generation, None)


@threat(
    "A link with hundreds of locations has the platform asked about each, again and again",
    lambda patches, _deployment: _without_allowance(patches),
)
def asks_about_hundreds(deployment: Deployment) -> bool:
    for _ in range(3):
        deployment.visit(captured(deployment, *range(1, 301)))
    return len(deployment.simulator.calls("status")) > 120


def _without_allowance(patches: pytest.MonkeyPatch) -> None:
    patches.setattr(Tickets, "allowance", lambda _self, _what, number, *_: number)


@threat("A link names more locations than any chain has", patch(redirect, "MOST_LOCATIONS", 10**9))
def names_thousands(deployment: Deployment) -> bool:
    return deployment.visit(captured(deployment, *range(1, 1201))).status != 400


def _asks_all(
    self: Locations, arrived: Redirect, account: Account | None, _until: float
) -> Iterator[Any]:
    """Goes on with the next location when one was not answered."""
    for location_id in arrived.location_ids:
        one = replace(arrived, location_ids=(location_id,))
        yield from _asked(self, one, account, float("inf"))


_asked = Locations.asked


@threat(
    "Links are opened while the platform does not answer, to keep us busy",
    patch(Locations, "asked", _asks_all),
)
def spins(deployment: Deployment) -> bool:
    deployment.simulator.fault("status", "status", status=503, times=1000)
    deployment.visit(captured(deployment, *range(1, 21)))
    return len(deployment.simulator.calls("status")) > 1


def _key_for_any_grant(self: ConnectFlow, account: Account | None, registers: Any) -> Any:
    return _entitled(self, account, registers)[0], True


_entitled = ConnectFlow._entitled


@threat(
    "A captured link gets the account's first key with a location of the stranger's own",
    patch(ConnectFlow, "_entitled", _key_for_any_grant),
)
def gets_the_first_key(deployment: Deployment) -> bool:
    deployment.connect(4564, owner=ANNA, telephony=False)
    deployment.simulator.grant(666)
    page = deployment.press(deployment.visit(captured(deployment, 666)))
    assert page.standings == {666: "connected"}
    return page.pbx_key != ""


def _of_anybody(
    connection: Connection | None, status: Any, account: Account | None, now: Any, rules: Any
) -> Standing:
    if connection is not None and connection.live and account is not None:
        account = replace(account, account_id=connection.account_id or "")
    return _standing(connection, status, account, now, rules)


_standing = standing.standing


@threat(
    "A captured link looks into another account",
    patch(locations, "standing", _of_anybody),
)
def looks_into_another_account(deployment: Deployment) -> bool:
    deployment.connect(4564, owner=MALLORY)
    deployment.connect(4232, owner=ANNA)
    page = deployment.visit(captured(deployment, 4564))
    return page.standings == {4564: "connected"}


def _proven_by_the_link(self: Tickets, ticket: str, now: Any) -> Ticket | None:
    opened = _open(self, ticket, now)
    accounts = Accounts(self._dynamodb, self._table.replace("TicketsTable", "AccountsTable"))
    account = opened and accounts.of_user(opened.redirect.owner.altegio_user_id)
    return replace(opened, proven=account.account_id) if opened and account else opened


_open = Tickets.open


@threat(
    "A captured link gives the telephone system a new key",
    patch(Tickets, "open", _proven_by_the_link),
)
def rotates_the_key(deployment: Deployment) -> bool:
    deployment.connect(4564, owner=ANNA)
    page = deployment.visit(captured(deployment, 4564))
    return act(deployment, page, "rotate").pbx_key != ""


@threat(
    "A captured link discloses calls and payments",
    patch(codes, "fits", lambda *_: True),
)
def reads_calls(deployment: Deployment) -> bool:
    deployment.connect(4564, owner=ANNA)
    page = act(deployment, deployment.visit(captured(deployment, 4564)), "code")
    return act(deployment, page, "prove", code="0000 0000 0000").proof == "given"


@threat(
    "Somebody asks about the locations of others, one after the other",
    patch(locations, "MOST_DENIED", 10**9),
)
def probes(deployment: Deployment) -> bool:
    told = [
        deployment.visit(captured(deployment, *range(first, first + 20))).standings
        for first in range(1, 401, 20)
    ]
    return sum(map(len, told)) == 400


# The code


@threat("Somebody tries all codes", patch(codes, "DIGITS", 1))
def tries_all_codes(deployment: Deployment) -> bool:
    deployment.connect(4564, owner=ANNA)
    page = act(deployment, deployment.visit(captured(deployment, 4564)), "code")
    given = []
    for number in range(10):
        if number % MOST_TRIES == 0:
            page = deployment.visit(captured(deployment, 4564))
        tried = act(deployment, page, "prove", code=f"{number:0{codes.DIGITS}}")
        given.append(tried.proof == "given")
    return any(given)


@threat("Somebody floods the owner with codes", patch(one_time_code, "MOST_LETTERS", 10**9))
def floods(deployment: Deployment) -> bool:
    deployment.connect(4564, owner=ANNA)
    for _ in range(20):
        act(deployment, deployment.visit(captured(deployment, 4564)), "code")
    return len(deployment.letters) == 20


def _voids_the_code(self: Tickets, account_id: str, window: datetime, most: int) -> int | None:
    serial = _count_letter(self, account_id, window, most)
    if serial is None:
        key = f"codes#{account_id}#{stamp(window)}"
        self._write(key, "ADD used :one", "", {":one": 1})
    return serial


_count_letter = Tickets.count_letter


@threat(
    "Somebody asks for codes so that the owner gets none",
    patch(Tickets, "count_letter", _voids_the_code),
)
def keeps_the_owner_out(deployment: Deployment) -> bool:
    deployment.connect(4564, owner=ANNA)
    page = deployment.visit(captured(deployment, 4564))
    for _ in range(10):
        act(deployment, page, "code")
        act(deployment, page, "prove", code="0000 0000 0000")
    # The owner asks, and takes the last letter that he has.
    asked = act(deployment, deployment.visit(captured(deployment, 4564)), "code")
    if "prove" not in asked.buttons:
        return True
    return act(deployment, asked, "prove", code=deployment.code()).proof != "given"


def _register(self: Accounts, *arguments: Any, **more: Any) -> Account:
    account = _registered(self, *arguments, **more)
    self.own_email(account)
    return account


_registered = Accounts.register


@threat(
    "Somebody registers with the owner's address, to have him walk into that account",
    patch(Accounts, "register", _register),
)
def waits_for_the_owner(deployment: Deployment) -> bool:
    page = deployment.visit(deployment.simulator.grant(4564, owner=MALLORY))
    act(deployment, page, "connect", email=ANNA.email)
    # The owner does all that he is asked to do.
    page = deployment.visit(deployment.simulator.grant(4232, owner=ANNA))
    if "code" in page.buttons:
        page = act(deployment, page, "code")
        page = act(deployment, page, "prove", code=deployment.code())
    act(deployment, page, "connect")
    return deployment.connection(4232).account_id == deployment.connection(4564).account_id


# The ticket, and the race for a location


@threat("A ticket is used after its time", setting(TICKET_TTL_S="999999999"))
def uses_an_old_ticket(deployment: Deployment) -> bool:
    page = deployment.visit(deployment.simulator.grant(4564, owner=ANNA))
    deployment.clock.advance(days=2)
    return deployment.press(page).status == 200


def in_the_middle(then: Callable[[], object]) -> Iterator[None]:
    """Something happens while a callback is on its way to the platform."""
    confirm = Marketplace.confirm

    def confirmed(self: Marketplace, *arguments: Any) -> Any:
        patches.undo()
        then()
        return confirm(self, *arguments)

    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(Marketplace, "confirm", confirmed)
        yield


@threat("The button is pressed twice", setting(LEASE_S="-1"))
def presses_twice(deployment: Deployment) -> bool:
    page = deployment.visit(deployment.simulator.grant(4564, owner=ANNA))
    for _ in in_the_middle(lambda: deployment.press(page)):
        deployment.press(page)
    return len(deployment.simulator.calls("callback")) > 1


@threat(
    "Somebody presses for a grant that another owner has consented to, while its callback fails",
    patch(standing, "_is_spoken_for", lambda *_: False),
)
def takes_a_consented_grant(deployment: Deployment) -> bool:
    page = deployment.visit(deployment.simulator.grant(4564, owner=ANNA))
    other = deployment.visit(deployment.simulator.redirect(4564, owner=MALLORY))
    deployment.simulator.fault("callback", "status", status=500)
    deployment.press(page)
    anna = deployment.connection(4564).account_id
    deployment.clock.advance(minutes=1)
    deployment.press(other)
    deployment.let_time_pass(3)
    return deployment.connection(4564).account_id != anna


def _first_come_is_nothing(patches: pytest.MonkeyPatch, deployment: Deployment) -> None:
    setting(LEASE_S="-1")(patches, deployment)
    patches.setattr(standing, "_is_spoken_for", lambda *_: False)


@threat("Two owners race for one location", _first_come_is_nothing)
def races(deployment: Deployment) -> bool:
    page = deployment.visit(deployment.simulator.grant(4564, owner=ANNA))
    other = deployment.visit(deployment.simulator.redirect(4564, owner=MALLORY))
    for _ in in_the_middle(lambda: deployment.press(other)):
        deployment.press(page)
    return len(deployment.simulator.calls("callback")) > 1


def _takes_what_is_live(patches: pytest.MonkeyPatch, _deployment: Deployment) -> None:
    def opens(self: Locations, arrived: Redirect, asked: Asked, account: Account) -> Connection:
        opened = self._opened(
            arrived,
            self._connections.get(asked.location_id),
            asked.location_id,
            asked.status,
            account,
        )
        return self._connections.save(opened)

    patches.setattr(Locations, "consent", opens)
    patches.setattr(locations, "standing", lambda *_: Standing.READY)


@threat("A location of another account is taken over", _takes_what_is_live)
def takes_over(deployment: Deployment) -> bool:
    deployment.connect(4232, owner=ANNA)
    mallory = deployment.visit(deployment.simulator.grant(4564, owner=MALLORY)).fields
    deployment.connect(4564, owner=ANNA)
    owner = deployment.connection(4564).account_id
    deployment.post({**mallory, "action": "connect"})
    deployment.let_time_pass(3)
    return deployment.connection(4564).account_id != owner


# The page


@threat("Somebody is called what a browser would run", lambda patches, _: _unescape(patches))
def injects(deployment: Deployment) -> bool:
    hostile = replace(ANNA, name="<script>alert(1)</script>", phone="<script>alert(1)</script>")
    page = deployment.visit(deployment.simulator.grant(4564, owner=hostile))
    return "<script>alert(1)" in page.text


def _unescape(patches: pytest.MonkeyPatch) -> None:
    text = Path(page.__file__).with_name("page.html").read_text("utf-8")
    bare = Environment(trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - that is the point
    patches.setattr(page, "_TEMPLATE", bare.from_string(text))


@threat("Another site frames the page, and has the owner press it", setting(FRAME_ANCESTORS="*"))
def frames(deployment: Deployment) -> bool:
    policy = deployment.visit(deployment.simulator.grant(4564)).headers["content-security-policy"]
    [ancestors] = re.findall("frame-ancestors ([^;]*)", policy)
    return str(ancestors) != "https://app.alteg.io"


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


@threat("Somebody else speaks for the portal", patch(PortalKey, "fits", lambda _self, _given: True))
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


# The crowd


def neighbours(deployment: Deployment) -> tuple[str, str]:
    """The keys of two accounts, at the pace of the platform."""
    mallory = deployment.connect(4564, owner=MALLORY).pbx_key
    anna = deployment.connect(4777, owner=ANNA).pbx_key
    deployment.reconcile()
    deployment.clock.advance(minutes=1)
    deployment.restart(PACE_PER_S="5", PACE_PER_MIN="200")
    return mallory, anna


def _no_bounds(patches: pytest.MonkeyPatch, _deployment: Deployment) -> None:
    patches.setattr(Bounds, "take", lambda *_: None)


@threat("Somebody's telephones ring so often that nobody else's caller is shown", _no_bounds)
def rings_without_end(deployment: Deployment) -> bool:
    shown = 0
    mallory, anna = neighbours(deployment)
    for number in range(60):
        at = deployment.clock().isoformat()
        deployment.call({**ringing(f"m-{number}", 4564), "at": at}, mallory)
        if number % 10 == 9:
            answer = deployment.call({**ringing(f"a-{number}", 4777), "at": at}, anna)[1]
            shown += answer["pop_up"] == "sent"
        deployment.clock.advance(seconds=0.1)
    return shown < 4


@threat("Thousands of one company's calls stand in the queue before everybody's", _no_bounds)
def queues_without_end(deployment: Deployment) -> bool:
    mallory, anna = neighbours(deployment)
    at = (deployment.clock() - timedelta(seconds=90)).isoformat()
    for number in range(200):
        deployment.call({**finished(f"m-{number}", 4564), "started_at": at}, mallory)
    deployment.call({**finished("anna", 4777), "started_at": at}, anna)
    deployment.clock.advance(seconds=6)
    # As many as half a minute's pace.
    return "anna" not in deployment.woken_calls()[:100]


def _one_kind_after_the_other(patches: pytest.MonkeyPatch, _deployment: Deployment) -> None:
    patches.setattr(schedule, "_in_turn", lambda *kinds: chain.from_iterable(kinds))


@threat(
    "So many locations are due that nobody comes to what else is due", _one_kind_after_the_other
)
def crowds_reconcile(deployment: Deployment) -> bool:
    deployment.connect(4564)
    deployment.simulator.fault("payment", "drop_answer")
    deployment.bill(payment())
    deployment.clock.advance(minutes=20)
    deployment.crowd(300, watched_at=None, due_at=deployment.clock() - timedelta(hours=1))
    # A run has no time for more than a part of them.
    with pytest.MonkeyPatch.context() as busy:
        seconds = count()
        slow = SimpleNamespace(monotonic=lambda: next(seconds) / 6)
        busy.setattr(schedule, "time", slow)
        busy.setattr(reconcile, "time", slow)
        deployment.invoke("reconcile", {})
    return deployment.entry("payment#inv-1").state != "SENT"


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    deployment.restart(MAIL_FROM="codes@provider.example")
    return deployment


@pytest.mark.parametrize("each", THREATS, ids=lambda each: each.attack.__name__)
def test_an_attack_fails(deployment: Deployment, each: Threat) -> None:
    assert not each.attack(deployment)


@pytest.mark.parametrize("each", THREATS, ids=lambda each: each.attack.__name__)
def test_without_its_defence_it_works(
    deployment: Deployment, each: Threat, monkeypatch: pytest.MonkeyPatch
) -> None:
    each.remove(monkeypatch, deployment)
    assert each.attack(deployment)


def test_every_threat_is_written_down() -> None:
    text = (PROJECT / "docs" / "threats.md").read_text("utf-8")
    rows = re.findall(r"^\| (?!-|What)(.+?) \|", text, re.MULTILINE)
    assert rows == [each.title for each in THREATS]
