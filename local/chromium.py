"""Finds a Chromium, or unpacks Debian's into `build/chromium`: nothing is installed.

`python -m local.chromium` does it once. Where there is neither, the tests of the page in a browser
are skipped, and the rehearsal's report has no pictures; both say so. CHROMIUM may name one.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local import PROJECT

FOLDER = PROJECT / "build" / "chromium"
WHY_NONE = FOLDER / "why-none.txt"

# The shell is the same engine without what only a window needs, in half the time.
_SHELL = "chromium-headless-shell"
_NAMES = (_SHELL, "chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
LAUNCHING: Mapping[str, Any] = {
    "chromium_sandbox": False,  # it cannot have one as root, and opens our own pages only
    "args": [
        "--headless",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ],
}
_ROOT = FOLDER / "root"
_UNPACKED = _ROOT / "usr" / "lib" / "chromium" / _SHELL
# One font for all: without a desktop, "system-ui" is anything.
_FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir><dir>{fonts}</dir><cachedir>{cache}</cachedir>
  <match>
    <edit name="family" mode="prepend" binding="strong"><string>DejaVu Sans</string></edit>
  </match>
</fontconfig>
"""


def executable() -> Path | None:
    """The browser; None if there is none."""
    named = os.environ.get("CHROMIUM")
    if named:
        return Path(named)
    if _UNPACKED.exists():
        return _UNPACKED
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    return Path(found) if found else None


def environment() -> Mapping[str, str]:
    """What the browser needs around it: an unpacked one finds its libraries and fonts by this."""
    if executable() != _UNPACKED:
        return dict(os.environ)
    libraries = [str(path) for path in (_ROOT / "usr" / "lib").glob("*-linux-gnu")]
    inner = [str(path) for folder in libraries for path in Path(folder).glob("pulseaudio")]
    return {
        **os.environ,
        "LD_LIBRARY_PATH": ":".join([*libraries, *inner]),
        "FONTCONFIG_FILE": str(FOLDER / "fonts.conf"),
    }


def main() -> int:
    """Unpacks one if there is none; 0 in any case, as a machine without Debian may go on."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    WHY_NONE.unlink(missing_ok=True)
    if executable() is None:
        print("unpacking Chromium into build/chromium (some ten seconds, once)", flush=True)
        try:
            _unpack(Path("/var/lib/dpkg/status"))
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", "") or str(error)
            WHY_NONE.write_text(said, "utf-8")
            print(f"no Chromium: {said.strip().splitlines()[-1]}", file=sys.stderr)
            print("the page is not tested in a browser; CHROMIUM may name one", file=sys.stderr)
    return 0


def _unpack(installed: Path) -> None:
    """Fetches the packages that an installation would, and unpacks them without one.

    Args:
        installed: dpkg's list of what is installed, which need not be fetched.
    """
    for name in ("state/lists/partial", "cache/archives/partial", "root"):
        (FOLDER / name).mkdir(parents=True, exist_ok=True)
    apt = [
        "apt-get",
        *("-o", f"Dir::State={FOLDER / 'state'}", "-o", f"Dir::Cache={FOLDER / 'cache'}"),
        *("-o", f"Dir::State::status={installed}", "-o", "Debug::NoLocking=1"),
        *("-o", "APT::Sandbox::User=", "-o", "Acquire::Retries=3"),
    ]
    _run([*apt, "update"])
    wanted = (_SHELL, "fonts-dejavu-core")
    planned = _run([*apt, "--simulate", "--no-install-recommends", "install", *wanted])
    packages = re.findall(r"(?m)^Inst (\S+) (?:\[\S+\] )?\((\S+)", planned)
    _run([*apt, "download", *(f"{name}={version}" for name, version in packages)])
    for package in sorted(FOLDER.glob("*.deb")):
        _run(["dpkg-deb", "--extract", str(package), str(_ROOT)])
        package.unlink()
    fonts, cache = _ROOT / "usr" / "share" / "fonts", FOLDER / "font-cache"
    (FOLDER / "fonts.conf").write_text(_FONTS.format(fonts=fonts, cache=cache), "utf-8")
    for name in ("state", "cache"):
        shutil.rmtree(FOLDER / name)


def _run(command: list[str]) -> str:
    done = subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, text=True)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
