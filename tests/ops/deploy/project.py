"""A copy of the project that a deployment may write into, and a terminal to type at."""

import os
import pty
import re
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from local import PROJECT
from local.stack.emulator import CREDENTIALS, REGION

_COPIED = ("functions", "locks", "ops", "shared")
_FILES = (".python-version", "Makefile", "pyproject.toml", "samconfig.toml", "template.yaml")
_LATE_S = 300


def copied(folder: Path) -> Path:
    """The project, with what is installed; what is built there is its own."""
    for name in _COPIED:
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _FILES:
        shutil.copy2(PROJECT / name, folder / name)
    # What is built, and runs, is for tests/local/test_deploy_check.py; here it only takes time.
    makefile = (folder / "Makefile").read_text("utf-8")
    small, count = re.subn(
        r"(?m)^build-%: .*\n\t.*", 'build-%:\n\t@touch "$(ARTIFACTS_DIR)/app.py"', makefile
    )
    assert count == 1
    (folder / "Makefile").write_text(small)
    (folder / "build").mkdir()
    (folder / "build" / "venvs").symlink_to(PROJECT / "build" / "venvs")
    (folder / ".venv").symlink_to(PROJECT / ".venv")
    return folder


def make_deploy(*words: str) -> list[str]:
    """The command, which must not install anything: what it would replace is not the copy's."""
    installed = (".venv/.done", "build/venvs/sam/.done")
    return ["make", *(f"--assume-old={each}" for each in installed), "deploy", *words]


def typed(
    command: Sequence[str | Path],
    answer: Callable[[str], str],
    *,
    folder: Path,
    environment: Mapping[str, str],
) -> tuple[int, str]:
    """Runs a program at a terminal, with an answer to each prompt; what it ends with, and shows.

    Args:
        command: The program and its words.
        answer: Of the line that waits for one; its end is pressed for it.
        folder: Where it runs.
        environment: All of it.
    """
    here, there = pty.openpty()
    shown, asked = "", 0
    with subprocess.Popen(
        [str(word) for word in command],
        cwd=folder,
        env=environment,
        stdin=there,
        stdout=there,
        stderr=there,
        start_new_session=True,
    ) as process:
        os.close(there)
        late = time.monotonic() + _LATE_S
        while time.monotonic() < late:
            if select.select([here], [], [], 0.2)[0]:
                try:
                    shown += os.read(here, 65536).decode("utf-8", "replace")
                except OSError:
                    break  # the other end is closed
            last = re.sub(r"\x1b\[\d*m", "", shown[asked:].rpartition("\n")[2])
            if re.fullmatch(r"\s*\S.*: ", last):
                asked = len(shown)
                os.write(here, f"{answer(last.strip())}\n".encode())
        else:
            process.kill()
        os.close(here)
        return process.wait(), shown


def at(endpoint_url: str) -> dict[str, str]:
    """The environment of a program that takes the emulator for AWS."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **own,
        **CREDENTIALS,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1",
        "SAM_CLI_TELEMETRY": "0",
    }
