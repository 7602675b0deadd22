"""Which records of a stream an event source mapping lets pass.

The patterns are those of EventBridge, as far as template.yaml uses them: a list of values, of which
one has to be there, or a prefix of one. https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html
"""

from collections.abc import Iterable, Mapping
from typing import Any


def passes(patterns: Iterable[Any], record: Mapping[str, Any]) -> bool:
    """Whether one of the patterns fits.

    Raises:
        ValueError: a pattern is not understood here.
    """
    return any(_fits(pattern, record) for pattern in patterns)


def _fits(pattern: Any, value: Any) -> bool:
    if isinstance(pattern, Mapping):
        inner = value if isinstance(value, Mapping) else {}
        return all(_fits(part, inner.get(name)) for name, part in pattern.items())
    return any(_is(wanted, value) for wanted in pattern)


def _is(wanted: Any, value: Any) -> bool:
    match wanted:
        case {"prefix": str(prefix), **others} if not others:
            return isinstance(value, str) and value.startswith(prefix)
        case str():
            return bool(wanted == value)
    message = f"the filter {wanted!r} is not understood by the local stack"
    raise ValueError(message)
