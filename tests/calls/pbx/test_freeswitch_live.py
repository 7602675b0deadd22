"""What a live FreeSWITCH 1.10.12 sent under the recipe, through the door, to the platform.

Telephones 101, 102 and 103 answer after a second, unless it is said otherwise; talks are as long as
their users made them.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.calls.pbx.captured import CAPTURES, captured
from tests.calls.pbx.recipes import Switch
from tests.calls.recorded import by_line, fields
from tests.deployment import Deployment

LINE = "+13155550176"
OUTGOING_BEGAN = 1795835487


def answered(user: str, seconds: int) -> dict[str, Any]:
    return {"status": "success", "user": user, "duration": seconds}


def missed(user: str) -> dict[str, Any]:
    return {"status": "missed", "user": user, "duration": 0}


CALLS: dict[str, dict[str, Any]] = {
    # 101 talked for three seconds and passed on to 103, who took it a second later.
    "blind-answered": answered("103", 9),
    # The same, but 103 let it ring for six seconds.
    "blind-unanswered": answered("101", 3),
    # 101 had talked to 102 before.
    "attended": answered("102", 12),
    "group": answered("102", 2),
    "group-none": missed("103"),
    # 101 was busy, 102 not.
    "sequence": answered("102", 2),
    # Answered at once, and by 101 a second later.
    "menu": answered("101", 5),
    # The same, but 101 only played a tone; and with ignore_early_media.
    "early": missed("101"),
    "early-ignored": missed("101"),
    # 101 was busy; then the switch answered.
    "voice-mail": missed("101"),
    # 101 hung up after two seconds, and the caller heard an announcement for three.
    "callee-first": answered("101", 2),
    "callcenter": answered("101", 7),
    # 102 took what rang at 101, or was parked.
    "pickup": answered("102", 3),
    "park": answered("102", 3),
    # 102 listened in to 101.
    "eavesdrop": answered("101", 3),
    "loopback": answered("101", 2),
    "conference": answered("", 4),
    "privacy-id": {**answered("101", 2), "phone": "anonymous"},
    "privacy-user": {**answered("101", 2), "phone": "anonymous"},
    "privacy-pai": {**answered("101", 2), "phone": "anonymous"},
    "rpid": {**answered("101", 2), "phone": "anonymous"},
    "outgoing": {**answered("101", 2), "phone": "+13155550199", "direction": "outgoing"},
    # A name in Latin-1, and one with quotes and a comma.
    "latin1": {**answered("101", 2), "phone": "+13155550797"},
    "encode-true": {**answered("101", 2), "phone": "+13155550796"},
    "encode-base64": {**answered("101", 2), "phone": "+13155550796"},
    "encode-values-false": {**answered("101", 2), "phone": "+13155550796"},
    # With log-b-leg.
    "legs-group": answered("102", 2),
    "legs-loopback": answered("101", 2),
    "legs-pickup": answered("102", 3),
    "legs-attended": answered("102", 12),
    "legs-blind-answered": answered("103", 9),
}


def test_every_call_is_expected() -> None:
    assert {path.stem for path in (CAPTURES / "freeswitch").iterdir()} == set(CALLS)


@pytest.mark.parametrize("written", [bytes, by_line], ids=["by location", "by line"])
@pytest.mark.parametrize(("name", "expected"), CALLS.items())
def test_a_call_pops_up_and_stands_in_the_history_once(
    deployment: Deployment,
    switch: Switch,
    name: str,
    expected: dict[str, Any],
    written: Callable[[bytes], bytes],
) -> None:
    requests = captured(name)
    hidden = expected.get("phone") == "anonymous"
    # An outgoing call pops up nowhere.
    rang = parse_qs(urlsplit(requests[0]["path"]).query) if name != "outgoing" else {}
    began = int(rang["created"][0]) if rang else OUTGOING_BEGAN
    deployment.clock.at = datetime.fromtimestamp(began, UTC)
    for each in requests:
        path, _, query = each["path"].partition("?")
        body, query = written(each["body"].encode("latin-1")), written(query.encode()).decode()
        answer = switch.post(path, body, each["content_type"], query)
        if "created" in query:
            assert answer["pop_up"] == ("the caller hides" if hidden else "sent")
            deployment.clock.advance(seconds=30)
    [number] = rang.get("caller_id_number", [""])
    shown = [each.phone for each in deployment.simulator.pop_ups()]
    assert shown == ([number] if rang and not hidden else [])
    [saved] = switch.history()
    assert fields(saved, expected) == expected
    # The channel was made up to a second before the recipe read the clock.
    assert saved.date is not None
    assert began - int(saved.date.timestamp()) in (0, 1)
    assert saved.phone == expected.get("phone", number)
    assert [saved.line] == rang.get("destination_number", [LINE])
    assert saved.direction == expected.get("direction", "incoming")
