"""How long a function takes from the start of its process to its first answer, over TLS.

In milliseconds under AWS's runtime client, and in instructions under callgrind, which another run
repeats to a hundredth. Both are told as ratios to what any function of boto3 with one table has to
pay, as a ratio holds on other machines too. Every answer is a real one: the functions talk to the
emulator and to the platform simulator, each behind a server for TLS. The authority that signed for
these stands at the end of all bundles of roots, the full one among them, so that a function reads
what it would read on AWS.

Each function answers three times: when its process starts; again, over the connections that it has;
and again after these were ended, as AWS and the platform do with those that are idle.
"""

import json
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from local.stack.environment import BARE, PYTHON, Environment, LogFile, lambda_variables
from local.stack.wiring import Function
from tests.bench import baselines
from tests.bench.events import (
    CONNECTED,
    VISITED,
    billed,
    event_of,
    is_done,
    is_shown,
    payments,
    ringing,
    status,
    uninstall,
)
from tests.bench.once import NEXT
from tests.bench.webhook import connected
from tests.bench.world import (
    AS_SHIPPED,
    FOLDER,
    USUAL,
    WITHOUT_BYTECODE,
    World,
    peak_mb,
    spoken_to_over_tls,
    variant,
)

ONCE = Path(__file__).with_name("once.py")
COLD, KEPT, ANEW = 0, 1, 2
"""The three answers."""


@dataclass(slots=True)
class Row:
    """One kind of first answer.

    Attributes:
        title: For the table.
        function: What runs.
        event: Makes an event, another one each time.
        answers: Whether it must answer so.
        variants: Names of the artifacts it is measured with, the first one for the main columns.
        ms: Of each run, by variant and answer.
        minstr: Million instructions of each answer, by variant.
        peak_mb: The most memory that any process of it has had.
    """

    title: str
    function: Function
    event: Callable[[], Any]
    answers: Callable[[Any], bool]
    variants: tuple[str, ...] = (AS_SHIPPED, WITHOUT_BYTECODE)
    ms: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    minstr: dict[str, list[float]] = field(default_factory=dict)
    peak_mb: float = 0.0

    def check(self, answer: Any, said: str) -> None:
        """Fail if this is not the answer: then the time would be one of something else."""
        if not self.answers(answer):
            message = f"{self.title}: answered {answer}; it said: {said}"
            raise RuntimeError(message)


