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
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import botocore
import httpx

from local import PROJECT, roots
from local.build import AWS_CALLS
from local.simulator import Simulator
from local.stack.environment import BARE, PYTHON, Environment, LogFile, lambda_variables
from local.stack.stack import Stack
from local.stack.wiring import Function
from shared.roots import FOLDER as FOLDER_OF_ROOTS
from shared.roots import OF_AWS
from tests.bench import baselines
from tests.bench.once import NEXT
from tests.bench.tls import Front
from tests.bench.webhook import connected
from tests.certificates import Authority

ONCE = Path(__file__).with_name("once.py")
FOLDER = PROJECT / "build" / "bench"
AS_SHIPPED, WITHOUT_BYTECODE, USUAL = "as shipped", "without bytecode", "untrimmed"
VISITED, CONNECTED = 4564, 4565
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

    def __init__(self, stack: Stack, simulator: Simulator, aws: Front, platform: Front) -> None:
        self._stack = stack
        self._fronts = (aws, platform)
        self._variables = {**stack.variables, "AWS_ENDPOINT_URL": aws.url}
        self._platform = (simulator.url, platform.url)
        simulator.grant(VISITED)
        with httpx.Client(timeout=60, trust_env=False) as http:
            key = connected(http, stack, simulator, CONNECTED)
        self.rows = self._rows(key)

    def _rows(self, key: str) -> list[Row]:
        some = self._stack.functions["DisableFunction"]
        table = {"PACE_TABLE": some.environment["PACE_TABLE"]}
        bare = replace(some, handler=f"{baselines.BARE}.handler", environment={})
        client = replace(some, handler=f"{baselines.CLIENT}.handler", environment=table)
        tick = _event("reconcile-every-minute")

        def row(
            title: str, function: str, event: Callable[[], Any], answers: Callable[[Any], bool]
        ) -> Row:
            found = self._stack.functions[f"{function}Function"]
            here, there = self._platform
            # Of the platform's hosts, each is a setting of its own.
            reached = {
                name: value.replace(here, there) for name, value in found.environment.items()
            }
            return Row(title, replace(found, environment=reached), event, answers)

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
            row("disable: an uninstall", "Disable", _uninstall, _status(200)),
            row("connect: the page", "Connect", _event("connect-redirect"), _status(200)),
            row("payments: a payment is reported", "Payments", _payments(), _is_done),
            row("billing: a payment is taken", "Billing", _billed(self._stack), _status(202)),
            row("calls: a pop-up is shown", "Calls", _ringing(key), _is_shown),
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
                for variant in row.variants:
                    took = self._timed(row, artifacts[variant], log)
                    if number >= 0:
                        for answer, ms in enumerate(took):
                            row.ms.setdefault((variant, answer), []).append(ms)
        log.close()

    def _timed(self, row: Row, artifact: Path, log: LogFile) -> list[float]:
        took = []
        began = time.perf_counter()
        environment = Environment(row.function, self._variables, artifact, log)
        try:
            for answer in (COLD, KEPT, ANEW):
                payload = json.dumps(row.event()).encode()
                if answer == ANEW:
                    self._hang_up()
                if answer != COLD:
                    time.sleep(0.1)  # or its turn at the platform may not have come
                    began = time.perf_counter()
                result = environment.invoke(payload)
                took.append((time.perf_counter() - began) * 1000)
                row.check(result.error or result.payload, result.log)
            row.peak_mb = max(row.peak_mb, _peak_mb(environment._process.pid))
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
                        self._hang_up()
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

    def _hang_up(self) -> None:
        for front in self._fronts:
            front.hang_up()


def _total(part: Path) -> float:
    found = re.search(r"^totals: (\d+)", part.read_text(), re.MULTILINE)
    assert found, part
    return int(found[1]) / 1e6


