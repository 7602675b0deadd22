"""The CRM template for 3CX: of the documented structure, and what it makes 3CX post is taken."""

import json
import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calls.pbx import threecx, threecx_template
from tests.calls.pbx.crm import parsed, posted, scenario
from tests.calls.pbx.recipes import Switch
from tests.calls.recorded import CALLER, LINE, STARTED, fields
from tests.deployment import Deployment, http_event

# Elements, their attributes and their children, as far as we use them:
# https://www.3cx.com/docs/server-side-crm-template-xml-description/
STRUCTURE: dict[str, tuple[set[str], set[str]]] = {
    "Crm": (
        {"Name", "Version", "Country", "SupportsEmojis"},
        {"Number", "Connection", "Parameters", "Authentication", "Scenarios"},
    ),
    "Number": ({"Prefix", "MaxLength"}, set()),
    "Connection": ({"MaxConcurrentRequests"}, set()),
    "Parameters": (set(), {"Parameter"}),
    "Parameter": ({"Name", "Type", "Parent", "Editor", "Title", "Default"}, set()),
    "Authentication": ({"Type"}, set()),
    "Scenarios": (set(), {"Scenario"}),
    "Scenario": ({"Id", "Type"}, {"Request", "Rules", "Variables", "Outputs"}),
    "Request": (
        {
            "SkipIf",
            "Url",
            "MessagePasses",
            "Message",
            "RequestContentType",
            "RequestEncoding",
            "RequestType",
            "ResponseType",
        },
        {"Headers", "PostValues"},
    ),
    "Headers": (set(), {"Value"}),
    "PostValues": ({"Key"}, {"Value"}),
    "Value": ({"Key", "Passes", "Type"}, set()),
    "Rules": (set(), {"Rule"}),
    "Rule": ({"Type"}, set()),
    "Variables": (set(), {"Variable"}),
    "Variable": ({"Name", "Path"}, set()),
    "Outputs": ({"AllowEmpty"}, {"Output"}),
    "Output": ({"Type", "Passes", "Value"}, set()),
}
WORDS = {
    ("Number", "Prefix"): {"AsIs", "Off", "Plus", "Zeros"},
    ("Parameter", "Type"): {"String", "Password", "Boolean", "Integer", "List"},
    ("Authentication", "Type"): {"No", "Basic", "Scenario", "OAuth2"},
    ("Scenario", "Type"): {"REST", "Database"},
    ("Request", "RequestEncoding"): {"UrlEncoded", "Json", "Xml", "String"},
    ("Request", "RequestType"): {"Get", "Post"},
    ("Request", "ResponseType"): {"Json", "Xml"},
    ("Rule", "Type"): {"Any", "Equals", "NotEquals"},
    ("Output", "Type"): {"ContactUrl", "CompanyName", "FirstName", "LastName", "EntityId"},
}
# What 3CX puts in, per scenario; the direction of a look-up is in templates of others only.
VARIABLES = {
    "": {"Number", "CallDirection"},
    "ReportCall": {"CallType", "Number", "Agent", "Duration", "CallStartTimeUTC"},
}
ADDRESS = "https://api.example/calls/3cx"
KEY = "pbx_the-key"


def crm(line: str = LINE, key: str = KEY) -> ET.Element:
    return parsed(threecx_template.made(ADDRESS, key, line))


def test_it_has_the_documented_structure() -> None:
    root = crm()
    assert root.tag == "Crm"
    seen = set()
    for element in root.iter():
        attributes, children = STRUCTURE[element.tag]
        assert set(element.attrib) <= attributes, element.tag
        assert {child.tag for child in element} <= children, element.tag
        for name, value in element.attrib.items():
            assert value in WORDS.get((element.tag, name), {value}), (element.tag, name)
        seen.add(element.tag)
    assert seen == set(STRUCTURE)
    assert {"Name", "Version", "Country"} <= set(root.attrib)
    assert root.get("Version", "").isdecimal()


def test_it_has_a_look_up_and_one_report() -> None:
    root = crm()
    assert [each.get("Id") for each in root.iter("Scenario")] == ["", "ReportCall"]
    # On some versions a report with rules or outputs never runs.
    assert [child.tag for child in scenario(root, "ReportCall")] == ["Request"]


def test_every_variable_is_one_that_3cx_knows_there_or_a_parameter() -> None:
    root = crm()
    parameters = {each.get("Name") for each in root.iter("Parameter")}
    for name, known in VARIABLES.items():
        request = scenario(root, name).find("Request")
        assert request is not None
        told = [request.get("SkipIf", ""), request.get("Url", "")]
        told += [each.text or "" for each in request.iter("Value")]
        used = {each for text in told for each in re.findall(r"\[(\w+)\]", text)}
        assert used - parameters <= known
        # Each is used, but for those that others need.
        assert known <= used


