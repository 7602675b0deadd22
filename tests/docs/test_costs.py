"""What the stack costs, as the page tells it, is what the script counts."""

import pytest

from local.simulator import Owner
from tests.bench import costs
from tests.docs import pages

HEADING = "## What it costs"
INDEXED = {
    "KeySchema": [{"AttributeName": "key"}],
    "GlobalSecondaryIndexes": [
        {
            "KeySchema": [{"AttributeName": "state"}, {"AttributeName": "due_at"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
}
KEY = {"key": {"S": "k"}}
DUE = {**KEY, "state": {"S": "held"}, "due_at": {"S": "1"}}


def test_the_tables_of_the_page_are_what_the_script_prints() -> None:
    section = pages.section("docs/deploy.md", HEADING)
    shown = "\n".join(line for line in section.splitlines() if line.startswith("|"))
    assert shown == costs.tables().replace("\n\n", "\n")
    assert f"of {costs.REGION} as we knew them in {costs.PRICED_ON}" in section
    assert f"one payment and {costs.CALLS} calls of each location" in section


@pytest.mark.parametrize(
    ("before", "after", "units"),
    [
        ({}, KEY, 1),
        ({}, {**KEY, "text": {"S": "x" * 1500}}, 2),
        ({"text": {"S": "x" * 1500}, **KEY}, KEY, 2),
        ({}, DUE, 2),
        (DUE, KEY, 2),
        (DUE, {**DUE, "due_at": {"S": "2"}}, 3),
        (DUE, {**DUE, "text": {"S": "x"}}, 1),
    ],
)
def test_a_write_is_paid_for_in_the_table_and_in_its_indexes(
    before: dict[str, dict[str, str]], after: dict[str, dict[str, str]], units: int
) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html."""
    assert costs.write_units(INDEXED, before, after, at_once=False) == units
    own = -(-max(costs.size(before), costs.size(after)) // 1024)
    assert costs.write_units(INDEXED, before, after, at_once=True) == units + own


def test_a_payment_is_two_transactions_and_one_call() -> None:
    """Its row and indexes, the journal, the turn, and the check of the location."""
    used = costs.uses()["payment"]
    assert used["platform calls"] == 1
    # Beside these, the token, once for all ten, and what is told of it afterwards.
    assert used["events"] == 1
    assert 2 <= used["AWS calls"] - used["events"] <= 2.2
    assert used["read units"] == 0


def test_a_missed_call_is_written_and_read_as_often_as_an_answered_one() -> None:
    """Whoever was missed is worked out from the calls; only the event is more."""
    found = []
    with costs.measured() as stack:
        deployment = stack.deployment
        key = deployment.connect(1, owner=Owner(id=1)).pbx_key
        costs.talk(deployment, key, "first")
        deployment.let_time_pass(60)
        # What is noted at the doors by the hour or the minute falls into the first of them.
        silent = {"answered": False, "duration_s": 0}
        for call_id, changes in (("c-1", {}), ("c-2", {}), ("c-3", silent)):
            deployment.tell()
            stack.since()
            costs.talk(deployment, key, call_id, **changes)
            deployment.tell()
            used = stack.since()
            found.append((used["write units"], used["read units"], used["events"]))
    _, answered, missed = found
    assert missed == (answered[0], answered[1], answered[2] + 1)
