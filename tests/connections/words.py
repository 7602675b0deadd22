"""Words of the platform, and connections that it says them about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.altegio.status import Installed, Status, Transition
from shared.connections import lifecycle
from shared.connections.connection import LIVE, Connection, Hint, State
from shared.connections.settings import LifecyclePolicy

NOW = datetime(2026, 11, 1, 10, 10, tzinfo=UTC)

HOUR = timedelta(hours=1)

RULES = LifecyclePolicy(
    grant_window_s=43_200,
    lease_s=60,
    retry_base_s=30,
    held_recheck_s=600,
    hint_rechecks_s=(60, 300, 1800),
    erase_after_s=2_592_000,
)

PENDING, ACTIVE, FREEZED, NO = (
    Installed.PENDING,
    Installed.ACTIVE,
    Installed.FREEZED,
    Installed.NO,
)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def status(*log: tuple[datetime, Installed], since: datetime | None = None) -> Status:
    """The status after these transitions, each from the one before, the first from nowhere."""
    before: Installed = NO
    entries = []
    for at, after in log:
        entries.append(Transition(at, before, after))
        before = after
    return Status(installed=before, since=since, log=tuple(entries))


GONE = Status(installed=NO, since=None)  # a 404

GRANTED = (NOW - HOUR, PENDING)

ACTIVATED = (NOW - HOUR + seconds(30), ACTIVE)

OLD_PENDING = status(GRANTED)

NEW_PENDING = status(
    GRANTED, ACTIVATED, (NOW - seconds(90), NO), (NOW - seconds(60), PENDING), since=NOW
)

EXPIRED = status((NOW - seconds(43_201), PENDING))

NOW_ACTIVE = status(GRANTED, ACTIVATED)

NOW_FREEZED = status(GRANTED, ACTIVATED, (NOW - seconds(5), FREEZED))

UNINSTALLED = status(GRANTED, ACTIVATED, (NOW - seconds(5), NO))


def connection(state: State, **changes: Any) -> Connection:
    """Generation 3 of a location, as the table may hold it after `GRANTED` and `ACTIVATED`."""
    live = state in LIVE
    return replace(
        Connection(
            location_id=4564,
            state=state,
            generation=3,
            account_id="a-1",
            opened_at=NOW - HOUR + seconds(20),
            grant=OLD_PENDING.grant,
            settled_at=NOW - HOUR + seconds(20),
            activation=ACTIVATED[0] if live else None,
            mark=NOW_ACTIVE.mark if live else "",
            due_at=None if state in (State.ACTIVE, State.DISABLED) else NOW,
            version=9,
        ),
        **changes,
    )


def hinted(
    before: Connection, event: Hint | str = Hint.UNINSTALL, at: datetime = NOW
) -> Connection:
    """As the webhook leaves the row."""
    return replace(before, hint=Hint(event), hint_at=at, hint_looks=0, due_at=at)


def settled(before: Connection, word: Status, now: datetime = NOW) -> Connection:
    return lifecycle.settled(before, word, now, RULES)


def pressed(
    before: Connection | None,
    word: Status,
    *,
    account_id: str = "a-1",
    chain_id: int | None = None,
    crm_token: str | None = None,
) -> Connection:
    """As the owner's press leaves the row."""
    return lifecycle.opened(
        before,
        4564,
        word,
        account_id=account_id,
        chain_id=chain_id,
        crm_token=crm_token,
        now=NOW,
        rules=RULES,
    )
