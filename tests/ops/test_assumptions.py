"""Which assumptions hold in a live location."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.altegio.marketplace import LOCATIONS_PER_PAGE, ListedLocation, Marketplace
from tests.deployment import Deployment, payment, refund
from tests.ops.operator import Operator

pytestmark = pytest.mark.usefixtures("anna")


def probed(operator: Operator, location_id: int = 4564) -> dict[str, tuple[str, str]]:
    found = operator.json("publication", "--location", str(location_id))
    return {it["assumption"]: (it["verdict"], it["seen"]) for it in found}


def test_all_assumptions_hold_in_the_simulated_platform(
    connected: Deployment, operator: Operator
) -> None:
    connected.bill(payment())
    connected.bill(refund())
    calls = [call.method for call in connected.simulator.journal]
    assert {verdict for verdict, _seen in probed(operator).values()} == {"holds"}
    assert operator.code == 0
    after = connected.simulator.journal
    assert {call.method for call in after[len(calls) :]} == {"GET"}
    assert [call.violation for call in after if call.violation] == []


ALTERED = "1 of 1 altered, such as payment#known: paid 2026-11-01 10:10:00"


def listed_with(**changes: Any) -> Callable[[Any], Any]:
    return lambda row: replace(row, **changes)


@pytest.mark.parametrize(
    ("assumption", "change", "seen"),
    [
        ("dates read back", listed_with(payment_date="2026-11-01 10:11:00"),
         f"{ALTERED} reads 2026-11-01 10:11:00"),
        ("dates read back", listed_with(payment_date="2026-11-01 13:10:00",
                                    period_from="2026-11-01 03:00:00",
                                    period_to="2026-12-01 02:59:59"),
         f"{ALTERED} reads 2026-11-01 13:10:00"),
        ("sums read back", listed_with(payment_sum=Decimal("1.5")),
         "1 of 1 altered, such as payment#known: 1 is 1.5"),
        ("ours are listed under their ids", listed_with(id=7),
         "1 of 1 missing, such as payment#known with id {id}"),
        ("none is unknown to us", listed_with(id=7), "1 of 1 unknown, such as id 7"),
    ],
)  # fmt: skip
def test_what_reads_back_otherwise_does_not_hold(  # noqa: PLR0917 - fixtures
    connected: Deployment,
    operator: Operator,
    monkeypatch: pytest.MonkeyPatch,
    assumption: str,
    change: Callable[[Any], Any],
    seen: str,
) -> None:
    rows = connected.simulator.payments(4564)
    monkeypatch.setattr(
        connected.simulator.platform, "payments", lambda _location: [change(row) for row in rows]
    )
    assert probed(operator)[f"payments: {assumption}"] == (
        "does not hold",
        seen.format(id=rows[0].id),
    )
    assert operator.code == 1


ALONE = "; or its clock was wrong, as no other location tells"


@pytest.mark.parametrize(
    ("at", "seen"),
    [
        ("13:00:05", "the platform seems to be at UTC+03:00, but PLATFORM_TIMEZONE is UTC" + ALONE),
        ("04:30:00", "the platform seems to be at UTC-05:30, but PLATFORM_TIMEZONE is UTC" + ALONE),
    ],
)
def test_the_log_shows_in_which_zone_the_platform_lives(
    deployment: Deployment,
    operator: Operator,
    monkeypatch: pytest.MonkeyPatch,
    at: str,
    seen: str,
) -> None:
    deployment.clock.at = deployment.clock.at.replace(hour=10, minute=0, second=0)
    log = deployment.simulator.platform.log
    day = f"{deployment.clock.at:%Y-%m-%d}"
    monkeypatch.setattr(
        deployment.simulator.platform,
        "log",
        lambda location: [replace(it, changed_at=f"{day} {at}") for it in log(location)],
    )
    deployment.connect(4564)
    assert probed(operator)["log: its times are in PLATFORM_TIMEZONE"] == ("does not hold", seen)


LOG = "log: its times are in PLATFORM_TIMEZONE"


def test_a_clock_that_is_or_was_wrong_is_not_taken_for_a_zone(
    connected: Deployment, operator: Operator
) -> None:
    connected.clock.advance(minutes=5)
    connected.simulator.platform.now = lambda: connected.clock() + timedelta(hours=2)
    connected.connect(4777)
    why = "Altegio's clock is wrong, not the zone: its answers are 2 h ahead"
    assert probed(operator, 4777)[LOG] == ("does not hold", why)
    connected.simulator.platform.now = connected.clock
    zone = "the platform seems to be at UTC+02:00, but PLATFORM_TIMEZONE is UTC; or its clock"
    why = f"{zone} was wrong, as 4564 was right before"
    assert probed(operator, 4777)[LOG] == ("does not hold", why)
    connected.clock.advance(minutes=5)
    connected.connect(4232)
    why = "Altegio's clock was wrong then, not the zone: 4564, 4232 is right by UTC"
    assert probed(operator, 4777)[LOG] == ("does not hold", why)
    assert probed(operator, 4564)[LOG][0] == "holds"


def test_a_zone_that_is_wrong_shows_in_other_locations(
    deployment: Deployment, operator: Operator
) -> None:
    deployment.simulator.platform.zone = ZoneInfo("Asia/Dubai")
    deployment.connect(4564)
    deployment.clock.advance(minutes=5)
    deployment.connect(4777)
    seen = "the platform seems to be at UTC+04:00, but PLATFORM_TIMEZONE is UTC, as of 4564"
    assert probed(operator, 4777)[LOG] == ("does not hold", seen)


def test_a_list_of_calls_that_is_refused_does_not_hold(
    connected: Deployment, operator: Operator
) -> None:
    assert probed(operator)["list of calls: may be read"] == ("holds", "of location 4564")
    connected.simulator.may_list_calls = False
    verdict, seen = probed(operator)["list of calls: may be read"]
    assert (verdict, seen.startswith("location 4564: 403")) == ("does not hold", True)
    connected.set_user_token(" ")
    connected.restart()
    seen = probed(operator)["list of calls: may be read"][1]
    assert seen == "location 4564: no user token in /altegio/user-token"


def test_a_refused_token_does_not_hold_and_hides_the_rest(
    connected: Deployment, operator: Operator
) -> None:
    connected.set_token("wrong-token")
    found = probed(operator)
    told = found["status: answers in the documented form"]
    assert told == ("does not hold", "the platform does not tell: 401 Authentication needed.")
    # It is meant for all, so the next call is not even made.
    verdict, seen = found["list of locations: has it on its first page"]
    assert (verdict, seen.startswith("no call to the platform before")) == ("cannot be seen", True)
    assert found["payments: dates read back"][0] == "cannot be seen"
    assert operator.code == 1
    assert "wrong-token" not in operator("publication", "--location", "4564")


@pytest.mark.usefixtures("connected")
def test_nothing_can_be_seen_where_nothing_is_installed(operator: Operator) -> None:
    assert {verdict for verdict, _seen in probed(operator, 4232).values()} == {"cannot be seen"}
    assert operator.code == 0


@pytest.mark.parametrize(
    ("ids", "status", "verdict"),
    [
        ((1, 2), "active", "does not hold"),
        ((1, 2), "freezed", "cannot be seen"),
        (tuple(range(1, LOCATIONS_PER_PAGE + 1)), "active", "cannot be seen"),
    ],
    ids=["missing", "frozen", "further pages"],
)
def test_a_location_that_is_not_on_the_list(  # noqa: PLR0917 - fixtures
    connected: Deployment,
    operator: Operator,
    monkeypatch: pytest.MonkeyPatch,
    ids: tuple[int, ...],
    status: str,
    verdict: str,
) -> None:
    if status == "freezed":
        connected.simulator.expire(4564)
    listed = tuple(ListedLocation(it, "") for it in ids)
    monkeypatch.setattr(Marketplace, "locations", lambda _self, **_page: listed)
    assert probed(operator)["list of locations: has it on its first page"][0] == verdict
