"""The CRM template with which 3CX tells us of calls: an XML file for one account and one line.

Structure, variables and their formats: "CRM template XML description",
https://www.3cx.com/docs/server-side-crm-template-xml-description/. What stands there in fewer words
than a file needs (the passes of an expression, a ReportCall without rules and outputs) is as in
templates that others use. No 3CX has taken this one yet: everything untried is in this file.
"""

import re
from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from shared.calls import lines

# The number as a parameter that people type; in brackets would be a variable.
LINE = re.compile(r"\+?[0-9 ()./\-]{1,31}")

_NAME, _VERSION = "Altegio", "1"
_LOOK_UP = {"number": "[Number]", "call_direction": "[CallDirection]", "line": "[Line]"}
_REPORT = {
    "call_type": "[CallType]",
    "number": "[Number]",
    "agent": "[Agent]",
    "duration": "[Duration]",
    "started_at_utc": '[[CallStartTimeUTC].ToString("yyyy-MM-ddTHH:mm:ssZ")]',
    "line": "[Line]",
}


def line_of(keys: Iterable[str]) -> str:
    """The account's number, if it has entered exactly one; else empty.

    Args:
        keys: of its directory, see `lines.key_of`.
    """
    found = [key for key in keys if lines.is_number(key)]
    return found[0] if len(found) == 1 else ""


def made(address: str, key: str, line: str) -> bytes:
    """The file.

    The key stands in it as the default of a parameter, and 3CX shows parameters to whoever may
    administer it. In no address is a key.

    Args:
        address: where the template posts to.
        key: the account's PBX key.
        line: what `LINE` matches, or empty for whoever installs it to type.
    """
    crm = Element("Crm", Name=_NAME, Version=_VERSION, Country="Global", SupportsEmojis="false")
    SubElement(crm, "Number", Prefix="Plus", MaxLength="")
    SubElement(crm, "Connection", MaxConcurrentRequests="2")
    parameters = SubElement(crm, "Parameters")
    for name, kind, title, value in (
        ("Key", "Password", "PBX key", key),
        ("Line", "String", "The salon's own number, such as +13155550176", line),
        ("ReportCallEnabled", "Boolean", "Enable Call Journaling", "True"),
    ):
        parent = "" if kind == "Boolean" else "General Configuration"
        SubElement(
            parameters,
            "Parameter",
            {"Name": name, "Type": kind, "Parent": parent, "Editor": "String"},
            Title=title,
            Default=value,
        )
    SubElement(crm, "Authentication", Type="No")
    scenarios = SubElement(crm, "Scenarios")
    look_up = SubElement(scenarios, "Scenario", Id="", Type="REST")
    _request(look_up, address, "", _LOOK_UP)
    # We answer without a contact, so nothing below is ever found; but 3CX asks for it.
    SubElement(SubElement(look_up, "Rules"), "Rule", Type="Any").text = "contacts.id"
    variables = SubElement(look_up, "Variables")
    SubElement(variables, "Variable", Name="ContactName", Path="contacts.name")
    outputs = SubElement(look_up, "Outputs", AllowEmpty="false")
    SubElement(outputs, "Output", Type="FirstName", Passes="0", Value="[ContactName]")
    report = SubElement(scenarios, "Scenario", Id="ReportCall", Type="REST")
    _request(report, address, "[ReportCallEnabled]!=True", _REPORT)
    indent(crm)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + tostring(crm) + b"\n"


def _request(scenario: Element, address: str, skip_if: str, values: dict[str, str]) -> None:
    request = SubElement(
        scenario,
        "Request",
        SkipIf=skip_if,
        Url=address,
        MessagePasses="0",
        Message="",
        RequestContentType="application/json",
        RequestEncoding="Json",
        RequestType="Post",
        ResponseType="Json",
    )
    headers = SubElement(request, "Headers")
    SubElement(headers, "Value", Key="Authorization").text = "Bearer [Key]"
    posted = SubElement(request, "PostValues", Key="")
    for name, value in values.items():
        # What stands in brackets within brackets is evaluated once more.
        passes = "2" if value.startswith("[[") else "1"
        SubElement(posted, "Value", Key=name, Passes=passes, Type="String").text = value
