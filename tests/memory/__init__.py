"""AWS in memory: what tables, queues, parameters, buses and the post answer in microseconds.

For tests that make millions of calls; `tests/local/stack/test_memory*.py` compare its answers with
an emulator's. What it does not know raises NotImplementedError: it never guesses.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.memory.bus import Buses
from tests.memory.calls import Calls, Client, refusal
from tests.memory.letters import Letters
from tests.memory.parameters import Parameters
from tests.memory.queues import Queues
from tests.memory.tables import Tables

__all__ = ["Memory", "refusal"]


class Memory(Calls):
    """One empty world; takes the place of a boto3 session.

    `local.stack.emulator.create_table` and `create_queues` fill it as they fill the emulator.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self._clients: dict[str, Client] = {
            "dynamodb": Tables(self),
            "events": Buses(self),
            "sesv2": Letters(self),
            "sqs": Queues(self),
            "ssm": Parameters(self),
        }

    def client(self, service: str, *, config: object = None) -> Any:  # noqa: ARG002 - as boto3
        """The client of a service, for which nothing in botocore's Config is of concern."""
        return self._clients[service]
