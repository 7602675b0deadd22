"""Payments and refunds, from the queue to the platform's own list."""

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.payments.entry import EntryState
from tests.deployment import Deployment, payment, refund


def test_a_payment_is_reported_as_it_was_billed(connected: Deployment) -> None:
    assert connected.bill(payment()) == []
    [paid] = connected.simulator.payments(4564)
    assert (str(paid.payment_sum), paid.currency_iso) == ("990.99", "EUR")
    assert (paid.payment_date, paid.period_from, paid.period_to) == (
        "2026-11-01 10:10:00",
        "2026-11-01 00:00:00",
        "2026-11-30 23:59:59",
    )
    entry = connected.entry("payment#inv-1")
    assert (entry.state, entry.platform_id, entry.attempt) == (EntryState.SENT, paid.id, 1)
    assert entry.due_at is None


def test_the_call_carries_what_the_platform_documents(connected: Deployment) -> None:
    connected.bill(payment())
    [call] = connected.simulator.calls("payment")
    assert call.violation == ""
    assert call.body["payment_sum"] == 990.99
    assert call.headers["accept"] == "application/vnd.api.v2+json"


# Delivered again (F5, D3, D14)


@pytest.mark.parametrize("times", [2, 10])
def test_one_event_delivered_again_is_one_payment(connected: Deployment, times: int) -> None:
    for _ in range(times):
        assert connected.bill(payment()) == []
    assert len(connected.simulator.payments(4564)) == 1
    assert len(connected.simulator.calls("payment")) == 1


def test_the_same_facts_in_other_words_are_the_same_event(connected: Deployment) -> None:
    connected.bill(payment())
    again: dict[str, Any] = {
        "amount": "990.990",
        "paid_at": "2026-11-01T12:10:00+02:00",
        "status": "paid",
    }
    connected.bill(payment(**again, metadata={"note": "again"}))
    assert len(connected.simulator.calls("payment")) == 1
    assert connected.dead_letters() == []


def test_the_same_id_with_another_amount_is_refused_with_its_reason(
    connected: Deployment,
) -> None:
    connected.bill(payment())
    assert connected.bill(payment(amount="991.00")) == []
    assert len(connected.simulator.payments(4564)) == 1
    [(body, reason)] = connected.dead_letters()
    assert '"991.00"' in body
    assert reason == "payment#inv-1 was received before with other facts"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("not json", "invalid: not JSON"),
        ("[]", "invalid: not a JSON object"),
        (json.dumps({f"f-{it}": it for it in range(101)}), "invalid: more than 100 fields"),
        ('{"type": "gift"}', "invalid: type: must be payment or refund"),
        ('{"type": "refund", "event_id": "r"}', "invalid: payment_event_id: is missing"),
        (json.dumps(payment(dry_run=True)), "invalid: dry_run: no such field"),
        (
            json.dumps(payment(status="pending")),
            "invalid: status: Input should be 'succeeded', 'completed' or 'paid'",
        ),
    ],
)
def test_what_is_no_event_is_kept_with_its_reason(
    connected: Deployment, message: str, reason: str
) -> None:
    assert connected.bill(message) == []
    assert connected.dead_letters() == [(message, reason)]


def test_so_is_the_longest_message_of_sqs_without_its_reason(connected: Deployment) -> None:
    message = "x" * 1024 * 1024
    assert connected.bill(message) == []
    assert connected.dead_letters() == [(message, "")]


# Lost answers (D3, D4, D18)

DONE_BUT_NOT_SAID = [
    ("drop_answer", {}),
    ("cut_answer", {}),
    ("html_done", {}),
    ("empty", {}),
    ("late_answer", {"seconds": 5.5}),
    ("trickle", {"seconds": 0.2}),
]


@pytest.mark.parametrize(("kind", "details"), DONE_BUT_NOT_SAID)
def test_an_answer_that_was_lost_leaves_one_payment_and_an_unknown(
    connected: Deployment, kind: str, details: dict[str, Any]
) -> None:
    connected.simulator.fault("payment", kind, **details)
    assert connected.bill(payment()) == []
    assert connected.entry("payment#inv-1").state is EntryState.UNKNOWN
    connected.bill(payment())
    connected.let_time_pass(14)
    assert len(connected.simulator.payments(4564)) == 1
    assert len(connected.simulator.calls("payment")) == 1
    assert connected.entry("payment#inv-1").state is EntryState.UNKNOWN


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        ("drop_request", {}),
        ("success_false", {}),
        ("html", {}),
        ("status", {"status": 500}),
        ("status", {"status": 503}),
        ("status", {"status": 400}),
    ],
)
def test_what_proves_nothing_is_unknown_and_not_sent_again(
    connected: Deployment, kind: str, details: dict[str, Any]
) -> None:
    connected.simulator.fault("payment", kind, **details)
    connected.bill(payment())
    connected.let_time_pass(14)
    assert connected.entry("payment#inv-1").state is EntryState.UNKNOWN
    assert len(connected.simulator.calls("payment")) == 1