class ColdStarts:
    """The rows, and the world in which they are measured."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stack = world.stack
        self._variables = world.variables
        world.simulator.grant(VISITED)
        with httpx.Client(timeout=60, trust_env=False) as http:
            key = connected(http, world.stack, world.simulator, CONNECTED)
        self.rows = self._rows(key)

    def _rows(self, key: str) -> list[Row]:
        some = self._stack.functions["DisableFunction"]
        table = {"PACE_TABLE": some.environment["PACE_TABLE"]}
        bare = replace(some, handler=f"{baselines.BARE}.handler", environment={})
        client = replace(some, handler=f"{baselines.CLIENT}.handler", environment=table)
        tick = event_of("reconcile-every-minute")

        def row(
            title: str, function: str, event: Callable[[], Any], answers: Callable[[Any], bool]
        ) -> Row:
            return Row(title, self._world.functions[f"{function}Function"], event, answers)

        return [
            Row("a function that returns {}", bare, tick, lambda it: it == {}),
            Row(
                "boto3 as usually built, one read of a table",
                client,
                tick,
                lambda it: it == {},
                (USUAL,),
            ),
            Row("the same, with our trimmed data", client, tick, lambda it: it == {}),
            row("disable: an uninstall", "Disable", uninstall, status(200)),
            row("connect: the page", "Connect", event_of("connect-redirect"), status(200)),
            row("payments: a payment is reported", "Payments", payments(), is_done),
            row("billing: a payment is taken", "Billing", billed(self._stack), status(202)),
            row("calls: a pop-up is shown", "Calls", ringing(key), is_shown),
            row("reconcile: nothing is due", "Reconcile", tick, lambda it: it is None),
            *self._imports(tick),
        ]

    def _imports(self, tick: Callable[[], Any]) -> list[Row]:
        calls = self._stack.functions["CallsFunction"]
        return [
            Row(
                f"imports: {title}",
                replace(calls, handler=f"{module}.handler"),
                tick,
                lambda it: it == {},
                (AS_SHIPPED,),
            )
            for module, (title, _names) in baselines.IMPORTS.items()
        ]

    def time(self, artifacts: Mapping[str, Path], runs: int, tell: Callable[[str], None]) -> None:
        """Each row in turn, again and again, so that whatever else the machine does hits all."""
        log = LogFile(FOLDER / "bench.log")
        # The first warms the disk's cache, and does not count.
        for number in range(-1, runs) if runs else ():
            tell(f"round {number + 1} of {runs}")
            for row in self.rows:
                for name in row.variants:
                    took = self._timed(row, artifacts[name], log)
                    if number >= 0:
                        for answer, ms in enumerate(took):
                            row.ms.setdefault((name, answer), []).append(ms)
        log.close()

    def _timed(self, row: Row, artifact: Path, log: LogFile) -> list[float]:
        took = []
        began = time.perf_counter()
        environment = Environment(row.function, self._variables, artifact, log)
        try:
            for answer in (COLD, KEPT, ANEW):
                payload = json.dumps(row.event()).encode()
                if answer == ANEW:
                    self._world.hang_up()
                if answer != COLD:
                    time.sleep(0.1)  # or its turn at the platform may not have come
                    began = time.perf_counter()
                result = environment.invoke(payload)
                took.append((time.perf_counter() - began) * 1000)
                row.check(result.error or result.payload, result.log)
            row.peak_mb = max(row.peak_mb, peak_mb(environment._process.pid))
        finally:
            environment.close()
        return took

    def count(
        self,
        artifacts: Mapping[str, Path],
        valgrind: str,
        titles: str,
        tell: Callable[[str], None],
    ) -> None:
        """Instructions do not depend on what else runs: as many at once as there are processors."""

        def one(row: Row, variant: str) -> None:
            row.minstr[variant] = self._instructions(row, artifacts[variant], valgrind)
            tell(f"counted: {row.title}, {variant}: {row.minstr[variant][COLD]:.0f} M")

        with ThreadPoolExecutor(os.cpu_count()) as threads:
            counts = [
                threads.submit(one, row, variant)
                for row in self.rows
                for variant in row.variants
                if variant != WITHOUT_BYTECODE and row.title.startswith(titles)
            ]
            for each in counts:
                each.result()

    def _instructions(self, row: Row, artifact: Path, valgrind: str) -> list[float]:
        """Millions of them: from the start of the interpreter to each answer."""
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            events, answers, out = (Path(folder) / name for name in ("events", "answers", "out"))
            events.write_text(json.dumps([row.event() for _ in (COLD, KEPT, ANEW)]))
            counted = f"--callgrind-out-file={out}"
            process = subprocess.Popen(
                [
                    *(valgrind, "--tool=callgrind", counted, "--dump-before=sched_yield"),
                    *(PYTHON, *BARE, ONCE, row.function.handler, events, answers),
                ],
                cwd=artifact,
                env={
                    **self._variables,
                    **lambda_variables(row.function, artifact),
                    # As in Lambda, where its presence makes a function build all it needs at once.
                    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9",
                    "PYTHONHASHSEED": "0",
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            assert process.stdin is not None
            assert process.stdout is not None
            said, nexts = [], 0
            for line in process.stdout:
                said.append(line)
                if line.strip() == NEXT:
                    nexts += 1
                    if nexts == ANEW:
                        self._world.hang_up()
                    process.stdin.write("\n")
                    process.stdin.flush()
            if process.wait():
                message = f"{row.title}: callgrind failed; it says: {''.join(said[-40:])}"
                raise RuntimeError(message)
            for answer in json.loads(answers.read_text()):
                row.check(answer, "".join(said))
            # Parts begin where a function begins to answer, and end where it has.
            parts = sorted(Path(folder).glob("out.*"), key=lambda path: int(path.suffix[1:]))
            return [_total(parts[place]) for place in (0, 2, 4)]


def _total(part: Path) -> float:
    found = re.search(r"^totals: (\d+)", part.read_text(), re.MULTILINE)
    assert found, part
    return int(found[1]) / 1e6


@contextmanager
def world() -> Iterator[tuple[World, ColdStarts, Mapping[str, Path]]]:
    """A stack and a platform behind TLS, and the artifacts."""
    settings = {
        # Under valgrind all takes fifty times as long.
        "HTTP_TOTAL_S": "100",
        "POP_UP_BUDGET_S": "3600",
        # Two are counted at once, and none shall wait for the other's turn.
        "PACE_PER_S": "50",
        "PACE_PER_MIN": "6000",
    }
    with spoken_to_over_tls(settings) as found, ExitStack() as opened:
        names = (AS_SHIPPED, WITHOUT_BYTECODE, USUAL)
        artifacts = {it: opened.enter_context(variant(found, it)) for it in names}
        yield found, ColdStarts(found), artifacts


def print_table(rows: list[Row], *, runs: int) -> None:
    """What was measured, with ratios to the second row."""
    usual = rows[1].minstr.get(USUAL)
    if usual:
        print("M: million instructions; x: against the second line\n")
        print(f"{'':44}{'first answer':>16}{'second':>9}{'connected anew':>17}")
        print(f"{'':44}{'M':>8}{'x':>8}{'M':>9}{'M':>17}")
        for row in rows:
            if found := row.minstr.get(row.variants[0]):
                first, second, anew = found
                ratio = first / usual[COLD]
                print(f"{row.title:44}{first:8.0f}{ratio:8.2f}{second:9.0f}{anew:17.0f}")
    if runs:
        print(f"\nms: median of {runs} runs in turn; MB: the most that it took, of what it has\n")
        print(f"{'':44}{'first answer':>16}{'second':>9}{'connected anew':>17}{'MB':>11}")
        for row in rows:
            print(f"{row.title:44}", end="")
            for answer, width in ((COLD, 16), (KEPT, 9), (ANEW, 17)):
                print(f"{_ms(row, row.variants[0], answer):{width}.0f}", end="")
            print(f"{row.peak_mb:7.0f}/{row.function.memory_mb}")
        slower = [
            _ms(row, WITHOUT_BYTECODE, COLD) / _ms(row, AS_SHIPPED, COLD)
            for row in rows[3:]
            if WITHOUT_BYTECODE in row.variants
        ]
        print(f"\nWithout bytecode, a first answer takes {min(slower):.1f} to", end=" ")
        print(f"{max(slower):.1f} times as long.")


def _ms(row: Row, variant: str, answer: int) -> float:
    return statistics.median(row.ms[variant, answer])
