"""Text that is none, in every field of every door: half surrogate pairs, control codes, novels.

A JSON event may carry what no UTF-8 can, and an escape in a body too. Whatever comes is answered
without a 5xx, a queue takes it, and nothing of it is stored or passed on to the platform.
"""

import base64
import hashlib
import hmac
import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.simulator import Owner
from shared.calls.pbx import senders
from tests.deployment import Deployment, finished, http_event, payment, refund, ringing
from tests.memory import Memory
from tests.payments.stripes import SECRET, credit, credit_note, event, invoice, line
from tests.payments.stripes import signed as signed_by_stripe

KEY = "portal-key-of-more-than-32-characters"
EXAMPLES, DOZEN = 12, 12
some = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def dozen[T](of: st.SearchStrategy[T]) -> st.SearchStrategy[list[T]]:
    return st.lists(of, min_size=DOZEN, max_size=DOZEN)


GARBAGE = st.sampled_from(
    [
        "\ud800",
        "\udfff",
        "\ude00\ud83d",
        "\0",
        "\r\nx-injected: 1",
        "\x1b[31m",
        "\x7f",
        "\x85",
        "\u2028",
        "\u202e",
        "\ufeff",
        "\U0001f600",
        "Я" * 3000,
        "A" * 9000,
        "%ED%A0%80",
        "%00",
        "\\ud800",
    ]
) | st.text(st.characters(categories=["Cs", "Cc", "Cf", "Zl", "Lu", "Nd"]), max_size=12)


@st.composite
def spoilt(draw: st.DrawFn, text: str) -> str:
    """With garbage before, within, after or instead of it."""
    garbage = draw(GARBAGE)
    at = draw(st.integers(0, len(text)))
    return draw(st.sampled_from([garbage, text[:at] + garbage + text[at:], text + garbage]))


@st.composite
def garbled(draw: st.DrawFn, values: Mapping[str, Any], *more: str) -> dict[str, Any]:
    """Values of which one to three, or others, are spoilt, and sometimes a name."""
    values = dict(values)
    for name in draw(st.lists(st.sampled_from([*values, *more]), min_size=1, max_size=3)):
        values[name] = draw(spoilt(str(values.get(name, "x"))))
    if draw(st.integers(0, 9)) == 0:
        values[draw(GARBAGE)] = draw(GARBAGE)
    return values


def encoded(values: Mapping[str, Any]) -> str:
    """A form or a query in which half a surrogate pair stands as the bytes that it would have."""
    return urlencode(
        [
            (name.encode("utf-8", "surrogatepass"), str(value).encode("utf-8", "surrogatepass"))
            for name, value in values.items()
        ]
    )


