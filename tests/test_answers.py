"""What an answer of the platform proves, what is sent to it, and what may become of an entry."""

import ast
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]  # ships no types

from shared.altegio import marketplace
from shared.altegio.client import NoAnswer, Refused, Reply, Unreachable
from shared.altegio.outcome import Blocked, NotTaken, Outcome, Rejected, Sent, Unclear
from shared.altegio.status import Installed, ListedPayment, Status, Transition
from shared.clock import from_wire, wire
from shared.payments import entry as payment
from shared.payments.entry import Entry, EntryState
from shared.payments.settings import LedgerPolicy
from shared.states import NoSuchChange

ZONE = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 1, 10, 10, tzinfo=UTC)

HTML = b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"
REFUSAL = (
    b'{"success":false,"data":null,'
    b'"meta":{"message":"An error has occurred.","errors":[{"x":["y"]}]}}'
)
# Nobody may conclude anything from these, whatever their status.
GARBAGE = [
    b"",
    b" \r\n",
    HTML,
    b"OK",
    b"null",
    b"[]",
    b"true",
    b"7",
    b'"123"',
    b"{",
    b"\xff\xfe\x00",
    b'{"success":true,"data":{"id":123}',
    b"[" * 100_000,
    b'{"success":true,"data":{"id":' + b"9" * 5000 + b"}}",
    b'{"success":true,"data":{"id":1e99999999999999999999}}',
]


def reply(code: int, body: Any = b"", retry_after_s: float = 0.0) -> Reply:
    return Reply(
        code, body if isinstance(body, bytes) else json.dumps(body).encode(), retry_after_s
    )


def short(value: Any) -> str:
    return ascii(value)[:40]


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


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "code",
    [100, 199, 201, 202, 203, 204, 206, 301, 302, 303, 304, 307, 308, 400, 402, 405, 407, 408, 409,
     410, 411, 413, 415, 418, 423, 424, 425, 426, 428, 431, 451, 499, 500, 501, 502, 503, 504, 508,
     511, 520, 522, 524, 599, 0, 999],
)  # fmt: skip
@pytest.mark.parametrize(
    "body", [b"", HTML, REFUSAL, b'{"success":true,"data":{"id":123}}'], ids=short
)
def test_every_other_answer_is_unclear(read: Read, code: int, body: bytes) -> None:
    assert isinstance(read(reply(code, body)), Unclear)


@given(st.integers(100, 599), st.binary(max_size=100), st.sampled_from(READERS))
@settings(max_examples=200)
def test_no_answer_raises_and_only_the_allow_list_proves_anything(
    code: int, body: bytes, read: Read
) -> None:
    outcome = read(Reply(code, body))
    if code not in (200, 401, 403, 404, 406, 422, 429):
        assert isinstance(outcome, Unclear)
    if isinstance(outcome, Sent):
        assert code == 200


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


# The status


STATUS: dict[str, Any] = {
    "connection_status": {"status": "active", "created_at": "2022-06-27 12:20:02"},
    "payments": [
        {
            "id": 123,
            "payment_sum": 990.99,
            "payment_date": "2022-07-01 10:10:00",
            "is_refunded": False,
            "period_from": "2022-07-01 00:00:00",
            "period_to": "2022-07-31 23:59:59",
        },
        {"id": 124, "is_refunded": True, "refunded_at": "2022-07-26 20:51:40"},
    ],
    "logs": [
        {
            "changed_at": "2022-06-27 12:20:02",
            "status_from": "pending",
            "status_to": "active",
            "source": "partner_api",
        },
        {
            "changed_at": "2022-06-27 12:19:00",
            "status_from": "uninstalled",
            "status_to": "pending",
            "source": "marketplace",
        },
    ],
}


def status_reply(**changes: Any) -> Reply:
    return reply(200, {"success": True, "data": {**STATUS, **changes}, "meta": {}})


def test_the_documented_status_is_read_in_the_zone_of_the_platform() -> None:
    active_at = datetime(2022, 6, 27, 10, 20, 2, tzinfo=UTC)
    granted_at = datetime(2022, 6, 27, 10, 19, tzinfo=UTC)
    assert marketplace.read_status(status_reply(), BERLIN) == Status(
        installed=Installed.ACTIVE,
        since=active_at,
        log=(
            Transition(granted_at, "uninstalled", "pending"),
            Transition(active_at, "pending", "active"),
        ),
        payments=(
            ListedPayment(
                id=123,
                amount=Decimal("990.99"),
                paid_at="2022-07-01 10:10:00",
                period_from="2022-07-01 00:00:00",
                period_to="2022-07-31 23:59:59",
                is_refunded=False,
            ),
            ListedPayment(124, None, "None", "None", "None", is_refunded=True),
        ),
    )


