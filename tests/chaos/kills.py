"""SIGKILL at random moments: the real functions as processes, under load, and judged by the same
invariants as the schedules.

`python -m tests.chaos.kills --help`. The seed decides what is billed, what goes wrong and who is
killed; when exactly is up to the machine, so no run is like another.
"""

import argparse
import json
import re
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx

from local import PROJECT
from local.examples.webhook import Webhook
from local.simulator import Simulator
from local.stack.environment import Environment
from local.stack.stack import Stack
from shared.aws.dynamodb import from_item
from shared.payments.entry import EntryState
from tests.chaos.campaigns import Progress
from tests.chaos.judge import Wrong, entries, judge
from tests.chaos.places import PAID_AT
from tests.chaos.schedule import AMOUNTS, UNFINISHED
from tests.chaos.world import Billed
from tests.deployment import Page, payment, refund

SETTINGS = {
    "RECONCILE_EVERY_S": "1",
    "HTTP_TOTAL_S": "0.8",
    "RETRY_BASE_S": "0.5",
    # Each above the one before, as in the template, and above what a function takes on a machine
    # that has other things to do.
    "LEASE_S": "2",
    "ABSENCE_DELAY_S": "2.5",
    # Longer than most payments take that are killed time and again.
    "REFUND_WAIT_S": "90",
    "PACE_PER_S": "1000",
    "PACE_PER_MIN": "60000",
}
LOGS = PROJECT / "build" / "kills"
# Seconds until the message of a killed function is seen again; the template has six times the
# function's timeout, for which nobody waits here. Too short is harmless: two workers then have it.
VISIBILITY_S = 2
# Enough that a look at all entries of one is quick, and few enough that many are equal.
LOCATIONS = range(1, 25)
# Of these the platform takes no more of some payments.
_REFUSED = LOCATIONS[:2]
# Messages that wait for a worker.
_DEPTH = 10
_PATIENCE_S = 180.0
# Seconds that the platform takes for a payment: mostly long enough to be killed meanwhile.
_SLOW_S = (0.05, 0.4)
# Too late for whoever asked.
_LATE_S = 1.5
_ROUTES = ("payment", "payment", "payment", "refund", "status")
_FAULTS: tuple[dict[str, Any], ...] = (
    *({"kind": "drop_answer"}, {"kind": "drop_request"}) * 2,
    {"kind": "late_answer", "seconds": _LATE_S},
    {"kind": "delay", "seconds": _LATE_S},
    {"kind": "cut_answer"},
    {"kind": "trickle"},
    {"kind": "empty"},
    {"kind": "html"},
    {"kind": "html_done"},
    {"kind": "success_false"},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 429},
    {"kind": "status", "status": 429, "retry_after": 1},
    {"kind": "status", "status": 403},
)


# What is told of an entry that has come to its end.
_WORDS = {
    EntryState.SENT: "sent",
    EntryState.REJECTED: "rejected",
    EntryState.NEEDS_HUMAN: "needs_person",
}


def _word(kind: str) -> str:
    word = kind.split(".")[1]
    return {"done": "sent", "recorded": "sent"}.get(word, word)


@dataclass(frozen=True, slots=True)
class Toll:
    """What a run has cost, and what has come of it.

    Attributes:
        wrong: the invariants that do not hold, with the story; empty if all do.
        working: killed while they worked on an invocation.
        idle: killed while they had none, or had just answered.
        billed: messages of the billing system, repeats too.
        payments: on the platform.
        refunds: on the platform.
        stranded: claims whose worker did not come back.
        adopted: payments that were found on the platform's list.
        absent: looks at that list that found none.
        states: how many entries ended how.
        asked: why a person was asked, and how often.
        seconds: of all of it.
        told: events out of entries, each once by its id.
    """

    wrong: str
    told: int
    working: int
    idle: int
    billed: int
    payments: int
    refunds: int
    stranded: int
    adopted: int
    absent: int
    states: Counter[str]
    asked: Counter[str]
    seconds: float

    def in_words(self) -> str:
        """All of it."""
        states, asked = (
            "".join(f", {number} {what}" for what, number in counted.most_common())
            for counted in (self.states, self.asked)
        )
        return (
            f"{self.working} killed at work, {self.idle} idle, {self.seconds:.0f} s: "
            f"{self.billed} events, {self.payments} payments, {self.refunds} refunds{states}; "
            f"{self.stranded} claims stranded, {self.adopted} payments found, "
            f"{self.absent} looks in vain, {self.told} events told; "
            + (self.wrong or "0 lost, 0 doubled, 0 unfinished")
            + (f"; asked a person{asked}" if asked else "")
        )


