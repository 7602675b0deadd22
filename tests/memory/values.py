"""Attribute values as they go over the wire: {"S": "text"}, {"N": "1"}, {"M": {...}}.

What is stored is never changed in place, so that rows, their copies in indexes and the rows from
before a write may share values.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, Inexact
from typing import Any

from tests.memory.calls import Refused

type Value = dict[str, Any]
type Item = dict[str, Value]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_MOST_DIGITS = 38
_LARGEST, _SMALLEST = 125, -130
_EXACT = Context(prec=_MOST_DIGITS, traps=[Inexact])


class Invalid(Refused):
    """DynamoDB refuses the whole request."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


class Misfit(Invalid):
    """Refused for what the item is: in a transaction, this cancels it as a ValidationError."""


def stored(value: Any) -> Value:
    """A copy that nobody else holds, its numbers as DynamoDB writes them.

    Raises:
        Invalid: a number is none, or is beyond what DynamoDB holds.
        NotImplementedError: a type that the project does not store.
    """
    [(kind, content)] = value.items()
    if kind == "S":
        # Without str(), a StrEnum would be stored as itself.
        return {"S": content if type(content) is str else str(content)}
    if kind == "N":
        return {"N": _written(content)}
    if kind == "M":
        return {"M": {str(name): stored(inner) for name, inner in content.items()}}
    if kind == "L":
        return {"L": [stored(inner) for inner in content]}
    if kind in ("BOOL", "NULL"):
        return {kind: content}
    raise NotImplementedError(f"attribute type {kind}")


def copied(item: Mapping[str, Value]) -> Item:
    """A copy to hand out."""
    return {name: _copied(value) for name, value in item.items()}


def _copied(value: Value) -> Value:
    if "M" in value:
        return {"M": copied(value["M"])}
    if "L" in value:
        return {"L": [_copied(inner) for inner in value["L"]]}
    return value.copy()


def compared(test: Callable[[Any, Any], bool], left: Value | None, right: Value | None) -> bool:
    """Whether <, <=, > or >= holds: never between different types, or where one is absent.

    Strings compare by their UTF-8 bytes, which is how Python orders them as well.
    """
    if left is None or right is None:
        return False
    if "S" in left and "S" in right:
        return test(left["S"], right["S"])
    return "N" in left and "N" in right and test(Decimal(left["N"]), Decimal(right["N"]))


def added(left: Value, right: Value, sign: int = 1) -> Value:
    """The sum, or with sign -1 the difference, of two numbers.

    Raises:
        Misfit: one is no number.
    """
    if "N" not in left or "N" not in right:
        raise Misfit("An operand in the update expression has an incorrect data type")
    total = _EXACT.fma(Decimal(right["N"]), Decimal(sign), Decimal(left["N"]))
    return {"N": _written(format(total, "f"))}


def _written(text: Any) -> str:
    if type(text) is str and text.isdigit() and text.isascii() and len(text) <= _MOST_DIGITS:
        return text.lstrip("0") or "0"
    if not _NUMBER.fullmatch(text):
        raise Invalid(f"The parameter cannot be converted to a numeric value: {text}")
    sign, digits, exponent = Decimal(text).as_tuple()
    assert isinstance(exponent, int)
    significant = "".join(map(str, digits)).lstrip("0")
    exponent += len(significant)
    significant = significant.rstrip("0")
    if not significant:
        return "0"
    if len(significant) > _MOST_DIGITS:
        raise Invalid("Attempting to store more than 38 significant digits in a Number")
    if exponent - 1 > _LARGEST:
        raise Invalid(
            "Number overflow. Attempting to store a number with magnitude larger than supported "
            "range"
        )
    if exponent - 1 < _SMALLEST:
        raise Invalid(
            "Number underflow. Attempting to store a number with magnitude smaller than supported "
            "range"
        )
    number = Decimal(f"{'-' * sign}{significant}e{exponent - len(significant)}")
    return format(number, "f")
