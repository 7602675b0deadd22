"""A row that somebody has written by hand, and that nobody can read: whichever function comes upon
it, however long nothing of it is due, `status` names it until it is corrected."""

from collections.abc import Callable
from typing import Any

import pytest

from ops.trouble import Grade
from shared.reconcile.census.table import CensusTable
from shared.reconcile.schedule import ReconcileFailed
from tests.calls import telling
from tests.deployment import Deployment, finished, payment, ringing
from tests.ops.operator import Operator
from tests.reconcile.test_missed_letters import MAIL, wishes_of

pytestmark = pytest.mark.usefixtures("logged")

type Item = dict[str, Any]
KEY = "billing-key-of-more-than-32-characters"


def account_of(deployment: Deployment) -> str:
    return str(deployment.connection(4564).account_id)


def row_of(deployment: Deployment, table: str, key: Item) -> tuple[Item, Callable[[Item], None]]:
    """A row as it stands, and what writes it by hand."""
    [name] = {each[table] for each in deployment.environments.values() if table in each}
    dynamodb = deployment._dynamodb
    item: Item = dynamodb.get_item(TableName=name, Key=key)["Item"]
    return item, lambda it: dynamodb.put_item(TableName=name, Item=it)


def rung(deployment: Deployment, key: str) -> None:
    event = {**ringing("c-9"), "at": telling.at(deployment)}
    assert deployment.call(event, key)[0] == 500


def ended(deployment: Deployment, key: str) -> None:
    event = {**finished("c-1"), "started_at": telling.at(deployment, 90)}
    assert deployment.call(event, key)[0] == 500


def billed(deployment: Deployment, _key: str) -> None:
    assert deployment.bill(payment("inv-1", amount="990.98"))


def posted(deployment: Deployment, _key: str) -> None:
    deployment.set_billing_key(KEY)
    assert deployment.post_billing(payment("inv-1", amount="990.98"), key=KEY)[0] == 500


def left(deployment: Deployment, _key: str) -> None:
    deployment.simulator.disconnect(4564)
    deployment.webhook(deployment.event(4564))
    with pytest.raises(ReconcileFailed):
        deployment.let_time_pass(30)


def compared(deployment: Deployment, _key: str) -> None:
    """What nothing else comes upon, the daily census does."""
    table = deployment.environments["reconcile"]["CENSUS_TABLE"]
    CensusTable(deployment._dynamodb, table).order(deployment.clock())
    deployment.let_time_pass(5)


def morning(deployment: Deployment, _key: str) -> None:
    deployment.clock.advance(days=1)
    with pytest.raises(ReconcileFailed):
        deployment.reconcile()


def text(name: str, value: str) -> Callable[[Item], Item]:
    return lambda item: {**item, name: {"S": value}}


def number(name: str) -> Callable[[Item], Item]:
    return lambda item: {**item, name: {"N": "7"}}


def of_no_location(item: Item) -> Item:
    return {**item, "lines": {"M": {"+13155550176": {"S": "4564"}}}}


def fraction(item: Item) -> Item:
    return {**item, "version": {"N": "1.5"}}


def a_sum(item: Item) -> Item:
    return {**item, "facts": {"M": {**item["facts"]["M"], "amount": {"S": "39,90"}}}}


type Case = tuple[str, str, Callable[[Item], Item], Callable[[Deployment, str], None]]
"""The table, how the row is called, what is written by hand, and what comes upon it then."""

