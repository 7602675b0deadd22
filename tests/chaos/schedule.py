"""A schedule: what happens, in which order. Every choice comes from one source of chance."""

from argparse import Namespace
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Any

from ops.screen import NotChanged
from ops.site import Site, Stack
from ops.take import take
from ops.watch import CloudWatch
from shared.clock import instant
from shared.payments.entry import EntryState
from tests.chaos.world import LOCATIONS, Fault, World
from tests.deployment import payment, refund

# Few, so that genuine payments often look alike.
AMOUNTS = ("10", "10", "20")
SHORT_WAITS = (0.2, 1, 3)
LONG_WAITS = (5, 31, 61, 61, 130, 901, 1000, 3700)
# Waits of days, shortened to hours: what they are long for is not in a schedule.
SETTINGS = {"REFUND_WAIT_S": "21600", "HELD_RECHECK_S": "1800"}
UNFINISHED = (
    EntryState.PENDING,
    EntryState.SENDING,
    EntryState.UNKNOWN,
    EntryState.REPORTED_BY_PLATFORM,
)
_ROUTES = ("payment", "payment", "payment", "refund", "status", "status", "callback", "any")
# What leaves open whether it was done is what the protocol is for.
_FAULTS = (
    *("unheard", "unheard", "unheard", "late", "late", "lost", "lost"),
    *(kind for kind in World.KINDS if kind not in ("stale", "422")),
)
_LONGEST_LANDING_S = 800
_SKEW_S = 2.0
# AWS takes nothing that is signed by a clock that is wrong by more than five minutes.
_WRONG_S = 280.0
_JUMPS = 0.1


# How often each comes.
MOVES = {
    "bill": 12,
    "bill_again": 4,
    "refund": 5,
    "deliver": 20,
    "redeliver": 2,
    "reconcile": 5,
    "hurry": 12,
    "kill": 4,
    "wait": 10,
    "disturb": 9,
    "reject": 0.5,
    "lag": 2,
    "pay_hosted": 1,
    "tell": 1.5,
    "disconnect": 1,
    "freeze": 1,
    "connect": 1.5,
    "post": 2,
}


class Schedule:
    """Plays a world at random.

    Args:
        world: entered already.
        chance: where every choice comes from.
    """

    def __init__(self, world: World, chance: Random) -> None:
        self.world = world
        self.chance = chance
        self._payments = 0
        self._refunds = 0
        self._skew_s, self._landing_s = _SKEW_S, float(_LONGEST_LANDING_S)
        if world.are_clocks_wrong:
            # Whoever claims and whoever looks may be wrong in two directions.
            self._skew_s, self._landing_s = _WRONG_S, _LONGEST_LANDING_S - 2 * _WRONG_S

    def play(self, moves: int) -> None:
        """Some moves; each lets the workers go on for a while, too."""
        self.begin()
        self.more(moves)

    def more(self, moves: int) -> None:
        """As many moves again."""
        names, weights = zip(*MOVES.items(), strict=True)
        for name in self.chance.choices(names, weights, k=moves):
            getattr(self, name)()
            self.work(self.chance.randrange(12))

    def begin(self) -> None:
        """Two of three locations are connected."""
        for location_id in LOCATIONS[:2]:
            self.world.connect(location_id)
        self.world.run("reconcile", {})

    def work(self, steps: int) -> None:
        """Lets workers go on, in any order, each by a clock of its own, which may be set anew."""
        for _ in range(steps):
            tasks = self.world.runnable()
            if not tasks:
                return
            task = self.chance.choice(tasks)
            is_wrong = self.world.are_clocks_wrong
            if not task.at or (is_wrong and self.chance.random() < _JUMPS):
                task.skew = timedelta(seconds=self.chance.uniform(-self._skew_s, self._skew_s))
            self.world.step(task)

    # Moves

    def bill(self) -> None:
        """A payment, perhaps equal to others but for its id."""
        self._payments += 1
        self.world.bill(
            payment(
                f"inv-{self._payments}",
                self.chance.choice(LOCATIONS),
                amount=self.chance.choice(AMOUNTS),
                paid_at=self.chance.choice(self.world.place.paid_at),
            ),
            delay_s=self.chance.choice((0, 0, 2, 60)),
        )

    def bill_again(self) -> None:
        """The same message, or one that contradicts it."""
        if self.world.billed:
            event = self.chance.choice(self.world.billed).event
            if self.chance.random() < 0.2 and event["type"] == "payment":
                event = {**event, "amount": "30"}
            self.world.bill(event)

    def refund(self) -> None:
        """Of a payment that was billed, or will be."""
        self._refunds += 1
        of = f"inv-{self.chance.randint(1, self._payments + 1)}"
        self.world.bill(refund(f"ref-{self._refunds}", of=of))

    def deliver(self) -> None:
        self.world.deliver()

    def redeliver(self) -> None:
        if self.world.billed:
            self.world.redeliver(self.chance.choice(self.world.billed))

    def reconcile(self) -> None:
        self.world.start("reconcile", {})

    def hurry(self) -> None:
        """One worker goes on to its end."""
        tasks = self.world.runnable()
        if tasks:
            self.world.finish(self.chance.choice(tasks))

    def kill(self) -> None:
        tasks = self.world.runnable()
        if tasks:
            self.world.kill(self.chance.choice(tasks))

    def wait(self) -> None:
        # A long wait ends whatever is under way, by its function's timeout.
        busy = self.world.runnable() and self.chance.random() < 0.7
        self.world.advance(self.chance.choice(SHORT_WAITS if busy else LONG_WAITS))

    def disturb(self) -> None:
        """Something will go wrong with a call."""
        route, kind = self.chance.choice(_ROUTES), self.chance.choice(_FAULTS)
        seconds = {"late": self._landing_s, "slow": 9}.get(kind, 0) * self.chance.random()
        self.world.faults.append(Fault(route, kind, seconds))

    def reject(self) -> None:
        """The platform will not take it, for whatever reason."""
        self.world.faults.append(Fault(self.chance.choice(("payment", "refund")), "422"))

    def lag(self) -> None:
        """The next status of a location lacks its newest payment."""
        doubtful = [
            row["location_id"]
            for row in self.world.rows("PAYMENTS_TABLE")
            if row.get("state") == EntryState.UNKNOWN and "location_id" in row
        ]
        location_id = self.chance.choice(doubtful or LOCATIONS)
        self.world.faults.append(Fault("status", "stale", location_id=location_id))

    def pay_hosted(self) -> None:
        """Seconds that no billing system would choose keep it apart from our payments."""
        self.world.pay_hosted(
            self.chance.choice(LOCATIONS), self.chance.choice(AMOUNTS), "2026-11-01 10:00:07"
        )

    def tell(self) -> None:
        """Of our own payments, too: nobody says that the platform does not."""
        location_id = self.chance.choice(LOCATIONS)
        if listed := self.world.platform.payments(location_id):
            self.world.tell(location_id, self.chance.choice(listed).id)

    def disconnect(self) -> None:
        self.world.simulator.disconnect(self.chance.choice(LOCATIONS))

    def freeze(self) -> None:
        location_id = self.chance.choice(LOCATIONS)
        if self.world.platform.state(location_id) == "active":
            self.world.simulator.expire(location_id)

    def connect(self) -> None:
        self.world.connect(self.chance.choice(LOCATIONS))

    def post(self) -> None:
        """A webhook arrives; some never do."""
        if self.chance.random() < 0.2 and self.world.letters:
            self.world.letters.popleft()
        else:
            self.world.post()


