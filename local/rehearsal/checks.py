"""Altegio's five moderation checks, telephony, and one of ours: lists of steps that yield proofs.

The list: https://support.alteg.io/hc/en-us/articles/6745848593181. A step that does not hold ends
its check.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from local.rehearsal import missed, money, telephony
from local.rehearsal.browser import Page
from local.rehearsal.money import SCHEDULE_S, reported, webhook
from local.rehearsal.stage import Evidence, Finding, Stage, shown, standings, stood


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done; `play` yields what was found, or raises NotAsExpectedError."""

    name: str
    play: Callable[[Stage], Iterator[Evidence]]


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


def _connects_one(stage: Stage) -> Iterator[Evidence]:
    yield _shows(stage, stage.connect(ONE), {ONE: "connected"})
    yield stage.expect("active by one callback", stage.connected(ONE))


def _connects_several(stage: Stage) -> Iterator[Evidence]:
    page = stage.connect(*SEVERAL)
    for location_id in SEVERAL:
        yield stage.expect("active by one callback", stage.connected(location_id))
    yield _shows(stage, page, dict.fromkeys(SEVERAL, "connected"))


def _finishes_what_failed(stage: Stage) -> Iterator[Evidence]:
    stage.platform.fault("callback", "status", status=500, location_id=FLAWED)
    page = stage.connect(FLAWLESS, FLAWED, form="indexed")
    yield _shows(stage, page, {FLAWLESS: "connected", FLAWED: "failed"})
    yield stage.expect("active by one callback", stage.connected(FLAWLESS))
    page = stage.press(page)
    yield _shows(stage, page, {FLAWLESS: "connected", FLAWED: "connected"})
    yield stage.expect("active by one callback", stage.connected(FLAWED, disturbed=1))
    yield stage.expect("no further callback", stage.connected(FLAWLESS))


# 4. Handles disabling and reconnecting

LEFT, LEFT_QUIETLY, LEFT_TWICE, LEFT_UNTOLD, EXPIRED = 4440, 4441, 4442, 4443, 4444


def _disconnects(stage: Stage) -> Iterator[Evidence]:
    stage.connect(LEFT, LEFT_QUIETLY, LEFT_TWICE, LEFT_UNTOLD, EXPIRED)
    yield stage.expect("active by one callback", stage.connected(LEFT))
    began_at = datetime.now(UTC)
    stage.platform.disconnect(LEFT)
    yield webhook(stage, LEFT, "uninstall")
    expected = "the application asks how the location stands"
    yield stage.eventually(expected, stage.status_asked(LEFT, began_at))


def _holds_back(stage: Stage) -> Iterator[Evidence]:
    stage.billing.bill(LEFT, "990.99")
    stage.billing.wait_until_taken(stage.patience_s)
    yield stage.throughout(1.2 * SCHEDULE_S, "no payment", stage.unpaid(LEFT))


def _reconnects(stage: Stage) -> Iterator[Evidence]:
    yield _shows(stage, stage.connect(LEFT), {LEFT: "connected"})
    yield stage.expect("active by a new callback", stage.connected(LEFT, times=2))
    yield reported(stage, LEFT, "the payment that was held back")
    yield stage.throughout(1.2 * SCHEDULE_S, "one payment", stage.paid(LEFT))


def _outlives_a_late_webhook(stage: Stage) -> Iterator[Evidence]:
    stage.platform.disconnect(LEFT_QUIETLY, webhook="late")
    yield _shows(stage, stage.connect(LEFT_QUIETLY), {LEFT_QUIETLY: "connected"})
    began_at = datetime.now(UTC)
    stage.platform.release_webhooks()
    yield webhook(stage, LEFT_QUIETLY, "uninstall")
    expected = "the application asks how the location stands"
    yield stage.eventually(expected, stage.status_asked(LEFT_QUIETLY, began_at))
    stage.billing.bill(LEFT_QUIETLY, "49.90")
    yield reported(stage, LEFT_QUIETLY, "a payment as if nothing had come")
    yield stage.expect("active by two callbacks", stage.connected(LEFT_QUIETLY, times=2))


