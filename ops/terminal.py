"""What a terminal, and a pipe after it, do to a command."""

import os
import sys
from collections.abc import Callable


def until_closed(command: Callable[[], int]) -> int:
    """Run a command; whoever closes its output, as `head` does, has seen enough."""
    try:
        try:
            return command()
        finally:
            # Also of what ends by itself, as `--help` does.
            sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more at its end, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
