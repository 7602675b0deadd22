"""Lives of locations: everything that moves a connection, in any order, told by a seed.

The money's schedules (`schedule`) ask where each payment went; these ask whether what we believe of
a location is what the platform says: at every write (`witness`), and when the dust has settled.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from local.simulator.redirect import Owner
from local.simulator.state import RefusedError, Standing
from shared.altegio import redirect
from shared.clock import instant
from shared.connect.tickets import Tickets
from shared.connections.connection import TOLD, Hint
from shared.reconcile.census.table import CensusTable
from tests.chaos import events_out, schedule
from tests.chaos.judge import Wrong, judge
from tests.chaos.runs import Run
from tests.chaos.tasks import Task
from tests.chaos.witness import Witness
from tests.chaos.world import Fault, World
from tests.deployment import Page, http_event, payment, refund

LOCATIONS = (1, 2)
OWNERS = (Owner(), Owner(id=7002, name="Ann", email="ann@example.com", phone="15551230001"))
# He has one genuine link of his own, and names in it whatever he likes.
SQUATTER = Owner(id=7666, name="Mallory", email="mallory@example.com", phone="15551230002")
# By how much the platform's clock, or its zone, may be ahead of ours.
_AHEAD_S = (0, 0, 0, 40, 3 * 3600)
# Thirty days, shortened to hours.
SETTINGS = {"ERASE_AFTER_S": "20000"}
MOVES_OF_A_LIFE = 40
# A status may be as old as that.
OLDEST_S = 50.0
# After the last fault and the last webhook: the looks after 1, 5 and 30 minutes are over by then.
SETTLED_IN = timedelta(minutes=40)
_SKEW_S = 2.0
_INSTALLED = ("active", "freezed")
_ROUTES = ("status", "status", "callback", "callback", "payment", "any")
_FAULTS = tuple(kind for kind in World.KINDS if kind not in ("stale", "422"))
_LONGEST_LANDING_S = 800
_WAITS = (0.2, 1, 1, 3, 20, 31, 61, 61, 61, 130, 320, 901, 3700)

# How often each comes.
MOVES = {
    "grant": 3,
    "visit": 2,
    "press": 6,
    "connect": 6,
    "reconnect": 5,
    "disconnect": 6,
    "install_privately": 1,
    "squat": 4,
    "freeze": 4,
    "pay_hosted": 3,
    "bill": 3,
    "refund": 1,
    "forge": 0.7,
    "disturb": 5,
    "lag": 4,
    "post": 5,
    "tell": 10,
    "deliver": 4,
    "deliver_hint": 8,
    "reconcile": 10,
    "census": 2,
    "hurry": 20,
    "kill": 3,
    "wait": 18,
    "sleep": 0.3,
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A webhook on its way, and what we must answer."""

    at: datetime
    body: Mapping[str, Any]
    answer: int = 200


