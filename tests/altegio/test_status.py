"""The platform's word about a location and its payments: what is read, and what says nothing."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.altegio import client, marketplace
from shared.altegio.client import NoAnswer, Refused, Unreachable
from shared.altegio.outcome import Sent
from shared.altegio.status import Installed, ListedPayment, Status, Transition
from shared.clock import wire
from tests.altegio.replies import (
    BERLIN,
    GARBAGE,
    HTML,
    NEW_YORK,
    REFUSAL,
    STATUS,
    ZONE,
    reply,
    short,
    status_reply,
)

# The status


def test_the_documented_status_is_read_in_the_zone_of_the_platform() -> None:
    active_at = datetime(2022, 6, 27, 10, 20, 2, tzinfo=UTC)
    granted_at = datetime(2022, 6, 27, 10, 19, tzinfo=UTC)
    assert marketplace.read_status(status_reply(), BERLIN) == Status(
        installed=Installed.ACTIVE,
        since=active_at,
        log=(
            Transition(granted_at, "uninstalled", "pending"),
            Transition(active_at, "pending", "active"),
        ),
        payments=(
            ListedPayment(
                id=123,
                amount=Decimal("990.99"),
                paid_at="2022-07-01 10:10:00",
                period_from="2022-07-01 00:00:00",
                period_to="2022-07-31 23:59:59",
                is_refunded=False,
            ),
            ListedPayment(124, None, "None", "None", "None", True, "2022-07-26 20:51:40"),
        ),
    )


@pytest.mark.parametrize("newest_first", [False, True])
def test_what_happened_within_one_second_is_read_in_its_order(*, newest_first: bool) -> None:
    words = ("uninstalled", "pending", "active", "uninstalled", "pending", "pending", "active")
    logs = [
        {"changed_at": "2022-06-27 12:20:02", "status_from": before, "status_to": after}
        for before, after in pairwise(words)
    ]
    told = marketplace.read_status(status_reply(logs=logs[::-1] if newest_first else logs), ZONE)
    assert [(entry.before, entry.after) for entry in told.log] == [*pairwise(words)]


# From here on, two hours are one and the same on the clocks of Berlin.
TWICE = datetime(2026, 10, 25, tzinfo=UTC)
documented = st.sampled_from(["uninstalled", "pending", "active", "freezed"])


def log_of(words: list[str], minutes: list[int]) -> list[dict[str, str]]:
    """Oldest first, as the platform writes it in Berlin; minutes since `TWICE`."""
    return [
        {
            "changed_at": wire(TWICE + timedelta(minutes=minute), BERLIN),
            "status_from": before,
            "status_to": after,
        }
        for minute, (before, after) in zip(minutes, pairwise(words), strict=True)
    ]


def read_log(logs: list[dict[str, str]], word: str) -> tuple[Transition, ...]:
    answer = status_reply(logs=logs, connection_status={"status": word})
    return marketplace.read_status(answer, BERLIN).log


@given(st.lists(st.tuples(documented, st.integers(0, 180)), max_size=8))
@example([("uninstalled", 10), ("pending", 11)])
def test_a_log_is_read_alike_both_ways_and_as_it_grows_while_clocks_go_back(
    steps: list[tuple[str, int]],
) -> None:
    words = ["uninstalled", "pending", *(word for word, _minute in steps)]
    minutes = [-1, *sorted(minute for _word, minute in steps)]
    logs = log_of(words, minutes)
    told = read_log(logs, words[-1])
    assert [(entry.before, entry.after) for entry in told] == [*pairwise(words)]
    assert [wire(entry.at, BERLIN) for entry in told] == [row["changed_at"] for row in logs]
    for length in range(1, len(logs) + 1):
        for part in (logs[:length], logs[:length][::-1]):
            assert read_log(part, words[length]) == told[:length]


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize(
    "words", [["uninstalled", "pending", "uninstalled"], ["pending", "uninstalled", "pending"]]
)
def test_a_log_that_reads_alike_both_ways_ends_as_the_location_stands(
    words: list[str], *, newest_first: bool
) -> None:
    logs = log_of(words, [50, 70])  # 02:50, then 02:10
    told = read_log(logs[::-1] if newest_first else logs, words[-1])
    assert [entry.at for entry in told] == [TWICE + timedelta(minutes=m) for m in (50, 70)]
    assert [(entry.before, entry.after) for entry in told] == [*pairwise(words)]


@pytest.mark.parametrize("amount", ["sNaN", "NaN", "Infinity", "1E+999999", "1E-999999", "x", ""])
def test_a_sum_that_no_table_can_hold_cannot_be_read(amount: str) -> None:
    answer = status_reply(payments=[{"id": 123, "payment_sum": amount}])
    [row] = marketplace.read_status(answer, ZONE).payments
    assert (row.id, row.amount) == (123, None)


@pytest.mark.parametrize(
    ("word", "installed"),
    [
        ("pending", Installed.PENDING),
        ("active", Installed.ACTIVE),
        ("freezed", Installed.FREEZED),
        ("uninstalled", Installed.NO),
    ],
)
def test_each_documented_state_is_read(word: str, installed: Installed) -> None:
    answer = status_reply(connection_status={"status": word, "created_at": None})
    assert marketplace.read_status(answer, ZONE).installed is installed


@pytest.mark.parametrize("body", [REFUSAL, b'{"meta":{}}', b"{}", b""], ids=short)
def test_a_404_of_the_platform_says_that_it_is_not_installed(body: bytes) -> None:
    said = "An error has occurred." if body == REFUSAL else ""
    told = marketplace.read_status(reply(404, body), ZONE)
    assert told == Status(Installed.NO, since=None, said=said)


@pytest.mark.parametrize("body", [HTML, b"[]", b'{"message":"Not Found"}'], ids=short)
def test_a_404_of_somebody_in_between_says_nothing(body: bytes) -> None:
    with pytest.raises((Unreachable, client.Refused)):
        marketplace.read_status(reply(404, body), ZONE)


def test_an_id_in_a_string_is_an_id() -> None:
    """YCLIENTS writes some numbers as strings."""
    answer = reply(200, {"success": True, "data": {"id": "123"}})
    assert marketplace.read_payment(answer) == Sent(123)


@pytest.mark.parametrize("code", [400, 401, 403, 405, 406, 418, 422, 429, 499])
def test_a_refused_status_says_nothing_of_the_location(code: int) -> None:
    with pytest.raises(Refused) as caught:
        marketplace.read_status(reply(code, REFUSAL), ZONE)
    assert (caught.value.status, caught.value.message) == (code, "An error has occurred.")


@pytest.mark.parametrize("code", [201, 202, 204, 301, 302, 304, 500, 502, 503, 504])
def test_a_status_without_its_data_says_nothing(code: int) -> None:
    with pytest.raises(NoAnswer):
        marketplace.read_status(reply(code, {"success": True, "data": STATUS}), ZONE)


@pytest.mark.parametrize("body", [*GARBAGE, REFUSAL], ids=short)
def test_a_status_that_cannot_be_read_says_nothing(body: bytes) -> None:
    with pytest.raises(NoAnswer):
        marketplace.read_status(reply(200, body), ZONE)


@pytest.mark.parametrize(
    "changes",
    [
        {"connection_status": None},
        {"connection_status": []},
        {"connection_status": "active"},
        {"connection_status": {}},
        {"connection_status": {"status": None}},
        {"connection_status": {"status": "frozen"}},
        {"connection_status": {"status": "ACTIVE"}},
        {"connection_status": {"status": ["active"]}},
        {"connection_status": {"status": "active", "created_at": "yesterday"}},
        {"connection_status": {"status": "active", "created_at": "0000-00-00 00:00:00"}},
        {"connection_status": {"status": "active", "created_at": "0001-01-01 00:00:00"}},
        {"connection_status": {"status": "active", "created_at": 1656332402}},
        {"logs": "x"},
        {"logs": 5},
        {"logs": [None]},
        {"logs": [{}]},
        {"logs": {"0": {}}},
        {"logs": [{"changed_at": None, "status_from": "pending", "status_to": "active"}]},
        {"logs": [{"changed_at": "2022-06-27", "status_from": "a", "status_to": "b"}]},
        {"payments": "x"},
        {"payments": {"124": {"id": 124}}},
    ],
    ids=short,
)
def test_a_status_of_an_unknown_form_says_nothing(changes: Any) -> None:
    with pytest.raises(Unreachable):
        marketplace.read_status(status_reply(**changes), BERLIN)


@pytest.mark.parametrize("row", [None, [], {}, {"is_refunded": True}, {"id": [1]}, {"id": "x"}])
def test_a_payment_that_cannot_be_read_does_not_hide_the_rest(row: Any) -> None:
    read = marketplace.read_status(status_reply(payments=[row]), BERLIN)
    assert read.installed is Installed.ACTIVE
    assert [listed.amount for listed in read.payments] == [None]


def test_a_date_at_the_end_of_time_says_nothing_in_any_zone() -> None:
    last = {"status": "active", "created_at": "9999-12-31 23:59:59"}
    with pytest.raises(Unreachable):
        marketplace.read_status(status_reply(connection_status=last), NEW_YORK)


@pytest.mark.parametrize("empty", [None, [], {}, ...])
def test_a_status_without_log_or_payments_is_read(empty: Any) -> None:
    data = {"connection_status": {"status": "active"}}
    if empty is not ...:
        data = {**data, "logs": empty, "payments": empty}
    read = marketplace.read_status(reply(200, {"success": True, "data": data}), ZONE)
    assert read == Status(installed=Installed.ACTIVE, since=None)


def test_the_locations_of_a_page_are_their_ids_names_and_zones() -> None:
    """YCLIENTS writes some numbers as strings."""
    nord = {"id": 4564, "title": " Studio\tNord ", "timezone_name": "Europe/Berlin"}
    rows = [nord, {"id": "4232", "timezone_name": 3}, {"id": 3, "title": 5}]
    rows.append({"id": 4, "title": "x" * 999})
    body = {"success": True, "data": rows, "meta": []}
    read = marketplace.read_locations(reply(200, body))
    named = [(it.id, it.name) for it in read]
    assert named == [(4564, "Studio Nord"), (4232, ""), (3, ""), (4, "x" * 200)]
    assert [it.zone for it in read] == ["Europe/Berlin", "", "", ""]
    assert marketplace.read_locations(reply(200, {"success": True, "data": []})) == ()


@pytest.mark.parametrize(
    "data",
    [None, {}, "x", [None], [{}], [{"id": 4564}, {"id": "x"}], [{"id": -1}], [{"id": 10**40}]],
)
def test_locations_that_cannot_be_read_are_no_list(data: Any) -> None:
    """A list with a gap would read as a location that is not connected."""
    with pytest.raises(NoAnswer):
        marketplace.read_locations(reply(200, {"success": True, "data": data}))


@pytest.mark.parametrize("body", [*GARBAGE, REFUSAL], ids=short)
def test_garbage_is_no_list_of_locations(body: bytes) -> None:
    with pytest.raises(NoAnswer):
        marketplace.read_locations(reply(200, body))
    with pytest.raises(Refused):
        marketplace.read_locations(reply(404, body))


@pytest.mark.parametrize("is_refunded", [None, False, 0, "", "false"])
def test_only_a_clear_yes_is_a_refund(is_refunded: Any) -> None:
    answer = status_reply(payments=[{"id": 123, "is_refunded": is_refunded}, {"id": 124}])
    assert marketplace.read_status(answer, ZONE).refunded == frozenset()


@pytest.mark.parametrize("is_refunded", [True, 1, "1", "true"])
def test_a_yes_may_be_written_as_other_values_are(is_refunded: Any) -> None:
    """Taken for a no, what was given back would count as cover, and be asked for again."""
    answer = status_reply(payments=[{"id": "123", "is_refunded": is_refunded}])
    assert marketplace.read_status(answer, ZONE).refunded == {123}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "status",
                    "created_at",
                    "changed_at",
                    "status_from",
                    "status_to",
                    "id",
                    "is_refunded",
                ]
            ),
            inner,
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(STATUS)), json_values))
def test_no_status_raises_anything_but_that_it_is_no_answer(changes: dict[str, Any]) -> None:
    try:
        read = marketplace.read_status(status_reply(**changes), BERLIN)
    except (Unreachable, Refused):
        return
    assert isinstance(read.installed, Installed)
