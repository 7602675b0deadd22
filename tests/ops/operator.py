"""Somebody who operates the stack under test."""

import json
from functools import cache
from typing import Any

import boto3
import pytest

from ops import site
from ops.__main__ import main
from tests.deployment import Deployment, secrets_in


class Operator:
    """Somebody at a terminal."""

    def __init__(self, deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
        self._deployment = deployment
        self._capsys = capsys
        self.code = 0

    def __call__(self, *words: str) -> str:
        """Types a command; returns all that is shown, which is never a secret nor too wide."""
        self._capsys.readouterr()
        self.code = main(words)
        told = self._capsys.readouterr()
        text = told.out + told.err
        assert secrets_in(text, self._deployment.simulator) == []
        if "--json" not in words:
            assert max(map(len, text.splitlines()), default=0) <= 100
        return text

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json"))


def stack_of(deployment: Deployment) -> site.Stack:
    session = boto3.Session()

    @cache
    def client(service: str) -> Any:
        # The name is a variable, and the overloads of the stubs want a literal.
        return session.client(service)  # type: ignore[call-overload]

    return site.Stack(
        name="test stack",
        payments=deployment.environments["payments"],
        reconcile=deployment.environments["reconcile"],
        calls=deployment.environments["calls"],
        connect=deployment.environments["connect"],
        outputs={},
        client=client,
    )