def _outlives_a_doubled_webhook(stage: Stage) -> Iterator[Evidence]:
    stage.platform.disconnect(LEFT_TWICE, webhook="twice")
    expected = "both uninstall webhooks answered with 2xx"
    look = stage.webhook_answered(LEFT_TWICE, "uninstall", times=2)
    yield stage.eventually(expected, look)
    yield _shows(stage, stage.connect(LEFT_TWICE), {LEFT_TWICE: "connected"})
    stage.billing.bill(LEFT_TWICE, "990.99")
    yield reported(stage, LEFT_TWICE, "a payment after the reconnect")
    yield stage.expect("active by two callbacks", stage.connected(LEFT_TWICE, times=2))


def _misses_no_lost_webhook(stage: Stage) -> Iterator[Evidence]:
    began_at = datetime.now(UTC)
    stage.platform.disconnect(LEFT_UNTOLD, webhook="never")
    stage.take_census()
    expected = "the census asks how the location stands, until it is sure"
    look = stage.asked_until_sure(LEFT_UNTOLD, began_at, 2.5 * SCHEDULE_S)
    yield stage.eventually(expected, look)
    stage.billing.bill(LEFT_UNTOLD, "990.99")
    stage.billing.wait_until_taken(stage.patience_s)
    look = stage.uncalled(LEFT_UNTOLD, "payment")
    yield stage.throughout(1.2 * SCHEDULE_S, "no payment request: it is known to be gone", look)
    yield _shows(stage, stage.connect(LEFT_UNTOLD), {LEFT_UNTOLD: "connected"})
    yield reported(stage, LEFT_UNTOLD, "the payment that was held back")


def _expires_and_is_paid(stage: Stage) -> Iterator[Evidence]:
    stage.platform.expire(EXPIRED)
    yield webhook(stage, EXPIRED, "freeze")
    stage.billing.bill(EXPIRED, "49.90")
    yield reported(stage, EXPIRED, "a payment for a frozen location")
    yield stage.expect("active again, by the one callback", stage.connected(EXPIRED))
    expected = "telephony of the chain on all the while, as others of it were connected"
    look = telephony.switched(stage, "disable", on=True, times=0)
    yield stage.expect(expected, look)


# 5. Handles a user who is already registered

FIRST, SECOND, FORGED, BY_PORTAL, BY_PORTAL_TOO = 4550, 4551, 4552, 4553, 4554


def _registers(stage: Stage) -> Iterator[Evidence]:
    page = stage.open(stage.grant(FIRST), "came from Altegio")
    yield stage.expect("a form for a new user", lambda: _form(page, asks=True))
    yield _shows(stage, stage.press(page), {FIRST: "connected"})
    yield stage.expect("active by one callback", stage.connected(FIRST))


def _knows_the_owner(stage: Stage) -> Iterator[Evidence]:
    page = stage.open(stage.grant(SECOND), "came from Altegio")
    yield stage.expect(
        "a page that says that he is registered", lambda: _says(page, "already registered")
    )
    yield stage.expect("nothing to fill in, one button", lambda: _form(page, asks=False))
    yield _shows(stage, stage.press(page), {SECOND: "connected"})
    yield stage.expect("active by one callback", stage.connected(SECOND))


def _refuses_forgeries(stage: Stage) -> Iterator[Evidence]:
    address = stage.grant(FORGED)
    signature = dict(parse_qsl(urlsplit(address).query))["user_data_sign"]
    another = f"{signature[:-1]}{'1' if signature.endswith('0') else '0'}"
    stranger = replace(stage.owner, id=stage.owner.id + 1)
    somebody = stage.platform.redirect(FORGED, owner=stranger)
    forgeries = {
        "a changed signature": address.replace(signature, another),
        "another user under this signature": re.sub("(?<=user_data_sign=).*", signature, somebody),
        "no signature": re.sub("&user_data_sign=.*", "", address),
    }
    for what, forgery in forgeries.items():
        page = stage.open(forgery, f"opened a link with {what}")
        yield stage.expect(f"{what} refused", partial(_refused, page))
    yield stage.expect("nothing sent to the platform", stage.untouched(FORGED))


