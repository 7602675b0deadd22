"""The settings of the function, and what it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.aws.dead_letters import DeadLetters
from shared.aws.session import Aws
from shared.events.bus import Bus
from shared.events.change import Changes
from shared.events.tell import TellEvents
from shared.settings import read


@dataclass(frozen=True, slots=True)
class Settings:
    """Of the events function, which calls no platform."""

    application_id: int
    connections_table: str
    payments_table: str
    calls_table: str
    event_bus: str
    events_dead_letters_url: str


def build(environ: Mapping[str, str]) -> TellEvents:
    """The use case of the events function."""
    settings = read(Settings, environ)
    aws = Aws()
    return TellEvents(
        changes=Changes(settings.connections_table, settings.payments_table, settings.calls_table),
        bus=Bus(aws.events, settings.event_bus, settings.application_id),
        dead_letters=DeadLetters(aws.sqs, settings.events_dead_letters_url),
    )
