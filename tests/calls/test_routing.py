"""Calls without a location id: their line says where they belong, and what waits goes out later."""

from itertools import permutations
from typing import Any
from unittest.mock import patch

import pytest

from local.simulator import Owner
from shared.calls import call as rules_of
from shared.calls import lines
from shared.calls.call import Call
from shared.calls.line_entry import Entered
from shared.calls.table import Calls
from shared.connections.table import Connections
from tests.calls.telling import at, end, prove, ring, settle
from tests.deployment import Deployment, finished, ringing
from tests.memory import Memory

LINE, OTHER = "+13155550176", "+13155550199"
UNKNOWN = "nobody has entered which location this line is of"
STRANGER = Owner(id=7777, email="stranger@example.com")


def told(**changes: Any) -> dict[str, Any]:
    """Without a location id."""
    return {"location_id": None, **changes}


def account_of(deployment: Deployment, location_id: int = 4564) -> str:
    found = deployment.connection(location_id).account_id
    assert found
    return found


def enter(deployment: Deployment, entries: dict[str, int]) -> Entered:
    return deployment.lines.enter(account_of(deployment), entries)


def saved(deployment: Deployment) -> list[str]:
    return [call.call_id for call in deployment.simulator.saved_calls()]


def rows(deployment: Deployment) -> dict[str, dict[str, Any]]:
    return {row["call_id"]: row for row in deployment.rows("CALLS_TABLE")}


def states(deployment: Deployment) -> dict[str, str]:
    return {call_id: row["state"] for call_id, row in rows(deployment).items()}


def unknown(deployment: Deployment, location_id: int = 4564) -> dict[str, int]:
    account = deployment.accounts.of_id(account_of(deployment, location_id))
    assert account
    return {it.key: it.calls for it in deployment.lines.of(account).unknown}


def leave(deployment: Deployment, location_id: int) -> None:
    """The location goes to another account."""
    deployment.clock.advance(minutes=2)
    deployment.simulator.disconnect(location_id)
    deployment.webhook(deployment.event(location_id))
    deployment.reconcile()
    deployment.clock.advance(minutes=2)
    deployment.connect(location_id, owner=STRANGER)


# Where a call belongs


def test_a_line_says_which_location(deployment: Deployment, key: str) -> None:
    prove(deployment, key)
    assert enter(deployment, {LINE: 4232}) is Entered.DONE
    assert ring(deployment, key, **told(call_id="r", line="1 (315) 555-0176")) == "sent"
    end(deployment, key, **told(call_id="r", line="1 (315) 555-0176"))
    settle(deployment)
    assert rows(deployment)["r"]["location_id"] == 4232
    assert saved(deployment) == ["first", "r"]


def test_the_location_that_an_event_names_counts(deployment: Deployment, key: str) -> None:
    assert enter(deployment, {LINE: 4232}) is Entered.DONE
    end(deployment, key, location_id=4564)
    assert rows(deployment)["c-1"]["location_id"] == 4564


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_account_with_one_location_needs_no_entry(
    deployment: Deployment, nothing: str | None
) -> None:
    key = deployment.connect(4564).pbx_key
    prove(deployment, key)
    assert ring(deployment, key, location_id=nothing, call_id="r") == "sent"
    end(deployment, key, location_id=nothing, call_id="r")
    settle(deployment)
    assert saved(deployment) == ["first", "r"]


def test_without_a_line_the_extension_says_it(deployment: Deployment, key: str) -> None:
    prove(deployment, key)
    enter(deployment, {"101": 4232})
    end(deployment, key, **told(call_id="o", direction="outgoing", line=""))
    enter(deployment, {LINE: 4232})
    end(deployment, key, **told(call_id="p", direction="outgoing", line=None))
    # Until the location's token is proven, one call at a time.
    deployment.let_time_pass(3)
    assert [rows(deployment)[it]["location_id"] for it in "op"] == [4232, 4232]
    # The platform takes no call without a line.
    lines_told = {call.call_id: call.line for call in deployment.simulator.saved_calls()}
    assert (lines_told["o"], lines_told["p"]) == ("101", LINE)


