"""How many were called back, of those of whom it can be said."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from shared.calls import call_backs, missed
from shared.calls.call_backs import Numbers, Share, Shares
from tests.calls.misses import Press, Real, expected, minutes
from tests.calls.test_missed import ANNA, BORIS, LATER, as_told, days, listed, miss, talk, told

BERLIN = ZoneInfo("Europe/Berlin")


def numbers(*calls: Real, now: datetime = LATER + timedelta(days=1)) -> Numbers:
    return call_backs.numbers(listed(*calls, now=now), now, BERLIN)


def test_within_an_hour_and_within_a_day() -> None:
    counted = numbers(
        *(miss(0, ANNA), talk(59, ANNA)),
        *(miss(0, BORIS), talk(61, BORIS)),
        *(miss(0, "+13155550101"), talk(2, "+13155550101", direction="incoming")),
        *(miss(0, "+13155550102"), talk(1441, "+13155550102")),
        *(miss(0, "+13155550103"), miss(0, "")),
    )
    assert counted.all == Shares(Share(5, 2), Share(5, 3))


def test_the_hour_runs_from_the_first_miss_and_its_end_belongs_to_it() -> None:
    assert numbers(miss(0), miss(50), talk(60)).all.hour == Share(1, 1)
    assert numbers(miss(0), miss(50), talk(60.1)).all.hour == Share(1, 0)


def test_who_was_missed_a_moment_ago_does_not_count_yet() -> None:
    now = minutes(60)
    assert numbers(miss(1), talk(2), now=now).all == Shares(Share(), Share())
    assert numbers(miss(0), talk(2), now=now).all == Shares(Share(1, 1), Share())
    assert numbers(miss(0), now=minutes(1440)).all == Shares(Share(1), Share(1))


def test_a_press_is_told_apart() -> None:
    rows = [
        missed.pressed(told(miss(0)), "Zoë", minutes(20)),
        missed.pressed(told(miss(0, BORIS)), "Zoë", minutes(200)),
        told(talk(30)),
        told(talk(300, BORIS)),
    ]
    found = missed.missed(rows, LATER)
    counted = call_backs.numbers(found, LATER, BERLIN)
    assert counted.all == Shares(Share(2, 0, 1), Share(2, 0, 2))
    assert counted.extensions == {}


def test_by_line_hour_of_the_week_and_extension() -> None:
    """It is a Monday, ten o'clock in Berlin."""
    counted = numbers(
        miss(0, line="+13155550111"),
        miss(5),
        talk(10, extension="102"),
        miss(70, BORIS),
        talk(200, BORIS, extension="102"),
        miss(80, "+13155550101", line=""),
        talk(2000, "+13155550101", extension=""),
    )
    assert counted.lines == {
        "": Shares(Share(1), Share(1)),
        "+13155550111": Shares(Share(1, 1), Share(1, 1)),
        "+13155550176": Shares(Share(1), Share(1, 1)),
    }
    assert counted.hours == {
        (0, 10): Shares(Share(1, 1), Share(1, 1)),
        (0, 11): Shares(Share(2), Share(2, 1)),
    }
    assert counted.extensions == {"": (0, 0), "102": (1, 2)}


@given(days(), st.integers(0, 3000))
def test_the_numbers_are_those_of_the_naive_model(
    day: tuple[list[Real], object], later: int
) -> None:
    calls, now = day[0], minutes(later)
    presses: list[Press] = []
    found = missed.missed([told(it) for it in calls], now)
    assert as_told(found) == expected(calls, presses)
    counted = call_backs.numbers(found, now, BERLIN)
    at = {it.call_id: it.at for it in calls}
    for share, hours in ((counted.all.hour, 1), (counted.all.day, 24)):
        span = timedelta(hours=hours)
        old = [
            end and end[1] - at[ids[0]] <= span
            for episodes in expected(calls, presses).values()
            for ids, end in episodes
            if at[ids[0]] + span <= now
        ]
        assert (share.began, share.called_back, share.pressed) == (len(old), old.count(True), 0)
    for groups in (counted.lines, counted.hours):
        assert sum(it.hour.began for it in groups.values()) == counted.all.hour.began
        assert sum(it.day.called_back for it in groups.values()) == counted.all.day.called_back
