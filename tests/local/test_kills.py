"""Functions are killed in the middle of their work; `python -m tests.chaos.kills` kills more."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.judge import Wrong
from tests.chaos.kills import run

LEASE_PASSED = "        unknown = payment.unknown(entry, why, self._clock(), self._ledger_rules)"
SENT_AGAIN = """
        from dataclasses import replace
        from shared.payment import EntryState
        unknown = replace(entry, state=EntryState.PENDING, due_at=self._clock())"""


def test_whoever_is_killed_loses_and_doubles_nothing(tmp_path: Path) -> None:
    toll = run(25, seed=1, logs=tmp_path)
    assert toll.working >= 25
    assert toll.payments > 10
    assert toll.stranded > 0
    assert toll.ended["SENT"] > 10


def test_an_expired_lease_that_is_sent_again_is_found(
    plant: Callable[[str, str, str], Path], tmp_path: Path
) -> None:
    artifact = plant("reconciling", LEASE_PASSED, SENT_AGAIN)
    with pytest.raises(Wrong, match=r"the platform has \d+ of .*, we \d+"):
        run(12, seed=1, logs=tmp_path, artifact=artifact)
