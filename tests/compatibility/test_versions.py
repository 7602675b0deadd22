"""What an older version has written is read by this one, whole, and goes on.

The files were written once, by that version's own handlers (see `tests.compatibility.__main__`). A
field that is not known any more, or is read and written back as another value, is a failure here.
"""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.altegio.rate_limit import Pace
from shared.altegio.settings import PacePolicy
from shared.aws.dynamodb import from_item
from shared.calls.call import CallState
from shared.calls.letter_wishes import LetterWishes
from shared.clock import instant, stamp
from shared.connect.tickets import Tickets
from shared.connections.accounts import Accounts
from shared.connections.connection import Connection, State
from shared.connections.crm_token import CrmTokenState
from shared.payments.entry import EntryState
from shared.reconcile.census.table import CensusTable
from tests.compatibility.written import TABLES, table_of
from tests.deployment import Deployment, ringing

pytestmark = pytest.mark.usefixtures("logged")

VERSIONS = sorted(
    path for path in Path(__file__).parent.iterdir() if path.is_dir() and path.name[0].isdigit()
)
# What a version could write, in its own words, which stay whatever a later one calls it.
STATES = {
    "0.1.0": {
        "CALLS_TABLE state": "ringing waiting held sending unknown sent confirmed unconfirmed"
        " refused expired unrouted letter",
        "CHAINS_TABLE state": "due on off",
        "CONNECTIONS_TABLE state": "pending active frozen disabled",
        "CONNECTIONS_TABLE telephony": "none unproven proven",
        "PAYMENTS_TABLE state": "PENDING SENDING HELD UNKNOWN SENT REJECTED NEEDS_HUMAN CLOSED"
        " REPORTED_BY_PLATFORM",
    }
}
HINTS = {"0.1.0": {"uninstall", "freeze", "payment", "unproven uninstall", "gone"}}