def test_a_platform_that_cannot_be_reached_is_tried_again(connected: Deployment) -> None:
    connected.simulator.stop()
    assert connected.bill(payment()) == []
    waiting = connected.entry("payment#inv-1")
    assert (waiting.state, waiting.why) == (EntryState.PENDING, "ConnectError")
    connected.simulator.port = int(connected.environments["payments"]["PLATFORM_APP_URL"][17:])
    connected.simulator.start()
    connected.let_time_pass(2)
    assert connected.entry("payment#inv-1").state is EntryState.SENT
    assert len(connected.simulator.payments(4564)) == 1


def test_too_many_requests_waits_as_long_as_the_platform_asks(connected: Deployment) -> None:
    connected.simulator.fault("payment", "status", status=429, retry_after=600)
    connected.bill(payment())
    connected.let_time_pass(9)
    assert connected.entry("payment#inv-1").state is EntryState.PENDING
    connected.let_time_pass(2)
    assert connected.entry("payment#inv-1").state is EntryState.SENT


@pytest.mark.parametrize("status", [401, 403, 404, 406])
def test_a_wrong_token_or_address_rejects_no_money(connected: Deployment, status: int) -> None:
    connected.simulator.fault("payment", "status", times=2, status=status, message="No.")
    connected.bill(payment())
    assert connected.entry("payment#inv-1").state is EntryState.PENDING
    connected.let_time_pass(5)
    assert connected.entry("payment#inv-1").state is EntryState.SENT
    assert len(connected.simulator.payments(4564)) == 1


def test_a_refusal_that_a_new_connect_may_have_overtaken_is_believed_the_second_time(
    connected: Deployment,
) -> None:
    """The platform refused because nothing was installed, and when asked why, something was."""
    said = "The application is not installed in the location."
    connected.simulator.fault("payment", "status", status=422, message=said)
    connected.simulator.disconnect(4564)
    connected.simulator.grant(4564)
    connected.simulator.platform.activate(4564)
    connected.bill(payment())
    assert connected.entry("payment#inv-1").state is EntryState.PENDING
    connected.let_time_pass(2)
    assert connected.entry("payment#inv-1").state is EntryState.SENT
    connected.simulator.fault("payment", "status", status=422, message="Too early.", times=2)
    connected.simulator.disconnect(4564)
    connected.simulator.grant(4564)
    connected.simulator.platform.activate(4564)
    connected.bill(payment("inv-2"))
    connected.let_time_pass(2)
    assert connected.entry("payment#inv-2").state is EntryState.REJECTED


def test_a_rotated_token_is_fetched_once_and_the_payment_goes_out(connected: Deployment) -> None:
    connected.bill(payment("inv-0"))
    connected.simulator.partner_token = "rotated-token"
    connected.set_token("rotated-token")
    connected.bill(payment())
    assert connected.entry("payment#inv-1").state is EntryState.SENT
    assert [call.status for call in connected.simulator.calls("payment")] == [200, 401, 200]


def test_a_payment_that_the_platform_rejects_twice_is_final(connected: Deployment) -> None:
    connected.simulator.fault("payment", "status", status=422, message="Too early.", times=3)
    connected.bill(payment())
    assert connected.entry("payment#inv-1").state is EntryState.PENDING
    connected.let_time_pass(10)
    entry = connected.entry("payment#inv-1")
    assert (entry.state, entry.why) == (EntryState.REJECTED, "Too early.")
    first, second = connected.simulator.calls("payment")
    # A status that lags does so for less than a minute.
    assert second.at - first.at >= timedelta(seconds=60)


# The state of the location


def test_a_payment_for_a_location_never_connected_is_held(deployment: Deployment) -> None:
    assert deployment.bill(payment()) == []
    assert deployment.entry("payment#inv-1").state is EntryState.HELD
    assert deployment.simulator.calls("payment") == []


def test_a_payment_for_a_disabled_location_goes_out_after_reconnect(
    connected: Deployment,
) -> None:
    connected.simulator.disconnect(4564)
    connected.webhook(connected.event(4564))
    connected.reconcile()
    connected.bill(payment())
    connected.let_time_pass(60, step=20)
    assert connected.entry("payment#inv-1").state is EntryState.HELD
    assert connected.simulator.calls("payment") == []

    assert connected.connect(4564).standings == {4564: "connected"}
    connected.reconcile()
    assert connected.entry("payment#inv-1").state is EntryState.SENT
    assert len(connected.simulator.payments(4564)) == 1


