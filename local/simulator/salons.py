"""The salons of the simulated platform, and whom they know by which number."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LOCATIONS: Final[Mapping[int, str]] = {
    4564: "Studio Nord",
    4232: "Studio Süd",
    4777: "Ателье «Zoë»",
    4801: "Barber & Sons",
}

#: On whose clock they open, where it is not that of the times on the wire.
ZONES: Final[Mapping[int, str]] = {4801: "America/New_York"}


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody whom the salons know."""

    id: int
    name: str


#: Numbers that nobody has: https://www.nanpa.com/numbering/555-line-numbers
CLIENTS: Final[Mapping[str, Client]] = {
    "13155550175": Client(81001, "Maria Lopez"),
    "13155550177": Client(81002, "John Smith"),
}


def title(location_id: int) -> str:
    """The name of a location; any number is a location."""
    return LOCATIONS.get(location_id, f"Location {location_id}")


def client(phone: str) -> Client | None:
    """Whose number it is, however it is written; None if the salons do not know it."""
    return CLIENTS.get("".join(char for char in phone if char in "0123456789"))
