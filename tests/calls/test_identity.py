"""One call is one row and one entry, whatever ids a switch gives; another is another."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calls import identity
from shared.calls.call import LONGEST_CALL, Call, heard, ringing
from shared.calls.identity import Report
from shared.calls.leg import Leg
from shared.calls.settings import CallPolicy
from shared.calls.table import Calls
from shared.connections.accounts import Accounts
from tests.calls.telling import at, end, prove, ring, settle
from tests.deployment import Deployment, finished

NOW = datetime(2026, 11, 1, 10, tzinfo=UTC)


def entries(deployment: Deployment) -> list[tuple[str, datetime | None]]:
    """Who called and when, of each entry but the first, which proves the token."""
    saved = deployment.simulator.saved_calls()
    assert len({call.call_id for call in saved}) == len(saved)
    return [(call.phone, call.date) for call in saved if call.call_id != "first"]


def rows(deployment: Deployment) -> list[str]:
    """The keys of all rows of the id, also of those that wait for their call's end."""
    return [row["key"] for row in deployment.rows("CALLS_TABLE") if row["call_id"] == "c-1"]


def ago(deployment: Deployment, seconds: float) -> datetime:
    return deployment.clock() - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "changes",
    [
        {"phone": "+13155550199"},
        {"phone": "anonymous"},
        {"phone": "12345678901234567890"},
        {"phone": "102"},
        {"line": "+13155550177"},
        {"location_id": 4232, "line": "+13155550178"},
    ],
)
@pytest.mark.parametrize("first", [{}, {"phone": "anonymous"}])
def test_equal_ids_of_two_switches_are_two_calls(
    deployment: Deployment, key: str, first: dict[str, Any], changes: dict[str, Any]
) -> None:
    prove(deployment, key)
    told = [first, {**first, **changes}]
    # Each comes again, and none is another for it.
    for each in (*told, *reversed(told)):
        end(deployment, key, **each)
    for each in told:
        end(deployment, key, **each)
    deployment.let_time_pass(20)
    assert len(entries(deployment)) == (1 if told[0] == told[1] else 2)


@pytest.mark.parametrize("later", [timedelta(minutes=61), timedelta(days=1), timedelta(days=3)])
@pytest.mark.parametrize("changes", [{}, {"phone": "+13155550199"}])
def test_an_id_used_again_later_is_another_call_with_its_own_date(
    deployment: Deployment, key: str, later: timedelta, changes: dict[str, Any]
) -> None:
    prove(deployment, key)
    assert ring(deployment, key) == "sent"
    end(deployment, key, ago_s=0)
    first = ago(deployment, 0)
    deployment.let_time_pass(5)
    deployment.clock.at = first + later
    assert ring(deployment, key, **changes) == "sent"
    assert ring(deployment, key, **changes) == "shown before, or the call is over"
    end(deployment, key, ago_s=0, **changes)
    deployment.let_time_pass(5)
    second = first + later
    phone = changes.get("phone", "+13155550175")
    assert entries(deployment) == [("+13155550175", first), (phone, second)]
    assert len(deployment.simulator.pop_ups()) == 2


@pytest.mark.parametrize("days", [timedelta(minutes=62), timedelta(days=13, hours=23)])
def test_a_call_is_known_when_the_first_of_its_id_was_deleted(
    deployment: Deployment, key: str, days: timedelta
) -> None:
    """The oldest rows go first, so that of further calls remains behind a gap."""
    prove(deployment, key)
    first = deployment.clock()
    end(deployment, key, ago_s=0)
    deployment.let_time_pass(20)
    deployment.clock.at = first + days
    told = [{"phone": "+13155550188"}, {"phone": "+13155550199"}]
    for each in told:
        end(deployment, key, ago_s=0, **each)
    deployment.let_time_pass(20)
    [gone, *kept] = sorted(rows(deployment))
    calls_table = deployment.environments["calls"]["CALLS_TABLE"]
    deployment._dynamodb.delete_item(TableName=calls_table, Key={"key": {"S": gone}})
    for each in told:
        end(deployment, key, ago_s=20, **each)
    assert sorted(rows(deployment)) == kept
    deployment.let_time_pass(20)
    assert len(entries(deployment)) == 3


@pytest.mark.parametrize("hour", [12, 0])
def test_what_a_call_that_goes_well_reads(
    deployment: Deployment, key: str, monkeypatch: pytest.MonkeyPatch, hour: int
) -> None:
    """The first report looks for two rows, or three around midnight; each further for its own."""
    prove(deployment, key)
    deployment.clock.at = deployment.clock().replace(hour=hour) + timedelta(days=1)
    read: list[str] = []
    get = Calls.get

    def counted(self: Calls, key: str) -> Call | None:
        read.append(key)
        return get(self, key)

    monkeypatch.setattr(Calls, "get", counted)
    ring(deployment, key)
    assert len(read) == (2 if hour else 3)
    end(deployment, key, ago_s=0)
    assert len(read) == (3 if hour else 4)


