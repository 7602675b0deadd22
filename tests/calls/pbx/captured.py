"""What live switches sent: one file for each call, with its requests in their order.

The numbers, hosts and keys are those of a switch on this machine's own addresses.
"""

import json
from pathlib import Path
from typing import Any

CAPTURES = Path(__file__).parent / "captures"


def captured(name: str) -> list[dict[str, Any]]:
    """The requests of one call to FreeSWITCH 1.10.12: path, content_type, and body as Latin-1."""
    found = json.loads((CAPTURES / "freeswitch" / f"{name}.json").read_text("utf-8"))
    assert isinstance(found, list)
    return found
