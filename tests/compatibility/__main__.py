"""`python -m tests.compatibility VERSION`: keeps what this version writes, for all later ones."""

import io
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from local.simulator import Simulator
from shared import telemetry
from shared.clock import stamp
from tests.compatibility.written import BEGAN, Recorded, lived, stored
from tests.deployment import Clock
from tests.memory import Memory
from tests.memory.session import Session


def main(version: str) -> None:
    """Writes three files into a new folder, which after the release is never written again."""
    folder = Path(__file__).with_name(version)
    clock = Clock()
    clock.at = BEGAN
    memory = Memory(clock)
    with (
        pytest.MonkeyPatch.context() as patch,
        Simulator(redirect_url="https://provider.example/connect") as simulator,
        redirect_stdout(io.StringIO()),
    ):
        simulator.platform.now = clock
        patch.setattr("shared.clock.now", clock)
        patch.setattr("boto3.Session", lambda: memory)
        patch.setattr("shared.aws.session.get_session", lambda: Session(memory.client))
        patch.setenv("LOGNAME", "anna")
        telemetry.logger.setLevel("CRITICAL")
        deployment = Recorded(simulator, clock, patch)
        holds = lived(deployment)
        world = {"at": stamp(clock()), **holds, "tables": stored(deployment)}
        shapes = {name: [*rows.values()] for name, rows in deployment.shapes.items()}
    folder.mkdir()
    for name, value in (
        ("world", world),
        ("shapes", shapes),
        ("messages", {queue: [*it.values()] for queue, it in deployment.messages.items()}),
    ):
        _write(folder / f"{name}.json", value)


def _write(path: Path, value: Any) -> None:
    """A row a line, so that a reader finds it."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    path.write_text(text.replace("}}, {", "}},\n{") + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