class Country(World):
    """A world whose statuses may be old, and whose webhooks come as they like."""

    def __init__(self, chance: Random, seed: int) -> None:
        super().__init__(settings=SETTINGS, seed=seed)
        self.chance = chance
        self.witness = Witness(self)
        self.mail: list[Letter] = []
        # Locations of which a webhook was lost for good, and whether any may be.
        self.lost: set[int] = set()
        self.loses = chance.random() < 0.3
        # How old the next statuses of a location are, in seconds.
        self.lags: dict[int, list[float]] = {}
        # What the platform does not tell of itself: whether its log begins with the newest entry,
        # and whether an application that is gone has a status still.
        self._newest_first = chance.random() < 0.3
        self._tells_of_the_gone = chance.random() < 0.3
        self._past: dict[int, list[tuple[datetime, Standing | None]]] = {}
        self._posted: list[tuple[Task, int]] = []

    def __enter__(self) -> Self:
        super().__enter__()
        ahead = timedelta(seconds=self.chance.choice(_AHEAD_S))
        self.platform.now = lambda: self.clock() + ahead
        self._standing = self.platform.standing
        self.platform.standing = self._told_standing  # type: ignore[method-assign]  # may be old
        self.memory.after = self.witness.saw
        return self

    # The platform's status, as it was

    def advance(self, seconds: float) -> None:
        self._remember()
        super().advance(seconds)

    def perform(self, request: Any) -> Any:
        self._remember()
        answer = super().perform(request)
        self._remember()
        return answer

    def _remember(self) -> None:
        for location_id in LOCATIONS:
            past = self._past.setdefault(location_id, [])
            now = self._now_standing(location_id)
            if not past or past[-1][1] != now:
                past.append((self.clock(), now))

    def _now_standing(self, location_id: int) -> Standing | None:
        try:
            return self._standing(location_id)
        except RefusedError:
            log = self.platform.log(location_id)
            if not (self._tells_of_the_gone and log):
                return None
            return Standing("uninstalled", log[-1].changed_at, [], log)

    def _told_standing(self, location_id: int) -> Standing:
        lags = self.lags.get(location_id)
        moment = self.clock() - timedelta(seconds=lags.pop(0) if lags else 0)
        self._remember()
        told = [standing for at, standing in self._past[location_id] if at <= moment]
        if not told or told[-1] is None:
            raise RefusedError(404)
        logs = told[-1].logs
        return replace(told[-1], logs=logs[::-1] if self._newest_first else logs)

    # Its webhooks

    def _letter(self, _address: str, body: dict[str, Any], mode: str) -> None:
        fate = self.chance.random()
        if mode == "never" or (self.loses and fate < 0.2):
            self.story.append(f"lost for good: {body['event']} of {body['salon_id']}")
            self.lost.add(body["salon_id"])
            return
        late = timedelta(seconds=self.chance.choice((60, 400, 3600)) * self.chance.random())
        self.mail.append(Letter(self.clock() + (late if fate > 0.6 else timedelta()), body))
        if fate > 0.85:
            self.mail.append(Letter(self.clock() + 2 * late, body))

    def forge(self, location_id: int, event: str, *, sibling: bool) -> None:
        """A webhook of another application of ours, or of somebody without the token."""
        body = {
            "salon_id": location_id,
            "application_id": self.simulator.application_id + sibling,
            "event": event,
            "partner_token": self.simulator.partner_token if sibling else "guessed",
        }
        self.mail.append(Letter(self.clock(), body, 200 if sibling else 403))

    def post_due(self) -> None:
        """Every webhook whose time has come arrives."""
        for letter in [it for it in self.mail if it.at <= self.clock()]:
            self.mail.remove(letter)
            event = http_event("POST", "/webhooks/altegio", body=json.dumps(letter.body))
            task = self.start("disable", event, partial(self._answered, letter))
            self._posted.append((task, letter.body["salon_id"]))

    def _answered(self, letter: Letter, answer: Any) -> None:
        if answer["statusCode"] != letter.answer:
            self.witness.faults.append(f"{letter} was answered {answer['statusCode']}")

    def note_lost(self) -> None:
        """A webhook whose worker died may be lost: nobody says that the platform repeats it."""
        self.lost |= {location_id for task, location_id in self._posted if task.result is None}

    # A ticket, as a page gives it while the platform is silent

    def ticket(self, owner: Owner, *location_ids: int) -> str:
        """What opens the button for any locations that somebody names."""
        query = urlsplit(self.simulator.redirect(*location_ids, owner=owner)).query
        arrived = redirect.parse(query, (self.simulator.partner_token,))
        table = self.environments["connect"]["TICKETS_TABLE"]
        tickets = Tickets(self.memory.client("dynamodb"), table, ttl_s=86400)
        return tickets.issue(arrived, self.clock())

    # The hints queue

    def deliver_hint(self, *, lost: bool = False, twice: bool = False) -> bool:
        """Hands the next message to reconcile; whether there was one."""
        queue, sqs = self.queues["HintsQueue"], self.memory.client("sqs")
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=1).get("Messages", ())
        for message in messages:
            receipt = {"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"]}
            if lost:
                sqs.delete_message(**receipt)
                continue
            event = {"Records": [{"messageId": message["MessageId"], "body": message["Body"]}]}
            self.start("reconcile", event, partial(_delete, sqs, receipt))
            if twice:
                self.start("reconcile", event)
        return bool(messages)

    # The owner's browser

    def browse(self, method: str, then: Callable[[Page], None], **asked: str) -> Task:
        """A request of the connect page, on its way; `then` gets the page."""

        def came(answer: Any) -> None:
            if answer["statusCode"] >= 500:
                self.witness.faults.append(f"{method} /connect was answered with an error")
            then(Page(answer["statusCode"], answer["headers"], answer["body"]))

        return self.start("connect", http_event(method, "/connect", **asked), came)


