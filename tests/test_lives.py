"""Lives of locations: what we believe of one is what the platform says, whatever happens.

`make chaos` runs as many as one likes; here are some, always the same.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.chaos.life_mutants import FIRST, MUTANTS
from tests.chaos.lives import first_wrong, run

LIVES, SEARCHED = 30, 60


def test_every_life_ends_as_the_platform_has_it() -> None:
    states: Counter[str] = Counter()
    for seed in range(LIVES):
        told = run(seed)
        assert not told.wrong, f"python -m tests.chaos --only-life {seed}: {told.wrong}"
        states += told.states
    # They would be of no use if all ended alike.
    assert {"active", "frozen", "disabled"} <= set(states)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_broken_rule_is_noticed(mutant: Callable[[], Any]) -> None:
    """The test of the test: a life that goes wrong, and does not with the unbroken rules."""
    first = FIRST.get(mutant, 0)
    told = first_wrong(range(first, first + SEARCHED), mutant)
    assert told is not None
    assert not run(told.seed).wrong
