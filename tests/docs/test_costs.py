"""What the stack costs, as the page tells it, is what the script counts."""

import pytest

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
