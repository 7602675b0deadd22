"""A connect in the hour that is there twice, as the platform's log says no offset."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.altegio import marketplace
from shared.clock import from_wire, stamp, wire
from shared.connections import lifecycle
from shared.connections.connection import State
from shared.payments.entry import EntryState
from tests.altegio.replies import status_reply
from tests.deployment import Deployment, payment

BERLIN = ZoneInfo("Europe/Berlin")
# 03:00 in summer is 02:00 in winter; what lies an hour before and after has the same times.
BACK = datetime(2026, 10, 25, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def berlin(deployment: Deployment) -> Deployment:
    deployment.simulator.platform.zone = BERLIN
    deployment.restart(PLATFORM_TIMEZONE="Europe/Berlin")
    return deployment


MINUTES = [-65, -60, -31, -1, 0, 1, 29, 59, 60, 65]


@pytest.mark.parametrize("minutes", MINUTES)
@pytest.mark.parametrize("wait_s", [0, 90])
def test_a_connect_is_at_once_whatever_the_clock_shows(
    berlin: Deployment, minutes: int, wait_s: int
) -> None:
    berlin.clock.at = BACK + timedelta(minutes=minutes)
    page = berlin.visit(berlin.simulator.grant(4564))
    berlin.clock.advance(seconds=wait_s)
    assert berlin.press(page).standings == {4564: "connected"}
    assert berlin.connection(4564).state is State.ACTIVE


@pytest.mark.parametrize("minutes", MINUTES)
@pytest.mark.parametrize("after", [1, 20, 59])
def test_a_reconnect_is_at_once_whatever_the_clock_shows(
    berlin: Deployment, minutes: int, after: int
) -> None:
    berlin.clock.at = BACK + timedelta(minutes=minutes)
    berlin.connect(4564)
    for _ in range(2):
        berlin.clock.advance(minutes=after)
        berlin.simulator.disconnect(4564)
        assert berlin.webhook(berlin.event(4564)) == 200
        berlin.let_time_pass(2)
        assert berlin.connection(4564).state is State.DISABLED
        berlin.clock.advance(minutes=after)
        assert berlin.connect(4564).standings == {4564: "connected"}
        berlin.let_time_pass(2)
        assert berlin.connection(4564).state is State.ACTIVE
    assert berlin.connection(4564).generation == 3


# When the first was granted, ended and granted again, in minutes; all show a time of one hour.
ALIKE = [(-10, -5, 10), (-40, 10, 10), (-10, -10, 5), (-30, -5, 15)]


@pytest.mark.parametrize("minutes", ALIKE)
@pytest.mark.parametrize("wait_s", [0, 90, 3 * 3600])
def test_a_grant_that_was_given_back_and_given_again_is_confirmed(
    berlin: Deployment, minutes: tuple[int, int, int], wait_s: int
) -> None:
    """Its log reads alike both ways: the last entry may be the first, an hour before."""
    first, ended, again = (BACK + timedelta(minutes=it) for it in minutes)
    berlin.clock.at = first
    berlin.visit(berlin.simulator.grant(4564))
    berlin.clock.at = ended
    berlin.simulator.disconnect(4564)
    berlin.clock.at = again
    page = berlin.visit(berlin.simulator.grant(4564))
    berlin.clock.advance(seconds=wait_s)
    assert berlin.press(page).standings == {4564: "connected"}
    berlin.clock.advance(minutes=1)
    berlin.bill(payment())
    berlin.let_time_pass(2)
    assert berlin.connection(4564).state is State.ACTIVE
    assert berlin.entry("payment#inv-1").state is EntryState.SENT


def test_a_log_that_was_taken_for_longer_than_it_is_is_believed_once_it_grows(
    berlin: Deployment,
) -> None:
    """As such a row was written before it was read rightly."""
    berlin.clock.at = BACK + timedelta(minutes=10)
    page = berlin.visit(berlin.simulator.grant(4564))
    berlin.simulator.fault("callback", "drop_request")
    berlin.press(page)
    row = berlin.connection(4564)
    berlin.connections.save(replace(row, mark=f"{stamp(BACK + timedelta(minutes=50))} 0001"))
    berlin.let_time_pass(2)
    assert berlin.connection(4564).state is State.ACTIVE


words = ("uninstalled", "pending", "active", "uninstalled", "pending", "active", "freezed")
gaps = st.lists(st.integers(0, 40), min_size=len(words) - 1, max_size=len(words) - 1)


@given(minutes=gaps, start=st.integers(-90, 60), newest_first=st.booleans())
def test_the_log_is_in_its_order_and_grows_at_its_end_only(
    *, minutes: list[int], start: int, newest_first: bool
) -> None:
    at, logs, marks, grants = BACK + timedelta(minutes=start), [], [], []
    for number, minute in enumerate(minutes):
        at += timedelta(minutes=minute)
        entry = {
            "changed_at": wire(at, BERLIN),
            "status_from": words[number],
            "status_to": words[number + 1],
        }
        logs.append(entry)
        told = marketplace.read_status(
            status_reply(
                logs=logs[::-1] if newest_first else logs,
                connection_status={"status": words[number + 1]},
            ),
            BERLIN,
        )
        assert [it.after for it in told.log] == [*words[1 : number + 2]]
        assert all(it.at <= it.latest for it in told.log)
        assert told.log[-1].at <= at <= told.log[-1].latest
        marks.append(told.mark)
        grants.append(told.grant)
    assert marks == sorted(marks)
    assert len(set(filter(None, grants))) == words.count("pending")


def test_a_grant_has_its_whole_window_whichever_hour_it_was() -> None:
    granted_at = BACK + timedelta(minutes=30)
    log = [
        {
            "changed_at": wire(granted_at, BERLIN),
            "status_from": "uninstalled",
            "status_to": "pending",
        }
    ]
    told = marketplace.read_status(
        status_reply(logs=log, connection_status={"status": "pending"}), BERLIN
    )
    assert not lifecycle.grant_expired(told, granted_at + HOUR, HOUR.total_seconds())
    assert lifecycle.grant_expired(told, granted_at + HOUR + timedelta(1), HOUR.total_seconds())


def test_a_time_that_is_there_twice_is_the_first_or_the_second() -> None:
    assert from_wire("2026-10-25 02:30:00", BERLIN) == BACK - HOUR / 2
    assert from_wire("2026-10-25 02:30:00", BERLIN, fold=1) == BACK + HOUR / 2
    assert stamp(from_wire("2026-10-25 03:30:00", BERLIN)) == "2026-10-25T02:30:00.000000Z"
