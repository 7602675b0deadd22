"""`python -m tests.drills`: plants every incident, one after the other, and prints a table."""

import argparse
import sys
import textwrap
import time
from collections.abc import Iterator

from tests.drills.drill import Drill, run
from tests.drills.incidents import ALL

_WIDTH = 98


def main(arguments: list[str]) -> int:
    """Plays all that was asked for; 0 only if all is as it must be, 2 if there is no such one."""
    options = _options(arguments)
    chosen = [it for it in ALL if options.only in it.name]
    if not chosen:
        print(f"No incident has {options.only!r} in its name.", file=sys.stderr)
        return 2
    began, wrong = time.monotonic(), 0
    for number, incident in enumerate(chosen, 1):
        print(f"{number:2}/{len(chosen)}  {incident.name:36}", end="", flush=True)
        drill = run(incident)
        wrong += bool(drill.wrongs)
        print("WRONG" if drill.wrongs else "ok", flush=True)
        for name, text in _told(drill):
            lines = textwrap.wrap(text, _WIDTH - 17, break_on_hyphens=False)
            print(
                "\n".join(f"       {name if not at else '':9} {it}" for at, it in enumerate(lines))
            )
    took = time.monotonic() - began
    print(f"\n{len(chosen)} incidents, {wrong} not as they must be, in {took:.0f} s")
    return int(wrong > 0)


def _told(drill: Drill) -> Iterator[tuple[str, str]]:
    incident, told = drill.incident, drill.told
    none = f"none: {incident.silent}" if incident.silent else "none"
    yield "alarm", drill.rang or none
    yield "status", f"{told['whom']}: {told['what']}" if told else "does not tell"
    yield "typed", "; ".join(drill.typed) or "nothing"
    if incident.outside:
        yield "outside", incident.outside
    if not drill.wrongs:
        yield "took", f"told after {drill.told_min} min, all well {drill.well_min} min later"
    for each in drill.wrongs:
        yield "WRONG", each


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.drills", description=__doc__)
    words = "those with such words in their names"
    parser.add_argument("--only", default="", metavar="WORDS", help=words)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
