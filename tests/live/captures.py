"""What real switches have sent, kept with what is right of it: tests/calls/pbx/captures/."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.live.judge import Right

FOLDER = Path(__file__).parents[1] / "calls" / "pbx" / "captures"


@dataclass(frozen=True)
class Captured:
    """A call of a switch: its name, what is right of it, the other side's number, its forms."""

    name: str
    right: Right
    caller: str
    forms: tuple[str, ...]


def write(switch: str, calls: Iterable[Captured]) -> Path:
    """Keeps what a switch has sent."""
    blocks = []
    for each in calls:
        right = json.dumps(asdict(each.right))
        blocks.append("\n".join([f"# {each.name}", f"# {each.caller} {right}", *each.forms, ""]))
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{switch}.txt"
    file.write_text("\n".join(blocks))
    return file


def read(file: Path) -> list[Captured]:
    """What was kept."""
    found = []
    for block in file.read_text("utf-8").split("\n\n"):
        name, right, *forms = block.strip("\n").split("\n")
        told = re.fullmatch(r"# (\S+) (.*)", right)
        assert told
        call = Captured(name.removeprefix("# "), Right(**json.loads(told[2])), told[1], (*forms,))
        found.append(call)
    return found
