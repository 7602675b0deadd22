"""Asterisk: forms as it sends them, and its recipe, through the door, to the platform."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calls.pbx import asterisk
from tests.calls.pbx.recipes import Switch, encoded, expanded
from tests.calls.recorded import (
    ASTERISK,
    CALLER,
    FORM,
    LINE,
    RECIPES,
    STARTED,
    fences,
    fields,
    form,
    translated,
)
from tests.deployment import Deployment


@pytest.mark.parametrize(("name", "expected"), ASTERISK.items())
def test_a_call_of_asterisk_stands_in_the_history(
    switch: Switch, name: str, expected: dict[str, Any]
) -> None:
    switch.asterisk(form(name))
    [saved] = switch.history()
    assert (saved.call_id, saved.line, saved.date) == ("1793527800.41", LINE, STARTED)
    assert fields(saved, expected) == expected


class Dialplan:
    """The recipe of Asterisk, for one call."""

    def __init__(self, call: Mapping[str, str], arguments: list[str]) -> None:
        self._values = {
            **call,
            **{f"ARG{number}": value for number, value in enumerate(["", *arguments, ""])},
        }
        [self._recipe] = [each for each in fences("ini") if "[altegio]" in each]

    def sent(self, variable: str) -> bytes:
        """The form that CURL() posts, `variable` being what it leaves behind."""
        functions = {
            "URIENCODE": encoded,
            "CHANNEL": lambda name: self._values[name],
            "CALLERID": lambda name: self._values[f"CALLERID({name})"],
            "CDR": lambda name: self._values[f"CDR({name})"],
        }
        found = re.search(rf"Set\({variable}=(.*)\)$", self._recipe, re.MULTILINE)
        assert found
        text = found[1]
        if curl := re.fullmatch(r"\$\{CURL\(https://api\.example/calls/asterisk,(.*)\)\}", text):
            text = curl[1]
        if "ALTEGIO_CALL" in text:
            self._values["ALTEGIO_CALL"] = self.sent("ALTEGIO_CALL").decode()
        return expanded(text, self._values, functions).encode()


def dialplan(name: str) -> Dialplan:
    """The call whose form was recorded."""
    told = dict(parse_qsl(form(name).decode(), keep_blank_values=True))
    call = {
        "linkedid": told["linkedid"],
        "CALLERID(num)": told["callerid"],
        "EPOCH": told.get("epoch", ""),
        "CDR(start,u)": told.get("start", ""),
        "CDR(billsec)": told.get("billsec", ""),
        "DIALSTATUS": told.get("dialstatus", ""),
        "ANSWEREDTIME": told.get("answeredtime", ""),
        "BLINDTRANSFER": told.get("blindtransfer", ""),
        "DIALEDPEERNUMBER": told.get("dialedpeernumber", ""),
        "ALTEGIO_RECORDING": told.get("recording", ""),
    }
    outgoing = told["direction"] == "outgoing"
    [arguments] = [
        found.split(",")
        for found in re.findall(r"Gosub\(altegio,s,1\((4564,.*)\)\)", RECIPES)
        if ("outgoing" in found) == outgoing
    ]
    filled = [told["exten"] if each == "${EXTEN}" else each for each in arguments]
    return Dialplan(call, filled)


@pytest.mark.parametrize("name", ASTERISK)
def test_the_recipe_of_asterisk_reports_an_end_as_recorded(name: str) -> None:
    assert dialplan(name).sent("ALTEGIO_END") == form(name)


@pytest.mark.parametrize(
    ("name", "outcome"), [("ringing", "sent"), ("ringing-hidden", "the caller hides")]
)
def test_the_recipe_of_asterisk_shows_who_rings(
    deployment: Deployment, switch: Switch, name: str, outcome: str
) -> None:
    told = dialplan(name).sent("ALTEGIO_TOLD")
    assert told == form(name)
    now = b"epoch=%d" % deployment.clock().timestamp()
    answer = switch.asterisk(re.sub(rb"epoch=[0-9]+", now, told))
    assert answer["pop_up"] == outcome
    shown = [(each.phone, each.line) for each in deployment.simulator.pop_ups()]
    assert shown == ([(CALLER, LINE)] if outcome == "sent" else [])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"&".join(b"a=1" for _ in range(201)), "not a form"),
        (b"location_id=4564", "event"),
        (b"location_id=4564&event=dance", "event"),
        (b"location_id=four&event=hangup", "location_id"),
        (b"location_id=4564&event=ringing&linkedid=1.2&line=1&epoch=now", "epoch"),
        (b"location_id=4564&event=hangup&linkedid=1.2&line=1&start=1", "start"),
        (b"location_id=4564&event=hangup&line=1&start=1793527800", "call_id"),
    ],
)
def test_a_bad_form_of_asterisk_is_named(
    deployment: Deployment, key: str, body: bytes, field: str
) -> None:
    status, answer = deployment.call(body, key, path="/calls/asterisk", content_type=FORM)
    assert status == 400
    assert answer["error"].startswith(field)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "event",
                "location_id",
                "start",
                "answeredtime",
                "billsec",
                "epoch",
                "line",
                "linkedid",
            ]
        ),
        st.text() | st.sampled_from(["hangup", "ringing", "4564", "1793527800"]),
    )
)
def test_any_form_is_an_event_or_refused(told: dict[str, str]) -> None:
    text = "&".join(f"{name}={quote(value)}" for name, value in told.items())
    translated(asterisk.read, text.encode())
