"""What is true about a connection: only the platform's word, and only if it is new enough."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.altegio.status import Status, Transition
from shared.connections import lifecycle
from shared.connections.connection import LIVE, Connection, State
from shared.connections.crm_token import CrmTokenState
from tests.connections.words import (
    ACTIVATED,
    ACTIVE,
    EXPIRED,
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

# The table: what each state becomes at each word of the platform


@pytest.mark.parametrize(
    ("before", "word", "after"),
    [
        (State.PENDING, OLD_PENDING, State.PENDING),
        (State.PENDING, NEW_PENDING, State.DISABLED),
        (State.PENDING, EXPIRED, State.PENDING),
        (State.PENDING, NOW_ACTIVE, State.ACTIVE),
        (State.PENDING, NOW_FREEZED, State.FROZEN),
        (State.PENDING, UNINSTALLED, State.DISABLED),
        (State.PENDING, GONE, State.DISABLED),
        (State.ACTIVE, OLD_PENDING, State.ACTIVE),
        (State.ACTIVE, NEW_PENDING, State.DISABLED),
        (State.ACTIVE, EXPIRED, State.ACTIVE),
        (State.ACTIVE, NOW_ACTIVE, State.ACTIVE),
        (State.ACTIVE, NOW_FREEZED, State.FROZEN),
        (State.ACTIVE, UNINSTALLED, State.DISABLED),
        (State.ACTIVE, GONE, State.ACTIVE),
        (State.FROZEN, OLD_PENDING, State.FROZEN),
        (State.FROZEN, NEW_PENDING, State.DISABLED),
        (State.FROZEN, NOW_ACTIVE, State.ACTIVE),
        (State.FROZEN, NOW_FREEZED, State.FROZEN),
        (State.FROZEN, UNINSTALLED, State.DISABLED),
        (State.FROZEN, GONE, State.FROZEN),
        (State.DISABLED, OLD_PENDING, State.DISABLED),
        (State.DISABLED, NEW_PENDING, State.DISABLED),
        (State.DISABLED, NOW_ACTIVE, State.DISABLED),
        (State.DISABLED, NOW_FREEZED, State.DISABLED),
        (State.DISABLED, UNINSTALLED, State.DISABLED),
        (State.DISABLED, GONE, State.DISABLED),
    ],
)
def test_what_the_platform_says_decides(before: State, word: Status, after: State) -> None:
    decided = settled(connection(before), word)
    assert decided.state is after
    # Who it is does not change by what happens to it.
    assert (decided.location_id, decided.account_id) == (4564, "a-1")
    assert decided.version == 9


@pytest.mark.parametrize("before", LIVE)
@pytest.mark.parametrize(
    "word",
    [
        status(GRANTED),
        status((NOW - 5 * HOUR, PENDING), (NOW - 4 * HOUR, ACTIVE), (NOW - 3 * HOUR, NO), GRANTED),
        status((NOW - 5 * HOUR, PENDING), (NOW - 4 * HOUR, ACTIVE), (NOW - 3 * HOUR, NO)),
    ],
    ids=["pending", "pending again", "uninstalled, before it was granted again"],
)
def test_a_status_older_than_our_activation_proves_nothing(before: State, word: Status) -> None:
    decided = settled(connection(before), word)
    assert (decided.state, decided.generation) == (before, 3)
    assert decided.activation == ACTIVATED[0]
    assert decided.due_at == NOW + seconds(60)


def test_a_closed_location_is_reopened_by_its_owner_only() -> None:
    closed = settled(connection(State.ACTIVE), UNINSTALLED)
    assert settled(closed, NOW_ACTIVE).state is State.DISABLED
    assert settled(closed, NOW_ACTIVE).verdict == closed.verdict
    opened = pressed(closed, NEW_PENDING, account_id="a-2", chain_id=5, crm_token="c")
    assert (opened.state, opened.generation, opened.account_id) == (State.PENDING, 4, "a-2")


# Opening


def test_the_first_generation_is_held_for_a_lease() -> None:
    opened = pressed(None, OLD_PENDING, chain_id=5, crm_token="c")
    assert opened == Connection(
        location_id=4564,
        state=State.PENDING,
        generation=1,
        account_id="a-1",
        opened_at=NOW,
        chain_id=5,
        crm_token="c",
        telephony=CrmTokenState.UNPROVEN,
        grant=OLD_PENDING.grant,
        settled_at=NOW,
        mark=OLD_PENDING.mark,
        lease_until=NOW + seconds(60),
        verdict="opened by the owner",
        due_at=NOW + seconds(60),
    )


def test_a_new_generation_inherits_its_number_its_version_and_when_the_trial_began() -> None:
    before = hinted(
        connection(
            State.DISABLED,
            chain_id=5,
            crm_token="c",
            tries=4,
            verdict="gone",
            erase_at=NOW,
            first_active_at=ACTIVATED[0],
            covered_until=NOW,
            unlisted=("payment#inv-1",),
            watched_at=NOW,
            refunded_at=NOW,
        ),
        "freeze",
    )
    opened = pressed(before, NEW_PENDING, account_id="a-2")
    fresh = pressed(None, NEW_PENDING, account_id="a-2")
    inherited = replace(fresh, generation=4, version=9, first_active_at=ACTIVATED[0])
    # The account of before is not forgotten: it is to be erased.
    forget_at = NOW + seconds(RULES.erase_after_s)
    assert opened == replace(inherited, former=("a-1",), forget_at=forget_at)


def test_an_open_generation_can_be_taken_over_for_a_lease() -> None:
    taken = lifecycle.leased(connection(State.PENDING), NOW, RULES)
    assert taken.lease_until == taken.due_at == NOW + seconds(60)
    assert taken.generation == 3


def test_an_open_generation_that_became_active_is_due_for_what_was_held() -> None:
    leased = lifecycle.leased(connection(State.PENDING, tries=5), NOW, RULES)
    for word, state in ((NOW_ACTIVE, State.ACTIVE), (NOW_FREEZED, State.FROZEN)):
        decided = settled(leased, word)
        assert (decided.state, decided.activation) == (state, ACTIVATED[0])
        assert (decided.due_at, decided.lease_until, decided.tries) == (NOW, None, 0)


def test_an_activation_counts_that_answers_the_grant_of_the_consent_and_no_other() -> None:
    opened = connection(State.PENDING)
    assert settled(opened, NOW_ACTIVE).state is State.ACTIVE
    assert settled(opened, NOW_FREEZED).state is State.FROZEN
    # Not the end of that grant, and then another one, or a private install.
    ended = (GRANTED, (NOW - seconds(30), NO))
    for then in (((NOW - seconds(20), PENDING), (NOW, ACTIVE)), ((NOW - seconds(20), ACTIVE),)):
        other = settled(opened, status(*ended, *then))
        assert other.state is State.DISABLED
        assert other.verdict.startswith("installed by another way than the grant")
    # Nor one of before it.
    anew = status(GRANTED, ACTIVATED, (NOW - seconds(20), NO), (NOW - seconds(15), PENDING))
    renewed = connection(State.PENDING, grant=anew.grant, mark=anew.mark)
    assert settled(renewed, NOW_ACTIVE).verdict.startswith("status lags")


def test_a_grant_that_was_renewed_is_answered_by_the_callback_for_it() -> None:
    word = status(GRANTED, (NOW - seconds(40), PENDING), (NOW - seconds(30), ACTIVE))
    assert settled(connection(State.PENDING), word).state is State.ACTIVE


def test_a_consent_ends_with_a_later_grant() -> None:
    later = status(GRANTED, (NOW - seconds(40), PENDING))
    opened = connection(State.PENDING)
    assert not lifecycle.awaits_callback(opened, later, NOW, RULES.grant_window_s)
    assert settled(opened, later).verdict.startswith("granted anew")


def test_a_press_opens_for_a_grant_that_waits_and_is_not_known_to_have_ended() -> None:
    def opens(before: Connection | None, word: Status) -> bool:
        return lifecycle.may_be_opened(before, word, NOW, RULES)

    closed = settled(connection(State.ACTIVE), UNINSTALLED)
    anew = status(GRANTED, ACTIVATED, (NOW - seconds(5), NO), (NOW, PENDING))
    assert opens(None, OLD_PENDING)
    assert opens(closed, anew)
    for before in (None, closed, connection(State.ACTIVE), connection(State.PENDING)):
        for word in (NOW_ACTIVE, NOW_FREEZED, UNINSTALLED, GONE):
            assert not opens(before, word)
    # Old statuses, of before it ended.
    assert not opens(closed, OLD_PENDING)
    gone = settled(connection(State.PENDING), GONE)
    assert gone.state is State.DISABLED
    assert not opens(gone, OLD_PENDING)
    assert lifecycle.may_be_opened(gone, OLD_PENDING, NOW + seconds(60), RULES)
    # A live one is closed first.
    assert not opens(connection(State.ACTIVE), NEW_PENDING)


@pytest.mark.parametrize("ahead", [3 * HOUR, 14 * HOUR])
def test_with_a_platform_clock_that_is_ahead_an_uninstall_is_believed_within_minutes(
    ahead: timedelta,
) -> None:
    granted, activated = NOW + ahead, NOW + ahead + seconds(1)
    word = status((granted, PENDING))
    opened = pressed(None, word)
    active = settled(opened, status((granted, PENDING), (activated, ACTIVE)))
    assert active.live
    assert status((granted, PENDING)).ahead_of(NOW)
    once = settled(hinted(active), GONE, NOW + seconds(30))
    assert once.live
    assert settled(once, GONE, NOW + seconds(90)).state is State.DISABLED
    told = status((granted, PENDING), (activated, ACTIVE), (activated + seconds(9), NO))
    assert settled(hinted(active), told, NOW + seconds(30)).state is State.DISABLED


def test_without_a_log_there_is_no_activation_of_our_own_clock() -> None:
    """Compared with the platform's times, ours would make every status a lagging one."""
    word = Status(installed=ACTIVE, since=NOW - HOUR)
    opened = settled(connection(State.PENDING), word)
    assert (opened.state, opened.activation) == (State.ACTIVE, None)


