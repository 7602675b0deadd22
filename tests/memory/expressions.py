"""DynamoDB's condition, key condition and update expressions: the part that the project uses.

Each text is read once and becomes a function, as the same few come again a million times. What
is beyond the part raises NotImplementedError; what DynamoDB would refuse raises Invalid.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from tests.memory.values import Invalid, Item, Misfit, Value, added, compared

type Values = Mapping[str, Value]
type Names = tuple[tuple[str, str], ...]
type Path = tuple[str, ...]
type Action = tuple[str, Callable[[Item, Values], Value | None]]

_TOKEN = re.compile(r"\s*([#:]?[A-Za-z0-9_]+|<>|<=|>=|[=<>(),.+-]|\S)")
_ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_RESERVED = frozenset(
    (files("moto") / "dynamodb" / "parsing" / "reserved_keywords.txt").read_text("utf-8").split()
)


@dataclass(frozen=True, slots=True)
class Operand:
    """An attribute of the item, or else a value of the request."""

    read: Callable[[Item, Values], Value | None]
    path: Path | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition or a part of it; `parts` are those of AND, and `operands` those of a leaf."""

    operator: str
    holds: Callable[[Item, Values], bool]
    operands: tuple[Operand, ...] = ()
    parts: tuple["Clause", ...] = ()
    is_enclosed: bool = False

    @property
    def conjuncts(self) -> tuple["Clause", ...]:
        """The leaves that must all hold, of a condition that knows nothing but AND."""
        if self.operator != "AND":
            return (self,)
        return tuple(leaf for part in self.parts for leaf in part.conjuncts)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition, ready to be asked; `names` and `values` are those that it mentions."""

    clause: Clause
    names: frozenset[str]
    values: frozenset[str]
    checks: tuple[Callable[[Values], None], ...]


@dataclass(frozen=True, slots=True)
class Update:
    """What becomes of which attribute; an action that answers None removes."""

    actions: tuple[Action, ...]
    names: frozenset[str]
    values: frozenset[str]
    checks: tuple[Callable[[Values], None], ...]

    def applied(self, before: Item, values: Values) -> Item:
        """The item after the update; every action sees the item from before it.

        Raises:
            Misfit: the item lacks what the update needs.
        """
        after = dict(before)
        for name, action in self.actions:
            value = action(before, values)
            if value is None:
                after.pop(name, None)
            else:
                after[name] = value
        return after


@cache
def condition(text: str, names: Names) -> Condition:
    """A condition expression, its #names resolved."""
    reader = _Reader("ConditionExpression", text, names)
    clause = reader.condition()
    return Condition(clause, *reader.used())


@cache
def key_condition(text: str, names: Names) -> Condition:
    """A key condition expression; whether it fits a key is for the table to say."""
    reader = _Reader("KeyConditionExpression", text, names)
    clause = reader.condition()
    return Condition(clause, *reader.used())


@cache
def update(text: str, names: Names) -> Update:
    """An update expression, its #names resolved."""
    reader = _Reader("UpdateExpression", text, names)
    actions = reader.update()
    return Update(actions, *reader.used())


