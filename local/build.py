"""The artifact: one folder that all functions run from, on AWS and here.

Dependencies from the hash-locked file, `functions/`, `shared/`, and bytecode for all of it. The
bytecode is unchecked-hash: `sam` dates every file of an archive 1980, so ordinary bytecode, which
carries its source's time, would be read, rejected and compiled again at each cold start. The same
source gives the same bytes, so an unchanged function is not deployed again.

https://docs.aws.amazon.com/lambda/latest/dg/python-package.html
"""

import fcntl
import gzip
import hashlib
import json
import os
import platform as machine
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local import PROJECT, roots

PYTHON = (3, 13)
"""The template's Runtime. Bytecode of any other minor version would be ignored, silently."""
CODE = ("functions", "shared")
PAGE = Path("functions", "connect", "page.py")
"""The module with `TEMPLATES`, Jinja's environment."""
_TEMPLATE_COMPILER = """
from pathlib import Path
from jinja2 import ModuleLoader
from functions.connect.page import TEMPLATES
for template in Path().glob("*.html"):
    source = template.read_text("utf-8")
    code = TEMPLATES.compile(source, template.name, template.name, raw=True, defer_init=True)
    Path(ModuleLoader.get_module_filename(template.name)).write_text(code, "utf-8")
"""
AWS_CALLS = {
    "dynamodb": ("GetItem", "PutItem", "Query", "TransactWriteItems", "UpdateItem"),
    "events": ("PutEvents",),
    "sesv2": ("SendEmail",),
    "sqs": ("GetQueueAttributes", "SendMessage"),
    "ssm": ("GetParameter",),
}
"""What the functions call, and all that botocore knows in the artifact; a test compares them."""
EPOCH = 315532800
"""1980-01-01, the earliest time an archive can hold; every file has it."""

_JUNK = (
    ".lock",
    "bin",  # console scripts name the interpreter that installed them
    "*/tests",
    "*.dist-info/RECORD",  # lists the files before they were trimmed
    "*.dist-info/INSTALLER",
    "*.dist-info/REQUESTED",
    "*.dist-info/direct_url.json",
    "*.dist-info/uv_*.json",
)


def build(target: Path, *, platform: str | None = None, root: Path = PROJECT) -> None:
    """Make the artifact in `target`, replacing what is there.

    Args:
        target: The folder; made if missing.
        platform: As `uv pip install --python-platform` takes it; None is this machine's own.
        root: The project with `locks/runtime.txt`, `functions/` and `shared/`.

    Raises:
        RuntimeError: This is not the Python that the functions run on.
        subprocess.CalledProcessError: uv or the compiler failed; their words are on stderr.
    """
    with _locked(root):
        _build(target, platform, root)


def artifact(root: Path = PROJECT) -> Path:
    """The artifact for this machine, `build/artifact`, made again if its sources have changed.

    Raises:
        RuntimeError: As `build`.
        subprocess.CalledProcessError: As `build`.
    """
    target, stamp = root / "build" / "artifact", root / "build" / "artifact.stamp"
    # Locked before the look: of two processes that find it stale, the second finds it made.
    with _locked(root):
        wanted = (_lock_digest(None, root), _digest(root, *_sources(root)))
        found = tuple(stamp.read_text(encoding="ascii").split()) if stamp.exists() else ()
        if target.is_dir() and found == wanted:
            return target
        if not target.is_dir() or found[:1] != wanted[:1]:
            _build(target, None, root)
        else:
            for name in CODE:
                _remove(target / name)
            _copy(_code(root), target)
            _date(target)
        stamp.write_text(" ".join(wanted), encoding="ascii")
    return target


def dependencies(root: Path = PROJECT) -> None:
    """Make those of this machine ahead, without a word: they are most of a first build.

    Raises:
        subprocess.CalledProcessError: As `build`.
    """
    with _locked(root):
        _dependencies(None, root, is_told=False)


def _build(target: Path, platform: str | None, root: Path) -> None:
    if sys.version_info[:2] != PYTHON:
        message = f"bytecode for Python {PYTHON} cannot be compiled by {sys.version_info[:2]}"
        raise RuntimeError(message)
    dependencies = _dependencies(platform, root)
    target.mkdir(parents=True, exist_ok=True)
    for old in target.iterdir():
        _remove(old)
    _copy(dependencies, target)
    _copy(_code(root), target)
    _date(target)