def _delete(sqs: Any, receipt: dict[str, str], _result: object) -> None:
    sqs.delete_message(**receipt)


class Life:
    """Plays a country at random."""

    def __init__(self, world: Country, chance: Random) -> None:
        self.world = world
        self.chance = chance
        self._payments = 0
        # Tickets of pages that are still open somewhere.
        self._tabs: list[dict[str, str]] = []

    def play(self, moves: int) -> None:
        """Some moves; each lets the workers go on for a while, too."""
        names, weights = zip(*MOVES.items(), strict=True)
        for name in ("connect", "connect", *self.chance.choices(names, weights, k=moves)):
            self.world.story.append(f"-- {name} at {self.world.clock().time()}")
            getattr(self, name)()
            self._work(self.chance.randrange(12))

    def _work(self, steps: int) -> None:
        for _ in range(steps):
            tasks = self.world.runnable()
            if not tasks:
                return
            task = self.chance.choice(tasks)
            if not task.at:
                task.skew = timedelta(seconds=self.chance.uniform(-_SKEW_S, _SKEW_S))
            self.world.step(task)

    def _somewhere(self, *states: str) -> int:
        """A location, if possible one that the platform has in one of these states."""
        fit = [it for it in LOCATIONS if self.world.platform.state(it) in states]
        return self.chance.choice(fit or LOCATIONS)

    # The owner

    def grant(self) -> None:
        """An owner presses Connect in Altegio, for one location or for all; it may be too much."""
        wanted = self.chance.choice(((1,), (2,), LOCATIONS))
        free = [it for it in wanted if self.world.platform.state(it) in ("uninstalled", "pending")]
        if free:
            self.world.platform.grant(free)
            self._may_lag(free[-1])
            self._visit(*free)

    def visit(self) -> None:
        """The page is opened once more, by anybody."""
        self._visit(self._somewhere())

    def _visit(self, *location_ids: int) -> Task:
        url = self.world.simulator.redirect(*location_ids, owner=self.chance.choice(OWNERS))

        def opened(page: Page) -> None:
            if "ticket" in page.fields:
                self._tabs.append(page.fields)

        return self.world.browse("GET", opened, query=urlsplit(url).query)

    def press(self) -> None:
        """In a tab that was opened a moment or long ago, or in two at once."""
        if self._tabs:
            fields = self.chance.choice(self._tabs[-3:])
            for _ in range(self.chance.choice((1, 1, 1, 2))):
                self._press(fields)

    def _press(self, fields: dict[str, str]) -> Task:
        return self.world.browse("POST", lambda _: None, body=urlencode(fields))

    def connect(self) -> None:
        """All of it in one go: grant, page and button."""
        self._connect(self._somewhere("uninstalled", "pending"))

    def _connect(self, location_id: int) -> None:
        if self.world.platform.state(location_id) in ("uninstalled", "pending"):
            self.world.platform.grant([location_id])
            self._may_lag(location_id)
        tabs = len(self._tabs)
        self.world.finish(self._visit(location_id))
        if len(self._tabs) > tabs:
            task = self._press(self._tabs[-1])
            if self.chance.random() < 0.8:
                self.world.finish(task)

    def disconnect(self) -> None:
        location_id = self._somewhere(*_INSTALLED)
        self.world.simulator.disconnect(location_id)
        self._may_lag(location_id)

    def reconnect(self) -> None:
        """At once, perhaps within one second of the platform's log."""
        location_id = self._somewhere(*_INSTALLED)
        self.world.simulator.disconnect(location_id)
        self.world.advance(self.chance.choice((0, 0, 0.5, 5)))
        self._connect(location_id)

    def install_privately(self) -> None:
        """Active at once, as private applications are: nobody comes to the page.

        Instead of a grant, too, that an owner may have pressed Connect for already.
        """
        location_id = self._somewhere("pending", "uninstalled")
        if self.world.platform.state(location_id) == "pending":
            self.world.simulator.disconnect(location_id)
        if self.world.platform.state(location_id) == "uninstalled":
            self.world.platform.grant([location_id], private=True)

    def squat(self) -> None:
        """A stranger presses for locations of others, whatever has become of them."""
        named = self.chance.choice(((1,), (2,), LOCATIONS))
        fields = {"ticket": self.world.ticket(SQUATTER, *named), "action": "connect"}
        typed = {"name": SQUATTER.name, "email": SQUATTER.email, "phone": "", "country": "US"}
        self._press({**fields, **typed})

    # The platform

    def freeze(self) -> None:
        location_id = self._somewhere("active")
        if self.world.platform.state(location_id) == "active":
            self.world.simulator.expire(location_id)
            self._may_lag(location_id)

    def pay_hosted(self) -> None:
        location_id = self._somewhere("freezed")
        number = self.world.pay_hosted(location_id, "10", "2026-11-01 10:00:07")
        if number is not None:
            event = self.world.simulator.payment_event(location_id, number)
            self.world.simulator._webhooks.send("", event, "now")

    def census(self) -> None:
        """Somebody orders what is taken once a day; whatever happens goes on meanwhile."""
        order(self.world)
        self._may_lag(self._somewhere("active"))
        self.world.start("reconcile", {})

    def forge(self) -> None:
        event = self.chance.choice([it for it in TOLD if it is not Hint.PAYMENT])
        self.world.forge(self._somewhere(), event, sibling=self.chance.random() < 0.5)

    def disturb(self) -> None:
        """Something will go wrong with a call."""
        route, kind = self.chance.choice(_ROUTES), self.chance.choice(_FAULTS)
        seconds = {"late": _LONGEST_LANDING_S, "slow": 9}.get(kind, 0) * self.chance.random()
        self.world.faults.append(Fault(route, kind, seconds))

    def lag(self) -> None:
        self._lag(self._somewhere())

    def _lag(self, location_id: int) -> None:
        """The next statuses of a location are old, each as old as it likes."""
        number = self.chance.randint(1, 6)
        self.world.lags[location_id] = [self.chance.uniform(0, OLDEST_S) for _ in range(number)]

    def _may_lag(self, location_id: int) -> None:
        """What has just changed is where a status is old most often."""
        if self.chance.random() < 0.4:
            self._lag(location_id)

    # The billing system

    def bill(self) -> None:
        self._payments += 1
        began = self.world.place.at
        period = {
            "period_from": (began - timedelta(days=10)).isoformat(),
            "period_to": (began + timedelta(days=20)).isoformat(),
        }
        self.world.bill(payment(f"inv-{self._payments}", self._somewhere(), amount="10", **period))

    def refund(self) -> None:
        """Of a running period, which freezes the location unless another one covers it."""
        of = self.chance.randint(1, self._payments + 1)
        self.world.bill(refund(f"ref-{of}", of=f"inv-{of}"))

    # What AWS does

    def post(self) -> None:
        self.world.post_due()

    def tell(self) -> None:
        """The webhooks arrive, and reconcile is woken, within moments."""
        self.world.post_due()
        self._hurry_all("disable")
        if self.world.deliver_hint():
            self._hurry_all("reconcile")

    def _hurry_all(self, function: str) -> None:
        for task in self.world.runnable():
            if task.name == function:
                self.world.finish(task)

    def deliver(self) -> None:
        self.world.deliver()

    def deliver_hint(self) -> None:
        fate = self.chance.random()
        self.world.deliver_hint(lost=fate < 0.2, twice=fate > 0.8)

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
        busy = self.world.runnable() and self.chance.random() < 0.9
        self.world.advance(self.chance.choice(_WAITS[:5] if busy else _WAITS))

    def sleep(self) -> None:
        """Until every grant has expired."""
        self.world.advance(13 * 3600)