def test_a_call_within_the_hour_is_the_same(deployment: Deployment, key: str) -> None:
    prove(deployment, key)
    for seconds in (3500, 90, 3500):
        end(deployment, key, ago_s=seconds)
    settle(deployment)
    assert entries(deployment) == [("+13155550175", ago(deployment, 3500 + 6))]


def test_a_leg_is_of_no_call_that_began_too_long_before(deployment: Deployment, key: str) -> None:
    """The caller was missed, and calls again hours later, with the same id."""
    prove(deployment, key)
    missed = LONGEST_CALL + timedelta(minutes=1)
    end(deployment, key, ago_s=missed.total_seconds(), answered=False, duration_s=0)
    settle(deployment)
    end(deployment, key, ago_s=0, leg=True)
    end(deployment, key, ago_s=0)
    deployment.let_time_pass(15)
    saved = [call.status for call in deployment.simulator.saved_calls()]
    assert saved == ["success", "missed", "success"]


@pytest.mark.parametrize("first", ["leg", "whole"])
def test_a_caller_who_waits_for_hours_is_one_call(
    deployment: Deployment, key: str, first: str
) -> None:
    """How long he waited, no report says: of a call that nobody took, a PBX tells 0 seconds."""
    prove(deployment, key)
    missed: dict[str, Any] = {"answered": False, "duration_s": 0}
    leg, whole = {**missed, "ago_s": 60, "leg": True}, {**missed, "ago_s": 7260}
    for told in [leg, whole, leg] if first == "leg" else [whole, leg, whole]:
        end(deployment, key, **told)
    settle(deployment)
    assert len(entries(deployment)) == len(rows(deployment)) == 1


@pytest.mark.parametrize("first", ["legs", "whole"])
def test_a_transfer_stays_one_call(deployment: Deployment, key: str, first: str) -> None:
    """A leg begins late in a long call, on another line, and shows a colleague as its caller."""
    prove(deployment, key)
    legs: list[dict[str, Any]] = [
        {"leg": True, "ago_s": 7200, "extension": "101", "duration_s": 60},
        {"leg": True, "ago_s": 600, "extension": "102", "phone": "101", "line": "102"},
        {"leg": True, "ago_s": 300, "extension": "103", "phone": "", "answered": False},
    ]
    whole: dict[str, Any] = {"ago_s": 7200, "duration_s": 7200, "extension": "102"}
    for told in [*legs, whole] if first == "legs" else [whole, *legs]:
        end(deployment, key, **told)
    settle(deployment)
    assert entries(deployment) == [("+13155550175", ago(deployment, 7200 + 6))]


@pytest.mark.parametrize("phone", ["+13155550175", "anonymous", "102"])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_colleague_with_a_whole_number_makes_no_second_call(
    deployment: Deployment, key: str, phone: str, order: tuple[int, ...]
) -> None:
    prove(deployment, key)
    told: list[dict[str, Any]] = [
        {"leg": True, "ago_s": 100, "duration_s": 30, "extension": "101"},
        {"leg": True, "ago_s": 60, "duration_s": 60, "phone": "+13155550199"},
        {"ago_s": 100, "duration_s": 100, "phone": phone},
    ]
    for number in (*order, *order):
        end(deployment, key, **told[number])
    settle(deployment)
    assert len(entries(deployment)) == len(rows(deployment)) == 1


@pytest.mark.parametrize("name", ["phone", "line"])
@pytest.mark.parametrize(
    ("first", "countries"),
    [
        ("ringing", ("DE", "CH")),
        ("ringing", ("AT", "DE")),
        ("finished", ("DE", "CH")),
        ("finished", ("CH", "DE")),
        # There it is nobody's.
        ("finished", ("DE", "AT")),
    ],
)
def test_a_call_of_another_country_told_again_is_the_same(
    deployment: Deployment, key: str, name: str, first: str, countries: tuple[str, str]
) -> None:
    """It is heard as it was read at first, as that is what is looked for in the platform's list."""
    prove(deployment, key)
    accounts = Accounts(deployment._dynamodb, deployment.environments["connect"]["ACCOUNTS_TABLE"])
    account_id = deployment.connection(4564).account_id
    assert account_id
    began = deployment.clock()
    for number, country in enumerate(countries):
        accounts.set_country(account_id, country)
        if first == "ringing" and number == 0:
            told: dict[str, Any] = {name: "0612345678"}
            ring(deployment, key, **told)
            continue
        for leg in (True, False):
            event = {**finished(leg=leg), name: "0612345678", "started_at": began.isoformat()}
            assert deployment.call(event, key)[0] == 202
        deployment.let_time_pass(6)
    deployment.let_time_pass(400, step=10)
    assert len(entries(deployment)) == len(rows(deployment)) == 1
    [row] = [row for row in deployment.rows("CALLS_TABLE") if row["call_id"] == "c-1"]
    assert (row["state"], row["repeats"]) == ("confirmed", 0)


def test_a_call_rings_and_ends_in_one_row(deployment: Deployment, key: str) -> None:
    prove(deployment, key)
    ring(deployment, key)
    end(deployment, key, ago_s=1)
    [row] = [row for row in deployment.rows("CALLS_TABLE") if row["call_id"] == "c-1"]
    assert row["popped_at"]


