"""How long a function takes to start, a webhook to be answered, a caller to be shown: `make bench`.

What each of them does is told in its module.
"""

import argparse
import io
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.bench import cold_start, fairness, growth, pop_up, warm, webhook, written


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    options = _options(arguments)
    if not options.fairness_only:
        _measure(options)
    if options.growth and not options.fairness_only:
        growth.told(growth.LOCATIONS, _tell, is_written=options.write)
    if options.fairness:
        _tell("fairness: minutes")
        _print_fairness(fairness.payments_beside_pop_ups(), fairness.a_call_behind_thousands())
        for named in (300, 2000):
            _print_squatted(fairness.a_new_owner_beside_a_squatter(named))
    return 0


def _measure(options: argparse.Namespace) -> None:
    valgrind = None if options.no_instructions else shutil.which("valgrind")
    with cold_start.world() as (world, starts, artifacts):
        starts.time(artifacts, options.runs, _tell)
        if valgrind:
            starts.count(artifacts, valgrind, options.only, _tell)
        if options.webhooks:
            answered = webhook.answered(world.stack, world.simulator, options.webhooks)
    print(f"Cold starts, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    print(f"{platform.system()} {platform.machine()}, {_processor()}, {os.cpu_count()} processors")
    print(f"Python {platform.python_version()}, boto3 {version('boto3')}")
    _told("cold", options, lambda: cold_start.print_table(starts.rows, runs=options.runs))
    if options.webhooks:
        _told("webhook", options, lambda: _print_webhook(answered))
    if options.warm_s:
        measured = warm.measured(options.warm_s, _tell)
        _told("warm", options, lambda: warm.print_tables(measured))
    if options.pop_ups:
        _tell(f"{options.pop_ups} pop-ups at once")
        limit = pop_up.at_the_limit(options.pop_ups)
        _told("at-the-limit", options, lambda: _print_limit(limit))
    if not valgrind and not options.no_instructions:
        print("\nNo instructions were counted: valgrind is not installed.", end=" ")
        print("Times alone wander by a third from run to run.")


def _told(name: str, options: argparse.Namespace, show: Callable[[], None]) -> None:
    """Prints; and writes the same into docs/, if that is asked for."""
    with redirect_stdout(io.StringIO()) as shown:
        show()
    print(f"\n{shown.getvalue().strip()}")
    if options.write:
        written.write(name, f"```\n{shown.getvalue().strip()}\n```")


def _print_webhook(warm: webhook.Answered) -> None:
    print(
        f"\n{warm.events} webhooks, warm, while each status takes {webhook.PLATFORM_S:.0f} s: ",
        end="",
    )
    print(f"median {warm.median:.0f} ms, p99 {warm.p99:.0f} ms, longest {warm.longest:.0f} ms;")
    print(f"the platform was asked {warm.asked} times meanwhile, by reconcile")


def _print_limit(limit: pop_up.AtTheLimit) -> None:
    told = ", ".join(f"{number} {outcome}" for outcome, number in limit.outcomes.most_common())
    print(f"\n{limit.outcomes.total()} pop-ups at once, at the limit, in {limit.seconds:.0f} s:")
    print(f"{told}; {limit.too_many_requests} times 429")


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


def _processor() -> str:
    """Its name, where Linux tells it."""
    cpus = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", cpus.read_text()) if cpus.exists() else None
    return found[1] if found else platform.processor() or "unknown processor"


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench BENCH=...", description="Cold starts.")
    parser.add_argument("--runs", type=int, default=9, help="rounds of the times (9); 0 for none")
    parser.add_argument(
        "--only", default="", help="count instructions of the rows that begin so, such as calls"
    )
    parser.add_argument("--webhooks", type=int, default=300, help="how many are sent (300)")
    parser.add_argument(
        "--warm-s", type=float, default=300, help="how long calls ring, in seconds (300)"
    )
    parser.add_argument(
        "--pop-ups", type=int, default=250, help="how many come at once, at the limit (250)"
    )
    parser.add_argument(
        "--fairness",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="who is held up while somebody hammers: four minutes (on)",
    )
    parser.add_argument(
        "--growth",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="what a hundred, a thousand and ten thousand locations take: some minutes (on)",
    )
    parser.add_argument(
        "--write", action="store_true", help="put what was measured into docs/speed.md, too"
    )
    parser.add_argument("--fairness-only", action="store_true", help="nothing but that")
    parser.add_argument("--no-instructions", action="store_true", help="times only")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