CASES: list[Case] = [
    ("CONNECTIONS_TABLE", "location 4564", text("covered_until", "soon"), rung),
    ("CONNECTIONS_TABLE", "location 4564", fraction, rung),
    ("CONNECTIONS_TABLE", "location 4564", text("covered_until", "soon"), compared),
    ("CONNECTIONS_TABLE", "location 4564", number("name"), rung),
    ("CONNECTIONS_TABLE", "location 4564", text("tries", "7"), rung),
    ("PAYMENTS_TABLE", "payment#inv-1", a_sum, compared),
    ("PAYMENTS_TABLE", "payment#inv-1", a_sum, billed),
    ("PAYMENTS_TABLE", "payment#inv-1", a_sum, posted),
    ("ACCOUNTS_TABLE", "account#{account}", text("lines", "+13155550176"), rung),
    ("ACCOUNTS_TABLE", "account#{account}", text("nickname", "Zoë"), rung),
    ("ACCOUNTS_TABLE", "account#{account}", of_no_location, rung),
    ("CALLS_TABLE", "call {account}#c-1", text("received_at", "noon"), ended),
    ("CALLS_TABLE", "call {account}#c-1", number("why"), ended),
    ("CHAINS_TABLE", "chain {chain}", text("state", "enabled"), left),
    ("CHAINS_TABLE", "chain {chain}", number("verdict"), left),
    ("CALLS_TABLE", "letter#{account}#4564", text("told_until", "noon"), morning),
]


@pytest.mark.parametrize("case", CASES)
def test_a_row_that_a_function_cannot_read_is_named_until_it_is_corrected(
    deployment: Deployment, operator: Operator, case: Case
) -> None:
    table, called, damaged, met = case
    deployment.restart(**MAIL)
    key = deployment.connect(4564).pbx_key
    deployment.bill(payment("inv-1"))
    telling.end(deployment, key, call_id="c-1")
    wishes_of(deployment).want(deployment.connection(4564), "en", "https://api.example/connect")
    deployment.let_time_pass(10)
    assert operator.json("status")["troubles"] == []
    chain = deployment.connection(4564).chain_key
    named = called.format(account=account_of(deployment), chain=chain)
    plain = named.removeprefix("call ").removeprefix("chain ")
    where = {"key": {"S": plain}}
    if table == "CONNECTIONS_TABLE":
        where = {"location_id": {"N": "4564"}}
    item, write = row_of(deployment, table, where)
    write(damaged(item))
    met(deployment, key)

    def unread() -> list[dict[str, Any]]:
        told = operator.json("status")["troubles"]
        return [it for it in told if "the row cannot be read" in it["what"]]

    [it] = unread()
    assert (it["grade"], it["whom"] in (named, plain)) == ("broken", True)
    function = {"CallsFunction", "PaymentsFunction", "BillingFunction", "ReconcileFunction", ""}
    assert it["command"] in {
        f"less {each}.log" if each else "grep ERROR *.log" for each in function
    }
    assert operator.code == 2
    deployment.clock.advance(days=6)
    assert [it["whom"] for it in unread()] == [it["whom"]]
    write(item)
    assert unread() == []


def test_a_ticket_that_cannot_be_read_is_told_for_as_long_as_it_matters(
    deployment: Deployment, operator: Operator
) -> None:
    page = deployment.visit(deployment.simulator.grant(4564))
    [ticket] = [it for it in deployment.rows("TICKETS_TABLE") if "owner" in it]
    item, write = row_of(deployment, "TICKETS_TABLE", {"ticket_hash": {"S": ticket["ticket_hash"]}})
    write(text("owner", "Anna")(item))
    deployment.press(page)
    [it] = operator.json("status")["troubles"]
    assert it["whom"] == f"ticket {ticket['ticket_hash'][:8]}"
    deployment.clock.advance(hours=2)
    assert operator.json("status")["troubles"] == []


