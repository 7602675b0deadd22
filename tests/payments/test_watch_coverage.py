"""How long a location stays on: the clock behind the handlers."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import Mock
from zoneinfo import ZoneInfo

import pytest

from shared.altegio.marketplace import Marketplace
from shared.chains.switching import Switching
from shared.clock import stamp
from shared.connections.connection import Connection
from shared.payments import coverage
from shared.payments.entry import EntryState
from shared.payments.ledger import Ledger
from tests.deployment import Deployment, payment, refund

DAY = timedelta(days=1)

HOUR = timedelta(hours=1)

SPREAD = timedelta(seconds=964)  # 4564 in the hour over which looks are spread


# Through the door


@pytest.fixture
def connected(deployment: Deployment) -> Deployment:
    deployment.connect(4564)
    deployment.reconcile()
    return deployment


def bought(deployment: Deployment, event_id: str, start: float, end: float) -> dict[str, Any]:
    """A payment for a period, in days from now."""
    now = deployment.clock()
    return payment(
        event_id,
        paid_at=stamp(now),
        period_from=stamp(now + start * DAY),
        period_to=stamp(now + end * DAY),
    )


def counted(log: str, metric: str) -> int:
    return len(re.findall(rf'"{metric}":\[1.0\]', log))


def warnings(log: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("message") == "switch-off near"]


def asked(deployment: Deployment) -> int:
    return len(deployment.simulator.calls("status"))


def test_a_trial_that_runs_out_is_told_a_day_before_and_every_hour_until_it_is_off(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    activated = connected.connection(4564).activation
    assert activated is not None
    row_ = connected.connection(4564)
    assert row_.covered_until == activated + 7 * DAY
    assert row_.due_at == activated + 6 * DAY - SPREAD
    logged()
    before = asked(connected)
    connected.clock.at = row_.due_at - timedelta(minutes=1)
    connected.reconcile()
    assert (asked(connected), counted(logged(), "SwitchOffNear")) == (before, 0)
    connected.let_time_pass(1)
    connected.let_time_pass(59, step=59)
    assert asked(connected) == before + 1
    connected.let_time_pass(1)
    # That it is not off before its end is known without asking.
    assert asked(connected) == before + 1
    log = logged()
    assert counted(log, "SwitchOffNear") == 2
    [first, second] = warnings(log)
    assert (first["location_id"], first["hours_left"], first["queued"]) == (4564, 24.3, [])
    assert second["hours_left"] == 23.3
    connected.clock.at = activated + 8 * DAY
    connected.reconcile()
    [past] = warnings(logged())
    assert past["hours_left"] == -24.0
    connected.simulator.expire(4564, webhook="never")
    before = asked(connected)
    connected.let_time_pass(23 * 60, step=60)
    # It is a day since its end, so it is asked about once a day, and warned of as often as before.
    assert (asked(connected), counted(logged(), "SwitchOffNear")) == (before, 23)
    connected.let_time_pass(60, step=60)
    assert connected.connection(4564).state == "frozen"
    logged()
    connected.let_time_pass(24 * 60, step=120)
    assert counted(logged(), "SwitchOffNear") == 0


def test_a_period_that_ends_with_the_last_year_is_read_in_a_zone_where_that_is_over(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    """As of who has paid for good."""
    connected.simulator.platform.zone = ZoneInfo("Europe/Kyiv")
    connected.restart(PLATFORM_TIMEZONE="Europe/Kyiv")
    end = "2099-12-31T23:59:59+00:00"
    connected.bill({**bought(connected, "inv-1", -1, 29), "period_to": end})
    connected.let_time_pass(8 * 24 * 60, step=12 * 60)
    assert counted(logged(), "SwitchOffNear") == 0
    until = connected.connection(4564).covered_until
    assert until is not None
    assert stamp(until).startswith("2099-12-31")


def test_a_payment_in_good_time_writes_nothing_to_the_row_and_the_clock_finds_it(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    before = connected.connection(4564)
    end = connected.clock() + 37 * DAY
    connected.bill(bought(connected, "inv-1", 7, 37))
    assert connected.connection(4564) == before
    assert before.due_at is not None
    connected.clock.at = before.due_at
    connected.reconcile()
    after = connected.connection(4564)
    assert (after.covered_until, after.due_at) == (end, end - DAY - SPREAD)
    assert counted(logged(), "SwitchOffNear") == 0


def test_the_warning_names_what_is_queued_and_why(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    connected.clock.advance(days=6)
    connected.simulator.fault("payment", "status", status=429, times=99)
    end = connected.clock() + 31 * DAY
    connected.bill(bought(connected, "inv-1", 1, 31))
    connected.reconcile()
    [warning] = warnings(logged())
    assert warning["queued"] == ["payment#inv-1 PENDING 429 too many requests"]
    assert warning["queued_until"] == stamp(end)


def test_a_platform_that_does_not_answer_silences_no_warning(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    connected.simulator.fault("status", "status", status=500, times=99)
    connected.clock.advance(days=5)
    connected.reconcile()
    assert counted(logged(), "SwitchOffNear") == 0
    connected.clock.advance(days=1)
    connected.reconcile()
    [warning] = warnings(logged())
    assert (warning["location_id"], warning["hours_left"]) == (4564, 24.0)
    # What was reported meanwhile is known all the same.
    connected.bill(bought(connected, "inv-1", 0, 30))
    connected.let_time_pass(120, step=60)
    assert counted(logged(), "SwitchOffNear") == 0


def test_the_warning_may_come_earlier(connected: Deployment, logged: Callable[[], str]) -> None:
    connected.restart(SWITCH_OFF_WARNING_S=str(3 * 86_400), TRIAL_DAYS="30")
    connected.clock.advance(days=6)
    connected.reconcile()
    row_ = connected.connection(4564)
    assert row_.activation is not None
    assert row_.covered_until == row_.activation + 30 * DAY
    assert row_.due_at is not None
    connected.clock.at = row_.due_at
    connected.reconcile()
    [warning] = warnings(logged())
    assert warning["hours_left"] == 72.3


def test_a_free_application_is_never_on_the_clock(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    deployment.restart(TRIAL_DAYS="-1")
    deployment.connect(4564)
    deployment.reconcile()
    before = asked(deployment)
    deployment.let_time_pass(27 * 24 * 60, step=3 * 24 * 60)
    assert (asked(deployment), counted(logged(), "SwitchOffNear")) == (before, 0)


def test_a_reconnect_does_not_begin_another_trial(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = connected.connection(4564).activation
    assert began is not None
    connected.clock.advance(days=5)
    connected.simulator.disconnect(4564)
    connected.webhook(connected.event(4564))
    connected.reconcile()
    log = connected.simulator.platform.log
    # The log of a new install may begin with it.
    monkeypatch.setattr(connected.simulator.platform, "log", lambda location: log(location)[3:])
    connected.connect(4564)
    connected.reconcile()
    row_ = connected.connection(4564)
    assert (row_.generation, row_.covered_until) == (2, began + 7 * DAY)


# Refunds


def test_a_refund_makes_the_location_due_at_once(connected: Deployment) -> None:
    connected.bill(bought(connected, "inv-1", -1, 29))
    connected.clock.advance(hours=3)
    connected.bill(refund())
    row_ = connected.connection(4564)
    assert row_.due_at == row_.refunded_at == connected.clock()
    connected.reconcile()
    assert connected.connection(4564).state == "frozen"


def test_a_platform_that_takes_its_hour_is_asked_again(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its list lags, too, so that nothing but the refund itself tells that it is to be asked."""
    connected.bill(bought(connected, "inv-1", -1, 29))
    platform = connected.simulator.platform
    before = platform.payments(4564)
    with monkeypatch.context() as patch:
        patch.setattr(platform, "payments", lambda _location: before)
        patch.setattr(platform, "_freeze", lambda _location: None)
        connected.bill(refund())
        connected.let_time_pass(30, step=15)
    row_ = connected.connection(4564)
    assert (row_.state, row_.covered_until) == ("active", connected.clock() + 29 * DAY - HOUR / 2)
    connected.simulator.expire(4564, webhook="never")
    connected.let_time_pass(29, step=29)
    assert connected.connection(4564).state == "active"
    connected.let_time_pass(1)
    assert connected.connection(4564).state == "frozen"