def test_a_log_that_lacks_the_activation_does_not_keep_us_asking_forever() -> None:
    word = Status(ACTIVE, since=None, log=(Transition(NOW - HOUR, "freezed", "active"),))
    row = settled(connection(State.PENDING, grant="", mark=""), word)
    assert (row.state, row.due_at) == (State.ACTIVE, NOW)
    row = settled(row, word, NOW + seconds(60))
    assert (row.state, row.generation, row.due_at) == (State.ACTIVE, 3, NOW)
    assert settled(row, replace(word, installed=NO), NOW + seconds(90)).state is State.DISABLED


# The window of the grant


@pytest.mark.parametrize(
    ("word", "granted_at"),
    [
        (status(GRANTED), GRANTED[0]),
        (NEW_PENDING, NOW - seconds(60)),
        (Status(installed=PENDING, since=NOW - HOUR), NOW - HOUR),
        (Status(installed=PENDING, since=None), None),
    ],
)
def test_when_access_was_granted(word: Status, granted_at: datetime | None) -> None:
    assert word.granted_at == granted_at


@pytest.mark.parametrize(("age_s", "expired"), [(0, False), (43_200, False), (43_201, True)])
def test_the_window_of_the_grant(age_s: float, *, expired: bool) -> None:
    word = status((NOW - seconds(age_s), PENDING))
    opened = connection(State.PENDING, grant=word.grant)
    assert lifecycle.grant_expired(word, NOW, RULES.grant_window_s) is expired
    assert lifecycle.awaits_callback(opened, word, NOW, RULES.grant_window_s) is not expired
    assert (settled(opened, word).state is State.DISABLED) is expired


