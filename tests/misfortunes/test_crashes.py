"""A function may die at any moment: before and after each of its calls to AWS and the platform.

Each test first runs a scenario whole and counts its calls, then runs it once per call and side of
it, kills it there, lets the world go on (SQS brings the message again, reconcile runs), and asks
the platform what it got.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest

from local.simulator import Owner
from shared.altegio.client import Client
from shared.connections.crm_token import CrmTokenState
from shared.payments.entry import EntryState
from tests.deployment import Deployment, finished, payment, refund
from tests.memory import Memory


class Killed(BaseException):
    """The execution environment is gone; no `except` of the application sees it."""


class Calls:
    """Counts the calls to the outside, and kills at a chosen one."""

    def __init__(self, memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[str] = []
        self._kill_at: tuple[int, str] | None = None
        self._watching = False
        memory.before, memory.after = self._before, self._after
        platform = Client._exchange

        def exchange(
            altegio: Any, client: Any, method: str, path: str, body: Any, **rest: Any
        ) -> Any:
            self._before(f"{method} {path}")
            answer = platform(altegio, client, method, path, body, **rest)
            self._after()
            return answer

        monkeypatch.setattr(Client, "_exchange", exchange)

    def _before(self, what: str, _asked: object = None) -> None:
        if self._watching:
            self.made.append(what)
            self._die("before")

    def _after(self, _what: str = "", _asked: object = None) -> None:
        if self._watching:
            self._die("after")

    def _die(self, side: str) -> None:
        if self._kill_at == (len(self.made) - 1, side):
            raise Killed(self.made[-1])

    @contextmanager
    def watched(self, kill_at: tuple[int, str] | None = None) -> Iterator[None]:
        """Counts within the block; a kill ends the block and no more."""
        self.made, self._kill_at, self._watching = [], kill_at, True
        with suppress(Killed):
            yield
        self._watching = False


@pytest.fixture
def calls(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(memory, monkeypatch)


def each_kill(
    deployment: Deployment,
    calls: Calls,
    scenario: Callable[[str], None],
    name: str,
    sides: Sequence[str] = ("before", "after"),
) -> Iterator[tuple[str, str]]:
    """Runs `scenario` whole, then once per kill; yields the run's name and where it died.

    Each run is on new execution environments, and so are the ones that clean up after it.

    Where calls are made one after the other, a kill after one leaves what a kill before the next
    one does, and after the last what the whole run does: `sides` may be "before" alone.
    """
    deployment.restart()
    with calls.watched():
        scenario(f"{name}-whole")
    whole = list(calls.made)
    assert len(whole) > 1
    yield f"{name}-whole", "nowhere"
    for number, what in enumerate(whole):
        for side in sides:
            run = f"{name}-{number}-{side}"
            deployment.restart()
            with calls.watched(kill_at=(number, side)):
                scenario(run)
            assert _anonymous(calls.made[-1]) == _anonymous(what)
            deployment.restart()
            yield run, f"{side} {what}"


def test_a_payment_survives_every_crash_and_is_never_doubled(
    deployment: Deployment, calls: Calls
) -> None:
    """D3, D4, D14."""
    locations: dict[str, int] = {}

    def scenario(run: str) -> None:
        deployment.bill(payment(run, locations[run]))

    # Every run pays for a location of its own, so that the platform's list tells them apart.
    for number in range(1, 30):
        deployment.connect(number, owner=Owner(id=number))
    deployment.reconcile()
    free = iter(range(1, 30))
    locations = _Assigned(free)
    attempts = {}
    for run, where in each_kill(deployment, calls, scenario, "inv"):
        scenario(run)
        # Killed between the claim and the POST, nothing was sent; only the platform's list tells.
        deployment.let_time_pass(40, step=5)
        entry = deployment.entry(f"payment#{run}")
        [paid] = deployment.simulator.payments(locations[run])
        assert (entry.state, entry.platform_id) == (EntryState.SENT, paid.id), where
        attempts[where] = entry.attempt
    assert attempts["nowhere"] == 1
    assert attempts["before POST /marketplace/partner/payment"] == 2
    assert attempts["after POST /marketplace/partner/payment"] == 1


def test_whoever_pays_for_a_frozen_location_and_dies_leaves_it_no_longer_frozen(
    deployment: Deployment, calls: Calls
) -> None:
    """Soon after it is paid, though it is looked at every few hours only."""
    runs, numbers = _Assigned(iter(range(1, 20))), range(1, 20)

    def scenario(run: str) -> None:
        deployment.bill(payment(run, runs[run]))

    for number in numbers:
        deployment.connect(number, owner=Owner(id=number), telephony=False)
    deployment.reconcile()
    for number in numbers:
        deployment.simulator.expire(number)
        deployment.webhook(deployment.event(number, "freeze"))
    deployment.let_time_pass(3 * 24 * 60, step=60)
    for run, where in each_kill(deployment, calls, scenario, "inv"):
        scenario(run)
        deployment.let_time_pass(25, step=1)
        assert deployment.entry(f"payment#{run}").state is EntryState.SENT, where
        assert deployment.connection(runs[run]).state == "active", where


def test_a_refund_survives_every_crash(deployment: Deployment, calls: Calls) -> None:
    runs = _Assigned(iter(range(1, 30)))

    def scenario(run: str) -> None:
        deployment.bill(refund(run, of=f"paid-{runs[run]}"))

    for number in range(1, 30):
        deployment.connect(number, owner=Owner(id=number))
        deployment.bill(payment(f"paid-{number}", number))
    for run, where in each_kill(deployment, calls, scenario, "ref"):
        scenario(run)
        deployment.let_time_pass(40, step=5)
        [paid] = deployment.simulator.payments(runs[run])
        assert deployment.entry(f"refund#{run}").state is EntryState.SENT, where
        assert paid.is_refunded, where


def test_a_held_payment_survives_every_crash_of_reconcile(
    deployment: Deployment, calls: Calls
) -> None:
    runs = _Assigned(iter(range(1, 60)))
    for number in range(1, 60):
        deployment.bill(payment(f"inv-{number}", number))

    def scenario(run: str) -> None:
        calls._watching = False
        deployment.connect(runs[run], telephony=False, owner=Owner(id=runs[run]))
        calls._watching = True
        deployment.invoke("reconcile", {})

    for run, where in each_kill(deployment, calls, scenario, "held", ["before"]):
        deployment.let_time_pass(3)
        assert len(deployment.simulator.payments(runs[run])) == 1, where
        assert deployment.entry(f"payment#inv-{runs[run]}").state is EntryState.SENT, where


def test_a_connect_survives_every_crash(deployment: Deployment, calls: Calls) -> None:
    """D6: once the owner has pressed the button and a generation is open, it is finished."""
    runs, simulator = _Assigned(iter(range(1, 90))), deployment.simulator
    tokens = {number: simulator.add_chain(9000 + number, number) for number in range(1, 90)}

    def scenario(run: str) -> None:
        calls._watching = False
        owner = Owner(id=runs[run])
        page = deployment.visit(simulator.grant(runs[run], owner=owner))
        calls._watching = True
        deployment.press(page)

    for run, where in each_kill(deployment, calls, scenario, "connect"):
        deployment.let_time_pass(5)
        connection = deployment.connections.get(runs[run])
        if connection is None:
            # Nothing was opened: the owner sees an error and presses again.
            assert simulator.state(runs[run]) == "pending", where
            continue
        assert simulator.state(runs[run]) == "active", where
        assert connection.state == "active", where
        assert simulator.telephony(tokens[runs[run]]), where


def test_an_uninstall_survives_every_crash_of_reconcile(
    deployment: Deployment, calls: Calls
) -> None:
    runs, simulator = _Assigned(iter(range(1, 60))), deployment.simulator
    tokens = {number: simulator.add_chain(9000 + number, number) for number in range(1, 60)}
    for number in range(1, 60):
        deployment.connect(number, owner=Owner(id=number))
    deployment.reconcile()
    deployment.clock.advance(minutes=2)

    def scenario(run: str) -> None:
        calls._watching = False
        deployment.simulator.disconnect(runs[run])
        deployment.webhook(deployment.event(runs[run]))
        calls._watching = True
        deployment.invoke("reconcile", {})

    for run, where in each_kill(deployment, calls, scenario, "gone", ["before"]):
        deployment.let_time_pass(2)
        connection = deployment.connection(runs[run])
        assert (connection.state, connection.chain_key) == ("disabled", None), where
        assert not simulator.telephony(tokens[runs[run]]), where


def test_a_sibling_s_telephony_survives_every_crash_of_an_uninstall(
    deployment: Deployment, calls: Calls
) -> None:
    """Killed anywhere between leaving the chain and telling of it, it is never disabled."""
    runs, simulator = _Assigned(iter(range(1, 80))), deployment.simulator
    tokens = {}
    for number in range(1, 80):
        tokens[number] = simulator.add_chain(9000 + number, number, 1000 + number)
        deployment.connect(number, 1000 + number, owner=Owner(id=number))
    deployment.let_time_pass(5)

    def scenario(run: str) -> None:
        calls._watching = False
        simulator.disconnect(runs[run])
        deployment.webhook(deployment.event(runs[run]))
        calls._watching = True
        deployment.invoke("reconcile", {})
        deployment.invoke("reconcile", {})

    for run, where in each_kill(deployment, calls, scenario, "left", ["before"]):
        deployment.let_time_pass(3)
        assert deployment.connection(runs[run]).chain_key is None, where
        assert simulator.telephony(tokens[runs[run]]), where
    assert simulator.calls("disable") == []


def test_a_call_survives_every_crash_and_is_never_doubled(
    deployment: Deployment, calls: Calls
) -> None:
    page = deployment.connect(4564)
    began = (deployment.clock() - timedelta(minutes=2)).isoformat()
    runs = _Assigned(iter(range(1000, 1200)))

    def told(run: str) -> dict[str, Any]:
        phone = f"+1315555{runs[run]}"
        return {**finished(run, phone=phone), "started_at": began}

    def scenario(run: str) -> None:
        status, _answer = deployment.call(told(run), page.pbx_key)
        assert status == 202
        deployment.drain_calls()
        deployment.clock.advance(seconds=6)
        deployment.drain_calls()

    scenario("first")
    deployment.let_time_pass(2)
    assert deployment.connection(4564).telephony is CrmTokenState.PROVEN
    for run, where in each_kill(deployment, calls, scenario, "call"):
        # The PBX heard no answer, and tells it again; SQS brings its message again anyway.
        scenario(run)
        deployment.let_time_pass(20, step=2)
        saved = [call for call in deployment.simulator.saved_calls() if call.call_id == run]
        assert len(saved) == 1, where
        row = deployment.calls.get(f"{deployment.connection(4564).account_id}#{run}")
        assert row is not None
        assert (row.state, row.platform_id) == ("confirmed", saved[0].id), where


def _anonymous(call: str) -> str:
    return re.sub(r"[0-9]+", "#", call)


class _Assigned(dict[str, int]):
    """A location for each run, given out when first asked for."""

    def __init__(self, free: Iterator[int]) -> None:
        super().__init__()
        self._free = free

    def __missing__(self, run: str) -> int:
        self[run] = next(self._free)
        return self[run]
