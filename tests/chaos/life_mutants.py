"""The lifecycle with one of its rules broken: lives that do not notice would prove nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from shared.altegio import marketplace
from shared.altegio.status import Installed, Status
from shared.connect import locations
from shared.connect.view import Standing
from shared.connections import lifecycle
from shared.connections.connection import Connection
from shared.connections.hint import hint_looked_at
from shared.reconcile.census.differences import Difference
from shared.reconcile.census.run import RunCensus
from shared.reconcile.census.table import Found

type Mutant = Callable[[], Any]

_settled, _lags = lifecycle.settled, lifecycle._lags
_seems_gone = lifecycle._seems_gone


def the_webhook_is_trusted() -> Any:
    """What an uninstall webhook says is done, whatever the status is."""

    def settled(connection: Connection, status: Status, *rest: Any) -> Connection:
        if connection.live and connection.hint == "uninstall":
            return lifecycle._closed(connection, "told", rest[0], rest[1])
        return _settled(connection, status, *rest)

    return patch.object(lifecycle, "settled", settled)


def pending_counts_as_stale() -> Any:
    """A live location that is granted anew stays live."""

    def lags(connection: Connection, status: Status, *rest: Any) -> bool:
        anew = connection.live and status.installed is Installed.PENDING
        return anew or _lags(connection, status, *rest)

    return patch.object(lifecycle, "_lags", lags)


def one_early_active_is_believed() -> Any:
    """A hint is dropped at the first status that contradicts it."""

    def looked_at(connection: Connection, *rest: Any) -> Connection:
        return hint_looked_at(replace(connection, hint_looks=100), *rest)

    return patch.object(lifecycle, "hint_looked_at", looked_at)


def an_old_status_is_believed() -> Any:
    """However old it may be."""
    return patch.object(lifecycle, "_lags", lambda *_: False)


def one_bare_404_is_believed() -> Any:
    """Though it does not tell how old it is."""

    def seems_gone(connection: Connection, status: Status, now: Any, *rest: Any) -> Connection:
        return lifecycle._closed(connection, f"gone: {status.proof()}", now, rest[-1])

    return patch.object(lifecycle, "_seems_gone", seems_gone)


def a_repair_does_not_ask_again() -> Any:
    """What the census found is done, whatever has happened since."""

    def put_right(surveying: RunCensus, found: Found) -> tuple[str, bool]:
        connection = surveying._connections.get(found.finding.location_id)
        if connection is not None and found.finding.difference is Difference.UNINSTALLED:
            now, rules = surveying._clock(), surveying._lifecycle_rules
            surveying._connections.save(lifecycle._closed(connection, "found", now, rules), now)
        return "", True

    return patch.object(RunCensus, "_put_right", put_right)


def a_press_needs_no_grant() -> Any:
    """Whoever names a location is taken for somebody who was granted it."""
    return patch.object(locations, "standing", lambda *_: Standing.READY)


def any_install_is_the_answer() -> Any:
    """An open generation becomes live by whatever made the location active."""
    return patch.object(Status, "answers", lambda *_: True)


def the_platforms_clock_is_ours() -> Any:
    """What is gone is believed once our clock has passed the platform's time of its install."""

    def seems_gone(connection: Connection, *rest: Any) -> Connection:
        return _seems_gone(replace(connection, settled_at=connection.activation), *rest)

    return patch.object(lifecycle, "_seems_gone", seems_gone)


def no_hour_is_there_twice() -> Any:
    """Of the hour that is there twice, each time is read as the first."""
    return patch.object(marketplace, "_unfolded", iter)


# From which life on each is looked for: some are caught by few lives, and these are known.
FIRST = {
    any_install_is_the_answer: 194,
    one_early_active_is_believed: 133,
    a_repair_does_not_ask_again: 322,
    one_bare_404_is_believed: 14,
    no_hour_is_there_twice: 9,
}

MUTANTS: tuple[Mutant, ...] = (
    the_webhook_is_trusted,
    pending_counts_as_stale,
    one_early_active_is_believed,
    an_old_status_is_believed,
    one_bare_404_is_believed,
    a_repair_does_not_ask_again,
    a_press_needs_no_grant,
    any_install_is_the_answer,
    the_platforms_clock_is_ours,
    no_hour_is_there_twice,
)
