"""What an answer of the platform proves about a payment or a refund, and what is sent to it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.altegio import marketplace
from shared.altegio.client import Reply
from shared.altegio.outcome import Blocked, NotTaken, Outcome, Rejected, Sent, Unclear
from shared.clock import from_wire, wire
from shared.payments import entry as payment
from shared.payments.entry import Entry, EntryState
from shared.payments.facts import RefundFacts
from shared.payments.settings import LedgerPolicy
from tests.altegio.replies import BERLIN, GARBAGE, HTML, NEW_YORK, REFUSAL, ZONE, reply, short

NOW = datetime(2026, 11, 1, 10, 10, tzinfo=UTC)

# A payment: only a clear yes is a yes, only a clear no is a no, all else is Unclear


def test_the_documented_answer_is_taken_with_its_id() -> None:
    assert marketplace.read_payment(reply(200, {"success": True, "data": {"id": 123}})) == Sent(123)
    assert marketplace.read_payment(
        reply(200, {"success": True, "data": {"id": 123, "more": 1.5}, "meta": []})
    ) == Sent(123)


@pytest.mark.parametrize("body", [*GARBAGE, REFUSAL], ids=short)
def test_a_200_without_a_payment_id_is_unclear(body: bytes) -> None:
    assert isinstance(marketplace.read_payment(reply(200, body)), Unclear)


@pytest.mark.parametrize(
    "payment_id", [None, True, False, 0, -5, 123.0, 1.5, "12x", "", [123], {"id": 123}, 10**40]
)
def test_an_id_that_is_no_positive_whole_number_is_unclear(payment_id: Any) -> None:
    answer = reply(200, {"success": True, "data": {"id": payment_id}})
    assert isinstance(marketplace.read_payment(answer), Unclear)


@pytest.mark.parametrize(
    "body",
    [
        {"success": False, "data": {"id": 123}},
        {"success": None, "data": {"id": 123}},
        {"success": "true", "data": {"id": 123}},
        {"success": 1, "data": {"id": 123}},
        {"data": {"id": 123}},
        {"success": True, "id": 123},
        {"success": True, "data": [{"id": 123}]},
        {"success": True, "data": 123},
        {"success": True},
        [{"success": True, "data": {"id": 123}}],
    ],
    ids=short,
)
def test_a_200_of_another_form_is_unclear(body: Any) -> None:
    assert isinstance(marketplace.read_payment(reply(200, body)), Unclear)


type Read = Callable[[Reply], Outcome]


def read_refund(answer: Reply) -> Outcome:
    return marketplace.read_refund(answer, 123)


READERS: list[Read] = [marketplace.read_payment, read_refund]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (401, Blocked(401, "An error has occurred.")),
        (403, Blocked(403, "An error has occurred.")),
        (404, Blocked(404, "An error has occurred.")),
        (406, Blocked(406, "An error has occurred.")),
        (422, Rejected("An error has occurred.")),
        (429, NotTaken("429 too many requests")),
    ],
)
def test_the_allow_list_of_refusals(read: Read, code: int, outcome: Outcome) -> None:
    assert read(reply(code, REFUSAL)) == outcome


OTHERS = (
    100, 199, 201, 202, 203, 204, 206, 301, 302, 303, 304, 307, 308, 400, 402, 405, 407, 408, 409,
    410, 411, 413, 415, 418, 423, 424, 425, 426, 428, 431, 451, 499, 500, 501, 502, 503, 504, 508,
    511, 520, 522, 524, 599, 0, 999,
)  # fmt: skip


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "body", [b"", HTML, REFUSAL, b'{"success":true,"data":{"id":123}}'], ids=short
)
def test_every_other_answer_is_unclear(read: Read, body: bytes) -> None:
    for code in OTHERS:
        assert isinstance(read(reply(code, body)), Unclear), code


def test_no_answer_raises_and_only_the_allow_list_proves_anything() -> None:
    sent_with = set()

    @given(
        st.integers(100, 599) | st.just(200),
        st.binary(max_size=100) | st.just(b'{"success":true,"data":{"id":123}}'),
        st.sampled_from(READERS),
    )
    def each(code: int, body: bytes, read: Read) -> None:
        outcome = read(Reply(code, body))
        if code not in (200, 401, 403, 404, 406, 422, 429):
            assert isinstance(outcome, Unclear)
        if isinstance(outcome, Sent):
            sent_with.add(code)

    each()
    assert sent_with == {200}


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("body", GARBAGE, ids=short)
def test_a_refusal_needs_no_readable_body(read: Read, body: bytes) -> None:
    assert read(reply(403, body)) == Blocked(403, "")
    assert read(reply(422, body)) == Rejected("422 without a reason")
    assert read(reply(429, body, retry_after_s=7)) == NotTaken("429 too many requests", 7)


@pytest.mark.parametrize("read", READERS)
def test_the_wait_that_the_platform_asks_for_is_kept(read: Read) -> None:
    outcome = read(reply(429, REFUSAL, retry_after_s=1800))
    assert isinstance(outcome, NotTaken)
    entry = payment.claimed(ENTRY, NOW, RULES)
    put_off = payment.released(entry, outcome.why, NOW, RULES, retry_after_s=outcome.retry_after_s)
    assert put_off.due_at == NOW + timedelta(seconds=1800)


def test_the_platform_s_words_become_one_line() -> None:
    body = {"success": False, "meta": {"message": "one\r\ntwo\x00\u2028" + "x" * 500}}
    message = reply(422, body).message()
    assert message.startswith("one  two  xxx")
    assert message.isprintable()
    assert len(message) == 200
    metas: tuple[Any, ...] = (None, [], {}, "text", {"message": None}, {"message": ["x"]})
    for meta in metas:
        assert reply(422, {"success": False, "meta": meta}).message() == ""


# A refund: its 200 is documented without a body


@pytest.mark.parametrize(
    "body",
    [b"", b" \n", b"{}", b'{"success":true,"data":null,"meta":{}}', b'{"success":true,"meta":[]}'],
)
def test_a_confirmed_refund_keeps_the_payment_s_own_id(body: bytes) -> None:
    assert read_refund(reply(200, body)) == Sent(123)


@pytest.mark.parametrize(
    "body", [REFUSAL, HTML, b"OK", b"null", b"[]", b"true", b"{", b'{"success":false}'], ids=short
)
def test_a_200_that_does_not_confirm_the_refund_is_unclear(body: bytes) -> None:
    assert isinstance(read_refund(reply(200, body)), Unclear)


# What is sent


def body_of(zone: ZoneInfo, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "amount": Decimal("990.99"),
        "currency": "EUR",
        "paid_at": datetime(2026, 11, 1, 10, 10, tzinfo=UTC),
        "period_from": datetime(2026, 11, 1, tzinfo=UTC),
        "period_to": datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC),
        **changes,
    }
    return marketplace.payment_body(101, 4564, zone=zone, **values)


def test_the_payment_notice_is_the_documented_one() -> None:
    assert json.dumps(body_of(ZONE)) == (
        '{"salon_id": 4564, "application_id": 101, "payment_sum": 990.99, "currency_iso": "EUR", '
        '"payment_date": "2026-11-01 10:10:00", "period_from": "2026-11-01 00:00:00", '
        '"period_to": "2026-11-30 23:59:59"}'
    )


def test_ids_and_sum_are_json_numbers() -> None:
    sent = body_of(ZONE, amount=Decimal("100.00"))
    assert [type(sent[name]) for name in ("salon_id", "application_id", "payment_sum")] == [int] * 3
    assert json.dumps(sent["payment_sum"]) == "100"


@pytest.mark.parametrize(
    ("instant", "in_berlin"),
    [
        ("2026-07-01T00:00:00+00:00", "2026-07-01 02:00:00"),
        ("2026-11-01T00:00:00+00:00", "2026-11-01 01:00:00"),
        ("2026-03-29T00:59:59+00:00", "2026-03-29 01:59:59"),  # the last second of winter
        ("2026-03-29T01:00:00+00:00", "2026-03-29 03:00:00"),
        ("2026-10-25T00:59:59+00:00", "2026-10-25 02:59:59"),  # the last second of summer
        ("2026-10-25T01:00:00+00:00", "2026-10-25 02:00:00"),
        ("2026-11-01T12:10:00+02:00", "2026-11-01 11:10:00"),
        ("2026-12-31T23:30:00-00:00", "2027-01-01 00:30:00"),
    ],
)
def test_dates_go_out_in_the_zone_of_the_platform(instant: str, in_berlin: str) -> None:
    moment = datetime.fromisoformat(instant)
    sent = body_of(BERLIN, paid_at=moment, period_from=moment, period_to=moment)
    assert {sent["payment_date"], sent["period_from"], sent["period_to"]} == {in_berlin}


@given(
    st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30)),  # noqa: DTZ001 - zoned below
    st.sampled_from([ZONE, BERLIN, NEW_YORK, ZoneInfo("Asia/Kathmandu")]),
)
def test_a_date_that_went_out_comes_back_as_the_same_instant(
    moment: datetime, zone: ZoneInfo
) -> None:
    instant = moment.replace(microsecond=0, tzinfo=UTC)
    text = wire(instant, zone)
    assert len(text) == 19
    # In the hour that comes twice, the wire cannot say which of the two is meant.
    if not instant.astimezone(zone).fold:
        assert from_wire(text, zone) == instant


# The ledger's entries: the only ways in which they change


RULES = LedgerPolicy(
    lease_s=60, absence_delay_s=900, retry_base_s=30, held_recheck_s=600, refund_wait_s=259_200
)

ENTRY = Entry(
    key="refund#ref-1001",
    location_id=4564,
    digest="0" * 64,
    facts=RefundFacts("inv-1001"),
    state=EntryState.PENDING,
    received_at=NOW - timedelta(hours=1),
    attempt=2,
    due_at=NOW,
)
