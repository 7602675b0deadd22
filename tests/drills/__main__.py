"""`python -m tests.drills`: plants every incident, one after the other, and prints a table."""

import argparse
import sys
import time

from tests.drills.drill import run
from tests.drills.incidents import ALL


def main(arguments: list[str]) -> int:
    """Plays all that was asked for; 0 only if all is as it must be."""
    options = _options(arguments)
    chosen = [it for it in ALL if options.only in it.name]
    began, wrong = time.monotonic(), 0
    for number, incident in enumerate(chosen, 1):
        print(f"{number:2}/{len(chosen)} {incident.name:36}", end="", flush=True)
        since = time.monotonic()
        drill = run(incident)
        wrong += bool(drill.wrongs)
        print(
            f"{'WRONG' if drill.wrongs else 'ok   '} {time.monotonic() - since:5.1f} s", flush=True
        )
        silent = f"none: {incident.silent}" if incident.silent else "none"
        print(f"      alarm   {drill.rang or silent}")
        told = drill.told
        print(f"      status  {told['whom']}: {told['what']}" if told else "      status  -")
        print(f"      typed   {' ; '.join(drill.typed)}")
        if incident.outside:
            print(f"      outside {incident.outside}")
        for each in drill.wrongs:
            print(f"      WRONG   {each}")
    print(f"{len(chosen)} incidents, {wrong} not as they must be, {time.monotonic() - began:.0f} s")
    return int(wrong > 0)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.drills", description=__doc__)
    words = "those with such words in their names"
    parser.add_argument("--only", default="", metavar="WORDS", help=words)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
