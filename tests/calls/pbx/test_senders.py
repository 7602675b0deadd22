"""A report at another's address is told its own; nothing is taken as `ignored` that is a call."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calls.pbx import senders
from tests.calls.recorded import (
    FORM,
    UUID,
    fences,
    form,
    itoolabs_form,
    record,
    threecx_record,
)
from tests.deployment import Deployment
from tests.house.template import ROUTES

JSON = "application/json"

# Body, its type, query; by the address that it belongs to.
OURS = {
    "/calls": [(fences("json")[1].encode(), JSON, ""), (fences("json")[0].encode(), JSON, "")],
    "/calls/freeswitch": [
        (record("answered"), JSON, f"uuid={UUID}"),
        (record("internal"), FORM, ""),
        (urlencode({"cdr": record("answered").decode()}).encode(), FORM, ""),
        (b"", FORM, "uuid=1&created=1&caller_id_number=1&destination_number=2"),
    ],
    "/calls/asterisk": [(form("answered"), FORM, ""), (form("internal"), FORM, "")],
    "/calls/itoolabs": [
        *((itoolabs_form(name), FORM, "") for name in ("history-success", "contact", "rating")),
        (b"", FORM, itoolabs_form("history-missed").decode()),
    ],
    "/calls/3cx": [
        *((threecx_record(name), JSON, "") for name in ("look-up", "look-up-outbound", "missed")),
    ],
}

# As their vendors document them, with invented values.
FOREIGN = {
    "Twilio": (
        (
            b"CallSid=CA0001&AccountSid=AC1&From=%2B13155550175&To=%2B13155550176"
            b"&CallStatus=completed&Direction=inbound&CallDuration=90"
        ),
        FORM,
    ),
    "Telnyx": (
        json.dumps({"data": {"event_type": "call.hangup", "payload": {}}, "meta": {}}).encode(),
        JSON,
    ),
    "Zadarma": (
        (
            b"event=NOTIFY_END&call_start=2026-11-01+10%3A10%3A00&pbx_call_id=in_1"
            b"&caller_id=13155550175&called_did=13155550176&duration=90&disposition=answered"
        ),
        FORM,
    ),
    "Yeastar": (b'{"type":30012,"sn":"3631A2124XXX","msg":"{}"}', JSON),
    "DIDWW": (b'{"id":"1","type":"call.ended","ts":1,"global_tag":"t","data":{}}', JSON),
    "PortSIP": (b'{"event_type":"call_start","session_id":"1","caller":"102"}', JSON),
    "sipgate": (b"event=newCall&direction=in&from=1&to=2&callId=3", FORM),
    "Kazoo": (b"hook_event=channel_destroy&call_id=1&account_id=2", FORM),
    "Binotel": (b"generalCallID=1&callType=0&externalNumber=0671234567", FORM),
}


@pytest.mark.parametrize("path", senders.ADDRESSES)
@pytest.mark.parametrize("right", senders.ADDRESSES)
def test_a_report_at_another_address_is_told_its_own(
    deployment: Deployment, key: str, path: str, right: str
) -> None:
    for body, content_type, query in OURS[right]:
        status, answer = deployment.call(
            body, key, path=path, content_type=content_type, query=query
        )
        if path == right:
            assert "its address is" not in answer.get("error", "")
        else:
            assert status == 400
            assert answer["error"].endswith(f"its address is {right}")
    if path != right:
        assert deployment.rows("CALLS_TABLE") == []


@pytest.mark.parametrize("path", senders.ADDRESSES)
def test_a_report_that_has_no_address_is_told_so(
    deployment: Deployment, key: str, path: str
) -> None:
    for name, (body, content_type) in FOREIGN.items():
        status, answer = deployment.call(body, key, path=path, content_type=content_type)
        assert status == 400, name
        assert name in answer["error"]
        assert answer["error"].endswith("post `ringing` and `finished` to /calls")


@pytest.mark.parametrize("path", senders.ADDRESSES[1:])
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", FORM),
        (b"", JSON),
        (b"{}", JSON),
        (b"a=1&b=2", FORM),
        (b'{"a":1}', JSON),
        (b"location_id=", FORM),
    ],
)
def test_what_nothing_here_knows_is_not_ignored(
    deployment: Deployment, key: str, path: str, body: bytes, content_type: str
) -> None:
    status, answer = deployment.call(body, key, path=path, content_type=content_type)
    assert (status, answer["success"]) == (400, False)


@given(st.binary(), st.dictionaries(st.text(), st.text(), max_size=3))
def test_whatever_comes_has_one_answer(body: bytes, query: dict[str, str]) -> None:
    at_home = [path for path in senders.ADDRESSES if senders.is_from(path, body, query)]
    known = senders.sender(body, query) is not None
    assert len(at_home) <= 1
    assert [bool(senders.elsewhere(path, body, query)) for path in senders.ADDRESSES] == [
        known and path not in at_home for path in senders.ADDRESSES
    ]


def test_each_address_has_its_route() -> None:
    assert {f"POST {path}" for path in (*senders.ADDRESSES, senders.ROOT)} <= ROUTES


def test_each_sender_is_known_by_each_of_its_sets_of_fields() -> None:
    for each in senders.SENDERS:
        for fields in each.fields:
            flat = {name: "1" for name in fields if "." not in name}
            nested = {
                first: {second: 1}
                for first, _, second in (name.partition(".") for name in fields)
                if second
            }
            assert senders.sender(json.dumps({**flat, **nested}).encode(), {}) == each
