"""The commands of the operator, for the local stack as for a deployed one; `site` knows which.

Whatever changes something first shows it with its evidence, and does it only with `--do`. The rules
are those of `shared`, such as of each change of a payment in `shared.payments.entry`.
"""

from pathlib import Path

ANNOUNCEMENT = Path(__file__).resolve().parent.parent / "build" / "local" / "stack.json"
"""Where a running local stack says where everything is, unless it is told another file."""
