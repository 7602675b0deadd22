"""However many there are, `status` reads no more than a bound."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ops import rows
from tests.deployment import Deployment, payment
from tests.memory import Memory
from tests.ops.operator import Operator, facts, told

pytestmark = pytest.mark.usefixtures("logged")


def test_no_table_is_scanned_and_no_more_is_read_than_a_bound(
    connected: Deployment, operator: Operator, memory: Memory
) -> None:
    connected.clock.advance(days=6.5)
    row, soon = connected.connection(4564), connected.clock() + timedelta(minutes=1)
    for location_id in range(1, 100):
        connected.connections.save(
            replace(row, location_id=location_id, version=0, due_at=soon, watched_at=soon)
        )
        connected.bill(payment(f"inv-{location_id}", 9000 + location_id))
    asked: list[str] = []
    memory.before = lambda name, _asked: asked.append(name)
    lines = told(operator)
    assert set(asked) <= {"Query", "GetItem", "GetParameter", "GetQueueAttributes", "UpdateItem"}
    # Twice, as a person and as a machine read it.
    assert len(asked) / 2 < 10 * rows.MOST
    # On one screen: a line for each kind.
    assert len(lines) < 6
    [held] = [it for it in lines if "HELD" in it]
    assert "and 15 more of locations 9001, 9002" in held
    assert any("; also location " in it for it in lines if "cover end" in it)
    assert facts(operator)["money"] == "20+ HELD"
