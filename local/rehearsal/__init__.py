"""The moderation rehearsal: plays Altegio's checks and writes a report to attach.

The stack is the real one: the built artifact under AWS's runtime client, real queues, the
template's schedules. The platform is the simulator, and its records alone decide the verdicts.

Rooms: `browser` (the owner's), `billing` (the telephony company's, with its `bill` and `stripe`),
`pbx` (its customer's), `settings` (the company's own), `stage` (what a check may touch and see),
`checks`, `money` (the second and the third), `telephony` (the sixth), `missed` (the seventh),
`play` (several at once), `screen`, `mask`, `album` and `camera` (pictures of the pages),
`checklist` (what proves a check), `report`.
"""

import argparse
import signal
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NoReturn

from local import PROJECT
from local.rehearsal import report, settings
from local.rehearsal.album import Album
from local.rehearsal.mask import Mask
from local.rehearsal.play import Outcome, Rehearsal, play
from local.rehearsal.screen import Screen
from local.simulator import Simulator

FOLDER = PROJECT / "build" / "rehearsal"

_CANNOT_START, _INTERRUPTED = 2, 130


def main(argv: list[str]) -> int:
    """Run the command; see `rehearse` for the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m local rehearse",
        description="Play Altegio's moderation checks on this machine and write a report to "
        f"{FOLDER.relative_to(PROJECT)}/. Exits with 0 only if every check passed.",
    )
    parser.add_argument(
        "given",
        nargs="*",
        metavar="NAME=VALUE",
        help="your application's settings, as docs/configuration.md lists them, such as"
        ' "PROVIDER_NAME=Nordic Voice" APPLICATION_ID=4711 TRIAL_DAYS=14',
    )
    options = parser.parse_args(argv)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    return rehearse(given=options.given)


def rehearse(
    *,
    given: Sequence[str] = (),
    folder: Path = FOLDER,
    artifact: Path | None = None,
    numbers: Collection[int] = (),
) -> int:
    """Play the checks, show how it goes, write the report.

    Args:
        given: The provider's settings, NAME=VALUE.
        folder: For the report and the logs.
        artifact: A built artifact; None builds the project's if it is stale.
        numbers: The checks to play; empty plays all.

    Returns:
        0 if every check passed, 1 if one failed, 2 if nothing could be started, 130 after Ctrl-C.
    """
    try:
        configured = settings.read(given)
    except ValueError as error:
        print(f"the rehearsal cannot be played: {error}", file=sys.stderr)
        return _CANNOT_START
    mask = Mask(_secrets(), [configured[name] for name in settings.PUBLIC])
    screen = Screen(sys.stdout, mask.text)
    report.remove(folder)
    try:
        with Album(mask.text) as album:
            rehearsal = play(
                screen,
                settings=configured,
                album=album,
                logs=folder / "logs",
                artifact=artifact,
                numbers=numbers,
            )
            names = report.write(rehearsal, album, folder, mask)
    except KeyboardInterrupt:
        screen.interrupted()
        return _INTERRUPTED
    except (OSError, RuntimeError, ValueError, subprocess.CalledProcessError) as error:
        print(f"the rehearsal cannot be played: {error}", file=sys.stderr)
        return _CANNOT_START
    screen.table(
        ("Check", "Verdict", "Steps", "Platform calls", "Seconds"),
        [_row(outcome) for outcome in rehearsal.outcomes],
    )
    failed = [each for each in rehearsal.outcomes if not each.has_passed]
    for outcome in failed:
        if outcome.afterthought and outcome.failure is outcome.afterthought:
            title = f"{outcome.check.title}: when all was over"
            lines = screen.check(outcome.check.number, title)
            lines.explain(*outcome.afterthought)
            lines.end()
    played = len(rehearsal.outcomes)
    verdict = (
        f"{len(failed)} of {played} checks failed" if failed else f"All {played} checks passed"
    )
    screen.close(
        f"{verdict} in {rehearsal.seconds:.1f} s, {_together(rehearsal)}.",
        "",
        f"Report  {_short(folder / names[0])}, {', '.join(names[1:])}",
        *([f"        without pictures and PDF: {album.why_none}"] if album.why_none else []),
        f"Logs    {_short(rehearsal.logs)}/",
        "Next    look at the report; then try it by hand: make up. How to go live: docs/deploy.md",
    )
    return 0 if rehearsal.has_passed else 1


def _together(rehearsal: Rehearsal) -> str:
    """How many checks were played at once: their seconds add up to more than all took."""
    if rehearsal.at_once > 1:
        return f"up to {rehearsal.at_once} at a time"
    return "one by one, as this machine is busy"


def _row(outcome: Outcome) -> tuple[str, ...]:
    passed = sum(each.failure is None for each in outcome.steps)
    return (
        f"{outcome.check.number}  {outcome.check.title}",
        outcome.verdict,
        f"{passed}/{len(outcome.check.steps)}",
        str(len(outcome.calls)),
        f"{outcome.seconds:.1f}",
    )


def _secrets() -> list[str]:
    """Of the simulated world; they open nothing, and yet no report should teach to show such."""
    platform = Simulator()
    return [platform.partner_token, platform.user_token, platform.crm_token]


def _short(path: Path) -> Path:
    return path.relative_to(PROJECT) if path.is_relative_to(PROJECT) else path


def _interrupt(_number: int, _frame: object) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # once is enough; let it close everything
    raise KeyboardInterrupt
