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
    told = run(8, 1, lambda _done, _of: None, artifact=artifact)
    assert re.search(r"the platform has \d+ of .*, we \d+", told.wrong)
