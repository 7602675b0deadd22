"""The recipes of docs/pbx.md, expanded variable by variable and sent through the door."""

import base64
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest

from local.simulator.telephony import SavedCall
from tests.calls.recorded import (
    ASTERISK,
    CALLER,
    FORM,
    LINE,
    RECIPES,
    STARTED,
    UUID,
    fences,
    form,
    record,
)
from tests.deployment import Deployment


@pytest.fixture
def key(deployment: Deployment) -> str:
    # The records were made at this hour.
    deployment.clock.at = STARTED + timedelta(minutes=5)
    return deployment.connect(4564).pbx_key


class Switch:
    """A PBX that reports to the door as its recipe says."""

    def __init__(self, deployment: Deployment, key: str) -> None:
        self.deployment = deployment
        self._basic = "Basic " + base64.b64encode(f"pbx:{key}".encode()).decode()

    def post(self, path: str, body: bytes, content_type: str, query: str = "") -> Any:
        status, answer = self.deployment.call(
            body, path=path, content_type=content_type, query=query, authorization=self._basic
        )
        assert (status, answer["success"]) == (202, True)
        return answer

    def freeswitch(self, body: bytes, content_type: str = "application/json") -> Any:
        return self.post("/calls/freeswitch", body, content_type, f"uuid={UUID}")

    def asterisk(self, body: bytes) -> Any:
        return self.post("/calls/asterisk", body, FORM)

    def history(self) -> list[SavedCall]:
        """What the platform has, when all has settled."""
        self.deployment.drain_calls()
        for _ in range(3):
            self.deployment.clock.advance(seconds=11)
            self.deployment.drain_calls()
        return self.deployment.simulator.saved_calls()


@pytest.fixture
def switch(deployment: Deployment, key: str) -> Switch:
    return Switch(deployment, key)


# Ringing, as the recipes say it


def parsed(xml: str) -> ET.Element:
    return ET.fromstring(xml)  # noqa: S314 - of our own


def expanded(text: str, values: Mapping[str, str], functions: Mapping[str, Any]) -> str:
    """What a dialplan makes of a text: variables, and functions of texts, from the inside out."""
    innermost = re.compile(r"\$\{([^${}]*)\}")
    while found := innermost.search(text):
        inner = found[1]
        name, parenthesis, argument = inner.partition("(")
        if inner in values:
            value = values[inner]
        else:
            assert parenthesis, f"{name} is no variable of this call"
            value = functions[name](argument.removesuffix(")"))
        text = text[: found.start()] + value + text[found.end() :]
    return text


def encoded(text: str) -> str:
    return quote(text, safe="")


@pytest.fixture
def freeswitch_ringing() -> tuple[str, str]:
    """The path and the query of the recipe's request, and its key's place."""
    [xml] = [each for each in fences("xml") if "altegio-incoming" in each]
    actions = [
        (each.attrib["application"], each.attrib["data"]) for each in parsed(xml).iter("action")
    ]
    # As an application the module takes its time-outs from these only, and not from its words.
    *before, (last, told) = actions
    assert last == "curl"
    assert before[-2:] == [("set", "curl_connect_timeout=1"), ("set", "curl_timeout=3")]
    url, *rest = told.split(" ")
    # Without the first it checks no certificate; what follows the last would be the body.
    assert rest == ["secure", "post"]
    parts = urlsplit(url)
    assert (parts.scheme, parts.username, parts.password) == ("https", "pbx", "KEY")
    return parts.path, parts.query


@pytest.mark.parametrize(
    ("caller", "outcome"), [(CALLER, "sent"), ("anonymous", "the caller hides")]
)
def test_the_recipe_of_freeswitch_shows_who_rings(
    deployment: Deployment,
    switch: Switch,
    freeswitch_ringing: tuple[str, str],
    caller: str,
    outcome: str,
) -> None:
    path, query = freeswitch_ringing
    now = str(int(deployment.clock().timestamp()))
    call = {"uuid": UUID, "caller_id_number": caller}
    functions = {"url_encode": encoded, "strepoch": lambda _now: now}
    answer = switch.post(path, b"", FORM, expanded(query, call, functions))
    assert answer["pop_up"] == outcome
    shown = [(each.phone, each.line) for each in deployment.simulator.pop_ups()]
    assert shown == ([(CALLER, LINE)] if outcome == "sent" else [])


def test_the_recipe_of_freeswitch_sets_what_its_records_carry() -> None:
    incoming, outgoing = (
        {
            name: value
            for action in parsed(xml).iter("action")
            if action.attrib["application"] in ("set", "export")
            for name, _, value in [action.attrib["data"].partition("=")]
            if name.startswith("altegio_")
        }
        for xml in fences("xml")
        if "<extension" in xml
    )
    for name, recipe in (("answered", incoming), ("outgoing", outgoing)):
        variables = json.loads(record(name))["variables"]
        assert {each: unquote(variables[each]) for each in recipe} == recipe
    exported = unquote(json.loads(record("answered"))["variables"]["export_vars"])
    assert exported == ",".join(incoming)


def test_the_module_of_freeswitch_posts_as_the_door_takes_it() -> None:
    [xml] = [each for each in fences("xml") if "json_cdr.conf" in each]
    params = {each.attrib["name"]: each.attrib["value"] for each in parsed(xml)[0]}
    assert urlsplit(params["url"]).path == "/calls/freeswitch"
    assert (params["auth-scheme"], params["cred"]) == ("basic", "pbx:KEY")
    # The module names the record's type by this, and with the other forgets it again.
    assert params["encode"] == "false"
    assert "disable-100-continue" not in params
    assert params["enable-cacert-check"] == params["enable-ssl-verifyhost"] == "true"


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


def test_the_json_of_the_recipes_is_taken(deployment: Deployment, key: str) -> None:
    posted = [json.loads(each) for each in fences("json")]
    assert [each["type"] for each in posted] == ["ringing", "finished"]
    for each in posted:
        assert deployment.call(each, key)[0] == 202
