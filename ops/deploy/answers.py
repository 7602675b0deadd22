"""Who answers the questions: somebody at a terminal, or a file."""

import getpass
import sys
import termios
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ops import screen
from ops.deploy import parameters

_TAKE_BACK = "A single - leaves it empty."
_OWN = {
    *("region", "parameters", "partner_token_file", "user_token_file"),
    *("execute", "replace", "although_it_rings"),
}


class Refused(Exception):
    """An answer is missing or wrong, or was "no"; the message is a sentence for the operator."""


class Answers(Protocol):
    """What the command asks, whoever answers."""

    def value(self, name: str, words: str, default: str, wrong: Callable[[str], str]) -> str:
        """One that may be seen, and that `wrong` has nothing against.

        Raises:
            Refused: There is no such answer.
        """

    def secret(self, name: str, *, is_stored: bool, is_needed: bool) -> str | None:
        """A token; None leaves what is stored, or stores none.

        Raises:
            Refused: It is needed, and there is none.
        """

    def agrees(self, name: str, question: str) -> bool:
        """Whether to go on."""


class Terminal:
    """A person, who is asked again until the answer is right."""

    def value(self, name: str, words: str, default: str, wrong: Callable[[str], str]) -> str:
        """See Answers."""
        print(f"\n{screen.wrapped(words)}")
        while True:
            given = input(f"{name} [{default}]: ").strip() or default
            if not (reason := wrong(given)):
                return given
            if given == "-" and not wrong(""):
                return ""  # the only way to take back what was answered before
            print(screen.wrapped(f"{reason} {_TAKE_BACK if not wrong('') else ''}".rstrip()))

    def secret(self, name: str, *, is_stored: bool, is_needed: bool) -> str | None:
        """See Answers. It is not shown while it is typed."""
        words = name.replace("_", " ")
        enter = "keeps the stored one" if is_stored else "" if is_needed else "stores none"
        shown = f"{words.capitalize()}, which is not shown{f' (Enter {enter})' if enter else ''}: "
        print()
        while True:
            given = getpass.getpass(shown).strip()
            if not given and (is_stored or not is_needed):
                return None
            if not (reason := parameters.wrong_token(given)):
                return given
            print(screen.wrapped(reason))

    def agrees(self, name: str, question: str) -> bool:  # noqa: ARG002 - a file goes by the name
        """See Answers; Enter is "no". What was typed before it was asked answers nothing."""
        if sys.stdin.isatty():
            termios.tcflush(sys.stdin, termios.TCIFLUSH)
        while True:
            given = input(f"\n{question} [y/N]: ").strip().lower()
            if given in ("y", "yes"):
                return True
            if given in ("", "n", "no"):
                return False
            print("Type y for yes, or n for no; Enter is no.")


@dataclass(frozen=True, slots=True)
class File:
    """A file of TOML; what it does not say stays as samconfig.toml and the template have it."""

    found: Mapping[str, Any]
    _given: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, known: Mapping[str, parameters.Parameter]) -> "File":
        """The answers in a file.

        Raises:
            Refused: It cannot be read, or says what nobody asks.
        """
        try:
            found = tomllib.loads(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise Refused(f"The answers in {path} cannot be read: {error}.") from None
        given = found.get("parameters", {})
        if not isinstance(given, dict):
            raise Refused(f"In {path}, [parameters] must be a table.")
        if unknown := sorted({*found} - _OWN) + sorted({*given} - {*known}):
            raise Refused(f"In {path}, nobody asks for {', '.join(unknown)}.")
        return cls(found, {name: str(value) for name, value in given.items()})

    @property
    def parameters(self) -> Mapping[str, str]:
        """Every parameter that is given, also such as are not asked at a terminal."""
        return self._given

    def value(self, name: str, words: str, default: str, wrong: Callable[[str], str]) -> str:  # noqa: ARG002 - for people
        """See Answers."""
        given = str(self.found.get(name, self._given.get(name, default)))
        if reason := wrong(given):
            raise Refused(reason)
        return given

    def secret(self, name: str, *, is_stored: bool, is_needed: bool) -> str | None:
        """See Answers. The answer names a file: a secret has no place beside the others."""
        key = f"{name}_file"
        if key not in self.found:
            if is_needed and not is_stored:
                raise Refused(f"No {name.replace('_', ' ')} is stored yet; give {key}.")
            return None
        try:
            given = Path(str(self.found[key])).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"The file of {key} cannot be read: {error}.") from None
        if reason := parameters.wrong_token(given):
            raise Refused(f"In the file of {key}: {reason}")
        return given

    def agrees(self, name: str, question: str) -> bool:
        """See Answers; only `true` is "yes"."""
        agrees = self.found.get(name) is True
        print(f"\n{question} {'yes' if agrees else f'no; `{name} = true` in the answers is yes'}")
        return agrees
