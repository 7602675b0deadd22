"""A command whose output nobody reads to its end, as before `head`."""

import os
import subprocess
import sys

import pytest

from local import PROJECT

# A long output ends the command; a short one is still in its buffer when it ends by itself.
LONG = """
import sys
from ops.terminal import until_closed
sys.exit(until_closed(lambda: print("x" * 10**6)))
"""


@pytest.mark.parametrize(
    "words",
    [("-c", LONG), ("-m", "ops", "--help"), ("-m", "ops", "take", "--help"), ("-m", "local", "-h")],
    ids=["long", "help", "help of a command", "help of the local stack"],
)
def test_a_pipe_that_is_closed_is_no_error(words: tuple[str, ...]) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes) as closed:
        ended = subprocess.run(
            [sys.executable, *words],
            cwd=PROJECT,
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (0, "")
