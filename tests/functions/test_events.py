"""Every file in events/ is what its trigger sends, and gets the answer that its name promises."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.fresh import Keys, freshened
from tests.deployment import Clock, Deployment
from tests.payments.stripes import SECRET, signed

EVENTS = {path.stem: path for path in (Path(__file__).parents[2] / "events").glob("*.json")}

BILLING_KEY = "local-billing-key-for-nothing-real"
ANSWERS = {
    "connect-redirect": 200,
    "connect-several-locations": 200,
    "connect-plus-damage": 200,
    "connect-bad-signature": 403,
    "connect-without-user-data": 400,
    "connect-confirm-unknown-ticket": 410,
    "connect-code-unknown-ticket": 410,
    "connect-portal-is-off": 404,
    "disable-uninstall": 200,
    "disable-freeze": 200,
    "disable-payment": 200,
    "disable-base64": 200,
    "disable-sibling-application": 200,
    "disable-wrong-token": 403,
    "disable-malformed": 400,
    "calls-without-key": 401,
    "billing-without-key": 401,
    "billing-stripe-forged": 401,
    "disable-probe": 200,
    "disable-probe-head": 200,
}
# The ledger's rows afterwards, and how many messages were refused.
LEDGER: dict[str, tuple[dict[str, str], int]] = {
    "payments-payment": ({"payment#inv-1001": "SENT"}, 0),
    "payments-payment-paid-ahead": ({"payment#inv-1002": "SENT"}, 0),
    "payments-delivered-twice": ({"payment#inv-1001": "SENT"}, 0),
    "payments-other-amount": ({"payment#inv-1001": "SENT"}, 1),
    "payments-refund": ({"payment#inv-1001": "SENT", "refund#ref-1001": "SENT"}, 0),
    "payments-refund-of-a-part": ({"payment#inv-1001": "SENT"}, 1),
    "payments-refund-of-unknown-payment": ({"refund#ref-1001": "PENDING"}, 0),
    "payments-invalid": ({}, 1),
    "payments-not-json": ({}, 1),
    "payments-wake-up": ({}, 0),
}
# With the key of the billing system; Stripe's are signed anew, as no signature lasts.
BILLING = {
    "billing-payment": 202,
    "billing-list": 400,
    "billing-malformed": 400,
    "billing-look": 404,
    "billing-stripe-paid": 200,
    "billing-stripe-credit-note": 200,
}
# With the key of the account that is connected.
CALLS = {
    "calls-ringing": 202,
    "calls-finished": 202,
    "calls-malformed": 400,
    "calls-itoolabs-incoming": 200,
    "calls-itoolabs-history": 200,
    "calls-itoolabs-history-by-get": 200,
    "calls-itoolabs-at-the-root": 200,
    "calls-itoolabs-rating": 200,
    "calls-3cx-look-up": 200,
    "calls-3cx-report": 200,
    "calls-3cx-missed": 200,
}
# The same, of what is no call.
ASKED = {"calls-itoolabs-contact": "{}", "calls-3cx-template": "<?xml"}
# The calls' rows afterwards, and how many messages were refused.
QUEUED: dict[str, tuple[list[str], int]] = {
    "calls-queued": (["c-1001"], 0),
    "calls-queued-legs": (["c-1001"], 0),
    "calls-queued-invalid": ([], 1),
}
# What is told of a write.
TOLD = {"events-payment-sent": "payment.sent"}


def test_every_event_has_its_expectation() -> None:
    assert set(EVENTS) == {
        *ANSWERS,
        *BILLING,
        *LEDGER,
        *CALLS,
        *ASKED,
        *QUEUED,
        *TOLD,
        "reconcile-every-minute",
    }


def load(name: str) -> Any:
    return json.loads(EVENTS[name].read_text("utf-8"))


@pytest.mark.parametrize(("name", "status"), ANSWERS.items())
def test_an_http_event_gets_its_answer(deployment: Deployment, name: str, status: int) -> None:
    deployment.simulator.grant(4564, 4232)
    answer = deployment.invoke(name.partition("-")[0], load(name))
    assert answer["statusCode"] == status
    if name == "connect-plus-damage":
        assert "???&gt;&gt;&gt;&gt;ÿÿ" in answer["body"]


@pytest.mark.parametrize(("name", "expected"), LEDGER.items())
def test_a_queue_event_ends_where_it_should(
    deployment: Deployment, name: str, expected: tuple[dict[str, str], int]
) -> None:
    deployment.connect(4564)
    assert deployment.invoke("payments", load(name)) == {"batchItemFailures": []}
    rows, refused = expected
    found = {key: deployment.ledger.get(key) for key in rows}
    assert {key: str(entry.state) for key, entry in found.items() if entry} == rows
    assert len(deployment.dead_letters()) == refused


def admitted(deployment: Deployment, event: Any) -> Any:
    """The same event where its key and its secret are known, and just now."""
    deployment.set_billing_key("local-billing-key-for-nothing-real")
    deployment.set_stripe_secret(SECRET)
    if "stripe-signature" in event["headers"]:
        event["headers"]["stripe-signature"] = signed(event["body"], deployment.clock())[1]
    return event


@pytest.mark.parametrize(("name", "status"), BILLING.items())
def test_a_billing_system_gets_its_answer(deployment: Deployment, name: str, status: int) -> None:
    event = load(name)
    assert deployment.invoke("billing", event)["statusCode"] == 401
    deployment.restart()
    answer = deployment.invoke("billing", admitted(deployment, event))
    assert answer["statusCode"] == status
    if name == "billing-list":
        told = json.loads(answer["body"])["results"]
        assert [each["status"] for each in told] == [202, 400, 202]


@pytest.mark.parametrize("name", [name for name in BILLING if "stripe" in name])
def test_what_stripe_signed_was_good_for_five_minutes(
    deployment: Deployment, clock: Clock, name: str
) -> None:
    deployment.set_stripe_secret("whsec_local-secret-for-nothing-real")
    clock.at = datetime(2026, 11, 1, 0, 10, tzinfo=UTC)
    assert deployment.invoke("billing", load(name))["statusCode"] == 200
    clock.advance(minutes=6)
    assert deployment.invoke("billing", load(name))["statusCode"] == 401


@pytest.mark.parametrize(("name", "status"), CALLS.items())
def test_a_pbx_gets_its_answer(deployment: Deployment, name: str, status: int) -> None:
    event = load(name)
    assert deployment.invoke("calls", event)["statusCode"] == 401
    event["headers"]["authorization"] = f"Bearer {deployment.connect(4564).pbx_key}"
    answer = deployment.invoke("calls", event)
    assert answer["statusCode"] == status
    assert json.loads(answer["body"])["success"] is (status < 400)


@pytest.mark.parametrize(("name", "begins"), ASKED.items())
def test_a_pbx_that_asks_gets_its_answer(deployment: Deployment, name: str, begins: str) -> None:
    event = load(name)
    assert deployment.invoke("calls", event)["statusCode"] == 401
    event["headers"]["authorization"] = f"Bearer {deployment.connect(4564).pbx_key}"
    answer = deployment.invoke("calls", event)
    assert (answer["statusCode"], answer["body"][: len(begins)]) == (200, begins)


@pytest.mark.parametrize(("name", "expected"), QUEUED.items())
def test_calls_of_the_queue_become_rows(
    deployment: Deployment, name: str, expected: tuple[list[str], int]
) -> None:
    deployment.connect(4564)
    assert deployment.invoke("calls", load(name)) == {"batchItemFailures": []}
    assert [row["call_id"] for row in deployment.rows("CALLS_TABLE")] == expected[0]
    assert len(deployment.dead_letters("CallsDeadLetters")) == expected[1]


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_as_good_on_any_other_day(
    deployment: Deployment, clock: Clock, name: str
) -> None:
    """As `invoke` sends it: what is told happened just now, with the keys of this stack."""
    clock.at = datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    deployment.set_billing_key(BILLING_KEY)
    deployment.set_stripe_secret(SECRET)
    function = name.partition("-")[0]
    key = "" if function == "connect" else str(deployment.connect(4564).pbx_key)
    deployment.simulator.grant(*(() if key else (4564,)), 4232)
    before = json.dumps(load(name))
    written = load(name)
    event = freshened(written, clock(), Keys(key, BILLING_KEY, SECRET))
    assert json.dumps(written) == before
    deployment.restart()
    answer = deployment.invoke(function, event)
    status = {**ANSWERS, **BILLING, **CALLS, **dict.fromkeys(ASKED, 200)}.get(name)
    if status is not None:
        assert answer["statusCode"] == status, answer
    elif name in LEDGER:
        rows, refused = LEDGER[name]
        found = {key: deployment.ledger.get(key) for key in rows}
        assert {key: str(entry.state) for key, entry in found.items() if entry} == rows
        assert len(deployment.dead_letters()) == refused
    elif name in QUEUED:
        rows_of = deployment.rows("CALLS_TABLE")
        assert [row["call_id"] for row in rows_of] == QUEUED[name][0]
    if name == "calls-ringing":
        assert json.loads(answer["body"])["pop_up"] == "sent"


def test_a_payment_that_is_fresh_covers_this_day() -> None:
    now = datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    [record] = freshened(load("payments-payment"), now, Keys())["Records"]
    paid = json.loads(record["body"])
    begins, ends = (datetime.fromisoformat(paid[it]) for it in ("period_from", "period_to"))
    assert datetime.fromisoformat(paid["paid_at"]) == now
    assert begins < now < ends
    digest = hashlib.md5(record["body"].encode(), usedforsecurity=False)
    assert record["md5OfBody"] == digest.hexdigest()


@pytest.mark.parametrize("event", [None, [], "text", 7, {}, {"Records": [None, 1, {"body": 3}]}])
def test_what_is_no_event_stays_so(event: object) -> None:
    assert freshened(event, datetime(2027, 3, 28, tzinfo=UTC), Keys()) == event


def test_the_schedule_runs(deployment: Deployment) -> None:
    assert deployment.invoke("reconcile", load("reconcile-every-minute")) is None


@pytest.mark.parametrize(("name", "kind"), TOLD.items())
def test_a_write_is_told(deployment: Deployment, name: str, kind: str) -> None:
    """Of the table that the local stack has under that name; another knows no such table."""
    event = load(name)
    assert deployment.invoke("events", event) == {"batchItemFailures": []}
    assert [told["detail-type"] for told in deployment.told] == [kind]
    event["Records"][0]["eventSourceARN"] = "arn:aws:dynamodb:r:1:table/other/stream/1"
    assert deployment.invoke("events", event) == {"batchItemFailures": []}
    assert len(deployment.dead_letters("EventsDeadLetters")) == 1
