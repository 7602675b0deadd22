"""Refunds of something else than a whole payment, which is all that the platform gives back.

Nothing of them is sent, in whatever order they come, and a person is told why.
"""

import json
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.aws.dead_letters import DeadLetters
from shared.payments import billing_event, replay
from shared.payments.entry import EntryState, reopened
from tests.deployment import Deployment, payment, refund
from tests.memory import Memory


@pytest.fixture
def connected(deployment: Deployment) -> Deployment:
    deployment.connect(4564)
    deployment.reconcile()
    return deployment


PART = "amount: is not its payment's, and only a whole payment can be given back"
NOT_THE_WHOLE = [
    ({"amount": "10.00"}, PART),
    ({"amount": 0}, PART),
    ({"amount": "990.991"}, PART),
    ({"amount": "990.99", "currency": "USD"}, "currency: is not its payment's"),
    ({"currency": "USD"}, "currency: is not its payment's"),
]
NOT_A_REFUND = [
    ({"amount": "-10.00"}, "amount: Input should be greater than or equal to 0"),
    ({"status": "pending"}, "status: Input should be 'succeeded', 'completed' or 'refunded'"),
    ({"dry_run": True}, "dry_run: no such field"),
]


@pytest.mark.parametrize(
    "stated",
    [
        {"amount": "990.990"},
        {"amount": 990.99, "currency": "EUR"},
        {"status": "refunded", "metadata": {"amount": "10.00"}},
    ],
)
def test_a_refund_that_says_the_whole_sum_is_sent(
    connected: Deployment, stated: dict[str, Any]
) -> None:
    connected.bill(payment())
    connected.bill(refund(**stated))
    assert connected.entry("refund#ref-1").state is EntryState.SENT
    assert connected.dead_letters() == []


@pytest.mark.parametrize(("stated", "reason"), [*NOT_THE_WHOLE, *NOT_A_REFUND])
def test_a_refund_of_less_is_no_row_and_goes_to_a_person_with_its_reason(
    connected: Deployment, stated: dict[str, Any], reason: str
) -> None:
    connected.bill(payment())
    assert connected.bill(refund(**stated)) == []
    connected.let_time_pass(5)
    assert connected.ledger.get("refund#ref-1") is None
    assert connected.dead_letters() == [(json.dumps(refund(**stated)), f"invalid: {reason}")]
    assert connected.simulator.calls("refund") == []
    # The event was put right at its source.
    connected.bill(refund(amount="990.99"))
    assert connected.entry("refund#ref-1").state is EntryState.SENT


@pytest.mark.parametrize(("stated", "reason"), NOT_THE_WHOLE)
def test_a_refund_of_less_that_came_before_its_payment_is_rejected_and_one_letter(
    connected: Deployment, stated: dict[str, Any], reason: str
) -> None:
    event = refund(location_id=4564, **stated)
    for _ in range(2):
        connected.bill(event)
    assert connected.entry("refund#ref-1").state is EntryState.PENDING
    connected.bill(payment())
    connected.bill(event)
    connected.let_time_pass(10)
    connected.bill(event)
    row = connected.entry("refund#ref-1")
    assert (row.state, row.why) == (EntryState.REJECTED, reason)
    [(body, why)] = connected.dead_letters()
    assert why == f"invalid: {reason}"
    told = billing_event.read(body)
    assert isinstance(told, billing_event.Refund)
    assert told.entry(row.received_at).digest == row.digest
    assert connected.simulator.calls("refund") == []
    again = json.dumps(refund("ref-2", **stated))
    assert not replay.judged(again, connected.ledger.get, connected.clock())[0]
    is_taken, why = replay.judged(body, connected.ledger.get, connected.clock())
    assert (is_taken, why.startswith("known with the same facts")) == (True, True)


def test_the_same_refund_with_another_sum_contradicts_the_first(connected: Deployment) -> None:
    connected.bill(refund())
    for amount in ("990.99", "10.00"):
        connected.bill(refund(amount=amount))
    connected.bill(payment())
    connected.bill(refund(amount="10.00"))
    reasons = [reason for _body, reason in connected.dead_letters()]
    assert reasons == ["refund#ref-1 was received before with other facts"] * 3
    again = json.dumps(refund(amount="10.00"))
    is_taken, why = replay.judged(again, connected.ledger.get, connected.clock())
    assert (is_taken, why.endswith("(amount was None, is 10)")) == (False, True)


