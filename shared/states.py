"""A state machine is a table of its changes; what is not in its table does not happen."""

from collections.abc import Collection, Mapping
from enum import StrEnum

# By the name of the change: from which states, to which.
type Changes[State: StrEnum] = Mapping[str, tuple[Collection[State], Collection[State]]]


class NoSuchChange(ValueError):
    """The table does not allow this change: a defect of the caller, caught in time."""


def change[State: StrEnum](
    changes: Changes[State], name: str, before: State, after: State | None = None
) -> State:
    """The state after the change of this name; `after` says which, if it leads to several.

    Raises:
        NoSuchChange: there is no such change from that state, or to this one.
    """
    sources, targets = changes[name]
    target = next(iter(targets)) if after is None else after
    if before not in sources or target not in targets:
        raise NoSuchChange(f"{name}: {before} to {target}")
    return target
