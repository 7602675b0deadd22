"""How things look in a terminal: tables, ages and times, within a hundred columns."""

import argparse
import json
import re
import shlex
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from ops import ANNOUNCEMENT
from shared.aws.dynamodb import StaleWrite
from shared.payments.entry import Entry

NOT_YET = "Nothing was changed yet. Add --do to do it."
"""Below what a change would be."""

ID_LENGTH = 18
"""Digits of the longest id of a location or a payment."""

_WIDTH = 98
_NARROWEST = 16
# An id is copied as one, however long.
_wrap = partial(textwrap.wrap, break_on_hyphens=False, break_long_words=False)
_TYPE = "    type: "
_NOTE = "          # "
# What stands in capitals in a command, and what is written in its place.
_TO_FILL_IN = {
    "ACCOUNT": "an account's id, its id in your portal, or a location of it",
    "COUNTRY": "a country, as the two letters of ISO 3166",
    "LOCATION": "the id of a location",
    "NAME": "an environment of samconfig.toml",
    "REASON": "why, in quotes; it is kept",
    "TEXT": "how you know whose it is, in quotes; it is kept",
    **dict.fromkeys(("KEY", "SECRET", "TOKEN"), "a file, as told above"),
}
# Of AWS's commands, these change something, and show nothing before.
_AT_ONCE = (" put-parameter ", " set-queue-attributes ", " update-event-source-mapping ")
_OTHERS = ("(umask ", "AWS_", "aws ", "build/", "grep ", "less ", "make ")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, indent: str = "  ") -> str:
    """Aligned columns; the last one is wrapped."""
    lines = [[printable(text) for text in line] for line in (heads, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads) - 1)]
    left = _WIDTH - len(indent) - sum(widths) - 2 * len(widths)
    written = []
    for *columns, last in lines:
        start = "".join(f"{text:{width}}  " for text, width in zip(columns, widths, strict=True))
        wrapped = _wrap(last, max(left, _NARROWEST)) or [""]
        blank = " " * len(start)
        written += [
            f"{indent}{blank if number else start}{part}".rstrip()
            for number, part in enumerate(wrapped)
        ]
    return "\n".join(written)


def quoted(key: str) -> str:
    """As it is typed; keys have a `#`, which a shell leaves alone within a word."""
    return key if shlex.quote(key.replace("#", "")) == key.replace("#", "") else shlex.quote(key)


def valued(option: str, value: str) -> str:
    """An option with its value, as it is typed; also with one that begins as an option does."""
    return f"{option}{'=' if value.startswith('-') else ' '}{shlex.quote(value)}"


def to_type(command: str, options: argparse.Namespace) -> str:
    """A command on lines of its own, as it is pasted into a shell, with comments of the shell."""
    named = {"stack-name": options.stack_name, "profile": options.profile, "region": options.region}
    where = "".join(f" --{name} {shlex.quote(it)}" for name, it in named.items() if it)
    if not where and options.announced != ANNOUNCEMENT:
        where = f" --announced {shlex.quote(str(options.announced))}"
    is_ours = not command.startswith(_OTHERS)
    whole = f".venv/bin/python -m ops {command}{where}" if is_ours else command
    if command.startswith("build/"):  # of sam, which is told the stack already
        whole += where.removeprefix(f" --stack-name {shlex.quote(options.stack_name)}")
    is_long = len(whole) > _WIDTH - len(_TYPE)
    typed = _TYPE + (whole.replace(" --", " \\\n            --") if is_long else whole)
    words = [it for it in re.findall(r"\b[A-Z]+\b", command) if it in _TO_FILL_IN]
    notes = [f"{it}: {_TO_FILL_IN[it]}" for it in dict.fromkeys(words)]
    shows = re.findall(r"grep .*(docs/\S+)", whole)
    notes += [f"It shows what {it} says of this, and what to do." for it in shows]
    notes += ["It does so at once, without a dry run."] * any(it in whole for it in _AT_ONCE)
    return "\n".join([typed, *(f"{_NOTE}{it}" for it in notes)])


class Wrong(Exception):
    """Nothing of the kind can be asked for, as a sentence: the command ends with 2."""


class NotChanged(Exception):
    """Why nothing was changed, as half a sentence: the command ends with 1."""

    begins = "Nothing was changed: "


