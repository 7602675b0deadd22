"""Who was missed and who called back, whatever is told of it in whichever order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from shared.calls import call as rules_of
from shared.calls import missed as rules
from shared.calls.call import Call
from shared.calls.leg import Leg
from shared.calls.missed import CalledBack, Episode, Missed, Pressed
from shared.calls.settings import CallPolicy
from tests.calls.misses import BEGAN, Press, Real, Told, expected, minutes
from tests.chaos.missed_mutants import MUTANTS, Mutant

ANNA, BORIS = "+13155550175", "+13155550199"
LATER = BEGAN + timedelta(days=1)
POLICY = CallPolicy()


def told(
    real: Real, before: Call | None = None, *, leg: bool = False, now: datetime = BEGAN
) -> Call:
    """The row after the call, or a leg of it, was told."""
    row = before or rules_of.ringing(f"a#{real.call_id}", "a", real.call_id, 1, now)
    if row.caller is None and not leg:
        row = replace(row, caller=real.phone)
    heard = Leg(
        location_id=1,
        # A leg that did not answer says nothing of the others.
        answered=real.answered and not leg,
        duration_s=90 if real.answered and not leg else 0,
        started_at=real.at,
        direction=real.direction,
        phone=real.phone,
        line=real.line,
        extension="199" if leg else real.extension,
        link="",
    )
    return rules_of.heard(row, heard, ended=not leg, now=now, rules=POLICY)


def miss(number: float, phone: str = ANNA, **changes: Any) -> Real:
    values = {"direction": "incoming", "answered": False, **changes}
    return Real(f"m-{number}-{phone}", phone, at=minutes(number), **values)


def talk(number: float, phone: str = ANNA, **changes: Any) -> Real:
    values = {"direction": "outgoing", "answered": True, **changes}
    return Real(f"t-{number}-{phone}", phone, at=minutes(number), **values)


def listed(*calls: Real | Call, now: datetime = LATER) -> Missed:
    rows = [told(it) if isinstance(it, Real) else it for it in calls]
    return rules.missed(rows, now)


def ends(found: Missed) -> list[Any]:
    return [it.end for it in found.ended]


def test_one_caller_is_one_row_however_often_he_rings() -> None:
    found = listed(miss(1), miss(5), miss(9, line="+13155550111"), miss(7, BORIS))
    [anna, boris] = found.open
    assert (anna.phone, len(anna.misses), anna.since, anna.last) == (
        ANNA,
        3,
        minutes(1),
        minutes(9),
    )
    assert anna.lines == ("+13155550176", "+13155550111")
    assert (boris.phone, len(boris.misses)) == (BORIS, 1)
    assert (found.ended, found.hidden) == ((), ())


def test_whoever_calls_him_back_is_named() -> None:
    found = listed(miss(1), miss(5), talk(11, extension="102"), talk(30, extension="103"))
    assert found.open == ()
    assert ends(found) == [CalledBack(minutes(11), "102", rang_again=False)]


def test_he_may_call_again_and_be_answered() -> None:
    found = listed(miss(1), talk(3, direction="incoming", extension="105"))
    assert ends(found) == [CalledBack(minutes(3), "105", rang_again=True)]


@pytest.mark.parametrize(
    "other",
    [
        talk(0),
        talk(1),
        talk(3, BORIS),
        talk(3, answered=False),
        talk(3, direction="internal"),
        talk(3, ""),
    ],
)
def test_nothing_else_calls_him_back(other: Real) -> None:
    assert len(listed(miss(1), other).open) == 1


def test_who_is_missed_again_is_open_again() -> None:
    found = listed(miss(1), talk(3), miss(5))
    [again], [before] = found.open, found.ended
    assert (again.since, before.since) == (minutes(5), minutes(1))


def test_hidden_callers_are_counted_apart() -> None:
    found = listed(miss(1, ""), miss(2, ""), talk(3, "", direction="incoming"), talk(4, ""))
    assert (found.open, found.ended) == ((), ())
    assert [rules.began(it) for it in found.hidden] == [minutes(2), minutes(1)]


def test_what_is_no_number_of_a_country_cannot_be_called_back_either() -> None:
    call = told(miss(1, ""))
    found = listed(replace(call, caller="?Anonymous123"), replace(call, key="a#2", caller="101"))
    assert (found.open, len(found.hidden)) == ((), 2)


def test_the_number_is_the_callers_and_not_the_colleagues() -> None:
    """A leg may show a colleague's number; a call of which only legs were told has no other."""
    call = replace(told(miss(1)), caller=BORIS)
    assert [it.phone for it in listed(call).open] == [BORIS]
    assert [it.phone for it in listed(replace(call, caller=None)).open] == [ANNA]


