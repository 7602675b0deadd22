"""A session as botocore has it, whose clients somebody else makes."""

from collections.abc import Callable
from typing import Any


class Session:
    """Takes the place of what the functions make their clients with.

    Args:
        client: as a session of boto3 makes one.
    """

    def __init__(self, client: Callable[..., Any]) -> None:
        self._client = client

    def create_client(self, service: str, *, config: object, verify: str | None) -> Any:
        """The client of a service, which speaks to no server."""
        assert verify is None
        return self._client(service, config=config)

    def get_config_variable(self, _name: str) -> None:
        """Nothing is configured."""

    def get_partition_for_region(self, _region: str | None) -> str:
        """No partition of AWS's."""
        return "memory"
