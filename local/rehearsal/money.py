"""Checks two and three: payments and refunds, by each way in which billing may tell of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from local.rehearsal.billing import Way
from local.rehearsal.stage import OK, Evidence, Finding, Look, Stage, answered, number
from local.simulator.records import amount

SCHEDULE_S = 0.5
"""Seconds between two runs of the schedule in the rehearsal."""

type Play = Callable[[Stage], Iterator[Evidence]]


@dataclass(frozen=True, slots=True)
class Paid:
    """The locations of check two, by one way."""

    by: Way
    once: int
    twice: int
    unanswered: int


@dataclass(frozen=True, slots=True)
class GivenBack:
    """The locations of check three, by one way."""

    by: Way
    refunded: int
    beside: int
    wholly: int


BY_QUEUE, BY_HTTP, BY_STRIPE = WAYS = (
    Paid("queue", 4120, 4121, 4122),
    Paid("http", 4123, 4124, 4125),
    Paid("stripe", 4126, 4127, 4128),
)
REFUNDED = GivenBack("queue", 4330, 4331, 4332)
_TOLD_BY: dict[Way, str] = {
    "queue": "the queue",
    "http": "POST /billing",
    "stripe": "Stripe's webhook",
}


def _reports_a_payment(of: Paid, stage: Stage) -> Iterator[Evidence]:
    stage.connect(of.once, of.twice)
    stage.billing.bill(of.once, "990.99", by=of.by)
    yield reported(stage, of.once, "one payment as it was billed")


def _reports_it_once(of: Paid, stage: Stage) -> Iterator[Evidence]:
    stage.billing.bill(of.twice, "15000", "KZT", times=2, by=of.by)
    yield reported(stage, of.twice, "one payment for two deliveries")
    stage.billing.wait_until_taken(stage.patience_s)
    for location_id in (of.once, of.twice):
        yield stage.expect(
            "one payment request, not two", stage.called_once(location_id, "payment")
        )


def _reports_them_once_unanswered(stage: Stage) -> Iterator[Evidence]:
    """By every way at once, as most of it is waiting."""
    locations = [of.unanswered for of in WAYS]
    stage.connect(*locations)
    for of in WAYS:
        stage.platform.fault("payment", "drop_answer", location_id=of.unanswered)
        stage.billing.bill(of.unanswered, "49.90", by=of.by)
    for of in WAYS:
        yield reported(stage, of.unanswered, f"one payment, told by {_TOLD_BY[of.by]}")
    expected = "one payment while the schedule runs three times"
    yield stage.throughout(3.2 * SCHEDULE_S, expected, stage.paid(locations[0]))
    for location_id in locations:
        yield stage.expect(
            "one payment request, not two", stage.called_once(location_id, "payment")
        )


def _refunds(of: GivenBack, stage: Stage) -> Iterator[Evidence]:
    stage.connect(of.refunded, of.beside, of.wholly)
    stage.billing.bill(of.refunded, "990.99", by=of.by)
    stage.billing.bill(of.refunded, "120.50", by=of.by)
    stage.billing.bill(of.beside, "990.99", by=of.by)
    yield reported(stage, of.refunded, "two payments")
    yield reported(stage, of.beside, "one payment")
    stage.billing.refund(of.refunded, times=2, by=of.by)
    yield reported(stage, of.refunded, "the first payment refunded, the second not")
    stage.billing.wait_until_taken(stage.patience_s)
    expected = "one refund request for two deliveries, the full sum of the first bill"
    yield stage.eventually(expected, _given_back(stage, of.refunded))
    yield stage.expect("the other location's payment not refunded", stage.paid(of.beside))


def _freezes_and_thaws(of: GivenBack, stage: Stage) -> Iterator[Evidence]:
    stage.billing.bill(of.wholly, "990.99", by=of.by)
    yield reported(stage, of.wholly, "one payment")
    stage.billing.refund(of.wholly, by=of.by)
    yield reported(stage, of.wholly, "the payment refunded")
    look = _given_back(stage, of.wholly)
    yield stage.eventually("one refund request, for its full sum", look)
    yield stage.expect("frozen, as nothing is paid now", stage.stands(of.wholly, "freezed"))
    yield webhook(stage, of.wholly, "freeze")
    stage.billing.bill(of.wholly, "990.99", by=of.by)
    yield reported(stage, of.wholly, "the next payment, too")
    yield stage.expect("active again", stage.stands(of.wholly, "active"))


def _all_payments(of: Paid, stage: Stage) -> Iterator[Evidence]:
    yield from _reports_a_payment(of, stage)
    yield from _reports_it_once(of, stage)


def _all_refunds(of: GivenBack, stage: Stage) -> Iterator[Evidence]:
    yield from _refunds(of, stage)
    yield from _freezes_and_thaws(of, stage)


PAYMENTS: tuple[tuple[str, Play], ...] = (
    ("A payment is reported as it was billed", partial(_reports_a_payment, BY_QUEUE)),
    ("A payment delivered twice is reported once", partial(_reports_it_once, BY_QUEUE)),
    ("A payment without an answer is not sent again", _reports_them_once_unanswered),
    ("The same, told by POST /billing", partial(_all_payments, BY_HTTP)),
    ("The same, told by Stripe's webhook", partial(_all_payments, BY_STRIPE)),
)
REFUNDS: tuple[tuple[str, Play], ...] = (
    ("A refund marks its payment, and no other", partial(_refunds, REFUNDED)),
    ("A refund freezes the location, a payment thaws it", partial(_freezes_and_thaws, REFUNDED)),
    (
        "The same, told by POST /billing",
        partial(_all_refunds, GivenBack("http", 4333, 4334, 4335)),
    ),
    (
        "The same, told by Stripe's webhook",
        partial(_all_refunds, GivenBack("stripe", 4336, 4337, 4338)),
    ),
)


def reported(stage: Stage, location_id: int, expected: str) -> Evidence:
    """The platform has what was billed, within our patience."""
    words = f"{expected}: {stage.billed(location_id)}"
    return stage.eventually(words, stage.paid(location_id))


def _given_back(stage: Stage, location_id: int) -> Look:
    """One refund request, of the oldest bill's payment and without a body, so of all of it."""

    def look() -> Finding:
        sent = stage.platform.calls("refund", location_id)
        payments = stage.platform.payments(location_id)
        refunded = [one for it in sent for one in payments if it.path.endswith(f"/{one.id}")]
        which = ", ".join(f"payment {each.id}, the full {amount(each)}" for each in refunded)
        words = f"{number(len(sent), 'refund request')}{answered(sent)}: {which}"
        if bodies := [each.body for each in sent if each.body is not None]:
            words += f"; with a body: {bodies}"
        oldest = Decimal(stage.billing.bills(location_id)[0].amount)
        is_oldest = [each.payment_sum for each in refunded] == [oldest]
        is_taken = all(each.status in OK for each in sent)  # it is recorded before it is answered
        return Finding(is_oldest and is_taken and not bodies, words)

    return look


def webhook(stage: Stage, location_id: int, event: str) -> Evidence:
    """The platform's webhook was answered within our patience."""
    expected = f"the {event} webhook answered with 2xx"
    return stage.eventually(expected, stage.webhook_answered(location_id, event))