class Machine:
    """The local stack, its platform and a billing system, on a machine where processes die."""

    def __init__(self, simulator: Simulator, stack: Stack, seed: int) -> None:
        self.billed: list[Billed] = []
        self.hosted: frozenset[int] = frozenset()
        self.refused: set[int] = set()
        self.echo_at: datetime | None = None
        self.are_clocks_wrong = False
        self.story: list[str] = []
        self.platform = simulator.platform
        self.killed = 0
        self._simulator = simulator
        self._stack = stack
        self._sqs = stack.client("sqs")
        self._dynamodb = stack.client("dynamodb")
        self._began_at = time.monotonic()
        # One each, so that the order in which things happen changes none of them.
        self._bills, self._faults, self._deaths = (
            Random(f"{seed} {what}")  # noqa: S311  # no secret
            for what in ("bills", "faults", "deaths")
        )
        self._payments = self._refunds = 0
        self._sqs.set_queue_attributes(
            QueueUrl=stack.billing_queue_url, Attributes={"VisibilityTimeout": str(VISIBILITY_S)}
        )

    def begin(self) -> None:
        """The owner connects all locations, and a first payment shows how dates read back.

        Raises:
            TimeoutError: it did not come to that.
        """
        page = _page(httpx.get(self._simulator.grant(*LOCATIONS), timeout=_PATIENCE_S))
        _page(httpx.post(f"{self._stack.api}/connect", data=page.fields, timeout=_PATIENCE_S))
        self._bill_payment()
        if not _becomes(
            lambda: any(row["key"] == "echo" for row in self.rows("PAYMENTS_TABLE")),
            _PATIENCE_S,
            every_s=0.1,
        ):
            raise TimeoutError("the first payment is not reported")
        self.echo_at = datetime.now(UTC)

    # The billing system

    def load(self) -> None:
        """Bills until enough messages wait."""
        for _ in range(_DEPTH - self.queued("ApproximateNumberOfMessages")):
            choice = self._bills.random()
            if choice < 0.7:
                self._bill_payment()
            elif choice < 0.85:
                self._bill_again()
            else:
                self._bill_refund()

    def _bill_payment(self) -> None:
        self._payments += 1
        location_id = self._bills.choice(LOCATIONS)
        amount, paid_at = self._bills.choice(AMOUNTS), self._bills.choice(PAID_AT)
        self._bill(payment(f"inv-{self._payments}", location_id, amount=amount, paid_at=paid_at))
        if self._bills.random() < 0.7:
            kind = self._bills.choice(("delay", "late_answer"))
            self._simulator.fault("payment", kind, seconds=self._bills.uniform(*_SLOW_S))

    def _bill_again(self) -> None:
        """The same message, or one that contradicts it."""
        event = self._bills.choice(self.billed).event
        if self._bills.random() < 0.1 and event["type"] == "payment":
            event = {**event, "amount": "30"}
        self._bill(event)

    def _bill_refund(self) -> None:
        """Of a payment that may be anywhere on its way."""
        self._refunds += 1
        of = f"inv-{self._bills.randint(1, self._payments)}"
        self._bill(refund(f"ref-{self._refunds}", of=of))

    def _bill(self, event: dict[str, Any]) -> None:
        body = json.dumps(event)
        self.billed.append(Billed(body, event))
        self._sqs.send_message(QueueUrl=self._stack.billing_queue_url, MessageBody=body)

    # What goes wrong

    def disturb(self) -> None:
        """Now and then something will go wrong with a call."""
        choice = self._faults.random()
        if choice < 0.25:
            self._order(self._faults.choice(_ROUTES), **self._faults.choice(_FAULTS))
        elif choice < 0.27:
            location_id = self._faults.choice(_REFUSED)
            self.refused.add(location_id)
            self._order("payment", kind="status", status=422, location_id=location_id)

    def _order(self, route: str, **fault: Any) -> None:
        self._simulator.fault(route, **fault)
        self._tell(f"{route}: {fault}")

    def kill(self) -> None:
        """Somebody who works dies, or all who do, or somebody who does not."""
        function = self._deaths.choices(("payments", "reconcile", "events"), (5, 1, 1))[0]
        if not _becomes(lambda: self._at_work(function), 2):
            return
        if function != "events":  # which is at work for some milliseconds
            self._wait_for_the_moment()
        choice = self._deaths.random()
        if choice < 0.05:
            idle = [it for it in self._stack.environments(function) if not it.is_working]
            victims = idle[:1]
        elif choice < 0.15:
            victims = self._at_work(function)
        else:
            victims = self._at_work(function)[:1]
        for environment in victims:
            environment.kill()
            self._tell(f"{function} dies")
        self.killed += len(victims)

    def _wait_for_the_moment(self) -> None:
        """Just after a call has reached the platform, or any."""
        if self._deaths.random() < 0.5:
            calls = len(self._simulator.journal)
            _becomes(lambda: len(self._simulator.journal) > calls, 0.5)
            time.sleep(self._deaths.uniform(0, 0.05))
        else:
            time.sleep(self._deaths.uniform(0, 0.25))

    def _at_work(self, function: str) -> list[Environment]:
        """In any order."""
        found = [it for it in self._stack.environments(function) if it.is_working]
        self._deaths.shuffle(found)
        return found

    # What becomes of it

    def settle(self, progress: Progress) -> None:
        """Nothing goes wrong any more, until everything has come to its end.

        Raises:
            Wrong: it does not.
        """
        self._simulator.clear_faults()
        late = time.monotonic() + _PATIENCE_S
        while left := self._unfinished():
            everything = len(entries(self)) + 1
            progress(max(0, everything - len(left)), everything)
            if time.monotonic() > late:
                raise Wrong(f"unfinished after {_PATIENCE_S:g} s: {left}")
            time.sleep(0.5)

    def _unfinished(self) -> list[str]:
        """All locations stay connected, so nothing has a reason to be held."""
        unfinished = (*UNFINISHED, EntryState.HELD)
        rows = [row["key"] for row in entries(self) if row["state"] in unfinished]
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return rows + ["a message"] * self.queued(*names)

    def hear(self, webhook: Webhook) -> int:
        """Waits until what has become of each entry was told; returns how many events that were.

        Raises:
            Wrong: it was not, or under two ids, or of an entry that there is not.
        """
        ends = {
            f"{_WORDS[row['state']]} {row['key']}": row["state"] == EntryState.SENT
            for row in entries(self)
            if row["state"] in _WORDS
        }

        def told() -> Counter[str]:
            return Counter(
                f"{_word(it.kind)} {it.kind.split('.')[0]}#{it.event['event_id']}"
                for it in webhook.told()
                if "event_id" in it.event
            )

        _becomes(lambda: ends.keys() <= told().keys(), _PATIENCE_S, every_s=0.1)
        found, keys = told(), {row["key"] for row in entries(self)}
        faults = [f"nobody was told: {end}" for end in ends.keys() - found.keys()]
        faults += [
            f"told {found[end]} times: {end}" for end in ends if ends[end] and found[end] > 1
        ]
        faults += [f"made up: {it}" for it in found if it.split(" ", 1)[1] not in keys]
        if faults:
            raise Wrong("; ".join(faults))
        return found.total()

    def died(self) -> int:
        """Invocations that ended with their process, by the log that Lambda itself writes."""
        return self._log().count("Runtime.ExitError")

    def toll(self, wrong: str, told: int = 0) -> Toll:
        """Everything counted."""
        log, working = self._log(), self.died()
        paid = [it for number in LOCATIONS for it in self.platform.payments(number)]
        rows = entries(self)
        return Toll(
            wrong=wrong,
            told=told,
            working=working,
            idle=self.killed - working,
            billed=len(self.billed),
            payments=len(paid),
            refunds=sum(it.is_refunded for it in paid),
            stranded=log.count('"message":"lease passed"'),
            adopted=log.count('"message":"adopted"'),
            absent=log.count('"message":"absent"'),
            states=Counter(row["state"] for row in rows),
            asked=Counter(row["why"] for row in rows if row["state"] == EntryState.NEEDS_HUMAN),
            seconds=time.monotonic() - self._began_at,
        )

    @property
    def metrics(self) -> list[str]:
        """What was counted, also by a process that was killed before it could put it out."""
        log = self._log()
        doubled = log.count("more payments than were billed")
        return re.findall(r'"Name":"(\w+)"', log) + ["Doubled"] * doubled

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table, by the name of its variable."""
        name = self._stack.functions["ReconcileFunction"].environment[table]
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=name, ConsistentRead=True)
        return [from_item(item) for page in pages for item in page["Items"]]

    def dead_letters(self) -> list[dict[str, Any]]:
        """The messages of the billing system's dead-letter queue."""
        found: list[dict[str, Any]] = []
        while messages := self._sqs.receive_message(
            QueueUrl=self._stack.queues["BillingDeadLetters"],
            MaxNumberOfMessages=10,
            VisibilityTimeout=3600,
        ).get("Messages"):
            found += messages
        return found

    def queued(self, *attributes: str) -> int:
        """Messages on the billing queue, by the attributes of SQS."""
        answer = self._sqs.get_queue_attributes(
            QueueUrl=self._stack.billing_queue_url, AttributeNames=attributes
        )
        return sum(map(int, answer["Attributes"].values()))

    def _log(self) -> str:
        return "".join(
            self._stack.function_log(name) for name in ("payments", "reconcile", "events")
        )

    def _tell(self, what: str) -> None:
        self.story.append(f"{time.monotonic() - self._began_at:7.2f} s  {what}")


