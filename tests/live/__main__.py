"""Real switches call, and the platform has to know: `make live`.

It says what it does, and in the end what came of each call with each version, as a table for
docs/pbx/asterisk.md.
"""

import argparse
import signal
import sys
from collections.abc import Sequence

from tests.live import captures
from tests.live.calls import NOT_TRIED
from tests.live.captures import Captured
from tests.live.machines import SUITES, CannotRun, machine
from tests.live.play import Result, played

# As of a test that was skipped, to whoever reads it: nothing is wrong, and nothing was tried.
CANNOT = 77


def main(arguments: Sequence[str]) -> int:
    """Returns 0 if all was right, 1 if something was not, and 77 if nothing could be tried."""
    options = _parser().parse_args(arguments)
    results: dict[str, list[Result]] = {}
    try:
        machines = [machine(suite) for suite in options.suite or SUITES]
    except CannotRun as reason:
        print(f"No switch was tried: {reason}.", file=sys.stderr)
        return CANNOT
    for each in machines:
        print(f"Asterisk {each.version}", flush=True)
        results[each.version] = played(each, options.call)
        if options.keep:
            kept = captures.write(f"asterisk-{each.version}", _right(results[each.version]))
            print(f"  kept in {kept}", flush=True)
    _print_table(results)
    wrong = [each for found in results.values() for each in found if each.wrong]
    return 1 if wrong or not all(results.values()) else 0


def _right(results: list[Result]) -> list[Captured]:
    return [
        Captured(each.name, each.right, each.caller, tuple(each.forms))
        for each in results
        if each.right and each.forms and not each.wrong
    ]


def _print_table(results: dict[str, list[Result]]) -> None:
    rows: dict[str, dict[str, str]] = {}
    for version, found in results.items():
        for each in found:
            rows.setdefault(each.name, {})[version] = str(each)
    print()
    print(f"| call | {' | '.join(results)} |")
    print(f"| --- |{' --- |' * len(results)}")
    for name, row in rows.items():
        print(f"| {name} | {' | '.join(row.get(version, '') for version in results)} |")
    print("\nNot tried:", *NOT_TRIED, sep="\n- ")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.live",
        description="Let real switches call, and judge what came of it.",
    )
    parser.add_argument(
        "--suite", action="append", choices=SUITES, help="only this one's switch; may be repeated"
    )
    parser.add_argument(
        "--call", action="append", default=[], metavar="WORDS", help="only calls named like this"
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep what they send as captures of the normal suite"
    )
    return parser


if __name__ == "__main__":
    # So that the switch and the stack end with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main(sys.argv[1:]))
