"""Schedules in which the ledger is restored to an earlier moment, in the midst of everything."""

import random
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from shared.payments.restored import Mark, Marks
from tests.chaos.judge import judge
from tests.chaos.runs import Run
from tests.chaos.schedule import SETTINGS, Schedule, settle
from tests.chaos.world import LOCATIONS, World
from tests.deployment import payment
from tests.snapshots import put_back, taken

_BEFORE, _LOST, _AFTER = 25, 15, 15


class Restored(Schedule):
    """As a schedule; but whoever says two things under one id may be believed the other one."""

    def bill_again(self) -> None:
        if self.world.billed:
            self.world.bill(self.chance.choice(self.world.billed).event)

    def begin(self) -> None:
        """For an hour everything is well, so that lists have something to show."""
        super().begin()
        self.world.connect(LOCATIONS[2])
        self.world.run("reconcile", {})
        for location_id in LOCATIONS:
            self.world.bill(payment(f"known-{location_id}", location_id, amount="1"))
        self.take_all()
        self.world.advance(3600)

    def take_all(self) -> None:
        """Everything on the queue is taken."""
        while (task := self.world.deliver()) is not None:
            self.world.finish(task)


def run(seed: int, broken: Callable[[], AbstractContextManager[Any]] = nullcontext) -> Run:
    """One schedule, with what an operator does after a restore.

    Args:
        seed: tells all of it.
        broken: breaks the rule while the schedule runs.
    """
    random.seed(seed)
    with broken():
        try:
            with World(settings=SETTINGS, seed=seed) as world:
                schedule = Restored(world, random.Random(seed))  # noqa: S311 - must be repeatable
                schedule.play(_BEFORE)
                _restored(schedule)
                settle(world)
                return Run(seed, judge(world))
        except Exception as error:  # noqa: BLE001 - whatever it is, this schedule shows it
            return Run(seed, Counter(), f"{type(error).__name__}: {error}")


def _restored(schedule: Restored) -> None:
    world = schedule.world
    dynamodb, environment = world.memory.client("dynamodb"), world.environments["payments"]
    since = world.clock()
    before = taken(dynamodb, environment, {"PAYMENTS_TABLE": "key"})
    schedule.more(_LOST)
    # The functions are stopped: what they are at ends, by itself or not.
    for task in list(world.tasks):
        if not task.done:
            (world.kill if schedule.chance.random() < 0.5 else world.finish)(task)
    put_back(dynamodb, before)
    if not any(row["key"] == "echo" for row in world.rows("PAYMENTS_TABLE")):
        world.echo_at = None
    marks = Marks(dynamodb, environment["PACE_TABLE"])
    mark = Mark(since, world.clock())
    marks.put(None, mark)
    world.story.append("restored")
    again = list(world.billed)
    schedule.chance.shuffle(again)
    for billed in again:
        world.bill(billed.event)
    schedule.more(_AFTER)
    for task in list(world.tasks):
        if not task.done:
            world.finish(task)
    world.advance(180)
    schedule.take_all()
    marks.put(mark, replace(mark, released_at=world.clock()))


def no_mark_is_looked_at() -> Any:
    """What is not in the ledger was never sent."""
    return patch.object(Mark, "doubts", lambda *_: False)


def lists_from_before_the_mark_count() -> Any:
    """What was sent a moment before may not be on them yet."""
    return patch.object(Mark, "looked_from", lambda mark, _rules: mark.restored_to)


MUTANTS = (no_mark_is_looked_at, lists_from_before_the_mark_count)
# From which schedule on one is looked for that few show.
FIRST = {lists_from_before_the_mark_count: 116}
