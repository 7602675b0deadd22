"""The census: how it goes round, what it repairs, and what stops it."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from local.simulator import salons
from shared.altegio.marketplace import ListedLocation, Marketplace
from shared.altegio.status import Installed, Status, Transition
from shared.aws.dynamodb import StaleWrite
from shared.connections.connection import Connection, State
from shared.reconcile.census import differences
from shared.reconcile.census.differences import Difference, Finding
from shared.reconcile.census.table import Head, Part, Stage
from tests.deployment import Deployment
from tests.reconcile.census.looking import connect, counted, found, head, kinds, roll, taken

MINUTE = timedelta(minutes=1)

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


def test_a_location_is_called_as_the_platforms_list_calls_it(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles = {1: "Studio Nord", 2: "", 3: "Studio Süd"}
    for location_id, title in titles.items():
        monkeypatch.setitem(salons.LOCATIONS, location_id, title)
        monkeypatch.setitem(salons.ZONES, location_id, "Asia/Dubai" if location_id == 3 else "")
    connect(deployment, 1, 2, 3)
    assert {deployment.connection(it).name for it in titles} == {""}
    before = {it: deployment.connection(it) for it in titles}
    order(deployment, repairs=False)
    deployment.let_time_pass(3)
    assert {deployment.connection(it).name for it in titles} == {""}
    assert taken(deployment) == []
    assert {it: deployment.connection(it).name for it in titles} == titles
    written = [it for it in titles if deployment.connection(it).version > before[it].version]
    assert written == [1, 3]
    assert [deployment.connection(it).zone for it in titles] == ["", "", "Asia/Dubai"]
    # He renames one; the others cost no write.
    monkeypatch.setitem(salons.LOCATIONS, 1, "Studio Nordost")
    versions = [deployment.connection(it).version for it in (1, 2, 3)]
    taken(deployment)
    assert deployment.connection(1).name == "Studio Nordost"
    after = [deployment.connection(it).version for it in (1, 2, 3)]
    assert [new - old for old, new in zip(versions, after, strict=True)] == [1, 0, 0]


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
    listed = tuple(ListedLocation(it, "") for it in ids)
    monkeypatch.setattr(Marketplace, "locations", lambda *_: listed)
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


def test_every_webhook_lost_hundreds_of_locations_are_repaired(
    deployment: Deployment, logged: Callable[[], str]
) -> None:
    """The fuse raised by hand, as an operator would after he has seen what would be done."""
    ids = range(1, 301)
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
    assert (head(deployment).blown, head(deployment).repairable) == (True, 300)
    assert {deployment.connection(it).state for it in ids} == {"active"}
    logged()
    order(deployment, repairs=True, fuse=300)
    deployment.let_time_pass(30)
    # A bare 404 is believed when it is seen again, which reconcile does a minute later.
    assert (head(deployment).stage, head(deployment).repaired) == (Stage.DONE, 75)
    states = {it: deployment.connection(it).state for it in ids}
    assert states == {it: "disabled" if it % 4 else "frozen" for it in ids}
    assert counted(logged(), "LostWebhook") == 300


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
