"""A person asks for all that is stored of him, or that it be erased."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from local.simulator import Owner
from ops.__main__ import main
from shared.aws.dynamodb import transacted
from shared.aws.sightings import KEY_REFUSED, LOST_WEBHOOK, Sightings
from shared.calls.refused_keys import RefusedKeys
from shared.connections import pbx_key
from shared.connections.accounts import Accounts, made
from shared.connections.connection import State
from shared.connections.table import Connections
from tests.deployment import Deployment, finished, http_event, payment, ringing
from tests.ops.operator import Operator
from tests.snapshots import put_back, taken

pytestmark = pytest.mark.usefixtures("logged")

ZOE = Owner()
BOB = Owner(id=8, name="Bob", phone="4915187654321", email="bob@salon.example")
CALLER = "13155550175"


@pytest.fixture
def zoe(deployment: Deployment) -> str:
    """The account of an owner with two locations, a payment and calls; Bob is a customer, too."""
    deployment.restart(MAIL_FROM="codes@provider.example")
    page = deployment.connect(4564, 4232)
    deployment.connect(4801, owner=BOB)
    began = {"started_at": deployment.clock().isoformat()}
    for location_id in (4564, 4232):
        event = {**finished(f"c-{location_id}", location_id), **began}
        assert deployment.call(event, page.pbx_key)[0] == 202
    rings = {**ringing("c-rings"), "at": deployment.clock().isoformat()}
    assert deployment.call(rings, page.pbx_key)[0] == 202
    deployment.bill(payment())
    asked = deployment.visit(deployment.simulator.redirect(4564))
    deployment.post({**asked.fields, "action": "code"})
    deployment.let_time_pass(3)
    return str(deployment.connection(4564).account_id)


def leave(deployment: Deployment, *location_ids: int) -> None:
    deployment.clock.advance(minutes=2)
    for location_id in location_ids:
        deployment.simulator.disconnect(location_id, webhook="never")
        deployment.webhook(deployment.event(location_id))
    deployment.let_time_pass(5)


def tables(deployment: Deployment) -> dict[str, str]:
    """The text of each table."""
    names = {
        name for each in deployment.environments.values() for name in each if name.endswith("TABLE")
    }
    assert len(names) == 9
    return {name: json.dumps(deployment.rows(name), ensure_ascii=False) for name in names}


def found(deployment: Deployment, *words: str) -> set[tuple[str, str]]:
    """In which table there is which of the words."""
    told = tables(deployment).items()
    return {(name, word) for name, text in told for word in words if word in text}


def of_owner(deployment: Deployment, owner: Owner = ZOE) -> tuple[str, ...]:
    return owner.name, owner.email, owner.phone, deployment.simulator.crm_token


@pytest.fixture
def erase(operator: Operator) -> Callable[..., Any]:
    def erased(*words: str) -> Any:
        text = operator("person", "erase", *words, "--reason", "letter of May 3", "--do")
        assert operator.code == 0, text
        return json.loads(text)

    return erased


def test_after_the_erasure_no_table_has_the_person(
    deployment: Deployment, zoe: str, erase: Callable[..., Any]
) -> None:
    # Which is written down, too.
    assert deployment.call(ringing(), pbx_key.made(zoe))[0] == 401
    leave(deployment, 4564, 4232)
    personal = (*of_owner(deployment), zoe, CALLER)
    before = found(deployment, *personal)
    # So that what is looked for is there, and in every table that privacy.md calls personal.
    assert {name for name, _word in before} >= {
        "ACCOUNTS_TABLE",
        "CALLS_TABLE",
        "CONNECTIONS_TABLE",
        "PACE_TABLE",
        "TICKETS_TABLE",
    }
    leave(deployment, 4801)
    receipt = erase(zoe)
    tokens = deployment.simulator.crm_token
    left = found(deployment, *(it for it in personal if it != tokens))
    assert left == set()
    # Bob, who has left too, is as he was.
    assert ("ACCOUNTS_TABLE", BOB.email) in found(deployment, *of_owner(deployment, BOB))
    erase("--location", "4801")
    assert found(deployment, *of_owner(deployment, BOB)) == set()
    assert receipt["account"] == zoe


TABLES = {"ACCOUNTS_TABLE": "key", "CONNECTIONS_TABLE": "location_id"}


def test_whom_a_restore_brings_back_is_erased_again(
    deployment: Deployment, zoe: str, erase: Callable[..., Any]
) -> None:
    leave(deployment, 4564, 4232)
    before = taken(deployment._dynamodb, deployment.environments["connect"], TABLES)
    erase(zoe)
    put_back(deployment._dynamodb, before)
    assert ("ACCOUNTS_TABLE", ZOE.email) in found(deployment, ZOE.email)
    erase(zoe)
    assert found(deployment, zoe, ZOE.email) == set()
    # By reconcile, whose time had come.
    put_back(deployment._dynamodb, before)
    deployment.clock.advance(days=40)
    deployment.let_time_pass(5)
    assert found(deployment, zoe, ZOE.email) == set()


def test_an_account_that_is_restored_alone_is_ended_by_nothing_else(
    deployment: Deployment, zoe: str, erase: Callable[..., Any]
) -> None:
    leave(deployment, 4564, 4232)
    only = {"ACCOUNTS_TABLE": "key"}
    before = taken(deployment._dynamodb, deployment.environments["connect"], only)
    erase(zoe)
    put_back(deployment._dynamodb, before)
    deployment.clock.advance(days=40)
    deployment.let_time_pass(5)
    assert found(deployment, ZOE.email) == {("ACCOUNTS_TABLE", ZOE.email)}
    erase(zoe)
    assert found(deployment, ZOE.email) == set()


def test_the_receipt_counts_by_table_and_names_nobody(
    deployment: Deployment, zoe: str, operator: Operator, erase: Callable[..., Any]
) -> None:
    leave(deployment, 4564, 4232)
    receipt = erase(zoe)
    assert {name: receipt[name] for name in ("what", "by", "account", "locations", "reason")} == {
        "what": "erased on request",
        "by": "anna",
        "account": zoe,
        "locations": [4232, 4564],
        "reason": "letter of May 3",
    }
    erased = receipt["erased"]
    assert {name: erased[name] for name in ("AccountsTable", "ConnectionsTable", "CallsTable")} == {
        "AccountsTable": 2,
        "ConnectionsTable": 2,
        "CallsTable": 3,
    }
    assert {"TicketsTable", "PaceTable"} < set(erased)
    kept = {it["where"]: it for it in receipt["kept"]}
    assert kept["PaymentsTable"]["rows"] == 1
    assert "accounting" in kept["PaymentsTable"]["why"]
    assert {"JournalTable", "ConnectionsTable", "queues", "logs", "backups"} <= set(kept)
    told = json.dumps(receipt, ensure_ascii=False)
    assert [it for it in (*of_owner(deployment), CALLER) if it in told] == []
    assert deployment.entry("payment#inv-1").state == "SENT"
    # Who asked for it stands in the journal; a second time there is nobody left to erase.
    [*_, last] = deployment.journal.of_location(4564)
    assert last.words.endswith("; erasure asked for by anna: letter of May 3")
    assert "no account has the id" in operator("person", "erase", zoe, "--reason", "again", "--do")
    assert operator.code == 2


def test_first_it_is_only_shown(deployment: Deployment, zoe: str, operator: Operator) -> None:
    leave(deployment, 4564, 4232)
    before = tables(deployment)
    text = operator("person", "erase", zoe, "--reason", "x")
    for shown in (
        zoe,
        ZOE.name,
        "4232 disabled, 4564 disabled",
        "CallsTable        3     deleted",
    ):
        assert shown in text
    assert "PaymentsTable     1     kept: accounting needs it" in text
    assert text.endswith("Nothing was changed yet. Add --do to do it.\n")
    assert tables(deployment) == before


@pytest.mark.parametrize("state", ["active", "frozen", "pending"])
def test_a_live_location_is_not_erased(
    deployment: Deployment, zoe: str, operator: Operator, state: str
) -> None:
    if state == "frozen":
        deployment.clock.advance(minutes=2)
        deployment.simulator.expire(4232, webhook="never")
        deployment.webhook(deployment.event(4232, "freeze"))
        deployment.let_time_pass(3)
    if state == "pending":
        leave(deployment, 4232)
        deployment.simulator.fault("callback", "drop_request")
        deployment.connect(4232)
    assert deployment.connection(4232).state == state
    before = tables(deployment)
    for words in ([zoe], ["--location", "4232"]):
        text = operator("person", "erase", *words, "--reason", "x", "--do")
        assert f"Nothing was changed: location 4232 is {state}. Its owner disconnects it" in text
        assert operator.code == 1
    assert tables(deployment) == before


def test_a_location_has_to_leave_its_chain_before(
    deployment: Deployment, zoe: str, operator: Operator
) -> None:
    assert zoe
    closing = deployment.connection(4232)
    assert closing.chain_key
    deployment.connections.save(replace(closing, state=State.DISABLED, due_at=deployment.clock()))
    text = operator("person", "erase", "--location", "4232", "--reason", "x", "--do")
    assert "has yet to leave its chain" in " ".join(text.split())
    assert operator.code == 1


def test_one_of_several_locations_goes_without_its_account(
    deployment: Deployment, zoe: str, erase: Callable[..., Any]
) -> None:
    leave(deployment, 4232)
    receipt = erase("--location", "4232")
    assert (receipt["account"], receipt["locations"]) == (None, [4232])
    assert receipt["erased"]["CallsTable"] == 1
    assert "AccountsTable" in {it["where"] for it in receipt["kept"]}
    assert deployment.connection(4232).account_id is None
    assert deployment.connection(4564).account_id == zoe
    locations = {row["location_id"] for row in deployment.rows("CALLS_TABLE")}
    assert locations == {4564}
    assert ZOE.email in tables(deployment)["ACCOUNTS_TABLE"]
    # What the first erasure of the location left behind, a second one finds by the location.
    assert erase("--location", "4232")["erased"] == {"ConnectionsTable": 1}


def test_an_account_that_never_connected_a_location_is_erased(
    deployment: Deployment, erase: Callable[..., Any]
) -> None:
    """Nothing makes one any more, and no grace period ends it."""
    accounts = Accounts(deployment._dynamodb, deployment.environments["connect"]["ACCOUNTS_TABLE"])
    account = made(
        99, name=BOB.name, email=BOB.email, phone=BOB.phone, country="DE", now=deployment.clock()
    )
    transacted(deployment._dynamodb, accounts.registration(account))
    assert erase(account.account_id)["erased"] == {"AccountsTable": 2}
    assert deployment.rows("ACCOUNTS_TABLE") == []


def test_an_account_whose_locations_others_took_over_is_erased(
    deployment: Deployment, erase: Callable[..., Any]
) -> None:
    deployment.connect(4564)
    zoe = str(deployment.connection(4564).account_id)
    leave(deployment, 4564)
    deployment.connect(4564, owner=BOB)
    assert deployment.connection(4564).former == (zoe,)
    assert erase(zoe)["locations"] == []
    assert found(deployment, zoe, ZOE.email) == set()
    connection = deployment.connection(4564)
    assert (connection.state, connection.former, connection.forget_at) == ("active", (), None)


def test_what_a_door_has_noted_of_the_account_goes_with_it(
    deployment: Deployment, zoe: str, erase: Callable[..., Any]
) -> None:
    refused = RefusedKeys(deployment._dynamodb, deployment.environments["calls"]["CALLS_TABLE"])
    for account_id in (zoe, "another"):
        refused.note(account_id, deployment.clock())
    leave(deployment, 4564, 4232)
    erase(zoe)
    now = deployment.clock()
    assert refused.last(zoe, now) is None
    assert refused.last("another", now) is not None


@pytest.mark.parametrize("is_last", [True, False])
def test_a_note_of_everybody_is_told_and_erased_in_part(
    deployment: Deployment,
    zoe: str,
    operator: Operator,
    erase: Callable[..., Any],
    is_last: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    noted = Sightings(
        deployment._dynamodb, deployment.environments["calls"]["PACE_TABLE"], deployment.clock
    )
    # In two places, of which she has one at the most.
    others = ["account-1", "account-2"]
    for who in [*others, zoe] if is_last else [zoe, *others]:
        noted.note(KEY_REFUSED, who)
    text = operator("person", "export", zoe)
    assert "seen#pbx-key-refused#" in text
    assert [it for it in others if it in text] == []
    leave(deployment, 4564, 4232)
    erase(zoe)
    assert found(deployment, zoe) == set()
    left = {it.who for it in noted.lately(KEY_REFUSED, timedelta(hours=1))}
    assert set() < left <= {*others}


def test_a_note_of_a_location_is_not_the_person_s_whose_number_is_the_same(
    deployment: Deployment, zoe: str, operator: Operator, erase: Callable[..., Any]
) -> None:
    noted = Sightings(
        deployment._dynamodb, deployment.environments["calls"]["PACE_TABLE"], deployment.clock
    )
    noted.note(LOST_WEBHOOK, str(ZOE.id))
    assert f"seen#{LOST_WEBHOOK}" not in operator("person", "export", zoe)
    leave(deployment, 4564, 4232)
    erase(zoe)
    assert noted.last(LOST_WEBHOOK, str(ZOE.id)) is not None


def test_the_portal_names_the_account_too(
    deployment: Deployment, zoe: str, operator: Operator, erase: Callable[..., Any]
) -> None:
    operator("account", "4564", "--hand-over", "acme-1", "--do")
    portal_key = "portal-key-of-more-than-32-characters"
    deployment.set_portal_key(portal_key)
    deployment.restart(PORTAL_URL="https://my.provider.example/altegio")
    query = urlsplit(deployment.simulator.redirect(9000, 9001, owner=ZOE)).query
    arrived = deployment.invoke("connect", http_event("GET", "/connect", query=query))
    ticket = arrived["headers"]["location"].rpartition("=")[2]
    asked = urlencode({"ticket": ticket, "account_id": "acme-1"})
    # Whose questions are counted.
    assert deployment.ask("GET", "/connections", query=asked, key=portal_key)[0] == 200
    assert "denied#portal#acme-1#" in operator("person", "export", "acme-1")
    leave(deployment, 4564, 4232)
    assert erase("acme-1")["account"] == zoe
    assert found(deployment, *of_owner(deployment)[:3], "acme-1") == set()


def test_all_that_is_stored_is_exported_but_no_credential(
    deployment: Deployment, zoe: str, operator: Operator
) -> None:
    # With what is a person's, and no secret of ours.
    text = operator("person", "export", zoe)
    written = json.loads(text)
    receipt, data = written["receipt"], written["data"]
    assert receipt["exported"] == {name: len(rows) for name, rows in data.items() if rows}
    assert {it["location_id"] for it in data["ConnectionsTable"]} == {4232, 4564}
    assert {it["location_id"] for it in data["JournalTable"]} == {4232, 4564}
    [entry] = data["PaymentsTable"]
    assert (entry["key"], entry["facts"]["amount"]) == ("payment#inv-1", "990.99")
    assert {it["call_id"] for it in data["CallsTable"]} == {"c-4564", "c-4232", "c-rings"}
    [account] = [it for it in data["AccountsTable"] if "name" in it]
    assert (account["name"], account["email"], account["phone"]) == (
        ZOE.name,
        ZOE.email,
        f"+{ZOE.phone}",
    )
    assert account["pbx_key_digest"] == "(a credential)"
    [chain] = data["ChainsTable"]
    assert (chain["locations"], chain["crm_token"]) == ([4232, 4564], "(a credential)")
    assert any("owner" in it for it in data["TicketsTable"])
    assert data["PaceTable"]
    assert BOB.email not in text
    assert deployment.simulator.crm_token not in text


def test_what_was_billed_before_the_first_owner_came_is_exported(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.bill(payment())
    deployment.clock.advance(hours=1)
    deployment.connect(4564)
    text = operator("person", "export", "--location", "4564")
    assert [it["key"] for it in json.loads(text)["data"]["PaymentsTable"]] == ["payment#inv-1"]


def test_what_was_of_the_owner_before_is_not_exported(
    deployment: Deployment, zoe: str, operator: Operator
) -> None:
    leave(deployment, 4564)
    deployment.connect(4564, owner=BOB)
    deployment.bill(payment("inv-2"))
    deployment.let_time_pass(3)
    bob = str(deployment.connection(4564).account_id)
    assert bob != zoe
    text = operator("person", "export", bob)
    data = json.loads(text)["data"]
    assert [it["key"] for it in data["PaymentsTable"]] == ["payment#inv-2"]
    lines = [it["words"] for it in data["JournalTable"] if it["location_id"] == 4564]
    assert "opened by the owner" in lines
    assert "uninstall webhook" not in lines
    assert zoe not in text


@pytest.mark.usefixtures("operator")
def test_an_export_of_a_location_is_printed(zoe: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["person", "export", "--location", "4232"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert written["receipt"]["its account"] == zoe
    assert {it["call_id"] for it in written["data"]["CallsTable"]} == {"c-4232"}
    assert written["data"]["AccountsTable"] == []


def test_who_comes_back_meanwhile_is_not_erased(
    deployment: Deployment,
    zoe: str,
    operator: Operator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leave(deployment, 4564, 4232)
    saved = Connections.save

    def overtaken(connections: Connections, connection: Any, *more: Any) -> Any:
        monkeypatch.setattr(Connections, "save", saved)
        connections.save(deployment.connection(connection.location_id))
        return connections.save(connection, *more)

    monkeypatch.setattr(Connections, "save", overtaken)
    words = ("person", "erase", zoe, "--reason", "x", "--do")
    assert "Not done to its end: a location has changed meanwhile. Ask again" in operator(*words)
    assert operator.code == 1
    monkeypatch.setattr(Accounts, "erase", lambda *_, **__: deployment.clock())
    assert "Not done to its end: its owner was here a moment ago" in operator(*words)
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["export"], "Name an account, or a location"),
        (["export", "a-1", "--location", "4564"], "Name an account, or a location"),
        (["erase", "--location", "4564", "--do"], "An erasure needs its --reason"),
        (["export", "a-1"], "no account has the id a-1, here or in the portal"),
        (["export", "--location", "4564"], "location 4564 was never connected here"),
    ],
)
def test_what_names_nobody_is_told(operator: Operator, words: list[str], said: str) -> None:
    assert said in operator("person", *words)
    assert operator.code == 2
