"""A freeze, a webhook's hint, an erasure: what each changes of a connection."""

from dataclasses import replace
from datetime import datetime

import pytest

from shared.altegio.status import Status
from shared.connections import lifecycle
from shared.connections.connection import TOLD, State
from tests.connections.words import (
    ACTIVATED,
    ACTIVE,
    FREEZED,
    GONE,
    GRANTED,
    HOUR,
    NEW_PENDING,
    NO,
    NOW,
    NOW_ACTIVE,
    NOW_FREEZED,
    OLD_PENDING,
    PENDING,
    RULES,
    UNINSTALLED,
    connection,
    hinted,
    pressed,
    seconds,
    settled,
    status,
)

# Freezing


@pytest.mark.parametrize("event", [None, *TOLD])
def test_freezing_keeps_the_link_and_a_payment_thaws_it(event: str | None) -> None:
    active = connection(State.ACTIVE, chain_id=5, crm_token="c")
    frozen = settled(hinted(active, event) if event else active, NOW_FREEZED)
    assert frozen.live
    assert (frozen.generation, frozen.account_id, frozen.crm_token) == (3, "a-1", "c")
    assert frozen.activation == active.activation
    assert frozen.due_at is not None
    thawed_word = status(GRANTED, ACTIVATED, (NOW, FREEZED), (NOW + HOUR, ACTIVE))
    thawed = settled(frozen, thawed_word, NOW + HOUR)
    assert (thawed.state, thawed.generation) == (State.ACTIVE, 3)
    assert thawed.activation == active.activation


def test_a_frozen_location_is_looked_at_now_and_then() -> None:
    frozen = settled(connection(State.ACTIVE), NOW_FREEZED)
    assert frozen.due_at == NOW + seconds(600)
    assert settled(replace(frozen, due_at=None), NOW_FREEZED).due_at == NOW + seconds(600)


def test_a_freeze_that_nobody_told_is_looked_at_as_soon() -> None:
    """The census finds it, while the row waits for the end of its cover, a month away."""
    waits = replace(connection(State.ACTIVE), due_at=NOW + 720 * HOUR)
    frozen = settled(waits, NOW_FREEZED)
    assert frozen.state is State.FROZEN
    assert frozen.due_at is not None
    assert frozen.due_at - NOW == seconds(600)
    # What is due before that anyway stays so.
    soon = replace(connection(State.ACTIVE), due_at=NOW + seconds(5))
    assert settled(soon, NOW_FREEZED).due_at == soon.due_at


def test_an_active_location_is_left_alone() -> None:
    for due_at in (None, NOW):  # NOW: its held payments wait for reconcile
        row = connection(State.ACTIVE, due_at=due_at)
        assert settled(row, NOW_ACTIVE) == row


def test_a_thawed_location_is_due_for_a_look_at_its_cover() -> None:
    word = status(GRANTED, ACTIVATED, (NOW - seconds(9), FREEZED), (NOW - seconds(5), ACTIVE))
    row = settled(connection(State.FROZEN, due_at=NOW + HOUR), word)
    assert (row.state, row.due_at) == (State.ACTIVE, NOW)


def test_the_first_activation_is_the_one_before_every_reconnect() -> None:
    word = status(
        (NOW - 9 * HOUR, ACTIVE), (NOW - 8 * HOUR, NO), (NOW - 7 * HOUR, PENDING), ACTIVATED
    )
    assert (word.first_activation, word.activation) == (NOW - 9 * HOUR, ACTIVATED[0])
    assert status(GRANTED).first_activation is None


def test_a_thaw_is_no_new_installation() -> None:
    word = status(GRANTED, ACTIVATED, (NOW - seconds(9), FREEZED), (NOW - seconds(5), ACTIVE))
    assert word.activation == ACTIVATED[0]
    assert settled(connection(State.ACTIVE), word).generation == 3


def test_a_private_application_is_active_without_a_callback() -> None:
    word = status((NOW - HOUR, ACTIVE))
    assert word.activation == NOW - HOUR
    assert settled(connection(State.PENDING), word).state is State.DISABLED


def test_an_installation_that_came_and_went_unseen_is_a_new_generation() -> None:
    word = status(GRANTED, ACTIVATED, (NOW - seconds(9), NO), (NOW - seconds(5), ACTIVE))
    decided = settled(connection(State.ACTIVE), word)
    assert (decided.state, decided.generation) == (State.ACTIVE, 4)
    assert decided.activation == NOW - seconds(5)
    assert settled(decided, word).generation == 4


# Hints


