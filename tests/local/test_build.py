"""The artifact."""

import importlib.util
import marshal
import os
import re
import shutil
from pathlib import Path
from types import CodeType

import pytest

from local import PROJECT
from local.build import AWS_CALLS, EPOCH, artifact, build, dependencies


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project that depends on one small package, as it stands in the real lock."""
    locked = (PROJECT / "locks" / "runtime.txt").read_text()
    six = re.search(r"^six==(.*\\\n)+.*$", locked, re.MULTILINE)
    assert six
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "runtime.txt").write_text(six[0])
    for name in ("functions", "shared"):
        (tmp_path / name / "__pycache__").mkdir(parents=True)
        (tmp_path / name / "__pycache__" / "old.cpython-313.pyc").write_bytes(b"old")
        (tmp_path / name / "app.py").write_text('KINDS = {"payment", "refund"}\ndef f(): 1 / 0\n')
    return tmp_path


def contents(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), int(stat.st_mtime), stat.st_mode)
        for path in folder.rglob("*")
        if path.is_file() and (stat := path.stat())
    }


def test_same_source_same_bytes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(root / "one", root=root)
    shutil.rmtree(root / "build")
    os.utime(root / "shared" / "app.py")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    build(root / "two", root=root)

    one = contents(root / "one")
    assert one == contents(root / "two")
    assert {mtime for _, mtime, _ in one.values()} == {EPOCH}
    assert {name for name in one if "__pycache__" not in name and "dist-info" not in name} == {
        "six.py",
        "functions/app.py",
        "shared/app.py",
    }
    assert not any(name.endswith(("RECORD", "INSTALLER", "old.cpython-313.pyc")) for name in one)


def test_bytecode_is_what_lambda_runs(root: Path) -> None:
    build(root / "one", root=root)
    for source in ("six.py", "functions/app.py", "shared/app.py"):
        path = root / "one" / source
        data = (path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc").read_bytes()
        assert data[:4] == importlib.util.MAGIC_NUMBER
        assert data[4:8] == b"\x01\0\0\0"  # by hash, never compared with the source
        assert data[8:16] == importlib.util.source_hash(path.read_bytes())
        code = marshal.loads(data[16:])  # noqa: S302  # just compiled
        assert isinstance(code, CodeType)
        assert code.co_filename == f"/var/task/{source}"


def test_dependencies_that_are_made_ahead_are_not_made_again(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dependencies(root)
    ahead = (root / "build" / "dependencies" / "here").stat().st_ino
    artifact(root)
    assert (root / "build" / "dependencies" / "here").stat().st_ino == ahead
    assert capfd.readouterr().err == ""


def test_only_what_changed_is_built_again(root: Path) -> None:
    target = artifact(root)
    before = target.stat().st_ino, (target / "six.py").stat().st_ino
    (root / "shared" / "app.py").write_text("KINDS = ()\n")
    (root / "functions" / "app.py").unlink()
    artifact(root)
    assert (target / "shared" / "app.py").read_text() == "KINDS = ()\n"
    assert not (target / "functions" / "app.py").exists()
    assert (target.stat().st_ino, (target / "six.py").stat().st_ino) == before

    stamp = (target / "shared").stat().st_ino
    artifact(root)
    assert (target / "shared").stat().st_ino == stamp


def test_the_real_artifact_is_compiled_and_trimmed() -> None:
    target = artifact()
    models = target / "botocore" / "data"
    assert {path.name for path in models.iterdir() if path.is_dir()} == set(AWS_CALLS)
    assert not (target / "bin").exists()
    sources = list(target.rglob("*.py"))
    assert len(sources) > 500
    missing = [
        path
        for path in sources
        if not (path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc").exists()
    ]
    assert missing == []