# When the dust settles


def settle(world: Country) -> None:
    """No more faults: what is on its way arrives, and reconcile runs for `SETTLED_IN`."""
    world.faults.clear()
    world.lags.clear()
    world.loses = False
    _finish_all(world)
    arrivals = [world.clock()]
    while arrivals:
        _go_on(world, max(arrivals) + SETTLED_IN)
        arrivals = [letter.at for letter in world.mail] + [at for at, _ in world.landings]
    world.note_lost()


def order(world: Country) -> None:
    """A census, with repairs."""
    table = world.environments["reconcile"]["CENSUS_TABLE"]
    roll = CensusTable(world.memory.client("dynamodb"), table)
    roll.order(world.clock(), repairs=True)


def repair(world: Country) -> None:
    """What finds the locations of which a webhook was lost for good."""
    order(world)
    _go_on(world, world.clock() + SETTLED_IN)


def _go_on(world: Country, until: datetime) -> None:
    """As AWS does: queues at once, reconcile in each minute in which anything is due."""
    while world.clock() < until:
        world.post_due()
        _finish_all(world)
        while world.deliver_hint():
            _finish_all(world)
        while world.deliver():
            _finish_all(world)
        world.run("reconcile", {})
        rows = world.rows("CONNECTIONS_TABLE") + world.rows("PAYMENTS_TABLE")
        due = [instant(row["due_at"]) for row in rows if "due_at" in row]
        due += [letter.at for letter in world.mail] + [at for at, _ in world.landings]
        wait = min([*due, until]) - world.clock()
        world.advance(max(60.0, wait.total_seconds()))