def test_the_key_is_in_no_address_and_goes_as_a_header() -> None:
    root = crm()
    [key] = [each for each in root.iter("Parameter") if each.get("Default") == KEY]
    assert (key.get("Name"), key.get("Type")) == ("Key", "Password")
    assert ET.tostring(root).decode().count(KEY) == 1
    for request in root.iter("Request"):
        assert request.get("Url") == ADDRESS
        headers = request.find("Headers")
        assert headers is not None
        assert [(each.get("Key"), each.text) for each in headers] == [
            ("Authorization", "Bearer [Key]")
        ]


@given(st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S"))))
def test_whatever_is_put_in_stays_where_it_was_put(key: str) -> None:
    root = crm(key=key)
    [found] = [each for each in root.iter("Parameter") if each.get("Name") == "Key"]
    assert found.get("Default") == key
    assert [each.tag for each in root.iter()] == [each.tag for each in crm().iter()]


# What 3CX makes of it


CALL = {
    "CallType": "Inbound",
    "Number": CALLER,
    "Agent": "101",
    "Duration": "00:01:30",
    "CallStartTimeUTC": "2026-11-01T10:10:00Z",
}


def test_what_it_posts_is_what_is_read() -> None:
    _headers, body = posted(crm(), "ReportCall", CALL)
    assert threecx.read(body, "application/json", {}) == {
        "type": "finished",
        "direction": "incoming",
        "phone": CALLER,
        "line": LINE,
        "extension": "101",
        "started_at": "2026-11-01T10:10:00Z",
        "answered": True,
        "duration_s": 90,
    }
    _headers, body = posted(crm(), "", {"Number": CALLER, "CallDirection": "Inbound"})
    assert threecx.read(body, "application/json", {}) == {
        "type": "ringing",
        "phone": CALLER,
        "line": LINE,
        "extension": "",
    }


# Where the owner gets it


def fetched(deployment: Deployment, key: str | None, query: str = "") -> Any:
    event = http_event("GET", "/calls/3cx", query=query)
    event["requestContext"]["domainName"] = "api.example"
    event["headers"] = {"x-forwarded-proto": "https", "host": "evil.example"}
    if key is not None:
        event["headers"]["authorization"] = f"Bearer {key}"
    return deployment.invoke("calls", event)


def test_whoever_has_the_key_gets_the_file_with_it(deployment: Deployment, key: str) -> None:
    answer = fetched(deployment, key, "line=%2B13155550176")
    assert answer["statusCode"] == 200
    assert answer["headers"]["content-type"] == "application/xml; charset=utf-8"
    assert answer["headers"]["cache-control"] == "no-store"
    assert "attachment" in answer["headers"]["content-disposition"]
    root = parsed(answer["body"])
    defaults = {each.get("Name"): each.get("Default") for each in root.iter("Parameter")}
    assert defaults == {"Key": key, "Line": LINE, "ReportCallEnabled": "True"}
    # The domain is the one that it came to, whatever a header says.
    assert {each.get("Url") for each in root.iter("Request")} == {ADDRESS}


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ((), ""),
        ((LINE,), LINE),
        ((LINE, "101"), LINE),
        ((LINE, "+13155550177"), ""),
        (("trunk [Key]",), ""),
        (("+trunk", LINE), LINE),
        (("+[key]",), ""),
        (("101",), ""),
    ],
)
def test_the_accounts_own_line_stands_in_it_if_it_has_one(keys: tuple[str, ...], line: str) -> None:
    assert threecx_template.line_of(keys) == line


def test_the_line_is_the_directorys(deployment: Deployment, key: str) -> None:
    account_id = deployment.connection(4564).account_id or ""
    assert deployment.lines.enter(account_id, {LINE: 4564}) == "done"
    assert f'Default="{LINE}"' in fetched(deployment, key)["body"]


@pytest.mark.parametrize("wrong", [None, "", "guess"])
def test_a_browser_is_asked_for_the_key(
    deployment: Deployment, key: str, wrong: str | None
) -> None:
    answer = fetched(deployment, wrong)
    assert answer["statusCode"] == 401
    assert answer["headers"]["www-authenticate"].startswith("Basic")
    assert key not in answer["body"]


@pytest.mark.parametrize("line", ["[Key]", "abc", "<x>", "1" * 99, "%00", "+1%0A2"])
def test_a_line_that_is_none_is_refused(deployment: Deployment, key: str, line: str) -> None:
    answer = fetched(deployment, key, f"line={line}")
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["error"].startswith("line")


def test_the_file_makes_3cx_report_calls(deployment: Deployment, key: str, switch: Switch) -> None:
    root = parsed(fetched(deployment, key, "line=%2B13155550176")["body"])
    headers, body = posted(root, "", {"Number": CALLER, "CallDirection": "Inbound"})
    answer = deployment.call(body, path="/calls/3cx", authorization=headers["Authorization"])
    assert answer == (200, {"success": True, "pop_up": "sent"})
    headers, body = posted(root, "ReportCall", CALL)
    answer = deployment.call(body, path="/calls/3cx", authorization=headers["Authorization"])
    assert answer == (200, {"success": True, "left_out": []})
    [saved] = switch.history()
    expected = {
        "phone": CALLER,
        "line": LINE,
        "user": "101",
        "status": "success",
        "duration": 90,
        "date": STARTED,
    }
    assert fields(saved, expected) == expected