def test_one_row_that_cannot_be_read_hides_nothing_else_of_its_account(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4564, 4232).pbx_key
    account_id = account_of(deployment)
    item, write = row_of(deployment, "CONNECTIONS_TABLE", {"location_id": {"N": "4564"}})
    write({**item, "covered_until": {"N": "1798401788"}})
    rung(deployment, key)
    operator.watch.counts = {"HandlerFailed": 1}
    told = operator.json("status")["troubles"]
    [unread] = [it for it in told if it["whom"] == "location 4564"]
    assert (
        "the row cannot be read (covered_until: TypeError), in ConnectionsTable." in unread["what"]
    )
    assert "calls that its PBX, which is answered 500, tells once; none of its" in unread["what"]
    assert f"its account is {account_id}, whose location 4232 it does not harm" in unread["what"]
    assert "correct it, and not delete it" in unread["what"]
    [failed] = [it for it in told if it["whom"] == "HandlerFailed"]
    assert failed["what"].endswith("CallsFunction (location 4564: covered_until: TypeError)")
    assert unread["command"] == failed["command"] == "less CallsFunction.log"
    # A healthy one of its account is shown, and so is the account, by whichever of them.
    for name in ("4232", "4564"):
        shown = operator.json("account", name)
        assert (operator.code, shown["locations"]) == (2, [4232])
        assert [it["whom"] for it in shown["troubles"]] == ["location 4564"]
    assert operator.json("location", "4232")["troubles"] == []
    shown = operator("location", "4564", "--resume", "--do")
    assert (operator.code, shown[-1]) == (2, "\n")
    shown = " ".join(shown.split())
    assert "location 4564: the row cannot be read (covered_until: TypeError)" in shown
    assert shown.endswith("Nothing was done.")
    # Whatever else is known of it is shown.
    deployment.bill(payment("inv-1"))
    shown = operator.json("location", "4564")
    assert (operator.code, shown["here"], shown["there"]) == (2, "unreadable", "active")
    assert [it["what"] for it in shown["troubles"] if it["whom"] == "location 4564"] == [
        unread["what"]
    ]
    facts = shown["facts"]
    assert facts["here"] == "its row cannot be read"
    assert facts["account"].startswith(account_id)
    assert facts["money"] == "1 SENT"
    assert facts["PBX key"].startswith("made ")
    assert any("pending → active" in it["what"] for it in shown["lines"])
    assert "Now: unreadable here." in operator("location", "4564")


def test_a_call_that_cannot_be_read_hides_no_other(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4564).pbx_key
    for call_id in ("c-1", "c-2", "c-3"):
        telling.end(deployment, key, call_id=call_id)
    called = f"{account_of(deployment)}#c-2"
    item, write = row_of(deployment, "CALLS_TABLE", {"key": {"S": called}})
    write(text("received_at", "noon")(item))
    shown = operator.json("location", "4564")
    assert operator.code == Grade.BROKEN
    assert {it["call_id"] for it in shown["calls"]} == {"c-1", "c-3"}
    [it] = shown["troubles"]
    assert "the row cannot be read (received_at: ValueError), in CallsTable" in it["what"]


def test_of_calls_that_wait_for_a_line_one_that_cannot_be_read_hides_no_other(
    deployment: Deployment, operator: Operator
) -> None:
    key = deployment.connect(4564, 4232).pbx_key
    for call_id in ("c-1", "c-2"):
        telling.end(deployment, key, call_id=call_id, location_id=None, line="+13155550176")
    called = f"{account_of(deployment)}#c-2"
    item, write = row_of(deployment, "CALLS_TABLE", {"key": {"S": called}})
    write(text("received_at", "noon")(item))
    shown = operator("lines", "4564", "--drop", "+13155550176", "--do")
    assert operator.code == 0
    assert "Done: 1 call given up for good." in shown
    assert f"call {called}: the row cannot be read" in " ".join(shown.split())


def test_an_account_or_a_chain_that_cannot_be_read_hides_no_location(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.connect(4564)
    account_id = account_of(deployment)
    item, write = row_of(deployment, "ACCOUNTS_TABLE", {"key": {"S": f"account#{account_id}"}})
    write(text("lines", "+13155550176")(item))
    shown = operator.json("location", "4564")
    assert (operator.code, shown["here"]) == (2, "active")
    [it] = shown["troubles"]
    assert it["whom"] == f"account#{account_id}"
    assert (
        "(lines: ValueError), in AccountsTable. Until somebody corrects it, its pop" in it["what"]
    )
