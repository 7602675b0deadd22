"""How long a location stays on: the rules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.altegio.status import Installed, ListedPayment, Status, Transition
from shared.clock import wire
from shared.connections.connection import Connection, State
from shared.payments import coverage
from shared.payments.coverage import Effect, Period
from shared.payments.entry import Entry, EntryState
from shared.payments.facts import PaymentFacts, RefundFacts
from shared.payments.settings import CoverPolicy

NOW = datetime(2026, 11, 15, 12, tzinfo=UTC)

ZONE = ZoneInfo("Europe/Berlin")

DAY = timedelta(days=1)

HOUR = timedelta(hours=1)

RULES = CoverPolicy(trial_days=7, switch_off_warning_s=86_400, lease_s=60)

FREE = replace(RULES, trial_days=-1)

SPREAD = timedelta(seconds=964)  # 4564 in the hour over which looks are spread


def days(start: float, end: float) -> Period:
    return Period(NOW + start * DAY, NOW + end * DAY)


def row(id_: int, period: Period, *, refunded: bool = False, amount: str | None = "9.9") -> Any:
    return ListedPayment(
        id=id_,
        amount=None if amount is None else Decimal(amount),
        paid_at=wire(period.start, ZONE),
        period_from=wire(period.start, ZONE),
        period_to=wire(period.end, ZONE),
        is_refunded=refunded,
    )


def paid(
    event_id: str,
    period: Period,
    state: EntryState = EntryState.SENT,
    *,
    platform_id: int | None = None,
    changed_at: datetime = NOW - 9 * DAY,
    why: str = "",
) -> Entry:
    facts = PaymentFacts(Decimal("9.9"), "EUR", period.start, period.start, period.end)
    return Entry(
        key=f"payment#{event_id}",
        location_id=4564,
        digest="",
        facts=facts,
        state=state,
        received_at=changed_at,
        platform_id=platform_id,
        changed_at=changed_at,
        why=why,
    )


def given_back(event_id: str, state: EntryState = EntryState.SENT) -> Entry:
    return Entry(
        key=f"refund#r-{event_id}",
        location_id=4564,
        digest="",
        facts=RefundFacts(event_id),
        state=state,
        received_at=NOW,
    )


def active(**changes: Any) -> Connection:
    """Connected ten days ago, as it was last looked at an hour ago."""
    before = Connection(
        location_id=4564,
        state=State.ACTIVE,
        generation=2,
        account_id="a-1",
        opened_at=NOW - 10 * DAY,
        first_active_at=NOW - 10 * DAY,
        covered_until=NOW + 5 * DAY,
        watched_at=NOW - HOUR,
        due_at=NOW,
    )
    return replace(before, **changes)


def status(*payments: ListedPayment, installed: Installed = Installed.ACTIVE) -> Status:
    log = (Transition(NOW - 10 * DAY, "pending", "active"),)
    return Status(installed, since=None, log=log, payments=payments)


def watched(
    connection: Connection, word: Status, *missing: Entry, rules: CoverPolicy = RULES
) -> Connection:
    return coverage.watched(connection, word, missing, NOW, zone=ZONE, rules=rules)


def near(connection: Connection, now: datetime, rules: CoverPolicy) -> bool:
    found = coverage.work(connection, [], now)
    return found is not None and coverage.is_near(found, now, rules)


# Until when


@pytest.mark.parametrize(
    ("periods", "until"),
    [
        ([], None),
        ([days(1, 30)], None),
        ([days(-9, 3)], 3),
        ([days(-9, 0)], 0),
        ([days(0, 3)], 3),
        ([days(-9, -3), days(-30, -20)], -3),
        ([days(-9, 3), days(-2, 8)], 8),
        ([days(-9, 3), days(-8, 1)], 3),
        ([days(-9, 3), days(4, 30)], 30),
        ([days(4, 30), days(-9, 3), days(31, 60)], 60),
        ([days(-9, 3), days(4.01, 30)], 3),
        ([days(-9, -0.1), days(0.1, 30)], -0.1),
        ([days(-9, -0.1), days(-0.1, 30)], 30),
    ],
)
def test_adjoining_periods_chain_and_a_gap_ends_the_cover(
    periods: list[Period], until: float | None
) -> None:
    expected = None if until is None else NOW + until * DAY
    assert coverage.covered_until(periods, NOW) == expected


spans = st.tuples(st.integers(-60, 60), st.integers(0, 40)).map(lambda it: days(it[0], sum(it)))


@given(st.lists(spans, max_size=6), spans)
def test_one_more_period_never_shortens_the_cover(periods: list[Period], more: Period) -> None:
    before = coverage.covered_until(periods, NOW)
    after = coverage.covered_until([*periods, more], NOW)
    assert before is None or (after is not None and before <= after)


@given(st.lists(spans, max_size=6))
def test_the_cover_runs_now_exactly_if_a_period_does(periods: list[Period]) -> None:
    until = coverage.covered_until(periods, NOW)
    runs = any(period.start <= NOW <= period.end for period in periods)
    assert (until is not None and until >= NOW) == runs


def test_the_list_is_read_in_the_zone_of_the_wire_and_what_cannot_be_read_covers_nothing() -> None:
    good = replace(row(1, days(-1, 1)), period_to="2026-11-30 23:59:59")
    broken = [replace(good, period_to=text) for text in ("", "None", "2026-11-30", "30.11.2026")]
    assert coverage.reported([good, row(2, days(-1, 1), refunded=True), *broken], ZONE) == (
        Period(NOW - DAY, datetime(2026, 11, 30, 22, 59, 59, tzinfo=UTC)),
    )


@pytest.mark.parametrize(
    ("other", "is_paid"),
    [
        ([paid("b", days(0, 30))], True),
        ([paid("b", days(-1, 31), EntryState.HELD)], True),
        ([paid("b", days(-1, 29))], False),
        ([paid("b", days(1, 31))], False),
        ([paid("b", days(0, 30), EntryState.REJECTED)], False),
        ([paid("b", days(0, 30), EntryState.CLOSED)], False),
        ([paid("b", days(0, 30)), given_back("b", EntryState.PENDING)], False),
        ([paid("b", days(0, 30)), given_back("b", EntryState.REJECTED)], True),
    ],
)
def test_a_period_that_another_payment_is_for_as_well(
    other: list[Entry],
    is_paid: bool,  # noqa: FBT001 - a case
) -> None:
    own = paid("a", days(0, 30), EntryState.REJECTED)
    assert coverage.paid_as_well(own, [own, *other]) == tuple(other[:1] * is_paid)


# The clock of a connection


def test_the_trial_counts_from_the_first_activation_ever_known() -> None:
    word = status()
    fresh = active(first_active_at=None, covered_until=None)
    assert watched(fresh, word).first_active_at == NOW - 10 * DAY
    assert watched(fresh, word).covered_until == NOW - 3 * DAY
    # The log begins later than the row remembers, and the other way round.
    assert watched(active(first_active_at=NOW - 30 * DAY), word).covered_until == NOW - 23 * DAY
    assert watched(active(first_active_at=NOW - DAY), word).covered_until == NOW - 3 * DAY
    without = replace(word, log=())
    assert watched(replace(fresh, opened_at=NOW - DAY), without).covered_until == NOW + 6 * DAY


def test_a_platform_whose_clock_is_ahead_begins_the_trial_now() -> None:
    word = replace(status(), log=(Transition(NOW + timedelta(seconds=5), "pending", "active"),))
    decided = watched(active(first_active_at=None), word)
    assert decided.covered_until == NOW + 7 * DAY
    found = coverage.work(decided, [], NOW)
    assert found is not None
    assert found.hours_left == 168.0


@pytest.mark.parametrize(
    ("period", "until"), [(days(-2, 1), -3), (days(2, 30), 4), (days(-9, -8), -3)]
)
def test_a_running_trial_is_over_with_the_refund_of_a_running_period(
    period: Period, until: float
) -> None:
    began = NOW - 3 * DAY
    log = (Transition(began, "pending", "active"),)
    word = replace(status(row(1, period, refunded=True)), log=log)
    expected = NOW + until * DAY
    assert watched(active(first_active_at=began), word).covered_until == expected


def test_a_covered_location_is_looked_at_a_day_before_its_end() -> None:
    decided = watched(active(), status(row(1, days(-3, 20))))
    assert decided.covered_until == NOW + 20 * DAY
    assert decided.due_at == NOW + 19 * DAY - SPREAD
    assert not near(decided, NOW, RULES)
    assert near(decided, NOW + 19 * DAY - SPREAD, RULES)


@pytest.mark.parametrize(
    ("end", "due_in"),
    [
        (-2.0, HOUR),
        # Within minutes of its end, as the platform may have acted.
        (0.0, timedelta(minutes=2, seconds=4564 % 300)),
        (1 / 48, timedelta(minutes=32, seconds=4564 % 300)),
        (0.5, HOUR),
        (1.0, HOUR),
    ],
)
def test_a_location_near_its_end_is_looked_at_every_hour(end: float, due_in: timedelta) -> None:
    decided = watched(active(), status(row(1, days(-3, end))))
    assert decided.due_at == NOW + due_in
    assert near(decided, NOW, RULES)


def test_the_longer_it_stays_on_after_its_end_the_seldomer_it_is_asked_about() -> None:
    """It is warned of every hour all the while."""
    on = Status(Installed.ACTIVE, since=None, log=(Transition(NOW - 7 * DAY, "pending", "active"),))
    connection = active(first_active_at=NOW - 7 * DAY, covered_until=NOW, due_at=NOW)
    asked, dues = [], []
    while connection.due_at is not None and connection.due_at < NOW + 4 * DAY:
        now = connection.due_at
        dues.append(now)
        reminded = coverage.reminded(connection, now, RULES)
        if reminded is None:
            asked.append(round((now - NOW) / HOUR, 1))
            reminded = coverage.watched(connection, on, (), now, zone=ZONE, rules=RULES)
        connection = reminded
    assert asked == [0.1, 1.0, 2.0, 4.0, 8.0, 16.0, 40.0, 64.0, 88.0]
    assert max(later - due for due, later in pairwise(dues)) == HOUR


def test_after_a_refund_there_is_a_look_an_hour_later_whatever_the_list_says() -> None:
    word = status(row(1, days(-3, 20)))
    minute = timedelta(minutes=1)
    soon = watched(active(refunded_at=NOW - minute), word)
    assert (soon.refunded_at, soon.due_at) == (NOW - minute, NOW + 4 * minute)
    for wait_s in (0, 61, 301, 901, 1801, 3599):
        at = NOW - timedelta(seconds=wait_s)
        after = watched(active(refunded_at=at), word).due_at
        assert after is not None
        assert after - at in [wait * minute for wait in (1, 5, 15, 30, 60)]
    late = watched(active(refunded_at=NOW - HOUR), word)
    assert (late.refunded_at, late.due_at) == (None, NOW + 19 * DAY - SPREAD)


def test_other_business_of_a_connection_is_due_when_it_was() -> None:
    word = status(row(1, days(-3, 20)))
    hinted = active(hint="freeze", due_at=NOW + 5 * HOUR)
    frozen = active(state=State.FROZEN, due_at=NOW + HOUR / 6)
    for before in (hinted, frozen):
        decided = watched(before, word)
        assert (decided.due_at, decided.covered_until) == (before.due_at, NOW + 20 * DAY)
    assert not near(watched(frozen, status()), NOW, RULES)


def test_a_free_application_has_no_clock() -> None:
    decided = watched(active(), status(), rules=FREE)
    assert (decided.covered_until, decided.due_at) == (None, NOW + 30 * DAY)
    assert not near(decided, NOW, FREE)
    assert coverage.work(decided, [], NOW) is None


# Reported, but not listed


SENT = paid("inv-1", days(-3, 20), platform_id=7)


@pytest.mark.parametrize(
    ("entries", "listed", "missing"),
    [
        ([SENT], [], ["payment#inv-1"]),
        ([SENT], [row(7, days(-3, 20))], []),
        ([SENT], [row(7, days(-3, 20), refunded=True)], []),
        ([SENT], [row(8, days(-3, 20))], []),
        ([SENT], [row(8, days(-90, -60))], []),
        ([SENT], [row(0, days(-3, 20), amount=None)], []),
        ([SENT], [row(8, days(-3, 20), amount="1")], ["payment#inv-1"]),
        ([SENT, paid("b", days(-40, -4), platform_id=8)], [row(8, days(-40, -4))], [SENT.key]),
        ([paid("over", days(-40, -0.1), platform_id=7)], [], []),
        ([paid("ahead", days(5, 20), platform_id=7)], [], ["payment#ahead"]),
        ([replace(SENT, state=EntryState.UNKNOWN)], [], []),
        ([SENT, given_back("inv-1")], [], []),
        ([SENT, given_back("inv-1", EntryState.UNKNOWN)], [], []),
        ([SENT, given_back("inv-1", EntryState.REJECTED)], [], ["payment#inv-1"]),
        ([SENT, given_back("inv-2")], [], ["payment#inv-1"]),
    ],
)
def test_what_is_surely_not_listed(
    entries: list[Entry], listed: list[ListedPayment], missing: list[str]
) -> None:
    assert [it.key for it in coverage.unlisted(entries, listed, NOW)] == missing


def test_what_is_newly_missing_is_looked_for_again_in_a_minute() -> None:
    word = status(row(1, days(-3, 20)))
    for state in (State.ACTIVE, State.FROZEN):
        first = watched(active(state=state, due_at=NOW + HOUR), word, SENT)
        assert (first.unlisted, first.due_at) == (("payment#inv-1",), NOW + timedelta(minutes=1))
    second = watched(active(unlisted=first.unlisted), word, SENT)
    assert second.due_at == NOW + 19 * DAY - SPREAD


# What a refund does


@pytest.mark.parametrize(
    ("period", "others", "effect", "until"),
    [
        (days(-3, 20), [], Effect.DARK, None),
        (days(-3, 20), [days(-60, -4)], Effect.DARK, None),
        (days(-3, 20), [days(1, 30)], Effect.DARK, None),
        (days(-3, 20), [days(-9, 1)], Effect.COVERED, 1),
        (days(-3, 20), [days(-9, 1), days(2, 30)], Effect.COVERED, 30),
        (days(-30, -0.1), [], Effect.NONE, None),
        (days(-30, -0.1), [days(-1, 5)], Effect.NONE, 5),
        (days(2, 20), [days(-9, 2)], Effect.SHORTER, 2),
        (days(2, 20), [], Effect.SHORTER, None),
        (days(2, 20), [days(-9, 2), days(2, 20)], Effect.COVERED, 20),
    ],
)
def test_a_refund_ends_its_period_and_another_one_may_cover(
    period: Period, others: list[Period], effect: Effect, until: float | None
) -> None:
    listed = [row(7, period), *(row(id_, it) for id_, it in enumerate(others, start=8))]
    found = coverage.consequence(
        paid("inv-1", period, platform_id=7), status(*listed), NOW, zone=ZONE, rules=RULES
    )
    assert (found.ends, found.effect) == (period, effect)
    assert found.covered_until == (None if until is None else NOW + until * DAY)
    assert found.why == ("its period is over" if effect is Effect.NONE else "")


def test_a_running_trial_does_not_keep_a_refunded_location_on() -> None:
    log = (Transition(NOW - DAY, "pending", "active"),)
    word = replace(status(row(7, days(-3, 20))), log=log)
    found = coverage.consequence(SENT, word, NOW, zone=ZONE, rules=RULES)
    assert found.effect is Effect.DARK


@pytest.mark.parametrize(
    ("word", "rules", "why"),
    [
        (status(row(7, days(-3, 20), refunded=True)), RULES, "it is given back already"),
        (status(row(7, days(-3, 20))), FREE, "a free application is never switched off"),
        (
            status(row(7, days(-3, 20)), installed=Installed.FREEZED),
            RULES,
            "the location is freezed",
        ),
    ],
)
def test_a_refund_that_changes_nothing_says_why(word: Status, rules: CoverPolicy, why: str) -> None:
    found = coverage.consequence(SENT, word, NOW, zone=ZONE, rules=rules)
    assert (found.effect, found.why) == (Effect.NONE, why)


# The work list


def test_the_work_list_tells_what_is_queued_and_why() -> None:
    entries = [
        paid("held", days(6, 30), EntryState.HELD, changed_at=NOW - HOUR, why="not connected"),
        paid("pending", days(31, 60), EntryState.PENDING, changed_at=NOW - 2 * HOUR, why="429"),
        paid("rejected", days(61, 90), EntryState.REJECTED),
        SENT,
    ]
    found = coverage.work(active(), entries, NOW)
    assert found is not None
    assert (found.covered_until, found.hours_left) == (NOW + 5 * DAY, 120.0)
    assert found.queued_until == NOW + 60 * DAY
    assert [(it.key, it.state, it.why) for it in found.queued] == [
        ("payment#pending", EntryState.PENDING, "429"),
        ("payment#held", EntryState.HELD, "not connected"),
    ]


@pytest.mark.parametrize(
    "state",
    sorted(set(EntryState) - {EntryState.SENT, EntryState.REJECTED, EntryState.CLOSED}),
)
def test_whatever_may_yet_be_reported_is_queued(state: EntryState) -> None:
    found = coverage.work(active(), [paid("inv-2", days(5, 30), state)], NOW)
    assert found is not None
    assert (found.queued_until, len(found.queued)) == (NOW + 30 * DAY, 1)


def test_what_a_person_gave_up_is_neither_queued_nor_given_back() -> None:
    given_up = paid("inv-2", days(5, 30), EntryState.CLOSED)
    found = coverage.work(active(), [given_up], NOW)
    assert found is not None
    assert (found.queued_until, found.queued) == (NOW + 5 * DAY, ())
    kept = [paid("inv-2", days(5, 30), EntryState.HELD), given_back("inv-2", EntryState.CLOSED)]
    found = coverage.work(active(), kept, NOW)
    assert found is not None
    assert (found.queued_until, len(found.queued)) == (NOW + 30 * DAY, 1)


def test_a_payment_that_was_refused_stands_out_until_its_period_is_over() -> None:
    refused = [
        paid("over", days(-30, -0.1), EntryState.REJECTED),
        paid("next", days(5, 30), EntryState.REJECTED),
    ]
    found = coverage.work(active(), refused, NOW)
    assert found is not None
    assert [it.key for it in found.rejected] == ["payment#next"]
    assert (found.queued, found.queued_until) == ((), NOW + 5 * DAY)


def test_a_payment_that_is_about_to_be_given_back_covers_nothing() -> None:
    pair = [paid("inv-2", days(5, 30), EntryState.HELD), given_back("inv-2", EntryState.PENDING)]
    found = coverage.work(active(), pair, NOW)
    assert found is not None
    assert (found.queued_until, len(found.queued)) == (NOW + 5 * DAY, 2)


def test_what_was_reported_since_the_last_look_counts_and_older_only_if_it_was_listed() -> None:
    since = paid("inv-2", days(5, 30), changed_at=NOW - HOUR / 2)
    older = paid("inv-3", days(5, 90), changed_at=NOW - 2 * HOUR)
    found = coverage.work(active(), [since, older], NOW)
    assert found is not None
    assert found.covered_until == found.queued_until == NOW + 30 * DAY


def test_what_was_not_listed_at_the_last_look_is_told() -> None:
    row_ = active(unlisted=("payment#inv-1",))
    found = coverage.work(row_, [SENT], NOW)
    assert found is not None
    assert found.unlisted == ("payment#inv-1",)


def test_the_first_to_be_switched_off_comes_first_and_what_is_off_the_clock_never() -> None:
    rows = [
        active(location_id=1, covered_until=NOW + 9 * DAY),
        active(location_id=2, covered_until=NOW + DAY),
        active(location_id=3, covered_until=NOW - DAY, state=State.FROZEN),
        active(location_id=4, state=State.DISABLED),
        active(location_id=5, state=State.PENDING),
        active(location_id=6, covered_until=None),
    ]
    found = coverage.work_list([(it, []) for it in rows], NOW)
    assert [(it.location_id, it.state, it.hours_left) for it in found] == [
        (3, State.FROZEN, -24.0),
        (2, State.ACTIVE, 24.0),
        (1, State.ACTIVE, 216.0),
    ]
