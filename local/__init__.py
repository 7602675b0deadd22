"""Everything that lets the backend run on a laptop: no Docker, no AWS account.

None of it is deployed.
"""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
"""The folder with template.yaml, locks/ and build/."""

ANNOUNCEMENT = PROJECT / "build" / "local" / "stack.json"
"""Where a running local stack says where everything is, unless it is told another file."""
