"""What a message of the calls queue does once more."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.calls import replay
from shared.connections.connection import Connection, State
from tests.deployment import finished, ringing

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
OWN = Connection(4564, State.ACTIVE, 1, "account", NOW)
NOWHERE = {**finished("c-1", 4564), "started_at": NOW.isoformat()}
del NOWHERE["location_id"]


@pytest.mark.parametrize(
    ("told", "is_taken", "why"),
    [
        ({"account_id": "account", "location_id": 4564}, True, "one entry, however often"),
        ({"location_id": 4564}, True, "one entry, however often"),
        ({"account_id": "account"}, True, "by its line, however often"),
        ({}, False, "it names neither a location nor an account"),
        ({"account_id": "another", "location_id": 4564}, False, "location 4564 is not of this"),
        ({"location_id": 4232}, False, "location 4232 is not of this account"),
        ({"duration_s": -1}, False, "invalid: duration_s"),
    ],
)
def test_a_call_is_judged_as_its_queue_takes_it(
    told: dict[str, Any],
    is_taken: bool,  # noqa: FBT001 - a case
    why: str,
) -> None:
    body = json.dumps({**NOWHERE, **told})
    found = replay.judged(body, lambda location_id: OWN if location_id == 4564 else None)
    assert (found[0], found[1].startswith(why)) == (is_taken, True), found


@pytest.mark.parametrize(
    ("told", "judged"),
    [
        ({**ringing("c-2"), "at": NOW.isoformat()}, (False, "only the door takes it")),
        ({"type": "wake-up", "key": "account#c-1"}, (True, "a wake-up of our own")),
    ],
)
def test_what_is_no_call_is_judged_too(told: dict[str, Any], judged: tuple[bool, str]) -> None:
    assert replay.judged(json.dumps(told), lambda _location_id: None) == judged
