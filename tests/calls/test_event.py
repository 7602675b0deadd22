"""The PBX's door: only with its key, and only what is a call."""

import base64
import json
from typing import Any, NoReturn

import pytest

from local.simulator import Owner
from shared.aws.dynamodb import StaleWrite
from shared.calls.table import Calls
from tests.calls.telling import at, end, ring, settle
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
        ({"line": "", "extension": ""}, "line: needed, or an extension"),
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


# What may be left out costs no call, whatever stands there


@pytest.mark.parametrize(
    ("phone", "read"),
    [
        (13155550175.0, "+13155550175"),
        (13155550175, "+13155550175"),
        (10**30, "anonymous"),
        (1e300, "anonymous"),
        (None, "anonymous"),
    ],
)
def test_a_number_may_be_a_number(deployment: Deployment, key: str, phone: Any, read: str) -> None:
    end(deployment, key, phone=phone, extension=101.0)
    settle(deployment)
    [saved] = deployment.simulator.saved_calls()
    assert (saved.phone, saved.user) == (read, "101")


@pytest.mark.parametrize("value", [True, 1.5, ["13155550175"], {"a": 1}])
@pytest.mark.parametrize("name", ["phone", "extension", "recording_url"])
def test_what_cannot_be_read_is_left_out_and_told(
    deployment: Deployment, key: str, name: str, value: Any
) -> None:
    answer = end(deployment, key, **{name: value})
    [told] = answer["left_out"]
    assert told.startswith(f"{name}: not a text")
    settle(deployment)
    [saved] = deployment.simulator.saved_calls()
    facts = {"phone": saved.phone, "extension": saved.user, "recording_url": saved.link}
    assert facts[name] == ("anonymous" if name == "phone" else "")


@pytest.mark.parametrize("name", ["phone", "line", "extension", "recording_url"])
def test_a_field_as_long_as_a_book_costs_no_call(
    deployment: Deployment, key: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Also where so many legs report at once that the queue hears them: it carries a megabyte."""
    with monkeypatch.context() as crowd:
        crowd.setattr(Calls, "save", lambda _calls, call: _lost(call.key))
        told: dict[str, Any] = {name: "https://records.example/" + "7" * 2**21}
        end(deployment, key, **told)
    deployment.drain_calls()
    settle(deployment)
    assert len(deployment.simulator.saved_calls()) == (name != "line")


def _lost(key: str) -> NoReturn:
    raise StaleWrite(key)


@pytest.mark.parametrize("zero", [0x0660, 0x06F0, 0x0966, 0xFF10])
@pytest.mark.parametrize("line", ["101", "+13155550176"])
def test_digits_of_another_script_are_told_as_those_of_ascii(
    deployment: Deployment, key: str, zero: int, line: str
) -> None:
    script = {ord("0") + digit: zero + digit for digit in range(10)}
    told = {"line": line, "extension": "102", "phone": "+13155550175"}
    written: dict[str, Any] = {name: value.translate(script) for name, value in told.items()}
    ring(deployment, key, **written)
    end(deployment, key, call_id="c-2", **written)
    settle(deployment)
    [event] = deployment.simulator.calls("event")
    [saved] = deployment.simulator.calls("history")
    sent = {"diversion": line, "user": "102", "phone": "+13155550175"}
    assert [{name: it.body[name] for name in sent} for it in (event, saved)] == [sent, sent]
    assert saved.status == 202


def test_a_link_is_no_number(deployment: Deployment, key: str) -> None:
    assert end(deployment, key, recording_url=5)["left_out"] == ["recording_url: not a text"]


@pytest.mark.parametrize("value", [True, 1.5, ["c-1"], 10**30])
def test_an_id_that_cannot_be_read_is_no_id(deployment: Deployment, key: str, value: Any) -> None:
    event = {**finished(), "started_at": at(deployment), "call_id": value}
    status, answer = deployment.call(event, key)
    assert (status, answer["error"]) == (400, "call_id: must be a string")


@pytest.mark.parametrize("value", [None, "", "somebody's", 1.5, {"id": 1}, ["a"]])
def test_what_a_pbx_calls_its_account_is_not_read(
    deployment: Deployment, key: str, value: Any
) -> None:
    assert end(deployment, key, account_id=value)["left_out"] == []
    settle(deployment)
    assert len(deployment.simulator.saved_calls()) == 1


@pytest.mark.parametrize("value", [None, ""])
def test_what_is_no_leg_may_say_so_with_nothing(
    deployment: Deployment, key: str, value: Any
) -> None:
    assert end(deployment, key, leg=value)["left_out"] == []
    settle(deployment)
    assert len(deployment.simulator.saved_calls()) == 1


@pytest.mark.usefixtures("page")
def test_an_account_that_cannot_be_read_is_not_any_account(deployment: Deployment) -> None:
    deployment.take_call({**finished(), "started_at": at(deployment), "account_id": 1.5})
    [(_body, reason)] = deployment.dead_letters("CallsDeadLetters")
    assert reason.startswith("invalid: account_id: ")


def test_nobody_says_for_us_what_was_left_out(deployment: Deployment, key: str) -> None:
    assert end(deployment, key, unread=["phone"])["left_out"] == []
