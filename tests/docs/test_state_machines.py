"""The drawings of the state machines are the tables that the code obeys."""

import re
from enum import StrEnum

import pytest

from shared.calls import call
from shared.connections import lifecycle
from shared.payments import entry
from shared.states import Changes
from tests.docs import pages

MACHINES: dict[str, Changes[StrEnum]] = {
    "A payment or a refund": entry.CHANGES,
    "A connection": lifecycle.CHANGES,
    "A call": call.CHANGES,
}


def drawing(changes: Changes[StrEnum]) -> str:
    """A table as a Mermaid state diagram: an arrow for each pair, with the changes that take it."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for name, (sources, targets) in changes.items():
        for source in sorted(sources):
            for target in sorted(targets):
                arrows.setdefault((source.upper(), target.upper()), []).append(name)
    lines = [f"  {a} --> {b}: {', '.join(names)}" for (a, b), names in sorted(arrows.items())]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])


@pytest.mark.parametrize("machine", MACHINES)
def test_a_drawing_is_its_table(machine: str) -> None:
    text = pages.text("docs/architecture.md")
    [drawn] = re.findall(rf"^### {machine}\n.*?(```mermaid.*?```)", text, re.MULTILINE | re.DOTALL)
    assert drawn == drawing(MACHINES[machine])
