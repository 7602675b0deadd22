"""Another key than the account's is told, and costs no write that a stranger could multiply."""

import uuid
from datetime import timedelta
from typing import Any

from shared.calls.refused_keys import RefusedKeys
from shared.connections import pbx_key
from tests.deployment import Deployment, ringing
from tests.events.test_tell import told
from tests.memory import Memory


def refused(deployment: Deployment, key: str | None) -> None:
    status, _ = deployment.call(ringing(at=deployment.clock().isoformat()), key)
    assert status == 401


def account_id(deployment: Deployment, location_id: int = 4564) -> str:
    found = deployment.connection(location_id).account_id
    assert found is not None
    return found


def test_an_old_key_is_told_once_an_hour(connected: Deployment) -> None:
    connected.clock.at = connected.clock().replace(minute=0)
    old = pbx_key.made(account_id(connected))
    for _ in range(20):
        refused(connected, old)
        connected.clock.advance(minutes=1)
    assert told(connected).count("pbx_key.refused") == 1
    connected.clock.advance(hours=1)
    refused(connected, old)
    assert told(connected).count("pbx_key.refused") == 2
    event = connected.told[-1]["detail"]
    assert event["account_id"] == account_id(connected)


def test_whoever_comes_writes_nothing(connected: Deployment, memory: Memory) -> None:
    """Neither with a made-up account nor, a second time, with one that there is."""
    writes: list[str] = []

    def wrote(operation: str, _asked: Any) -> None:
        if operation not in ("GetItem", "Query"):
            writes.append(operation)

    old = pbx_key.made(account_id(connected))
    memory.after = wrote
    for key in (None, "", "pbx_", "x" * 4096, *(pbx_key.made(str(uuid.uuid4())) for _ in range(5))):
        refused(connected, key)
    assert writes == []
    for _ in range(5):
        refused(connected, old)
    # One row an hour, for the event; and once a minute, for the operator.
    assert writes == ["PutItem", "UpdateItem", "UpdateItem"]
    assert told(connected).count("pbx_key.refused") == 1


def test_the_last_hour_but_one_is_forgotten(connected: Deployment) -> None:
    noted = RefusedKeys(connected._dynamodb, connected.environments["calls"]["CALLS_TABLE"])
    whose = account_id(connected)
    assert noted.last(whose, connected.clock()) is None
    connected.clock.at = connected.clock().replace(minute=50)
    refused(connected, pbx_key.made(whose))
    began = connected.clock()
    connected.clock.advance(hours=1)
    last = noted.last(whose, connected.clock())
    assert last is not None
    assert last.at - began < timedelta(seconds=1)
    connected.clock.advance(hours=1)
    assert noted.last(whose, connected.clock()) is None


def test_reconcile_never_takes_it_for_a_call(connected: Deployment) -> None:
    refused(connected, pbx_key.made(account_id(connected)))
    before = connected.rows("CALLS_TABLE")
    connected.let_time_pass(60, step=10)
    assert connected.rows("CALLS_TABLE") == before
    assert connected.dead_letters() == []


def test_the_right_key_tells_nothing(deployment: Deployment) -> None:
    key = deployment.connect(4564).pbx_key
    deployment.call(ringing(at=deployment.clock().isoformat()), key)
    assert "pbx_key.refused" not in told(deployment)
