"""What the saved queries and the dashboard's tables look for is what the functions really log."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.calls.telling import end, prove, ring, settle
from tests.deployment import Deployment, finished, payment, refund, secrets_in
from tests.house.test_dashboard import QUERIES, WIDGETS

KEY = "billing-key-of-more-than-32-characters"
PHONE = "+13155550123"
STRANGE = "https://elsewhere.example/c-7.mp3"
ALL = {"billing", "calls", "connect", "disable", "events", "payments", "reconcile"}


def lines_of(log: str) -> list[dict[str, Any]]:
    """The lines of the logger; those of the metrics are not looked for."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [line for line in lines if "_aws" not in line]


def found(name: str, value: int | str, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a saved query shows: its filter is one comparison with a number or a text."""
    [parameter] = QUERIES[name]["Parameters"]
    query = QUERIES[name]["QueryString"].replace(f"{{{{{parameter['Name']}}}}}", str(value))
    [(field, written)] = re.findall(r"\| filter (\w+) = (\S+) \|", query)
    return [line for line in lines if line.get(field) == json.loads(written)]


def functions_in(lines: list[dict[str, Any]]) -> set[str]:
    return {line["function_name"] for line in lines}


@pytest.fixture
def lines(deployment: Deployment, logged: Callable[[], str]) -> list[dict[str, Any]]:
    """All that functions log while a location is connected, paid for, rung for, and left."""
    deployment.set_billing_key(KEY)
    key = deployment.connect(4564, 4232).pbx_key
    prove(deployment, key)
    ring(deployment, key, phone=PHONE, call_id="c-7")
    end(deployment, key, phone=PHONE, call_id="c-7", recording_url=STRANGE)
    settle(deployment)
    deployment.simulator.fault("payment", "status", status=429)
    assert deployment.post_billing(payment(), key=KEY)[0] == 202
    deployment.drain()
    deployment.let_time_pass(10)
    deployment.simulator.disconnect(4564)
    deployment.webhook(deployment.event(4564))
    deployment.let_time_pass(10)
    deployment.tell()
    return lines_of(logged())


def test_one_query_follows_a_location_through_all_functions(lines: list[dict[str, Any]]) -> None:
    shown = found("LogsOfLocation", 4564, lines)
    assert functions_in(shown) == ALL
    told = {line["message"] for line in shown}
    assert told >= {
        "settled",
        "telephony on",
        "pop-up",
        "call",
        "received",
        "sent",
        "hint stored",
        "told",
    }
    assert not [line for line in shown if line["location_id"] == 4232]


def test_one_query_follows_a_payment(lines: list[dict[str, Any]]) -> None:
    shown = found("LogsOfEntry", "payment#inv-1", lines)
    assert functions_in(shown) == {"billing", "payments", "reconcile", "events"}
    assert [line["message"] for line in shown][:2] == ["received", "stored"]
    assert shown[-1]["message"] == "told"
    assert {line["location_id"] for line in shown} == {4564}


def test_one_query_follows_a_call(lines: list[dict[str, Any]]) -> None:
    shown = found("LogsOfCall", "c-7", lines)
    assert functions_in(shown) == {"calls"}
    told = [line["message"] for line in shown]
    assert told[0] == "pop-up"
    assert {"call", "looked for", "recording link left out"} <= set(told)
    assert len({line["account_id"] for line in shown}) == 1


def test_one_query_follows_an_account(deployment: Deployment, lines: list[dict[str, Any]]) -> None:
    account_id = deployment.connection(4232).account_id
    assert account_id is not None
    shown = found("LogsOfAccount", account_id, lines)
    assert functions_in(shown) >= {"calls", "connect", "events", "reconcile"}
    assert {line.get("location_id") for line in shown} >= {4232, 4564}


def test_no_line_says_where_in_the_code_under_a_word_of_ours(lines: list[dict[str, Any]]) -> None:
    for line in lines:
        assert "location" not in line
        assert re.fullmatch(r"\w+\.\w+:\d+", line["module"])


def test_no_line_has_a_secret(deployment: Deployment, lines: list[dict[str, Any]]) -> None:
    text = json.dumps(lines)
    assert secrets_in(text, deployment.simulator) == []
    assert [it for it in (PHONE, PHONE[1:], STRANGE, KEY, "pbx_") if it in text] == []


def test_what_a_queue_brings_in_vain_is_found_by_what_it_is_of(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    connected.restart(PAYMENTS_TABLE="gone", CALLS_TABLE="gone")
    assert connected.bill(payment())
    account_id = connected.connection(4564).account_id
    began = connected.clock().isoformat()
    told = {**finished(), "started_at": began, "account_id": account_id}
    assert connected.take_call(told)
    lines = lines_of(logged())
    for name, value, function in (
        ("LogsOfEntry", "payment#inv-1", "payments"),
        ("LogsOfCall", "c-1", "calls"),
    ):
        [line] = found(name, value, lines)
        assert (line["message"], line["function_name"]) == ("not durable, comes again", function)
        assert line["location_id"] == 4564


BOTH = {"billing", "payments"}


@pytest.mark.parametrize(
    "event", [payment(amount="-1"), {**payment(), "more": 1}, {"event_id": "inv-1"}]
)
def test_a_billing_event_that_is_refused_is_found_by_its_id(
    connected: Deployment, logged: Callable[[], str], event: dict[str, Any]
) -> None:
    """At both doors, however wrong it is; and of what is no event, nothing is quoted."""
    connected.set_billing_key(KEY)
    connected.bill(event)
    connected.post_billing(event, key=KEY)
    connected.post_billing([event, payment("inv-2")], key=KEY)
    for body in ("no JSON", "[]", '{"event_id": "a\\nb", "location_id": "+13155550123"}'):
        connected.bill(body)
    lines = [it for it in lines_of(logged()) if it["message"] == "billing event refused"]
    shown = found("LogsOfEntry", "payment#inv-1", lines)
    assert (functions_in(shown), len(shown)) == (BOTH, 3)
    assert {it.get("location_id") for it in shown} == {event.get("location_id")}
    assert [it["why"] for it in lines if "entry" not in it]
    assert PHONE not in json.dumps(lines)


def test_a_refund_that_is_refused_is_found_as_one(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    connected.bill({**refund("ref-1"), "amount": "much"})
    assert found("LogsOfEntry", "refund#ref-1", lines_of(logged()))


@pytest.mark.parametrize("change", [{"direction": "up"}, {"duration_s": -1}])
def test_a_call_that_is_refused_is_found_by_its_id(
    deployment: Deployment, logged: Callable[[], str], change: dict[str, Any]
) -> None:
    key = deployment.connect(4564).pbx_key
    event = {**finished(), "started_at": deployment.clock().isoformat(), **change}
    assert deployment.call(event, key)[0] == 400
    deployment.take_call({**event, "account_id": deployment.connection(4564).account_id})
    lines = [it for it in lines_of(logged()) if it["message"] == "call event refused"]
    assert len(found("LogsOfCall", "c-1", lines)) == 2
    assert len(found("LogsOfLocation", 4564, lines)) == 2


def test_what_a_saved_query_shows_is_in_some_line(lines: list[dict[str, Any]]) -> None:
    known = {name for line in lines for name in line} | {"@timestamp"}
    for query in QUERIES.values():
        shown = query["QueryString"].partition(" | ")[0].removeprefix("fields ").split(", ")
        assert set(shown) <= known


TABLES = [it["properties"]["query"] for it in WIDGETS if it["type"] == "log"]


@pytest.mark.parametrize("query", TABLES)
def test_a_table_of_the_dashboard_has_something_to_show(
    query: str, lines: list[dict[str, Any]]
) -> None:
    """All that it counts by is in a line of each function that it reads."""
    functions = {it.removesuffix("Logs").lower() for it in re.findall(r"\$\{(\w+)\}", query)}
    _, _, by = query.partition(" by ")
    needed = {*re.findall(r"(?:ispresent|pct)\((\w+)", query), *by.partition(" | ")[0].split(", ")}
    told = re.findall(r'filter message = "([\w -]+)"', query)
    shown = [
        line for line in lines if needed <= line.keys() and (not told or line["message"] in told)
    ]
    assert functions <= functions_in(shown)