class Unfinished(NotChanged):
    """Why not all was done, or nobody knows whether it was: the same."""

    begins = "Not done to its end: "


def printed(options: argparse.Namespace, text: str, plain: object) -> None:
    """For a person, or with `--json` for a machine."""
    print(json.dumps(plain, ensure_ascii=False, indent=2) if options.json else text)


def proposed(
    options: argparse.Namespace,
    text: str,
    plain: Mapping[str, object],
    do: Callable[[], str],
    *,
    against: str = "",
    then: Sequence[str] = (),
) -> int:
    """Shows a change as `text`, and makes it with `--do`; returns the command's exit code.

    `do` tells of it, or raises `NotChanged`, or `StaleWrite` as somebody was faster; what is
    `against` forbids it. Once it is done, the commands of `then` come next.
    """
    if not options.json:
        print(text, end="\n\n")
    if against:
        return not_changed(options, NotChanged(against), plain)
    try:
        said, done = (do(), True) if options.do else (NOT_YET, False)
    except NotChanged as error:
        return not_changed(options, error, plain)
    except StaleWrite:
        return not_changed(options, NotChanged("it has changed since it was shown"), plain)
    following = [to_type(it, options) for it in then if done]
    plain = {**plain, "done": done, "said": said, "then": [*then] if done else []}
    printed(options, "\n".join([wrapped(said), *following]), plain)
    return 0


def printable(text: str) -> str:
    """Of words that are not ours: a terminal obeys some characters."""
    return "".join(char if char.isprintable() else " " for char in text)


def facts(pairs: Sequence[tuple[str, str]], *, indent: str = "  ") -> str:
    """Names and values below each other; nothing if there are none."""
    return table(pairs[0], pairs[1:], indent=indent) if pairs else ""


def change(
    options: argparse.Namespace, head: str, pairs: Sequence[tuple[str, str]], do: Callable[[], str]
) -> int:
    """A change that names and values tell; as `proposed`."""
    return proposed(options, f"{head}\n{facts(pairs)}", dict(pairs), do)


def below(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table after a blank line; nothing if it has no row."""
    return ["\n" + table(heads, rows)] if rows else []


def wrapped(text: str, *, indent: str = "") -> str:
    """A sentence or two, at the left."""
    lines = _wrap(printable(text), _WIDTH, initial_indent=indent, subsequent_indent=indent)
    return "\n".join(lines)


def not_changed(
    options: argparse.Namespace, why: NotChanged, plain: Mapping[str, object] | None = None
) -> int:
    """Says so; returns the command's exit code."""
    said = f"{why.begins}{str(why).rstrip('.')}."
    printed(options, wrapped(said), {**(plain or {}), "done": False, "said": said})
    return 1


def age(span: timedelta) -> str:
    """How long, rounded, in the largest unit of which it is two; negative spans count as none."""
    seconds = max(span.total_seconds(), 0)
    for unit, size, most in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if (number := round(seconds / size)) < most:
            return f"{number} {unit}"
    return f"{round(seconds / 86400)} d"


def due(at: datetime | None, now: datetime) -> str:
    """When something is due, seen from now."""
    return "-" if at is None else f"in {age(at - now)}" if at > now else f"{age(now - at)} ago"


def moment(at: datetime) -> str:
    """An instant, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def minute(at: datetime) -> str:
    """What is known to a minute, in UTC, and was today."""
    return f"about {at.astimezone(UTC):%H:%M}Z"


def amount(entry: Entry) -> str:
    """The sum of a payment; of a refund, the payment that it gives back."""
    return f"all of {entry.payment_key}" if entry.is_refund else entry.payment.sum


def period(entry: Entry) -> str:
    """What a payment is for."""
    return f"{moment(entry.payment.period_from)} to {moment(entry.payment.period_to)}"


def tally(of: Iterable[str] | Mapping[str, int]) -> str:
    """How many there are of each, the most frequent first: `2 SENT, 1 HELD`."""
    return ", ".join(f"{number} {it}" for it, number in Counter(of).most_common())


def counted(number: int, thing: str, things: str | None = None) -> str:
    """A number and what it counts: `1 entry`, `2 entries`."""
    return f"{number} {thing if number == 1 else things or f'{thing}s'}"