def _peak_mb(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024


@contextmanager
def variant(stack: Stack, name: str, authority: Authority) -> Iterator[Path]:
    """A copy of the artifact that trusts an authority, with the change of the given name."""
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        copy = Path(folder)
        shutil.copytree(stack.artifact, copy, dirs_exist_ok=True)
        for package in ("boto3", "s3transfer"):
            [original] = map(Path, import_module(package).__path__)
            if not (copy / original.name).exists():
                shutil.copytree(original, copy / original.name)
        for module, text in baselines.MODULES.items():
            (copy / f"{module}.py").write_text(text)
        _trust(copy, authority)
        if name == WITHOUT_BYTECODE:
            for cache in list(copy.rglob("__pycache__")):
                shutil.rmtree(cache)
        if name == USUAL:
            data = Path(botocore.__file__).parent / "data"
            shutil.rmtree(copy / "botocore" / "data")
            (copy / "botocore" / "data").mkdir()
            for path in data.iterdir():
                if path.is_file():
                    shutil.copy(path, copy / "botocore" / "data")
                elif path.name in AWS_CALLS:
                    shutil.copytree(path, copy / "botocore" / "data" / path.name)
        yield copy


def _trust(artifact: Path, authority: Authority) -> None:
    """Put an authority at the end of every form of the roots that an artifact has."""
    bundle = artifact / "certifi" / "cacert.pem"
    with bundle.open("a") as file:
        file.write(authority.pem)
    shutil.rmtree(artifact / FOLDER_OF_ROOTS)
    roots.lay(bundle, artifact)
    with (artifact / FOLDER_OF_ROOTS / OF_AWS).open("a") as file:
        file.write(authority.pem)


@contextmanager
def world() -> Iterator[tuple[Stack, Simulator, ColdStarts, Mapping[str, Path]]]:
    """A stack and a platform, each behind TLS, and the artifacts."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    settings = {
        "RECONCILE_EVERY_S": "0",
        # Under valgrind all takes fifty times as long.
        "HTTP_TOTAL_S": "100",
        "POP_UP_BUDGET_S": "3600",
        # Two are counted at once, and none shall wait for the other's turn.
        "PACE_PER_S": "50",
        "PACE_PER_MIN": "6000",
    }
    with ExitStack() as opened:
        simulator = opened.enter_context(Simulator())
        stack = opened.enter_context(
            Stack(
                platform_url=simulator.url,
                partner_token=simulator.partner_token,
                application_id=simulator.application_id,
                settings=settings,
                logs=FOLDER,
            )
        )
        authority = Authority()
        certificate = authority.certificate(FOLDER / "server.pem")
        aws, platform = (
            opened.enter_context(Front(url, certificate).serving())
            for url in (stack.aws_endpoint_url, simulator.url)
        )
        names = (AS_SHIPPED, WITHOUT_BYTECODE, USUAL)
        artifacts = {it: opened.enter_context(variant(stack, it, authority)) for it in names}
        yield stack, simulator, ColdStarts(stack, simulator, aws, platform), artifacts


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


def _status(wanted: int) -> Callable[[Any], bool]:
    return lambda answer: isinstance(answer, dict) and answer.get("statusCode") == wanted


def _is_done(answer: Any) -> bool:
    return bool(answer == {"batchItemFailures": []})


def _is_shown(answer: Any) -> bool:
    return _status(202)(answer) and json.loads(answer["body"])["pop_up"] == "sent"


def _event(name: str) -> Callable[[], Any]:
    text = (PROJECT / "events" / f"{name}.json").read_text("utf-8")
    return lambda: json.loads(text)


def _uninstall() -> Any:
    event = _event("disable-uninstall")()
    told = {**json.loads(event["body"]), "salon_id": CONNECTED}
    return {**event, "body": json.dumps(told)}


def _payments() -> Callable[[], Any]:
    event, bodies = _event("payments-payment"), _bills("queue")

    def made() -> Any:
        record = {**event()["Records"][0], "body": json.dumps(bodies())}
        return {"Records": [record]}

    return made


def _billed(stack: Stack) -> Callable[[], Any]:
    event, bodies = _event("billing-payment"), _bills("door")

    def made() -> Any:
        found = event()
        headers = {**found["headers"], "authorization": f"Bearer {stack.billing_key}"}
        return {**found, "headers": headers, "body": json.dumps(bodies())}

    return made


def _bills(source: str) -> Callable[[], Any]:
    """Payments of one location, each of a period of its own."""
    numbers, now = count(1), datetime.now(UTC).replace(microsecond=0)

    def bill() -> Any:
        number = next(numbers)
        return {
            "type": "payment",
            "event_id": f"{source}-{number}",
            "location_id": CONNECTED,
            "amount": f"{number}.50" if source == "queue" else f"{number}.75",
            "currency": "EUR",
            "paid_at": now.isoformat(),
            "period_from": now.isoformat(),
            "period_to": (now + timedelta(days=30)).isoformat(),
        }

    return bill


def _ringing(key: str) -> Callable[[], Any]:
    event, numbers = _event("calls-ringing"), count(1)

    def made() -> Any:
        found = event()
        told = {
            **json.loads(found["body"]),
            "call_id": f"c-{next(numbers)}",
            "location_id": CONNECTED,
            "at": datetime.now(UTC).isoformat(),
        }
        headers = {**found["headers"], "authorization": f"Bearer {key}"}
        return {**found, "headers": headers, "body": json.dumps(told)}

    return made
