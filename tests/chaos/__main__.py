"""`python -m tests.chaos`: random schedules, each told by its seed, and what the platform has then.

N schedules in memory, some more on the emulator's tables, some whose events come by HTTP and from
Stripe, lives of locations, every mutant of the protocol, of the door of billing, of the lifecycle,
of the events out and of calls, a day without the platform, a backlog at the platform's limit, and
processes killed under load.
"""

import argparse
import os
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from local.stack.emulator import Emulator
from tests.chaos import (
    by_http,
    by_http_mutants,
    call_mutants,
    campaigns,
    event_mutants,
    kills,
    life_mutants,
    lives,
)
from tests.chaos.mutants import MUTANTS
from tests.chaos.runs import Run, first_wrong, run, run_all

# Schedules within which every mutant is caught.
ENOUGH = 1000
# And every mutant of calls.
FEW_CALLS = 12
# What plays one again that is not the money's own.
_PLAYED_BY = {"lives": "-life", "by HTTP": "-by-http"}


class Screen:
    """One line that is written over on a terminal, and now and then one elsewhere."""

    def __init__(self) -> None:
        # A world has a time of its own, and keeps its functions' output to itself.
        self._out = sys.stdout
        self._is_terminal = self._out.isatty()
        self._written_at = time.perf_counter()

    def progress(self, what: str, done: int, of: int) -> None:
        """How far it is."""
        now = time.perf_counter()
        if now - self._written_at < (0.1 if self._is_terminal else 15) and done < of:
            return
        self._written_at = now
        filled = 30 * done // max(of, 1)
        line = f"{what:18}[{'#' * filled}{'.' * (30 - filled)}] {done}/{of}"
        self._write(f"\r{line}" if self._is_terminal else f"{line}\n")

    def result(self, what: str, text: str) -> None:
        """The last word on something, over its progress."""
        over = "\r\x1b[2K" if self._is_terminal else ""
        self._write(f"{over}{what:18}{text}\n")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def main(arguments: list[str]) -> int:
    """Run all that was asked for; 1 if anything is wrong."""
    options = _options(arguments)
    if options.only is not None:
        return _only(run(options.only))
    if options.only_by_http is not None:
        return _only(by_http.run(options.only_by_http))
    if options.only_life is not None:
        return _only(lives.run(options.only_life))
    seed = options.seed if options.seed is not None else secrets.randbelow(10**9)
    screen = Screen()
    print(f"seed {seed}\n")
    right = _schedules(screen, "in memory", seed, options.n, _in_memory)
    right &= _schedules(screen, "on the emulator", seed, options.emulator, _on_emulator)
    right &= _schedules(screen, "by HTTP", seed, options.by_http, _by_http)
    right &= _schedules(screen, "lives", seed, options.lives, _lives)
    if options.mutants:
        caught = [_mutant(screen, mutant, seed, first_wrong) for mutant in MUTANTS]
        caught += [
            _mutant(screen, mutant, seed, by_http.first_wrong) for mutant in by_http_mutants.MUTANTS
        ]
        caught += [
            _mutant(screen, mutant, seed, lives.first_wrong) for mutant in life_mutants.MUTANTS
        ]
        caught += [
            _mutant(screen, mutant, seed, event_mutants.first_wrong)
            for mutant in event_mutants.MUTANTS
        ]
        caught += [_call_mutant(screen, mutant) for mutant in call_mutants.MUTANTS]
        right &= all(caught)
    if options.outage:
        right &= _outage(screen, options.outage)
    if options.calls:
        right &= _calls_outage(screen, options.calls)
    if options.backlog:
        right &= _backlog(screen, options.backlog)
    if options.kills:
        right &= _kills(screen, options.kills, seed)
    print("\nAll as it must be." if right else "\nNOT as it must be.")
    return 0 if right else 1


def _only(told: Run) -> int:
    print(told.wrong or f"nothing wrong: {_in_words(told.states)}")
    return 1 if told.wrong else 0


def _in_memory(seeds: Iterable[int]) -> Iterator[Run]:
    return run_all(seeds, os.process_cpu_count() or 1, run)


def _by_http(seeds: Iterable[int]) -> Iterator[Run]:
    return run_all(seeds, os.process_cpu_count() or 1, by_http.run)


def _lives(seeds: Iterable[int]) -> Iterator[Run]:
    return run_all(seeds, os.process_cpu_count() or 1, lives.run)


def _on_emulator(seeds: Iterable[int]) -> Iterator[Run]:
    with (
        tempfile.TemporaryDirectory() as folder,
        Emulator(log=Path(folder) / "emulator.log") as emulator,
    ):
        emulator.wait()
        dynamodb = emulator.client("dynamodb")
        for seed in seeds:
            yield run(seed, dynamodb=dynamodb)


