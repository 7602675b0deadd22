"""What is known of a customer is erased a while after the last disconnect, with a receipt."""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from local.simulator import Owner
from shared.clock import stamp
from tests.deployment import Deployment, payment
from tests.memory.tables import Index

ANNA = Owner(id=7, name="Anna Schmidt", phone="4915112345678", email="anna@salon.example")
PERSONAL = (ANNA.name, ANNA.phone, ANNA.email)


def disconnect(deployment: Deployment, location_id: int) -> None:
    deployment.clock.advance(minutes=2)
    deployment.simulator.disconnect(location_id)
    deployment.webhook(deployment.event(location_id))
    deployment.reconcile()


def stored(deployment: Deployment) -> str:
    tables = ("CONNECTIONS_TABLE", "ACCOUNTS_TABLE")
    return json.dumps([deployment.rows(table) for table in tables], ensure_ascii=False)


def test_a_customer_who_left_is_forgotten_and_his_payments_are_not(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    deployment.connect(4564, owner=ANNA)
    deployment.bill(payment())
    disconnect(deployment, 4564)
    deployment.clock.advance(days=29)
    deployment.reconcile()
    assert all(text in stored(deployment) for text in PERSONAL)
    logged()
    deployment.clock.advance(days=1)
    deployment.reconcile()
    assert deployment.rows("ACCOUNTS_TABLE") == []
    assert [
        text for text in (*PERSONAL, deployment.simulator.crm_token) if text in stored(deployment)
    ] == []
    connection = deployment.connection(4564)
    assert (connection.state, connection.account_id, connection.due_at) == ("disabled", None, None)
    assert deployment.entry("payment#inv-1").state == "SENT"
    [receipt] = [json.loads(line) for line in logged().splitlines() if '"erased"' in line]
    assert (receipt["location_id"], receipt["account_erased"]) == (4564, True)


def test_a_reconnect_cancels_it(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA)
    disconnect(deployment, 4564)
    deployment.clock.advance(days=29)
    deployment.connect(4564, owner=ANNA)
    deployment.clock.advance(days=60)
    deployment.reconcile()
    assert all(text in stored(deployment) for text in PERSONAL)
    assert deployment.connection(4564).state == "active"


def test_an_account_whose_location_went_to_another_is_erased_in_its_time(
    deployment: Deployment,
) -> None:
    deployment.connect(4564, owner=ANNA)
    disconnect(deployment, 4564)
    other = Owner(id=8, name="Boris", phone="79161234567", email="boris@salon.example")
    deployment.clock.advance(days=3)
    deployment.connect(4564, owner=other)
    deployment.reconcile()
    assert ANNA.email in stored(deployment)
    deployment.clock.advance(days=31)
    deployment.webhook(deployment.event(4564))
    deployment.reconcile()
    assert not any(text in stored(deployment) for text in PERSONAL)
    assert other.email in stored(deployment)
    connection = deployment.connection(4564)
    assert (connection.state, connection.former, connection.forget_at) == ("active", (), None)


def test_so_it_is_though_the_location_is_paid_for_a_year(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA)
    disconnect(deployment, 4564)
    deployment.connect(4564, owner=Owner(id=8, name="Boris", email="boris@salon.example"))
    begins = deployment.clock()
    ends = begins + timedelta(days=365)
    dates = {"paid_at": stamp(begins), "period_from": stamp(begins), "period_to": stamp(ends)}
    deployment.bill({**payment(), **dates})
    deployment.let_time_pass(29 * 24 * 60, step=24 * 60)
    assert ANNA.email in stored(deployment)
    deployment.let_time_pass(2 * 24 * 60, step=24 * 60)
    assert not any(text in stored(deployment) for text in PERSONAL)
    connection = deployment.connection(4564)
    assert connection.covered_until is not None
    assert connection.due_at is not None
    assert connection.due_at > begins + timedelta(days=300)


def test_an_account_lives_as_long_as_one_of_its_locations(deployment: Deployment) -> None:
    deployment.connect(4564, 4232, owner=ANNA)
    disconnect(deployment, 4564)
    deployment.clock.advance(days=31)
    deployment.reconcile()
    assert deployment.connection(4564).account_id is None
    assert ANNA.email in stored(deployment)
    disconnect(deployment, 4232)
    deployment.clock.advance(days=31)
    deployment.reconcile()
    assert deployment.rows("ACCOUNTS_TABLE") == []


def test_a_customer_who_comes_back_later_is_new(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA)
    disconnect(deployment, 4564)
    deployment.clock.advance(days=31)
    deployment.reconcile()
    page = deployment.visit(deployment.simulator.grant(4564, owner=ANNA))
    assert page.title == "Connect your telephony"
    assert deployment.press(page).standings == {4564: "connected"}
    assert deployment.connection(4564).generation == 2


def test_a_webhook_about_a_closed_location_hastens_nothing(deployment: Deployment) -> None:
    deployment.connect(4564, owner=ANNA)
    disconnect(deployment, 4564)
    due_at = deployment.connection(4564).due_at
    deployment.clock.advance(days=1)
    deployment.webhook(deployment.event(4564))
    deployment.reconcile()
    assert ANNA.email in stored(deployment)
    assert deployment.connection(4564).due_at == due_at


def test_an_owner_at_the_door_is_not_erased_under_his_hands(deployment: Deployment) -> None:
    """The account is erased only if nobody was seen since; who is seen first keeps it."""
    deployment.connect(4564, owner=ANNA)
    disconnect(deployment, 4564)
    deployment.clock.advance(days=31)
    page = deployment.visit(deployment.simulator.grant(4232, owner=ANNA))
    deployment.simulator.fault("callback", "status", status=500)
    deployment.press(page)
    deployment.reconcile()
    assert ANNA.email in stored(deployment)


def test_of_a_chain_that_left_as_a_whole_the_account_goes_too(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index follows its table a little later, and all locations are erased in one run."""
    deployment.connect(4564, 4232, owner=ANNA)
    deployment.clock.advance(minutes=2)
    for location_id in (4564, 4232):
        deployment.simulator.disconnect(location_id)
        deployment.webhook(deployment.event(location_id))
    deployment.let_time_pass(5)
    deployment.clock.advance(days=31)
    moves: list[Callable[[], None]] = []
    moved = Index.move
    with monkeypatch.context() as lagging:
        lagging.setattr(Index, "move", lambda *told: moves.append(partial(moved, *told)))
        deployment.reconcile()
    for follow in moves:
        follow()
    assert [deployment.connection(it).account_id for it in (4564, 4232)] == [None, None]
    assert deployment.rows("ACCOUNTS_TABLE") == []


def test_a_former_owner_who_was_here_since_is_erased_though_the_next_one_was_before(
    deployment: Deployment,
) -> None:
    deployment.connect(4564, owner=ANNA)
    anna = str(deployment.connection(4564).account_id)
    disconnect(deployment, 4564)
    deployment.connect(4564, owner=Owner(id=8, name="Boris", email="boris@salon.example"))
    disconnect(deployment, 4564)
    deployment.clock.advance(days=20)
    account = deployment.accounts.of_id(anna)
    assert account is not None
    assert deployment.accounts.seen(account, deployment.clock())
    deployment.let_time_pass(11 * 24 * 60, step=24 * 60)
    connection = deployment.connection(4564)
    assert (connection.account_id, connection.former) == (None, (anna,))
    assert [it["key"] for it in deployment.rows("ACCOUNTS_TABLE")]
    deployment.let_time_pass(20 * 24 * 60, step=24 * 60)
    assert deployment.rows("ACCOUNTS_TABLE") == []
    connection = deployment.connection(4564)
    assert (connection.state, connection.former, connection.due_at) == ("disabled", (), None)
