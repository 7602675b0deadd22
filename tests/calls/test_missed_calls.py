"""The list of missed callers and its press, through the handlers of the PBX and of the portal."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.simulator import Simulator
from shared.aws.dynamodb import StaleWrite
from shared.calls import missed_calls
from shared.calls.table import Calls
from shared.clock import instant
from tests.calls.misses import Press, Real, expected
from tests.calls.telling import end
from tests.calls.test_missed import ANNA, BORIS, Telling, days
from tests.connect.test_portal import KEY, PORTAL, connect, ticket
from tests.deployment import Clock, Deployment, finished
from tests.memory import Memory
from tests.memory.session import Session

ASKED = {"account_id": "acme-1", "location_id": 4564}


def with_portal(deployment: Deployment) -> str:
    deployment.set_portal_key(KEY)
    deployment.restart(PORTAL_URL=PORTAL)
    status, answer = connect(deployment, ticket(deployment, 4564, 4232))
    assert status == 200
    return str(answer["pbx_key"])


@pytest.fixture
def key(deployment: Deployment) -> str:
    return with_portal(deployment)


def look(deployment: Deployment, **changes: Any) -> tuple[int, Any]:
    query = urlencode({**ASKED, **changes})
    return deployment.ask("GET", "/missed", query=query, key=KEY)


def found(deployment: Deployment, location_id: int = 4564) -> Any:
    status, answer = look(deployment, location_id=location_id)
    assert status == 200, answer
    return answer


def press(deployment: Deployment, **changes: Any) -> tuple[int, Any]:
    until = deployment.clock().isoformat()
    body = {**ASKED, "phone": ANNA, "until": until, "name": "Zoë", **changes}
    return deployment.ask("POST", "/missed", body, key=KEY)


def miss(deployment: Deployment, key: str, call_id: str, **changes: Any) -> None:
    values = {"call_id": call_id, "answered": False, "duration_s": 0, **changes}
    end(deployment, key, **values)


def test_missed_listed_called_back_gone(deployment: Deployment, key: str) -> None:
    began = deployment.clock()
    miss(deployment, key, "c-1", ago_s=20)
    miss(deployment, key, "c-2", ago_s=10, line="+13155550111")
    miss(deployment, key, "c-3", phone="anonymous")
    told = found(deployment)
    [anna] = told["open"]
    times = [(began - timedelta(seconds=it)).isoformat()[:19] for it in (20, 10, 90)]
    assert (anna["phone"], anna["times"]) == (ANNA, 2)
    assert [anna["since"][:19], anna["last"][:19]] == times[:2]
    assert anna["lines"] == ["+13155550176", "+13155550111"]
    assert (told["hidden"]["times"], told["hidden"]["last"][:19]) == (1, times[2])
    assert (told["location_id"], told["complete"], told["ended"]) == (4564, True, [])
    deployment.clock.advance(minutes=30)
    end(deployment, key, call_id="c-4", direction="outgoing", extension="102", ago_s=60)
    deployment.clock.advance(days=1)
    told = found(deployment)
    [ended] = told["ended"]
    assert (told["open"], ended["by"], ended["extension"]) == ([], "our call", "102")
    share = {"missed": 1, "called_back": 1, "pressed": 0}
    assert told["numbers"]["within_hour"] == told["numbers"]["within_day"] == share
    assert told["numbers"]["extensions"] == [
        {"extension": "102", "within_hour": 1, "within_day": 1}
    ]
    [line] = told["numbers"]["lines"]
    assert line == {"line": "+13155550176", "within_hour": share, "within_day": share}


def test_a_press_with_a_name_ends_it_until_he_calls_again(deployment: Deployment, key: str) -> None:
    miss(deployment, key, "c-1")
    assert press(deployment) == (200, {"success": True})
    told = found(deployment)
    [ended] = told["ended"]
    assert (told["open"], ended["by"], ended["name"]) == ([], "press", "Zoë")
    # Twice is once, whoever presses.
    writes = deployment.rows("CALLS_TABLE")
    assert press(deployment, name="Boris") == (200, {"success": True})
    assert deployment.rows("CALLS_TABLE") == writes
    miss(deployment, key, "c-2", ago_s=0)
    assert [it["times"] for it in found(deployment)["open"]] == [1]


def test_a_press_ends_nothing_that_was_not_seen(deployment: Deployment, key: str) -> None:
    miss(deployment, key, "c-1", ago_s=90)
    [seen] = found(deployment)["open"]
    miss(deployment, key, "c-2", ago_s=30)
    assert press(deployment, until=seen["last"])[0] == 200
    told = found(deployment)
    assert [it["times"] for it in (*told["open"], *told["ended"])] == [1, 1]
    # What was told before this and is told only now is covered.
    miss(deployment, key, "c-3", ago_s=100)
    told = found(deployment)
    assert [it["times"] for it in (*told["open"], *told["ended"])] == [1, 2]


def test_the_press_goes_with_the_call_and_is_kept_beside_its_reports(
    deployment: Deployment, key: str
) -> None:
    miss(deployment, key, "c-1", leg=True, extension="102")
    deployment.clock.advance(hours=4)
    assert press(deployment)[0] == 200
    miss(deployment, key, "c-1", ago_s=4 * 3600 + 80)
    deployment.let_time_pass(10)
    [row] = deployment.rows("CALLS_TABLE")
    assert (row["done_by"], row["ended"], row["state"]) == ("Zoë", True, "confirmed")
    assert found(deployment)["open"] == []


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"name": ""}, 400, "a name is needed"),
        ({"name": "x" * 61}, 400, "a name is needed"),
        ({"name": 5}, 400, "a name is needed"),
        ({"name": "\ud800"}, 400, "a name is needed"),
        ({"phone": BORIS}, 400, "nobody with this number"),
        ({"phone": ""}, 400, "location_id, phone, until and account_id are needed"),
        ({"until": "2026-01-01T00:00:00Z"}, 400, "nobody with this number"),
        ({"until": "soon"}, 400, "until: the time"),
        ({"until": "2026-01-01T00:00:00"}, 400, "until: the time"),
        ({"until": 5}, 400, "location_id, phone, until and account_id are needed"),
        ({"location_id": "4564"}, 400, "location_id, phone, until and account_id are needed"),
        ({"location_id": True}, 400, "location_id, phone, until and account_id are needed"),
        ({"location_id": 10**30}, 400, "location_id, phone, until and account_id are needed"),
        ({"location_id": 4777}, 400, "not a location of this account"),
        ({"location_id": 9999}, 400, "not a location of this account"),
        ({"account_id": "nobody"}, 404, "the account is unknown"),
        ({"account_id": "#"}, 400, "location_id, phone, until and account_id are needed"),
    ],
)
def test_a_press_that_cannot_be_taken_is_told_so(
    deployment: Deployment, key: str, body: dict[str, Any], status: int, error: str
) -> None:
    miss(deployment, key, "c-1")
    connect(deployment, ticket(deployment, 4777), "acme-2")
    answered, answer = press(deployment, **body)
    assert (answered, answer["error"].startswith(error)) == (status, True), answer
    assert len(found(deployment)["open"]) == 1


def test_only_the_portal_sees_it_and_only_of_its_customer(deployment: Deployment, key: str) -> None:
    miss(deployment, key, "c-1")
    connect(deployment, ticket(deployment, 4777), "acme-2")
    assert look(deployment, location_id=4777)[0] == 400
    assert look(deployment, account_id="acme-2")[0] == 400
    assert look(deployment, account_id="nobody")[0] == 404
    for wrong in ("", "x", "4564' OR 1", "9" * 30):
        assert look(deployment, location_id=wrong)[0] == 400
    # Python's `strip` and `int` do not agree on what is white space.
    assert look(deployment, location_id=" 4564\x1f")[0] == 200
    query = urlencode(ASKED)
    assert deployment.ask("GET", "/missed", query=query, key="wrong" * 10)[0] == 401
    assert found(deployment, 4232)["open"] == []


def test_who_had_the_location_before_is_not_told_of(deployment: Deployment, key: str) -> None:
    miss(deployment, key, "c-1")
    deployment.clock.advance(minutes=2)
    deployment.simulator.disconnect(4564, webhook="never")
    deployment.webhook(deployment.event(4564))
    deployment.let_time_pass(3)
    assert look(deployment)[0] == 400
    connect(deployment, ticket(deployment, 4564), "acme-2")
    status, told = look(deployment, account_id="acme-2")
    assert (status, told["open"]) == (200, [])


def test_more_calls_than_are_read_are_told_of(
    deployment: Deployment, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missed_calls, "MOST_READ", 3)
    for number in range(5):
        miss(deployment, key, f"c-{number}", phone=f"+1315555010{number}", ago_s=100 - number)
    told = found(deployment)
    assert (told["complete"], len(told["open"])) == (False, 3)
    oldest = min(it["since"] for it in told["open"])
    assert told["since"] < oldest


def test_one_query_reads_it(deployment: Deployment, key: str, memory: Memory) -> None:
    for number in range(20):
        miss(deployment, key, f"c-{number}", phone=f"+13155550{100 + number}")
    asked: list[str] = []
    memory.after = lambda operation, given: asked.append(
        f"{operation} {given.get('IndexName', '')}"
    )
    found(deployment)
    assert [it for it in asked if "location" in it] == ["Query location"]
    assert [it for it in asked if it.startswith(("Put", "Update", "Transact"))] == []


def test_a_press_beside_a_report_is_tried_again(
    deployment: Deployment, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    miss(deployment, key, "c-1")
    save, lost = Calls.save, [2]

    def loses(calls: Calls, call: Any) -> Any:
        if call.done_at and lost[0] > 0:
            lost[0] -= 1
            raise StaleWrite(call.key)
        return save(calls, call)

    monkeypatch.setattr(Calls, "save", loses)
    assert press(deployment) == (200, {"success": True})
    miss(deployment, key, "c-2", ago_s=0)
    lost[0] = 99
    status, answer = press(deployment)
    assert (status, answer) == (503, {"error": "the call is being changed: press again"})
    assert len(found(deployment)["open"]) == 1


def test_neither_number_nor_name_is_logged(
    deployment: Deployment, key: str, logged: Callable[[], str]
) -> None:
    miss(deployment, key, "c-1")
    press(deployment, name="Zacharias")
    log = logged()
    assert "missed caller closed" in log
    assert "Zacharias" not in log
    assert "3155550175" not in log


# Whatever is told in whichever order


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(day=days(), is_saved=st.booleans())
def test_the_portal_sees_what_happened(
    monkeypatch: pytest.MonkeyPatch, *, day: tuple[list[Real], list[Telling]], is_saved: bool
) -> None:
    """Through the handlers; also while the history is written beside it."""
    calls, tellings = day
    clock = Clock()
    clock.at = min(it.at for it in calls)
    memory = Memory(clock)
    with (
        monkeypatch.context() as patch,
        Simulator(redirect_url="https://provider.example/connect") as simulator,
    ):
        simulator.platform.now = clock
        patch.setattr("shared.clock.now", clock)
        patch.setattr("boto3.Session", lambda: memory)
        patch.setattr("shared.aws.session.get_session", lambda: Session(memory.client))
        deployment = Deployment(simulator, clock, patch)
        key = with_portal(deployment)
        presses: list[Press] = []
        for place, (at, telling) in enumerate(tellings):
            clock.at = max(clock.at, at)
            if isinstance(telling, str):
                presses += _pressed(deployment, telling, f"n-{place}")
            else:
                _report(deployment, key, telling[0], leg=telling[1])
            if is_saved:
                deployment.drain_calls()
        told = found(deployment)
    assert _as_told(told) == _without_ids(expected(calls, presses))


def _report(deployment: Deployment, key: str, real: Real, *, leg: bool) -> None:
    event = {
        **finished(real.call_id),
        "direction": real.direction,
        "phone": real.phone or "anonymous",
        "line": real.line,
        # Without a line, the extension has to be there.
        "extension": "199" if leg else real.extension or "100",
        "answered": real.answered and not leg,
        "duration_s": 90 if real.answered and not leg else 0,
        "started_at": real.at.isoformat(),
        "leg": leg,
    }
    assert deployment.call(event, key)[0] == 202


def _pressed(deployment: Deployment, phone: str, name: str) -> list[Press]:
    made = []
    for it in found(deployment)["open"]:
        if it["phone"] == phone:
            assert press(deployment, phone=phone, until=it["last"], name=name)[0] == 200
            made.append(Press(phone, instant(it["last"]), name, deployment.clock()))
    return made


def _as_told(told: Any) -> dict[str, list[Any]]:
    listed: dict[str, list[Any]] = {}
    for it in sorted((*told["open"], *told["ended"]), key=lambda it: it["since"]):
        who = it.get("name", it.get("extension", ""))
        end = (it["by"], it["ended_at"][:19], who or "100") if "by" in it else None
        listed.setdefault(it["phone"], []).append((it["times"], end))
    return listed


def _without_ids(episodes: dict[str, Any]) -> dict[str, list[Any]]:
    return {
        phone: [
            (len(ids), end and (end[0], end[1].isoformat()[:19], end[2] or "100"))
            for ids, end in listed
        ]
        for phone, listed in episodes.items()
    }