def test_a_hint_alone_never_closes_and_is_discarded_after_all_looks() -> None:
    now, row = NOW, hinted(connection(State.ACTIVE))
    for looks, wait_s in enumerate(RULES.hint_rechecks_s, start=1):
        row = settled(row, NOW_ACTIVE, now)
        assert (row.state, row.hint, row.hint_looks) == (State.ACTIVE, "uninstall", looks)
        assert row.due_at == now + seconds(wait_s)
        now = row.due_at
    row = settled(row, NOW_ACTIVE, now)
    assert (row.state, row.generation) == (State.ACTIVE, 3)
    assert (row.hint, row.hint_at, row.hint_looks, row.due_at) == (None, None, 0, now)
    assert row.verdict.startswith("uninstall stale, changes nothing: status active, log ends")


def test_a_late_uninstall_after_a_reconnect_is_discarded() -> None:
    ended = (GRANTED, ACTIVATED, (NOW - HOUR / 2, NO), (NOW, PENDING))
    reopened = pressed(settled(connection(State.ACTIVE), UNINSTALLED), status(*ended))
    word = status(*ended, (NOW, ACTIVE))
    row, now = settled(hinted(reopened), word), NOW
    while row.hint:
        assert row.due_at is not None
        now = max(now, row.due_at)
        row = settled(row, word, now)
    assert (row.state, row.generation, row.hint) == (State.ACTIVE, 4, None)
    assert now == NOW + seconds(60 + 300 + 1800)


def test_a_second_uninstall_an_hour_later_takes_effect_like_the_first() -> None:
    row, now = hinted(connection(State.ACTIVE)), NOW
    while row.hint:
        assert row.due_at is not None
        now = row.due_at
        row = settled(row, NOW_ACTIVE, now)
    later = now + HOUR
    word = status(GRANTED, ACTIVATED, (later, NO))
    assert settled(hinted(row, at=later), word, later).state is State.DISABLED


def test_a_hint_that_came_too_early_is_believed_when_the_status_follows() -> None:
    row = settled(hinted(connection(State.ACTIVE)), NOW_ACTIVE)
    word = status(GRANTED, ACTIVATED, (NOW + seconds(10), NO))
    closed = settled(row, word, NOW + seconds(60))
    assert (closed.state, closed.hint, closed.due_at) == (State.DISABLED, None, closed.erase_at)
    assert closed.verdict == (
        "not installed any more: status uninstalled, "
        "log ends active→uninstalled at 2026-11-01T10:10:10Z"
    )


def test_a_freeze_that_came_true_is_done_with() -> None:
    row = settled(hinted(connection(State.ACTIVE), "freeze"), NOW_FREEZED)
    assert (row.state, row.hint, row.hint_looks) == (State.FROZEN, None, 0)
    assert row.due_at == NOW + seconds(600)
    assert row.verdict.startswith("freeze confirmed: status freezed")


@pytest.mark.parametrize("event", ["uninstall", "payment"])
def test_another_hint_about_a_frozen_location_is_looked_at_again(event: str) -> None:
    row = settled(hinted(connection(State.FROZEN), event), NOW_FREEZED)
    assert (row.state, row.hint, row.hint_looks) == (State.FROZEN, event, 1)
    assert row.due_at == NOW + seconds(60)


def test_a_hint_during_the_connect_is_kept_until_it_is_active() -> None:
    row = hinted(lifecycle.leased(connection(State.PENDING), NOW, RULES))
    assert settled(row, OLD_PENDING).hint == "uninstall"
    active = settled(row, NOW_ACTIVE)
    assert (active.state, active.hint, active.due_at) == (State.ACTIVE, "uninstall", NOW)


@pytest.mark.parametrize("word", [GONE, UNINSTALLED, NEW_PENDING, NOW_ACTIVE])
@pytest.mark.parametrize("erase_at", [NOW + 9 * HOUR, None])
def test_a_hint_for_a_closed_location_is_done_with_at_once(
    word: Status, erase_at: datetime | None
) -> None:
    closed = connection(State.DISABLED, erase_at=erase_at, due_at=erase_at)
    decided = settled(hinted(closed), word)
    assert decided == replace(closed, verdict=decided.verdict)


# Erasing


def test_what_is_closed_is_due_for_erasing_once_its_grace_is_over() -> None:
    closed = settled(connection(State.ACTIVE), UNINSTALLED)
    assert closed.erase_at == closed.due_at == NOW + seconds(RULES.erase_after_s)
    # Nothing that is heard of it later puts this off.
    assert settled(hinted(closed), GONE, NOW + HOUR).due_at == closed.erase_at


def test_what_is_erased_knows_nobody_and_keeps_its_generation() -> None:
    closed = settled(connection(State.ACTIVE, chain_id=5, crm_token="c"), UNINSTALLED)
    erased = lifecycle.erased(hinted(closed))
    assert (erased.account_id, erased.chain_id, erased.crm_token) == (None, None, None)
    assert (erased.hint, erased.erase_at, erased.due_at) == (None, None, None)
    assert (erased.state, erased.generation, erased.version) == (State.DISABLED, 3, 9)
    opened = pressed(erased, NEW_PENDING, account_id="a-2")
    assert (opened.generation, opened.erase_at) == (4, None)
