"""What a PBX's request may look like on the wire, through the door."""

import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calls.body import LONGEST, NotPacked, TooLong, UnknownPacking, unpacked
from shared.calls.pbx import senders
from tests.calls.telling import at, settle
from tests.deployment import Deployment, finished, http_event


def told(deployment: Deployment, **changes: Any) -> bytes:
    event = {**finished(**changes), "started_at": at(deployment, 90)}
    return json.dumps(event).encode()


def packed(body: bytes) -> bytes:
    """Without the time of day: the test's name is made of it, the same in each worker."""
    return gzip.compress(body, mtime=0)


def raw_deflate(body: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(body) + packing.flush()


PACKED = [
    ("gzip", gzip.compress),
    ("GZIP", gzip.compress),
    ("x-gzip", gzip.compress),
    ("gzip", lambda body: gzip.compress(body[:50]) + gzip.compress(body[50:]) + b"\0\0"),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("identity", bytes),
]


@pytest.mark.parametrize(("encoding", "pack"), PACKED)
def test_a_packed_body_is_unpacked(
    deployment: Deployment, key: str, encoding: str, pack: Any
) -> None:
    status, _ = deployment.call(pack(told(deployment)), key, encoding=encoding)
    assert status == 202
    settle(deployment)
    assert [call.call_id for call in deployment.simulator.saved_calls()] == ["c-1"]


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("br", b"\x0b\x02\x80{}\x03", 415),
        ("gzip, gzip", packed(packed(b"{}")), 415),
        ("gzip", b'{"type":"finished"}', 400),
        ("gzip", packed(b"{}")[:-4], 400),
        ("deflate", b"\xff\xff\xff", 400),
        ("gzip", packed(b" " * (LONGEST + 1)), 413),
        ("gzip", packed(b"") * 100_000, 413),
        ("deflate", zlib.compress(b" " * (LONGEST + 1)), 413),
        ("deflate", raw_deflate(b" " * (LONGEST + 1)), 413),
        ("", b" " * (LONGEST + 1), 413),
        ("gzip", b"", 400),
    ],
)
def test_what_cannot_be_unpacked_is_refused_by_its_name(
    deployment: Deployment, key: str, encoding: str, body: bytes, status: int
) -> None:
    answered, answer = deployment.call(body, key, encoding=encoding)
    assert (answered, answer["success"]) == (status, False)
    assert answer["error"]


def test_the_ways_to_pack_are_told(deployment: Deployment, key: str) -> None:
    """https://www.rfc-editor.org/rfc/rfc9110#name-415-unsupported-media-type"""
    event = http_event("POST", "/calls", body="{}")
    event["headers"] = {"authorization": f"Bearer {key}", "content-encoding": "br"}
    answer = deployment.invoke("calls", event)
    assert answer["headers"]["accept-encoding"] == "gzip, deflate"


@pytest.mark.usefixtures("page")
def test_a_stranger_s_body_is_not_even_unpacked(deployment: Deployment) -> None:
    bomb = packed(b" " * (LONGEST + 1))
    assert deployment.call(bomb, "pbx_guess", encoding="gzip")[0] == 401


@given(st.binary(), st.sampled_from(["gzip", "deflate", "br", "", "identity", "gzip;q=1"]))
def test_any_bytes_are_unpacked_or_refused(body: bytes, encoding: str) -> None:
    try:
        assert len(unpacked(body, encoding)) <= LONGEST
    except (NotPacked, TooLong, UnknownPacking):
        assert encoding not in ("", "identity")


@given(st.binary(max_size=2000), st.sampled_from(PACKED))
def test_what_was_packed_comes_out_as_it_was(body: bytes, way: tuple[str, Any]) -> None:
    encoding, pack = way
    assert unpacked(pack(body), encoding) == body


# What nobody reads


UNREAD = {
    "Latin-1": b'"name": "Zo\xeb"',
    "control characters": b'"name": "a\x00\x1f\tb"',
    "half a letter": b'"name": "\\ud800"',
    "an escape": b'"name": "%EB%"',
    "no escape": rb'"name": "Zo\xeb \u12 \\ \" C:\users\q"',
    "a long number": b'"cost": ' + b"9" * 5000,
    "no number": b'"cost": [NaN, -Infinity]',
    "five megabytes": b'"log": "' + b"x" * 5_000_000 + b'"',
    "some depth": b'"tree": ' + b"[" * 500 + b"]" * 500,
    "the same name twice": b'"name": 1, "name": {}',
    "no name": b'"": null',
}


@pytest.mark.parametrize("unread", UNREAD.values(), ids=UNREAD)
def test_a_field_that_nobody_reads_costs_no_call(
    deployment: Deployment, key: str, unread: bytes
) -> None:
    body = told(deployment).removesuffix(b"}") + b", " + unread + b"}"
    assert deployment.call(body, key)[0] == 202
    settle(deployment)
    assert [call.call_id for call in deployment.simulator.saved_calls()] == ["c-1"]


@pytest.mark.parametrize("body", [b"[" * 1_000_000, b'{"a":' * 100_000, b'{"type":' * 9_000])
@pytest.mark.parametrize("path", senders.ADDRESSES)
def test_a_body_of_any_depth_is_refused(
    deployment: Deployment, key: str, path: str, body: bytes
) -> None:
    assert deployment.call(body, key, path=path)[0] == 400


@pytest.mark.parametrize(
    ("written", "saved"),
    [
        ("a b.mp3", "a%20b.mp3"),
        ("звонок 1.mp3", "%D0%B7%D0%B2%D0%BE%D0%BD%D0%BE%D0%BA%201.mp3"),
        ("100%25.mp3", "100%25.mp3"),
        ("100%.mp3", "100%25.mp3"),
        ("+1315.mp3?sig=a%2Bb+c", "+1315.mp3?sig=a%2Bb+c"),
    ],
)
def test_a_link_is_the_platform_s_as_it_was(
    deployment: Deployment, key: str, written: str, saved: str
) -> None:
    base = "https://records.example/"
    body = told(deployment, recording_url=base + written)
    assert deployment.call(body, key)[1] == {"success": True, "left_out": []}
    settle(deployment)
    assert [call.link for call in deployment.simulator.saved_calls()] == [base + saved]