class _Reader:
    """Reads one expression from left to right; the methods are the rules of its grammar."""

    def __init__(self, slot: str, text: str, names: Names) -> None:
        self._slot = slot
        self._tokens = [*_TOKEN.findall(text), ""]
        self._at = 0
        self._defined = dict(names)
        self._names: set[str] = set()
        self._values: set[str] = set()
        self._checks: list[Callable[[Values], None]] = []
        if not text.strip():
            raise self._invalid("The expression can not be empty;")

    def used(
        self,
    ) -> tuple[frozenset[str], frozenset[str], tuple[Callable[[Values], None], ...]]:
        """Names and values that were mentioned, and what to check of the values."""
        return frozenset(self._names), frozenset(self._values), tuple(self._checks)

    # Conditions: OR binds loosest, then AND, then NOT

    def condition(self) -> Clause:
        clause = self._any()
        self._end()
        return clause

    def _any(self) -> Clause:
        clause = self._all()
        while self._takes("OR"):
            clause = _either(clause, self._all())
        return clause

    def _all(self) -> Clause:
        clause = self._one()
        while self._takes("AND"):
            clause = _both(clause, self._one())
        return clause

    def _one(self) -> Clause:
        if self._takes("NOT"):
            return _not(self._one())
        if self._takes("("):
            clause = self._any()
            self._expect(")")
            if clause.is_enclosed:
                raise self._invalid("The expression has redundant parentheses;")
            return replace(clause, is_enclosed=True)
        if self._next(1) == "(":
            return self._function()
        return self._comparison()

    def _function(self) -> Clause:
        name = self._take()
        self._expect("(")
        left = self._operand()
        if left.path is None:
            raise self._invalid(
                "Operator or function requires a document path; operator or function: " + name
            )
        read = left.read
        if name == "attribute_exists":
            clause = Clause(name, lambda item, values: read(item, values) is not None, (left,))
        elif name == "attribute_not_exists":
            clause = Clause(name, lambda item, values: read(item, values) is None, (left,))
        elif name == "begins_with" and self._slot == "KeyConditionExpression":
            self._expect(",")
            prefix = self._operand()
            self._expect_values(left, prefix)
            clause = Clause(name, _begins(left, prefix), (left, prefix))
            self._check(prefix, ("S",), name)
        else:
            raise NotImplementedError(f"{name} in a {self._slot}")
        self._expect(")")
        return clause

    def _comparison(self) -> Clause:
        left = self._operand()
        operands: tuple[Operand, ...]
        sign = self._take().upper()
        if sign == "BETWEEN":
            low = self._operand()
            self._expect("AND")
            high = self._operand()
            operands = (left, low, high)
            self._check_bounds(low, high)
            holds = _between(left, low, high)
        elif sign == "IN":
            self._expect("(")
            operands = (left, self._operand())
            while self._takes(","):
                operands = (*operands, self._operand())
            self._expect(")")
            holds = _in(left, operands[1:])
        elif sign in ("=", "<>", *_ORDERS):
            right = self._operand()
            operands = (left, right)
            holds = _compares(sign, left, right)
        else:
            self._at -= 1
            raise self._syntax()
        if sign in _ORDERS or sign == "BETWEEN":
            for operand in operands:
                self._check(operand, ("S", "N"), sign)
        self._expect_values(left, *operands[1:])
        return Clause(sign, holds, operands)

    def _expect_values(self, left: Operand, *others: Operand) -> None:
        # Nobody documents whether two attributes are equal that are both absent.
        if left.path is None or any(other.value is None for other in others):
            raise NotImplementedError("a comparison of anything but an attribute with values")

    # Updates

    def update(self) -> tuple[Action, ...]:
        sections = {"SET": self._set, "ADD": self._add, "REMOVE": self._remove}
        actions = []
        seen = set()
        while self._next():
            section = self._next().upper()
            if section == "DELETE":
                raise NotImplementedError("DELETE in an UpdateExpression")
            if section not in sections:
                raise self._syntax()
            if section in seen:
                raise self._invalid(
                    f'The "{section}" section can only be used once in an update expression;'
                )
            seen.add(section)
            self._take()
            actions.append(sections[section]())
            while self._takes(","):
                actions.append(sections[section]())
        if len({name for name, _action in actions}) < len(actions):
            raise self._invalid("Two document paths overlap with each other;")
        return tuple(actions)

    def _set(self) -> Action:
        name = self._target()
        self._expect("=")
        left = self._settable()
        if (sign := self._next()) not in ("+", "-"):
            return name, _present(left)
        self._take()
        right = self._settable()
        for operand in (left, right):
            self._check(operand, ("N",), sign)
        first, second, factor = _present(left), _present(right), 1 if sign == "+" else -1
        return name, lambda item, values: added(first(item, values), second(item, values), factor)

    def _settable(self) -> Operand:
        if self._next(1) != "(" and self._next() != "(":
            return self._operand()
        if (function := self._take()) != "if_not_exists":
            raise NotImplementedError(f"{function} in an UpdateExpression")
        self._expect("(")
        path = _attribute(self._path())
        self._expect(",")
        default = _present(self._settable())
        self._expect(")")
        return Operand(
            lambda item, values: path(item, values) or default(item, values),
        )

    def _add(self) -> Action:
        name = self._target()
        operand = self._operand()
        if operand.value is None:
            raise self._syntax()
        self._check(operand, ("N",), "ADD")
        present, amount = _attribute((name,)), _present(operand)

        def action(item: Item, values: Values) -> Value:
            value = present(item, values)
            return amount(item, values) if value is None else added(value, amount(item, values))

        return name, action

    def _remove(self) -> Action:
        return self._target(), lambda _item, _values: None

    def _target(self) -> str:
        [name, *inner] = self._path()
        if inner:
            raise NotImplementedError("an UpdateExpression for a part of an attribute")
        return name

    # Operands

    def _operand(self) -> Operand:
        if self._next(1) == "(":
            raise NotImplementedError(f"{self._next()} as an operand")
        if self._next().startswith(":"):
            name = self._take()
            self._values.add(name)
            return Operand(lambda _item, values: values[name], value=name)
        path = self._path()
        return Operand(_attribute(path), path=path)

    def _path(self) -> Path:
        names = [self._name()]
        while self._takes("."):
            names.append(self._name())
        if self._next() == "[":
            raise NotImplementedError("a list index")
        return tuple(names)

    def _name(self) -> str:
        token = self._next()
        if token.startswith("#"):
            if token not in self._defined:
                raise self._invalid(
                    "An expression attribute name used in the document path is not defined; "
                    f"attribute name: {token}"
                )
            self._names.add(token)
            name = self._defined[token]
        elif not (token.isascii() and token[:1].isalpha()):
            raise self._syntax()
        elif token.upper() in _RESERVED:
            raise self._invalid(f"Attribute name is a reserved keyword; reserved keyword: {token}")
        else:
            name = token
        self._take()
        return name

    # What can only be said once the values are there

    def _check(self, operand: Operand, kinds: tuple[str, ...], operator: str) -> None:
        if (name := operand.value) is None:
            return
        slot = self._slot

        def check(values: Values) -> None:
            [kind] = values[name]
            if kind not in kinds:
                raise Invalid(
                    f"Invalid {slot}: Incorrect operand type for operator or function; operator "
                    f"or function: {operator}, operand type: {kind}"
                )

        self._checks.append(check)

    def _check_bounds(self, low: Operand, high: Operand) -> None:
        if low.value is None or high.value is None:
            return
        first, last, slot = low.value, high.value, self._slot

        def check(values: Values) -> None:
            if values[first].keys() == values[last].keys() and compared(
                operator.gt, values[first], values[last]
            ):
                raise Invalid(
                    f"Invalid {slot}: The BETWEEN operator requires upper bound to be greater than "
                    "or equal to lower bound"
                )
            if values[first].keys() != values[last].keys():
                raise Invalid(
                    f"Invalid {slot}: The BETWEEN operator requires same data type for lower and "
                    "upper bounds"
                )

        self._checks.append(check)

    # Tokens

    def _next(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._next()
        self._at += 1
        return token

    def _takes(self, token: str) -> bool:
        if self._next().upper() != token:
            return False
        self._at += 1
        return True

    def _expect(self, token: str) -> None:
        if not self._takes(token):
            raise self._syntax()

    def _end(self) -> None:
        if self._next():
            raise self._syntax()

    def _syntax(self) -> Invalid:
        return self._invalid(f'Syntax error; token: "{self._next() or "<EOF>"}"')

    def _invalid(self, what: str) -> Invalid:
        return Invalid(f"Invalid {self._slot}: {what}")


# The functions that expressions become


def _attribute(path: Path) -> Callable[[Item, Values], Value | None]:
    first, *rest = path
    if not rest:
        return lambda item, _values: item.get(first)

    def read(item: Item, _values: Values) -> Value | None:
        value = item.get(first)
        for name in rest:
            if value is None or "M" not in value:
                return None
            value = value["M"].get(name)
        return value

    return read


def _present(operand: Operand) -> Callable[[Item, Values], Value]:
    read = operand.read

    def present(item: Item, values: Values) -> Value:
        value = read(item, values)
        if value is None:
            raise Misfit(
                "The provided expression refers to an attribute that does not exist in the item"
            )
        return value

    return present


def _either(left: Clause, right: Clause) -> Clause:
    one, other = left.holds, right.holds
    return Clause("OR", lambda item, values: one(item, values) or other(item, values))


def _both(left: Clause, right: Clause) -> Clause:
    one, other = left.holds, right.holds
    return Clause(
        "AND", lambda item, values: one(item, values) and other(item, values), parts=(left, right)
    )


def _not(clause: Clause) -> Clause:
    holds = clause.holds
    return Clause("NOT", lambda item, values: not holds(item, values))


def _compares(sign: str, left: Operand, right: Operand) -> Callable[[Item, Values], bool]:
    one, other = left.read, right.read

    def equal(item: Item, values: Values) -> bool:
        return one(item, values) == other(item, values)

    if sign == "=":
        return equal
    if sign == "<>":
        return lambda item, values: not equal(item, values)
    test = _ORDERS[sign]
    return lambda item, values: compared(test, one(item, values), other(item, values))


def _between(value: Operand, low: Operand, high: Operand) -> Callable[[Item, Values], bool]:
    at_least, at_most = _compares(">=", value, low), _compares("<=", value, high)
    return lambda item, values: at_least(item, values) and at_most(item, values)


def _in(value: Operand, others: tuple[Operand, ...]) -> Callable[[Item, Values], bool]:
    equals = [_compares("=", value, other) for other in others]
    return lambda item, values: any(equal(item, values) for equal in equals)


def _begins(value: Operand, prefix: Operand) -> Callable[[Item, Values], bool]:
    read, start = value.read, prefix.read

    def begins(item: Item, values: Values) -> bool:
        text, beginning = read(item, values) or {}, start(item, values) or {}
        return "S" in text and "S" in beginning and text["S"].startswith(beginning["S"])

    return begins