def test_several_salons_may_call_through_one_number(deployment: Deployment, key: str) -> None:
    enter(deployment, {LINE: 4564, "201": 4232})
    changes = {"extension": "201", "phone": "+13155550142"}
    end(deployment, key, **told(call_id="o", direction="outgoing", **changes))
    end(deployment, key, **told(call_id="p", direction="outgoing", extension="101"))
    # Who is called at the number calls its salon, whichever telephone takes it.
    end(deployment, key, **told(call_id="i", **changes))
    found = {call_id: row["location_id"] for call_id, row in rows(deployment).items()}
    assert found == {"o": 4232, "p": 4564, "i": 4564}


@pytest.mark.parametrize("then", [{"201": 4232, LINE: 4564}, {"201": 4232}])
def test_what_went_out_and_waits_goes_to_its_extension_s_location(
    deployment: Deployment, key: str, then: dict[str, int]
) -> None:
    end(deployment, key, **told(call_id="o", direction="outgoing", extension="201"))
    enter(deployment, then)
    deployment.let_time_pass(3)
    assert rows(deployment)["o"]["location_id"] == 4232


@pytest.mark.usefixtures("page")
def test_another_account_s_entries_are_not_mine(deployment: Deployment, key: str) -> None:
    deployment.connect(4777, owner=STRANGER)
    assert deployment.lines.enter(account_of(deployment, 4777), {LINE: 4777}) is Entered.DONE
    end(deployment, key, **told())
    assert states(deployment) == {"c-1": "unrouted"}


@pytest.mark.usefixtures("page")
def test_only_locations_of_the_account_may_be_entered(deployment: Deployment) -> None:
    deployment.connect(4777, owner=STRANGER)
    for location_id in (4777, 9999):
        entries = {OTHER: 4564, LINE: location_id}
        assert enter(deployment, entries) is Entered.NOT_ITS_LOCATION
    account = deployment.accounts.of_id(account_of(deployment))
    assert account
    assert account.lines == {}


def test_a_location_that_has_left_makes_its_lines_dead(deployment: Deployment, key: str) -> None:
    enter(deployment, {LINE: 4232})
    leave(deployment, 4232)
    assert ring(deployment, key, **told(call_id="r")) == UNKNOWN
    # Not to the one that is left either.
    end(deployment, key, **told(call_id="r"))
    assert states(deployment) == {"r": "unrouted"}
    account = deployment.accounts.of_id(account_of(deployment))
    assert account
    assert [(it.key, it.is_dead) for it in deployment.lines.of(account).entries] == [(LINE, True)]
    enter(deployment, {LINE: 4564})
    deployment.drain_calls()
    assert rows(deployment)["r"]["location_id"] == 4564


def test_the_lines_of_a_location_go_when_it_is_erased(deployment: Deployment, key: str) -> None:
    """Then its calls are those of any line that nobody has entered."""
    enter(deployment, {LINE: 4232})
    deployment.simulator.disconnect(4232)
    deployment.webhook(deployment.event(4232))
    deployment.let_time_pass(29 * 24 * 60, step=24 * 60)
    end(deployment, key, **told(call_id="before"))
    assert rows(deployment)["before"]["location_id"] == 4232
    deployment.let_time_pass(2 * 24 * 60, step=12 * 60)
    end(deployment, key, **told(call_id="after"))
    assert rows(deployment)["after"]["location_id"] == 4564


def test_what_waits_does_not_go_to_the_location_that_is_left(
    deployment: Deployment, key: str
) -> None:
    """It may have been of the one that has left; what comes from now on has one choice only."""
    end(deployment, key, **told(call_id="w"))
    deployment.let_time_pass(10)
    leave(deployment, 4232)
    deployment.let_time_pass(60, step=5)
    assert states(deployment) == {"w": "unrouted"}
    end(deployment, key, **told(call_id="n", phone="+13155550142"))
    assert rows(deployment)["n"]["location_id"] == 4564
    enter(deployment, {LINE: 4564})
    deployment.drain_calls()
    assert "unrouted" not in states(deployment).values()


