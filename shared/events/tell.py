"""Tells what was written: of each record of a stream the event that it makes, if it makes one.

A stream brings its records again, from the first that we do not say we are done with. So an event
is told at least once, and by its id exactly once. What nobody can tell, now or later, becomes a
dead letter, and does not keep what comes after it waiting.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from shared.aws.dead_letters import DeadLetters
from shared.events.bus import MOST_EVENTS, Bus, is_hopeless
from shared.events.change import Changes, Unreadable
from shared.events.event import Event
from shared.telemetry import logger

type Record = Mapping[str, Any]


class TellEvents:
    """The use case of the events function."""

    def __init__(self, *, changes: Changes, bus: Bus, dead_letters: DeadLetters) -> None:
        self._changes = changes
        self._bus = bus
        self._dead_letters = dead_letters

    def take(self, records: Sequence[Record]) -> int:
        """How many records are done, from the first on; the others are to come again."""
        waiting: list[tuple[int, Event]] = []
        for place, record in enumerate(records):
            try:
                event = self._changes.event(record)
            except Unreadable as error:
                self._spoiled(record, f"unreadable: {error}")
                continue
            if event is not None:
                waiting.append((place, event))
        for first in range(0, len(waiting), MOST_EVENTS):
            some = waiting[first : first + MOST_EVENTS]
            for (place, event), why in zip(
                some, self._bus.put([it for _, it in some]), strict=True
            ):
                if is_hopeless(why):
                    self._spoiled(records[place], f"{event.kind}: {why}")
                elif why:
                    told = {**event.names, "kind": event.kind, "why": why}
                    logger.error("event not taken", extra=told)
                    return place
                else:
                    logger.info("told", extra={**event.names, "kind": event.kind, "id": event.id})
        return len(records)

    def _spoiled(self, record: Record, why: str) -> None:
        """Keeps where it was written, without what: the rows have that, if they are ours."""
        keys = record.get("dynamodb", {}).get("Keys")
        place = {"stream": record.get("eventSourceARN"), "keys": keys}
        self._dead_letters.put(json.dumps(place), why, record.get("eventID", ""))
        logger.error("change not told", extra={"why": why, **place})
