"""Schedules whose events come by HTTP: a billing system posts them, or Stripe does.

What a schedule would put on the queue goes by one of three ways here. Whoever posts hears nothing
when the function dies, when AWS fails, or when the answer is lost, and posts again until he has an
answer that is one. What he was told then has to be so.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any, Self, cast

from botocore.exceptions import ReadTimeoutError

from shared.clock import instant
from shared.payments.entry import HOSTED
from tests.chaos import events_out
from tests.chaos.judge import Judged, Wrong, judge
from tests.chaos.runs import MOVES, Run
from tests.chaos.schedule import SETTINGS, Schedule, settle
from tests.chaos.tasks import Task
from tests.chaos.world import Billed, World
from tests.deployment import http_event
from tests.memory import refusal
from tests.payments import stripes

KEY = "billing-key-of-more-than-32-characters"
# What the door forbids; a mutant does it.
ANSWERED_FIRST = [False]
# To whom it has to be sent again; all others have an answer.
_NO_ANSWER = frozenset((429, 500, 503))
_NUMBER = re.compile(r"[0-9]+")
_PERIOD = {
    name: f"{day}T00:00:00+00:00"
    for name, day in {"period_from": "2026-11-01", "period_to": "2026-12-01"}.items()
}


@dataclass
class Post:
    """What is posted until it is answered.

    Attributes:
        told: the event, a list of them, or Stripe's.
        events: what it says, in the words of the ledger; none if it is not clear.
        stripes: whether Stripe posts it.
        ids: those of Stripe's events of this news.
        answer: what was heard at last.
    """

    told: Any
    events: list[dict[str, Any]]
    stripes: bool = False
    ids: set[str] = field(default_factory=set)
    status: int = 0
    answer: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_answered(self) -> bool:
        return self.status not in {0, *_NO_ANSWER}


class PostedWorld(World):
    """A world whose billing systems post.

    Args:
        ways: another source of chance than the schedule's, which stays the same with it.
        seed: of the schedule.
    """

    def __init__(self, ways: Random, seed: int) -> None:
        super().__init__(settings=SETTINGS, seed=seed)
        self.ways = ways
        self.posts: list[Post] = []
        self.forged: list[int] = []
        self.calm = False
        # By the number of its payment: whether Stripe tells of it, and of which sum.
        self._ways: dict[str, str] = {}
        self._paid: dict[str, str] = {}
        self._news = 0

    def __enter__(self) -> Self:
        super().__enter__()
        ssm = self.memory.client("ssm")
        for name, value in (("billing-key", KEY), ("stripe-secret", stripes.SECRET)):
            ssm.put_parameter(Name=f"/altegio/{name}", Value=value, Type="SecureString")
        self.memory.after = self._after
        return self

    # The billing system's side

    def bill(self, event: dict[str, Any], delay_s: int = 0) -> None:
        """As ever, or by HTTP, or as Stripe would tell of it; perhaps two at once."""
        about = event["payment_event_id" if event["type"] == "refund" else "event_id"]
        number = _NUMBER.findall(about)[0]
        way = self._ways.setdefault(number, self.ways.choice(("ours", "ours", "stripe")))
        if way == "stripe":
            self._by_stripe(event, number)
        elif self.ways.random() < 0.3:
            super().bill(event, delay_s)
        else:
            beside = [it.event for it in self.billed[-2:]] if self.ways.random() < 0.2 else []
            self.billed.append(Billed(json.dumps(event), event))
            self._begin(Post([event, *beside] if beside else event, [event, *beside]))

    def _by_stripe(self, event: dict[str, Any], number: str) -> None:
        invoice, line = f"in_{number}", f"il_{number}"
        key = f"{invoice}#{line}"
        if event["type"] == "payment":
            event = {**event, "amount": f"{Decimal(event['amount']):.2f}"}
            known = self._paid.setdefault(number, event["amount"])
            paid_at = int(instant(event["paid_at"]).timestamp())
            location = str(event["location_id"])
            # Only what was answered is contradicted: else either might come first.
            first = [it for it in self.posts if it.events and it.events[0]["event_id"] == key]
            if event["amount"] != known and not any(it.is_answered for it in first):
                event = {**event, "amount": known}
            cents = int(Decimal(event["amount"]) * 100)
            unclear = self.ways.random() < 0.1
            of = stripes.invoice(
                stripes.line(location, cents, line),
                id=invoice,
                amount_paid=cents - unclear,
                status_transitions={"paid_at": paid_at},
            )
            said = {**event, "event_id": key, **_PERIOD}
            if unclear or event["amount"] != known:
                self._begin(Post(stripes.event("invoice.paid", of), [], stripes=True))
                if event["amount"] != known:
                    return
                of = {**of, "amount_paid": cents}
            self.billed.append(Billed(json.dumps(said), said))
            self._begin(Post(stripes.event("invoice.paid", of), [said], stripes=True))
        elif number in self._paid and self.ways.random() < 0.7:
            note = f"cn_{_NUMBER.findall(event['event_id'])[0]}"
            cents = int(Decimal(self._paid[number]) * 100)
            of = stripes.credit_note(stripes.credit(cents, line), id=note, invoice=invoice)
            said = {"type": "refund", "event_id": f"{note}#{line}", "payment_event_id": key}
            said |= {"amount": self._paid[number], "currency": "EUR"}
            self.billed.append(Billed(json.dumps(said), said))
            self._begin(Post(stripes.event("credit_note.created", of), [said], stripes=True))
        else:
            super().bill({**event, "payment_event_id": key})

    def _begin(self, post: Post) -> None:
        self.posts.append(post)
        self.send(post)

    def send(self, post: Post) -> Task:
        """One request; nobody may hear its answer."""
        heard = None if not self.calm and self.ways.random() < 0.15 else partial(self._hear, post)
        if not post.stripes:
            event = http_event("POST", "/billing", body=json.dumps(post.told))
            event["headers"] = {"authorization": f"Bearer {KEY}"}
            if ANSWERED_FIRST[0]:
                self._hear(post, {"statusCode": 202, "body": "{}"})
            return self.start("billing", event, heard)
        self._news += not post.ids or self.ways.random() < 0.3
        event_id = f"evt_{self._news}"
        post.ids.add(event_id)
        body, header = stripes.signed({**post.told, "id": event_id}, self.clock())
        event = http_event("POST", "/billing/stripe", body=body)
        event["headers"] = {"stripe-signature": header}
        return self.start("billing", event, heard)

    def forge(self) -> Task:
        """Somebody else tells of a payment, with another key or another secret."""
        told: Any = {**stripes.paid(), "id": "evt_forged"}
        body, header = stripes.signed(told, self.clock(), stripes.SECRET[:-1] + "2")
        event = http_event("POST", "/billing/stripe", body=body)
        event["headers"] = {"stripe-signature": header}
        return self.start("billing", event, lambda it: self.forged.append(it["statusCode"]))

    def _hear(self, post: Post, answer: Any) -> None:
        post.status, post.answer = answer["statusCode"], json.loads(answer["body"])
        self.story.append(f"{post.events} answered {post.status} {answer['body']}")

    # What AWS does to the function

    def _before(self, operation: str, asked: Mapping[str, Any]) -> None:
        super()._before(operation, asked)
        if self._fails(operation, 0.04):
            raise refusal(operation, "InternalServerError", "not done")

    def _after(self, operation: str, _asked: Mapping[str, Any]) -> None:
        if self._fails(operation, 0.04):
            raise ReadTimeoutError(endpoint_url="done, and not told")

    def _fails(self, operation: str, chance: float) -> bool:
        task = Task.current()
        asked_by_billing = task is not None and task.name == "billing" and not self.calm
        return asked_by_billing and operation != "GetParameter" and self.ways.random() < chance


class PostedSchedule(Schedule):
    """The same moves; between them, what has no answer is posted again."""

    world: PostedWorld

    def work(self, steps: int) -> None:
        super().work(steps)
        waiting = [it for it in self.world.posts if not it.is_answered]
        if waiting and self.world.ways.random() < 0.3:
            self.world.send(self.world.ways.choice(waiting))
        elif self.world.ways.random() < 0.03:
            self.world.forge()


def run(seed: int, *, broken: Callable[[], AbstractContextManager[Any]] = nullcontext) -> Run:
    """One schedule, as `runs.run`."""
    # The application itself draws waits from the common source.
    random.seed(seed)
    with broken():
        try:
            with PostedWorld(Random(-1 - seed), seed) as world:  # noqa: S311 - must be repeatable
                PostedSchedule(world, Random(seed)).play(MOVES)  # noqa: S311 - the same
                _answered(world)
                settle(world)
                _judged(world)
                states = judge(cast("Judged", _WithoutStripesLetters(world)))
                events_out.judge(world, Random(seed))  # noqa: S311 - the same
                return Run(seed, states)
        except Exception as error:  # noqa: BLE001 - whatever it is, this schedule shows it
            return Run(seed, Counter(), f"{type(error).__name__}: {error}")


def first_wrong(seeds: Iterable[int], broken: Callable[[], Any]) -> Run | None:
    """The first schedule that notices that a rule is broken; None if none does."""
    runs = map(partial(run, broken=broken), seeds)
    return next((it for it in runs if it.wrong), None)


def _answered(world: PostedWorld) -> None:
    """AWS is well again, and everybody posts until he is answered."""
    world.calm = True
    for task in list(world.tasks):
        if not task.done:
            world.finish(task)
    for _ in range(5):
        for post in world.posts:
            if not post.is_answered:
                # Whoever's clock was ahead has used up what may be asked in that minute.
                world.advance(15 if world.are_clocks_wrong else 1)
                world.finish(world.send(post))
    if waiting := [it.events for it in world.posts if not it.is_answered]:
        raise Wrong(f"never answered: {waiting}")


def _judged(world: PostedWorld) -> None:
    """What was answered is so.

    Raises:
        Wrong: it is not.
    """
    rows = {row["key"]: row for row in world.rows("PAYMENTS_TABLE") if "state" in row}
    letters = [json.loads(it["Body"]) for it in world.dead_letters()]
    faults = [*_untrue(world, rows, {it["event_id"] for it in letters if "livemode" in it})]
    if faults:
        told = "\n  ".join(world.story[-600:])
        raise Wrong("; ".join(faults) + f"\n  {told}")


def _untrue(
    world: PostedWorld, rows: Mapping[str, Mapping[str, Any]], letters: set[str]
) -> Iterator[str]:
    for post in world.posts:
        for event, status in _statuses(post):
            yield from _of_event(rows.get(_key(event)), event, status, post.answer)
        if post.stripes and bool(post.answer.get("letter")) != (not post.events):
            yield f"a letter, or none, of {post.told['id']}: {post.answer}"
        if post.answer.get("letter") and not post.ids & letters:
            yield f"{post.ids} was accepted, and is no letter"
    known = {_key(it.event) for it in world.billed}
    for key in rows:
        if key not in known and not key.startswith(HOSTED):
            yield f"{key} was told by nobody"
    if set(world.forged) - {401}:
        yield f"forged, and answered {world.forged}"


def _of_event(
    row: Mapping[str, Any] | None, event: Mapping[str, Any], status: int, answer: Any
) -> Iterator[str]:
    is_its = row is not None and _says(row, event)
    match status:
        case 200 | 202 if not is_its:
            yield f"{_key(event)} was accepted, and the ledger has {row and row['facts']}"
        case 409 if row is None or is_its:
            yield f"{_key(event)} was refused as another, and is none"
        case 400:
            yield f"{_key(event)} was refused: {answer}"


def _key(event: Mapping[str, Any]) -> str:
    return f"{event['type']}#{event['event_id']}"


def _statuses(post: Post) -> Iterator[tuple[dict[str, Any], int]]:
    """What each event of a post was answered."""
    results = post.answer.get("results")
    for number, event in enumerate(post.events):
        yield event, results[number]["status"] if results else post.status


def _says(row: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    facts = row["facts"]
    if event["type"] == "refund":
        return bool(facts["payment_event_id"] == event["payment_event_id"])
    same = Decimal(facts["amount"]) == Decimal(event["amount"])
    return same and row["location_id"] == event["location_id"]


class _WithoutStripesLetters:
    """A world as the judge of the queue sees it: letters of Stripe's are judged here."""

    def __init__(self, world: PostedWorld) -> None:
        self._world = world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world, name)

    def dead_letters(self) -> list[dict[str, Any]]:
        return [it for it in self._world.dead_letters() if '"livemode"' not in it["Body"]]
