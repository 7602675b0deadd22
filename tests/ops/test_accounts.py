"""Accounts: another key for a PBX, and whose account it is from before there was a portal."""

import pytest

from local.simulator import Owner
from ops.__main__ import main
from shared.connections import pbx_key
from shared.connections.accounts import Account, Accounts
from tests.connect.test_portal import KEY, PORTAL, arrive, connect, look, standings, ticket_of
from tests.deployment import Deployment, ringing, secrets_in
from tests.ops.operator import Operator

pytestmark = pytest.mark.usefixtures("logged")

ANNA = Owner(id=7, name="Anna Schmidt", phone="4915112345678", email="anna@salon.example")


def with_a_portal(deployment: Deployment) -> None:
    deployment.set_portal_key(KEY)
    deployment.restart(PORTAL_URL=PORTAL)


def standing(deployment: Deployment, *location_ids: int, customer: str) -> dict[int, str]:
    """How locations stand for a customer of the portal who comes with a link."""
    address = deployment.simulator.redirect(*location_ids, owner=ANNA)
    return standings(look(deployment, ticket_of(arrive(deployment, address)), customer)[1])


def test_another_key_leaves_the_first_for_a_day_or_voids_it_at_once(
    deployment: Deployment,
    operator: Operator,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = deployment.connect(4564).pbx_key
    event = {**ringing(), "at": deployment.clock().isoformat()}
    assert "Nothing was changed yet" in operator("account", "4564", "--new-key")
    assert deployment.call(event, key)[0] == 202
    capsys.readouterr()
    assert main(["account", "4564", "--new-key", "--do"]) == 0
    told = capsys.readouterr()
    # The key alone, so that it can be piped to where it belongs.
    fresh = told.out.removesuffix("\n")
    assert fresh.startswith("pbx_")
    assert "\n" not in fresh
    assert fresh not in told.err
    assert key not in told.out + told.err
    for good in (key, fresh):
        assert deployment.call(event, good)[0] == 202
    until = f"; the one before is good until {deployment.clock() + pbx_key.GRACE:%Y-%m-%d %H:%M}"
    assert until in operator.json("account", "4564")["PBX key"]
    assert secrets_in(told.err, deployment.simulator) == []
    last = operator.json("account", "4564", "--new-key", "--void", "--do")["new key"]
    assert [deployment.call(event, it)[0] for it in (key, fresh, last)] == [401, 401, 202]


def test_an_account_is_shown_by_any_of_its_names(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.connect(4564, 4232, owner=ANNA)
    operator("account", "4564", "--hand-over", "acme-1", "--do")
    account_id = str(deployment.connection(4564).account_id)
    told = [operator.json("account", name) for name in (account_id, "acme-1", "4232")]
    assert told[0] == told[1] == told[2]
    assert (told[0]["account"], told[0]["locations"]) == (account_id, [4232, 4564])
    assert told[0]["PBX key"] == "made 0 s ago; no other is good"


def test_the_country_of_an_account_is_changed_once_it_was_shown(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.connect(4564, owner=ANNA)
    assert "country    DE +49 -> KZ +7" in operator("account", "4564", "--country", "KZ")
    account_id = deployment.connection(4564).account_id
    accounts = Accounts(deployment._dynamodb, deployment.environments["connect"]["ACCOUNTS_TABLE"])

    def stored() -> str:
        account = accounts.of_id(account_id) if account_id else None
        assert account is not None
        return account.country

    assert stored() == "DE"
    shown = operator("account", "4564", "--country", "kz", "--do")
    # The old one stands nowhere as if it were still so.
    assert shown.count("country") == shown.count("DE +49 -> KZ +7") == shown.count("Done") == 1
    assert stored() == "KZ"
    assert "is no country" in operator("account", "4564", "--country", "Germany", "--do")
    assert operator.code == 2
    assert stored() == "KZ"


def test_what_has_no_account_gets_nothing(operator: Operator) -> None:
    for words in (["--new-key"], ["--hand-over", "acme-1"], ["--country", "DE"], []):
        told = "no account, and no location of one, has the id 999"
        assert told in operator("account", "999", *words)
        assert operator.code == 2


def test_a_customer_from_before_the_portal_becomes_its_own(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4564, 4232, owner=ANNA).pbx_key
    account_id = deployment.connection(4564).account_id
    with_a_portal(deployment)
    assert standing(deployment, 4564, customer="acme-1") == {4564: "taken"}
    shown = operator("account", "4564", "--hand-over", "acme-1")
    assert "Anna Schmidt" in shown
    assert "4232, 4564" in shown
    assert "portal     nobody -> acme-1" in shown
    assert "Nothing was changed yet" in shown
    assert standing(deployment, 4564, customer="acme-1") == {4564: "taken"}
    assert "Done" in operator("account", "4564", "--hand-over", "acme-1", "--do")
    connected = {4564: "connected", 4232: "connected"}
    assert standing(deployment, 4564, 4232, customer="acme-1") == connected
    assert standing(deployment, 4564, customer="acme-2") == {4564: "taken"}
    # His PBX and his next location notice nothing.
    event = {**ringing(), "at": deployment.clock().isoformat()}
    assert deployment.call(event, key)[0] == 202
    link = deployment.simulator.grant(4777, owner=ANNA)
    assert connect(deployment, ticket_of(arrive(deployment, link)))[0] == 200
    assert deployment.connection(4777).account_id == account_id


def test_the_altegio_user_no_longer_comes_in_by_himself(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.connect(4564, owner=ANNA)
    operator("account", "4564", "--hand-over", "acme-1", "--do")
    rows = {row["key"].partition("#")[0] for row in deployment.rows("ACCOUNTS_TABLE")}
    assert rows == {"account", "portal"}


@pytest.mark.parametrize("customer", ["", "a b", "ü", "x" * 65, "a/b"])
def test_what_no_portal_would_call_him_is_refused(
    deployment: Deployment, operator: Operator, customer: str
) -> None:
    deployment.connect(4564, owner=ANNA)
    before = deployment.rows("ACCOUNTS_TABLE")
    assert "has 1 to 64 of" in operator("account", "4564", "--hand-over", customer, "--do")
    assert operator.code == 2
    assert deployment.rows("ACCOUNTS_TABLE") == before


def test_nobody_is_handed_over_twice_or_to_who_has_an_account(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.connect(4564, owner=ANNA)
    with_a_portal(deployment)
    other = deployment.simulator.grant(4232, owner=ANNA)
    assert connect(deployment, ticket_of(arrive(deployment, other)), "acme-2")[0] == 200
    assert "acme-2 has the account" in operator("account", "4564", "--hand-over", "acme-2", "--do")
    assert operator.code == 1
    operator("account", "4564", "--hand-over", "acme-1", "--do")
    before = deployment.rows("ACCOUNTS_TABLE")
    assert "one of the portal's already" in operator(
        "account", "4564", "--hand-over", "acme-3", "--do"
    )
    assert operator.code == 1
    assert deployment.rows("ACCOUNTS_TABLE") == before


def test_who_changes_meanwhile_is_not_handed_over(
    deployment: Deployment, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another Altegio user is let in between the reading and the writing."""
    deployment.connect(4564, owner=ANNA)
    found = Accounts.of_portal

    def overtaken(accounts: Accounts, customer: str) -> Account | None:
        if customer == "4564":
            return found(accounts, customer)
        account = accounts.of_user(ANNA.id)
        assert account is not None
        assert accounts.link(account, 8, deployment.clock())
        return found(accounts, customer)

    deployment.clock.advance(minutes=1)
    monkeypatch.setattr(Accounts, "of_portal", overtaken)
    assert "was changed or erased a moment ago" in operator(
        "account", "4564", "--hand-over", "acme-1", "--do"
    )
    assert operator.code == 1
    rows = sorted(row["key"].partition("#")[0] for row in deployment.rows("ACCOUNTS_TABLE"))
    assert rows == ["account", "altegio-user", "altegio-user"]


def test_of_who_was_handed_over_nothing_stays_when_he_is_erased(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.connect(4564, owner=ANNA)
    operator("account", "4564", "--hand-over", "acme-1", "--do")
    deployment.clock.advance(minutes=2)
    deployment.simulator.disconnect(4564)
    deployment.webhook(deployment.event(4564))
    deployment.reconcile()
    deployment.clock.advance(days=31)
    deployment.reconcile()
    assert deployment.rows("ACCOUNTS_TABLE") == []
