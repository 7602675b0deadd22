"""Child processes that never outlive this one."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

LEASH = Path(__file__).with_name("leash.py")


def start(
    python: Path,
    module: str,
    *arguments: str,
    options: Sequence[str] = (),
    environment: Mapping[str, str],
    folder: Path,
    output: int | IO[bytes],
) -> subprocess.Popen[bytes]:
    """Start `python -m module` that ends with this process, however this one ends.

    It gets a process group of its own: Ctrl-C in the terminal reaches only us, and we stop it.

    Args:
        python: The interpreter.
        module: What to run.
        arguments: Its command line.
        options: The interpreter's own options.
        environment: Its whole environment; nothing is inherited.
        folder: Its working directory.
        output: Where standard output and standard error go together.

    Raises:
        OSError: The interpreter does not start.
    """
    return subprocess.Popen(
        [str(python), *options, str(LEASH), module, *arguments],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        process_group=0,
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process of `start` and whatever it has started, and wait until it is gone."""
    if process.poll() is None:
        # It may end by itself at this very moment.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdin:
        process.stdin.close()