def test_a_switch_that_has_but_one_id_loses_nothing(deployment: Deployment, key: str) -> None:
    """Each of its reports is a call of its own, and comes again as the same."""
    prove(deployment, key)
    number = identity.MOST_OF_ONE_ID + 4
    phones = [f"+131555502{each:02}" for each in range(number)]
    began = at(deployment, 60)
    for phone in (*phones, *phones):
        event = {**finished(call_id="0", phone=phone), "started_at": began}
        assert deployment.call(event, key)[0] == 202
    deployment.let_time_pass(30)
    assert sorted(phone for phone, _ in entries(deployment)) == phones


_days = st.dates(min_value=NOW.date(), max_value=NOW.date() + timedelta(days=2))


@given(
    st.lists(
        st.tuples(
            st.text("~.-0123c", min_size=1, max_size=6),
            st.none() | st.tuples(_days, st.integers(1, 30)),
        ),
        unique=True,
    )
)
def test_no_two_calls_have_one_key(told: list[tuple[str, tuple[date, int] | None]]) -> None:
    keys = [identity.key("a", call_id, further) for call_id, further in told]
    assert len(set(keys)) == len(keys)


# Any order, any repetition


def placed(table: dict[str, Call], report: Report) -> str:
    """What the table does with a report."""
    key, known = identity.place(table.get, "a", report)
    candidates = [call for call in table.values() if identity.is_surely(call, report)]
    assert candidates in ([], [known])
    found = known or ringing(key, "a", report.call_id, 1, report.at)
    leg = Leg(1, False, 0, report.at, "incoming", report.caller or "", "", "", "")
    table[found.key] = heard(
        identity.joined(found, report), leg, ended=not report.leg, now=report.at, rules=CallPolicy()
    )
    return found.key


def began_on(call: Call) -> date:
    """By its key, if that tells."""
    day = call.key.partition("~")[2].partition(".")[0]
    return date.fromisoformat(day) if day else (call.first_at or call.received_at).date()


_CALLERS = ["+13155550175", "+13155550199", "", "?5550175"]
# A leg shows the caller's number, a colleague's, another caller's, or none.
_shown = st.sampled_from([None, "+13155550175", "+13155550188", "+13155550199"])


@st.composite
def calls(draw: st.DrawFn) -> list[list[Report]]:
    """Some calls of one id, each with its legs behind it: of different callers, or hours apart."""
    told: list[list[Report]] = []
    latest: dict[str, int] = {}
    number = draw(st.integers(1, 4))
    # How late a leg may begin; less where others with the id may have called meanwhile.
    latest_leg = 59 if number > 1 else 240
    for _ in range(number):
        caller = draw(st.sampled_from(_CALLERS))
        legs = draw(st.lists(st.tuples(st.integers(0, latest_leg), _shown), max_size=3))
        # The same caller's next call; which of two a leg is of, its whole call may not have told.
        apart = 240 * bool(legs)
        began = latest.get(caller, 0) + apart + draw(st.integers(61, 3000))
        latest[caller] = began + apart
        start = NOW + timedelta(minutes=began)
        digits = caller and f"0{_CALLERS.index(caller)}"
        reports = [
            Report(
                "c",
                shown,
                None,
                start + timedelta(minutes=late),
                leg=True,
                digits=digits if shown == caller else "",
            )
            for late, shown in legs
        ]
        whole = Report("c", caller, "+13155550176", start, digits=digits)
        # The country was changed, and the same is told again.
        again = [replace(whole, caller=f"?{digits}")] if digits and draw(st.booleans()) else []
        told.append([whole, *again, *reports])
    return told


@given(calls(), st.data())
def test_in_any_order_each_call_is_one_row(told: list[list[Report]], data: st.DataObject) -> None:
    reports = [each for call in told for each in call]
    repeated = data.draw(st.lists(st.sampled_from(reports), max_size=6))
    order: Iterable[Report] = data.draw(st.permutations([*reports, *repeated]))
    table: dict[str, Call] = {}
    for report in order:
        placed(table, report)
    # Whatever came is known again, and no two calls are one.
    for report in reports:
        placed(table, report)
    before = dict(table)
    for report in reports:
        placed(table, report)
    assert table == before
    assert len(table) == len(told)
    assert len({placed(table, call[0]) for call in told}) == len(told)
    for first, *others in told:
        for each in others:
            # Whose a colleague's leg is, nobody knows as long as two callers share an id.
            if not each.leg or each.caller == first.caller or len(told) == 1:
                assert placed(table, each) == placed(table, first)
    # The older rows are deleted, and what is told again of the others finds them behind the gap.
    where = {id(call): placed(table, call[0]) for call in told}
    cut = data.draw(st.sampled_from([call[0].at.date() for call in told]))
    for key in [key for key, call in table.items() if not began_on(call) >= cut]:
        del table[key]
    left = [call for call in told if where[id(call)] in table]
    for call in left:
        assert placed(table, call[0]) == where[id(call)]
