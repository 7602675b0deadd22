"""What is true about a connection: only the platform's word, and only if it is new enough."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.altegio import webhook
from shared.altegio.status import Installed, Status, Transition
from shared.connections import lifecycle
from shared.connections.connection import LIVE, Connection, Hint, State
from shared.connections.crm_token import CrmTokenState
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
    opened = lifecycle.opened(
        closed,
        4564,
        NEW_PENDING,
        account_id="a-2",
        chain_id=5,
        crm_token="c",
        now=NOW,
        rules=RULES,
    )
    assert (opened.state, opened.generation, opened.account_id) == (State.PENDING, 4, "a-2")


# Opening


def test_the_first_generation_is_held_for_a_lease() -> None:
    opened = lifecycle.opened(
        None, 4564, OLD_PENDING, account_id="a-1", chain_id=5, crm_token="c", now=NOW, rules=RULES
    )
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
    opened = lifecycle.opened(
        before,
        4564,
        NEW_PENDING,
        account_id="a-2",
        chain_id=None,
        crm_token=None,
        now=NOW,
        rules=RULES,
    )
    fresh = lifecycle.opened(
        None,
        4564,
        NEW_PENDING,
        account_id="a-2",
        chain_id=None,
        crm_token=None,
        now=NOW,
        rules=RULES,
    )
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
    opened = lifecycle.opened(
        None, 4564, word, account_id="a-1", chain_id=None, crm_token=None, now=NOW, rules=RULES
    )
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
@settings(max_examples=50)
def test_no_number_of_tries_makes_a_wait_too_long(tries: int, state: State) -> None:
    waiting = lifecycle.put_off(connection(state, tries=tries), "status: 500", NOW, RULES)
    assert waiting.due_at is not None
    assert seconds(15) <= waiting.due_at - NOW <= HOUR
    assert (waiting.state, waiting.verdict) == (state, "status: 500")


# Freezing


@pytest.mark.parametrize("event", [None, *webhook.Kind])
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
    reopened = lifecycle.opened(
        settled(connection(State.ACTIVE), UNINSTALLED),
        4564,
        status(*ended),
        account_id="a-1",
        chain_id=None,
        crm_token=None,
        now=NOW,
        rules=RULES,
    )
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
    opened = lifecycle.opened(
        erased,
        4564,
        NEW_PENDING,
        account_id="a-2",
        chain_id=None,
        crm_token=None,
        now=NOW,
        rules=RULES,
    )
    assert (opened.generation, opened.erase_at) == (4, None)


# Properties of every row and every status

moments = st.integers(-100_000, 10).map(lambda s: NOW + seconds(s))
transitions = st.lists(
    st.tuples(moments, st.sampled_from(Installed)), max_size=6, unique_by=lambda pair: pair[0]
)
statuses = st.one_of(
    st.just(GONE),
    transitions.map(lambda pairs: status(*sorted(pairs))),
    st.builds(Status, installed=st.sampled_from(Installed), since=st.none() | moments),
)


def _row(
    state: State, activation: datetime, hint: str | None, looks: int, tries: int
) -> Connection:
    erase_at = NOW + HOUR if state is State.DISABLED else None
    row = connection(
        state,
        activation=activation if state in LIVE else None,
        tries=tries,
        erase_at=erase_at,
        due_at=erase_at or NOW,
    )
    return replace(hinted(row, hint), hint_looks=looks) if hint else row


rows = st.builds(
    _row,
    state=st.sampled_from(State),
    activation=moments,
    hint=st.none() | st.sampled_from(list(webhook.Kind)).map(Hint),
    looks=st.integers(0, 3),
    tries=st.integers(0, 30),
)


def unfinished(row: Connection) -> bool:
    return row.state in (State.PENDING, State.FROZEN) or row.hint is not None


@given(rows, statuses)
@settings(max_examples=500)
def test_whatever_is_unfinished_has_a_due_time_and_what_is_closed_only_its_erasing(
    row: Connection, word: Status
) -> None:
    decided = settled(row, word)
    if unfinished(decided):
        assert decided.due_at is not None
        assert decided.due_at >= NOW
    if decided.state is State.DISABLED:
        assert decided.due_at == decided.erase_at is not None
        assert (decided.hint, decided.lease_until) == (None, None)
    else:
        assert decided.erase_at is None
    assert decided.generation in (row.generation, row.generation + 1)
    assert decided.version == row.version
    if decided.live and word.activation:
        assert decided.activation is not None


@given(rows, statuses)
@settings(max_examples=500)
def test_nothing_closes_but_an_end_another_way_in_a_later_or_an_expired_grant(
    row: Connection, word: Status
) -> None:
    decided = settled(row, word)
    if decided.state is State.DISABLED and row.state is not State.DISABLED:
        if word.installed in (ACTIVE, FREEZED):
            assert not word.answers(row.grant)
        if word.installed is PENDING and row.state is State.PENDING:
            expired = lifecycle.grant_expired(word, NOW, RULES.grant_window_s)
            assert expired or word.grant > row.grant
        assert word.proof() in decided.verdict


@given(rows, statuses, st.sampled_from(list(webhook.Kind)).map(Hint))
@settings(max_examples=500)
def test_a_hint_changes_when_to_ask_and_never_the_answer(
    row: Connection, word: Status, event: str
) -> None:
    assume(word.installed is not NO or word.log)  # see test_a_bare_404_...
    without = settled(replace(row, hint=None, hint_at=None, hint_looks=0), word)
    told = settled(hinted(row, event), word)
    assert (told.state, told.generation, told.activation) == (
        without.state,
        without.generation,
        without.activation,
    )


@given(rows, statuses)
@settings(max_examples=200)
def test_asking_again_at_once_changes_nothing_more(row: Connection, word: Status) -> None:
    assume(word.installed is not NO or word.log)  # see test_a_bare_404_...
    once = settled(row, word)
    twice = settled(once, word)
    assert (twice.state, twice.generation, twice.activation) == (
        once.state,
        once.generation,
        once.activation,
    )


@pytest.mark.parametrize("state", LIVE)
@pytest.mark.parametrize("event", [None, "freeze", "payment"])
def test_a_bare_404_is_believed_when_an_uninstall_was_told_or_it_is_seen_again(
    state: State, event: str | None
) -> None:
    row = connection(state)
    assert settled(hinted(row), GONE).state is State.DISABLED
    once = settled(hinted(row, event) if event else row, GONE)
    assert (once.state, once.hint, once.due_at) == (state, "gone", NOW + seconds(60))
    assert settled(once, GONE, NOW + seconds(30)).state is state
    assert settled(once, GONE, NOW + seconds(60)).state is State.DISABLED
    assert settled(once, NOW_ACTIVE, NOW + seconds(60)).state is State.ACTIVE


def test_a_404_from_before_it_was_installed_anew_does_not_close_it() -> None:
    once = settled(connection(State.ACTIVE), GONE)
    anew = status(
        GRANTED,
        ACTIVATED,
        (NOW + seconds(10), NO),
        (NOW + seconds(20), PENDING),
        (NOW + seconds(55), ACTIVE),
    )
    row = settled(once, anew, NOW + seconds(60))
    assert (row.state, row.generation, row.hint) == (State.ACTIVE, 4, "gone")
    early = settled(row, GONE, NOW + seconds(65))
    assert (early.state, early.due_at) == (State.ACTIVE, NOW + seconds(125))
    assert settled(early, GONE, NOW + seconds(125)).state is State.DISABLED


def test_two_bare_404s_with_a_live_status_between_them_close_nothing() -> None:
    once = settled(connection(State.ACTIVE), GONE)
    between = settled(once, NOW_ACTIVE, NOW + seconds(60))
    again = settled(between, GONE, NOW + seconds(360))
    assert (again.state, again.due_at) == (State.ACTIVE, NOW + seconds(420))
    assert settled(again, GONE, NOW + seconds(420)).state is State.DISABLED


# A location's life, in any order of events


class Life(RuleBasedStateMachine):
    """The platform, the owner, true and false webhooks, and a reconcile that may read late."""

    @initialize()
    def start(self) -> None:
        self.now = NOW
        self.log: list[tuple[datetime, Installed]] = []
        self.row: Connection | None = None
        self.generation = 0

    def word(self, *, late_s: float = 0) -> Status:
        """What the platform said some seconds ago."""
        return status(*(entry for entry in self.log if entry[0] <= self.now - seconds(late_s)))

    def happens(self, after: Installed) -> None:
        self.now += seconds(1)
        self.log.append((self.now, after))

    @property
    def installed(self) -> Installed:
        return self.log[-1][1] if self.log else NO

    def settle(self, word: Status) -> None:
        assert self.row is not None
        before = self.row
        if lifecycle.awaits_callback(before, word, self.now, RULES.grant_window_s):
            if self.installed is PENDING:
                self.happens(ACTIVE)
            word = self.word()
        self.row = settled(before, word, self.now)
        if before.live and word.installed in (ACTIVE, FREEZED):
            assert self.row.live

    @rule(passed_s=st.integers(1, 50_000))
    def time_passes(self, passed_s: int) -> None:
        self.now += seconds(passed_s)

    @precondition(lambda self: self.installed is NO)
    @rule(private=st.booleans())
    def granted(self, *, private: bool) -> None:
        self.happens(ACTIVE if private else PENDING)

    @precondition(lambda self: self.installed is not NO)
    @rule()
    def uninstalled(self) -> None:
        self.happens(NO)

    @precondition(lambda self: self.installed in (ACTIVE, FREEZED))
    @rule()
    def frozen_or_thawed(self) -> None:
        self.happens(FREEZED if self.installed is ACTIVE else ACTIVE)

    @precondition(lambda self: self.installed is PENDING and not (self.row and self.row.live))
    @rule(finishes=st.booleans())
    def owner_connects(self, *, finishes: bool) -> None:
        word = self.word()
        if not lifecycle.may_be_opened(self.row, word, self.now, RULES):
            return
        self.row = lifecycle.opened(
            self.row,
            4564,
            word,
            account_id="a-1",
            chain_id=None,
            crm_token=None,
            now=self.now,
            rules=RULES,
        )
        assert self.row.generation > self.generation
        if finishes:
            if lifecycle.awaits_callback(self.row, word, self.now, RULES.grant_window_s):
                self.happens(ACTIVE)
            self.settle(self.word())

    @precondition(lambda self: self.row)
    @rule(event=st.sampled_from(list(webhook.Kind)).map(Hint))
    def webhook(self, event: str) -> None:
        assert self.row is not None
        self.row = hinted(self.row, event, self.now)

    @precondition(lambda self: self.row and self.row.due_at)
    @rule(late_s=st.sampled_from([0, 0, 1, 5]), answers=st.booleans())
    def reconcile(self, late_s: float, *, answers: bool) -> None:
        assert self.row is not None
        assert self.row.due_at is not None
        self.now = max(self.now, self.row.due_at)
        if self.row.erase_at and self.row.erase_at <= self.now:
            self.row = lifecycle.erased(self.row)
            return
        if not answers:
            self.row = lifecycle.put_off(self.row, "status: 503", self.now, RULES)
            return
        word = self.word(late_s=late_s)
        # That nothing was installed yet is not told from that it is not any more.
        assume(not late_s or (self.row.live and word.installed is not NO))
        before = self.row
        self.settle(word)
        if before.activation and all(entry.at < before.activation for entry in word.log):
            assert self.row.live

    @invariant()
    def unfinished_business_has_a_due_time(self) -> None:
        if self.row is None:
            return
        assert self.row.due_at is not None or not unfinished(self.row)
        assert self.row.erase_at is None or self.row.state is State.DISABLED

    @invariant()
    def the_generation_never_decreases(self) -> None:
        if self.row is not None:
            assert self.row.generation >= self.generation
            self.generation = self.row.generation

    def teardown(self) -> None:
        """One last webhook, and everything comes to rest at what the platform says."""
        if self.row is None:
            return
        closed, live = self.row.state is State.DISABLED, self.row.live
        self.row = hinted(self.row, "uninstall", self.now)
        for _ in range(10):
            if not self.row.hint:
                break
            assert self.row.due_at is not None
            self.now = max(self.now, self.row.due_at)
            self.settle(self.word())
        assert self.row.hint is None
        expected = {ACTIVE: State.ACTIVE, FREEZED: State.FROZEN}
        if not live and not self.word().answers(self.row.grant):
            closed = True
        installed = State.DISABLED if closed else expected.get(self.installed, State.DISABLED)
        assert self.row.state is installed


Life.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
test_a_life_in_any_order = Life.TestCase
