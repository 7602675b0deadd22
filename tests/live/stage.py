"""Telephones around a switch, an account with telephony, and the platform that keeps records."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from local.simulator import Owner, Simulator
from local.stack.stack import Stack
from tests.deployment import Page
from tests.live.judge import LINE, LOCATION
from tests.live.telephone import Call, Telephone

# So that what was heard is told soon.
SETTINGS = {
    "RECONCILE_EVERY_S": "1",
    "CALL_SETTLE_S": "0.2",
    "CALL_CHECKS_S": "0.3,1,2",
    "PACE_PER_S": "50",
    "PACE_PER_MIN": "2000",
}

type Script = Callable[[Call], None]


def take(after_s: float = 1, talk_s: float = 0) -> Script:
    """Rings, takes the call, and hangs up after a while if it is told one."""

    def script(call: Call) -> None:
        call.ring()
        time.sleep(after_s)
        call.answer()
        if talk_s:
            time.sleep(talk_s)
            call.hang_up()

    return script


def ring_on(call: Call) -> None:
    """Nobody is there."""
    call.ring()


def busy(call: Call) -> None:
    call.refuse(486)


@dataclass
class Stage:
    """Everything that one switch's calls need.

    Attributes:
        console: says something to the switch's console, and returns what it answers.
        began: when a call of a number was begun, in seconds since 1970.
        heard: the calls that a telephone has taken, by the caller's number.
    """

    telephones: dict[str, Telephone]
    console: Callable[[str], str]
    scripts: dict[tuple[str, str], Script] = field(default_factory=dict)
    began: dict[str, float] = field(default_factory=dict)
    _heard: dict[tuple[str, str], Call] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def script(self, caller: str, telephone: str, script: Script) -> None:
        """What a telephone does when a caller calls it; without one it takes the call."""
        self.scripts[caller, telephone] = script

    def call(
        self, play: str, caller: str, shown: str = "", trunk: str = "trunk", **headers: str
    ) -> Call:
        """Calls the salon, whose dialplan goes on with a context of asterisk/extensions.conf."""
        self.began[caller] = time.time()
        return self.telephones[trunk].dial(LINE, caller=shown or caller, x_play=play, **headers)

    def outgoing(self, telephone: str, number: str) -> Call:
        self.began[number] = time.time()
        return self.telephones[telephone].dial(number, x_play="outgoing")

    def click(self, channel: str, number: str) -> None:
        """Lets the switch call a telephone of the salon, and then a number."""
        self.began[number] = time.time()
        self.console(f"channel originate {channel} extension {number}@outgoing")

    def behaves(self, call: Call) -> None:
        """What a telephone does with a call that comes in."""
        assert call.invite
        name = call.phone.name
        other = call.number if name == "trunk" else call.invite.user("from")
        with self._changed:
            self._heard[other, name] = call
            self._changed.notify_all()
        self.scripts.get((other, name), take())(call)

    def heard(self, caller: str, telephone: str, within_s: float = 15) -> Call:
        """The call that a telephone hears of a caller."""
        with self._changed:
            if not self._changed.wait_for(lambda: (caller, telephone) in self._heard, within_s):
                raise TimeoutError(f"{telephone} never heard of {caller}")
            return self._heard[caller, telephone]


@contextmanager
def telephones(network: str, behaves: Script) -> Iterator[dict[str, Telephone]]:
    """The telephones and the trunks of a network."""
    made = {
        name: Telephone(name, address, f"{network}.1", behaves)
        for name, address in addresses(network).items()
    }
    try:
        yield made
    finally:
        for each in made.values():
            each.close()


def addresses(network: str) -> dict[str, str]:
    """Where they are: each has an address of its own, by which a switch knows it."""
    numbers = {"trunk": 2, "untrusted": 3, "101": 101, "102": 102, "103": 103}
    return {name: f"{network}.{number}" for name, number in numbers.items()}


@contextmanager
def platform(logs: Path) -> Iterator[tuple[Simulator, Stack]]:
    """The local stack in front of a simulated platform."""
    with (
        Simulator() as simulator,
        Stack(platform_url=simulator.url, settings=SETTINGS, logs=logs) as stack,
    ):
        simulator.redirect_url = f"{stack.api}/connect"
        simulator.callback_url = f"{stack.api}/webhooks/altegio"
        yield simulator, stack


def connected(simulator: Simulator, stack: Stack) -> str:
    """The PBX key of an account that has connected with telephony."""
    owner = Owner(id=7100, email="pbx@example.com")
    shown = httpx.get(simulator.grant(LOCATION, owner=owner), timeout=60)
    fields = Page(shown.status_code, dict(shown.headers), shown.text).fields
    answer = httpx.post(f"{stack.api}/connect", data=fields, timeout=60)
    key = Page(answer.status_code, dict(answer.headers), answer.text).pbx_key
    assert key, "the account was shown no key"
    return key
