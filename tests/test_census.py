"""The census: what it finds, what it repairs, and what it leaves alone."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from shared.altegio.status import Installed, Status, Transition
from shared.aws.dynamodb import StaleWrite
from shared.connections.connection import Connection, State
from shared.payments import entry as payment_rules
from shared.payments.entry import EntryState
from shared.reconcile.census import differences
from shared.reconcile.census.differences import Difference, Finding
from shared.reconcile.census.table import CensusTable, Found, Head, Part, Stage
from tests.deployment import Deployment, payment, refund

DAY_MIN = 24 * 60
MINUTE = timedelta(minutes=1)


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    """With a census a day, and one that has been: the next is due in a day."""
    deployment.restart(CENSUS_EVERY_S="86400")
    deployment.reconcile()
    return deployment


def roll(deployment: Deployment) -> CensusTable:
    return CensusTable(deployment._dynamodb, deployment.environments["reconcile"]["CENSUS_TABLE"])


def head(deployment: Deployment) -> Head:
    found = roll(deployment).head()
    assert found is not None
    return found


def taken(deployment: Deployment) -> list[Found]:
    """The next day's census, and what it found."""
    deployment.clock.advance(days=1)
    before = head(deployment).began_at
    deployment.reconcile()
    deployment.let_time_pass(5)
    assert head(deployment).began_at > before
    assert head(deployment).stage is Stage.DONE
    return found(deployment)


def found(deployment: Deployment) -> list[Found]:
    parts = map(roll(deployment).part, range(head(deployment).parts))
    return [it for part in parts for it in part.found]


def kinds(findings: list[Found]) -> list[tuple[int, str]]:
    return [(it.finding.location_id, it.finding.difference.name) for it in findings]


def counted(log: str, metric: str) -> int:
    """How often a metric was counted, also several times in one invocation."""
    # With a space where there were too many for one line.
    values = re.findall(rf'"{metric}": ?\[([0-9., ]+)\]', log)
    return sum(int(float(value)) for group in values for value in group.split(","))


def connect(deployment: Deployment, *location_ids: int) -> None:
    deployment.connect(*location_ids)
    deployment.reconcile()
    deployment.clock.advance(minutes=5)


# Nothing to find