def run(number: int, seed: int, progress: Progress, *, artifact: Path | None = None) -> Toll:
    """Kills until so many have died at work, lets the dust settle, and judges.

    Args:
        number: how many.
        seed: of every choice.
        progress: is told how many of them have died; then how many entries have come to their end.
        artifact: what runs; None is the project's.

    Raises:
        TimeoutError: it did not even begin.
    """
    with (
        Simulator() as simulator,
        Stack(platform_url=simulator.url, settings=SETTINGS, artifact=artifact, logs=LOGS) as stack,
        Webhook(stack.client("events"), stack.outputs["EventBusName"]) as webhook,
    ):
        simulator.redirect_url = f"{stack.api}/connect"
        simulator.callback_url = f"{stack.api}/webhooks/altegio"
        machine = Machine(simulator, stack, seed)
        machine.begin()
        while (died := machine.died()) < number:
            progress(died, number)
            machine.load()
            machine.disturb()
            machine.kill()
        try:
            machine.settle(progress)
            judge(machine)
            told = machine.hear(webhook)
        except Wrong as wrong:
            return machine.toll(str(wrong))
        return machine.toll("", told)


def main(arguments: list[str]) -> int:
    """Run it alone; 1 if anything is wrong."""
    # Not above: that module imports this one.
    from tests.chaos.__main__ import Screen  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="python -m tests.chaos.kills", description=__doc__)
    parser.add_argument("n", type=int, nargs="?", default=200, help="killed at work")
    parser.add_argument("--seed", type=int, help="of every choice; at random if left out")
    options = parser.parse_args(arguments)
    seed = options.seed if options.seed is not None else secrets.randbelow(10**9)
    screen = Screen()
    screen.result("seed", f"{seed}, logs in {LOGS.relative_to(PROJECT)}")
    told = run(options.n, seed, lambda done, of: screen.progress("real kills", done, of))
    screen.result("real kills", told.in_words())
    return 1 if told.wrong else 0


def _page(answer: httpx.Response) -> Page:
    return Page(answer.status_code, dict(answer.headers), answer.text)


def _becomes(holds: Callable[[], Any], within_s: float, every_s: float = 0.005) -> bool:
    late = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > late:
            return False
        time.sleep(every_s)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
