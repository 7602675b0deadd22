"""Answers: of a person, who is asked again, and of a file, which is not."""

import getpass
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local import PROJECT
from ops.deploy import answers, parameters
from ops.deploy.answers import File, Refused, Terminal

TOKEN = "partner-token-0123456789"


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def prepare(*lines: str) -> None:
        left: Iterator[str] = iter(lines)
        monkeypatch.setattr("builtins.input", lambda _prompt: next(left))
        monkeypatch.setattr(getpass, "getpass", lambda _prompt: next(left))

    return prepare


def wrong(value: str) -> str:
    return "" if value in ("", "right") else "Name must be right."


def test_a_person_is_asked_until_it_is_right(
    types: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    types("wrong", " right ")
    assert Terminal().value("Name", "The name of it", "", wrong) == "right"
    assert "Name must be right. A single - leaves it empty." in capsys.readouterr().out


@pytest.mark.parametrize(("typed", "value"), [("", "right"), ("-", "")])
def test_enter_keeps_what_was_and_a_dash_takes_it_back(
    types: Callable[..., None], typed: str, value: str
) -> None:
    types(typed)
    assert Terminal().value("Name", "The name of it", "right", wrong) == value


@pytest.mark.parametrize(
    ("is_stored", "is_needed", "typed", "given"),
    [
        (True, True, [""], None),
        (False, False, [""], None),
        (False, True, ["", "short", TOKEN], TOKEN),
        (True, True, [TOKEN], TOKEN),
    ],
)
def test_a_token_is_typed_unseen(
    types: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    *,
    is_stored: bool,
    is_needed: bool,
    typed: list[str],
    given: str | None,
) -> None:
    types(*typed)
    assert Terminal().secret("user_token", is_stored=is_stored, is_needed=is_needed) == given
    assert TOKEN not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "agrees"), [("", False), ("n", False), ("no", False), ("y", True), ("Yes", True)]
)
def test_enter_is_no(types: Callable[..., None], typed: str, *, agrees: bool) -> None:
    types(typed)
    assert Terminal().agrees("execute", "Execute it?") is agrees


def test_what_is_neither_yes_nor_no_is_asked_again(
    types: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    types("sure", "y")
    assert Terminal().agrees("execute", "Execute it?")
    assert "Type y for yes, or n for no" in capsys.readouterr().out


def test_what_was_typed_before_the_question_agrees_to_nothing() -> None:
    """A change set that nobody has read yet, while SAM still builds."""
    here, there = pty.openpty()
    os.write(here, b"y\n")
    program = "from ops.deploy.answers import Terminal; print(Terminal().agrees('execute', 'Go?'))"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=PROJECT,
        stdin=there,
        stdout=subprocess.PIPE,
        text=True,
    ) as asking:
        os.close(there)
        assert asking.stdout is not None
        shown = ""
        while not shown.endswith("[y/N]: "):
            shown += asking.stdout.read(1) or "[y/N]: "
        os.write(here, b"\n")
        shown += asking.stdout.read()
    os.close(here)
    assert shown.endswith("False\n")


def file(tmp_path: Path, text: str) -> File:
    (tmp_path / "answers.toml").write_text(text)
    known = parameters.read(PROJECT / "template.yaml")
    return File.read(tmp_path / "answers.toml", known)


def test_a_file_says_it_or_leaves_it_as_it_is(tmp_path: Path) -> None:
    found = file(
        tmp_path, "region = 'right'\n[parameters]\nProviderName = 'wrong'\nTrialDays = 7\n"
    )
    assert found.value("region", "", "before", wrong) == "right"
    assert found.value("AlarmEmail", "", "right", wrong) == "right"
    assert found.parameters == {"ProviderName": "wrong", "TrialDays": "7"}
    with pytest.raises(Refused, match="must be right"):
        found.value("ProviderName", "", "right", wrong)


@pytest.mark.parametrize(
    ("execute", "agrees"), [("true", True), ("false", False), ('"yes"', False), ("1", False)]
)
def test_only_true_is_yes(tmp_path: Path, execute: str, *, agrees: bool) -> None:
    assert file(tmp_path, f"execute = {execute}").agrees("execute", "Execute it?") is agrees
    assert file(tmp_path, "").agrees("execute", "Execute it?") is False


def test_a_token_has_a_file_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    (tmp_path / "bad").write_text("two words of it")
    (tmp_path / "raw").write_bytes(b"\xff\xfe")
    given = file(tmp_path, f"partner_token_file = '{tmp_path / 'token'}'")
    assert given.secret("partner_token", is_stored=True, is_needed=True) == TOKEN
    none = file(tmp_path, "")
    assert none.secret("partner_token", is_stored=True, is_needed=True) is None
    assert none.secret("user_token", is_stored=False, is_needed=False) is None
    with pytest.raises(Refused, match="No partner token is stored yet"):
        none.secret("partner_token", is_stored=False, is_needed=True)
    for name, told in (
        ("bad", "at least 8"),
        ("raw", "cannot be read"),
        ("gone", "cannot be read"),
    ):
        wrong_one = file(tmp_path, f"user_token_file = '{tmp_path / name}'")
        with pytest.raises(Refused, match=told) as refused:
            wrong_one.secret("user_token", is_stored=True, is_needed=False)
        assert "two words" not in str(refused.value)
    assert capsys.readouterr().out == ""


def test_no_secret_is_an_answer_itself() -> None:
    assert {name for name in answers._OWN if "token" in name} == {
        "partner_token_file",
        "user_token_file",
    }
