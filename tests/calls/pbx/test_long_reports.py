"""Reports as long as the door takes them: none keeps the function of everybody busy.

A report that costs the square of its length would take hours here, and the test its whole timeout.
"""

import json
from urllib.parse import urlencode

import pytest

from tests.deployment import Deployment

RANG = 1795860000
FORM = {
    "event": "hangup",
    "linkedid": f"{RANG}.1",
    "rang": RANG,
    "ended": RANG + 9,
    "direction": "incoming",
    "line": "+13155550176",
    "callerid": "+13155550175",
}
MANY = 200_000


@pytest.mark.parametrize(
    "talk",
    [
        "+1:" * 600_000,
        "".join(f"+{RANG}:PJSIP/{each}-1|" for each in range(MANY // 2)),
        "".join(f"+1:{each}|" for each in range(MANY))
        + "".join(f"-2:{each}|" for each in range(MANY)),
    ],
    ids=["no end", "all answer", "all hang up"],
)
def test_a_talk_without_end_is_read_at_once(deployment: Deployment, key: str, talk: str) -> None:
    body = urlencode({**FORM, "talk": talk}, safe=":|/")
    form = "application/x-www-form-urlencoded"
    status, answer = deployment.call(body, key, path="/calls/asterisk", content_type=form)
    assert (status, answer["success"]) == (202, True)


@pytest.mark.parametrize("name", ["voicemail", "conference"])
def test_a_call_of_thousands_of_places_and_steps_is_read_at_once(
    deployment: Deployment, key: str, name: str
) -> None:
    times = {"answered_time": RANG, "bridged_time": RANG if name == "voicemail" else 0}
    record = {
        "variables": {
            "uuid": "c-1",
            "altegio_line": "+13155550176",
            "sip_from_user": "13155550175",
            "start_epoch": RANG,
            "end_epoch": RANG + 9,
            "conference_member_id": "1",
            "originated_legs": "%20" * 100_000,
        },
        "callflow": [{"times": times}] * 20_000,
        "app_log": {"applications": [{"app_name": name, "app_stamp": RANG + 5}] * 40_000},
    }
    status, answer = deployment.call(json.dumps(record), key, path="/calls/freeswitch")
    assert (status, answer["success"]) == (202, True)
