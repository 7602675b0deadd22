"""Calls in the hour that is there twice, where the platform's list of calls says no offset."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from local.simulator.marketplace import Marketplace
from local.simulator.telephony import SavedCall
from shared.connections.crm_token import CrmTokenState
from tests.calls.telling import end, settle, state
from tests.deployment import Deployment

# 03:00 in summer is 02:00 in winter.
BACK = datetime(2026, 10, 25, 1, tzinfo=UTC)


@pytest.fixture
def berlin(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """Its list writes times as YCLIENTS does."""
    with_offset = Marketplace._row

    def without_offset(self: Marketplace, call: SavedCall) -> dict[str, Any]:
        told = with_offset(self, call)
        return {**told, "call_date": told["call_date"][:19].replace("T", " ")}

    monkeypatch.setattr(Marketplace, "_row", without_offset)
    deployment.simulator.platform.zone = ZoneInfo("Europe/Berlin")
    deployment.restart(PLATFORM_TIMEZONE="Europe/Berlin")
    return deployment


@pytest.mark.parametrize("minutes", [-90, -30, 0, 30, 90])
def test_a_call_is_saved_once_and_telephony_goes_on(berlin: Deployment, minutes: int) -> None:
    berlin.clock.at = BACK + timedelta(minutes=minutes)
    key = berlin.connect(4564).pbx_key
    end(berlin, key, ago_s=0, duration_s=0)
    settle(berlin)
    berlin.let_time_pass(15)
    assert state(berlin) == "confirmed"
    assert berlin.connection(4564).telephony is CrmTokenState.PROVEN
    end(berlin, key, call_id="c-2", ago_s=0, duration_s=0)
    settle(berlin)
    berlin.let_time_pass(15)
    assert [it.call_id for it in berlin.simulator.saved_calls()] == ["c-1", "c-2"]
