"""The command that does the same as a button, as one can paste it into a terminal."""

import json
import shlex
from collections.abc import Sequence
from typing import Final

from local.simulator.neighbours import Asked

#: The shell fills these in when the command runs: pasted an hour later, it tells of that moment.
NOW: Final = "@now@"
FRESH: Final = "@id@"
AGO: Final = "@ago@"  # By a minute.

#: Of one command, told again by the next: what the first of them made.
SAME: Final = "@same@"

_SHELL: Final = {
    NOW: '"$(date -u +%FT%T+00:00)"',
    FRESH: '"$(date +%s)"',
    SAME: '"${SAME:-$(date +%s)}"',
    AGO: "\"$(date -u -d '1 minute ago' +%FT%T+00:00)\"",
}
# In front of the command that makes it.
MADE: Final = "SAME=$(date +%s); "


def curl(asked: Asked) -> str:
    """A request as curl sends it."""
    words = ["curl"]
    if asked.user:
        words += ["-u", _quoted(asked.user)]
    words.append(_quoted(asked.url))
    if asked.sent:
        words += ["-d", _quoted(asked.sent)]
    for name, value in asked.form:
        words += ["--data-urlencode", _quoted(f"{name}={value}")]
    return " ".join(words)


def button(address: str, path: str, fields: Sequence[tuple[str, object]] = ()) -> str:
    """A press of a button of the page itself."""
    words = ["curl", "-X POST"] if not fields else ["curl"]
    words.append(_quoted(f"{address}{path}"))
    words += [f"-d {_quoted(f'{name}={value}')}" for name, value in fields]
    return " ".join(words)


def _quoted(text: str) -> str:
    quoted = shlex.quote(text)
    for name, command in _SHELL.items():
        quoted = quoted.replace(name, f"'{command}'")
    return quoted


def spaced(text: str) -> str:
    """JSON as one reads it, in one line; any other text as it is."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text
