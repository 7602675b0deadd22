"""Everything that lets the backend run on a laptop: no Docker, no AWS account.

None of it is deployed.
"""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
"""The folder with template.yaml, locks/ and build/."""
