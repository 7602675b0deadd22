"""`/billing`: what is answered is so, and is stored before it is answered."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from functions.billing import api
from local.simulator import Simulator
from shared.payments.entry import EntryState
from tests.deployment import Clock, Deployment, http_event, payment, refund
from tests.memory import Memory, refusal
from tests.memory.session import Session

KEY = "billing-key-of-more-than-32-characters"


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    deployment.set_billing_key(KEY)
    return deployment


def post(deployment: Deployment, body: Any, key: str = KEY) -> tuple[int, Any]:
    return deployment.post_billing(body, key=key)


def states(deployment: Deployment) -> dict[str, str]:
    return {row["key"]: row["state"] for row in deployment.rows("PAYMENTS_TABLE") if "state" in row}


# One event


def test_a_payment_is_stored_and_then_sent_once(deployment: Deployment) -> None:
    deployment.connect(4564)
    status, told = post(deployment, payment())
    assert (status, told) == (
        202,
        {"status": 202, "event_id": "inv-1", "type": "payment", "state": "PENDING"},
    )
    assert deployment.entry("payment#inv-1").state is EntryState.PENDING
    deployment.drain()
    assert deployment.entry("payment#inv-1").state is EntryState.SENT
    status, told = post(deployment, payment())
    assert (status, told["state"]) == (202, "SENT")
    deployment.let_time_pass(10)
    assert len(deployment.simulator.payments(4564)) == 1


def test_what_is_answered_ends_as_a_line(deployment: Deployment) -> None:
    """The prompt of a terminal stands below it."""
    for function, path in (("billing", "/billing"), ("calls", "/calls")):
        answer = deployment.invoke(function, http_event("POST", path, body="{}"))
        assert answer["body"].endswith("}\n")


def test_the_queue_and_http_know_each_others_events(deployment: Deployment) -> None:
    deployment.connect(4564)
    deployment.bill(payment())
    assert post(deployment, payment())[1]["state"] == "SENT"
    assert post(deployment, payment("inv-2"))[0] == 202
    # Before its wake-up.
    assert deployment.bill(payment("inv-2")) == []
    deployment.drain()
    assert len(deployment.simulator.payments(4564)) == 2
    assert deployment.dead_letters() == []


def test_other_facts_under_a_known_id_are_a_conflict(deployment: Deployment) -> None:
    deployment.connect(4564)
    assert post(deployment, payment())[0] == 202
    for changes in ({"amount": "1"}, {"location_id": 4232}, {"paid_at": "2026-11-02T10:10:00Z"}):
        status, told = post(deployment, payment(**changes))
        assert (status, told["event_id"]) == (409, "inv-1")
    deployment.drain()
    assert [str(it.payment_sum) for it in deployment.simulator.payments(4564)] == ["990.99"]
    assert deployment.dead_letters() == []


def test_a_lost_wake_up_costs_a_minute(deployment: Deployment, memory: Memory) -> None:
    deployment.connect(4564)

    def deaf(operation: str, _asked: Any) -> None:
        if operation == "SendMessage":
            raise EndpointConnectionError(endpoint_url="sqs")

    memory.before = deaf
    assert post(deployment, payment())[0] == 202
    memory.before = None
    deployment.drain()
    assert deployment.entry("payment#inv-1").state is EntryState.PENDING
    deployment.clock.advance(minutes=2)
    deployment.reconcile()
    assert deployment.entry("payment#inv-1").state is EntryState.SENT


def test_a_wake_up_that_was_overtaken_does_nothing(deployment: Deployment) -> None:
    deployment.connect(4564)
    post(deployment, payment())
    deployment.clock.advance(minutes=2)
    # Reconcile puts its own on the queue, behind ours.
    deployment.invoke("reconcile", {})
    deployment.drain()
    assert len(deployment.simulator.payments(4564)) == 1


def test_a_payment_of_an_unknown_location_is_held_and_sent_after_the_connect(
    deployment: Deployment,
) -> None:
    post(deployment, payment())
    deployment.drain()
    assert deployment.look_up("inv-1", key=KEY)[1]["payment"]["state"] == "HELD"
    deployment.connect(4564)
    deployment.let_time_pass(15)
    assert deployment.look_up("inv-1", key=KEY)[1]["payment"]["state"] == "SENT"


@pytest.mark.parametrize("state", EntryState)
def test_what_comes_again_is_told_how_it_stands_and_changes_nothing(
    deployment: Deployment, state: EntryState
) -> None:
    deployment.connect(4564)
    post(deployment, payment())
    deployment.drain()
    before = deployment.entry("payment#inv-1")
    deployment.ledger.move(before, replace(before, state=state))
    rows = deployment.rows("PAYMENTS_TABLE")
    assert post(deployment, payment()) == (
        202,
        {"status": 202, "event_id": "inv-1", "type": "payment", "state": state},
    )
    assert post(deployment, payment(amount="1"))[0] == 409
    assert deployment.look_up("inv-1", key=KEY)[1]["payment"]["state"] == state
    deployment.drain()
    assert deployment.rows("PAYMENTS_TABLE") == rows
    assert len(deployment.simulator.payments(4564)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": "100.00"},
        {"amount": 100},
        {"amount": "1e2"},
        {"paid_at": "2026-11-01 13:10:00+03"},
        {"paid_at": "20261101T101000.9Z"},
        {"metadata": {"anything": None}, "status": "paid"},
    ],
)
def test_the_same_in_other_words_is_the_same(
    deployment: Deployment, changes: dict[str, Any]
) -> None:
    assert post(deployment, payment(amount="100"))[0] == 202
    assert post(deployment, payment(**{"amount": "100", **changes}))[0] == 202


# Refunds


def test_a_refund_before_its_payment_waits_for_it(deployment: Deployment) -> None:
    deployment.connect(4564)
    assert post(deployment, refund())[0] == 202
    deployment.drain()
    assert deployment.entry("refund#ref-1").state is EntryState.PENDING
    assert post(deployment, payment())[0] == 202
    deployment.drain()
    deployment.let_time_pass(5)
    assert states(deployment) == {"payment#inv-1": "SENT", "refund#ref-1": "SENT"}
    assert [it.is_refunded for it in deployment.simulator.payments(4564)] == [True]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": "10", "currency": "EUR"}, "amount"),
        ({"amount": "990.99", "currency": "USD"}, "currency"),
        ({"location_id": 4232}, "location_id"),
    ],
)
def test_a_refund_of_something_else_is_told_at_once(
    deployment: Deployment, changes: dict[str, Any], field: str
) -> None:
    deployment.connect(4564)
    post(deployment, payment())
    status, told = post(deployment, refund(**changes))
    assert (status, told["field"]) == (400, field)
    assert told["example"]["type"] == "refund"
    assert states(deployment) == {"payment#inv-1": "PENDING"}
    assert post(deployment, refund())[0] == 202


def test_a_known_refund_is_known_whatever_its_payment_is_by_now(deployment: Deployment) -> None:
    deployment.connect(4564)
    part = refund(amount="10", currency="EUR")
    assert post(deployment, part)[0] == 202
    post(deployment, payment())
    deployment.drain()
    deployment.let_time_pass(5)
    assert deployment.entry("refund#ref-1").state is EntryState.REJECTED
    assert post(deployment, part)[1]["state"] == "REJECTED"
    assert post(deployment, refund())[0] == 409


# What is no event


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("", None),
        ("{", None),
        ("[", None),
        ("[{]", None),
        ("[1,]", None),
        ("[1 2]", None),
        ("[]", None),
        ("null", None),
        ("[1] x", None),
        ("[" * 100_000, None),
        ('{"a":' * 50_000, None),
        (payment(amount="1.001"), "amount"),
        (payment(dry_run=True), "dry_run"),
        ({**payment(), "location_id": "4564"}, "location_id"),
        ({**payment(), "type": "Payment"}, "type"),
        ({"type": "wake-up", "key": "payment#inv-1", "due_at": "x"}, "type"),
        ('{"type":"payment","type":"refund"}', "type"),
    ],
)
def test_what_is_no_event_is_told_with_its_field_and_an_example(
    deployment: Deployment, body: Any, field: str | None
) -> None:
    status, told = post(deployment, body)
    assert status == 400
    assert told.get("field") == field
    assert told["error"]
    assert told["example"] in api.EXAMPLES.values()
    assert states(deployment) == {}


def test_the_examples_are_taken(deployment: Deployment) -> None:
    for example in api.EXAMPLES.values():
        assert post(deployment, example)[0] == 202


def test_a_body_that_is_no_text_is_refused(deployment: Deployment) -> None:
    event = http_event("POST", "/billing", body="/w==")
    event["headers"] = {"authorization": f"Bearer {KEY}"}
    event["isBase64Encoded"] = True
    assert deployment.invoke("billing", event)["statusCode"] == 400
    event["body"] = "no base64"
    assert deployment.invoke("billing", event)["statusCode"] == 400


def test_a_byte_order_mark_does_no_harm(deployment: Deployment) -> None:
    assert post(deployment, "\ufeff" + json.dumps(payment()))[0] == 202


# Several at once


def test_a_bad_event_spoils_none_of_its_neighbours(deployment: Deployment) -> None:
    deployment.connect(4564)
    post(deployment, payment("inv-9"))
    texts = [
        json.dumps(payment("inv-1")),
        '{"type":"payment","type":"payment"}',
        "NaN",
        json.dumps(payment("inv-9", amount="1")),
        "1e999999999",
        "9" * 5000,
        json.dumps(payment("inv-2", amount=1e-7)),
        '"]"',
        json.dumps(payment("inv-3")),
    ]
    status, told = post(deployment, f" [\n{' , '.join(texts)} ]\n")
    assert [it["status"] for it in told["results"]] == [202, 400, 400, 409, 400, 400, 400, 400, 202]
    assert status == told["status"] == 409
    deployment.drain()
    assert states(deployment) == dict.fromkeys(
        ("payment#inv-1", "payment#inv-3", "payment#inv-9"), "SENT"
    )


def test_an_event_twice_in_one_list_is_one(deployment: Deployment) -> None:
    deployment.connect(4564)
    status, told = post(deployment, [payment(), payment(), payment(amount="1")])
    assert (status, [it["status"] for it in told["results"]]) == (409, [202, 202, 409])
    deployment.drain()
    assert len(deployment.simulator.payments(4564)) == 1


def test_what_aws_does_not_store_is_told_by_event(deployment: Deployment, memory: Memory) -> None:
    deployment.connect(4564)

    def unwilling(operation: str, asked: Any) -> None:
        if operation == "PutItem" and asked["Item"]["key"] == {"S": "payment#inv-2"}:
            raise refusal(operation, "ProvisionedThroughputExceededException", "slower")

    memory.before = unwilling
    events = [payment("inv-1"), payment("inv-2"), payment("inv-3")]
    status, told = post(deployment, events)
    assert (status, [it["status"] for it in told["results"]]) == (503, [202, 503, 202])
    memory.before = None
    assert post(deployment, events)[0] == 202
    deployment.drain()
    assert len(deployment.simulator.payments(4564)) == 3


def test_what_there_is_no_time_for_is_told_by_event(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter(range(0, 1000, 3))
    monkeypatch.setattr(
        "functions.billing.api.time", SimpleNamespace(monotonic=lambda: next(seconds))
    )
    status, told = post(deployment, [payment(f"inv-{number}") for number in range(5)])
    assert (status, [it["status"] for it in told["results"]]) == (503, [202, 202, 503, 503, 503])
    assert len(states(deployment)) == 2


def test_too_much_at_once_is_refused_before_any_of_it_is_done(deployment: Deployment) -> None:
    few = [payment(f"inv-{number}") for number in range(api.MOST_EVENTS)]
    assert post(deployment, [*few, payment("inv-100")])[0] == 413
    assert post(deployment, "[" + "1," * 130_000 + "1]")[0] == 413
    assert post(deployment, json.dumps(payment()) + " " * api.LONGEST_BODY)[0] == 413
    assert states(deployment) == {}
    status, told = post(deployment, few)
    assert (status, len(told["results"])) == (202, 100)


# The key


@pytest.mark.parametrize("key", ["", "wrong", KEY[:-1], f"{KEY}x", "\ud800", "й"])
def test_nothing_without_the_key(deployment: Deployment, key: str) -> None:
    # It is the first that is looked at, whatever the body is.
    for body in (payment(), "{", "[" + "1," * 200_000 + "1]"):
        assert post(deployment, body, key)[0] == 401
    assert deployment.look_up("inv-1", key=key)[0] == 401
    assert states(deployment) == {}


def test_the_portals_key_is_none_of_billing(deployment: Deployment) -> None:
    deployment.set_portal_key("portal-key-of-more-than-32-characters")
    assert post(deployment, payment(), "portal-key-of-more-than-32-characters")[0] == 401


def test_while_the_key_is_changed_both_hold(deployment: Deployment) -> None:
    deployment.set_billing_key(f"{KEY}-new", KEY)
    deployment.restart()
    assert [post(deployment, payment(), key)[0] for key in (KEY, f"{KEY}-new")] == [202, 202]


def test_it_may_be_a_password(deployment: Deployment) -> None:
    event = http_event("POST", "/billing", body=json.dumps(payment()))
    basic = base64.b64encode(f"billing:{KEY}".encode()).decode()
    event["headers"]["authorization"] = f"Basic {basic}"
    assert deployment.invoke("billing", event)["statusCode"] == 202


def test_strangers_cost_no_question_while_there_is_no_key(
    deployment: Deployment, memory: Memory
) -> None:
    asked: list[str] = []

    def before(operation: str, _asked: Any) -> None:
        asked.append(operation)

    deployment.restart(
        BILLING_KEY_PARAMETER="/altegio/none-yet", STRIPE_SECRET_PARAMETER="/altegio/nor-this"
    )
    memory.before = before
    assert [post(deployment, payment())[0] for _ in range(20)] == [401] * 20
    headers = {"stripe-signature": "t=1,v1=" + "0" * 64}
    for _ in range(20):
        answer = deployment.post_billing("{}", path="/billing/stripe", headers=headers)
        assert answer[0] == 401
    assert asked == ["GetParameter"] * 2


def test_a_key_that_cannot_be_read_is_no_wrong_key(
    deployment: Deployment, memory: Memory, logged: Callable[[], str]
) -> None:
    def outage(operation: str, _asked: Any) -> None:
        if operation == "GetParameter":
            raise refusal(operation, "ThrottlingException", "Rate exceeded")

    memory.before = outage
    event = http_event("POST", "/billing", body=json.dumps(payment()))
    event["headers"]["authorization"] = f"Bearer {KEY}"
    answer = deployment.invoke("billing", event)
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "60")
    assert '"TokenUnreadable":[1.0]' in logged()


# How often


def test_billing_has_an_allowance_of_its_own_and_is_told_when_it_is_used_up(
    deployment: Deployment,
) -> None:
    for number in range(40):
        assert post(deployment, payment(f"inv-{number}"))[0] == 202
    event = http_event("POST", "/billing", body=json.dumps(payment("inv-40")))
    event["headers"]["authorization"] = f"Bearer {KEY}"
    answer = deployment.invoke("billing", event)
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (429, "1")
    assert deployment.look_up("inv-1", key=KEY)[0] == 429
    assert "payment#inv-40" not in states(deployment)
    assert post(deployment, payment("inv-40"), key="guessed")[0] == 401
    deployment.clock.advance(seconds=1)
    assert [post(deployment, payment(f"inv-4{it}"))[0] for it in range(10)] == [202] * 10


def test_a_stranger_is_answered_without_a_question_to_aws(
    deployment: Deployment, memory: Memory
) -> None:
    """So there is nothing that a flood of them could use up behind the throttle of the route."""
    asked: list[str] = []
    post(deployment, payment(), key="guessed")
    memory.before = lambda operation, _asked: asked.append(operation)
    for _ in range(50):
        assert post(deployment, payment(), key="guessed")[0] == 401
        assert deployment.look_up("inv-1", key="")[0] == 401
    assert asked == []


def test_what_cannot_be_counted_comes_again(deployment: Deployment, memory: Memory) -> None:
    def outage(operation: str, _asked: Any) -> None:
        if operation == "UpdateItem":
            raise EndpointConnectionError(endpoint_url="dynamodb")

    memory.before = outage
    assert post(deployment, payment())[0] == 503
    memory.before = None
    assert states(deployment) == {}
    assert post(deployment, payment())[0] == 202


# How one stands


def test_an_unknown_event_is_not_found(deployment: Deployment) -> None:
    for event_id in ("inv-1", "", "/", "a\u202eb", "x" * 201, "a\0b", "../inv", "%00"):
        assert deployment.look_up(event_id, key=KEY)[0] == 404


@pytest.mark.parametrize(
    "event_id", ["inv-1", "Счёт-12/2026 #1", "a/b//c", "/a", "50%", "%41", "✓?"]
)
def test_any_event_can_be_looked_up(deployment: Deployment, event_id: str) -> None:
    post(deployment, payment(event_id))
    status, told = deployment.look_up(event_id, key=KEY)
    assert (status, told["event_id"], told["payment"]["state"]) == (200, event_id, "PENDING")
    event = http_event("GET", "/billing")
    event["rawQueryString"] = urlencode({"event_id": event_id})
    event["headers"]["authorization"] = f"Bearer {KEY}"
    assert json.loads(deployment.invoke("billing", event)["body"]) == told


def test_a_payment_and_a_refund_may_have_one_name(deployment: Deployment) -> None:
    deployment.connect(4564)
    post(deployment, payment("1"))
    deployment.drain()
    post(deployment, refund("1", of="1"))
    told = deployment.look_up("1", key=KEY)[1]
    assert (told["payment"]["state"], told["refund"]["state"]) == ("SENT", "PENDING")
    assert told["payment"]["platform_id"] == deployment.simulator.payments(4564)[0].id
    assert told["refund"]["next"].startswith("it is sent when due")


# Misfortunes


class Died(BaseException):
    """The function ended there."""


@dataclass
class World:
    """A stack whose billing function may die at any of its calls to AWS."""

    deployment: Deployment
    memory: Memory
    taken: set[tuple[str, str]] = field(default_factory=set)

    def billed(self, by: str, event: dict[str, Any]) -> None:
        if by == "queue":
            self.deployment.sqs.send_message(
                QueueUrl=self.deployment.queues["BillingQueue"], MessageBody=json.dumps(event)
            )
        elif post(self.deployment, [event] if by == "list" else event)[0] == 202:
            self.taken.add((event["event_id"], event["amount"]))

    def dies(self, at: int, *, after: bool) -> None:
        """At its call of this number, before or after it was done; at none with 0."""
        left = at

        def call(_operation: str, _asked: Any) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Died

        self.memory.before, self.memory.after = (None, call) if after else (call, None)

    def lives(self) -> None:
        self.memory.before = self.memory.after = None


# What billing does: by which way, which event, with which sum, and the call at which we die.
_POSTS = st.tuples(
    st.sampled_from(["http", "list", "queue"]),
    st.sampled_from(["inv-1", "inv-2"]),
    st.sampled_from(["10", "10", "20"]),
    st.integers(0, 5),
    st.booleans(),
)
_TIME_PASSES = st.sampled_from(["drain", "minute"])


@given(st.lists(_POSTS | _TIME_PASSES, min_size=2, max_size=9))
def test_whatever_dies_nothing_is_doubled_and_nothing_that_was_taken_is_lost(
    steps: list[Any],
) -> None:
    with pytest.MonkeyPatch.context() as patches:
        clock = Clock()
        memory = Memory(clock)
        patches.setattr("shared.clock.now", clock)
        patches.setattr("boto3.Session", lambda: memory)
        patches.setattr("shared.aws.session.get_session", lambda: Session(memory.client))
        with Simulator(redirect_url="https://provider.example/connect") as simulator:
            simulator.platform.now = clock
            deployment = Deployment(simulator, clock, patches)
            deployment.set_billing_key(KEY)
            deployment.connect(4564)
            _judged(_played(World(deployment, memory), steps))


def _played(world: World, steps: list[Any]) -> World:
    deployment = world.deployment
    for step in steps:
        if step == "drain":
            deployment.drain()
        elif step == "minute":
            deployment.let_time_pass(1)
        else:
            by, name, amount, at, after = step
            world.dies(at, after=after)
            try:
                world.billed(by, payment(name, amount=amount))
            except Died:
                deployment.restart()
            world.lives()
    deployment.let_time_pass(10)
    return world


def _judged(world: World) -> None:
    names = [name for name, _ in world.taken]
    assert len(names) == len(set(names)), "two sums were taken under one id"
    for name, amount in world.taken:
        entry = world.deployment.entry(f"payment#{name}")
        assert (entry.state, entry.payment.amount) == (EntryState.SENT, Decimal(amount))
    sent = world.deployment.simulator.payments(4564)
    assert len(sent) == len(states(world.deployment))
