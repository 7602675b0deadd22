"""All calls on one switch, judged by what the platform has of them."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from local.simulator import Simulator
from tests.live import front as fronts
from tests.live import outages, stage
from tests.live.calls import CALLS, Tried, answered
from tests.live.front import Front
from tests.live.judge import Right, wrong
from tests.live.machines import LIVE, Machine
from tests.live.stage import Stage
from tests.live.switch import Switch

# Telephones ring at the same time, but not thirty.
_AT_ONCE = 5
_APART_S = 1
# For a second entry that must not come, and for the first one, in seconds.
_SETTLED_S = 3
_SETTLED_WITHIN_S = 60


@dataclass
class Result:
    """What came of a call: nothing in `wrong` is right."""

    name: str
    wrong: str
    right: Right | None = None
    caller: str = ""
    forms: list[str] = field(default_factory=list)
    tries: int = 1

    def __str__(self) -> str:
        return self.wrong or ("right" if self.tries == 1 else "right at the second try")


def played(machine: Machine, words: list[str]) -> list[Result]:
    """Plays the calls whose names have one of the words, all if there is none, and judges them."""
    network = f"127.0.{machine.version.partition('.')[0]}"
    folder = LIVE / f"asterisk-{machine.version}"
    authority = fronts.authority(folder)
    with stage.platform(folder) as (simulator, stack):
        evening = _Evening(
            simulator=simulator,
            front=Front(stack.api),
            switch=Switch(machine, network, stage.addresses(network)),
            network=network,
            key=stage.connected(simulator, stack),
            folder=folder,
            authority=authority,
        )
        return evening.played(words)


class _Evening:
    """One switch, from its start to its end, and once more under a name of its own."""

    def __init__(
        self,
        *,
        simulator: Simulator,
        front: Front,
        switch: Switch,
        network: str,
        key: str,
        folder: Path,
        authority: Path,
    ) -> None:
        self._simulator = simulator
        self._front = front
        self._switch = switch
        self._network = network
        self._key = key
        self._folder = folder
        self._authority = authority
        self._good = fronts.certificate(folder, "good", "127.0.0.1")
        self._numbers = iter(range(1000, 10000))
        self._done: list[Result] = []

    def played(self, words: list[str]) -> list[Result]:
        chosen = [each for each in CALLS if not words or any(word in each.name for word in words)]
        with self._front.serving(self._good):
            pass  # it has its port now
        with self._running() as staged:
            with self._front.serving(self._good):
                self._calls(staged, [each for each in chosen if not each.alone])
                for each in chosen:
                    if each.alone:
                        self._alone(staged, each)
            if not words:
                self._outages(staged)
                self._strangers(staged)
            logs = self._switch.logs()
        if not words:
            with (
                self._running(system="Main office", cdr=False) as staged,
                self._front.serving(self._good),
            ):
                name = "systemname = Main office, and no CDR"
                self._calls(staged, [Tried(name, answered)])
                logs += self._switch.logs()
            secret = "it stands there" if self._key in logs else ""
            self._done.append(Result("the key is in no log of the switch", secret))
        return self._done

    @contextmanager
    def _running(self, *, system: str = "", cdr: bool = True) -> Iterator[Stage]:
        staged = Stage({}, self._switch.said)
        host = f"127.0.0.1:{self._front.port}"
        with (
            stage.telephones(self._network, staged.behaves) as telephones,
            self._switch.running(host, self._key, self._authority, system=system, cdr=cdr),
        ):
            staged.telephones.update(telephones)
            yield staged

    def _calls(self, staged: Stage, chosen: list[Tried]) -> None:
        """Plays them, and once more, by itself, what was not right: a machine may be busy."""
        with ThreadPoolExecutor(_AT_ONCE) as together:
            begun = []
            for each in chosen:
                begun.append(together.submit(self._called, staged, each))
                time.sleep(_APART_S)
            called = [each.result() for each in begun]
        self._settle(called)
        for result, tried in zip(called, chosen, strict=True):
            self._judge(staged, result)
            if result.wrong:
                print(f"  {result.name}: {result.wrong}; once more", flush=True)
                again = self._called(staged, tried)
                self._settle([again])
                self._judge(staged, again)
                again.tries = 2
                self._say(again)
            else:
                self._say(result)

    def _called(self, staged: Stage, tried: Tried) -> Result:
        result = Result(tried.name, "", caller=f"+1315555{next(self._numbers)}")
        try:
            result.right = tried.play(staged, result.caller)
        except (TimeoutError, RuntimeError) as error:
            result.wrong = str(error)
        return result

    def _settle(self, called: list[Result]) -> None:
        """Waits until each has its entry, and a little longer for a second one."""
        numbers = {each.caller for each in called if each.right}
        until = time.monotonic() + _SETTLED_WITHIN_S
        while not numbers <= {each.phone for each in self._simulator.saved_calls()}:
            if time.monotonic() > until:
                break
            time.sleep(0.2)
        time.sleep(_SETTLED_S)

    def _judge(self, staged: Stage, result: Result) -> None:
        phone = result.caller
        if result.right:
            saved = [each for each in self._simulator.saved_calls() if each.phone == phone]
            shown = [each for each in self._simulator.pop_ups() if each.phone == phone]
            result.wrong = wrong(result.right, phone, staged.began[phone], saved, shown)
        told = quote(phone, safe="")
        result.forms = [each for each in self._front.forms if told in each]

    def _alone(self, staged: Stage, tried: Tried) -> None:
        """A call of somebody whose number the platform is not told."""
        simulator, forms = self._simulator, self._front.forms
        before = len(simulator.saved_calls()), len(simulator.pop_ups()), len(forms)
        result = self._called(staged, tried)
        until = time.monotonic() + _SETTLED_WITHIN_S
        while len(simulator.saved_calls()) == before[0] and time.monotonic() < until:
            time.sleep(0.2)
        time.sleep(_SETTLED_S)
        if result.right:
            saved, shown = simulator.saved_calls()[before[0] :], simulator.pop_ups()[before[1] :]
            began = staged.began[result.caller]
            result.wrong = wrong(result.right, result.caller, began, saved, shown)
        result.forms = forms[before[2] :]
        self._say(result)

    def _outages(self, staged: Stage) -> None:
        """Nobody is there; nobody answers; and then nobody takes the end of a call."""
        kept = [self._unanswered(staged, "the stack is down")]
        with self._front.serving(self._good):
            self._front.fault = "hang"
            kept.append(self._unanswered(staged, "the stack takes calls and never answers"))
            self._front.fault, self._front.only = "503", "event=hangup"
            kept.append(self._unanswered(staged, "503 to the end of a call", pop_up=True))
            self._front.fault = ""
            self._deliver_later(staged, kept, "after an outage, the loop of this page")

    def _strangers(self, staged: Stage) -> None:
        """Whoever answers in the stack's place is told nothing, and no key."""
        strangers = {
            "a server with a certificate of its own": ("127.0.0.1", False),
            "a server with another host's certificate": ("other.example", True),
        }
        kept = []
        for name, (host, signed) in strangers.items():
            certificate = fronts.certificate(self._folder, "stranger", host, signed=signed)
            before = len(self._front.forms)
            with self._front.serving(certificate):
                kept.append(self._unanswered(staged, name))
            if len(self._front.forms) > before:
                kept[-1].wrong = "it was told"
        with self._front.serving(self._good):
            self._deliver_later(staged, kept, "after a stranger's answers, the same loop")

    def _unanswered(self, staged: Stage, name: str, *, pop_up: bool = False) -> Result:
        def play(staged: Stage, caller: str) -> Right:
            return outages.unanswered(staged, self._switch, caller, pop_up=pop_up)

        return self._called(staged, Tried(name, play))

    def _deliver_later(self, staged: Stage, kept: list[Result], name: str) -> None:
        loop = Result(name, "")
        try:
            host = f"127.0.0.1:{self._front.port}"
            outages.deliver_later(self._switch, host, self._key, self._authority)
        except RuntimeError as error:
            loop.wrong = str(error)
        self._settle(kept)
        for each in kept:
            if not each.wrong:
                self._judge(staged, each)
            # They are no captures: what was heard of them is another thing than what was sent.
            each.forms = []
            self._say(each)
        self._say(loop)

    def _say(self, result: Result) -> None:
        self._done.append(result)
        print(f"  {result.name}: {result}", flush=True)