@pytest.mark.parametrize("newest_first", [False, True])
def test_what_happened_within_one_second_is_read_in_its_order(*, newest_first: bool) -> None:
    words = ("uninstalled", "pending", "active", "uninstalled", "pending", "pending", "active")
    logs = [
        {"changed_at": "2022-06-27 12:20:02", "status_from": before, "status_to": after}
        for before, after in pairwise(words)
    ]
    told = marketplace.read_status(status_reply(logs=logs[::-1] if newest_first else logs), ZONE)
    assert [(entry.before, entry.after) for entry in told.log] == [*pairwise(words)]


@pytest.mark.parametrize("amount", ["sNaN", "NaN", "Infinity", "1E+999999", "1E-999999", "x", ""])
def test_a_sum_that_no_table_can_hold_cannot_be_read(amount: str) -> None:
    answer = status_reply(payments=[{"id": 123, "payment_sum": amount}])
    [row] = marketplace.read_status(answer, ZONE).payments
    assert (row.id, row.amount) == (123, None)


@pytest.mark.parametrize(
    ("word", "installed"),
    [
        ("pending", Installed.PENDING),
        ("active", Installed.ACTIVE),
        ("freezed", Installed.FREEZED),
        ("uninstalled", Installed.NO),
    ],
)
def test_each_documented_state_is_read(word: str, installed: Installed) -> None:
    answer = status_reply(connection_status={"status": word, "created_at": None})
    assert marketplace.read_status(answer, ZONE).installed is installed


@pytest.mark.parametrize("body", [REFUSAL, b'{"meta":{}}', b"{}", b""], ids=short)
def test_a_404_of_the_platform_says_that_it_is_not_installed(body: bytes) -> None:
    assert marketplace.read_status(reply(404, body), ZONE) == Status(Installed.NO, since=None)


@pytest.mark.parametrize("body", [HTML, b"[]", b'{"message":"Not Found"}'], ids=short)
def test_a_404_of_somebody_in_between_says_nothing(body: bytes) -> None:
    with pytest.raises((Unreachable, Refused)):
        marketplace.read_status(reply(404, body), ZONE)


def test_an_id_in_a_string_is_an_id() -> None:
    """YCLIENTS writes some numbers as strings."""
    answer = reply(200, {"success": True, "data": {"id": "123"}})
    assert marketplace.read_payment(answer) == Sent(123)


@pytest.mark.parametrize("code", [400, 401, 403, 405, 406, 418, 422, 429, 499])
def test_a_refused_status_says_nothing_of_the_location(code: int) -> None:
    with pytest.raises(Refused) as caught:
        marketplace.read_status(reply(code, REFUSAL), ZONE)
    assert (caught.value.status, caught.value.message) == (code, "An error has occurred.")


@pytest.mark.parametrize("code", [201, 202, 204, 301, 302, 304, 500, 502, 503, 504])
def test_a_status_without_its_data_says_nothing(code: int) -> None:
    with pytest.raises(NoAnswer):
        marketplace.read_status(reply(code, {"success": True, "data": STATUS}), ZONE)


@pytest.mark.parametrize("body", [*GARBAGE, REFUSAL], ids=short)
def test_a_status_that_cannot_be_read_says_nothing(body: bytes) -> None:
    with pytest.raises(NoAnswer):
        marketplace.read_status(reply(200, body), ZONE)


@pytest.mark.parametrize(
    "changes",
    [
        {"connection_status": None},
        {"connection_status": []},
        {"connection_status": "active"},
        {"connection_status": {}},
        {"connection_status": {"status": None}},
        {"connection_status": {"status": "frozen"}},
        {"connection_status": {"status": "ACTIVE"}},
        {"connection_status": {"status": ["active"]}},
        {"connection_status": {"status": "active", "created_at": "yesterday"}},
        {"connection_status": {"status": "active", "created_at": "0000-00-00 00:00:00"}},
        {"connection_status": {"status": "active", "created_at": "0001-01-01 00:00:00"}},
        {"connection_status": {"status": "active", "created_at": 1656332402}},
        {"logs": "x"},
        {"logs": 5},
        {"logs": [None]},
        {"logs": [{}]},
        {"logs": {"0": {}}},
        {"logs": [{"changed_at": None, "status_from": "pending", "status_to": "active"}]},
        {"logs": [{"changed_at": "2022-06-27", "status_from": "a", "status_to": "b"}]},
        {"payments": "x"},
        {"payments": {"124": {"id": 124}}},
    ],
    ids=short,
)
def test_a_status_of_an_unknown_form_says_nothing(changes: Any) -> None:
    with pytest.raises(Unreachable):
        marketplace.read_status(status_reply(**changes), BERLIN)


