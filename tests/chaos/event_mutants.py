"""What is told with one of its rules broken: worlds that do not notice would prove nothing."""

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from shared import doors
from shared.events import event
from shared.events.bus import Bus
from shared.events.event import Event
from tests.chaos import events_out, lives, runs

type Mutant = Callable[[], Any]

_of_entry, _of_connection, _put = event.of_entry, event.of_connection, Bus.put


def an_id_of_chance() -> Any:
    """As libraries make ids: each time another."""
    return patch.object(event, "_id", lambda *_: secrets.token_hex(16))


def an_id_without_the_time() -> Any:
    """Whatever becomes of a location is the same as before."""

    def of_connection(*row: Any) -> Event | None:
        found = _of_connection(*row)
        return replace(found, id=f"{found.kind} {row[1]['location_id']}") if found else None

    return patch.object(event, "of_connection", of_connection)


def every_write_is_a_fact() -> Any:
    """The row as it was is not looked at."""
    return patch.object(event, "of_connection", lambda _, row, at: _of_connection({}, row, at))


def a_filter_that_drops() -> Any:
    """What a person has to decide does not pass."""
    patterns = ({"dynamodb": {"NewImage": {"state": {"S": ["SENT", "REJECTED"]}}}},)
    streams = [
        replace(it, patterns=patterns) if it.table == "PaymentsTable" else it
        for it in events_out.STREAMS
    ]
    return patch.object(events_out, "STREAMS", streams)


def failures_are_swallowed() -> Any:
    """Whatever happens, Lambda is told that all went well."""

    def stream(told: Any, take: Callable[[Any], int]) -> Any:
        take(told["Records"])
        return {"batchItemFailures": []}

    return patch.object(doors, "stream", stream)


def an_answer_in_part_is_all() -> Any:
    """The bus took some of the entries, and that is taken for all."""

    def put(bus: Bus, told: Sequence[Event]) -> list[str]:
        why = _put(bus, told)
        return why if all(why) else [""] * len(why)

    return patch.object(Bus, "put", put)


def acknowledged_before_it_is_told() -> Any:
    """The shard goes on when the function begins."""
    return patch.object(events_out, "ACKNOWLEDGED_FIRST", [True])


MUTANTS: tuple[Mutant, ...] = (
    an_id_of_chance,
    an_id_without_the_time,
    every_write_is_a_fact,
    a_filter_that_drops,
    failures_are_swallowed,
    an_answer_in_part_is_all,
    acknowledged_before_it_is_told,
)


def first_wrong(seeds: Iterable[int], broken: Mutant) -> runs.Run | None:
    """The first world that notices it, be it the money's or a life; None if none does."""
    told = (one(seed, broken=broken) for seed in seeds for one in (runs.run, lives.run))
    return next((it for it in told if it.wrong), None)
