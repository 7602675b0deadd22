"""Lines that are entered while their calls come: nothing is lost, nothing is told twice.

A PBX repeats what it was given no answer for, as PBXes that lose nothing do. Owners press twice,
change and remove their entries; whoever is at work may die before each of its calls.
"""

import json
import random
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from shared.calls.line_entry import EnterLines
from shared.calls.queue import CallWakeUps
from shared.calls.table import Calls
from shared.connections.accounts import Account, Accounts
from shared.connections.journal import Journal
from shared.connections.table import Connections
from tests.chaos.campaigns import Clockwork
from tests.chaos.tasks import Task
from tests.chaos.world import LOCATIONS, World
from tests.deployment import http_event

LINES = ("+13155550176", "1 (315) 555-0199")
_MOVES = (
    *("call", "call", "again", "enter", "enter", "remove"),
    *("deliver", "deliver", "deliver", "reconcile", "wait"),
)
_WAITS = (0.2, 3, 6, 61)


@dataclass(frozen=True, slots=True)
class Told:
    """What a schedule has shown; `story` is how it came to it."""

    answered: int
    lost: set[str]
    doubled: set[str]
    moved: set[str]
    pop_ups: int
    unfinished: Counter[str]
    story: list[str]

    @property
    def wrong(self) -> list[object]:
        """What must not be; empty if all is well."""
        found = (self.lost, self.doubled, self.moved, self.pop_ups, self.unfinished)
        return [each for each in found if each]


class LineSchedule:
    """One schedule, of one account with all locations of the world."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self._world = world
        self._chance = chance
        pages = [world.connect(location_id) for location_id in LOCATIONS]
        self._key = next(page.pbx_key for page in pages if page and page.pbx_key)
        [self._account_id] = {row["account_id"] for row in world.rows("CONNECTIONS_TABLE")}
        self._lines = self._directory()
        self._events: dict[str, dict[str, Any]] = {}
        self._answered: set[str] = set()
        # Where each call was sent to first.
        self._placed: dict[str, int] = {}
        self._moved: set[str] = set()

    def play(self, moves: int) -> Told:
        """Some moves, each followed by some steps of whoever is at work; then all comes to rest."""
        for _ in range(moves):
            getattr(self, f"_{self._chance.choice(_MOVES)}")()
            self._work(self._chance.randrange(14))
            self._look()
        self._rest()
        self._look()
        return self._told()

    # Moves

    def _call(self) -> None:
        number = len(self._events)
        call_id = f"c-{number}"
        self._events[call_id] = {
            "type": "finished",
            "call_id": call_id,
            "phone": f"+1315556{number:04}",
            "line": self._chance.choice(LINES),
            "extension": "101",
            "direction": "incoming",
            "started_at": self._world.clock().isoformat(timespec="seconds"),
            "duration_s": 30,
            "answered": True,
        }
        self._tell(call_id)

    def _again(self) -> None:
        if self._events:
            self._tell(self._chance.choice([*self._events]))

    def _tell(self, call_id: str) -> None:
        event = http_event("POST", "/calls", body=json.dumps(self._events[call_id]))
        event["headers"] = {"authorization": f"Bearer {self._key}"}

        def heard(answer: Any) -> None:
            if answer["statusCode"] == 202:
                self._answered.add(call_id)

        self._world.start("calls", event, heard)

    def _enter(self) -> None:
        key, location_id = self._chance.choice(self._keys()), self._chance.choice(LOCATIONS)
        self._world.story.append(f"{key} is entered for {location_id}")
        for _ in range(self._chance.choice((1, 1, 2))):
            self._by(partial(self._lines.enter, self._account_id, {key: location_id}))

    def _remove(self) -> None:
        key = self._chance.choice(self._keys())
        self._world.story.append(f"{key} is removed")
        self._by(partial(self._lines.remove, self._account_id, [key]))

    def _deliver(self) -> None:
        self._world.deliver("calls")

    def _reconcile(self) -> None:
        self._world.start("reconcile", {})

    def _wait(self) -> None:
        self._world.advance(self._chance.choice(_WAITS))

    # The end

    def _rest(self) -> None:
        """Every line is entered in the end, and whoever was given no answer asks again."""
        while tasks := self._world.runnable():
            self._world.step(tasks[0])
        for key in self._keys():
            if key not in self._account().lines:
                self._by(partial(self._lines.enter, self._account_id, {key: LOCATIONS[0]}))
                self._world.finish(self._world.tasks[-1])
        for call_id in self._events:
            if call_id not in self._answered:
                self._tell(call_id)
        over = self._world.clock() + timedelta(hours=8)
        Clockwork(self._world).run(lambda: self._is_over(over))

    def _is_over(self, over: Any) -> bool:
        states = {row["state"] for row in self._world.rows("CALLS_TABLE")}
        is_done = states <= {"confirmed"} and not self._world.queued("calls")
        return is_done or self._world.clock() >= over

    def _look(self) -> None:
        for row in self._world.rows("CALLS_TABLE"):
            if "location_id" in row:
                first = self._placed.setdefault(row["call_id"], row["location_id"])
                self._moved |= {row["call_id"]} if first != row["location_id"] else set()

    def _told(self) -> Told:
        saved = Counter(call.phone for call in self._world.simulator.saved_calls())
        rows = {row["call_id"]: row for row in self._world.rows("CALLS_TABLE")}
        phones = {call_id: event["phone"] for call_id, event in self._events.items()}
        return Told(
            answered=len(self._answered),
            lost={it for it in self._answered if not saved[phones[it]]},
            doubled={it for it, phone in phones.items() if saved[phone] > 1},
            moved=self._moved,
            pop_ups=len(self._world.simulator.pop_ups()),
            unfinished=Counter(
                row["state"] for row in rows.values() if row["state"] != "confirmed"
            ),
            story=self._world.story,
        )

    # Who does it

    def _work(self, steps: int) -> None:
        for _ in range(steps):
            tasks = self._world.runnable()
            if not tasks:
                return
            task = self._chance.choice(tasks)
            if task.at and self._chance.random() < 0.05:
                self._world.kill(task)
            else:
                self._world.step(task)

    def _by(self, press: Any) -> None:
        """Somebody presses the button, and goes on from one call to the outside to the next."""
        self._world.tasks.append(Task("connect", press, self._world.clock(), None))

    def _keys(self) -> list[str]:
        return [self._lines.key_of(self._account(), line) for line in LINES]

    def _account(self) -> Account:
        account = self._accounts.of_id(self._account_id)
        assert account
        return account

    def _directory(self) -> EnterLines:
        environment, memory = self._world.environments["calls"], self._world.memory
        dynamodb = memory.client("dynamodb")
        self._accounts = Accounts(dynamodb, environment["ACCOUNTS_TABLE"])
        return EnterLines(
            accounts=self._accounts,
            connections=Connections(
                dynamodb,
                environment["CONNECTIONS_TABLE"],
                Journal(dynamodb, environment["JOURNAL_TABLE"], 400),
            ),
            calls=Calls(dynamodb, environment["CALLS_TABLE"], 14),
            wake_ups=CallWakeUps(memory.client("sqs"), self._world.queues["CallsQueue"]),
            default_country="US",
            clock=self._world.clock,
        )


def played(seed: int, moves: int = 60) -> Told:
    """One schedule, which the seed decides."""
    # The application itself draws waits from the common source.
    random.seed(seed)
    with World(seed=seed) as world:
        return LineSchedule(world, random.Random(seed)).play(moves)  # noqa: S311 - to be repeated