@pytest.mark.parametrize("row", [None, [], {}, {"is_refunded": True}, {"id": [1]}, {"id": "x"}])
def test_a_payment_that_cannot_be_read_does_not_hide_the_rest(row: Any) -> None:
    read = marketplace.read_status(status_reply(payments=[row]), BERLIN)
    assert read.installed is Installed.ACTIVE
    assert [listed.amount for listed in read.payments] == [None]


def test_a_date_at_the_end_of_time_says_nothing_in_any_zone() -> None:
    last = {"status": "active", "created_at": "9999-12-31 23:59:59"}
    with pytest.raises(Unreachable):
        marketplace.read_status(status_reply(connection_status=last), NEW_YORK)


@pytest.mark.parametrize("empty", [None, [], {}, ...])
def test_a_status_without_log_or_payments_is_read(empty: Any) -> None:
    data = {"connection_status": {"status": "active"}}
    if empty is not ...:
        data = {**data, "logs": empty, "payments": empty}
    read = marketplace.read_status(reply(200, {"success": True, "data": data}), ZONE)
    assert read == Status(installed=Installed.ACTIVE, since=None)


def test_the_locations_of_a_page_are_their_ids() -> None:
    """YCLIENTS writes some numbers as strings."""
    rows = [{"id": 4564, "title": "One"}, {"id": "4232"}]
    body = {"success": True, "data": rows, "meta": []}
    assert marketplace.read_locations(reply(200, body)) == (4564, 4232)
    assert marketplace.read_locations(reply(200, {"success": True, "data": []})) == ()


@pytest.mark.parametrize("data", [None, {}, "x", [None], [{}], [{"id": 4564}, {"id": "x"}]])
def test_locations_that_cannot_be_read_are_no_list(data: Any) -> None:
    """A list with a gap would read as a location that is not connected."""
    with pytest.raises(NoAnswer):
        marketplace.read_locations(reply(200, {"success": True, "data": data}))


@pytest.mark.parametrize("body", [*GARBAGE, REFUSAL], ids=short)
def test_garbage_is_no_list_of_locations(body: bytes) -> None:
    with pytest.raises(NoAnswer):
        marketplace.read_locations(reply(200, body))
    with pytest.raises(Refused):
        marketplace.read_locations(reply(404, body))


@pytest.mark.parametrize("is_refunded", [None, False, 0, "", "false"])
def test_only_a_clear_yes_is_a_refund(is_refunded: Any) -> None:
    answer = status_reply(payments=[{"id": 123, "is_refunded": is_refunded}, {"id": 124}])
    assert marketplace.read_status(answer, ZONE).refunded == frozenset()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "status",
                    "created_at",
                    "changed_at",
                    "status_from",
                    "status_to",
                    "id",
                    "is_refunded",
                ]
            ),
            inner,
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(STATUS)), json_values))
@settings(max_examples=300)
def test_no_status_raises_anything_but_that_it_is_no_answer(changes: dict[str, Any]) -> None:
    try:
        read = marketplace.read_status(status_reply(**changes), BERLIN)
    except (Unreachable, Refused):
        return
    assert isinstance(read.installed, Installed)


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
@settings(max_examples=150)
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
    facts={"payment_event_id": "inv-1001"},
    state=EntryState.PENDING,
    received_at=NOW - timedelta(hours=1),
    attempt=2,
    due_at=NOW,
)
CHANGES: dict[str, Callable[[Entry], Entry]] = {
    "claimed": lambda entry: payment.claimed(entry, NOW, RULES),
    "sent": lambda entry: payment.sent(entry, 123, NOW),
    "rejected": lambda entry: payment.rejected(entry, "why", NOW),
    "needs_human": lambda entry: payment.needs_human(entry, "why", NOW),
    "unknown": lambda entry: payment.unknown(entry, "why", NOW, RULES),
    "released": lambda entry: payment.released(entry, "why", NOW, RULES),
    "held": lambda entry: payment.held(entry, "why", NOW, RULES),
    "absent": lambda entry: payment.absent(entry, "why", NOW, RULES),
    "looked_at": lambda entry: payment.looked_at(entry, "why", NOW, seconds=30),
    "waiting": lambda entry: payment.waiting(entry, "why", NOW, RULES),
    "woken": lambda entry: payment.woken(entry, NOW, RULES, timedelta(seconds=7)),
    "still_told": lambda entry: payment.still_told(entry, "why", NOW, RULES),
    "recorded": lambda entry: payment.recorded(entry, entry.facts, NOW),
    "known_already": lambda entry: payment.known_already(entry, "payment#inv-1", NOW),
    "put_off": lambda entry: payment.put_off(entry, "why", NOW + timedelta(seconds=5), NOW),
    "adopted": lambda entry: payment.adopted(entry, 123, "why", NOW),
    "reopened": lambda entry: payment.reopened(entry, "why", NOW),
    "looked_for_again": lambda entry: payment.looked_for_again(entry, "why", NOW),
    "closed": lambda entry: payment.closed(entry, "why", NOW),
}
# From where each is used.
STARTS = {
    **dict.fromkeys(CHANGES, EntryState.PENDING),
    **dict.fromkeys(("sent", "rejected", "unknown", "released"), EntryState.SENDING),
    **dict.fromkeys(("absent", "looked_at"), EntryState.UNKNOWN),
    **dict.fromkeys(("still_told", "recorded", "known_already"), EntryState.REPORTED_BY_PLATFORM),
    **dict.fromkeys(("adopted", "reopened", "looked_for_again", "closed"), EntryState.NEEDS_HUMAN),
}
FINAL = (EntryState.SENT, *payment.PARKED)
MAY_HAVE_BEEN_SENT = (EntryState.SENDING, EntryState.UNKNOWN)


