"""What holds for every row and every status, and for a location's life in any order of events."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.altegio.status import Installed, Status
from shared.connections import lifecycle
from shared.connections.connection import LIVE, TOLD, Connection, State
from tests.connections.words import (
    ACTIVATED,
    ACTIVE,
    FREEZED,
    GONE,
    GRANTED,
    HOUR,
    NO,
    NOW,
    NOW_ACTIVE,
    PENDING,
    RULES,
    connection,
    hinted,
    seconds,
    settled,
    status,
)

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
    hint=st.none() | st.sampled_from(TOLD),
    looks=st.integers(0, 3),
    tries=st.integers(0, 30),
)


def unfinished(row: Connection) -> bool:
    return row.state in (State.PENDING, State.FROZEN) or row.hint is not None


@given(rows, statuses)
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


@given(rows, statuses, st.sampled_from(TOLD))
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


def test_a_second_bare_404_that_comes_too_soon_is_looked_at_again_later() -> None:
    once = settled(connection(State.ACTIVE), GONE)
    soon = settled(once, GONE, NOW + seconds(30))
    assert (soon.state, soon.due_at) == (State.ACTIVE, NOW + seconds(90))


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
    @rule(finishes=st.booleans(), is_asked=st.booleans())
    def owner_connects(self, *, finishes: bool, is_asked: bool) -> None:
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
        if finishes and is_asked:
            # A webhook of before is late, and the answer is of the moment before the callback.
            self.webhook("uninstall")
            self.reconcile(late_s=1, answers=True)

    @precondition(lambda self: self.row)
    @rule(event=st.sampled_from(TOLD))
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


Life.TestCase.settings = settings(stateful_step_count=30)

test_a_life_in_any_order = Life.TestCase
