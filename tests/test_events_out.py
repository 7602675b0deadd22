"""Whatever dies, each fact is told at least once, by its id exactly once, and none is made up.

Every schedule and every life of the other files is read to its end, too (see `events_out`); here
are the rules broken one by one.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.chaos import lives, runs
from tests.chaos.event_mutants import MUTANTS, first_wrong

SEARCHED = 20


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_broken_rule_is_noticed(mutant: Callable[[], Any]) -> None:
    """The test of the test: some world goes wrong, and does not with the unbroken rules."""
    told = first_wrong(range(SEARCHED), mutant)
    assert told is not None
    assert " told" in told.wrong or "two events have the id" in told.wrong
    assert not runs.run(told.seed).wrong
    assert not lives.run(told.seed).wrong
