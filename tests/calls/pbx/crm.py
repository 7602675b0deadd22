"""A 3CX that has loaded our template: what its scenarios make it post."""

import json
import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET


def parsed(file: bytes | str) -> ET.Element:
    return ET.fromstring(file)  # noqa: S314 - we have made it


def scenario(root: ET.Element, name: str) -> ET.Element:
    [found] = [each for each in root.iter("Scenario") if each.get("Id") == name]
    return found


def posted(root: ET.Element, name: str, values: Mapping[str, str]) -> tuple[dict[str, str], bytes]:
    """The headers and the body of a scenario's request, as 3CX evaluates them."""
    known = {each.get("Name", ""): each.get("Default", "") for each in root.iter("Parameter")}
    known |= values
    request = scenario(root, name).find("Request")
    assert request is not None

    def evaluated(text: str) -> str:
        text = re.sub(r'\[\[(\w+)\]\.ToString\("yyyy-MM-ddTHH:mm:ssZ"\)\]', r"[\1]", text)
        return re.sub(r"\[(\w+)\]", lambda found: known.get(found[1], found[0]), text)

    def of(part: str) -> dict[str, str]:
        return {
            each.get("Key", ""): evaluated(each.text or "")
            for each in request.findall(f"{part}/Value")
        }

    return of("Headers"), json.dumps(of("PostValues")).encode()