def test_a_refunded_location_that_another_period_covers_is_left_alone(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    end = connected.clock() + 59 * DAY
    connected.bill(bought(connected, "inv-1", -1, 29))
    connected.bill(bought(connected, "inv-2", -1, 59))
    connected.bill(refund())
    connected.let_time_pass(61, step=30.5)
    row_ = connected.connection(4564)
    assert (row_.state, row_.covered_until, row_.refunded_at) == ("active", end, None)
    assert row_.due_at == end - DAY - SPREAD
    assert counted(logged(), "SwitchOffNear") == 0


def test_a_period_that_was_given_back_before_it_began_leaves_the_trial(
    connected: Deployment, logged: Callable[[], str]
) -> None:
    connected.bill(bought(connected, "inv-1", 2, 32))
    connected.bill(refund())
    ends = connected.connection(4564).covered_until
    assert ends is not None
    connected.clock.advance(days=3)
    # Something has it looked at: a webhook that is not true.
    connected.webhook(connected.event(4564, "uninstall"))
    connected.let_time_pass(40)
    assert connected.entry("refund#ref-1").state is EntryState.SENT
    row_ = connected.connection(4564)
    assert (row_.state, row_.covered_until) == ("active", ends)
    assert counted(logged(), "SwitchOffNear") == 0


def test_a_refund_does_not_disturb_a_webhook_that_is_being_checked(connected: Deployment) -> None:
    connected.bill(bought(connected, "inv-1", -1, 29))
    connected.webhook(connected.event(4564, "uninstall"))
    connected.reconcile()
    before = connected.connection(4564)
    connected.bill(refund())
    assert connected.connection(4564) == before
    assert (before.hint, before.hint_looks) == ("uninstall", 1)


def test_a_refund_for_a_closed_location_leaves_it_closed(connected: Deployment) -> None:
    connected.bill(bought(connected, "inv-1", -1, 29))
    connected.simulator.disconnect(4564)
    connected.webhook(connected.event(4564))
    connected.reconcile()
    before = connected.connection(4564)
    connected.bill(refund())
    assert connected.entry("refund#ref-1").state is EntryState.SENT
    assert connected.connection(4564) == before


# Reported before a reconnect, and not listed after it


@pytest.fixture
def forgotten(connected: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """Reconnected after a payment that the platform's list does not show any more."""
    connected.bill(bought(connected, "inv-1", -1, 29))
    connected.simulator.disconnect(4564)
    connected.webhook(connected.event(4564))
    connected.let_time_pass(1)
    platform = connected.simulator.platform
    original, [old] = platform.payments, platform.payments(4564)
    monkeypatch.setattr(
        platform,
        "payments",
        lambda location_id: [it for it in original(location_id) if it.id != old.id],
    )
    connected.clock.advance(minutes=1)
    connected.connect(4564)
    return connected


def bodies(deployment: Deployment) -> list[Any]:
    return [call.body for call in deployment.simulator.calls("payment")]


def test_a_period_to_the_end_of_the_calendar_stops_no_look(connected: Deployment) -> None:
    connected.bill(bought(connected, "inv-1", -1, 29))
    payments = connected.simulator.platform._payments
    [(number, paid)] = payments.items()
    payments[number] = replace(paid, period_to="9999-12-31 23:59:59")
    connected.webhook(connected.event(4564, "freeze"))
    connected.let_time_pass(1)
    assert connected.connection(4564).watched_at == connected.clock()


def test_a_forgotten_payment_is_told_once_and_on_the_work_list(
    forgotten: Deployment, logged: Callable[[], str]
) -> None:
    forgotten.let_time_pass(10)
    forgotten.let_time_pass(60 * 24 * 7, step=60 * 4)
    assert counted(logged(), "ReportedButNotListed") == 1
    assert len(bodies(forgotten)) == 1
    [entry] = forgotten.ledger.entries_of(4564)
    [found] = coverage.work_list([(forgotten.connection(4564), [entry])], forgotten.clock())
    assert found.unlisted == ("payment#inv-1",)
    assert found.hours_left < 24


def test_what_was_sent_after_the_list_was_written_is_not_forgotten(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]
) -> None:
    """As when reconcile has asked for the status, and what it woke goes out."""
    connected.clock.advance(days=10)
    connected.simulator.disconnect(4564)
    connected.webhook(connected.event(4564))
    connected.let_time_pass(2)
    connected.bill(bought(connected, "inv-1", -1, 29))
    connected.connect(4564)
    follow = Switching.follow

    def meanwhile(switching: Switching, settled: Connection) -> Connection:
        connected.drain()
        return follow(switching, settled)

    logged()
    monkeypatch.setattr(Switching, "follow", meanwhile)
    connected.reconcile()
    assert connected.entry("payment#inv-1").state == "SENT"
    log = logged()
    assert (counted(log, "ReportedButNotListed"), counted(log, "SwitchOffNear")) == (0, 0)
    assert connected.connection(4564).unlisted == ()
    connected.let_time_pass(3 * 60, step=30)
    assert counted(logged(), "SwitchOffNear") == 0


def test_a_list_that_only_lags_bills_nothing(
    forgotten: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten.reconcile()
    assert forgotten.connection(4564).unlisted == ("payment#inv-1",)
    monkeypatch.delattr(forgotten.simulator.platform, "payments")
    forgotten.let_time_pass(3)
    assert forgotten.connection(4564).unlisted == ()
    assert len(bodies(forgotten)) == 1


def test_a_listed_payment_is_not_billed_again_after_a_reconnect(connected: Deployment) -> None:
    connected.bill(bought(connected, "inv-1", -1, 29))
    connected.simulator.disconnect(4564)
    connected.webhook(connected.event(4564))
    connected.reconcile()
    connected.clock.advance(minutes=1)
    connected.connect(4564)
    connected.let_time_pass(10)
    assert connected.connection(4564).generation == 2
    assert len(bodies(connected)) == 1


# What the platform does and does not tell


def test_a_period_that_ends_untold_is_seen_within_minutes(connected: Deployment) -> None:
    until = connected.connection(4564).covered_until
    assert until is not None
    connected.clock.at = until - timedelta(minutes=1)
    connected.let_time_pass(2)
    assert connected.connection(4564).state == "active"
    connected.simulator.expire(4564, webhook="never")
    connected.let_time_pass(7)
    assert connected.connection(4564).state == "frozen"


@pytest.mark.parametrize("minutes", [0, 2, 8, 20, 50])
def test_a_refund_that_switches_off_untold_is_seen_within_minutes(
    connected: Deployment, minutes: int
) -> None:
    """The platform takes up to an hour for it."""
    connected.bill(bought(connected, "inv-1", -1, 29))
    platform = connected.simulator.platform
    platform.paid = False
    connected.bill(refund("ref-1"))
    connected.let_time_pass(minutes)
    assert connected.connection(4564).state == "active"
    platform.paid = True
    connected.simulator.expire(4564, webhook="never")
    connected.let_time_pass(max(5, minutes))
    assert connected.connection(4564).state == "frozen"


def frozen_for_days(deployment: Deployment) -> None:
    deployment.simulator.expire(4564)
    deployment.webhook(deployment.event(4564, "freeze"))
    deployment.let_time_pass(60 * 24 * 3, step=60)


def test_a_frozen_location_that_is_paid_by_us_thaws_within_a_minute(connected: Deployment) -> None:
    frozen_for_days(connected)
    assert connected.connection(4564).state == "frozen"
    connected.bill(bought(connected, "inv-1", 0, 30))
    connected.let_time_pass(1)
    assert connected.connection(4564).state == "active"


def test_nor_does_it_wait_for_whoever_paid_it_and_died(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen_for_days(connected)
    with monkeypatch.context() as dying:
        dying.setattr(Ledger, "finish", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            connected.bill(bought(connected, "inv-1", 0, 30))
    connected.let_time_pass(4)
    assert connected.entry("payment#inv-1").state == "UNKNOWN"
    assert connected.connection(4564).state == "active"


def test_nor_if_what_he_sent_is_taken_after_the_first_look(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the status of that look is an old one: it is looked at a few times."""
    frozen_for_days(connected)
    with monkeypatch.context() as dying:
        dying.setattr(Marketplace, "report_payment", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            connected.bill(bought(connected, "inv-1", 0, 30))
    connected.let_time_pass(3)
    connected.simulator.pay_hosted(4564, Decimal("100.00"), webhook="never")
    connected.let_time_pass(30)
    assert connected.connection(4564).state == "active"


def test_a_location_frozen_for_long_is_asked_about_the_seldomer(connected: Deployment) -> None:
    connected.simulator.expire(4564)
    connected.webhook(connected.event(4564, "freeze"))
    counts = []
    for _day in range(3):
        before = asked(connected)
        connected.let_time_pass(24 * 60, step=10)
        counts.append(asked(connected) - before)
    assert counts[0] > counts[1] > counts[2] >= 4
    assert counts[0] <= 40