def changed(name: str, state: EntryState) -> Entry | None:
    """What a change makes of an entry in that state; None if it refuses to."""
    final = state in FINAL
    before = replace(ENTRY, state=state, due_at=None if final else NOW)
    try:
        return CHANGES[name](before)
    except ValueError:
        return None


def test_every_change_of_an_entry_is_known_here() -> None:
    public = {
        name
        for name, value in vars(payment).items()
        if callable(value)
        and getattr(value, "__module__", "") == payment.__name__
        and not isinstance(value, type)
        and not name.startswith("_")
    }
    # The first changes no state, the second chooses among these, the third only looks.
    assert public == {*CHANGES, "reported_again", "refund_parked", "refund_unlike"}


@pytest.mark.parametrize("state", MAY_HAVE_BEEN_SENT)
@pytest.mark.parametrize("name", sorted(set(CHANGES) - {"released"}))
def test_what_may_have_been_sent_is_never_sent_again(name: str, state: EntryState) -> None:
    after = changed(name, state)
    assert after is None or after.state not in (EntryState.PENDING, EntryState.SENDING)


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_what_was_sent_stays_sent(name: str) -> None:
    after = changed(name, EntryState.SENT)
    assert after is None or after.state is EntryState.SENT


@pytest.mark.parametrize("name", sorted(CHANGES))
@pytest.mark.parametrize("state", EntryState)
def test_only_a_claim_counts_as_an_attempt(name: str, state: EntryState) -> None:
    after = changed(name, state)
    if after is not None:
        assert after.attempt == (3 if name == "claimed" else 2)


@pytest.mark.parametrize("name", sorted(CHANGES))
@pytest.mark.parametrize("state", EntryState)
def test_the_unfinished_has_a_due_time_and_the_final_has_none(name: str, state: EntryState) -> None:
    after = changed(name, state)
    if after is not None:
        assert (after.due_at is None) == (after.state in FINAL)
        assert after.due_at is None or after.due_at >= NOW
        assert after.changed_at == NOW


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_no_change_touches_what_the_billing_system_said(name: str) -> None:
    after = changed(name, STARTS[name])
    assert after is not None
    for kept in ("key", "location_id", "digest", "facts", "received_at"):
        assert getattr(after, kept) == getattr(ENTRY, kept)


@pytest.mark.parametrize(
    ("name", "state", "wait_s"),
    [
        ("claimed", EntryState.SENDING, 60),
        ("unknown", EntryState.UNKNOWN, 900),
        ("held", EntryState.HELD, 600),
        ("woken", EntryState.PENDING, 67),
        ("put_off", EntryState.PENDING, 5),
        ("absent", EntryState.UNKNOWN, 60),
        ("looked_at", EntryState.UNKNOWN, 30),
        ("waiting", EntryState.PENDING, 1800),  # half of the hour that it waits already
        ("reopened", EntryState.PENDING, 0),
        ("looked_for_again", EntryState.UNKNOWN, 0),
    ],
)
def test_how_long_an_entry_waits(name: str, state: EntryState, wait_s: float) -> None:
    after = changed(name, STARTS[name])
    assert after is not None
    assert (after.state, after.due_at) == (state, NOW + timedelta(seconds=wait_s))