def _schedules(
    screen: Screen,
    what: str,
    seed: int,
    number: int,
    runs: Callable[[Iterable[int]], Iterator[Run]],
) -> bool:
    if not number:
        return True
    began, states, wrong = time.monotonic(), Counter[str](), list[Run]()
    for done, told in enumerate(runs(range(seed, seed + number)), start=1):
        states += told.states
        if told.wrong:
            wrong.append(told)
        screen.progress(what, done, number)
    took = time.monotonic() - began
    screen.result(
        what,
        f"{number - len(wrong)} of {number} schedules right, {took:.0f} s: {_in_words(states)}",
    )
    for told in wrong[:3]:
        print(f"  --only{_PLAYED_BY.get(what, '')} {told.seed}: {told.wrong}")
    return not wrong


def _mutant(
    screen: Screen,
    mutant: Callable[[], object],
    seed: int,
    first: Callable[[Iterable[int], Callable[[], object]], Run | None],
) -> bool:
    told = first(range(seed, seed + ENOUGH), mutant)
    name = mutant.__name__.replace("_", " ")
    if told is None:
        screen.result("mutant", f"{name}: NOT caught by {ENOUGH} schedules")
        return False
    screen.result("mutant", f"{name}: caught by schedule {told.seed - seed + 1}")
    return True


def _call_mutant(screen: Screen, mutant: Callable[[], AbstractContextManager[object]]) -> bool:
    with mutant():
        told = campaigns.calls_outage(FEW_CALLS, lambda _done, _of: None)
    caught = "caught" if told.wrong else "NOT caught"
    name = mutant.__name__.replace("_", " ")
    screen.result("mutant", f"{name}: {caught} by {FEW_CALLS} calls of a day without the platform")
    return bool(told.wrong)


def _outage(screen: Screen, number: int) -> bool:
    told = campaigns.outage(number, lambda done, of: screen.progress("24 h outage", done, of))
    screen.result(
        "24 h outage",
        f"{told.payments} payments: {told.dead_letters} dead letters, {told.doubled} doubled, "
        f"{_in_words(told.states)}, the last {60 * told.hours:.0f} min after its end",
    )
    return (told.dead_letters, told.doubled, told.states) == (0, 0, Counter(SENT=number))


def _calls_outage(screen: Screen, number: int) -> bool:
    told = campaigns.calls_outage(
        number, lambda done, of: screen.progress("calls, 24 h out", done, of)
    )
    screen.result(
        "calls, 24 h out",
        f"{told.calls} calls: {told.saved} saved, {told.doubled} doubled, {told.lost} lost, "
        f"{told.dead_letters} dead letters, {told.unheard} recordings lost, "
        f"the last {60 * told.hours:.0f} min after its end; "
        f"{told.pop_ups} pop-ups, {told.stale_pop_ups} of them stale",
    )
    return not told.wrong and set(told.states) == {"confirmed"}


def _backlog(screen: Screen, number: int) -> bool:
    told = campaigns.backlog(number, lambda done, of: screen.progress("backlog", done, of))
    screen.result(
        "backlog",
        f"{told.payments} payments in {told.hours * 60:.0f} min: {told.share:.1%} of the allowed "
        f"rate, {told.too_many_requests} times 429, {told.doubled} doubled, "
        f"{_in_words(told.states)}",
    )
    right = (told.too_many_requests, told.doubled, told.states) == (0, 0, Counter(SENT=number))
    return right and told.share >= 0.9


def _kills(screen: Screen, number: int, seed: int) -> bool:
    told = kills.run(number, seed, lambda done, of: screen.progress("real kills", done, of))
    screen.result("real kills", told.in_words())
    return not told.wrong


def _in_words(states: Counter[str]) -> str:
    return ", ".join(f"{number} {state}" for state, number in states.most_common())


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("n", type=int, nargs="?", default=2000, help="schedules in memory")
    parser.add_argument("--emulator", type=int, default=30, help="schedules on the emulator")
    parser.add_argument("--by-http", type=int, default=1000, help="schedules with posted events")
    parser.add_argument("--lives", type=int, default=2000, help="lives of locations, in memory")
    parser.add_argument("--mutants", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--outage", type=int, default=1000, help="payments of a day without it")
    parser.add_argument("--calls", type=int, default=5000, help="calls of a day without it")
    parser.add_argument("--backlog", type=int, default=10000, help="payments at the limit")
    parser.add_argument("--kills", type=int, default=200, help="processes killed under load")
    parser.add_argument("--seed", type=int, help="of the first schedule; at random if left out")
    parser.add_argument("--only", type=int, metavar="SEED", help="one schedule, with its story")
    parser.add_argument("--only-by-http", type=int, metavar="SEED", help="one that is posted")
    parser.add_argument("--only-life", type=int, metavar="SEED", help="one life, the same")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
