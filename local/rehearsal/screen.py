"""What the terminal shows: a line per step while it works, and a table in the end."""

import os
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
        self._line("ok", "The simulator and the local stack serve", self._now())

    def begin(self, number: int, title: str) -> None:
        """A check begins."""
        self._say()
        self._say(self._bold(f"{number}  {title}"))

    def playing(self, name: str) -> None:
        """A step begins."""
        self._started = time.monotonic()
        self._meanwhile(name)

    def played(self, name: str, failure: tuple[str, str] | None) -> None:
        """A step has ended.

        Args:
            name: The step's.
            failure: What was expected, and what was recorded; None if it passed.
        """
        self._line("FAILED" if failure else "ok", name, self._now())
        if failure:
            self.explain(*failure)

    def explain(self, expected: str, recorded: str) -> None:
        """Why something failed."""
        self._say(f"           expected  {self._mask(expected)}")
        self._say(f"           recorded  {self._mask(recorded)}")

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

    def _now(self) -> float:
        return time.monotonic() - self._started

    def _line(self, verdict: str, name: str, seconds: float) -> None:
        self._clear()
        padded = self._coloured(f"{verdict:<6}")
        self._say(f"   {padded}  {name:<{_NAME_WIDTH}}  {seconds:5.1f} s")

    def _meanwhile(self, name: str) -> None:
        if self._is_live:
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
