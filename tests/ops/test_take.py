"""An operator gives a location that was installed by another way to an account."""

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import pytest

from local.simulator import Owner
from shared.connections.accounts import Accounts
from shared.connections.crm_token import CrmTokenState
from shared.connections.table import Connections
from tests.deployment import Deployment, finished, payment
from tests.ops.operator import Operator, told

pytestmark = pytest.mark.usefixtures("logged")

BOB = Owner(id=8, name="Bob", phone="4915187654321", email="bob@salon.example")


@pytest.fixture
def key(deployment: Deployment) -> str:
    """Of an account with one location; another is installed by another way."""
    key = deployment.connect(4564).pbx_key
    deployment.simulator.grant(4777, private=True)
    deployment.let_time_pass(2)
    return key


@pytest.fixture
def take(deployment: Deployment, operator: Operator, key: str) -> Callable[..., str]:
    assert key

    def taken(*words: str, location: int = 4777, account: str = "") -> str:
        account = account or str(deployment.connection(4564).account_id)
        told = operator("take", str(location), account, "--reason", "ticket 812", *words)
        return " ".join(told.split())

    return taken


def test_it_is_shown_before_anything_is_written(
    deployment: Deployment, operator: Operator, take: Callable[..., str]
) -> None:
    before = deployment.rows("ACCOUNTS_TABLE")
    text = take()
    for shown in (
        "there status active, log ends uninstalled→active at",
        "2 min ago",
        "here never connected",
        "had it no account",
        f"account {deployment.connection(4564).account_id}",
        f"name {Owner().name}",
        f"e-mail {Owner().email}, not proven",
        "locations 4564",
        "change no row -> active, generation 1",
        f"telephony unproven, with the CRM token of chain {deployment.simulator.salon_group_id}",
        "why taken by anna: ticket 812; status active, log ends",
    ):
        assert shown in text
    assert "Nothing was changed yet. Add --do to do it." in text
    assert operator.code == 0
    assert deployment.connections.get(4777) is None
    assert deployment.rows("ACCOUNTS_TABLE") == before


def test_it_is_connected_paid_and_rings_like_any_other(
    deployment: Deployment, operator: Operator, take: Callable[..., str], key: str
) -> None:
    deployment.bill(payment(location_id=4777))
    assert deployment.entry("payment#inv-1").state == "HELD"
    assert "Done." in take("--do")
    assert operator.code == 0
    deployment.let_time_pass(12)
    assert deployment.connection(4777).state == "active"
    assert deployment.connection(4777).account_id == deployment.connection(4564).account_id
    assert deployment.entry("payment#inv-1").state == "SENT"
    began = {"started_at": deployment.clock().isoformat()}
    assert deployment.call({**finished("c-1", 4777), **began}, key)[0] == 202
    deployment.let_time_pass(10)
    assert deployment.connection(4777).telephony is CrmTokenState.PROVEN
    assert [call.call_id for call in deployment.simulator.saved_calls(4777)] == ["c-1"]
    [line, *_] = deployment.journal.of_location(4777)
    assert (line.state, line.generation) == ("active", 1)
    assert line.words.startswith("taken by anna: ticket 812; status active, log ends")


def test_the_owner_sees_it_connected_and_others_see_another_account(
    deployment: Deployment, take: Callable[..., str]
) -> None:
    take("--do")
    simulator = deployment.simulator
    assert deployment.visit(simulator.redirect(4777)).standings == {4777: "connected"}
    assert deployment.visit(simulator.redirect(4777, owner=BOB)).standings == {4777: "taken"}
    # Whoever is granted it in Altegio later has it, as with any other.
    deployment.clock.advance(minutes=2)
    simulator.disconnect(4777)
    deployment.clock.advance(minutes=2)
    assert deployment.connect(4777, owner=BOB).standings == {4777: "connected"}


def test_the_page_alone_does_not_take_it(deployment: Deployment, take: Callable[..., str]) -> None:
    page = deployment.visit(deployment.simulator.redirect(4777))
    assert page.standings == {4777: "installed"}
    assert "Done." in take("--do")


def test_the_portal_names_its_account_too(
    deployment: Deployment, operator: Operator, take: Callable[..., str]
) -> None:
    operator("account", "4564", "--hand-over", "acme-1", "--do")
    assert "portal acme-1" in take(account="acme-1")
    assert "Done." in take("--do", account="acme-1")
    assert deployment.connection(4777).account_id == deployment.connection(4564).account_id


def test_whose_it_was_is_shown_and_forgotten_in_time(
    deployment: Deployment, take: Callable[..., str]
) -> None:
    deployment.connect(4801, owner=BOB)
    deployment.clock.advance(minutes=2)
    deployment.simulator.disconnect(4801)
    deployment.webhook(deployment.event(4801))
    deployment.reconcile()
    bob = deployment.connection(4801).account_id
    deployment.clock.advance(minutes=2)
    deployment.simulator.grant(4801, private=True)
    text = take("--do", location=4801)
    assert f"had it {bob}" in text
    assert "change disabled, generation 1 -> active, generation 2" in text
    assert deployment.connection(4801).former == (bob,)
    deployment.clock.advance(days=31)
    deployment.reconcile()
    names = {row.get("name") for row in deployment.rows("ACCOUNTS_TABLE")}
    assert BOB.name not in names


