"""Calls of which a PBX tells neither a line nor an extension: none is refused, and none is lost.

A PBX that cannot tell a line would be refused for each of its calls, reads no refusal, and repeats
nothing. So such calls wait as those of a line that nobody has entered.
"""

import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from local.simulator import Owner
from shared.calls import lines
from shared.calls.hearing import NONE_TOLD
from shared.calls.line_entry import Entered
from shared.calls.shown import PopUp
from tests.calls.pbx.recipes import Switch
from tests.calls.recorded import (
    FORM,
    LINE,
    STARTED,
    by_line,
    fields,
    form,
    itoolabs_form,
    threecx_record,
)
from tests.deployment import Deployment, finished

JSON = "application/json"
NUMBER = "+13155550100"
ANNA = Owner(id=7, name="Anna Schmidt", phone="4915112345678", email="anna@salon.example")


def _form(told: bytes, **changes: str) -> bytes:
    return urlencode({**dict(parse_qsl(told.decode(), keep_blank_values=True)), **changes}).encode()


def _record(name: str) -> bytes:
    return json.dumps({**json.loads(threecx_record(name)), "line": "", "agent": ""}).encode()


# Nobody's line, telephone or login.
NOWHERE = {"diversion": "", "ext": "", "user": "g_0a1b2c3d", "telnum": ""}
# Address, body, type, and what of it the platform has in the end.
ENDED: dict[str, tuple[str, bytes, str, dict[str, Any]]] = {
    "ITooLabs": (
        "/calls/itoolabs",
        _form(itoolabs_form("history-success"), **NOWHERE),
        FORM,
        {"phone": "+77001234567", "status": "success", "duration": 90, "user": ""},
    ),
    "ITooLabs, outgoing": (
        "/calls/itoolabs",
        _form(itoolabs_form("history-out-success"), **NOWHERE),
        FORM,
        {"phone": "+77001234567", "direction": "outgoing", "user": ""},
    ),
    "3CX": (
        "/calls/3cx",
        _record("missed"),
        JSON,
        {"phone": "+13155550175", "status": "missed", "user": ""},
    ),
    "Asterisk, outgoing": (
        "/calls/asterisk",
        _form(by_line(form("outgoing")), line="", callerid=""),
        FORM,
        {"phone": "+13155550199", "direction": "outgoing", "user": ""},
    ),
}
RINGS: dict[str, tuple[str, bytes, str]] = {
    "ITooLabs": ("/calls/itoolabs", _form(itoolabs_form("event-incoming"), **NOWHERE), FORM),
    "3CX": ("/calls/3cx", _record("look-up"), JSON),
}
each_call = pytest.mark.parametrize("name", ENDED)


class Family:
    """A PBX of one family, with a key."""

    def __init__(self, deployment: Deployment, *location_ids: int) -> None:
        deployment.clock.at = STARTED + timedelta(minutes=5)
        self.deployment = deployment
        self.key = deployment.connect(*location_ids, owner=ANNA).pbx_key
        self.account_id = deployment.connection(4564).account_id or ""

    def tells(self, path: str, body: bytes, content_type: str) -> Any:
        status, answer = self.deployment.call(body, self.key, path=path, content_type=content_type)
        assert (status in (200, 202), answer["success"]) == (True, True)
        return answer

    def ends(self, name: str) -> Any:
        return self.tells(*ENDED[name][:3])["left_out"]

    def enters(self, **entries: int) -> None:
        account = self.deployment.accounts.of_id(self.account_id)
        assert account
        named = {self.deployment.lines.key_of(account, it): to for it, to in entries.items()}
        assert self.deployment.lines.enter(self.account_id, named) is Entered.DONE

    def unknown(self) -> dict[str, int]:
        account = self.deployment.accounts.of_id(self.account_id)
        assert account
        return {it.key: it.calls for it in self.deployment.lines.of(account).unknown}

    def has_saved(self, name: str, location_id: int, line: str) -> None:
        [saved] = Switch(self.deployment, self.key).history()
        [row] = self.deployment.rows("CALLS_TABLE")
        assert (row["location_id"], saved.line) == (location_id, line)
        expected = ENDED[name][3]
        assert fields(saved, expected) == expected


