"""Somebody who operates the stack under test."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import boto3
import pytest

from ops import site
from ops.__main__ import main
from ops.trouble import Grade
from ops.watch import MINUTE, Alarm, CloudWatch, Counted
from tests.deployment import Deployment, secrets_in


class Watching(CloudWatch):
    """What the functions have counted, and what rings, as a test says."""

    def __init__(self) -> None:
        super().__init__(None, "test", {})
        self.rings: list[Alarm] = []
        self.counts: dict[str, int] = {}
        self.ages: dict[str, timedelta] = {}
        self.ran = True
        self.dones: dict[str, datetime] = {}
        self.at: dict[str, tuple[datetime, datetime]] = {}

    def alarms(self, _now: datetime) -> list[Alarm]:
        return self.rings

    def counted(
        self, names: Sequence[str], now: datetime, since: datetime | None = None
    ) -> Mapping[str, Counted]:
        counts = {**self.counts, **({"ReconcileRun": 60} if self.ran else {})}
        asked = {*names, *(it for it in counts if " " in it)}
        counted = {}
        for name in asked & counts.keys():
            at = [it for it in self.at.get(name, (now, now)) if it > (since or it) - MINUTE]
            if at:
                counted[name] = Counted(counts[name], min(at), max(at))
        return counted

    def waits(self, queue_url: str, _now: datetime) -> tuple[timedelta | None, datetime | None]:
        return self.ages.get(queue_url), self.dones.get(queue_url)

    def untold(self, _now: datetime) -> timedelta | None:
        return self.ages.get("events")

    def log(self, function: str, word: str = "ERROR") -> str:
        return f"less {function}.log" if function else f"grep {word} *.log"


class Operator:
    """Somebody at a terminal."""

    def __init__(self, deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
        self._deployment = deployment
        self._capsys = capsys
        self.code = 0
        self.watch = Watching()

    def __call__(self, *words: str) -> str:
        """Types a command; returns all that is shown, which is never a secret nor too wide."""
        self._capsys.readouterr()
        self.code = main(words)
        told = self._capsys.readouterr()
        text = told.out + told.err
        assert secrets_in(text, self._deployment.simulator) == []
        if "--json" not in words:
            # A terminal obeys these; what is typed may well have others that nobody sees.
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
            # What is quoted for a shell is one word, however long.
            lines = re.sub(r"'\{.*\}'$", "", text, flags=re.MULTILINE).splitlines()
            assert max(map(len, lines), default=0) <= 100
            is_told_as_it_is_typed(text)
        return text

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json"))


def is_told_as_it_is_typed(text: str) -> None:
    """What is printed to type shows first, and says what is to be written into it."""
    for typed in re.split(r"^    type: ", text.replace("\\\n", ""), flags=re.MULTILINE)[1:]:
        command, *below = typed.splitlines()
        # What a census would repair, it has shown.
        assert " --do" not in command or " census --do" in command
        notes = [it.strip().removeprefix("# ") for it in below if it.startswith("          # ")]
        plain = re.sub(r"'[^']*'|\"[^\"]*\"|(--state|grep|--filter) \S+", "", command)
        for word in re.findall(r"(?:(?<=[ =])|(?<=//))[A-Z]{3,}(?=[ )]|$)", plain):
            assert any(it.startswith(f"{word}: ") for it in notes), typed
        if re.search(r"\baws .* (put|set|update)-", command):
            assert "It does so at once, without a dry run." in notes, typed


def stack_of(deployment: Deployment, watch: CloudWatch | None = None) -> site.Stack:
    session = boto3.Session()

    @cache
    def client(service: str) -> Any:
        # The name is a variable, and the overloads of the stubs want a literal.
        return session.client(service)  # type: ignore[call-overload]

    return site.Stack(
        name="test stack",
        environments={
            f"{name.capitalize()}Function": it for name, it in deployment.environments.items()
        },
        outputs={"EventsDeadLettersUrl": deployment.queues["EventsDeadLetters"]},
        client=client,
        watch=watch or Watching(),
        aws="aws --region us-east-1",
    )


def told(operator: Operator, *words: str) -> list[str]:
    """What is wrong, and what to type for it; as a person reads it, too."""
    command = words or ("status",)
    shown = " ".join(operator(*command).replace("\\\n", "").split())
    plain = operator.json(*command)
    own = [Grade[it["grade"].upper()] for it in plain["troubles"] if not it["until"]]
    grade = Grade[plain["grade"].upper()] if "grade" in plain else max(own, default=Grade.FINE)
    assert operator.code == grade
    found = [
        f"{it['grade']} {it['whom']}: {it['what']} > {it['command']}" for it in plain["troubles"]
    ]
    for it in plain["troubles"]:
        assert it["command"] in shown
    return found


def type_what_it_says(operator: Operator, line: str) -> str:
    """The command of a line, as it is."""
    return operator(*line.partition(" > ")[2].split())


def facts(operator: Operator) -> dict[str, str]:
    found: dict[str, str] = operator.json("status")["facts"]
    return found
