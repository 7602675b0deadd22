"""Calls of the recipes without a location id: through the door and the directory, to the platform.

The recipes of FreeSWITCH and Asterisk name none by default, so every record is sent so here.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.calls.hearing import LEFT_WAITING
from shared.calls.line_entry import Entered
from tests.calls.pbx.recipes import Switch
from tests.calls.recorded import (
    ASTERISK,
    FORM,
    FREESWITCH,
    LINE,
    LIVE,
    STARTED,
    by_line,
    fields,
    form,
    record,
)
from tests.deployment import Deployment

type Send = Callable[[Switch], Any]


def _of_freeswitch(name: str) -> Send:
    return lambda switch: switch.freeswitch(by_line(record(name)))


def _of_asterisk(name: str) -> Send:
    return lambda switch: switch.asterisk(by_line(form(name)))


def _live(name: str) -> Send:
    posted = json.loads(record(name))
    path, _, query = posted["request"].removeprefix("POST ").partition("?")
    return lambda switch: switch.post(path, by_line(posted["body"].encode()), FORM, query)


# What is sent, and what of it the platform has in the end.
SENT: dict[str, tuple[Send, dict[str, Any]]] = {
    **{f"freeswitch {it}": (_of_freeswitch(it), right) for it, right in FREESWITCH.items()},
    **{f"freeswitch {it}": (_live(it), right) for it, right in LIVE.items()},
    **{f"asterisk {it}": (_of_asterisk(it), right) for it, right in ASTERISK.items()},
}
OUTGOING = {"freeswitch outgoing", "asterisk outgoing"}
each_call = pytest.mark.parametrize("name", SENT)


def account(deployment: Deployment, *location_ids: int, name: str = "") -> Switch:
    expected = SENT[name][1] if name else {}
    deployment.clock.at = expected.get("date", STARTED) + timedelta(minutes=5)
    return Switch(deployment, deployment.connect(*location_ids).pbx_key)


def enter(deployment: Deployment, entries: dict[str, int]) -> None:
    found = deployment.connection(4564).account_id
    assert found
    assert deployment.lines.enter(found, entries) is Entered.DONE


def only(switch: Switch, location_id: int, expected: dict[str, Any]) -> None:
    """The platform has this call, and it was sent as one of this location."""
    [saved] = switch.history()
    [row] = switch.deployment.rows("CALLS_TABLE")
    assert (row["location_id"], saved.line) == (location_id, LINE)
    assert fields(saved, expected) == expected


@each_call
def test_an_account_with_one_location_enters_nothing(deployment: Deployment, name: str) -> None:
    send, expected = SENT[name]
    switch = account(deployment, 4564, name=name)
    assert not any(why.startswith("line") for why in send(switch)["left_out"])
    only(switch, 4564, expected)


@each_call
def test_of_several_the_line_says_which(deployment: Deployment, name: str) -> None:
    send, expected = SENT[name]
    switch = account(deployment, 4564, 4232, name=name)
    enter(deployment, {LINE: 4232, "+13155550100": 4564})
    assert not any(why.startswith("line") for why in send(switch)["left_out"])
    only(switch, 4232, expected)


@pytest.mark.parametrize("name", sorted(OUTGOING))
def test_of_a_call_that_goes_out_the_extension_says_which(
    deployment: Deployment, name: str
) -> None:
    send, expected = SENT[name]
    switch = account(deployment, 4564, 4232)
    enter(deployment, {LINE: 4564, "101": 4232})
    send(switch)
    only(switch, 4232, expected)


@each_call
def test_an_unknown_line_loses_nothing(deployment: Deployment, name: str) -> None:
    send, expected = SENT[name]
    switch = account(deployment, 4564, 4232, name=name)
    assert LEFT_WAITING in send(switch)["left_out"]
    assert switch.history() == []
    assert [row["state"] for row in deployment.rows("CALLS_TABLE")] == ["unrouted"]
    enter(deployment, {LINE: 4232})
    deployment.let_time_pass(3)
    only(switch, 4232, expected)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/calls/asterisk", by_line(form("outgoing")).replace(b"line=%2B13155550176", b"line=")),
        (
            "/calls/freeswitch",
            by_line(record("outgoing")).replace(b"altegio_line", b"another_variable"),
        ),
    ],
)
def test_a_call_that_goes_out_may_be_told_by_its_extension_alone(
    deployment: Deployment, path: str, body: bytes
) -> None:
    switch = account(deployment, 4564, 4232)
    enter(deployment, {LINE: 4232, "101": 4232})
    switch.post(path, body, FORM)
    only(switch, 4232, {"phone": "+13155550199", "user": "101"})