@each_call
def test_the_only_location_has_them_with_its_number(deployment: Deployment, name: str) -> None:
    pbx = Family(deployment, 4564)
    pbx.enters(**{LINE: 4564})
    assert pbx.ends(name) == []
    pbx.has_saved(name, 4564, LINE)


@each_call
def test_without_a_number_they_wait_for_one_and_are_shown(
    deployment: Deployment, name: str
) -> None:
    """The platform takes no call without a line, and finds the location by nothing else."""
    pbx = Family(deployment, 4564)
    assert pbx.ends(name) == [NONE_TOLD]
    assert pbx.unknown() == {lines.UNTOLD: 1}
    deployment.let_time_pass(30)
    assert deployment.simulator.saved_calls() == []
    pbx.enters(**{lines.UNTOLD: 4564})
    deployment.let_time_pass(3)
    assert deployment.simulator.saved_calls() == []
    pbx.enters(**{LINE: 4564})
    deployment.let_time_pass(3)
    pbx.has_saved(name, 4564, LINE)


@each_call
def test_of_several_locations_somebody_says_which(deployment: Deployment, name: str) -> None:
    pbx = Family(deployment, 4564, 4232)
    pbx.enters(**{LINE: 4564, NUMBER: 4232})
    assert pbx.ends(name) == [NONE_TOLD]
    deployment.let_time_pass(30)
    assert deployment.simulator.saved_calls() == []
    pbx.enters(**{lines.UNTOLD: 4232})
    deployment.let_time_pass(3)
    pbx.has_saved(name, 4232, NUMBER)


def test_what_comes_after_the_entry_is_placed_at_once(deployment: Deployment) -> None:
    pbx = Family(deployment, 4564, 4232)
    pbx.enters(**{LINE: 4564, NUMBER: 4232, lines.UNTOLD: 4232})
    assert pbx.ends("3CX") == []
    pbx.has_saved("3CX", 4232, NUMBER)


@pytest.mark.parametrize("name", RINGS)
def test_a_ringing_call_is_shown_if_it_is_known_where(deployment: Deployment, name: str) -> None:
    pbx = Family(deployment, 4564)
    assert pbx.tells(*RINGS[name])["pop_up"] == PopUp.UNKNOWN_LINE
    pbx.enters(**{LINE: 4564})
    assert pbx.tells(*RINGS[name])["pop_up"] == PopUp.SENT
    assert [it.line for it in deployment.simulator.pop_ups()] == [LINE]


def test_the_page_shows_them_with_a_button(deployment: Deployment) -> None:
    deployment.restart(MAIL_FROM="codes@provider.example")
    pbx = Family(deployment, 4564, 4232)
    pbx.ends("ITooLabs")
    for language, title, need in (
        ("en", "No line given", "Enter the phone number of that location as a line"),
        ("ru", "Линия не указана", "Укажите также телефонный номер этого филиала как линию"),
    ):
        deployment.accept_language = language
        page = deployment.visit(deployment.simulator.redirect(4564, owner=ANNA))
        page = deployment.post({"ticket": page.fields["ticket"], "action": "code"})
        page = deployment.post(
            {"ticket": page.fields["ticket"], "action": "prove", "code": deployment.code()}
        )
        assert re.search(rf'data-unknown="no line"><b id="unknown-1">{title}</b>', page.text)
        assert need in page.text
    ticket = {"ticket": page.fields["ticket"], "action": "line"}
    deployment.post({**ticket, "line": "no line", "location": "4232"})
    page = deployment.post({**ticket, "line": NUMBER, "location": "4232"})
    assert 'data-unknown="no line"' in page.text
    deployment.let_time_pass(3)
    pbx.has_saved("ITooLabs", 4232, NUMBER)


def test_who_can_put_it_right_is_told_so(deployment: Deployment) -> None:
    """A program of one's own reads its answer; a PBX does not."""
    key = Family(deployment, 4564).key
    event = {**finished(), "line": "", "extension": "", "started_at": STARTED.isoformat()}
    del event["location_id"]
    status, answer = deployment.call(event, key)
    assert (status, answer["error"]) == (400, "line: needed, or an extension")
    assert deployment.rows("CALLS_TABLE") == []
