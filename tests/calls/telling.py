"""What a PBX tells, and how the tests wait for what comes of it."""

from datetime import timedelta
from typing import Any

from shared.calls import refused_keys
from shared.connections.crm_token import CrmTokenState
from tests.deployment import Deployment, finished, ringing

LINK = "https://records.example/c-1.mp3"


def at(deployment: Deployment, ago_s: float = 0) -> str:
    return (deployment.clock() - timedelta(seconds=ago_s)).isoformat()


def ring(deployment: Deployment, key: str, ago_s: float = 0, **changes: Any) -> str:
    status, answer = deployment.call({**ringing(**changes), "at": at(deployment, ago_s)}, key)
    assert (status, answer["success"]) == (202, True)
    return str(answer["pop_up"])


def end(deployment: Deployment, key: str, ago_s: float = 90, **changes: Any) -> Any:
    event = {**finished(**changes), "started_at": at(deployment, ago_s)}
    status, answer = deployment.call(event, key)
    assert (status, answer["success"]) == (202, True)
    return answer


def settle(deployment: Deployment, seconds: float = 6) -> None:
    """The legs have reported, and what is due is sent."""
    deployment.drain_calls()
    deployment.clock.advance(seconds=seconds)
    deployment.drain_calls()


def state(deployment: Deployment, call_id: str = "c-1") -> str:
    account_id = deployment.connection(4564).account_id
    call = deployment.calls.get(f"{account_id}#{call_id}")
    return str(call.state) if call else "none"


def calls_in(deployment: Deployment) -> list[Any]:
    """The rows of calls; the notes of refused keys stand beside them."""
    rows = deployment.rows("CALLS_TABLE")
    return [row for row in rows if refused_keys.account_of(row["key"]) is None]


def prove(deployment: Deployment, key: str) -> None:
    """A first call is saved and found, so that the CRM token is the location's own."""
    end(deployment, key, call_id="first", phone="+13155550100")
    settle(deployment)
    deployment.clock.advance(seconds=11)
    deployment.drain_calls()
    assert deployment.connection(4564).telephony is CrmTokenState.PROVEN
