"""Functions are killed in the middle of their work; `python -m tests.chaos.kills` kills more."""

import re
from collections.abc import Callable
from pathlib import Path

from tests.chaos.kills import run

LEASE_PASSED = "        unknown = payment.unknown(entry, why, self._clock(), self._ledger_rules)"
SENT_AGAIN = """
        from dataclasses import replace
        from shared.payments.entry import EntryState
        unknown = replace(entry, state=EntryState.PENDING, due_at=self._clock())"""


def test_whoever_is_killed_loses_and_doubles_nothing() -> None:
    told = run(6, 1, lambda _done, _of: None)
    assert told.wrong == ""
    assert told.working >= 6
    assert told.stranded > 0
    assert told.payments > 5
    assert told.told >= told.states["SENT"] > 5


def test_an_expired_lease_that_is_sent_again_is_found(
    plant: Callable[[str, str, str], Path],
) -> None:
    artifact = plant("reconcile/schedule", LEASE_PASSED, SENT_AGAIN)
    # The machine decides who dies when. A run in which no lease passes of what the platform has
    # shows nothing; the first nearly always does.
    told = (run(8, seed, lambda _done, _of: None, artifact=artifact) for seed in range(1, 5))
    assert any(re.search(r"the platform has \d+ of .*, we \d+", it.wrong) for it in told)
