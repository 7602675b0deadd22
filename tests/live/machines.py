"""Debian systems under build/live/, each with a real Asterisk of its suite; nothing is global.

They come from the mirror from which this machine's apt takes its packages, by debootstrap, which is
taken from there as well if it is not installed. Nothing is mounted in them, and so `make clean`
removes nothing else with them.
"""

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from local import PROJECT

LIVE = PROJECT / "build" / "live"
# Where an Asterisk is to be had, 16 and 22, and what brings all of it.
SUITES = {"bullseye": "asterisk,asterisk-voicemail", "sid": "asterisk"}
_LONGEST_S = 900


class CannotRun(Exception):
    """This machine cannot have a switch; the text says why, in a sentence."""


@dataclass(frozen=True)
class Machine:
    """A system with an Asterisk in it.

    Attributes:
        root: its folder.
        version: such as 16.28.0.
    """

    root: Path
    version: str

    @property
    def modules(self) -> str:
        """The folder of Asterisk's modules, as it is seen within."""
        found = next((self.root / "usr" / "lib").glob("**/asterisk/modules"))
        return "/" + str(found.relative_to(self.root))


def machine(suite: str) -> Machine:
    """The system of a suite, made if it is not there.

    Raises:
        CannotRun: it can be neither found nor made.
    """
    for program in ("chroot", "openssl", "curl"):
        if shutil.which(program) is None:
            raise CannotRun(f"there is no {program} on this machine")
    if os.geteuid() != 0:
        raise CannotRun("only root may give a process another root (chroot), and you are not root")
    root = LIVE / suite
    if not (root / ".done").exists():
        _bootstrap(suite, root)
    said = subprocess.run(
        ["chroot", root, "asterisk", "-V"], capture_output=True, text=True, check=True
    ).stdout
    # Asterisk 22.10.1+dfsg+~cs6.17
    return Machine(root, said.split()[1].partition("~")[0].partition("+")[0])


def _bootstrap(suite: str, root: Path) -> None:
    tool, environment = _debootstrap()
    # One that was broken off.
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    log = LIVE / f"{suite}.log"
    print(f"{suite}: a system with Asterisk, about 500 MB, once; all of it is in {log}", flush=True)
    command = [tool, "--variant=minbase", f"--include={SUITES[suite]}", suite, str(root), _mirror()]
    began = time.monotonic()
    with (
        log.open("w") as told,
        subprocess.Popen(command, stdout=told, stderr=told, env=environment) as process,
    ):
        while process.poll() is None:
            if time.monotonic() - began > _LONGEST_S:
                process.kill()
                raise CannotRun(f"{suite} was not there after {_LONGEST_S} s")
            time.sleep(5)
            lines = log.read_text("utf-8", "replace").splitlines() or [""]
            took = time.monotonic() - began
            print(f"{suite}: {took:4.0f} s, {len(lines)} lines, {lines[-1][:60]}", flush=True)
    if process.returncode != 0:
        raise CannotRun(f"debootstrap could not bring {suite}: {log.read_text().splitlines()[-1]}")
    (root / ".done").touch()


def _mirror() -> str:
    """Where this machine's apt takes its packages from."""
    listed = _said("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages")
    found = [each for each in listed.splitlines() if each.startswith("http")]
    if not found:
        raise CannotRun("apt knows of no mirror on this machine")
    return found[0]


def _debootstrap() -> tuple[str, dict[str, str]]:
    """The command with its environment."""
    if installed := shutil.which("debootstrap"):
        return installed, dict(os.environ)
    own = LIVE / "debootstrap"
    if not (own / "usr" / "sbin" / "debootstrap").exists():
        own.mkdir(parents=True, exist_ok=True)
        _said("apt-get", "download", "debootstrap", folder=own)
        package = next(own.glob("debootstrap_*.deb"), None)
        if package is None:
            raise CannotRun("there is no debootstrap here, and apt could not bring it")
        _said("dpkg-deb", "--extract", str(package), str(own))
    share = own / "usr" / "share" / "debootstrap"
    tool = str(own / "usr" / "sbin" / "debootstrap")
    return tool, {**os.environ, "DEBOOTSTRAP_DIR": str(share)}


def _said(*command: str, folder: Path | None = None) -> str:
    try:
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise CannotRun(f"there is no {command[0]} on this machine") from None
    return ended.stdout
