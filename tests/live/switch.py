"""A running Asterisk with the recipe out of the docs, of which only host and key are replaced."""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.docs import pages
from tests.live.machines import Machine

PAGE = "docs/pbx/asterisk.md"
_FILES = Path(__file__).parent / "asterisk"
_UNDELIVERED = "var/spool/asterisk/altegio.undelivered"
_SLOWEST_START_S = 60


class Switch:
    """A real Asterisk in its own system.

    Args:
        machine: where.
        network: the first three numbers of its addresses; the switch is the first.
        telephones: the addresses by name, the trunks among them.
    """

    def __init__(self, machine: Machine, network: str, telephones: Mapping[str, str]) -> None:
        self.machine = machine
        self.host = f"{network}.1"
        self._telephones = telephones
        self._live = machine.root / "live"
        self._command = ["chroot", str(machine.root), "asterisk", "-C", "/live/etc/asterisk.conf"]

    @contextmanager
    def running(
        self, host: str, key: str, authority: Path, *, system: str = "", cdr: bool = True
    ) -> Iterator["Switch"]:
        """Runs it until the block ends, reporting to a host.

        Args:
            host: of the stack, with its port.
            key: the account's PBX key.
            authority: whose certificates it trusts, and no others.
            system: its system name, if it is to have one.
            cdr: whether it keeps its own records of calls.
        """
        self._configure(host, key, system, cdr=cdr)
        trusted = self.machine.root / "etc" / "ssl" / "certs"
        trusted.mkdir(parents=True, exist_ok=True)
        shutil.copy(authority, trusted / "ca-certificates.crt")
        with (
            (self._live / "console").open("ab") as told,
            subprocess.Popen([*self._command, "-f", "-n"], stdout=told, stderr=told) as process,
        ):
            try:
                self._until_started(process)
                yield self
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()

    def said(self, words: str) -> str:
        """What its console answers."""
        return subprocess.run(
            [*self._command, "-rx", words], capture_output=True, text=True, check=False
        ).stdout

    def logs(self) -> str:
        """All that it has logged, at the highest verbosity."""
        found = [*(self._live / "log").glob("**/*"), self._live / "console"]
        return "".join(each.read_text("utf-8", "replace") for each in found if each.is_file())

    @property
    def undelivered(self) -> Path:
        """The file in which its recipe keeps what it could not deliver."""
        return self.machine.root / _UNDELIVERED

    def _configure(self, host: str, key: str, system: str, *, cdr: bool) -> None:
        shutil.rmtree(self._live, ignore_errors=True)
        for name in ("etc", "run", "log", "db"):
            (self._live / name).mkdir(parents=True)
        self.undelivered.unlink(missing_ok=True)
        self.undelivered.parent.mkdir(parents=True, exist_ok=True)
        recipe, lines, option = _recipe()
        values = {
            "SWITCH": self.host,
            "TRUNK": self._telephones["trunk"],
            "UNTRUSTED": self._telephones["untrusted"],
            "MODULES": self.machine.modules,
            "SYSTEMNAME": f"systemname = {system}" if system else "",
            "CDR": "yes" if cdr else "no",
            "INCOMING": _line(lines, "incoming"),
            "OUTGOING": _line(lines, "outgoing"),
            "BETWEEN": _line(lines, "_1XX"),
            "MEMBERGOSUB": option,
            "RECIPE": recipe.replace("api.example", host).replace("KEY)", f"{key})"),
        }
        for file in _FILES.glob("*.conf"):
            if file.stem != "telephone":
                (self._live / "etc" / file.name).write_text(_filled(file.read_text(), values))
        telephone = (_FILES / "telephone.conf").read_text()
        with (self._live / "etc" / "pjsip.conf").open("a") as written:
            for name, address in self._telephones.items():
                if name.isdigit():
                    written.write(_filled(telephone, {"NAME": name, "HOST": address}))

    def _until_started(self, process: "subprocess.Popen[bytes]") -> None:
        until = time.monotonic() + _SLOWEST_START_S
        while "fully booted" not in self.said("core waitfullybooted").lower():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"Asterisk did not start: {self.logs()[-2000:]}")
            time.sleep(0.2)
        self.said("core set verbose 9")


def _recipe() -> tuple[str, list[str], str]:
    """The contexts, the lines for a dialplan, and the line for queues, as in the page."""
    blocks = [block for language, block in pages.blocks(PAGE) if language == "ini"]
    [contexts] = [block for block in blocks if block.startswith("[altegio]")]
    [option] = [block for block in blocks if "membergosub" in block]
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("exten")]
    return contexts, lines, option


def _line(lines: list[str], word: str) -> str:
    [found] = [line for line in lines if word in line and re.search(r"Gosub\(altegio,|_1XX", line)]
    return found


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    assert not re.search(r"@[A-Z]+@", text), text
    return text