def test_nobody_is_missed_before_the_call_is_over() -> None:
    """A leg that nobody answered says nothing of the others, until no call lasts so long."""
    call = told(miss(1), leg=True)
    assert listed(call, now=BEGAN + timedelta(hours=3, minutes=59)).open == ()
    assert len(listed(call, now=BEGAN + timedelta(hours=4)).open) == 1
    assert len(listed(told(miss(1), call), now=BEGAN).open) == 1
    assert listed(told(talk(1, direction="incoming"), call), now=LATER).open == ()


def test_a_press_ends_what_began_no_later_and_has_a_name() -> None:
    pressed = rules.pressed(told(miss(5)), "Zoë", minutes(20))
    assert ends(listed(miss(1), pressed)) == [Pressed(minutes(20), "Zoë")]
    found = listed(miss(1), pressed, miss(6))
    assert [it.since for it in found.open] == [minutes(6)]
    # A second one changes nothing.
    assert rules.pressed(pressed, "Boris", minutes(30)) is pressed


def test_what_came_first_has_ended_it() -> None:
    pressed = rules.pressed(told(miss(1)), "Zoë", minutes(20))
    assert ends(listed(pressed, talk(30))) == [Pressed(minutes(20), "Zoë")]
    assert ends(listed(pressed, talk(10))) == [CalledBack(minutes(10), "101", rang_again=False)]


def test_a_press_outlives_that_its_call_was_answered_after_all() -> None:
    pressed = rules.pressed(told(miss(5)), "Zoë", minutes(20))
    answered = told(talk(5, direction="incoming"), pressed)
    other = replace(miss(5), call_id="another")
    assert ends(listed(other, answered)) == [Pressed(minutes(20), "Zoë")]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("  Zoë \n Müller ", "Zoë Müller"),
        ("", ""),
        ("\u200b\u202e", ""),
        ("x" * 60, "x" * 60),
        ("x" * 61, ""),
    ],
)
def test_a_name_is_one_line(text: str, name: str) -> None:
    assert rules.name_of(text) == name


# Whatever is told in whichever order


REALS = st.builds(
    lambda phone, way, line, extension: Real("", phone, way[0], way[1], BEGAN, line, extension),
    st.sampled_from([ANNA, ANNA, ANNA, ANNA, BORIS, ""]),
    st.sampled_from(
        [
            ("incoming", False),
            ("incoming", False),
            ("incoming", True),
            ("outgoing", True),
            ("outgoing", False),
            ("internal", True),
        ]
    ),
    st.sampled_from(["+13155550176", "+13155550111", ""]),
    st.sampled_from(["101", "102", ""]),
)


# When, and what: a report of a call, or of a leg of it; or a press beside that number.
type Telling = tuple[datetime, tuple[Real, bool] | str]


@st.composite
def days(draw: st.DrawFn) -> tuple[list[Real], list[Telling]]:
    """Some calls, and what is told of them, early or late, once or again; and presses meanwhile."""
    drawn = draw(st.lists(REALS, min_size=1, max_size=9))
    calls = [
        replace(it, call_id=f"c-{place}", at=minutes(draw(st.integers(0, 9))))
        for place, it in enumerate(drawn)
    ]
    reports = [
        (it, leg) for it in calls for leg in draw(st.sampled_from([(False,), (True, False)]))
    ]
    reports += draw(st.lists(st.sampled_from([(it, False) for it in calls]), max_size=4))
    late = st.sampled_from([1, 1, 1, 2, 3, 8, 15])
    tellings: list[Telling] = [
        (it.at + timedelta(minutes=draw(late)), (it, leg)) for it, leg in reports
    ]
    presses = draw(st.lists(st.sampled_from([ANNA, ANNA, BORIS]), max_size=5))
    tellings += [(minutes(draw(st.integers(1, 12))), phone) for phone in presses]
    return calls, sorted(draw(st.permutations(tellings)), key=lambda it: it[0])