def test_a_grant_without_a_date_is_not_refused_here() -> None:
    word = Status(installed=PENDING, since=None)
    assert not lifecycle.grant_expired(word, NOW, 0)
    opened = connection(State.PENDING, grant=word.grant)
    assert lifecycle.awaits_callback(opened, word, NOW, 0)


@pytest.mark.parametrize("word", [NOW_ACTIVE, NOW_FREEZED, UNINSTALLED, GONE])
def test_the_callback_is_for_a_pending_grant_only(word: Status) -> None:
    assert not lifecycle.awaits_callback(connection(State.PENDING), word, NOW, 43_200)


@pytest.mark.parametrize("state", [State.ACTIVE, State.FROZEN, State.DISABLED])
def test_the_callback_is_for_an_open_generation_only(state: State) -> None:
    assert not lifecycle.awaits_callback(connection(state), NEW_PENDING, NOW, 43_200)


def test_an_open_generation_is_put_off_with_growing_waits() -> None:
    opened = lifecycle.leased(connection(State.PENDING), NOW, RULES)
    word, now, longest = OLD_PENDING, NOW, 30.0
    for tries in range(1, 10):
        opened = settled(opened, word, now)
        assert (opened.state, opened.tries, opened.lease_until) == (State.PENDING, tries, None)
        assert opened.due_at is not None
        assert longest / 2 <= (opened.due_at - now).total_seconds() <= longest
        now, longest = opened.due_at, min(longest * 2, 3600)


@given(st.integers(0, 10**6), st.sampled_from(State))
def test_no_number_of_tries_makes_a_wait_too_long(tries: int, state: State) -> None:
    waiting = lifecycle.put_off(connection(state, tries=tries), "status: 500", NOW, RULES)
    assert waiting.due_at is not None
    assert seconds(15) <= waiting.due_at - NOW <= HOUR
    assert (waiting.state, waiting.verdict) == (state, "status: 500")
