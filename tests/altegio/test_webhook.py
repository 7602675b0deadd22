"""The lifecycle webhook's body: believed only with the partner token."""

import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.altegio import webhook
from shared.altegio.webhook import Forged, LifecycleEvent, Malformed
from shared.connections.connection import TOLD

TOKEN = "owned-partner-token"

TOKENS = (TOKEN,)

GENUINE: dict[str, Any] = {
    "salon_id": 4564,
    "application_id": 101,
    "event": "uninstall",
    "partner_token": TOKEN,
}


def body(**changes: Any) -> bytes:
    """The documented body with some fields changed; `...` takes a field away."""
    values = {**GENUINE, **changes}
    return json.dumps({key: value for key, value in values.items() if value is not ...}).encode()


@pytest.mark.parametrize("event", ["uninstall", "freeze"])
def test_each_documented_event_is_read(event: str) -> None:
    assert webhook.read(body(event=event), TOKENS) == LifecycleEvent(4564, 101, event, None)
    assert event in TOLD


@pytest.mark.parametrize(
    "event", ["", "freezed", "uninstalled", "unheard-of", "gone", "unproven uninstall", "x" * 999]
)
def test_a_word_that_is_not_documented_is_read_and_is_no_hint(event: str) -> None:
    assert webhook.read(body(event=event), TOKENS).event == event
    assert event not in TOLD


def test_ids_as_strings_are_read() -> None:
    read = webhook.read(body(salon_id="4564", application_id="101"), TOKENS)
    assert read == LifecycleEvent(4564, 101, "uninstall", None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_any_encoding_of_json_is_read(encoding: str) -> None:
    sent = body().decode().encode(encoding)
    assert webhook.read(sent, TOKENS) == LifecycleEvent(4564, 101, "uninstall", None)


# The token


@pytest.mark.parametrize(
    "token",
    [
        ...,
        None,
        "",
        True,
        0,
        [],
        [TOKEN],
        {"partner_token": TOKEN},
        TOKEN + " ",
        TOKEN[:-1],
        TOKEN.upper(),
        "owned\u2010partner\u2010token",
        "\ud800",
        "é" * 100,
        "x" * 60_000,
    ],
    ids=lambda token: ascii(token)[:30],
)
def test_without_the_token_nobody_disables_anything(token: Any) -> None:
    with pytest.raises(Forged):
        webhook.read(body(partner_token=token), TOKENS)


def test_a_token_of_other_than_ascii_characters_is_compared_too() -> None:
    token = "tökén-Ж"
    assert webhook.read(body(partner_token=token), (token,)).location_id == 4564
    with pytest.raises(Forged):
        webhook.read(body(partner_token="tökén-ж"), (token,))


def test_who_does_not_know_the_token_learns_nothing_of_the_other_fields() -> None:
    for changes in ({"event": 1}, {"salon_id": "x"}, {"application_id": None}, {"event": ...}):
        with pytest.raises(Forged):
            webhook.read(body(partner_token="guess", **changes), TOKENS)


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[set[bytes]]:
    """What was compared in constant time."""
    pairs: list[set[bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        pairs.append({one, other})
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    return pairs


def test_the_token_is_compared_in_constant_time_with_each(compared: list[set[bytes]]) -> None:
    webhook.read(body(), (TOKEN, "other"))
    with pytest.raises(Forged):
        webhook.read(body(partner_token="guess"), (TOKEN, "other"))
    ours = {TOKEN.encode()}
    assert compared == [ours, ours | {b"other"}, ours | {b"guess"}, {b"guess", b"other"}]


@pytest.mark.parametrize("tokens", [("new", TOKEN), (TOKEN, "new"), ("a", TOKEN, "b")])
def test_any_accepted_token_proves(tokens: tuple[str, ...]) -> None:
    assert webhook.read(body(), tokens).location_id == 4564


@pytest.mark.parametrize("token", ["", TOKEN])
def test_without_an_accepted_token_nothing_is_proven(token: str) -> None:
    with pytest.raises(Forged):
        webhook.read(body(partner_token=token), ())


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.text(min_size=1, max_size=40)
)
def test_only_the_very_token_passes(sent: str, ours: str) -> None:
    try:
        webhook.read(body(partner_token=sent), (ours,))
    except Forged:
        assert sent != ours
    else:
        assert sent == ours


# The form


@pytest.mark.parametrize("field", ["salon_id", "application_id"])
@pytest.mark.parametrize(
    "value",
    [
        ...,
        None,
        True,
        False,
        0,
        -1,
        4564.0,
        4564.5,
        10**18,
        "",
        "0",
        "-1",
        "4564.0",
        " 4564",
        "4564\n",
        "0x11",
        "٤٥٦٤",
        "1" * 19,
        [4564],
        {"id": 4564},
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_an_id_of_another_form_is_malformed(field: str, value: Any) -> None:
    with pytest.raises(Malformed):
        webhook.read(body(**{field: value}), TOKENS)


@pytest.mark.parametrize("event", [..., None, 1, True, ["uninstall"], {"uninstall": True}])
def test_an_event_of_another_form_is_malformed(event: Any) -> None:
    with pytest.raises(Malformed):
        webhook.read(body(event=event), TOKENS)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b"[" + body() + b"]",
        b'"uninstall"',
        b"4564",
        b"salon_id=4564&event=uninstall&partner_token=" + TOKEN.encode(),
        body()[:-1],
        body() + b"}",
        b"\xff\xfe\x00",
        b'{"partner_token":"\xff"}',
        body(event="caf\u00e9").decode("unicode_escape").encode("latin-1"),
        b"\x00",
        b"[" * 60_000,
        b'{"a":' * 12_000,
        b'{"salon_id":' + b"9" * 5000 + b"}",
        body(note="x" * 70_000),
        b" " * 100_000 + body(),
    ],
    ids=lambda sent: ascii(sent[:20]),
)
def test_a_body_that_is_no_json_object_is_malformed(sent: bytes) -> None:
    with pytest.raises(Malformed):
        webhook.read(sent, TOKENS)


def _utf_16(text: str) -> bytes:
    return text.encode("utf-16", "surrogatepass")


@given(st.binary(max_size=300) | st.text(st.characters()).map(_utf_16))
def test_no_bytes_raise_anything_but_a_refusal(sent: bytes) -> None:
    with pytest.raises((Malformed, Forged)):
        webhook.read(sent, TOKENS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(GENUINE)), json_values))
def test_no_json_raises_anything_but_a_refusal(changes: dict[str, Any]) -> None:
    try:
        read = webhook.read(body(**changes), TOKENS)
    except (Malformed, Forged):
        return
    assert "partner_token" not in changes
    assert 0 < read.location_id < 10**18
    assert 0 < read.application_id < 10**18
    assert isinstance(read.event, str)