def test_a_payment_sent_before_the_uninstall_was_known_is_held_not_rejected(
    connected: Deployment,
) -> None:
    connected.simulator.disconnect(4564)
    connected.bill(payment())
    assert connected.entry("payment#inv-1").state is EntryState.HELD
    assert connected.simulator.payments(4564) == []


def test_a_payment_thaws_a_frozen_location(connected: Deployment) -> None:
    """D11: freeze keeps the link, and a payment thaws it without a new callback."""
    connected.simulator.expire(4564)
    connected.webhook(connected.event(4564, "freeze"))
    connected.reconcile()
    assert connected.connection(4564).state == "frozen"
    connected.bill(payment())
    assert connected.simulator.state(4564) == "active"
    connected.let_time_pass(15)
    assert connected.connection(4564).state == "active"
    assert connected.connection(4564).generation == 1
    assert len(connected.simulator.calls("callback")) == 1


# Refunds


def test_a_refund_names_the_platforms_own_id(connected: Deployment) -> None:
    connected.bill(payment())
    connected.bill(refund(location_id=4564))
    [paid] = connected.simulator.payments(4564)
    assert paid.is_refunded
    entry = connected.entry("refund#ref-1")
    assert (entry.state, entry.platform_id, entry.location_id) == (EntryState.SENT, paid.id, 4564)


def test_a_refund_delivered_again_is_one_call(connected: Deployment) -> None:
    connected.bill(payment())
    for _ in range(3):
        connected.bill(refund())
    assert len(connected.simulator.calls("refund")) == 1


def test_a_refund_of_what_altegio_has_given_back_itself_believes_the_list(
    connected: Deployment,
) -> None:
    connected.bill(payment())
    connected.simulator.platform.refund(connected.entry("payment#inv-1").platform_id or 0)
    connected.bill(refund())
    assert [it.status for it in connected.simulator.calls("refund")] == [422]
    assert connected.entry("refund#ref-1").state is EntryState.SENT


def test_a_refund_of_another_locations_payment_is_refused(connected: Deployment) -> None:
    """D10."""
    connected.bill(payment())
    connected.bill(refund(location_id=4232))
    entry = connected.entry("refund#ref-1")
    assert (entry.state, entry.why) == (
        EntryState.REJECTED,
        "its payment is of another location",
    )
    assert connected.simulator.calls("refund") == []


def test_a_refund_waits_for_its_payment(connected: Deployment) -> None:
    connected.bill(refund())
    assert connected.entry("refund#ref-1").state is EntryState.PENDING
    connected.bill(payment())
    connected.let_time_pass(5)
    assert connected.entry("refund#ref-1").state is EntryState.SENT
    assert connected.simulator.payments(4564)[0].is_refunded


def test_a_refund_of_an_unknown_payment_is_not_sent_and_asks_a_person_in_the_end(
    connected: Deployment,
) -> None:
    connected.simulator.fault("payment", "drop_request")
    connected.bill(payment())
    connected.bill(refund())
    connected.let_time_pass(60 * 24 * 7, step=180)
    entry = connected.entry("refund#ref-1")
    assert entry.state is EntryState.NEEDS_HUMAN
    assert entry.why == "its payment was NEEDS_HUMAN at the last try; waited long enough"
    assert connected.simulator.calls("refund") == []


def test_a_refund_whose_answer_was_lost_is_found_and_not_repeated(
    connected: Deployment,
) -> None:
    connected.bill(payment())
    connected.simulator.fault("refund", "drop_answer")
    connected.bill(refund())
    assert connected.entry("refund#ref-1").state is EntryState.UNKNOWN
    connected.let_time_pass(20)
    assert connected.entry("refund#ref-1").state is EntryState.SENT
    assert len(connected.simulator.calls("refund")) == 1


@pytest.mark.parametrize("kind", ["empty", "html_done", "success_false"])
def test_a_refund_is_confirmed_by_an_empty_answer_and_not_by_any_other(
    connected: Deployment, kind: str
) -> None:
    connected.bill(payment())
    connected.simulator.fault("refund", kind)
    connected.bill(refund())
    expected = EntryState.SENT if kind == "empty" else EntryState.UNKNOWN
    assert connected.entry("refund#ref-1").state is expected


@pytest.mark.parametrize(("status", "paid"), [(422, False), (429, False), (500, True)])
def test_only_what_may_have_been_taken_is_told_as_paid_while_it_was_frozen(
    deployment: Deployment, status: int, *, paid: bool
) -> None:
    deployment.connect(4564)
    deployment.simulator.expire(4564)
    deployment.webhook(deployment.event(4564, "freeze"))
    deployment.reconcile()
    deployment.simulator.fault("payment", "status", status=status)
    deployment.bill(payment())
    words = [line.words for line in deployment.journal.of_location(4564)]
    assert ("paid while it was frozen" in words) is paid
    assert (deployment.connection(4564).hint == "payment") is paid
