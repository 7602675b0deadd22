"""All functions of a template, each in as many environments as it needs."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local import PROJECT
from local.stack.environment import CLIENT, Environment, InvokeResult, LogFile
from local.stack.wiring import Function

MOST_ENVIRONMENTS = 10
"""Environments of one function at once. AWS would start more; a laptop makes the next one wait."""


class Functions:
    """All functions of a template, ready to be invoked from any thread."""

    def __init__(
        self,
        functions: Mapping[str, Function],
        *,
        artifact: Path,
        logs: Path,
        variables: Mapping[str, str],
    ) -> None:
        """Start nothing yet.

        Args:
            functions: By logical name.
            artifact: The built folder.
            logs: Folder for one file per function.
            variables: What every environment has beside Lambda's and the template's variables:
                region, credentials, endpoint.

        Raises:
            RuntimeError: The runtime client is not installed.
        """
        if not (CLIENT / "awslambdaric").is_dir():
            message = f"{CLIENT.relative_to(PROJECT)} is missing: run `make setup` first"
            raise RuntimeError(message)
        self._functions = functions
        self._artifact = artifact
        self._variables = variables
        self._logs = {name: LogFile(logs / f"{name}.log") for name in functions}
        self._changed = threading.Condition()
        self._idle: dict[str, list[Environment]] = {name: [] for name in functions}
        self._environments: dict[str, set[Environment]] = {name: set() for name in functions}
        self._is_closed = False

    def invoke(self, name: str, event: Any) -> InvokeResult:
        """Invoke a function by its logical name and wait for the end.

        Raises:
            KeyError: There is no such function.
            RuntimeError: The stack is closed.
        """
        environment = self._borrow(name)
        try:
            return environment.invoke(json.dumps(event).encode())
        finally:
            self._give_back(name, environment)

    def environments(self, name: str) -> list[Environment]:
        """The live environments of a function, busy or idle."""
        with self._changed:
            return [one for one in self._environments[name] if one.is_alive]

    def log(self, name: str) -> str:
        """All that a function has printed until now."""
        return self._logs[name].read()

    def close(self) -> None:
        """End every environment; invocations that run fail."""
        with self._changed:
            self._is_closed = True
            environments = [one for several in self._environments.values() for one in several]
            self._changed.notify_all()
        for environment in environments:
            environment.close()
        for log in self._logs.values():
            log.close()

    def _borrow(self, name: str) -> Environment:
        idle, all_of_it = self._idle[name], self._environments[name]
        with self._changed:
            while True:
                if self._is_closed:
                    message = "the stack is closed"
                    raise RuntimeError(message)
                if idle:
                    environment = idle.pop()
                    if environment.is_alive:
                        return environment
                    all_of_it.discard(environment)
                    environment.close()
                elif len(all_of_it) < MOST_ENVIRONMENTS:
                    environment = Environment(
                        self._functions[name], self._variables, self._artifact, self._logs[name]
                    )
                    all_of_it.add(environment)
                    return environment
                else:
                    self._changed.wait()

    def _give_back(self, name: str, environment: Environment) -> None:
        with self._changed:
            if environment.is_alive:
                self._idle[name].append(environment)
            else:
                self._environments[name].discard(environment)
            self._changed.notify()
        if not environment.is_alive:
            environment.close()