def _finish_all(world: Country) -> None:
    for task in list(world.tasks):
        if not task.done:
            world.finish(task)


def run(seed: int, *, broken: Callable[[], AbstractContextManager[Any]] = nullcontext) -> Run:
    """One life of each location.

    Args:
        seed: tells all of it.
        broken: breaks a rule of the protocol meanwhile.
    """
    # The application itself draws waits from the common source.
    random.seed(seed)
    chance = Random(seed)  # noqa: S311 - must be repeatable
    with broken():
        try:
            with Country(chance, seed) as world:
                Life(world, chance).play(MOVES_OF_A_LIFE)
                states = judged(world)
                events_out.judge(world, Random(seed))  # noqa: S311 - the same
                return Run(seed, states)
        except Exception as error:  # noqa: BLE001 - whatever it is, this life shows it
            return Run(seed, Counter(), f"{type(error).__name__}: {error}")


def judged(world: Country) -> Counter[str]:
    """Lets the dust settle and looks at everything; returns how many connections ended how.

    Raises:
        Wrong: with what is wrong, and the events that led there.
    """
    settle(world)
    _look(world, {*world.lost, *world.witness.left_alone()})
    if world.lost:
        repair(world)
        _look(world, world.witness.left_alone())
    for location_id in world.witness.left_alone():
        # And when its owner comes at last, that is right, too. What is installed, and not by our
        # page, he disconnects first, as the page tells him.
        if world.platform.state(location_id) in _INSTALLED:
            world.simulator.disconnect(location_id)
            settle(world)
        world.connect(location_id)
    schedule.settle(world)
    settle(world)
    _look(world)
    judge(world)
    return Counter(str(row["state"]) for row in world.rows("CONNECTIONS_TABLE"))


def _look(world: Country, excused: Collection[int] = ()) -> None:
    faults = [*world.witness.faults, *world.witness.settled(excused)]
    if faults:
        told = "\n  ".join(world.story)
        raise Wrong("; ".join(faults) + f"\n  {told}")


def first_wrong(seeds: Iterable[int], broken: Callable[[], Any]) -> Run | None:
    """The first life that notices that a rule is broken; None if none does."""
    return next((it for it in map(partial(run, broken=broken), seeds) if it.wrong), None)
