"""Altegio's five moderation checks, each a list of steps that yield what proves them.

The list: https://support.alteg.io/hc/en-us/articles/6745848593181. A step that does not hold ends
its check.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

from local.rehearsal.browser import Page
from local.rehearsal.stage import Finding, Look, Stage, shown, standings

SCHEDULE_S = 1.0
"""Seconds between two runs of the schedule in the rehearsal."""
WEBHOOK_S = 5.0
"""What counts as a quick answer to a webhook; the platform hangs up after ten seconds."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done; `play` yields what was found, or raises NotAsExpectedError."""

    name: str
    play: Callable[[Stage], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of Altegio's list."""

    number: int
    title: str
    steps: tuple[Step, ...]


# 1. Connects to the client's location

ONE = 4564
SEVERAL = (4232, 4777, 4801)
FLAWLESS, FLAWED = 4910, 4911


def _connects_one(stage: Stage) -> Iterator[str]:
    yield _shows(stage, stage.connect(ONE), {ONE: "connected"})
    yield stage.expect("active by one callback", stage.connected(ONE))


def _connects_several(stage: Stage) -> Iterator[str]:
    page = stage.connect(*SEVERAL)
    for location_id in SEVERAL:
        yield stage.expect("active by one callback", stage.connected(location_id))
    yield _shows(stage, page, dict.fromkeys(SEVERAL, "connected"))


def _finishes_what_failed(stage: Stage) -> Iterator[str]:
    stage.platform.fault("callback", "status", status=500, location_id=FLAWED)
    page = stage.connect(FLAWLESS, FLAWED, form="indexed")
    yield _shows(stage, page, {FLAWLESS: "connected", FLAWED: "failed"})
    yield stage.expect("active by one callback", stage.connected(FLAWLESS))
    page = stage.press(page)
    yield _shows(stage, page, {FLAWLESS: "connected", FLAWED: "connected"})
    yield stage.expect("active by one callback", stage.connected(FLAWED, disturbed=1))
    yield stage.expect("no further callback", stage.connected(FLAWLESS))


# 2. Sends payment data

PAID, PAID_TWICE, PAID_UNANSWERED = 4120, 4121, 4122


def _reports_a_payment(stage: Stage) -> Iterator[str]:
    stage.connect(PAID, PAID_TWICE, PAID_UNANSWERED)
    bill = stage.billing.bill(PAID, "990.99")
    expected = "one payment with the sum, currency, date and period that were billed"
    yield stage.eventually(expected, stage.paid(PAID, bill))


def _reports_it_once(stage: Stage) -> Iterator[str]:
    bill = stage.billing.bill(PAID_TWICE, "15000", "KZT", times=2)
    yield stage.eventually("one payment for two deliveries", stage.paid(PAID_TWICE, bill))
    stage.billing.wait_until_taken(stage.patience_s)
    yield stage.expect("still one payment", stage.paid(PAID_TWICE, bill))


def _reports_it_once_unanswered(stage: Stage) -> Iterator[str]:
    stage.platform.fault("payment", "drop_answer", location_id=PAID_UNANSWERED)
    bill = stage.billing.bill(PAID_UNANSWERED, "49.90")
    yield stage.eventually("one payment", stage.paid(PAID_UNANSWERED, bill))
    runs = "while the schedule runs three times"
    look = stage.paid(PAID_UNANSWERED, bill)
    yield stage.throughout(3.2 * SCHEDULE_S, f"one payment, not two, {runs}", look)
    for location_id in (PAID, PAID_TWICE, PAID_UNANSWERED):
        calls = stage.platform.calls("payment", location_id)
        yield stage.expect(
            f"one call for the payment of location {location_id}",
            lambda calls=calls: Finding(len(calls) == 1, f"{len(calls)} call(s)"),
        )


# 3. Sends refund data

REFUNDED, NOT_REFUNDED = 4330, 4331


def _refunds(stage: Stage) -> Iterator[str]:
    stage.connect(REFUNDED, NOT_REFUNDED)
    first = stage.billing.bill(REFUNDED, "990.99")
    second = stage.billing.bill(REFUNDED, "120.50")
    other = stage.billing.bill(NOT_REFUNDED, "990.99")
    yield stage.eventually("two payments", stage.paid(REFUNDED, first, second))
    yield stage.eventually("one payment", stage.paid(NOT_REFUNDED, other))
    first = stage.billing.refund(first, times=2)
    expected = "the first payment refunded, and only that"
    yield stage.eventually(expected, stage.paid(REFUNDED, first, second))
    stage.billing.wait_until_taken(stage.patience_s)
    yield stage.expect(expected, stage.paid(REFUNDED, first, second))
    yield stage.expect("the other location's payment as it was", stage.paid(NOT_REFUNDED, other))
    yield stage.expect("still active, as another period is paid", _is(stage, REFUNDED, "active"))


def _freezes_and_thaws(stage: Stage) -> Iterator[str]:
    [payment] = stage.platform.payments(NOT_REFUNDED)
    raise NotImplementedError
