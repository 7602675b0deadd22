"""What the terminal shows: a line per step, check by check, and a table in the end.

Several checks are played at once, so what one has to say waits until all before it are over.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import TextIO

_NAME_WIDTH = 58


class Screen:
    """Writes plain lines; on a terminal also colours, and the step that is being played.

    Args:
        out: Where to.
        mask: Applied to every text that comes from outside.
    """

    def __init__(self, out: TextIO, mask: Callable[[str], str]) -> None:
        self._out = out
        self._mask = mask
        self._is_live = out.isatty()
        self._has_colours = self._is_live and "NO_COLOR" not in os.environ
        self._started = 0.0
        self._showing = threading.RLock()
        self._turns: list[CheckLines] = []

    def starting(self) -> None:
        """The platform and the stack are about to start."""
        self._say(
            "The moderation checks, played against the real functions and a simulated platform"
        )
        self._say()
        self._started = time.monotonic()
        self._meanwhile("starting the simulator and the local stack")

    def started(self) -> None:
        """They serve."""
        self._clear()
        seconds = time.monotonic() - self._started
        self._say(self.step("ok", "The simulator and the local stack serve", seconds))

    def check(self, number: int, title: str) -> "CheckLines":
        """The lines of a check; their turn comes after those of all that were asked for before."""
        lines = CheckLines(self, self._bold(f"{number}  {title}"))
        with self._showing:
            self._turns.append(lines)
            self.show()
        return lines

    def show(self) -> None:
        """Say what the check has to say whose turn it is, and so on while they are over."""
        with self._showing:
            self._clear()
            while self._turns:
                now = self._turns[0]
                for line in now.kept:
                    self._say(line)
                now.kept.clear()
                if not now.is_over:
                    self._meanwhile(now.plays)
                    return
                del self._turns[0]

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """The verdicts; the first two columns are texts, the others numbers."""
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        self._say()
        for row in (head, *rows):
            cells = [
                cell.ljust(width) if place < 2 else cell.rjust(width)  # noqa: PLR2004 - see above
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            line = "  ".join(cells)
            if row is head:
                self._say(self._bold(line))
            else:
                self._say(line.replace(cells[1], self._coloured(cells[1]), 1))
        self._say()

    def close(self, *lines: str) -> None:
        """The last words."""
        for line in lines:
            self._say(line)

    def interrupted(self) -> None:
        """Somebody pressed Ctrl-C."""
        self._clear()
        self._say()
        self._say("Interrupted: everything is stopped, no report was written.")

    def step(self, verdict: str, name: str, seconds: float) -> str:
        """The line of a step that is over."""
        padded = self._coloured(f"{verdict:<6}")
        return f"   {padded}  {name:<{_NAME_WIDTH}}  {seconds:5.1f} s"

    def why(self, expected: str, recorded: str) -> list[str]:
        """Lines: why something failed."""
        return [
            f"           expected  {self._mask(expected)}",
            f"           recorded  {self._mask(recorded)}",
        ]

    def _meanwhile(self, name: str) -> None:
        if self._is_live and name:
            self._out.write(f"   ...     {name}")
            self._out.flush()

    def _clear(self) -> None:
        if self._is_live:
            self._out.write("\r\x1b[2K")

    def _say(self, line: str = "") -> None:
        print(line, file=self._out, flush=True)

    def _bold(self, text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if self._has_colours else text

    def _coloured(self, verdict: str) -> str:
        if not self._has_colours:
            return verdict
        is_good = verdict.strip() in {"ok", "passed"}
        return f"\x1b[{32 if is_good else 31}m{verdict}\x1b[0m"


class CheckLines:
    """What is said of one check, from whichever thread plays it.

    Attributes:
        kept: Lines that wait for their turn.
        plays: The step that is being played.
        is_over: Whether nothing more is to be said.
    """

    def __init__(self, screen: Screen, heading: str) -> None:
        self._screen = screen
        self._started = 0.0
        self.kept = ["", heading]
        self.plays = ""
        self.is_over = False

    def playing(self, name: str) -> None:
        """A step begins."""
        self._started = time.monotonic()
        self.plays = name
        self._screen.show()

    def played(self, name: str, failure: tuple[str, str] | None) -> None:
        """A step has ended.

        Args:
            name: The step's.
            failure: What was expected, and what was recorded; None if it passed.
        """
        seconds = time.monotonic() - self._started
        self.kept.append(self._screen.step("FAILED" if failure else "ok", name, seconds))
        self.plays = ""
        if failure:
            self.explain(*failure)
        self._screen.show()

    def explain(self, expected: str, recorded: str) -> None:
        """Why something failed."""
        self.kept.extend(self._screen.why(expected, recorded))
        self._screen.show()

    def end(self) -> None:
        """The check is over."""
        self.is_over = True
        self._screen.show()
