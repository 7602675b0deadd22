"""Nobody starves anybody: whatever one does, the others come within a known time."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random
from statistics import median
from types import SimpleNamespace
from typing import Any

import pytest

from local.simulator import Owner
from shared.altegio.order import (
    CENSUS,
    HISTORY,
    HISTORY_OF_ACCOUNT,
    HISTORY_OF_ALL,
    ORDER,
    PAGES,
    PAYMENTS,
    POP_UPS,
    POP_UPS_OF_ACCOUNT,
    QUESTIONS,
    Patience,
)
from shared.altegio.rate_limit import First, Pace, Paused, Share
from shared.altegio.settings import PacePolicy
from shared.aws.dynamodb import StaleWrite
from shared.calls.table import Calls
from shared.reconcile import schedule
from tests.chaos.tasks import Task
from tests.chaos.world import LOCATIONS, World
from tests.deployment import TEMPLATE, Deployment, finished, http_event, payment, ringing

RULES = PacePolicy(5, 200, 30)
INTERVAL = RULES.interval
LIMIT = {"PACE_PER_S": "5", "PACE_PER_MIN": "200"}
NEIGHBOUR = Owner(id=7777, email="neighbour@example.com")


# The order of all


def workers(function: str) -> int:
    wiring = TEMPLATE.wire({"ApplicationId": "1"}, endpoint_url="", api_url="")
    return sum(it.concurrency for it in wiring.mappings if it.function == function)


def test_behind_any_crowd_of_the_others_each_payment_finds_a_place() -> None:
    """The others' last place is an interval beyond their reach; each worker takes one more."""
    reaches = [it.reach_s for it in ORDER]
    assert reaches == sorted(reaches, reverse=True)
    assert len(set(reaches)) == len(ORDER)
    needed_s = workers("PaymentsFunction") * INTERVAL.total_seconds()
    assert PAYMENTS.reach_s - max(reaches[1:]) >= needed_s


def test_a_payment_waits_about_half_a_second_for_pop_ups_and_less_than_one_for_all() -> None:
    beyond_s = 1.5 * INTERVAL.total_seconds()
    assert POP_UPS.reach_s + beyond_s < 0.7
    assert PAGES.reach_s + beyond_s < 0.9


def test_what_is_woken_for_the_history_is_never_more_than_can_be_sent() -> None:
    """Half of the pace is left to reconcile, and half of the door's to any other account."""
    assert HISTORY_OF_ALL.part <= 0.5
    assert HISTORY_OF_ACCOUNT.part <= HISTORY_OF_ALL.part / 2
    assert HISTORY_OF_ACCOUNT.burst <= HISTORY_OF_ALL.burst / 2


