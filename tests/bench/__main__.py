"""How long a function takes to start, a webhook to be answered, a caller to be shown: `make bench`.

From the start of a process to its first answer, in milliseconds under AWS's runtime client, and in
instructions under callgrind, which another run repeats to a thousandth. Both are told as ratios to
what any function of boto3 has to pay, as a ratio holds on other machines too. Every first answer is
a real one: the functions talk to the emulator and to the platform simulator.

Not in the table: on AWS, the first https connection of each client also reads the certificates.
"""

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import botocore

from local import PROJECT
from local.build import AWS_CALLS
from local.simulator import Simulator
from local.stack.environment import BARE, PYTHON, Environment, LogFile, lambda_variables
from local.stack.stack import Stack
from local.stack.wiring import Function
from tests.bench import baselines, fairness, pop_up, webhook

ONCE = Path(__file__).with_name("once.py")
FOLDER = PROJECT / "build" / "bench"
AS_SHIPPED, WITHOUT_BYTECODE, UNTRIMMED = "as shipped", "without bytecode", "untrimmed"


@dataclass(slots=True)
class Row:
    """One kind of first answer.

    Attributes:
        title: For the table.
        function: What runs.
        event: The file with its event.
        answer: What it must answer, or the status of that.
        variants: Names of the artifacts it is measured with, the first one for the main columns.
        ms: Of each run, by variant.
        minstr: Million instructions, by variant.
    """

    title: str
    function: Function
    event: Path
    answer: Any
    variants: tuple[str, ...] = (AS_SHIPPED, WITHOUT_BYTECODE)
    ms: dict[str, list[float]] = field(default_factory=dict)
    minstr: dict[str, float] = field(default_factory=dict)

    def check(self, answer: Any, said: str) -> None:
        """Fail if this is not the answer: then the time would be one of something else."""
        found = answer.get("statusCode", answer) if isinstance(answer, dict) else answer
        if found != self.answer:
            message = f"{self.title}: wanted {self.answer}, not {answer}; it said: {said}"
            raise RuntimeError(message)


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    options = _options(arguments)
    if not options.fairness_only:
        _measure(options)
    if options.fairness:
        _tell("fairness: minutes")
        _print_fairness(fairness.payments_beside_pop_ups(), fairness.a_call_behind_thousands())
        for named in (300, 2000):
            _print_squatted(fairness.a_new_owner_beside_a_squatter(named))
    return 0