def _dependencies(platform: str | None, root: Path, *, is_told: bool = True) -> Path:
    """Installed, trimmed and compiled dependencies, kept between builds."""
    kept = root / "build" / "dependencies" / (platform or "here")
    stamp, wanted = kept.with_name(f"{kept.name}.stamp"), _lock_digest(platform, root)
    if kept.is_dir() and stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return kept
    started = time.monotonic()
    if is_told:
        whose = platform or "this machine"
        print(f"building the dependencies for {whose} ...", file=sys.stderr, flush=True)
    from uv import find_uv_bin  # noqa: PLC0415  # only here, and not in every environment

    cross = ("--python-platform", platform, "--python-version", "3.13", "--only-binary", ":all:")
    fresh = Path(tempfile.mkdtemp(dir=_made(kept.parent), prefix=f".{kept.name}-"))
    subprocess.run(
        [find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        # A hard link would share its date with uv's cache.
        + ["--link-mode", "copy", "--python", sys.executable, "--target", str(fresh)]
        + [option for option in cross if platform and option]
        + ["-r", str(root / "locks" / "runtime.txt")],
        check=True,
    )
    _trim(fresh)
    bundle = fresh / "certifi" / "cacert.pem"
    # Nothing that a test builds has it; that the artifact has these files is a test of its own.
    if bundle.exists():
        roots.lay(bundle, fresh)
    _compile(fresh)
    _remove(kept)
    fresh.chmod(0o755)
    fresh.rename(kept)
    stamp.write_text(wanted, encoding="ascii")
    if is_told:
        print(f"built in {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)
    return kept


def _trim(folder: Path) -> None:
    for pattern in _JUNK:
        for path in list(folder.glob(pattern)):
            _remove(path)
    data = folder / "botocore" / "data"
    if data.is_dir():
        for path in data.iterdir():
            if path.is_dir() and path.name not in AWS_CALLS:
                _remove(path)
            elif path.is_dir():
                # A client is of the newest version.
                for old in sorted(path.iterdir())[:-1]:
                    _remove(old)
        _trim_models(data)


def _trim_models(data: Path) -> None:
    """Leave of botocore's data what the calls need.

    A client reads the whole model of its service and the endpoints of every service there is, and
    makes a method of each operation: a fifth of the instructions of a cold start.
    """
    for packed in data.glob("*/*/service-2.json.gz"):
        model = json.loads(gzip.decompress(packed.read_bytes()))
        calls = AWS_CALLS[packed.parts[-3]]
        model["operations"] = {name: model["operations"][name] for name in calls}
        shapes = _shapes(model["operations"], model["shapes"])
        model["shapes"] = {name: model["shapes"][name] for name in sorted(shapes)}
        packed.with_suffix("").write_text(_compact(_undocumented(model)), encoding="utf-8")
        packed.unlink()
    file = data / "endpoints.json"
    endpoints = json.loads(file.read_text(encoding="utf-8"))
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in AWS_CALLS if name in services}
    file.write_text(_compact(endpoints), encoding="utf-8")


def _shapes(node: Any, shapes: Mapping[str, Any]) -> set[str]:
    """The names of all shapes that a part of a model refers to, in any depth."""
    found: set[str] = set()
    pending = [node]
    while pending:
        match pending.pop():
            case list(items):
                pending += items
            case dict(fields):
                pending += fields.values()
                name = fields.get("shape")
                # A member may have this name, too; its value is no name then.
                if isinstance(name, str) and name not in found:
                    found.add(name)
                    pending.append(shapes[name])
    return found


def _undocumented(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            name: _undocumented(value)
            for name, value in node.items()
            if name != "documentation" or not isinstance(value, str)
        }
    if isinstance(node, list):
        return [_undocumented(item) for item in node]
    return node


def _compact(values: Any) -> str:
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False)


def _code(root: Path) -> Path:
    """Our own code, compiled; kept until it changes, as `sam build` builds each function anew."""
    sources = _sources(root)
    kept, stamp = root / "build" / "code", root / "build" / "code.stamp"
    wanted = _digest(root, Path(__file__), *sources, salt=sys.version)
    if kept.is_dir() and stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return kept
    fresh = Path(tempfile.mkdtemp(dir=_made(root / "build"), prefix=".code-"))
    for source in sources:
        copy = fresh / source.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    if (fresh / PAGE).is_file():
        _compile_page(fresh)
    _compile(fresh)
    _remove(kept)
    fresh.rename(kept)
    stamp.write_text(wanted, encoding="ascii")
    return kept


def _compile_page(folder: Path) -> None:
    """Make Python of the template, which a cold start would have to parse and compile."""
    subprocess.run(
        [sys.executable, "-P", "-B", "-c", _TEMPLATE_COMPILER],
        cwd=folder / PAGE.parent,
        env={"PYTHONHASHSEED": "0", "PYTHONPATH": str(folder)},
        check=True,
    )


def _compile(folder: Path) -> None:
    """Compile everything in `folder`, for a life in /var/task.

    Always a process of its own, one worker and a fixed hash seed: what else a process has compiled
    and the order of its sets would show in the bytes.
    """
    compiler = (sys.executable, "-S", "-P", "-m", "compileall", "-q")
    paths = ("-s", str(folder), "-p", "/var/task", str(folder))
    subprocess.run(
        [*compiler, "--invalidation-mode", "unchecked-hash", *paths],
        env={"PYTHONHASHSEED": "0"},
        check=True,
    )


def _date(folder: Path) -> None:
    """Give everything in `folder` the same date and plain permissions."""
    for parent, _, files in os.walk(folder):
        for path in (parent, *(os.path.join(parent, name) for name in files)):  # noqa: PTH118  # thousands of them: half the time of Path
            os.utime(path, (EPOCH, EPOCH))
            os.chmod(path, 0o755 if path == parent else 0o644)  # noqa: PTH101  # the same


def _sources(root: Path) -> list[Path]:
    return sorted(
        path
        for name in CODE
        for path in (root / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )


def _lock_digest(platform: str | None, root: Path) -> str:
    """Whatever dependencies depend on."""
    here = f"{sys.version} {machine.platform()}" if platform is None else sys.version
    makers = Path(__file__), Path(roots.__file__)
    return _digest(root, root / "locks" / "runtime.txt", *makers, salt=here)


def _digest(root: Path, *files: Path, salt: str = "") -> str:
    digest = hashlib.sha256(salt.encode())
    for file in files:
        name = file.relative_to(root) if file.is_relative_to(root) else file.name
        digest.update(f"\n{name}\n".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, dirs_exist_ok=True, copy_function=shutil.copyfile)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    """One build of a project at a time, also between processes."""
    with (_made(root / "build") / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    dependencies()
