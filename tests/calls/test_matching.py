"""Our calls against the platform's list, which does not name them as we do."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.altegio.history import HistoryEntry, ListedCall
from shared.calls.matching import found

AT = datetime(2026, 11, 1, 10, 10, tzinfo=UTC)


def entry(seconds: float = 0, **changes: Any) -> HistoryEntry:
    values: dict[str, Any] = {
        "call_id": "c",
        "direction": "incoming",
        "phone": "+13155550175",
        "line": "+13155550176",
        "user": None,
        "duration_s": 90,
        "link": None,
        "answered": True,
        "started_at": AT + timedelta(seconds=seconds),
    }
    return HistoryEntry(**{**values, **changes})


def row(row_id: int = 1, seconds: float = 0, **changes: Any) -> ListedCall:
    values: dict[str, Any] = {
        "id": row_id,
        "direction": "incoming",
        "phone": "+13155550175",
        "duration_s": 90,
        "answered": True,
        "at": AT + timedelta(seconds=seconds),
    }
    return ListedCall(**{**values, **changes})


@pytest.mark.parametrize("phone", ["+13155550175", "13155550175", "3155550175", "+1 315 555-0175"])
def test_a_call_is_known_however_its_number_is_written(phone: str) -> None:
    assert found({"a": entry()}, [row(7, phone=phone)], ()) == {"a": 7}


@pytest.mark.parametrize(
    "changes",
    [
        {"phone": "+13155550174"},
        {"phone": "175"},
        {"phone": ""},
        {"direction": "outgoing"},
        {"answered": False},
        {"at": AT + timedelta(seconds=61)},
        {"at": AT - timedelta(seconds=61)},
    ],
)
def test_another_call_is_not_taken_for_it(changes: dict[str, Any]) -> None:
    assert found({"a": entry()}, [row(**changes)], ()) == {}


def test_short_numbers_are_compared_whole() -> None:
    assert found({"a": entry(phone="101")}, [row(phone="2101")], ()) == {}
    assert found({"a": entry(phone="101")}, [row(phone="101")], ()) == {"a": 1}


def test_the_best_fit_is_taken_and_a_row_only_once() -> None:
    rows = [row(1, duration_s=30), row(2, duration_s=90), row(3, 20, duration_s=90)]
    assert found({"a": entry()}, rows, ()) == {"a": 2}
    assert found({"a": entry()}, rows, {2}) == {"a": 3}
    assert found({"a": entry(), "b": entry()}, rows[1:2], ()) in ({"a": 2}, {"b": 2})


def test_a_row_is_passed_on_so_that_nobody_is_missing() -> None:
    """The first fits both rows and the better one best; the second fits only that one."""
    entries = {"a": entry(50), "b": entry(-5)}
    rows = [row(1, 50), row(2, 105)]
    for order in permutations(rows):
        assert found(entries, order, ()) == {"a": 2, "b": 1}


_seconds = st.integers(0, 150)


@given(st.lists(_seconds, max_size=7), st.lists(_seconds, max_size=7), st.randoms())
def test_as_many_are_found_as_can_be(ours: list[int], listed: list[int], random: Any) -> None:
    """Against the plain way: all ways to seat them, where only times tell calls apart."""
    entries = {f"e{number}": entry(at) for number, at in enumerate(ours)}
    rows = [row(number, at) for number, at in enumerate(listed)]
    random.shuffle(rows)
    taken = found(entries, rows, ())
    assert len({*taken.values()}) == len(taken)
    by_id = {each.id: each for each in rows}
    for key, row_id in taken.items():
        assert abs(entries[key].started_at - by_id[row_id].at) <= timedelta(minutes=1)

    # On a line, the earliest that fits is never wrong.
    most, free = 0, sorted(listed)
    for at in sorted(ours):
        fits = [each for each in free if abs(each - at) <= 60]
        if fits:
            free.remove(fits[0])
            most += 1
    assert len(taken) == most


def test_thousands_take_no_time() -> None:
    entries = {f"e{number}": entry(number) for number in range(3000)}
    rows = [row(number, number) for number in range(3000)]
    assert len(found(entries, rows, ())) == 3000


class Counted(int):
    """A row's id that counts how often it is looked up."""

    times = 0

    def __hash__(self) -> int:
        Counted.times += 1
        return int(self)


@pytest.mark.parametrize("listed", [200, 100, 400])
def test_calls_that_look_alike_cost_no_more_than_their_pairs(listed: int) -> None:
    """Of one caller within a minute, as somebody may report them who wants to delay others."""
    Counted.times = 0
    entries = {f"e{number}": entry() for number in range(200)}
    rows = [row(Counted(number)) for number in range(listed)]
    assert len(found(entries, rows, ())) == min(200, listed)
    assert Counted.times < 5 * len(entries) * len(rows)
