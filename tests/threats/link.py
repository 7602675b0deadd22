"""Attacks by who has a link of somebody's, or writes one."""

import io
import re
from argparse import Namespace
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ops import site, take
from shared.altegio import redirect, signature
from shared.altegio.redirect import Redirect
from shared.altegio.status import Status
from shared.aws import sightings
from shared.aws.sightings import Sightings
from shared.connect import codes, flow, locations, standing
from shared.connect.flow import ConnectFlow
from shared.connect.locations import Locations
from shared.connect.tickets import Ticket, Tickets
from shared.connect.view import Standing
from shared.connections import lifecycle, pbx_key
from shared.connections.accounts import Account, Accounts
from shared.connections.connection import Connection
from tests.deployment import Deployment, Page, ringing
from tests.ops.operator import stack_of
from tests.threats.threat import ANNA, MALLORY, act, captured, patch, threat

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
    typed = {"name": "A", "email": "a@b.example", "country": "DE"}
    deployment.post({"ticket": ticket, "action": "connect", **typed})
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
    "Somebody registers under a customer's name and address, so that an operator gives him the"
    " customer's location",
    lambda patches, _deployment: _believes_any_address(patches),
)
def registers_as_a_customer(deployment: Deployment) -> bool:
    # He has a location of his own, and calls the operator: "I am Anna, 4564 is mine."
    impostor = replace(ANNA, id=MALLORY.id)
    deployment.connect(1, owner=impostor)
    deployment.simulator.grant(4564, private=True)
    shown = io.StringIO()
    with redirect_stdout(shown):
        take.take(
            site.Site(stack_of(deployment)),
            Namespace(
                location=4564,
                account=deployment.connection(1).account_id,
                reason="he says so",
                do=False,
                json=False,
            ),
        )
    assert ANNA.email in shown.getvalue()
    return "not proven" not in shown.getvalue()


def _believes_any_address(patches: pytest.MonkeyPatch) -> None:
    patches.setattr(Accounts, "of_email", lambda accounts, _email: accounts.of_user(MALLORY.id))


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


@threat(
    "Somebody asks with a captured link until its owner is turned away",
    patch(flow, "_asker", lambda arrived, *_, **__: str(arrived.owner.altegio_user_id)),
)
def uses_up_the_allowance(deployment: Deployment) -> bool:
    deployment.restart(MAIL_FROM="codes@provider.example")
    deployment.connect(4564, owner=ANNA)
    granted = deployment.simulator.grant(4232, owner=ANNA)
    for _ in range(3):
        page = deployment.visit(captured(deployment, *range(1, 301)))
    act(deployment, page, "connect")
    page = act(deployment, deployment.visit(granted), "code")
    page = act(deployment, page, "prove", code=deployment.code())
    return act(deployment, page, "connect").standings != {4232: "connected"}


@threat("A link names more locations than any chain has", patch(redirect, "MOST_LOCATIONS", 10**9))
def names_thousands(deployment: Deployment) -> bool:
    return deployment.visit(captured(deployment, *range(1, 1201))).status != 400


def _asks_all(
    self: Locations,
    arrived: Redirect,
    account: Account | None,
    _until: float,
    asker: str,
    **more: Any,
) -> Iterator[Any]:
    """Goes on with the next location when one was not answered."""
    for location_id in arrived.location_ids:
        one = replace(arrived, location_ids=(location_id,))
        yield from _asked(self, one, account, float("inf"), asker, **more)


_asked = Locations.asked


@threat(
    "Links are opened while the platform does not answer, to keep us busy",
    patch(Locations, "asked", _asks_all),
)
def spins(deployment: Deployment) -> bool:
    deployment.simulator.fault("status", "status", status=503, times=1000)
    deployment.visit(captured(deployment, *range(1, 21)))
    return len(deployment.simulator.calls("status")) > 1


def _key_for_any_grant(self: ConnectFlow, *asked: Any, is_seen: bool) -> Any:
    opened, account, _is_new = _consented(self, *asked, is_seen=is_seen)
    return opened, account, True


_consented = ConnectFlow._consented


@threat(
    "A captured link gets the account's first key with a location of the stranger's own",
    patch(ConnectFlow, "_consented", _key_for_any_grant),
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


# The key


def _owners(deployment: Deployment) -> Account:
    account = deployment.accounts.of_id(deployment.connection(4564).account_id or "")
    assert account is not None
    return account


def _makes_a_key(deployment: Deployment) -> None:
    account = _owners(deployment)
    digest = pbx_key.digest(pbx_key.made(account.account_id))
    assert deployment.accounts.give_key(account, digest, deployment.clock())


@threat("Somebody has found an old PBX key", patch(pbx_key, "GRACE", timedelta(days=365)))
def uses_an_old_key(deployment: Deployment) -> bool:
    old = deployment.connect(4564, owner=ANNA).pbx_key
    _makes_a_key(deployment)
    deployment.clock.advance(hours=25)
    return deployment.call(ringing(at=deployment.clock().isoformat()), old)[0] == 202


@threat(
    "Somebody has new keys made, again and again, so that an account's row grows",
    patch(pbx_key, "MOST_REPLACED", 10**9),
)
def has_keys_made(deployment: Deployment) -> bool:
    deployment.connect(4564, owner=ANNA)
    for _ in range(20):
        _makes_a_key(deployment)
    return len(_owners(deployment).replaced_pbx_keys) > 10


@threat(
    "Somebody comes with a wrong key, token or signature so often that the notes for the operator"
    " cost more than the refusal",
    patch(sightings, "_EVERY_S", -1.0),
)
def is_noted_without_end(deployment: Deployment) -> bool:
    written: list[str] = []
    with pytest.MonkeyPatch.context() as counting:
        counting.setattr(Sightings, "_update", lambda _self, key, *_rest: written.append(key))
        for _ in range(30):
            assert deployment.webhook(deployment.event(4564, partner_token="guess")) == 403
    return len(written) >= 30


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