def settle(world: World) -> None:
    """No more faults: everything that can come to an end does, by the system's own means.

    An operator's are among them: a callback may arrive after its consent has ended, and then a
    location is installed that nobody has connected here, which only a person may give away.
    """
    world.faults = [fault for fault in world.faults if fault.kind == "stale"]
    for task in list(world.tasks):
        if not task.done:
            world.finish(task)
    while world.post():
        _finish_all(world)
    if _comes_to_an_end(world):
        return
    for location_id in sorted(world.reached_late):
        _take(world, location_id)
    if not _comes_to_an_end(world):
        raise AssertionError(f"unfinished after ten days: {unfinished(world)}")


def _comes_to_an_end(world: World) -> bool:
    """Whether all that must end does, in ten days."""
    until = world.clock() + timedelta(days=10)
    while world.clock() < until:
        world.run("reconcile", {})
        while world.deliver():
            _finish_all(world)
        due = [instant(row["due_at"]) for row in unfinished(world)]
        if not due and not world.queued() and not world.landings:
            return True
        # To the minute in which something is due, as reconcile runs in each; or until a message
        # that somebody has taken and not deleted is seen again.
        connections = world.rows("CONNECTIONS_TABLE")
        due += [instant(row["due_at"]) for row in connections if "due_at" in row]
        due += [world.clock() + timedelta(seconds=180)] if world.queued() else []
        due += [at for at, _request in world.landings]
        world.advance(max(60.0, (min(due) - world.clock()).total_seconds()))
    return False


def _take(world: World, location_id: int) -> None:
    """An operator gives it to the account that had it, if it is nobody's; else he is refused."""
    rows = world.rows("CONNECTIONS_TABLE")
    had = [row.get("account_id") for row in rows if row["location_id"] == location_id]
    if not had or had[0] is None:
        return
    stack = Stack(
        name="this world",
        environments={
            f"{name.capitalize()}Function": it for name, it in world.environments.items()
        },
        outputs={},
        client=world.client,
        watch=CloudWatch(None, "", {}),  # nobody asks it here
        aws="aws",
    )
    words = {"location": location_id, "account": had[0], "reason": "it answered us", "do": True}
    with suppress(NotChanged):
        take(Site(stack), Namespace(**words, json=False))
    world.story.append(f"an operator takes {location_id}")


def unfinished(world: World) -> list[dict[str, Any]]:
    """Rows of which the platform's state says that they can and must come to an end."""
    return [
        row
        for row in world.rows("PAYMENTS_TABLE")
        if row.get("state") in UNFINISHED
        or (row.get("state") == EntryState.HELD and _connected(world, row["location_id"]))
    ]


def _connected(world: World, location_id: int) -> bool:
    return world.platform.state(location_id) in ("active", "freezed")


def _finish_all(world: World) -> None:
    for task in list(world.tasks):
        if not task.done:
            world.finish(task)
