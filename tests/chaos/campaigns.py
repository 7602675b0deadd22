"""Long stories in virtual time: days without the platform, and ten thousand payments at once."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from shared.altegio.rate_limit import Pace
from shared.altegio.settings import PacePolicy
from shared.calls.settings import CallPolicy
from shared.events.event import Kind
from shared.payments.entry import EntryState
from tests.chaos import events_out
from tests.chaos.judge import entries, judge
from tests.chaos.tasks import Task
from tests.chaos.world import LOCATIONS, World
from tests.deployment import http_event, payment

# By the template: how many workers the queue has, and how often reconcile runs.
WORKERS = {"payments": 2, "calls": 2}
RECONCILE_EVERY = timedelta(minutes=1)
LIMITS = (5, 200)
_DAY = timedelta(hours=24)
# How a platform fails, each for a third of the outage.
OUTAGES = ("unreachable", "500", "lost")

type Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a campaign has shown."""

    payments: int
    doubled: int
    dead_letters: int
    states: Counter[str]
    too_many_requests: int
    hours: float
    # Of the calls that the platform allows in the time that the payments took.
    share: float = 0.0


class Clockwork:
    """What AWS does: workers for the queue, reconcile once a minute, time in between."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._next_run = world.clock()

    def run(self, until: Callable[[], bool]) -> None:
        """Goes on until `until` holds, looked at whenever time has to pass."""
        while True:
            self._fill()
            tasks = self._world.runnable()
            if tasks:
                # The others wait for it anyway.
                self._world.step(tasks[0], alone=True)
                continue
            if until():
                return
            self._world.advance((self._next() - self._world.clock()).total_seconds())

    def _fill(self) -> None:
        for function, most in WORKERS.items():
            while self._busy(function) < most and self._world.deliver(function):
                pass
        if self._world.clock() >= self._next_run:
            self._next_run = self._world.clock() + RECONCILE_EVERY
            if not self._busy("reconcile"):
                self._world.start("reconcile", {})

    def _busy(self, name: str) -> int:
        return sum(1 for task in self._world.tasks if not task.done and task.name == name)

    def _next(self) -> datetime:
        sleeping = [
            it.wake_at for it in self._world.tasks if _sleeps(it) and it.wake_at is not None
        ]
        return min([self._next_run, *sleeping])


# From ringing to the end, of each call of a campaign.
_RINGS = timedelta(seconds=8)


def outage(payments: int, progress: Progress) -> Verdict:
    """A day in which the platform is down, and payments are billed all the while."""
    with World() as world:
        for location_id in LOCATIONS:
            world.connect(location_id)
        clockwork = Clockwork(world)
        _bill(world, 1)
        began = world.clock()
        clockwork.run(lambda: world.clock() - began > timedelta(minutes=2))
        down, day = world.clock(), _DAY
        for number in range(2, payments + 1):
            at = down + day * (number / payments)
            world.outage = OUTAGES[min(2, int(3 * number / (payments + 1)))]
            _bill(world, number)
            clockwork.run(partial(_reached, world, at))
            progress(number, payments)
        world.outage = ""
        clockwork.run(lambda: _all_sent(world, payments))
        return _told(world, payments, (world.clock() - down - day) / timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class CallsTold:
    """What a day without the platform has shown of calls."""

    calls: int
    # With their own caller and date.
    saved: int
    doubled: int
    lost: int
    dead_letters: int
    states: Counter[str]
    # Recordings whose link neither the platform nor the row has.
    unheard: int
    pop_ups: int
    stale_pop_ups: int
    # Events out of calls that nobody answered, each counted once.
    missed: int
    hours: float

    @property
    def wrong(self) -> int:
        """How many calls, letters and recordings are not as they must be."""
        return self.doubled + self.lost + self.dead_letters + self.unheard + self.stale_pop_ups


def calls_outage(calls: int, progress: Progress, day: timedelta = _DAY) -> CallsTold:
    """A day in which the platform is down; calls ring and end all the while, and answered ones too.

    Each rings through the door, and its end is told on the queue. Of every third, a leg that nobody
    picked up is told after the call's own end, and every fifth is told twice. Every fourth has the
    id of the one before, as a second switch of the account counts alike. Every second is recorded,
    and its link is told when the platform has the call already.
    """
    with World() as world:
        keys = {location_id: world.connect(location_id) for location_id in LOCATIONS}
        key = next(page.pbx_key for page in keys.values() if page and page.pbx_key)
        clockwork = Clockwork(world)
        began = world.clock()
        _one_each(world, clockwork, key, calls)
        clockwork.run(lambda: world.clock() - began > timedelta(minutes=10))
        down = world.clock()
        told: list[dict[str, Any]] = []
        for number in range(calls):
            at = down + day * (number / calls)
            world.outage = OUTAGES[min(2, int(3 * number / calls))]
            clockwork.run(partial(_reached, world, at))
            call_id = f"c-{number - (number % 4 == 3)}"
            ended = _ring(world, key, call_id, LOCATIONS[number % len(LOCATIONS)], number)
            clockwork.run(partial(_reached, world, at + _RINGS))
            _end(world, ended, number)
            told.append(ended)
            progress(number + 1, calls)
        clockwork.run(partial(_reached, world, down + day))
        world.outage = ""
        while not _all_confirmed(world) and world.clock() - down < 1.5 * day:
            clockwork.run(partial(_reached, world, world.clock() + timedelta(minutes=1)))
        hours = (world.clock() - down - day) / timedelta(hours=1)
        for number in range(0, calls, 2):
            told[number]["recording_url"] = f"https://records.example/{number}.mp3"
            world.tell_call(told[number])
        # Whatever is late may still come.
        clockwork.run(partial(_reached, world, world.clock() + timedelta(hours=2)))
        _one_each(world, clockwork, key, calls + len(LOCATIONS))
        clockwork.run(partial(_reached, world, world.clock() + timedelta(minutes=30)))
        # Who was missed is told, once each.
        events_out.judge(world, Random(calls))  # noqa: S311 - must be repeatable
        return _calls_told(world, told, hours)


def _one_each(world: World, clockwork: Clockwork, key: str, first: int) -> None:
    for number, location_id in enumerate(LOCATIONS, first):
        ended = _ring(world, key, f"beside-{number}", location_id, number)
        clockwork.run(partial(_reached, world, world.clock() + _RINGS))
        _end(world, ended, number)


def _ring(world: World, key: str, call_id: str, location_id: int, number: int) -> dict[str, Any]:
    """Somebody calls; returns what is to be told of its end."""
    now = world.clock()
    told = {
        "call_id": call_id,
        "location_id": location_id,
        "phone": f"+1315555{number % 10000:04}",
        "line": "+13155550176",
        "extension": "101",
    }
    event = http_event(
        "POST", "/calls", body=json.dumps({"type": "ringing", **told, "at": now.isoformat()})
    )
    event["headers"] = {"authorization": f"Bearer {key}"}
    world.start("calls", event)
    return {
        "type": "finished",
        **told,
        "direction": "incoming",
        "started_at": now.isoformat(timespec="seconds"),
        "duration_s": number % 300,
        "answered": number % 4 > 0,
    }


def _end(world: World, ended: dict[str, Any], number: int) -> None:
    """The call is over; some tell it twice, or tell of a leg that nobody picked up."""
    world.tell_call(ended)
    if number % 3 == 0:
        world.tell_call({**ended, "answered": False, "duration_s": 0, "leg": True})
    if number % 5 == 0:
        world.tell_call(ended)


def _all_confirmed(world: World) -> bool:
    states = {row["state"] for row in world.rows("CALLS_TABLE")}
    return not world.queued("calls") and states <= {"confirmed"}


def _calls_told(world: World, told: list[dict[str, Any]], hours: float) -> CallsTold:
    rows = [row for row in world.rows("CALLS_TABLE") if "leg" in row]
    platform = world.simulator.saved_calls()
    saved = Counter((call.phone, call.date and call.date.isoformat()) for call in platform)
    expected = {(each["phone"], each["started_at"]) for each in told}
    recorded = {each["recording_url"] for each in told if "recording_url" in each}
    links = {call.link for call in platform} | {
        row["recorded"]["link"] for row in rows if "recorded" in row
    }
    budget = timedelta(seconds=CallPolicy().pop_up_budget_s)
    phones = {row["leg"]["phone"]: datetime.fromisoformat(row["started_at"]) for row in rows}
    pop_ups = world.simulator.pop_ups()
    events = world.memory.client("events").told
    missed = [each for each in events if each["DetailType"] == Kind.CALL_MISSED]
    return CallsTold(
        calls=len(told),
        saved=sum(saved[each] > 0 for each in expected),
        doubled=sum(number > 1 for number in saved.values()),
        lost=len(expected - set(saved)),
        dead_letters=world.queued_letters("calls"),
        states=Counter(row["state"] for row in rows),
        unheard=len(recorded - links),
        pop_ups=len(pop_ups),
        stale_pop_ups=sum(each.at - phones[each.phone] > budget for each in pop_ups),
        missed=len({json.loads(each["Detail"])["id"] for each in missed}),
        hours=hours,
    )


def backlog(payments: int, progress: Progress) -> Verdict:
    """All are billed while the platform lets nobody call; then it does, at its limit."""
    with World(limits=LIMITS) as world:
        for location_id in LOCATIONS:
            world.connect(location_id)
            world.advance(60)
        world.run("reconcile", {})
        pause = timedelta(hours=1)
        _brake(world, pause)
        opened = world.clock() + pause
        for number in range(1, payments + 1):
            _bill(world, number)
        clockwork = Clockwork(world)
        clockwork.run(lambda: world.clock() >= opened - timedelta(minutes=2))
        rows = Counter(row["state"] for row in entries(world))
        assert rows == {EntryState.PENDING: payments}, rows
        calls = len(world.simulator.journal)

        def sent() -> bool:
            done = len(world.simulator.journal) - calls
            progress(min(done, payments), payments)
            return done >= payments and _all_sent(world, payments)

        clockwork.run(sent)
        times = [call.at for call in world.simulator.calls("payment")]
        minutes = (max(times) - min(times)) / timedelta(minutes=1)
        share = len(times) / minutes / LIMITS[1]
        return _told(world, payments, minutes / 60, share)


def _bill(world: World, number: int) -> None:
    world.bill(payment(f"inv-{number}", LOCATIONS[number % len(LOCATIONS)], amount=f"{number}.50"))


def _brake(world: World, pause: timedelta) -> None:
    pace = Pace(
        world.memory.client("dynamodb"),
        world.environments["payments"]["PACE_TABLE"],
        clock=world.clock,
        sleep=world.sleep,
        rules=PacePolicy(*LIMITS, retry_base_s=30),
        ahead_s=0,
        patience_s=0,
    )
    pace.brake(pause.total_seconds(), "429")


def _reached(world: World, at: datetime) -> bool:
    return world.clock() >= at


def _all_sent(world: World, payments: int) -> bool:
    # Reading all rows is dear, so first whether the platform has as many.
    if world.queued() or _listed(world) < payments:
        return False
    return all(row["state"] == EntryState.SENT for row in entries(world))


def _listed(world: World) -> int:
    return sum(len(world.platform.payments(location_id)) for location_id in LOCATIONS)


def _told(world: World, payments: int, hours: float, share: float = 0.0) -> Verdict:
    states = judge(world)
    return Verdict(
        payments=payments,
        doubled=_listed(world) - payments,
        dead_letters=len(world.dead_letters()),
        states=states,
        too_many_requests=sum(call.status == 429 for call in world.simulator.journal),
        hours=hours,
        share=share,
    )


def _sleeps(task: Task) -> bool:
    return not task.done and task.wake_at is not None