def test_nothing_is_found_where_all_agree(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    connect(deployment, 1, 2, 3)
    deployment.simulator.expire(2)
    deployment.webhook(deployment.event(2, "freeze"))
    deployment.reconcile()
    deployment.bill(payment("inv-1", 1))
    assert taken(deployment) == []
    assert (head(deployment).locations, head(deployment).looked) == (3, 3)
    assert "LostWebhook" not in logged()


def test_the_first_census_is_a_day_after_the_deployment(deployment: Deployment) -> None:
    assert (head(deployment).stage, head(deployment).parts) == (Stage.DONE, 0)
    deployment.clock.advance(hours=23)
    deployment.reconcile()
    assert deployment.simulator.calls("salons") == []
    deployment.clock.advance(hours=1)
    deployment.reconcile()
    assert len(deployment.simulator.calls("salons")) == 1


def test_without_an_interval_there_is_none(deployment: Deployment) -> None:
    deployment.restart(CENSUS_EVERY_S="0")
    deployment.clock.advance(days=9)
    deployment.reconcile()
    assert deployment.simulator.calls("salons") == []


# What was missed


def test_a_missed_uninstall_a_missed_freeze_and_a_missed_thaw_are_repaired(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    connect(deployment, 1, 2, 3, 4)
    deployment.simulator.expire(3)
    deployment.webhook(deployment.event(3, "freeze"))
    deployment.reconcile()
    logged()
    deployment.clock.advance(days=1)
    deployment.simulator.disconnect(1, webhook="never")
    deployment.simulator.expire(2, webhook="never")
    deployment.simulator.pay_hosted(3, Decimal(5), webhook="never")
    deployment.clock.advance(minutes=9)
    row = deployment.connection(3)
    # Nothing else looks at it meanwhile.
    deployment.connections.save(replace(row, due_at=deployment.clock() + DAY_MIN * 9 * MINUTE))
    deployment.reconcile()
    assert kinds(found(deployment))[:3] == [
        (1, "UNINSTALLED"),
        (2, "FROZEN"),
        (3, "THAWED"),
    ]
    deployment.let_time_pass(3)
    states = [deployment.connection(it).state for it in (1, 2, 3, 4)]
    assert states == ["disabled", "frozen", "active", "active"]
    # Nobody tells of a thaw.
    assert counted(logged(), "LostWebhook") == 2


def test_a_connection_that_was_closed_by_mistake_goes_on(deployment: Deployment) -> None:
    connect(deployment, 1)
    row = deployment.connection(1)
    erase_at = deployment.clock() + 30 * DAY_MIN * MINUTE
    deployment.connections.save(
        replace(row, state=State.DISABLED, erase_at=erase_at, due_at=erase_at)
    )
    [it] = taken(deployment)
    assert it.finding.difference is Difference.CLOSED
    row = deployment.connection(1)
    assert (row.state, row.generation, row.erase_at) == ("active", 1, None)
    assert row.due_at is not None
    assert row.verdict.startswith("was closed by mistake: status active")


def test_a_ghost_is_told_and_left_alone(deployment: Deployment, logged: Callable[[], str]) -> None:
    """Nobody here has consented for it: not even a payment would be ours to send."""
    deployment.simulator.grant(7, private=True)
    [it] = taken(deployment)
    assert (it.finding.location_id, it.finding.difference) == (7, Difference.GHOST)
    assert it.result == ""
    assert deployment.connections.get(7) is None
    assert counted(logged(), "CensusDifference") == 1


def test_a_payment_of_the_platforms_page_that_was_never_told_is_recorded(
    deployment: Deployment,
) -> None:
    connect(deployment, 4564)
    number = deployment.simulator.pay_hosted(4564, Decimal("29.90"), webhook="never")
    [it] = taken(deployment)
    assert (it.finding.difference, it.result) == (Difference.UNRECORDED, "noted")
    entry = deployment.entry(f"payment#hosted-{number}")
    assert (entry.state, entry.facts["currency"]) == (EntryState.SENT, "XXX")
    assert taken(deployment) == []


def test_a_payment_whose_dates_cannot_be_read_is_for_a_person_and_burns_no_fuse(
    deployment: Deployment,
) -> None:
    connect(deployment, 4564)
    number = deployment.simulator.pay_hosted(4564, Decimal("29.90"), webhook="never")
    payments = deployment.simulator.platform._payments
    payments[number] = replace(payments[number], period_to="9999-12-31 23:59:59")
    assert kinds(taken(deployment)) == [(4564, "UNREADABLE")]
    assert head(deployment).repairable == 0


def test_a_payment_that_a_person_has_closed_is_not_found_again(deployment: Deployment) -> None:
    connect(deployment, 4564)
    number = deployment.simulator.pay_hosted(4564, Decimal("29.90"), webhook="never")
    deployment.webhook(deployment.simulator.payment_event(4564, number))
    told = deployment.entry(f"payment#hosted-{number}")
    now = deployment.clock()
    unsure = payment_rules.needs_human(told, "waited long enough", now)
    deployment.ledger.move(told, payment_rules.closed(unsure, "a test of Altegio's", now))
    assert taken(deployment) == []


def test_refunds_that_only_one_side_has_are_told(deployment: Deployment) -> None:
    connect(deployment, 4564)
    deployment.bill(payment("inv-1"))
    deployment.bill(payment("inv-2", amount="5"))
    deployment.bill(payment("inv-3", amount="6"))
    first, second, _third = (row.id for row in deployment.simulator.payments(4564))
    deployment.bill(refund("ref-2", of="inv-2"))
    platform = deployment.simulator.platform
    platform._payments[second] = replace(platform._payments[second], is_refunded=False)
    platform.refund(first)
    deployment.let_time_pass(70, step=10)
    assert sorted(kinds(taken(deployment))) == [
        (4564, "NOT_REFUNDED"),
        (4564, "REFUNDED_THERE"),
    ]


def test_a_payment_of_ours_that_the_list_lacks_and_one_that_it_has_twice_are_told(
    deployment: Deployment,
) -> None:
    connect(deployment, 4564)
    deployment.bill(payment("inv-1"))
    deployment.bill(payment("inv-2", amount="5"))
    platform = deployment.simulator.platform
    first, second = platform.payments(4564)
    del platform._payments[second.id]
    platform._payments[first.id + 1] = replace(first, id=first.id + 1)
    assert sorted(kinds(taken(deployment))) == [(4564, "NOT_LISTED"), (4564, "SURPLUS")]
    assert len(deployment.rows("PAYMENTS_TABLE")) == 5  # two entries, two owners, one echo


def test_nothing_is_said_of_payments_while_one_is_unsettled(deployment: Deployment) -> None:
    connect(deployment, 4564)
    deployment.restart(CENSUS_EVERY_S="86400", ABSENCE_DELAY_S="900000")
    deployment.simulator.fault("payment", "drop_answer")
    deployment.bill(payment("inv-1"))
    deployment.simulator.pay_hosted(4564, Decimal(3), webhook="never")
    assert taken(deployment) == []


# Races


def test_whoever_connected_meanwhile_is_left_alone(deployment: Deployment) -> None:
    """The listing is from before the reconnect, and so is what was found."""
    connect(deployment, 1, 2)
    deployment.simulator.disconnect(1, webhook="never")
    deployment.clock.advance(days=1)
    deployment.simulator.fault("status", "status", status=500, times=3, location_id=2)
    deployment.reconcile()
    assert head(deployment).stage is Stage.LOOKING
    deployment.connect(1)
    assert deployment.connection(1).generation == 2
    deployment.let_time_pass(5)
    assert head(deployment).stage is Stage.DONE
    [gone, unanswered] = found(deployment)
    assert (gone.finding.difference, gone.result) == (
        Difference.UNINSTALLED,
        "connected anew meanwhile",
    )
    assert unanswered.finding.difference is Difference.UNANSWERED
    row = deployment.connection(1)
    assert (row.state, row.generation, row.hint) == ("active", 2, None)


def test_a_repair_asks_again_before_it_changes_anything(deployment: Deployment) -> None:
    connect(deployment, 1)
    order(deployment, repairs=False)
    deployment.simulator.fault("status", "status", status=404)
    deployment.let_time_pass(3)
    [it] = found(deployment)
    assert it.finding.difference is Difference.UNINSTALLED
    roll(deployment).save(
        replace(head(deployment), stage=Stage.REPAIRING, repairs=True, part=0, place=0),
        deployment.clock(),
    )
    deployment.let_time_pass(3)
    assert found(deployment)[0].result.startswith("active: ")
    assert deployment.connection(1).state == "active"


# The fuse, dry runs, time


def order(deployment: Deployment, *, repairs: bool, fuse: int | None = None) -> None:
    version = head(deployment).version
    now = deployment.clock()
    began = Head(now, Stage.LISTING, repairs=repairs, fuse=fuse, version=version)
    roll(deployment).save(began, now)


@pytest.mark.parametrize(("missed", "repaired"), [(5, True), (6, False)])
def test_the_fuse_stops_mass_changes(
    deployment: Deployment, logged: Callable[[], str], missed: int, *, repaired: bool
) -> None:
    connect(deployment, *range(1, 21))
    for location_id in range(1, missed + 1):
        deployment.simulator.disconnect(location_id, webhook="never")
    assert len(taken(deployment)) == missed
    states = {deployment.connection(it).state for it in range(1, missed + 1)}
    assert states == ({"disabled"} if repaired else {"active"})
    assert head(deployment).blown is not repaired
    assert counted(logged(), "CensusFuse") == (not repaired)


@pytest.mark.parametrize(("locations", "allowed"), [(0, 5), (20, 5), (1000, 20), (10_000, 200)])
def test_the_fuse_is_a_share_of_the_locations(locations: int, allowed: int) -> None:
    assert differences.fuse(locations, 2) == allowed


def test_a_dry_run_changes_nothing(deployment: Deployment) -> None:
    connect(deployment, 1)
    deployment.simulator.disconnect(1, webhook="never")
    before = deployment.connection(1)
    order(deployment, repairs=False)
    deployment.let_time_pass(3)
    assert kinds(found(deployment)) == [(1, "UNINSTALLED")]
    assert deployment.connection(1) == before


def test_it_goes_on_where_its_time_was_over(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(deployment, *range(1, 31))
    deployment.simulator.disconnect(30, webhook="never")
    deployment.clock.advance(days=1)
    asked = len(deployment.simulator.calls("status"))
    # Every answer takes four seconds.
    clock = SimpleNamespace(monotonic=lambda: 4 * len(deployment.simulator.journal))
    for module in (
        "shared.reconcile.census.run",
        "shared.reconcile.schedule",
        "functions.reconcile.app",
    ):
        monkeypatch.setattr(f"{module}.time", clock)
    runs = 0
    while head(deployment).stage is not Stage.DONE or not runs:
        deployment.clock.advance(minutes=1)
        deployment.reconcile()
        runs += 1
        assert runs < 20
    assert runs > 2
    assert head(deployment).looked == 30
    # Each once, one more for the repair, and those that were due anyway.
    assert len(deployment.simulator.calls("status")) - asked <= 30 + 31
    deployment.let_time_pass(2)
    assert deployment.connection(30).state == "disabled"


def test_an_outage_puts_it_off_and_does_not_confuse_it(deployment: Deployment) -> None:
    connect(deployment, 1, 2)
    deployment.simulator.disconnect(1, webhook="never")
    for route in ("salons", "status"):
        deployment.simulator.fault(route, "html", times=2)
    findings = taken(deployment)
    assert kinds(findings) == [(1, "UNINSTALLED")]
    deployment.let_time_pass(3)
    assert [deployment.connection(it).state for it in (1, 2)] == ["disabled", "active"]


def test_a_location_of_which_the_platform_does_not_tell_holds_up_no_other(
    deployment: Deployment,
) -> None:
    connect(deployment, 1, 2)
    deployment.simulator.disconnect(2, webhook="never")
    deployment.simulator.fault("status", "status", status=500, times=99, location_id=1)
    assert kinds(taken(deployment)) == [(1, "UNANSWERED"), (2, "UNINSTALLED")]


def test_a_location_that_cannot_be_compared_holds_up_no_other(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]
) -> None:
    connect(deployment, 1, 2)
    deployment.simulator.disconnect(2, webhook="never")
    compared = differences.of_payments

    def broken(location_id: int, *facts: Any, **more: Any) -> list[Finding]:
        return [] if 1 / (location_id - 1) < 0 else compared(location_id, *facts, **more)

    monkeypatch.setattr(differences, "of_payments", broken)
    assert kinds(taken(deployment)) == [(1, "UNANSWERED"), (2, "UNINSTALLED")]
    assert "not compared" in logged()


def test_a_platform_that_ignores_the_page_is_not_asked_for_ever(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = range(1, 201)
    deployment.simulator.platform.grant(ids)
    for location_id in ids:
        deployment.simulator.platform.activate(location_id)
        deployment.connections.save(live(deployment, location_id))
    monkeypatch.setattr("shared.altegio.marketplace.Marketplace.locations", lambda *_: tuple(ids))
    assert taken(deployment) == []
    assert (head(deployment).page, head(deployment).looked) == (3, 200)


def test_a_list_that_is_never_given_keeps_nobody_from_the_locations_that_are_known(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    connect(deployment, 1)
    deployment.simulator.disconnect(1, webhook="never")
    deployment.simulator.fault("salons", "status", status=500, times=99)
    assert kinds(taken(deployment)) == [(1, "UNINSTALLED")]
    assert head(deployment).found[Difference.NO_LIST] == 1
    assert counted(logged(), "CensusDifference") == 1


def test_no_location_is_blamed_while_nobody_may_call(deployment: Deployment) -> None:
    connect(deployment, 1)
    deployment.clock.advance(days=1)
    deployment.simulator.fault("status", "status", status=429, retry_after=1800)
    deployment.reconcile()
    deployment.let_time_pass(10)
    assert (head(deployment).stage, found(deployment)) == (Stage.LOOKING, [])
    deployment.let_time_pass(30)
    assert (head(deployment).stage, kinds(found(deployment))) == (Stage.DONE, [])


def test_whatever_is_found_fits_into_its_item(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An item that is too long would be refused, now and in every run to come."""
    ids = range(1, 61)
    platform = deployment.simulator.platform
    platform.grant(ids)
    for location_id in ids:
        platform.activate(location_id)
        deployment.connections.save(live(deployment, location_id))
    deployment.simulator.pay_hosted(1, Decimal(1), webhook="never")
    [row] = platform.payments(1)
    odd = replace(row, payment_date="x" * 2000)
    monkeypatch.setattr(platform, "payments", lambda _location_id: [odd] * 30)
    taken(deployment)
    assert head(deployment).looked == 60
    assert max(len(json.dumps(it)) for it in deployment.rows("CENSUS_TABLE")) < 400_000


def test_of_two_runs_at_once_the_findings_of_the_faster_one_stay(deployment: Deployment) -> None:
    connect(deployment, 1)
    deployment.simulator.disconnect(1, webhook="never")
    order(deployment, repairs=False)
    old = head(deployment)
    deployment.let_time_pass(3)
    assert kinds(found(deployment)) == [(1, "UNINSTALLED")]
    with pytest.raises(StaleWrite):
        roll(deployment).save(old, deployment.clock(), Part(0, (1,)))
    assert kinds(found(deployment)) == [(1, "UNINSTALLED")]


@pytest.mark.parametrize(("ended", "mistake"), [(False, True), (True, False)])
def test_a_status_from_before_its_end_opens_no_closed_location(
    deployment: Deployment, *, ended: bool, mistake: bool
) -> None:
    connected = live(deployment, 1)
    began = Transition(connected.opened_at, "pending", "active")
    end = Transition(connected.opened_at + MINUTE, "active", "uninstalled")
    before = Status(Installed.ACTIVE, None, (began,))
    last = Status(Installed.NO, None, (began, end)) if ended else before
    closed = replace(connected, state=State.DISABLED, mark=last.mark)
    assert differences.closed_by_mistake(closed, before) is mistake


def test_every_webhook_lost_a_thousand_locations_are_repaired(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    """The fuse raised by hand, as an operator would after he has seen what would be done."""
    ids = range(1, 1001)
    deployment.simulator.platform.grant(ids)
    for location_id in ids:
        deployment.simulator.platform.activate(location_id)
    for location_id in ids:
        deployment.connections.save(live(deployment, location_id))
    for location_id in ids:
        freezes = location_id % 4 == 0
        event = deployment.simulator.expire if freezes else deployment.simulator.disconnect
        event(location_id, webhook="never")
    deployment.clock.advance(minutes=10)
    order(deployment, repairs=True)
    deployment.let_time_pass(30)
    assert (head(deployment).blown, head(deployment).repairable) == (True, 1000)
    assert {deployment.connection(it).state for it in ids} == {"active"}
    logged()
    order(deployment, repairs=True, fuse=1000)
    deployment.let_time_pass(30)
    # A bare 404 is believed when it is seen again, which reconcile does a minute later.
    assert (head(deployment).stage, head(deployment).repaired) == (Stage.DONE, 250)
    states = {it: deployment.connection(it).state for it in ids}
    assert states == {it: "disabled" if it % 4 else "frozen" for it in ids}
    assert counted(logged(), "LostWebhook") == 1000


def live(deployment: Deployment, location_id: int) -> Connection:
    now = deployment.clock()
    return Connection(
        location_id=location_id,
        state=State.ACTIVE,
        generation=1,
        account_id="a-1",
        opened_at=now,
        activation=now,
        due_at=now.replace(year=now.year + 1),
    )