def test_what_came_while_the_index_was_behind_finds_the_only_location(
    deployment: Deployment,
) -> None:
    key = deployment.connect(4564).pbx_key
    with patch.object(Connections, "of_account", lambda *_: set()):
        end(deployment, key, **told(call_id="w"))
    assert states(deployment) == {"w": "unrouted"}
    deployment.let_time_pass(3)
    assert rows(deployment)["w"]["location_id"] == 4564


def test_lines_are_bounded(deployment: Deployment, key: str) -> None:
    most = {f"trunk-{number}": 4564 for number in range(lines.MOST)}
    assert enter(deployment, most) is Entered.DONE
    assert enter(deployment, {LINE: 4564}) is Entered.TOO_MANY
    assert enter(deployment, {"trunk-1": 4232}) is Entered.DONE
    end(deployment, key, **told(line="Trunk-1"))
    assert rows(deployment)["c-1"]["location_id"] == 4232


# What waits for its line


def test_an_unknown_line_waits_and_goes_out_once_it_is_entered(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    shown = len(deployment.simulator.calls("event"))
    assert ring(deployment, key, **told(call_id="u")) == UNKNOWN
    [why] = end(deployment, key, **told(call_id="u"))["left_out"]
    assert why.startswith("line: nobody has entered it")
    settle(deployment)
    assert (saved(deployment), states(deployment)["u"]) == (["first"], "unrouted")
    assert enter(deployment, {LINE: 4564}) is Entered.DONE
    settle(deployment)
    assert saved(deployment) == ["first", "u"]
    assert len(deployment.simulator.calls("event")) == shown


def test_what_waits_is_listed_with_its_count(deployment: Deployment, key: str) -> None:
    for call_id, line in (("a", LINE), ("b", LINE), ("c", "Trunk-1"), ("d", "")):
        end(deployment, key, **told(call_id=call_id, line=line))
    # A leg, and the same told twice, are no more calls.
    end(deployment, key, **told(call_id="a", leg=True, answered=False, duration_s=0))
    end(deployment, key, **told(call_id="b"))
    assert unknown(deployment) == {LINE: 2, "trunk-1": 1, "101": 1}
    enter(deployment, {"trunk-1": 4564})
    deployment.drain_calls()
    assert unknown(deployment) == {LINE: 2, "101": 1}


def test_it_goes_out_days_later_as_if_it_had_only_just_ended(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    end(deployment, key, **told(call_id="u"))
    began = rows(deployment)["u"]["started_at"]
    deployment.let_time_pass(5 * 24 * 60, step=240)
    assert states(deployment)["u"] == "unrouted"
    enter(deployment, {LINE: 4564})
    settle(deployment)
    [call] = [call for call in deployment.simulator.saved_calls() if call.call_id == "u"]
    assert call.date is not None
    assert began.startswith(call.date.isoformat()[:19])


def test_an_entry_whose_word_was_lost_is_found_by_reconcile(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    end(deployment, key, **told(call_id="u"))
    enter(deployment, {LINE: 4564})
    assert deployment.woken_calls() == [""]
    deployment.let_time_pass(2)
    assert saved(deployment) == ["first", "u"]


def test_an_entry_at_the_moment_of_the_call_is_found_by_reconcile(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    save = Calls.save

    def entered_first(calls: Calls, call: Call) -> Call:
        with patch.object(Calls, "save", save):
            enter(deployment, {LINE: 4564})
            deployment.drain_calls()
            return save(calls, call)

    with patch.object(Calls, "save", entered_first):
        end(deployment, key, **told(call_id="u"))
    assert states(deployment)["u"] == "unrouted"
    deployment.let_time_pass(3)
    assert saved(deployment) == ["first", "u"]


def test_a_call_keeps_its_location_when_its_entry_changes(deployment: Deployment, key: str) -> None:
    prove(deployment, key)
    enter(deployment, {LINE: 4232})
    began = at(deployment, 90)
    end(deployment, key, **told(call_id="k", started_at=began))
    settle(deployment)
    enter(deployment, {LINE: 4564})
    event = {**finished(**told(call_id="k")), "started_at": began}
    assert deployment.call(event, key)[0] == 202
    deployment.let_time_pass(20)
    assert rows(deployment)["k"]["location_id"] == 4232
    assert saved(deployment) == ["first", "k"]


def test_two_presses_send_it_once(deployment: Deployment, key: str) -> None:
    prove(deployment, key)
    end(deployment, key, **told(call_id="u"))
    assert [enter(deployment, {LINE: 4564}) for _ in range(2)] == [Entered.DONE, Entered.DONE]
    deployment.let_time_pass(20)
    assert saved(deployment) == ["first", "u"]


def test_who_calls_again_is_another_call(deployment: Deployment, key: str) -> None:
    """By the same id, as after a restart of the switch: no call is taken for the one that waits."""
    prove(deployment, key)
    end(deployment, key, **told(call_id="u"))
    end(deployment, key, **told(call_id="u", phone="+13155550142"))
    assert unknown(deployment) == {LINE: 2}
    enter(deployment, {LINE: 4564})
    deployment.let_time_pass(3)
    phones = [call.phone for call in deployment.simulator.saved_calls()]
    assert sorted(phones) == ["+13155550100", "+13155550142", "+13155550175"]


def test_too_many_waiting_calls_are_refused_and_nobody_else_s(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    others = deployment.connect(4777, owner=STRANGER).pbx_key
    with patch.object(lines, "MOST_WAITING", 6):
        for number in range(3):
            end(deployment, key, **told(call_id=f"u-{number}"))
        before = rows(deployment)
        event = {**finished(**told(call_id="late")), "started_at": at(deployment)}
        status, answer = deployment.call(event, key)
        assert (status, answer["success"]) == (429, False)
        assert answer["error"].startswith("line: too many calls wait")
        assert rows(deployment) == before
        # What is kept goes on, and so do all calls that have a location.
        end(deployment, key, **told(call_id="u-1", leg=True, duration_s=5, answered=True))
        end(deployment, key, call_id="named")
        end(deployment, others, **told(call_id="theirs", location_id=4777))
    settle(deployment)
    assert {"named", "theirs"} <= set(saved(deployment))


def test_a_line_that_nobody_enters_leaves_room_for_the_others(
    deployment: Deployment, key: str
) -> None:
    """The office's own line is no salon's, so its calls wait to the end of their days."""
    event = {**finished(**told()), "started_at": at(deployment)}
    taken: dict[str, list[int]] = {}
    with patch.object(lines, "MOST_WAITING", 12):
        for line in ("office", "fax", LINE, OTHER):
            calls = [{**event, "call_id": f"{line}-{n}", "line": line} for n in range(7)]
            taken[line] = [deployment.call(each, key)[0] for each in calls]
    # Each has at most as much as it leaves.
    assert {line: statuses.count(202) for line, statuses in taken.items()} == {
        "office": 6,
        "fax": 3,
        LINE: 2,
        OTHER: 1,
    }
    assert set(taken[OTHER]) == {202, 429}


def test_what_waits_leaves_everybody_s_wake_ups_alone(deployment: Deployment, key: str) -> None:
    prove(deployment, key)
    for number in range(40):
        end(deployment, key, **told(call_id=f"u-{number}"))
    deployment.woken_calls()
    deployment.clock.advance(minutes=2)
    deployment.invoke("reconcile", {})
    # One word for all of them.
    assert deployment.woken_calls() == [""]


# The queue


def test_a_call_on_the_queue_names_its_account_or_its_location(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    enter(deployment, {LINE: 4564})
    ended = {"started_at": at(deployment, 90)}
    account_id = account_of(deployment)
    deployment.take_call({**finished(**told(call_id="q")), **ended, "account_id": account_id})
    deployment.take_call({**finished(**told(call_id="n")), **ended})
    deployment.take_call({**finished(**told(call_id="x")), **ended, "account_id": "nobody"})
    deployment.take_call(
        {**finished(**told(call_id="u", line=OTHER)), **ended, "account_id": account_id}
    )
    assert {call_id: it for call_id, it in states(deployment).items() if call_id != "first"} == {
        "q": "waiting",
        "u": "unrouted",
    }
    reasons = [reason for _body, reason in deployment.dead_letters("CallsDeadLetters")]
    assert {reason.partition(":")[0] for reason in reasons} == {"invalid"}
    assert len(reasons) == 2


def test_what_waits_of_an_erased_account_ends(deployment: Deployment, key: str) -> None:
    end(deployment, key, **told(call_id="u"))
    for location_id in (4564, 4232):
        deployment.clock.advance(minutes=2)
        deployment.simulator.disconnect(location_id)
        deployment.webhook(deployment.event(location_id))
        deployment.reconcile()
    deployment.clock.advance(days=31)
    deployment.let_time_pass(600, step=60)
    assert deployment.rows("ACCOUNTS_TABLE") == []
    assert states(deployment)["u"] == "expired"
    assert "waits_of" not in rows(deployment)["u"]


def test_what_waits_is_read_in_the_country_of_the_entry(deployment: Deployment, key: str) -> None:
    """The country was set wrong when it was told."""
    prove(deployment, key)
    end(deployment, key, **told(call_id="u", line="030 123456", phone="0151 23456789"))
    assert unknown(deployment) == {"030 123456": 1}
    deployment.accounts.set_country(account_of(deployment), "DE")
    enter(deployment, {"+4930123456": 4564})
    settle(deployment)
    settle(deployment)
    [call] = [call for call in deployment.simulator.saved_calls() if call.call_id == "u"]
    assert (call.phone, call.line) == ("+4915123456789", "+4930123456")


def test_ringing_is_told_how_to_name_a_line(deployment: Deployment, key: str) -> None:
    event = {**ringing(**told(line="", extension="")), "at": at(deployment)}
    status, answer = deployment.call(event, key)
    assert (status, answer["error"]) == (400, "line: needed, or an extension")
    event = {**ringing(location_id=0), "at": at(deployment)}
    assert deployment.call(event, key)[0] == 400


def test_a_call_without_a_location_id_costs_one_read_more_at_most(
    deployment: Deployment, key: str, memory: Memory
) -> None:
    def reads(**changes: Any) -> int:
        asked: list[str] = []
        memory.before = lambda operation, _asked: asked.append(operation)
        end(deployment, key, phone=f"+1315555{len(rows(deployment)):04}", **changes)
        memory.before = lambda _operation, _asked: None
        return sum(it in ("GetItem", "Query") for it in asked)

    named = reads(call_id="named")
    # Whether the account has a single location, and whether too many wait; no connection is read.
    assert reads(**told(call_id="unknown")) == named + 1
    enter(deployment, {LINE: 4564})
    assert reads(**told(call_id="entered")) == named


def test_what_does_not_fit_into_one_run_goes_on_in_the_next(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    for number in range(5):
        end(deployment, key, **told(call_id=f"u-{number}"))
    with patch("shared.calls.routing._TIME_S", 0.0):
        enter(deployment, {LINE: 4564})
        deployment.take_call({"type": "route", "account_id": account_of(deployment)})
    assert set(states(deployment).values()) == {"confirmed", "unrouted"}
    deployment.drain_calls()
    assert "unrouted" not in states(deployment).values()


def test_who_rang_at_a_line_has_its_call_there_though_its_end_tells_none(
    deployment: Deployment, key: str
) -> None:
    prove(deployment, key)
    enter(deployment, {LINE: 4232})
    assert ring(deployment, key, **told(call_id="r")) == "sent"
    assert end(deployment, key, **told(call_id="r", line=""))["left_out"] == []
    settle(deployment)
    # The platform takes no call without a line.
    assert states(deployment)["r"] == "sent"
    [call] = [call for call in deployment.simulator.saved_calls() if call.call_id == "r"]
    assert call.line == LINE


def test_who_rang_at_a_telephone_has_its_call_there_though_its_end_tells_a_line(
    deployment: Deployment, key: str
) -> None:
    """The line of a group, which nobody has entered."""
    prove(deployment, key)
    enter(deployment, {"101": 4232})
    assert ring(deployment, key, **told(call_id="r", line="")) == "sent"
    assert end(deployment, key, **told(call_id="r", line=OTHER))["left_out"] == []
    settle(deployment)
    assert rows(deployment)["r"]["location_id"] == 4232
    assert states(deployment)["r"] == "sent"
    # One telephone of it is late.
    again = ring(deployment, key, **told(call_id="r", line=""))
    assert again == "shown before, or the call is over"


@pytest.mark.parametrize("rings", [0, 1])
@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize(
    "shown",
    [
        {"phone": "101", "line": ""},
        {"phone": "+13155550188", "line": "", "direction": "outgoing"},
        {"phone": "+13155550188", "line": OTHER},
    ],
)
def test_a_colleague_of_another_location_who_took_it_over_takes_no_call_there(
    deployment: Deployment, key: str, shown: dict[str, Any], order: tuple[int, ...], rings: int
) -> None:
    """His leg says how long and who; whose call it is says the report of the whole."""
    prove(deployment, key)
    enter(deployment, {LINE: 4564, OTHER: 4232, "201": 4232})
    legs: list[dict[str, Any]] = [
        {"leg": True, "ago_s": 50, "duration_s": 10},
        {"leg": True, "ago_s": 40, "duration_s": 40, "extension": "201", **shown},
        {"ago_s": 60, "duration_s": 40, "extension": "201"},
    ]
    for _ in range(rings):
        ring(deployment, key, **told(line=LINE))
    for number in (*order, *order):
        end(deployment, key, **told(**legs[number]))
    settle(deployment)
    row = rows(deployment)["c-1"]
    assert (row["state"], row["location_id"]) == ("sent", 4564)
    [call] = [it for it in deployment.simulator.saved_calls() if it.call_id == "c-1"]
    assert (call.phone, call.line, call.direction) == ("+13155550175", LINE, "incoming")
    assert (call.user, call.duration, call.status) == ("201", 40, "success")


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_call_waits_for_its_own_line_and_not_for_a_colleague_s(
    deployment: Deployment, key: str, order: tuple[int, ...]
) -> None:
    prove(deployment, key)
    legs: list[dict[str, Any]] = [
        {"leg": True, "ago_s": 50, "duration_s": 10, "line": LINE},
        {
            "leg": True,
            "ago_s": 40,
            "duration_s": 40,
            "phone": "101",
            "line": "",
            "extension": "102",
        },
        {"ago_s": 60, "duration_s": 50, "line": LINE},
    ]
    for number in order:
        end(deployment, key, **told(**legs[number]))
    assert unknown(deployment) == {LINE: 1}
    assert enter(deployment, {LINE: 4232}) is Entered.DONE
    settle(deployment)
    settle(deployment)
    row = rows(deployment)["c-1"]
    assert (row["state"], row["location_id"], row["leg"]["line"]) == ("sent", 4232, LINE)


def test_what_expired_at_the_moment_of_another_report_stays_so(
    deployment: Deployment, key: str
) -> None:
    """Its account was erased when the key had been checked already."""
    end(deployment, key, **told(call_id="u", line=OTHER, answered=False, duration_s=0))
    call = deployment.calls.get(f"{account_of(deployment)}#u")
    assert call is not None
    deployment.calls.save(rules_of.expired(call, "the account was erased"))
    end(deployment, key, **told(call_id="u", line=OTHER))
    assert states(deployment)["u"] == "expired"
