"""The recipes of docs/pbx.md, expanded variable by variable, and a PBX that sends what they say."""

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from local.simulator.telephony import SavedCall
from tests.calls.recorded import FORM, UUID
from tests.deployment import Deployment


class Switch:
    """A PBX that reports to the door as its recipe says."""

    def __init__(self, deployment: Deployment, key: str) -> None:
        self.deployment = deployment
        self._basic = "Basic " + base64.b64encode(f"pbx:{key}".encode()).decode()

    def post(
        self, path: str, body: bytes, content_type: str, query: str = "", *, taken: int = 202
    ) -> Any:
        status, answer = self.deployment.call(
            body, path=path, content_type=content_type, query=query, authorization=self._basic
        )
        assert (status, answer["success"]) == (taken, True)
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
