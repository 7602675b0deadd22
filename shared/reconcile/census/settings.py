"""The settings of the census."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CensusPolicy:
    """Of the census: seconds between two, 0 for none; what it may use and change at the most."""

    census_every_s: float
    census_share: float = 0.3
    """Part of the pace that it may use."""
    census_fuse_percent: float = 2.0
    """Of the locations, what it may change by itself (five at any rate)."""
