"""Calls with one of their rules broken: a campaign that does not notice would prove nothing."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from shared.calls import call, identity
from shared.calls.call import Call
from shared.calls.identity import Report

type Mutant = Callable[[], Any]


def an_id_is_one_call() -> Any:
    """Whatever has the id of a call that is known is taken for that."""

    def same(known: Call, report: Report) -> bool:
        return known.call_id == report.call_id

    return patch.object(identity, "_same", same)


def each_report_is_a_call() -> Any:
    """Whatever is told twice, or of a leg, is another call."""
    return patch.object(identity, "_same", lambda _call, _report: False)


def a_late_link_is_told_again() -> Any:
    """A second entry for a call that the platform has, whatever that does there."""
    return patch.object(call, "LATE_LINK_IS_TOLD", new=True)


def a_late_link_is_dropped() -> Any:
    """What comes when a call was saved is not looked at."""
    heard = call.heard

    def once(known: Call, *args: Any, **told: Any) -> Call:
        return known if known.attempt else heard(known, *args, **told)

    return patch.object(call, "heard", once)


MUTANTS: tuple[Mutant, ...] = (
    an_id_is_one_call,
    each_report_is_a_call,
    a_late_link_is_told_again,
    a_late_link_is_dropped,
)
