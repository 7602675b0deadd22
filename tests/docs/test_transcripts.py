"""Each transcript of an operator's command is what the command prints, today, in such a state.

Times, ages, and ids that are made anew each time may differ, and so may the places where lines
break. Everything else has to stand in the page as the command prints it.
"""

import io
import re
import shlex
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from ops import site
from ops.__main__ import main
from shared import clock
from shared.aws import letter_box
from tests.deployment import Clock, Deployment
from tests.docs import pages
from tests.docs.scenes import SCENES, Scene
from tests.ops.operator import stack_of

OPERATOR = f"{pages.PYTHON} -m ops "
TRANSCRIPTS = [
    pytest.param(command.removeprefix(OPERATOR), printed, id=f"{name}: {command}")
    for name in pages.names()
    for command, printed in pages.transcripts(name)
    if command.startswith(OPERATOR)
]
ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b\d{6}\b")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\dZ")
LETTER = re.compile(r"^  [0-9a-f]{8}  ", re.MULTILINE)
MASKS = (
    (r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ?", "TIME"),
    (r"\babout \d\d:\d\dZ", "TIME"),
    (r"\b\d+ (?:s|min|h|d)\b", "AGE"),
    (ID.pattern, "ID"),
    (r"\bletters [0-9a-f]{8}\b", "letters ID"),
)


def masked(text: str) -> list[str]:
    """What is printed, wherever a line breaks, without what differs from one run to the next.

    That is also the order of what happened within a few seconds, so dated rows come sorted; their
    order is for the tests of `location`.
    """
    others, *rows = re.split(r"^(?=  \d{4}-)", text, flags=re.MULTILINE)
    if rows:
        rows[-1], _, end = rows[-1].partition("\n\n")
        others += end
    return [_words(others), *sorted(map(_words, rows))]


def _words(text: str) -> str:
    text = " ".join(LETTER.sub("  ID  ", text).split())
    for pattern, word in MASKS:
        text = re.sub(pattern, word, text)
    return text


def scene_of(command: str) -> Scene:
    words = command.split()
    found = SCENES.get(" ".join(words[:2])) or SCENES.get(words[0])
    assert found is not None, f"{command}: a transcript needs its scene in tests/docs/scenes.py"
    return found


@pytest.fixture
def scene(command: str) -> Scene:
    return scene_of(command)


@pytest.fixture
def stack(
    scene: Scene, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Deployment:
    """The local stack of an operator called anna; while a command waits, reconcile runs."""
    # What is in memory is faster, but knows no dead letters.
    stack: Deployment = request.getfixturevalue("on_moto" if scene.letters else "deployment")

    def ticks(time: Clock) -> datetime:
        # So that what comes first is first in a list, too.
        time.advance(microseconds=100)
        return time.at

    def sleep(seconds: float) -> None:
        # Elsewhere, the functions say what they count.
        with redirect_stdout(io.StringIO()):
            stack.let_time_pass(bool(seconds))

    monkeypatch.setattr(Clock, "__call__", ticks)
    monkeypatch.setenv("LOGNAME", "anna")
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "CRITICAL")
    monkeypatch.setattr(clock, "sleep", sleep)
    monkeypatch.setattr(letter_box, "_WAIT_S", 0)
    monkeypatch.setattr(site, "find", lambda _options: replace(stack_of(stack), name="local stack"))
    for environment in stack.environments.values():
        environment |= {name: it for name, it in scene.settings.items() if name in environment}
    stack.restart()
    stack.reconcile()
    return stack


@pytest.fixture
def typed(stack: Deployment, scene: Scene, command: str, tmp_path: Path) -> list[str]:
    """The words of the command, once the scene has happened, with its ids and its file."""
    names = dict(scene.happens(stack))
    if before := names.get("before"):
        main(shlex.split(before))
    words = shlex.split(command.partition(" | ")[0])
    for name in names.keys() & {*words}:
        (tmp_path / name).write_text(names[name])
        words[words.index(name)] = str(tmp_path / name)
    for name, form in (("id", ID), ("since", TIME)):
        if name in names:
            words = [names[name] if form.fullmatch(word) else word for word in words]
    return words


@pytest.mark.usefixtures("logged")
@pytest.mark.parametrize(("command", "printed"), TRANSCRIPTS)
def test_a_transcript_is_what_the_command_prints(
    typed: list[str], command: str, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    main(typed)
    lines = capsys.readouterr().out.splitlines()
    _, _, head = command.partition(" | head -")
    told = "\n".join(lines[: int(head)] if head else lines)
    assert max(map(len, printed.splitlines())) <= 100
    assert masked(printed) == masked(told), told


def test_there_are_transcripts_and_no_scene_is_left_over() -> None:
    lines = [str(transcript.values[0]) for transcript in TRANSCRIPTS]
    assert len(lines) >= 10
    used = [scene_of(line) for line in lines]
    assert [name for name, scene in SCENES.items() if scene not in used] == []