def as_told(found: Missed) -> dict[str, list[Told]]:
    """In the words of the naive model."""
    listed: dict[str, list[Told]] = {}
    for episode in sorted((*found.open, *found.ended), key=lambda it: it.since):
        ids = tuple(it.call_id for it in episode.misses)
        listed.setdefault(episode.phone, []).append((ids, _end(episode)))
    return listed


def _end(episode: Episode) -> tuple[str, datetime, str] | None:
    match episode.end:
        case CalledBack(at, extension, rang_again):
            return ("his call" if rang_again else "our call", at, extension)
        case Pressed(at, by):
            return ("press", at, by)
        case None:
            return None


@settings(max_examples=500)
@given(days())
def test_the_list_is_what_happened_and_before_that_nothing_is_made_up(
    day: tuple[list[Real], list[Telling]],
) -> None:
    _is_what_happened(*day)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda it: it.__name__)
def test_a_broken_rule_is_noticed(mutant: Mutant) -> None:
    @settings(max_examples=2000, phases=[Phase.generate], database=None, derandomize=True)
    @given(days())
    def lived(day: tuple[list[Real], list[Telling]]) -> None:
        _is_what_happened(*day)

    with mutant(), pytest.raises(AssertionError):
        lived()


def _is_what_happened(calls: list[Real], tellings: list[Telling]) -> None:
    rows: dict[str, Call] = {}
    presses: list[Press] = []
    heard: set[str] = set()
    for place, (now, telling) in enumerate(tellings):
        found = rules.missed(rows.values(), now)
        if isinstance(telling, str):
            seen = [it for it in found.open if it.phone == telling]
            for episode in seen:
                row = episode.misses[-1]
                rows[row.key] = rules.pressed(rows[row.key], f"n-{place}", now)
                presses.append(Press(telling, episode.last, f"n-{place}", now))
        else:
            real, leg = telling
            key = f"a#{real.call_id}"
            rows[key] = told(real, rows.get(key), leg=leg, now=now)
            heard |= set() if leg else {real.call_id}
        _nothing_is_made_up(rules.missed(rows.values(), now), calls, heard, presses)
    found = rules.missed(rows.values(), datetime(2026, 12, 1, tzinfo=UTC))
    assert as_told(found) == expected(calls, presses)
    hidden = {it.call_id for it in calls if not it.phone and it.direction == "incoming"}
    answered = {it.call_id for it in calls if it.answered}
    assert {it.call_id for it in found.hidden} == hidden - answered


def _nothing_is_made_up(
    found: Missed, calls: list[Real], heard: set[str], presses: list[Press]
) -> None:
    """Whoever is said to be called back was, by a call that was told; or somebody has pressed."""
    missed = {it.call_id for it in calls if it.direction == "incoming" and not it.answered}
    for episode in (*found.open, *found.ended):
        assert {it.call_id for it in episode.misses} <= missed & heard
    for episode in found.ended:
        end = episode.end
        if isinstance(end, CalledBack):
            direction = "incoming" if end.rang_again else "outgoing"
            assert any(
                (it.phone, it.at, it.direction, it.extension)
                == (episode.phone, end.at, direction, end.extension)
                for it in calls
                if it.answered and it.call_id in heard
            )
            assert end.at > episode.last
        else:
            assert isinstance(end, Pressed)
            assert any(
                (it.phone, it.by, it.at) == (episode.phone, end.by, end.at)
                and episode.last <= it.until
                for it in presses
            )
