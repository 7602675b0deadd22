"""Settings of each function, read from its environment once per cold start.

A class per function lists what it reads. A field without a default is a variable that template.yaml
gives it (a test compares them), so a missing one fails at start and by name. A field with a default
is a constant, which a variable of its name overrides: for a rehearsal, or a test. The template
bounds what it gives; an override is bounded here. Secrets are never here, only where to find them.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, cast
from zoneinfo import ZoneInfo

from shared.clock import zone_named
from shared.telemetry import count, logger

# Of an override: no delay is longer, and what is not above 0 ends what it was to wait for.
_YEAR_S = 365 * 86400


class ConfigError(Exception):
    """The environment lacks a variable, or one has a value of the wrong kind or out of bounds."""


def read[T](kind: type[T], environ: Mapping[str, str]) -> T:
    """The settings of `kind` from `environ`, each field from the variable of its upper-case name.

    Raises:
        ConfigError: naming every variable that is missing, without a default, or does not fit; or
            what two of them have to be to each other.
    """
    wrong: list[str] = []
    made = _made(kind, environ, wrong)
    if wrong or made is None:
        raise ConfigError("; ".join(dict.fromkeys(wrong)))
    return made


def variables(kind: type) -> dict[str, Any]:
    """The variables that `read` takes for `kind`, each with its default, or `MISSING`."""
    found: dict[str, Any] = {}
    for field in fields(kind):
        if isinstance(field.type, type) and is_dataclass(field.type):
            found |= variables(field.type)
        else:
            found[field.name.upper()] = field.default
    return found


def _made[T](kind: type[T], environ: Mapping[str, str], wrong: list[str]) -> T | None:
    values: dict[str, Any] = {}
    for field in fields(cast("Any", kind)):
        if isinstance(field.type, type) and is_dataclass(field.type):
            values[field.name] = _made(field.type, environ, wrong)
            continue
        name = field.name.upper()
        if name not in environ:
            if field.default is MISSING:
                wrong.append(f"{name} is not set")
            continue
        try:
            values[field.name] = _value(field.type, environ[name])
        except ValueError:
            wrong.append(f"{name} has a value of the wrong kind")
            continue
        if field.default is not MISSING:
            wrong.extend(f"{name} {rule}" for rule in _broken(values[field.name]))
    if wrong:
        return None
    try:
        return kind(**values)
    except ValueError as error:
        wrong.append(str(error))
        return None


def _broken(value: Any) -> Iterator[str]:
    """The rules that a constant of another value breaks; texts have none."""
    numbers = value if isinstance(value, tuple) else (value,)
    if not all(0 < number <= _YEAR_S for number in numbers if isinstance(number, int | float)):
        yield f"has to be above 0, and at most {_YEAR_S}"
    if isinstance(value, tuple) and list(value) != sorted(value):
        yield "has to name the shorter delay first"


def _value(kind: Any, text: str) -> Any:
    if kind == tuple[float, ...]:
        return tuple(_value(float, part) for part in text.split(","))
    if kind is float and not math.isfinite(float(text)):
        raise ValueError
    if kind is ZoneInfo:
        return _zone(text)
    return kind(text)


def _zone(name: str) -> ZoneInfo:
    """UTC if there is none of this name, which is counted so that it alarms.

    A slip of the hand in a parameter is no reason to answer nobody.
    """
    found = zone_named(name)
    if found is None:
        count("HandlerFailed")
        logger.error("PlatformTimezone names no zone: the dates are read as UTC")
    return found or ZoneInfo("UTC")