def texts(value: Any) -> Iterator[str]:
    """Every text in a request, also within JSON within it."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield str(name)
            yield from texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value
        if value.startswith("{"):
            yield from texts(json.loads(value))


def clean(value: Any) -> None:
    for text in texts(value):
        found = [char for char in text if unicodedata.category(char) in ("Cc", "Cs")]
        assert found == [], ascii(text)[:200]


@pytest.fixture
def nothing_passes(
    deployment: Deployment, memory: Memory, logged: Callable[[], str]
) -> Iterator[Callable[[], None]]:
    """Nothing garbled reaches AWS or the platform, and nothing fails that nobody has foreseen."""
    dead_letters = [url for name, url in deployment.queues.items() if "DeadLetters" in name]

    def before(operation: str, asked: Mapping[str, Any]) -> None:
        if operation == "SendEmail":
            return
        # A dead letter is kept as it came.
        kept = asked.get("QueueUrl") in dead_letters
        clean({name: value for name, value in asked.items() if name != "MessageBody" or not kept})

    seen = 0

    def check() -> None:
        nonlocal seen
        journal = deployment.simulator.journal
        for call in journal[seen:]:
            clean([call.path, dict(call.headers), call.body])
        seen = len(journal)
        log = logged()
        assert "HandlerFailed" not in log
        assert "Traceback" not in log
        log.encode()

    memory.before = before
    yield check
    check()


def answered(deployment: Deployment, function: str, event: dict[str, Any]) -> int:
    answer = deployment.invoke(function, event)
    json.dumps(answer).encode()
    answer["body"].encode()
    status: int = answer["statusCode"]
    assert status < 500
    return status


HEADERS = {
    "authorization": "Bearer x",
    "accept-language": "ru-RU,ru;q=0.9",
    "content-type": "application/json",
    "sec-fetch-dest": "iframe",
}
AUTHORIZATIONS = GARBAGE.flatmap(
    lambda it: st.sampled_from(
        [
            it,
            f"Bearer {it}",
            f"Basic {it}",
            "Basic " + base64.b64encode(f"pbx:{it}".encode("utf-8", "surrogatepass")).decode(),
        ]
    )
)
ROUTES = [
    ("connect", "GET", "/connect"),
    ("connect", "POST", "/connect"),
    ("connect", "GET", "/connections"),
    ("connect", "POST", "/connections"),
    ("connect", "POST", "/pbx-key"),
    ("connect", "GET", "/missed"),
    ("connect", "POST", "/missed"),
    ("disable", "POST", "/webhooks/altegio"),
    ("disable", "GET", "/webhooks/altegio"),
    *(("calls", "POST", address) for address in (*senders.ADDRESSES, senders.ROOT)),
    ("calls", "GET", "/calls/itoolabs"),
    ("calls", "GET", senders.TEMPLATE),
    ("billing", "POST", "/billing"),
    ("billing", "GET", "/billing"),
    ("billing", "GET", "/billing/inv-1"),
    ("billing", "POST", "/billing/stripe"),
]


@pytest.mark.parametrize("portal", ["", "https://my.provider.example/altegio"])
def test_whatever_is_no_field_of_a_door(
    deployment: Deployment, nothing_passes: Callable[[], None], portal: str
) -> None:
    """Headers, paths, queries and bodies as a whole, as text that no HTTP could have brought."""
    deployment.set_portal_key(KEY)
    deployment.restart(PORTAL_URL=portal)
    statuses: Counter[int] = Counter()

    @some
    @given(
        dozen(
            st.tuples(
                st.sampled_from(ROUTES),
                garbled(HEADERS),
                AUTHORIZATIONS,
                *[spoilt("uuid=1&altegio_location_id=4564&salon_id=4564")] * 2,
                spoilt(""),
                st.booleans(),
            )
        )
    )
    def each(drawn: list[Any]) -> None:
        for (function, method, path), headers, authorization, query, body, tail, encode in drawn:
            event = http_event(method, path, query=query, body=body)
            event["headers"] = {**headers, "authorization": authorization}
            event["isBase64Encoded"] = encode
            if tail.startswith("A"):
                event["rawPath"] += tail
            statuses[answered(deployment, function, event)] += 1
        nothing_passes()

    each()
    assert {400, 401} <= set(statuses)


def test_the_fields_of_a_redirect(
    deployment: Deployment, nothing_passes: Callable[[], None]
) -> None:
    fields = dict(parse_qsl(urlsplit(deployment.simulator.redirect(4564)).query))

    @some
    @given(dozen(st.tuples(garbled(fields), st.booleans())))
    def each(drawn: list[tuple[dict[str, Any], bool]]) -> None:
        for values, is_raw in drawn:
            plain = "&".join(f"{name}={value}" for name, value in values.items())
            query = plain if is_raw else encoded(values)
            answered(deployment, "connect", http_event("GET", "/connect", query=query))
        nothing_passes()

    each()


def test_what_altegio_has_signed_and_the_owner_typed(
    deployment: Deployment, nothing_passes: Callable[[], None]
) -> None:
    """All the way to an account and its settings."""
    deployment.restart(MAIL_FROM="codes@provider.example")
    owner = {"id": 7, "name": "Zoë", "email": "zoe@example.com", "phone": "15551230000"}
    typed = {"name": "Zoë", "email": "zoe@example.com", "phone": "+1 555 123-0000", "action": "x"}
    typed |= {"country": "US", "location": "4564", "caller": "+13155550175 2026-11-01T10:10:00Z"}
    statuses: Counter[int] = Counter()
    users = iter(range(1000, 10**6))

    @settings(some, max_examples=12)
    @given(dozen(st.tuples(garbled(owner, "user_id", "avatar"), garbled(typed, "code", "ticket"))))
    def each(drawn: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        for signed, form in drawn:
            deployment.clock.advance(hours=2)
            number = next(users)
            deployment.simulator.grant(number)
            data = json.dumps({**signed, "id": number}).encode()
            key = deployment.simulator.partner_token.encode()
            sign = hmac.new(key, data, hashlib.sha256).hexdigest()
            user_data = quote(base64.b64encode(data).decode())
            page = deployment.visit(
                f"https://x/?salon_id={number}&user_data={user_data}&user_data_sign={sign}"
            )
            assert page.status == 200
            asks = ("missed", "table", "done", "letter", "no letter")
            for action in (form["action"], "connect", "code", "prove", *asks):
                values = {"ticket": page.fields["ticket"], **form, "action": action}
                event = http_event("POST", "/connect", body=encoded(values))
                statuses[answered(deployment, "connect", event)] += 1
        nothing_passes()

    each()
    assert {200, 410, 422} <= set(statuses)
    assert deployment.rows("ACCOUNTS_TABLE") != []


@pytest.mark.parametrize(
    "email", ["a\0@b.c", "a@b\x7f.de", "a@b\u2028.de", "a\ud800@b.de", "a@b", "a@@b.de", "a b@c.de"]
)
def test_what_is_no_address_is_to_be_corrected(deployment: Deployment, email: str) -> None:
    page = deployment.visit(deployment.simulator.grant(4564))
    body = encoded({**page.fields, "email": email})
    answer = deployment.invoke("connect", http_event("POST", "/connect", body=body))
    # No form has half a surrogate pair; all else comes back as it was typed.
    assert answer["statusCode"] == (410 if "\ud800" in email else 422)
    assert deployment.rows("ACCOUNTS_TABLE") == []


def test_a_name_is_one_line(deployment: Deployment) -> None:
    page = deployment.visit(deployment.simulator.grant(4564))
    assert deployment.press(page, name=" Zoë\0\r\n M\xa0üller\x1b ").status == 200
    [account] = [row for row in deployment.rows("ACCOUNTS_TABLE") if "name" in row]
    assert account["name"] == "Zoë M üller"


def test_the_portals_fields(deployment: Deployment, nothing_passes: Callable[[], None]) -> None:
    deployment.set_portal_key(KEY)
    deployment.restart(PORTAL_URL="https://my.provider.example/altegio")
    anna = Owner(id=7, name="Anna", phone="4915112345678", email="anna@salon.example")
    query = urlsplit(deployment.simulator.grant(4564, owner=anna)).query
    arrived = deployment.invoke("connect", http_event("GET", "/connect", query=query))
    fields = {"ticket": arrived["headers"]["location"].rpartition("=")[2], "account_id": "acme-1"}
    assert deployment.ask("POST", "/connections", fields, key=KEY)[0] == 200
    until = deployment.clock().isoformat()
    press = {"location_id": 4564, "phone": "+13155550175", "until": until, "name": "Zoë"}
    routes = st.sampled_from(
        [route for route in ROUTES if route[2] in ("/connections", "/pbx-key", "/missed")]
    )

    @some
    @given(dozen(st.tuples(routes, garbled({**fields, **press}))))
    def each(drawn: list[tuple[tuple[str, str, str], dict[str, Any]]]) -> None:
        for (_, method, path), values in drawn:
            query = encoded(values) if method == "GET" else ""
            event = http_event(method, path, query=query, body=json.dumps(values))
            event["headers"]["authorization"] = f"Bearer {KEY}"
            assert answered(deployment, "connect", event) in (200, 400, 404, 409, 410)
        nothing_passes()

    each()


@pytest.mark.parametrize("is_readable", [True, False], ids=["proven", "blind"])
def test_the_fields_of_a_lifecycle_event(
    deployment: Deployment,
    memory: Memory,
    nothing_passes: Callable[[], None],
    is_readable: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    deployment.connect(4564)
    events = [deployment.event(4564), deployment.hosted(4564)]
    if not is_readable:
        deployment.restart()
        check = memory.before

        def outage(operation: str, asked: Mapping[str, Any]) -> None:
            if operation == "GetParameter":
                raise TimeoutError
            if check is not None:
                check(operation, asked)

        memory.before = outage
    drawn_of = st.sampled_from(events).flatmap(lambda event: garbled(event, "discount"))

    @some
    @given(dozen(drawn_of))
    def each(drawn: list[dict[str, Any]]) -> None:
        for values in drawn:
            event = http_event("POST", "/webhooks/altegio", body=json.dumps(values))
            status = deployment.invoke("disable", event)["statusCode"]
            # An event of another application cannot be told from a forged one without the token.
            assert status in ((200, 400, 403) if is_readable else (200, 400, 503))
        nothing_passes()

    each()


RECORD = {
    "variables": {
        "altegio_location_id": "4564",
        "altegio_direction": "incoming",
        "altegio_line": "+13155550176",
        "altegio_extension": "101",
        "altegio_recording_url": "https%3A%2F%2Frecords.example%2F1.mp3",
        "dialed_user": "101",
        "start_epoch": "1793527800",
        "answer_epoch": "1793527800",
        "end_epoch": "1793527890",
    },
    "profile": {
        "uuid": "c-1",
        "username": "101",
        "caller_id_number": "+13155550175",
        "destination_number": "+13155550176",
    },
}
ASTERISK = {
    "event": "hangup",
    "location_id": "4564",
    "linkedid": "c-2",
    "callerid": "+13155550175",
    "exten": "+13155550176",
    "line": "+13155550176",
    "extension": "101",
    "dialedpeernumber": "PJSIP/101",
    "start": "1793527800.5",
    "epoch": "1793527800",
    "dialstatus": "ANSWER",
    "answeredtime": "90",
    "billsec": "90",
    "recording": "https://records.example/2.mp3",
}
RINGING_QUERY = {
    "altegio_location_id": "4564",
    "uuid": "c-3",
    "caller_id_number": "+13155550175",
    "destination_number": "+13155550176",
    "altegio_extension": "101",
    "created": "1793527800",
}


def test_the_fields_of_what_a_pbx_tells(
    deployment: Deployment, nothing_passes: Callable[[], None]
) -> None:
    """And what of it goes on: to the queue, to the table, to the platform."""
    key = deployment.connect(4564).pbx_key
    at = deployment.clock()
    now = str(int(at.timestamp()))
    called = {
        **finished(),
        "started_at": at.isoformat(),
        "recording_url": "https://records.example/1",
    }
    rings = {**ringing(), "at": at.isoformat()}
    variables = {**RECORD["variables"], "start_epoch": now, "end_epoch": now, "answer_epoch": now}
    asterisk = {**ASTERISK, "start": now, "epoch": now}

    def record(drawn: tuple[dict[str, Any], dict[str, Any]]) -> tuple[str, str, str, str]:
        body = {"variables": drawn[0], "callflow": [{"caller_profile": drawn[1]}]}
        return "/calls/freeswitch", "application/json", "", json.dumps(body)

    requests = st.one_of(
        garbled(called, "account_id", "leg").map(
            lambda it: ("/calls", "application/json", "", json.dumps(it))
        ),
        garbled(rings).map(lambda it: ("/calls", "application/json", "", json.dumps(it))),
        st.tuples(garbled(variables, "bridge_uuid"), garbled(RECORD["profile"])).map(record),
        garbled({**RINGING_QUERY, "created": now}).map(
            lambda it: ("/calls/freeswitch", "", encoded(it), "")
        ),
        garbled({**asterisk, "event": "ringing"}).map(
            lambda it: ("/calls/asterisk", "application/x-www-form-urlencoded", "", encoded(it))
        ),
        garbled(asterisk, "direction", "blindtransfer").map(
            lambda it: ("/calls/asterisk", "application/x-www-form-urlencoded", "", encoded(it))
        ),
    )
    statuses: Counter[int] = Counter()

    @settings(some, max_examples=20)
    @given(dozen(requests))
    def each(drawn: list[tuple[str, str, str, str]]) -> None:
        for path, kind, query, body in drawn:
            event = http_event("POST", path, query=query, body=body)
            event["headers"] = {"content-type": kind, "authorization": f"Bearer {key}"}
            statuses[answered(deployment, "calls", event)] += 1
        deployment.drain_calls()
        nothing_passes()

    each()
    deployment.let_time_pass(10)
    assert set(statuses) <= {202, 400, 403}
    assert min(statuses[202], statuses[400]) > 20
    assert deployment.simulator.calls("any") != []


@pytest.mark.parametrize("link", ["\ud800", "https://records.example/\ud800.mp3", "%ED%A0%80"])
def test_a_recording_link_that_is_no_text_loses_no_call(deployment: Deployment, link: str) -> None:
    key = deployment.connect(4564).pbx_key
    now = str(int(deployment.clock().timestamp()))
    variables = {**RECORD["variables"], "altegio_recording_url": link, "start_epoch": now}
    variables |= {"answer_epoch": now, "end_epoch": now}
    record = {"variables": variables, "callflow": [{"caller_profile": RECORD["profile"]}]}
    assert deployment.call(record, key, path="/calls/freeswitch")[0] == 202
    called = {**finished(), "started_at": deployment.clock().isoformat(), "recording_url": link}
    assert deployment.call(called, key)[0] == 202
    assert deployment.drain_calls() >= 2


def test_the_fields_of_the_queues(
    deployment: Deployment, nothing_passes: Callable[[], None]
) -> None:
    deployment.connect(4564)
    now = deployment.clock().isoformat()
    wake_up = {"type": "wake-up", "key": "payment#inv-1", "due_at": now}
    look = {"type": "look", "location_id": 4564}
    bills = st.sampled_from([payment(), refund(), wake_up]).flatmap(garbled)
    called = {**finished(), "started_at": now, "recording_url": "https://records.example/1"}
    calls = st.sampled_from([called, look, {"type": "wake-up", "key": "a#b"}]).flatmap(
        lambda it: garbled(it, "account_id", "leg")
    )

    @settings(some, max_examples=20)
    @given(dozen(st.tuples(bills, calls)))
    def each(drawn: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        for bill, call in drawn:
            assert deployment.bill(json.dumps(bill)) == []
            assert deployment.take_call(json.dumps(call)) == []
        nothing_passes()

    each()
    deployment.let_time_pass(10)


def test_the_fields_of_a_billing_event_that_is_posted(
    deployment: Deployment, nothing_passes: Callable[[], None]
) -> None:
    deployment.set_billing_key(KEY)
    deployment.connect(4564)
    events = [payment(), refund()]
    statuses: Counter[int] = Counter()

    @some
    @given(dozen(st.sampled_from(events).flatmap(lambda it: garbled(it, "status", "metadata"))))
    def each(drawn: list[dict[str, Any]]) -> None:
        # A billing system of one's own may ask so often.
        deployment.clock.advance(seconds=2)
        for body in (drawn, *drawn):
            posted = http_event("POST", "/billing", body=json.dumps(body))
            posted["headers"]["authorization"] = f"Bearer {KEY}"
            statuses[answered(deployment, "billing", posted)] += 1
        for values in drawn:
            asked = http_event("GET", f"/billing/{values['event_id']}")
            asked["headers"]["authorization"] = f"Bearer {KEY}"
            assert answered(deployment, "billing", asked) in (200, 404)
        nothing_passes()

    each()
    assert set(statuses) <= {202, 400, 409}
    assert {202, 400} <= set(statuses)


def test_the_fields_of_what_stripe_has_signed(
    deployment: Deployment, nothing_passes: Callable[[], None]
) -> None:
    deployment.set_stripe_secret(SECRET)
    deployment.connect(4564)
    parts = st.tuples(
        st.booleans(), *[garbled(it()) for it in (line, invoice, credit, credit_note)]
    )

    @some
    @given(dozen(parts), dozen(garbled({"id": "evt_1Abc", "type": "invoice.paid"})))
    def each(drawn: list[Any], spoilt_events: list[dict[str, Any]]) -> None:
        for (is_paid, of, whole, credited, note), outer in zip(drawn, spoilt_events, strict=True):
            inner, about = (of, whole) if is_paid else (credited, note)
            kind = "invoice.paid" if is_paid else "credit_note.created"
            lines = {"data": [inner], "has_more": False}
            for told in (
                event(kind, about),
                event(kind, {**about, "lines": lines}),
                {**event(kind, about), **outer},
            ):
                body, header = signed_by_stripe(json.dumps(told), deployment.clock())
                posted = http_event("POST", "/billing/stripe", body=body)
                posted["headers"]["stripe-signature"] = header
                assert answered(deployment, "billing", posted) in (200, 400)
        nothing_passes()

    each()
    # What is kept of it has nothing of the garbage: not even as it came.
    for body, reason in deployment.dead_letters():
        clean([body, reason])
