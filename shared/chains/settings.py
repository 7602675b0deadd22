"""The settings of chains."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChainsSettings:
    """Where chains are, and the host of the telephony calls."""

    chains_table: str
    calls_queue_url: str
    platform_api_url: str