WAITING = {"PENDING", "HELD", "REJECTED", "NEEDS_HUMAN"}


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("adopted", WAITING | {"UNKNOWN", "CLOSED"}),
        ("reopened", WAITING | {"CLOSED"}),
        ("looked_for_again", {"NEEDS_HUMAN"}),
        ("closed", WAITING),
    ],
)
def test_what_a_person_may_change(name: str, states: set[str]) -> None:
    assert {str(state) for state in EntryState if changed(name, state)} == states


@pytest.mark.parametrize("name", ["reopened", "looked_for_again"])
def test_an_absence_before_does_not_count_for_what_is_sent_or_looked_for_anew(name: str) -> None:
    seen_once = replace(ENTRY, state=EntryState.NEEDS_HUMAN, absences=1)
    assert CHANGES[name](seen_once).absences == 0


def test_what_was_never_sent_is_not_looked_for() -> None:
    """A refund that waited for its payment in vain."""
    waited = replace(ENTRY, state=EntryState.NEEDS_HUMAN, attempt=0)
    with pytest.raises(NoSuchChange):
        payment.looked_for_again(waited, "why", NOW)


def test_absence_counts_when_it_is_seen_twice_in_a_row() -> None:
    unknown = replace(ENTRY, state=EntryState.UNKNOWN)
    once = payment.absent(unknown, "why", NOW, RULES)
    assert (once.state, once.absences) == (EntryState.UNKNOWN, 1)
    twice = payment.absent(once, "why", NOW, RULES)
    assert (twice.state, twice.absences, twice.due_at) == (EntryState.PENDING, 0, NOW)
    assert payment.looked_at(once, "why", NOW, seconds=1).absences == 0


def test_a_refund_waits_for_its_payment_up_to_a_limit() -> None:
    new = replace(ENTRY, received_at=NOW)
    assert payment.waiting(new, "why", NOW, RULES).due_at == NOW + timedelta(seconds=30)
    limit = timedelta(seconds=259_200)
    assert payment.waiting(new, "why", NOW + limit, RULES).state is EntryState.PENDING
    late = payment.waiting(new, "why", NOW + limit + timedelta(seconds=1), RULES)
    assert (late.state, late.why) == (EntryState.NEEDS_HUMAN, "why; waited long enough")


@given(st.integers(1, 1000), st.floats(0, 3600))
@settings(max_examples=100)
def test_a_release_waits_longer_each_time_and_never_less_than_asked(
    attempt: int, retry_after_s: float
) -> None:
    entry = replace(ENTRY, state=EntryState.SENDING, attempt=attempt)
    after = payment.released(entry, "why", NOW, RULES, retry_after_s=retry_after_s)
    assert after.state is EntryState.PENDING
    assert after.due_at is not None
    wait_s = (after.due_at - NOW).total_seconds()
    longest = min(30 * 2 ** min(attempt - 1, 20), 3600)
    assert wait_s >= retry_after_s - 1e-6
    assert longest / 2 - 1e-6 <= wait_s <= max(longest, retry_after_s) + 1e-6


def test_an_entry_is_released_only_after_a_clear_no() -> None:
    shared = Path(payment.__file__).parents[1]
    found = []
    for path in shared.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        calls = {node for node in ast.walk(tree) if _is_release(node)}
        for case in (node for node in ast.walk(tree) if isinstance(node, ast.match_case)):
            inside = calls & {node for line in case.body for node in ast.walk(line)}
            if inside:
                assert isinstance(case.pattern, ast.MatchClass)
                found.append((path.name, ast.unparse(case.pattern.cls)))
                calls -= inside
        assert not calls, f"{path.name} releases whatever became of the call"
    assert found == [("report.py", "NotTaken"), ("report.py", "Blocked")]


def _is_release(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "released"


def test_the_deadlines_of_the_template_are_in_order() -> None:
    """A function is dead before its lease is over, and its call before an absence is believed."""
    template = yaml_parse((Path(__file__).parents[1] / "template.yaml").read_text("utf-8"))
    default = {name: value["Default"] for name, value in template["Parameters"].items()
               if "Default" in value}  # fmt: skip
    timeouts = [
        resource["Properties"].get("Timeout", template["Globals"]["Function"]["Timeout"])
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]
    assert 0 < default["HttpTotalS"] < min(timeouts)
    assert max(timeouts) <= default["LeaseS"] < default["AbsenceDelayS"]