class Crowd:
    """Actors at one row of the pace, each in a thread of its own, in a time of their own."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.clock = deployment.clock
        self.turns: list[datetime] = []
        self._tasks: list[Task] = []

    def pace(self, patience: Patience, key: str = "platform", rules: PacePolicy = RULES) -> Pace:
        return Pace(
            self.deployment._dynamodb,
            self.deployment.environments["calls"]["PACE_TABLE"],
            clock=self.clock,
            sleep=self.sleep,
            rules=rules,
            ahead_s=patience.ahead_s,
            patience_s=patience.reach_s - patience.ahead_s,
            stays_s=patience.stays_s,
            key=key,
        )

    def sleep(self, seconds: float) -> None:
        task = Task.current()
        assert task is not None
        task.pause("sleep", self.clock() + timedelta(seconds=max(seconds, 0.001)))

    def add(self, most: int, turn: Callable[[], None], think: Callable[[], float]) -> list[float]:
        """So many that take a turn again and again; the seconds that each has waited for it."""
        waits: list[float] = []

        def act() -> None:
            while True:
                self.sleep(think())
                began = self.clock()
                with suppress(Paused):
                    turn()
                    self.turns.append(self.clock())
                    waits.append((self.clock() - began).total_seconds())

        self._tasks += [Task("actor", act, self.clock(), None) for _ in range(most)]
        return waits

    def run(self, seconds: float) -> None:
        until = self.clock() + timedelta(seconds=seconds)
        while self.clock() < until:
            now = self.clock()
            for task in self._tasks:
                if task.wake_at is None or task.wake_at <= now:
                    task.resume(alone=True)
                if task.error is not None:
                    raise task.error
            self.clock.at = min(it.wake_at for it in self._tasks if it.wake_at is not None)
        for task in self._tasks:
            task.resume(kill=True)


def test_payments_hardly_wait_while_all_others_hammer(deployment: Deployment) -> None:
    """Each of them without any bound of its own, as if all came from different people."""
    random = Random(0)  # noqa: S311 - a schedule, no secret
    crowd = Crowd(deployment)
    jump = RULES.jump
    assert jump is not None
    first = First(crowd.pace(POP_UPS, "pop-up", jump), crowd.pace(POP_UPS))
    own = crowd.pace(CENSUS, "census", RULES.share(0.3))
    hammers = lambda: random.uniform(0.01, 0.2)  # noqa: E731
    payments = crowd.add(
        workers("PaymentsFunction"), crowd.pace(PAYMENTS).wait, lambda: random.uniform(0.5, 5)
    )
    crowd.add(15, first.wait, hammers)
    crowd.add(15, lambda: crowd.pace(PAGES).take(10), hammers)
    crowd.add(3, lambda: crowd.pace(QUESTIONS).take(10), hammers)
    crowd.add(workers("CallsFunction"), crowd.pace(HISTORY).wait, hammers)
    crowd.add(1, lambda: Share(own, crowd.pace(CENSUS)).take(10), hammers)
    crowd.run(90)
    assert len(payments) > 30
    assert median(payments) < 1
    assert max(payments) < 2
    # All of the pace is used, and nothing beyond it.
    turns = sorted(crowd.turns)
    assert len(turns) > 250
    assert max(sum(at <= it < at + timedelta(seconds=60) for it in turns) for at in turns) <= 200


def test_who_stays_comes_before_who_reaches_less_far(deployment: Deployment) -> None:
    """Also when the place in question is out of both their reaches at first."""
    crowd = Crowd(deployment)
    pages = crowd.add(1, lambda: crowd.pace(PAGES).take(10), lambda: 0.5)
    histories = crowd.add(2, crowd.pace(HISTORY).wait, lambda: 0.01)
    crowd.run(60)
    assert max(pages) < 2 * INTERVAL.total_seconds()
    assert len(histories) + len(pages) > 60 / INTERVAL.total_seconds() * 0.95


# Pop-ups


@pytest.fixture
def keys(deployment: Deployment) -> tuple[str, str]:
    """Of two accounts, one location each."""
    mine = deployment.connect(4564).pbx_key
    neighbours = deployment.connect(4777, owner=NEIGHBOUR).pbx_key
    deployment.reconcile()
    deployment.clock.advance(seconds=60)
    deployment.restart(**LIMIT)
    return mine, neighbours


def ring(deployment: Deployment, key: str, call_id: str, location_id: int = 4564) -> str:
    at = deployment.clock().isoformat()
    event = {**ringing(call_id, location_id), "at": at}
    return str(deployment.call(event, key)[1]["pop_up"])


def end(deployment: Deployment, key: str, call_id: str, location_id: int = 4564) -> None:
    at = (deployment.clock() - timedelta(seconds=90)).isoformat()
    status, _ = deployment.call({**finished(call_id, location_id), "started_at": at}, key)
    assert status == 202


@pytest.fixture
def transactions(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[dict[str, Any]]]:
    """All that are asked for."""
    made: list[dict[str, Any]] = []
    real = deployment._dynamodb.transact_write_items

    def transact(**asked: Any) -> Any:
        made.append(asked)
        return real(**asked)

    monkeypatch.setattr(deployment._dynamodb, "transact_write_items", transact)
    return iter([made])


def test_one_account_s_pop_ups_use_half_the_pace_at_most(
    deployment: Deployment, keys: tuple[str, str]
) -> None:
    shown, began = 0, deployment.clock()
    number = 0
    while deployment.clock() - began < timedelta(minutes=2):
        shown += ring(deployment, keys[0], f"c-{number}") == "sent"
        deployment.clock.advance(seconds=0.1)
        number += 1
    per_minute = timedelta(minutes=1) / INTERVAL * POP_UPS_OF_ACCOUNT.part
    assert 0.8 * 2 * per_minute < shown <= 2 * per_minute + POP_UPS_OF_ACCOUNT.burst


def test_who_is_above_his_share_does_not_touch_what_all_share(
    deployment: Deployment, keys: tuple[str, str], transactions: Iterator[list[dict[str, Any]]]
) -> None:
    number = 0
    while ring(deployment, keys[0], f"c-{number}") == "sent" or number < 50:
        number += 1
    [made] = transactions
    made.clear()
    assert ring(deployment, keys[0], "one-more") == "too many calls at once"
    assert made == []
    deployment.clock.advance(seconds=1)
    assert ring(deployment, keys[1], "n-1", 4777) == "sent"


def test_a_group_of_telephones_uses_up_nothing(
    deployment: Deployment, keys: tuple[str, str]
) -> None:
    assert ring(deployment, keys[0], "c-1") == "sent"
    for _ in range(3 * POP_UPS_OF_ACCOUNT.burst):
        assert ring(deployment, keys[0], "c-1").startswith("shown before")
    deployment.clock.advance(seconds=1)
    assert ring(deployment, keys[0], "c-2") == "sent"


@pytest.mark.parametrize("telephones", [POP_UPS_OF_ACCOUNT.burst, 15])
def test_nor_does_one_whose_telephones_ask_at_the_same_moment(telephones: int) -> None:
    """Each takes one step after the other: none knows of the others when it begins."""
    told: list[str] = []
    with World(settings=LIMIT) as world:
        page = world.connect(LOCATIONS[0])
        assert page
        world.run("reconcile", {})
        world.advance(60)

        def rings(call_id: str, extension: str) -> None:
            at = {"at": world.clock().isoformat(), "extension": extension}
            body = json.dumps({**ringing(call_id, LOCATIONS[0]), **at})
            event = http_event("POST", "/calls", body=body)
            event["headers"] = {"authorization": f"Bearer {page.pbx_key}"}
            world.start("calls", event, lambda it: told.append(json.loads(it["body"])["pop_up"]))

        def all_answered() -> Counter[str]:
            while any(not task.done for task in world.tasks):
                for task in world.runnable():
                    world.step(task)
                world.advance(0.01)
            return Counter(told)

        for number in range(telephones):
            rings("c-1", f"{100 + number}")
        repeated = "shown before, or the call is over"
        assert all_answered() == {"sent": 1, repeated: telephones - 1}
        for number in range(POP_UPS_OF_ACCOUNT.burst - 1):
            rings(f"d-{number}", "101")
            assert all_answered()["sent"] == 2 + number


def test_a_bound_is_forgotten_when_it_is_of_no_use(
    deployment: Deployment, keys: tuple[str, str]
) -> None:
    ring(deployment, keys[0], "c-1")
    end(deployment, keys[0], "c-1")
    rows = {row["key"]: row.get("expires_at") for row in deployment.rows("PACE_TABLE")}
    assert rows.pop("platform") is None
    account_id = deployment.connection(4564).account_id
    day = int((deployment.clock() + timedelta(days=1)).timestamp())
    for kind in ("pop-up", "history"):
        assert rows[f"{kind}#{account_id}"] == pytest.approx(day, abs=5)


# Calls that have ended


def test_a_call_is_a_row_before_the_door_answers(
    deployment: Deployment, keys: tuple[str, str]
) -> None:
    end(deployment, keys[0], "c-1")
    account_id = deployment.connection(4564).account_id
    call = deployment.calls.get(f"{account_id}#c-1")
    assert call is not None
    assert call.state == "waiting"


def test_legs_that_cannot_be_written_now_are_heard_off_the_queue(
    deployment: Deployment, keys: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as crowded:

        def overtaken(_calls: Calls, call: Any) -> Any:
            raise StaleWrite(call.key)

        crowded.setattr(Calls, "save", overtaken)
        end(deployment, keys[0], "c-1")
    assert deployment.rows("CALLS_TABLE") == []
    deployment.drain_calls()
    [row] = deployment.rows("CALLS_TABLE")
    assert (row["call_id"], row["state"]) == ("c-1", "waiting")


def end_many(deployment: Deployment, key: str, initial: str, number: int, *at: int) -> None:
    for each in range(number):
        end(deployment, key, f"{initial}-{each}", *at)


def woken_by_reconcile(deployment: Deployment) -> list[str]:
    """The initials of those that it has woken; what the door has woken is taken before."""
    deployment.clock.advance(seconds=6)
    deployment.woken_calls()
    deployment.invoke("reconcile", {})
    deployment.clock.advance(seconds=3)
    return [call_id[0] for call_id in deployment.woken_calls()]


def test_thousands_of_calls_hold_up_nobody_else_s(
    deployment: Deployment, keys: tuple[str, str]
) -> None:
    end_many(deployment, keys[0], "c", 400)
    end(deployment, keys[1], "n-1", 4777)
    deployment.clock.advance(seconds=6)
    found = deployment.woken_calls()
    assert len(found) == HISTORY_OF_ACCOUNT.burst + 1
    assert found[-1] == "n-1"


def test_what_is_beyond_the_allowance_is_taken_in_turn(
    deployment: Deployment, keys: tuple[str, str]
) -> None:
    end_many(deployment, keys[0], "c", 400)
    end_many(deployment, keys[1], "n", HISTORY_OF_ACCOUNT.burst + 2, 4777)
    begins = woken_by_reconcile(deployment)
    assert begins[:6] in (3 * ["c", "n"], 3 * ["n", "c"])
    # The rest of the run's are told evenly until the next, and are half the pace.
    deployment.clock.advance(seconds=57)
    assert len(begins) + len(deployment.woken_calls()) == 100


def test_a_crowd_of_more_calls_than_are_read_hides_nobody_else_s(
    deployment: Deployment, keys: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "_MOST_CALLS", 50)
    end_many(deployment, keys[0], "c", 200)
    deployment.clock.advance(seconds=1)
    end_many(deployment, keys[1], "n", HISTORY_OF_ACCOUNT.burst + 2, 4777)
    assert "n" in woken_by_reconcile(deployment)


# Reconcile


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row takes a third of a second, so that a run takes some seventy."""
    seconds = iter(range(10**9))
    slow = SimpleNamespace(monotonic=lambda: next(seconds) / 6)
    for module in ("shared.reconcile.schedule", "functions.reconcile.app"):
        monkeypatch.setattr(f"{module}.time", slow)