def test_a_refund_of_less_is_refused_whatever_became_of_its_payment(
    connected: Deployment,
) -> None:
    connected.simulator.disconnect(4564)
    connected.bill(payment())
    assert connected.entry("payment#inv-1").state is EntryState.HELD
    connected.bill(refund(amount="10.00"))
    assert connected.ledger.get("refund#ref-1") is None
    assert len(connected.dead_letters()) == 1


def test_a_refund_of_less_that_a_person_sends_is_still_not_sent(connected: Deployment) -> None:
    connected.bill(refund(amount="10.00"))
    connected.bill(payment())
    connected.let_time_pass(5)
    rejected = connected.entry("refund#ref-1")
    connected.ledger.move(rejected, reopened(rejected, "by hand", connected.clock()))
    connected.let_time_pass(5)
    assert connected.entry("refund#ref-1").state is EntryState.REJECTED
    assert connected.simulator.calls("refund") == []


def test_a_refusal_that_could_not_be_told_is_told_later(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected.bill(refund(amount="10.00"))
    connected.bill(payment())

    def fails(*_told: str) -> None:
        raise EndpointConnectionError(endpoint_url="sqs")

    with monkeypatch.context() as broken:
        broken.setattr(DeadLetters, "put", fails)
        connected.let_time_pass(5)
    assert connected.entry("refund#ref-1").state is EntryState.PENDING
    connected.let_time_pass(20)
    assert connected.entry("refund#ref-1").state is EntryState.REJECTED
    assert [reason for _body, reason in connected.dead_letters()] == [f"invalid: {PART}"]
    assert connected.simulator.calls("refund") == []


# A stated sum or currency unlike 990.99 EUR, or a field that nobody knows.
_SUMS = st.integers(0, 10**15 - 1).map(lambda thousandths: Decimal(thousandths).scaleb(-3))
_NEAR = st.sampled_from(["0", "0.00", "10", "-10.00", "-990.99", "990.98", "991", "990.991", "1e3"])
_UNLIKE = st.one_of(
    _NEAR.map(lambda amount: {"amount": amount}),
    _SUMS.filter(lambda amount: amount != Decimal("990.99")).map(
        lambda amount: {"amount": str(amount)}
    ),
    st.from_regex(r"[A-Z]{3}", fullmatch=True)
    .filter(lambda currency: currency != "EUR")
    .map(lambda currency: {"amount": "990.99", "currency": currency}),
    st.sampled_from(["pending", "failed", "partial", ""]).map(lambda status: {"status": status}),
    st.text(st.characters(), max_size=12)
    .filter(lambda name: name not in billing_event.Refund.model_fields)
    .map(lambda name: {name: True}),
)


def test_no_refund_of_something_else_reaches_the_platform_in_any_order(
    connected: Deployment,
) -> None:
    runs = count()

    @settings(
        max_examples=40,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(
        stated=_UNLIKE,
        order=st.lists(st.sampled_from(["payment", "refund", "time"]), max_size=4),
    )
    def each(stated: dict[str, Any], order: list[str]) -> None:
        run = next(runs)
        paid = payment(f"inv-{run}")
        events = {"payment": paid, "refund": refund(f"ref-{run}", of=f"inv-{run}", **stated)}
        for step in [*order, "refund", "payment", "time", "refund"]:
            if step in events:
                assert connected.bill(events[step]) == []
            else:
                # Longer than a refund waits that has waited as long.
                connected.let_time_pass(20, step=10)
        assert connected.simulator.calls("refund") == []
        assert connected.entry(f"payment#inv-{run}").state is EntryState.SENT
        row = connected.ledger.get(f"refund#ref-{run}")
        assert row is None or row.state is EntryState.REJECTED

    each()
    assert not any(paid.is_refunded for paid in connected.simulator.payments(4564))


# A payment is given back once, whoever asks for it and how often


def test_a_payment_is_given_back_by_one_refund_and_a_second_is_told_so(
    connected: Deployment,
) -> None:
    connected.bill(payment())
    for event_id in ("ref-1", "ref-2"):
        connected.bill(refund(event_id))
    connected.let_time_pass(10)
    assert [it.status for it in connected.simulator.calls("refund")] == [200]
    assert connected.entry("refund#ref-1").state is EntryState.SENT
    second = connected.entry("refund#ref-2")
    why = "its payment was given back by refund#ref-1"
    assert (second.state, second.why) == (EntryState.REJECTED, why)


def test_a_second_refund_waits_until_it_is_known_what_became_of_the_first(
    connected: Deployment,
) -> None:
    connected.bill(payment())
    connected.simulator.fault("refund", "drop_answer")
    connected.bill(refund("ref-1"))
    connected.bill(refund("ref-2"))
    assert connected.entry("refund#ref-1").state is EntryState.UNKNOWN
    assert connected.entry("refund#ref-2").state is EntryState.PENDING
    connected.let_time_pass(30)
    assert len(connected.simulator.calls("refund")) == 1
    assert connected.entry("refund#ref-1").state is EntryState.SENT
    assert connected.entry("refund#ref-2").state is EntryState.REJECTED


def test_a_refund_that_the_platform_has_refused_is_in_no_other_one_s_way(
    connected: Deployment,
) -> None:
    connected.bill(payment())
    connected.simulator.fault("refund", "status", status=422, message="Not now.", times=2)
    connected.bill(refund("ref-1"))
    connected.let_time_pass(10)
    assert connected.entry("refund#ref-1").state is EntryState.REJECTED
    connected.bill(refund("ref-2"))
    assert connected.entry("refund#ref-2").state is EntryState.SENT
    # Taken up by a person all the same, the first finds its payment given back.
    first = connected.entry("refund#ref-1")
    connected.ledger.move(first, reopened(first, "again", connected.clock()))
    connected.let_time_pass(10)
    assert connected.entry("refund#ref-1").why == "its payment was given back by refund#ref-2"
    assert [it.status for it in connected.simulator.calls("refund")] == [422, 422, 200]


def test_of_two_refunds_at_the_same_moment_one_is_sent(
    connected: Deployment, memory: Memory
) -> None:
    """The second is claimed while the first is, between its look and its claim."""
    connected.bill(payment())
    asked = count()

    def before(operation: str, _asked: Any) -> None:
        if operation == "TransactWriteItems" and next(asked) == 0:
            connected.bill(refund("ref-2"))

    memory.before = before
    connected.bill(refund("ref-1"))
    memory.before = None
    connected.let_time_pass(10)
    assert [it.status for it in connected.simulator.calls("refund")] == [200]
    assert connected.entry("refund#ref-2").state is EntryState.SENT
    assert connected.entry("refund#ref-1").state is EntryState.REJECTED


def test_a_refund_that_a_person_sends_again_at_this_moment_is_not_sent_beside_another(
    connected: Deployment, memory: Memory
) -> None:
    """The first had been refused when the second looked, and goes out before its claim."""
    connected.bill(payment())
    connected.simulator.fault("refund", "status", status=422, message="Not now.", times=2)
    connected.bill(refund("ref-1"))
    connected.let_time_pass(10)
    first = connected.entry("refund#ref-1")
    assert first.state is EntryState.REJECTED
    connected.simulator.fault("refund", "drop_answer")
    asked = count()

    def before(operation: str, _asked: Any) -> None:
        if operation == "TransactWriteItems" and next(asked) == 0:
            connected.ledger.move(first, reopened(first, "again", connected.clock()))
            connected.reconcile()
            connected.drain()

    memory.before = before
    connected.bill(refund("ref-2"))
    memory.before = None
    connected.let_time_pass(30)
    assert [it.status for it in connected.simulator.calls("refund")] == [422, 422, None]
    assert connected.entry("refund#ref-1").state is EntryState.SENT
    second = connected.entry("refund#ref-2")
    why = "its payment was given back by refund#ref-1"
    assert (second.state, second.why) == (EntryState.REJECTED, why)
