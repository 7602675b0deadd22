"""Runs schedules, each told by its seed alone, on as many processes as there are processors."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.chaos import events_out
from tests.chaos.judge import judge
from tests.chaos.schedule import SETTINGS, Schedule, settle
from tests.chaos.world import World

MOVES = 40


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one schedule: how many rows ended how, or what is wrong."""

    seed: int
    states: Counter[str]
    wrong: str = ""


def run(
    seed: int,
    *,
    dynamodb: Any = None,
    broken: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Run:
    """One schedule.

    Args:
        seed: tells all of it.
        dynamodb: where the tables are; None is in memory.
        broken: breaks a rule of the protocol while the schedule runs.
    """
    # The application itself draws waits from the common source.
    random.seed(seed)
    # Outside: a rule that cannot be broken is not one that was noticed.
    with broken():
        try:
            with World(settings=SETTINGS, dynamodb=dynamodb, seed=seed) as world:
                Schedule(world, random.Random(seed)).play(MOVES)  # noqa: S311 - must be repeatable
                settle(world)
                states = judge(world)
                if dynamodb is None:
                    events_out.judge(world, random.Random(seed))  # noqa: S311 - the same
                return Run(seed, states)
        except Exception as error:  # noqa: BLE001 - whatever it is, this schedule shows it
            return Run(seed, Counter(), f"{type(error).__name__}: {error}")


def run_all(seeds: Iterable[int], processes: int, one: Callable[[int], Run]) -> Iterator[Run]:
    """Many in memory, in any order."""
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(one, seeds, chunksize=20)


def first_wrong(seeds: Iterable[int], broken: Callable[[], Any]) -> Run | None:
    """The first schedule that notices that a rule is broken; None if none does."""
    runs = map(partial(run, broken=broken), seeds)
    return next((it for it in runs if it.wrong), None)