def asked(deployment: Deployment) -> int:
    return len(deployment.simulator.calls("status"))


def test_a_thousand_whose_cover_has_ended_are_warned_of_by_our_own_tables(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    """Each is warned of once an hour, and asked about once a day."""
    deployment.crowd(1000)
    before = asked(deployment)
    logged()
    deployment.let_time_pass(60)
    assert logged().count('"switch-off near"') == pytest.approx(1000, rel=0.03)
    assert asked(deployment) - before == pytest.approx(1000 / 24, rel=0.1)


@pytest.mark.usefixtures("busy")
def test_a_hint_stands_behind_no_crowd(deployment: Deployment) -> None:
    """Not even if all of them have to be asked about at once, and the hint's wake-up is lost."""
    deployment.connect(4564)
    deployment.crowd(300, watched_at=None, due_at=deployment.clock() - timedelta(hours=1))
    deployment.simulator.disconnect(4564, webhook="never")
    deployment.clock.advance(minutes=2)
    deployment.webhook(deployment.event(4564))
    deployment.reconcile()
    assert deployment.connection(4564).state == "disabled"


@pytest.mark.usefixtures("busy")
def test_a_crowd_of_one_kind_holds_up_no_other(deployment: Deployment) -> None:
    """An unclear payment is looked up, and a held one sent, while hundreds of locations are due."""
    deployment.connect(4564)
    deployment.simulator.fault("payment", "drop_answer")
    deployment.bill(payment())
    deployment.connect(4232)
    deployment.simulator.disconnect(4232, webhook="never")
    deployment.webhook(deployment.event(4232))
    deployment.clock.advance(minutes=2)
    deployment.reconcile()
    deployment.bill(payment("inv-2", 4232))
    deployment.connect(4232)
    deployment.clock.advance(minutes=20)
    deployment.crowd(300, watched_at=None, due_at=deployment.clock() - timedelta(hours=1))
    deployment.reconcile()
    assert deployment.entry("payment#inv-1").state == "SENT"
    assert deployment.entry("payment#inv-2").state == "SENT"
