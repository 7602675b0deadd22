"""Hostile input at every door: one clear answer, nothing stored, nothing secret in a log.

Some ten thousand requests go through the real handlers: hypothesis draws them by the dozen, as most
of an example's time is its drawing.
"""

import base64
import hashlib
import hmac
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.aws.dead_letters import DeadLetters
from shared.calls.pbx import senders
from tests.deployment import Deployment, finished, http_event, payment, refund

EXAMPLES, DOZEN = 50, 12
many = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def dozen[T](of: st.SearchStrategy[T]) -> st.SearchStrategy[list[T]]:
    return st.lists(of, min_size=DOZEN, max_size=DOZEN)


HTML = '"><img src=x onerror=alert(1)>'
UGLY = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "0",
            "-1",
            "1e9",
            "NaN",
            "Infinity",
            "٤٥٦٤",
            "\uff14\uff15\uff16\uff14",
            "4564\n",
            "\x00",
            "\u202e4564",
            "null",
            "[]",
            "{}",
            "true",
            "9" * 400,
            "../../etc/passwd",
            "%00",
            "%zz",
            "%ff%fe",
            "' OR 1=1 --",
            HTML,
            "=" * 64,
            "A" * 9000,
            "{{7*7}}",
        ]
    ),
    st.text(max_size=40),
    st.integers().map(str),
    st.floats().map(str),
    st.binary(max_size=40).map(lambda raw: base64.b64encode(raw).decode()),
)


@pytest.fixture
def clean_log(
    deployment: Deployment, logged: Callable[[], str], caplog: pytest.LogCaptureFixture
) -> Iterator[Callable[[], None]]:
    """Reads what was logged since: neither a secret nor a traceback."""
    secrets = [deployment.simulator.partner_token, deployment.simulator.crm_token, "Traceback"]

    length = 0

    def check() -> None:
        nonlocal length
        log = logged()
        length += len(log)
        assert [secret for secret in secrets if secret in log] == []

    # Pytest keeping each record as well would cost a gigabyte: it keeps those of no logger.
    with caplog.filtering(logging.Filter("nobody")):
        yield check
    assert length > 0, "nothing was logged: the check looked at nothing"


def proven(fields: dict[str, str]) -> tuple[bytes, str]:
    """The bytes that were signed, and their signature, whatever the spelling of either."""
    padded = fields["user_data"].rstrip("=") + "==="
    return base64.b64decode(padded, altchars=b"-_"), fields["user_data_sign"].lower()


def nothing_stored(deployment: Deployment) -> None:
    for table in ("CONNECTIONS_TABLE", "ACCOUNTS_TABLE", "TICKETS_TABLE"):
        # How often somebody was told of the locations of others is kept for two hours.
        rows = [row for row in deployment.rows(table) if "done" not in row]
        assert rows == []


