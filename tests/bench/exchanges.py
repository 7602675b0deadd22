"""What the simulated platform is asked, counted and timed."""

import time
from typing import Any

from local.simulator.server import Exchange


class Exchanges:
    """Takes the place of a simulator's exchange; set before the simulator starts.

    Attributes:
        calls: how many have begun.
        ms: what each that has ended took.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.calls = 0
        self.ms: list[float] = []

    def __call__(self, *arguments: Any) -> None:
        """As the exchange."""
        self.calls += 1
        began = time.perf_counter()
        self._exchange(*arguments)
        self.ms.append(1000 * (time.perf_counter() - began))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exchange, name)
