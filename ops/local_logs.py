"""What is known of the local stack: its emulator has what CloudWatch would; its logs are files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ops.watch import CloudWatch


class Logs(CloudWatch):
    """A `Watch` of the operator's; each function's log is a file of a folder."""

    def __init__(
        self, cloudwatch: Any, stack_name: str, functions: Mapping[str, str], folder: Path
    ) -> None:
        super().__init__(cloudwatch, stack_name, functions)
        self._folder = folder

    def log(self, function: str) -> str:
        """By a pager, at its end."""
        return f"less +G {self._folder / (function or '*Function')}.log"
