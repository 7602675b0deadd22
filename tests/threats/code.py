"""Attacks on the code in the owner's letter, and on the race for a location."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from shared.altegio.marketplace import Marketplace
from shared.altegio.redirect import Redirect
from shared.clock import stamp
from shared.connect import codes, locations, one_time_code, standing
from shared.connect.locations import Asked, Locations
from shared.connect.tickets import MOST_TRIES, Tickets
from shared.connect.view import Standing
from shared.connections import lifecycle
from shared.connections.accounts import Account, Accounts
from shared.connections.connection import Connection, State
from tests.deployment import Deployment
from tests.threats.threat import ANNA, MALLORY, act, captured, patch, setting, threat

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


def _registered(self: Accounts, account: Account) -> Any:
    self.own_email(account)
    return _registration(self, account)


_registration = Accounts.registration


@threat(
    "Somebody registers with the owner's address, to have him walk into that account",
    patch(Accounts, "registration", _registered),
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


@threat("A ticket is used after its time", setting(TICKET_TTL_S="31536000"))
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


@threat("The button is pressed twice", setting(LEASE_S="1e-9"))
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
    setting(LEASE_S="1e-9")(patches, deployment)
    patches.setattr(standing, "_is_spoken_for", lambda *_: False)


@threat("Two owners race for one location", _first_come_is_nothing)
def races(deployment: Deployment) -> bool:
    page = deployment.visit(deployment.simulator.grant(4564, owner=ANNA))
    other = deployment.visit(deployment.simulator.redirect(4564, owner=MALLORY))
    for _ in in_the_middle(lambda: deployment.press(other)):
        deployment.press(page)
    return len(deployment.simulator.calls("callback")) > 1


def _takes_what_is_live(patches: pytest.MonkeyPatch, _deployment: Deployment) -> None:
    def opens(
        self: Locations, arrived: Redirect, asked: Asked, account: Account, beside: Any = ()
    ) -> Connection:
        opened = self._opened(
            arrived,
            self._connections.get(asked.location_id),
            asked.location_id,
            asked.status,
            account,
        )
        return self._connections.save(opened, beside=beside)

    patches.setattr(Locations, "consent", opens)
    # The table of states would not let it happen either.
    patches.setitem(lifecycle.CHANGES, "opened", (set(State), {State.PENDING}))
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