REFUSED: dict[str, tuple[Callable[[Deployment], object], str]] = {
    "gone": (lambda it: it.simulator.disconnect(4777, webhook="never"), "not installed in Altegio"),
    "frozen": (lambda it: it.simulator.expire(4777, webhook="never"), "frozen in Altegio"),
    "silent": (
        lambda it: it.simulator.fault("status", "status", status=500, times=9),
        "the platform does not tell: status answered 500",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_active_there_is_not_taken(
    deployment: Deployment, operator: Operator, take: Callable[..., str], name: str
) -> None:
    happens, why = REFUSED[name]
    happens(deployment)
    text = take("--do")
    assert "Nothing was changed: " in text
    assert why in text
    assert operator.code == 1
    assert deployment.connections.get(4777) is None


def test_what_waits_for_its_owner_is_not_taken(
    deployment: Deployment, operator: Operator, take: Callable[..., str]
) -> None:
    deployment.simulator.grant(4801, owner=BOB)
    assert "waits for the owner who granted it" in take("--do", location=4801)
    assert operator.code == 1
    assert deployment.connections.get(4801) is None


@pytest.mark.parametrize(("owner", "whose"), [(Owner(), "this"), (BOB, "another")])
def test_what_somebody_has_here_is_not_taken(
    deployment: Deployment,
    operator: Operator,
    take: Callable[..., str],
    owner: Owner,
    whose: str,
) -> None:
    deployment.connect(4801, owner=owner)
    before = deployment.connection(4801)
    assert f"connected to {whose} account here (active)" in take("--do", location=4801)
    assert operator.code == 1
    assert deployment.connection(4801) == before


def test_an_account_that_is_not_there_gets_nothing(
    deployment: Deployment, operator: Operator, take: Callable[..., str]
) -> None:
    assert "no account, and no location of one, has the id acme-9" in take("--do", account="acme-9")
    assert operator.code == 2
    assert deployment.connections.get(4777) is None


def test_without_a_reason_nothing_happens(operator: Operator) -> None:
    with pytest.raises(SystemExit):
        operator("take", "4777", "a-1", "--do")


def test_who_writes_the_row_meanwhile_is_not_overwritten(
    deployment: Deployment,
    operator: Operator,
    take: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An owner disconnects, connects through the page, and has it, while the operator decides."""
    saved = Connections.save

    def overtaken(connections: Connections, taken: Any, *more: Any) -> Any:
        monkeypatch.setattr(Connections, "save", saved)
        deployment.simulator.disconnect(4777, webhook="never")
        # What the functions log meanwhile, the operator does not see.
        with redirect_stdout(io.StringIO()):
            assert deployment.connect(4777, owner=BOB).standings == {4777: "connected"}
        return connections.save(taken, *more)

    monkeypatch.setattr(Connections, "save", overtaken)
    assert "has changed since it was shown" in take("--do")
    assert operator.code == 1
    assert deployment.connection(4777).account_id != deployment.connection(4564).account_id


def test_an_account_that_is_erased_meanwhile_gets_nothing(
    deployment: Deployment,
    operator: Operator,
    take: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Accounts, "seen", lambda *_: False)
    assert "the account was erased a moment ago" in take("--do")
    assert operator.code == 1
    assert deployment.connections.get(4777) is None


def test_an_address_that_was_proven_is_told_from_one_that_was_only_written(
    deployment: Deployment, take: Callable[..., str]
) -> None:
    """Whoever registers may write a customer's name and address."""
    deployment.restart(MAIL_FROM="codes@provider.example")
    page = deployment.visit(deployment.simulator.redirect(4564))
    asked = deployment.post({**page.fields, "action": "code"})
    deployment.post({**asked.fields, "action": "prove", "code": deployment.code()})
    assert f"e-mail {Owner().email}, proven" in take()
    impostor = Owner(id=666, name=Owner().name, email=Owner().email)
    deployment.connect(4801, owner=impostor)
    other = str(deployment.connection(4801).account_id)
    assert f"e-mail {Owner().email}, not proven" in take(account=other)


def test_what_nobody_has_connected_is_told_at_once_with_both_ways(
    deployment: Deployment, operator: Operator, key: str
) -> None:
    assert key
    deployment.simulator.grant(4778, private=True)
    deployment.bill(payment(location_id=4778))
    held, apart = sorted(told(operator, "location", "4778"), key=lambda it: "HELD" not in it)
    assert "location 4778: is not connected here, but active in Altegio" in apart
    assert "another way than our page: its owner presses Disconnect and then Connect" in apart
    assert apart.endswith(" > take 4778 ACCOUNT --reason TEXT")
    # Billing names it rightly.
    assert "nor ever was" not in held
    shown = " ".join(operator("take", "4778", "4564", "--reason", "seen").split())
    assert "risk if it is not this customer's, strangers see each other's callers" in shown
    operator("take", "4778", "4564", "--reason", "seen", "--do")
    deployment.let_time_pass(12)
    assert told(operator, "location", "4778") == []


def test_one_that_was_here_and_is_installed_anew_by_another_way_may_be_another_s(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.connect(4801, owner=BOB)
    deployment.clock.advance(minutes=2)
    deployment.simulator.disconnect(4801)
    deployment.webhook(deployment.event(4801))
    deployment.let_time_pass(10)
    deployment.simulator.grant(4801, private=True)
    deployment.let_time_pass(10)
    [line] = told(operator, "location", "4801")
    assert "is disabled here, but active in Altegio" in line
    assert "its owner presses Disconnect and then Connect in Altegio" in line
    assert line.endswith(" > take 4801 ACCOUNT --reason TEXT")