@st.composite
def damaged(draw: st.DrawFn, fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Fields of a genuine query of which at least one is not as it was."""
    fields = list(fields)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(fields) - 1))
        name, value = fields[place]
        match draw(st.integers(0, 6)):
            case 0:
                fields[place] = (name, draw(UGLY))
            case 1:
                fields[place] = (draw(UGLY), value)
            case 2:
                fields[place] = (name, value[: draw(st.integers(0, max(len(value) - 1, 0)))])
            case 3:
                fields.append((name, draw(UGLY)))
            case 4:
                at = draw(st.integers(0, max(len(value) - 1, 0)))
                fields[place] = (name, value[:at] + draw(st.characters()) + value[at + 1 :])
            case 5:
                fields[place] = (name.upper(), value)
            case _:
                fields[place] = (name, value + draw(UGLY))
    return fields


def encoded(fields: list[tuple[str, str]]) -> str:
    return urlencode(
        [
            (name.encode("utf-8", "replace"), value.encode("utf-8", "replace"))
            for name, value in fields
        ]
    )


def genuine(deployment: Deployment) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(deployment.simulator.redirect(4564, 4232)).query)


def test_get_connect(deployment: Deployment, clean_log: Callable[[], None]) -> None:
    signed = {"user_data", "user_data_sign"}
    base = genuine(deployment)
    answers: Counter[int] = Counter()

    @many
    @given(dozen(damaged([field for field in base if field[0] in signed])))
    def each(queries: list[list[tuple[str, str]]]) -> None:
        for fields in queries:
            query = f"salon_id=4564&{encoded(fields)}"
            answer = deployment.invoke("connect", http_event("GET", "/connect", query=query))
            if answer["statusCode"] == 200:
                # The damage was none: padding lost, or a pair that is repeated as it was.
                assert proven(dict(fields)) == proven(dict(base))
                continue
            assert answer["statusCode"] in (400, 403, 429)
            assert HTML not in answer["body"]
            assert "<form" not in answer["body"]
            answers[answer["statusCode"]] += 1
        clean_log()

    each()
    nothing_stored(deployment)
    assert deployment.invoked >= EXAMPLES * DOZEN
    assert answers.total() > 0.9 * EXAMPLES * DOZEN


def test_get_connect_with_locations_that_are_none(
    deployment: Deployment, clean_log: Callable[[], None]
) -> None:
    """A genuine signature, and garbage in all that it does not cover."""
    base = [field for field in genuine(deployment) if not field[0].startswith("user_data")]
    signature = encoded([field for field in genuine(deployment) if field[0].startswith("user_d")])

    @settings(many, max_examples=25)
    @given(dozen(damaged(base)))
    def each(queries: list[list[tuple[str, str]]]) -> None:
        for fields in queries:
            query = f"{encoded(fields)}&{signature}"
            answer = deployment.invoke("connect", http_event("GET", "/connect", query=query))
            assert answer["statusCode"] in (200, 400, 403, 429)
            assert HTML not in answer["body"]
            assert "<form" not in answer["body"]  # nothing was granted anywhere
        clean_log()

    each()
    nothing_stored(deployment)


@many
@given(raw=dozen(st.text(max_size=300)))
def test_a_query_that_is_any_text(deployment: Deployment, raw: list[str]) -> None:
    for query in raw:
        event = http_event("GET", "/connect", query=query)
        assert deployment.invoke("connect", event)["statusCode"] in (400, 403)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | UGLY,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def test_signed_user_data_of_any_content(
    deployment: Deployment, clean_log: Callable[[], None]
) -> None:
    """Whoever holds the token may sign anything: every field stays text on the page."""
    names = ("id", "user_id", "name", "email", "phone", "avatar", "salon_name", "is_approved")
    key = deployment.simulator.partner_token.encode()
    owners = st.dictionaries(st.sampled_from(names), JSON | st.just(HTML) | st.just(7))

    @settings(many, max_examples=25)
    @given(dozen(owners | JSON))
    def each(contents: list[Any]) -> None:
        for content in contents:
            data = json.dumps(content).encode()
            sign = hmac.new(key, data, hashlib.sha256).hexdigest()
            user_data = quote(base64.b64encode(data).decode())
            query = f"salon_id=4564&user_data={user_data}&user_data_sign={sign}"
            answer = deployment.invoke("connect", http_event("GET", "/connect", query=query))
            assert answer["statusCode"] in (200, 400, 429)
            assert HTML not in answer["body"]
        clean_log()

    each()
    nothing_stored(deployment)


def test_post_connect(deployment: Deployment, clean_log: Callable[[], None]) -> None:
    fields = [("ticket", "A" * 43), ("name", "Zoë"), ("email", "z@example.com"), ("action", "c")]

    @many
    @given(
        dozen(damaged(fields) | st.text(max_size=60)),
        st.booleans(),
    )
    def each(bodies: list[list[tuple[str, str]] | str], in_base64: bool) -> None:  # noqa: FBT001 - drawn
        for drawn in bodies:
            body = drawn if isinstance(drawn, str) else encoded(drawn)
            event = http_event("POST", "/connect", body=body) | {"isBase64Encoded": in_base64}
            answer = deployment.invoke("connect", event)
            assert answer["statusCode"] == 410
        clean_log()

    each()
    nothing_stored(deployment)
    assert deployment.invoked >= EXAMPLES * DOZEN


def test_the_webhook(deployment: Deployment, clean_log: Callable[[], None]) -> None:
    genuine_event = deployment.event(4564)
    keys = st.sampled_from([*genuine_event, "Event", "salonId", "data"])
    bodies = st.one_of(
        st.dictionaries(keys, JSON).map(lambda changes: {**genuine_event, **changes}),
        st.dictionaries(keys, JSON),
        JSON,
    ).map(json.dumps)
    raw = st.text(max_size=80) | st.binary(max_size=80).map(
        lambda it: base64.b64encode(it).decode()
    )

    @many
    @given(
        dozen(bodies | raw),
        st.booleans(),
        st.sampled_from(["POST", "post"]),
    )
    def each(drawn: list[str], in_base64: bool, name: str) -> None:  # noqa: FBT001 - drawn
        for body in drawn:
            event = http_event("POST", "/webhooks/altegio", body=body)
            event |= {"isBase64Encoded": in_base64, "headers": {name: body}}
            assert deployment.invoke("disable", event)["statusCode"] in (200, 400, 403)
        clean_log()

    each()
    nothing_stored(deployment)
    assert deployment.invoked >= EXAMPLES * DOZEN


# What a body on SQS may hold: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
SENDABLE = st.text(
    st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufffe\uffff"),
    min_size=1,
    max_size=80,
)


def test_the_billing_queue(
    deployment: Deployment, clean_log: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every message becomes a row or a dead letter with its reason, and never a platform call."""
    letters: list[tuple[str, str]] = []
    monkeypatch.setattr(
        DeadLetters, "put", lambda _self, body, why, _id: letters.append((body, why))
    )
    outcomes: Counter[str] = Counter()
    keys = st.sampled_from([*payment(), *refund(), "salon_id"])
    messages = st.one_of(
        st.dictionaries(keys, JSON, min_size=1).map(lambda changes: {**payment(), **changes}),
        st.dictionaries(keys, JSON, min_size=1).map(lambda changes: {**refund(), **changes}),
        JSON,
    ).map(json.dumps)

    @settings(many, max_examples=25)
    @given(dozen(messages | SENDABLE))
    def each(bodies: list[str]) -> None:
        for body in bodies:
            assert deployment.bill(body) == []
            for letter, reason in letters:
                assert (letter, reason != "") == (body, True)
                assert reason.isascii()
                assert HTML not in reason
            outcomes["refused" if letters else "stored"] += 1
            letters.clear()
        clean_log()

    each()
    assert outcomes["refused"] > outcomes["stored"]
    assert deployment.simulator.journal == []


def test_the_doors_of_a_pbx(deployment: Deployment, clean_log: Callable[[], None]) -> None:
    """Whatever a PBX with its key sends is taken, ignored or named, and makes no platform call."""
    key = deployment.connect(4564).pbx_key
    told = len(deployment.simulator.journal)
    began = {"started_at": deployment.clock().isoformat()}
    names = st.sampled_from([*finished(), "started_at", "recording_url", "leg"])
    bodies = st.one_of(
        st.dictionaries(names, JSON | UGLY, min_size=1).map(
            lambda changes: json.dumps({**finished(), **began, **changes}).encode()
        ),
        JSON.map(lambda values: json.dumps(values).encode()),
        st.binary(max_size=200),
    )
    kinds = st.sampled_from(
        ["", "application/json", "text/plain", "application/x-www-form-urlencoded"]
    )
    paths = st.sampled_from([*senders.ADDRESSES, "/calls/other"])
    queries = st.sampled_from(["", "uuid=1", "altegio_location_id=4564", "%ff", "a=1&" * 60])
    statuses: Counter[int] = Counter()

    @settings(many, max_examples=25)
    @given(dozen(st.tuples(bodies, kinds, paths, queries)))
    def each(requests: list[tuple[bytes, str, str, str]]) -> None:
        for body, kind, path, query in requests:
            status, answer = deployment.call(body, key, path=path, content_type=kind, query=query)
            statuses[status] += 1
            assert status in (202, 400, 403)
            assert answer["success"] is (status == 202)
            assert HTML not in json.dumps(answer)
        clean_log()

    each()
    assert statuses[400] > statuses[202] > 0
    assert len(deployment.simulator.journal) == told


def test_the_calls_queue(
    deployment: Deployment, clean_log: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every message becomes a row, a dead letter with its reason, or a wake-up of nothing."""
    deployment.connect(4564)
    told = len(deployment.simulator.journal)
    letters: list[tuple[str, str]] = []
    monkeypatch.setattr(
        DeadLetters, "put", lambda _self, body, why, _id: letters.append((body, why))
    )
    outcomes: Counter[str] = Counter()
    event = {**finished(), "started_at": deployment.clock().isoformat()}
    own: list[dict[str, Any]] = [
        {"type": "wake-up", "key": "k"},
        {"type": "look", "location_id": 4564},
    ]
    messages = st.one_of(
        st.dictionaries(st.sampled_from([*event, "account_id"]), JSON | UGLY, min_size=1).map(
            lambda changes: {**event, **changes}
        ),
        st.dictionaries(st.sampled_from(["key", "location_id", "type"]), JSON).map(
            lambda changes: {**own[len(changes) % 2], **changes}
        ),
        JSON,
    ).map(json.dumps)

    @settings(many, max_examples=25)
    @given(dozen(messages | SENDABLE))
    def each(bodies: list[str]) -> None:
        for body in bodies:
            assert deployment.take_call(body) == []
            for letter, reason in letters:
                assert (letter, reason != "") == (body, True)
                assert HTML not in reason
            outcomes["refused" if letters else "taken"] += 1
            letters.clear()
        clean_log()

    each()
    assert outcomes["refused"] > outcomes["taken"] > 0
    assert len(deployment.simulator.journal) == told