def _asks_in_the_portal(stage: Stage) -> Iterator[Evidence]:
    with stage.portal() as address:
        first = stage.grant(BY_PORTAL, page=address)
        page = stage.open(first, "came from Altegio, and on to the portal")
        yield stage.expect("a login of the portal", lambda: _titled(page, "Log in"))
        question = stage.press(page)
        yield _shows(stage, question, {BY_PORTAL: "ready"})
        yield stage.expect("nothing sent but questions", stage.uncalled(BY_PORTAL, "callback"))
        yield _shows(stage, stage.press(question), {BY_PORTAL: "connected"})
        yield stage.expect("active by one callback", stage.connected(BY_PORTAL))
        # Who is logged in there is asked at once.
        again = stage.grant(BY_PORTAL_TOO, page=address)
        question = stage.open(again, "came from Altegio again")
        yield _shows(stage, question, {BY_PORTAL_TOO: "ready"})
        yield _shows(stage, stage.press(question), {BY_PORTAL_TOO: "connected"})
        yield stage.expect("active by one callback", stage.connected(BY_PORTAL_TOO))


def _shows(stage: Stage, page: Page, wanted: dict[int, str]) -> Evidence:
    return stage.expect(f"a page that shows {stood(wanted)}", standings(page, wanted))


def _says(page: Page, words: str) -> Finding:
    # Below its heading, which is no sentence.
    text = page.text.partition(page.title)[2]
    found = re.search(f"[^.]*{words}[^.]*", text, re.IGNORECASE)
    said = f"reads “{found[0].strip()}”" if found else f"does not read “{words}”"
    return Finding(bool(found), f"{shown(page)} and {said}")


def _titled(page: Page, title: str) -> Finding:
    return Finding(page.title == title and page.form is not None, shown(page))


def _form(page: Page, *, asks: bool) -> Finding:
    if page.form is None:
        return Finding(holds=False, words=f"{shown(page)} and has no form")
    asked, hidden = list(page.form.asked), list(page.form.hidden)
    words = f"{shown(page)}, asks for {', '.join(asked) or 'nothing'}, one button"
    return Finding(bool(asked) is asks and len(hidden) == 1, words)


def _refused(page: Page) -> Finding:
    return Finding(page.status == HTTPStatus.FORBIDDEN and page.form is None, shown(page))


CHECKS = (
    Check(
        1,
        "Connects to the client's location",
        (
            Step("The owner connects one location", _connects_one),
            Step("The owner connects three locations at once", _connects_several),
            Step("One callback fails: the page says which, a retry ends it", _finishes_what_failed),
        ),
    ),
    Check(
        2,
        "Sends payment data",
        tuple(Step(name, play) for name, play in money.PAYMENTS),
    ),
    Check(
        3,
        "Sends refund data",
        tuple(Step(name, play) for name, play in money.REFUNDS),
    ),
    Check(
        4,
        "Handles disabling and reconnecting",
        (
            Step("The owner disconnects: the webhook is answered", _disconnects),
            Step("A payment billed meanwhile is held back", _holds_back),
            Step("The owner reconnects: the payment goes out, once", _reconnects),
            Step("A webhook that comes after the reconnect is harmless", _outlives_a_late_webhook),
            Step("A webhook that comes twice is one uninstall", _outlives_a_doubled_webhook),
            Step("An uninstall that nobody tells is found by the census", _misses_no_lost_webhook),
            Step("A period ends, and a payment thaws the location", _expires_and_is_paid),
        ),
    ),
    Check(
        5,
        "Handles a user who is already registered",
        (
            Step("A new user registers with a first location", _registers),
            Step("The same user connects another one: nothing to fill in", _knows_the_owner),
            Step("Forged links are refused", _refuses_forgeries),
            Step("With a portal: the customer logs in and is asked", _asks_in_the_portal),
        ),
    ),
    Check(
        telephony.NUMBER,
        "Supports the network telephony methods",
        tuple(Step(name, play) for name, play in telephony.STEPS),
    ),
    Check(
        7,
        "Forgets no caller who was missed",
        tuple(Step(name, play) for name, play in missed.STEPS),
    ),
)