def _measure(options: argparse.Namespace) -> None:
    valgrind = None if options.no_instructions else shutil.which("valgrind")
    with ExitStack() as opened:
        simulator = opened.enter_context(Simulator())
        FOLDER.mkdir(parents=True, exist_ok=True)
        stack = opened.enter_context(
            Stack(
                platform_url=simulator.url,
                partner_token=simulator.partner_token,
                application_id=simulator.application_id,
                # Under valgrind all takes fifty times as long.
                settings={"RECONCILE_EVERY_S": "0", "HTTP_TOTAL_S": "100"},
                logs=FOLDER,
            )
        )
        simulator.grant(4564)
        artifacts = {name: opened.enter_context(_variant(stack, name)) for name in _VARIANTS}
        rows = _rows(stack)
        _time(rows, stack, artifacts, runs=options.runs)
        if valgrind:
            counted = (AS_SHIPPED, UNTRIMMED, *((WITHOUT_BYTECODE,) if options.full else ()))
            _count(rows, stack, artifacts, valgrind, counted)
        warm = webhook.answered(stack, simulator, options.webhooks)
    _print(rows, runs=options.runs)
    _print_webhook(warm)
    if options.pop_ups:
        _tell(f"{options.pop_ups} pop-ups")
        _print_pop_ups(pop_up.shown(options.pop_ups), pop_up.at_the_limit(options.pop_ups // 4))
    if not valgrind and not options.no_instructions:
        print("\nNo instructions were counted: valgrind is not installed.", end=" ")
        print("Times alone wander by a third from run to run.")


def _rows(stack: Stack) -> list[Row]:
    events = PROJECT / "events"
    some = stack.functions["DisableFunction"]
    bare = replace(some, handler=f"{baselines.BARE}.handler", environment={})
    client = replace(some, handler=f"{baselines.CLIENT}.handler", environment={})

    def row(title: str, function: str, event: str, answer: Any) -> Row:
        return Row(title, stack.functions[function], events / f"{event}.json", answer)

    anything = events / "reconcile-every-minute.json"
    return [
        Row("a function that returns {}", bare, anything, {}),
        Row("boto3 + a DynamoDB client, botocore's data untrimmed", client, anything, {}, _AS_IS),
        Row("boto3 + a DynamoDB client", client, anything, {}),
        row("disable: a forged event", "DisableFunction", "disable-wrong-token", 403),
        row("connect: a forged redirect", "ConnectFunction", "connect-bad-signature", 403),
        row("connect: the page", "ConnectFunction", "connect-redirect", 200),
        row(
            "payments: an invalid event",
            "PaymentsFunction",
            "payments-invalid",
            {"batchItemFailures": []},
        ),
        row("billing: no key", "BillingFunction", "billing-without-key", 401),
        row("calls: a wrong key", "CallsFunction", "calls-without-key", 401),
        row("reconcile: nothing is due", "ReconcileFunction", "reconcile-every-minute", None),
    ]


_AS_IS = (UNTRIMMED,)
_VARIANTS = (AS_SHIPPED, WITHOUT_BYTECODE, UNTRIMMED)


@contextmanager
def _variant(stack: Stack, name: str) -> Iterator[Path]:
    """A copy of the artifact, with the baselines and with the change of the given name."""
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        copy = Path(folder)
        shutil.copytree(stack.artifact, copy, dirs_exist_ok=True)
        for module, text in baselines.MODULES.items():
            (copy / f"{module}.py").write_text(text)
        if name == WITHOUT_BYTECODE:
            for cache in list(copy.rglob("__pycache__")):
                shutil.rmtree(cache)
        if name == UNTRIMMED:
            original = Path(botocore.__file__).parent / "data"
            shutil.rmtree(copy / "botocore" / "data")
            (copy / "botocore" / "data").mkdir()
            for path in original.iterdir():
                if path.is_file():
                    shutil.copy(path, copy / "botocore" / "data")
                elif path.name in AWS_CALLS:
                    shutil.copytree(path, copy / "botocore" / "data" / path.name)
        yield copy


def _time(rows: list[Row], stack: Stack, artifacts: Mapping[str, Path], *, runs: int) -> None:
    """Each row in turn, again and again, so that whatever else the machine does hits them all."""
    log = LogFile(FOLDER / "bench.log")
    for number in range(-1, runs):  # the first round warms the disk's cache, and does not count
        _tell(f"round {number + 1} of {runs}")
        for row in rows:
            payload = row.event.read_bytes()
            for variant in row.variants:
                began = time.perf_counter()
                environment = Environment(row.function, stack.variables, artifacts[variant], log)
                try:
                    result = environment.invoke(payload)
                    ms = (time.perf_counter() - began) * 1000
                finally:
                    environment.close()
                row.check(result.error or result.payload, result.log)
                if number >= 0:
                    row.ms.setdefault(variant, []).append(ms)
    log.close()


def _count(
    rows: list[Row],
    stack: Stack,
    artifacts: Mapping[str, Path],
    valgrind: str,
    variants: tuple[str, ...],
) -> None:
    """Instructions do not depend on what else runs: as many at once as there are processors."""

    def count(row: Row, variant: str) -> None:
        row.minstr[variant] = _instructions(row, stack, artifacts[variant], valgrind)
        _tell(f"counted: {row.title}, {variant}")

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        counts = [
            threads.submit(count, row, variant)
            for row in rows
            for variant in row.variants
            if variant in variants
        ]
        for one in counts:
            one.result()


def _instructions(row: Row, stack: Stack, artifact: Path, valgrind: str) -> float:
    """Millions of them, from the start of the interpreter to the answer."""
    with tempfile.NamedTemporaryFile("r", dir=FOLDER) as answer:
        callgrind = (valgrind, "--tool=callgrind", f"--callgrind-out-file={os.devnull}")
        ended = subprocess.run(
            [*callgrind, PYTHON, *BARE, ONCE, row.function.handler, row.event, answer.name],
            cwd=artifact,
            env={
                **stack.variables,
                **lambda_variables(row.function, artifact),
                # As in Lambda, where its presence makes a function build all it needs at once.
                "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9",
                "PYTHONHASHSEED": "0",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        found = re.search(r"Collected : (\d+)", ended.stderr)
        if ended.returncode or not found:
            message = f"{row.title}: callgrind failed; it says: {ended.stderr}"
            raise RuntimeError(message)
        row.check(json.load(answer), ended.stdout)
    return int(found[1]) / 1e6


def _print(rows: list[Row], *, runs: int) -> None:
    bare, _, client = rows[:3]
    print(f"Cold starts, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    print(f"{platform.system()} {platform.machine()}, {_processor()}, {os.cpu_count()} processors")
    print(f"Python {platform.python_version()}, boto3 {version('boto3')}")
    print(f"ms: process start to first answer, median of {runs} runs in turn; M: million")
    print("instructions; x bare and x boto3: against the first and the third line\n")
    print(f"{'':54}{'as shipped':^48}{'without bytecode':^38}")
    print(
        f"{'':54}" + f"{'ms':>6}{'x bare':>8}{'x boto3':>9}{'M':>8}{'x bare':>8}{'x boto3':>9}",
        end="",
    )
    print(f"{'ms':>8}{'x shipped':>11}{'M':>8}{'x shipped':>11}")
    for row in rows:
        first = row.variants[0]
        print(f"{row.title:54}", end="")
        for values, width in (("ms", 6), ("minstr", 8)):
            own = _middle(row, values, first)
            print(_number(own, width), end="")
            print(_ratio(own, _middle(bare, values, AS_SHIPPED), 8), end="")
            print(_ratio(own, _middle(client, values, AS_SHIPPED), 9), end="")
        for values in ("ms", "minstr"):
            own = _middle(row, values, WITHOUT_BYTECODE)
            print(_number(own, 8) + _ratio(own, _middle(row, values, first), 11), end="")
        print()


def _print_webhook(warm: webhook.Answered) -> None:
    print(
        f"\n{warm.events} webhooks, warm, while each status takes {webhook.PLATFORM_S:.0f} s: ",
        end="",
    )
    print(f"median {warm.median:.0f} ms, p99 {warm.p99:.0f} ms, longest {warm.longest:.0f} ms;")
    print(f"the platform was asked {warm.asked} times meanwhile, by reconcile")


def _print_pop_ups(warm: pop_up.Shown, limit: pop_up.AtTheLimit) -> None:
    print(f"\n{warm.calls} pop-ups, warm, beyond the platform's own time ({warm.platform:.0f} ms):")
    print(f"median {warm.median:.0f} ms, p99 {warm.p99:.0f} ms, longest {warm.longest:.0f} ms")
    told = ", ".join(f"{number} {outcome}" for outcome, number in limit.outcomes.most_common())
    print(f"{limit.outcomes.total()} at once, at the limit, in {limit.seconds:.0f} s: {told};")
    print(f"{limit.too_many_requests} times 429")


def _print_fairness(billed: fairness.Billed, ended: fairness.Ended) -> None:
    print(f"\n{billed.rung} calls of one account ring, {billed.shown} are shown; beside them")
    print(f"{billed.sent} of {billed.billed} payments go out, median {billed.median_s:.2f} s after")
    print(
        f"they were billed, longest {billed.longest_s:.1f} s; {billed.too_many_requests} times 429"
    )
    print(f"\n{ended.calls} calls of one account have ended, told in {ended.told_in_s:.0f} s; when")
    print(
        f"{ended.saved_before} of them are saved, another's is, {ended.saved_after_s:.1f} s after"
    )
    print(f"it was told; {ended.too_many_requests} times 429")


def _print_squatted(squatted: fairness.Squatted) -> None:
    told = ", ".join(f"{number} times {status}" for status, number in squatted.pages.items())
    print(f"\nA link with {squatted.named} locations of others is pressed again and again: {told};")
    print(f"the platform was asked {squatted.asked} times for it; a new owner, whose")
    print(f"first callback fails, is connected after {squatted.connected_after_s:.0f} s")


def _middle(row: Row, values: str, variant: str) -> float | None:
    if values == "ms":
        return statistics.median(row.ms[variant]) if variant in row.ms else None
    return row.minstr.get(variant)


def _number(value: float | None, width: int) -> str:
    return f"{'-':>{width}}" if value is None else f"{value:{width}.0f}"


def _ratio(value: float | None, base: float | None, width: int) -> str:
    return f"{'-':>{width}}" if value is None or not base else f"{value / base:{width}.2f}"


def _processor() -> str:
    """Its name, where Linux tells it."""
    cpus = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", cpus.read_text()) if cpus.exists() else None
    return found[1] if found else platform.processor() or "unknown processor"


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench BENCH=...", description="Cold starts.")
    parser.add_argument("--runs", type=int, default=9, help="rounds of the times (9)")
    parser.add_argument(
        "--full", action="store_true", help="count instructions without bytecode too: minutes"
    )
    parser.add_argument("--webhooks", type=int, default=300, help="how many are sent (300)")
    parser.add_argument("--pop-ups", type=int, default=1000, help="how many are shown (1000)")
    parser.add_argument(
        "--fairness",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="who is held up while somebody hammers: four minutes (on)",
    )
    parser.add_argument("--fairness-only", action="store_true", help="nothing but that")
    parser.add_argument("--no-instructions", action="store_true", help="times only")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
