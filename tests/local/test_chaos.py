"""The same schedules with their tables in the emulator: what is in memory is not trusted alone."""

from collections import Counter
from pathlib import Path

from botocore import UNSIGNED

from local.stack.emulator import Emulator
from tests.chaos.runs import run


def test_schedules_end_well_on_the_emulator(tmp_path: Path) -> None:
    states: Counter[str] = Counter()
    with Emulator(log=tmp_path / "emulator.log") as emulator:
        emulator.wait()
        # Thousands of calls, of which none has to say who makes it.
        dynamodb = emulator.client("dynamodb", signature_version=UNSIGNED, user_agent="chaos")
        for seed in (1, 4):
            told = run(seed, dynamodb=dynamodb)
            assert not told.wrong, told.wrong
            # Each decides as it does in memory.
            assert told.states == run(seed).states
            states += told.states
    assert states["SENT"] > 5