@pytest.fixture(params=VERSIONS, ids=lambda path: path.name)
def version(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def read(version: Path, name: str) -> Any:
    return json.loads((version / f"{name}.json").read_text("utf-8"))


def store(deployment: Deployment, tables: dict[str, list[dict[str, Any]]]) -> None:
    assert set(tables) == set(TABLES)
    for name, items in tables.items():
        for item in items:
            deployment._dynamodb.put_item(TableName=table_of(deployment, name), Item=item)


def key_of(item: dict[str, Any]) -> dict[str, Any]:
    names = {"location_id"} if "location_id" in item and "key" not in item else {"key"}
    if "ticket_hash" in item:
        names = {"ticket_hash"}
    return {name: item[name] for name in names}


def wishes_of(deployment: Deployment) -> LetterWishes:
    table = table_of(deployment, "CALLS_TABLE")
    zone = ZoneInfo("UTC")
    return LetterWishes(deployment._dynamodb, table, clock=deployment.clock, zone=zone)


def row(deployment: Deployment, table: str, item: dict[str, Any]) -> dict[str, Any]:
    answer = deployment._dynamodb.get_item(
        TableName=table_of(deployment, table), Key=key_of(item), ConsistentRead=True
    )
    return from_item(answer["Item"])


def lost(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What of a row is gone or another, once it was read and written back."""
    counted = {"version"}
    return {
        name: value
        for name, value in before.items()
        if name not in counted and after.get(name) != value
    }


def test_there_is_a_version() -> None:
    assert [path.name for path in VERSIONS][:1] == ["0.1.0"]
    assert {path.name for path in VERSIONS} == set(STATES)


def test_every_state_is_there(version: Path) -> None:
    shapes = read(version, "shapes")
    for name, states in STATES[version.name].items():
        table, field = name.split()
        assert {it[field]["S"] for it in shapes[table] if field in it} == {*states.split()}, name
    hints = {it["hint"]["S"] for it in shapes["CONNECTIONS_TABLE"] if "hint" in it}
    assert hints == HINTS[version.name]


@pytest.mark.parametrize("table", ["CALLS_TABLE", "CHAINS_TABLE", "CONNECTIONS_TABLE"])
def test_a_row_is_read_whole(deployment: Deployment, version: Path, table: str) -> None:
    """Read, and written back as it was read: nothing that was there is lost."""
    for item in read(version, "shapes")[table]:
        before = from_item(item)
        deployment._dynamodb.put_item(TableName=table_of(deployment, table), Item=item)
        if before.get("state") == "letter":
            wishes = wishes_of(deployment)
            wish = wishes._get(before["key"])
            assert wish is not None
            wishes._save(wish)
            # Of one that was stopped, it counts from its last write.
            del before["expires_at"]
        elif table == "CALLS_TABLE":
            call = deployment.calls.get(before["key"])
            assert call is not None
            deployment.calls.save(call)
        elif table == "CONNECTIONS_TABLE":
            connection = deployment.connection(before["location_id"])
            deployment.connections.save(connection)
        elif "chain_key" in before:
            connections = map(from_item, read(version, "shapes")["CONNECTIONS_TABLE"])
            whose = {(it.get("account_id", ""), it.get("chain_id", 0)) for it in connections}
            named = {deployment.chains.named(*it) for it in whose}
            assert named == {before["chain_key"], None}
        else:
            chain = deployment.chains.get(before["key"])
            assert chain is not None
            deployment.chains.save(chain)
        assert lost(before, row(deployment, table, item)) == {}


def test_an_entry_is_read_whole(deployment: Deployment, version: Path) -> None:
    for item in read(version, "shapes")["PAYMENTS_TABLE"]:
        before = from_item(item)
        deployment._dynamodb.put_item(TableName=table_of(deployment, "PAYMENTS_TABLE"), Item=item)
        if before["key"] == "echo":
            continue
        if before["key"].startswith("platform#"):
            number = int(before["key"].removeprefix("platform#"))
            assert deployment.ledger.owner(number) == before["entry_key"]
            continue
        entry = deployment.entry(before["key"])
        deployment.ledger.move(entry, entry)
        assert lost(before, row(deployment, "PAYMENTS_TABLE", item)) == {}
    store(deployment, read(version, "world")["tables"])
    echo = deployment.ledger.echo()
    assert echo is not None
    assert echo.state is EntryState.SENT


def test_an_account_is_found_by_all_that_led_to_it(deployment: Deployment, version: Path) -> None:
    store(deployment, read(version, "world")["tables"])
    accounts = Accounts(deployment._dynamodb, table_of(deployment, "ACCOUNTS_TABLE"))
    rows = deployment.rows("ACCOUNTS_TABLE")
    pointers = {it["key"] for it in rows if not it["key"].startswith("account#")}
    assert {key.partition("#")[0] for key in pointers} == {"altegio-user", "email", "portal"}
    led = set()
    for it in (it for it in rows if it["key"].startswith("account#")):
        found = accounts.of_id(it["account_id"])
        assert found is not None
        again = {**asdict(found), "key": it["key"], "linked_user_ids": [*found.linked_user_ids]}
        assert lost(it, again) == {}
        led.update(found.pointers)
        if (proven := accounts.of_email(found.email)) is not None:
            assert proven == found
            led.add("email")
    assert {key if not key.startswith("email#") else "email" for key in pointers} == led


def test_a_line_of_the_journal_is_read_whole(deployment: Deployment, version: Path) -> None:
    store(deployment, read(version, "world")["tables"])
    rows = sorted(deployment.rows("JOURNAL_TABLE"), key=lambda it: (it["location_id"], it["at"]))
    lines = [
        line
        for location_id in sorted({it["location_id"] for it in rows})
        for line in deployment.journal.of_location(location_id)
    ]
    written = [{**asdict(line), "at": stamp(line.at)} for line in lines]
    # When it goes, only DynamoDB reads.
    told = [{**it, "at": it["at"].partition("#")[0]} for it in rows]
    for it in told:
        del it["expires_at"]
    assert written == told


def test_a_census_is_read_whole(deployment: Deployment, version: Path) -> None:
    store(deployment, read(version, "world")["tables"])
    roll = CensusTable(deployment._dynamodb, table_of(deployment, "CENSUS_TABLE"))
    before = {it["key"]: it for it in deployment.rows("CENSUS_TABLE")}
    head = roll.head()
    assert head is not None
    assert head.changed_at is not None
    parts = [roll.part(number) for number in range(head.parts)]
    assert any(part.found for part in parts)
    roll.save(head, head.changed_at)
    for part in parts:
        roll.write(part)
    after = {it["key"]: it for it in deployment.rows("CENSUS_TABLE")}
    assert set(after) == set(before)
    for key, it in before.items():
        assert lost(it, after[key]) == {}, key


def test_a_turn_is_taken_in_the_row_of_the_pace(deployment: Deployment, version: Path) -> None:
    world = read(version, "world")
    store(deployment, world["tables"])
    deployment.clock.at = instant(world["at"]) + timedelta(minutes=5)
    table = table_of(deployment, "PACE_TABLE")
    rows = deployment.rows("PACE_TABLE")
    assert rows != []
    for it in rows:
        pace = Pace(
            deployment._dynamodb,
            table,
            clock=deployment.clock,
            sleep=lambda _seconds: None,
            rules=PacePolicy(pace_per_s=4, pace_per_min=200),
            ahead_s=0,
            patience_s=1,
            key=it["key"],
        )
        pace.take(1)


def test_a_ticket_opens_what_it_opened(deployment: Deployment, version: Path) -> None:
    world = read(version, "world")
    store(deployment, world["tables"])
    tickets = Tickets(deployment._dynamodb, table_of(deployment, "TICKETS_TABLE"), 86400)
    opened = tickets.open(world["ticket"], instant(world["at"]))
    assert opened is not None
    arrived = opened.redirect
    [it] = [
        it
        for it in deployment.rows("TICKETS_TABLE")
        if it.get("location_ids") == [*arrived.location_ids]
        and it["owner"] == asdict(arrived.owner)
        and it["issued_at"] == world["issued_at"]
    ]
    assert (it["crm_token"], it["chain_id"]) == (arrived.crm_token, arrived.chain_id)


# What was under way goes on


@pytest.fixture
def upgraded(deployment: Deployment, version: Path) -> Deployment:
    """This version, in the tables of the older one, on a platform that has the same locations."""
    world = read(version, "world")
    store(deployment, world["tables"])
    for it in deployment.rows("CONNECTIONS_TABLE"):
        _install(deployment, deployment.connection(it["location_id"]))
    simulator = deployment.simulator
    simulator._telephony.switch(simulator.crm_token, on=True)
    deployment.clock.at = instant(world["at"])
    return deployment


def _install(deployment: Deployment, connection: Connection) -> None:
    """As the platform's log has it, entry by entry: the connection knows how far it was seen."""
    simulator, location_id = deployment.simulator, connection.location_id
    if connection.state is State.DISABLED:
        return
    deployment.clock.at = _last(connection.grant)
    for generation in range(connection.generation):
        if generation:
            simulator.disconnect(location_id, webhook="never")
        simulator.grant(location_id)
        if connection.live:
            simulator.platform.activate(location_id)
    if connection.state is State.FROZEN:
        deployment.clock.at = _last(connection.mark)
        simulator.expire(location_id, webhook="never")


def _last(mark: str) -> datetime:
    """When the entry of the platform's log was made that a mark names."""
    return instant(mark.split(maxsplit=1)[0])


def test_payments_go_on(upgraded: Deployment) -> None:
    upgraded.let_time_pass(120)
    told = {
        key: upgraded.entry(key).state
        for key in ("payment#pending", "payment#held", "payment#sent", "payment#closed")
    }
    assert told == {
        "payment#pending": EntryState.SENT,
        "payment#held": EntryState.HELD,
        "payment#sent": EntryState.SENT,
        "payment#closed": EntryState.CLOSED,
    }
    assert upgraded.entry("payment#unknown").state is not EntryState.UNKNOWN


def test_calls_go_on(upgraded: Deployment, version: Path) -> None:
    world = read(version, "world")
    rings = {**ringing("next"), "at": upgraded.clock().isoformat()}
    assert upgraded.call(rings, world["pbx_key"])[0] == 202
    assert upgraded.call(rings, world["pbx_key_of_bob"])[0] == 403
    upgraded.let_time_pass(15)
    account_id = upgraded.connection(4564).account_id
    for call_id, state in (("waiting", CallState.CONFIRMED), ("held", CallState.HELD)):
        call = upgraded.calls.get(f"{account_id}#{call_id}")
        assert call is not None
        assert call.state is state


def test_lines_go_on(upgraded: Deployment) -> None:
    account_id = upgraded.connection(4564).account_id
    assert account_id
    account = upgraded.accounts.of_id(account_id)
    assert account
    assert dict(account.lines) == {"+13155550199": 4232}
    assert upgraded.lines.enter(account_id, {"+13155550198": 4564}) == "done"
    upgraded.let_time_pass(15)
    call = upgraded.calls.get(f"{account_id}#unrouted")
    assert call is not None
    assert (call.location_id, call.state) == (4564, CallState.CONFIRMED)


def test_locations_go_on(upgraded: Deployment) -> None:
    upgraded.let_time_pass(12 * 60, step=15)
    states = {
        it["location_id"]: (it["state"], it.get("hint"))
        for it in upgraded.rows("CONNECTIONS_TABLE")
    }
    for location_id, state in ((4564, "active"), (4232, "active"), (4302, "disabled")):
        assert states[location_id] == (state, None)
    # What a webhook had said, the platform denies; and the owner's consent is carried out.
    for location_id in (4304, 4305, 4307, 4309):
        assert states[location_id] == ("active", None), location_id
    assert upgraded.connection(4301).state is State.FROZEN
    assert upgraded.connection(4564).telephony is CrmTokenState.PROVEN
    upgraded.let_time_pass(40 * 24 * 60, step=24 * 60)
    assert upgraded.connection(4302).account_id is None


def test_every_message_is_taken(deployment: Deployment, version: Path) -> None:
    messages = read(version, "messages")
    assert {json.loads(it)["type"] for it in messages["billing"]} == {
        "payment",
        "refund",
        "wake-up",
    }
    kinds = {json.loads(it)["type"] for it in messages["calls"]}
    assert kinds == {"finished", "wake-up", "look", "release", "route"}
    deployment.connect(4564)
    for body in messages["billing"]:
        assert deployment.bill(body) == []
    for body in messages["calls"]:
        event = json.loads(body)
        if event["type"] == "finished":
            event["started_at"] = deployment.clock().isoformat()
        assert deployment.take_call(event) == []
    deployment.let_time_pass(10)
    assert deployment.dead_letters() == []
    assert deployment.dead_letters("CallsDeadLetters") == []
    assert [entry.state for entry in deployment.ledger.entries_of(4564)] == [EntryState.SENT]
    assert [call.call_id for call in deployment.simulator.saved_calls(4564)] == ["waiting"]
