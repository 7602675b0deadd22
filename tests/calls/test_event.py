"""The PBX's door: only with its key, and only what is a call."""

import base64
import json
from typing import Any

import pytest

from local.simulator import Owner
from tests.calls.telling import at
from tests.deployment import Deployment, finished, ringing

# The door


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize("wrong", [None, "", "pbx_", "not a key", "ключ"])
def test_without_the_key_nothing_goes(deployment: Deployment, wrong: Any) -> None:
    status, answer = deployment.call(ringing(), wrong)
    assert status == 401
    assert answer["success"] is False
    assert deployment.simulator.calls("event") == []


@pytest.mark.usefixtures("page")
def test_another_account_s_key_opens_nothing(deployment: Deployment) -> None:
    stranger = Owner(id=7777, email="stranger@example.com")
    others = deployment.connect(4777, owner=stranger).pbx_key
    assert others
    status, answer = deployment.call({**ringing(), "at": at(deployment)}, others)
    assert (status, answer["error"]) == (403, "location_id: not a location of this account")
    event = {**finished(), "started_at": at(deployment)}
    assert deployment.call(event, others)[0] == 403
    deployment.drain_calls()
    assert deployment.rows("CALLS_TABLE") == []
    assert deployment.simulator.calls("event") == []


def test_a_key_with_another_secret_is_refused(deployment: Deployment, key: str) -> None:
    forged = key[:-1] + ("A" if key[-1] != "A" else "B")
    assert deployment.call(ringing(), forged)[0] == 401


def test_the_key_may_be_a_basic_password(deployment: Deployment, key: str) -> None:
    credentials = base64.b64encode(f"pbx:{key}".encode()).decode()
    http = {
        "version": "2.0",
        "rawPath": "/calls",
        "headers": {"Authorization": f"Basic {credentials}", "content-type": "application/json"},
        "requestContext": {"http": {"method": "POST", "path": "/calls"}},
        "body": json.dumps({**ringing(), "at": at(deployment)}),
    }
    assert deployment.invoke("calls", http)["statusCode"] == 202


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"type": "wake-up", "key": "k"}, "type: must be ringing or finished"),
        ({"type": "dial"}, "type: must be ringing or finished"),
        ({"call_id": ""}, "call_id: "),
        ({"location_id": "a"}, "location_id: "),
        ({"line": ""}, "line: "),
        ({"at": "yesterday"}, "at: must be an ISO 8601 time with an offset"),
    ],
)
def test_bad_input_gets_a_clear_error(
    deployment: Deployment, key: str, wrong: dict[str, Any], why: str
) -> None:
    status, answer = deployment.call({**ringing(), "at": at(deployment), **wrong}, key)
    assert status == 400
    assert answer["error"].startswith(why)
    assert deployment.simulator.calls("event") == []
